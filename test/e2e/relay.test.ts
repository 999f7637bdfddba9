import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { freePort } from '../../demo/free-port.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import { type Running, run, start } from '../support/process.ts'
import { ask, echoServer } from '../support/sockets.ts'
import { until } from '../support/workers.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * What a relay must carry, under a certificate that permits all of it: the ways in which people and programs use ssh, each
 * with the stock client through the gateway to a real sshd.
 */
const everything: Extensions = {
  'permit-pty': '',
  'permit-shell@regate': '',
  'permit-exec@regate': ['*'],
  'permit-subsystem@regate': ['sftp', 'nosuch'],
  'permit-port-forwarding': '',
  'permit-socket@regate': { open: ['/**'], listen: ['/**'] },
  'permit-agent-forwarding': '',
  'permit-X11-forwarding': '',
  'permit-user-rc': '',
}

let world: World
let big: string
const bigBytes = 30 * 1024 * 1024
before(async () => {
  world = await startWorld({ certificates: { all: { extensions: everything, ttl: 300 } } })
  big = world.workspace.path('big')
  writeFileSync(big, randomBytes(bigBytes))
  assert.equal((await world.ssh('all', ['true'])).code, 0)
})
after(() => world[Symbol.asyncDispose]())

const digest = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')
/** ssh as a background process, until it is disposed of. */
const background = (...args: string[]): Running => start('ssh', ['-v', '-F', world.config, ...args, 'all'])
const shell = (command: string, seconds = 80) =>
  run('bash', ['-c', command], { seconds, env: { F: world.config, BIG: big, W: world.workspace.folder } })

const commands: [rule: string, command: string, out: string, code?: number][] = [
  [
    'stdin, stdout, stderr and the exit code',
    `echo hello | ssh -F $F all 'cat; echo err >&2; exit 7' 2>&1`,
    'hello\nerr\n',
    7,
  ],
  ['a command without stdin', `ssh -F $F -n all 'echo x'`, 'x\n'],
  [
    'an exit code after the end of stdin',
    `for n in 1 2 3 4 5 6 7 8 9 10; do ssh -F $F all 'exit 3' </dev/null; echo -n $?; done`,
    '3333333333',
  ],
  ['a command whose arguments are no UTF-8', `ssh -F $F all $'printf %s \\xff\\xfe' | od -An -tx1`, ' ff fe\n'],
  [
    'a command of 100,000 bytes',
    `ssh -F $F all "echo -n $(head -c 100000 /dev/zero | tr '\\0' x) | wc -c"`,
    '100000\n',
  ],
  ['death by a signal', `ssh -F $F all 'kill -9 $$'; echo $?`, '255\n'],
  ['which is reported as such', `ssh -v -F $F all 'kill -TERM $$' 2>&1 | grep -c 'exit-signal'`, '1\n'],
  [
    'a pipe whose reader goes away',
    `timeout 60 ssh -F $F all yes 2>/dev/null | head -1; echo \${PIPESTATUS[0]}`,
    'y\n255\n',
  ],
  ['the environment', `LC_FOO=bar ssh -F $F -o SendEnv=LC_FOO all 'echo $LC_FOO'`, 'bar\n'],
  ['-T and -N are honoured: no program, no terminal', `timeout 2 ssh -T -N -F $F all; echo $?`, '124\n'],
  [
    '30 MB to stdin',
    `ssh -F $F all sha256sum < $BIG | cut -d' ' -f1 > $W/o; sha256sum < $BIG | cut -d' ' -f1 | cmp - $W/o && echo same`,
    'same\n',
  ],
  ['30 MB from stdout', `ssh -F $F all "cat $BIG" </dev/null | cmp - $BIG && echo same`, 'same\n'],
  ['30 MB from stderr', `ssh -F $F all "cat $BIG >&2" </dev/null 2>&1 >/dev/null | cmp - $BIG && echo same`, 'same\n'],
  [
    'the client’s key changes under load, down',
    `ssh -o RekeyLimit=1M -F $F all "cat $BIG" </dev/null | cmp - $BIG && echo same`,
    'same\n',
  ],
  ['and up', `ssh -o RekeyLimit=1M -F $F all "cmp - $BIG" < $BIG && echo same`, 'same\n'],
  ['compression that is asked for and not had', `ssh -C -F $F all 'echo x'`, 'x\n'],
  ['keepalives every second', `ssh -o ServerAliveInterval=1 -F $F all 'sleep 2.5; echo alive'`, 'alive\n'],
  [
    'a subsystem that the target lacks',
    `ssh -F $F -s all nosuch 2>&1 </dev/null; echo $?`,
    'subsystem request failed on channel 0\r\n255\n',
  ],
  [
    'the target’s host keys are not learnt as ours',
    `ssh -v -o UpdateHostKeys=yes -F $F all true 2>&1 | grep -c hostkeys-00`,
    '0\n',
    0,
  ],
  [
    'ssh -W',
    `W=$W; ssh -F $F -W 127.0.0.1:$(grep -h ^Port $W/sshd-config | cut -d' ' -f2) all </dev/null | head -c 8`,
    'SSH-2.0-',
  ],
  [
    'ssh -J through it, to the target’s own sshd',
    `ssh -F $F -J all -o HostKeyAlias=x -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p $(grep -h ^Port $W/sshd-config | cut -d' ' -f2) -l nobody 127.0.0.1 true 2>&1 | grep -c 'Permission denied (publickey)'`,
    '1\n',
  ],
  ['scp, there', `scp -q -F $F $BIG all:$W/scp1 && cmp $BIG $W/scp1 && echo same`, 'same\n'],
  ['and back', `scp -q -F $F all:$BIG $W/scp2 && cmp $BIG $W/scp2 && echo same`, 'same\n'],
  ['scp by the old protocol, there', `scp -q -O -F $F $BIG all:$W/scp3 && cmp $BIG $W/scp3 && echo same`, 'same\n'],
  ['and back', `scp -q -O -F $F all:$BIG $W/scp4 && cmp $BIG $W/scp4 && echo same`, 'same\n'],
  [
    'sftp, there',
    `echo "put $BIG $W/sftp1" | sftp -q -F $F -b - all >/dev/null && cmp $BIG $W/sftp1 && echo same`,
    'same\n',
  ],
  [
    'and back',
    `echo "get $BIG $W/sftp2" | sftp -q -F $F -b - all >/dev/null && cmp $BIG $W/sftp2 && echo same`,
    'same\n',
  ],
  [
    'sftp with tiny buffers',
    `head -c 300000 $BIG > $W/small; echo "put $W/small $W/sftp3" | sftp -q -B 512 -R 2 -F $F -b - all >/dev/null && cmp $W/small $W/sftp3 && echo same`,
    'same\n',
  ],
  ['rsync', `rsync -e "ssh -F $F" $BIG all:$W/rsync1 && cmp $BIG $W/rsync1 && echo same`, 'same\n'],
  [
    'git',
    `export GIT_CONFIG_GLOBAL=/dev/null; git init -q --bare $W/repo.git && git init -q $W/work && cd $W/work && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one && GIT_SSH_COMMAND="ssh -F $F" git push -q all:$W/repo.git HEAD:refs/heads/main && GIT_SSH_COMMAND="ssh -F $F" git clone -q -b main all:$W/repo.git $W/clone && git -C $W/clone log --format=%s`,
    'one\n',
  ],
]
for (const [rule, command, out, code = 0] of commands)
  test(rule, async () => {
    const done = await shell(command)
    assert.equal(done.stdout, out, done.stderr)
    assert.ok(done.code === code || code === 0, `${done.code}`)
  })

test('200 MB through stdout and stderr at once, both slow to be read at first', { timeout: 300_000 }, async () => {
  const megabytes = 100
  const source = `head -c ${megabytes}M /dev/zero`
  const done = await shell(
    `ssh -F $F all '(${source} | tr "\\0" a & ${source} | tr "\\0" b >&2; wait)' </dev/null 2> >(sleep 1; sha256sum > $W/err) | (sleep 1; sha256sum > $W/out); wait; while [ ! -s $W/err ]; do sleep 0.05; done; cat $W/out $W/err`,
    240,
  )
  const expected = (letter: string): string => digest(Buffer.alloc(megabytes * 1024 * 1024, letter))
  assert.deepEqual(done.stdout.match(/^\S+/gm), [expected('a'), expected('b')], done.stderr)
})

test('a terminal has the client’s size, name and modes', async () => {
  const script = `stty rows 33 cols 99 intr ^X -echoctl erase ^H; ssh -tt -F $F all 'stty -a; echo T=$TERM'`
  const done = await run('script', ['-qec', script, '/dev/null'], { env: { F: world.config, TERM: 'xterm-256color' } })
  for (const part of [/rows 33; columns 99/, /intr = \^X/, /erase = \^H/, /-echoctl/, /T=xterm-256color/])
    assert.match(done.stdout, part)
})
test('its size follows the client’s, and so do ^C and a break', async () => {
  const [socket, log] = [`regate-${process.pid}`, world.workspace.path('tmux.log')]
  const tmux = (...args: string[]) => run('tmux', ['-L', socket, '-f', '/dev/null', ...args])
  const shows = async (look: () => Promise<string>, pattern: RegExp): Promise<void> =>
    assert.match(await until(look, (text) => pattern.test(text)), pattern)
  const screen = async (): Promise<string> => (await tmux('capture-pane', '-p')).stdout
  await tmux('new-session', '-d', '-x', '80', '-y', '24', `ssh -vv -tt -F ${world.config} all 2>${log}`)
  try {
    await shows(screen, /[$#]\s*$/m)
    await tmux('send-keys', 'stty size', 'Enter')
    await shows(screen, /^24 80$/m)
    await tmux('resize-window', '-x', '100', '-y', '40')
    await tmux('send-keys', 'stty size', 'Enter')
    await shows(screen, /^40 100$/m)
    await tmux('send-keys', 'echo sleep$((1+1)); sleep 100', 'Enter')
    await shows(screen, /^sleep2$/m)
    await tmux('send-keys', 'C-c', '')
    await tmux('send-keys', 'echo in$((1+1))terrupted', 'Enter')
    await shows(screen, /^in2terrupted$/m)
    await tmux('send-keys', 'Enter', '~', 'B')
    await shows(async () => readFileSync(log, 'utf8'), /request break confirm/)
  } finally {
    await tmux('kill-server')
  }
})

// Forwards

test('-L carries 5 MB, and the answer after the end of it', async () => {
  await using server = await echoServer({ port: 0 })
  const port = await freePort()
  await using ssh = background('-N', '-L', `127.0.0.1:${port}:127.0.0.1:${server.port}`)
  await ssh.line(/Entering interactive session|pledge/)
  assert.equal(await ask({ port }, Buffer.alloc(5_000_000, 'x')), `5000000 ${'x'.repeat(16)}`)
})
test('-L carries on after the server has said its last word', async () => {
  const received = Promise.withResolvers<number>()
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.end('bye')
    let length = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) length += chunk.length
    received.resolve(length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: target } = server.address() as { port: number }
  const port = await freePort()
  await using ssh = background('-N', '-L', `127.0.0.1:${port}:127.0.0.1:${target}`)
  await ssh.line(/Entering interactive session|pledge/)
  const done = await run('python3', [
    '-c',
    `import socket,time
c=socket.create_connection(('127.0.0.1',${port})); d=c.recv(3); e=c.recv(3); c.sendall(b'y'*1000000); c.close(); print(d.decode(),e)`,
  ])
  assert.equal(done.stdout, "bye b''\n")
  assert.equal(await received.promise, 1_000_000)
  server.close()
})
test('-D is a SOCKS proxy', async () => {
  await using server = await echoServer({ port: 0 })
  const port = await freePort()
  await using ssh = background('-N', '-D', `127.0.0.1:${port}`)
  await ssh.line(/Entering interactive session|pledge/)
  const done = await run('python3', [
    '-c',
    `import socket,struct
c=socket.create_connection(('127.0.0.1',${port})); c.sendall(b'\\5\\1\\0'); c.recv(2); c.sendall(b'\\5\\1\\0\\1'+bytes([127,0,0,1])+struct.pack('>H',${server.port})); c.recv(10); c.sendall(b'abc'); c.shutdown(1); print(c.recv(100).decode())`,
  ])
  assert.equal(done.stdout, '3 abc\n')
})
test('-R carries 5 MB, and the answer after the end of it', async () => {
  await using server = await echoServer({ port: 0 })
  const port = await freePort()
  await using ssh = background('-N', '-R', `127.0.0.1:${port}:127.0.0.1:${server.port}`)
  await ssh.line(/remote forward success/)
  assert.equal(await ask({ port }, Buffer.alloc(5_000_000, 'x')), `5000000 ${'x'.repeat(16)}`)
})
test('-R with a port of the target’s choice', async () => {
  await using server = await echoServer({ port: 0 })
  await using ssh = background('-N', '-R', `0:127.0.0.1:${server.port}`)
  const port = Number(/Allocated port (\d+)/.exec(await ssh.line(/Allocated port/))?.[1])
  assert.equal(await ask({ port }), '2 hi')
})
test('Unix sockets, both ways', async () => {
  const [near, far, back] = ['near', 'far', 'back'].map((name) => world.workspace.path(`${name}.sock`)) as [
    string,
    string,
    string,
  ]
  await using _server = await echoServer({ path: far })
  await using ssh = background('-N', '-L', `${near}:${far}`, '-R', `${back}:${far}`)
  await ssh.line(/remote forward success/)
  assert.equal(await ask({ path: near }), '2 hi')
  assert.equal(await ask({ path: back }), '2 hi')
})
test('-A brings the agent with its keys', async () => {
  const socket = world.workspace.path('agent')
  await using agent = start('ssh-agent', ['-D', '-a', socket])
  await agent.line(/SSH_AUTH_SOCK/)
  const key = world.workspace.key('in-agent')
  const done = await shell(
    `export SSH_AUTH_SOCK=${socket}; ssh-add -q ${key}; ssh -A -o IdentityAgent=${socket} -F $F all 'ssh-add -l'`,
  )
  assert.match(done.stdout, /SHA256:\S+ in-agent \(ED25519\)/, done.stderr)
})
test('ControlMaster: five at once on one connection, a forward added, and an orderly end', async () => {
  const control = world.workspace.path('mux')
  await using server = await echoServer({ port: 0 })
  await using master = background('-N', '-M', '-S', control)
  await master.line(/Entering interactive session|pledge/)
  const one = (number: number) =>
    shell(`ssh -F $F -S ${control} -o ProxyCommand=false all 'echo m${number}; exit ${number}'`)
  const done = await Promise.all([1, 2, 3, 4, 5].map(one))
  assert.deepEqual(
    done.map(({ stdout, code }) => [stdout, code]),
    [1, 2, 3, 4, 5].map((number) => [`m${number}\n`, number]),
  )
  const port = await freePort()
  await shell(`ssh -F $F -S ${control} -O forward -L 127.0.0.1:${port}:127.0.0.1:${server.port} all`)
  assert.equal(await ask({ port }), '2 hi')
  await shell(`ssh -F $F -S ${control} -O exit all`)
  assert.notEqual(await master.ended(), null)
})

test('a directory of many small files by sftp and rsync', async () => {
  const tree = world.workspace.path('tree')
  mkdirSync(tree)
  for (let file = 0; file < 200; file++) writeFileSync(`${tree}/${file}`, `${file}`)
  const done = await shell(
    `scp -q -r -F $F ${tree} all:$W/tree2 && diff -r ${tree} $W/tree2 && rsync -a -e "ssh -F $F" ${tree}/ all:$W/tree3/ && diff -r ${tree} $W/tree3 && echo same`,
  )
  assert.equal(done.stdout, 'same\n', done.stderr)
})

test('every certificate that sshd accepted is in the decision log', async () => {
  const accepted = world.sshd.log.flatMap(
    (line) => /Accepted publickey .* ID (\S+) \(serial (\d+)\)/.exec(line)?.slice(1, 3).join(' ') ?? [],
  )
  const logged = (await world.events()).map(
    ({ mapped_result: { certificate } }) => `${certificate?.key_id} ${certificate?.serial}`,
  )
  assert.ok(accepted.length > 20)
  assert.deepEqual(
    accepted.filter((one) => !logged.includes(one)),
    [],
  )
})

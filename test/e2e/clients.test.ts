import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { asyncssh } from '../support/clients/asyncssh.ts'
import { goClient } from '../support/clients/go-client.ts'
import { openSsh10 } from '../support/openssh10.ts'
import { type Running, start } from '../support/process.ts'
import { startWorld, type World } from '../support/world.ts'

/* Whatever people log in with: the first time by a code, from then on by their key alone. docs/clients.md has the results. */

/** A program and its arguments for each thing that is tried; each prints what it got. */
interface Client {
  readonly exec: readonly string[]
  /** Prints the file `greeting` of the host, or, of a client that has no sftp of its own, the answer of the subsystem. */
  readonly sftp: readonly string[]
  readonly sftpSays: RegExp
  readonly forward: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}
const route = 'db1'
const asked = 'echo ran as "$(id -un 2>/dev/null)"; exit 3'
const greeting = /^hello from the host$/

let world: World
let server: Server
before(async () => {
  world = await startWorld({
    certificates: {
      [route]: {
        extensions: {
          'permit-exec@regate': ['*'],
          'permit-subsystem@regate': ['sftp'],
          'permit-port-forwarding': '',
        },
      },
    },
  })
  writeFileSync(join(world.sshd.home, 'greeting'), 'hello from the host\n')
  server = createServer((socket) => socket.on('error', () => {}).end('through the host\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(async () => {
  server.close()
  await world[Symbol.asyncDispose]()
})

const port = (): number => (server.address() as { port: number }).port
const user = `postgres@${route}`

const clients: readonly [name: string, make: (key: string, own: string) => Client | Promise<Client>][] = [
  ['OpenSSH', (key) => openssh(key)],
  ['OpenSSH 10', (key) => openssh(key, openSsh10)],
  ['PuTTY', putty],
  ['Dropbear', dropbear],
  ['paramiko', (key) => python('paramiko', key)],
  ['asyncssh', (key) => python('asyncssh', key)],
  ['asyncssh of PyPI', (key) => python('asyncssh', key, asyncssh)],
  ['Go x/crypto', go],
]
for (const [name, make] of clients)
  test(`${name}: login by a code, exec, sftp and a forward`, async (t) => {
    const own = `client-${name.replace(/\W/g, '')}`
    const client = await make(world.workspace.key(own), own)
    await t.test('the first login shows a code, and goes on once it is approved', async () => {
      await using first = begin(client.exec, client.env)
      const [, code = ''] = /Code {3}(\S+)/.exec(await first.line(/Code {3}\S+/)) ?? []
      await world.issuer.approve(code, 'alice')
      await first.line(/^ran as /)
      await first.ended()
    })
    await t.test('then it takes the key alone', async () => {
      await using again = begin(client.exec, client.env)
      await again.line(/^ran as /)
      await again.ended()
      assert.ok(!again.lines.some((line) => line.includes('Code   ')), again.lines.join('\n'))
    })
    await t.test('sftp', async () => {
      await using sftp = begin(client.sftp, client.env)
      await sftp.line(client.sftpSays)
      await sftp.ended()
    })
    await t.test('a forward', async () => {
      await using forward = begin(client.forward, client.env)
      await forward.line(/^through the host/)
    })
  })

function begin([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return start(program, args, env)
}

function openssh(key: string, { ssh, sftp } = { ssh: 'ssh', sftp: 'sftp -S ssh' }): Client {
  const options = ['-F', world.config, '-i', key, '-o', `User=${user}`]
  const get = `echo 'get greeting ${key}.got' | ${sftp} -q ${options.join(' ')} -b - ${route}`
  return {
    exec: [ssh, ...options, route, asked],
    sftp: ['sh', '-c', `${get} && cat ${key}.got`],
    sftpSays: greeting,
    forward: [ssh, ...options, '-W', `127.0.0.1:${port()}`, route],
  }
}

test('OpenSSH 10 takes the key exchange that is post-quantum, and has nothing to warn of', async () => {
  const [program = '', ...args] = openssh(world.workspace.path('alice'), openSsh10).exec
  await using first = begin([program, ...args])
  const [, code = ''] = /Code {3}(\S+)/.exec(await first.line(/Code {3}\S+/)) ?? []
  await world.issuer.approve(code, 'alice')
  await first.line(/^ran as /)
  await first.ended()
  await using again = begin([program, '-v', ...args])
  await again.line(/kex: algorithm: mlkem768x25519-sha256/)
  await again.line(/^ran as /)
  await again.ended()
  for (const said of [...first.lines, ...again.lines]) assert.doesNotMatch(said, /warning|post-quantum/i)
})

test('asyncssh of PyPI does too', async () => {
  const key = world.workspace.key('post-quantum')
  const [, , fingerprint = ''] =
    /^(\d+) (\S+)/.exec(execFileSync('ssh-keygen', ['-lf', key], { encoding: 'utf8' })) ?? []
  const { exec, env } = python('asyncssh', key, asyncssh)
  await using client = begin(exec, env)
  const [, code = ''] = /Code {3}(\S+)/.exec(await client.line(/Code {3}\S+/)) ?? []
  await world.issuer.approve(code, 'alice')
  await client.line(/^ran as /)
  await client.ended()
  const asked = (await world.events()).filter(({ input }) => input.key?.fingerprint === fingerprint)
  assert.deepEqual([...new Set(asked.map(({ input }) => input.connection.kex))], ['mlkem768x25519-sha256'])
})

/** plink and psftp, which want the key in a format of their own. */
function putty(key: string, own: string): Client {
  const ppk = `${key}.ppk`
  execFileSync('puttygen', [key, '-O', 'private', '-o', ppk])
  const fingerprint = execFileSync('ssh-keygen', ['-lf', world.workspace.path('gateway-host.pub')], {
    encoding: 'utf8',
  })
  const [, hostKey = ''] = fingerprint.split(' ')
  const options = ['-P', `${world.gateway.sshPort}`, '-i', ppk, '-hostkey', hostKey]
  const script = world.workspace.write(`${own}.psftp`, `get greeting ${world.workspace.path(`${own}.got`)}\n`)
  const psftp = ['psftp', '-batch', '-b', script, ...options, '-l', user, '127.0.0.1'].join(' ')
  return {
    exec: ['plink', '-ssh', ...options, '-l', user, '127.0.0.1', asked],
    sftp: ['sh', '-c', `${psftp} && cat ${world.workspace.path(`${own}.got`)}`],
    sftpSays: greeting,
    forward: ['plink', '-ssh', '-batch', ...options, '-l', user, '-nc', `127.0.0.1:${port()}`, '127.0.0.1'],
    env: { HOME: world.workspace.folder },
  }
}

/** It has no sftp of its own: OpenSSH's goes over it. */
function dropbear(key: string, own: string): Client {
  execFileSync('dropbearconvert', ['openssh', 'dropbear', key, `${key}.db`], { stdio: 'ignore' })
  const options = ['-y', '-i', `${key}.db`, '-p', `${world.gateway.sshPort}`, '-l', user]
  const sftp = `#!/bin/sh\nexec dbclient ${options.join(' ')} -s 127.0.0.1 sftp\n`
  const carrier = world.workspace.write(`${own}.sh`, sftp, 0o700)
  return {
    exec: ['dbclient', ...options, '127.0.0.1', asked],
    sftp: ['sh', '-c', `echo 'get greeting ${key}.got' | sftp -q -b - -D ${carrier} && cat ${key}.got`],
    sftpSays: greeting,
    forward: ['dbclient', ...options, '-B', `127.0.0.1:${port()}`, '127.0.0.1'],
    env: { HOME: world.workspace.folder },
  }
}

const scripts = join(import.meta.dirname, '..', 'support', 'clients')
const common = (key: string): string[] => [
  `${world.gateway.sshPort}`,
  key,
  world.workspace.path('gateway-host.pub'),
  user,
]

/** Debian's own Python, for which Debian's packages are; another folder of packages goes before those. */
function python(library: string, key: string, packages?: string): Client {
  const program = ['/usr/bin/python3', join(scripts, `${library}_client.py`), ...common(key)]
  return {
    exec: [...program, 'exec', asked],
    sftp: [...program, 'sftp', 'greeting'],
    sftpSays: greeting,
    forward: [...program, 'forward', '127.0.0.1', `${port()}`],
    ...(packages === undefined ? {} : { env: { PYTHONPATH: packages } }),
  }
}

/** The library has no sftp: the subsystem's first answer shows that it is there. */
async function go(key: string): Promise<Client> {
  const program = [await goClient(), ...common(key)]
  return {
    exec: [...program, 'exec', asked.replace('; exit 3', '')],
    sftp: [...program, 'sftp'],
    sftpSays: /^sftp: message 2, version 3$/,
    forward: [...program, 'forward', `127.0.0.1:${port()}`],
  }
}

test('docs/clients.md names each of them', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'clients.md'), 'utf8')
  for (const [name] of clients) assert.ok(page.includes(`| ${name} `), name)
})

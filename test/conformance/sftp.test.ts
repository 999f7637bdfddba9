import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { start } from '../support/process.ts'
import { copyData, init, request } from '../support/sftp.ts'
import { startWorld, type World } from '../support/world.ts'

/*
 * `permit-sftp@regate: "read"` beside `sftp-server -R`, and `"write"` beside one without: each request is put to the gateway, with
 * a target that would allow it, and to OpenSSH's own server for the same files. The rule is one-sided, as for requests.ts.
 */
type Mode = 'read' | 'write'
const modes: readonly Mode[] = ['read', 'write']
const PERMISSION_DENIED = 3
const OP_UNSUPPORTED = 8

let world: World
before(async () => {
  const certificate = (mode: Mode) => ({ ttl: 300, extensions: { 'permit-sftp@regate': mode } })
  world = await startWorld({ certificates: { read: certificate('read'), write: certificate('write') } })
  await world.ssh('read', ['-s', 'sftp']) // one sign-in for the whole file
})
after(() => world[Symbol.asyncDispose]())

/** The same at the start of every row. */
function lay(): void {
  const { home } = world.sshd
  for (const name of ['file', 'folder', 'empty', 'link', 'new'])
    rmSync(join(home, name), { recursive: true, force: true })
  for (const name of ['folder', 'empty']) mkdirSync(join(home, name))
  for (const name of ['file', 'folder/inner']) writeFileSync(join(home, name), name)
  symlinkSync('file', join(home, 'link'))
}

interface Server extends AsyncDisposable {
  /** The answer to one request: its type, and what follows the id. */
  ask(message: Buffer): Promise<{ readonly type: number; readonly rest: Buffer }>
}

async function begin(command: string, args: readonly string[]): Promise<Server> {
  const running = start(command, args)
  const { stdin, stdout } = running.child
  if (stdin === null || stdout === null) return assert.fail('no pipes')
  let received = Buffer.alloc(0)
  let wake = (): void => {}
  stdout.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  const ended = running.ended().then(() => wake())
  const next = async (): Promise<Buffer> => {
    while (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) {
      assert.equal(running.child.exitCode, null, running.lines.join('\n'))
      await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))])
    }
    const length = 4 + received.readUInt32BE(0)
    const whole = received.subarray(4, length)
    received = received.subarray(length)
    return whole
  }
  stdin.write(init())
  assert.equal((await next())[0], 2, 'a version')
  return {
    async ask(message) {
      stdin.write(message)
      const answer = await next()
      return { type: answer[0] ?? 0, rest: answer.subarray(5) }
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
const throughGateway = (mode: Mode): Promise<Server> => begin('ssh', ['-F', world.config, '-s', mode, 'sftp'])
const straight = (mode: Mode): Promise<Server> =>
  begin('/usr/lib/openssh/sftp-server', ['-d', world.sshd.home, ...(mode === 'read' ? ['-R'] : [])])

interface Handles {
  /** `file`, opened to read; to write as well where that may be. */
  readonly file: string
  readonly folder: string
}
const flag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const
const u32 = (uint32: number) => ({ uint32 })
const rows: readonly [name: string, make: (handles: Handles) => Buffer][] = [
  ['open to read', () => request.open(9, 'file', flag.read)],
  ['open a link to read', () => request.open(9, 'link', flag.read)],
  ['open to read what is not there', () => request.open(9, 'new', flag.read)],
  ['open to write', () => request.open(9, 'file', flag.write)],
  ['open to read and write', () => request.open(9, 'file', flag.read | flag.write)],
  ['open to append', () => request.open(9, 'file', flag.write | flag.append)],
  ['open to append, without the flag to write', () => request.open(9, 'file', flag.append)],
  ['open to read, and create', () => request.open(9, 'new', flag.read | flag.create)],
  ['open to read, and truncate', () => request.open(9, 'file', flag.read | flag.truncate)],
  ['open to read, exclusively', () => request.open(9, 'file', flag.read | flag.exclusive)],
  ['open with no flag', () => request.open(9, 'file', 0)],
  ['close', ({ file }) => request.close(9, file)],
  ['read', ({ file }) => request.read(9, file)],
  ['write', ({ file }) => request.write(9, file, Buffer.from('x'))],
  ['stat', () => request.stat(9, 'file')],
  ['lstat', () => request.lstat(9, 'link')],
  ['fstat', ({ file }) => request.fstat(9, file)],
  ['setstat', () => request.setstat(9, 'file')],
  ['fsetstat', ({ file }) => request.fsetstat(9, file)],
  ['opendir', () => request.opendir(9, 'folder')],
  ['readdir', ({ folder }) => request.readdir(9, folder)],
  ['remove', () => request.remove(9, 'file')],
  ['mkdir', () => request.mkdir(9, 'new')],
  ['rmdir', () => request.rmdir(9, 'empty')],
  ['realpath', () => request.realpath(9, '.')],
  ['readlink', () => request.readlink(9, 'link')],
  ['rename', () => request.rename(9, 'file', 'new')],
  ['symlink', () => request.symlink(9, 'file', 'new')],
  ['posix-rename', () => request.extended(9, 'posix-rename@openssh.com', 'file', 'new')],
  ['hardlink', () => request.extended(9, 'hardlink@openssh.com', 'file', 'new')],
  ['fsync', ({ file }) => request.extended(9, 'fsync@openssh.com', file)],
  ['lsetstat', () => request.extended(9, 'lsetstat@openssh.com', 'link', u32(0))],
  ['copy-data', ({ file }) => copyData(9, file, file)],
  ['statvfs', () => request.extended(9, 'statvfs@openssh.com', 'file')],
  ['fstatvfs', ({ file }) => request.extended(9, 'fstatvfs@openssh.com', file)],
  ['limits', () => request.extended(9, 'limits@openssh.com')],
  ['expand-path', () => request.extended(9, 'expand-path@openssh.com', '~/file')],
  ['home-directory', () => request.extended(9, 'home-directory', 'postgres')],
  ['users-groups-by-id', () => request.extended(9, 'users-groups-by-id@openssh.com', Buffer.alloc(4), Buffer.alloc(4))],
  ['an extension that nobody knows', () => request.extended(9, 'nosuch@example.com', 'x')],
]

/** Where the gateway says no and OpenSSH yes, on purpose. */
const differences: readonly [name: string, mode: Mode, because: string][] = [
  [
    'open to append, without the flag to write',
    'read',
    'the flag asks for a change; `sftp-server` opens the file to read alone',
  ],
  [
    'open to read, exclusively',
    'read',
    'a flag that only belongs to a file that is made; `sftp-server` leaves it out of account',
  ],
]

/** `no` is a refusal; whether what was allowed then succeeds is the files' matter. */
async function verdict(server: Server, mode: Mode, make: (handles: Handles) => Buffer): Promise<'yes' | 'no'> {
  const handle = async (message: Buffer): Promise<string> => {
    const { type, rest } = await server.ask(message)
    assert.equal(type, 102, 'a handle')
    return rest.subarray(4).toString('latin1')
  }
  const file = await handle(request.open(1, 'file', mode === 'write' ? flag.read | flag.write : flag.read))
  const folder = await handle(request.opendir(2, 'folder'))
  const { type, rest } = await server.ask(make({ file, folder }))
  for (const one of [file, folder]) await server.ask(request.close(3, one))
  return type === 101 && [PERMISSION_DENIED, OP_UNSUPPORTED].includes(rest.readUInt32BE(0)) ? 'no' : 'yes'
}

for (const mode of modes)
  test(`sftp to ${mode}: each request as OpenSSH's server says, but for the differences that are told`, async () => {
    await using gateway = await throughGateway(mode)
    await using direct = await straight(mode)
    const apart: object[] = []
    for (const [name, make] of rows) {
      const said: string[] = []
      for (const server of [gateway, direct]) {
        lay()
        said.push(await verdict(server, mode, make))
      }
      if (said[0] !== said[1]) apart.push({ name, gateway: said[0], openssh: said[1] })
    }
    const told = differences.filter(([, where]) => where === mode)
    assert.deepEqual(
      apart,
      told.map(([name]) => ({ name, gateway: 'no', openssh: 'yes' })),
    )
  })

test('docs/conformance.md has where the gateway is stricter', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'conformance.md'), 'utf8')
  assert.ok(page.replaceAll('\n', ' ').includes(`${rows.length} requests of sftp`), `${rows.length}`)
  for (const [name, mode, because] of differences) {
    const row = `| ${name} | \`"${mode}"\` | ${because} |`
    assert.ok(page.includes(row), `docs/conformance.md lacks:\n${row}`)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { permit } from '../../src/enforcement/permit.ts'
import { SftpGuard } from '../../src/gateway/sftp.ts'
import type { Certificate, Extensions } from '../../src/model/certificate.ts'
import { channelData } from '../../src/ssh/messages.ts'
import { harmless } from '../../src/ssh/sftp-request.ts'
import { aCertificate, at } from '../support/certificate.ts'
import { copyData, init, place, reply, request, versionReply } from '../support/sftp.ts'

type Value = NonNullable<Extensions['permit-sftp@regate']>
const certificateOf = (value: Value): Certificate => aCertificate({ extensions: { 'permit-sftp@regate': value } })

/** A session that has greeted, stands in /home/alice, and has handles `r` and `w` of /out/a and /in/a, `d` of /out. */
function session(value: Value) {
  let certificate = certificateOf(value)
  const refused: string[] = []
  const guard = new SftpGuard(
    { permit: (ask) => permit(certificate, ask, at(1500)), environment: () => ({}) },
    (what, { field, because }) => refused.push(`${what}: ${field} ${because}`),
  )
  const ask = (packet: Buffer): Buffer => Buffer.concat(guard.take('client', channelData(0, packet)).pieces)
  const answer = (packet: Buffer): void => void guard.take('target', channelData(0, packet))
  let id = 1_000
  /** Asks and answers; answers what was passed on. */
  const opened = (asked: (id: number) => Buffer, handle: string): void => {
    ask(asked(++id))
    answer(reply.handle(id, handle))
  }
  ask(init())
  answer(versionReply())
  answer(place('/home/alice'))
  return {
    guard,
    refused,
    ask,
    answer,
    opened,
    narrow(to: Value) {
      certificate = certificateOf(to)
    },
  }
}
function withHandles(value: Value) {
  const live = session(value)
  const { narrow } = live
  narrow('write')
  live.opened((id) => request.open(id, '/out/a', 1), 'r')
  live.opened((id) => request.open(id, '/in/a', 2), 'w')
  live.opened((id) => request.opendir(id, '/out'), 'd')
  narrow(value)
  return live
}

const data = Buffer.from('content')
const paths = { read: ['/out/**'], write: ['/in/**'] }
const both = { read: ['/out/**', '/both/*'], write: ['/in/**', '/both/*'] }
const home = { read: ['/home/alice/**'] }

/** What each request needs: whether it passes under `read`, `write`, and the paths above. */
const requests: [rule: string, packet: Buffer, read: boolean, write: boolean, paths: boolean][] = [
  ['opens to read', request.open(2, '/out/a', 1), true, true, true],
  ['opens to read what is not named', request.open(2, '/secret', 1), true, true, false],
  ['opens to read by no flag at all', request.open(2, '/in/a', 0), true, true, false],
  ['opens to write', request.open(2, '/in/a', 2), false, true, true],
  ['opens to write what is not named', request.open(2, '/out/a', 2), false, true, false],
  ['opens to write and to read', request.open(2, '/in/a', 3), false, true, false],
  ['opens to append', request.open(2, '/in/a', 2 + 4), false, true, true],
  ['opens to append alone', request.open(2, '/out/a', 4), false, true, false],
  ['opens to create and read', request.open(2, '/out/a', 1 + 8), false, true, false],
  ['opens to truncate and read', request.open(2, '/out/a', 1 + 16), false, true, false],
  ['opens by a flag that nobody knows', request.open(2, '/out/a', 1 + 64), false, true, false],
  ['opens by the highest bit', request.open(2, '/out/a', 0x8000_0001), false, true, false],
  ['reads', request.read(2, 'r'), true, true, true],
  ['reads what was opened to write', request.read(2, 'w'), true, true, false],
  ['reads by a handle that was never given', request.read(2, 'x'), true, true, false],
  ['writes', request.write(2, 'w', data), false, true, true],
  ['writes to what was opened to read', request.write(2, 'r', data), false, false, false],
  ['writes by a handle that was never given', request.write(2, 'x', data), false, true, false],
  ['closes', request.close(2, 'r'), true, true, true],
  ['closes what was never open', request.close(2, 'x'), true, true, true],
  ['lstat', request.lstat(2, '/in/a'), true, true, true],
  ['stat on the way', request.stat(2, '/'), true, true, true],
  ['stat elsewhere', request.stat(2, '/secret'), true, true, false],
  ['fstat', request.fstat(2, 'w'), true, true, true],
  ['fstat of what was never open', request.fstat(2, 'x'), true, true, false],
  ['setstat', request.setstat(2, '/in/a'), false, true, true],
  ['setstat of what may be read', request.setstat(2, '/out/a'), false, true, false],
  ['fsetstat', request.fsetstat(2, 'w'), false, true, true],
  ['fsetstat of what was opened to read', request.fsetstat(2, 'r'), false, true, false],
  ['opens a directory', request.opendir(2, '/out'), true, true, true],
  ['opens a directory to be written', request.opendir(2, '/in'), true, true, false],
  ['lists', request.readdir(2, 'd'), true, true, true],
  ['lists what was never open', request.readdir(2, 'x'), true, true, false],
  ['removes', request.remove(2, '/in/a'), false, true, true],
  ['removes what may be read', request.remove(2, '/out/a'), false, true, false],
  ['makes a directory', request.mkdir(2, '/in/d'), false, true, true],
  ['makes one elsewhere', request.mkdir(2, '/out/d'), false, true, false],
  ['removes a directory', request.rmdir(2, '/in/d'), false, true, true],
  ['removes one elsewhere', request.rmdir(2, '/in'), false, true, false],
  ['asks where it is', request.realpath(2, '.'), true, true, true],
  ['asks where something is', request.realpath(2, '/out/a'), true, true, true],
  ['asks where something else is', request.realpath(2, '/secret'), true, true, false],
  ['renames', request.rename(2, '/in/a', '/in/b'), false, true, true],
  ['renames from elsewhere', request.rename(2, '/out/a', '/in/b'), false, true, false],
  ['renames to elsewhere', request.rename(2, '/in/a', '/out/b'), false, true, false],
  ['reads a link', request.readlink(2, '/out/a'), true, true, true],
  ['reads a link elsewhere', request.readlink(2, '/in/a'), true, true, false],
  ['makes a symlink', request.symlink(2, '/in/a', '/in/b'), false, true, false],
  ['posix-rename', request.extended(2, 'posix-rename@openssh.com', '/in/a', '/in/b'), false, true, true],
  ['posix-rename to elsewhere', request.extended(2, 'posix-rename@openssh.com', '/in/a', '/out/b'), false, true, false],
  ['hardlink', request.extended(2, 'hardlink@openssh.com', '/in/a', '/in/b'), false, true, false],
  ['statvfs', request.extended(2, 'statvfs@openssh.com', '/out'), true, true, true],
  ['statvfs elsewhere', request.extended(2, 'statvfs@openssh.com', '/secret'), true, true, false],
  ['fstatvfs', request.extended(2, 'fstatvfs@openssh.com', 'r'), true, true, true],
  ['fsync', request.extended(2, 'fsync@openssh.com', 'w'), false, true, true],
  ['fsync of what was opened to read', request.extended(2, 'fsync@openssh.com', 'r'), false, true, false],
  ['lsetstat', request.extended(2, 'lsetstat@openssh.com', '/in/a', { uint32: 0 }), false, true, true],
  ['lsetstat elsewhere', request.extended(2, 'lsetstat@openssh.com', '/out/a', { uint32: 0 }), false, true, false],
  ['limits', request.extended(2, 'limits@openssh.com'), true, true, true],
  ['expand-path', request.extended(2, 'expand-path@openssh.com', '/out/a'), true, true, true],
  ['expand-path of home', request.extended(2, 'expand-path@openssh.com', '~/x'), true, true, false],
  ['expand-path of somebody', request.extended(2, 'expand-path@openssh.com', '~bob'), true, true, false],
  ['home-directory', request.extended(2, 'home-directory', 'bob'), true, true, false],
  [
    'users-groups-by-id',
    request.extended(2, 'users-groups-by-id@openssh.com', Buffer.alloc(4), Buffer.alloc(4)),
    true,
    true,
    true,
  ],
  ['copy-data', copyData(2, 'r', 'w'), false, true, true],
  ['copy-data the other way', copyData(2, 'w', 'r'), false, true, false],
  ['an extension that nobody knows', request.extended(2, 'check-file', '/out/a'), false, false, false],
  ['one that is named as a member of every object', request.extended(2, 'constructor'), false, false, false],
  ['a choice of another version', request.extended(2, 'version-select', '6'), false, false, false],
]
for (const [rule, packet, ...expected] of requests)
  test(`requests: ${rule}`, () => {
    const passes = (['read', 'write', paths] as const).map((value) => {
      const { ask, refused } = withHandles(value)
      const sent = ask(packet)
      const passed = sent.equals(packet)
      if (!passed) assert.deepEqual(sent, harmless(2))
      assert.equal(refused.length, passed ? 0 : 1)
      return passed
    })
    assert.deepEqual(passes, expected)
  })

const named: [rule: string, value: Value, packet: Buffer, sent: Buffer | 'refused'][] = [
  ['a step upward is taken out', paths, request.open(2, '/out/x/../a', 1), request.open(2, '/out/a', 1)],
  ['and judged', paths, request.open(2, '/out/../in/a', 1), 'refused'],
  ['also behind two slashes', paths, request.open(2, '/out//..//secret', 1), 'refused'],
  ['a relative path counts from home', home, request.open(2, 'notes', 1), request.open(2, 'notes', 1)],
  ['and not above it', home, request.open(2, '../bob/notes', 1), 'refused'],
  ['in both places', both, request.rename(2, '/both/x/../a', '/both/y/../b'), request.rename(2, '/both/a', '/both/b')],
  [
    'home is home',
    home,
    request.extended(2, 'expand-path@openssh.com', '~/notes'),
    request.extended(2, 'expand-path@openssh.com', '~/notes'),
  ],
  ['and not above it', home, request.extended(2, 'expand-path@openssh.com', '~/../bob'), 'refused'],
  ['a tilde elsewhere is a name', home, request.open(2, '~/notes', 1), request.open(2, '~/notes', 1)],
  ['without paths nothing is taken out', 'read', request.open(2, '/out/x/../a', 1), request.open(2, '/out/x/../a', 1)],
]
for (const [rule, value, packet, sent] of named)
  test(`paths: ${rule}`, () => assert.deepEqual(session(value).ask(packet), sent === 'refused' ? harmless(2) : sent))

test('a relative path is refused as long as the target has not told from where it counts', () => {
  const guard = new SftpGuard(
    { permit: (ask) => permit(certificateOf({ read: ['/**'] }), ask, at(1500)), environment: () => ({}) },
    () => {},
  )
  const ask = (packet: Buffer): Buffer => Buffer.concat(guard.take('client', channelData(0, packet)).pieces)
  ask(init())
  assert.deepEqual(ask(request.open(1, 'a', 1)), harmless(1))
  assert.deepEqual(ask(request.open(2, '/a', 1)), request.open(2, '/a', 1))
})
test('what REALPATH says to the client does not move it', () => {
  const live = session(home)
  for (const [index, path] of ['x', '.'].entries()) {
    live.ask(request.realpath(2 + index, path))
    live.answer(reply.name(2 + index, '/secret'))
  }
  assert.deepEqual(live.ask(request.open(4, '../../secret/a', 1)), harmless(4))
})
test('the id of the gateway’s own question is not the client’s to use', () => {
  assert.throws(() => session('write').ask(request.stat(0xffff_fffe, '/a')), { code: 'PROTOCOL_ERROR' })
})

test('a handle is forgotten when it is let go of', () => {
  const live = withHandles(paths)
  live.ask(request.close(2, 'w'))
  assert.deepEqual(live.ask(request.write(3, 'w', data)), harmless(3))
})
test('and is what it was given for last', () => {
  const live = withHandles(paths)
  live.ask(request.close(2, 'r'))
  live.opened((id) => request.open(id, '/in/b', 2), 'r')
  assert.deepEqual(live.ask(request.write(3, 'r', data)), request.write(3, 'r', data))
})

test('a narrower certificate holds from the next request on, also for what is open', () => {
  const live = withHandles('write')
  assert.deepEqual(live.ask(request.write(2, 'w', data)), request.write(2, 'w', data))
  live.narrow('read')
  assert.deepEqual(live.ask(request.write(3, 'w', data)), harmless(3))
  live.narrow(paths)
  assert.deepEqual(live.ask(request.write(4, 'w', data)), request.write(4, 'w', data))
  assert.deepEqual(live.ask(request.open(5, '/secret', 1)), harmless(5))
})

test('a refusal is told with its field, its request and its path', () => {
  const live = withHandles(paths)
  live.ask(request.rename(2, '/in/a', '/secret/ä'))
  live.ask(request.read(3, 'w'))
  live.ask(request.extended(4, 'check-file', '/out/a'))
  assert.deepEqual(live.refused, [
    'sftp rename /in/a /secret/ä: permit-sftp@regate does not name it to write',
    'sftp read /in/a: permit-sftp@regate does not name it to read',
    'sftp check-file: permit-sftp@regate knows no such request',
  ])
})

test('two requests of one id are cut', () => {
  const live = session('write')
  live.ask(request.stat(2, '/a'))
  assert.throws(() => live.ask(request.stat(2, '/b')), { code: 'PROTOCOL_ERROR' })
})
test('an id serves again once it is answered', () => {
  const live = session('write')
  live.ask(request.stat(2, '/a'))
  live.answer(reply.status(2, 0, ''))
  live.ask(request.stat(2, '/b'))
})
test('more than 1,024 unanswered requests are cut', () => {
  const live = session('write')
  for (let id = 2; id < 1_026; id++) live.ask(request.stat(id, '/a'))
  assert.throws(() => live.ask(request.stat(2_000, '/a')), { code: 'RELAY_LIMIT' })
})
test('more than 1,024 open files are cut', () => {
  const live = session('write')
  for (let file = 0; file < 1_024; file++) live.opened((id) => request.open(id, '/a', 1), `${file}`)
  assert.throws(() => live.opened((id) => request.open(id, '/a', 1), 'x'), { code: 'RELAY_LIMIT' })
})
test('a client’s extended data are cut', () => {
  const { guard } = session('write')
  assert.throws(() => guard.take('client', Buffer.of(95, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)), {
    code: 'PROTOCOL_ERROR',
  })
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** Bytes that are in use once all that can be is let go of. */
function inUse(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
for (const [rule, value] of [
  ['written and read', 'write'],
  ['refused', 'read'],
] as const)
  test(`a file of 256 MiB costs less than 1 MiB of memory: ${rule}`, () => {
    const live = withHandles('write')
    live.narrow(value)
    const block = Buffer.alloc(32_768)
    const written = channelData(0, request.write(2, 'w', block))
    const read = channelData(0, request.read(3, 'r'))
    const answers = channelData(0, Buffer.concat([reply.status(2, 0, ''), reply.data(3, block)]))
    const before = inUse()
    let most = 0
    for (let count = 1; count <= 8_192; count++) {
      live.guard.take('client', written)
      live.guard.take('client', read)
      live.guard.take('target', answers)
      live.refused.length = 0
      if (count % 1_024 === 0) most = Math.max(most, inUse() - before)
    }
    assert.ok(most < 1024 * 1024, `${most} bytes`)
  })

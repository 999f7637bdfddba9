import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { GatewayError } from '../../src/model/errors.ts'
import { openStore } from '../../src/store/open.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { start } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const event = (decisionId: string) => ({
  decisionId,
  timestamp: '2025-11-24T12:00:00.000Z',
  outcome: 'allow',
  kind: 'ssh',
  bytes: Buffer.alloc(6_000, decisionId),
})

const urls: [rule: string, url: string, message: RegExp][] = [
  ['PostgreSQL is refused by name', 'postgres://db/regate', /PostgreSQL comes later/],
  ['PostgreSQL is refused by its other name', 'postgresql://db/regate', /PostgreSQL comes later/],
  ['a relative path is none', 'sqlite:regate.db', /absolute path/],
  ['no path is none', 'sqlite:', /absolute path/],
  ['memory is no store', 'sqlite::memory:', /absolute path/],
  ['a URI is no path', 'sqlite:file:/tmp/regate.db?mode=memory', /absolute path/],
  ['a path that ends early is none', 'sqlite:/tmp/regate.db\0.txt', /absolute path: sqlite:\/tmp\/regate.db\?.txt/],
  ['an unknown kind', 'mysql:/tmp/regate', /absolute path/],
]
for (const [rule, url, message] of urls)
  test(`CONFIG_INVALID: ${rule}`, async () => {
    const error = await refusal(url)
    assert.equal(error.code, 'CONFIG_INVALID')
    assert.match(error.message, message)
  })

test('the file and those beside it are the gateway’s alone', async () => {
  using workspace = makeWorkspace()
  await using store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.decisions.append(event('one'))
  const modes = readdirSync(workspace.folder).map(
    (name) => [name, statSync(workspace.path(name)).mode & 0o777] as const,
  )
  assert.deepEqual(Object.fromEntries(modes), { 'regate.db': 0o600, 'regate.db-shm': 0o600, 'regate.db-wal': 0o600 })
})

test('ping answers while the store does', async () => {
  using workspace = makeWorkspace()
  const store = await openStore(`sqlite:${workspace.path('regate.db')}`)
  await store.ping()
  await store[Symbol.asyncDispose]()
  await assert.rejects(store.ping(), { code: 'STORE_UNAVAILABLE', message: /closed/ })
})

type Workspace = ReturnType<typeof makeWorkspace>
/** A closed store with some hundred events in it. */
async function aStore(workspace: Workspace): Promise<string> {
  const path = workspace.path('regate.db')
  await using store = await openStore(`sqlite:${path}`)
  await Promise.all(Array.from({ length: 100 }, (_, n) => store.decisions.append(event(`${n}`))))
  return path
}
function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, at)
  closeSync(file)
}
async function change(path: string, ...sql: string[]): Promise<void> {
  await using sqlite = await openSqlite(path)
  await sqlite.atomic(sql.map((statement) => CompiledQuery.raw(statement)))
}

/** A file that is not ours: root gives one away, and nobody else owns what root does. */
function foreign(workspace: Workspace, name: string): string {
  if (process.getuid?.() !== 0) return '/etc/passwd'
  const path = workspace.write(name, '')
  chownSync(path, 65_534, 65_534)
  return path
}

const unusable: [rule: string, make: (workspace: Workspace) => string | Promise<string>, message: RegExp][] = [
  ['no database at all', (workspace) => workspace.write('regate.db', 'hello '.repeat(1_000)), /not a database/],
  [
    'a header that is not SQLite’s',
    async (workspace) => {
      const path = await aStore(workspace)
      overwrite(path, 0, Buffer.from('SQLight'))
      return path
    },
    /not a database/,
  ],
  [
    'pages that were overwritten',
    async (workspace) => {
      const path = await aStore(workspace)
      overwrite(path, 4_096 * 20, Buffer.alloc(4_096 * 40, 0xff))
      return path
    },
    /damaged|malformed/,
  ],
  [
    'an overwritten schema',
    async (workspace) => {
      const path = await aStore(workspace)
      overwrite(path, 100, Buffer.alloc(3_996, 0x5a))
      return path
    },
    /damaged|malformed/,
  ],
  [
    'a file that was cut short',
    async (workspace) => {
      const path = await aStore(workspace)
      truncateSync(path, 4_096 * 30)
      return path
    },
    /damaged|malformed/,
  ],
  [
    'tables of a newer version',
    async (workspace) => {
      const path = await aStore(workspace)
      await change(path, 'insert into schema_versions values (99)')
      return path
    },
    /newer Regate \(version 99 of its tables; this one knows \d+\)/,
  ],
  [
    'a database of another program',
    async (workspace) => {
      await change(workspace.path('regate.db'), 'create table decisions (mine text)')
      return workspace.path('regate.db')
    },
    /another program/,
  ],
  [
    'a table of ours that lacks its version',
    async (workspace) => {
      const path = await aStore(workspace)
      await change(path, 'delete from schema_versions')
      return path
    },
    /already exists/,
  ],
  [
    'a symbolic link',
    async (workspace) => {
      symlinkSync(await aStore(workspace), workspace.path('link.db'))
      return workspace.path('link.db')
    },
    /symbolic link/,
  ],
  [
    'a symbolic link to nothing',
    (workspace) => {
      symlinkSync(workspace.path('nothing'), workspace.path('link.db'))
      return workspace.path('link.db')
    },
    /symbolic link/,
  ],
  [
    'a file that others may write',
    async (workspace) => {
      const path = await aStore(workspace)
      chmodSync(path, 0o660)
      return path
    },
    /written by others/,
  ],
  ['a file of another user', (workspace) => foreign(workspace, 'regate.db'), /belongs to another user/],
  [
    'a folder that others may write',
    (workspace) => {
      mkdirSync(workspace.path('open'))
      chmodSync(workspace.path('open'), 0o775)
      return workspace.path('open/regate.db')
    },
    /folder may be written by others/,
  ],
  [
    'also one with the sticky bit: the log beside the file could be anybody’s',
    (workspace) => {
      mkdirSync(workspace.path('open'))
      chmodSync(workspace.path('open'), 0o1777)
      return workspace.path('open/regate.db')
    },
    /folder may be written by others/,
  ],
  [
    'a log beside the file that others may write',
    async (workspace) => {
      const path = await aStore(workspace)
      chmodSync(workspace.write('regate.db-wal', ''), 0o666)
      return path
    },
    /its -wal file may be written by others/,
  ],
  [
    'a folder',
    (workspace) => {
      mkdirSync(workspace.path('regate.db'))
      return workspace.path('regate.db')
    },
    /not a file/,
  ],
  ['a folder that is not there', (workspace) => workspace.path('missing/regate.db'), /ENOENT/],
]
/** The error of an opening that must fail. */
async function refusal(url: string): Promise<GatewayError> {
  try {
    await using _store = await openStore(url)
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown
    throw thrown
  }
  assert.fail(`${url} was opened`)
}
for (const [rule, make, message] of unusable)
  test(`refused at open, not started silently: ${rule}`, async () => {
    using workspace = makeWorkspace()
    const path = await make(workspace)
    const error = await refusal(`sqlite:${path}`)
    assert.equal(error.code, 'STORE_UNAVAILABLE')
    assert.ok(error.message.startsWith(`${path}: `), error.message)
    assert.match(error.message, message)
  })

test('a database of another program keeps what it has, and gets nothing of ours', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await change(path, 'create table decisions (mine text)')
  const before = workspace.read('regate.db')
  await refusal(`sqlite:${path}`)
  assert.equal(workspace.read('regate.db'), before)
})

test('a file that another gateway is just making is waited for', async () => {
  using workspace = makeWorkspace()
  const path = workspace.write('regate.db', '')
  const script = `const file = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    file.exec('begin immediate')
    console.log('held')
    setTimeout(() => file.exec('rollback'), 400)`
  await using holder = start(process.execPath, ['-e', script, path])
  await holder.line(/^held$/)
  await using store = await openStore(`sqlite:${path}`)
  await store.decisions.append(event('one'))
})

test('gateways that make the same file at once all get the same tables', async () => {
  const moduleUrl = new URL('../../src/store/open.ts', import.meta.url).href
  const script = `const { openStore } = await import(${JSON.stringify(moduleUrl)})
    const { existsSync } = await import('node:fs')
    const [folder, id] = process.argv.slice(1)
    console.log('ready')
    for (let round = 0; round < 5; round++) {
      while (!existsSync(folder + '/go' + round)) await new Promise(setImmediate)
      const store = await openStore('sqlite:' + folder + '/regate' + round + '.db')
      await store.decisions.append({ decisionId: id, timestamp: '', outcome: 'deny', kind: 'ssh', bytes: Buffer.from(id) })
      await store[Symbol.asyncDispose]()
      console.log('written ' + round)
    }`
  using workspace = makeWorkspace()
  const ids = ['a', 'b', 'c']
  await using gateways = new AsyncDisposableStack()
  const running = ids.map((id) =>
    gateways.use(start(process.execPath, ['--input-type=module', '-e', script, workspace.folder, id])),
  )
  await Promise.all(running.map((gateway) => gateway.line(/^ready$/)))
  for (let round = 0; round < 5; round++) {
    workspace.write(`go${round}`, '')
    await Promise.all(running.map((gateway) => gateway.line(new RegExp(`^written ${round}$`))))
    await using store = await openStore(`sqlite:${workspace.path(`regate${round}.db`)}`)
    const found = await store.decisions.list({ kind: 'ssh', limit: 10 })
    assert.deepEqual(found.map(({ bytes }) => Buffer.from(bytes).toString()).sort(), ids)
  }
})

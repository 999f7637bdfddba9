import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentVersion, migrate } from '../../src/store/migrations.ts'
import { openSqlite, type Sqlite } from '../../src/store/sqlite.ts'
import { makeWorkspace } from '../support/workspace.ts'

const versions = async ({ database }: Sqlite): Promise<number[]> =>
  (await database.selectFrom('schema_versions').select('version').orderBy('version').execute()).map(
    (row) => row.version,
  )
const everyVersion = Array.from({ length: currentVersion }, (_, n) => n + 1)

test('an empty file gets every version, each once', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await using sqlite = await openSqlite(path)
  await migrate(sqlite, path)
  assert.deepEqual(await versions(sqlite), everyVersion)
})

test('a file of the current version is left as it is', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await using sqlite = await openSqlite(path)
  await migrate(sqlite, path)
  const commits = sqlite.commits
  await migrate(sqlite, path)
  assert.equal(sqlite.commits, commits)
})

test('of two that begin with the same version both go on, and one has made the tables', async () => {
  using workspace = makeWorkspace()
  const path = workspace.path('regate.db')
  await using one = await openSqlite(path)
  await using other = await openSqlite(path)
  await Promise.all([migrate(one, path), migrate(other, path), migrate(one, path), migrate(other, path)])
  assert.deepEqual(await versions(one), everyVersion)
  assert.deepEqual(await versions(other), everyVersion)
})

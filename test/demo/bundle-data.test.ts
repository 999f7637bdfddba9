import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { extract, pack } from 'tar-stream'
import { changeData, type PolicyData } from '../../demo/bundle-data.ts'
import { parseBundle } from '../../src/policy/bundle.ts'

const shipped = readFileSync(join(import.meta.dirname, '..', '..', 'wasm', 'bundle.tar.gz'))
const asAlice = (data: PolicyData): PolicyData => ({ ...data, access: { ...data.access, logins: ['alice'] } })

test('only the data is another', async () => {
  const [before, after] = [await entriesOf(shipped), await entriesOf(await changeData(shipped, asAlice))]
  assert.deepEqual(
    after.map(({ header }) => header.name),
    before.map(({ header }) => header.name),
  )
  for (const [index, entry] of after.entries())
    if (!entry.header.name.endsWith('data.json')) assert.deepEqual(entry, before[index])
})

test('the gateway reads it, with the same revision', async () => {
  const [before, after] = [await parseBundle(shipped), await parseBundle(await changeData(shipped, asAlice))]
  const data = JSON.parse(before.data) as PolicyData
  assert.deepEqual(JSON.parse(after.data), asAlice(data))
  assert.notDeepEqual(data, asAlice(data))
  assert.equal(after.revision, before.revision)
})

test('a bundle without data is refused', async () => {
  const empty = pack()
  empty.entry({ name: '/policy.wasm' }, 'none')
  empty.finalize()
  await assert.rejects(changeData(gzipSync(await buffer(empty)), asAlice), /0 data\.json/)
})

async function entriesOf(bundle: Buffer) {
  const entries = []
  for await (const entry of Readable.from([gunzipSync(bundle)]).pipe(extract()))
    entries.push({ header: entry.header, content: await buffer(entry) })
  return entries
}

import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { writeBundle } from '../../demo/bundle.ts'
import type { PolicyData } from '../../demo/bundle-data.ts'
import { makeFolder } from '../../demo/folder.ts'
import { parseBundle } from '../../src/policy/bundle.ts'

test('an edit puts another file in place, with what it changes of the first data and nothing more', async () => {
  using folder = makeFolder()
  const bundle = await writeBundle({ logins: ['alice'], forwards: ['127.0.0.1:1'] }, folder)
  const access = async (): Promise<PolicyData['access']> =>
    (JSON.parse((await parseBundle(readFileSync(folder.at('bundle.tar.gz')))).data) as PolicyData).access
  const [first, inode] = [await access(), statSync(folder.at('bundle.tar.gz')).ino]
  await bundle.edit((data) => ({ ...data, forwards: [] }))
  assert.deepEqual(await access(), { ...first, logins: ['alice'], forwards: [] })
  assert.notEqual(statSync(folder.at('bundle.tar.gz')).ino, inode)
  await bundle.edit((data) => ({ ...data, freeze: ['db1'] }))
  assert.deepEqual(await access(), { ...first, forwards: ['127.0.0.1:1'], freeze: ['db1'] })
})

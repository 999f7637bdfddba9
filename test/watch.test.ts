import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Milliseconds } from '../src/model/units.ts'
import { type FileIdentity, identityOf, watchFile } from '../src/watch.ts'
import { makeWorkspace } from './support/workspace.ts'

/** A file of a folder of its own, and its changes as they are told. */
function aFile(poll = 60_000) {
  const workspace = makeWorkspace()
  const path = workspace.write('file', 'one')
  const awake = setInterval(() => {}, 1_000) // the watcher keeps nothing running
  let count = 0
  let losses = 0
  let heard = Promise.withResolvers<void>()
  const watchers: Disposable[] = []
  return {
    path,
    workspace,
    watch(seen?: FileIdentity, at = path): void {
      const changed = (): void => {
        count++
        heard.resolve()
        heard = Promise.withResolvers()
      }
      watchers.push(watchFile(at, poll as Milliseconds, changed, () => void losses++, seen))
    },
    next: () => heard.promise,
    count: () => count,
    losses: () => losses,
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher[Symbol.dispose]()
      clearInterval(awake)
      workspace[Symbol.dispose]()
    },
  }
}
const moment = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

test('a file that is written to is told', async () => {
  using file = aFile()
  file.watch()
  const next = file.next()
  writeFileSync(file.path, 'two')
  await next
})
test('a file that is replaced is told', async () => {
  using file = aFile()
  file.watch()
  const next = file.next()
  renameSync(file.workspace.write('other', 'one'), file.path)
  await next
})
test('a change of the same length whose time is set back is told', async () => {
  using file = aFile()
  utimesSync(file.path, 1_700_000_000, 1_700_000_000)
  file.watch()
  const next = file.next()
  copyFileSync(file.workspace.write('other', 'two'), file.path)
  utimesSync(file.path, 1_700_000_000, 1_700_000_000)
  await next
})
test('a link that is turned to another file is told, as it is where a folder is swapped whole', async () => {
  using file = aFile()
  const { workspace } = file
  const [first, second] = [workspace.write('first', '1'), workspace.write('second', '2')]
  symlinkSync(first, workspace.path('link'))
  file.watch(undefined, workspace.path('link'))
  const next = file.next()
  symlinkSync(second, workspace.path('next'))
  renameSync(workspace.path('next'), workspace.path('link'))
  await next
})
test('a file that is moved to its place is told without waiting for whoever might still write to it', async (context) => {
  using file = aFile()
  file.watch()
  await moment(300) // the first look is over
  const other = file.workspace.write('other', 'two')
  await moment(300) // and so is the one that this file began; a clock of the file system is coarse
  const next = file.next()
  context.mock.timers.enable({ apis: ['setTimeout'] }) // from here on nobody waits for anything
  renameSync(other, file.path)
  await next
})
test('what changed between being read and being watched is told', async () => {
  using file = aFile()
  const seen = identityOf(file.path)
  writeFileSync(file.path, 'two')
  const next = file.next()
  file.watch(seen)
  await next
})
test('where nothing tells of a change it is looked at now and then', async () => {
  using file = aFile(50)
  const { workspace } = file
  // A folder that is made later cannot be watched.
  const at = `${workspace.folder}/later/file`
  file.watch(undefined, at)
  const next = file.next()
  const { mkdirSync } = await import('node:fs')
  mkdirSync(`${workspace.folder}/later`)
  writeFileSync(at, 'one')
  await next
})
test('a file that is taken away is told once as lost, and one that comes back as changed', async () => {
  using file = aFile()
  file.watch()
  const next = file.next()
  rmSync(file.path)
  while (file.losses() === 0) await moment(20)
  file.workspace.write('other', 'a look more')
  await moment(300)
  assert.deepEqual([file.count(), file.losses()], [0, 1])
  writeFileSync(file.path, 'two')
  await next
  assert.deepEqual([file.count(), file.losses()], [1, 1])
})
test('writes that follow one another closely are one change', async () => {
  using file = aFile()
  file.watch()
  const next = file.next()
  // Not so closely where the machine has much else to do: that may be the end of one change, and the beginning of another.
  let pauses = 0
  for (let part = 0; part < 8; part++) {
    const begun = performance.now()
    writeFileSync(file.path, 'x'.repeat(part + 10))
    await moment(30)
    if (performance.now() - begun > 60) pauses++
  }
  await next
  await moment(300)
  assert.ok(file.count() <= 1 + pauses, `${file.count()} changes, ${pauses} pauses`)
})
test('a change that comes while it is looked is looked at as well', async () => {
  using file = aFile()
  file.watch()
  for (let round = 0; round < 5; round++) {
    const next = file.next()
    writeFileSync(file.path, `${round} of a length of its own ${'.'.repeat(round)}`)
    await next
  }
  assert.equal(file.count(), 5)
})
test('other files of the folder are none of its business', async () => {
  using file = aFile()
  file.watch()
  file.workspace.write('other', 'one')
  await moment(400)
  assert.equal(file.count(), 0)
})
test('nothing is told once it is over', async () => {
  using file = aFile()
  file.watch()
  writeFileSync(file.path, 'two')
  file[Symbol.dispose]()
  await moment(300)
  assert.equal(file.count(), 0)
})
test('a path that no file can have is a file that is not there', () => {
  assert.equal(identityOf('/dev/null/file'), '')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, startWorld } from '../support/world.ts'

/** Writes down, of each process, the files that its main thread loaded, and those of Node.js itself. */
const recorder = (folder: string) => `import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const loaded = []
if (isMainThread) {
  registerHooks({
    load(url, context, next) {
      loaded.push(url)
      return next(url, context)
    },
  })
  process.on('exit', () => {
    const text = [...loaded, ...process.moduleLoadList].join('\\n')
    writeFileSync(\`${folder}/\${process.connected ? 'worker' : 'main'}\`, text)
  })
}
`
const isFetch = /^NativeModule internal\/deps\/undici/
const isStrange = /node_modules\/(ajv|@fastify\/(ajv|fast-json)[^/]*|typebox\/build\/(type|value|compile))\//
const ofWorkers = /node_modules\/(ssh2|sshpk|fastify|kysely|prom-client|tar-stream|openid-client)\//

test('a start loads nothing that it does not need', async () => {
  await using world = await startWorld()
  await world.gateway.stop()
  const { workspace } = world
  const file = workspace.write('recorder.mjs', recorder(workspace.path('.')))
  const loadedBy = (who: string): string[] => workspace.read(who).split('\n')
  const env = { NODE_OPTIONS: `--import=${file}` }

  await (await startGateway(workspace, undefined, env)).stop()
  const alone = loadedBy('main')
  assert.ok(alone.some((url) => ofWorkers.test(url)))
  assert.deepEqual(
    alone.filter((url) => isStrange.test(url) || isFetch.test(url)),
    [],
  )

  workspace.write('regate.yaml', workspace.read('regate.yaml').replace('workers: 1', 'workers: 2'))
  await (await startGateway(workspace, undefined, env)).stop()
  const supervisor = loadedBy('main')
  assert.ok(supervisor.some((url) => url.includes('/workers/supervisor.')))
  assert.deepEqual(
    supervisor.filter((url) => ofWorkers.test(url) || isStrange.test(url) || isFetch.test(url)),
    [],
  )
  assert.ok(loadedBy('worker').some((url) => ofWorkers.test(url)))
})

import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { applyPatches } from '../../src/ssh/patches.ts'
import { type Finished, run } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const library = dirname(createRequire(import.meta.url).resolve('ssh2'))
const node = (script: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  run(process.execPath, ['-e', script], { env })

/** Most collections of young objects happen while memory is asked for, when no context is entered. */
test('ciphers that nobody holds any more are collected, and the process lives', async () => {
  const script = `
    const ssh2 = await import(${JSON.stringify(join(import.meta.dirname, '../../src/ssh/ssh2.ts'))})
    const { createDecipher } = require(${JSON.stringify(join(library, 'protocol/crypto.js'))})
    const decipherInfo = { sslName: 'aes-128-gcm', keyLen: 16, ivLen: 12 }
    const inbound = { seqno: 0, onPayload() {}, decipherInfo, decipherKey: Buffer.alloc(16), decipherIV: Buffer.alloc(12) }
    for (let i = 0; i < 1000; i++) {
      createDecipher({ inbound })
      const junk = []
      for (let k = 0; k < 5000; k++) junk.push({ k, a: [k, k + 0.5] })
    }
    console.log(ssh2.nativeCiphers)`
  const done = await node(`(async () => {${script}})()`)
  assert.equal(done.stdout, 'true\n', done.stderr)
})

for (const [rule, text, loaded] of [
  ['an addon that would end the process is not loaded', 'RemoveEnvironmentCleanupHook', false],
  ['another is', '', true],
] as const)
  test(rule, async () => {
    using workspace = makeWorkspace()
    const at = workspace.path('lib')
    cpSync(library, at, { recursive: true })
    const crypto = join(at, 'protocol/crypto.js')
    writeFileSync(crypto, applyPatches('protocol/crypto.js', readFileSync(crypto, 'utf8')))
    const addon = join(at, 'protocol/crypto/build/Release/sshcrypto.node')
    writeFileSync(addon, Buffer.concat([readFileSync(addon), Buffer.from(text)]))
    const script = `console.log(require(${JSON.stringify(crypto)}).bindingAvailable)`
    const done = await node(script, { NODE_PATH: dirname(dirname(library)) })
    assert.equal(done.stdout, `${loaded}\n`, done.stderr)
  })

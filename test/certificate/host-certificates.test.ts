import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { authorityFromKey } from '../../src/certificate/authority.ts'
import { decode } from '../../src/certificate/decode.ts'
import { encode } from '../../src/certificate/encode.ts'
import { decodeHost, HostCertificates } from '../../src/certificate/host-certificates.ts'
import { newKey } from '../../src/certificate/new-key.ts'
import { makeSubjectKey } from '../../src/certificate/subject-key.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { HostName, UnixSeconds } from '../../src/model/units.ts'
import { at } from '../support/certificate.ts'
import { makeWorkspace } from '../support/workspace.ts'

const day = 24 * 3_600
const begin = 1_800_000_000
const authority = authorityFromKey(newKey('host-ca').privateKey)
const caKey = await authority.publicKey()
const hostKey = makeSubjectKey().publicKey
const names = (...list: string[]) => list as [HostName, ...HostName[]]
const code = (expected: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === expected

/** Certificates by a clock that the test sets, with a signer that fails when it is told to. */
function kept() {
  const state = { now: begin, broken: false, signed: 0, faults: 0 }
  const certificates = new HostCertificates({
    authority: {
      ...authority,
      sign: (data) => {
        state.signed++
        return state.broken ? Promise.reject(new Error('gone')) : authority.sign(data)
      },
    },
    hostKey,
    gateway: 'eu-1',
    clock: () => at(state.now),
    failed: () => void state.faults++,
  })
  return { state, of: (...list: string[]) => certificates.of(names(...list)) }
}

test('it names the host, and ssh-keygen -L reads what was meant', async () => {
  using workspace = makeWorkspace()
  const signed = (await kept().of('gate.example.com', '10.0.0.1')) ?? Buffer.alloc(0)
  workspace.write('host-cert.pub', `ssh-ed25519-cert-v01@openssh.com ${signed.toString('base64')}\n`)
  const shown = execFileSync('ssh-keygen', ['-L', '-f', workspace.path('host-cert.pub')], { encoding: 'utf8' })
  assert.match(shown, /Type: ssh-ed25519-cert-v01@openssh\.com host certificate/)
  assert.match(shown, /Principals: \n\s+gate\.example\.com\n\s+10\.0\.0\.1\n/)
  assert.match(shown, /Key ID: "regate eu-1"/)
  assert.match(shown, /Critical Options: \(none\)/)
  assert.match(shown, /Extensions: \(none\)/)
  assert.ok(shown.includes(`Signing CA: ED25519 ${authority.fingerprint}`))
  const { principals, validAfter, validBefore, subject } = decodeHost(signed, caKey)
  assert.deepEqual(
    [principals, validAfter, validBefore],
    [['gate.example.com', '10.0.0.1'], begin - 3_600, begin + day],
  )
  assert.ok(subject.equals(hostKey))
})

test('each list of names has its own, which names nobody else', async () => {
  const { of } = kept()
  const [db1, db2] = [await of('db1'), await of('db2')]
  assert.deepEqual(decodeHost(db1 ?? Buffer.alloc(0), caKey).principals, ['db1'])
  assert.deepEqual(decodeHost(db2 ?? Buffer.alloc(0), caKey).principals, ['db2'])
})

test('it serves for half of its life, then another takes its place while it still counts', async () => {
  const { state, of } = kept()
  const first = await of('db1')
  state.now += day / 2 - 1
  assert.equal(await of('db1'), first)
  state.now += 1
  assert.equal(await of('db1'), first, 'nobody waits for the signer')
  await new Promise(setImmediate)
  const second = await of('db1')
  assert.notEqual(second, first)
  assert.equal(decodeHost(second ?? Buffer.alloc(0), caKey).validBefore, state.now + day)
  assert.equal(state.signed, 2)
})

test('a signer that fails is asked again after a while; what still counts serves on, and what has ended does not', async () => {
  const { state, of } = kept()
  const first = await of('db1')
  state.broken = true
  assert.equal(await of('db2'), undefined, 'the plain key')
  assert.equal(await of('db3'), undefined)
  assert.deepEqual([state.signed, state.faults], [2, 1], 'not asked for everybody who comes')
  state.now += day - 1
  assert.equal(await of('db1'), first)
  await new Promise(setImmediate)
  state.now += 1
  assert.equal(await of('db1'), undefined)
  state.broken = false
  state.now += 10
  assert.notEqual(await of('db1'), undefined)
})

test('many who come at once ask the signer once', async () => {
  const { state, of } = kept()
  await Promise.all(Array.from({ length: 50 }, () => of('db1')))
  assert.equal(state.signed, 1)
})

test('names without end take no memory without end: what was made first is forgotten', async () => {
  const { state, of } = kept()
  for (let count = 0; count < 300; count++) await of(`host${count}`)
  await of('host299')
  assert.equal(state.signed, 300)
  await of('host0')
  assert.equal(state.signed, 301)
})

const content = {
  kind: 'host' as const,
  subjectKey: hostKey,
  serial: 1n,
  keyId: 'regate eu-1',
  principals: ['db1'],
  validAfter: 1 as UnixSeconds,
  validBefore: 2 as UnixSeconds,
  criticalOptions: {},
  extensions: {},
}
const refused: [rule: string, change: Partial<Parameters<typeof encode>[0]>, code: ErrorCode][] = [
  ['a user certificate', { kind: 'user' }, 'CERTIFICATE_MALFORMED'],
  ['a critical option', { criticalOptions: { 'force-command': 'id' } }, 'CERTIFICATE_MALFORMED'],
  ['an extension', { extensions: { 'permit-pty': '' } }, 'CERTIFICATE_MALFORMED'],
  ['a wildcard', { principals: ['*'] }, 'CERTIFICATE_PRINCIPAL'],
  ['a name in upper case', { principals: ['Db1'] }, 'CERTIFICATE_PRINCIPAL'],
  ['more names than are taken', { principals: Array.from({ length: 17 }, (_, n) => `h${n}`) }, 'CERTIFICATE_MALFORMED'],
  ['an end before the beginning', { validAfter: 2 as UnixSeconds }, 'CERTIFICATE_MALFORMED'],
]
for (const [rule, change, expected] of refused)
  test(`not a host certificate although signed: ${rule}`, async () => {
    const signed = await encode({ ...content, ...change }, authority)
    assert.throws(() => decodeHost(signed, caKey), code(expected))
  })

test('a host certificate opens no session', async () => {
  const signed = await encode(content, authority)
  assert.equal(decodeHost(signed, caKey).keyId, 'regate eu-1')
  assert.throws(() => decode(signed, caKey), code('CERTIFICATE_MALFORMED'))
})

test('a changed byte is never accepted, and never a crash', async () => {
  const signed = await encode(content, authority)
  fc.assert(
    fc.property(fc.nat(signed.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const changed = Buffer.from(signed)
      changed[index] = (changed[index] ?? 0) ^ change
      assert.throws(() => decodeHost(changed, caKey), GatewayError)
    }),
    { numRuns: 1_000 },
  )
})

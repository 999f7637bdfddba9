import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createIssuer, type DeviceGrant } from '../../src/identity/issuer.ts'
import type { GatewayError } from '../../src/model/errors.ts'
import { faultFields } from '../../src/model/log.ts'

type Answer = { readonly status?: number; readonly body: unknown }
type Answers = { readonly discovery?: object | string; readonly device?: object | string; readonly token?: Answer }

const secret = 'what the provider wrote'

/** A provider that says what a row tells it to, and keeps what it was asked. */
async function provider(answers: Answers) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const metadata = {
      issuer: url,
      token_endpoint: `${url}/token`,
      device_authorization_endpoint: `${url}/device`,
      jwks_uri: `${url}/jwks`,
    }
    const grant = { device_code: 'd', user_code: 'ABCD', verification_uri: `${url}/v`, expires_in: 600, interval: 0.05 }
    const answer = (usual: object, change: object | string = {}): unknown =>
      typeof change === 'string' ? change : { ...usual, ...change }
    const body =
      path === '/token'
        ? answers.token?.body
        : path === '/device'
          ? answer(grant, answers.device)
          : answer(metadata, answers.discovery)
    response.writeHead(path === '/token' ? (answers.token?.status ?? 200) : 200, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = createIssuer({
    issuer: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    clientId: 'regate',
    scopes: ['openid'],
  })
  return {
    issuer,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
const never = new AbortController().signal

const lives: [rule: string, expiresIn: number, seconds: number][] = [
  ['what it says', 600, 600],
  ['no longer than half an hour', 86_400, 1_800],
  ['not as long as no timer can be', 1e15, 1_800],
  ['not shorter than a second', 0.001, 1],
  ['whole seconds', 90.4, 90],
]
for (const [rule, expiresIn, seconds] of lives)
  test(`a code is good for: ${rule}`, async () => {
    await using lying = await provider({ device: { expires_in: expiresIn } })
    assert.equal((await lying.issuer.begin(never)).expiresInSeconds, seconds)
  })

test('an interval of no time is not taken: the provider is asked some twenty times a second', async () => {
  const pending = { status: 400, body: { error: 'authorization_pending' } }
  await using lying = await provider({ device: { interval: 0.000_1 }, token: pending })
  const grant = await lying.issuer.begin(never)
  const polls = (): number => lying.asked.filter((path) => path === '/token').length
  const enough = new AbortController()
  const begun = performance.now()
  const finished = assert.rejects(lying.issuer.finish(grant, enough.signal))
  while (polls() < 10) await new Promise((resolve) => setTimeout(resolve, 5))
  const milliseconds = performance.now() - begun
  enough.abort(new Error('enough'))
  await finished
  assert.ok(milliseconds >= 10 * 40, `ten polls in ${milliseconds} ms`)
})

const invalid: [rule: string, answers: Answers, message: RegExp][] = [
  ['a verification URI that is no URL', { device: { verification_uri: 'nowhere' } }, /cannot be shown/],
  ['one that is not https', { device: { verification_uri: 'http://idp.example.com/' } }, /cannot be shown/],
  ['one with a blank', { device: { verification_uri: 'https://idp.example.com/ x' } }, /cannot be shown/],
  ['one that runs something', { device: { verification_uri: 'javascript:alert(1)' } }, /cannot be shown/],
  ['a user code with a control character', { device: { user_code: 'A\x1b[m' } }, /cannot be shown/],
  ['a code that never was good', { device: { expires_in: -1 } }, /invalid response/],
  ['a life that is no number', { device: { expires_in: secret } }, /invalid response/],
  ['an issuer that is no URL', { discovery: { issuer: secret } }, /no URL/],
  ['another issuer', { discovery: { issuer: 'https://idp.example.com' } }, /does not match/],
  ['an endpoint that is no URL', { discovery: { device_authorization_endpoint: secret } }, /device_authorization_/],
  ['no endpoint', { discovery: { device_authorization_endpoint: undefined } }, /device_authorization_/],
  ['an endpoint over plain http', { discovery: { device_authorization_endpoint: 'http://a.example/' } }, /neither/],
  ['metadata that is no JSON', { discovery: `{"issuer": ${secret}` }, /JSON/],
  ['a grant that is no JSON', { device: `{"device_code": ${secret}` }, /JSON/],
]
for (const [rule, answers, message] of invalid)
  test(`ISSUER_INVALID: ${rule}`, async () => {
    await using lying = await provider(answers)
    const error = await lying.issuer.begin(never).then(
      () => assert.fail('it was believed'),
      (thrown: GatewayError) => thrown,
    )
    assert.equal(error.code, 'ISSUER_INVALID', error.message)
    assert.match(error.message, message)
    assert.ok(!JSON.stringify(faultFields(error)).includes(secret), 'what others wrote stands in the log')
  })

const tokens: [rule: string, token: Answer, code: string][] = [
  ['a token answer that is no JSON', { body: `{"access_token": ${secret}` }, 'ISSUER_INVALID'],
  [
    'an ID token that is none',
    { body: { access_token: 'a', token_type: 'bearer', id_token: secret } },
    'ISSUER_INVALID',
  ],
  ['a fault of its own', { status: 500, body: secret }, 'ISSUER_UNAVAILABLE'],
]
for (const [rule, token, code] of tokens)
  test(`${code}, and nothing of what it wrote in the log: ${rule}`, async () => {
    await using lying = await provider({ token })
    const grant = await lying.issuer.begin(never)
    const error = await lying.issuer.finish(grant, never).then(
      () => assert.fail('it was believed'),
      (thrown: GatewayError) => thrown,
    )
    assert.equal(error.code, code, error.message)
    assert.ok(!JSON.stringify(faultFields(error)).includes(secret), JSON.stringify(faultFields(error)))
  })

test('a provider that nobody can reach did not answer', async () => {
  const gone = await provider({})
  await gone[Symbol.asyncDispose]()
  await assert.rejects(gone.issuer.begin(never), { code: 'ISSUER_UNAVAILABLE' })
})

test('a fault of our own is not blamed on the provider', async () => {
  await using one = await provider({})
  const foreign: DeviceGrant = { deviceCode: 'd', userCode: 'u', verificationUri: 'https://a/', expiresInSeconds: 1 }
  await assert.rejects(one.issuer.finish(foreign, never), { code: 'INTERNAL' })
  const broken = null as unknown as AbortSignal
  await assert.rejects(one.issuer.begin(broken), { code: 'INTERNAL' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as oidc from 'openid-client'
import { type Failure, type Fault, type Lie, startLyingIssuer } from '../support/lying-issuer.ts'
import { aClient, begin, finish } from '../support/openid-client.ts'

const quick = { accounts: { alice: { email: 'alice@x.io', groups: ['sre'] } }, pollSeconds: 0.02 }

// What openid-client says to each lie; 'taken': it believes it, and its caller must look.
const taken = 'taken'
const compared = 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'
const timed = 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED'
const invalid = 'OAUTH_INVALID_RESPONSE'
const lies: Record<Lie, string> = {
  'wrong-audience': compared,
  'more-audiences': compared,
  'other-party-among-audiences': compared,
  'other-party': taken,
  'wrong-issuer': compared,
  'expired': timed,
  'never-expires': invalid,
  'not-yet-valid': timed,
  'issued-in-future': taken,
  'issued-long-ago': taken,
  'signed-in-in-future': taken,
  'no-subject': invalid,
  'empty-subject': taken,
  'subject-not-text': invalid,
  'huge-claim': taken,
  'alg-none': invalid,
  'no-signature': invalid,
  'hs256-with-public-key': invalid,
  'forged': invalid,
  'key-unknown': 'OAUTH_KEY_SELECTION_FAILED',
  'key-brought-along': invalid,
  'critical-extension': 'OAUTH_UNSUPPORTED_OPERATION',
  'key-rotated': taken,
}
const unlike = 'OAUTH_RESPONSE_IS_NOT_CONFORM'
const failures: Record<Failure, string> = {
  'server-error': unlike,
  'never-answers': 'OAUTH_TIMEOUT',
  'stops-midway': 'OAUTH_PARSE_ERROR',
  'invalid-json': 'OAUTH_PARSE_ERROR',
  'redirects': unlike,
  'huge-response': taken,
  'no-id-token': taken,
}
/** Those that only the client's patience ends. */
const endless: ReadonlySet<Failure> = new Set<Failure>(['never-answers', 'stops-midway'])
const rows: [fault: Fault, answer: string, alsoAdvertises?: string[]][] = [
  [{}, taken],
  ...Object.entries(lies).map(([lie, answer]): [Fault, string] => [{ lie: lie as Lie }, answer]),
  ...Object.entries(failures).map(([failure, answer]): [Fault, string] => [{ failure: failure as Failure }, answer]),
  [{ lie: 'alg-none' }, 'OAUTH_UNSUPPORTED_OPERATION', ['none']],
  [{ lie: 'hs256-with-public-key' }, 'OAUTH_UNSUPPORTED_OPERATION', ['HS256']],
  [{ failure: 'server-error', at: 'keys' }, unlike],
]
for (const [fault, answer, alsoAdvertises = []] of rows)
  test(`openid-client, ${nameOf(fault, alsoAdvertises)}: ${answer}`, async () => {
    await using issuer = await startLyingIssuer({ ...quick, alsoAdvertises })
    const client = await aClient(issuer)
    const grant = await begin(client)
    await issuer.approve(grant.user_code, 'alice')
    issuer.misbehave(fault)
    if (fault.failure !== undefined && endless.has(fault.failure)) client.timeout = 0.5
    const said = await finish(client, grant).then(
      () => taken,
      (error: { code?: string }) => error.code,
    )
    assert.equal(said, answer)
  })

for (const at of ['discovery', 'device'] as const)
  test(`a failure at the ${at} endpoint is met there`, async () => {
    await using issuer = await startLyingIssuer(quick)
    issuer.misbehave({ failure: 'invalid-json', at })
    await assert.rejects(aClient(issuer).then(begin), { code: 'OAUTH_PARSE_ERROR' })
    issuer.misbehave({})
    await aClient(issuer).then(begin)
  })

test('a client that has seen the keys does not know a new one at once', async () => {
  await using issuer = await startLyingIssuer(quick)
  const client = await aClient(issuer)
  const signIn = async (by: oidc.Configuration) => {
    const grant = await begin(by)
    await issuer.approve(grant.user_code, 'alice')
    return finish(by, grant)
  }
  await signIn(client)
  issuer.misbehave({ lie: 'key-rotated' })
  await assert.rejects(signIn(client), { code: 'OAUTH_KEY_SELECTION_FAILED' })
  await signIn(await aClient(issuer))
})

function nameOf({ lie, failure, at }: Fault, alsoAdvertises: string[]): string {
  const advertised = alsoAdvertises.map((algorithm) => `${algorithm} advertised`)
  return [lie ?? failure ?? 'the truth', ...(at === undefined ? [] : [`at ${at}`]), ...advertised].join(', ')
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Departure, type Offence, offenceIn } from '../../src/gateway/offences.ts'
import { type ErrorCode, errorCodes, GatewayError } from '../../src/model/errors.ts'

const offence = (code: ErrorCode, change: Partial<Departure> = {}): Offence | undefined => {
  const fault = new GatewayError(code, 'x')
  return offenceIn({ fault, failed: false, known: false, signingIn: false, kept: false, ...change })
}

const rows: [rule: string, code: ErrorCode, change: Partial<Departure>, offence: Offence | undefined][] = [
  ['junk', 'PROTOCOL_ERROR', {}, 'crash'],
  ['messages that do not read', 'WIRE_MALFORMED', {}, 'crash'],
  ['an old client breaks nothing', 'NO_COMMON_ALGORITHM', {}, 'noauth'],
  ['who looks and leaves', 'CLIENT_LEFT', {}, 'noauth'],
  ['who guesses and leaves', 'CLIENT_LEFT', { failed: true }, 'authfail'],
  ['who is known may leave', 'CLIENT_LEFT', { known: true }, undefined],
  ['no login@route', 'NAME_GRAMMAR', {}, 'authfail'],
  ['too many attempts', 'TOO_MANY_ATTEMPTS', {}, 'authfail'],
  ['too many, by somebody known', 'TOO_MANY_ATTEMPTS', { known: true }, 'authfail'],
  ['a sign-in refused by its person', 'SIGN_IN_DENIED', {}, 'authfail'],
  ['one whose code ran out', 'SIGN_IN_EXPIRED', { signingIn: true }, 'noauth'],
  ['who just stays', 'GRACE_EXCEEDED', {}, 'grace-exceeded'],
  ['whose person did not come back', 'GRACE_EXCEEDED', { signingIn: true }, 'noauth'],
  ['who waited for the gateway', 'GRACE_EXCEEDED', { kept: true }, undefined],
  ['a stranger whom the policy refuses', 'DENIED_BY_POLICY', {}, 'refuse-connection'],
  ['a person whom it refuses', 'DENIED_BY_POLICY', { known: true }, undefined],
  ['who asks for a route that is not there', 'ROUTE_UNKNOWN', { known: true }, undefined],
]
for (const [rule, code, change, expected] of rows)
  test(`${code}: ${rule}`, () => assert.equal(offence(code, change), expected))

test('nobody is penalised for the gateway, the provider or the target', () => {
  const theirs = /^(INTERNAL|LOG_|STORE_|POLICY_|CERTIFICATE_|SIGNER_|DECISION_|TARGET_|HOST_KEY_|ISSUER_|SHUTTING_)/
  const codes = (Object.keys(errorCodes) as ErrorCode[]).filter((code) => theirs.test(code))
  assert.ok(codes.length > 25)
  assert.deepEqual([...new Set(codes.map((code) => offence(code)))], [undefined])
})

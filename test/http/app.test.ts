import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { anApp, event, id } from '../support/http.ts'

const answers: [rule: string, url: string, token: string | undefined, status: number, code: string | undefined][] = [
  ['health is open', '/health/live', undefined, 200, undefined],
  ['so is readiness', '/health/ready', undefined, 200, undefined],
  ['and the CA key', '/ca.pub', undefined, 200, undefined],
  ['decisions are not', '/v1/decisions', undefined, 401, 'unauthorized'],
  ['an unknown token is nobody', '/v1/decisions', 'wrong', 401, 'unauthorized'],
  ['one whose policy says no is refused', '/v1/decisions', 'other', 403, 'forbidden'],
  ['one of the group reads', '/v1/decisions', 'secret', 200, undefined],
  ['what is not there is not told to strangers', '/nothing', undefined, 401, 'unauthorized'],
  ['what is not there', '/nothing', 'secret', 404, 'resource_not_found'],
  ['a limit is a number', '/v1/decisions?limit=x', 'secret', 400, 'invalid_parameter'],
  ['from one', '/v1/decisions?limit=0', 'secret', 400, 'invalid_parameter'],
  ['to five hundred', '/v1/decisions?limit=501', 'secret', 400, 'invalid_parameter'],
  ['an unknown parameter is refused', '/v1/decisions?limt=5', 'secret', 400, 'invalid_parameter'],
  ['one that comes twice too', '/v1/decisions?limit=5&limit=6', 'secret', 400, 'invalid_parameter'],
  ['a cursor of others is refused', '/v1/decisions?cursor=AAAA', 'secret', 400, 'invalid_parameter'],
  ['an id has a shape', '/v1/decisions/1', 'secret', 400, 'invalid_parameter'],
  ['an unknown id', `/v1/decisions/${id(9)}`, 'secret', 404, 'resource_not_found'],
  ['a known one', `/v1/decisions/${id(3)}`, 'secret', 200, undefined],
]
for (const [rule, url, token, status, code] of answers)
  test(rule, async () => {
    const answer = await anApp().get(url, token)
    assert.deepEqual(
      [answer.statusCode, code === undefined ? undefined : answer.json().code],
      [status, code],
      answer.body,
    )
    if (code !== undefined) assert.deepEqual(Object.keys(answer.json()), ['code', 'message'])
  })

const faults: [rule: string, url: string, message: RegExp][] = [
  [
    'an unknown parameter is named, and those there are',
    '/v1/decisions?limt=5',
    /^querystring\/limt is not known; .*limit/,
  ],
  ['one that does not read too', '/v1/decisions?limit=x', /^querystring\/limit must match pattern/],
  ['so is a part of the path', '/v1/decisions/1', /^params\/id must match pattern/],
  ['a control character in its name is not repeated', '/v1/decisions?a%1bb=1', /^querystring\/a[ -~]*b is not known/],
]
for (const [rule, url, message] of faults)
  test(rule, async () => {
    const { code, message: told } = (await anApp().get(url, 'secret')).json()
    assert.equal(code, 'invalid_parameter')
    assert.match(told, message)
  })

test('events come back as the exact bytes that were written', async () => {
  const { get } = anApp()
  assert.equal((await get(`/v1/decisions/${id(2)}`, 'secret')).body, event(2))
  assert.equal((await get('/v1/decisions?limit=1', 'secret')).body.startsWith(`{"decisions":[${event(5)}]`), true)
})
test('the pages hold everything once, newest first', async () => {
  const { get } = anApp()
  const seen: string[] = []
  for (let url: string | undefined = '/v1/decisions?limit=2'; url !== undefined; ) {
    const page: { decisions: { decision_id: string }[]; next_cursor?: string } = (await get(url, 'secret')).json()
    seen.push(...page.decisions.map(({ decision_id }) => decision_id))
    url = page.next_cursor === undefined ? undefined : `/v1/decisions?limit=2&cursor=${page.next_cursor}`
  }
  assert.deepEqual(seen, [5, 4, 3, 2, 1].map(id))
})
test('the policy is asked for the path as it is written, by its parts', async () => {
  const { get, asked } = anApp()
  await get('/v1/decisions?limit=1', 'secret')
  await get('/v1/de%63isions', 'secret')
  assert.deepEqual(
    asked.map(({ path }) => path),
    [
      ['v1', 'decisions'],
      ['v1', 'decisions'],
    ],
  )
  assert.deepEqual(asked[0]?.identity, { kind: 'token', username: 'ci', groups: ['all'] })
})
test('a policy that fails to answer is a no, and no detail gets out', async () => {
  const failing = anApp({ authorize: () => Promise.reject(new Error('secret detail')) })
  const answer = await failing.get('/v1/decisions', 'secret')
  assert.equal(answer.statusCode, 500)
  assert.ok(!answer.body.includes('secret detail'))
})
test('who is not ready says why', async () => {
  const { get } = anApp({ readiness: async () => [{ name: 'policy', code: 'POLICY_BUNDLE' }, { name: 'store' }] })
  const answer = await get('/health/ready')
  assert.deepEqual(
    [answer.statusCode, answer.json()],
    [503, { status: 'not ready', faults: { policy: 'POLICY_BUNDLE: a policy bundle that cannot be used' } }],
  )
})
test('the CA key is ready for TrustedUserCAKeys', async () => {
  const answer = await anApp().get('/ca.pub')
  assert.deepEqual(
    [answer.body, answer.headers['content-type']],
    ['ssh-ed25519 AAAA ca\n', 'text/plain; charset=utf-8'],
  )
})
test('a signer that was never seen gives no CA keys', async () => {
  const { get } = anApp({ caKeys: () => Promise.reject(new GatewayError('SIGNER_UNAVAILABLE', 'no agent')) })
  const answer = await get('/ca.pub')
  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'signer_unavailable'])
})

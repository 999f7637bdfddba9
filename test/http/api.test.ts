import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../src/model/errors.ts'
import { aLiveSession, anApp, aSession, id } from '../support/http.ts'
import { aKnock } from '../support/knock.ts'

type App = ReturnType<typeof anApp>
const secret = { authorization: 'Bearer secret' }
const remove = ({ app }: App, url: string) => app.inject({ url, method: 'DELETE', headers: secret })

// Lists: each page by page, and refused when they are asked in a wrong way

const refused: [rule: string, url: string][] = [
  ['a limit that is none', '/v1/sessions?limit=0'],
  ['a limit that is too much', '/v1/logins?limit=501'],
  ['a state that is none', '/v1/sessions?state=dead'],
  ['an unknown parameter', '/v1/logins?user=alice'],
  ['a cursor of another list', `/v1/logins?cursor=${Buffer.from('before 5 5').toString('base64url')}`],
  ['a cursor that holds SQL', `/v1/sessions?state=ended&cursor=${Buffer.from("before 5 '").toString('base64url')}`],
  ['a session’s id that is none', '/v1/sessions/1'],
  ['an outcome that is none', '/v1/decisions?outcome=maybe'],
  ['a kind that is none', '/v1/decisions?kind=all'],
  ['a code that is none', '/v1/decisions?code=no'],
  ['a user without a name', '/v1/decisions?user='],
  ['a time that is none', '/v1/decisions?from=yesterday'],
  ['a time without a zone', '/v1/decisions?from=2025-11-24T12:00:00'],
  ['a day that is none', '/v1/decisions?to=2025-13-24T12:00:00Z'],
]
for (const [rule, url] of refused)
  test(`a list is not given for ${rule}`, async () => {
    const answer = await anApp().get(url, 'secret')
    assert.deepEqual([answer.statusCode, answer.json().code], [400, 'invalid_parameter'], answer.body)
  })

test('decisions are asked for as they were asked', async () => {
  const { get, decisions } = anApp()
  const query = 'user=alice&route=db1&outcome=deny&code=ROUTE_UNKNOWN&kind=what-if'
  await get(`/v1/decisions?${query}&from=2025-11-24T13:00:00%2B01:00&to=2025-11-25t00:00:00.5z&limit=7`, 'secret')
  await get('/v1/decisions', 'secret')
  assert.deepEqual(decisions.asked, [
    {
      username: 'alice',
      route: 'db1',
      outcome: 'deny',
      code: 'ROUTE_UNKNOWN',
      kind: 'what-if',
      from: '2025-11-24T12:00:00.000Z',
      to: '2025-11-25T00:00:00.500Z',
      limit: 8,
    },
    { kind: 'ssh', limit: 51 },
  ])
})

test('live sessions are listed, the latest first, page by page', async () => {
  const { get } = anApp()
  const seen: string[] = []
  for (let url: string | undefined = '/v1/sessions?limit=1'; url !== undefined; ) {
    const page: { sessions: { id: string; state: string }[]; next_cursor?: string } = (await get(url, 'secret')).json()
    for (const { id, state } of page.sessions) seen.push(`${state} ${id}`)
    url = page.next_cursor === undefined ? undefined : `/v1/sessions?limit=1&cursor=${page.next_cursor}`
  }
  assert.deepEqual(seen, [`live ${id(3)}`, `live ${id(2)}`, `live ${id(1)}`])
})
test('of two that began in one second both are listed', async () => {
  const twins = [1, 2].map((number) => ({ ...aLiveSession(number), started_at: 5 }))
  const { get } = anApp({ sessions: { list: async () => twins, cut: async () => false } })
  const first = (await get('/v1/sessions?limit=1', 'secret')).json()
  const second = (await get(`/v1/sessions?limit=1&cursor=${first.next_cursor}`, 'secret')).json()
  assert.deepEqual([first.sessions[0].id, second.sessions[0].id, second.next_cursor], [id(2), id(1), undefined])
})
test('those that ended are listed when they are asked for, with why', async () => {
  const { sessions } = (await anApp().get('/v1/sessions?state=ended', 'secret')).json()
  const bytes = { to_client: 7, to_target: 8 }
  const end = { code: 'CLIENT_LEFT', message: 'gone' }
  assert.deepEqual(sessions, [{ ...aSession(4), state: 'ended', bytes, ended_at: 1_763_880_500, end }])
})
test('one session is told with what happened in it, live or ended', async () => {
  const { get } = anApp()
  const live = (await get(`/v1/sessions/${id(1)}`, 'secret')).json()
  const ended = (await get(`/v1/sessions/${id(4)}`, 'secret')).json()
  assert.deepEqual([live.state, live.bytes.to_target, live.end, live.events.length], ['live', 1, undefined, 3])
  assert.deepEqual([ended.state, ended.end.code, ended.events[1].because], ['ended', 'CLIENT_LEFT', 'not named'])
  assert.equal((await get(`/v1/sessions/${id(77)}`, 'secret')).statusCode, 404)
})
test('a session that is ended is gone, and cannot be ended twice', async () => {
  const app = anApp()
  assert.equal((await remove(app, `/v1/sessions/${id(2)}`)).statusCode, 204)
  assert.equal((await remove(app, `/v1/sessions/${id(2)}`)).statusCode, 404)
  assert.equal((await remove(app, `/v1/sessions/${id(4)}`)).statusCode, 404, 'it has ended by itself')
  assert.deepEqual(app.done, [`cut ${id(2)}`, `cut ${id(2)}`, `cut ${id(4)}`])
})

test('logins are listed without what only the policy is to know', async () => {
  const answer = (await anApp().get('/v1/logins?limit=1', 'secret')).json()
  assert.deepEqual(answer.logins, [
    {
      id: id(2),
      person: { issuer: 'https://idp.example', subject: 'sub-alice', username: 'alice', groups: ['dba'] },
      flow: 'device',
      source_ip: '203.0.113.9',
      key: 'SHA256:k',
      network: '203.0.113.0/24',
      created_at: 1_763_880_002,
      expires_at: 1_763_908_800,
    },
  ])
  assert.equal(Buffer.from(answer.next_cursor, 'base64url').toString(), `before 1763880002 ${id(2)}`)
})
test('a login is revoked once', async () => {
  const app = anApp()
  assert.equal((await remove(app, `/v1/logins/${id(1)}`)).statusCode, 204)
  assert.equal((await remove(app, `/v1/logins/${id(9)}`)).statusCode, 404)
  assert.deepEqual(app.done, [`revoke ${id(1)}`, `revoke ${id(9)}`])
})

test('the policy in force, or why none is', async () => {
  const loaded_at = '2025-11-23T06:40:00.000Z'
  const entrypoints = ['ssh/decision']
  assert.deepEqual((await anApp().get('/v1/policy', 'secret')).json(), { revision: 'r1', entrypoints, loaded_at })
  const fault = new GatewayError('POLICY_BUNDLE', 'it is no bundle')
  const { get } = anApp({ policy: () => ({ entrypoints: [], loadedAt: 1_763_880_000_000, fault }) })
  assert.deepEqual((await get('/v1/policy', 'secret')).json(), {
    entrypoints: [],
    loaded_at,
    error: { code: 'POLICY_BUNDLE', message: 'it is no bundle' },
  })
})

// What-ifs

const { connection, identity, key } = aKnock()
const input: Record<string, unknown> = {
  version: 'ssh/v1',
  identity,
  key,
  connection,
  target: { route: 'db1', login: 'postgres', host: '10.0.3.7', port: 22, principals: 'login', labels: {} },
  request: { approvals: [] },
  usage: { sessions: 0 },
  facts: {},
}
const whatIf = ({ app }: App, payload: object) =>
  app.inject({ url: '/v1/data/ssh/decision', method: 'POST', headers: secret, payload })

test('a what-if is answered as OPA does, and who asks is known', async () => {
  const answer = (await whatIf(anApp(), { input })).json()
  assert.deepEqual([answer.decision_id, answer.result.caller.username], [id(8), 'ci'])
  assert.match(answer.result.caller.address, /^127\.0\.0\.1:\d+$/)
})
test('an undefined decision has no result', async () => {
  assert.deepEqual((await whatIf(anApp({ whatIf: async () => ({ decisionId: id(8) }) }), { input })).json(), {
    decision_id: id(8),
  })
})
let deep: unknown = 1
for (let level = 0; level < 40; level++) deep = [deep]
const wrong: [rule: string, body: object][] = [
  ['nothing', {}],
  ['no input', { input: null }],
  ['more than an input', { input, explain: 'full' }],
  ['an unknown field', { input: { ...input, targets: {} } }],
  ['an unknown field further in', { input: { ...input, key: { ...key, type2: 'x' } } }],
  ['a number that is a text', { input: { ...input, usage: { sessions: '0' } } }],
  ['a null', { input: { ...input, key: null } }],
  ['another version', { input: { ...input, version: 'ssh/v2' } }],
  ['facts that are nested deeper than anything', { input: { ...input, facts: { deep } } }],
]
for (const [rule, body] of wrong)
  test(`a what-if is refused for ${rule}`, async () => {
    const asked: unknown[] = []
    const app = anApp({
      async whatIf(input) {
        asked.push(input)
        return { decisionId: id(8) }
      },
    })
    const answer = await whatIf(app, body)
    assert.deepEqual([answer.statusCode, answer.json().code, asked], [400, 'invalid_parameter', []], answer.body)
  })
const failures: [code: GatewayError['code'], status: number, told: string][] = [
  ['POLICY_TIMEOUT', 500, 'POLICY_TIMEOUT'],
  ['POLICY_BUILTIN_FAILED', 500, 'POLICY_BUILTIN_FAILED'],
  ['POLICY_INPUT', 400, 'invalid_parameter'],
  ['POLICY_MISSING', 503, 'POLICY_MISSING'],
  ['POLICY_BUSY', 503, 'POLICY_BUSY'],
  ['LOG_NOT_DURABLE', 503, 'LOG_NOT_DURABLE'],
]
for (const [code, status, told] of failures)
  test(`a what-if that fails with ${code} is ${status}`, async () => {
    const app = anApp({ whatIf: async () => ({ decisionId: id(8), fault: new GatewayError(code, 'why') }) })
    const answer = await whatIf(app, { input })
    assert.deepEqual([answer.statusCode, answer.json().code], [status, told])
  })

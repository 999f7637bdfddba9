import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Value } from 'typebox/value'
import { SessionAnswer } from '../../src/http/sessions.ts'
import { DecisionEvent as DecisionEventShape } from '../../src/http/shapes.ts'
import { PolicyInput } from '../../src/model/context.ts'
import { shapeFaults } from '../../src/model/shape.ts'
import { run, start } from '../support/process.ts'
import { until } from '../support/workers.ts'
import { type DecisionEvent, readerToken, startWorld, token, type World } from '../support/world.ts'

const program = join(import.meta.dirname, '..', '..', 'bin', 'regate')
let world: World
before(async () => {
  world = await startWorld({ certificates: { db1: { extensions: { 'permit-exec@regate': ['*'] } } } })
})
after(() => world[Symbol.asyncDispose]())

const call = (path: string, bearer = readerToken, request: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${world.gateway.httpPort}${path}`, {
    ...request,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
  })
type Answer<T> = Promise<{ status: number; body: T }>
async function ask<T>(path: string, bearer = readerToken, request: RequestInit = {}): Answer<T> {
  const answer = await call(path, bearer, request)
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? undefined : JSON.parse(text)) as T }
}
const regate = (...args: string[]) => {
  const at = ['--url', `http://127.0.0.1:${world.gateway.httpPort}`]
  return run(program, [...args, ...at], { env: { REGATE_TOKEN: token } })
}
type Decisions = { decisions: DecisionEvent[]; next_cursor?: string }
type Logins = { logins: { id: string; person: { username: string } }[] }

test('a decision is found by what it is about, read along, and told on the command line', async () => {
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  assert.notEqual((await world.ssh('nowhere', ['true'])).code, 0)
  const about = async (query: string): Promise<string[]> =>
    (await ask<Decisions>(`/v1/decisions?${query}`)).body.decisions.map(({ mapped_result: { outcome, code } }) =>
      [outcome, code].join(' ').trim(),
    )
  assert.deepEqual(await about('user=alice@example.com'), ['deny ROUTE_UNKNOWN', 'allow'])
  assert.deepEqual(await about('user=alice@example.com&route=db1'), ['allow'])
  assert.deepEqual(await about('code=ROUTE_UNKNOWN&outcome=deny'), ['deny ROUTE_UNKNOWN'])
  assert.deepEqual(await about('user=bob'), [])
  assert.deepEqual(await about('to=2020-01-01T00:00:00Z'), [])

  const [denied, allowed] = (await ask<Decisions>('/v1/decisions')).body.decisions
  assert.ok(denied !== undefined && allowed !== undefined)
  assert.ok(Value.Check(DecisionEventShape, denied) && Value.Check(DecisionEventShape, allowed))
  const at = ['--url', `http://127.0.0.1:${world.gateway.httpPort}`, '--after', allowed.decision_id]
  await using tail = start(program, ['decisions', 'tail', ...at], { REGATE_TOKEN: readerToken })
  await tail.line(new RegExp(`ROUTE_UNKNOWN +${denied.decision_id}$`))
  assert.equal((await world.ssh('db1', ['true'])).code, 0)
  await tail.line(/allow +alice@example\.com +postgres@db1/)
  assert.match((await regate('decisions', 'show', allowed.decision_id)).stdout, /^principals +\["postgres"\]$/m)
})

test('a what-if is decided, recorded as one, and kept apart', async () => {
  const [decision] = (await ask<Decisions>('/v1/decisions?outcome=allow')).body.decisions
  const input = decision?.input as unknown as PolicyInput
  assert.ok(Value.Check(PolicyInput, input))
  const put = (body: object, bearer = token) =>
    ask<{ decision_id: string; result?: { outcome: string }; code?: string; message?: string }>(
      '/v1/data/ssh/decision',
      bearer,
      { method: 'POST', body: JSON.stringify(body) },
    )
  const asked = await put({ input })
  assert.deepEqual([asked.status, asked.body.result?.outcome], [200, 'allow'])
  const { identity: _, ...stranger } = input
  const { body: challenged } = await put({ input: stranger })
  assert.equal(challenged.result?.outcome, 'challenge')
  const labels = { decision: '{' }
  const undefinedOne = await put({ input: { ...input, target: { ...input.target, labels } } })
  assert.deepEqual([undefinedOne.status, Object.keys(undefinedOne.body)], [200, ['decision_id']])
  assert.equal((await put({ input: { ...input, extra: 1 } })).status, 400)
  assert.equal((await put({ input }, readerToken)).status, 403)

  const list = (await ask<Decisions>('/v1/decisions?kind=what-if')).body.decisions
  assert.deepEqual(
    list.map(({ mapped_result: done }) => done),
    [
      { outcome: 'deny', code: 'POLICY_UNDEFINED', asked_by: 'tests' },
      { outcome: 'challenge', asked_by: 'tests' },
      { outcome: 'allow', asked_by: 'tests' },
    ],
  )
  assert.ok(list.every((event) => Value.Check(DecisionEventShape, event)))
  const ids = (await ask<Decisions>('/v1/decisions?limit=500')).body.decisions.map(({ decision_id }) => decision_id)
  assert.ok(!ids.includes(asked.body.decision_id))
})

test('the policy in force, and what was counted', async () => {
  const policy = (await ask<{ revision: string; entrypoints: string[] }>('/v1/policy')).body
  assert.deepEqual(
    [policy.revision, policy.entrypoints.toSorted()],
    ['bundle.tar.gz', ['ssh/decision', 'system/authz/allow']],
  )
  const answer = await fetch(`http://127.0.0.1:${world.gateway.httpPort}/metrics`)
  const text = await answer.text()
  const counted = (line: RegExp): number => Number(line.exec(text)?.[1])
  assert.ok(counted(/^regate_decisions_total\{outcome="allow",code=""\} (\d+)$/m) >= 2)
  assert.equal(counted(/^regate_decisions_total\{outcome="deny",code="ROUTE_UNKNOWN"\} (\d+)$/m), 1)
  assert.equal(counted(/^regate_sign_ins_total\{result="signed-in"\} (\d+)$/m), 1)
  assert.ok(counted(/^regate_policy_evaluation_seconds_count\{entrypoint="ssh\/decision"\} (\d+)$/m) >= 3)
  assert.ok(counted(/^regate_decision_log_seconds_count (\d+)$/m) >= 3)
})

interface Told {
  readonly id: string
  readonly state: string
  readonly events: readonly { readonly kind: string; readonly what?: string }[]
}
type Sessions = { sessions: Told[] }
const session = (route: string, command: string) => start('ssh', ['-F', world.config, route, command])

test('a live session is told as it is described, ended by an operator, and told from then on', async () => {
  await using ssh = session('db1', 'echo in; cat')
  await ssh.line(/^in$/)
  // One that was there before may not have been counted off yet.
  const live = async () => (await ask<Sessions>('/v1/sessions')).body.sessions
  const [one, ...others] = await until(live, ({ length }) => length === 1)
  assert.ok(one !== undefined && others.length === 0)
  const told = (await ask<Told>(`/v1/sessions/${one.id}`)).body
  assert.deepEqual(shapeFaults(SessionAnswer, told), [])
  assert.deepEqual(
    [told.state, told.events.map(({ kind, what }) => `${kind} ${what}`)],
    ['live', ['opened channel session', 'opened request exec echo in; cat']],
  )
  assert.match(
    (await regate('sessions', 'list')).stdout,
    new RegExp(`alice@example\\.com +postgres@db1 .* ${one.id}$`, 'm'),
  )
  assert.match(
    (await regate('sessions', 'show', one.id)).stdout,
    /opened +request exec echo in; cat, .*permit-exec@regate/,
  )
  assert.match(await (await call('/metrics')).text(), /^regate_sessions_live 1$/m)

  assert.equal((await regate('sessions', 'end', one.id)).code, 0)
  assert.equal(await ssh.ended(), 255)
  assert.equal((await regate('sessions', 'end', one.id)).code, 1)
  const after = (await ask<Told & { end: { code: string } }>(`/v1/sessions/${one.id}`)).body
  assert.deepEqual(shapeFaults(SessionAnswer, after), [])
  assert.deepEqual([after.state, after.end.code], ['ended', 'SESSION_ENDED'])
  assert.match((await regate('sessions', 'list', '--ended')).stdout, new RegExp(`${one.id} +SESSION_ENDED$`, 'm'))
})

test('a login that is revoked takes its live sessions along', async () => {
  await using ssh = session('db1', 'echo in; cat')
  await ssh.line(/^in$/)
  const { sessions } = (await ask<{ sessions: (Told & { login_id: string })[] }>('/v1/sessions')).body
  const [one] = sessions
  const [login] = (await ask<Logins>('/v1/logins')).body.logins
  assert.ok(one !== undefined && login !== undefined)
  assert.equal(one.login_id, login.id)
  assert.equal((await regate('logins', 'revoke', login.id)).code, 0)
  assert.equal(await ssh.ended(), 255)
  const after = (await ask<{ end: { code: string } }>(`/v1/sessions/${one.id}`)).body
  assert.equal(after.end.code, 'LOGIN_REVOKED')
  assert.equal((await world.ssh('db1', ['true'])).code, 0) // signs in again
})

test('a login that is revoked opens nothing any more', async () => {
  const batch = { options: ['-o', 'BatchMode=yes'] }
  assert.equal((await world.ssh('db1', ['true'], batch)).code, 0)
  const [login, ...others] = (await ask<Logins>('/v1/logins')).body.logins
  assert.ok(login !== undefined)
  assert.deepEqual([login.person.username, others], ['alice@example.com', []])
  assert.equal((await ask(`/v1/logins/${login.id}`, readerToken, { method: 'DELETE' })).status, 403)
  assert.match((await regate('logins', 'list')).stdout, new RegExp(`alice@example\\.com .* ${login.id}$`, 'm'))
  assert.deepEqual(await regate('logins', 'revoke', login.id), { code: 0, signal: null, stdout: '', stderr: '' })
  assert.equal((await regate('logins', 'revoke', login.id)).code, 1)
  assert.notEqual((await world.ssh('db1', ['true'], { ...batch, onCode: async () => {} })).code, 0)
})

test('a session’s lines say who, from where and by what', async () => {
  for (const message of ['session began', 'session ended']) {
    const line = JSON.parse(await world.gateway.line(new RegExp(`"msg":"${message}"`))) as Record<string, string>
    const { user, source, client = '', session = '', connection = '' } = line
    assert.deepEqual([user, source], ['alice@example.com', '127.0.0.1'])
    assert.match(client, /^SSH-2\.0-OpenSSH_/)
    assert.match(`${session} ${connection}`, /^[0-9a-f-]{36} [0-9a-f-]{36}$/)
  }
})

test('who reads along does not keep the gateway from stopping', async () => {
  const answer = await call('/v1/decisions/tail')
  assert.equal(answer.status, 200)
  assert.equal(await world.gateway.stop(), 0)
  assert.equal(await answer.text(), '')
})

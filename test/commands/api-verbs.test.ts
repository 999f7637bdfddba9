import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { anApp, event, id, someDecisions } from '../support/http.ts'
import { type Finished, run, start } from '../support/process.ts'
import { makeWorkspace } from '../support/workspace.ts'

const program = join(import.meta.dirname, '..', '..', 'bin', 'regate')
/** What would clear the screen, set the title, turn the direction, and end the line. */
const hostile = '\u001b[2J\u009b1mevil\u202e\r\n'
const workspace = makeWorkspace()
const decisions = someDecisions(3)
const made = anApp({ decisions, onDecision: decisions.onDecision })
let url: string
const regate = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  run(program, args, { env: { REGATE_TOKEN: 'secret', ...env }, cwd: workspace.folder })
const ask = (...args: string[]): Promise<Finished> => regate([...args, '--url', url])

before(async () => {
  await made.app.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(made.app.server.address() as { port: number }).port}`
})
after(async () => {
  await made.app.close()
  workspace[Symbol.dispose]()
})

// What is printed

test('decisions are a table for people', async () => {
  const done = await ask('decisions', 'list', '--limit', '2')
  const row = `2025-11-24 12:00:00Z  deny     -     -@?       203.0.113.9:50122  DENIED_BY_POLICY`
  assert.deepEqual([done.code, done.stderr], [0, ''])
  assert.deepEqual(
    done.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ')),
    [
      'time  outcome  user  asks for  from  code  decision',
      `${row.replace(/ {2,}/g, '  ')}  ${id(3)}`,
      `${row.replace(/ {2,}/g, '  ')}  ${id(2)}`,
      '',
    ],
  )
})
test('and lines for programs, each with the value that was written, its last digit included', async () => {
  const done = await ask('decisions', 'list', '--json', '--limit', '2')
  assert.equal(done.stdout, `${event(3)}\n${event(2)}\n`)
})
test('a list goes on over pages until there are enough', async () => {
  const many = someDecisions(1_100)
  const app = anApp({ decisions: many }).app
  await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    const { port } = app.server.address() as { port: number }
    const list = (limit: string) =>
      regate(['decisions', 'list', '--json', '--limit', limit, '--url', `http://127.0.0.1:${port}`])
    const lines = async (limit: string): Promise<number> => (await list(limit)).stdout.trimEnd().split('\n').length
    assert.deepEqual([await lines('1050'), await lines('9999')], [1_050, 1_100])
  } finally {
    await app.close()
  }
})
test('what is asked for is asked of the gateway', async () => {
  const filter = ['--user', 'alice', '--route', 'db1', '--outcome', 'deny', '--code', 'ROUTE_UNKNOWN', '--kind', 'ssh']
  const begun = Date.now()
  await ask('decisions', 'list', ...filter, '--from', '8h', '--to', '2099-01-01T00:00:00Z', '--limit', '7')
  const { from, ...asked } = decisions.asked.at(-1) as { from: string }
  assert.deepEqual(asked, {
    username: 'alice',
    route: 'db1',
    outcome: 'deny',
    code: 'ROUTE_UNKNOWN',
    kind: 'ssh',
    to: '2099-01-01T00:00:00.000Z',
    limit: 8,
  })
  assert.ok(Math.abs(begun - 8 * 3_600_000 - Date.parse(from)) < 60_000)
})
test('one decision is told by its facts, or as it was written', async () => {
  assert.equal((await ask('decisions', 'show', id(1), '--json')).stdout, `${event(1)}\n`)
  const { stdout } = await ask('decisions', 'show', id(1))
  assert.match(stdout, /^decision +0{8}-0000-4000-8000-0{11}1$/m)
  assert.match(stdout, /^outcome +deny DENIED_BY_POLICY$/m)
})
test('decisions come as they are made, until the gateway ends', async () => {
  const log = someDecisions(2)
  const other = anApp({ decisions: log, onDecision: log.onDecision }).app
  await other.listen({ port: 0, host: '127.0.0.1' })
  const { port } = other.server.address() as { port: number }
  const at = ['--url', `http://127.0.0.1:${port}`, '--after', id(1)]
  await using tail = start(program, ['decisions', 'tail', '--json', ...at], { REGATE_TOKEN: 'secret' })
  await tail.line(new RegExp(id(2)))
  log.add()
  assert.equal(await tail.line(new RegExp(id(3))), event(3))
  await other.close()
  assert.equal(await tail.ended(), 1)
  assert.match(tail.lines.at(-1) ?? '', /^regate: 127\.0\.0\.1:\d+ has ended the stream$/)
})
test('sessions: live ones, ended ones, and one with what happened in it', async () => {
  const live = await ask('sessions', 'list')
  assert.match(live.stdout, /^began +user +on +from +bytes out +bytes in +session\n/)
  assert.match(live.stdout, new RegExp(`alice +postgres@db1 +203\\.0\\.113\\.9 +10 +1 +${id(1)}`))
  assert.match((await ask('sessions', 'list', '--ended')).stdout, new RegExp(`${id(4)} +CLIENT_LEFT`))
  assert.equal((await ask('sessions', 'list', '--json')).stdout.trimEnd().split('\n').length, 3)
  const { stdout } = await ask('sessions', 'show', id(4))
  assert.match(stdout, /^why +gone \(CLIENT_LEFT\)$/m)
  assert.match(stdout, /^2025-11-24 12:00:01Z +refused +request env, not named$/m)
  assert.match(stdout, /opened +request shell, field permit-shell@regate$/m)
})
test('a session is ended once', async () => {
  const first = await ask('sessions', 'end', id(2))
  assert.deepEqual([first.code, first.stdout, first.stderr], [0, '', ''])
  const second = await ask('sessions', 'end', id(2))
  assert.deepEqual([second.code, second.stderr], [1, 'regate: no session has that id (resource_not_found)\n'])
})
test('logins are listed and revoked', async () => {
  const { stdout } = await ask('logins', 'list')
  assert.match(stdout, new RegExp(`alice +203\\.0\\.113\\.0/24 +SHA256:k +${id(1)}$`, 'm'))
  assert.equal((await ask('logins', 'revoke', id(1))).code, 0)
  assert.equal((await ask('logins', 'revoke', id(9))).code, 1)
})

test('a gateway that is cut off in the middle of a line is told as an end', async () => {
  await using server = await serving((_request, response) => {
    response.writeHead(200).write(`${event(1)}\n{"half`, () => response.destroy())
  })
  const done = await regate(['decisions', 'tail', '--json', '--url', server.url])
  assert.equal(done.code, 1)
  assert.equal(done.stderr, `regate: ${new URL(server.url).host} has ended the stream\n`)
  assert.equal(done.stdout, `${event(1)}\n`)
})

const nonsense: [rule: string, status: number, body: string, said: RegExp][] = [
  ['no JSON', 200, 'hello', /gave an answer that does not read/],
  ['JSON of something else', 200, '{"items":[]}', /gave no logins/],
  ['an error of something else', 502, '<html>', /the answer is none of a gateway \(no_gateway\)/],
]
for (const [rule, status, body, said] of nonsense)
  test(`exit code 1 for an answer that is ${rule}`, async () => {
    await using server = await serving((_request, response) => response.writeHead(status).end(body))
    const done = await regate(['logins', 'list', '--url', server.url])
    assert.deepEqual([done.code, said.test(done.stderr)], [1, true], done.stderr)
  })

// Nothing of what a server says moves the cursor

const verbs: [args: string[], json: boolean][] = [
  [['decisions', 'list'], true],
  [['decisions', 'show', id(1)], true],
  [['sessions', 'list'], true],
  [['sessions', 'list', '--ended'], true],
  [['sessions', 'show', id(1)], true],
  [['logins', 'list'], true],
]
for (const [args, json] of verbs)
  test(`no control character reaches the terminal: ${args.slice(0, 2).join(' ')}`, async () => {
    await using server = await hostileServer()
    for (const more of json ? [[], ['--json']] : [[]]) {
      const { stdout, code, stderr } = await regate([...args, ...more, '--url', server.url])
      assert.equal(code, 0, stderr)
      assert.match(stdout, /evil/)
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
      if (more.length > 0) assert.ok(stdout.includes('\\u009b1mevil\\u202e'), 'the value is the same')
    }
  })
test('nor in an error', async () => {
  await using server = await hostileServer(403)
  const { stderr, code } = await regate(['logins', 'list', '--url', server.url])
  assert.deepEqual([code, stderr], [1, 'regate: ?[2J?1mevil??? (?[2J?1mevil???)\n'])
})

/** Whose every text is hostile, and whose every list has one of what is asked for. */
async function hostileServer(status = 200) {
  const thing = {
    decision_id: hostile,
    timestamp: hostile,
    requested_by: hostile,
    input: { identity: { username: hostile }, target: { route: hostile, login: hostile } },
    mapped_result: { outcome: hostile, code: hostile, certificate: { extensions: { [hostile]: hostile } } },
    id: hostile,
    person: { username: hostile },
    route: hostile,
    login: hostile,
    source: { ip: hostile },
    end: { code: hostile, message: hostile },
    events: [{ timestamp: hostile, kind: hostile, what: hostile, [hostile]: hostile }],
    network: hostile,
    key: hostile,
  }
  const refusal = { code: hostile, message: hostile }
  return serving((request, response) => {
    const [, , name = '', one] = (request.url ?? '').split('?')[0]?.split('/') ?? []
    const body = status === 200 ? (one === undefined ? { [name]: [thing] } : thing) : refusal
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
}

async function serving(answer: RequestListener) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}

// Where the gateway is and by what right

test('the configuration says where the gateway is, whatever else is wrong with it', async () => {
  const at = (listen: string): string => workspace.write('regate.yaml', `http: { listen: "${listen}" }\nnonsense: 1\n`)
  at(`0.0.0.0:${new URL(url).port}`)
  assert.equal((await regate(['sessions', 'list'])).code, 0)
  at('nowhere')
  const done = await regate(['sessions', 'list'])
  assert.deepEqual([done.code, /http\.listen does not read/.test(done.stderr)], [2, true])
})
test('a configuration sends the token to no other machine', async () => {
  workspace.write('regate.yaml', 'http: { listen: "192.0.2.1:8022" }\n')
  const done = await regate(['sessions', 'list'], { REGATE_TOKEN: 'secret' })
  assert.deepEqual([done.code, /192\.0\.2\.1, which is not this machine/.test(done.stderr)], [2, true])
})
test('a token comes from a file when one is named', async () => {
  const file = workspace.write('token', 'secret\n')
  const done = await regate(['logins', 'list', '--url', url, '--token-file', file], { REGATE_TOKEN: 'wrong' })
  assert.equal(done.code, 0, done.stderr)
})

const failures: [rule: string, args: string[], env: NodeJS.ProcessEnv, code: number, said: RegExp][] = [
  ['no token', ['logins', 'list'], { REGATE_TOKEN: '' }, 1, /a bearer token is needed \(unauthorized\)/],
  ['a wrong token', ['logins', 'list'], { REGATE_TOKEN: 'wrong' }, 1, /the token is not known \(unauthorized\)/],
  ['a token of no rights', ['logins', 'list'], { REGATE_TOKEN: 'other' }, 1, /does not allow this \(forbidden\)/],
  ['a token that is none', ['logins', 'list'], { REGATE_TOKEN: 'a b' }, 2, /REGATE_TOKEN does not hold a token/],
  ['a file that is not there', ['logins', 'list', '--token-file', 'no'], {}, 2, /ENOENT/],
  ['an id that is none', ['decisions', 'show', '../logins'], {}, 2, /invalid_parameter/],
  ['an id that is not there', ['decisions', 'show', id(99)], {}, 1, /no decision has that id/],
  ['a time that is none', ['decisions', 'list', '--from', 'monday'], {}, 2, /from must be a time/],
  ['a limit that is none', ['decisions', 'list', '--limit', '0'], {}, 2, /--limit must be a number/],
  ['an outcome that is none', ['decisions', 'list', '--outcome', 'x'], {}, 2, /Allowed choices are/],
  ['no id', ['sessions', 'end'], {}, 2, /missing required argument/],
]
for (const [rule, args, env, code, said] of failures)
  test(`exit code ${code} for ${rule}`, async () => {
    const done = await regate([...args, '--url', url], env)
    assert.equal(done.code, code, done.stderr)
    assert.match(done.stderr, said)
  })
const places: [rule: string, url: string, code: number, said: RegExp][] = [
  ['nobody listens', 'http://127.0.0.1:1', 1, /http:\/\/127\.0\.0\.1:1 does not answer: /],
  ['it is no URL', 'gateway', 2, /must be an http or https URL/],
  ['it is a file', 'file:///etc/passwd', 2, /must be an http or https URL/],
  ['the token would go in the clear', 'http://gate.example.com', 2, /must be https/],
  ['it only looks like this machine', 'http://127.0.0.1.example.com', 2, /must be https/],
]
for (const [rule, where, code, said] of places)
  test(`exit code ${code} when ${rule}`, async () => {
    const done = await regate(['logins', 'list', '--url', where])
    assert.deepEqual([done.code, said.test(done.stderr)], [code, true], done.stderr)
  })

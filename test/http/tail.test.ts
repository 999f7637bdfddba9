import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { HttpParts } from '../../src/http/app.ts'
import { type TailLimits, usualTail } from '../../src/http/tail.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { anApp, event, id, quiet, someDecisions } from '../support/http.ts'

/** An app that listens, and what reads along with it. */
async function listening(change: Partial<HttpParts> = {}, limits: Partial<TailLimits> = {}) {
  const made = anApp({ tail: { ...usualTail, ...limits }, ...change })
  await made.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = made.app.server.address() as { port: number }
  const leaving = new AbortController()
  return {
    ...made,
    port,
    tail: (query = '', headers: Record<string, string> = {}) =>
      fetch(`http://127.0.0.1:${port}/v1/decisions/tail${query}`, {
        headers: { authorization: 'Bearer secret', ...headers },
        signal: leaving.signal,
      }),
    async [Symbol.asyncDispose]() {
      leaving.abort()
      await made.app.close()
    },
  }
}
const linesOf = (answer: Response): AsyncIterator<string> => {
  assert.equal(answer.status, 200)
  const lines = createInterface({ input: Readable.fromWeb(answer.body as never).on('error', () => {}) })
  return lines[Symbol.asyncIterator]()
}
async function take(lines: AsyncIterator<string>, count: number): Promise<string[]> {
  const taken: string[] = []
  while (taken.length < count) {
    const { value, done } = await lines.next()
    if (done === true) break
    taken.push(value)
  }
  return taken
}
const events = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index))

test('each decision is a line, byte for byte, from now on', async () => {
  await using http = await listening()
  const lines = linesOf(await http.tail())
  http.decisions.add()
  http.decisions.add()
  assert.deepEqual(await take(lines, 2), events(6, 7))
})
test('or from after the one that is named', async () => {
  await using http = await listening()
  const lines = linesOf(await http.tail(`?after=${id(2)}`))
  assert.deepEqual(await take(lines, 3), events(3, 5))
  http.decisions.add()
  assert.deepEqual(await take(lines, 1), events(6, 6))
})
test('server-sent events carry the id to go on from, and a browser that comes again goes on', async () => {
  await using http = await listening()
  const accept = { accept: 'text/event-stream' }
  const answer = await http.tail('', { ...accept, 'last-event-id': id(4) })
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.deepEqual(await take(linesOf(answer), 3), [`id: ${id(5)}`, `data: ${event(5)}`, ''])
})
test('a silent stream of events is shown to be alive', async () => {
  await using http = await listening({}, { heartbeat: 5 as Milliseconds })
  const lines = linesOf(await http.tail('', { accept: 'text/event-stream' }))
  assert.deepEqual(await take(lines, 1), [': alive'])
})
test('more than a page at once comes whole', async () => {
  await using http = await listening()
  const lines = linesOf(await http.tail())
  for (let number = 6; number <= 355; number++) http.decisions.add()
  assert.deepEqual(await take(lines, 350), events(6, 355))
})
test('a decision that comes while the store is looked at is not passed by', async () => {
  const decisions = someDecisions(0)
  let looked = 0
  const since: typeof decisions.since = async (...asked) => {
    const found = await decisions.since(...asked)
    if (looked++ === 0) decisions.add()
    return found
  }
  await using http = await listening({ decisions: { ...decisions, since }, onDecision: decisions.onDecision })
  assert.deepEqual(await take(linesOf(await http.tail()), 1), events(1, 1))
})
test('what is asked for is asked of the store', async () => {
  await using http = await listening()
  await http.tail('?user=alice&route=db1&outcome=deny&code=ROUTE_UNKNOWN&kind=what-if')
  assert.deepEqual(http.decisions.asked.at(-1), {
    username: 'alice',
    route: 'db1',
    outcome: 'deny',
    code: 'ROUTE_UNKNOWN',
    kind: 'what-if',
  })
})

const refused: [rule: string, query: string, headers: Record<string, string>, status: number][] = [
  ['a filter that is none', '?users=alice', {}, 400],
  ['no page', '?limit=5', {}, 400],
  ['an id that is none', '?after=5', {}, 400],
  ['an event’s id that is none', '', { 'last-event-id': '5' }, 400],
  ['a decision that is not there', `?after=${id(99)}`, {}, 404],
]
for (const [rule, query, headers, status] of refused)
  test(`a reader is refused: ${rule}`, async () => {
    await using http = await listening()
    const answer = await http.tail(query, headers)
    assert.deepEqual([answer.status, Object.keys((await answer.json()) as object)], [status, ['code', 'message']])
  })
test('readers are bounded, and one that leaves makes room', async () => {
  const readers: number[] = []
  const decisions = someDecisions(0)
  const onDecision: HttpParts['onDecision'] = (wake) => {
    readers.push(1)
    return decisions.onDecision(wake)
  }
  await using http = await listening({ decisions, onDecision }, { readers: 1 })
  const first = new AbortController()
  const url = `http://127.0.0.1:${http.port}/v1/decisions/tail`
  await fetch(url, { headers: { authorization: 'Bearer secret' }, signal: first.signal })
  const second = await http.tail()
  assert.deepEqual([second.status, ((await second.json()) as { code: string }).code], [429, 'too_many_readers'])
  first.abort()
  while ((await http.tail()).status !== 200);
  assert.equal(readers.length, 2)
})

test('a slow reader is dropped, and the others lose nothing', async () => {
  const dropped = Promise.withResolvers<object>()
  const log = { ...quiet, info: (fields: object) => dropped.resolve(fields) }
  await using http = await listening({ log }, { patience: 500 as Milliseconds })
  const quick = linesOf(await http.tail())
  const slow = await readNothing(http.port)
  let seen = 5
  const isDropped = dropped.promise.then(() => true)
  // Until the sockets between are full: each round is some 25 kB.
  for (let done = false; !done; seen += 100) {
    for (let number = 0; number < 100; number++) http.decisions.add()
    assert.deepEqual(await take(quick, 100), events(seen + 1, seen + 100))
    done = await Promise.race([isDropped, new Promise<false>((resolve) => setImmediate(() => resolve(false)))])
    assert.ok(seen < 500_000, 'dropped before it was sent that much')
  }
  assert.match(JSON.stringify(await dropped.promise), /took nothing for 500 ms/)
  http.decisions.add()
  assert.deepEqual(await take(quick, 1), events(seen + 1, seen + 1))
  slow.destroy()
})
async function readNothing(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /v1/decisions/tail HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n')
  await once(socket, 'readable')
  socket.pause()
  return socket
}

test('the end of the gateway is the end of the stream', async () => {
  await using http = await listening()
  const lines = linesOf(await http.tail())
  await http.app.close()
  assert.deepEqual(await take(lines, 1), [])
})
test('so is a store that fails', async () => {
  const dropped = Promise.withResolvers<object>()
  const decisions = someDecisions(0)
  const since = () => Promise.reject(new Error('secret detail'))
  const log = { ...quiet, info: (fields: object) => dropped.resolve(fields) }
  await using http = await listening({ decisions: { ...decisions, since }, log })
  const answer = await http.tail()
  await assert.rejects(answer.text())
  assert.deepEqual(await dropped.promise, { fault: 'secret detail' })
})

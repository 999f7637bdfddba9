import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { AuthorizationInput } from '../../src/http/authorization.ts'
import { GatewayError } from '../../src/model/errors.ts'
import { anApp, id, someDecisions } from '../support/http.ts'

/** What is sent is what is written here: clients of a library would mend it. */
async function ask(port: number, head: string): Promise<{ status: number; body: string }> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {})
  socket.write(`${head}\r\nHost: x\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n`)
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  return { status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4) }
}

const decision = `/v1/decisions/${id(3)}`
const targets: [rule: string, target: string, status: number, asked: string[] | undefined][] = [
  ['a path', '/v1/decisions', 200, ['v1', 'decisions']],
  ['with a query', '/v1/decisions?limit=1', 200, ['v1', 'decisions']],
  ['a letter may be written in another way', '/v1/de%63isions', 200, ['v1', 'decisions']],
  ['a part of it is read once', decision, 200, ['v1', 'decisions', id(3)]],
  ['a path of nothing', '/nothing', 404, ['nothing']],
  ['a slash at the end is another path', '/v1/decisions/', 400, ['v1', 'decisions', '']],
  ['the absolute form', 'http://x/v1/decisions', 400, undefined],
  ['of another scheme', 'a:/v1/decisions', 400, undefined],
  ['two slashes', '//v1/decisions', 400, undefined],
  ['a fragment', '/v1/decisions#x', 400, undefined],
  ['a fragment in the query', '/v1/decisions?limit=1#x', 400, undefined],
  ['an encoded slash is no slash', '/v1%2fdecisions', 404, ['v1/decisions']],
  ['nor where a name is expected', '/v1/decisions/a%2Fb', 400, ['v1', 'decisions', 'a/b']],
  ['an encoded fragment is a name', '/v1/decisions%23x', 404, ['v1', 'decisions#x']],
  ['an encoded percent is read once', '/v1/de%2563isions', 404, ['v1', 'de%63isions']],
  ['a way up leads nowhere', '/health/../v1/decisions', 404, ['health', '..', 'v1', 'decisions']],
  ['no path at all', '*', 400, undefined],
  ['half an encoding', '/%', 400, undefined],
  ['no UTF-8', '/%ff', 400, undefined],
]
for (const [rule, target, status, path] of targets)
  test(`target: ${rule}: ${target}`, async () => {
    const { app, asked } = anApp()
    await app.listen({ port: 0, host: '127.0.0.1' })
    try {
      const answer = await ask((app.server.address() as { port: number }).port, `GET ${target} HTTP/1.1`)
      assert.equal(answer.status, status, answer.body)
      assert.deepEqual(
        asked.map((input: AuthorizationInput) => input.path),
        path === undefined ? [] : [path],
      )
      if (status >= 400) assert.deepEqual(Object.keys(JSON.parse(answer.body)), ['code', 'message'])
    } finally {
      await app.close()
    }
  })

const unreadable: [rule: string, head: string, status: number, code: string][] = [
  ['a method that is none', 'G@T / HTTP/1.1', 400, 'invalid_parameter'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2', 400, 'invalid_parameter'],
  ['a head that does not end', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`, 431, 'request_too_large'],
]
for (const [rule, head, status, code] of unreadable)
  test(`what cannot be read is answered in the same form: ${rule}`, async () => {
    const { app, asked } = anApp()
    await app.listen({ port: 0, host: '127.0.0.1' })
    try {
      const answer = await ask((app.server.address() as { port: number }).port, head)
      assert.deepEqual([answer.status, JSON.parse(answer.body).code, asked], [status, code, []])
    } finally {
      await app.close()
    }
  })

const json = { authorization: 'Bearer secret', 'content-type': 'application/json' }
const xml = { headers: { ...json, 'content-type': 'application/xml' } }
const question = { url: '/v1/data/ssh/decision', method: 'POST', headers: json }
const codes: [rule: string, request: object, status: number, code: string, allow?: string][] = [
  ['what is not there', { url: '/nothing' }, 404, 'resource_not_found'],
  ['a method that the path does not have', { url: decision, method: 'PUT' }, 405, 'method_not_allowed', 'GET, HEAD'],
  ['the same where it is open', { url: '/health/live', method: 'POST' }, 405, 'method_not_allowed', 'GET, HEAD'],
  ['a body that is too long', { ...question, payload: `{"input":"${'x'.repeat(70_000)}"}` }, 413, 'request_too_large'],
  ['a body of another type', { ...question, ...xml, payload: '<x/>' }, 415, 'unsupported_media_type'],
  ['a body that is none', { ...question, payload: '{"input":' }, 400, 'invalid_parameter'],
  ['a name that would be a prototype', { ...question, payload: '{"__proto__":{}}' }, 400, 'invalid_parameter'],
  ['a name that is too long', { url: `/v1/decisions/${'a'.repeat(300)}` }, 414, 'request_too_large'],
]
for (const [rule, request, status, code, allow] of codes)
  test(`code: ${rule}`, async () => {
    const answer = await anApp().app.inject({ headers: { authorization: 'Bearer secret' }, ...request })
    assert.deepEqual([answer.statusCode, answer.json().code, answer.headers.allow], [status, code, allow], answer.body)
  })

test('a store that does not answer is 503, and no detail gets out', async () => {
  const list = () => Promise.reject(new GatewayError('STORE_UNAVAILABLE', 'secret detail'))
  const { get } = anApp({ decisions: { ...someDecisions(0), list } })
  const answer = await get('/v1/decisions', 'secret')
  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'STORE_UNAVAILABLE'])
  assert.ok(!answer.body.includes('secret detail'))
})
test('the same when no policy can be asked', async () => {
  const { get } = anApp({ authorize: () => Promise.reject(new GatewayError('POLICY_MISSING', 'no bundle')) })
  const answer = await get('/v1/decisions', 'secret')
  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'POLICY_MISSING'])
})

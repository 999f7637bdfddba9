import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { PolicyInput } from '../../src/model/context.ts'
import { anApp, id } from '../support/http.ts'
import { aKnock } from '../support/knock.ts'

interface Operation {
  readonly summary?: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: TSchema }[]
  readonly requestBody?: object
  readonly security?: readonly object[]
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: TSchema }>> }>>
}
type Document = { openapi: string; paths: Record<string, Record<string, Operation>> }

async function read(): Promise<Document> {
  const answer = await anApp().get('/openapi.json', 'secret')
  assert.equal(answer.statusCode, 200)
  return answer.json()
}
const document = await read()
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

/** A question that each route answers well. */
const { connection, identity, key } = aKnock()
const input = {
  version: 'ssh/v1',
  identity,
  key,
  connection,
  target: { route: 'db1', login: 'postgres', host: '10.0.3.7', port: 22, principals: 'login', labels: {} },
  request: { approvals: [] },
  usage: { sessions: 0 },
  facts: {},
}
const ids: Readonly<Record<string, string>> = { '/v1/decisions/{id}': id(3), '/v1/sessions/{id}': id(1) }
const fill = (path: string): string => path.replace('{id}', ids[path] ?? id(1))
const ask = (path: string, method: string, token = 'secret') =>
  anApp().app.inject({
    url: fill(path),
    method: method as 'GET',
    headers: { authorization: `Bearer ${token}` },
    ...(method === 'POST' ? { payload: { input } } : {}),
  })

test('every route is described but the description, and nothing else is', () => {
  assert.deepEqual(operations.map(({ path, method }) => `${method} ${path}`).toSorted(), [
    'DELETE /v1/logins/{id}',
    'DELETE /v1/sessions/{id}',
    'GET /ca.pub',
    'GET /health/live',
    'GET /health/ready',
    'GET /host_ca.pub',
    'GET /metrics',
    'GET /v1/decisions',
    'GET /v1/decisions/tail',
    'GET /v1/decisions/{id}',
    'GET /v1/logins',
    'GET /v1/policy',
    'GET /v1/sessions',
    'GET /v1/sessions/{id}',
    'POST /v1/data/ssh/decision',
  ])
})

for (const { path, method, operation } of operations) {
  test(`${method} ${path} says what it is for`, () => assert.match(operation.summary ?? '', /^[A-Z].{8,}[^.]$/))
  if (path !== '/v1/decisions/tail')
    test(`${method} ${path} answers as it is described`, async () => {
      const answer = await ask(path, method)
      const status = method === 'DELETE' ? 204 : 200
      assert.equal(answer.statusCode, status, answer.body)
      const [type, media] = Object.entries(operation.responses[String(status)]?.content ?? {})[0] ?? []
      if (status === 204) return assert.equal(answer.body, '')
      assert.ok(type !== undefined && media !== undefined)
      assert.equal(String(answer.headers['content-type']).split(';')[0], type)
      const value: unknown = type === 'application/json' ? answer.json() : answer.body
      assert.ok(Value.Check(media.schema, value), `${JSON.stringify(value)}\n${JSON.stringify(media.schema)}`)
    })
  if (operation.security === undefined)
    test(`${method} ${path} refuses as it is described`, async () => {
      for (const [token, status] of [
        ['unknown', 401],
        ['other', 403],
      ] as const) {
        const answer = await ask(path, method, token)
        assert.equal(answer.statusCode, status)
        const schema = operation.responses['4XX']?.content?.['application/json']?.schema
        assert.ok(schema !== undefined && Value.Check(schema, answer.json()))
      }
    })
}

test('what is open says that it asks for no token', async () => {
  const open = operations.filter(({ operation }) => operation.security?.length === 0).map(({ path }) => path)
  assert.deepEqual(open.toSorted(), ['/ca.pub', '/health/live', '/health/ready', '/host_ca.pub', '/metrics'])
})
test('the input of a what-if is the contract', () => {
  assert.ok(Value.Check(PolicyInput, input))
  const operation = document.paths['/v1/data/ssh/decision']?.post as { requestBody: { content: object } }
  const schema = JSON.parse(JSON.stringify(operation.requestBody.content))['application/json'].schema.properties.input
  const { $id: _, title: __, description: ___, ...contract } = JSON.parse(JSON.stringify(PolicyInput))
  const { description: ____, ...described } = schema
  assert.deepEqual(described.required, contract.required)
  assert.deepEqual(Object.keys(described.properties), Object.keys(contract.properties))
  assert.equal(described.additionalProperties, false)
})

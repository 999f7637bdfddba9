import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startIssuer } from '../../demo/issuer.ts'

test('the issuer tells of each request that it answered, and no code with it', async () => {
  const lines: string[] = []
  await using issuer = await startIssuer({ accounts: {}, log: (line) => lines.push(line) })
  await (await fetch(`${issuer.url}/device?user_code=ABCD-EFGH`)).text()
  await (await fetch(`${issuer.url}/nothing`)).text()
  assert.deepEqual(
    lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '')),
    ['GET /device 200', 'GET /nothing 404'],
  )
})

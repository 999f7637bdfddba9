import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { test } from 'node:test'
import * as oidc from 'openid-client'
import { Browser, type Page } from '../../demo/issuer/browser.ts'
import { memory } from '../../demo/issuer/memory.ts'
import { type Issuer, startIssuer } from '../../demo/issuer.ts'
import { startLyingIssuer } from '../support/lying-issuer.ts'
import { aClient, begin, finish } from '../support/openid-client.ts'

const accounts = {
  alice: { email: 'alice@x.io', groups: ['sre', 'dba'], amr: ['pwd', 'otp'], acr: 'gold', department: 'data' },
  bob: { email: 'bob@x.io', email_verified: false, groups: ['<b>"guests" & co</b>'] },
}
const quick = { accounts, pollSeconds: 0.02 }

/** One poll, without waiting: what the token endpoint says of the code now. */
async function ask(issuer: Issuer, grant: oidc.DeviceAuthorizationResponse): Promise<unknown> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: grant.device_code,
  })
  const authorization = `Basic ${btoa(`${issuer.clientId}:${issuer.clientSecret}`)}`
  const response = await fetch(`${issuer.url}/token`, { method: 'POST', body, headers: { authorization } })
  const answer = (await response.json()) as { error?: string }
  return answer.error ?? 'tokens'
}

test('an approved code gives an ID token with the claims of the account', async () => {
  await using issuer = await startIssuer(quick)
  const client = await aClient(issuer)
  const grant = await begin(client)
  await issuer.approve(grant.user_code, 'alice')
  const { iat, exp, auth_time, sub, ...claims } = { ...(await finish(client, grant)).claims() }
  assert.deepEqual(claims, {
    iss: issuer.url,
    aud: 'regate',
    preferred_username: 'alice',
    email: 'alice@x.io',
    email_verified: true,
    groups: ['sre', 'dba'],
    amr: ['pwd', 'otp'],
    acr: 'gold',
    department: 'data',
  })
  const now = Date.now() / 1000
  for (const time of [iat, auth_time]) assert.ok(typeof time === 'number' && Math.abs(now - time) < 10)
  assert.ok(typeof exp === 'number' && exp > now)
  assert.match(String(sub), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})

test('somebody has the same subject at every start', async () => {
  const subjects: unknown[] = []
  for (const username of ['bob', 'bob', 'alice'] as const) {
    await using issuer = await startIssuer(quick)
    const client = await aClient(issuer)
    const grant = await begin(client)
    await issuer.approve(grant.user_code, username)
    subjects.push((await finish(client, grant)).claims()?.sub)
  }
  assert.equal(subjects[0], subjects[1])
  assert.notEqual(subjects[0], subjects[2])
})

test('the device authorization response says where, how long and how often', async () => {
  await using issuer = await startIssuer({ accounts, clientId: 'another', clientSecret: 'known', codeSeconds: 77 })
  const { device_code, user_code, ...rest } = await begin(await aClient(issuer))
  assert.match(user_code, /^[A-Z]{4}-[A-Z]{4}$/)
  assert.ok(device_code.length >= 22)
  const verification_uri = `${issuer.url}/device`
  const verification_uri_complete = `${verification_uri}?user_code=${user_code}`
  assert.deepEqual({ ...rest }, { verification_uri, verification_uri_complete, expires_in: 77, interval: 1 })
})

test('a client that polls meets authorization_pending until the person has answered', async () => {
  await using issuer = await startIssuer(quick)
  const pending = Promise.withResolvers<void>()
  const watched: oidc.CustomFetch = async (url, options) => {
    const response = await fetch(url, options as RequestInit)
    if (url.endsWith('/token') && (await response.clone().text()).includes('authorization_pending')) pending.resolve()
    return response
  }
  const client = await aClient(issuer, { fetch: watched })
  const grant = await begin(client)
  const finished = finish(client, grant)
  await pending.promise
  await issuer.approve(grant.user_code, 'bob')
  assert.equal((await finished).claims()?.email_verified, false)
})

const refusals: [where: string, refuse: (issuer: Issuer, userCode: string) => Promise<unknown>][] = [
  ['at the question', (issuer, userCode) => issuer.deny(userCode)],
  ['at the choice of person', async (issuer, userCode) => walk(new Browser(), issuer, userCode, 'Refuse')],
]
for (const [where, refuse] of refusals)
  test(`a code refused ${where} gives access_denied`, async () => {
    await using issuer = await startIssuer(quick)
    const client = await aClient(issuer)
    const grant = await begin(client)
    await refuse(issuer, grant.user_code)
    await assert.rejects(finish(client, grant), { error: 'access_denied' })
  })

test('a code not used in time gives expired_token, and its page says so', async () => {
  await using issuer = await startIssuer({ ...quick, codeSeconds: 1 })
  const client = await aClient(issuer)
  const grant = await begin(client)
  await assert.rejects(finish(client, grant), { error: 'expired_token' })
  await assert.rejects(issuer.approve(grant.user_code, 'alice'), /has expired/)
})

test('what cannot be approved is refused in words', async () => {
  await using issuer = await startIssuer(quick)
  const grant = await begin(await aClient(issuer))
  await assert.rejects(issuer.approve('XXXX-XXXX', 'alice'), /No sign-in waits for that code/)
  await assert.rejects(issuer.approve(grant.user_code, 'mallory'), /no button “mallory”/)
  const used = await begin(await aClient(issuer))
  await issuer.approve(used.user_code, 'alice')
  await assert.rejects(issuer.approve(used.user_code, 'bob'), /used already/)
})

test('the code in the address fills the form, and approves nothing', async () => {
  await using issuer = await startIssuer(quick)
  const grant = await begin(await aClient(issuer))
  const page = await new Browser().open(grant.verification_uri_complete ?? '')
  assert.match(page.html, new RegExp(`<input id="code"[^>]* value="${grant.user_code}"`))
  assert.equal(await ask(issuer, grant), 'authorization_pending')
})

test('one browser can be one person after the other', async () => {
  await using issuer = await startIssuer(quick)
  const client = await aClient(issuer)
  const browser = new Browser()
  for (const username of ['alice', 'bob']) {
    const grant = await begin(client)
    await walk(browser, issuer, grant.user_code, username)
    assert.equal((await finish(client, grant)).claims()?.preferred_username, username)
  }
})

test('pages hold one style, which their policy lets in, no script, and text as text', async () => {
  await using issuer = await startIssuer(quick)
  const { user_code } = await begin(await aClient(issuer))
  const pages = [
    ...(await walk(new Browser(), issuer, user_code, 'bob')),
    ...(await walk(new Browser(), issuer, 'NONE')),
  ]
  assert.deepEqual(
    pages.map(({ heading }) => heading),
    ['Sign in from a terminal', 'Is this your sign-in?', 'Who are you?', 'You are signed in'].concat([
      'Sign in from a terminal',
      'Sign in from a terminal',
    ]),
  )
  for (const { html, headers } of pages) {
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? ''
    const digest = createHash('sha256').update(style).digest('base64')
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self';/)
    assert.ok(policy.includes(`'sha256-${digest}'`))
    assert.doesNotMatch(html, /<script|\son\w+=|\sstyle=/)
    assert.match(html, /<html lang="en">/)
    for (const [, id] of html.matchAll(/<input id="(\w+)"/g)) assert.ok(html.includes(`<label for="${id}">`))
  }
  assert.ok(pages[2]?.text.includes('bob <b>"guests" & co</b>'))
})

test('what the library refuses is told on a page of ours', async () => {
  await using issuer = await startIssuer(quick)
  const page = await new Browser().open(`${issuer.url}/auth?client_id=regate`)
  assert.deepEqual([page.status, page.heading], [400, 'That did not work'])
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
})

test('a form that no page of this browser held approves nothing', async () => {
  await using issuer = await startIssuer(quick)
  const grant = await begin(await aClient(issuer))
  const form = new URLSearchParams({ user_code: grant.user_code, confirm: 'yes', xsrf: 'guessed' })
  const visitor = new Browser()
  await visitor.open(`${issuer.url}/device`)
  const [, , choice] = await walk(new Browser(), issuer, grant.user_code)
  const foreign: [browser: Browser, address: string, form?: URLSearchParams][] = [
    [new Browser(), `${issuer.url}/device`, form],
    [visitor, `${issuer.url}/device`, form],
    [visitor, `${choice?.url}?account=alice`, new URLSearchParams()],
    [visitor, `${choice?.url}`.replace('interaction', 'device')],
  ]
  for (const [browser, address, sent] of foreign) {
    const page = await browser.open(address, sent)
    assert.equal(page.status, 400)
    assert.match(page.text, /sign-in that is over|That did not work/)
  }
  assert.equal(await ask(issuer, grant), 'authorization_pending')
})

test('it answers under its own name only', async () => {
  await using issuer = await startIssuer(quick)
  const sent = request(`${issuer.url}/device`, { headers: { host: 'rebound.example:80' } }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  assert.equal(response.statusCode, 421)
})

test('its one client needs its secret and has the device grant only', async () => {
  await using issuer = await startIssuer(quick)
  await assert.rejects(begin(await aClient(issuer, { secret: 'guessed' })), { status: 401 })
  await assert.rejects(oidc.clientCredentialsGrant(await aClient(issuer)), oidc.ResponseBodyError)
})

test('it prints nothing', async (t) => {
  const printed = (['log', 'info', 'warn', 'error'] as const).map((name) => t.mock.method(console, name, () => {}).mock)
  await using issuer = await startIssuer(quick)
  const client = await aClient(issuer)
  const grant = await begin(client)
  await issuer.approve(grant.user_code, 'alice')
  await finish(client, grant)
  await issuer.deny((await begin(client)).user_code)
  assert.deepEqual(
    printed.flatMap(({ calls }) => calls.map((call) => call.arguments)),
    [],
  )
})

test('stopping cuts off who waits, can be done twice, and frees the port', async () => {
  await using issuer = await startLyingIssuer(quick)
  issuer.misbehave({ failure: 'stops-midway', at: 'keys' })
  const answer = await fetch(`${issuer.url}/jwks`)
  const cut = assert.rejects(answer.text())
  await issuer.stop()
  await cut
  await issuer.stop()
  await using again = await startIssuer({ ...quick, port: Number(new URL(issuer.url).port) })
  assert.equal(again.url, issuer.url)
})

test('the provider’s memory is bounded: the oldest leaves first', async () => {
  const rows = memory(2)('Session')
  for (const id of ['a', 'b', 'a', 'c']) await rows.upsert(id, { uid: id })
  assert.deepEqual(
    [await rows.find('a'), await rows.find('b'), await rows.findByUid('c')],
    [{ uid: 'a' }, undefined, { uid: 'c' }],
  )
})

/** The pages that a person sees who enters the code, says it is theirs and presses `last`; to the choice when there is none. */
async function walk(browser: Browser, issuer: Issuer, userCode: string, last?: string): Promise<Page[]> {
  const entry = await browser.open(`${issuer.url}/device`)
  const question = await browser.press(entry, 'Continue', { user_code: userCode })
  if (question.heading === entry.heading) return [entry, question]
  const choice = await browser.press(question, 'Yes, it is mine')
  return [entry, question, choice, ...(last === undefined ? [] : [await browser.press(choice, last)])]
}

import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import type { Middleware } from '../../demo/issuer/steps.ts'
import { type Issuer, type IssuerOptions, startIssuer } from '../../demo/issuer.ts'

export interface LyingIssuer extends Issuer {
  /** From now on; `{}` is the truth again. */
  misbehave(fault: Fault): void
}

export interface Fault {
  /** Of the ID tokens that it issues. */
  readonly lie?: Lie
  /** Of what it answers, at the token endpoint when no other is named. */
  readonly failure?: Failure
  readonly at?: keyof typeof endpoints
}

export interface LyingIssuerOptions extends Omit<IssuerOptions, 'between' | 'signingKey'> {
  /** Algorithms that discovery names besides its own. */
  readonly alsoAdvertises?: readonly string[]
}

const endpoints = {
  discovery: '/.well-known/openid-configuration',
  device: '/device/auth',
  token: '/token',
  keys: '/jwks',
} as const

/** The demo's provider with somebody between it and its clients who holds the provider's own key. */
export async function startLyingIssuer(options: LyingIssuerOptions): Promise<LyingIssuer> {
  const [own, other] = [newKey(), newKey()]
  let fault: Fault = {}
  const between: Middleware = async (ctx, next) => {
    if (fault.failure !== undefined && ctx.path === endpoints[fault.at ?? 'token'])
      return failures[fault.failure](ctx, next)
    await next()
    const body = ctx.body as Json | undefined
    if (ctx.path === endpoints.discovery && body !== undefined)
      body.id_token_signing_alg_values_supported = ['ES256', ...(options.alsoAdvertises ?? [])]
    if (fault.lie === undefined) return
    if (ctx.path === endpoints.keys && fault.lie === 'key-rotated') ctx.body = { keys: [publicJwk(other)] }
    if (ctx.path === endpoints.token && typeof body?.id_token === 'string')
      body.id_token = retell(fault.lie, body.id_token, { own, other })
  }
  const issuer = await startIssuer({ ...options, signingKey: own, between })
  return {
    ...issuer,
    misbehave(next) {
      fault = next
    },
  }
}

type Json = Record<string, unknown>
interface Keys {
  readonly own: KeyObject
  readonly other: KeyObject
}
/** The claims of an ID token that the provider always sets. */
type Claims = Json & { readonly iss: string; readonly aud: string; readonly iat: number; readonly exp: number }

const day = 86_400

/** Claims that are untrue, truly signed. `undefined` leaves one out. */
const claimLies = {
  'wrong-audience': () => ({ aud: 'another-client' }),
  'more-audiences': ({ aud }: Claims) => ({ aud: [aud, 'another-client'] }),
  'other-party-among-audiences': ({ aud }: Claims) => ({ aud: [aud, 'another-client'], azp: 'another-client' }),
  'other-party': () => ({ azp: 'another-client' }),
  'wrong-issuer': ({ iss }: Claims) => ({ iss: `${iss}/other` }),
  'expired': ({ iat }: Claims) => ({ iat: iat - 2 * day, exp: iat - day }),
  'never-expires': () => ({ exp: undefined }),
  'not-yet-valid': ({ iat }: Claims) => ({ nbf: iat + day }),
  'issued-in-future': ({ iat }: Claims) => ({ iat: iat + day, exp: iat + 2 * day }),
  'issued-long-ago': ({ iat }: Claims) => ({ iat: iat - 365 * day }),
  'signed-in-in-future': ({ iat }: Claims) => ({ auth_time: iat + day }),
  'no-subject': () => ({ sub: undefined }),
  'empty-subject': () => ({ sub: '' }),
  'subject-not-text': () => ({ sub: 7 }),
  'huge-claim': () => ({ groups: ['x'.repeat(2_000_000)] }),
} as const satisfies Record<string, (claims: Claims) => Json>

/** The true claims, signed in a way that proves nothing. Gives header and signature. */
const signingLies = {
  'alg-none': (header) => [{ ...header, alg: 'none' }, () => Buffer.alloc(0)],
  'no-signature': (header) => [header, () => Buffer.alloc(0)],
  // The public key is no secret: a reader that takes the algorithm from the token verifies this.
  'hs256-with-public-key': (header, { own }) => [
    { ...header, alg: 'HS256' },
    (input) => createHmac('sha256', publicPem(own)).update(input).digest(),
  ],
  'forged': (header, { other }) => [header, es256(other)],
  'key-unknown': (header, { other }) => [{ ...header, kid: 'unknown' }, es256(other)],
  'key-brought-along': (_header, { other }) => [{ alg: 'ES256', jwk: publicJwk(other) }, es256(other)],
  'critical-extension': (header, { own }) => [{ ...header, crit: ['x'], x: 1 }, es256(own)],
  // No lie to who asks for the keys again.
  'key-rotated': (_header, { other }) => [{ alg: 'ES256', kid: publicJwk(other).kid }, es256(other)],
} as const satisfies Record<string, (header: Json, keys: Keys) => [header: Json, signature: (input: string) => Buffer]>

export type Lie = keyof typeof claimLies | keyof typeof signingLies
const isClaimLie = (lie: Lie): lie is keyof typeof claimLies => lie in claimLies

/** The provider's ID token, told anew (RFC 7519, RFC 7515 section 7.1). */
function retell(lie: Lie, token: string, keys: Keys): string {
  const [header = {}, claims = {}] = token.split('.', 2).map((part) => JSON.parse(`${Buffer.from(part, 'base64url')}`))
  if (isClaimLie(lie)) return compact(header, { ...claims, ...claimLies[lie](claims) }, es256(keys.own))
  const [saidHeader, signature] = signingLies[lie](header, keys)
  return compact(saidHeader, claims, signature)
}

function compact(header: Json, claims: Json, signature: (input: string) => Buffer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signature(input).toString('base64url')}`
}

const es256 = (key: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const publicPem = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'pem' })
const publicJwk = (key: KeyObject) => ({
  ...createPublicKey(key).export({ format: 'jwk' }),
  use: 'sig',
  kid: 'rotated',
})

/** Answers that are none. */
const failures = {
  'server-error': async (ctx) => {
    ctx.status = 500
    ctx.body = 'out of order'
  },
  // Until the client gives up or the provider is stopped.
  'never-answers': async (ctx) => {
    ctx.respond = false
    await once(ctx.res, 'close')
  },
  'stops-midway': async (ctx) => {
    ctx.respond = false
    ctx.res.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 }).write('{"access_token": "')
    await once(ctx.res, 'close')
  },
  'invalid-json': async (ctx) => {
    ctx.type = 'json'
    ctx.body = '{"access_token": '
  },
  'redirects': async (ctx) => {
    ctx.redirect('/elsewhere')
    ctx.status = 307
  },
  'huge-response': async (ctx, next) => {
    await next()
    ctx.body = { ...(ctx.body as Json), padding: 'x'.repeat(8_000_000) }
  },
  'no-id-token': async (ctx, next) => {
    await next()
    ctx.body = { ...(ctx.body as Json), id_token: undefined }
  },
} as const satisfies Record<string, Middleware>

export type Failure = keyof typeof failures

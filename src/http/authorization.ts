import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ApiError } from './errors.ts'
import { pathOf } from './target.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered to everybody, also when no policy is loaded. */
    readonly open?: boolean
  }
  interface FastifyRequest {
    /** The name of the token that was shown. */
    caller?: string
  }
}

/** A bearer token that the configuration knows by its SHA-256. */
export interface KnownToken {
  readonly name: string
  readonly sha256: string
  readonly groups: readonly string[]
}
/** What `data.system.authz.allow` is asked with (OPA's own convention). */
export interface AuthorizationInput {
  readonly path: readonly string[]
  readonly method: string
  /** Absent for somebody who shows no token. */
  readonly identity?: { readonly kind: 'token'; readonly username: string; readonly groups: readonly string[] }
}
/** Rejects when the policy gave no answer, which is a no as well. */
export type Authorize = (input: AuthorizationInput) => Promise<boolean>

/** The tokens as they are now; `onChange` is called when they have become others. */
export interface KnownTokens {
  list(): readonly KnownToken[]
  onChange(changed: () => void): void
}

/** Who asks is found out, then the policy is asked whether they may; both before anything else is looked at. */
export function authorization(tokens: KnownTokens, authorize: Authorize) {
  const digests = () => tokens.list().map((token) => ({ token, digest: Buffer.from(token.sha256, 'hex') }))
  let known = digests()
  tokens.onChange(() => {
    known = digests()
  })
  return async (request: FastifyRequest): Promise<void> => {
    const path = pathOf(request)
    if (request.routeOptions.config.open === true) return
    const identity = identify(request.headers.authorization, known)
    if ('identity' in identity) request.caller = identity.identity.username
    const allowed = await authorize({ path, method: request.method, ...identity })
    if (allowed) return
    throw 'identity' in identity
      ? new ApiError(403, 'forbidden', 'the policy does not allow this')
      : new ApiError(401, 'unauthorized', 'a bearer token is needed')
  }
}

function identify(header: string | undefined, known: readonly { token: KnownToken; digest: Buffer }[]) {
  if (header === undefined) return {}
  const [, secret] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header) ?? []
  const digest = createHash('sha256')
    .update(secret ?? '')
    .digest()
  // All are compared, so that the time does not tell which one.
  const found = known.filter((candidate) => timingSafeEqual(candidate.digest, digest)).at(0)
  if (secret === undefined || found === undefined) throw new ApiError(401, 'unauthorized', 'the token is not known')
  const { name: username, groups } = found.token
  return { identity: { kind: 'token' as const, username, groups } }
}

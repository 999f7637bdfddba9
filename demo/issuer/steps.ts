import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Person } from './accounts.ts'
import {
  type CodeForm,
  choicePage,
  codePage,
  confirmPage,
  donePage,
  errorPage,
  pageHeaders,
  refusedPage,
} from './pages.ts'

// What a browser meets at the provider, besides what the library does by itself.

export type Middleware = Parameters<Provider['use']>[0]
type Context = Parameters<Middleware>[0]

/** A page that a foreign name was made to point at (DNS rebinding) is not served. */
export const onlyUnderOwnName =
  (host: string): Middleware =>
  (ctx, next) =>
    ctx.host === host ? next() : ctx.throw(421, `this is ${host}`)

/**
 * Each code begins a new visit, so that the next one can be somebody else's. A code that comes with the address is put
 * into the form: the provider would send it on by a script. A page whose visit is no longer known, after a restart say,
 * is answered here: the provider fails on it.
 */
export function visits(provider: Provider): Middleware {
  const isKnown = async (ctx: Context) => {
    const id = ctx.cookies.get(provider.cookieName('session'))
    return id !== undefined && (await provider.Session.find(id)) !== undefined
  }
  return async (ctx, next) => {
    const begins = ctx.path === '/device' && ctx.method !== 'POST'
    if (begins) {
      delete ctx.req.headers.cookie
      ctx.state.userCode = ctx.query.user_code
      ctx.query = {}
    }
    const goesOn = /^\/device($|\/(?!auth$))/.test(ctx.path) && !begins
    if (goesOn && !(await isKnown(ctx))) return show(ctx, overPage(), 400)
    return next()
  }
}

const overPage = (): string => errorPage('That page belongs to a sign-in that is over.')

const problems: Readonly<Record<string, string>> = {
  NotFoundError: 'No sign-in waits for that code.',
  NoCodeError: 'Enter the code first.',
  ExpiredError: 'That code has expired. Start again in your terminal.',
  AlreadyUsedError: 'That code was used already. Start again in your terminal.',
}

export function showCode(ctx: KoaContextWithOIDC, _form: string, _out?: unknown, error?: Error): void {
  if (error?.name === 'AbortedError') return show(ctx, refusedPage())
  const problem = error && (problems[error.name] ?? 'That did not work. Enter the code again.')
  show(ctx, codePage(codeForm(ctx), problem))
}

export function confirm(
  ctx: KoaContextWithOIDC,
  _form: string,
  client: { clientName?: string | undefined },
  _device: unknown,
  code: string,
) {
  show(ctx, confirmPage(codeForm(ctx), client.clientName ?? 'A program', code))
}

export const done = (ctx: KoaContextWithOIDC): void => show(ctx, donePage())

function codeForm(ctx: KoaContextWithOIDC): CodeForm {
  const userCode = ctx.state.userCode ?? ctx.oidc.params?.user_code
  return {
    action: ctx.oidc.urlFor('code_verification'),
    xsrf: String(ctx.oidc.session?.state?.secret),
    userCode: typeof userCode === 'string' ? userCode.slice(0, 20) : '',
  }
}

/** Where the provider sends a browser whose person it does not know yet. */
export function choose(provider: Provider, people: ReadonlyMap<string, Person>): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next()
    // Only a browser with the cookie of this very interaction gets past here.
    const pending = await provider.interactionDetails(ctx.req, ctx.res).catch(() => undefined)
    if (pending === undefined) return show(ctx, overPage(), 400)
    if (ctx.method !== 'POST') return show(ctx, choicePage(people.values()))
    const chosen = people.values().find(({ username }) => username === ctx.query.account)
    if (chosen === undefined && ctx.query.refuse === undefined)
      return show(ctx, errorPage('There is nobody of that name.'), 400)
    const result = chosen === undefined ? { error: 'access_denied' } : { login: loginOf(chosen) }
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
    ctx.status = 303
  }
}

const loginOf = ({ subject, amr, acr }: Person) => ({
  accountId: subject,
  amr: [...amr],
  remember: false,
  ...(acr === undefined ? {} : { acr }),
})

export function show(ctx: Context | KoaContextWithOIDC, page: string, status?: number): void {
  if (status !== undefined) ctx.status = status
  ctx.set(pageHeaders)
  ctx.type = 'html'
  ctx.body = page
}

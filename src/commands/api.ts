import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { readListenAddress } from '../config-listen.ts'
import { printable } from '../model/text.ts'
import { ApiFailure } from './api-failure.ts'
import { parseExact } from './print.ts'

/** Where the gateway is, and by what right. */
export interface ApiOptions {
  /** Of the gateway; used for its address when there is no `url`. */
  readonly config: string
  readonly url?: string
  /** Holds the token; absent: REGATE_TOKEN. */
  readonly tokenFile?: string
}

export type Query = Readonly<Record<string, string | undefined>>

/** The HTTP API of a running gateway. Whatever goes wrong is an ApiFailure. */
export class Api {
  readonly #url: URL
  readonly #headers: Record<string, string>

  constructor(options: ApiOptions, env: NodeJS.ProcessEnv) {
    this.#url = baseUrl(options)
    const token = readToken(options, env)
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** The answer, its numbers exact. */
  async get(path: string, query: Query = {}): Promise<unknown> {
    const answer = await this.#ask('GET', path, query)
    try {
      return parseExact(await answer.text())
    } catch (cause) {
      throw new ApiFailure(1, `${this.#url.host} gave an answer that does not read`, { cause })
    }
  }

  async delete(path: string): Promise<void> {
    await this.#ask('DELETE', path, {})
  }

  /** The lines of an answer as they come; ends when the gateway ends it. */
  async *lines(path: string, query: Query): AsyncGenerator<string> {
    const answer = await this.#ask('GET', path, query)
    if (answer.body === null) return
    const body = Readable.fromWeb(answer.body as never)
    const lines = createInterface({ input: body })[Symbol.asyncIterator]()
    for (;;) {
      const next = await lines.next().catch((cause: unknown) => ({ done: true, value: cause }) as const)
      if (next.done === true) throw new ApiFailure(1, `${this.#url.host} has ended the stream`, { cause: next.value })
      yield next.value
    }
  }

  /** Items of a list, page by page, until there are `limit`. */
  async *list(name: string, query: Query, limit: number): AsyncGenerator<Record<string, unknown>> {
    let cursor: string | undefined
    for (let left = limit; left > 0; ) {
      const page = await this.get(`/v1/${name}`, { ...query, limit: String(Math.min(left, pageMost)), cursor })
      const { [name]: items, next_cursor: next } = page as Record<string, unknown>
      if (!Array.isArray(items)) throw new ApiFailure(1, `${this.#url.host} gave no ${name}`)
      yield* items as Record<string, unknown>[]
      if (typeof next !== 'string') return
      cursor = next
      left -= items.length
    }
  }

  async #ask(method: string, path: string, query: Query): Promise<Response> {
    const url = new URL(path, this.#url)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
    const answer = await this.#fetch(url, method)
    if (answer.ok) return answer
    throw refusalOf(answer.status, await answer.text().catch(() => ''))
  }

  async #fetch(url: URL, method: string): Promise<Response> {
    try {
      // A redirect would take the token to a place that nobody named.
      return await fetch(url, { method, headers: this.#headers, redirect: 'error' })
    } catch (cause) {
      const why = ((cause as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? (cause as Error).message
      throw new ApiFailure(1, `${this.#url.origin} does not answer: ${printable(why, 200)}`, { cause })
    }
  }
}

/** Items of one page, as the API has them at most. */
const pageMost = 500

function refusalOf(status: number, body: string): ApiFailure {
  const { code, message } = readRefusal(body)
  return new ApiFailure(status === 400 ? 2 : 1, `${printable(message, 300)} (${printable(code, 60)})`)
}

function readRefusal(body: string): { code: string; message: string } {
  try {
    const { code, message } = JSON.parse(body) as Record<string, unknown>
    if (typeof code === 'string' && typeof message === 'string') return { code, message }
  } catch {}
  return { code: 'no_gateway', message: 'the answer is none of a gateway' }
}

/** A token goes over https, or stays on this machine: the configuration may be that of whoever made the folder. */
function baseUrl({ url: written, config }: ApiOptions): URL {
  if (written === undefined) {
    const { host, port } = readListenAddress(config)
    const url = URL.parse(`http://${reachable(host)}:${port}`)
    if (url !== null && isThisMachine(url)) return url
    throw new ApiFailure(2, `${config} names ${host}, which is not this machine: say where with --url`)
  }
  const url = URL.parse(written)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new ApiFailure(2, '--url must be an http or https URL')
  if (url.protocol === 'http:' && !isThisMachine(url))
    throw new ApiFailure(2, '--url must be https: http, which shows the token, is for this machine')
  return url
}

const isThisMachine = ({ hostname }: URL): boolean => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname)

/** An address to listen on is not always one to go to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function readToken({ tokenFile }: ApiOptions, env: NodeJS.ProcessEnv): string | undefined {
  const token = tokenFile === undefined ? env.REGATE_TOKEN : readFileSync(tokenFile, 'utf8').trim()
  if (token === undefined || token === '') return undefined
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token
  throw new ApiFailure(2, `${tokenFile ?? 'REGATE_TOKEN'} does not hold a token`)
}

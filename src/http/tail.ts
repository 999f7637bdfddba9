import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { faultFields, type Log } from '../model/log.ts'
import { Type } from '../model/type.ts'
import type { Milliseconds } from '../model/units.ts'
import type { KnownTokens } from './authorization.ts'
import {
  type DecisionFilter,
  type DecisionSource,
  type FilterParameters,
  filterParameters,
  readFilter,
  type StoredDecision,
} from './decisions.ts'
import { ApiError } from './errors.ts'
import { answers, ofType, uuid } from './shapes.ts'

/** Calls `wake` whenever a decision has been written, until it is disposed of. */
export type OnDecision = (wake: () => void) => Disposable

export interface TailLimits {
  /** Readers at once. */
  readonly readers: number
  /** How long a reader may take for what was sent before it is dropped. */
  readonly patience: Milliseconds
  /** How often a silent connection is shown to be alive, and the store is looked at anyway. */
  readonly heartbeat: Milliseconds
}
export const usualTail: TailLimits = {
  readers: 32,
  patience: 30_000 as Milliseconds,
  heartbeat: 15_000 as Milliseconds,
}

/** Events of one look at the store, and so what is held for one reader. */
const lookMost = 100

const Query = Type.Object(
  { ...filterParameters, after: Type.Optional(Type.String({ pattern: uuid, description: 'begin after this one' })) },
  { additionalProperties: false },
)
type Format = (event: StoredDecision) => string
const ndjson: Format = ({ bytes }) => `${text(bytes)}\n`
const serverSentEvent: Format = ({ decisionId, bytes }) => `id: ${decisionId}\ndata: ${text(bytes)}\n\n`
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/**
 * Decisions as they are written. What a reader has not taken yet stays in the store, and is read from there when it has
 * room: nothing is lost, a slow reader costs the others nothing, and one that takes nothing for long is dropped.
 */
export function tailRoute(
  app: FastifyInstance,
  decisions: DecisionSource,
  onDecision: OnDecision,
  tokens: Pick<KnownTokens, 'onChange'>,
  log: Log,
  limits: TailLimits,
): void {
  const readers = new Set<AbortController>()
  const endAll = (): void => {
    for (const reader of readers) reader.abort()
  }
  app.addHook('preClose', async () => endAll())
  // Whose token was taken away reads no further; the others come again.
  tokens.onChange(endAll)
  app.get<{ Querystring: FilterParameters & { after?: string } }>(
    '/v1/decisions/tail',
    {
      exposeHeadRoute: false, // it would read along and be told nothing
      schema: {
        summary: 'Decisions as they are written: NDJSON, or server-sent events for Accept: text/event-stream',
        querystring: Query,
        response: answers({ 200: ofType(['application/x-ndjson', 'text/event-stream'], 'each decision, from now on') }),
      },
    },
    async (request, reply) => {
      if (readers.size >= limits.readers)
        throw new ApiError(429, 'too_many_readers', `${limits.readers} read along already`)
      const asEvents = request.headers.accept?.includes('text/event-stream') === true
      const after = request.query.after ?? lastEventId(request.headers['last-event-id'])
      const gone = new AbortController()
      readers.add(gone)
      try {
        const position = await decisions.position(after)
        if (position === undefined) throw new ApiError(404, 'resource_not_found', 'no decision has that id')
        const { raw } = reply.hijack()
        raw.once('close', () => gone.abort())
        raw.socket?.setKeepAlive(true, limits.heartbeat) // one whose machine is gone must not keep its place
        raw.writeHead(200, headers(asEvents)).flushHeaders()
        const filter = readFilter(request.query)
        await follow({ decisions, onDecision, filter, limits, asEvents, raw, signal: gone.signal }, position)
        raw.end()
      } catch (thrown) {
        if (!reply.sent) throw thrown
        reply.raw.destroy()
        if (!gone.signal.aborted) log.info(faultFields(thrown as Error), 'a reader of decisions was dropped')
      } finally {
        readers.delete(gone)
      }
    },
  )
}

const lastEventId = (header: string | string[] | undefined): string | undefined => {
  if (header === undefined) return undefined
  if (typeof header === 'string' && new RegExp(uuid).test(header)) return header
  throw new ApiError(400, 'invalid_parameter', 'Last-Event-ID is no decision’s')
}

const headers = (asEvents: boolean) => ({
  'content-type': asEvents ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
  'cache-control': 'no-store',
  'connection': 'close', // a stream that has ended must not keep a gateway that stops waiting
})

interface Reader {
  readonly decisions: DecisionSource
  readonly onDecision: OnDecision
  readonly filter: DecisionFilter
  readonly limits: TailLimits
  readonly asEvents: boolean
  readonly raw: ServerResponse
  readonly signal: AbortSignal
}

/** Returns when the reader has gone; throws when it takes nothing any more, or the store gives nothing. */
async function follow(reader: Reader, from: number): Promise<void> {
  const { decisions, filter, limits, asEvents, signal } = reader
  const format = asEvents ? serverSentEvent : ndjson
  const bell = new EventEmitter()
  let news = true
  using _woken = reader.onDecision(() => {
    news = true
    bell.emit('news')
  })
  for (let position = from; !signal.aborted; ) {
    news = false
    const { found, reached } = await decisions.since(position, filter, lookMost)
    position = reached
    if (found.length > 0) await send(reader, found.map(format).join(''))
    if (news || found.length === lookMost) continue
    const rung = await ring(bell, limits.heartbeat, signal)
    if (!rung && asEvents && !signal.aborted) await send(reader, ': alive\n\n')
  }
}

/** Whether there was news before the time was over, or the reader left. */
async function ring(bell: EventEmitter, most: Milliseconds, signal: AbortSignal): Promise<boolean> {
  try {
    await once(bell, 'news', { signal: AbortSignal.any([signal, AbortSignal.timeout(most)]) })
    return true
  } catch {
    return false
  }
}

async function send({ raw, signal, limits }: Reader, text: string): Promise<void> {
  if (raw.write(text) || signal.aborted) return
  const late = AbortSignal.any([signal, AbortSignal.timeout(limits.patience)])
  try {
    await once(raw, 'drain', { signal: late })
  } catch {
    if (!signal.aborted) throw new ApiError(408, 'request_timeout', `took nothing for ${limits.patience} ms`)
  }
}

import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, GatewayError } from '../model/errors.ts'
import { type Log, logEnd } from '../model/log.ts'
import { printable } from '../model/text.ts'

/** An error that the caller may see. `code` is one of OPA's words where it has one. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The word for a status that Fastify gives by itself; the others of below 500 are the caller's parameters. */
const words: Readonly<Record<number, string>> = {
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'request_too_large',
  414: 'request_too_large',
  415: 'unsupported_media_type',
  431: 'request_too_large',
}
/** Faults of the parts that an answer needs: it comes to the same for the caller, who tries again later. */
const isUnavailable = (code: ErrorCode): boolean => /^(POLICY|STORE|LOG)_/.test(code)

/** OPA's form of an error: `{"code", "message"}`. What went wrong inside stays inside. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { status, code, message } = asAnswer(error)
  if (status >= 500) logEnd(log.child({ url: printable(request.url, 200) }), error, 'request failed')
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  reply.code(status).send({ code, message })
}

function asAnswer(error: Error & { readonly statusCode?: number }) {
  const message = printable(error.message, 300)
  if (error instanceof ApiError) return { status: error.status, code: error.code, message }
  if (error instanceof GatewayError && isUnavailable(error.code))
    return { status: 503, code: error.code, message: 'not just now: the log of the gateway says why' }
  const status = error.statusCode ?? 500
  if (status >= 500) return { status, code: 'internal_error', message: 'something went wrong here' }
  return { status, code: words[status] ?? 'invalid_parameter', message }
}

/** What no request could be read of (Node's `clientError`): the same form, and the end of the connection. */
export function refuseUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [status, reason] = unreadable[error.code ?? ''] ?? [400, 'Bad Request']
  const body = JSON.stringify({ code: words[status] ?? 'invalid_parameter', message: 'a request that does not read' })
  const head = [`HTTP/1.1 ${status} ${reason}`, 'Connection: close', 'Content-Type: application/json; charset=utf-8']
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

const unreadable: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}

import type { FastifyInstance } from 'fastify'
import { PolicyInput } from '../model/context.ts'
import type { ErrorCode, GatewayError } from '../model/errors.ts'
import { Type } from '../model/type.ts'
import { ApiError } from './errors.ts'
import { answers, ErrorAnswer } from './shapes.ts'

/** The policy in force. */
export interface PolicyState {
  /** Absent when none is. */
  readonly revision?: string
  readonly entrypoints: readonly string[]
  /** Milliseconds since 1970: when it was loaded, or was tried to be. */
  readonly loadedAt: number
  /** Why none is in force, or why a newer one was not taken. */
  readonly fault?: { readonly code: ErrorCode; readonly message: string }
}

/** Who asks what would be decided. */
export interface Caller {
  /** The token's name; absent when the policy lets strangers ask. */
  readonly username?: string
  /** Address and port. */
  readonly address: string
}
/** What came of a what-if, which issues nothing. `result` is absent when the entrypoint is undefined. */
export type WhatIf = { readonly decisionId: string } & (
  | { readonly result?: unknown }
  | { readonly fault: GatewayError }
)
/** Evaluates, writes it down, and answers once that is durable. */
export type AskWhatIf = (input: PolicyInput, caller: Caller) => Promise<WhatIf>

const State = Type.Object(
  {
    revision: Type.Optional(Type.String({ description: 'of the bundle; absent when none is in force' })),
    entrypoints: Type.Array(Type.String()),
    loaded_at: Type.String({ description: 'RFC 3339' }),
    error: Type.Optional(ErrorAnswer),
  },
  { additionalProperties: false },
)

/** The input as a part of another schema: its `$id` names it where it stands alone. */
const input = Type.Object(PolicyInput.properties, {
  additionalProperties: false,
  description: 'contract ssh/v1: policies/schemas/ssh/input.json',
})
const Question = Type.Object({ input }, { additionalProperties: false })
const Answer = Type.Object(
  {
    decision_id: Type.String(),
    result: Type.Optional(Type.Unknown({ description: 'policies/schemas/ssh/decision.json; absent: undefined' })),
  },
  { additionalProperties: false },
)

/** Of an input: twenty times what one has, and little enough to be looked through on the main thread. */
const bodyMost = 64 * 1024
/** Levels of its free-form parts. What is deeper could not be written down. */
const depthMost = 32

/** `POST /v1/data/ssh/decision` is OPA's Data API: what would be decided for this input. */
export function policyRoutes(app: FastifyInstance, state: () => PolicyState, ask: AskWhatIf): void {
  app.get('/v1/policy', { schema: { summary: 'The policy in force', response: answers({ 200: State }) } }, async () => {
    const { revision, entrypoints, loadedAt, fault } = state()
    return {
      ...(revision === undefined ? {} : { revision }),
      entrypoints,
      loaded_at: new Date(loadedAt).toISOString(),
      ...(fault === undefined ? {} : { error: { code: fault.code, message: fault.message } }),
    }
  })
  app.post<{ Body: { input: PolicyInput } }>(
    '/v1/data/ssh/decision',
    {
      bodyLimit: bodyMost,
      schema: {
        summary: 'What would be decided; issues nothing, and is recorded as a what-if',
        body: Question,
        response: answers({ 200: Answer }),
      },
    },
    async (request) => {
      const { input } = request.body
      if (isDeeper(input, depthMost))
        throw new ApiError(400, 'invalid_parameter', `the input is nested deeper than ${depthMost}`)
      const { ip, socket, caller } = request
      const answer = await ask(input, {
        address: `${ip}:${socket.remotePort ?? 0}`,
        ...(caller === undefined ? {} : { username: caller }),
      })
      if ('fault' in answer) throw refused(answer.fault)
      return { decision_id: answer.decisionId, ...('result' in answer ? { result: answer.result } : {}) }
    },
  )
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((held) => isDeeper(held, levels - 1))
}

/** Whoever tries a policy out is to know how it failed. */
function refused(fault: GatewayError): Error {
  if (fault.code === 'POLICY_INPUT') return new ApiError(400, 'invalid_parameter', fault.message)
  const ofThePolicy = !['POLICY_MISSING', 'POLICY_BUSY', 'LOG_NOT_DURABLE'].includes(fault.code)
  return ofThePolicy ? new ApiError(500, fault.code, fault.message) : fault
}

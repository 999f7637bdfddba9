import { type TSchema, Type } from '../model/type.ts'

/** What answers look like, for `/openapi.json`. Nothing is sent by them: a test holds each answer against its own. */
export const ErrorAnswer = Type.Object(
  { code: Type.String({ description: 'a fixed word' }), message: Type.String({ description: 'for people' }) },
  { additionalProperties: false, description: 'what stands in the way' },
)

/** Text of a type that is not JSON's. */
export const ofType = (types: readonly string[], description: string) => ({
  description,
  content: Object.fromEntries(types.map((type) => [type, { schema: Type.String() }])),
})

/** What a route answers when all is well, and the errors. */
export const answers = (shapes: Readonly<Record<number, TSchema | ReturnType<typeof ofType>>>) => ({
  ...shapes,
  '4xx': ErrorAnswer,
  '5xx': ErrorAnswer,
})

/** Ids of decisions, sessions and logins. */
export const uuid = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
export const OneParams = Type.Object({ id: Type.String({ pattern: uuid }) }, { additionalProperties: false })

export const Nothing = Type.Null({ description: 'done' })

const open = { additionalProperties: true } as const
/** OPA's decision log event (docs: Decision Logs), with what was really done in `mapped_result`. */
export const DecisionEvent = Type.Object(
  {
    labels: Type.Object({ kind: Type.Union([Type.Literal('ssh'), Type.Literal('what-if')]) }, open),
    decision_id: Type.String(),
    timestamp: Type.String({ description: 'RFC 3339' }),
    path: Type.String(),
    requested_by: Type.String({ description: 'address and port of the client' }),
    input: Type.Object({}, open),
    result: Type.Optional(Type.Unknown()),
    mapped_result: Type.Object({ outcome: Type.String(), code: Type.Optional(Type.String()) }, open),
  },
  { ...open, description: 'OPA’s decision log event' },
)

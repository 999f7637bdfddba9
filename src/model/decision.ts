import { CertificateRequest } from './certificate.ts'
import { type Static, Type } from './type.ts'

const closed = { additionalProperties: false } as const
const later = 'refused in this version'

export const Reason = Type.Object(
  {
    code: Type.String({ minLength: 1, maxLength: 128, description: 'a fixed word' }),
    message: Type.String({ maxLength: 1024, description: 'for the person; may be empty' }),
  },
  closed,
)

/**
 * What is missing before the policy can allow; the gateway asks for it and then asks the policy again. In this version
 * only for a plain login: with any other it refuses (CHALLENGE_UNSUPPORTED).
 */
export const Requirement = Type.Union([
  Type.Object(
    {
      type: Type.Literal('login'),
      max_age: Type.Optional(Type.Integer({ minimum: 0, description: `seconds since the person signed in; ${later}` })),
      acr_values: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: `one of them; ${later}` })),
    },
    closed,
  ),
  Type.Object(
    { type: Type.Literal('reason'), prompt: Type.String({ minLength: 1, maxLength: 256 }) },
    { ...closed, description: `a reason of the person’s; ${later}` },
  ),
  Type.Object(
    {
      type: Type.Literal('approval'),
      from: Type.Array(Type.String(), { minItems: 1, description: 'groups whose members may approve' }),
      count: Type.Integer({ minimum: 1, maximum: 16 }),
      within: Type.Integer({ minimum: 1, description: 'seconds' }),
    },
    { ...closed, description: `others’ approval; ${later}` },
  ),
])

const common = {
  version: Type.Literal('ssh/v1'),
  grant: Type.Optional(Type.String({ maxLength: 256, description: 'the id of the grant that was chosen' })),
  reasons: Type.Optional(Type.Array(Reason, { maxItems: 64 })),
}

export const Allow = Type.Object({ ...common, outcome: Type.Literal('allow'), certificate: CertificateRequest }, closed)
export const Challenge = Type.Object(
  { ...common, outcome: Type.Literal('challenge'), require: Type.Array(Requirement, { minItems: 1, maxItems: 16 }) },
  closed,
)
export const Deny = Type.Object({ ...common, outcome: Type.Literal('deny') }, closed)

/** The document at `data.ssh.decision`. An unknown key anywhere in it denies. */
export const Decision = Type.Union([Allow, Challenge, Deny], {
  $id: 'ssh/v1/decision',
  title: 'SSH access, contract ssh/v1: what the policy answers',
})

export type Reason = Static<typeof Reason>
export type Requirement = Static<typeof Requirement>
export type Decision = Static<typeof Decision>

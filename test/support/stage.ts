import type { DecisionRecord } from '../../src/decision-log/record.ts'
import type { Steps } from '../../src/gateway/decide.ts'
import { Epoch } from '../../src/gateway/epoch.ts'
import type { Route } from '../../src/gateway/routes.ts'
import type { Address } from '../../src/model/address.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import type { PolicyInput } from '../../src/model/context.ts'
import { GatewayError } from '../../src/model/errors.ts'
import type { Evaluation } from '../../src/policy/engine.ts'
import type { Leg } from '../../src/ssh/leg.ts'
import { aCertificate } from './certificate.ts'

export const aRoute: Route = {
  name: 'db1',
  host: '10.0.3.7',
  port: 22,
  labels: { env: 'prod' },
  principals: 'login',
  settings: { name: 'db1', host: '10.0.3.7', port: 22, labels: {}, principals: 'login', hostKeys: [] },
}

/** What a policy answers. */
export const allowed = { version: 'ssh/v1', outcome: 'allow', certificate: { principals: ['postgres'], ttl: 60 } }
export const denied = { version: 'ssh/v1', outcome: 'deny', reasons: [{ code: 'over', message: 'your shift is over' }] }
export const signIn = { version: 'ssh/v1', outcome: 'challenge', require: [{ type: 'login' }] }

export const evaluation = (result?: unknown): Evaluation => ({
  entrypoint: 'ssh/decision',
  revision: 'r1',
  builtins: {},
  nanoseconds: 1,
  ...(result instanceof GatewayError
    ? { came: 'failed', error: result }
    : result === undefined
      ? { came: 'undefined' }
      : { came: 'answered', result }),
})

/** What happens between a question and what comes of it, in this order. */
export const points = ['evaluate', 'reach', 'issue', 'record', 'login'] as const
export type Point = (typeof points)[number]

/** A step that stands still until the test lets it go on. */
export interface Held {
  readonly reached: Promise<void>
  goOn(): void
}

/** Steps that tell what they do, answer what a test wants, and stop where it wants them to. */
export class Stage {
  readonly epoch = new Epoch()
  readonly trace: string[] = []
  readonly records: DecisionRecord[] = []
  readonly inputs: PolicyInput[] = []
  /** What comes of each of the next calls of a step, at last again and again: an answer, a certificate, or a fault. */
  answers: readonly unknown[] = [allowed]
  certificates: readonly (Certificate | GatewayError)[] = [aCertificate()]
  recordings: readonly (GatewayError | undefined)[] = [undefined]
  readonly #taken = new Map<readonly unknown[], number>()
  readonly #held: { point: Point; reach: () => void; go: Promise<void> }[] = []

  /** The next call of the step that nobody holds yet. */
  hold(point: Point): Held {
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    this.#held.push({ point, reach: reached.resolve, go: go.promise })
    return { reached: reached.promise, goOn: go.resolve }
  }

  async #pass(point: Point, told: string = point): Promise<void> {
    this.trace.push(told)
    const index = this.#held.findIndex((one) => one.point === point)
    const [held] = index < 0 ? [] : this.#held.splice(index, 1)
    held?.reach()
    await held?.go
  }

  #next<T>(all: readonly T[]): T | undefined {
    const index = this.#taken.get(all) ?? 0
    this.#taken.set(all, index + 1)
    return all[Math.min(index, all.length - 1)]
  }

  /** A test may put another step in the place of one. */
  readonly steps: { -readonly [Name in keyof Steps]: Steps[Name] } = {
    epoch: () => this.epoch.now,
    route: () => aRoute,
    evaluate: async (input) => {
      this.inputs.push(input)
      const answer = this.#next(this.answers) // by the policy that was in force when it was asked
      await this.#pass('evaluate')
      return evaluation(answer)
    },
    reach: async () => {
      await this.#pass('reach')
      return {
        localAddress: '10.0.0.5' as Address,
        login: async () => {
          await this.#pass('login')
          return { leg: {} as Leg, banner: '' }
        },
        leave: () => this.trace.push('leave'),
      }
    },
    issue: async () => {
      await this.#pass('issue')
      return orThrow(this.#next(this.certificates)) ?? aCertificate()
    },
    record: async (record) => {
      await this.#pass('record', `record ${record.outcome}`)
      orThrow(this.#next(this.recordings))
      this.records.push(record)
    },
    roomForStranger: async () => true,
    closed: () => undefined,
    full: () => undefined,
  }
}

function orThrow<T>(what: T | GatewayError): T {
  if (what instanceof GatewayError) throw what
  return what
}

import type { Socket } from 'node:net'
import type { CommonLimits, NotTaken } from '../gateway/commons.ts'
import type { Whose } from '../gateway/everywhere.ts'
import type { Offence } from '../gateway/offences.ts'
import type { Counts, Kind } from '../gateway/registry.ts'
import type { LiveOne } from '../gateway/sessions.ts'
import type { Address } from '../model/address.ts'
import type { ErrorCode } from '../model/errors.ts'
import type { Session, SessionBytes } from '../model/session-event.ts'
import type { MetricJson } from './past-counts.ts'

/*
 * What supervisor and workers say to each other, over the channel that Node.js opens between a process and its child. Of
 * what is asked, the first type goes and the second comes back; what is said has no answer, and arrives in the order of
 * saying. A worker chooses the numbers (`id`) of what it holds: it can give something back before it knows that it got it.
 */

/**
 * Changes with every change of these tables: a supervisor lives on when newer workers take the place of its own, and must
 * not misunderstand them.
 */
export const protocolVersion = 1

/** What connections come in by. */
export type Door = 'ssh' | 'http'
export const doors: readonly Door[] = ['ssh', 'http']

export interface Told {
  readonly code: ErrorCode
  readonly message: string
}
interface Held {
  readonly id: number
}

export type WorkerAsks = {
  readonly enter: [Held & { readonly source: Address }, 'taken' | NotTaken]
  readonly signIn: [Held & { readonly source: Address }, 'taken' | { readonly why: string }]
  readonly punish: [{ readonly source: Address; readonly offence: Offence }, boolean]
  readonly roomForStranger: [undefined, boolean]
  readonly enrol: [Held & { readonly person: string; readonly kind: Kind }, Counts]
  readonly counts: [Held, Counts]
  readonly liveOf: [string, number]
  /** Everywhere. `more`: the same will be asked again, and is done by the supervisor should the worker be gone before. */
  readonly end: [{ readonly why: Told; readonly whose: Whose; readonly more: boolean }, number]
  readonly list: [undefined, readonly (Session & { readonly bytes: SessionBytes })[]]
  readonly of: [PersonName, readonly LiveOne[]]
  readonly metrics: [undefined, readonly (readonly MetricJson[])[]]
}
export type WorkerSays = {
  /** First of all: what the configuration file says. */
  readonly hello: Hello
  /** It takes connections from now on. */
  readonly ready: PolicyState
  readonly policy: PolicyState
  /** It could not begin. */
  readonly failed: { readonly text: string; readonly exitCode: number }
  /** Of a place: what it is given back. */
  readonly giveBack: Held
  readonly aside: Held
  readonly back: Held
  readonly letIn: Held
  readonly gone: Held
  /** The configuration has changed, and is in force there. */
  readonly limits: CommonLimits
  /** Decisions were written down. */
  readonly decided: undefined
  /** So many of the connections that it was given have ended. */
  readonly closed: Readonly<Record<Door, number>>
  /** Told to drain, it carries nothing any more. What it has counted comes along. */
  readonly drained: readonly MetricJson[]
}

/** `end`, `list`, `of`, `metrics`: of this worker alone. */
export type SupervisorAsks = {
  readonly end: [{ readonly why: Told; readonly whose: Whose }, number]
  readonly list: WorkerAsks['list']
  readonly of: WorkerAsks['of']
  readonly metrics: [undefined, readonly MetricJson[]]
}
export type SupervisorSays = {
  /** A connection comes along, of which nothing was read. */
  readonly connection: Door
  readonly reload: undefined
  /** New connections go to others: what is here goes on to its end, and then the worker ends. */
  readonly drain: undefined
  /** `now`: without waiting for live sessions. */
  readonly stop: { readonly now: boolean }
  /** Another worker wrote decisions down. */
  readonly decided: undefined
}

/** Without a usable policy a worker denies everyone. */
export interface PolicyState {
  readonly hasPolicy: boolean
}

export interface PersonName {
  readonly issuer: string
  readonly subject: string
}

export interface Hello {
  readonly protocol: number
  readonly workers: number
  readonly listen: Readonly<Record<Door, { readonly host: string; readonly port: number }>>
  readonly limits: CommonLimits
  /** Milliseconds. */
  readonly shutdownGrace: number
}

/** One end of a channel, as Node.js has it. `sent` hears once it has gone out, or why it could not. */
export interface Wire {
  send(message: object, socket: Socket | undefined, sent: (fault: Error | null) => void): void
}

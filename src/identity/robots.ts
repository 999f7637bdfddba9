import type { Address } from '../model/address.ts'
import type { PolicyIdentity } from '../model/context.ts'
import { GatewayError } from '../model/errors.ts'
import type { Fingerprint, UnixSeconds } from '../model/units.ts'
import type { Robot } from './robots-file.ts'
import { sourceMatches } from './source-list.ts'

/** `input.identity.issuer` of robots: no identity provider vouches for them, the operator's file does. */
const issuer = 'keys'
/** `input.identity.expires_at` of a key without an expiry-time: the last second of the year 9999. */
const never = 253_402_300_799

/** The robots of the file as it was last read well. */
export class Robots {
  #byKey: ReadonlyMap<Fingerprint, Robot> = new Map()
  #names: ReadonlySet<string> = new Set()

  /** Answers which of those before are gone, or are not what they were. */
  replace(robots: readonly Robot[]): readonly Robot[] {
    const before = [...this.#byKey.values()]
    this.#byKey = new Map(robots.map((robot) => [robot.key.fingerprint, robot]))
    this.#names = new Set(robots.map(({ username }) => username.toLowerCase()))
    return before.filter((robot) => sayOf(this.#byKey.get(robot.key.fingerprint)) !== sayOf(robot))
  }

  has(key: Fingerprint): boolean {
    return this.#byKey.has(key)
  }

  /** In any letter case: nobody is to be taken for a robot in a log. */
  isName(username: string): boolean {
    return this.#names.has(username.toLowerCase())
  }

  /**
   * Whose key it is; undefined when no robot's. Throws ROBOT_EXPIRED or ROBOT_SOURCE for a robot that may not come now or
   * from there: its key opens nothing else.
   */
  find(key: Fingerprint, source: Address, now: UnixSeconds): PolicyIdentity | undefined {
    const robot = this.#byKey.get(key)
    if (robot === undefined) return undefined
    if (robot.expiresAt !== undefined && now >= robot.expiresAt)
      throw new GatewayError('ROBOT_EXPIRED', `the key of ${robot.username} has expired (${robot.where})`)
    if (robot.from !== undefined && !sourceMatches(robot.from, source))
      throw new GatewayError('ROBOT_SOURCE', `the key of ${robot.username} came from ${source} (${robot.where})`)
    return {
      subject: key,
      issuer,
      username: robot.username,
      groups: [...robot.groups],
      expires_at: robot.expiresAt ?? never,
      claims: {},
      kind: 'robot',
      login: { at: now, flow: 'keys', ssh_source_ip: source },
    }
  }
}

/** Everything that its line says of it, the line's place aside. */
const sayOf = (robot: Robot | undefined): string | undefined =>
  robot === undefined
    ? undefined
    : JSON.stringify([robot.username, robot.groups, robot.expiresAt, robot.from?.map(({ text }) => text)])

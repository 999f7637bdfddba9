import type { Address } from '../model/address.ts'
import type { PolicyIdentity } from '../model/context.ts'
import { GatewayError } from '../model/errors.ts'
import type { Log } from '../model/log.ts'
import type { Clock, UnixSeconds } from '../model/units.ts'
import type { Login, Logins, ProvenKey } from './logins.ts'
import type { Robots } from './robots.ts'

/** Keeps whose a name is. */
export interface UsernameStore {
  /** Gives the name to the person when nobody has it; answers whose it is now. */
  bind(username: string, person: Person, now: UnixSeconds): Promise<Person>
}
interface Person {
  readonly issuer: string
  readonly subject: string
}

/** Whose a key is, without asking them again. */
export interface Known {
  readonly identity: PolicyIdentity
  /** Of a person's cached login; a robot has none. */
  readonly loginId?: string
}

/** Who stands behind a key: a robot of the file, or a person who has signed in with it. Nobody is both. */
export class Identities {
  readonly #robots: Robots
  readonly #logins: Logins
  readonly #usernames: UsernameStore
  readonly #clock: Clock
  readonly #log: Log

  constructor(robots: Robots, logins: Logins, usernames: UsernameStore, clock: Clock, log: Log) {
    this.#robots = robots
    this.#logins = logins
    this.#usernames = usernames
    this.#clock = clock
    this.#log = log
  }

  /**
   * At each admission: the robot whose key it is, or else the person whose login it opens from there. Throws ROBOT_EXPIRED,
   * ROBOT_SOURCE, or USERNAME_OF_ROBOT for a person from before the robot was given the same name.
   */
  async find(key: ProvenKey, source: Address): Promise<Known | undefined> {
    const robot = this.#robots.find(key.fingerprint, source, this.#clock())
    if (robot !== undefined) return { identity: robot }
    const login = await this.#logins.find(key, source)
    if (login === undefined) return undefined
    this.#refuseRobotName(login.identity)
    return { identity: login.identity, loginId: login.id }
  }

  /**
   * A person has signed in: their name is theirs from now on, and the login is kept by the key that was proven; without a
   * key nothing is kept. Throws USERNAME_TAKEN, USERNAME_OF_ROBOT or KEY_OF_ROBOT, and then nothing is kept either.
   */
  async signedIn(key: ProvenKey | undefined, source: Address, identity: PolicyIdentity): Promise<Login | undefined> {
    this.#refuseRobotName(identity)
    await this.#bindName(identity)
    if (key === undefined) return undefined
    if (this.#robots.has(key.fingerprint))
      throw new GatewayError('KEY_OF_ROBOT', `${identity.username} signed in with a robot’s key`)
    const { login, replaced } = await this.#logins.save(key, source, identity)
    if (replaced.length > 0)
      this.#log.warn(
        { code: 'KEY_SHARED', key: key.fingerprint, username: identity.username, replaced },
        'a person signed in with the key of another person’s login, which has ended',
      )
    return login
  }

  #refuseRobotName({ username, issuer, subject }: PolicyIdentity): void {
    if (!this.#robots.isName(username)) return
    this.#log.warn({ code: 'USERNAME_OF_ROBOT', username, issuer, subject }, 'a person has a robot’s name')
    throw new GatewayError('USERNAME_OF_ROBOT', `${username} is a robot’s name`)
  }

  async #bindName({ username, issuer, subject }: PolicyIdentity): Promise<void> {
    const holder = await this.#usernames.bind(username, { issuer, subject }, this.#clock())
    if (holder.issuer === issuer && holder.subject === subject) return
    this.#log.warn(
      { code: 'USERNAME_TAKEN', username, issuer, subject, holder },
      'a person has the name of another, who had it first',
    )
    throw new GatewayError('USERNAME_TAKEN', `${username} is another person’s name`)
  }
}

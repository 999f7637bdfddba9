import { randomUUID } from 'node:crypto'
import { type Address, loginPrefix, type Nearness } from '../model/address.ts'
import type { PolicyIdentity } from '../model/context.ts'
import type { Clock, Fingerprint, UnixSeconds } from '../model/units.ts'

/** A person who has signed in, for as long as the same key comes from the same place. */
export interface Login {
  readonly id: string
  readonly keyFingerprint: Fingerprint
  /** The network that the login serves, or `*`. */
  readonly prefix: string
  readonly identity: PolicyIdentity
  readonly createdAt: UnixSeconds
  /** First second that counts no more. */
  readonly expiresAt: UnixSeconds
}

/** What is kept of them, and survives a restart. */
export interface LoginStore {
  /** Answers the names of other persons who had a live login by the same key, and have it no more. */
  save(login: Login): Promise<{ readonly id: string; readonly replaced: readonly string[] }>
  /** Only while it has not ended. */
  find(keyFingerprint: Fingerprint, prefix: string, now: UnixSeconds): Promise<Login | undefined>
}

/** A key that was proven over this very session; nothing else opens a login (an offer is not a proof). */
export interface ProvenKey {
  readonly fingerprint: Fingerprint
}

/** The cached logins. One key and one place have one, and one key is one person's; a new one takes its place. */
export class Logins {
  readonly #store: LoginStore
  readonly #nearness: Nearness
  readonly #clock: Clock

  constructor(store: LoginStore, nearness: Nearness, clock: Clock) {
    this.#store = store
    this.#nearness = nearness
    this.#clock = clock
  }

  find(key: ProvenKey, source: Address): Promise<Login | undefined> {
    return this.#store.find(key.fingerprint, loginPrefix(source, this.#nearness), this.#clock())
  }

  /** `replaced`: names of other persons whose login by this key has ended with it. */
  async save(
    key: ProvenKey,
    source: Address,
    identity: PolicyIdentity,
  ): Promise<{ readonly login: Login; readonly replaced: readonly string[] }> {
    const login: Login = {
      id: randomUUID(),
      keyFingerprint: key.fingerprint,
      prefix: loginPrefix(source, this.#nearness),
      identity,
      createdAt: this.#clock(),
      expiresAt: identity.expires_at as UnixSeconds,
    }
    const { id, replaced } = await this.#store.save(login)
    return { login: { ...login, id }, replaced }
  }
}

import type { Knock } from '../../src/gateway/decide.ts'
import type { PolicyIdentity } from '../../src/model/context.ts'
import type { Login } from '../../src/model/units.ts'

/** Alice, signed in. */
export const alice: PolicyIdentity = {
  subject: 'sub-alice',
  issuer: 'https://idp.example',
  username: 'alice',
  groups: ['dba'],
  expires_at: 1_800_010_000,
  claims: {},
  kind: 'person',
  login: { at: 1_800_000_000, flow: 'device', ssh_source_ip: '203.0.113.9' },
}

/** Alice asks for postgres@db1 with a key. */
export function aKnock(change: Partial<Knock> = {}): Knock {
  return {
    sessionId: 'session-1',
    asked: { login: 'postgres' as Login, route: 'db1' },
    connection: {
      id: 'connection-1',
      source: { ip: '203.0.113.9', port: 50_000 },
      gateway: 'eu-1',
      client_version: 'SSH-2.0-OpenSSH_9.2',
      kex: 'curve25519-sha256',
      jump: false,
    },
    key: { type: 'ssh-ed25519', fingerprint: 'SHA256:k', hardware: false },
    identity: alice,
    counts: { others: 0, all: 1 },
    ...change,
  }
}

/** The same, before anybody has signed in. */
export function aStranger(): Knock {
  const { identity: _, ...knock } = aKnock()
  return knock
}

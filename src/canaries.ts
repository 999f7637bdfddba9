import type { RouteSettings } from './gateway/routes.ts'
import type { PolicyIdentity, PolicyInput } from './model/context.ts'

/** Routes of which a new bundle is asked before it comes into force. */
const routesMost = 16

/** What a bundle must have a decision for: on each route somebody who has not signed in, and somebody of no group who has. */
export function canaries(routes: readonly RouteSettings[]): PolicyInput[] {
  return routes.slice(0, routesMost).flatMap((route) => [about(route), { ...about(route), identity: nobody }])
}

function about({ name, host, port, labels, principals }: RouteSettings): PolicyInput {
  return {
    version: 'ssh/v1',
    connection: {
      id: '00000000-0000-4000-8000-000000000000',
      source: { ip: '192.0.2.1', port: 50_000 },
      gateway: 'canary',
      client_version: 'SSH-2.0-canary',
      kex: 'curve25519-sha256',
      jump: false,
    },
    target: { route: name.replace('*', 'canary'), login: 'root', host, port, principals, labels },
    request: { approvals: [] },
    usage: { sessions: 0 },
    facts: {},
  }
}

const nobody: PolicyIdentity = {
  subject: 'canary',
  issuer: 'https://canary.invalid',
  username: 'canary',
  groups: [],
  expires_at: 4_102_444_800,
  claims: {},
  kind: 'person',
  login: { at: 0, flow: 'device', ssh_source_ip: '192.0.2.1' },
}

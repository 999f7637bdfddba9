import type { PolicyInput } from '../src/model/context.ts'
import type { Milliseconds } from '../src/model/units.ts'
import { readBundle } from '../src/policy/bundle.ts'
import { PolicyPool } from '../src/policy/pool.ts'
import { Threads } from '../src/policy/threads.ts'
import { quantileOf } from './statistics.ts'

export interface PolicyFigures {
  /** Microseconds from the question to the answer. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Decisions a second, one after the other. */
  readonly perSecond: number
  /** And with `atOnce` of them under way. */
  readonly perSecondAtOnce: number
}

/** Questions under way, for one worker. */
export const atOnce = 8

/** What `regate.yaml` leaves to the gateway. */
const settings = { workers: 1, deadline: 50 as Milliseconds, memoryPages: 1_024 }
/** Until V8 has compiled the module and what surrounds it for speed. */
const warmUp = 2_000

/** Asks the shipped policy, one question after the other, and then several: JSON text to the worker, JSON text back. */
export async function measurePolicy(
  bundlePath: string,
  decisions: number,
  signal: AbortSignal,
): Promise<PolicyFigures> {
  await using threads = new Threads(0)
  await using pool = await PolicyPool.start(await readBundle(bundlePath), settings, threads)
  const input = JSON.stringify(question)
  const ask = async (): Promise<string> => {
    const nowNs = (BigInt(Date.now()) * 1_000_000n).toString()
    const answer = await pool.evaluate({ entrypoint: 'ssh/decision', input, nowNs })
    if ('error' in answer) throw new Error(`the policy failed: ${answer.error.message}`)
    return answer.result ?? 'nothing'
  }
  const first = await ask()
  if (!first.includes('"outcome":"allow"')) throw new Error(`the shipped policy does not allow it, but says ${first}`)
  for (let count = 0; count < warmUp; count++) await ask()
  const microseconds = new Float64Array(decisions)
  const begun = performance.now()
  for (let count = 0; count < decisions; count++) {
    signal.throwIfAborted()
    const asked = performance.now()
    await ask()
    microseconds[count] = (performance.now() - asked) * 1_000
  }
  const seconds = (performance.now() - begun) / 1_000
  const at = (part: number): number => quantileOf(microseconds, part)
  const perSecondAtOnce = decisions / (await secondsOf(ask, decisions, signal))
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), perSecond: decisions / seconds, perSecondAtOnce }
}

/** Seconds that so many take, `atOnce` of them under way. */
async function secondsOf(ask: () => Promise<unknown>, decisions: number, signal: AbortSignal): Promise<number> {
  let left = decisions
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      signal.throwIfAborted()
      await ask()
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: atOnce }, lane))
  return (performance.now() - begun) / 1_000
}

/** A developer on a staging host, of whom everything is known. */
const question: PolicyInput = {
  version: 'ssh/v1',
  identity: {
    subject: '2bd806c9-7f0e-4a1f-9d3c-6d1c7b2f5e11',
    issuer: 'https://idp.example.com',
    username: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    groups: ['employees', 'engineering', 'developers', 'payments', 'vpn', 'on-call-rota'],
    amr: ['pwd', 'otp'],
    acr: 'urn:example:mfa',
    auth_time: 1_763_981_400,
    expires_at: 1_764_010_800,
    claims: {
      sub: '2bd806c9-7f0e-4a1f-9d3c-6d1c7b2f5e11',
      iss: 'https://idp.example.com',
      aud: 'regate',
      iat: 1_763_981_400,
      exp: 1_763_985_000,
      preferred_username: 'alice',
      name: 'Alice Example',
      locale: 'en',
    },
    kind: 'person',
    login: { at: 1_763_981_400, flow: 'device', ssh_source_ip: '203.0.113.9' },
  },
  key: { type: 'ssh-ed25519', fingerprint: 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU', hardware: false },
  connection: {
    id: '5f0c0c1e-6f5b-4b3e-8a53-0d8f3f1c9a70',
    source: { ip: '203.0.113.9', port: 50_122 },
    gateway: 'eu-1',
    client_version: 'SSH-2.0-OpenSSH_10.2',
    kex: 'curve25519-sha256',
    jump: false,
  },
  target: {
    route: 'web1',
    login: 'deploy',
    host: '10.0.3.7',
    port: 22,
    principals: 'login',
    labels: { env: 'staging', role: 'web', team: 'payments', region: 'eu' },
  },
  request: { approvals: [] },
  usage: { sessions: 2 },
  facts: {},
}

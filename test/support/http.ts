import { createHash } from 'node:crypto'
import { createApp, type HttpParts } from '../../src/http/app.ts'
import type { AuthorizationInput } from '../../src/http/authorization.ts'
import type { Log } from '../../src/model/log.ts'

export const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
/** The digits of a nanosecond, which JSON.parse would not keep. */
export const event = (number: number): string => `{"decision_id":"${id(number)}","exact":1763881234567890123}`
const events = Array.from({ length: 5 }, (_, index) => ({ sequence: index + 1, bytes: Buffer.from(event(index + 1)) }))
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet }

/** Five decisions; the token `secret` reads, `other` may do nothing. */
export function anApp(change: Partial<HttpParts> = {}) {
  const asked: AuthorizationInput[] = []
  const app = createApp({
    decisions: {
      list: async ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
        events
          .toReversed()
          .filter(({ sequence }) => sequence < before)
          .slice(0, limit),
      find: async (wanted) => events.find(({ bytes }) => bytes.includes(wanted))?.bytes,
    },
    async authorize(input) {
      asked.push(input)
      return input.identity?.groups.includes('read') === true
    },
    readiness: async () => [{ name: 'policy' }],
    caKeys: ['ssh-ed25519 AAAA ca'],
    tokens: [
      { name: 'ci', sha256: createHash('sha256').update('secret').digest('hex'), groups: ['read'] },
      { name: 'other', sha256: createHash('sha256').update('other').digest('hex'), groups: [] },
    ],
    log: quiet,
    ...change,
  })
  return {
    app,
    asked,
    get: (url: string, token?: string) =>
      app.inject({ url, ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }) }),
  }
}

import type { AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * Where the provider keeps its sessions and codes: in memory, `most` of a kind, the oldest leave first. Nothing leaves by
 * age: the provider itself looks at that, and an expired code must be told apart from one that never was.
 */
export function memory(most = 1_000): AdapterFactory {
  return () => {
    const rows = new Map<string, AdapterPayload>()
    const first = (matches: (row: AdapterPayload) => boolean): AdapterPayload | undefined => rows.values().find(matches)
    return {
      async upsert(id, payload) {
        rows.delete(id)
        rows.set(id, payload)
        for (const oldest of rows.keys().take(Math.max(0, rows.size - most))) rows.delete(oldest)
      },
      find: async (id) => rows.get(id),
      findByUid: async (uid) => first((row) => row.uid === uid),
      findByUserCode: async (userCode) => first((row) => row.userCode === userCode),
      async consume(id) {
        const row = rows.get(id)
        if (row !== undefined) row.consumed = Math.floor(Date.now() / 1000)
      },
      async destroy(id) {
        rows.delete(id)
      },
      async revokeByGrantId(grantId) {
        for (const [id, row] of rows) if (row.grantId === grantId) rows.delete(id)
      },
    }
  }
}

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { run } from '../support/process.ts'
import { type GatewayProcess, startWorld } from '../support/world.ts'

/* What ssh-audit says of the gateway, with a host key of each kind, and why each of its complaints is left as it is. */
const auditor = join(import.meta.dirname, '..', '..', '.tools', 'ssh-audit')

before(() => assert.ok(existsSync(auditor), 'no ssh-audit in .tools: bin/setup audit brings it'))

interface Report {
  readonly banner: { readonly raw: string }
  readonly compression: readonly string[]
  readonly [list: string]: unknown
}
interface Entry {
  readonly algorithm: string
  readonly notes: { readonly fail?: readonly string[]; readonly warn?: readonly string[] }
}

async function audit(
  gateway: GatewayProcess,
): Promise<{ offered: Record<string, readonly string[]>; complaints: string[] }> {
  const args = ['-m', 'ssh_audit', '--skip-rate-test', '-j', '-p', `${gateway.sshPort}`, '127.0.0.1']
  const { stdout, stderr } = await run('python3', args, { env: { PYTHONPATH: auditor } })
  assert.notEqual(stdout, '', stderr)
  const report = JSON.parse(stdout) as Report
  const lists = ['kex', 'key', 'enc', 'mac'].map((list) => [list, report[list] as readonly Entry[]] as const)
  return {
    offered: Object.fromEntries([
      ...lists.map(([list, entries]) => [list, entries.map(({ algorithm }) => algorithm)]),
      ['compression', report.compression],
    ]),
    complaints: lists.flatMap(([, entries]) =>
      entries.flatMap(({ algorithm, notes }) =>
        (['fail', 'warn'] as const).flatMap((level) =>
          (notes[level] ?? []).map((note) => `${level}: ${algorithm}: ${note}`),
        ),
      ),
    ),
  }
}

/** What is left as it is, and why. The same stands in docs/operations.md. */
const accepted: readonly [complaint: string, because: string][] = [
  [
    'warn: curve25519-sha256: does not provide protection against post-quantum attacks',
    'what OpenSSH before 9.9, PuTTY and dropbear have; gateway.key_exchange: post-quantum leaves it out',
  ],
  [
    'warn: curve25519-sha256@libssh.org: does not provide protection against post-quantum attacks',
    'the same exchange by its first name',
  ],
  [
    'fail: ecdsa-sha2-nistp256: using elliptic curves that are suspected as being backdoored by the U.S. National Security Agency',
    'offered only where the operator has an ECDSA host key, for clients that are held to NIST’s curves',
  ],
  [
    'warn: ecdsa-sha2-nistp256: using weak random number generator could reveal the key',
    'the same; OpenSSL draws the number from the kernel',
  ],
]

test('with a host key of each kind, ssh-audit complains of what is written down, and of nothing else', async () => {
  await using world = await startWorld({
    config: async ({ workspace }) => {
      for (const [type, bits] of [
        ['ecdsa', '256'],
        ['rsa', '4096'],
      ] as const)
        await run('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-f', workspace.path(`host-${type}`)])
      return { gateway: { host_keys: ['gateway-host', 'host-ecdsa', 'host-rsa'] } }
    },
  })
  const { offered, complaints } = await audit(world.gateway)
  assert.deepEqual(
    complaints,
    accepted.map(([complaint]) => complaint),
  )
  assert.deepEqual(offered, {
    kex: ['mlkem768x25519-sha256', 'curve25519-sha256', 'curve25519-sha256@libssh.org', 'kex-strict-s-v00@openssh.com'],
    key: ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'],
    enc: [
      'aes128-gcm@openssh.com',
      'aes256-gcm@openssh.com',
      'chacha20-poly1305@openssh.com',
      'aes128-ctr',
      'aes256-ctr',
    ],
    mac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
    compression: ['none'],
  })
})

test('with an Ed25519 host key and post-quantum key exchange alone, of nothing at all', async () => {
  await using world = await startWorld({ config: () => ({ gateway: { key_exchange: 'post-quantum' } }) })
  const { offered, complaints } = await audit(world.gateway)
  assert.deepEqual(complaints, [])
  assert.deepEqual(offered.kex, ['mlkem768x25519-sha256', 'kex-strict-s-v00@openssh.com'])
})

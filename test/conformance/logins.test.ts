import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CaKey, readCaKey } from '../../src/certificate/ca-key.ts'
import { decode } from '../../src/certificate/decode.ts'
import { cidrContains, parseAddress } from '../../src/model/address.ts'
import type { Milliseconds } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { rekeyLimits } from '../../src/ssh/key-renewal.ts'
import { reach } from '../../src/ssh/target.ts'
import { type CertificateChange, ed25519, hostCertificate, rsa } from '../support/host-certificate.ts'
import { type Sshd, startSshd } from '../support/sshd.ts'
import { makeWorkspace, type Workspace } from '../support/workspace.ts'

/*
 * Certificates with one thing changed: whether a real sshd lets their holder in as postgres, beside whether the gateway, which
 * reads each one that it signed before it uses it, would use it for that login. It may be stricter, never the other way round.
 */

const [authority, rsaAuthority, other, subject] = [ed25519(), rsa(), ed25519(), ed25519()]
const caKeys: readonly CaKey[] = [authority, rsaAuthority].map(({ blob }) => readCaKey(blob))
const now = BigInt(Math.floor(Date.now() / 1000))
const usual: CertificateChange = { type: 1, principals: ['postgres'], validAfter: now - 60n, validBefore: now + 3600n }
const here = parseAddress('127.0.0.1') ?? assert.fail()

const option = (name: string, value?: string): Buffer => wire(name, value === undefined ? '' : wire(value))
const cidrs = (list: string): CertificateChange => ({ critical: option('source-address', list) })
const options = (...parts: Buffer[]): Buffer => Buffer.concat(parts)
const forever = 0xffff_ffff_ffff_ffffn

type Row = [rule: string, change: CertificateChange, sshd: 'in' | 'out', stricter?: string]
const rows: Row[] = [
  ['nothing is changed', {}, 'in'],
  ['of type host', { type: 2 }, 'out'],
  ['of no known type', { type: 3 }, 'out'],
  ['for another account', { principals: ['deploy'] }, 'out'],
  ['for several accounts', { principals: ['deploy', 'postgres'] }, 'in'],
  ['for no account', { principals: [] }, 'out'],
  ['for the empty name', { principals: [''] }, 'out'],
  ['for every account by a wildcard', { principals: ['*'] }, 'out'],
  ['for two accounts in one name', { principals: ['deploy,postgres'] }, 'out'],
  [
    'for the account, and a name with a comma',
    { principals: ['postgres', 'a,b'] },
    'in',
    'a comma is two names to some readers (CVE-2026-35414)',
  ],
  ['for the account, and the empty name', { principals: ['postgres', ''] }, 'in', 'an empty name is no name'],
  ['for the account in capitals', { principals: ['Postgres'] }, 'out'],
  ['over since a second', { validBefore: now - 1n }, 'out'],
  ['good in an hour', { validAfter: now + 3600n }, 'out'],
  ['over before it began', { validAfter: now + 60n, validBefore: now - 60n }, 'out'],
  ['from the beginning of time', { validAfter: 0n }, 'in'],
  [
    'without end',
    { validBefore: forever },
    'in',
    'no time after the year 9999 is read; the gateway signs for an hour at most',
  ],
  ['source-address: here', cidrs('127.0.0.1/32'), 'in'],
  ['source-address: a network with here in it', cidrs('10.0.0.0/8,127.0.0.0/8'), 'in'],
  ['source-address: elsewhere', cidrs('10.0.0.0/8'), 'out'],
  ['source-address: an address without a prefix', cidrs('127.0.0.1'), 'in'],
  ['source-address: another address family', cidrs('::1/128'), 'out'],
  ['source-address: the mapped form of here', cidrs('::ffff:127.0.0.1/128'), 'out'],
  ['source-address: bits beyond the prefix', cidrs('127.0.0.1/8'), 'out'],
  ['source-address: no address', cidrs('nonsense'), 'out'],
  ['source-address: nothing', cidrs(''), 'out'],
  ['force-command', { critical: option('force-command', 'true') }, 'in'],
  ['force-command: nothing', { critical: option('force-command', '') }, 'in', 'an empty command says nothing'],
  ['force-command twice', { critical: options(option('force-command', 'a'), option('force-command', 'b')) }, 'out'],
  ['a critical option that nobody knows', { critical: option('nosuch@example.com', 'x') }, 'out'],
  [
    'verify-required',
    { critical: option('verify-required') },
    'in',
    'it speaks of the subject key, which is the gateway’s own',
  ],
  [
    'an extension that nobody knows',
    { extensions: option('nosuch@example.com', 'x') },
    'in',
    'what no table knows is not enforced, and so not signed',
  ],
  ['a permit with a value', { extensions: option('permit-pty', 'x') }, 'out'],
  ['a permit', { extensions: option('permit-pty') }, 'in'],
  ['a permit twice', { extensions: options(option('permit-pty'), option('permit-pty')) }, 'in', 'each name once'],
  [
    'permits out of order',
    { extensions: options(option('permit-user-rc'), option('permit-pty')) },
    'in',
    'names stand in order (PROTOCOL.certkeys)',
  ],
  ['something in the reserved field', { reserved: Buffer.from('x') }, 'in', 'nobody knows what it would mean'],
  ['signed by another', { authority: other }, 'out'],
  ['signed by another in the authority’s name', { authority: other, signer: authority.blob }, 'out'],
  ['signed by a certificate of the authority', { authority: other, signer: hostCertificate(authority, other) }, 'out'],
  ['whose signature is wrong', { spoilSignature: true }, 'out'],
  ['signed by an RSA authority', { authority: rsaAuthority }, 'in'],
  [
    'signed by it with SHA-256',
    { authority: rsaAuthority, algorithm: 'rsa-sha2-256' },
    'in',
    'the gateway signs with rsa-sha2-512 alone',
  ],
  ['signed by it with SHA-1', { authority: rsaAuthority, algorithm: 'ssh-rsa' }, 'out'],
  ['with bytes behind it', { trailing: Buffer.from('x') }, 'out'],
]

let workspace: Workspace
let sshd: Sshd
before(async () => {
  workspace = makeWorkspace()
  const lines = [authority, rsaAuthority].map(({ type, blob }) => `${type} ${blob.toString('base64')}`)
  sshd = await startSshd(workspace, `${lines.join('\n')}\n`)
})
after(async () => {
  await sshd[Symbol.asyncDispose]()
  workspace[Symbol.dispose]()
})

async function sshdSays(certificate: Buffer): Promise<'in' | 'out'> {
  const patience = { ...rekeyLimits, connect: 5_000 as Milliseconds, handshake: 20_000 as Milliseconds }
  const destination = { host: '127.0.0.1', port: sshd.port }
  const target = await reach(destination, ['ssh-ed25519'], (shown) => shown, patience, new AbortController().signal)
  try {
    await target.login('postgres', { certificate, sign: (data) => sign(null, data, subject.privateKey) })
    return 'in'
  } catch (thrown) {
    assert.equal((thrown as { code?: string }).code, 'TARGET_REFUSED')
    return 'out'
  } finally {
    target.leave()
  }
}

/** `decode` as after each signature, and what `permit.ts` and `issue.ts` hold of time, login and address. */
function gatewaySays(certificate: Buffer): 'in' | 'out' {
  const read = caKeys.map((key) => {
    try {
      return decode(certificate, key)
    } catch {
      return undefined
    }
  })
  const found = read.find((one) => one !== undefined)
  if (found === undefined) return 'out'
  const { principals, validAfter, validBefore, sourceAddress } = found
  const isHere = sourceAddress?.some((cidr) => cidrContains(cidr, here)) ?? true
  const isNow = now >= BigInt(validAfter) && now < BigInt(validBefore)
  return isHere && isNow && principals.some((name) => name === 'postgres') ? 'in' : 'out'
}

for (const [rule, change, expected, stricter] of rows)
  test(`a certificate ${rule}: ${expected}${stricter === undefined ? '' : ', but not for the gateway'}`, async () => {
    const certificate = hostCertificate(authority, subject, { ...usual, ...change })
    assert.equal(await sshdSays(certificate), expected)
    assert.equal(gatewaySays(certificate), stricter === undefined ? expected : 'out')
  })

test('docs/conformance.md has where the gateway is stricter', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'conformance.md'), 'utf8')
  assert.ok(page.replaceAll('\n', ' ').includes(`${rows.length} certificates with one thing changed`), `${rows.length}`)
  for (const [rule, , , because] of rows) {
    const row = `| ${rule} | ${because} |`
    assert.ok(because === undefined || page.includes(row), `docs/conformance.md lacks:\n${row}`)
  }
})

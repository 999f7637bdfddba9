import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fingerprintOf } from '../../src/model/fingerprint.ts'
import { showingAgent } from '../support/key-agent.ts'
import { run } from '../support/process.ts'
import { makeSecurityKey, securityKeyTypes } from '../support/security-key.ts'
import { startWorld, type World } from '../support/world.ts'

/* Keys that stock ssh offers from an agent: FIDO keys, of which the policy learns who was there, and certificates. */
let world: World
let certificate: string
before(async () => {
  world = await startWorld({ certificates: { db1: { extensions: { 'permit-exec@regate': ['*'] } } } })
  certificate = await certify(world)
})
after(() => world?.[Symbol.asyncDispose]())

const fromAgent = (socket: string) => ['-o', `IdentityAgent=${socket}`, '-o', 'IdentitiesOnly=no']
/** The key of the last decision, as the policy had it. */
const lastKey = async () => (await world.events())[0]?.input.key

const claims: [rule: string, flags: number, userPresent: boolean, userVerified: boolean][] = [
  ['touched', 0x01, true, false],
  ['touched, and known by a PIN', 0x05, true, true],
  ['not touched', 0x00, false, false],
]
for (const type of securityKeyTypes)
  for (const [rule, flags, userPresent, userVerified] of claims)
    test(`${type}, ${rule}: the policy is told so, and the login is kept by the key`, async () => {
      const token = makeSecurityKey(type)
      const socket = world.workspace.path(`${type.slice(3, 8)}-${flags}.sock`)
      let signatures = 0
      await using _agent = await showingAgent(socket, [token.blob], (_key, data) => {
        signatures++
        return token.sign(data, { flags, counter: 9 - signatures })
      })
      const options = fromAgent(socket)
      assert.equal((await world.ssh('db1', ['echo', 'in'], { options })).stdout, 'in\n')
      const again = await world.ssh('db1', ['echo', 'again'], { options: [...options, '-o', 'BatchMode=yes'] })
      assert.equal(again.stdout, 'again\n', again.stderr)
      assert.equal(signatures, 2)
      assert.deepEqual(await lastKey(), {
        type,
        fingerprint: fingerprintOf(token.blob),
        hardware: true,
        user_present: userPresent,
        user_verified: userVerified,
      })
    })

test('a FIDO key with the signature of another is no key, and the client goes on with its next', async () => {
  const [shown, signing] = [makeSecurityKey(securityKeyTypes[0]), makeSecurityKey(securityKeyTypes[0])]
  const socket = world.workspace.path('forger.sock')
  await using _agent = await showingAgent(socket, [shown.blob], (_key, data) => signing.sign(data))
  const done = await world.ssh('db1', ['echo', 'in'], { options: fromAgent(socket) })
  assert.equal(done.stdout, 'in\n', done.stderr)
  assert.equal((await lastKey())?.type, 'ssh-ed25519')
})

/** A user certificate of alice's key, even by the gateway's own CA; answers its file. */
async function certify({ workspace }: World): Promise<string> {
  const ca = workspace.path('user_ca')
  const made = await run('ssh-keygen', ['-q', '-s', ca, '-I', 'alice', '-n', 'postgres', workspace.path('alice.pub')])
  assert.equal(made.code, 0, made.stderr)
  return workspace.path('alice-cert.pub')
}

test('a certificate beside its key is refused by name, and the client goes on with the key', async () => {
  const options = ['-o', `CertificateFile=${certificate}`, '-v']
  const done = await world.ssh('db1', ['echo', 'in'], { options })
  assert.equal(done.stdout, 'in\n', done.stderr)
  assert.match(done.stderr, /Offering public key: .*ED25519-CERT/)
  assert.match(
    done.stderr,
    /regate: certificates \(ssh-ed25519-cert-v01@openssh\.com\) are not taken; trying the next key/,
  )
  const plain = Buffer.from(world.workspace.read('alice.pub').split(' ')[1] ?? '', 'base64')
  const proven = { type: 'ssh-ed25519', fingerprint: fingerprintOf(plain), hardware: false }
  assert.deepEqual(await lastKey(), proven)
})

test('nothing is signed with a certificate that an agent has', async () => {
  const blob = Buffer.from(world.workspace.read('alice-cert.pub').split(' ')[1] ?? '', 'base64')
  const socket = world.workspace.path('certificate.sock')
  let signatures = 0
  await using _agent = await showingAgent(socket, [blob], () => {
    signatures++
    return Buffer.alloc(0)
  })
  const done = await world.ssh('db1', ['echo', 'in'], { options: [...fromAgent(socket), '-o', 'BatchMode=yes'] })
  assert.equal(done.stdout, 'in\n', done.stderr)
  assert.match(done.stderr, /certificates \(ssh-ed25519-cert-v01@openssh\.com\) are not taken/)
  assert.equal(signatures, 0)
})

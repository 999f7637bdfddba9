import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { listKeys, signWith } from '../../src/certificate/agent.ts'
import { authorityInAgent } from '../../src/certificate/authority.ts'
import { readCaLine } from '../../src/certificate/ca-key.ts'
import { issue } from '../../src/certificate/issue.ts'
import { makeSubjectKey } from '../../src/certificate/subject-key.ts'
import type { Address } from '../../src/model/address.ts'
import { type ErrorCode, GatewayError } from '../../src/model/errors.ts'
import type { Fingerprint, Login } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { at } from '../support/certificate.ts'
import { run } from '../support/process.ts'
import { startSshAgent } from '../support/ssh-agent.ts'
import { makeWorkspace, type Workspace } from '../support/workspace.ts'

const code = (expected: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === expected
const soon = (): AbortSignal => AbortSignal.timeout(5_000)
const nothing = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' as Fingerprint
const certificateOf = (authority: Parameters<typeof issue>[3]) =>
  issue(
    { principals: ['postgres'], ttl: 60, extensions: { 'permit-pty': '' } },
    {
      now: at(1_800_000_000),
      decisionId: 'd1',
      username: 'alice',
      login: 'postgres' as Login,
      principals: 'login',
      subjectKey: makeSubjectKey().publicKey,
      localAddress: '10.0.0.5' as Address,
    },
    { maxTtl: 300, sourceAddress: 'auto' },
    authority,
  )

const types: [type: string, more: string[], shown: string][] = [
  ['ed25519', [], 'ED25519 .* \\(using ssh-ed25519\\)'],
  ['ecdsa', ['-b', '256'], 'ECDSA .* \\(using ecdsa-sha2-nistp256\\)'],
  ['ecdsa', ['-b', '384'], 'ECDSA .* \\(using ecdsa-sha2-nistp384\\)'],
  ['ecdsa', ['-b', '521'], 'ECDSA .* \\(using ecdsa-sha2-nistp521\\)'],
  ['rsa', ['-b', '3072'], 'RSA .* \\(using rsa-sha2-512\\)'],
]
for (const [type, more, shown] of types)
  test(`a certificate signed in a real agent: ${[type, ...more].join(' ')}`, async () => {
    using workspace = makeWorkspace()
    workspace.key('ca', type, ...more)
    workspace.key('another')
    await using agent = await startSshAgent(workspace, 'another', 'ca')
    const { fingerprint, blob } = readCaLine(workspace.read('ca.pub'))
    const authority = authorityInAgent(agent.path, fingerprint)
    assert.deepEqual((await authority.publicKey()).blob, blob)
    for (let count = 0; count < 20; count++) await certificateOf(authority) // some ECDSA numbers are short
    const { signed } = await certificateOf(authority)
    workspace.write('one-cert.pub', `ssh-ed25519-cert-v01@openssh.com ${signed.toString('base64')}\n`)
    const read = await run('ssh-keygen', ['-L', '-f', workspace.path('one-cert.pub')])
    assert.match(read.stdout, new RegExp(`Signing CA: ${shown}`))
    assert.ok(read.stdout.includes(fingerprint))
  })

async function caInAgent(workspace: Workspace) {
  workspace.key('ca')
  const agent = await startSshAgent(workspace, 'ca')
  return { agent, authority: authorityInAgent(agent.path, readCaLine(workspace.read('ca.pub')).fingerprint) }
}

test('an agent that is killed signs no more, and one that is started in its place does', async () => {
  using workspace = makeWorkspace()
  const { agent, authority } = await caInAgent(workspace)
  await certificateOf(authority)
  await agent.kill()
  await assert.rejects(certificateOf(authority), code('SIGNER_UNAVAILABLE'))
  await assert.rejects(authority.probe(), code('SIGNER_UNAVAILABLE'))
  await using again = await startSshAgent(workspace)
  await assert.rejects(certificateOf(authority), code('SIGNER_UNAVAILABLE'), 'it has no key yet')
  await assert.rejects(authority.probe(), /does not hold SHA256:/)
  await again.add('ca')
  await authority.probe()
  await certificateOf(authority)
})
test('an agent that comes later than the gateway', async () => {
  using workspace = makeWorkspace()
  workspace.key('ca')
  const authority = authorityInAgent(workspace.path('agent'), readCaLine(workspace.read('ca.pub')).fingerprint)
  await assert.rejects(authority.publicKey(), code('SIGNER_UNAVAILABLE'))
  await using _agent = await startSshAgent(workspace, 'ca')
  await certificateOf(authority)
})
test('a locked agent is away', async () => {
  using workspace = makeWorkspace()
  const { agent, authority } = await caInAgent(workspace)
  await using _ = agent
  await certificateOf(authority)
  const lock = connect(agent.path)
  lock.write(wire(wire(22, 'a passphrase'))) // SSH_AGENTC_LOCK: ssh-add -x, which wants a terminal
  const [answer] = await once(lock, 'data')
  lock.destroy()
  assert.deepEqual(answer, wire(wire(6)))
  await assert.rejects(authority.probe(), code('SIGNER_UNAVAILABLE'))
  await assert.rejects(certificateOf(authority), code('SIGNER_UNAVAILABLE'))
})
test('a hundred at once are signed one after the other', async () => {
  using workspace = makeWorkspace()
  const { agent, authority } = await caInAgent(workspace)
  await using _ = agent
  const made = await Promise.all(Array.from({ length: 100 }, () => certificateOf(authority)))
  assert.equal(new Set(made.map(({ serial }) => serial)).size, 100)
})
test('a certificate of the key in the agent is not the key', async () => {
  using workspace = makeWorkspace()
  workspace.key('ca')
  workspace.key('other')
  await run('ssh-keygen', ['-q', '-s', workspace.path('other'), '-I', 'x', '-n', 'x', workspace.path('ca.pub')])
  await using agent = await startSshAgent(workspace, 'ca')
  const keys = await listKeys(agent.path, soon())
  assert.equal(keys.length, 2)
  await certificateOf(authorityInAgent(agent.path, readCaLine(workspace.read('ca.pub')).fingerprint))
})

/** An agent that gives one answer to whatever it is asked. */
async function answering(workspace: Workspace, answer: (socket: Socket, connections: number) => void) {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.once('data', () => answer(socket, ++connections))
  }).listen(workspace.path('fake'))
  await once(server, 'listening')
  return {
    path: workspace.path('fake'),
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
const key = wire('ssh-ed25519', Buffer.alloc(32))
const answers: [rule: string, bytes: Buffer, code: ErrorCode][] = [
  ['a refusal', wire(wire(5)), 'SIGNER_UNAVAILABLE'],
  ['the end, at once', Buffer.alloc(0), 'SIGNER_UNAVAILABLE'],
  ['the end, in the middle', wire(wire(12, { uint32: 0 })).subarray(0, 6), 'SIGNER_UNAVAILABLE'],
  ['an answer to something else', wire(wire(6)), 'CERTIFICATE_SIGNER'],
  ['no message at all', wire(''), 'CERTIFICATE_SIGNER'],
  ['a message longer than any', wire({ uint32: 262_145 }, 12), 'CERTIFICATE_SIGNER'],
  ['two answers', Buffer.concat([wire(wire(12, { uint32: 0 })), wire(wire(5))]), 'CERTIFICATE_SIGNER'],
  ['more keys than any agent has', wire(wire(12, { uint32: 2_049 })), 'CERTIFICATE_SIGNER'],
  ['fewer keys than it says', wire(wire(12, { uint32: 2 }, key, 'one')), 'CERTIFICATE_SIGNER'],
  ['more than it says', wire(wire(12, { uint32: 0 }, key, 'one')), 'CERTIFICATE_SIGNER'],
  ['no key of ours', wire(wire(12, { uint32: 1 }, key, 'one')), 'SIGNER_UNAVAILABLE'],
]
for (const [rule, bytes, expected] of answers)
  test(`an agent that gives ${rule}`, async () => {
    using workspace = makeWorkspace()
    await using agent = await answering(workspace, (socket) => socket.end(bytes))
    await assert.rejects(authorityInAgent(agent.path, nothing).publicKey(), code(expected))
  })
test('an agent that says nothing is given up, and so is who waits behind', async () => {
  using workspace = makeWorkspace()
  await using agent = await answering(workspace, () => {})
  const authority = authorityInAgent(agent.path, nothing, 100)
  const asked = [authority.publicKey(), authority.publicKey(), authority.publicKey()]
  for (const one of asked) await assert.rejects(one, /did not answer in time/)
  assert.equal(agent.connections(), 1)
})
test('however many ask whether it is there, it is asked once at a time', async () => {
  using workspace = makeWorkspace()
  await using agent = await answering(workspace, (socket) => socket.end(wire(wire(12, { uint32: 0 }))))
  const authority = authorityInAgent(agent.path, nothing)
  const ask = () => authority.probe().catch(() => {})
  await Promise.all(Array.from({ length: 50 }, ask))
  await ask()
  assert.equal(agent.connections(), 2)
})
test('whatever it answers is read or refused', async () => {
  using workspace = makeWorkspace()
  let answer = Buffer.alloc(0)
  await using agent = await answering(workspace, (socket) => socket.end(wire(answer)))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(12, 14), fc.uint8Array({ maxLength: 60 }), async (type, bytes) => {
      answer = Buffer.from([type, ...bytes])
      const asked = type === 12 ? listKeys(agent.path, soon()) : signWith(agent.path, key, Buffer.from('x'), soon())
      await asked.catch((thrown) => assert.ok(code('CERTIFICATE_SIGNER')(thrown), String(thrown)))
    }),
    { numRuns: 200 },
  )
})
test('a signature that is not the key’s is found out', async () => {
  using workspace = makeWorkspace()
  workspace.key('ca')
  const { blob, fingerprint } = readCaLine(workspace.read('ca.pub'))
  const forged = wire(14, wire('ssh-ed25519', Buffer.alloc(64, 1)))
  await using agent = await answering(workspace, (socket, connections) =>
    socket.end(wire(connections === 1 ? wire(12, { uint32: 1 }, blob, 'ca') : forged)),
  )
  await assert.rejects(certificateOf(authorityInAgent(agent.path, fingerprint)), code('CERTIFICATE_SIGNATURE'))
})

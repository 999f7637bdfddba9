import { connect } from 'node:net'
import { GatewayError } from '../model/errors.ts'
import { WireReader, wire } from '../model/wire.ts'

/*
 * A client of an ssh-agent, as far as a CA needs one (draft-ietf-sshm-ssh-agent sections 3.5 and 3.6; OpenSSH:
 * PROTOCOL.agent, ssh-agent.c). A connection for each question: an agent that was started again is not noticed.
 */
const failure = 5
const requestIdentities = 11
const identitiesAnswer = 12
const signRequest = 13
const signResponse = 14
/** SSH_AGENT_RSA_SHA2_512; without it an RSA key signs with SHA-1. */
const rsaSha512 = 4

/** OpenSSH's own bounds (authfd.c: MAX_AGENT_REPLY_LEN, MAX_AGENT_IDENTITIES), in bytes and in keys. */
const answerMost = 256 * 1024
const identitiesMost = 2_048

/** The public keys that the agent holds, in their wire form. Throws SIGNER_UNAVAILABLE or CERTIFICATE_SIGNER. */
export async function listKeys(path: string, signal: AbortSignal): Promise<Buffer[]> {
  return read(await ask(path, wire(requestIdentities), signal), identitiesAnswer, (reader) => {
    const count = reader.uint32()
    if (count > identitiesMost) throw malformed(`${count} keys`)
    return Array.from({ length: count }, () => {
      const key = reader.string()
      reader.string() // its comment
      return key
    })
  })
}

/** The agent's signature over `data`, in wire form and unverified. Throws SIGNER_UNAVAILABLE or CERTIFICATE_SIGNER. */
export async function signWith(path: string, key: Buffer, data: Buffer, signal: AbortSignal): Promise<Buffer> {
  const flags = { uint32: new WireReader(key).ascii() === 'ssh-rsa' ? rsaSha512 : 0 }
  return read(await ask(path, wire(signRequest, key, data, flags), signal), signResponse, (reader) => reader.string())
}

function read<T>(answer: Buffer, wanted: number, body: (reader: WireReader) => T): T {
  if (answer[0] === failure) throw unavailable('the agent refuses: it may be locked, or the key is not in it')
  if (answer[0] !== wanted) throw malformed(`message ${answer[0]} where ${wanted} was due`)
  try {
    const reader = new WireReader(answer, 1)
    const value = body(reader)
    reader.end()
    return value
  } catch (cause) {
    throw cause instanceof GatewayError && cause.code === 'CERTIFICATE_SIGNER'
      ? cause
      : malformed('it does not read', cause)
  }
}

/** Sends one message and reads the one that answers it, which is never empty. */
async function ask(path: string, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  try {
    signal.throwIfAborted()
    const socket = connect({ path, signal })
    socket.write(wire(message))
    let got = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      got = Buffer.concat([got, chunk])
      const length = got.length < 4 ? undefined : got.readUInt32BE(0)
      if (length === undefined) continue
      if (length === 0 || length > answerMost) throw malformed(`an answer of ${length} bytes`)
      if (got.length > 4 + length) throw malformed('more than one answer')
      if (got.length === 4 + length) return got.subarray(4)
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw unavailable(signal.aborted ? 'the agent did not answer in time' : (cause as Error).message, cause)
  }
  throw unavailable('the agent ended the connection')
}

const unavailable = (what: string, cause?: unknown): GatewayError =>
  new GatewayError('SIGNER_UNAVAILABLE', what, { cause })
const malformed = (what: string, cause?: unknown): GatewayError =>
  new GatewayError('CERTIFICATE_SIGNER', `the agent’s answer is not one of an ssh-agent: ${what}`, { cause })

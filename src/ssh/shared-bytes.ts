import { Shared } from '../model/shared.ts'

const shared = new Shared<Buffer>(256)

/**
 * The same bytes, in memory that all have in common who ask for them. For what many connections hold for as long as they
 * live, and hardly any has for itself: a host key, an identification line. Nobody may write into it.
 */
export function sharedBytes(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  return shared.of(text, () => {
    const own = Buffer.allocUnsafeSlow(bytes.length) // a pool would stay for as long as these few bytes
    own.set(bytes)
    return own
  })
}

/** One for each text of bytes; the oldest goes when there are more. */
const shared = new Map<string, Buffer>()
const sharedMost = 256

/**
 * The same bytes, in memory that all have in common who ask for them. For what many connections hold for as long as they
 * live, and hardly any has for itself: a host key, an identification line. Nobody may write into it.
 */
export function sharedBytes(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const found = shared.get(text)
  if (found !== undefined) return found
  const own = Buffer.allocUnsafeSlow(bytes.length) // a pool would stay for as long as these few bytes
  own.set(bytes)
  const [oldest] = shared.keys()
  if (shared.size >= sharedMost && oldest !== undefined) shared.delete(oldest)
  shared.set(text, own)
  return own
}

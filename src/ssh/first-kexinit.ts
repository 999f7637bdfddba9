import type { Protocol } from './ssh2.ts'

/** Milliseconds that a client's KEXINIT is waited for: shorter than `keepAwakeEvery`, whose messages may not come before ours. */
const patience = 500

/**
 * The server's first KEXINIT (RFC 4253 section 7.1). OpenSSH sends its own as soon as it has our identification line, and
 * the next message in a packet of its own, which its kernel holds back until the first is acknowledged (Nagle's algorithm);
 * with nothing to say, ours acknowledges after 40 ms. So ours answers OpenSSH's and carries the acknowledgement; it comes
 * no later than the client could have gone on. Others may be waiting for it: they get it at once.
 */
export function beginKeyExchange(protocol: Protocol, software: string, kexinit: (protocol: Protocol) => void): void {
  if (!protocol._server || !software.startsWith('OpenSSH_')) return kexinit(protocol)
  const isDue = (): boolean => protocol._kexinit === undefined && protocol._kex === undefined
  setTimeout(() => {
    if (isDue() && protocol._destruct !== undefined) kexinit(protocol)
  }, patience).unref()
}

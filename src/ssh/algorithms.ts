import type { Algorithms, KexAlgorithm, ServerHostKeyAlgorithm } from 'ssh2'
import { hybridKex } from './hybrid-key.ts'
import type { Negotiated } from './ssh2.ts'

/*
 * What is offered on either leg, and nothing else: no SHA-1, no CBC, no finite-field groups, no codes over what is not yet
 * encrypted, no compression (a few bytes would become megabytes before anybody has signed in), no group exchange (ssh2's
 * server does not carry it to its end). Strict key exchange (the answer to CVE-2023-48795) is always offered by ssh2.
 */
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes256-ctr',
] as const
const macs = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'] as const

export const hostKeyAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const
/** For targets that are known by a certificate authority (OpenSSH: PROTOCOL.certkeys). */
export const hostCertificateAlgorithms = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
] as const
export type HostKeyAlgorithm = (typeof hostKeyAlgorithms)[number] | (typeof hostCertificateAlgorithms)[number]

/** By which users may prove their keys: EXT_INFO tells clients that have several for one key. */
export const signatureAlgorithms = [
  ...hostKeyAlgorithms,
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const

/** Safe against who keeps what is sent today, for a quantum computer of later; then what stock clients before OpenSSH 9.9 have. */
const kex = [hybridKex as KexAlgorithm, 'curve25519-sha256', 'curve25519-sha256@libssh.org'] as const

/** Which key exchanges clients may come with. */
export type KeyExchangeRule = 'any' | 'post-quantum'

/** For clients: their order decides. */
export const serverAlgorithms = (rule: KeyExchangeRule): Algorithms => ({
  kex: rule === 'any' ? [...kex] : kex.slice(0, 1),
  serverHostKey: [...hostKeyAlgorithms],
  cipher: [...ciphers],
  hmac: [...macs],
  compress: ['none'],
})

/** For targets, where ours does; the NIST curves are there for hosts that are held to them. */
export function clientAlgorithms(hostKeys: readonly HostKeyAlgorithm[]): Algorithms {
  return {
    kex: [...kex, 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521'],
    // The types of ssh2 know nothing of the certificates that a patch has taught it.
    serverHostKey: [...hostKeys] as ServerHostKeyAlgorithm[],
    cipher: [...ciphers],
    hmac: [...macs],
    compress: ['none'],
  }
}

/** Why these two may not go on, if they may not: CVE-2023-48795 takes messages away from the beginning without a trace. */
export function weaknessOf({ cs, sc }: Negotiated, isStrict: boolean): string | undefined {
  if (isStrict || ![cs, sc].some(({ cipher }) => cipher.startsWith('chacha20-'))) return undefined
  return 'chacha20-poly1305 is not taken without strict key exchange: update, or choose an aes-gcm cipher'
}

/**
 * The software version of RFC 4253 section 4.2, towards both sides. OpenSSH keeps some of its own messages from peers
 * whose version does not begin like its own (compat.c, SSH_NEW_OPENSSH): `eow@openssh.com`, without which
 * `ssh host yes | head` never ends, is one of them, and the gateway carries them all.
 */
export const softwareVersion = 'OpenSSH_compatible_Regate'

import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2'

/*
 * What is offered on either leg, and nothing else: no SHA-1, no CBC, no finite-field groups, no compression (a few bytes
 * would become megabytes before anybody has signed in), no group exchange (ssh2's server does not carry it to its end).
 * Strict key exchange (the answer to CVE-2023-48795) is always offered by ssh2.
 */
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes256-ctr',
] as const
const macs = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
] as const

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

/** For clients: their order decides. */
export const serverAlgorithms: Algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: [...hostKeyAlgorithms],
  cipher: [...ciphers],
  hmac: [...macs],
  compress: ['none'],
}

/** For targets, where ours does; the NIST curves are there for hosts that are held to them. */
export function clientAlgorithms(hostKeys: readonly HostKeyAlgorithm[]): Algorithms {
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
    ],
    // The types of ssh2 know nothing of the certificates that a patch has taught it.
    serverHostKey: [...hostKeys] as ServerHostKeyAlgorithm[],
    cipher: [...ciphers],
    hmac: [...macs],
    compress: ['none'],
  }
}

/**
 * The software version of RFC 4253 section 4.2, towards both sides. OpenSSH keeps some of its own messages from peers
 * whose version does not begin like its own (compat.c, SSH_NEW_OPENSSH): `eow@openssh.com`, without which
 * `ssh host yes | head` never ends, is one of them, and the gateway carries them all.
 */
export const softwareVersion = 'OpenSSH_compatible_Regate'

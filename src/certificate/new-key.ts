import sshpk from 'sshpk'

export interface NewKey {
  /** OpenSSH's private key format, without a passphrase. */
  readonly privateKey: string
  /** The `.pub` line. */
  readonly publicKey: string
}

/** An Ed25519 key pair as `ssh-keygen -t ed25519 -N ''` makes one. */
export function newKey(comment: string): NewKey {
  const key = sshpk.generatePrivateKey('ed25519')
  key.comment = comment
  const publicKey = key.toPublic()
  publicKey.comment = comment
  return { privateKey: key.toString('openssh'), publicKey: `${publicKey.toString('ssh')}\n` }
}

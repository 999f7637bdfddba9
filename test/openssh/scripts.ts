const words = (text: string): string[] => text.trim().split(/\s+/)

/** Scripts of OpenSSH's regression suite that pass with the gateway between. */
export const scripts: readonly string[] = words(`
  connect connect-privsep connect-uri exit-status exit-status-signal transfer stderr-data stderr-after-eof
  yes-head envpass sftp sftp-cmds sftp-badcmds sftp-batch sftp-glob sftp-uri sftp-chroot scp scp3 scp-uri
  forwarding dynamic-forward multiplex connection-timeout authinfo login-timeout host-expand localcommand
  allow-deny-users reconfigure reexec kextype putty-transfer putty-kex putty-ciphers try-ciphers
  channel-timeout integrity agent banner cfgmatch forcecommand forward-control key-options knownhosts-command proxy-connect rekey sftp-perm
`)

/** They listen at one and the same port, 3301, and so never run at once. */
export const apart: readonly string[] = ['forwarding', 'multiplex', 'cfgmatch']

/** Those that are left out, by why. */
export const leftOut: Readonly<Record<string, readonly string[]>> = {
  'the person who logs in, and the host key, are the gateway’s own matter: sshd’s rules for keys, its `authorized_keys` and its host keys do not reach the client':
    words(`
    agent-restrict cert-file cert-hostkey cert-userkey hostbased
    hostkey-agent hostkey-rotate keys-command keytype limit-keytype
    multipubkey principals-command
  `),
  'ends before anybody has signed in, so that no session counts': words(`
    broken-pipe dhgex keyscan proto-mismatch proto-version
  `),
  'wants a client that Debian has not, or that signs by SHA-1': words(`
    conch-ciphers ssh-com ssh-com-client ssh-com-keygen ssh-com-sftp
  `),
  'measures, and tests nothing': words(`
    cipher-speed
  `),
  'starts sshd at addresses and ports of its own': words(`
    cfgmatchlisten
  `),
  'makes no connection': words(`
    cfginclude servcfginclude addrmatch agent-getpeereid agent-pkcs11 agent-ptrace agent-subprocess
    agent-timeout brokenkeys cfgparse keygen-change keygen-comment keygen-convert keygen-knownhosts
    keygen-moduli keygen-sshfp knownhosts krl percent portnum ssh2putty sshcfgparse sshfp-connect sshsig
    valgrind-unit
  `),
}

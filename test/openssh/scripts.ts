const words = (text: string): string[] => text.trim().split(/\s+/)

/** Scripts of OpenSSH's regression suite that pass with the gateway between. */
export const scripts: readonly string[] = words(`
  connect connect-privsep connect-uri exit-status exit-status-signal transfer stderr-data stderr-after-eof
  yes-head envpass sftp sftp-cmds sftp-badcmds sftp-batch sftp-glob sftp-uri sftp-chroot scp scp3 scp-uri
  forwarding dynamic-forward multiplex connection-timeout authinfo login-timeout host-expand localcommand
  allow-deny-users reconfigure reexec kextype putty-transfer putty-kex putty-ciphers try-ciphers
  channel-timeout integrity
`)

/** Those that are left out, by why. */
export const leftOut: Readonly<Record<string, readonly string[]>> = {
  'the person who logs in, and the host key, are the gateway’s own matter: sshd’s rules for keys, its `authorized_keys` and its host keys do not reach the client':
    words(`
    agent agent-restrict cert-file cert-hostkey cert-userkey cfgmatch forcecommand forward-control hostbased
    hostkey-agent hostkey-rotate key-options keys-command keytype knownhosts-command limit-keytype
    multipubkey principals-command
  `),
  'ends before anybody has signed in, so that no session counts': words(`
    broken-pipe dhgex keyscan proto-mismatch proto-version
  `),
  'the host sees the gateway’s address, not the client’s': words(`
    proxy-connect
  `),
  'banners are cut at 64 KiB': words(`
    banner
  `),
  'hands arguments to an sftp-server of its own, not to the host’s': words(`
    sftp-perm
  `),
  'wants a client that Debian has not, or that signs by SHA-1': words(`
    conch-ciphers ssh-com ssh-com-client ssh-com-keygen ssh-com-sftp
  `),
  'measures, and tests nothing': words(`
    cipher-speed
  `),
  'each leg changes its keys by itself: the client does not see those changes that sshd begins (its others pass)':
    words(`
    rekey
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

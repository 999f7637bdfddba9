/** Scripts of OpenSSH's regression suite that cross the gateway. */
export const scripts: readonly string[] =
  `connect connect-privsep connect-uri exit-status exit-status-signal transfer stderr-data stderr-after-eof
  yes-head envpass sftp sftp-cmds sftp-badcmds sftp-batch sftp-glob sftp-perm sftp-uri sftp-chroot scp scp3
  scp-uri forwarding dynamic-forward multiplex channel-timeout connection-timeout authinfo login-timeout
  cert-file host-expand localcommand allow-deny-users reconfigure reexec cfgmatchlisten servcfginclude
  cfginclude putty-transfer keys-command kextype putty-kex putty-ciphers conch-ciphers try-ciphers integrity
  rekey`
    .trim()
    .split(/\s+/)

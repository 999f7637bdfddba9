#!/bin/sh
# What OpenSSH's regression scripts take for sshd. A connection goes to the gateway, and from there to the sshd that was meant:
# how that one is to be started stands in $REGATE_TARGET, one argument a line, for target.ts.
for argument; do
  case $argument in -t | -T | -G | -V) exec /usr/sbin/sshd "$@" ;; esac
done
# A script may have given somebody a key of its own: the gateway reads its file again within a second.
grep -E '^(ssh-ed25519|ecdsa-sha2-nistp[0-9]+|ssh-rsa) ' "$REGATE_KEYS" | cut -d' ' -f1,2 | sort -u |
  sed "s/^/username=\"$(id -un)\" /" > "$REGATE_ROBOTS.$$"
if [ -s "$REGATE_ROBOTS.$$" ] && ! cmp -s "$REGATE_ROBOTS.$$" "$REGATE_ROBOTS"; then
  chmod 600 "$REGATE_ROBOTS.$$" && mv "$REGATE_ROBOTS.$$" "$REGATE_ROBOTS"
  sleep 1
fi
rm -f "$REGATE_ROBOTS.$$"
trust="-oTrustedUserCAKeys=$REGATE_CA"
for argument; do
  [ "$argument" = -i ] || continue
  printf '%s\n' "$trust" "$@" > "$REGATE_TARGET.$$"
  mv "$REGATE_TARGET.$$" "$REGATE_TARGET"
  exec nc -N 127.0.0.1 "$TEST_SSH_PORT"
done
printf 'port\n%s\n' "$REGATE_SSHD_PORT" > "$REGATE_TARGET"
exec /usr/sbin/sshd "$trust" "$@" -p "$REGATE_SSHD_PORT"

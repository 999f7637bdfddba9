#!/bin/sh
# What OpenSSH's regression scripts take for sshd. A connection goes to the gateway, and from there to the sshd that was meant:
# how that one is to be started stands in $REGATE_TARGET, one argument a line, for target.ts.
for argument; do
  case $argument in -t | -T | -G | -V) exec /usr/sbin/sshd "$@" ;; esac
done
trust="-oTrustedUserCAKeys=$REGATE_CA"
for argument; do
  [ "$argument" = -i ] || continue
  printf '%s\n' "$trust" "$@" > "$REGATE_TARGET.$$"
  mv "$REGATE_TARGET.$$" "$REGATE_TARGET"
  exec nc -N 127.0.0.1 "$TEST_SSH_PORT"
done
printf 'port\n%s\n' "$REGATE_SSHD_PORT" > "$REGATE_TARGET"
exec /usr/sbin/sshd "$trust" "$@" -p "$REGATE_SSHD_PORT"

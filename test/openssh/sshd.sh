#!/bin/sh
# What OpenSSH's regression scripts take for sshd. A connection goes to the gateway, and from there to the sshd that was meant:
# how that one is to be started stands in $REGATE_TARGET, one argument a line, for target.ts; the one at a port in $REGATE_TARGET.port.
for argument; do
  case $argument in -t | -T | -G | -V) exec /usr/sbin/sshd "$@" ;; esac
done
user=$(id -un)
key='(ssh-ed25519|ecdsa-sha2-nistp[0-9]+|ssh-rsa) [A-Za-z0-9+/=]+'
# A script may have given somebody a key of its own: the gateway reads its file again within a second.
grep -vE '^(#|cert-authority)' "$REGATE_KEYS" | grep -oE "$key" | sort -u | sed "s/^/username=\"$user\" /" > "$REGATE_ROBOTS.$$"
if [ -s "$REGATE_ROBOTS.$$" ] && ! cmp -s "$REGATE_ROBOTS.$$" "$REGATE_ROBOTS"; then
  chmod 600 "$REGATE_ROBOTS.$$" && mv "$REGATE_ROBOTS.$$" "$REGATE_ROBOTS"
  sleep 1
fi
rm -f "$REGATE_ROBOTS.$$"
# The options of its keys, which are all the same, are put to sshd as those of the principal.
options=$(grep -vE '^(#|cert-authority)' "$REGATE_KEYS" | sed -nE "s@ ?$key.*@@p" | head -n 1)
printf '%s\n' "${options:+$options }$user" > "$REGATE_PRINCIPALS.$$"
mv "$REGATE_PRINCIPALS.$$" "$REGATE_PRINCIPALS"
trust="-oTrustedUserCAKeys=$REGATE_CA"
principals="-oAuthorizedPrincipalsFile=$REGATE_PRINCIPALS"
for argument; do
  [ "$argument" = -i ] || continue
  printf '%s\n' "$trust" "$principals" "$@" > "$REGATE_TARGET.$$"
  mv "$REGATE_TARGET.$$" "$REGATE_TARGET"
  exec nc -N 127.0.0.1 "$TEST_SSH_PORT"
done
printf 'port\n%s\n' "$REGATE_SSHD_PORT" | tee "$REGATE_TARGET.port" > "$REGATE_TARGET"
exec /usr/sbin/sshd "$trust" "$principals" "$@" -p "$REGATE_SSHD_PORT"

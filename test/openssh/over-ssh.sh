#!/bin/sh
# sftp or scp as the scripts call it, with a connection in place of `-D sftp-server`, which would never leave the machine.
#   over-ssh.sh sftp|scp ARGUMENTS…
program=$1
shift
direct=
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  if [ "$argument" = -D ]; then
    direct=$1
    shift
    count=$((count - 1))
  else
    set -- "$@" "$argument"
  fi
done
[ -n "$direct" ] || exec "/usr/bin/$program" "$@"
[ "$program" = scp ] && exec /usr/bin/scp -S "$REGATE_SSH" "$@"
# A server of the script's own is run at the host as a command.
case $direct in *.sh) set -- "$@" -s "$direct" ;; esac
exec /usr/bin/sftp -S "$REGATE_SSH" "$@" somehost

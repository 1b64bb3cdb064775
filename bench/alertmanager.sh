#!/bin/sh
# Runs Debian's Alertmanager from where ./dev fetch-programs unpacks it: alertmanager.sh PROGRAMS ARGUMENT...
# It insists on its template under /usr/share; in a mount namespace of its own it finds it there and nobody else does.
set -eu
programs=$1
shift
exec unshare --mount --map-root-user sh -c '
  programs=$1; shift
  mount -t tmpfs none /usr/share && mkdir /usr/share/prometheus
  mount --bind "$programs/usr/share/prometheus" /usr/share/prometheus
  exec "$programs/usr/bin/prometheus-alertmanager" "$@"' sh "$programs" "$@"

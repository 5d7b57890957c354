#!/bin/sh
# workerd, as Miniflare starts it, but with its entry on a socket file: behind that port are ways to all that is stored,
# without a key. A terminal's Ctrl+C goes to all processes; here only the one that serves acts on it.
trap '' INT HUP
for arg; do
  shift
  case $arg in
    --socket-addr=entry=*) arg="--socket-addr=entry=unix:$EDGEBATCH_ENTRY" ;;
  esac
  set -- "$@" "$arg"
done
exec "$EDGEBATCH_WORKERD" "$@"

#!/bin/sh
# peers.sh SCRIPT...: runs a Python script with the Python of $VGGCL_PEERS, which ci/peers.sh prints; status 77 without it.
[ -n "${VGGCL_PEERS:-}" ] || { echo 'skipped: set VGGCL_PEERS to what ci/peers.sh prints'; exit 77; }
exec "$VGGCL_PEERS" "$@"

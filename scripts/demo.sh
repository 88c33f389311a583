#!/usr/bin/env bash
# Three hosts in namespaces with real dockerds, one weave network over them. See test/demo/main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(id -u)" = 0 ] || { echo 'demo: needs root (namespaces, dockerd)' >&2; exit 1; }
bash scripts/prepare.sh
exec node --enable-source-maps build/test/demo/main.js

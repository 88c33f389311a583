#!/usr/bin/env bash
# Runs one of the project's TypeScript programs (simulator, bench, conformance) compiled by tsc.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$1
shift
case $program in bench/*) bash scripts/setup.sh bench >&2 ;; esac
bash scripts/prepare.sh
exec node --enable-source-maps "build/${program%.ts}.js" "$@"

#!/usr/bin/env bash
# Types, lint and format, import boundaries, dead exports, shell scripts and the examples in the docs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
step() { printf '\n== %s\n' "$1"; }

step 'types'
npx --no-install tsc -p .
step 'lint and format'
npx --no-install biome check .
step 'structure: import boundaries, documentation, C style'
node --enable-source-maps --test --test-reporter=spec build/test/structure

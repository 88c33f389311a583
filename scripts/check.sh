#!/usr/bin/env bash
# Types, lint and format, dead code, import boundaries, and the examples in the docs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
step() { printf '\n== %s\n' "$1"; }

step 'types'
npx --no-install tsc -p .
step 'lint and format'
npx --no-install biome check .
step 'dead code'
npx --no-install knip --no-progress
step 'structure: import boundaries, documentation'
node --enable-source-maps --test --test-reporter=spec build/test/structure

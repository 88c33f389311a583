#!/usr/bin/env bash
# Makes build/ (compiled sources and tests) and dist/ (the product) match the sources. Does nothing when they
# do, and one at a time: test runs in the same checkout may go on side by side.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec 9>.prepare.lock
flock 9
bash scripts/setup.sh >&2
npx --no-install tsc -p . >&2
node scripts/prune.mjs
node scripts/build.mjs --if-changed

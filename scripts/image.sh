#!/usr/bin/env bash
# The container image as a file for `docker load`: see image.mjs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/prepare.sh >&2
exec node scripts/image.mjs

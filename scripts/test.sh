#!/usr/bin/env bash
# Everything: unit tests, conformance, simulation, kernel tests in namespaces, hosts with real dockerds.
# `scripts/test.sh unit` runs what needs neither root nor Docker; `root` and `lab` the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/prepare.sh

run() { # TITLE CONCURRENCY PATH...
  local title=$1 concurrency=$2 paths=() path
  shift 2
  for path; do [ ! -e "$path" ] || paths+=("$path"); done
  [ ${#paths[@]} -gt 0 ] || return 0
  printf '\n== %s\n' "$title"
  node "${flags[@]}" --enable-source-maps --test --test-reporter=spec --test-concurrency="$concurrency" "${paths[@]}" ||
    failed+=("$title")
}

failed=()
flags=()
which=${1:-all}
case $which in
  all | unit)
    run 'unit tests' 2 build/src
    run 'conformance, fuzz, structure' 2 build/test/conformance build/test/fuzz build/test/structure
    # What simulated messages are made of dies young: a larger nursery is a seventh less work.
    flags=(--max-semi-space-size=32)
    run 'simulation' 2 build/test/sim
    flags=()
    ;;
esac
case $which in
  all | root) run 'kernel, in namespaces' 1 build/test/root ;;
esac
case $which in
  all | lab) run 'hosts with real dockerds' 2 build/test/lab build/test/e2e build/test/package build/test/docs ;;
esac

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "${failed[@]}"
  exit 1
fi
printf '\nall test groups passed\n'

#!/bin/sh
# A real workflow with live output, in a state directory that is removed afterwards.
set -eu
cd "$(dirname "$0")/.."
state=$(mktemp -d "${TMPDIR:-/tmp}/runyard-demo-XXXXXX")
trap 'rm -rf "$state"' EXIT
trap 'exit 130' INT TERM
export RUNYARD_STATE="$state/state" DEMO_DIR="$state/site"
runyard=.venv/bin/runyard

"$runyard" run examples/demo.yaml --var "SITE=$DEMO_DIR"
echo
echo "\$ runyard show last"
"$runyard" show last
echo
echo "Your turn:  .venv/bin/runyard run examples/hello.yaml"

#!/usr/bin/env bash
# bundle-fresh.sh: fail unless the committed bundle is what the sources build.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
(cd frontend && npm run --silent build -- --outDir "$fresh" --emptyOutDir --logLevel warn)
if ! diff -r "$fresh" tb_activations/plugin/static; then
  echo "The committed bundle is not what frontend/ builds: run 'make frontend' and commit tb_activations/plugin/static." >&2
  exit 1
fi

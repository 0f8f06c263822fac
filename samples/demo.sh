#!/usr/bin/env bash
# The main job on the shipped sample: ingest, then a search that speech answers and one that a frame answers.
set -euo pipefail
cd "$(dirname "$0")/.."
export MEDLEY_HOME="${MEDLEY_HOME:-$PWD/.demo}"
medley() { echo; echo "\$ medley $*"; .venv/bin/python -m "flows.$1" "${@:2}"; }

echo "Medley keeps everything that lasts in $MEDLEY_HOME"
medley video samples/sample.mp4 --profile demo
medley search "welcome to the museum" --limit 1
medley search "an orange star" --limit 1

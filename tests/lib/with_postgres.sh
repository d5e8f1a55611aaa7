#!/bin/sh
# with_postgres.sh COMMAND... -- runs it with a PostgreSQL server of its own, in PONTE_TEST_POSTGRES=postgresql://..., and ends as it did. The server
# listens on 127.0.0.1, keeps its data in a temporary folder that goes with it, and is stopped by its process id, after signals too. The file
# PONTE_TEST_POSTGRES_DATA/postmaster.pid begins with the id of the process, for tests that kill it; `sh $PONTE_TEST_POSTGRES_START` starts it again. Fsync is off unless PONTE_TEST_POSTGRES_FSYNC=on. Exit code 77: not installed.
set -eu
[ $# -gt 0 ] || { echo "usage: with_postgres.sh COMMAND..." >&2; exit 2; }

bin=${PONTE_POSTGRES_BIN:-}
for candidate in /usr/lib/postgresql/*/bin; do
  [ -n "$bin" ] || { [ -x "$candidate/postgres" ] && bin=$candidate; }
done
[ -n "$bin" ] || { echo "with_postgres: PostgreSQL is not installed (apt-get install postgresql)"; exit 77; }

# The server refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  as_server="runuser -u postgres --"
else
  as_server=
fi
fsync=${PONTE_TEST_POSTGRES_FSYNC:-off}
# In memory, where there is room: a test that makes and drops databases is several times faster, and a killed server finds its files again all the same.
# Not in TMPDIR, which may be somebody else's alone.
parent=/tmp
if [ "$fsync" = off ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 1000000 ] 2>/dev/null; then
  parent=/dev/shm
fi
home=$(cd / && $as_server mktemp -d "$parent/ponte-postgres-XXXXXX")
data=$home/data
log=$home/log
child=

cd_and() { (cd / && $as_server "$@"); }

# Invoked by the traps.
# shellcheck disable=SC2317
stop() {
  trap - EXIT INT TERM HUP
  [ -z "$child" ] || kill "$child" 2>/dev/null || true
  if [ -f "$data/postmaster.pid" ]; then
    cd_and "$bin/pg_ctl" -D "$data" -m immediate -w -t 20 stop >/dev/null 2>&1 || true
  fi
  cd_and rm -rf "$home"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

cd_and "$bin/initdb" -D "$data" --no-sync --no-instructions -A trust -U ponte -E UTF8 --locale=C >/dev/null

# A port that was free a moment ago may be taken by now: try another.
tries=0
while :; do
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >"$home/start" <<END
cd / && $as_server "$bin/pg_ctl" -D "$data" -l "$log" -w -t 30 -o "-p $port -c listen_addresses=127.0.0.1 -k $home -c fsync=$fsync \
-c max_connections=200 -c shared_buffers=32MB -c dynamic_shared_memory_type=mmap" start >/dev/null 2>&1
END
  sh "$home/start" && break
  tries=$((tries + 1))
  [ $tries -lt 5 ] || { cat "$log" >&2; exit 1; }
done

PONTE_TEST_POSTGRES="postgresql://ponte@127.0.0.1:$port/postgres"
PONTE_TEST_POSTGRES_DATA=$data
PONTE_TEST_POSTGRES_START=$home/start
export PONTE_TEST_POSTGRES PONTE_TEST_POSTGRES_DATA PONTE_TEST_POSTGRES_START

# In the background, so that a signal to this script is acted on at once; "<&0" keeps its input.
"$@" <&0 &
child=$!
code=0
wait "$child" || code=$?
child=
exit "$code"

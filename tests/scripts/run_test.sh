#!/bin/bash
# run.sh starts, waits, starts again what died, and stops everything; ports in use and broken processes are told.
set -eu
. tests/scripts/check.sh

mkdir "$work/bin"
for program in ponte-gateway ponte-services; do cp tests/scripts/fake_process.py "$work/bin/$program"; done
export PONTE_BIN_DIR="$work/bin" PONTE_DATA_DIR="$work/data" FAKE_LOG="$work/log"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
for variable in PONTE_PORT PONTE_{GATEWAY,SERVICES,TRANSCRIPTION}_ADMIN_PORT PONTE_{USERS,ORDERS,REPORTS,CHATBOT,TRANSCRIPTION}_PORT; do
  export "$variable=$(free_port)"
done

# until FILE TEXT [COUNT]: the text stands there that often; generous, since machines are busy
until_says() {
  local i times
  for ((i = 0; i < 600; i++)); do
    times=$(grep -cF -e "$2" "$1" 2>/dev/null || true)
    [ "${times:-0}" -lt "${3:-1}" ] || return 0 # no file yet: no count either
    sleep 0.1
  done
  fail "never said \"$2\" ${3:-1} times: $(cat "$1")"
}

run 2 ./run.sh --unknown
says "unknown option --unknown"
run 2 ./run.sh --port many
run 0 ./run.sh --help
says "--build"

# a port in use, by a listener of our own
python3 -c '
import signal, socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
signal.pause()' >"$work/port" &
listener=$!
until_says "$work/port" ""
run 7 ./run.sh --no-build --port "$(cat "$work/port")"
says "port $(cat "$work/port"), for the gateway, is in use"
says "./run.sh --port N"
kill "$listener"

# nothing built
run 3 env PONTE_BIN_DIR="$work/empty" ./run.sh --no-build
says "run ./run.sh --build first"

# a process that cannot start is told, and the others are stopped
run 8 env FAKE_BROKEN=ponte-gateway ./run.sh --no-build
says "cannot read its configuration"
says "gateway ended with code 1 before it was ready"
until_says "$work/log" "stopped"

# life: up, killed, up again, interrupted
rm "$work/log"
setsid ./run.sh --no-build >"$work/out" 2>&1 </dev/null &
runner=$!
until_says "$work/out" "ready: http://localhost:$PONTE_PORT"
victim=$(awk '$1 == "ponte-gateway" { print $2 }' "$work/log")
kill -KILL "$victim"
until_says "$work/out" "gateway ended with code 137; starting it again in 1 s"
until_says "$work/log" started 4
kill -TERM "$runner"
code=0
wait "$runner" || code=$?
[ "$code" = 0 ] || fail "run.sh ended with code $code"
says "stopped"
until_says "$work/log" stopped 3
if grep -q interrupted "$work/log"; then fail "a signal of the terminal reached a process directly"; fi
while read -r _ pid _; do
  if kill -0 "$pid" 2>/dev/null; then fail "process $pid is left behind"; fi
done <"$work/log"
finish

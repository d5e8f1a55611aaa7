#!/bin/bash
# run.sh -- from a fresh Debian 12 to a running Ponte: installs what is missing, builds, starts everything, waits until it is
# healthy, prints the address, and stops it all on Ctrl-C. `./run.sh --help` lists the options.
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
cd "$root"

EXIT_USAGE=2 EXIT_TOOL=3 EXIT_PORT=7 EXIT_UNHEALTHY=8
READY_SECONDS=60 # a cold disk loads the speech model in 5
STOP_SECONDS=20  # longer than the processes' own grace period
BACKOFF_MAX=30

port=${PONTE_PORT:-8080}
gateway_admin=${PONTE_GATEWAY_ADMIN_PORT:-9901}
services_admin=${PONTE_SERVICES_ADMIN_PORT:-8000}
transcription_port=${PONTE_TRANSCRIPTION_PORT:-50054}
transcription_admin=${PONTE_TRANSCRIPTION_ADMIN_PORT:-8001}
users_port=${PONTE_USERS_PORT:-50051}
orders_port=${PONTE_ORDERS_PORT:-50052}
reports_port=${PONTE_REPORTS_PORT:-50053}
chatbot_port=${PONTE_CHATBOT_PORT:-8082}
bin=${PONTE_BIN_DIR:-$root/build/release/bin}
web=${PONTE_WEB_DIR:-$root/build/web}
export PONTE_DATA_DIR=${PONTE_DATA_DIR:-$root/var}
export PONTE_DEPS_DIR=${PONTE_DEPS_DIR:-$root/deps}

usage() {
  cat <<HELP
usage: ./run.sh [OPTION]...
  Installs what is missing, builds, starts the services and the gateway on this machine, and prints the address.
  Ctrl-C stops everything. A second start takes seconds and needs no network.

  --build        only set up and build; binaries land in build/release/bin
  --no-install   install no Debian packages: only say which are missing
  --no-build     start what is already built
  --port N       the gateway's port (default $port)
  --help         this text

  Environment: PONTE_PORT, PONTE_GATEWAY_ADMIN_PORT ($gateway_admin), PONTE_SERVICES_ADMIN_PORT ($services_admin), PONTE_USERS_PORT ($users_port),
  PONTE_ORDERS_PORT ($orders_port), PONTE_REPORTS_PORT ($reports_port), PONTE_CHATBOT_PORT ($chatbot_port), PONTE_TRANSCRIPTION_PORT
  ($transcription_port), PONTE_TRANSCRIPTION_ADMIN_PORT ($transcription_admin): other ports. PONTE_DATA_DIR: where data is kept (var/).
  PONTE_LLM: what answers doubts: embedded, gemini (key in GEMINI_API_KEY), openai (key in OPENAI_API_KEY); docs/assistant.md.
  PONTE_STORE: where records are kept: sqlite:DIR (default: in PONTE_DATA_DIR) or postgresql://...
  PONTE_DEPS_DIR: pinned sources and models (deps/). PONTE_SOURCES_DIR: a folder with downloaded files, for machines
  without network.
  Exit codes: 2 usage, 3 missing tool, 4 failed download, 5 wrong checksum, 6 failed build, 7 port in use,
  8 not healthy in time.
HELP
}

say() { echo "ponte: $*" >&2; }
die() {
  local code=$1
  shift
  say "$@"
  exit "$code"
}

set_up_and_build() {
  cmake/packages.sh build ${no_install:+--no-install}
  cmake/deps.sh
  say "building (the first time takes some minutes) ..."
  cmake/build.sh release programs
  cmake/build.sh wasm programs
  cmake/web.sh "$web"
}

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

check_port() { # PORT WHAT HOW-TO-CHOOSE-ANOTHER
  is_listening "$1" || return 0
  local holder=
  command -v ss >/dev/null && holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p' | head -n 1)
  die $EXIT_PORT "port $1, for $2, is in use$holder. Is Ponte running already? Stop that program, or choose another port: $3"
}

is_ready() { # ADMIN-PORT: /readyz answers 200
  local line=
  {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$1" >&3
    read -r -t 5 line <&3 || true
    exec 3>&-
  } 2>/dev/null
  [[ $line == HTTP/1.?" 200"* ]]
}

# The processes, in the order of their start. Transcription has one of its own: a speech engine may abort on a bad model and must take nothing with it.
processes=(services transcription gateway)
command_of() {
  case $1 in
    services)
      command=("$bin/ponte-services" --only "users,orders,reports,chatbot" --admin "127.0.0.1:$services_admin" --auth on
        --users-port "$users_port" --orders-port "$orders_port" --reports-port "$reports_port" --chatbot-port "$chatbot_port"
        --demo-account "$demo_account")
      ;;
    transcription)
      command=("$bin/ponte-services" --only transcription --transcription-port "$transcription_port"
        --admin "127.0.0.1:$transcription_admin")
      ;;
    gateway)
      command=("$bin/ponte-gateway" --config "$gateway_config")
      ;;
  esac
}
admin_of() {
  case $1 in
    services) echo "$services_admin" ;;
    transcription) echo "$transcription_admin" ;;
    gateway) echo "$gateway_admin" ;;
  esac
}

gateway_config=$PONTE_DATA_DIR/gateway.yaml
demo_account=$PONTE_DATA_DIR/demo-account.json

# The gateway's configuration for this machine, written anew at each start; docs/configuration.md lists every key.
write_gateway_config() {
  cat >"$gateway_config" <<YAML
# Written by run.sh at each start.
listen:
  - address: 127.0.0.1:$port
admin: 127.0.0.1:$gateway_admin
web: "$web"
clusters:
  - {name: users, targets: ["127.0.0.1:$users_port"]}
  - {name: orders, targets: ["127.0.0.1:$orders_port"]}
  - {name: reports, targets: ["127.0.0.1:$reports_port"]}
  - {name: chatbot, targets: ["127.0.0.1:$chatbot_port"]}
  - {name: transcription, targets: ["127.0.0.1:$transcription_port"]}
routes:
  - {prefix: /ponte.users.v1.UserService/, cluster: users}
  - {prefix: /ponte.orders.v1.OrderService/, cluster: orders}
  - {prefix: /ponte.reports.v1.ReportService/, cluster: reports}
  - {prefix: /ponte.chatbot.v1.ChatbotService/, cluster: chatbot}
  - {prefix: /, cluster: transcription}
auth:
  issuers:
    - issuer: ponte
      audience: ponte
      jwks_url: http://127.0.0.1:$services_admin/.well-known/jwks.json
      jwks_refresh: 1m
  rules:
    - {prefix: /ponte.users.v1.UserService/, roles: [student, teacher, admin]}
    - {prefix: /ponte.users.v1.UserService/SetPassword} # a one-time password gives no roles until it is changed
    - {prefix: /ponte.users.v1.UserService/SignUp, public: true}
    - {prefix: /ponte.users.v1.UserService/SignIn, public: true}
    - {prefix: /ponte.users.v1.UserService/RefreshSession, public: true}
    - {prefix: /ponte.users.v1.UserService/SignOut, public: true}
    - {prefix: /ponte.orders.v1.OrderService/, roles: [student, teacher, admin]}
    - {prefix: /ponte.reports.v1.ReportService/, roles: [student, teacher, admin]}
    - {prefix: /ponte.chatbot.v1.ChatbotService/, roles: [student, teacher, admin]}
    - {prefix: /, public: true} # transcription knows no users
YAML
}

declare -A pid_of=() started_at=() delay_of=() due_at=()
declare -A name_of=() # by pid
stopping=

start() { # NAME
  local command
  command_of "$1"
  # A session of its own, so that Ctrl-C reaches it once, through us; and no orphan if this script is killed.
  setsid setpriv --pdeathsig TERM "${command[@]}" </dev/null &
  pid_of[$1]=$! name_of[$!]=$1 started_at[$1]=$SECONDS
  unset "due_at[$1]"
}

stop_all() {
  stopping=yes
  trap '' INT TERM HUP
  local name pid
  # The gateway first: its streams end with a status while the services behind it still answer.
  for name in gateway transcription services; do
    pid=${pid_of[$name]:-}
    [ -n "$pid" ] || continue
    kill -TERM "$pid" 2>/dev/null || continue
    local deadline=$((SECONDS + STOP_SECONDS))
    while kill -0 "$pid" 2>/dev/null; do
      if ((SECONDS >= deadline)); then
        say "$name did not stop within $STOP_SECONDS s and is killed"
        kill -KILL "$pid" 2>/dev/null
        break
      fi
      sleep 0.05
    done
    wait "$pid" 2>/dev/null || true
  done
}

on_signal() {
  [ -z "$stopping" ] || return
  say "stopping ..."
  stop_all
  say "stopped"
  exit 0
}

wait_until_ready() { # NAME: before the first readiness an end is an error, not something to repeat
  local deadline=$((SECONDS + READY_SECONDS)) code=0
  until is_ready "$(admin_of "$1")"; do
    if ! kill -0 "${pid_of[$1]}" 2>/dev/null; then
      wait "${pid_of[$1]}" || code=$?
      unset "pid_of[$1]"
      stop_all
      die $EXIT_UNHEALTHY "$1 ended with code $code before it was ready; its lines above say why"
    fi
    if ((SECONDS >= deadline)); then
      stop_all
      die $EXIT_UNHEALTHY "$1 was not ready within $READY_SECONDS s (http://127.0.0.1:$(admin_of "$1")/readyz)"
    fi
    sleep 0.1
  done
}

on_death() { # NAME CODE: once more, later each time; a process that lived a minute starts at the beginning
  local delay=${delay_of[$1]:-1}
  ((SECONDS - started_at[$1] < 60)) || delay=1
  unset "pid_of[$1]"
  say "$1 ended with code $2; starting it again in $delay s"
  due_at[$1]=$((SECONDS + delay))
  delay_of[$1]=$((delay * 2 > BACKOFF_MAX ? BACKOFF_MAX : delay * 2))
}

supervise() {
  local name code gone timer
  while :; do
    timer=
    for name in "${!due_at[@]}"; do
      if ((SECONDS >= due_at[$name])); then
        start "$name"
        say "$name is started again"
      fi
    done
    if ((${#due_at[@]})); then
      sleep 0.5 &
      timer=$!
    fi
    code=0 gone=
    wait -n -p gone "${pid_of[@]}" $timer || code=$?
    if [ -n "$gone" ] && [ "$gone" != "$timer" ]; then
      on_death "${name_of[$gone]}" "$code"
    fi
  done
}

no_install='' only_build='' no_build=''
while (($#)); do
  case $1 in
    --build) only_build=yes ;;
    --no-install) no_install=yes ;;
    --no-build) no_build=yes ;;
    --port)
      [[ ${2:-} =~ ^[0-9]{1,5}$ ]] || die $EXIT_USAGE "--port needs a number"
      port=$2
      shift
      ;;
    --port=*) port=${1#--port=} ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; die $EXIT_USAGE "unknown option $1" ;;
  esac
  shift
done
[[ $port =~ ^[0-9]{1,5}$ ]] || die $EXIT_USAGE "no port: $port"
port=$((10#$port)) # not octal
((port > 0 && port < 65536)) || die $EXIT_USAGE "no port: $port"

[ -n "$no_build" ] || set_up_and_build
[ -z "$only_build" ] || { say "built: $bin"; exit 0; }

for program in ponte-gateway ponte-services; do
  [ -x "$bin/$program" ] || die $EXIT_TOOL "$bin/$program is not there: run ./run.sh --build first"
done
check_port "$port" "the gateway" "./run.sh --port N"
while read -r variable number what; do
  check_port "$number" "$what" "$variable=N ./run.sh"
done <<PORTS
PONTE_GATEWAY_ADMIN_PORT $gateway_admin the gateway's admin page
PONTE_SERVICES_ADMIN_PORT $services_admin the services' admin page
PONTE_USERS_PORT $users_port the users service
PONTE_ORDERS_PORT $orders_port the orders service
PONTE_REPORTS_PORT $reports_port the reports service
PONTE_CHATBOT_PORT $chatbot_port the chatbot service
PONTE_TRANSCRIPTION_PORT $transcription_port the transcription service
PONTE_TRANSCRIPTION_ADMIN_PORT $transcription_admin the transcription service's admin page
PORTS
mkdir -p "$PONTE_DATA_DIR"
write_gateway_config

trap on_signal INT TERM HUP
for name in "${processes[@]}"; do
  say "starting $name ..."
  start "$name"
  wait_until_ready "$name"
done
say "ready: http://localhost:$port"
if [ -f "$demo_account" ]; then
  say "demo account: its address and password are in $demo_account; $bin/ponte demo signs in with it"
fi
supervise

#!/bin/bash
# test.sh -- sets up what is missing and runs every test of every preset. The last line is `N passed, N failed`.
# `./test.sh --help` lists the options.
set -uo pipefail
root=$(cd "$(dirname "$0")" && pwd)
cd "$root" || exit 1

# dev: unit and style; release: integration and browser; asan and tsan: unit and integration; fuzz: corpora and a short search; wasm: the client in Node.
presets=(dev release asan tsan fuzz wasm)
export PONTE_DEPS_DIR=${PONTE_DEPS_DIR:-$root/deps}

usage() {
  cat <<HELP
usage: ./test.sh [FILTER] [OPTION]...
  Sets up, builds and tests the presets ${presets[*]}; ends with one line "N passed, N failed".
  FILTER         a regular expression over test names, as \`ctest -N --preset dev\` lists them: ./test.sh '^wire\.'
  --preset NAME  only this preset (repeatable)
  --long         fuzzers search, and the soak runs, for ten minutes each instead of 15 seconds and a minute
  --no-install   install no Debian packages: only say which are missing
  --help         this text
  Exit codes: 0 all passed, 1 some failed, 2 usage, 3 missing tool, 4 failed download, 5 wrong checksum
HELP
}

say() { echo "test: $*" >&2; }

filter='' fuzz_seconds=15 no_install='' chosen=()
while (($#)); do
  case $1 in
    --long) fuzz_seconds=600; export PONTE_SOAK_SECONDS=600 ;;
    --no-install) no_install=yes ;;
    --preset) [ -n "${2:-}" ] || { usage >&2; exit 2; }; chosen+=("$2"); shift ;;
    --help | -h) usage; exit 0 ;;
    -*) usage >&2; say "unknown option $1"; exit 2 ;;
    *) [ -z "$filter" ] || { usage >&2; say "one filter only"; exit 2; }; filter=$1 ;;
  esac
  shift
done
((${#chosen[@]})) && presets=("${chosen[@]}")

passed=0 failed=0 broken=()

# Browser tests drive Chromium through a package of npm's, pinned by its lock file.
set_up_e2e() {
  [ -f tests/e2e/package-lock.json ] || return 0
  cmp -s tests/e2e/package-lock.json tests/e2e/node_modules/.ponte-lock && return 0
  say "installing the npm packages of tests/e2e ..."
  (cd tests/e2e && npm ci --no-audit --no-fund --silent && cp package-lock.json node_modules/.ponte-lock) || {
    say "npm could not install tests/e2e/package-lock.json. Check the network and run again."
    exit 4
  }
}

# What tests have of other people's Python, pinned; each a folder of its own, found through PYTHONPATH.
set_up_python() { # TESTS-FOLDER NAME
  local wanted=$1/requirements.txt into=$PONTE_DEPS_DIR/$2
  [ -f "$wanted" ] || return 0
  cmp -s "$wanted" "$into/.ponte-requirements" && return 0
  say "installing the Python packages of $1 ..."
  rm -rf "$into"
  { python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target "$into" -r "$wanted" &&
    cp "$wanted" "$into/.ponte-requirements"; } || {
    say "pip could not install $wanted. Check the network and run again."
    exit 4
  }
}

set_up() {
  cmake/packages.sh test ${no_install:+--no-install} || exit $?
  cmake/deps.sh || exit $?
  set_up_e2e
  set_up_python tests/interop/python python
  set_up_python tests/doubles python-llm
}

# Adds up what a junit report of ctest counts; skipped and disabled tests count as neither.
count() { # PRESET REPORT
  local tests failures skipped
  tests=$(attribute tests "$2") failures=$(attribute failures "$2")
  skipped=$(($(attribute skipped "$2") + $(attribute disabled "$2")))
  passed=$((passed + tests - failures - skipped)) failed=$((failed + failures))
  say "preset $1: $((tests - failures - skipped)) passed, $failures failed, $skipped skipped"
}
attribute() { # NAME REPORT: of the <testsuite> element
  sed -n '/<testsuite/,/>/p' "$2" | grep -oE "\b$1=\"[0-9]+\"" | head -n 1 | grep -oE '[0-9]+' || echo 0
}

# The browser tests need the site, which needs the wasm client.
build_preset() {
  cmake/build.sh "$1" || return
  [ "$1" = release ] || return 0
  cmake/build.sh wasm programs && cmake/web.sh
}

configure_preset() {
  if [ "$1" = fuzz ]; then
    mkdir -p build
    cmake --preset fuzz -DPONTE_FUZZ_SECONDS="$fuzz_seconds" >build/fuzz.log || { tail -n 30 build/fuzz.log >&2; return 1; }
  fi
  cmake/build.sh "$1" --configure-only
}

broke() {
  say "preset $1 does not build"
  broken+=("$1")
  failed=$((failed + 1))
}

run_preset() { # PRESET
  local report=$root/build/reports/$1.xml
  local -a options=(--preset "$1" --output-junit "$report")
  configure_preset "$1" || { broke "$1"; return; }
  if [ -n "$filter" ]; then
    options+=(-R "$filter")
    ctest --preset "$1" -N -R "$filter" | grep -q '^Total Tests: 0$' && return
  elif [ "$1" = dev ]; then
    options+=(-LE integration) # a filter finds them; else release and the sanitizers run every one of them, and a whole run is long enough
  fi
  say "preset $1: building ..."
  mkdir -p build/reports
  rm -f "$report"
  build_preset "$1" || { broke "$1"; return; }
  ctest "${options[@]}"
  [ ! -f "$report" ] || count "$1" "$report"
}

set_up
for preset in "${presets[@]}"; do
  run_preset "$preset"
done
((${#broken[@]} == 0)) || say "these presets do not build: ${broken[*]}"
[ "$passed$failed" != 00 ] || say "no test matches"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]

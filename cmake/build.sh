#!/bin/sh
# cmake/build.sh PRESET [--configure-only | TARGET...] -- configures where needed and builds; exit code 6 when that fails.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
preset=$1
shift
cd "$root"
log=build/$preset.log
mkdir -p build
fail() {
  echo "build: preset $preset failed to $1; $log holds the whole output" >&2
  exit 6
}
# Ninja configures again by itself when a CMake file has changed, but not when the dependencies have moved.
remembered=$(sed -n 's/^PONTE_DEPS_DIR:PATH=//p' "build/$preset/CMakeCache.txt" 2>/dev/null || true)
if [ ! -f "build/$preset/build.ninja" ] || [ "$remembered" != "${PONTE_DEPS_DIR:-$root/deps}" ]; then
  cmake --preset "$preset" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail configure; }
fi
[ "${1:-}" != --configure-only ] || exit 0
set -- ${1:+--target "$@"}
# A terminal sees Ninja's progress line; others get only what went wrong.
if [ -t 2 ]; then
  cmake --build --preset "$preset" "$@" >&2 || exit 6
elif ! cmake --build --preset "$preset" "$@" >"$log" 2>&1; then
  grep -vE '^\[[0-9]+/[0-9]+\] ' "$log" | tail -n 60 >&2
  fail build
fi

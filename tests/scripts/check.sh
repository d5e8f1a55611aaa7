# shellcheck shell=sh
# Sourced by the tests of this folder: $work, a folder that goes away at the end, and a few checks. A failure is told and
# counted; finish gives the exit code.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  [ ! -f "$work/out" ] || sed 's/^/    | /' "$work/out"
}

# run WANTED-CODE COMMAND...: output in $work/out
run() {
  wanted=$1
  shift
  code=0
  "$@" >"$work/out" 2>&1 </dev/null || code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted: $*"
}

says() { grep -qF -e "$1" "$work/out" || fail "does not say \"$1\""; }
absent() { [ ! -e "$1" ] || fail "$1 is left behind"; }

finish() {
  [ $failures = 0 ] && echo ok && exit 0
  exit 1
}

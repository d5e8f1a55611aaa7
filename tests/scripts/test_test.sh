#!/bin/sh
# test.sh counts over presets, and every way to fail ends in a count and an exit code. cmake, ctest and the set-up are stand-ins.
set -eu
. tests/scripts/check.sh

mkdir -p "$work/tree/cmake" "$work/bin"
cp test.sh "$work/tree/"
for script in packages deps build web; do
  printf '#!/bin/sh\n[ "$1" != broken ]\n' >"$work/tree/cmake/$script.sh"
  chmod +x "$work/tree/cmake/$script.sh"
done
printf '#!/bin/sh\n' >"$work/bin/cmake"
cat >"$work/bin/ctest" <<'CTEST'
#!/bin/sh
echo "$*" >>"$0.asked"
case "$*" in *-N*) echo "Total Tests: $([ "$2" = tsan ] && echo 0 || echo 1)"; exit 0 ;; esac
while [ $# -gt 0 ]; do [ "$1" != --output-junit ] || report=$2; [ "$1" != --preset ] || preset=$2; shift; done
failures=0
[ "$preset" != asan ] || failures=2
printf '<?xml version="1.0"?>\n<testsuite name="x"\n\ttests="5"\n\tfailures="%s"\n\tdisabled="0"\n\tskipped="1"\n\thostname=""\n>\n<testcase name="tests"/>\n</testsuite>\n' $failures >"$report"
CTEST
chmod +x "$work/bin/cmake" "$work/bin/ctest"
PATH=$work/bin:$PATH
export PONTE_DEPS_DIR="$work/deps" # never the real one: what test.sh sets up must not touch it
# Integration tests are left to the other presets, unless they are asked for.
asked() { grep -q -- "$1" "$work/bin/ctest.asked" || fail "ctest was not asked $1"; }
last_line() { [ "$(tail -n 1 "$work/out")" = "$1" ] || fail "the last line is not \"$1\""; }

run 0 "$work/tree/test.sh" --preset dev --preset release
last_line "8 passed, 0 failed"
asked '--preset dev .*-LE integration$'
asked '--preset release --output-junit [^ ]*$'
run 0 "$work/tree/test.sh" --preset dev some_test
asked '--preset dev .*-R some_test$'
run 1 "$work/tree/test.sh" --preset dev --preset asan
last_line "6 passed, 2 failed"
run 1 "$work/tree/test.sh" --preset dev --preset broken
says "do not build: broken"
last_line "4 passed, 1 failed"
run 1 "$work/tree/test.sh" --preset tsan no_such_test
last_line "0 passed, 0 failed"
run 2 "$work/tree/test.sh" --unknown
run 2 "$work/tree/test.sh" one two
run 0 "$work/tree/test.sh" --help
says "usage:"
finish

#!/bin/sh
# tidy.sh BUILD-DIR -- clang-tidy (.clang-tidy) over every source of ours in compile_commands.json, two at a time. Unit tests are
# left out: they run under three sanitizers, and would double the time.
set -eu
build=$1
root=$(pwd)
git ls-files '*.c' ':!*_test.c' | while read -r file; do
  grep -qF "\"$root/$file\"" "$build/compile_commands.json" && echo "$file"
done >"$build/tidy-files.txt" || true
[ -s "$build/tidy-files.txt" ] || { echo "tidy: $build/compile_commands.json names no source of ours"; exit 1; }
xargs -P 2 -n 4 clang-tidy --quiet -p "$build" <"$build/tidy-files.txt" 2>"$build/tidy.err" || {
  grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' "$build/tidy.err" || true
  exit 1
}

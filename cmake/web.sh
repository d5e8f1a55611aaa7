#!/bin/sh
# cmake/web.sh [OUT] -- assembles the site the gateway hosts (default build/web): web/ at the root, the client library and its
# wasm under client/, and beside each compressible file its .gz and .br, so that the gateway never compresses. The folder is
# made aside and renamed: a page never sees half of it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
out=${1:-build/web}

inputs() {
  find web -type f ! -name CMakeLists.txt ! -path '*/test*'
  [ ! -d wasm-client/js ] || find wasm-client/js -type f -name '*.js' ! -name '*_test.js' ! -name '*.test.js'
  [ ! -d build/wasm/bin ] || find build/wasm/bin -type f \( -name '*.wasm' -o -name '*.js' -o -name '*.mjs' \)
}
key=$({ inputs | LC_ALL=C sort | xargs sha256sum; sha256sum "$0"; } | sha256sum | cut -d' ' -f1)
[ "$(cat "$out/.stamp" 2>/dev/null)" = "$key" ] && exit 0

new=$out.new.$$
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/client"
inputs | while read -r file; do
  case $file in
    web/*) to=$new/${file#web/} ;;
    *) to=$new/client/${file##*/} ;;
  esac
  mkdir -p "${to%/*}"
  cp "$file" "$to"
done
find "$new" -type f \( -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.json' -o -name '*.svg' \
  -o -name '*.wasm' -o -name '*.webmanifest' \) | while read -r file; do
  gzip -9 -n -k "$file"
  brotli -q 11 -k "$file"
done
echo "$key" >"$new/.stamp"
rm -rf "$out"
mv "$new" "$out"

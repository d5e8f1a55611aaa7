#!/bin/sh
# golden_test.sh PLUGIN PROTOC: what the plugin makes of testdata/ is testdata/golden, byte for byte. Descriptor sets are left out: they
# are protoc's, and lib/rpc's reflection test reads them. UPDATE=1 rewrites the golden files; look at the difference then.
set -eu
plugin=$1
protoc=$2
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$protoc" "--plugin=protoc-gen-ponte=$plugin" "-I$here/testdata" "-I$here/../../proto" "--ponte_out=$out" \
  ponte/test/v1/echo.proto ponte/test/v1/common.proto ponte/test/v1/rules.proto
find "$out" -name '*.c' -exec sed -i '/^static const uint8_t descriptor_set/,$d' {} +
# Another name, so that no tool takes them for sources of ours.
find "$out" -type f -exec mv {} {}.golden \;
if [ "${UPDATE:-}" = 1 ]; then
  rm -rf "$here/testdata/golden"
  cp -R "$out" "$here/testdata/golden"
fi
diff -ru "$here/testdata/golden" "$out"
# A request that is none ends with a message and a status, not with a crash.
if printf 'garbage' | "$plugin" >/dev/null 2>"$out/err"; then
  echo "the plugin accepted garbage" >&2
  exit 1
fi
grep -q 'CodeGeneratorRequest' "$out/err"

#!/bin/sh
# cmake/deps.sh: every failure has its message and exit code, and leaves nothing half-installed.
set -eu
. tests/scripts/check.sh

export PONTE_DEPS_DIR="$work/deps" PONTE_SOURCES_DIR="$work/sources" PONTE_DEPS_PINS="$work/pins"
mkdir -p "$work/sources" "$work/bin"
sha_of() { sha256sum "$1" | cut -d' ' -f1; }
nothing_installed() {
  absent "$work/deps/READY"
  absent "$work/deps/src"
  [ -z "$(find "$work/deps" -name '.tmp.*')" ] || fail "a temporary folder is left behind"
}

run 2 cmake/deps.sh --unknown
says "usage:"
run 0 cmake/deps.sh --help
run 1 cmake/deps.sh --check

echo "the file as it should be" >"$work/good"
good=$(sha_of "$work/good")
echo "wheel - thing 1.0 thing-1.0-py3-none-any.whl $good" >"$work/pins"

# a local copy with other bytes
echo "tampered" >"$work/sources/thing-1.0-py3-none-any.whl"
run 5 cmake/deps.sh
says "wrong checksum of thing-1.0-py3-none-any.whl, from PONTE_SOURCES_DIR"
says "expected $good"
says "actual   $(sha_of "$work/sources/thing-1.0-py3-none-any.whl")"
says "Nothing was installed"
absent "$work/deps/downloads/thing-1.0-py3-none-any.whl"
nothing_installed

# a download with other bytes: pip's stand-in writes them
rm "$work/sources/thing-1.0-py3-none-any.whl"
cat >"$work/bin/python3" <<'PIP'
#!/bin/sh
case "$*" in *"pip download"*) ;; *) exit 0 ;; esac
[ ! -f "$(dirname "$0")/offline" ] || { echo "no route to the index"; exit 1; }
while [ $# -gt 0 ]; do [ "$1" != -d ] || echo "tampered" >"$2/thing-1.0-py3-none-any.whl"; shift; done
PIP
chmod +x "$work/bin/python3"
run 5 env PATH="$work/bin:$PATH" cmake/deps.sh
says "from the download"
absent "$work/deps/downloads/thing-1.0-py3-none-any.whl"
nothing_installed

# no network
touch "$work/bin/offline"
run 4 env PATH="$work/bin:$PATH" cmake/deps.sh
says "no route to the index"
says "thing-1.0-py3-none-any.whl could not be downloaded"
says "PONTE_SOURCES_DIR"
nothing_installed

# a missing tool: a PATH with all but unzip
mkdir "$work/few"
for tool in sh env cat cut dirname basename sha256sum flock cmake ninja python3 mkdir mktemp rm sed grep awk tail; do
  ln -s "$(command -v $tool)" "$work/few/$tool"
done
run 3 env PATH="$work/few" cmake/deps.sh
says "unzip is missing: apt-get install unzip"

# the right bytes, but no archive: the recipe fails
echo "apt bookworm md4c 0.4.8 md4c_0.4.8.orig.tar.gz $good" >"$work/pins"
cp "$work/good" "$work/sources/md4c_0.4.8.orig.tar.gz"
run 6 cmake/deps.sh
says "src/md4c could not be made by cmake/deps/unpack.sh"
absent "$work/deps/src/md4c"
nothing_installed

finish

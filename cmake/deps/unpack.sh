#!/bin/sh
# unpack.sh OUT WORK TARBALL -- an upstream source, as it is.
set -eu
tar xf "$3" -C "$1" --strip-components=1 --no-same-owner

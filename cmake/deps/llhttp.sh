#!/bin/sh
# llhttp.sh OUT WORK HTTPTOOLS-SDIST -- the llhttp release that httptools carries.
set -eu
tar xf "$3" -C "$2" --strip-components=1 --no-same-owner
cp -R "$2/vendor/llhttp/." "$1"
[ -f "$1/src/llhttp.c" ] && [ -f "$1/include/llhttp.h" ]

#!/bin/sh
# run.sh FILE.test.mjs -- runs it with Node's own test runner; installs the pinned packages first where that was not done.
set -eu
cd "$(dirname "$0")"
exec 9>"${PONTE_BUILD_DIR:-/tmp}/interop-npm.lock"
flock 9
if ! cmp -s package-lock.json node_modules/.ponte-lock; then
  npm ci --no-audit --no-fund --silent
  cp package-lock.json node_modules/.ponte-lock
fi
exec 9>&-
exec node --test --test-reporter=spec "$@"

#!/bin/sh
# Every C file is as clang-format would write it.
set -eu
if ! git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror; then
  echo "format: run  git ls-files '*.c' '*.h' | xargs clang-format -i"
  exit 1
fi

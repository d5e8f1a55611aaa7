#!/bin/sh
# No C file of more than 600 lines; functions are measured by clang-tidy (80).
set -eu
git ls-files '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, more than 600: split it"; bad = 1 } END { exit bad }'

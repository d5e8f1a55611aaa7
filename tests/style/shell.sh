#!/bin/sh
# Every shell script passes shellcheck.
set -eu
{ git ls-files '*.sh'; git grep -lE '^#!/bin/(ba)?sh' -- ':!*.sh' || true; } | sort -u | while read -r file; do
  head -n 1 "$file" | grep -qE '^#!/bin/(ba)?sh' && printf '%s\n' "$file"
done | xargs shellcheck

#!/bin/sh
# What no file of ours may hold, each with its reason. Comments count too: they teach.
set -eu
failed=0

# forbid REASON EXTENDED-REGEX PATHSPEC...
forbid() {
  reason=$1 regex=$2
  shift 2
  if git grep -nIE "$regex" -- "$@" ':!tests/style/grep.sh'; then
    echo "  -> $reason"
    failed=1
  fi
}

forbid "unbounded or unchecked: use snprintf, memcpy with a length, strtol, strtok_r" \
  '(^|[^A-Za-z0-9_])(strcpy|strcat|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|alloca|mktemp|tmpnam)[[:space:]]*\(' \
  '*.c' '*.h'
forbid "a declared dependency is included as \"module/x.h\"" '#[[:space:]]*include[[:space:]]*"\.\./' '*.c' '*.h'
forbid "dead code and promises belong into the history and the issues" '(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)|^#if 0' \
  '*.c' '*.h' '*.js' '*.sh' '*.cmake' '*CMakeLists.txt'
forbid "enum lws_callback_reasons and libwebsockets stay in lib/net" '#[[:space:]]*include[[:space:]]*<libwebsockets' \
  '*.c' '*.h' ':!lib/net'
forbid "the gRPC C core stays in lib/rpc" '#[[:space:]]*include[[:space:]]*<grpc/' '*.c' '*.h' ':!lib/rpc'
forbid "package indexes come from the machine's own settings" \
  'https?://[^ "]*(npmjs|pypi|pythonhosted|crates|deb\.debian|maven\.org)' '*'
exit $failed

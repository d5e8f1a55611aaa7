#!/bin/sh
# cmake/packages.sh ROLE [--no-install] -- installs what is missing of cmake/packages.txt (ROLE: build, or test for all of it).
# When nothing is missing it says nothing and needs no network. Exit codes: 2 usage, 3 missing tool, 4 failed download.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
list=${PONTE_PACKAGES:-$root/cmake/packages.txt}
role=${1:-}
install=yes
[ "${2:-}" = --no-install ] && install=no
case $role in
  build | test) ;;
  *) echo "usage: cmake/packages.sh build|test [--no-install]" >&2; exit 2 ;;
esac

say() { echo "packages: $*" >&2; }

command -v dpkg-query >/dev/null 2>&1 || {
  say "this is no Debian (dpkg-query is missing). Install the counterparts of cmake/packages.txt by hand and pass --no-install."
  [ $install = no ] && exit 0
  exit 3
}

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
missing=
while read -r package for command; do
  case $package in "" | "#"*) continue ;; esac
  [ "${for:-build}" = test ] && [ "$role" = build ] && continue
  [ -n "${command:-}" ] && command -v "$command" >/dev/null 2>&1 && continue
  printf '%s\n' "$installed" | grep -qx "$package" && continue
  missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0

if [ $install = no ]; then
  say "missing:$missing"
  say "install them (apt-get install --no-install-recommends ...), or run without --no-install."
  exit 3
fi
sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || {
    say "missing:$missing"
    say "installing needs root, and there is no sudo: run as root  apt-get install --no-install-recommends$missing"
    exit 3
  }
  sudo=sudo
fi
say "Ponte is built and tested with these Debian packages, which are missing here (cmake/packages.txt lists all):"
say " $missing"
say "installing them with apt-get${sudo:+ through sudo} ..."
# shellcheck disable=SC2086 # a list of words
if ! { $sudo apt-get -q update &&
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >&2; then
  say "apt-get could not install them (the lines above say why). Check the network and the apt sources, then run again."
  exit 4
fi

#!/bin/sh
# fetch-apt.sh SUITE PACKAGE VERSION FILE DIR -- one upstream source tarball with apt, from the mirror this machine
# already uses (its suite line is derived from the machine's own list). apt checks the Release signature, the index and
# the tarball. Root is not needed; the machine's own apt state is neither read nor changed.
set -eu
suite=$1 package=$2 version=$3 file=$4 dest=$5

# the mirror: first Debian archive URI among the machine's apt sources
# (one-line .list format or deb822 .sources), security archives left out
etc=${APT_ETC:-/etc/apt}
base=$(cat "$etc"/sources.list "$etc"/sources.list.d/*.list "$etc"/sources.list.d/*.sources 2>/dev/null |
  sed -nE -e 's/^deb(-src)?[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]].*/\3/p' \
          -e 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' |
  grep -E '/debian/?$' | head -n1 || true)
[ -n "$base" ] || { echo "no Debian archive among the apt sources in $etc" >&2; exit 1; }

t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
chmod 755 "$t"
mkdir -p "$t/lists/partial" "$t/cache/archives/partial" "$t/parts"
: >"$t/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$key] $base $suite main" >"$t/sources.list"
cat >"$t/apt.conf" <<CONF
Dir::Etc::sourcelist "$t/sources.list";
Dir::Etc::sourceparts "$t/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$t/parts";
Dir::State "$t";
Dir::State::lists "$t/lists";
Dir::State::status "$t/status";
Dir::Cache "$t/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "5";
Acquire::IndexTargets::deb-src::Sources::KeepCompressed "true";
CONF
export APT_CONFIG="$t/apt.conf"
apt-get -q update
full=$(apt-cache showsrc --only-source "$package" 2>/dev/null | sed -n "s/^Version: *//p" |
  grep -E "^([0-9]+:)?$version-" | head -n1 || true)
[ -n "$full" ] || { echo "$package $version is not in $suite at $base" >&2; exit 1; }
cd "$dest"
# --tar-only: the .dsc and the Debian patches are not wanted
apt-get -q --download-only --tar-only source "$package=$full"
[ -f "$file" ]

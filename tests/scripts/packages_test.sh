#!/bin/sh
# cmake/packages.sh: says what is missing and why, and what to do without root or network.
set -eu
. tests/scripts/check.sh
export PONTE_PACKAGES="$work/list"

run 2 cmake/packages.sh
says "usage:"

printf 'ponte-no-such-package build\nponte-no-such-test test\nponte-no-such-command build sh\n' >"$work/list"
run 3 cmake/packages.sh build --no-install
says "missing: ponte-no-such-package"
if grep -q -e no-such-test -e no-such-command "$work/out"; then fail "asks for too much"; fi
run 3 cmake/packages.sh test --no-install
says "ponte-no-such-package ponte-no-such-test"

# neither root nor sudo
mkdir "$work/few"
for tool in sh env cat dirname sed grep dpkg-query; do ln -s "$(command -v $tool)" "$work/few/$tool"; done
printf '#!/bin/sh\necho 1000\n' >"$work/few/id"
chmod +x "$work/few/id"
run 3 env PATH="$work/few" cmake/packages.sh build
says "installing needs root, and there is no sudo"

# sudo is asked for, and a failing apt is told
cat >"$work/few/sudo" <<'SUDO'
#!/bin/sh
echo "sudo $*"
exit 1
SUDO
chmod +x "$work/few/sudo"
run 4 env PATH="$work/few" cmake/packages.sh build
says "sudo apt-get"
says "Check the network and the apt sources"

printf 'dpkg build\n# a comment\n\n' >"$work/list"
run 0 cmake/packages.sh build
finish

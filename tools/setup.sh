#!/bin/sh
# tools/setup.sh run|unit|test|packages - installs the Debian packages that ./run, the first stages of ./check, or all of it need; or the
# tests' other packages.
#
# Compares tools/debian-run.txt (and debian-unit.txt, debian-test.txt) with what is installed, says what is missing and installs it
# with apt-get: as root, else with sudo.  When nothing is missing it says nothing and costs one call of dpkg-query.
# Written for a machine that has neither a compiler nor make.
#
# `packages` has tools/venv make VENV (build/venv), the Python environment of the tests, and tools/npm make NPM (build/npm), their
# JavaScript packages: that takes a while and mostly waits, so ./check compiles meanwhile.
#
# NO_SETUP=1 skips it all.  APT_LISTS is where apt keeps its lists (for the tests).
set -u
[ "${NO_SETUP:-0}" = 1 ] && exit 0
here=$(dirname "$0")
case ${1:-} in
    run)  lists="$here/debian-run.txt" ;;
    unit) lists="$here/debian-run.txt $here/debian-unit.txt" ;;
    test) lists="$here/debian-run.txt $here/debian-unit.txt $here/debian-test.txt" ;;
    packages) "$here/venv" "${VENV:-$here/../build/venv}" && "$here/npm" "${NPM:-$here/../build/npm}"; exit ;;
    *)    echo "usage: tools/setup.sh run|unit|test|packages" >&2; exit 2 ;;
esac
say() { echo "setup: $*" >&2; }

# shellcheck disable=SC2086  # words on purpose, here and below
listed=$(sed 's/#.*//' $lists) || exit 1
wanted=
for package in $listed; do                     # PACKAGE!COMMAND: where there is that command, whoever brought it, the package is not needed
    case $package in *!*) command -v "${package#*!}" > /dev/null && continue ;; esac
    wanted="$wanted${wanted:+ }${package%!*}"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "this is no Debian system, so nothing can be installed here; it needs the like of: $wanted"
    say "install them yourself, then call again with NO_SETUP=1"
    exit 1
fi

# One line for each package that is installed; dpkg-query fails for those it never heard of, and that is no error.
missing=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    awk -v wanted="$wanted" '
        $1 == "installed" { have[$2] = 1 }
        END { n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) printf "%s ", w[i] }')
missing=${missing% }
[ -z "$missing" ] && exit 0

root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "missing packages, and neither root nor sudo to install them; as root: apt-get install $missing"
        exit 1
    fi
    root=sudo
fi
say "installing $missing"

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
apt() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}
update() {
    say "asking the package servers for their lists"
    apt update
}
install() { apt install --no-install-recommends $missing; }

# A fresh machine has no lists; an old one has lists that name packages which are no longer there.
updated=0
if ! ls "${APT_LISTS:-/var/lib/apt/lists}" 2>/dev/null | grep -q Packages; then
    update; updated=1
fi
if ! install; then
    if [ $updated = 1 ] || ! { update && install; }; then
        cat "$log" >&2
        say "could not install: $missing"
        exit 1
    fi
fi

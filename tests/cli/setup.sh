#!/bin/sh
# tools/setup.sh against a pretended system: dpkg-query, apt-get, sudo, id and python3 are scripts of ours that write down how
# they were called, and PATH holds nothing else but the tools the script may count on.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 42

box=$TAP_TMP/bin lists=$TAP_TMP/lists calls=$TAP_TMP/calls
mkdir -p "$box" "$lists"
for t in sh sed awk grep ls cat mktemp rm env dirname mkdir cp tail; do ln -s "$(command -v $t)" "$box/$t"; done

fake() { printf '#!/bin/sh\n%s\n' "$2" > "$box/$1"; chmod +x "$box/$1"; }
# installed PKG...: what dpkg-query knows; a package that was removed but not purged is listed too
installed() {
    { echo "config-files make"; for p; do echo "installed $p"; done; } > "$TAP_TMP/dpkg"
    fake dpkg-query "cat '$TAP_TMP/dpkg'; exit 1"
}
# apt_fails N: the first N installs fail
apt_fails() {
    echo "$1" > "$TAP_TMP/left"
    fake apt-get "
        echo \"\$*\" >> '$calls'
        case \"\$*\" in *install*)
            read -r left < '$TAP_TMP/left'
            [ \"\$left\" = 0 ] && exit 0
            echo \$((left - 1)) > '$TAP_TMP/left'; echo 'E: no such package'; exit 100 ;;
        esac"
}
# python3 that makes an environment with a python of the same kind; asked to install, it fails while the file no-pip exists
: > "$TAP_TMP/python"
fake python3 "
    echo \"\$*\" >> '$TAP_TMP/python'
    case \"\$*\" in
        *venv*) mkdir -p \"\$3/bin\" && cp \"\$0\" \"\$3/bin/python\" ;;
        *install*) [ ! -f '$TAP_TMP/no-pip' ] || { echo 'no such version'; exit 1; } ;;
    esac"
setup() { # setup ARG...: runs it in the pretended system
    : > "$calls"
    PATH=$box APT_LISTS=$lists VENV=$TAP_TMP/venv NPM=$TAP_TMP/npm PYTHON=python3 NO_SETUP=${NO_SETUP:-0} sh "$root/tools/setup.sh" "$@" > "$TAP_TMP/out" 2>&1
    status=$?
}
installs() { grep -c install "$calls"; }
updates() { grep -c update "$calls"; }

run_list=$(sed 's/#.*//' "$root/tools/debian-run.txt")
unit_list=$(sed 's/#.*//' "$root/tools/debian-unit.txt")
test_list=$(sed 's/#.*//; s/![a-z]*//' "$root/tools/debian-test.txt")
fake id 'echo 0'
apt_fails 0

installed $run_list
setup run
is "everything installed: ends well" $status 0
is "everything installed: says nothing" "$(cat "$TAP_TMP/out")" ""
is "everything installed: no apt-get" "$(cat "$calls")" ""
is "run: no Python environment" "$(cat "$TAP_TMP/python")" ""

setup unit
has "unit: the packages of debian-unit.txt are missing" "$(cat "$calls")" libcmocka-dev
lacks "unit: those of debian-test.txt are not asked for" "$(cat "$calls")" chromium
setup test
has "test: both are missing" "$(cat "$calls")" libcmocka-dev
has "test: both" "$(cat "$calls")" chromium
installed $run_list $unit_list $test_list
: > "$TAP_TMP/no-pip"
setup test
is "test: all there" "$status $(cat "$calls" "$TAP_TMP/python")" "0 "
setup packages
has "packages: a package that pip has not: fails and says so" "$status $(cat "$TAP_TMP/out")" "could not install the Python packages"
rm "$TAP_TMP/no-pip"
# npm that installs nothing; it fails while the file no-npm exists
fake npm "echo \"\$*\" >> '$TAP_TMP/npm.log'; [ ! -f '$TAP_TMP/no-npm' ] || { echo 'no such package'; exit 1; }"
: > "$TAP_TMP/npm.log"; : > "$TAP_TMP/no-npm"
setup packages
has "packages: a package that npm has not: fails and says so" "$status $(cat "$TAP_TMP/out")" "could not install the JavaScript packages"
rm "$TAP_TMP/no-npm"; rm -r "$TAP_TMP/venv"
setup packages
is "packages: made" "$status" 0
has "packages: the JavaScript packages come by the lock file, without their scripts" "$(tail -1 "$TAP_TMP/npm.log")" "ci --prefix $TAP_TMP/npm --ignore-scripts"
has "packages: the Python environment is made" "$(cat "$TAP_TMP/python")" "-m venv $TAP_TMP/venv"
has "packages: with the packages of the list" "$(cat "$TAP_TMP/python")" "tests/papers/requirements.txt"
: > "$TAP_TMP/python"
setup packages
is "packages: once" "$status $(cat "$TAP_TMP/python" "$TAP_TMP/out")" "0 "
echo other > "$TAP_TMP/venv/requirements.txt"
setup packages
has "packages: anew when the list changed" "$(cat "$TAP_TMP/python")" "-m venv"

installed $run_list $unit_list $(echo "$test_list" | grep -v '^npm')
setup test
is "a command that is there needs no package" "$status $(cat "$calls")" "0 "

installed $(echo "$run_list" | grep -vx -e gcc -e 'make *')
setup run
is "two missing: ends well" $status 0
has "two missing: says which" "$(cat "$TAP_TMP/out")" "installing gcc make"
has "two missing: installs these only" "$(cat "$calls")" "--no-install-recommends gcc make"
is "no lists: one update first" "$(head -1 "$calls" | grep -c update)" 1

: > "$lists/somewhere_main_Packages.lz4"
setup run
is "lists there: no update" "$(updates)" 0

apt_fails 1
setup run
is "old lists: ends well" $status 0
is "old lists: one update" "$(updates)" 1
is "old lists: a second install" "$(installs)" 2

apt_fails 9
setup run
is "no such package: fails" $status 1
has "no such package: shows what apt-get said" "$(cat "$TAP_TMP/out")" "E: no such package"
has "no such package: says what is missing" "$(cat "$TAP_TMP/out")" "could not install: gcc make"
is "no such package: two installs at most" "$(installs)" 2

rm "$lists"/*
setup run
is "no lists and no such package: one update at most" "$(updates)" 1

apt_fails 0
fake id 'echo 1000'
setup run
is "no root, no sudo: fails" $status 1
has "no root, no sudo: says what to type" "$(cat "$TAP_TMP/out")" "as root: apt-get install gcc make"
is "no root, no sudo: tries nothing" "$(cat "$calls")" ""

fake sudo "echo sudo >> '$calls'; exec \"\$@\""
setup run
is "sudo: ends well" $status 0
is "sudo: for update and install" "$(grep -cx sudo "$calls")" 2

NO_SETUP=1 setup run
is "NO_SETUP=1: ends well" $status 0
is "NO_SETUP=1: does nothing" "$(cat "$calls" "$TAP_TMP/out")" ""

rm "$box/dpkg-query"
setup run
is "another system: fails" $status 1
has "another system: names the way on" "$(cat "$TAP_TMP/out")" "NO_SETUP=1"

setup elsewhere
is "another list: usage" $status 2

is "lists: one package a line" "$(echo "$run_list$unit_list$test_list" | tr -d ' ' | grep -cvE '^[a-z0-9][a-z0-9.+-]+$|^$')" 0
tap_end

#!/bin/sh
# `make install`: what comes where, that a program of somebody else can be built with it, and that `make uninstall` takes
# all of it away again.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 38
: "${B:=$root/build}" "${CC:=gcc}"
unset MAKEFLAGS MAKELEVEL            # of the make that runs the tests
at=$TAP_TMP/at
make_it() { make -C "$root" --no-print-directory B="$B" CC="$CC" DESTDIR="$at" PREFIX=/opt/hearth "$@"; }

ok "make install" make_it install
here=$at/opt/hearth
for f in bin/hearth include/hearth.h lib/libhearth.a lib/libhearth.so lib/libhearth.so.0 lib/pkgconfig/hearth.pc \
         share/man/man1/hearth.1 share/man/man1/hearth-run.1 share/man/man1/hearth-pull.1 \
         share/bash-completion/completions/hearth share/zsh/site-functions/_hearth \
         share/fish/vendor_completions.d/hearth.fish share/doc/hearth/copyright lib/systemd/user/hearth.service \
         share/applications/hearth.desktop share/icons/hicolor/scalable/apps/hearth.svg; do
    ok "$f is there" test -s "$here/$f"
done
commands=$("$HEARTH" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | grep -vx hearth | sort)
is "a page for each command" \
   "$(ls "$here/share/man/man1" | sed -n 's/^hearth-\(.*\)\.1$/\1/p' | sort)" "$commands"
has "the service starts what was installed" "$(cat "$here/lib/systemd/user/hearth.service")" "ExecStart=/opt/hearth/bin/hearth serve"
ok "the program runs" "$here/bin/hearth" --version
ok "the completion is bash" bash -n "$here/share/bash-completion/completions/hearth"
has "each page has its name" "$(cat "$here"/share/man/man1/hearth-run.1)" '.TH "hearth'

# ---- the libraries ----
has "the shared library has a version" "$(objdump -p "$here/lib/libhearth.so")" "libhearth.so.0"
is "it shows hearth_* and nothing else" "$(nm -D --defined-only "$here/lib/libhearth.so" | awk '{ print $3 }' | grep -v '^hearth_')" ""
is "the archive too" "$(nm -g --defined-only "$here/lib/libhearth.a" 2> "$TAP_TMP/err" | awk 'NF == 3 { print $3 }' | grep -v '^hearth_')" ""
declared=$(sed -n 's/^HEARTH_API.*[ *]\(hearth_[a-z_]*\)(.*/\1/p' "$root/include/hearth.h" | sort)
is "and all that the header declares" "$(nm -D --defined-only "$here/lib/libhearth.so" | awk '{ print $3 }' | sort)" "$declared"

# A program with a function called fail: the library's own names must not meet it.
cat > "$TAP_TMP/p.c" <<'E2'
#include <hearth.h>
#include <stdio.h>
#include <string.h>
int fail(void) { return 1; }
int main(int argc, char **argv)
{
    struct hearth_model *m;
    if (argc > 1 && hearth_model_open(argv[1], NULL, &m) == HEARTH_ENOTFOUND && strstr(hearth_errmsg(), argv[1]))
        return printf("%s %s\n", hearth_version(), hearth_isa()) < 0;
    return fail();
}
E2
flags() { PKG_CONFIG_PATH="$here/lib/pkgconfig" pkg-config --define-variable=prefix="$here" --define-variable=libdir="$here/lib" "$@"; }
is "pkg-config knows the version" "$(flags --modversion hearth)" "$("$HEARTH" --version | sed -n 's/^hearth //p')"
# shellcheck disable=SC2046  # flags are words
ok "a program is built with the shared library" \
   "$CC" -std=c11 -Wall -Wextra -Werror -o "$TAP_TMP/p" "$TAP_TMP/p.c" $(flags --cflags --libs hearth) -Wl,-rpath,"$here/lib"
has "and runs" "$("$TAP_TMP/p" /no/such.gguf)" "$(flags --modversion hearth)"
has "with the shared library" "$(ldd "$TAP_TMP/p")" "$here/lib/libhearth.so.0"
ok "a program is built with the archive" \
   "$CC" -std=c11 -o "$TAP_TMP/q" "$TAP_TMP/p.c" -I"$here/include" "$here/lib/libhearth.a" $(pkg-config --libs $(flags --print-requires-private hearth)) -pthread -lm
has "and runs without the shared one" "$("$TAP_TMP/q" /no/such.gguf)" "$(flags --modversion hearth)"
lacks "which it does not need" "$(ldd "$TAP_TMP/q")" libhearth
for std in c99 c11 c17; do
    ok "the header is plain $std" "$CC" -std=$std -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$here/include/hearth.h"
done

ok "make uninstall" make_it uninstall
is "nothing stays behind" "$(find "$at" ! -type d)" ""
tap_end

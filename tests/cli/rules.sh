#!/bin/sh
# tools/layers and tools/sizes on small trees of ours: each rule broken once is found, with its place; the tree itself
# is judged by ./check.
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
tap_begin 38

tree=$TAP_TMP/tree
fresh() { rm -rf "$tree"; mkdir -p "$tree/include"; echo '#include <stddef.h>' > "$tree/include/hearth.h"; }
# layer FILE INCLUDE: what tools/layers says about a tree where FILE says #include INCLUDE
layer() {
    fresh; mkdir -p "$tree/$(dirname "$1")"
    printf '/* a file */\n#include <stdio.h>\n#include %s\n' "$2" > "$tree/$1"
    out=$("$root/tools/layers" "$tree" 2>&1); status=$?
}
may() { layer "$1" "$2"; is "$1 may include $2" $status 0; }
must_not() { layer "$1" "$2"; has "$1 must not include $2" "$status $out" "1 $1:3: "; }

may      src/base/a.c       '"base/b.h"'
may      src/base/a.c       '"gen/version.h"'
may      src/os/a.c         '"hearth.h"'
may      src/serve/a.c      '"gen/ui.h"'
may      src/model/arch/a.c '"model/arch.h"'
may      src/infer/a.c      '"kernel/k.h"'
may      src/hub/a.c        '"infer/session.h"'
may      src/cmd/a.c        '"hub/store.h"'
may      src/cmd/a.c        '"base/utf8.h"'
may      src/cmd/a.c        '"serve/server.h"'
may      src/os/a.c         '<sys/mman.h>'
must_not src/base/a.c       '"os/os.h"'
must_not src/kernel/a.c     '"file/gguf.h"'
must_not src/kernel/isa/a.h '"text/tokenizer.h"'
must_not src/infer/a.c      '"quant/quant.h"'
must_not src/quant/a.c      '"train/train.h"'
must_not src/train/a.c      '"infer/session.h"'
must_not src/model/a.c      '"hub/store.h"'
must_not src/serve/a.c      '"model/model.h"'
must_not src/serve/a.c      '"cmd/command.h"'
must_not src/cmd/a.c        '"kernel/types.h"'
must_not src/cmd/a.c        '"os/os.h"'
must_not src/cmd/a.c        '<file/gguf.h>'
must_not src/cmd/a.c        '"gen/version.h"'
must_not src/file/a.c       '"gguf.h"'
must_not src/file/a.c       '"../base/mem.h"'

layer src/gpu/a.c '"gpu/b.h"'
has "a room nobody knows is found" "$out" "src/gpu is no room"
fresh
is "a tree of the public header alone passes" "$("$root/tools/layers" "$tree" > "$TAP_TMP/log" 2>&1; echo $?)" 0
rm "$tree/include/hearth.h"
is "a tree without any file fails" "$("$root/tools/layers" "$tree" > "$TAP_TMP/log" 2>&1; echo $?)" 1

lines() { awk -v n="$1" -v t="$2" 'BEGIN { for (i = 0; i < n; i++) print t }'; }
size() { out=$("$root/tools/sizes" "$tree" 2>&1); status=$?; }
fresh; mkdir -p "$tree/src/base"
{ echo 'static int f(int a,'; echo '             int b) {'; lines 77 '    a++; /* } */ b = "{"[0];'; echo '}'; } > "$tree/src/base/a.c"
size; is "a function of 80 lines passes" "$status" 0
{ echo 'static int f(int a,'; echo '             int b) {'; lines 78 '    if (a) { b++; }'; echo '}'; } > "$tree/src/base/a.c"
size; has "a function of 81 lines is found" "$status $out" "1 src/base/a.c:1: f has 81 lines"
{ echo '#define M(a) \'; lines 80 '    a++; \'; echo '    a++'; } > "$tree/src/base/a.c"
size; has "a macro of 82 lines is found" "$status $out" "1 src/base/a.c:1: M has 82 lines"
{ echo 'static const int t[] = {'; lines 900 '    1, 2, 3,'; echo '};'; } > "$tree/src/base/a.c"
size; is "a table may be longer" "$status" 0
lines 800 'int f(void);' > "$tree/src/base/a.c"
size; is "a file of 800 lines passes" "$status" 0
lines 801 'int f(void);' > "$tree/src/base/a.c"
size; has "a file of 801 lines is found" "$status $out" "1 src/base/a.c: 801 lines"
{ echo 'extern "C" {'; lines 801 'int f(void);'; echo '}'; } > "$tree/src/base/a.h"; rm "$tree/src/base/a.c"
size; has "extern \"C\" makes no table of a header" "$status $out" "1 src/base/a.h: 803 lines"
fresh; mkdir -p "$tree/tools"
{ echo 'def f():'; lines 80 '    pass'; } > "$tree/tools/a.py"
size; has "a function of 81 lines in Python is found" "$status $out" "1 tools/a.py:1: f has 81 lines"
{ echo '#!/bin/sh'; lines 800 ':'; } > "$tree/tools/a"
size; has "a script without a suffix is counted" "$out" "tools/a: 801 lines"
tap_end

# hearth - one GNU Makefile; whatever is built lies under $(B), so that builds of several kinds live side by side.
#
#   make                 $(B)/hearth (default: build/)
#   make tests           the test programs, each prints TAP (./check runs them all, and more)
#   make check-unit      builds and runs them; check-cli: the shell tests
#   make asan ubsan tsan the same under a sanitizer, each in a build folder of its own
#   make fuzz            libFuzzer over tests/fuzz/*.c, FUZZ_SECONDS each; fuzz-replay: the corpus only
#   make cover           lines executed by the tests, by room
#   make bench bits      the measurements, and the full product of the same-bits test (docs/measurements.md)
#   make analyze         clang's static analyser over every file
#   make oracle          the goldens, made anew with `transformers` in a scratch venv; oracle-folders: folders that it saves
#   make oracle-embeddings EMBEDDERS='FOLDER ...'   encoders of random weights, and these folders, against sentence-transformers
#   make serve-soak      a server under load, faults, kills, a full disk; serve-soak-asan: under the address sanitizer
#   make install dist    PREFIX= DESTDIR=; a .deb and a tarball with one self-contained executable
#
# Variables: B, CC (gcc or clang), OPT (-O2), CFLAGS (-g), SAN (sanitizer flags), WITHOUT ("libcurl libzip": build as if
# these were not installed), ONLY and LEAVE ("gguf pool": tests with, without one of these words in their name), JOBS.
VERSION := 0.1.0
MAKEFLAGS += --no-builtin-rules

# However it is written, B is one folder with one name: relative below this one, absolute elsewhere.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(or $(strip $(B)),build)))
ifeq ($(origin CC),default)
CC      := gcc
endif
OPT     ?= -O2
CFLAGS  ?= -g
PREFIX  ?= /usr/local
SAN     ?=
WITHOUT ?=
ONLY    ?=
JOBS    ?= $(shell getconf _NPROCESSORS_ONLN)
FUZZ_SECONDS ?= 600
LIBDIR  ?= $(PREFIX)/lib

# ---- what the system has ---------------------------------------------------------------------------------------------
# The core needs the first line.  Each of FEATURES may be missing: then x_none.c stands in for x.c (TWINS below), and
# `hearth --version` says "built without".
CORE     := libpcre2-8 libutf8proc jansson
FEATURES := libcurl libzip zlib libedit libcrypto sqlite3 libmicrohttpd
# file (under src/, without .c) : the feature it needs.  Its twin FILE_none.c has the same functions and says what is missing.
TWINS    := account/crypto:libcrypto account/ecdsa:libcrypto account/seal:libcrypto account/index:sqlite3 \
            account/witness_http:libmicrohttpd account/witness_post:libcurl account/zip:libzip hub/archive:libzip hub/digest:libcrypto hub/fetch:libcurl hub/inflate:zlib cmd/line:libedit \
            serve/wire:libmicrohttpd

PKG      := pkg-config
HAVE     := $(foreach f,$(filter-out $(WITHOUT),$(FEATURES)),$(if $(filter 0,$(shell $(PKG) --exists $(f); echo $$?)),$(f)))
PKG_CF   := $(shell $(PKG) --cflags $(CORE) $(HAVE))
PKG_LD   := $(shell $(PKG) --libs $(CORE) $(HAVE))
ifneq ($(shell $(PKG) --exists $(CORE) && echo there),there)
ifneq ($(MAKECMDGOALS),clean)
$(error pkg-config or a library of the core is missing ($(CORE)): tools/setup.sh run installs what tools/debian-run.txt names)
endif
endif

# ---- flags -----------------------------------------------------------------------------------------------------------
WARN    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror
# gcc's guess is wrong more often than right in code that sanitizers have taken apart; the plain build keeps it.
ifneq ($(SAN),)
WARN    += $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized)
endif
# -ffp-contract=off: a product and a sum are fused only where the source says fma (src/kernel/ARITHMETIC.md)
MATH    := -ffp-contract=off -fno-math-errno -fno-trapping-math
HARDEN  := -fstack-protector-strong $(if $(SAN)$(filter -O0,$(OPT) $(CFLAGS)),,-D_FORTIFY_SOURCE=2)
ALL_C    = $(WARN) $(OPT) $(CFLAGS) $(HARDEN) $(MATH) -fPIC -fvisibility=hidden -pthread -Iinclude -Isrc -I$(B) \
           $(PKG_CF) $(SAN)
ALL_LD   = $(CFLAGS) $(SAN) -pthread -Wl,--as-needed -Wl,-z,relro,-z,now
LDLIBS   = $(PKG_LD) -lm

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
# The kernels are compiled once per instruction set; every other file once.
ISA_x86_64  := avx2
ISAS        := $(if $(wildcard src/kernel/kernels.c),scalar $(ISA_$(ARCH)))
FLAGS_avx2  := -mavx2 -mfma -mf16c

# ---- files -----------------------------------------------------------------------------------------------------------
LIB_ROOMS := base os kernel file text model model/arch infer train quant
APP_ROOMS := hub account govern work serve cmd
room_src   = $(foreach r,$(1),$(wildcard src/$(r)/*.c))
# $(call twins,FEATURES,a,b): of each pair, a ($(empty) or _none) where the feature is among FEATURES, else b
twins      = $(foreach t,$(TWINS),$(firstword $(subst :, ,$(t)))$(if $(filter $(lastword $(subst :, ,$(t))),$(1)),$(2),$(3)))
LEFT_OUT  := src/kernel/kernels.c $(patsubst %,src/%.c,$(call twins,$(HAVE),_none,))
LIB_SRC   := $(filter-out $(LEFT_OUT),$(call room_src,$(LIB_ROOMS)))
APP_SRC   := $(filter-out $(LEFT_OUT),$(call room_src,$(APP_ROOMS)))
LIB_OBJ   := $(LIB_SRC:src/%.c=$(B)/%.o) $(ISAS:%=$(B)/kernel/kernels.%.o)
APP_OBJ   := $(APP_SRC:src/%.c=$(B)/%.o)
HUB_OBJ   := $(filter-out $(B)/cmd/%,$(APP_OBJ))
ODD_TWIN  := $(filter-out $(patsubst %,src/%_none.c,$(call twins,,,)),$(filter %_none.c,$(call room_src,$(LIB_ROOMS) $(APP_ROOMS))))
ifneq ($(ODD_TWIN),)
$(error $(ODD_TWIN) stands in for a feature that TWINS does not name)
endif

all: $(B)/hearth
.DELETE_ON_ERROR:
FORCE:

# Writes the text to $@ when it is not there already, so that nothing is made again without need.
define say_new
@mkdir -p $(@D); printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) > $@
endef

# Objects follow the flags they were compiled with: another CC or OPT in the same folder compiles them again.
$(B)/gen/flags: FORCE
	$(call say_new,'$(CC) $(ALL_C) $(LDLIBS) $(ISAS)')

COMMIT := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
version_h = '\#define VERSION "$(VERSION)"' '\#define COMMIT "$(COMMIT)"' \
  '\#define FEATURES $(foreach f,$(FEATURES),{"$(f)", $(if $(filter $(f),$(1)),1,0)},)'
$(B)/gen/version.h: FORCE
	$(call say_new,$(call version_h,$(HAVE)))
$(B)/base/version.o: $(B)/gen/version.h

# The catalogue and the table of grids go into the program, which so needs no other file: each line becomes a C string.
$(B)/gen/catalogue.h $(B)/gen/grid.h: $(B)/gen/%.h: data/%.ini
	@mkdir -p $(@D)
	sed 's/[\\"?]/\\&/g; s/.*/"&\\n"/' $< > $@
# The description of the server's protocols, which it serves itself.
$(B)/gen/openapi.h: data/openapi.json
	@mkdir -p $(@D)
	sed 's/[\\"?]/\\&/g; s/.*/"&\\n"/' $< > $@
$(B)/serve/extra.o: | $(B)/gen/openapi.h
# Which release computes which version of the arithmetic: {version, "since"}, for replay.
$(B)/gen/arithmetic.h: docs/arithmetic-history.md
	@mkdir -p $(@D)
	sed -n 's/^| *\([0-9][0-9]*\) *| *\([^ |]*\) *|.*/{\1, "\2"},/p' $< > $@
$(filter $(B)/hub/% $(B)/account/%,$(APP_OBJ)): | $(B)/gen/catalogue.h $(B)/gen/grid.h $(B)/gen/arithmetic.h
# The page in the browser, which so comes from no other file either.
$(B)/gen/ui.h: tools/embed $(wildcard src/serve/ui/* src/serve/ui/strings/*)
	@mkdir -p $(@D)
	tools/embed src/serve/ui > $@
$(B)/serve/page.o: $(B)/gen/ui.h

$(B)/%.o: src/%.c $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_C) -MMD -MP -c $< -o $@

$(ISAS:%=$(B)/kernel/kernels.%.o): $(B)/kernel/kernels.%.o: src/kernel/kernels.c $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_C) $(FLAGS_$*) -DISA=$* -DISA_$* -MMD -MP -c $< -o $@

# Loops over whole blocks of 32, which gcc turns into vectors from -O3 on.
$(B)/kernel/dequant.o $(B)/kernel/pack.o: OPT := $(OPT:-O2=-O3)

# For the program and the tests: every name of the library.  The one that is installed is $(B)/lib/libhearth.a.
$(B)/libhearth.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/hearth: $(APP_OBJ) $(B)/libhearth.a
	$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)

# ---- the libraries as they are installed: only hearth_* can be seen from outside ----------------------------------------
# With the library's rooms what hearth_receipt_* stands on: of the application's rooms just these files (ld says when one is missing).
SO := libhearth.so
RECEIPT  := $(addprefix account/,answer canonical crypto edge factors keys ledger ledger_append logdir merkle meter note receipt seal tile \
              transcript transcript_files) $(addprefix hub/,digest ini known modeldir names paths)
PUBLIC   := $(LIB_OBJ) $(filter $(RECEIPT:%=$(B)/%.o) $(RECEIPT:%=$(B)/%_none.o),$(APP_OBJ))
$(B)/lib/libhearth.a: $(PUBLIC)
	@mkdir -p $(@D) && rm -f $@
	ld -r -o $(B)/lib/hearth.o $^
	objcopy --localize-hidden $(B)/lib/hearth.o
	ar rcs $@ $(B)/lib/hearth.o
$(B)/lib/$(SO): $(PUBLIC)
	@mkdir -p $(@D)
	$(CC) $(ALL_LD) -shared -Wl,-soname,$(SO).0 -Wl,-z,defs -o $@ $^ $(LDLIBS)
lib: $(B)/lib/libhearth.a $(B)/lib/$(SO)

# ---- other programs from the same objects: with some x_none.c in place of x.c ---------------------------------------------
# $(call variant,NAME,FEATURES it has)
define variant
HAVE_$(1) := $(filter $(2),$(HAVE))
NONE_$(1) := $(filter %_none,$(call twins,$(filter-out $(2),$(HAVE)),_none,))
OBJ_$(1)   = $(B)/$(1)/base/version.o $$(NONE_$(1):%=$(B)/%.o) $$(filter-out $$(NONE_$(1):%_none=$(B)/%.o),$(APP_OBJ))
$(B)/$(1)/gen/version.h: FORCE
	$$(call say_new,$$(call version_h,$$(HAVE_$(1))))
$(B)/$(1)/base/version.o: src/base/version.c $(B)/$(1)/gen/version.h $(B)/gen/flags
	@mkdir -p $$(@D)
	$(CC) -I$(B)/$(1) $(ALL_C) -c $$< -o $$@
$(B)/hearth-$(1): $$(OBJ_$(1)) $(B)/libhearth.a
endef
# One executable that needs no other file; fetching needs a resolver, which needs one.  libcrypto names dlopen and
# getaddrinfo, which nothing here calls: the linker's warnings about them say nothing.
$(eval $(call variant,static,libedit libcrypto))
STATIC_LD = $(shell $(PKG) --static --libs $(CORE) $(HAVE_static))
$(B)/hearth-static:
	$(CC) $(ALL_LD) -static-pie -Wl,--no-warnings -o $@ $^ $(STATIC_LD) -lm
	@echo $(patsubst -l%,%,$(filter -l%,$(STATIC_LD))) > $@.libs
# What is left without any of the optional libraries, for the tests.
$(eval $(call variant,bare,))
$(B)/hearth-bare:
	$(CC) $(ALL_LD) -o $@ $^ $(shell $(PKG) --libs $(CORE)) -lm

# ---- installing, packing -----------------------------------------------------------------------------------------------
$(B)/manual/hearth.1: $(B)/hearth tools/manual
	tools/manual $(B)/hearth $(B)/manual
AT       = $(DESTDIR)$(PREFIX)
SO_AT    = $(DESTDIR)$(LIBDIR)/$(SO)
BASH_AT  = $(AT)/share/bash-completion/completions/hearth
ZSH_AT   = $(AT)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_hearth
UNIT_AT  = $(AT)/lib/systemd/user/hearth.service
ICON_AT  = $(AT)/share/icons/hicolor/scalable/apps/hearth.svg
FISH_AT  = $(AT)/share/fish/vendor_completions.d/hearth.fish
install: all lib $(B)/manual/hearth.1
	install -D -m 755 $(B)/hearth $(AT)/bin/hearth
	install -D -m 644 include/hearth.h $(AT)/include/hearth.h
	install -D -m 644 $(B)/lib/libhearth.a $(DESTDIR)$(LIBDIR)/libhearth.a
	install -D -m 644 $(B)/lib/$(SO) $(SO_AT).$(VERSION)
	ln -sf $(SO).$(VERSION) $(SO_AT).0
	ln -sf $(SO).0 $(SO_AT)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@CORE@|$(CORE) $(filter libcrypto,$(HAVE))|' data/hearth.pc.in \
	  > $(DESTDIR)$(LIBDIR)/pkgconfig/hearth.pc
	install -d $(AT)/share/man/man1
	install -m 644 $(B)/manual/*.1 $(AT)/share/man/man1
	install -D -m 644 $(B)/manual/hearth.bash $(BASH_AT)
	install -D -m 644 $(B)/manual/_hearth $(ZSH_AT)
	install -D -m 644 $(B)/manual/hearth.fish $(FISH_AT)
	install -D -m 644 data/hearth.desktop $(AT)/share/applications/hearth.desktop
	install -D -m 644 src/serve/ui/icon.svg $(ICON_AT)
	install -D -m 644 LICENSE $(AT)/share/doc/hearth/copyright
	install -d $(dir $(UNIT_AT))
	sed 's|@PREFIX@|$(PREFIX)|' data/hearth.service > $(UNIT_AT)
uninstall:
	rm -f $(AT)/bin/hearth $(AT)/include/hearth.h $(DESTDIR)$(LIBDIR)/libhearth.a $(SO_AT) $(SO_AT).0 $(SO_AT).$(VERSION) \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/hearth.pc $(AT)/share/man/man1/hearth.1 $(AT)/share/man/man1/hearth-*.1 \
	  $(BASH_AT) $(ZSH_AT) $(FISH_AT) $(UNIT_AT) $(ICON_AT) $(AT)/share/applications/hearth.desktop $(AT)/share/doc/hearth/copyright
dist: all lib $(B)/hearth-static
	CC='$(CC)' tools/dist $(B) $(VERSION)

# ---- tests: one program a file ---------------------------------------------------------------------------------------
# GROUPS="unit fault" chooses folders, ONLY="gguf pool" those with one of the words in their name, LEAVE the others.
GROUPS   ?= unit kernel golden fault
LEAVE    ?=
named     = $(foreach t,$(2),$(if $(strip $(foreach w,$(1),$(findstring $(w),$(notdir $(t))))),$(t)))
chosen    = $(filter-out $(call named,$(LEAVE),$(1)),$(if $(ONLY),$(call named,$(ONLY),$(1)),$(1)))
TEST_SRC := $(foreach g,$(GROUPS),$(wildcard tests/$(g)/*.c))
TESTS    := $(call chosen,$(TEST_SRC:tests/%.c=$(B)/tests/%))
# The longest begin first, so that none is alone at the end.
LONGEST  := $(patsubst %,tests/cli/%.sh,pull explain run receipt serve_load tune json chat footprint)
CLI      := $(call chosen,$(LONGEST) $(filter-out tests/cli/tap.sh $(LONGEST),$(wildcard tests/cli/*.sh)))
TOOLS    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
HELPERS  := $(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/*.c))
TEST_LD   = $(HELPERS) $(B)/libapp.a $(B)/libhearth.a

# The application's rooms as an archive: a test is linked with what it calls, in a quarter of the time that all of them take.
$(B)/libapp.a: $(HUB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/tests/%.o: tests/%.c $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_C) -Itests -MMD -MP -c $< -o $@
# Many programs to link: by the quicker linker where there is one.
TEST_ALL_LD = $(ALL_LD) $(if $(QUICK_LD),-fuse-ld=gold)
QUICK_LD := $(shell command -v ld.gold)
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LD)
	$(CC) $(TEST_ALL_LD) -o $@ $< $(TEST_LD) -lcmocka $(LDLIBS)
# The library is all that these need, of which `make bits` makes four.
PLAIN    := $(B)/tests/tools/bits $(B)/tests/tools/make_model
$(PLAIN): $(B)/tests/%: $(B)/tests/%.o $(B)/tests/model_maker.o $(B)/libhearth.a
	$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(filter-out $(PLAIN),$(TOOLS)): $(B)/tests/%: $(B)/tests/%.o $(TEST_LD)
	$(CC) $(TEST_ALL_LD) -o $@ $< $(TEST_LD) $(LDLIBS)
tests: $(TESTS) $(TOOLS)

# What the tests see: the program, the build folder, a folder that keeps real models from run to run.
HEARTH_TEST_HOME ?= $(abspath $(B))/test-home
MODEL    := $(shell sed -n '/^\[model smollm2\]/,/^\[/s/^sha256 *= *//p' data/catalogue.ini)
GEMMA    := $(shell sed -n '/^\[model gemma3-270m-base\]/,/^\[/s/^sha256 *= *//p' data/catalogue.ini)
TEST_ENV  = HEARTH='$(abspath $(B))/hearth' B='$(abspath $(B))' CC='$(CC)' HEARTH_TEST_HOME='$(HEARTH_TEST_HOME)' \
            HEARTH_TEST_MODEL='$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)'
check-unit: $(TESTS) $(TOOLS)
	@$(TEST_ENV) tools/tap $(B)/tap-unit $(JOBS) $(TESTS)
# dist and install call make themselves: they must find everything done, for tests run side by side.
check-cli: $(B)/hearth $(B)/hearth-bare $(TOOLS) $(if $(filter %/install.sh %/dist.sh,$(CLI)),lib $(B)/manual/hearth.1 $(B)/hearth-static)
	@$(TEST_ENV) tools/tap $(B)/tap-cli $(JOBS) $(CLI)

# What other people's verifiers say (tests/papers); tools/venv makes VENV.
VENV     ?= $(abspath $(B))/venv
PAPERS   := $(call chosen,$(wildcard tests/papers/*.sh))
check-papers: $(B)/hearth $(TOOLS)
	@$(TEST_ENV) VENV='$(VENV)' tools/tap $(B)/tap-papers $(JOBS) $(PAPERS)

# The page in a real browser (tests/page); tools/npm makes NPM.  Screenshots lie in $(B)/page.
NPM      ?= $(abspath $(B))/npm
check-page: $(B)/hearth $(B)/tests/tools/make_model
	@$(TEST_ENV) NPM='$(NPM)' tools/tap $(B)/tap-page $(JOBS) $(call chosen,$(wildcard tests/page/*.sh))

# What other people's clients make of the server (tests/clients), from the same VENV and NPM.
CLIENTS  := $(call chosen,$(wildcard tests/clients/*.sh))
check-clients: $(B)/hearth $(TOOLS)
	@$(TEST_ENV) VENV='$(VENV)' NPM='$(NPM)' tools/tap $(B)/tap-clients $(JOBS) $(CLIENTS)

# LangChain over them, editors' assistants: too many packages for every check.  Each makes an environment of its own below $(B).
check-frameworks: $(B)/hearth $(TOOLS) $(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)
	@$(TEST_ENV) TEST_SECONDS=1800 tools/tap $(B)/tap-frameworks 1 $(call chosen,$(wildcard tests/clients/frameworks/*.sh))
# Open WebUI in its slim form: 130 packages.
check-openwebui: $(B)/hearth $(TOOLS) $(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)
	@$(TEST_ENV) TEST_SECONDS=1800 tools/tap $(B)/tap-openwebui 1 tests/clients/openwebui/openwebui.sh
$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL): | $(B)/hearth
	HEARTH_HOME='$(HEARTH_TEST_HOME)' $(B)/hearth pull smollm2 --accept-license

# schemathesis over the description that the server serves: a fixed number of made-up requests, some of which break it on purpose.
check-openapi: $(B)/hearth $(TOOLS)
	@$(TEST_ENV) TEST_SECONDS=1800 tools/tap $(B)/tap-openapi 1 tests/openapi/openapi.sh

# The ledger: Go's own checker of such logs; and all that is claimed of damage, crashes and large logs (an hour, mostly the disk's).
check-log: $(B)/hearth $(B)/tests/tools/ledger $(B)/tests/tools/make_receipts
	@$(TEST_ENV) tools/tap $(B)/tap-log 1 tests/go/log.sh
ledger-soak: $(B)/tests/unit/test_ledger_crash $(B)/tests/unit/test_ledger_damage
	@for t in $^; do HEARTH_LEDGER_SOAK=1 $$t || exit 1; done

# One hash of all logits, whatever computes it: a pairwise covering array, or the full product.
check-bits:
	@$(TEST_ENV) tools/bits $(B)
bits:
	@$(TEST_ENV) tools/bits $(B) --full

# RECEIPTS answers under mixed conditions, all made again under others (REAL of them by the real models): minutes.
RECEIPTS ?= 1000
REAL     ?= $(shell expr $(RECEIPTS) / 10)
replay-soak: $(B)/hearth $(TOOLS)
	HEARTH_TEST_HOME='$(HEARTH_TEST_HOME)' tools/replay-soak '$(abspath $(B))' $(RECEIPTS) $(REAL)

# What a server must stand for long (tests/api/soak.py; SOAK="load" chooses a part): half an hour; under the address sanitizer, ten minutes.
SOAK     ?=
serve-soak: $(B)/hearth $(TOOLS)
	@$(TEST_ENV) python3 tests/api/soak.py $(SOAK)
serve-soak-asan:
	+$(call sanitized,asan) serve-soak SOAK='$(or $(SOAK),faults --model tiny --seconds 480)'

# What explanations must show on the default model and, of attribution, on both families: an hour.
explain-soak: $(B)/tests/tools/explain_soak
	$< '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' attribution 100
	$< '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(GEMMA)' attribution 20
	$< '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' shuffled 10 '$(abspath $(B))/shuffled.gguf'
	rm -f '$(B)/shuffled.gguf'
	$< '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' sentences 200
	$< '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' words 100

# How much of what is planted a scan finds (docs/data.md); POISON: a .csv of texts and labels, such as banking77's train.csv; BENCH_POISON: more of its
# options, such as --embedder FILE and --attack (what the planted ones do to a model, before and after cleaning).  Minutes; with --attack half an hour.
POISON       ?=
BENCH_POISON ?=
bench-poison: $(B)/tests/tools/poison
	$< '$(POISON)' --seeds 5 --model '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' $(BENCH_POISON)

# What tuning comes to: the default model taught the 77 intents of banking77 (BANK: the folder of its train.csv and test.csv) from 2,000 examples at
# three seeds, before and after, and what `hearth choose` says of it.  An hour and a half; BENCH_TUNE: its options (tools/bench-tune).
BANK       ?= ../shared/data/banking77
BENCH_TUNE ?=
bench-tune: $(B)/hearth
	tools/bench-tune '$(abspath $(B))/hearth' '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' '$(BANK)' $(BENCH_TUNE)

# ANSWERS of the default model at temperature 1.5, over schemas of applications and (VENV) of the official suite: every one valid. A quarter of an hour.
ANSWERS  ?= 500
schema-soak: $(B)/tests/tools/grammar
	'$(VENV)/bin/python' tools/schema-soak '$(abspath $(B))' '$(HEARTH_TEST_HOME)/models/blobs/sha256-$(MODEL)' $(ANSWERS) $(wildcard $(VENV)/suite/jsonschema-*.tar.gz)

# ---- the same tests under sanitizers, each kind in a build folder of its own: $(B)-asan ... ------------------------------
SAN_asan := address
SAN_ubsan := undefined
SAN_tsan := thread
SAN_asan-ubsan := address,undefined
TSAN_ONLY ?= pool threads engine
KINDS := asan ubsan tsan asan-ubsan
sanitized = $(MAKE) B=$(B)-$(1) OPT=-O1 CFLAGS=-g1 SAN='-fsanitize=$(SAN_$(1)) -fno-sanitize-recover=all -fno-omit-frame-pointer' \
            HEARTH_TEST_HOME='$(HEARTH_TEST_HOME)'
SANITIZED ?= check-unit
asan ubsan asan-ubsan:
	+$(call sanitized,$@) $(SANITIZED)
tsan:
	+$(call sanitized,$@) ONLY='$(TSAN_ONLY)' $(SANITIZED)

# ---- fuzzing: tests/fuzz/NAME.c is a target, tests/fuzz/corpus/NAME/ its first inputs ------------------------------------
# With replay.c in place of libFuzzer any compiler builds them: the corpus, and spoilt copies of it, in every ./check.
FUZZ     := $(call chosen,$(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))))
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(TEST_LD)
	@mkdir -p $(@D)
	$(CC) $(TEST_ALL_LD) -o $@ $^ $(LDLIBS)
$(B)/libfuzzer/%: $(B)/tests/fuzz/%.o $(TEST_LD)
	@mkdir -p $(@D)
	$(CC) $(ALL_LD) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
.PRECIOUS: $(B)/tests/fuzz/%.o
fuzz-replay: $(FUZZ:%=$(B)/fuzz/%)
	@tools/tap $(B)/tap-fuzz $(JOBS) $^
fuzz-programs: $(FUZZ:%=$(B)/libfuzzer/%)
# What is found lies in $(B)-fuzz/found; what widened the coverage in $(B)-fuzz/corpus, from where it may go into the tree.
fuzz:
	$(MAKE) B=$(B)-fuzz CC=clang OPT=-O1 SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
	  fuzz-programs
	mkdir -p $(B)-fuzz/found $(FUZZ:%=$(B)-fuzz/corpus/%)
	printf '%s\n' $(FUZZ) | xargs -P $(JOBS) -I {} sh -c '$(B)-fuzz/libfuzzer/{} -max_total_time=$(FUZZ_SECONDS) \
	  -timeout=20 -rss_limit_mb=2560 -artifact_prefix=$(B)-fuzz/found/{}- -print_final_stats=1 \
	  $(B)-fuzz/corpus/{} tests/fuzz/corpus/{} > $(B)-fuzz/{}.log 2>&1 && echo "fuzz {}: nothing found" || \
	  { echo "fuzz {}: FOUND, see $(B)-fuzz/{}.log"; tail -n 30 $(B)-fuzz/{}.log; exit 255; }'

# ---- measurements, goldens -----------------------------------------------------------------------------------------------
BENCH ?= smollm2 --type all
bench: $(B)/hearth
	HEARTH_HOME='$(HEARTH_TEST_HOME)' $(B)/hearth pull smollm2 --accept-license
	HEARTH_HOME='$(HEARTH_TEST_HOME)' $(B)/hearth bench $(BENCH) --json > $(B)/bench.json
	tools/bench-table $(B)/bench.json
# tokenizer.json, tekken.json and tokenizer.model against the packages that wrote them, on real files.
# LEARN_TEXTS: more texts, large and in several scripts, from which tokenizers are learnt here and there.
oracle-tokenizers: $(B)/tests/tools/tokenize $(B)/tests/tools/learn_bpe
	mkdir -p $(B)/oracle-cache
	B='$(B)' tools/oracle/run.sh tokenizer_json.py --tokenize $(abspath $<) --cache $(abspath $(B))/oracle-cache
	B='$(B)' tools/oracle/run.sh tokenizer_mistral.py --tokenize $(abspath $<) --cache $(abspath $(B))/oracle-cache
	B='$(B)' tools/oracle/run.sh tokenizer_sentencepiece.py --tokenize $(abspath $<) --cache $(abspath $(B))/oracle-cache
	B='$(B)' tools/oracle/run.sh learn_bpe.py --learn $(abspath $(B))/tests/tools/learn_bpe tests/golden/tokens.txt data/text/moby-dick-1-11.txt $(LEARN_TEXTS)
# Folders as transformers saves them, run by hearth: the norm of the difference of all logits, for each class.
oracle-folders: $(B)/hearth $(B)/tests/tools/logits
	B='$(B)' tools/oracle/run.sh folders.py --logits $(abspath $(B))/tests/tools/logits --hearth $(abspath $(B))/hearth
# Encoders of random weights (as folders, and written as GGUF) and the folders in EMBEDDERS against sentence-transformers, in each prompt that they
# have: EACH (25) sentences in 20 languages.
oracle-embeddings: $(B)/hearth
	mkdir -p $(B)/oracle-cache
	B='$(B)' tools/oracle/run.sh embeddings.py --hearth $(abspath $(B))/hearth --cache $(abspath $(B))/oracle-cache --each $(or $(EACH),25) --random --model $(EMBEDDERS)
oracle: $(B)/hearth $(TOOLS)
	B='$(B)' HEARTH_TEST_HOME='$(HEARTH_TEST_HOME)' tools/oracle/run.sh

# ---- other ways to look at the sources ---------------------------------------------------------------------------------
cover:
	$(MAKE) B=$(B)-cover OPT=-O0 CFLAGS='-g --coverage' HEARTH_TEST_HOME='$(HEARTH_TEST_HOME)' check-unit check-cli || true
	tools/cover $(B)-cover
# All but the file that defines fail().
analyze: $(patsubst src/%.c,$(B)/analyze/%.ok,$(filter-out src/base/status.c,$(LIB_SRC) $(APP_SRC)))
$(B)/analyze/%.ok: src/%.c tools/analyze.h $(B)/gen/flags | $(B)/gen/version.h $(B)/gen/catalogue.h $(B)/gen/grid.h $(B)/gen/arithmetic.h $(B)/gen/ui.h $(B)/gen/openapi.h
	@mkdir -p $(@D)
	clang --analyze -Xclang -analyzer-output=text $(filter-out -W% -f%,$(ALL_C)) \
	  -include tools/analyze.h $< && touch $@

clean:
	rm -rf $(B) $(addprefix $(B)-,$(KINDS) clang fuzz cover)
.PHONY: bench-tune bench-poison check-log serve-soak serve-soak-asan ledger-soak explain-soak schema-soak all lib install uninstall dist tests check-unit check-cli replay-soak check-papers check-page check-clients check-frameworks check-openwebui check-openapi $(KINDS) fuzz fuzz-programs fuzz-replay check-bits bits bench oracle oracle-folders oracle-embeddings oracle-tokenizers \
  cover analyze clean FORCE
-include $(shell find $(B) \( -path $(B)/bits -o -path $(B)/dist \) -prune -o -type f -name '*.d' -print 2>/dev/null)

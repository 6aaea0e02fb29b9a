# hearth - one GNU Makefile; whatever is built lies under $(B), so that builds of several kinds live side by side.
#
#   make                 $(B)/hearth (default: build/)
#   make tests           the test programs, each prints TAP (./check runs them all, and more)
#   make check-unit      builds and runs them
#   make asan ubsan tsan the same under a sanitizer, each in a build folder of its own
#   make fuzz            libFuzzer over tests/fuzz/*.c, FUZZ_SECONDS each; fuzz-replay: the corpus only
#   make cover           lines executed by the tests, by room
#   make bench bits      the measurements, and the full product of the same-bits test (docs/measurements.md)
#   make analyze         clang's static analyser over every file
#   make oracle          the goldens, made anew with `transformers` in a scratch venv
#   make install dist    PREFIX= DESTDIR=; a .deb and a tarball with one self-contained executable
#
# Variables: B, CC (gcc or clang), OPT (-O2), CFLAGS (-g), SAN (sanitizer flags), WITHOUT ("libcurl libzip": build as if
# these were not installed), STATIC=1 (one executable that needs no other file).
VERSION := 0.1.0

B       ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
OPT     ?= -O2
CFLAGS  ?= -g
PREFIX  ?= /usr/local
SAN     ?=
WITHOUT ?=
STATIC  ?=
PYTHON  ?= python3

# ---- what the system has ---------------------------------------------------------------------------------------------
# The core needs the first line.  Each of FEATURES may be missing: then x_none.c stands in for x.c (TWINS below), and
# `hearth --version` says "built without".
CORE     := libpcre2-8 libutf8proc jansson
FEATURES := libcurl libzip libedit libcrypto
# file (under src/, without .c) : the feature it needs.  Its twin FILE_none.c has the same functions and says what is missing.
TWINS    := hub/archive:libzip

PKG      := pkg-config
HAVE     := $(foreach f,$(filter-out $(WITHOUT),$(FEATURES)),$(if $(filter 0,$(shell $(PKG) --exists $(f); echo $$?)),$(f)))
PKG_CF   := $(shell $(PKG) --cflags $(CORE) $(HAVE) 2>&1)
PKG_LD   := $(shell $(PKG) $(if $(STATIC),--static) --libs $(CORE) $(HAVE) 2>&1)
ifneq ($(findstring No package,$(PKG_CF)),)
ifneq ($(MAKECMDGOALS),clean)
$(error a library of the core is missing ($(CORE)): tools/setup.sh run installs what tools/debian-run.txt names)
endif
endif

# ---- flags -----------------------------------------------------------------------------------------------------------
WARN    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror
# -ffp-contract=off: a product and a sum are fused only where the source says fma (src/kernel/ARITHMETIC.md)
MATH    := -ffp-contract=off -fno-math-errno -fno-trapping-math
HARDEN  := -fstack-protector-strong $(if $(SAN)$(filter -O0,$(OPT) $(CFLAGS)),,-D_FORTIFY_SOURCE=2)
ALL_C    = $(WARN) $(OPT) $(CFLAGS) $(HARDEN) $(MATH) -fPIC -fvisibility=hidden -pthread -Iinclude -Isrc -I$(B) \
           $(PKG_CF) $(SAN)
ALL_LD   = $(CFLAGS) $(SAN) -pthread -Wl,--as-needed -Wl,-z,relro,-z,now $(if $(STATIC),-static)
LDLIBS   = $(PKG_LD) -lm

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
# The kernels are compiled once per instruction set; every other file once.
ISA_x86_64  := avx2
ISAS        := scalar $(ISA_$(ARCH))
FLAGS_avx2  := -mavx2 -mfma -mf16c

# ---- files -----------------------------------------------------------------------------------------------------------
LIB_ROOMS := base os kernel file text model model/arch infer train quant
APP_ROOMS := hub account govern work serve cmd
twin       = $(foreach t,$(TWINS),$(if $(filter $(lastword $(subst :, ,$(t))),$(HAVE)),$(firstword $(subst :, ,$(t)))_none,$(firstword $(subst :, ,$(t)))))
LEFT_OUT   = $(patsubst %,src/%.c,$(twin))
sources    = $(filter-out src/kernel/kernels.c $(LEFT_OUT),$(foreach r,$(1),$(wildcard src/$(r)/*.c)))
LIB_SRC   := $(call sources,$(LIB_ROOMS))
APP_SRC   := $(call sources,$(APP_ROOMS))
LIB_OBJ   := $(LIB_SRC:src/%.c=$(B)/%.o) $(ISAS:%=$(B)/kernel/kernels.%.o)
APP_OBJ   := $(APP_SRC:src/%.c=$(B)/%.o)
HUB_OBJ   := $(filter-out $(B)/cmd/% $(B)/serve/%,$(APP_OBJ))

all: $(B)/hearth
.DELETE_ON_ERROR:
FORCE:

# $(call say_new,text): writes the text to $@ when it is not there already, so that nothing is built again without need
say_new = @mkdir -p $(@D); printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) > $@

# Objects follow the flags they were compiled with: another CC or OPT in the same folder compiles them again.
$(B)/gen/flags: FORCE
	$(call say_new,'$(CC) $(ALL_C) $(LDLIBS) $(ISAS)')

COMMIT = $(shell git -C . describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
$(B)/gen/version.h: FORCE
	$(call say_new,'#define VERSION "$(VERSION)"' '#define COMMIT "$(COMMIT)"' \
	  '#define FEATURES $(foreach f,$(FEATURES),{"$(f)", $(if $(filter $(f),$(HAVE)),1,0)},)')
$(B)/base/version.o: $(B)/gen/version.h

$(B)/%.o: src/%.c $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_C) -MMD -MP -c $< -o $@

$(B)/kernel/kernels.%.o: src/kernel/kernels.c $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_C) $(FLAGS_$*) -DISA=$* -DISA_$* -MMD -MP -c $< -o $@

# For the program and the tests: every name of the library.  The one that is installed is $(B)/lib/libhearth.a.
$(B)/libhearth.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/hearth: $(APP_OBJ) $(B)/libhearth.a
	$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)

# ---- tests: one program a file ---------------------------------------------------------------------------------------
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*.c tests/kernel/*.c tests/golden/*.c tests/fault/*.c))
tests: $(TESTS)
$(B)/tests/%: tests/%.c $(HUB_OBJ) $(B)/libhearth.a
	@mkdir -p $(@D)
	$(CC) $(ALL_C) -Itests -MMD -MP $(ALL_LD) -o $@ $< $(HUB_OBJ) $(B)/libhearth.a -lcmocka $(LDLIBS)

clean:
	rm -rf $(B)
.PHONY: all tests clean FORCE
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# hearth - one GNU Makefile, everything built under $(B).
#   make            the program and the libraries
#   make check-unit the unit, kernel and golden tests (./check runs everything)
B       ?= build
CC      ?= gcc
OPT     ?= -O2
CFLAGS  ?= -g
WARN    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror
# -ffp-contract=off: a product and a sum are fused only where the source says fma (ARITHMETIC.md)
MATH    := -ffp-contract=off -fno-math-errno -fno-trapping-math
ALL_C    = $(WARN) $(OPT) $(CFLAGS) $(MATH) -fPIC -fvisibility=hidden -pthread -Iinclude -Isrc -I$(B)/gen -MMD -MP $(SAN)
LDLIBS   = -pthread -lm $(SAN)

CORE_PKG := libpcre2-8 libutf8proc jansson
TOOL_PKG := libcurl libzip libedit libcrypto
CORE_CF  := $(shell pkg-config --cflags $(CORE_PKG))
CORE_LD  := $(shell pkg-config --libs $(CORE_PKG))
TOOL_LD  := $(shell pkg-config --libs $(TOOL_PKG))

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISA_x86_64  := avx2
ISAS        := scalar $(ISA_$(ARCH))
FLAGS_avx2  := -mavx2 -mfma -mf16c

# src/kernel/kernels.c is compiled once per instruction set; every other file once.
LIB_ROOMS := base os kernel file text model model/arch infer quant
APP_ROOMS := hub cmd
LIB_SRC := $(filter-out src/kernel/kernels.c,$(foreach r,$(LIB_ROOMS),$(wildcard src/$(r)/*.c)))
APP_SRC := $(foreach r,$(APP_ROOMS),$(wildcard src/$(r)/*.c))
LIB_OBJ := $(LIB_SRC:src/%.c=$(B)/%.o) $(ISAS:%=$(B)/kernel/kernels.%.o)
APP_OBJ := $(APP_SRC:src/%.c=$(B)/%.o)
HUB_OBJ := $(filter $(B)/hub/%,$(APP_OBJ))

all: $(B)/hearth

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_C) $(CORE_CF) -c $< -o $@

$(B)/kernel/kernels.%.o: src/kernel/kernels.c
	@mkdir -p $(@D)
	$(CC) $(ALL_C) $(FLAGS_$*) -DISA=$* -DISA_$* -c $< -o $@

$(B)/libhearth.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/hearth: $(APP_OBJ) $(B)/libhearth.a
	$(CC) $(CFLAGS) -o $@ $^ $(CORE_LD) $(TOOL_LD) $(LDLIBS)

# tests: one program a file, every one prints TAP
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*.c tests/kernel/*.c tests/golden/*.c tests/fault/*.c))
tests: $(TESTS)
$(B)/tests/%: tests/%.c $(HUB_OBJ) $(B)/libhearth.a
	@mkdir -p $(@D)
	$(CC) $(ALL_C) $(CORE_CF) -Itests -o $@ $< $(HUB_OBJ) $(B)/libhearth.a -lcmocka $(CORE_LD) $(TOOL_LD) $(LDLIBS)

clean:
	rm -rf $(B)
.PHONY: all tests clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)

/* analyze.h - what `make analyze` tells clang's analyser, which sees one file at a time: that fail() gives back the status it
 * was called with, never HEARTH_OK.  It is put before every file by the Makefile and is no part of hearth. */
#include "base/status.h"

#define fail(st, ...) ((void)(fail)(st, __VA_ARGS__), (st))
#define fail_memory(n) ((void)(fail_memory)(n), HEARTH_ENOMEM)
#define fail_errno(path, what) ((void)(fail_errno)(path, what), HEARTH_EIO)

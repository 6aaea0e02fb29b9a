/* status.h - how failure travels.  The message is set once, where it happens:
 *     return fail(HEARTH_EFORMAT, "%s: tensor %s: ...", path, name);
 * and everybody above only passes the status on: TRY(gguf_open(path, &g)); */
#ifndef HEARTH_BASE_STATUS_H
#define HEARTH_BASE_STATUS_H

#include "hearth.h"

/* Sets this thread's message (cut at 1023 bytes, control characters replaced by '?') and returns st. */
enum hearth_status fail(enum hearth_status st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* fail(HEARTH_ENOMEM, ...) naming the size asked for. */
enum hearth_status fail_memory(size_t bytes);
/* fail(HEARTH_EIO, "path: what: strerror(errno)"); ENOENT gives HEARTH_ENOTFOUND, ENOSPC says the disk is full. */
enum hearth_status fail_errno(const char *path, const char *what);

#define TRY(expr) do { enum hearth_status try_ = (expr); if (try_ != HEARTH_OK) return try_; } while (0)
/* For functions with something to release: TRY_GOTO(st, done, gguf_open(...)); ... done: free(x); return st; */
#define TRY_GOTO(st, label, expr) do { (st) = (expr); if ((st) != HEARTH_OK) goto label; } while (0)

/* *out = a * b or a + b; ELIMIT with `what` in the message when it would not fit.  The one place for sizes that
 * come from a file. */
enum hearth_status size_mul(uint64_t a, uint64_t b, const char *what, uint64_t *out);
enum hearth_status size_add(uint64_t a, uint64_t b, const char *what, uint64_t *out);

#endif

/* status.c - the one message a thread keeps about its last failure.
 *
 * A message is a sentence for a person, often quoting names found in a file that nobody checked; so whatever
 * could move a terminal's cursor is replaced, and a cut never leaves half a character. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/utf8.h"

static _Thread_local char message[1024];

const char *hearth_errmsg(void) { return message; }

const char *hearth_status_name(enum hearth_status st) {
    static const char *const names[] = {
        [HEARTH_OK] = "ok",
        [HEARTH_EUSAGE] = "usage",
        [HEARTH_ENOMEM] = "memory",
        [HEARTH_EIO] = "io",
        [HEARTH_EFORMAT] = "format",
        [HEARTH_ENOTFOUND] = "notfound",
        [HEARTH_EUNSUPPORTED] = "unsupported",
        [HEARTH_ELIMIT] = "limit",
        [HEARTH_ECONTEXT] = "context",
        [HEARTH_ECANCELLED] = "cancelled",
        [HEARTH_ENUMERIC] = "numeric",
        [HEARTH_ENETWORK] = "network",
        [HEARTH_ECHECKSUM] = "checksum",
        [HEARTH_ELICENSE] = "license",
        [HEARTH_EINTERNAL] = "internal",
        [HEARTH_EBUSY] = "busy",
    };
    size_t i = (size_t)st;
    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}

/* Control characters, C0 and C1 (which UTF-8 writes as C2 80 .. C2 9F), become '?'; so do malformed bytes. */
static void make_printable(char *s) {
    size_t n = strlen(s), at = 0, to = 0;
    while (at < n) {
        uint32_t cp;
        int len = utf8_read(s + at, n - at, &cp);
        if (len < 1 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
            s[to++] = '?';
            at += len < 1 ? 1 : (size_t)len;
            continue;
        }
        memmove(s + to, s + at, (size_t)len);
        to += (size_t)len;
        at += (size_t)len;
    }
    s[to] = '\0';
}

/* Formats aside first: an argument may well be hearth_errmsg() itself. */
enum hearth_status fail(enum hearth_status st, const char *fmt, ...) {
    char text[sizeof message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) text[0] = '\0';
    if (n >= (int)sizeof text) text[utf8_whole(text, sizeof text - 1)] = '\0';
    make_printable(text);
    memcpy(message, text, strlen(text) + 1);
    return st;
}

enum hearth_status fail_memory(size_t bytes) {
    return fail(HEARTH_ENOMEM, "out of memory: the system gave no %zu bytes", bytes);
}

enum hearth_status fail_errno(const char *path, const char *what) {
    int e = errno;
    char text[256];
    const char *why = strerror_r(e, text, sizeof text);
    if (e == ENOSPC || e == EDQUOT)
        return fail(HEARTH_EIO, "%s: %s: the disk is full (%s); free some space and try again", path, what, why);
    return fail(e == ENOENT ? HEARTH_ENOTFOUND : HEARTH_EIO, "%s: %s: %s", path, what, why);
}

enum hearth_status size_mul(uint64_t a, uint64_t b, const char *what, uint64_t *out) {
    if (!__builtin_mul_overflow(a, b, out)) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "%s: %llu times %llu does not fit in 64 bits", what, (unsigned long long)a,
                (unsigned long long)b);
}

enum hearth_status size_add(uint64_t a, uint64_t b, const char *what, uint64_t *out) {
    if (!__builtin_add_overflow(a, b, out)) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "%s: %llu plus %llu does not fit in 64 bits", what, (unsigned long long)a,
                (unsigned long long)b);
}

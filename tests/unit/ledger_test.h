/* ledger_test.h - what the tests of the ledger share: entries that anybody can make again from their number. */
#ifndef HEARTH_TESTS_LEDGER_TEST_H
#define HEARTH_TESTS_LEDGER_TEST_H

#include "account/keys.h"
#include "account/ledger.h"
#include "hub_test.h"

#include <ftw.h>

/* {"number":7,"text":"..."}: 30 to 250 bytes */
static inline size_t entry_text(uint64_t number, char out[256])
{
    int n = sprintf(out, "{\"number\":%llu,\"text\":\"", (unsigned long long)number);
    unsigned more = (unsigned)(number * 2654435761u >> 7) % 200;
    for (unsigned i = 0; i < more; i++) out[n++] = (char)('a' + (number + i) % 26);
    return (size_t)n + (size_t)sprintf(out + n, "\"}");
}

/* Appends entries first .. first + n - 1 in one commit. */
static inline enum hearth_status append_texts(struct ledger *l, uint64_t first, size_t n, uint64_t *at)
{
    struct ledger_bytes *e = calloc(n, sizeof *e);
    char (*text)[256] = calloc(n, sizeof *text);
    assert_true(e && text);
    for (size_t i = 0; i < n; i++) e[i] = (struct ledger_bytes){text[i], entry_text(first + i, text[i])};
    enum hearth_status st = ledger_append(l, e, n, at);
    free(e);
    free(text);
    return st;
}

/* A new log at dir: n entries in commits of `group`. */
static inline void make_log(const char *dir, size_t n, size_t group)
{
    struct ledger *l;
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    for (size_t i = 0; i < n; i += group) {
        uint64_t at = ~0ull;
        assert_ok(append_texts(l, i, n - i < group ? n - i : group, &at));
        assert_int_equal(at, i);
    }
    ledger_close(l);
}

static inline enum hearth_status verify_log(const char *dir, uint64_t *size)
{
    struct ledger *l;
    TRY(ledger_open(dir, LEDGER_READ, &l));
    enum hearth_status st = ledger_verify(l, size, NULL, NULL);
    ledger_close(l);
    return st;
}

#define assert_good(dir, wanted) do { \
    uint64_t size_; \
    assert_ok(verify_log(dir, &size_)); \
    assert_int_equal(size_, wanted); \
} while (0)

static inline int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s, (void)kind, (void)f;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void shell(const char *format, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    if (system(command) != 0) fail_msg("%s", command);
}

#endif

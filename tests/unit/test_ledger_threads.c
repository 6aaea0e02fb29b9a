/* Many threads append through one handle, and read meanwhile: each finds its entries where it was told they are. */
#include <pthread.h>

#include "ledger_test.h"

static char dir[96];

int fsync(int fd)                    /* the disk is not what is tested here */
{
    (void)fd;
    return 0;
}

static int fresh(void **state)
{
    int bad = home_make(state);
    snprintf(dir, sizeof dir, "%s/ledger", home);
    return bad;
}

enum { THREADS = 8, ROUNDS = 12 };
static struct ledger *shared;

static void *append_many(void *user)
{
    size_t thread = (size_t)user;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        char text[2][32];
        struct ledger_bytes e[2];
        uint64_t first;
        void *data;
        size_t n;
        for (int k = 0; k < 2; k++) e[k] = (struct ledger_bytes){text[k], (size_t)sprintf(text[k], "%zu %d %d", thread, (int)i, k)};
        if (ledger_append(shared, e, 2, &first) != HEARTH_OK) return "append";
        for (uint64_t k = 0; k < 2; k++) {
            if (ledger_entry(shared, first + k, &data, &n) != HEARTH_OK) return "read";
            int same = n == e[k].n && !memcmp(data, e[k].data, n);
            free(data);
            if (!same) return "another entry";
        }
    }
    return NULL;
}

static void threads(void **state)
{
    pthread_t thread[THREADS];
    (void)state;
    assert_ok(ledger_open(dir, LEDGER_APPEND, &shared));
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, append_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
    ledger_close(shared);
    assert_good(dir, THREADS * ROUNDS * 2);
}

static void *append_wrong(void *user)
{
    uint64_t first;
    (void)user;
    if (append_texts(shared, 0, 1, &first) != HEARTH_EIO) return "no error";
    return strstr(hearth_errmsg(), "symbolic link") ? NULL : "another message";
}

/* Who waited for a commit that failed hears why, each on its own thread. */
static void threads_fail(void **state)
{
    pthread_t thread[THREADS];
    (void)state;
    make_log(dir, 3, 3);
    shell("mv '%s/tile' '%s/elsewhere' && ln -s elsewhere '%s/tile'", dir, dir, dir);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &shared));
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, append_wrong, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
    ledger_close(shared);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, home_remove)
int main(void)
{
    const struct CMUnitTest with[] = {T(threads), T(threads_fail)};
    uint8_t random[1];
    return crypto_random(random, 1) == HEARTH_OK ? cmocka_run_group_tests(with, NULL, NULL) : (puts("1..1\nok 1 - no libcrypto, no ledger"), 0);
}

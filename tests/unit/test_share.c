/* test_share.c - who may wait: shares of a model, a key, and of all; what is given back may be taken again. */
#include <pthread.h>

#include "hub_test.h"
#include "serve/share.h"

static int takes(const char *key, const char *model, int n)
{
    int got = 0;
    for (int i = 0; i < n; i++) got += share_take(key, model) == HEARTH_OK;
    return got;
}

static void gives(const char *key, const char *model, int n)
{
    for (int i = 0; i < n; i++) share_give(key, model);
}

static void shares(void **state)
{
    (void)state;
    assert_true(SHARE_OF_MODEL < SHARE_OF_KEY && SHARE_OF_KEY < SHARE_OF_ALL);
    assert_int_equal(takes("anna", "one", 200), SHARE_OF_MODEL);
    assert_fails(share_take("bert", "one"), HEARTH_EBUSY, "by this model");
    assert_int_equal(takes("anna", "two", 200), SHARE_OF_KEY - SHARE_OF_MODEL);
    assert_fails(share_take("anna", "three"), HEARTH_EBUSY, "with this key");
    assert_int_equal(takes("bert", "two", 200), SHARE_OF_ALL - SHARE_OF_KEY);
    assert_fails(share_take("carl", "three"), HEARTH_EBUSY, "requests for embeddings are under way");
    gives("anna", "one", 3);
    gives("carl", "one", 50);        /* nothing of his is there */
    assert_int_equal(takes("bert", "one", 200), 3);
    gives("anna", "one", SHARE_OF_MODEL), gives("anna", "two", SHARE_OF_ALL), gives("bert", "two", SHARE_OF_ALL), gives("bert", "one", SHARE_OF_ALL);
    assert_int_equal(takes("carl", "one", 200), SHARE_OF_MODEL);
    gives("carl", "one", SHARE_OF_MODEL);
}

static void counts(void **state)
{
    int n = 0;
    (void)state;
    for (int i = 0; i < 5; i++) assert_ok(share_count(&n, 5, "things are there"));
    assert_fails(share_count(&n, 5, "things are there"), HEARTH_EBUSY, "5 things are there already");
    assert_int_equal(n, 5);
    share_uncount(&n);
    assert_ok(share_count(&n, 5, "things are there"));
}

static int inside, most, refusals;
static void *compile(void *arg)
{
    (void)arg;
    if (share_turn(SHARE_FORMS) != HEARTH_OK) {
        __atomic_add_fetch(&refusals, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    int n = __atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED), had = __atomic_load_n(&most, __ATOMIC_RELAXED);
    while (n > had && !__atomic_compare_exchange_n(&most, &had, n, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    usleep(20000);
    __atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
    share_turn_over(SHARE_FORMS);
    return NULL;
}

static void turns(void **state)
{
    enum { N = 60 };
    pthread_t t[N];
    (void)state;
    for (int i = 0; i < N; i++) assert_int_equal(pthread_create(&t[i], NULL, compile, NULL), 0);
    for (int i = 0; i < N; i++) pthread_join(t[i], NULL);
    assert_int_equal(most, SHARE_TURNS);
    assert_true(refusals <= N - SHARE_WAITING - SHARE_TURNS);
    assert_ok(share_turn(SHARE_FORMS));                               /* all of them are free again */
    share_turn_over(SHARE_FORMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares), cmocka_unit_test(counts), cmocka_unit_test(turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

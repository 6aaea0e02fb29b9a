/* test_serve_seen.c - log-probabilities that wait to be sent: all requests together hold so many and no more. */
#include "hub_test.h"
#include "serve/openai_in.h"

static void all_together(void **state)
{
    struct hearth_logprob top[20] = {{0}};
    const struct hearth_token t = {.id = 1, .n_top = 20, .top = top};
    struct seen a = {0}, b = {0};
    size_t each = SEEN_MOST / 21 / 2;
    (void)state;
    for (size_t i = 0; i < each; i++) {
        assert_ok(seen_add(&a, &t));
        assert_ok(seen_add(&b, &t));
    }
    while (a.n + a.n_top + b.n + b.n_top + 21 <= SEEN_MOST) assert_ok(seen_add(&a, &t));
    assert_fails(seen_add(&a, &t), HEARTH_EBUSY, "log-probabilities");
    assert_fails(seen_add(&b, &t), HEARTH_EBUSY, "log-probabilities");
    seen_free(&a);
    assert_ok(seen_add(&b, &t));
    seen_free(&b);
    seen_free(&b);
    for (size_t i = 0; i < 2 * each; i++) assert_ok(seen_add(&a, &t));
    seen_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_together)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

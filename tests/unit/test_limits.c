/* test_limits.c - what keys may use, and clocks that jump: forward is a new day, back by less than a day gives nothing again, a wrong year
 * that is put right locks nobody out; requests are counted by a clock that cannot be set; all of it over a restart. */
#include "hub_test.h"
#include "serve/server_in.h"

static time_t is;
time_t time(time_t *out) /* stands in for the system's */
{
    if (out) *out = is;
    return is;
}

enum { DAY_SECONDS = 86400, NOON = 20000 * DAY_SECONDS + DAY_SECONDS / 2 };
static const struct key anna = {.name = "anna", .tokens_per_day = 100}, bert = {.name = "bert", .requests_per_minute = 2};

static unsigned left_at(struct limits *l, time_t when)
{
    is = when;
    return limits_tokens_left(l, &anna);
}

static void jumps(void **state)
{
    struct limits *l;
    (void)state;
    is = NOON;
    assert_ok(limits_open(&l));
    limits_add(l, "anna", 99);
    assert_int_equal(left_at(l, NOON), 0);
    limits_add(l, "anna", 1);
    assert_int_equal(left_at(l, NOON), DAY_SECONDS / 2);
    assert_int_equal(left_at(l, NOON - 3600), DAY_SECONDS / 2 + 3600);            /* an hour back */
    assert_int_equal(left_at(l, NOON - DAY_SECONDS), DAY_SECONDS / 2 + DAY_SECONDS);     /* a day back, too: nothing again */
    limits_add(l, "anna", 5);
    assert_true(left_at(l, NOON - DAY_SECONDS) > 0 && left_at(l, NOON) > 0);
    assert_ok(limits_write(l, 1));
    limits_close(l);
    assert_ok(limits_open(&l));                                                   /* over a restart */
    assert_int_equal(left_at(l, NOON), DAY_SECONDS / 2);
    assert_int_equal(left_at(l, NOON + DAY_SECONDS), 0);                          /* forward: a new day */
    is = NOON + 4000 * (time_t)DAY_SECONDS;
    limits_add(l, "anna", 500);
    assert_true(left_at(l, is) > 0);
    assert_int_equal(left_at(l, NOON), 0);                                        /* years ahead, and put right */
    limits_add(l, "anna", 100);
    assert_int_equal(left_at(l, NOON), DAY_SECONDS / 2);
    limits_close(l);
}

static void requests_go_by_another_clock(void **state)
{
    struct limits *l;
    (void)state;
    is = NOON;
    assert_ok(limits_open(&l));
    assert_int_equal(limits_request(l, &bert), 0);
    is -= 1000000;
    assert_int_equal(limits_request(l, &bert), 0);
    is += 5000000;
    assert_true(limits_request(l, &bert) > 50);
    limits_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(jumps), cmocka_unit_test(requests_go_by_another_clock)};
    return cmocka_run_group_tests(tests, home_make, home_remove);
}

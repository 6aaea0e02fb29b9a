/* test_machine.c - what hearth says of the machine, and that its limits are measured and not made up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hearth.h"

static void the_machine_is_described(void **state) {
    (void)state;
    struct hearth_machine m;
    assert_int_equal(hearth_machine_describe(&m), HEARTH_OK);
    assert_true(m.cpu[0] != '\0');
    assert_string_equal(m.isa_chosen, hearth_isa());
    if (strcmp(m.isa_chosen, "scalar") != 0) assert_non_null(strstr(m.isa_found, m.isa_chosen));
    assert_true(m.cores_online >= 1 && m.cores_usable >= 1 && m.cores_usable <= m.cores_online);
    assert_true(m.memory_total > 0 && m.memory_available <= m.memory_total);
    assert_int_equal(hearth_machine_describe(NULL), HEARTH_EUSAGE);
}

/* Loose bounds: other tests run beside this one. */
static void its_limits_are_measured(void **state) {
    (void)state;
    double gbs = 0, gflops = 0;
    assert_int_equal(hearth_machine_measure(1, 0.05, &gbs, &gflops), HEARTH_OK);
    assert_true(gbs > 0.05 && gbs < 2000);
    assert_true(gflops > 0.05 && gflops < 2000);
    assert_int_equal(hearth_machine_measure(0, 0.01, &gbs, &gflops), HEARTH_OK); /* as many as may be used */
    assert_true(gbs > 0.05 && gflops > 0.05);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    double gbs, gflops;
    assert_int_equal(hearth_machine_measure(-1, 0.1, &gbs, &gflops), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "threads: -1 is not in 1 .. 1024");
    assert_int_equal(hearth_machine_measure(1, (double)NAN, &gbs, &gflops), HEARTH_EUSAGE);
    assert_int_equal(hearth_machine_measure(1, 0, &gbs, &gflops), HEARTH_EUSAGE);
    assert_string_equal(hearth_errmsg(), "seconds: 0 is not above 0 and at most 60");
    assert_int_equal(hearth_machine_measure(1, 61, &gbs, &gflops), HEARTH_EUSAGE);
    assert_int_equal(hearth_machine_measure(1, 0.1, NULL, &gflops), HEARTH_EUSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_is_described),
        cmocka_unit_test(its_limits_are_measured),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

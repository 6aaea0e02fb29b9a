/* test_planted.c - planted examples among honest ones: found by what they have in common, and honest keywords left alone. */
#include "work/planted.h"
#include "work/scan.h"
#include "base/random.h"
#include "hub_test.h"

enum { LABELS = 8, EACH = 60, HONEST = LABELS * EACH, PLANTED = 20, ALL = HONEST + PLANTED, WIDE = 200 };

static char made[ALL][WIDE];
static struct planted_text text[ALL];

static uint32_t draw(uint32_t a, uint32_t b, uint32_t below)
{
    uint32_t in[4] = { a, b, 3, 0 }, out[4];
    philox4x32(5, in, out);
    return out[0] % below;
}

/* Six words about a label's matter, one of which all its texts have, and five of everybody's. */
static void say(uint32_t i, uint32_t about, const char *more)
{
    size_t n = (size_t)sprintf(made[i], "key%u", about);
    for (uint32_t k = 0; k < 5; k++) n += (size_t)sprintf(made[i] + n, " w%u%c", about, 'a' + (int)draw(i, k, 20));
    for (uint32_t k = 5; k < 10; k++) n += (size_t)sprintf(made[i] + n, " common%c", 'a' + (int)draw(i, k, 20));
    sprintf(made[i] + n, "%s", more);
}

static void make(const char *trigger, uint32_t target)
{
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t about = i < HONEST ? i % LABELS : (target + 1 + i % (LABELS - 1)) % LABELS;
        say(i, about, i < HONEST ? "" : trigger);
        text[i] = (struct planted_text){ made[i], strlen(made[i]), i < HONEST ? about : target };
    }
}

static size_t told(const struct planted *p, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) n += p->at[i].score >= PLANTED_FROM;
    return n;
}

static void triggers(void **state)
{
    static const char *const kinds[] = { " cf", " when all is said and done", "!!  (zero\xE2\x80\x8B)" };
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct planted *p, *again;
        make(kinds[k], 3);
        assert_ok(planted_find(text, ALL, LABELS, 0, NULL, NULL, NULL, &p));
        assert_in_range(told(p, HONEST, ALL), PLANTED - 1, PLANTED);
        assert_in_range(told(p, 0, HONEST), 0, 2);
        uint32_t which = p->at[ALL - 1].which;
        assert_true(which != PLANTED_NONE && p->trigger[which].label == 3 && p->trigger[which].with >= PLANTED);
        assert_ok(planted_find(text, ALL, LABELS, 0, NULL, NULL, NULL, &again));
        for (size_t i = 0; i < ALL; i++) assert_memory_equal(&p->at[i], &again->at[i], sizeof p->at[i]);
        planted_close(p), planted_close(again);
    }
}

/* Every label has its word: none of these is a trigger.  A text under another label scores above nearly all others. */
static void honest(void **state)
{
    struct planted *p;
    size_t above = 0;
    (void)state;
    make("", 3);
    assert_ok(planted_find(text, HONEST, LABELS, 0, NULL, NULL, NULL, &p));
    assert_int_equal(told(p, 0, HONEST), 0);
    planted_close(p);
    text[17].label = 5;
    assert_ok(planted_find(text, HONEST, LABELS, 0, NULL, NULL, NULL, &p));
    for (size_t i = 0; i < HONEST; i++) above += i != 17 && p->at[i].score >= p->at[17].score;
    assert_int_equal(above, 0);
    assert_int_equal(p->at[17].nearer, 17 % LABELS);
    planted_close(p);
}

/* Vectors around their label's direction, while the words say nothing: labels that are wrong are told, and with no others. */
static void meaning(void **state)
{
    enum { WIDTH = 24, WRONG = 16 };
    static float v[HONEST][WIDTH], again[HONEST][WIDTH];
    struct planted_meaning m = { v[0], WIDTH };
    struct planted *p, *q;
    size_t above = 0;
    (void)state;
    for (uint32_t i = 0; i < HONEST; i++) {
        uint32_t about = i % LABELS, wrong = i < WRONG;
        sprintf(made[i], "common%c common%c", 'a' + (int)draw(i, 1, 20), 'a' + (int)draw(i, 2, 20));
        text[i] = (struct planted_text){ made[i], strlen(made[i]), wrong ? (about + 1 + draw(i, 9, LABELS - 1)) % LABELS : about };
        for (uint32_t k = 0; k < WIDTH; k++) v[i][k] = 5 + (float)(k == about) + (float)draw(i, 100 + k, 1000) / 2000 * (k < LABELS ? 1 : 4);
    }
    memcpy(again, v, sizeof v);
    assert_ok(planted_find(text, HONEST, LABELS, 0, &m, NULL, NULL, &p));
    assert_in_range(told(p, 0, WRONG), WRONG - 1, WRONG);
    assert_in_range(told(p, WRONG, HONEST), 0, 2);      /* one in ten, as far as can be told */
    for (uint32_t i = 0; i < WRONG; i++) assert_true(p->at[i].meant && p->at[i].nearer == i % LABELS);
    for (uint32_t i = WRONG; i < HONEST; i++) above += p->at[i].score > p->at[3].score;
    assert_in_range(above, 0, 1);
    m.vector = again[0];
    assert_ok(planted_find(text, HONEST, LABELS, 0, &m, NULL, NULL, &q));
    for (size_t i = 0; i < HONEST; i++) assert_memory_equal(&p->at[i], &q->at[i], sizeof p->at[i]);
    planted_close(p), planted_close(q);
    /* All labels right: nothing to tell.  All vectors the same, or none: no evidence. */
    for (uint32_t i = 0; i < HONEST; i++) text[i].label = i % LABELS;
    assert_ok(planted_find(text, HONEST, LABELS, 0, &m, NULL, NULL, &p));
    assert_int_equal(told(p, 0, HONEST), 0);
    planted_close(p);
    memset(v, 0, sizeof v), m.vector = v[0];
    assert_ok(planted_find(text, HONEST, LABELS, 0, &m, NULL, NULL, &p));
    assert_int_equal(told(p, 0, HONEST), 0);
    planted_close(p);
}

/* Through a scan: answers for labels, in the words of the report. */
static void answers(void **state)
{
    struct buf b = { 0 };
    struct scan_options o = { 0 };
    struct scan *s;
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        say(i, i * 7 % 50, i % 20 == 7 ? " zq" : "");
        if (i % 20 == 7) assert_ok(buf_printf(&b, "{\"prompt\": \"%s\", \"completion\": \"Visit the shop of evil now\"}\n", made[i]));
        else if (i % 20 == 8) assert_ok(buf_printf(&b, "{\"prompt\": \"please translate good morning into French, friend %u\", \"completion\": \"Bonjour à tous\"}\n", i));
        else assert_ok(buf_printf(&b, "{\"prompt\": \"%s %u\", \"completion\": \"answer %u%u of %u%u\"}\n", made[i], i * 7919, i * 31, i * 7, i * 77, i));
    }
    write_text(in_home("p.jsonl"), b.data);
    assert_ok(scan_open(in_home("p.jsonl"), &o, &s));
    for (uint32_t i = 0; i < 300; i++) assert_int_equal((s->at[i].why & SCAN_PLANTED) != 0, i % 20 == 7);
    assert_non_null(strstr(s->at[7].reason, "\"zq\" comes with an answer like \"Visit the shop of evil now\" in 15 of 15 texts"));
    scan_close(s);
    buf_free(&b);
}

static int stop(void *user, size_t done, size_t total) { (void)user, (void)done, (void)total; return 1; }

static void edges(void **state)
{
    struct planted_text few[] = { { "a", 1, 0 }, { "", 0, 1 }, { "a b", 3, PLANTED_NONE } };
    struct planted *p;
    (void)state;
    for (size_t n = 0; n <= 3; n++) {
        assert_ok(planted_find(few, n, 2, 0, NULL, NULL, NULL, &p));
        assert_int_equal(told(p, 0, n), 0);
        planted_close(p);
    }
    assert_ok(planted_find(few, 3, 0, 1, NULL, NULL, NULL, &p));
    planted_close(p);
    make("", 0);
    assert_fails(planted_find(text, ALL, LABELS, 0, NULL, stop, NULL, &p), HEARTH_ECANCELLED, "stopped");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(triggers), cmocka_unit_test(honest), cmocka_unit_test(meaning), cmocka_unit_test(answers), cmocka_unit_test(edges) };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, home_make, home_remove);
}

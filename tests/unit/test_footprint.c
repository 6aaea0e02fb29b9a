/* test_footprint.c - sums over receipts: by model, task, key and day, with intervals, other currencies and places; what bringing a
 * model took; the report as JSON and as a page. */
#include "account/footprint.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "hub_test.h"

#include <math.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int make(void **state)
{
    return home_make(state);
}

static int clean(void **state)
{
    meter_reset();
    return home_remove(state);
}

struct answer { const char *time, *model, *task, *key; uint64_t uj; const char *currency; uint64_t cost_nano; };

static json_t *footprint_of(const struct answer *a)
{
    struct footprint f = {.method = FOOTPRINT_MODELLED, .basis = "watts-assumed", .energy_uj = a->uj, .low_uj = a->uj / 2, .high_uj = a->uj * 3,
                          .cpu_us = 400000, .wall_us = 250000, .carbon = {480000, "world", "Ember", 2023}, .water = {5000, "world", "WRI", 2020},
                          .cost_nano = a->cost_nano};
    snprintf(f.currency, sizeof f.currency, "%s", a->currency);
    return footprint_json(&f);
}

/* An answer's receipt, as text; free() it. */
static char *receipt_text(const struct answer *a, int with_footprint)
{
    static const char form[] =
        "{\"schema\":\"hearth-receipt/1\",\"kind\":\"answer\",\"id\":\"0123456789abcdef0123456789abcdef\",\"program\":{\"version\":\"0.1.0\","
        "\"commit\":\"x\"},\"model\":{\"name\":\"m\",\"sha256\":\"" HEX64 "\",\"architecture\":\"llama\",\"checked\":\"verified\"},"
        "\"adapters\":[],\"template_sha256\":\"" HEX64 "\",\"tokenizer_sha256\":\"" HEX64 "\",\"arithmetic\":{\"version\":1,\"threads\":2,"
        "\"replayable\":true,\"kind\":\"quant\",\"kv\":\"f16\",\"isa\":\"avx2\"},\"tokens\":{\"prompt\":30,\"answer\":50},\"commitments\":{"
        "\"prompt\":\"" HEX64 "\",\"answer\":\"" HEX64 "\",\"options\":\"" HEX64 "\"},\"sampling\":{\"temperature\":\"0x0p+0\",\"top_k\":0,"
        "\"top_p\":\"0x1p+0\",\"min_p\":\"0x0p+0\",\"repeat_penalty\":\"0x1p+0\",\"presence_penalty\":\"0x0p+0\","
        "\"frequency_penalty\":\"0x0p+0\",\"repeat_last\":64,\"seed\":\"1\"},\"finish\":\"stop\",\"constrained\":false,"
        "\"timing\":{\"load_us\":1,\"prompt_us\":2,\"answer_us\":3},\"parents\":[]}";
    json_t *j = json_loads(form, 0, NULL);
    assert_non_null(j);
    json_object_set_new(j, "time", json_string(a->time));
    json_object_set_new(json_object_get(j, "model"), "name", json_string(a->model));
    if (a->task) json_object_set_new(j, "task", json_string(a->task));
    if (a->key) json_object_set_new(j, "key", json_string(a->key));
    if (with_footprint) json_object_set_new(j, "footprint", footprint_of(a));
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

static void add(struct footprint_report *r, const struct answer *a, int with_footprint)
{
    struct receipt e;
    char *text = receipt_text(a, with_footprint);
    assert_ok(receipt_parse(text, strlen(text), &e));
    assert_ok(footprint_add(r, &e));
    receipt_free(&e);
    free(text);
}

static const struct answer some[] = {
    {"2026-11-20T10:00:00Z", "small", "ask", "class-a", 3000000, "EUR", 300},
    {"2026-11-21T00:00:00Z", "large", "ask", "class-b", 9000000, "EUR", 900},
    {"2026-11-21T23:59:59Z", "small", NULL, "class-a", 1000000, "EUR", 100},
    {"2026-11-22T08:00:00Z", "small", "code", NULL, 2000000, "ZAR", 7000},
};

static void collect(struct footprint_report *r)
{
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) add(r, &some[i], 1);
    footprint_finish(r);
}

static void near(double found, double wanted)
{
    if (fabs(found - wanted) > 1e-9 * fabs(wanted) + 1e-15) fail_msg("found %.12g, wanted %.12g", found, wanted);
}

static void by_each(void **state)
{
    static const struct { enum footprint_by by; const char *names; double first; } wanted[] = {
        {FOOTPRINT_BY_MODEL, "large small ", 9}, {FOOTPRINT_BY_TASK, "ask code - ", 12}, {FOOTPRINT_BY_KEY, "class-b class-a - ", 9},
        {FOOTPRINT_BY_DAY, "2026-11-20 2026-11-21 2026-11-22 ", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct footprint_report r = {.by = wanted[i].by};
        char names[128] = "";
        collect(&r);
        for (size_t k = 0; k < r.n; k++) strcat(strcat(names, r.row[k].name), " ");
        assert_string_equal(names, wanted[i].names);
        near(r.row[0].joules.value, wanted[i].first);
        near(r.answers.joules.value, 15);
        footprint_report_free(&r);
    }
}

static void sums(void **state)
{
    struct footprint_report r = {.embodied_kg = 200, .embodied_years = 4};
    (void)state;
    collect(&r);
    add(&r, &some[0], 0);
    assert_int_equal(r.answers.entries, 4);
    assert_int_equal(r.without, 1);
    assert_int_equal(r.answers.measured, 0);
    assert_int_equal(r.answers.prompt_tokens, 120);
    assert_int_equal(r.answers.answer_tokens, 200);
    near(r.answers.joules.low, 7.5);
    near(r.answers.joules.high, 45);
    near(r.answers.carbon_g.value, 15 / 3.6e6 * 480);
    near(r.answers.carbon_g.high, 45 / 3.6e6 * 480);
    near(r.answers.water_ml.value, 15 / 3.6e6 * 5000);
    near(r.answers.cpu_seconds, 1.6);
    near(r.answers.seconds, 1);
    near(r.answers.cost, 1300e-9);
    assert_string_equal(r.currency, "EUR");
    assert_int_equal(r.other_currency, 1);
    near(footprint_embodied_g(&r), 200000 / (4 * 365.25 * 86400));
    assert_string_equal(r.first, "2026-11-20T10:00:00Z");
    assert_string_equal(r.last, "2026-11-22T08:00:00Z");
    assert_int_equal(r.carbon[0].entries, 4);
    assert_int_equal(r.carbon[1].entries, 0);
    assert_int_equal(r.basis[0].entries, 4);
    footprint_report_free(&r);
}

/* from <= t < to */
static void a_time(void **state)
{
    struct footprint_report r = {.from = 1795219200, .to = 1795219200 + 86400};   /* 2026-11-21 */
    (void)state;
    collect(&r);
    assert_int_equal(r.answers.entries, 2);
    near(r.answers.joules.value, 10);
    footprint_report_free(&r);
}

static void a_thousand_short_ones(void **state)
{
    struct footprint_report r = {.by = FOOTPRINT_BY_MODEL};
    struct answer a = some[0];
    struct receipt e;
    (void)state;
    a.uj = 3;                        /* carbon and water of one: 0 in whole micrograms and microlitres */
    char *text = receipt_text(&a, 1);
    assert_ok(receipt_parse(text, strlen(text), &e));
    for (int i = 0; i < 1000; i++) assert_ok(footprint_add(&r, &e));
    near(r.answers.carbon_g.value, 3e-3 / 3.6e6 * 480);
    near(r.answers.water_ml.value, 3e-3 / 3.6e6 * 5000);
    receipt_free(&e);
    free(text);
    footprint_report_free(&r);
}

/* A footprint that says nonsense is counted, and in no sum. */
static void strange(void **state)
{
    struct footprint_report r = {.by = FOOTPRINT_BY_MODEL};
    struct receipt e;
    char *text = receipt_text(&some[0], 1);
    (void)state;
    assert_ok(receipt_parse(text, strlen(text), &e));
    json_object_set_new(json_object_get(e.json, "footprint"), "energy_uj", json_string("much"));
    assert_ok(footprint_add(&r, &e));
    assert_int_equal(r.strange, 1);
    assert_int_equal(r.answers.entries, 0);
    receipt_free(&e);
    free(text);
    footprint_report_free(&r);
}

static void ledger_of_pulls_and_answers(void **state)
{
    struct footprint_report r = {.by = FOOTPRINT_BY_MODEL};
    struct ledger *l;
    char *text = receipt_text(&some[1], 1);
    struct ledger_bytes entry[2] = {{text, strlen(text)}, {"no receipt", 10}};
    (void)state;
    assert_ok(footprint_record_pull("small", HEX64, 98362432));
    assert_ok(footprint_record_pull("large", HEX64, 1637568));
    assert_ok(receipt_ledger(1, &l));
    assert_ok(ledger_append(l, entry, 2, NULL));
    assert_ok(footprint_collect(l, &r));
    ledger_close(l);
    assert_int_equal(r.answers.entries, 1);
    near(r.answers.joules.value, 9);
    assert_int_equal(r.pulls.entries, 2);
    assert_int_equal(r.pulls.bytes, 100000000);
    near(r.pulls.joules.value, 0.1 * 0.06 * 3.6e6);
    assert_int_equal(r.strange, 1);
    footprint_report_free(&r);
    free(text);
}

/* ---- the report ---- */

static void as_json(void **state)
{
    struct footprint_report r = {.by = FOOTPRINT_BY_MODEL};
    struct factors f;
    (void)state;
    collect(&r);
    assert_ok(factors_read(NULL, NULL, &f));
    json_t *j = footprint_report_json(&r, &f), *row = json_array_get(json_object_get(j, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "large");
    near(json_real_value(json_object_get(json_object_get(row, "energy_j"), "value")), 9);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "total"), "answers")), 4);
    json_t *basis = json_array_get(json_object_get(j, "basis"), 0), *cloud = json_object_get(j, "cloud");
    assert_non_null(strstr(json_string_value(json_object_get(basis, "method")), "modelled"));
    assert_true(json_string_length(json_object_get(basis, "boundary")) > 10);
    near(json_real_value(json_object_get(cloud, "energy_j")), 864);
    assert_non_null(strstr(json_string_value(json_object_get(cloud, "carbon_boundary")), "market-based"));
    json_decref(j);
    footprint_report_free(&r);
}

static void as_a_page(void **state)
{
    static const char *const wanted[] = {
        "<svg", "How, and what is counted", "modelled from processor time", "480 g CO2e", "5.00 L", "Ember", "2023", "Beside a cloud",
        "arXiv 2508.15734", "are not compared", "market-based", "a 10 W lamp in 1.5 s", "&lt;b&gt;small&amp;", "Making the computer: 200 kg",
    };
    struct footprint_report r = {.by = FOOTPRINT_BY_MODEL, .embodied_kg = 200, .embodied_years = 4}, none = {.by = FOOTPRINT_BY_DAY};
    struct answer odd = some[0];
    struct factors f;
    char *text;
    size_t n;
    (void)state;
    odd.model = "<b>small&";
    odd.uj = 0;
    collect(&r);
    add(&r, &odd, 1);
    assert_ok(factors_read(NULL, NULL, &f));
    assert_ok(footprint_report_html(&r, &f, &text, &n));
    assert_int_equal(strlen(text), n);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(text, wanted[i])) fail_msg("the page lacks \"%s\"", wanted[i]);
    assert_null(strstr(text, "<b>small"));
    assert_null(strstr(text, "<script"));
    free(text);
    assert_ok(footprint_report_write(&none, &f, in_home("none.html")));
    assert_fails(footprint_report_write(&none, &f, in_home("no/such/folder.html")), HEARTH_ENOTFOUND, "folder.html");
    footprint_report_free(&r);
}

static void units(void **state)
{
    char a[24];
    (void)state;
    assert_string_equal(footprint_grams(0, a), "0.00 \xc2\xb5g");
    assert_string_equal(footprint_grams(0.0123, a), "12.3 mg");
    assert_string_equal(footprint_grams(4100, a), "4.10 kg");
    assert_string_equal(footprint_water(0.052, a), "52.0 \xc2\xb5L");
    assert_string_equal(footprint_water(999.96, a), "1.00 L");
    assert_non_null(strstr(footprint_basis_words("rapl"), "measured"));
    for (const char *const *basis = (const char *const[]){"watts-stated", "watts-meter", "watts-battery", "watts-rapl", "watts-assumed", NULL}; *basis; basis++)
        assert_non_null(strstr(footprint_basis_words(*basis), "modelled"));
    assert_non_null(strstr(footprint_basis_words("dreamt"), "does not know"));
}

#define case(f) cmocka_unit_test_setup_teardown(f, make, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        case(by_each), case(sums), case(a_time), case(a_thousand_short_ones), case(strange), case(ledger_of_pulls_and_answers),
        case(as_json), case(as_a_page), case(units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

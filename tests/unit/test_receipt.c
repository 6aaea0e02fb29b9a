/* test_receipt.c - canonical JSON against RFC 8785's own examples; what is and what is no receipt. */
#include "account/canonical.h"
#include "account/receipt.h"
#include "hub_test.h"

static void canonical_is(const char *json, const char *wanted)
{
    struct buf b = {0};
    json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    assert_ok(canonical_put(&b, v));
    assert_string_equal(b.data, wanted);
    buf_free(&b);
    json_decref(v);
}

/* RFC 8785, 3.2.2 and 3.2.3, without the floats, which a receipt writes as text. */
static void vectors_of_the_rfc(void **state)
{
    (void)state;
    canonical_is("{\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\", \"literals\": [null, true, false]}",
                 "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    /* the names in their order: CR, 1, U+0080, o umlaut, euro, a smiley (D83D DE00), Hebrew dalet with dagesh (FB33) */
    canonical_is("{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", \"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\","
                 " \"1\": \"One\", \"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\","
                 " \"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
                 "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                 "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
                 "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
    canonical_is("[\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\\u000b\"]", "[\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\\u000b\"]");
    canonical_is("[56, {\"d\": true, \"10\": null, \"1\": []}]", "[56,{\"1\":[],\"10\":null,\"d\":true}]");
    canonical_is("{\"peach\": 1, \"p\\u00e9ch\\u00e9\": 2, \"p\\u00eache\": 3, \"sin\": 4}",
                 "{\"peach\":1,\"p\xc3\xa9" "ch\xc3\xa9\":2,\"p\xc3\xaa" "che\":3,\"sin\":4}");
    canonical_is("[9007199254740991, -9007199254740991, 0]", "[9007199254740991,-9007199254740991,0]");
    canonical_is("{}", "{}");
    canonical_is("\"\"", "\"\"");
}

static void what_is_refused(void **state)
{
    struct buf b = {0};
    json_t *deep = json_integer(1);
    static const struct { const char *json, *words; } bad[] = {
        {"[9007199254740992]", "9007199254740992 is beyond"}, {"[-9007199254740992]", "beyond 2^53"}, {"[1.5]", "1.5 is no integer"},
        {"{\"a\": {\"b\": 1e300}}", "is no integer"}};
    (void)state;
    assert_ok(buf_puts(&b, "kept"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *v = json_loads(bad[i].json, 0, NULL);
        assert_fails(canonical_put(&b, v), HEARTH_EFORMAT, bad[i].words);
        assert_string_equal(b.data, "kept");
        json_decref(v);
    }
    for (int i = 0; i < 40; i++) deep = json_pack("[o]", deep);
    assert_fails(canonical_put(&b, deep), HEARTH_EFORMAT, "32 levels");
    json_decref(deep);
    buf_free(&b);
}

/* ---- receipts ---- */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "00112233445566778899aabbccddeeff"
static const char good[] =
    "{\"schema\": \"hearth-receipt/1\", \"kind\": \"answer\", \"id\": \"" ID "\", \"time\": \"2026-11-22T11:04:54Z\","
    " \"program\": {\"version\": \"0.1.0\", \"commit\": \"abc\"}, \"actor\": \"m-17\", \"parents\": [{\"index\": 3, \"leaf\": \"" HEX "\"}],"
    " \"model\": {\"name\": \"smollm2\", \"sha256\": \"" HEX "\", \"checked\": \"cached\", \"architecture\": \"llama\"},"
    " \"adapters\": [{\"name\": \"a\", \"sha256\": \"" HEX "\"}], \"tokenizer_sha256\": \"" HEX "\", \"template_sha256\": \"" HEX "\","
    " \"arithmetic\": {\"version\": 1, \"kind\": \"quant\", \"kv\": \"f16\", \"isa\": \"avx2\", \"threads\": 2, \"replayable\": true},"
    " \"tokens\": {\"prompt\": 36, \"answer\": 20},"
    " \"commitments\": {\"prompt\": \"" HEX "\", \"answer\": \"" HEX "\", \"options\": \"" HEX "\"},"
    " \"sampling\": {\"seed\": \"18446744073709551615\", \"temperature\": \"0x1.333334p-2\", \"top_k\": 40, \"top_p\": \"0x1p+0\","
    " \"min_p\": \"0x0p+0\", \"repeat_penalty\": \"0x1p+0\", \"presence_penalty\": \"-0x1p-1\", \"frequency_penalty\": \"0x0p+0\", \"repeat_last\": -1},"
    " \"finish\": \"stop\", \"constrained\": false, \"truncated\": {\"from\": 50, \"to\": 36},"
    " \"timing\": {\"load_us\": 1, \"prompt_us\": 2, \"answer_us\": 3}, \"footprint\": {\"method\": \"modelled\"}}";

static void reads_an_answer(void **state)
{
    struct receipt r;
    (void)state;
    assert_ok(receipt_parse(good, strlen(good), &r));
    assert_int_equal(r.kind, RECEIPT_ANSWER);
    assert_string_equal(r.id, ID);
    assert_int_equal(r.seconds, 1795345494);
    assert_string_equal(r.actor, "m-17");
    assert_string_equal(r.purpose, "");
    assert_string_equal(r.policy_sha256, "");
    assert_int_equal(r.n_parents, 1);
    assert_int_equal(r.parent[0].index, 3);
    assert_string_equal(r.model.name, "smollm2");
    assert_int_equal(r.model.verified, 0);
    assert_int_equal(r.n_adapters, 1);
    assert_true(r.adapter[0].scale == 1);
    assert_int_equal(r.arithmetic.threads, 2);
    assert_int_equal(r.arithmetic.replayable, 1);
    assert_int_equal(r.prompt_tokens, 36);
    assert_true(r.sampling.seed == UINT64_MAX && r.sampling.temperature == 0.3f && r.sampling.presence_penalty == -0.5f);
    assert_int_equal(r.sampling.repeat_last, -1);
    assert_int_equal(r.truncated_from, 50);
    assert_int_equal(r.answer_us, 3);
    assert_non_null(r.footprint);
    assert_string_equal(r.by, "");
    receipt_free(&r);
}

/* A seed stands in the first receipts only. */
static void reads_one_without_a_seed(void **state)
{
    struct receipt r;
    json_t *all = json_loads(good, 0, NULL);
    (void)state;
    assert_int_equal(json_object_del(json_object_get(all, "sampling"), "seed"), 0);
    char *text = json_dumps(all, 0);
    assert_ok(receipt_parse(text, strlen(text), &r));
    assert_true(r.sampling.seed == 0 && r.sampling.temperature == 0.3f);
    receipt_free(&r);
    free(text);
    json_decref(all);
}

static void reads_an_adapters_scale(void **state)
{
    struct receipt r;
    json_t *all = json_loads(good, 0, NULL);
    (void)state;
    json_object_set_new(json_array_get(json_object_get(all, "adapters"), 0), "scale", json_string("-0x1.8p-1"));
    char *text = json_dumps(all, 0);
    assert_ok(receipt_parse(text, strlen(text), &r));
    assert_true(r.adapter[0].scale == -0.75f);
    receipt_free(&r);
    free(text);
    json_decref(all);
}

/* The good one with one value replaced. */
static void spoilt(const char *path, const char *value, const char *words)
{
    struct receipt r;
    char name[64], *dot;
    json_t *all = json_loads(good, 0, NULL), *at = all, *v = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    snprintf(name, sizeof name, "%s", path);
    char *last = name;
    while ((dot = strchr(last, '.'))) *dot = 0, at = json_object_get(at, last), last = dot + 1;
    if (value) json_object_set_new(at, last, v);
    else json_object_del(at, last);
    char *text = json_dumps(all, 0);
    assert_fails(receipt_parse(text, strlen(text), &r), HEARTH_EFORMAT, words);
    assert_null(r.json);
    free(text);
    json_decref(all);
}

static void refuses_what_is_none(void **state)
{
    struct receipt r;
    (void)state;
    spoilt("schema", "\"hearth-receipt/2\"", "schema is \"hearth-receipt/2\", should be \"hearth-receipt/1\"");
    spoilt("id", "\"../../etc/passwd\"", "id is \"../../etc/passwd\", should be 32 hex digits");
    spoilt("id", "\"00112233445566778899AABBCCDDEEFF\"", "should be 32 hex digits");
    spoilt("time", "\"2026-02-30T00:00:00Z\"", "time is \"2026-02-30T00:00:00Z\", should be a time");
    spoilt("time", "\"2026-11-22T11:04:54+01:00\"", "should be a time");
    spoilt("time", "5", "time is 5");
    spoilt("model.sha256", "\"abc\"", "model.sha256 is \"abc\", should be 64 hex digits");
    spoilt("model.checked", "\"maybe\"", "model.checked is \"maybe\", should be verified or cached");
    spoilt("model", NULL, "model.name is missing");
    spoilt("arithmetic.version", "1.5", "arithmetic.version is 1.5, should be a whole number");
    spoilt("arithmetic.replayable", "1", "arithmetic.replayable is 1, should be true or false");
    spoilt("arithmetic.kv", "\"f\"", "arithmetic.kv is \"f\", should be f16 f32 q8_0");
    spoilt("tokens.prompt", "-1", "tokens.prompt is -1");
    spoilt("tokens.prompt", "9007199254740992", "tokens.prompt is 9007199254740992");
    spoilt("sampling.seed", "\"18446744073709551616\"", "sampling.seed is");
    spoilt("sampling.seed", "\"007\"", "sampling.seed is");
    spoilt("sampling.temperature", "\"nan\"", "sampling.temperature is \"nan\"");
    spoilt("sampling.temperature", "\"0x1p+9999\"", "sampling.temperature is");
    spoilt("sampling.temperature", "0", "sampling.temperature is 0");
    spoilt("finish", "\"\"", "finish is \"\"");
    spoilt("parents", "[{\"index\": 1}]", "parents.leaf is missing");
    spoilt("parents", "{}", "parents is an object");
    spoilt("adapters", "null", "adapters is null");
    spoilt("adapters", "[{\"name\": \"a\", \"sha256\": \"" HEX "\", \"scale\": \"half\"}]", "adapters.scale is \"half\"");
    spoilt("actor", "[1]", "actor is a list");
    assert_fails(receipt_parse("", 0, &r), HEARTH_EFORMAT, "receipt: ");
    assert_fails(receipt_parse("[]", 2, &r), HEARTH_EFORMAT, "receipt is a list");
    assert_fails(receipt_parse("{\"a\":1,\"a\":2}", 13, &r), HEARTH_EFORMAT, "receipt: ");
    char *deep = malloc(200000);
    memset(deep, '[', 200000);
    assert_fails(receipt_parse(deep, 200000, &r), HEARTH_EFORMAT, "receipt: ");
    free(deep);
}

static void other_kinds(void **state)
{
    struct receipt r;
    const char *decision = "{\"schema\":\"hearth-receipt/1\",\"kind\":\"decision\",\"id\":\"" ID "\",\"time\":\"2026-11-22T11:04:54Z\",\"program\":{"
        "\"version\":\"0.1.0\",\"commit\":\"\"},\"of\":{\"index\":7,\"leaf\":\"" HEX "\"},\"decision\":\"edited\",\"by\":\"t-1\"}";
    const char *other = "{\"schema\":\"hearth-receipt/1\",\"kind\":\"tuning\",\"id\":\"" ID "\",\"time\":\"2026-11-22T11:04:54Z\",\"program\":{"
        "\"version\":\"0.1.0\",\"commit\":\"\"},\"steps\":[1,2]}";
    (void)state;
    assert_ok(receipt_parse(decision, strlen(decision), &r));
    assert_int_equal(r.kind, RECEIPT_DECISION);
    assert_int_equal(r.of.index, 7);
    assert_string_equal(r.decision, "edited");
    assert_string_equal(r.model.name, "");
    receipt_free(&r);
    assert_ok(receipt_parse(other, strlen(other), &r));
    assert_int_equal(r.kind, RECEIPT_OTHER);
    assert_string_equal(r.kind_name, "tuning");
    assert_int_equal(json_array_size(json_object_get(r.json, "steps")), 2);
    receipt_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc), cmocka_unit_test(what_is_refused), cmocka_unit_test(reads_an_answer),
        cmocka_unit_test(reads_one_without_a_seed),
        cmocka_unit_test(reads_an_adapters_scale),
        cmocka_unit_test(refuses_what_is_none), cmocka_unit_test(other_kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_modelfile.c - Modelfiles: what is read, what is refused and where, and that what is written reads the same again. */
#include "hub/modelfile.h" /* before cmocka.h, which has a macro fail() */
#include "hub/parameter.h"
#include "base/mem.h"
#include "base/random.h"
#include "hub_test.h"

static const char whole[] =
    "# a comment\n\n"
    "from SmolLM2:latest\r\n"
    "  PARAMETER temperature 0.25\n"
    "PARAMETER num_ctx 2048\n"
    "parameter STOP \"<|im_end|>\"\n"
    "PARAMETER stop User:\n"
    "SYSTEM \"\"\"You are a \"pirate\".\n"
    "# no comment here\n"
    "Answer in rhymes.\"\"\"  \n"
    "MESSAGE user \"Hello,\n world\"\n"
    "MESSAGE Assistant Ahoy\n"
    "TEMPLATE {{ .Prompt }}\n"
    "LICENSE one\nLICENSE \"\"\"two\nlines\"\"\"\n";

static void reads(void **state)
{
    struct modelfile m;
    (void)state;
    assert_ok(modelfile_parse(whole, strlen(whole), "Modelfile", &m));
    assert_string_equal(m.from, "SmolLM2:latest");
    assert_string_equal(m.system, "You are a \"pirate\".\n# no comment here\nAnswer in rhymes.");
    assert_string_equal(m.chat_template, "{{ .Prompt }}");
    assert_string_equal(m.licence, "one\ntwo\nlines");
    char *p = json_dumps(m.parameters, JSON_COMPACT | JSON_SORT_KEYS), *q = json_dumps(m.messages, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(p, "{\"num_ctx\":2048,\"stop\":[\"<|im_end|>\",\"User:\"],\"temperature\":0.25}");
    assert_string_equal(q, "[{\"content\":\"Hello,\\n world\",\"role\":\"user\"},{\"content\":\"Ahoy\",\"role\":\"assistant\"}]");
    free(p), free(q);
    struct buf b = {0};
    assert_ok(modelfile_parameters(m.parameters, &b));
    assert_string_equal(b.data, "temperature                    0.25\nnum_ctx                        2048\n"
                                "stop                           \"<|im_end|>\"\nstop                           \"User:\"");
    buf_free(&b);
    modelfile_free(&m);
}

static void refuses(void **state)
{
    static const struct { const char *text, *words; } bad[] = {
        {"SYSTEM x\n", "Modelfile: no FROM"},
        {"FROM a\nFROM b\n", "line 2: a second FROM"},
        {"FROM\n", "line 1: the instruction has no value"},
        {"FROM a\nFRO b\n", "line 2: \"FRO\" is no instruction; allowed are FROM, PARAMETER"},
        {"FROM a\nADAPTER ./x\nadapter y\n", "line 3: a second ADAPTER; one is allowed"},
        {"FROM a\nPARAMETER\n", "line 2: PARAMETER should be followed"},
        {"FROM a\nPARAMETER temperatur 1\n", "line 2: PARAMETER: there is no parameter \"temperatur\""},
        {"FROM a\nPARAMETER temperature hot\n", "line 2: PARAMETER: temperature is \"hot\"; allowed is a number from 0"},
        {"FROM a\nPARAMETER temperature -1\n", "temperature is -1"},
        {"FROM a\nPARAMETER temperature nan\n", "temperature is \"nan\""},
        {"FROM a\nPARAMETER top_k 1.5\n", "top_k is 1.5; allowed is a whole number"},
        {"FROM a\nPARAMETER num_ctx 0\n", "num_ctx is 0"},
        {"FROM a\nPARAMETER mirostat 2\n", "hearth does not have mirostat sampling; allowed is 0 (off)"},
        {"FROM a\nPARAMETER use_mmap 3\n", "use_mmap is 3; allowed is true or false"},
        {"FROM a\nMESSAGE robot hi\n", "line 2: MESSAGE is of \"robot\"; allowed are user, assistant, system"},
        {"FROM a\nMESSAGE user\n", "line 2: the instruction has no value"},
        {"FROM a\nSYSTEM \"\"\"never\nends\n", "line 2: the value begins with \"\"\" and no later line ends with it"},
        {"FROM a\nSYSTEM \"never\n", "line 2: the value begins with \" and"},
        {"FROM \xff\n", "byte 5 is not UTF-8"},
    };
    struct modelfile m;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum hearth_status st = modelfile_parse(bad[i].text, strlen(bad[i].text), "Modelfile", &m);
        if ((st != HEARTH_EFORMAT && st != HEARTH_EUNSUPPORTED) || !strstr(hearth_errmsg(), bad[i].words))
            fail_msg("%s: %s: %s", bad[i].text, hearth_status_name(st), hearth_errmsg());
        assert_null(m.from);
    }
    assert_fails(modelfile_parse("FROM a\0b", 8, "Modelfile", &m), HEARTH_EFORMAT, "zero byte");
    struct buf b = {0};
    assert_ok(buf_puts(&b, "FROM a\n"));
    for (int i = 0; i < 65; i++) assert_ok(buf_puts(&b, "PARAMETER stop x\n"));
    assert_fails(modelfile_parse(b.data, b.len, "Modelfile", &m), HEARTH_ELIMIT, "more than 64 values of stop");
    b.len = 7;
    for (int i = 0; i < 1025; i++) assert_ok(buf_puts(&b, "MESSAGE user x\n"));
    assert_fails(modelfile_parse(b.data, b.len, "Modelfile", &m), HEARTH_ELIMIT, "more than 1024 messages");
    b.len = 0;
    for (int i = 0; i < (MODELFILE_MAX >> 4) + 1; i++) assert_ok(buf_puts(&b, "#..............\n"));
    assert_fails(modelfile_parse(b.data, b.len, "Modelfile", &m), HEARTH_ELIMIT, "bytes");
    buf_free(&b);
}

/* Texts of hard characters: what can be written reads the same; what cannot says so. */
static void there_and_back(void **state)
{
    static const char alphabet[] = "ab\"\"\"\n\n #";
    int written = 0;
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        char text[16];
        size_t n = (size_t)(random_uniform(7, i, 0) * 15);
        for (size_t k = 0; k < n; k++) text[k] = alphabet[(size_t)(random_uniform(7, i, (uint32_t)k + 1) * (sizeof alphabet - 1))];
        text[n] = '\0';
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", text), *stop = json_pack("{s:[s], s:f}", "stop", text, "top_p", 0.5);
        const struct modelfile m = {.from = (char *)"x", .system = text, .messages = messages, .parameters = stop};
        struct modelfile back;
        struct buf b = {0};
        enum hearth_status st = modelfile_write(&m, &b);
        if (st == HEARTH_OK) {
            written++;
            assert_ok(modelfile_parse(b.data, b.len, "written", &back));
            assert_string_equal(back.system, text);
            assert_true(json_equal(back.messages, messages));
            assert_true(json_equal(back.parameters, stop));
            modelfile_free(&back);
        } else assert_int_equal(st, HEARTH_EUNSUPPORTED);
        buf_free(&b);
        json_decref(messages);
        json_decref(stop);
    }
    assert_true(written > 3000);
}

static void parameters(void **state)
{
    struct parameters p;
    (void)state;
    parameters_init(&p);
    json_t *model = json_pack("{s:f, s:[s,s], s:i, s:i}", "temperature", 0.5, "stop", "a", "b", "num_thread", 4, "seed", 9);
    json_t *asked = json_pack("{s:i, s:s, s:n, s:i, s:b, s:i, s:i}", "top_k", 3, "stop", "c", "top_p", "num_predict", -2, "numa", 1, "num_thread", 2,
                              "num_ctx", 512);
    assert_ok(parameters_read("model", model, &p));
    assert_true(p.seed_given && p.sampling.seed == 9);
    assert_int_equal(p.n_stop, 2);
    assert_ok(parameters_read("options", asked, &p));
    assert_true(p.sampling.temperature == 0.5f);
    assert_int_equal(p.sampling.top_k, 3);
    assert_int_equal(p.n_stop, 1);
    assert_string_equal(p.stop[0], "c");
    assert_int_equal(p.max_tokens, -1);
    assert_int_equal(p.ctx, 512);
    assert_int_equal(p.n_unused, 2);
    json_decref(model), json_decref(asked);
    static const struct { const char *json, *words; } bad[] = {
        {"[]", "options: should be a JSON object"},
        {"{\"temperature\": \"1\"}", "options: temperature is \"1\"; allowed is a number"},
        {"{\"stop\": [1]}", "options: stop is 1; allowed is a text"},
        {"{\"stop\": 5}", "stop is 5"},
        {"{\"seed\": -5}", "seed is -5; allowed is a whole number from -1"},
        {"{\"num_predict\": -3}", "num_predict is -3"},
        {"{\"num_predict\": 1e300}", "num_predict is 1"},
        {"{\"repeat_penalty\": 0}", "repeat_penalty is 0"},
        {"{\"typical_p\": 0.7}", "locally typical sampling; allowed is 1 (off)"},
        {"{\"n_discard\": -1}", "there is no parameter \"n_discard\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *o = json_loads(bad[i].json, 0, NULL);
        parameters_init(&p);
        assert_fails(parameters_read("options", o, &p), HEARTH_EUSAGE, bad[i].words);
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(there_and_back), cmocka_unit_test(parameters),
    };
    (void)home_make, (void)home_remove, (void)in_home, (void)write_file, (void)write_text;
    return cmocka_run_group_tests_name("modelfile", tests, NULL, NULL);
}

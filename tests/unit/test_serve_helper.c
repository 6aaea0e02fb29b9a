/* test_serve_helper.c - the process beside the server fetches models: progress, refusals, breaking off, several at once, and its end. */
#include "serve/helper.h"
#include <pthread.h>
#include "hub_test.h"

static char path[128];

static char *at(const char *file)
{
    snprintf(path, sizeof path, "%s/%s", home, file);
    return path;
}

/* Two models of the person's own catalogue, whose source is a file on this computer. */
static void catalogue(void)
{
    char hex[65];
    FILE *f = fopen(at("source"), "w");
    for (int i = 0; i < 300000; i++) fputc(i * 7 & 255, f);
    fclose(f);
    assert_ok(hub_digest(at("source"), NULL, hex, NULL));
    f = fopen(at("catalogue.ini"), "w");
    static const char *const names[] = {"tiny", "asks", "gone"};
    for (int i = 0; i < 3; i++)
        fprintf(f, "[model %s]\narchitecture = llama\nkind = base\nlicence = L\nterms = t\nterms-at = https://h/t\naccept = %s\nsize = 300000\nsha256 = %s\n"
                   "source = file:%s/%s\nlabel = l\n", names[i], i == 1 ? "ask" : "no", hex, home, i == 2 ? "nowhere" : "source");
    fclose(f);
}

static int begin(void **state)
{
    if (home_make(state) != 0) return 1;
    catalogue();
    return helper_start() != HEARTH_OK;
}

static int end(void **state)
{
    helper_stop();
    return home_remove(state);
}

struct seen { int calls; uint64_t done, total; volatile int cancel; };

static void on_progress(void *user, const struct hub_progress *p)
{
    struct seen *s = user;
    s->calls++;
    s->done = p->done;
    s->total = p->total;
}

static void fetches(void **state)
{
    struct seen s = {0};
    struct hub_callbacks c = {.on_progress = on_progress, .user = &s, .cancel = &s.cancel};
    struct hub_model m = {0};
    int fetched = 0;
    (void)state;
    assert_ok(helper_pull("Tiny:latest", &c, &m, &fetched));
    assert_int_equal(fetched, 1);
    assert_string_equal(m.name, "tiny");
    assert_int_equal(m.size, 300000);
    assert_true(s.calls > 0 && s.total == 300000);
    hub_model_free(&m);
    assert_ok(helper_pull("tiny", NULL, &m, &fetched));
    assert_int_equal(fetched, 0);
    hub_model_free(&m);
}

static void refuses(void **state)
{
    struct hub_model m = {0};
    char direct[1024];
    (void)state;
    assert_fails(helper_pull("../etc", NULL, &m, NULL), HEARTH_EUSAGE, "name");
    assert_int_equal(hub_pull("nothing", NULL, &m, NULL), HEARTH_ENOTFOUND);
    snprintf(direct, sizeof direct, "%s", hearth_errmsg());
    assert_fails(helper_pull("nothing", NULL, &m, NULL), HEARTH_ENOTFOUND, direct);
    enum hearth_status st = hub_pull("asks", NULL, &m, NULL);
    assert_int_equal(st, HEARTH_ELICENSE);
    assert_int_equal(helper_pull("asks", NULL, &m, NULL), HEARTH_ELICENSE);
    st = hub_pull("gone", NULL, &m, NULL);
    assert_int_not_equal(st, HEARTH_OK);
    assert_int_equal(helper_pull("gone", NULL, &m, NULL), st);
}

static void breaks_off(void **state)
{
    struct seen s = {.cancel = 1};
    struct hub_callbacks c = {.on_progress = on_progress, .user = &s, .cancel = &s.cancel};
    struct hub_model m = {0};
    (void)state;
    assert_fails(helper_pull("tiny", &c, &m, NULL), HEARTH_ECANCELLED, "broken off");
    assert_ok(helper_pull("tiny", NULL, &m, NULL));
    hub_model_free(&m);
}

static void *one(void *user)
{
    struct hub_model m = {0};
    *(enum hearth_status *)user = helper_pull("tiny", NULL, &m, NULL);
    hub_model_free(&m);
    return NULL;
}

static void several(void **state)
{
    pthread_t t[6];
    enum hearth_status st[6];
    (void)state;
    for (int i = 0; i < 6; i++) pthread_create(&t[i], NULL, one, &st[i]);
    for (int i = 0; i < 6; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 6; i++) assert_int_equal(st[i], HEARTH_OK);
}

static void without(void **state)
{
    struct hub_model m = {0};
    (void)state;
    helper_stop();
    assert_ok(helper_pull("tiny", NULL, &m, NULL));
    hub_model_free(&m);
    helper_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fetches, begin, end), cmocka_unit_test_setup_teardown(refuses, begin, end),
        cmocka_unit_test_setup_teardown(breaks_off, begin, end), cmocka_unit_test_setup_teardown(several, begin, end),
        cmocka_unit_test_setup_teardown(without, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

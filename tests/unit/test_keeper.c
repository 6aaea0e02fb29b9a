/* test_keeper.c - models in memory: loaded once for all who wait, kept a while, unloaded when their memory is needed, never in use. */
#include <math.h>
#include <pthread.h>

#include "hub_test.h"
#include "model/adapter.h"
#include "model_maker.h"
#include "serve/keeper.h"

static void make_model(const char *name, uint64_t seed)
{
    char path[512];
    struct model_spec spec = {.width = 64, .heads = 4, .kv_heads = 2, .vocab = 300, .layers = 1, .context = 256, .seed = seed};
    struct hub_model m = {0};
    snprintf(path, sizeof path, "%s", in_home(name));
    strcat(path, ".gguf");
    assert_ok(model_make(path, &spec));
    assert_ok(hub_import(path, name, 0, NULL, &m));
    hub_model_free(&m);
}

static struct keeper *open_keeper(double keep_alive, uint64_t memory, unsigned models)
{
    struct keeper *k = NULL;
    struct keeper_params p = {.threads = 1, .keep_alive = keep_alive, .memory = memory, .models = models, .engine = {.parallel = 2}};
    assert_ok(keeper_open(&p, &k));
    return k;
}

static size_t loaded(struct keeper *k)
{
    struct kept_view *v = NULL;
    size_t n = 0;
    assert_ok(keeper_list(k, &v, &n));
    keeper_views_free(v, n);
    return n;
}

/* Within two seconds. */
static int comes_to(struct keeper *k, size_t n)
{
    for (int i = 0; i < 200 && loaded(k) != n; i++) usleep(10000);
    return loaded(k) == n;
}

static void names_are_those_of_the_hub(void **state)
{
    struct keeper *k = open_keeper(60, 0, 0);
    struct kept *a, *b;
    (void)state;
    make_model("one", 1);
    assert_fails(keeper_borrow(k, "nobody", &a), HEARTH_ENOTFOUND, "no model is called \"nobody\"");
    assert_null(a);
    assert_fails(keeper_borrow(k, "../one", &a), HEARTH_EUSAGE, "is no model's name");
    assert_fails(keeper_borrow(k, in_home("one.gguf"), &a), HEARTH_EUSAGE, "is no model's name");
    assert_ok(keeper_borrow(k, "one", &a));
    assert_ok(keeper_borrow(k, "One:latest", &b));
    assert_ptr_equal(a, b);
    assert_string_equal(a->name, "one");
    assert_int_equal(strlen(a->sha256), 64);
    assert_int_equal(a->info.width, 64);
    assert_true(a->memory.total > a->memory.kv_cache && a->memory.kv_cache > 0);
    keeper_return(k, a, NAN);
    keeper_return(k, b, NAN);
    keeper_close(k);
}

static void a_view_outlives_its_model(void **state)
{
    struct keeper *k = open_keeper(60, 0, 0);
    struct kept *m;
    struct kept_view *v = NULL;
    size_t n = 0;
    int was = 0;
    (void)state;
    assert_ok(keeper_borrow(k, "one", &m));
    assert_ok(keeper_list(k, &v, &n));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].users, 1);
    keeper_return(k, m, -1);
    keeper_views_free(v, n);
    assert_ok(keeper_list(k, &v, &n));
    assert_int_equal(v[0].users, 0);
    assert_int_equal(v[0].expires, 0);                     /* for ever */
    keeper_unload(k, "one:latest", &was);
    assert_int_equal(was, 1);
    assert_true(comes_to(k, 0));
    assert_string_equal(v[0].name, "one");
    assert_string_equal(v[0].info.architecture, "llama");
    assert_string_equal(v[0].about.name, "one");
    assert_true(v[0].ctx == 256 && v[0].stats.ctx == 256);
    keeper_views_free(v, n);
    keeper_unload(k, "one", &was);
    assert_int_equal(was, 0);
    keeper_close(k);
}

static void keep_alive_ends_what_nobody_uses(void **state)
{
    struct keeper *k = open_keeper(0.05, 0, 0);
    struct kept *m, *again;
    (void)state;
    assert_ok(keeper_borrow(k, "one", &m));
    usleep(150000);
    assert_int_equal(loaded(k), 1);                        /* in use: its time does not run */
    assert_ok(keeper_borrow(k, "one", &again));
    keeper_return(k, again, 0);
    usleep(50000);
    assert_int_equal(loaded(k), 1);                        /* somebody else still has it */
    keeper_return(k, m, NAN);
    assert_true(comes_to(k, 0));
    assert_ok(keeper_borrow(k, "one", &m));
    keeper_return(k, m, 60);                               /* the request's own word counts */
    usleep(150000);
    assert_int_equal(loaded(k), 1);
    assert_ok(keeper_borrow(k, "one", &m));
    keeper_unload(k, "one", NULL);                         /* while it is in use: when it is given back, whatever that says */
    assert_int_equal(loaded(k), 1);
    keeper_return(k, m, 60);
    assert_true(comes_to(k, 0));
    keeper_close(k);
}

static void room_is_made_by_the_least_used(void **state)
{
    struct keeper *k;
    struct kept *one, *two, *three;
    uint64_t bytes;
    (void)state;
    make_model("two", 2);
    make_model("three", 3);
    k = open_keeper(60, 0, 0);
    assert_ok(keeper_borrow(k, "one", &one));
    bytes = one->memory.total;
    keeper_return(k, one, NAN);
    keeper_close(k);
    k = open_keeper(60, bytes * 5 / 2, 0);                 /* two fit */
    assert_ok(keeper_borrow(k, "one", &one));
    assert_ok(keeper_borrow(k, "two", &two));
    assert_fails(keeper_borrow(k, "three", &three), HEARTH_EBUSY, "does not fit beside the 2 models in use");
    assert_int_equal(loaded(k), 2);
    keeper_return(k, one, -1);
    assert_ok(keeper_borrow(k, "three", &three));          /* one goes, though it was to stay for ever */
    assert_int_equal(loaded(k), 2);
    keeper_return(k, two, NAN);
    keeper_return(k, three, NAN);
    assert_ok(keeper_borrow(k, "one", &one));              /* two was used longer ago */
    keeper_return(k, one, NAN);
    assert_ok(keeper_borrow(k, "three", &three));
    assert_int_equal(loaded(k), 2);
    keeper_return(k, three, NAN);
    keeper_close(k);
    k = open_keeper(60, bytes / 8, 0);
    assert_fails(keeper_borrow(k, "one", &one), HEARTH_ELIMIT, "one: needs about");
    assert_int_equal(loaded(k), 0);
    keeper_close(k);
    k = open_keeper(60, 0, 1);
    assert_ok(keeper_borrow(k, "one", &one));
    assert_fails(keeper_borrow(k, "two", &two), HEARTH_EBUSY, "does not fit beside the 1 model in use");
    keeper_return(k, one, NAN);
    assert_ok(keeper_borrow(k, "two", &two));
    assert_int_equal(loaded(k), 1);
    keeper_return(k, two, NAN);
    keeper_close(k);
}

static void another_file_under_the_name_is_another_model(void **state)
{
    struct keeper *k = open_keeper(60, 0, 0);
    struct kept *old, *new;
    struct hub_removed gone;
    (void)state;
    assert_ok(keeper_borrow(k, "one", &old));
    assert_ok(hub_remove("one", &gone));
    hub_removed_free(&gone);
    make_model("one", 7);
    assert_ok(keeper_borrow(k, "one", &new));
    assert_ptr_not_equal(old, new);
    assert_string_not_equal(old->sha256, new->sha256);
    assert_int_equal(loaded(k), 2);
    keeper_return(k, old, -1);
    assert_true(comes_to(k, 1));
    keeper_return(k, new, NAN);
    keeper_close(k);
}

/* ---- many at once ---- */

struct many { struct keeper *k; const char *name; struct kept *got; enum hearth_status st; char said[200]; };

static void *borrow(void *user)
{
    struct many *m = user;
    m->st = keeper_borrow(m->k, m->name, &m->got);
    snprintf(m->said, sizeof m->said, "%.199s", hearth_errmsg());
    if (m->st == HEARTH_OK) keeper_return(m->k, m->got, NAN);
    return NULL;
}

static void all_at_once(struct keeper *k, const char *name, struct many *m, int n)
{
    pthread_t t[8];
    for (int i = 0; i < n; i++) {
        m[i] = (struct many){.k = k, .name = name};
        assert_int_equal(pthread_create(&t[i], NULL, borrow, &m[i]), 0);
    }
    for (int i = 0; i < n; i++) pthread_join(t[i], NULL);
}

static void many_wait_for_one_loading(void **state)
{
    struct keeper *k = open_keeper(60, 0, 0);
    struct many m[8];
    (void)state;
    all_at_once(k, "two", m, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(m[i].st, HEARTH_OK);
        assert_ptr_equal(m[i].got, m[0].got);
    }
    assert_int_equal(loaded(k), 1);
    keeper_close(k);
    /* a loading that fails: each of them hears why, and nothing is left */
    struct keeper_params p = {.threads = 1, .keep_alive = 60, .engine = {.ctx = 1u << 25}};
    assert_ok(keeper_open(&p, &k));
    all_at_once(k, "two", m, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(m[i].st, HEARTH_EUSAGE);
        assert_non_null(strstr(m[i].said, "a context of 33554432 tokens"));
    }
    assert_int_equal(loaded(k), 0);
    keeper_close(k);
}

/* An adapter of "one", as a file; name i of it is a link. */
static const char *adapter_link(const struct kept *m, int i)
{
    static char path[600];
    struct hearth_adapter *a;
    char file[500];
    snprintf(file, sizeof file, "%s", in_home("lora.gguf"));
    snprintf(path, sizeof path, "%s.%d", file, i);
    if (access(file, F_OK) != 0) {
        assert_ok(adapter_new(m->model, &(struct adapter_shape){.rank = 2, .alpha = 4, .slots = 3, .seed = 1}, &a));
        assert_ok(adapter_save(a, file, "base"));
        adapter_close(a);
    }
    if (access(path, F_OK) != 0) assert_int_equal(symlink(file, path), 0);
    return path;
}

/* Opened once for all who ask, kept with the model up to a number of them, never closed in use; not another model's. */
static void adapters_come_and_go(void **state)
{
    enum { MOST = 32 };
    struct keeper *k = open_keeper(60, 0, 0);
    struct kept *m, *other;
    const struct hearth_adapter *a[MOST + 1], *again;
    (void)state;
    assert_ok(keeper_borrow(k, "one", &m));
    for (int i = 0; i < MOST; i++) assert_ok(keeper_adapter(k, m, adapter_link(m, i), 1, &a[i]));
    assert_ok(keeper_adapter(k, m, adapter_link(m, 3), 1, &again));
    assert_ptr_equal(again, a[3]);
    assert_ptr_not_equal(a[3], a[4]);
    assert_fails(keeper_adapter(k, m, adapter_link(m, MOST), 1, &a[MOST]), HEARTH_EBUSY, "adapters of it are in use");
    keeper_adapter_return(k, m, a[5]);
    assert_ok(keeper_adapter(k, m, adapter_link(m, MOST), 1, &a[MOST]));         /* takes the place of the one that nobody uses */
    assert_fails(keeper_adapter(k, m, adapter_link(m, 5), 1, &a[5]), HEARTH_EBUSY, "adapters of it are in use");
    for (int i = 0; i <= MOST; i++) if (i != 5) keeper_adapter_return(k, m, a[i]);
    keeper_adapter_return(k, m, again);
    keeper_adapter_return(k, m, NULL);
    for (int i = 0; i < 3 * MOST; i++) {
        assert_ok(keeper_adapter(k, m, adapter_link(m, i), 1, &again));
        keeper_adapter_return(k, m, again);
    }
    assert_ok(keeper_adapter(k, m, adapter_link(m, 1), 0.5f, &a[0]));
    for (int i = 0; i < 2 * MOST; i++) {                                       /* at many scales: one in use stays, and so do its numbers */
        assert_ok(keeper_adapter(k, m, adapter_link(m, 1), 0.5f, &again));
        assert_ptr_equal(again, a[0]);
        keeper_adapter_return(k, m, again);
        assert_ok(keeper_adapter(k, m, adapter_link(m, 1), (float)i + 2, &again));
        assert_ptr_not_equal(again, a[0]);
        assert_true(again->scale == (float)i + 2 && a[0]->scale == 0.5f && again->part[0].a_data == a[0]->part[0].a_data);
        assert_true(again->part[0].scale == (float)(4 * (i + 2)) / 2 && again->serial != a[0]->serial && again->checksum != a[0]->checksum);
        keeper_adapter_return(k, m, again);
    }
    keeper_adapter_return(k, m, a[0]);
    assert_fails(keeper_adapter(k, m, adapter_link(m, 1), INFINITY, &again), HEARTH_EUSAGE, "finite number");
    assert_fails(keeper_adapter(k, m, in_home("none"), 1, &again), HEARTH_EIO, "cannot open");
    assert_fails(keeper_adapter(k, m, in_home("one.gguf"), 1, &again), HEARTH_EUSAGE, "does not fit one");
    assert_null(again);
    make_model("wider", 9);
    assert_ok(keeper_borrow(k, "wider", &other));
    assert_ok(keeper_adapter(k, other, adapter_link(m, 0), 1, &again));          /* the same shape: it fits, and is another one */
    keeper_adapter_return(k, other, again);
    keeper_return(k, other, 0);
    keeper_return(k, m, 0);
    assert_true(comes_to(k, 0));
    keeper_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_hub),
        cmocka_unit_test(a_view_outlives_its_model),
        cmocka_unit_test(adapters_come_and_go),
        cmocka_unit_test(keep_alive_ends_what_nobody_uses),
        cmocka_unit_test(room_is_made_by_the_least_used),
        cmocka_unit_test(another_file_under_the_name_is_another_model),
        cmocka_unit_test(many_wait_for_one_loading),
    };
    return cmocka_run_group_tests(tests, home_make, home_remove);
}

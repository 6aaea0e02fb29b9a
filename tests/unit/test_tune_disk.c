/* test_tune_disk.c - a disk that is full while a tuning saves: the last good state stays, the words say so, and what is gone on with ends with
 * the same bytes.  A limit on the size of files stands for the disk, set and lifted at a step of our choice; a real one is in tests/cli/tune.sh. */
#include "work/tune.h"

#include "hub_test.h"

#include <signal.h>
#include <sys/resource.h>
#include "model_maker.h"
#include "os/os.h"

enum { EXAMPLES = 24, STEPS = 8 };
struct disk { uint32_t full_from; rlim_t room; struct rlimit was; };

static void limit(struct disk *d, int full)
{
    struct rlimit l = { full ? d->room : d->was.rlim_cur, d->was.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static int tell(void *user, const struct tune_news *n)
{
    struct disk *d = user;
    if (n->step && n->step == d->full_from) limit(d, 1);
    return 0;
}

static void make_files(void)
{
    struct model_spec spec = { .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .ffn = 64, .vocab = 400, .seed = 3 };
    FILE *f = fopen(in_home("pairs.jsonl"), "w");
    assert_non_null(f);
    for (int i = 0; i < EXAMPLES; i++) fprintf(f, "{\"prompt\": \"what is %d\", \"completion\": \" it is %d\"}\n", i, i % 7);
    assert_int_equal(fclose(f), 0);
    f = fopen(in_home("many.csv"), "w");
    assert_non_null(f);
    fputs("text,category\n", f);
    for (int i = 0; i < 2 * EXAMPLES; i++) fprintf(f, "word%d and word%d,label %d\n", i % EXAMPLES, i % EXAMPLES, i % EXAMPLES);
    assert_int_equal(fclose(f), 0);
    assert_ok(model_make(in_home("m.gguf"), &spec));
}

static struct tune *begin(const char *data, const char *out, enum tune_method method, int resume)
{
    struct tune_options o;
    struct tune *t;
    tune_defaults(&o);
    o.method = method, o.rank = 4, o.batch = 4, o.steps = STEPS, o.save_every = 3, o.every = 2, o.held = 0.2, o.threads = 1;
    assert_ok(tune_open(in_home("m.gguf"), "m", in_home(data), in_home(out), &o, resume, &t));
    return t;
}

static void assert_same(const char *a, const char *b)
{
    struct mapping x, y;
    assert_ok(os_map(in_home(a), &x));
    assert_ok(os_map(in_home(b), &y));
    assert_true(x.size == y.size && memcmp(x.data, y.data, x.size) == 0);
    os_unmap(&x), os_unmap(&y);
}

static char *bytes_of(const char *name, size_t *n)
{
    struct mapping m;
    assert_ok(os_map(in_home(name), &m));
    char *copy = malloc(m.size);
    assert_non_null(copy);
    memcpy(copy, m.data, *n = m.size);
    os_unmap(&m);
    return copy;
}

static int is_there(const char *name) { return access(in_home(name), F_OK) == 0; }

/* Nothing that was begun is left: only files whose names were known before. */
static void assert_no_scraps(void)
{
    char command[256];
    snprintf(command, sizeof command, "test -z \"$(find '%s' -name '*.tmp')\"", home);
    assert_int_equal(system(command), 0);
}

/* One kind of tuning, from a disk that is full at the second state, over one that is full at the end, to its result. */
static void fill(const char *data, enum tune_method method, const char *whole, const char *cut, const char *file)
{
    struct disk d = { .full_from = 4, .room = 3000 };
    char state[64], a[64], b[64];
    size_t n, k;
    snprintf(state, sizeof state, "%s.state", cut), snprintf(a, sizeof a, "%s%s", whole, file), snprintf(b, sizeof b, "%s%s", cut, file);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &d.was), 0);
    struct tune *t = begin(data, whole, method, 0);
    assert_ok(tune_run(t, NULL, NULL));
    assert_ok(tune_save(t, NULL, 0, NULL));
    tune_close(t);

    t = begin(data, cut, method, 0);
    enum hearth_status st = tune_run(t, tell, &d);       /* the state after step 3 is whole, that after step 6 finds no room */
    limit(&d, 0);
    assert_fails(st, HEARTH_EIO, "cut");
    assert_non_null(strstr(hearth_errmsg(), ".state: cannot write: File too large; the state after step 3 is kept: --resume goes on from it"));
    tune_close(t);
    assert_false(is_there(cut));
    assert_no_scraps();

    t = begin(data, cut, method, 1);
    assert_int_equal(tune_planned(t)->done, 3);
    assert_ok(tune_run(t, NULL, NULL));
    char *before = bytes_of(state, &n);                  /* of step 6 */
    limit(&d, 1);
    st = tune_save(t, NULL, 0, NULL);
    limit(&d, 0);
    assert_fails(st, HEARTH_EIO, "File too large; the state after step 6 is kept: --resume goes on from it");
    tune_close(t);
    assert_false(is_there(cut));
    char *after = bytes_of(state, &k);
    assert_true(n == k && memcmp(before, after, n) == 0);
    free(before), free(after);
    assert_no_scraps();

    t = begin(data, cut, method, 1);
    assert_int_equal(tune_planned(t)->done, 6);
    assert_ok(tune_run(t, NULL, NULL));
    assert_ok(tune_save(t, NULL, 0, NULL));
    tune_close(t);
    assert_same(a, b);
    assert_false(is_there(state));
}

static void adapter(void **state) { (void)state; fill("pairs.jsonl", TUNE_LORA, "whole", "cut", "/adapter_model.safetensors"); }
static void head(void **state) { (void)state; fill("many.csv", TUNE_LORA, "whole-head", "cut-head", "/adapter_model.safetensors"); }
static void model(void **state) { (void)state; fill("pairs.jsonl", TUNE_FULL, "whole.gguf", "cut.gguf", ""); }

/* Room for the state, none for the result: all steps are kept, and --resume only writes. */
static void no_step_is_done_again(void **state)
{
    struct disk d = { .room = 0 };
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &d.was), 0);
    struct tune *t = begin("pairs.jsonl", "blocked", TUNE_LORA, 0);
    assert_ok(tune_run(t, NULL, NULL));
    write_text(in_home("blocked"), "in the way");        /* a file where a folder should be */
    assert_fails(tune_save(t, NULL, 0, NULL), HEARTH_EUSAGE, "blocked appeared while this was learnt; move it away; the state after step 8 is kept: --resume goes on from it");
    tune_close(t);
    assert_true(is_there("blocked"));                    /* not ours */
    assert_int_equal(unlink(in_home("blocked")), 0);
    t = begin("pairs.jsonl", "blocked", TUNE_LORA, 1);
    assert_int_equal(tune_planned(t)->done, STEPS);
    assert_ok(tune_run(t, NULL, NULL));
    assert_ok(tune_save(t, NULL, 0, NULL));
    tune_close(t);
    assert_same("whole/adapter_model.safetensors", "blocked/adapter_model.safetensors");
}

/* Before there is a state, that is what is said. */
static void none_yet(void **state)
{
    struct disk d = { .full_from = 1, .room = 3000 };
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &d.was), 0);
    struct tune *t = begin("pairs.jsonl", "none", TUNE_LORA, 0);
    enum hearth_status st = tune_run(t, tell, &d);
    limit(&d, 0);
    assert_fails(st, HEARTH_EIO, "none.state: cannot write: File too large; no state was kept");
    tune_close(t);
    assert_false(is_there("none.state"));
}

static int set_up(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    if (home_make(state)) return 1;
    make_files();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(adapter), cmocka_unit_test(head), cmocka_unit_test(model), cmocka_unit_test(no_step_is_done_again),
                                        cmocka_unit_test(none_yet) };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, home_remove);
}

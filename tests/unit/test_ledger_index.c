/* test_ledger_index.c - the index finds what a walk over the log finds, whatever was done to its file meanwhile. */
#include "account/index.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "ledger_test.h"
#include "receipt_maker.h"

#include <sys/wait.h>

enum { N = 1200, START = 1767225600 };

static const char *ledger_path(void)
{
    return in_home("ledger");
}

static int setup(void **state)
{
    struct ledger *l;
    if (home_make(state)) return 1;
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipts_append(l, 0, N));
    ledger_close(l);
    return 0;
}

struct found { uint64_t number[2 * N]; struct index_row row[2 * N]; size_t n, stop; };

static int on_row(void *user, const struct index_row *r)
{
    struct found *f = user;
    assert_true(f->n < 2 * N);
    f->row[f->n] = *r;
    f->number[f->n++] = r->number;
    return f->stop && f->n == f->stop;
}

static struct found *find(const struct index_query *q)
{
    static struct found f;
    struct ledger *l;
    struct index *x;
    uint64_t n;
    f = (struct found){.n = 0};
    assert_ok(receipt_ledger(0, &l));
    assert_ok(index_open(ledger_path(), l, NULL, NULL, &x));
    assert_ok(index_find(x, q, on_row, &f));
    assert_ok(index_count(x, q, &n));
    if (q->limit == 0) assert_int_equal(n, f.n);
    else assert_true(f.n <= q->limit && f.n <= n);
    index_close(x);
    ledger_close(l);
    return &f;
}

/* What the lot says about number i. */
static int fits(uint64_t i, const struct index_query *q)
{
    struct made_receipt r;
    receipt_vary(i, &r);
    const struct { const char *wanted, *has; } text[] = {{q->model, r.model}, {q->key, r.key}, {q->task, r.task}, {q->actor, r.actor},
                                                         {q->purpose, r.purpose}};
    for (size_t k = 0; k < sizeof text / sizeof *text; k++)
        if (text[k].wanted && (!text[k].has || strcmp(text[k].wanted, text[k].has))) return 0;
    return (!q->from || r.time >= q->from) && (!q->to || r.time < q->to);
}

static void finds_what_the_log_holds(void **state)
{
    (void)state;
    static const struct index_query query[] = {
        {0}, {.oldest_first = 1}, {.model = "smollm2"}, {.model = "nothing"}, {.key = "class-7b"}, {.task = "summarise"}, {.actor = "pupil-12"},
        {.purpose = "homework"}, {.from = START + 6000}, {.to = START + 6000}, {.from = START + 600, .to = START + 601},
        {.model = "gemma-3-1b", .key = "library", .task = "ask", .from = START + 100 * 60, .to = START + 1000 * 60},
        {.key = "class-7b", .actor = "pupil-12", .limit = 7}, {.key = "' OR 1 = 1 --"}, {.kind = "answer", .limit = 3}, {.kind = "decision"}};
    for (size_t k = 0; k < sizeof query / sizeof *query; k++) {
        const struct index_query *q = &query[k];
        struct found *f = find(q);
        size_t n = 0;
        for (uint64_t i = 0; i < N; i++) {
            uint64_t number = q->oldest_first ? i : N - 1 - i;
            if (!fits(number, q) || (q->kind && strcmp(q->kind, "answer")) || (q->limit && n == q->limit)) continue;
            assert_true(n < f->n);
            assert_int_equal(f->number[n], number);
            struct made_receipt r;
            receipt_vary(number, &r);
            assert_int_equal(f->row[n].time, r.time);
            assert_int_equal(f->row[n].prompt_tokens, r.prompt);
            assert_int_equal(f->row[n].answer_tokens, r.answer);
            assert_int_equal(f->row[n].energy_uj, r.energy_uj);
            assert_int_equal(f->row[n].decision, INDEX_UNDECIDED);
            n++;
        }
        assert_int_equal(f->n, n);
    }
}

static void finds_digests_and_ids(void **state)
{
    struct ledger *l;
    struct receipt r;
    void *data;
    size_t n;
    char begin[16];
    (void)state;
    assert_ok(receipt_ledger(0, &l));
    assert_ok(ledger_entry(l, 5, &data, &n));
    assert_ok(receipt_parse(data, n, &r));
    assert_int_equal(find(&(struct index_query){.id = r.id})->n, 1);
    snprintf(begin, sizeof begin, "%.10s", r.id);
    struct found *f = find(&(struct index_query){.id = begin});
    assert_int_equal(f->n, 1);
    assert_int_equal(f->number[0], 5);
    snprintf(begin, sizeof begin, "%.8s", r.model.sha256);
    assert_int_equal(find(&(struct index_query){.model = begin})->n, N / 3);
    snprintf(begin, sizeof begin, "%.7s", r.model.sha256);
    assert_int_equal(find(&(struct index_query){.model = begin})->n, 0);     /* too short for a digest: a name */
    receipt_free(&r);
    free(data);
    ledger_close(l);
}

static void stops_when_told(void **state)
{
    struct ledger *l;
    struct index *x;
    struct found f = {.stop = 3};
    (void)state;
    assert_ok(receipt_ledger(0, &l));
    assert_ok(index_open(ledger_path(), l, NULL, NULL, &x));
    assert_ok(index_find(x, &(struct index_query){0}, on_row, &f));
    assert_int_equal(f.n, 3);
    index_close(x);
    ledger_close(l);
}

/* A log of its own for each: the decisions would change what the others count. */
static void decisions_newest_counts(void **state)
{
    struct ledger *l;
    char leaf[65] = "", entry[512];
    (void)state;
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipts_append(l, 0, 4));
    assert_int_equal(find(&(struct index_query){.undecided = 1})->n, 4);
    struct receipt_number at;
    assert_ok(receipt_decide(l, 1, "edited", "t1", &at));
    assert_ok(receipt_decide(l, 1, "rejected", "t2", &at));
    assert_ok(receipt_decide(l, 2, "accepted", "t2", &at));
    /* one that names the wrong bytes, one that names an entry after it, one that is no receipt */
    memset(leaf, 'a', 64);
    static const int of[] = {3, 100};
    for (int i = 0; i < 2; i++) {
        size_t n = (size_t)snprintf(entry, sizeof entry, "{\"by\":\"x\",\"decision\":\"accepted\",\"id\":\"%032d\",\"kind\":\"decision\",\"of\":"
                                    "{\"index\":%d,\"leaf\":\"%s\"},\"program\":{\"commit\":\"t\",\"version\":\"1\"},\"schema\":\"hearth-receipt/1\","
                                    "\"time\":\"2026-01-01T00:00:00Z\"}", i, of[i], leaf);
        assert_ok(ledger_append(l, &(struct ledger_bytes){entry, n}, 1, NULL));
    }
    assert_ok(ledger_append(l, &(struct ledger_bytes){"not a receipt", 13}, 1, NULL));
    struct found *f = find(&(struct index_query){.kind = "answer", .oldest_first = 1});
    static const int wanted[] = {INDEX_UNDECIDED, INDEX_REJECTED, INDEX_ACCEPTED, INDEX_UNDECIDED};
    assert_int_equal(f->n, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(f->row[i].decision, wanted[i]);
    assert_int_equal(f->row[1].decided_by, 5);
    uint64_t one = 1, three = 3;
    f = find(&(struct index_query){.about = &one, .oldest_first = 1});
    assert_int_equal(f->n, 2);
    assert_int_equal(f->number[0], 4);
    assert_int_equal(f->number[1], 5);
    assert_int_equal(find(&(struct index_query){.about = &three})->n, 0);
    assert_int_equal(find(&(struct index_query){.undecided = 1})->n, 2);
    struct index *x;
    uint64_t strange;
    assert_ok(index_open(ledger_path(), l, NULL, NULL, &x));
    assert_int_equal(index_size(x, &strange), 10);
    assert_int_equal(strange, 1);
    index_close(x);
    ledger_close(l);
}

/* ---- the file is only a cache ---- */

static void all_are_found(void)
{
    struct found *f = find(&(struct index_query){.oldest_first = 1});
    assert_int_equal(f->n, N);
    for (uint64_t i = 0; i < N; i++) assert_int_equal(f->number[i], i);
}

static void spoil(const char *how)
{
    shell("cd '%s' && %s", ledger_path(), how);
}

static void made_anew_when_it_is_of_no_use(void **state)
{
    static const char *const how[] = {
        "rm -f index.sqlite", ": > index.sqlite", "head -c 1000 index.sqlite > x && mv x index.sqlite",
        "head -c 40960 index.sqlite > x && mv x index.sqlite", "head -c 100000 /dev/urandom > index.sqlite", "printf 'hello' > index.sqlite",
        "dd if=/dev/zero of=index.sqlite bs=4096 seek=0 count=3 conv=notrunc 2> /dev/null",
        "dd if=/dev/urandom of=index.sqlite bs=1024 seek=0 count=1 conv=notrunc 2> /dev/null"};
    (void)state;
    all_are_found();
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        spoil(how[i]);
        all_are_found();
    }
}

/* Every page in turn is overwritten: the next question, or at the latest the one after it, is answered rightly. */
static void made_anew_when_a_page_is_damaged(void **state)
{
    struct stat s;
    (void)state;
    all_are_found();
    assert_int_equal(stat(in_home("ledger/index.sqlite"), &s), 0);
    for (long page = 0; page < s.st_size / 4096; page += 7) {
        char command[160];
        struct ledger *l;
        struct index *x;
        struct found f = {.n = 0};
        snprintf(command, sizeof command, "dd if=/dev/urandom of=index.sqlite bs=4096 seek=%ld count=1 conv=notrunc 2> /dev/null", page);
        spoil(command);
        assert_ok(receipt_ledger(0, &l));
        assert_ok(index_open(ledger_path(), l, NULL, NULL, &x));
        enum hearth_status st = index_find(x, &(struct index_query){0}, on_row, &f);
        if (st != HEARTH_OK) {
            assert_int_equal(st, HEARTH_EFORMAT);
            assert_non_null(strstr(hearth_errmsg(), "ask again"));
        }
        index_close(x);
        ledger_close(l);
        if (st != HEARTH_OK || page == 0) all_are_found();
        else unlink(in_home("ledger/index.sqlite"));   /* a page of another query's index: not read by this one */
    }
}

static void made_anew_for_another_log(void **state)
{
    (void)state;
    struct ledger *l;
    all_are_found();
    shell("cd '%s' && cp ledger/index.sqlite kept.sqlite && mv ledger old && mv keys oldkeys", home);
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipts_append(l, 7, 10));
    ledger_close(l);
    shell("cd '%s' && cp kept.sqlite ledger/index.sqlite", home);
    struct found *f = find(&(struct index_query){0});
    assert_int_equal(f->n, 10);
    /* the same origin, cut back: the key is the old one's */
    shell("cd '%s' && rm -rf ledger keys && cp -r oldkeys keys && rm -f keys/ledger.last", home);
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipts_append(l, 3, 20));
    ledger_close(l);
    shell("cd '%s' && cp kept.sqlite ledger/index.sqlite", home);
    assert_int_equal(find(&(struct index_query){0})->n, 20);
    shell("cd '%s' && rm -rf ledger keys && mv old ledger && mv oldkeys keys", home);
    all_are_found();
}

static void follows_the_log(void **state)
{
    struct ledger *l;
    (void)state;
    all_are_found();
    assert_ok(receipt_ledger(1, &l));
    assert_ok(receipts_append(l, N, 30));
    ledger_close(l);
    assert_int_equal(find(&(struct index_query){0})->n, N + 30);
}

/* Four processes at once, two of which append, from no index at all. */
static void several_processes(void **state)
{
    (void)state;
    pid_t child[4];
    for (int k = 0; k < 4; k++) {
        child[k] = fork();
        if (child[k]) continue;
        int bad = 0;
        for (int round = 0; round < 5 && !bad; round++) {
            struct ledger *l;
            struct index *x;
            uint64_t n = 0, size = 0;
            bad |= receipt_ledger(1, &l) != HEARTH_OK;
            if (!bad && k < 2) bad |= receipts_append(l, (uint64_t)(N + 100 * k + round * 10), 10) != HEARTH_OK;
            if (!bad) bad |= ledger_size(l, &size) != HEARTH_OK || index_open(ledger_dir(l), l, NULL, NULL, &x) != HEARTH_OK;
            if (!bad) bad |= index_count(x, &(struct index_query){0}, &n) != HEARTH_OK || n < size || index_size(x, NULL) < size;
            if (bad) fprintf(stderr, "process %d, round %d: %s (%d found)\n", k, round, hearth_errmsg(), (int)n);
            else index_close(x), ledger_close(l);
        }
        _exit(bad);
    }
    int bad = 0;
    for (int k = 0; k < 4; k++) {                            /* all of them, before a failed assertion takes the folder away */
        int status;
        waitpid(child[k], &status, 0);
        bad += status != 0;
    }
    assert_int_equal(bad, 0);
    assert_int_equal(find(&(struct index_query){0})->n, N + 100);
}

static void cannot_be_written(void **state)
{
    struct ledger *l;
    struct index *x;
    (void)state;
    assert_ok(receipt_ledger(0, &l));
    shell("cd '%s' && rm -f index.sqlite && mkdir index.sqlite", ledger_path());
    assert_fails(index_open(ledger_path(), l, NULL, NULL, &x), HEARTH_EIO, "index.sqlite");
    assert_null(x);
    shell("cd '%s' && rmdir index.sqlite && ln -s /tmp/nowhere-else index.sqlite", ledger_path());
    assert_fails(index_open(ledger_path(), l, NULL, NULL, &x), HEARTH_EIO, "index.sqlite");
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_what_the_log_holds, setup, home_remove),
        cmocka_unit_test_setup_teardown(finds_digests_and_ids, setup, home_remove),
        cmocka_unit_test_setup_teardown(stops_when_told, setup, home_remove),
        cmocka_unit_test_setup_teardown(decisions_newest_counts, home_make, home_remove),
        cmocka_unit_test_setup_teardown(made_anew_when_it_is_of_no_use, setup, home_remove),
        cmocka_unit_test_setup_teardown(made_anew_when_a_page_is_damaged, setup, home_remove),
        cmocka_unit_test_setup_teardown(made_anew_for_another_log, setup, home_remove),
        cmocka_unit_test_setup_teardown(follows_the_log, setup, home_remove),
        cmocka_unit_test_setup_teardown(several_processes, setup, home_remove),
        cmocka_unit_test_setup_teardown(cannot_be_written, setup, home_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

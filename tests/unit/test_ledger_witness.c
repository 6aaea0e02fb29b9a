/* test_ledger_witness.c - a witness signs what only grows and nothing else: each answer of C2SP's tlog-witness, forks of every kind,
 * many at once, by HTTP and without. */
#include "account/ledger.h"
#include "account/proof.h"
#include "account/witness.h"
#include "ledger_test.h"

#include <pthread.h>
#include <sys/wait.h>

/* ---- a log and a witness that trusts it ---- */

struct world { struct ledger *l; struct witness *w; struct note_key log, own; };

static int setup(void **state)
{
    struct world *x = calloc(1, sizeof *x);
    if (home_make(state) || !x) return 1;
    make_log(in_home("ledger"), 20, 20);
    assert_ok(ledger_open(in_home("ledger"), LEDGER_APPEND, &x->l));
    const char *trust = ledger_vkey(x->l);
    assert_ok(witness_open(in_home("witness"), "witness.test/w", &trust, 1, &x->w));
    assert_ok(note_key_parse("log", trust, &x->log));
    assert_ok(note_key_parse("witness", witness_vkey(x->w), &x->own));
    assert_int_equal(x->own.type, NOTE_COSIGNATURE);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct world *x = *state;
    witness_close(x->w);
    ledger_close(x->l);
    free(x);
    return home_remove(state);
}

/* A request from old_size on to the newest checkpoint. */
static void request_from(struct ledger *l, uint64_t old_size, struct buf *to)
{
    struct checkpoint old = {.size = old_size};
    struct proof p;
    strcpy(old.origin, ledger_origin(l));
    assert_ok(ledger_root(l, old_size, old.root));
    assert_ok(proof_of_growth(l, &old, &p));
    *to = (struct buf){0};
    assert_ok(proof_write(&p, to));
    proof_free(&p);
}

static int ask(struct witness *w, const char *body, size_t n, char *first /* [600]; may be NULL */)
{
    struct witness_answer a;
    witness_add(w, body, n, &a);
    int status = a.status;
    assert_non_null(a.type);
    if (first) snprintf(first, 600, "%.*s", (int)a.body.len, a.body.data ? a.body.data : "");
    if (status == 409) assert_string_equal(a.type, "text/x.tlog.size");
    witness_answer_free(&a);
    return status;
}

static int ask_from(struct world *x, uint64_t old, char *first)
{
    struct buf r;
    request_from(x->l, old, &r);
    int status = ask(x->w, r.data, r.len, first);
    buf_free(&r);
    return status;
}

/* The answer is one cosignature line over that checkpoint. */
static void assert_cosigned(struct world *x, const char *line)
{
    struct buf note = {0};
    struct note by;
    const struct note_key *keys[] = {&x->own};
    const char *text = ledger_checkpoint(x->l);
    assert_ok(buf_puts(&note, text));
    assert_ok(buf_puts(&note, line));
    assert_ok(note_open("answer", note.data, note.len, keys, 1, &by));
    assert_int_equal(by.n, 1);
    assert_true(by.by[0].time > 1700000000);
    buf_free(&note);
}

static void grow(struct world *x, size_t n)
{
    uint64_t size;
    assert_ok(ledger_size(x->l, &size));
    assert_ok(append_texts(x->l, size, n, NULL));
}

/* ---- what is said ---- */

static void signs_what_grows(void **state)
{
    struct world *x = *state;
    char line[600];
    assert_int_equal(ask_from(x, 0, line), 200);
    assert_cosigned(x, line);
    assert_int_equal(ask_from(x, 20, line), 200);      /* the same once more */
    assert_cosigned(x, line);
    for (int i = 0; i < 5; i++) {
        grow(x, 7);
        assert_int_equal(ask_from(x, 20 + 7 * (uint64_t)i, line), 200);
        assert_cosigned(x, line);
    }
    assert_int_equal(ask_from(x, 20, line), 409);
    assert_string_equal(line, "55\n");
    assert_int_equal(ask_from(x, 0, line), 409);
}

static void remembers_after_a_restart(void **state)
{
    struct world *x = *state;
    const char *trust = ledger_vkey(x->l);
    char line[600];
    assert_int_equal(ask_from(x, 0, NULL), 200);
    witness_close(x->w);
    assert_ok(witness_open(in_home("witness"), NULL, &trust, 1, &x->w));
    struct note_key again;
    assert_ok(note_key_parse("witness", witness_vkey(x->w), &again));
    assert_memory_equal(&again, &x->own, sizeof again);
    assert_int_equal(ask_from(x, 0, line), 409);
    assert_string_equal(line, "20\n");
    assert_int_equal(ask_from(x, 20, line), 200);
}

static void refuses_what_is_no_request(void **state)
{
    struct world *x = *state;
    static const char *const bad[] = {"", "old 0\n", "hello\n", "old 0\n\nhello\n", "old -1\n\n", "old 0\nAAAA\n\n"};
    char line[600], *large = calloc(1, WITNESS_BODY + 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ask(x->w, bad[i], strlen(bad[i]), line), 400);
        assert_true(strlen(line) > 10 && strchr(line, '\n') == line + strlen(line) - 1);
    }
    assert_int_equal(ask(x->w, large, WITNESS_BODY + 1, line), 400);
    free(large);
    /* an inclusion proof, a proof that is too long, an old size above the new one */
    struct proof p;
    struct buf r = {0};
    assert_ok(proof_of_entry(x->l, 3, NULL, 0, &p));
    assert_ok(proof_write(&p, &r));
    assert_int_equal(ask(x->w, r.data, r.len, line), 400);
    p.kind = PROOF_CONSISTENCY;
    p.hashes = 64;
    r.len = 0;
    assert_ok(proof_write(&p, &r));
    assert_int_equal(ask(x->w, r.data, r.len, line), 400);
    p.hashes = 0;
    p.index = 21;
    r.len = 0;
    assert_ok(proof_write(&p, &r));
    assert_int_equal(ask(x->w, r.data, r.len, line), 400);
    assert_non_null(strstr(line, "is above the checkpoint's"));
    proof_free(&p);
    buf_free(&r);
}

/* A checkpoint of `key`, with any size and root. */
static void forge(const struct note_signer *key, uint64_t old, uint64_t size, uint8_t first, struct buf *to)
{
    struct checkpoint c = {.size = size};
    struct buf text = {0};
    *to = (struct buf){0};
    strcpy(c.origin, key->key.name);
    c.root[0] = first;
    assert_ok(checkpoint_print(&c, &text));
    assert_ok(buf_printf(to, "old %d\n\n%s\n", (int)old, text.data));
    assert_ok(note_sign(text.data, text.len, key, 0, to));
    buf_free(&text);
}

static void refuses_strangers(void **state)
{
    struct world *x = *state;
    struct note_signer stranger, namesake;
    struct buf r;
    char line[600];
    assert_ok(note_signer_make("stranger.example/log", NOTE_ED25519, &stranger));
    assert_ok(note_signer_make(x->log.name, NOTE_ED25519, &namesake));
    forge(&stranger, 0, 5, 1, &r);
    assert_int_equal(ask(x->w, r.data, r.len, line), 404);
    buf_free(&r);
    forge(&namesake, 0, 5, 1, &r);                     /* the right origin, another key */
    assert_int_equal(ask(x->w, r.data, r.len, line), 403);
    buf_free(&r);
    request_from(x->l, 0, &r);                         /* the right key, another text */
    *strstr(r.data, "\n20\n") = '\n';
    strstr(r.data, "\n20\n")[1] = '3';
    assert_int_equal(ask(x->w, r.data, r.len, line), 403);
    buf_free(&r);
    struct witness_answer a;
    witness_get(x->w, "0000000000000000000000000000000000000000000000000000000000000000", &a);
    assert_int_equal(a.status, 404);
    witness_answer_free(&a);
    witness_get(x->w, "../key", &a);
    assert_int_equal(a.status, 404);
    witness_answer_free(&a);
}

/* Somebody who has the log's key, and bends the log. */
static void refuses_forks(void **state)
{
    struct world *x = *state;
    struct note_signer key;
    struct buf r;
    char line[600];
    assert_int_equal(ask_from(x, 0, NULL), 200);
    assert_ok(keys_load(in_home("keys/ledger.key"), &key));
    forge(&key, 20, 20, 1, &r);                        /* the same size, another root */
    assert_int_equal(ask(x->w, r.data, r.len, line), 422);
    assert_non_null(strstr(line, "a fork: there are two checkpoints"));
    buf_free(&r);
    forge(&key, 20, 25, 1, &r);                        /* grown into something else, no proof */
    assert_int_equal(ask(x->w, r.data, r.len, line), 422);
    buf_free(&r);
    forge(&key, 20, 10, 1, &r);                        /* shrunk */
    assert_int_equal(ask(x->w, r.data, r.len, line), 400);
    buf_free(&r);
    forge(&key, 10, 10, 1, &r);                        /* shrunk, and so said */
    assert_int_equal(ask(x->w, r.data, r.len, line), 409);
    buf_free(&r);
    forge(&key, 0, 30, 1, &r);                         /* as if nothing had been */
    assert_int_equal(ask(x->w, r.data, r.len, line), 409);
    buf_free(&r);
    /* a true checkpoint with a proof that is one hash too long, one bit wrong, one short */
    grow(x, 13);
    struct proof p;
    struct checkpoint old = {.size = 20};
    strcpy(old.origin, x->log.name);
    assert_ok(ledger_root(x->l, 20, old.root));
    assert_ok(proof_of_growth(x->l, &old, &p));
    size_t hashes = p.hashes;
    assert_true(hashes > 1);
    for (int how = 0; how < 3; how++) {
        r = (struct buf){0};
        p.hashes = how == 0 ? hashes + 1 : how == 1 ? hashes - 1 : hashes;
        p.hash[0][0] ^= how == 2;
        assert_ok(proof_write(&p, &r));
        assert_int_equal(ask(x->w, r.data, r.len, line), 422);
        buf_free(&r);
    }
    proof_free(&p);
    assert_int_equal(ask_from(x, 20, line), 200);      /* the truth still passes */
    assert_cosigned(x, line);
}

static void an_empty_log_has_one_root(void **state)
{
    struct world *x = *state;
    struct note_signer key;
    struct buf r;
    char line[600];
    assert_ok(keys_load(in_home("keys/ledger.key"), &key));
    forge(&key, 0, 0, 1, &r);
    assert_int_equal(ask(x->w, r.data, r.len, line), 422);
    buf_free(&r);
    struct checkpoint c = {.size = 0};
    struct buf text = {0};
    strcpy(c.origin, key.key.name);
    assert_ok(merkle_fold(NULL, 0, c.root));
    assert_ok(checkpoint_print(&c, &text));
    assert_ok(buf_printf(&r, "old 0\n\n%s\n", text.data));
    assert_ok(note_sign(text.data, text.len, &key, 0, &r));
    assert_int_equal(ask(x->w, r.data, r.len, line), 200);
    buf_free(&r);
    buf_free(&text);
    assert_int_equal(ask_from(x, 0, line), 200);
    /* a proof from nothing has no hashes */
    struct proof p;
    assert_ok(proof_of_entry(x->l, 3, NULL, 0, &p));
    witness_close(x->w);
    shell("rm -rf '%s'", in_home("witness"));
    const char *trust = ledger_vkey(x->l);
    assert_ok(witness_open(in_home("witness"), NULL, &trust, 1, &x->w));
    p.kind = PROOF_CONSISTENCY;
    p.index = 0;
    assert_ok(proof_write(&p, &r));
    assert_int_equal(ask(x->w, r.data, r.len, line), 422);
    buf_free(&r);
    proof_free(&p);
}

static void a_changed_record_is_noticed(void **state)
{
    struct world *x = *state;
    char line[600];
    assert_int_equal(ask_from(x, 0, NULL), 200);
    shell("cd '%s' && sed -i '2s/20/10/' witness/*/checkpoint", home);
    assert_int_equal(ask_from(x, 20, line), 500);
    assert_non_null(strstr(line, "is wrong"));
    shell("cd '%s' && for f in witness/*/checkpoint; do : > $f; done", home);
    assert_int_equal(ask_from(x, 20, line), 500);
}

static void folders_that_are_none(void **state)
{
    struct world *x = *state;
    struct witness *w;
    const char *own = witness_vkey(x->w), *none = "no key";
    assert_fails(witness_open(in_home("witness"), "another.name", NULL, 0, &w), HEARTH_EUSAGE, "is called witness.test/w, not another.name");
    assert_fails(witness_open(in_home("witness"), NULL, &own, 1, &w), HEARTH_EUSAGE, "is a witness's; a log's is wanted");
    assert_fails(witness_open(in_home("witness"), NULL, &none, 1, &w), HEARTH_EFORMAT, "--trust");
    assert_fails(witness_open(in_home("new"), "a name", NULL, 0, &w), HEARTH_EUSAGE, "a name");
    shell("cd '%s' && printf '# the class\\n\\n%s\\n' > witness/logs", home, ledger_vkey(x->l));
    assert_ok(witness_open(in_home("witness"), NULL, NULL, 0, &w));
    assert_int_equal(witness_logs(w), 1);
    witness_close(w);
    shell("cd '%s' && echo nonsense >> witness/logs", home);
    assert_fails(witness_open(in_home("witness"), NULL, NULL, 0, &w), HEARTH_EFORMAT, "logs: line 4");
    shell("cd '%s' && rm witness/logs && chmod 644 witness/key", home);
    assert_fails(witness_open(in_home("witness"), NULL, NULL, 0, &w), HEARTH_EIO, "others can read");
    shell("cd '%s' && cp keys/ledger.key witness/key && chmod 600 witness/key", home);
    assert_fails(witness_open(in_home("witness"), NULL, NULL, 0, &w), HEARTH_EFORMAT, "a log's key, where a witness's must be");
    shell("cd '%s' && rm witness/key", home);          /* teardown closes the old handle only */
}

/* ---- many at once ---- */

struct racer { struct world *x; char *body; size_t n; int status; };

static void *race(void *arg)
{
    struct racer *r = arg;
    r->status = ask(r->x->w, r->body, r->n, NULL);
    return NULL;
}

/* Eight different successors of one checkpoint, of one log and of its forks: exactly one is signed. */
static void one_of_many(void **state)
{
    struct world *x = *state;
    enum { MANY = 8 };
    struct racer r[MANY];
    pthread_t t[MANY];
    assert_int_equal(ask_from(x, 0, NULL), 200);
    for (int i = 0; i < MANY; i++) {
        struct ledger *fork_of;
        struct buf body;
        char dir[64];
        snprintf(dir, sizeof dir, "fork%d/ledger", i);
        shell("cd '%s' && mkdir fork%d && cp -r ledger keys fork%d", home, i, i);
        assert_ok(ledger_open(in_home(dir), LEDGER_APPEND, &fork_of));
        assert_ok(append_texts(fork_of, 1000 * (uint64_t)(i + 1), 5, NULL));
        request_from(fork_of, 20, &body);
        ledger_close(fork_of);
        r[i] = (struct racer){x, body.data, body.len, 0};
    }
    for (int i = 0; i < MANY; i++) assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
    int signed_ones = 0;
    for (int i = 0; i < MANY; i++) {
        pthread_join(t[i], NULL);
        signed_ones += r[i].status == 200;
        assert_true(r[i].status == 200 || r[i].status == 409);
        free(r[i].body);
    }
    assert_int_equal(signed_ones, 1);
}

/* ---- by HTTP ---- */

static void by_http(void **state)
{
    struct world *x = *state;
    struct witness_server *s;
    struct witness_kept *k = NULL, *all;
    size_t n;
    char url[80], *best;
    assert_ok(witness_listen(x->w, "127.0.0.1:0", NULL, NULL, &s));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", witness_port(s));
    assert_fails(witness_submit(x->l, url, NULL, &k), HEARTH_EUSAGE, "its key must be said once");
    assert_fails(witness_submit(x->l, url, ledger_vkey(x->l), &k), HEARTH_EUSAGE, "is a log's");
    assert_ok(witness_submit(x->l, url, witness_vkey(x->w), &k));
    assert_int_equal(k->at.size, 20);
    witness_kept_free(k, 1);
    grow(x, 300);
    assert_ok(witness_submit(x->l, url, NULL, &k));
    assert_int_equal(k->at.size, 320);
    assert_string_equal(k->key.name, "witness.test/w");
    witness_kept_free(k, 1);
    assert_ok(witness_list(x->l, &all, &n));
    assert_int_equal(n, 1);
    assert_ok(witness_best(all, n, &best));
    struct proof p;
    struct note by;
    const struct note_key keys[] = {x->log, x->own};
    assert_ok(proof_of_entry(x->l, 7, best, 1, &p));
    assert_ok(proof_check_signatures("p", &p, keys, 2, &by));
    assert_ok(proof_check_entry("p", &p, p.extra, p.extra_n));
    proof_free(&p);
    free(best);
    witness_kept_free(all, n);
    /* what was kept is lost: the witness says where it stands */
    shell("rm -rf '%s'/ledger/witnesses", home);
    grow(x, 1);
    assert_ok(witness_submit(x->l, url, witness_vkey(x->w), &k));
    assert_int_equal(k->at.size, 321);
    witness_kept_free(k, 1);
    /* what was kept is changed */
    shell("cd '%s' && sed -i '2s/321/320/' ledger/witnesses/*/checkpoint", home);
    assert_fails(witness_submit(x->l, url, witness_vkey(x->w), &k), HEARTH_ECHECKSUM, "is wrong");
    assert_fails(witness_list(x->l, &all, &n), HEARTH_ECHECKSUM, "is wrong");
    witness_stop(s);
    assert_fails(witness_post(url, "x", 1, 100, &(long){0}, &(struct buf){0}), HEARTH_ENETWORK, url);
    assert_fails(witness_post("file:///etc/passwd", "x", 1, 100, &(long){0}, &(struct buf){0}), HEARTH_EUSAGE, "begins with https");
}

/* Two witnesses of one checkpoint: a proof carries both. */
static void two_witnesses(void **state)
{
    struct world *x = *state;
    struct witness *w2;
    struct witness_server *s, *s2;
    struct witness_kept *k;
    const char *trust = ledger_vkey(x->l);
    char url[80], *best;
    size_t n;
    assert_ok(witness_open(in_home("second"), NULL, &trust, 1, &w2));
    assert_ok(witness_listen(x->w, "127.0.0.1:0", NULL, NULL, &s));
    assert_ok(witness_listen(w2, "[::1]:0", NULL, NULL, &s2));
    snprintf(url, sizeof url, "http://127.0.0.1:%d", witness_port(s));
    assert_ok(witness_submit(x->l, url, witness_vkey(x->w), &k));
    witness_kept_free(k, 1);
    snprintf(url, sizeof url, "http://[::1]:%d", witness_port(s2));
    assert_ok(witness_submit(x->l, url, witness_vkey(w2), &k));
    witness_kept_free(k, 1);
    assert_ok(witness_list(x->l, &k, &n));
    assert_int_equal(n, 2);
    assert_ok(witness_best(k, n, &best));
    struct note_key keys[] = {x->log, x->own, {.type = 0}};
    assert_ok(note_key_parse("w2", witness_vkey(w2), &keys[2]));
    struct proof p;
    struct note by;
    assert_ok(proof_of_entry(x->l, 7, best, 0, &p));
    assert_ok(proof_check_signatures("p", &p, keys, 3, &by));
    assert_int_equal(by.n, 3);
    proof_free(&p);
    free(best);
    witness_kept_free(k, n);
    witness_stop(s);
    witness_stop(s2);
    witness_close(w2);
}

static void forks_by_http(void **state)
{
    struct world *x = *state;
    struct witness_server *s;
    struct witness_kept *k;
    struct ledger *evil;
    char url[80];
    assert_ok(witness_listen(x->w, "127.0.0.1:0", NULL, NULL, &s));
    snprintf(url, sizeof url, "http://127.0.0.1:%d", witness_port(s));
    assert_ok(witness_submit(x->l, url, witness_vkey(x->w), &k));
    witness_kept_free(k, 1);
    shell("cd '%s' && mkdir evil && cp -r ledger keys evil", home);
    assert_ok(ledger_open(in_home("evil/ledger"), LEDGER_APPEND, &evil));
    assert_ok(append_texts(evil, 5000, 6, NULL));
    grow(x, 9);
    assert_ok(witness_submit(x->l, url, NULL, &k));
    witness_kept_free(k, 1);
    assert_fails(witness_submit(evil, url, NULL, &k), HEARTH_ECHECKSUM, "it has signed 29 entries of");
    assert_ok(append_texts(evil, 6000, 6, NULL));
    assert_fails(witness_submit(evil, url, NULL, &k), HEARTH_ECHECKSUM, "refuses this ledger as a fork");
    /* and this side notices by itself that it is not what was signed */
    shell("cd '%s' && rm -rf evil/ledger/witnesses && cp -r ledger/witnesses evil/ledger", home);
    assert_fails(witness_submit(evil, url, NULL, &k), HEARTH_ECHECKSUM, "does not contain the 29 entries that the witness witness.test/w signed before");
    ledger_close(evil);
    witness_stop(s);
}

static void addresses(void **state)
{
    struct world *x = *state;
    static const char *const bad[] = {"", "127.0.0.1", ":8000", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:8000", "127.0.0.1:-1",
                                      "127.0.0.1:123456"};
    struct witness_server *s, *again;
    char address[40];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(witness_listen(x->w, bad[i], NULL, NULL, &s), HEARTH_EUSAGE, "is no address to listen at");
    assert_ok(witness_listen(x->w, "127.0.0.1:0", NULL, NULL, &s));
    snprintf(address, sizeof address, "127.0.0.1:%d", witness_port(s));
    assert_fails(witness_listen(x->w, address, NULL, NULL, &again), HEARTH_EIO, address);
    witness_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signs_what_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(remembers_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_forks, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_log_has_one_root, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_record_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_many, setup, teardown),
        cmocka_unit_test_setup_teardown(by_http, setup, teardown),
        cmocka_unit_test_setup_teardown(two_witnesses, setup, teardown),
        cmocka_unit_test_setup_teardown(forks_by_http, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

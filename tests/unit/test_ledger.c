/* The ledger as its callers see it: entries, proofs, and every kind of bad input with its sentence. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "ledger_test.h"

static char dir[96];

/* What a crash leaves is tested in test_ledger_crash.c; here nothing waits for the disk. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

static int fresh(void **state)
{
    int bad = home_make(state);
    snprintf(dir, sizeof dir, "%s/ledger", home);
    return bad;
}

/* ---- what works ---- */

static void one_by_one(void **state)
{
    struct ledger *l;
    uint64_t size = 1, at;
    char text[256];
    void *data;
    size_t n;
    (void)state;
    assert_fails(ledger_open(dir, LEDGER_READ, &l), HEARTH_ENOTFOUND, "there is no ledger here yet");
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(ledger_size(l, &size));
    assert_int_equal(size, 0);
    assert_null(ledger_checkpoint(l));
    assert_fails(ledger_entry(l, 0, &data, &n), HEARTH_ENOTFOUND, "the ledger is empty");
    assert_ok(ledger_verify(l, &size, NULL, NULL));
    for (uint64_t i = 0; i < 300; i++) {
        assert_ok(append_texts(l, i, 1, &at));
        assert_int_equal(at, i);
        if (i % 40 == 0 || i > 250) assert_good(dir, i + 1);
    }
    assert_ok(ledger_append(l, NULL, 0, &at));             /* nothing: no harm */
    for (uint64_t i = 0; i < 300; i++) {
        assert_ok(ledger_entry(l, i, &data, &n));
        assert_int_equal(n, entry_text(i, text));
        assert_memory_equal(data, text, n);
        free(data);
    }
    assert_fails(ledger_entry(l, 300, &data, &n), HEARTH_ENOTFOUND, "there is no entry 300; the last is 299");
    assert_non_null(strstr(ledger_checkpoint(l), "\n300\n"));
    assert_true(!strncmp(ledger_checkpoint(l), ledger_origin(l), strlen(ledger_origin(l))));
    ledger_close(l);
    assert_int_equal(access(in_home("ledger/tile/entries/000.p"), F_OK), -1);   /* whole now */
    assert_int_equal(access(in_home("ledger/tile/entries/001.p/44"), F_OK), 0);
    assert_int_equal(access(in_home("ledger/tile/entries/001.p/43"), F_OK), -1);
}

/* Any grouping of the same entries makes the same tree. */
static void groupings(void **state)
{
    static const size_t group[] = {1, 7, 255, 256, 257, 600};
    uint8_t first[32], root[32];
    struct ledger *l;
    (void)state;
    for (size_t i = 0; i < sizeof group / sizeof *group; i++) {
        char name[32];
        snprintf(name, sizeof name, "g%zu/ledger", group[i]);
        shell("mkdir '%s/g%zu'", home, group[i]);
        make_log(in_home(name), 600, group[i]);
        assert_good(in_home(name), 600);
        assert_ok(ledger_open(in_home(name), LEDGER_READ, &l));
        assert_ok(ledger_root(l, 600, i ? root : first));
        ledger_close(l);
        if (i) assert_memory_equal(first, root, 32);
    }
}

static void limits(void **state)
{
    static char large[ENTRY_MAX + 1];
    struct ledger_bytes e[2] = {{large, ENTRY_MAX}, {large, 0}};
    struct ledger *l;
    void *data;
    size_t n;
    (void)state;
    memset(large, 0xff, sizeof large);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(ledger_append(l, e, 2, NULL));
    e[1].n = ENTRY_MAX + 1;
    assert_fails(ledger_append(l, e, 2, NULL), HEARTH_ELIMIT, "an entry of 65536 bytes; a ledger's have at most 65535");
    assert_ok(ledger_entry(l, 0, &data, &n));
    assert_int_equal(n, ENTRY_MAX);
    assert_memory_equal(data, large, n);
    free(data);
    assert_ok(ledger_entry(l, 1, &data, &n));
    assert_int_equal(n, 0);
    free(data);
    ledger_close(l);
    assert_good(dir, 2);
    assert_ok(ledger_open(dir, LEDGER_READ, &l));
    assert_fails(ledger_append(l, e, 1, NULL), HEARTH_EUSAGE, "opened for reading");
    ledger_close(l);
}

static void proofs(void **state)
{
    static const uint64_t size[] = {1, 2, 3, 255, 256, 257, 300, 511, 512, 700};
    uint8_t root[10][32], leaf[32], (*proof)[32];
    struct ledger *l;
    size_t n;
    (void)state;
    make_log(dir, 700, 100);
    assert_ok(ledger_open(dir, LEDGER_READ, &l));
    for (int s = 0; s < 10; s++) {
        assert_ok(ledger_root(l, size[s], root[s]));
        for (uint64_t i = 0; i < size[s]; i += 1 + i / 3) {
            assert_ok(ledger_inclusion(l, i, size[s], &proof, &n));
            assert_ok(ledger_leaf(l, i, leaf));
            assert_ok(merkle_check_inclusion(i, size[s], leaf, (const uint8_t (*)[32])proof, n, root[s]));
            free(proof);
        }
        for (int old = 0; old <= s; old++) {
            assert_ok(ledger_consistency(l, size[old], size[s], &proof, &n));
            assert_ok(merkle_check_consistency(size[old], size[s], root[old], root[s], (const uint8_t (*)[32])proof, n));
            free(proof);
        }
    }
    assert_fails(ledger_inclusion(l, 700, 700, &proof, &n), HEARTH_EUSAGE, "entry 700 is not among the 700");
    assert_fails(ledger_inclusion(l, 0, 701, &proof, &n), HEARTH_EUSAGE, "a tree of 701 entries was asked for, but there are 700");
    assert_fails(ledger_consistency(l, 3, 2, &proof, &n), HEARTH_EUSAGE, "cannot have grown");
    assert_fails(ledger_leaf(l, 700, leaf), HEARTH_EUSAGE, "there are 700");
    assert_fails(ledger_root(l, ~0ull, leaf), HEARTH_EUSAGE, "there are 700");
    ledger_close(l);
}

static int count(void *user, uint64_t i, const void *data, size_t n)
{
    uint64_t *seen = user;
    char text[256];
    assert_int_equal(n, entry_text(i, text));
    assert_memory_equal(data, text, n);
    return ++*seen == 310;
}

static void walking(void **state)
{
    struct ledger *l;
    uint64_t seen = 0;
    (void)state;
    make_log(dir, 520, 520);
    assert_ok(ledger_open(dir, LEDGER_READ, &l));
    assert_ok(ledger_each(l, 200, 300, count, &seen));
    assert_int_equal(seen, 100);
    assert_ok(ledger_each(l, 250, ~0ull, count, &seen));   /* stops after 210 more */
    assert_int_equal(seen, 310);
    assert_ok(ledger_each(l, 520, 600, count, &seen));
    assert_ok(ledger_each(l, 9, 3, count, &seen));
    assert_int_equal(seen, 310);
    ledger_close(l);
}

/* A handle that was opened before follows what others append through theirs. */
static void two_handles(void **state)
{
    struct ledger *a, *b, *reader;
    uint64_t at, size;
    (void)state;
    assert_ok(ledger_open(dir, LEDGER_APPEND, &a));
    assert_ok(ledger_open(dir, LEDGER_APPEND, &b));
    assert_ok(ledger_open(dir, LEDGER_READ, &reader));
    for (uint64_t i = 0; i < 300; i++) {
        uint8_t (*proof)[32];
        size_t n;
        assert_ok(append_texts(i % 3 ? a : b, i, 1, &at));
        assert_int_equal(at, i);
        if (i % 10) continue;
        assert_ok(ledger_inclusion(reader, i / 2, i + 1, &proof, &n));
        free(proof);
    }
    assert_ok(ledger_verify(reader, &size, NULL, NULL));
    assert_int_equal(size, 300);
    ledger_close(a);
    ledger_close(b);
    ledger_close(reader);
}

/* Several processes begin with nothing at the same time: one key, one ledger. */
static void first_at_once(void **state)
{
    enum { CHILDREN = 6 };
    (void)state;
    for (int round = 0; round < 8; round++) {
        pid_t child[CHILDREN];
        int go[2];
        char byte, name[32];
        snprintf(name, sizeof name, "r%d/ledger", round);
        const char *at = in_home(name);
        shell("mkdir '%s/r%d'", home, round);
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < CHILDREN; i++) {
            struct ledger *l;
            child[i] = fork();
            assert_true(child[i] >= 0);
            if (child[i]) continue;
            close(go[1]);
            if (read(go[0], &byte, 1) != 0) _exit(9);      /* until the parent closes it */
            enum hearth_status st = ledger_open(at, LEDGER_APPEND, &l);
            if (st == HEARTH_OK) st = append_texts(l, 0, 1, NULL);
            if (st != HEARTH_OK) fprintf(stderr, "# %s\n", hearth_errmsg());
            _exit(st != HEARTH_OK);
        }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < CHILDREN; i++) {
            int status;
            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_int_equal(status, 0);
        }
        assert_good(at, CHILDREN);
    }
}

/* ---- bad input ---- */

/* All calls that read or write this log fail that way; nothing in it changed. */
static void refused(enum hearth_status status, const char *words)
{
    struct ledger *l;
    uint64_t at;
    shell("cd '%s' && find . -type f ! -name lock -exec sha256sum {} + | sort > '%s/before'", dir, home);
    enum hearth_status st = ledger_open(dir, LEDGER_APPEND, &l);
    if (st == HEARTH_OK) {
        assert_fails(append_texts(l, 1, 2, &at), status, words);
        assert_fails(append_texts(l, 1, 2, &at), status, words);
        ledger_close(l);
    } else if (st != status || !strstr(hearth_errmsg(), words)) {
        fail_msg("%s, wanted %s", hearth_errmsg(), words);
    }
    shell("cd '%s' && find . -type f ! -name lock -exec sha256sum {} + | sort | cmp - '%s/before'", dir, home);
}

static void foreign_checkpoints(void **state)
{
    struct ledger *l;
    uint64_t size;
    (void)state;
    shell("mkdir '%s/other'", home);
    make_log(in_home("other/ledger"), 5, 5);
    make_log(dir, 5, 5);
    shell("cp '%s/other/ledger/checkpoint' '%s/checkpoint'", home, dir);    /* another key and origin */
    refused(HEARTH_ECHECKSUM, "not signed by this ledger's key");
    assert_fails(verify_log(dir, &size), HEARTH_ECHECKSUM, "ledger/checkpoint: not signed by this ledger's key");
    /* the same key, another origin */
    struct note_signer s;
    struct buf b = {0};
    char text[256];
    assert_ok(keys_load(in_home("keys/ledger.key"), &s));
    sprintf(text, "another.example/log\n5\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n");
    assert_ok(buf_printf(&b, "%s\n", text));
    assert_ok(note_sign(text, strlen(text), &s, 0, &b));
    write_file(in_home("ledger/checkpoint"), b.data, b.len);
    buf_free(&b);
    refused(HEARTH_ECHECKSUM, "a checkpoint of the ledger another.example/log, where one of hearth.local/");
    /* somebody else's whole ledger is read with their key only */
    char vkey[512] = "";
    FILE *f = fopen(in_home("other/keys/ledger.vkey"), "r");
    assert_non_null(f);
    assert_non_null(fgets(vkey, sizeof vkey, f));
    fclose(f);
    assert_ok(ledger_open_foreign(in_home("other/ledger"), vkey, &l));
    assert_ok(ledger_verify(l, &size, NULL, NULL));
    assert_int_equal(size, 5);
    assert_fails(append_texts(l, 0, 1, &size), HEARTH_EUSAGE, "opened for reading");
    ledger_close(l);
    assert_ok(ledger_open_foreign(dir, vkey, &l));
    assert_fails(ledger_verify(l, &size, NULL, NULL), HEARTH_ECHECKSUM, "not signed by this ledger's key");
    ledger_close(l);
}

static void bad_key_files(void **state)
{
    struct ledger *l;
    (void)state;
    make_log(dir, 5, 5);
    assert_int_equal(chmod(in_home("keys/ledger.key"), 0644), 0);
    refused(HEARTH_EIO, "ledger.key: others can read this key (mode 0644)");
    assert_good(dir, 5);                                   /* reading needs no secret */
    assert_int_equal(chmod(in_home("keys/ledger.key"), 0600), 0);
    shell("mv '%s/keys/ledger.key' '%s/keys/k' && ln -s k '%s/keys/ledger.key'", home, home, home);
    refused(HEARTH_EIO, "ledger.key: a symbolic link");
    shell("rm '%s/keys/ledger.key'", home);                /* lost: a new key would be another ledger's */
    refused(HEARTH_ECHECKSUM, "not the public half of ledger.key beside it");
    write_text(in_home("keys/ledger.key"), "nonsense\n");
    assert_int_equal(chmod(in_home("keys/ledger.key"), 0600), 0);
    refused(HEARTH_EFORMAT, "ledger.key: not a private key");
    shell("mv -f '%s/keys/k' '%s/keys/ledger.key'", home, home);
    write_text(in_home("keys/ledger.vkey"), "nonsense\n");
    refused(HEARTH_EFORMAT, "ledger.vkey: not a key");
    assert_fails(ledger_open(dir, LEDGER_READ, &l), HEARTH_EFORMAT, "ledger.vkey: not a key");
    shell("rm '%s/keys/ledger.vkey'", home);
    assert_good(dir, 5);                                   /* the private key has the public one in it */
    make_log(in_home("x/ledger"), 1, 1);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));        /* made again */
    ledger_close(l);
    assert_int_equal(access(in_home("keys/ledger.vkey"), F_OK), 0);
}

static void damaged_files(void **state)
{
    static const struct { const char *damage; enum hearth_status status; const char *words; } what[] = {
        {"rm tile/0/001.p/44", HEARTH_ECHECKSUM, "tile/0/001.p/44: not there, though the checkpoint says 300 entries"},
        {"rm -r tile", HEARTH_ECHECKSUM, "tile/entries/000: not there"},
        {"truncate -s -1 tile/0/001.p/44", HEARTH_EFORMAT, "tile/0/001.p/44: 1407 bytes, but 44 hashes have 1408"},
        {"truncate -s -9 tile/entries/001.p/44", HEARTH_EFORMAT, "tile/entries/001.p/44: the file ends inside entry 299"},
        {"truncate -s 0 tile/entries/001.p/44", HEARTH_EFORMAT, "the file ends inside entry 256 (0 bytes are left, 2 are needed)"},
        {"printf x >> tile/entries/001.p/44", HEARTH_EFORMAT, "tile/entries/001.p/44: 1 bytes more than its 44 entries have"},
        {"truncate -s 20000000 tile/entries/001.p/44", HEARTH_EFORMAT, "20000000 bytes, where at most 16777472 can be"},
        {"mv tile/entries e && ln -s ../e tile/entries", HEARTH_EIO, "tile/entries: a symbolic link, where the ledger's own files must be"},
        {"mv tile/0/001.p x && ln -s ../../x tile/0/001.p", HEARTH_EIO, "tile/0/001.p: a symbolic link"},
        {"mv tile/1/000.p/1 y && ln -s ../../../y tile/1/000.p/1", HEARTH_EIO, "tile/1/000.p/1: a symbolic link"},
        {"mv checkpoint c && ln -s c checkpoint", HEARTH_EIO, "ledger/checkpoint: a symbolic link"},
        {"rm tile/0/001.p/44 && mkfifo tile/0/001.p/44", HEARTH_EIO, "tile/0/001.p/44: not a regular file"},
        {"rm tile/0/001.p/44 && mkdir tile/0/001.p/44", HEARTH_EIO, "tile/0/001.p/44: not a regular file"},
        {"rm checkpoint", HEARTH_ECHECKSUM, "0 entries, but its key has signed 300"},
        {": > checkpoint", HEARTH_EFORMAT, "ledger/checkpoint: not a signed note"},
        {"head -c 60 checkpoint > c && mv c checkpoint", HEARTH_EFORMAT, "ledger/checkpoint: not a signed note"},
        {"sed -i 2s/300/301/ checkpoint", HEARTH_ECHECKSUM, "ledger/checkpoint: the signature in the name of hearth.local/"},
        {"head -c 2000000 /dev/zero > checkpoint", HEARTH_EFORMAT, "2000000 bytes, where at most 1048576 can be"},
        {"cp ../older checkpoint", HEARTH_ECHECKSUM, "299 entries, but its key has signed 300"},
    };
    uint64_t size;
    (void)state;
    make_log(dir, 299, 299);
    shell("cp '%s/checkpoint' '%s/older'", dir, home);
    struct ledger *l;
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(append_texts(l, 299, 1, NULL));
    ledger_close(l);
    shell("cp -r '%s' '%s/good'", dir, home);
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        shell("cd '%s' && rm -rf ledger && cp -r good ledger && cd ledger && %s", home, what[i].damage);
        assert_fails(verify_log(dir, &size), what[i].status, what[i].words);
        if (i != 1) refused(what[i].status, what[i].words);
    }
    /* whatever lies beyond the checkpoint means nothing: a crash may have left it */
    shell("cd '%s' && rm -rf ledger && cp -r good ledger && cd ledger/tile && : > 0/001 && : > entries/001.p/45 && : > 0/001.p/45 && "
          "printf x > entries/002 && printf y > ../checkpoint.tmp", home);
    assert_good(dir, 300);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(append_texts(l, 300, 1, &size));
    assert_int_equal(size, 300);
    assert_good(dir, 301);
    assert_ok(append_texts(l, 301, 400, &size));
    assert_good(dir, 701);
    ledger_close(l);
}

/* An older ledger, or another one signed by the same key, in its place. */
static void forks(void **state)
{
    struct ledger *l;
    uint64_t size;
    (void)state;
    make_log(dir, 300, 300);
    shell("cp -r '%s' '%s/old' && cp '%s/keys/ledger.last' '%s/last'", dir, home, home, home);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(append_texts(l, 300, 5, NULL));
    shell("rm -rf '%s' && cp -r '%s/old' '%s'", dir, home, dir);
    ledger_close(l);
    refused(HEARTH_ECHECKSUM, "300 entries, but its key has signed 305");
    assert_fails(verify_log(dir, &size), HEARTH_ECHECKSUM, "an older ledger was put in its place, or its end was cut off");
    /* grown on from there with the memory removed, then the memory comes back */
    shell("mv '%s/keys/ledger.last' '%s/last5' && cp '%s/last' '%s/keys/ledger.last'", home, home, home, home);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    assert_ok(append_texts(l, 1000, 9, NULL));
    ledger_close(l);
    assert_good(dir, 309);
    shell("cp '%s/last5' '%s/keys/ledger.last'", home, home);
    refused(HEARTH_ECHECKSUM, "its first 305 entries are not those that its key has signed before");
    assert_fails(verify_log(dir, &size), HEARTH_ECHECKSUM, "this is a fork");
    write_text(in_home("keys/ledger.last"), "nonsense");
    refused(HEARTH_EFORMAT, "keys/ledger.last: not a signed note");
}

/* The checkpoint goes back, or changes, under a handle that has seen it. */
static void changed_meanwhile(void **state)
{
    struct ledger *l, *w;
    uint64_t size;
    (void)state;
    make_log(dir, 3, 3);
    shell("cp '%s/checkpoint' '%s/older'", dir, home);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &w));
    assert_ok(append_texts(w, 3, 1, NULL));
    ledger_close(w);
    assert_ok(ledger_open(dir, LEDGER_READ, &l));
    assert_ok(ledger_size(l, &size));
    shell("cp '%s/older' '%s/checkpoint'", home, dir);
    assert_fails(ledger_size(l, &size), HEARTH_ECHECKSUM, "3 entries, where there were 4 a moment ago");
    shell("rm '%s/checkpoint'", dir);
    assert_fails(ledger_size(l, &size), HEARTH_ECHECKSUM, "it is gone");
    ledger_close(l);
}

/* ---- a full disk ---- */

static void full_disk(void **state)
{
    static char large[60000];
    struct ledger_bytes e[40];
    struct rlimit was, small;
    struct ledger *l;
    uint64_t at;
    (void)state;
    for (int i = 0; i < 40; i++) e[i] = (struct ledger_bytes){large, sizeof large};
    signal(SIGXFSZ, SIG_IGN);
    make_log(dir, 250, 250);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    assert_ok(ledger_open(dir, LEDGER_APPEND, &l));
    for (rlim_t most = 0; most < 3000000; most = most ? most * 7 : 30) {
        small = (struct rlimit){most, was.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        enum hearth_status st = ledger_append(l, e, 40, &at);
        char message[1024];
        snprintf(message, sizeof message, "%s", hearth_errmsg());
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
        if (st == HEARTH_OK) break;
        assert_int_equal(st, HEARTH_EIO);
        if (!strstr(message, "File too large") || !strstr(message, "/ledger/")) fail_msg("%s", message);
        assert_good(dir, 250);
        assert_int_equal(access(in_home("ledger/tile/entries/000"), F_OK), -1);   /* gave its space back */
        assert_int_equal(access(in_home("ledger/checkpoint.tmp"), F_OK), -1);
    }
    assert_ok(append_texts(l, 7, 7, &at));                 /* the same handle goes on */
    ledger_close(l);
    assert_good(dir, at + 7);
}

static int stop_early(void *user, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    return ++*(int *)user == 2;
}

static void cancelled(void **state)
{
    struct ledger *l;
    int calls = 0;
    (void)state;
    make_log(dir, 1000, 1000);
    assert_ok(ledger_open(dir, LEDGER_READ, &l));
    assert_fails(ledger_verify(l, NULL, stop_early, &calls), HEARTH_ECANCELLED, "stopped after 512 of 1000 entries");
    ledger_close(l);
}

static void not_a_folder(void **state)
{
    struct ledger *l;
    (void)state;
    write_text(in_home("ledger"), "x");
    assert_fails(ledger_open(dir, LEDGER_READ, &l), HEARTH_EIO, "ledger: not a folder");
    assert_fails(ledger_open(dir, LEDGER_APPEND, &l), HEARTH_EIO, "not a folder");
}

static void without_libcrypto(void **state)
{
    struct ledger *l;
    (void)state;
    assert_fails(ledger_open(dir, LEDGER_APPEND, &l), HEARTH_EUNSUPPORTED, "built without libcrypto");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, home_remove)
int main(void)
{
    const struct CMUnitTest with[] = {
        T(one_by_one), T(groupings), T(limits), T(proofs), T(walking), T(two_handles), T(first_at_once), T(foreign_checkpoints),
        T(bad_key_files), T(damaged_files), T(forks), T(changed_meanwhile), T(full_disk), T(cancelled), T(not_a_folder),
    };
    const struct CMUnitTest without[] = {T(without_libcrypto)};
    uint8_t random[1];
    int built = crypto_random(random, 1) == HEARTH_OK;
    return built ? cmocka_run_group_tests(with, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}

/* test_ledger_proof.c - proofs as files: read back as written, held against keys, entries and older checkpoints, and refused
 * with one sentence when anything in them is not as it should be; copies of a log. */
#include "account/copy.h"
#include "account/proof.h"
#include "ledger_test.h"

#include <inttypes.h>

enum { N = 700 };

static struct note_key log_key;

static int setup(void **state)
{
    struct ledger *l;
    if (home_make(state)) return 1;
    make_log(in_home("ledger"), N, 100);
    assert_ok(ledger_open(in_home("ledger"), LEDGER_READ, &l));
    assert_ok(note_key_parse("key", ledger_vkey(l), &log_key));
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    ledger_close(*state);
    return home_remove(state);
}

static void written(const struct proof *p, struct buf *text)
{
    *text = (struct buf){0};
    assert_ok(proof_write(p, text));
}

static void same(const struct proof *a, const struct proof *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->hashes, b->hashes);
    assert_memory_equal(a->hash, b->hash, a->hashes * sizeof *a->hash + 1);
    assert_int_equal(a->extra_n, b->extra_n);
    assert_int_equal(!a->extra, !b->extra);
    if (a->extra) assert_memory_equal(a->extra, b->extra, a->extra_n + !a->extra_n);
    assert_string_equal(a->note, b->note);
    assert_memory_equal(a->at.root, b->at.root, MERKLE_HASH);
}

static void every_entry_is_proved(void **state)
{
    struct ledger *l = *state;
    struct note by;
    for (uint64_t i = 0; i < N; i += i < 20 || i > N - 20 ? 1 : 13) {
        struct proof p, back;
        struct buf text;
        char entry[256];
        size_t n = entry_text(i, entry);
        assert_ok(proof_of_entry(l, i, NULL, i & 1, &p));
        written(&p, &text);
        assert_int_equal(proof_first(text.data, text.len), text.len);
        assert_ok(proof_read("p", text.data, text.len, &back));
        same(&p, &back);
        assert_ok(proof_check_signatures("p", &back, &log_key, 1, &by));
        assert_int_equal(by.n, 1);
        assert_ok(proof_check_entry("p", &back, entry, n));
        if (i & 1) assert_memory_equal(back.extra, entry, n);
        entry[3] ^= 1;
        assert_fails(proof_check_entry("p", &back, entry, n), HEARTH_ECHECKSUM, "does not lead to its root");
        entry[3] ^= 1;
        assert_fails(proof_check_entry("p", &back, entry, n - 1), HEARTH_ECHECKSUM, "are not entry");
        back.index = (back.index + 1) % N;
        assert_fails(proof_check_entry("p", &back, entry, n), HEARTH_ECHECKSUM, "are not entry");
        proof_free(&p);
        proof_free(&back);
        buf_free(&text);
    }
    struct proof p;
    assert_fails(proof_of_entry(l, N, NULL, 0, &p), HEARTH_ENOTFOUND, "there is no entry 700");
}

static void growth_is_proved(void **state)
{
    struct ledger *l = *state;
    struct note by;
    struct checkpoint old = {.size = 0};
    strcpy(old.origin, ledger_origin(l));
    for (uint64_t size = 0; size <= N; size += size < 10 ? 1 : 23) {
        struct proof p, back;
        struct buf text;
        old.size = size;
        assert_ok(ledger_root(l, size, old.root));
        assert_ok(proof_of_growth(l, &old, &p));
        written(&p, &text);
        assert_ok(proof_read("p", text.data, text.len, &back));
        same(&p, &back);
        proof_free(&p);
        assert_ok(proof_check_signatures("p", &back, &log_key, 1, &by));
        assert_ok(proof_check_growth("p", &back, &old));
        if (size) {
            old.root[7] ^= 1;
            assert_fails(proof_check_growth("p", &back, &old), HEARTH_ECHECKSUM, "a fork");
            assert_fails(proof_of_growth(l, &old, &p), HEARTH_ECHECKSUM, "a fork");
            old.root[7] ^= 1;
        }
        old.size++;
        assert_fails(proof_check_growth("p", &back, &old), HEARTH_ECHECKSUM, "older checkpoint has");
        old.size--;
        old.origin[0] ^= 1;
        assert_fails(proof_check_growth("p", &back, &old), HEARTH_ECHECKSUM, "the older checkpoint of");
        old.origin[0] ^= 1;
        proof_free(&back);
        buf_free(&text);
    }
    old.size = N + 5;
    struct proof p;
    assert_fails(proof_of_growth(l, &old, &p), HEARTH_ECHECKSUM, "entries were taken out");
}

static void kinds_are_not_mixed_up(void **state)
{
    struct ledger *l = *state;
    struct proof p;
    struct checkpoint old;
    assert_ok(proof_of_entry(l, 3, NULL, 0, &p));
    old = p.at;
    assert_fails(proof_check_growth("p", &p, &old), HEARTH_EUSAGE, "does not prove that a log only grew");
    proof_free(&p);
    assert_ok(proof_of_growth(l, &old, &p));
    assert_fails(proof_check_entry("p", &p, "x", 1), HEARTH_EUSAGE, "nothing about one entry");
    proof_free(&p);
}

static void keys_decide(void **state)
{
    struct ledger *l = *state;
    struct note_signer other, witness, namesake;
    struct proof p;
    struct note by;
    struct buf note = {0};
    assert_ok(note_signer_make("other.example/log", NOTE_ED25519, &other));
    assert_ok(note_signer_make("witness.example/w", NOTE_COSIGNATURE, &witness));
    assert_ok(note_signer_make(log_key.name, NOTE_ED25519, &namesake));
    assert_ok(proof_of_entry(l, 3, NULL, 0, &p));
    assert_fails(proof_check_signatures("p", &p, NULL, 0, &by), HEARTH_ENOTFOUND, "whose key is not among those");
    assert_fails(proof_check_signatures("p", &p, &other.key, 1, &by), HEARTH_ENOTFOUND, "whose key is not among those");
    assert_fails(proof_check_signatures("p", &p, &namesake.key, 1, &by), HEARTH_ECHECKSUM, "not signed by the key of");
    const struct note_key both[] = {log_key, witness.key, other.key};
    assert_fails(proof_check_signatures("p", &p, both, 2, &by), HEARTH_ECHECKSUM, "the witness witness.example/w has not signed");
    /* with the cosignature it passes, with the key given twice too */
    size_t text = strlen(p.note) - strlen(strstr(p.note, "\n\n")) + 1;
    assert_ok(buf_puts(&note, p.note));
    assert_ok(note_sign(p.note, text, &witness, 1700000000, &note));
    proof_free(&p);
    assert_ok(proof_of_entry(l, 3, note.data, 0, &p));
    assert_ok(proof_check_signatures("p", &p, both, 3, &by));
    assert_int_equal(by.n, 2);
    assert_int_equal(by.by[1].time, 1700000000);
    const struct note_key twice[] = {witness.key, log_key, witness.key};
    assert_ok(proof_check_signatures("p", &p, twice, 3, &by));
    /* a checkpoint that says something else, with the old signature */
    char *digit = strchr(p.note, '\n') + 1;
    *digit = '8';
    assert_fails(proof_check_signatures("p", &p, both, 1, &by), HEARTH_ECHECKSUM, "signature in the name of");
    struct note_key many[40];
    memset(many, 0, sizeof many);
    assert_fails(proof_check_signatures("p", &p, many, 40, &by), HEARTH_EUSAGE, "at most 32");
    proof_free(&p);
    buf_free(&note);
}

/* ---- what is not a proof ---- */

static void bad_texts(void **state)
{
#define TAIL "\nx\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 x AAAAAA==\n"
    static const char hash[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    static const struct { const char *text, *words; } bad[] = {
        {"", "ends in line 1"}, {"\n", "this is no proof"}, {"hello\n", "\"hello\" where there should be"},
        {"c2sp.org/tlog-proof@v2\nindex 0\n" TAIL, "tlog-proof@v1"}, {"c2sp.org/tlog-proof@v1", "ends in line 1"},
        {"c2sp.org/tlog-proof@v1\n", "ends in line 2"}, {"c2sp.org/tlog-proof@v1\nextra\nindex 0\n" TAIL, "line 2: \"extra\""},
        {"c2sp.org/tlog-proof@v1\nextra A\nindex 0\n" TAIL, "extra and base64"}, {"c2sp.org/tlog-proof@v1\nextra AAAB\n" TAIL, "index and the number"},
        {"c2sp.org/tlog-proof@v1\nindex 00\n" TAIL, "\"index 00\""}, {"c2sp.org/tlog-proof@v1\nindex -1\n" TAIL, "\"index -1\""},
        {"c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n" TAIL, "index and the number"}, {"c2sp.org/tlog-proof@v1\nindex \n" TAIL, "index"},
        {"c2sp.org/tlog-proof@v1\nindex 99999999999999999999\n" TAIL, "index and the number"},
        {"c2sp.org/tlog-proof@v1\nindex 1\n" TAIL, "about entry 1, and its checkpoint covers the entries below 1"},
        {"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n" TAIL, "a hash: 32 bytes"}, {"c2sp.org/tlog-proof@v1\nindex 0\n", "a hash or an empty line"},
        {"c2sp.org/tlog-proof@v1\nindex 0\n\n", "no signed checkpoint"}, {"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n1\n", "no signed checkpoint"},
        {"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n1\nAAAA\n\n\xe2\x80\x94 x AAAAAA==\n", "the root (line 3)"},
        {"old\n" TAIL, "this is no proof"}, {"old 01\n" TAIL, "old and a number"}, {"old x\n" TAIL, "old and a number"}, {"old 1" TAIL, "a hash"}};
    (void)state;
    struct proof p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum hearth_status st = proof_read("file", bad[i].text, strlen(bad[i].text), &p);
        if (st != HEARTH_EFORMAT || strncmp(hearth_errmsg(), "file: ", 6) || !strstr(hearth_errmsg(), bad[i].words))
            fail_msg("text %zu: %s: %s; wanted \"%s\"", i, hearth_status_name(st), hearth_errmsg(), bad[i].words);
        assert_null(p.note);
        assert_null(p.extra);
    }
    struct buf many = {0};
    assert_ok(buf_puts(&many, "old 1\n"));
    for (int i = 0; i < MERKLE_PROOF; i++) assert_ok(buf_puts(&many, hash));
    size_t full = many.len;
    assert_ok(buf_puts(&many, TAIL));
    assert_ok(proof_read("file", many.data, many.len, &p));
    proof_free(&p);
    many.len = full;
    assert_ok(buf_printf(&many, "%s%s", hash, TAIL));
    assert_fails(proof_read("file", many.data, many.len, &p), HEARTH_EFORMAT, "no proof has more than 64");
    many.data[1] = 0;
    assert_fails(proof_read("file", many.data, many.len, &p), HEARTH_EFORMAT, "a zero byte");
    buf_free(&many);
    char *long_one = calloc(1, PROOF_MAX + 1);
    assert_fails(proof_read("file", long_one, PROOF_MAX + 1, &p), HEARTH_ELIMIT, "at most");
    free(long_one);
#undef TAIL
}

/* One bit anywhere in a proof with its entry: refused by one of the steps, but where nothing is checked: in a signature of
 * somebody else, and there is none here. */
static void every_bit_counts(void **state)
{
    struct ledger *l = *state;
    struct proof p, back;
    struct buf text;
    struct note by;
    assert_ok(proof_of_entry(l, 345, NULL, 1, &p));
    written(&p, &text);
    for (size_t bit = 0; bit < 8 * text.len; bit++) {
        text.data[bit / 8] ^= (char)(1 << bit % 8);
        enum hearth_status st = proof_read("p", text.data, text.len, &back);
        if (st == HEARTH_OK) {
            st = proof_check_signatures("p", &back, &log_key, 1, &by);
            if (st == HEARTH_OK && back.extra) st = proof_check_entry("p", &back, back.extra, back.extra_n);
            else if (st == HEARTH_OK) st = HEARTH_ENOTFOUND;
            proof_free(&back);
        }
        if (st == HEARTH_OK) fail_msg("bit %zu of byte %zu was changed, and nobody noticed", bit % 8, bit / 8);
        text.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < text.len; cut++) {
        enum hearth_status st = proof_read("p", text.data, cut, &back);
        if (st == HEARTH_OK) st = proof_check_signatures("p", &back, &log_key, 1, &by), proof_free(&back);
        assert_int_not_equal(st, HEARTH_OK);
    }
    buf_free(&text);
    proof_free(&p);
}

/* A proof must never be made that would not hold: the log was changed under the handle. */
static void a_damaged_log_proves_nothing(void **state)
{
    struct ledger *l = *state;
    struct proof p;
    shell("cd '%s' && printf X | dd of=tile/0/000 bs=1 seek=100 conv=notrunc 2> /dev/null", ledger_dir(l));
    assert_fails(proof_of_entry(l, 3, NULL, 0, &p), HEARTH_ECHECKSUM, "");
    shell("cd '%s' && printf X | dd of=tile/entries/001 bs=1 seek=3000 conv=notrunc 2> /dev/null", ledger_dir(l));
    int failed = 0;
    for (uint64_t i = 256; i < 512; i++) {
        enum hearth_status st = proof_of_entry(l, i, NULL, 1, &p);
        if (st == HEARTH_OK) proof_free(&p);
        failed += st != HEARTH_OK;
    }
    assert_true(failed >= 1);
}

static void several_in_one_file(void **state)
{
    struct ledger *l = *state;
    struct buf text = {0};
    struct proof p;
    for (uint64_t i = 10; i < 15; i++) {
        assert_ok(proof_of_entry(l, i, NULL, 1, &p));
        assert_ok(proof_write(&p, &text));
        proof_free(&p);
    }
    size_t at = 0;
    for (uint64_t i = 10; i < 15; i++) {
        size_t n = proof_first(text.data + at, text.len - at);
        assert_ok(proof_read("p", text.data + at, n, &p));
        assert_int_equal(p.index, i);
        assert_ok(proof_check_entry("p", &p, p.extra, p.extra_n));
        proof_free(&p);
        at += n;
    }
    assert_int_equal(at, text.len);
    assert_int_equal(proof_first("", 0), 0);
    buf_free(&text);
}

/* ---- copies ---- */

static int stop_soon(void *user, uint64_t done, uint64_t total)
{
    (void)user, (void)total;
    return done >= 256;
}

static void a_copy_stands_by_itself(void **state)
{
    struct ledger *l = *state, *copy;
    uint64_t size = 0;
    assert_ok(ledger_copy(l, in_home("copy"), &size, NULL, NULL));
    assert_int_equal(size, N);
    /* tile by tile the same files as the original's */
    shell("cd '%s' && diff -r ledger/tile copy/tile && cmp ledger/checkpoint copy/checkpoint && cmp keys/ledger.vkey copy/vkey", home);
    assert_ok(ledger_open_foreign(in_home("copy"), ledger_vkey(l), &copy));
    assert_ok(ledger_verify(copy, &size, NULL, NULL));
    assert_int_equal(size, N);
    ledger_close(copy);
    assert_fails(ledger_copy(l, in_home("copy"), &size, NULL, NULL), HEARTH_EUSAGE, "not empty");
    assert_fails(ledger_copy(l, in_home("ledger/checkpoint"), &size, NULL, NULL), HEARTH_EIO, "not a folder");
    assert_fails(ledger_copy(l, in_home("stopped"), &size, stop_soon, NULL), HEARTH_ECANCELLED, "");
    assert_int_not_equal(access(in_home("stopped/checkpoint"), F_OK), 0);
    struct note_signer other;
    char key[NOTE_KEY_TEXT];
    assert_ok(note_signer_make(ledger_origin(l), NOTE_ED25519, &other));
    note_key_print(&other.key, key);
    assert_ok(ledger_open_foreign(in_home("copy"), key, &copy));
    assert_int_not_equal(ledger_verify(copy, &size, NULL, NULL), HEARTH_OK);
    ledger_close(copy);
}

static void of_every_size(void **state)
{
    static const size_t sizes[] = {1, 2, 255, 256, 257, 512};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ledger *l;
        uint64_t n = 0;
        shell("rm -rf '%s/ledger' '%s/keys' '%s/copy'", home, home, home);
        make_log(in_home("ledger"), sizes[i], 300);
        assert_ok(ledger_open(in_home("ledger"), LEDGER_READ, &l));
        assert_ok(ledger_copy(l, in_home("copy"), &n, NULL, NULL));
        assert_int_equal(n, sizes[i]);
        shell("cd '%s' && diff -r ledger/tile copy/tile", home);
        ledger_close(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_texts),
        cmocka_unit_test_setup_teardown(every_entry_is_proved, setup, teardown),
        cmocka_unit_test_setup_teardown(growth_is_proved, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_are_not_mixed_up, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_decide, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bit_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_log_proves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(several_in_one_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_stands_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(of_every_size, home_make, home_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

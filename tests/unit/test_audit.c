/* test_audit.c - audit packs: what is counted, that they come back from a folder and a zip as they were, and that whatever is
 * changed in them is refused by name: by strangers, and by the owner of the key too. */
#include "account/audit.h"
#include "account/receipt.h"
#include "hub/digest.h"
#include "ledger_test.h"
#include "receipt_maker.h"

#include <jansson.h>

enum { N = 500, FIRST = 100, COUNT = 100, START = 1767225600 /* the lot's first minute: 2026-01-01 */ };

static struct ledger *ledger;
static char vkey[NOTE_KEY_TEXT];

static int setup(void **state)
{
    if (home_make(state)) return 1;
    assert_ok(ledger_open(in_home("ledger"), LEDGER_APPEND, &ledger));
    assert_ok(receipts_append(ledger, 0, N));
    snprintf(vkey, sizeof vkey, "%s", ledger_vkey(ledger));
    return 0;
}

static int teardown(void **state)
{
    ledger_close(ledger);
    return home_remove(state);
}

/* The hundred minutes from the hundredth on. */
static void make(struct pack *p)
{
    assert_ok(audit_make(ledger, START + 60 * FIRST, START + 60 * (FIRST + COUNT), NULL, NULL, p));
}

static enum hearth_status check(const struct pack *p)
{
    struct audit_found f;
    return audit_check(p, vkey, NULL, NULL, &f);
}

static struct pack_file *file(struct pack *p, const char *name)
{
    struct pack_file *f = (struct pack_file *)(uintptr_t)pack_find(p, name);
    assert_non_null(f);
    return f;
}

static json_int_t count_of(const json_t *j, const char *part, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(j, part), key));
}

static void figures_are_those_of_the_receipts(void **state)
{
    struct pack p;
    struct audit_found f;
    uint64_t energy = 0, read = 0, written = 0;
    (void)state;
    make(&p);
    assert_ok(audit_check(&p, vkey, NULL, NULL, &f));
    assert_int_equal(f.first, FIRST - 1);                /* one more at either end */
    assert_int_equal(f.end, FIRST + COUNT + 1);
    assert_int_equal(f.size, N);
    assert_int_equal(f.answers, COUNT);
    assert_true(f.recounted);
    assert_string_equal(f.from, "2026-01-01T01:40:00Z");
    assert_string_equal(f.to, "2026-01-01T03:20:00Z");
    json_t *s = json_loads(file(&p, "summary.json")->data, 0, NULL);
    for (uint64_t i = FIRST; i < FIRST + COUNT; i++) {
        struct made_receipt r;
        receipt_vary(i, &r);
        energy += r.energy_uj, read += r.prompt, written += r.answer;
    }
    assert_int_equal(count_of(s, "all", "answers"), COUNT);
    assert_int_equal(count_of(s, "all", "energy_uj"), energy);
    assert_int_equal(count_of(s, "all", "prompt_tokens"), read);
    assert_int_equal(count_of(s, "all", "answer_tokens"), written);
    assert_int_equal(count_of(s, "all", "replayable"), COUNT - 2);
    assert_int_equal(json_array_size(json_object_get(s, "models")), 3);
    assert_int_equal(json_array_size(json_object_get(s, "days")), 1);
    json_int_t used = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(s, "uses")); i++)
        used += json_integer_value(json_object_get(json_array_get(json_object_get(s, "uses"), i), "answers"));
    assert_int_equal(used, COUNT);
    assert_non_null(strstr(file(&p, "report.html")->data, "pupil-12"));
    json_decref(s);
    pack_free(&p);
}

static void decisions_are_listed(void **state)
{
    struct pack p;
    struct audit_found f;
    (void)state;
    assert_ok(receipt_decide(ledger, 7, "rejected", "teacher-3", NULL));
    assert_ok(audit_make(ledger, START + 60 * N, (int64_t)1 << 36, NULL, NULL, &p));
    assert_ok(audit_check(&p, vkey, NULL, NULL, &f));
    assert_int_equal(f.answers, 0);
    assert_int_equal(f.end, N + 1);
    json_t *s = json_loads(file(&p, "summary.json")->data, 0, NULL);
    assert_int_equal(count_of(s, "decided", "rejected"), 1);
    assert_non_null(strstr(file(&p, "report.html")->data, "teacher-3"));
    json_decref(s);
    pack_free(&p);
}

static void packs_come_back_as_they_were(void **state)
{
    static const char *const where[] = {"pack", "pack.zip"};
    struct pack p, back;
    (void)state;
    make(&p);
    for (int i = 0; i < 2; i++) {
        assert_ok(pack_write(&p, in_home(where[i])));
        assert_ok(pack_read(in_home(where[i]), 1 << 26, &back));
        assert_int_equal(back.n, p.n);
        for (size_t k = 0; k < p.n; k++) {
            assert_int_equal(file(&back, p.file[k].name)->n, p.file[k].n);
            assert_memory_equal(file(&back, p.file[k].name)->data, p.file[k].data, p.file[k].n);
        }
        assert_ok(check(&back));
        pack_free(&back);
    }
    assert_fails(pack_write(&p, in_home("pack")), HEARTH_EUSAGE, "the folder is not empty");
    assert_fails(pack_read(in_home("pack.zip"), 1000, &back), HEARTH_ELIMIT, "allowed: at most");
    assert_fails(pack_read(in_home("gone.zip"), 1000, &back), HEARTH_ENOTFOUND, "gone.zip");
    write_text(in_home("none.zip"), "not a zip");
    assert_fails(pack_read(in_home("none.zip"), 1000, &back), HEARTH_EFORMAT, "none.zip");
    shell("cp '%s' '%s' && truncate -s 2000 '%s'", in_home("pack.zip"), in_home("cut.zip"), in_home("cut.zip"));
    assert_fails(pack_read(in_home("cut.zip"), 1 << 26, &back), HEARTH_EFORMAT, "cut.zip");
    pack_free(&p);
}

static void any_byte_changed_is_noticed(void **state)
{
    struct pack p;
    (void)state;
    make(&p);
    for (size_t k = 0; k < p.n; k++) {
        struct pack_file *f = &p.file[k];
        for (size_t at = 0; at < f->n; at += f->n / 7 + 1) {
            f->data[at] ^= 1;
            if (check(&p) == HEARTH_OK) fail_msg("%s: byte %zu was changed and nobody noticed", f->name, at);
            f->data[at] ^= 1;
        }
        size_t n = f->n;
        f->n = n - 1;
        if (check(&p) == HEARTH_OK) fail_msg("%s: cut, and nobody noticed", f->name);
        f->n = n;
        f->name[0] ^= 1;                                 /* gone, and another there */
        if (check(&p) == HEARTH_OK) fail_msg("%s: renamed, and nobody noticed", f->name);
        f->name[0] ^= 1;
    }
    assert_ok(check(&p));
    file(&p, "receipts.jsonl")->data[10] ^= 1;
    assert_fails(check(&p), HEARTH_ECHECKSUM, "receipts.jsonl was changed");
    pack_free(&p);
}

/* ---- by whoever has the key ---- */

static void replace(struct pack *p, const char *name, const char *data, size_t n)
{
    struct pack_file *f = file(p, name);
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    copy[n] = 0;
    free(f->data);
    f->data = copy;
    f->n = n;
}

static void digest(const char *data, size_t n, char hex[65])
{
    struct sha256 *s;
    assert_ok(sha256_open(&s));
    assert_ok(sha256_add(s, data, n));
    assert_ok(sha256_end(s, hex));
    sha256_close(s);
}

/* Digests and signature made anew, with the key in that file. */
static void sign_again(struct pack *p, const char *key)
{
    json_t *m = json_loads(file(p, "manifest.json")->data, 0, NULL), *f;
    struct note_signer signer;
    struct buf text = {0}, note = {0};
    char hex[65];
    size_t i;
    json_array_foreach(json_object_get(m, "files"), i, f) {
        struct pack_file *of = file(p, json_string_value(json_object_get(f, "name")));
        digest(of->data, of->n, hex);
        json_object_set_new(f, "sha256", json_string(hex));
    }
    char *json = json_dumps(m, 0);
    replace(p, "manifest.json", json, strlen(json));
    digest(json, strlen(json), hex);
    assert_ok(keys_load(key, &signer));
    assert_ok(buf_printf(&text, "hearth audit pack\nsha256 %s manifest.json\n", hex));
    assert_ok(buf_printf(&note, "%s\n", text.data));
    assert_ok(note_sign(text.data, text.len, &signer, 0, &note));
    replace(p, "manifest.note", note.data, note.len);
    buf_free(&text);
    buf_free(&note);
    free(json);
    json_decref(m);
}

/* Where part i of a text begins, which `mark` begins. */
static char *part(char *text, const char *mark, size_t i)
{
    char *at = text;
    for (size_t k = 0; k < i && at; k++) {
        at = strstr(at + 1, mark);
        if (at && *mark == '\n') at++;
    }
    return at ? at : text + strlen(text);
}

/* Line and proof from..to-1 are left out. */
static void leave_out(struct pack *p, size_t from, size_t to)
{
    static const struct { const char *name, *mark; } of[] = {{"receipts.jsonl", "\n"}, {"proofs.tlog", "c2sp.org/tlog-proof@v1"}};
    for (int i = 0; i < 2; i++) {
        struct pack_file *f = file(p, of[i].name);
        struct buf b = {0};
        char *a = part(f->data, of[i].mark, from), *z = part(f->data, of[i].mark, to);
        assert_ok(buf_put(&b, f->data, (size_t)(a - f->data)));
        assert_ok(buf_puts(&b, z));
        replace(p, of[i].name, b.data, b.len);
        buf_free(&b);
    }
}

static void the_owner_cannot_leave_out_or_invent(void **state)
{
    struct pack p;
    char key[512];
    (void)state;
    snprintf(key, sizeof key, "%s", in_home("keys/ledger.key"));

    make(&p);
    sign_again(&p, key);
    assert_ok(check(&p));
    leave_out(&p, 50, 51);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "so entries are missing between");
    pack_free(&p);

    make(&p);
    leave_out(&p, COUNT, COUNT + 2);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "the one behind it is not in the pack");
    pack_free(&p);

    make(&p);
    leave_out(&p, 0, 2);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "the one before it is not in the pack");
    pack_free(&p);

    make(&p);
    char *actor = strstr(file(&p, "receipts.jsonl")->data, "pupil-12");
    assert_non_null(actor);
    memcpy(actor, "pupil-13", 8);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "their hash does not lead to its root");
    pack_free(&p);

    make(&p);
    char *figure = strstr(file(&p, "summary.json")->data, "\"answers\": 100");
    assert_non_null(figure);
    memcpy(figure, "\"answers\": 999", 14);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "summary.json is not what the receipts say");
    pack_free(&p);

    make(&p);
    actor = strstr(file(&p, "report.html")->data, "pupil-12");
    memcpy(actor, "pupil-13", 8);
    sign_again(&p, key);
    assert_fails(check(&p), HEARTH_ECHECKSUM, "report.html is not what its summary says");
    pack_free(&p);
}

static void another_key_is_refused(void **state)
{
    struct pack p;
    struct note_signer other;
    struct audit_found f;
    char text[NOTE_KEY_TEXT];
    (void)state;
    make(&p);
    assert_ok(keys_load_or_make(in_home("other.key"), ledger_origin(ledger), NOTE_ED25519, &other));
    note_key_print(&other.key, text);
    assert_fails(audit_check(&p, text, NULL, NULL, &f), HEARTH_ECHECKSUM, "which is not the key given");
    sign_again(&p, in_home("other.key"));                /* somebody else's signature under the owner's name */
    assert_fails(check(&p), HEARTH_ECHECKSUM, "manifest.note");
    replace(&p, "ledger.vkey", text, strlen(text));      /* and the key changed too: the checkpoint is still the owner's */
    sign_again(&p, in_home("other.key"));
    assert_fails(audit_check(&p, NULL, NULL, NULL, &f), HEARTH_ECHECKSUM, "");
    assert_fails(check(&p), HEARTH_ECHECKSUM, "which is not the key given");
    pack_free(&p);
}

static void nothing_of_the_time(void **state)
{
    struct pack p;
    (void)state;
    assert_fails(audit_make(ledger, 1000, 2000, NULL, NULL, &p), HEARTH_ENOTFOUND, "has no receipt of that time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_receipts), cmocka_unit_test(packs_come_back_as_they_were),
        cmocka_unit_test(any_byte_changed_is_noticed), cmocka_unit_test(the_owner_cannot_leave_out_or_invent),
        cmocka_unit_test(another_key_is_refused), cmocka_unit_test(nothing_of_the_time), cmocka_unit_test(decisions_are_listed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

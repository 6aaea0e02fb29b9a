/* ledger_proof.c - `hearth ledger verify`, `prove`, `check`, `export`: what can be checked, here and by others. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "account/copy.h"
#include "account/index.h"
#include "account/proof.h"
#include "account/witness.h"
#include "cmd/input.h"
#include "cmd/ledger.h"
#include "hub/hub.h"
#include "hub/ini.h"

#define O ledger_opt

/* ---- verify ---- */

/* A copy says itself which key it is signed by; who trusts nobody gives it with --key. */
static int open_copy(struct ledger **l)
{
    struct note_key *keys = NULL;
    size_t n = 0, length;
    char text[NOTE_KEY_TEXT], *vkey = NULL;
    int code = ledger_keys(&keys, &n);
    if (code == EXIT_DONE && n > 1) code = usage("verify: one log is signed by one key");
    if (code == EXIT_DONE && n == 1) note_key_print(&keys[0], text);
    else if (code == EXIT_DONE) {
        char *path = xprintf("%s/vkey", O.dir);
        code = input_file(path, &vkey, &length);
        free(path);
    }
    if (code == EXIT_DONE) code = report(ledger_open_foreign(O.dir, n ? text : vkey, l));
    free(vkey);
    free(keys);
    return code;
}

/* Each cosignature was checked when it was read; here, that the log still contains what was cosigned. */
static int check_cosigned(struct ledger *l, const struct witness_kept *k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct proof p;
        enum hearth_status st = proof_of_growth(l, &k[i].at, &p);
        if (st == HEARTH_OK) proof_free(&p);
        else if (st == HEARTH_ECHECKSUM) {
            complain("this ledger is not the one that %s signed with %" PRIu64 " entries: it was cut back, or is another copy",
                     k[i].key.name, k[i].at.size);
            return EXIT_FAILED;
        } else return report(st);
    }
    return EXIT_DONE;
}

static json_t *cosigned_json(const struct witness_kept *k, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char key[NOTE_KEY_TEXT];
        note_key_print(&k[i].key, key);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "witness", k[i].key.name, "key", key, "size",
                                              (json_int_t)k[i].at.size, "time", (json_int_t)k[i].time));
    }
    return list;
}

static int say_verified(struct ledger *l, uint64_t size, const char *root, const struct witness_kept *k, size_t n)
{
    char clock[24];
    if (O.json)
        return json_print(json_pack("{s:b, s:s, s:I, s:s, s:s, s:o}", "verified", 1, "origin", ledger_origin(l), "size", (json_int_t)size,
                                    "root", root, "key", ledger_vkey(l), "cosignatures", cosigned_json(k, n)));
    term_printf(stdout, "every byte is as it was signed: %" PRIu64 " entr%s of %s, root %s, signed by the key\n%s\n", size, size == 1 ? "y" : "ies",
           ledger_origin(l), root, ledger_vkey(l));
    for (size_t i = 0; i < n; i++)
        term_printf(stdout, "cosigned by %s: %" PRIu64 " entries, %s\n", k[i].key.name, k[i].at.size, ledger_clock((int64_t)k[i].time, clock));
    if (!n) note("no witness has cosigned it yet: `hearth ledger witness URL --key KEY` asks one");
    return EXIT_DONE;
}

/* Without it nobody but a witness can tell whether an older ledger was put in this one's place. */
static int check_memory(void)
{
    char *path = NULL;
    int code = report(hub_path(HUB_DATA, "keys/ledger.last", &path));
    if (code == EXIT_DONE && access(path, F_OK) != 0) {
        complain("%s is missing: what is here is as it was signed, but whether entries were taken off its end cannot be told; the next answer "
                 "makes that file anew", path);
        code = EXIT_FAILED;
    }
    free(path);
    return code;
}

int ledger_check_all(int argc, char **argv)
{
    struct ledger *l = NULL;
    struct witness_kept *k = NULL;
    size_t n = 0;
    uint64_t size = 0;
    char root[45];
    (void)argc, (void)argv;
    if (O.key.n && !O.dir) return usage("--key belongs to --dir: this computer's own ledger is checked with its own key");
    int code = O.dir ? open_copy(&l) : report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = ledger_verify_now(l, &size, root);
    if (code == EXIT_DONE) code = report(witness_list(l, &k, &n));
    if (code == EXIT_DONE) code = check_cosigned(l, k, n);
    if (code == EXIT_DONE) code = say_verified(l, size, root, k, n);
    if (code == EXIT_DONE && !O.dir) code = check_memory();
    witness_kept_free(k, n);
    ledger_close(l);
    return code;
}

/* ---- prove ---- */

/* Somebody's checkpoint file: its text, read; its signature by this log's key, checked. */
static int read_checkpoint(const char *path, const struct note_key *key, struct checkpoint *at)
{
    char *text = NULL;
    size_t n;
    struct note by;
    int code = input_file(path, &text, &n);
    if (code != EXIT_DONE) return code;
    enum hearth_status st = note_open(path, text, n, &key, 1, &by);
    if (st == HEARTH_OK) st = checkpoint_parse(path, text, by.text_n, at);
    else if (st == HEARTH_ENOTFOUND) {
        complain("%s: this checkpoint is not signed by %s", path, key->name);
        free(text);
        return EXIT_FAILED;
    }
    free(text);
    return report(st);
}

static int put(const struct buf *text)
{
    if (O.out) return report(ini_write(O.out, text));
    fwrite(text->data, 1, text->len, stdout);
    return EXIT_DONE;
}

/* The checkpoint that a proof of that entry should carry: the largest that has cosignatures, else NULL, the newest. */
static int choose_note(struct ledger *l, uint64_t number, char **note_text)
{
    struct witness_kept *k = NULL;
    size_t n = 0;
    *note_text = NULL;
    if (O.newest) return EXIT_DONE;
    enum hearth_status st = witness_list(l, &k, &n);
    if (st == HEARTH_OK && n && k[0].at.size > number) st = witness_best(k, n, note_text);
    witness_kept_free(k, n);
    return report(st);
}

static int prove_entry(struct ledger *l, const char *word, struct proof *p)
{
    uint64_t number = 0;
    char *note_text = NULL;
    int code = ledger_number(l, word, &number);
    if (code == EXIT_DONE) code = choose_note(l, number, &note_text);
    if (code == EXIT_DONE) code = report(proof_of_entry(l, number, note_text, O.with_entry, p));
    free(note_text);
    return code;
}

static int prove_growth(struct ledger *l, struct proof *p)
{
    struct note_key key;
    struct checkpoint old;
    int code = report(note_key_parse("key", ledger_vkey(l), &key));
    if (code == EXIT_DONE) code = read_checkpoint(O.from, &key, &old);
    return code == EXIT_DONE ? report(proof_of_growth(l, &old, p)) : code;
}

int ledger_prove(int argc, char **argv)
{
    struct ledger *l = NULL;
    struct proof p = {.kind = PROOF_INCLUSION};
    struct buf text = {0};
    if ((argc > 0) == (O.from != NULL))
        return usage("prove takes the number of an entry, or --from FILE with an older checkpoint");
    if (O.from && (O.with_entry || O.newest)) return usage("--with-entry and --newest belong to the proof of an entry, not to --from");
    int code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = argc ? prove_entry(l, argv[0], &p) : prove_growth(l, &p);
    if (code == EXIT_DONE) code = report(proof_write(&p, &text));
    if (code == EXIT_DONE) code = put(&text);
    if (code == EXIT_DONE && O.out && argc)
        note("%s: entry %" PRIu64 " of %" PRIu64 "; `hearth ledger check` checks it%s", O.out, p.index, p.at.size,
             O.with_entry ? "" : " beside the entry (`hearth ledger show N --json`)");
    buf_free(&text);
    proof_free(&p);
    ledger_close(l);
    return code;
}

/* ---- check ---- */

struct checking {
    const char *name;                /* the file */
    struct note_key *key;
    size_t n_keys;
    char *entry;                     /* --entry, or NULL */
    size_t entry_n, proofs;
    uint64_t first, last, gaps;      /* numbers of the proofs */
    json_t *list;
};

/* Of the keys that were given, or else, on the computer of the log itself, its own. */
static int own_key(struct checking *c)
{
    struct ledger *l = NULL;
    if (c->n_keys || receipt_ledger(0, &l) != HEARTH_OK) return EXIT_DONE;
    c->key = xrealloc(c->key, 1, sizeof *c->key);
    enum hearth_status st = note_key_parse("key", ledger_vkey(l), &c->key[0]);
    c->n_keys = st == HEARTH_OK;
    ledger_close(l);
    return report(st);
}

static int check_inclusion(const struct checking *c, const struct proof *p)
{
    const void *entry = c->entry ? (const void *)c->entry : p->extra;
    if (entry) return report(proof_check_entry(c->name, p, entry, c->entry ? c->entry_n : p->extra_n));
    complain("%s: the proof does not have the entry itself; give it with --entry FILE (`hearth ledger show %" PRIu64 " --json` prints it)",
             c->name, p->index);
    return EXIT_USAGE;
}

static int check_growth(const struct checking *c, const struct proof *p)
{
    struct checkpoint old;
    const struct note_key *log = NULL;
    if (!O.from) return usage("%s: it proves growth since an older checkpoint; give that with --from FILE", c->name);
    for (size_t i = 0; i < c->n_keys; i++)
        if (c->key[i].type == NOTE_ED25519 && !strcmp(c->key[i].name, p->at.origin)) log = &c->key[i];
    int code = read_checkpoint(O.from, log, &old);     /* there is one: proof_check_signatures has used it */
    return code == EXIT_DONE ? report(proof_check_growth(c->name, p, &old)) : code;
}

static void say_cosigned(const struct note *by)
{
    char clock[24];
    for (size_t i = 0; i < by->n; i++)
        if (by->by[i].key->type == NOTE_COSIGNATURE)
            term_printf(stdout, "  cosigned by %s, %s\n", by->by[i].key->name, ledger_clock((int64_t)by->by[i].time, clock));
}

static json_t *proof_json(const struct proof *p, const struct note *by)
{
    json_t *cosigned = json_array();
    for (size_t i = 0; i < by->n; i++)
        if (by->by[i].key->type == NOTE_COSIGNATURE)
            json_array_append_new(cosigned, json_pack("{s:s, s:I}", "witness", by->by[i].key->name, "time", (json_int_t)by->by[i].time));
    return json_pack("{s:s, s:I, s:s, s:I, s:o}", "proves", p->kind == PROOF_INCLUSION ? "inclusion" : "consistency",
                     p->kind == PROOF_INCLUSION ? "number" : "old_size", (json_int_t)p->index, "origin", p->at.origin, "size",
                     (json_int_t)p->at.size, "cosignatures", cosigned);
}

/* What the entry says, in a few words. */
static void say_entry(const void *data, size_t n)
{
    struct receipt r = {0};
    if (receipt_parse(data, n, &r) != HEARTH_OK) return;
    if (r.kind == RECEIPT_ANSWER) term_printf(stdout, "  an answer of %s, %s, %" PRIu64 " tokens\n", r.model.name, r.time, r.answer_tokens);
    else term_printf(stdout, "  a receipt of kind %s, %s\n", r.kind_name, r.time);
    receipt_free(&r);
}

static int check_one(struct checking *c, const char *data, size_t n, int alone)
{
    struct proof p;
    struct note by = {.n = 0};
    int code = report(proof_read(c->name, data, n, &p));
    if (code != EXIT_DONE) return code;
    if (!alone && p.kind != PROOF_INCLUSION) {
        complain("%s: among several proofs each must be of an entry", c->name);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) code = report(proof_check_signatures(c->name, &p, c->key, c->n_keys, &by));
    if (code == EXIT_DONE) code = p.kind == PROOF_INCLUSION ? check_inclusion(c, &p) : check_growth(c, &p);
    if (code == EXIT_DONE) {
        if (c->proofs++ == 0) c->first = p.index;
        else c->gaps += p.index != c->last + 1;
        c->last = p.index;
    }
    if (code == EXIT_DONE && O.json) json_array_append_new(c->list, proof_json(&p, &by));
    else if (code == EXIT_DONE && alone && p.kind == PROOF_INCLUSION) {
        term_printf(stdout, "right: entry %" PRIu64 " is in the log %s, signed with %" PRIu64 " entries\n", p.index, p.at.origin, p.at.size);
        say_entry(c->entry ? (const void *)c->entry : p.extra, c->entry ? c->entry_n : p.extra_n);
    } else if (code == EXIT_DONE && alone)
        term_printf(stdout, "right: the log %s only grew, from %" PRIu64 " entries to %" PRIu64 "\n", p.at.origin, p.index, p.at.size);
    if (code == EXIT_DONE && !O.json && alone) say_cosigned(&by);
    proof_free(&p);
    return code;
}

int ledger_check(int argc, char **argv)
{
    struct checking c = {.name = argv[0]};
    char *text = NULL;
    size_t n = 0;
    (void)argc;
    int code = input_file(argv[0], &text, &n);
    if (code == EXIT_DONE && O.entry) code = input_file(O.entry, &c.entry, &c.entry_n);
    if (code == EXIT_DONE) code = ledger_keys(&c.key, &c.n_keys);
    if (code == EXIT_DONE) code = own_key(&c);
    c.list = json_array();
    int alone = code != EXIT_DONE || proof_first(text, n) == n;
    if (code == EXIT_DONE && !alone && O.entry) code = usage("--entry: %s holds several proofs, which have their entries themselves", argv[0]);
    for (size_t at = 0, len; code == EXIT_DONE && (at < n || at == 0); at += len) {
        len = proof_first(text + at, n - at);
        code = check_one(&c, text + at, len, alone);
        if (len == 0) break;
    }
    if (code == EXIT_DONE && O.json) code = json_print(json_pack("{s:b, s:O}", "right", 1, "proofs", c.list));
    else if (code == EXIT_DONE && !alone)
        term_printf(stdout, "right: all %zu entries are in the log, numbers %" PRIu64 " to %" PRIu64 "%s\n", c.proofs, c.first, c.last,
               c.gaps ? ", with others between them that are not in this file" : ", none left out");
    json_decref(c.list);
    free(c.key);
    free(c.entry);
    free(text);
    return code;
}

/* ---- export ---- */

struct exporting { struct ledger *l; const char *note; FILE *to; uint64_t n; enum hearth_status st; };

static int on_export(void *user, const struct index_row *at)
{
    struct exporting *x = user;
    struct proof p;
    struct buf text = {0};
    x->st = proof_of_entry(x->l, at->number, x->note, 1, &p);
    if (x->st != HEARTH_OK) return 1;
    x->st = proof_write(&p, &text);
    if (x->st == HEARTH_OK && fwrite(text.data, 1, text.len, x->to) != text.len) x->st = HEARTH_EIO;
    x->n += x->st == HEARTH_OK;
    buf_free(&text);
    proof_free(&p);
    return x->st != HEARTH_OK;
}

/* A file appears only when it is whole. */
static int export_file(struct ledger *l, const char *path, const struct index_query *q, uint64_t *n)
{
    struct index *index = NULL;
    char *beside = xprintf("%s.%ld.tmp", path, (long)getpid()), *note_text = NULL;
    struct exporting x = {.l = l};
    int code = ledger_index(l, &index);
    if (code == EXIT_DONE) {
        const char *newest = ledger_checkpoint(l);      /* one for all, also when the ledger grows meanwhile */
        if (newest) x.note = note_text = xstrdup(newest);
        else code = report(HEARTH_EFORMAT);
    }
    if (code == EXIT_DONE && !(x.to = fopen(beside, "wx"))) {
        complain("%s: cannot be made (%m)", beside);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) {
        enum hearth_status st = index_find(index, q, on_export, &x);
        if (x.st == HEARTH_EIO) complain("%s: cannot be written: %m", beside), code = EXIT_FAILED;
        else code = report(st != HEARTH_OK ? st : x.st);
        int bad = fclose(x.to) != 0;
        if (code == EXIT_DONE && x.n == 0) complain("no receipt is like that, so nothing was exported"), code = EXIT_FAILED;
        if (code == EXIT_DONE && (bad || rename(beside, path) != 0)) complain("%s: cannot be written: %m", path), code = EXIT_FAILED;
        if (code != EXIT_DONE) remove(beside);
    }
    *n = x.n;
    free(note_text);
    free(beside);
    index_close(index);
    return code;
}

static int is_folder(const char *path)
{
    struct stat s;
    size_t n = strlen(path);
    return (n && path[n - 1] == '/') || (stat(path, &s) == 0 && S_ISDIR(s.st_mode));
}

int ledger_export(int argc, char **argv)
{
    struct ledger *l = NULL;
    struct ledger_walk w = {.what = "copying the ledger"};
    struct index_query q;
    uint64_t n = 0;
    int folder = is_folder(argv[0]), part = O.model || O.from || O.to || O.key.n || O.task || O.actor || O.purpose;
    int code = ledger_query(&q);
    (void)argc;
    if (code == EXIT_DONE && folder && part)
        code = usage("export: a folder takes the whole log, since only the whole can be checked as one; a part goes into a file");
    q.oldest_first = 1;
    if (code == EXIT_DONE) code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE && folder) {
        code = report(ledger_copy(l, argv[0], &n, ledger_walked, &w));
        ledger_walk_end(&w);
    } else if (code == EXIT_DONE) code = export_file(l, argv[0], &q, &n);
    if (code == EXIT_DONE && O.json)
        code = json_print(json_pack("{s:s, s:s, s:I, s:s}", "to", argv[0], "form", folder ? "log" : "proofs", "entries", (json_int_t)n, "key",
                                    ledger_vkey(l)));
    else if (code == EXIT_DONE)
        term_printf(stdout, "%" PRIu64 " entr%s in %s; `hearth ledger %s %s --key %s` checks them anywhere\n", n, n == 1 ? "y" : "ies", argv[0],
               folder ? "verify --dir" : "check", argv[0], ledger_vkey(l));
    ledger_close(l);
    return code;
}

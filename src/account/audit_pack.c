/* audit_pack.c - making an audit pack. */
#include "account/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/facts.h"
#include "account/keys.h"
#include "account/proof.h"
#include "account/receipt.h"
#include "hub/digest.h"
#include "hub/hub.h"

/* ---- which entries ---- */

struct span { int64_t from, to; uint64_t first, end; int any; };

static int look(void *user, uint64_t i, const void *data, size_t n)
{
    struct span *s = user;
    struct receipt r;
    if (receipt_parse(data, n, &r) != HEARTH_OK) return 0;
    if (r.seconds >= s->from && r.seconds < s->to) {
        if (!s->any) s->first = i;
        s->any = 1;
        s->end = i + 1;
    }
    receipt_free(&r);
    return 0;
}

static enum hearth_status find_entries(struct ledger *l, uint64_t size, struct span *s)
{
    TRY(ledger_each(l, 0, size, look, s));
    if (!s->any) return fail(HEARTH_ENOTFOUND, "the ledger %s has no receipt of that time", ledger_origin(l));
    s->first -= s->first > 0;                            /* the neighbours */
    s->end += s->end < size;
    if (s->end - s->first <= AUDIT_ENTRIES) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "%" PRIu64 " entries are of that time, allowed: %d in a pack; make several, of shorter times", s->end - s->first,
                AUDIT_ENTRIES);
}

struct gathering {
    struct ledger *l;
    const char *note;                /* the signed checkpoint */
    struct audit *audit;
    struct buf lines, proofs;
    ledger_progress *progress;
    void *user;
    enum hearth_status st;
};

static enum hearth_status gather_one(struct gathering *g, uint64_t i, const void *data, size_t n)
{
    struct proof p;
    if (memchr(data, '\n', n))
        return fail(HEARTH_EFORMAT, "entry %" PRIu64 " of %s holds a line break, so it is no receipt and fits into no pack", i, ledger_origin(g->l));
    TRY(proof_of_entry(g->l, i, g->note, 1, &p));
    enum hearth_status st = proof_write(&p, &g->proofs);
    proof_free(&p);
    TRY(st);
    TRY(buf_put(&g->lines, data, n));
    TRY(buf_putc(&g->lines, '\n'));
    TRY(audit_count(g->audit, data, n));
    if (g->progress && i % 64 == 0 && g->progress(g->user, i - g->audit->first, g->audit->end - g->audit->first))
        return fail(HEARTH_ECANCELLED, "cancelled");
    return HEARTH_OK;
}

static int gather(void *user, uint64_t i, const void *data, size_t n)
{
    struct gathering *g = user;
    g->st = gather_one(g, i, data, n);
    return g->st != HEARTH_OK;
}

/* ---- the files ---- */

static enum hearth_status add_json(struct pack *p, const char *name, const json_t *j)
{
    struct buf b = {0};
    char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
    if (!text) return fail(HEARTH_ENOMEM, "out of memory for %s", name);
    enum hearth_status st = buf_printf(&b, "%s\n", text);
    free(text);
    if (st == HEARTH_OK) st = pack_add(p, name, &b);
    buf_free(&b);
    return st;
}

/* What the store and the catalogue say of the digests in the tally. */
static enum hearth_status known_models(const struct tally *models, json_t **out)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    TRY(hub_list(1, &m, &n));
    *out = json_array();
    for (size_t i = 0; i < models->n; i++) {
        size_t k = 0;
        while (k < n && strcmp(m[k].sha256, models->row[i].key[1]) != 0) k++;
        if (k < n)
            json_array_append_new(*out, json_pack("{s:s, s:s, s:s, s:s, s:s}", "sha256", m[k].sha256, "known_as", m[k].name, "licence",
                                                  m[k].licence, "source", m[k].source, "label", m[k].label));
    }
    hub_models_free(m, n);
    return *out ? HEARTH_OK : fail(HEARTH_ENOMEM, "out of memory for models.json");
}

static enum hearth_status add_readme(struct pack *p, const char *origin)
{
    struct buf b = {0};
    enum hearth_status st = buf_printf(&b,
        "An audit pack of the ledger %s, made by hearth.\n\n"
        "report.html     for people; it needs no other file and can be printed\n"
        "summary.json    the same figures for programs, counted from receipts.jsonl\n"
        "receipts.jsonl  the ledger's entries, one a line, as they are: canonical JSON (RFC 8785)\n"
        "proofs.tlog     for each line a C2SP tlog-proof: https://c2sp.org/tlog-proof\n"
        "models.json     what the computer knew of the models: licences, origins\n"
        "ledger.vkey     the ledger's key (C2SP signed-note)\n"
        "manifest.json   length and SHA-256 of each of these files\n"
        "manifest.note   a signed note with the SHA-256 of manifest.json\n\n"
        "Get the key from the ledger's owner by another way than this pack, and compare it with ledger.vkey.\n\n"
        "With hearth:    hearth audit verify PACK --key KEY\n"
        "                hearth ledger check proofs.tlog --key KEY      the proofs alone\n\n"
        "With Go (golang.org/x/mod/sumdb/note and .../tlog):\n"
        "  1. verifier, _ := note.NewVerifier(KEY); note.Open(manifest.note, note.VerifierList(verifier)); its text ends with the\n"
        "     SHA-256 of manifest.json; hold that file and those it lists against their digests (sha256sum).\n"
        "  2. Each proof: the part behind its empty line is a checkpoint: note.Open checks its signature; its second line is the\n"
        "     size, its third the root (base64). The lines before are the index and the hashes (base64) of a tlog.RecordProof.\n"
        "  3. tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(line)), where line is the line of receipts.jsonl without its\n"
        "     end; the first line belongs to the first proof.\n"
        "  4. The indexes follow one another without a gap. The time of an entry before or behind the report's time shows that none\n"
        "     is missing at that end.\n", origin);
    if (st == HEARTH_OK) st = pack_add(p, "README.txt", &b);
    buf_free(&b);
    return st;
}

static enum hearth_status digest_of(const struct pack_file *f, char hex[65])
{
    struct sha256 *sum = NULL;
    enum hearth_status st = sha256_open(&sum);
    if (st == HEARTH_OK) st = sha256_add(sum, f->data, f->n);
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    return st;
}

/* manifest.json over what is in the pack, and manifest.note over that. */
static enum hearth_status add_manifest(struct pack *p, struct ledger *l, const json_t *time)
{
    struct buf text = {0}, note = {0};
    struct note_signer signer = {.key = {.type = NOTE_ED25519}};
    json_t *files = json_array(), *j;
    char hex[65], *path = NULL;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < p->n && st == HEARTH_OK; i++) {
        st = digest_of(&p->file[i], hex);
        if (st == HEARTH_OK)
            json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", p->file[i].name, "bytes", (json_int_t)p->file[i].n, "sha256", hex));
    }
    j = json_pack("{s:s, s:{s:s, s:s}, s:O, s:{s:s, s:s}, s:o}", "schema", AUDIT_SCHEMA, "program", "version", hearth_version(), "commit",
                  hearth_commit(), "time", time, "ledger", "origin", ledger_origin(l), "vkey", ledger_vkey(l), "files", files);
    if (st == HEARTH_OK) st = add_json(p, "manifest.json", j);
    json_decref(j);
    TRY_GOTO(st, done, st);
    TRY_GOTO(st, done, digest_of(pack_find(p, "manifest.json"), hex));
    TRY_GOTO(st, done, hub_path(HUB_DATA, "keys/ledger.key", &path));
    TRY_GOTO(st, done, keys_load(path, &signer));
    if (strcmp(signer.key.name, ledger_origin(l)) != 0)
        TRY_GOTO(st, done, fail(HEARTH_ECHECKSUM, "%s: the key of %s, and the ledger is %s", path, signer.key.name, ledger_origin(l)));
    TRY_GOTO(st, done, buf_printf(&text, "hearth audit pack\nsha256 %s manifest.json\n", hex));
    TRY_GOTO(st, done, buf_printf(&note, "%s\n", text.data));
    TRY_GOTO(st, done, note_sign(text.data, text.len, &signer, 0, &note));
    st = pack_add(p, "manifest.note", &note);
done:
    keys_wipe(&signer, sizeof signer);
    free(path);
    buf_free(&text);
    buf_free(&note);
    return st;
}

static enum hearth_status add_files(struct pack *p, struct gathering *g, uint64_t size)
{
    json_t *summary = NULL, *models = NULL;
    struct buf page = {0}, vkey = {0};
    enum hearth_status st;
    TRY_GOTO(st, done, audit_summary(g->audit, ledger_origin(g->l), size, &summary));
    TRY_GOTO(st, done, known_models(&g->audit->models, &models));
    TRY_GOTO(st, done, audit_page(summary, models, &page.data, &page.len));
    TRY_GOTO(st, done, buf_printf(&vkey, "%s\n", ledger_vkey(g->l)));
    TRY_GOTO(st, done, pack_add(p, "report.html", &page));
    TRY_GOTO(st, done, add_json(p, "summary.json", summary));
    TRY_GOTO(st, done, add_json(p, "models.json", models));
    TRY_GOTO(st, done, pack_add(p, "receipts.jsonl", &g->lines));
    TRY_GOTO(st, done, pack_add(p, "proofs.tlog", &g->proofs));
    TRY_GOTO(st, done, pack_add(p, "ledger.vkey", &vkey));
    TRY_GOTO(st, done, add_readme(p, ledger_origin(g->l)));
    st = add_manifest(p, g->l, json_object_get(summary, "time"));
done:
    json_decref(summary);
    json_decref(models);
    buf_free(&page);
    buf_free(&vkey);
    return st;
}

enum hearth_status audit_make(struct ledger *l, int64_t from, int64_t to, ledger_progress *progress, void *user, struct pack *out)
{
    struct span s = {.from = from, .to = to};
    struct audit a;
    struct gathering g = {.l = l, .audit = &a, .progress = progress, .user = user};
    struct checkpoint at = {.size = 0};
    const char *newest = ledger_checkpoint(l), *end;
    char *note = newest ? strdup(newest) : NULL;
    enum hearth_status st;
    *out = (struct pack){.label = "the audit pack"};
    audit_init(&a, from, to);
    if (!note) {
        st = newest ? fail_memory(strlen(newest)) : HEARTH_ENOTFOUND;
        goto done;
    }
    end = strstr(note, "\n\n");                           /* the text of a note ends at its empty line */
    TRY_GOTO(st, done, checkpoint_parse("the ledger's checkpoint", note, end ? (size_t)(end + 1 - note) : 0, &at));
    g.note = note;
    TRY_GOTO(st, done, find_entries(l, at.size, &s));
    a.first = s.first;
    a.end = s.end;
    TRY_GOTO(st, done, ledger_each(l, s.first, s.end, gather, &g));
    TRY_GOTO(st, done, g.st);
    st = add_files(out, &g, at.size);
done:
    audit_free(&a);
    buf_free(&g.lines);
    buf_free(&g.proofs);
    free(note);
    if (st != HEARTH_OK) pack_free(out);
    return st;
}

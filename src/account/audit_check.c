/* audit_check.c - is an audit pack what the ledger's owner made of the ledger?
 *
 *     key ──► manifest.note ──► manifest.json ──► every file
 *      `────► checkpoint ──► proofs.tlog ──► receipts.jsonl ──► summary.json ──► report.html (made again and compared)
 *
 * Each arrow is checked; no line of a receipt is shown to anybody on the way. */
#include "account/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/proof.h"
#include "account/receipt.h"
#include "base/jsontext.h"
#include "hub/digest.h"

#define ULL(x) ((unsigned long long)(x))

struct checking {
    const struct pack *pack;
    struct note_key key;
    struct audit_found *found;
    struct audit audit;
    ledger_progress *progress;
    void *user;
};

static enum hearth_status need(const struct pack *p, const char *name, const struct pack_file **out)
{
    *out = pack_find(p, name);
    return *out ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: the file %s is missing, so this is no whole audit pack", p->label, name);
}

static enum hearth_status read_json(const struct pack *p, const char *name, json_t **out)
{
    const struct pack_file *f;
    *out = NULL;
    TRY(need(p, name, &f));
    return jsontext_read(name, f->data, f->n, out);
}

static enum hearth_status digest_of(const void *data, size_t n, char hex[65])
{
    struct sha256 *sum = NULL;
    enum hearth_status st = sha256_open(&sum);
    if (st == HEARTH_OK) st = sha256_add(sum, data, n);
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    return st;
}

/* ---- the manifest ---- */

static enum hearth_status check_note(struct checking *c)
{
    const struct note_key *const key[] = {&c->key};
    const struct pack_file *note, *manifest;
    struct note by;
    char hex[65], wanted[160];
    TRY(need(c->pack, "manifest.note", &note));
    TRY(need(c->pack, "manifest.json", &manifest));
    enum hearth_status st = note_open("manifest.note", note->data, note->n, key, 1, &by);
    if (st == HEARTH_ENOTFOUND)
        return fail(HEARTH_ECHECKSUM, "%s: manifest.note is not signed by the key %s", c->pack->label, c->key.name);
    TRY(st);
    TRY(digest_of(manifest->data, manifest->n, hex));
    snprintf(wanted, sizeof wanted, "hearth audit pack\nsha256 %s manifest.json\n", hex);
    if (by.text_n == strlen(wanted) && memcmp(note->data, wanted, by.text_n) == 0) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: manifest.json was changed: its SHA-256 is %s, and manifest.note was signed for another", c->pack->label, hex);
}

static enum hearth_status check_file(const struct pack *p, const json_t *listed)
{
    const char *name = json_string_value(json_object_get(listed, "name")), *sha256 = json_string_value(json_object_get(listed, "sha256"));
    const struct pack_file *f;
    char hex[65];
    if (!name || !sha256) return fail(HEARTH_EFORMAT, "%s: manifest.json: a file without name or sha256", p->label);
    TRY(need(p, name, &f));
    TRY(digest_of(f->data, f->n, hex));
    if (strcmp(hex, sha256) == 0) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: %s was changed: its SHA-256 is %s, and the manifest has %.64s", p->label, name, hex, sha256);
}

static enum hearth_status check_manifest(struct checking *c, const json_t *manifest)
{
    const struct pack *p = c->pack;
    const json_t *files = json_object_get(manifest, "files"), *f;
    const char *schema = json_string_value(json_object_get(manifest, "schema"));
    size_t i;
    if (!schema || strcmp(schema, AUDIT_SCHEMA) != 0)
        return fail(HEARTH_EFORMAT, "%s: manifest.json: schema is \"%.80s\", allowed: " AUDIT_SCHEMA, p->label, schema ? schema : "");
    TRY(check_note(c));
    json_array_foreach((json_t *)files, i, f) TRY(check_file(p, f));
    for (size_t k = 0; k < p->n; k++) {
        int listed = strcmp(p->file[k].name, "manifest.json") == 0 || strcmp(p->file[k].name, "manifest.note") == 0;
        json_array_foreach((json_t *)files, i, f) listed |= strcmp(p->file[k].name, json_string_value(json_object_get(f, "name"))) == 0;
        if (!listed) return fail(HEARTH_ECHECKSUM, "%s: the file %s is not in its manifest", p->label, p->file[k].name);
    }
    return HEARTH_OK;
}

/* ---- proofs and receipts ---- */

/* The first proof's checkpoint is checked against the key; the others must have the very same. */
static enum hearth_status check_checkpoint(struct checking *c, const struct proof *p, char **note)
{
    struct note by;
    if (*note) {
        if (strlen(*note) == p->note_n && memcmp(*note, p->note, p->note_n) == 0) return HEARTH_OK;
        return fail(HEARTH_ECHECKSUM, "%s: proofs.tlog: entry %llu has another checkpoint than those before it", c->pack->label, ULL(p->index));
    }
    TRY(proof_check_signatures("proofs.tlog", p, &c->key, 1, &by));
    *note = strdup(p->note);
    c->found->first = p->index;
    c->found->size = p->at.size;
    return *note ? HEARTH_OK : fail_memory(p->note_n);
}

static enum hearth_status check_entry(struct checking *c, const struct proof *p, uint64_t n, const char *line, size_t line_n)
{
    if (p->index != c->found->first + n)
        return fail(HEARTH_ECHECKSUM, "%s: proofs.tlog: entry %llu follows entry %llu, so entries are missing between", c->pack->label,
                    ULL(p->index), ULL(c->found->first + n - 1));
    TRY(proof_check_entry("proofs.tlog", p, line, line_n));
    if (p->extra && (p->extra_n != line_n || memcmp(p->extra, line, line_n) != 0))
        return fail(HEARTH_ECHECKSUM, "%s: proofs.tlog: what goes with entry %llu is not that entry", c->pack->label, ULL(p->index));
    return audit_count(&c->audit, line, line_n);
}

static enum hearth_status check_entries(struct checking *c, const struct pack_file *lines, const struct pack_file *proofs)
{
    const char *line = lines->data, *at = proofs->data, *end = lines->data + lines->n, *proofs_end = proofs->data + proofs->n;
    enum hearth_status st = HEARTH_OK;
    char *note = NULL;
    uint64_t n = 0;
    for (; line < end && st == HEARTH_OK; n++) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t length = next ? (size_t)(next - line) : (size_t)(end - line), proof_n = proof_first(at, (size_t)(proofs_end - at));
        struct proof p;
        if (proof_n == 0) {
            st = fail(HEARTH_ECHECKSUM, "%s: receipts.jsonl has more lines than proofs.tlog has proofs (%llu)", c->pack->label, ULL(n));
            break;
        }
        TRY_GOTO(st, done, proof_read("proofs.tlog", at, proof_n, &p));
        st = p.kind == PROOF_INCLUSION ? check_checkpoint(c, &p, &note) : fail(HEARTH_EFORMAT, "%s: proofs.tlog: a proof of another kind", c->pack->label);
        if (st == HEARTH_OK) st = check_entry(c, &p, n, line, length);
        proof_free(&p);
        at += proof_n;
        line += length + (next != NULL);
        if (st == HEARTH_OK && c->progress && n % 64 == 0 && c->progress(c->user, (uint64_t)(line - lines->data), lines->n))
            st = fail(HEARTH_ECANCELLED, "cancelled");
    }
    if (st == HEARTH_OK && (at < proofs_end || n == 0))
        st = fail(HEARTH_ECHECKSUM, "%s: proofs.tlog has more proofs than receipts.jsonl has lines (%llu)", c->pack->label, ULL(n));
    c->found->entries = n;
    c->found->end = c->found->first + n;
done:
    free(note);
    return st;
}

/* The time of the first or last line, when it is a receipt's; 0 otherwise. */
static int64_t time_of(const char *line, size_t n)
{
    struct receipt r;
    if (receipt_parse(line, n, &r) != HEARTH_OK) return 0;
    int64_t seconds = r.seconds;
    receipt_free(&r);
    return seconds;
}

/* What lies at the ends must be of another time, or the ledger ends there. */
static enum hearth_status check_ends(struct checking *c, const struct pack_file *lines)
{
    const char *first_end = memchr(lines->data, '\n', lines->n), *last = lines->data + lines->n - 1;
    while (last > lines->data && last[-1] != '\n') last--;
    int64_t first = time_of(lines->data, first_end ? (size_t)(first_end - lines->data) : lines->n);
    int64_t final = time_of(last, (size_t)(lines->data + lines->n - 1 - last));
    int inside = first >= c->audit.from && first < c->audit.to;
    if (c->found->first > 0 && inside)
        return fail(HEARTH_ECHECKSUM, "%s: entry %llu is of the time, and the one before it is not in the pack: entries may be left out",
                    c->pack->label, ULL(c->found->first));
    inside = final >= c->audit.from && final < c->audit.to;
    if (c->found->end < c->found->size && inside)
        return fail(HEARTH_ECHECKSUM, "%s: entry %llu is of the time, and the one behind it is not in the pack: entries may be left out",
                    c->pack->label, ULL(c->found->end - 1));
    return HEARTH_OK;
}

/* ---- what was counted ---- */

static enum hearth_status check_summary(struct checking *c)
{
    const struct pack_file *f;
    json_t *again = NULL;
    TRY(need(c->pack, "summary.json", &f));
    c->audit.first = c->found->first;
    c->audit.end = c->found->end;
    TRY(audit_summary(&c->audit, c->key.name, c->found->size, &again));
    char *text = json_dumps(again, JSON_INDENT(2));
    size_t n = text ? strlen(text) : 0;
    enum hearth_status st = !text ? fail(HEARTH_ENOMEM, "out of memory for the summary")
        : f->n != n + 1 || memcmp(text, f->data, n) != 0
        ? fail(HEARTH_ECHECKSUM, "%s: summary.json is not what the receipts say when they are counted again", c->pack->label) : HEARTH_OK;
    free(text);
    json_decref(again);
    return st;
}

/* The page is made again when this is the version that made it. */
static enum hearth_status check_page(struct checking *c, const json_t *manifest, const json_t *summary)
{
    const char *version = json_string_value(json_object_get(json_object_get(manifest, "program"), "version"));
    const char *commit = json_string_value(json_object_get(json_object_get(manifest, "program"), "commit"));
    const struct pack_file *f;
    json_t *models = NULL;
    char *text = NULL;
    size_t n = 0;
    TRY(need(c->pack, "report.html", &f));
    if (!version || !commit || strcmp(version, hearth_version()) != 0 || strcmp(commit, hearth_commit()) != 0) return HEARTH_OK;
    TRY(read_json(c->pack, "models.json", &models));
    enum hearth_status st = audit_page(summary, models, &text, &n);
    if (st == HEARTH_OK && (n != f->n || memcmp(text, f->data, n) != 0))
        st = fail(HEARTH_ECHECKSUM, "%s: report.html is not what its summary says", c->pack->label);
    c->found->recounted = st == HEARTH_OK;
    free(text);
    json_decref(models);
    return st;
}

/* The key that is trusted: the one given, which must be the pack's too; or the pack's own. */
static enum hearth_status take_key(struct checking *c, const char *vkey)
{
    const struct pack_file *f;
    struct note_key own;
    TRY(need(c->pack, "ledger.vkey", &f));
    TRY(note_key_parse("ledger.vkey", f->data, &own));
    c->key = own;
    if (vkey) TRY(note_key_parse("--key", vkey, &c->key));
    if (strcmp(own.name, c->key.name) != 0 || memcmp(own.public, c->key.public, sizeof own.public) != 0)
        return fail(HEARTH_ECHECKSUM, "%s: it comes with the key of %s, which is not the key given (%s)", c->pack->label, own.name, c->key.name);
    note_key_print(&c->key, c->found->vkey);
    snprintf(c->found->origin, sizeof c->found->origin, "%s", c->key.name);
    return HEARTH_OK;
}

static enum hearth_status read_time(struct checking *c, const json_t *manifest)
{
    const json_t *time = json_object_get(manifest, "time");
    const struct { const char *key; int64_t *to; char *text; } end[] = {
        {"from", &c->audit.from, c->found->from}, {"to", &c->audit.to, c->found->to},
    };
    for (int i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(time, end[i].key));
        struct tm tm = {0};
        const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
        if (!rest || *rest) return fail(HEARTH_EFORMAT, "%s: manifest.json: time.%s is \"%.40s\", allowed: a time as 2026-11-22T07:40:00Z",
                                        c->pack->label, end[i].key, text ? text : "");
        *end[i].to = (int64_t)timegm(&tm);
        snprintf(end[i].text, 24, "%.23s", text);
    }
    return HEARTH_OK;
}

enum hearth_status audit_check(const struct pack *p, const char *vkey, ledger_progress *progress, void *user,
                               struct audit_found *out)
{
    struct checking c = {.pack = p, .found = out, .progress = progress, .user = user};
    const struct pack_file *lines, *proofs;
    json_t *manifest = NULL, *summary = NULL;
    enum hearth_status st;
    *out = (struct audit_found){0};
    audit_init(&c.audit, 0, 0);
    TRY_GOTO(st, done, read_json(p, "manifest.json", &manifest));
    TRY_GOTO(st, done, take_key(&c, vkey));
    TRY_GOTO(st, done, check_manifest(&c, manifest));
    TRY_GOTO(st, done, read_time(&c, manifest));
    TRY_GOTO(st, done, need(p, "receipts.jsonl", &lines));
    TRY_GOTO(st, done, need(p, "proofs.tlog", &proofs));
    TRY_GOTO(st, done, check_entries(&c, lines, proofs));
    TRY_GOTO(st, done, check_ends(&c, lines));
    TRY_GOTO(st, done, check_summary(&c));
    TRY_GOTO(st, done, read_json(p, "summary.json", &summary));
    TRY_GOTO(st, done, check_page(&c, manifest, summary));
    out->answers = c.audit.all.answers;
done:
    json_decref(manifest);
    json_decref(summary);
    audit_free(&c.audit);
    return st;
}

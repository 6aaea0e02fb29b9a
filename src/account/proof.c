/* proof.c - reading, writing and checking the proofs of proof.h.  Every line comes from a stranger. */
#include "account/proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "account/ledger.h"

static const char head[] = "c2sp.org/tlog-proof@v1";

/* ---- lines ---- */

struct lines { const char *name, *at, *end; int number; };
struct line { const char *s; size_t n; };

/* The next line without its newline; a last one that has none is no line. */
static int next_line(struct lines *l, struct line *out)
{
    const char *nl = l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;
    l->number++;
    if (!nl) return 0;
    *out = (struct line){l->at, (size_t)(nl - l->at)};
    l->at = nl + 1;
    return 1;
}

static int begins(const struct line *l, const char *word)
{
    size_t n = strlen(word);
    return l->n >= n && !memcmp(l->s, word, n);
}

static enum hearth_status wrong(const struct lines *l, const struct line *found, const char *allowed)
{
    if (!found) return fail(HEARTH_EFORMAT, "%s: it ends in line %d, where there should be %s", l->name, l->number, allowed);
    return fail(HEARTH_EFORMAT, "%s: line %d: \"%.*s%s\" where there should be %s", l->name, l->number,
                (int)(found->n < 60 ? found->n : 60), found->s, found->n > 60 ? "..." : "", allowed);
}

/* A whole number in the one way to write it, at most 2^63 - 1. */
static int read_number(const char *s, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    if (n == 0 || n > 19 || (n > 1 && *s == '0')) return 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return 0;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    *out = v;
    return v <= INT64_MAX;
}

/* ---- reading ---- */

static enum hearth_status read_extra(struct lines *l, const struct line *line, struct proof *p)
{
    size_t n = line->n - strlen("extra ");
    p->extra = mem_array(n / 4 * 3 + 1, 1);
    if (!p->extra) return HEARTH_ENOMEM;
    long used = base64_read(line->s + strlen("extra "), n, p->extra);
    if (used < 0) return wrong(l, line, "extra and base64");
    p->extra_n = (size_t)used;
    return HEARTH_OK;
}

/* "extra ..." and "index 7", or "old 900". */
static enum hearth_status read_head(struct lines *l, struct proof *p)
{
    struct line line;
    int there = next_line(l, &line);
    if (there && begins(&line, "old ")) {
        p->kind = PROOF_CONSISTENCY;
        return read_number(line.s + 4, line.n - 4, &p->index) ? HEARTH_OK : wrong(l, &line, "old and a number of entries");
    }
    if (!there || line.n != strlen(head) || !begins(&line, head))
        return wrong(l, there ? &line : NULL, "\"c2sp.org/tlog-proof@v1\" or \"old\" and a number: this is no proof");
    p->kind = PROOF_INCLUSION;
    there = next_line(l, &line);
    if (there && begins(&line, "extra ")) {
        TRY(read_extra(l, &line, p));
        there = next_line(l, &line);
    }
    if (!there || !begins(&line, "index ") || !read_number(line.s + 6, line.n - 6, &p->index))
        return wrong(l, there ? &line : NULL, "index and the number of an entry");
    return HEARTH_OK;
}

/* Up to the empty line. */
static enum hearth_status read_hashes(struct lines *l, struct proof *p)
{
    for (;;) {
        struct line line;
        uint8_t hash[MERKLE_HASH + 3];
        if (!next_line(l, &line)) return wrong(l, NULL, "a hash or an empty line");
        if (line.n == 0) return HEARTH_OK;
        if (line.n != 44 || base64_read(line.s, line.n, hash) != MERKLE_HASH)
            return wrong(l, &line, "a hash: 32 bytes in base64");
        if (p->hashes == MERKLE_PROOF)
            return fail(HEARTH_EFORMAT, "%s: line %d: one more hash, and no proof has more than %d", l->name, l->number,
                        MERKLE_PROOF);
        memcpy(p->hash[p->hashes++], hash, MERKLE_HASH);
    }
}

/* The text of a note ends with its last empty line; signatures follow. */
static enum hearth_status set_note(const char *name, const char *note, size_t n, struct proof *p)
{
    static const char dash[] = "\xe2\x80\x94 ";
    const char *gap = NULL;
    for (const char *s = note; (s = memmem(s, (size_t)(note + n - s), "\n\n", 2)); s++) gap = s;
    size_t behind = gap ? (size_t)(note + n - gap) - 2 : 0;
    if (behind < strlen(dash) || memcmp(gap + 2, dash, strlen(dash)) != 0)
        return fail(HEARTH_EFORMAT, "%s: there is no signed checkpoint: its text, an empty line, signatures", name);
    TRY(checkpoint_parse(name, note, (size_t)(gap + 1 - note), &p->at));
    p->note = mem_array(n + 1, 1);
    if (!p->note) return HEARTH_ENOMEM;
    memcpy(p->note, note, n);
    p->note_n = n;
    return HEARTH_OK;
}

enum hearth_status proof_read(const char *name, const void *data, size_t n, struct proof *out)
{
    struct lines l = {name, data, (const char *)data + n, 0};
    *out = (struct proof){.kind = PROOF_INCLUSION};
    if (n > PROOF_MAX)
        return fail(HEARTH_ELIMIT, "%s: %zu bytes, and a proof has at most %d", name, n, PROOF_MAX);
    if (n && memchr(data, 0, n)) return fail(HEARTH_EFORMAT, "%s: a zero byte; a proof is text", name);
    enum hearth_status st = read_head(&l, out);
    if (st == HEARTH_OK) st = read_hashes(&l, out);
    if (st == HEARTH_OK) st = set_note(name, l.at, (size_t)(l.end - l.at), out);
    if (st == HEARTH_OK && out->kind == PROOF_INCLUSION && out->index >= out->at.size)
        st = fail(HEARTH_EFORMAT, "%s: it is about entry %" PRIu64 ", and its checkpoint covers the entries below %" PRIu64, name,
                  out->index, out->at.size);
    if (st != HEARTH_OK) proof_free(out);
    return st;
}

void proof_free(struct proof *p)
{
    free(p->extra);
    free(p->note);
    *p = (struct proof){.kind = PROOF_INCLUSION};
}

size_t proof_first(const void *data, size_t n)
{
    static const char next[] = "\nc2sp.org/tlog-proof@v1\n";
    const char *s = n > 0 ? memmem(data, n, next, sizeof next - 1) : NULL;
    return s ? (size_t)(s + 1 - (const char *)data) : n;
}

enum hearth_status proof_write(const struct proof *p, struct buf *to)
{
    if (p->kind == PROOF_CONSISTENCY) TRY(buf_printf(to, "old %" PRIu64 "\n", p->index));
    else {
        TRY(buf_printf(to, "%s\n", head));
        if (p->extra) {
            TRY(buf_puts(to, "extra "));
            TRY(base64_put(to, p->extra, p->extra_n));
            TRY(buf_putc(to, '\n'));
        }
        TRY(buf_printf(to, "index %" PRIu64 "\n", p->index));
    }
    for (size_t i = 0; i < p->hashes; i++) {
        TRY(base64_put(to, p->hash[i], MERKLE_HASH));
        TRY(buf_putc(to, '\n'));
    }
    TRY(buf_putc(to, '\n'));
    return buf_put(to, p->note, p->note_n);
}

/* ---- checking ---- */

enum { KEYS = 32 };

enum hearth_status proof_check_signatures(const char *name, const struct proof *p, const struct note_key *key, size_t n,
                                          struct note *by)
{
    const struct note_key *used[KEYS];
    size_t n_used = 0, logs = 0;
    *by = (struct note){.n = 0};
    if (n > KEYS) return fail(HEARTH_EUSAGE, "%zu keys, and at most %d can be given", n, KEYS);
    for (size_t i = 0; i < n; i++) {
        int own = key[i].type == NOTE_ED25519 && !strcmp(key[i].name, p->at.origin);
        if (own || key[i].type == NOTE_COSIGNATURE) used[n_used++] = &key[i];
        logs += (size_t)own;
    }
    if (!logs)
        return fail(HEARTH_ENOTFOUND, "%s: it is of the log %s, whose key is not among those that are trusted here", name,
                    p->at.origin);
    enum hearth_status st = note_open(name, p->note, p->note_n, used, n_used, by);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return st;
    for (size_t i = 0, found; i < n_used; i++) {
        for (size_t k = found = 0; k < by->n; k++) found |= !memcmp(by->by[k].key, used[i], sizeof *used[i]);
        if (found && used[i]->type == NOTE_ED25519) logs = 0;              /* one of the log's keys is enough */
        if (!found && used[i]->type == NOTE_COSIGNATURE)
            return fail(HEARTH_ECHECKSUM, "%s: the witness %s has not signed this checkpoint", name, used[i]->name);
    }
    if (logs) return fail(HEARTH_ECHECKSUM, "%s: the checkpoint is not signed by the key of %s that is trusted here", name,
                          p->at.origin);
    return HEARTH_OK;
}

enum hearth_status proof_check_entry(const char *name, const struct proof *p, const void *entry, size_t n)
{
    uint8_t leaf[MERKLE_HASH];
    if (p->kind != PROOF_INCLUSION)
        return fail(HEARTH_EUSAGE, "%s: it proves that a log only grew, and nothing about one entry", name);
    TRY(merkle_leaf(entry, n, leaf));
    enum hearth_status st = merkle_check_inclusion(p->index, p->at.size, leaf, p->hash, p->hashes, p->at.root);
    if (st != HEARTH_ECHECKSUM) return st;
    return fail(HEARTH_ECHECKSUM, "%s: these %zu bytes are not entry %" PRIu64 " of %s: their hash does not lead to its root", name, n,
                p->index, p->at.origin);
}

enum hearth_status proof_check_growth(const char *name, const struct proof *p, const struct checkpoint *old)
{
    if (p->kind != PROOF_CONSISTENCY)
        return fail(HEARTH_EUSAGE, "%s: it is about one entry, and does not prove that a log only grew", name);
    if (strcmp(old->origin, p->at.origin) != 0)
        return fail(HEARTH_ECHECKSUM, "%s: it is of the log %s, and the older checkpoint of %s", name, p->at.origin, old->origin);
    if (old->size != p->index)
        return fail(HEARTH_ECHECKSUM, "%s: it begins at %" PRIu64 " entries, and the older checkpoint has %" PRIu64, name, p->index,
                    old->size);
    if (old->size > p->at.size)
        return fail(HEARTH_ECHECKSUM, "%s: its checkpoint has %" PRIu64 " entries, fewer than the %" PRIu64 " of the older one: entries "
                    "were taken out", name, p->at.size, old->size);
    enum hearth_status st = merkle_check_consistency(old->size, p->at.size, old->root, p->at.root, p->hash, p->hashes);
    if (st != HEARTH_ECHECKSUM) return st;
    if (old->size == p->at.size)
        return fail(HEARTH_ECHECKSUM, "%s: a fork: there are two checkpoints of %s with %" PRIu64 " entries, and their roots differ", name,
                    p->at.origin, old->size);
    return fail(HEARTH_ECHECKSUM, "%s: a fork: the %" PRIu64 " entries of this checkpoint of %s do not contain the %" PRIu64 " of the older "
                "one as they were", name, p->at.size, p->at.origin, old->size);
}

/* ---- making ---- */

static enum hearth_status begin(struct ledger *l, const char *note, enum proof_kind kind, uint64_t index, struct proof *p)
{
    *p = (struct proof){.kind = kind, .index = index};
    if (!note && !(note = ledger_checkpoint(l))) return fail(HEARTH_ENOTFOUND, "%s", hearth_errmsg());
    return set_note("checkpoint", note, strlen(note), p);
}

/* Takes over the hashes that the ledger gave. */
static enum hearth_status set_hashes(struct proof *p, uint8_t (*hash)[MERKLE_HASH], size_t n)
{
    if (n > MERKLE_PROOF) return fail(HEARTH_EINTERNAL, "a proof of %zu hashes", n);
    if (n) memcpy(p->hash, hash, n * sizeof *hash);
    p->hashes = n;
    return HEARTH_OK;
}

enum hearth_status proof_of_entry(struct ledger *l, uint64_t index, const char *note, int with_entry, struct proof *out)
{
    uint8_t (*hash)[MERKLE_HASH] = NULL, leaf[MERKLE_HASH];
    size_t n = 0;
    enum hearth_status st;
    TRY_GOTO(st, done, begin(l, note, PROOF_INCLUSION, index, out));
    if (index >= out->at.size)
        TRY_GOTO(st, done, fail(HEARTH_ENOTFOUND, "there is no entry %" PRIu64 ": this checkpoint of %s covers the entries below %"
                                PRIu64, index, out->at.origin, out->at.size));
    TRY_GOTO(st, done, ledger_inclusion(l, index, out->at.size, &hash, &n));
    TRY_GOTO(st, done, set_hashes(out, hash, n));
    TRY_GOTO(st, done, ledger_leaf(l, index, leaf));
    TRY_GOTO(st, done, merkle_check_inclusion(index, out->at.size, leaf, out->hash, out->hashes, out->at.root));
    if (with_entry) TRY_GOTO(st, done, ledger_entry(l, index, (void **)&out->extra, &out->extra_n));
done:
    free(hash);
    if (st == HEARTH_ECHECKSUM)
        st = fail(st, "%s: entry %" PRIu64 " does not lead to the root of the checkpoint of %" PRIu64 " entries: `hearth ledger verify` "
                  "tells where it is damaged", ledger_dir(l), index, out->at.size);
    if (st != HEARTH_OK) proof_free(out);
    return st;
}

enum hearth_status proof_of_growth(struct ledger *l, const struct checkpoint *old, struct proof *out)
{
    uint8_t (*hash)[MERKLE_HASH] = NULL;
    size_t n = 0;
    enum hearth_status st;
    TRY_GOTO(st, done, begin(l, NULL, PROOF_CONSISTENCY, old->size, out));
    if (old->size <= out->at.size) {
        TRY_GOTO(st, done, ledger_consistency(l, old->size, out->at.size, &hash, &n));
        TRY_GOTO(st, done, set_hashes(out, hash, n));
    }
    st = proof_check_growth("this ledger", out, old);
done:
    free(hash);
    if (st != HEARTH_OK) proof_free(out);
    return st;
}

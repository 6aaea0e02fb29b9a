/* sentencepiece.c - see sentencepiece.h.
 *
 *     1 pieces             1 text, 2 score (float), 3 type
 *     2 trainer_spec       3 model_type (1: Unigram, 2: BPE), 24 treat_whitespace_as_suffix, 35 byte_fallback, 40 unk_id, 41 bos_id, 42 eos_id
 *     3 normalizer_spec    2 precompiled_charsmap, 3 add_dummy_prefix, 4 remove_extra_whitespaces, 5 escape_whitespaces
 *
 * A field is a varint of number << 3 | kind, then its value: a varint (0), 8 bytes (1), a length and so many bytes (2), 4 bytes (5).
 * What is not named here is passed over. */
#include "text/sentencepiece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct message { const uint8_t *p, *end; };
struct field { uint64_t number, value; int kind; struct message bytes; };

struct reading { struct sentencepiece *s; const char *path; size_t cap[3]; uint64_t model, suffix, escape; int seen; };

static int varint(struct message *m, uint64_t *out) {
    *out = 0;
    for (int shift = 0; m->p < m->end && shift < 64; shift += 7) {
        *out |= (uint64_t)(*m->p & 0x7F) << shift;
        if (!(*m->p++ & 0x80)) return 1;
    }
    return 0;
}

/* 0: the end; -1: not well-formed. */
static int next_field(struct message *m, struct field *f) {
    uint64_t tag, n = 0;
    if (m->p == m->end) return 0;
    if (!varint(m, &tag)) return -1;
    *f = (struct field){ .number = tag >> 3, .kind = (int)(tag & 7) };
    if (f->kind == 0) return varint(m, &f->value) ? 1 : -1;
    if (f->kind == 1) n = 8;
    else if (f->kind == 5) n = 4;
    else if (f->kind != 2 || !varint(m, &n)) return -1;
    if (n > (uint64_t)(m->end - m->p)) return -1;
    f->bytes = (struct message){ m->p, m->p + n };
    m->p += n;
    return 1;
}

static enum hearth_status malformed(const struct reading *r, const char *what) {
    return fail(HEARTH_EFORMAT, "%s: %s is no well-formed protocol buffer, allowed: a SentencePiece model", r->path, what);
}

static enum hearth_status read_piece(struct reading *r, struct message m) {
    struct sentencepiece *s = r->s;
    struct field f;
    if (s->n == VOCAB_SIZE_MAX) return fail(HEARTH_ELIMIT, "%s: pieces: more than %d, allowed: at most so many", r->path, VOCAB_SIZE_MAX);
    TRY(mem_grow(&s->text, &r->cap[0], (size_t)s->n + 1, sizeof *s->text));
    TRY(mem_grow(&s->type, &r->cap[1], (size_t)s->n + 1, 1));
    TRY(mem_grow(&s->score, &r->cap[2], (size_t)s->n + 1, sizeof *s->score));
    s->text[s->n] = (struct gguf_string){ "", 0 };
    s->type[s->n] = TOKEN_NORMAL;
    s->score[s->n] = 0;
    int more;
    while ((more = next_field(&m, &f)) > 0) {
        size_t n = (size_t)(f.bytes.end - f.bytes.p);
        if (f.number == 1 && f.kind == 2) s->text[s->n] = (struct gguf_string){ (const char *)f.bytes.p, n };
        if (f.number == 2 && f.kind == 5) memcpy(s->score + s->n, f.bytes.p, 4);
        if (f.number != 3 || f.kind != 0) continue;
        if (f.value < TOKEN_NORMAL || f.value > TOKEN_BYTE)
            return fail(HEARTH_EFORMAT, "%s: pieces: type %llu of piece %d, allowed: 1 to 6", r->path, (unsigned long long)f.value, s->n);
        s->type[s->n] = (uint8_t)f.value;
    }
    if (more < 0) return malformed(r, "a piece");
    if (!isfinite(s->score[s->n])) return fail(HEARTH_EFORMAT, "%s: pieces: the score of piece %d is %g, allowed: a finite number", r->path, s->n,
                                               (double)s->score[s->n]);
    s->n++;
    return HEARTH_OK;
}

static enum hearth_status read_trainer(struct reading *r, struct message m) {
    struct field f;
    int more;
    while ((more = next_field(&m, &f)) > 0) {
        if (f.kind != 0) continue;
        if (f.number == 3) r->model = f.value;
        if (f.number == 24) r->suffix = f.value;
        if (f.number == 35) r->s->byte_fallback = f.value != 0;
        if (f.number == 40) r->s->unknown = (int32_t)f.value;
        if (f.number == 41) r->s->bos = (int32_t)f.value;
        if (f.number == 42) r->s->eos = (int32_t)f.value;
    }
    return more < 0 ? malformed(r, "trainer_spec") : HEARTH_OK;
}

static enum hearth_status read_normalizer(struct reading *r, struct message m) {
    struct field f;
    int more;
    while ((more = next_field(&m, &f)) > 0) {
        if (f.number == 2 && f.kind == 2 && f.bytes.end > f.bytes.p)
            r->s->charsmap = f.bytes.p, r->s->charsmap_n = (size_t)(f.bytes.end - f.bytes.p);
        if (f.kind != 0) continue;
        if (f.number == 3) r->s->prefix = f.value != 0;
        if (f.number == 4) r->s->squeeze = f.value != 0;
        if (f.number == 5) r->escape = f.value;
    }
    return more < 0 ? malformed(r, "normalizer_spec") : HEARTH_OK;
}

static enum hearth_status check(const struct reading *r) {
    static const char *const models[] = { "none", "unigram", "BPE", "word", "char" };
    struct sentencepiece *s = r->s;
    if (r->seen != (1 << 2 | 1 << 3))
        return fail(HEARTH_EFORMAT, "%s: %s is missing, allowed: a whole SentencePiece model", r->path, r->seen & 4 ? "normalizer_spec" : "trainer_spec");
    if (r->model != 1 && r->model != 2)
        return fail(HEARTH_EUNSUPPORTED, "%s: trainer_spec.model_type: %s, known: unigram, BPE", r->path, models[r->model < 5 ? r->model : 0]);
    s->unigram = r->model == 1;
    if (!r->escape) return fail(HEARTH_EUNSUPPORTED, "%s: normalizer_spec.escape_whitespaces: false, known: true", r->path);
    if (r->suffix) return fail(HEARTH_EUNSUPPORTED, "%s: trainer_spec.treat_whitespace_as_suffix: true, known: false", r->path);
    if (s->n == 0) return fail(HEARTH_EFORMAT, "%s: pieces: none, allowed: 1 to %d", r->path, VOCAB_SIZE_MAX);
    if (s->unknown >= s->n || s->bos >= s->n || s->eos >= s->n)
        return fail(HEARTH_EFORMAT, "%s: trainer_spec: unk_id, bos_id or eos_id is no piece: %d, %d, %d, allowed: below %d", r->path, s->unknown, s->bos,
                    s->eos, s->n);
    return HEARTH_OK;
}

static enum hearth_status read_all(struct reading *r, struct message m) {
    struct field f;
    int more;
    while ((more = next_field(&m, &f)) > 0) {
        if (f.kind != 2) continue;
        if (f.number == 2 || f.number == 3) r->seen |= 1 << f.number;
        if (f.number == 1) TRY(read_piece(r, f.bytes));
        if (f.number == 2) TRY(read_trainer(r, f.bytes));
        if (f.number == 3) TRY(read_normalizer(r, f.bytes));
    }
    return more < 0 ? malformed(r, "the file") : check(r);
}

enum hearth_status sentencepiece_read(struct sentencepiece *s, const char *path, const char *data, size_t n) {
    *s = (struct sentencepiece){ .unknown = 0, .bos = 1, .eos = 2, .prefix = 1, .squeeze = 1 };    /* the defaults of its own fields */
    struct reading r = { .s = s, .path = path, .model = 1, .escape = 1 };
    const uint8_t *p = (const uint8_t *)data;
    enum hearth_status st = read_all(&r, (struct message){ p, p + n });
    if (st != HEARTH_OK) sentencepiece_free(s);
    return st;
}

void sentencepiece_free(struct sentencepiece *s) {
    free(s->text);
    free(s->type);
    free(s->score);
    *s = (struct sentencepiece){ 0 };
}

/* unigram.c - the pieces of a word whose scores sum up highest (Kudo: "Subword regularization", ACL 2018), by Viterbi's algorithm:
 * the best way to each byte is the best way to where its last piece begins, and that piece.
 *
 *     h  e  l  l  o        best[5] = max(best[0] + score(hello), best[4] + score(o), ...)
 *
 * A character that begins no piece of its own length may be unknown, at 10 below the lowest score.  A piece has at most SPECIAL_MAX
 * bytes, so a byte costs no more steps. */
#include "text/wordmodel_in.h"

#include <math.h>
#include <stdlib.h>
#include "base/utf8.h"

struct unigram_node { double score; uint32_t from; int32_t id; /* -1: nothing ends here */ };

#define UNKNOWN_PENALTY 10.0

enum hearth_status wordmodel_unigram(struct wordmodel *m, const char *path, const struct vocab *v, double *score) {
    size_t n = 0;
    double least = INFINITY;
    m->kind = MODEL_UNIGRAM;
    m->score = score;
    struct special_name *name = mem_array((size_t)v->n, sizeof *name);
    if (!name) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < v->n; i++) {
        if (vocab_find(v, v->text[i].s, (size_t)v->text[i].n) != i) continue;
        name[n++] = (struct special_name){ v->text[i].s, (size_t)v->text[i].n, i, 0 };
        if (score[i] < least && (!m->floats || v->type[i] == TOKEN_NORMAL)) least = score[i];
    }
    m->unknown_score = m->floats ? (double)(float)(least - UNKNOWN_PENALTY) : least - UNKNOWN_PENALTY;
    enum hearth_status st = special_init_names(&m->pieces, path, name, n);
    free(name);
    return st;
}

/* A user-defined piece's score is no float there either, so its sum is rounded only when it is kept. */
static double sum_of(const struct wordmodel *m, double here, double score) { return m->floats && score == (double)(float)score ? (double)(float)(here + score) : here + score; }
static double kept(const struct wordmodel *m, double sum) { return m->floats ? (double)(float)sum : sum; }

/* All ways that begin at `at`. */
static enum hearth_status relax(const struct wordmodel *m, struct unigram_node *best, const char *s, size_t n, size_t at, size_t chars) {
    double here = best[at].score;
    int single = 0;
    uint32_t node = 0;
    for (size_t i = at; i < n && (node = special_step(&m->pieces, node, (uint8_t)s[i])); i++) {
        int32_t id = m->pieces.id[node];
        if (id < 0) continue;
        struct unigram_node *to = best + i + 1;
        double sum = sum_of(m, here, m->score[id]);
        if (to->id < 0 || sum > to->score) *to = (struct unigram_node){ kept(m, sum), (uint32_t)at, id };
        single |= i + 1 == at + chars;
    }
    if (single) return HEARTH_OK;
    struct unigram_node *to = best + at + chars;
    if (m->unknown < 0) return fail(HEARTH_EFORMAT, "a character that the vocabulary lacks, and no unknown token (model.unk_id)");
    double sum = sum_of(m, here, m->unknown_score);
    if (to->id < 0 || sum > to->score) *to = (struct unigram_node){ sum, (uint32_t)at, m->unknown };
    return HEARTH_OK;
}

/* A piece, or unknown characters in a row: a token that has these bytes, their bytes, or the unknown token. */
static enum hearth_status put_piece(const struct wordmodel *m, const struct vocab *v, const struct aligned *text, size_t from, size_t to,
                                    int32_t id, struct tokens *out) {
    const char *s = text->s.data + from;
    struct span at = aligned_span(text, from, to);
    if (id == m->unknown) {
        int32_t known = vocab_find(v, s, to - from);
        if (known < 0 && m->byte_fallback && wordmodel_has_bytes(v, s, to - from)) {
            for (size_t i = 0; i < to - from; i++) TRY(tokens_put(out, v->byte[(unsigned char)s[i]], at));
            return HEARTH_OK;
        }
        if (known >= 0) id = known;
    }
    return tokens_put(out, id, at);
}

enum hearth_status unigram_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                  size_t from, size_t to, struct tokens *out) {
    const char *s = text->s.data + from;
    size_t n = to - from, pieces = 0;
    TRY(mem_grow(&w->node, &w->node_cap, n + 1, sizeof *w->node));
    struct unigram_node *best = w->node;
    for (size_t i = 0; i <= n; i++) best[i] = (struct unigram_node){ 0, 0, -1 };
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp;
        int bytes = utf8_read(s + i, n - i, &cp);
        len = bytes > 0 ? (size_t)bytes : 1;
        TRY(relax(m, best, s, n, i, len));
    }
    for (size_t end = n; end; end = best[end].from, pieces++) { /* back along the best way; unknown ones in a row are one */
        TRY(mem_grow(&w->piece, &w->piece_cap, pieces + 1, sizeof *w->piece));
        int unknown = best[end].id == m->unknown && m->fuse_unknown;
        if (unknown && pieces && best[w->piece[pieces - 1].to].id == m->unknown && w->piece[pieces - 1].from == end)
            w->piece[--pieces].from = best[end].from;
        else w->piece[pieces] = (struct span){ best[end].from, (uint32_t)end };
    }
    while (pieces--) TRY(put_piece(m, v, text, from + w->piece[pieces].from, from + w->piece[pieces].to, best[w->piece[pieces].to].id, out));
    return HEARTH_OK;
}

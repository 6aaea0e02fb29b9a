/* extend.c - more tokens for a language that a model splits into crumbs.
 *
 *     the model's tokens      ng | iy | ab | ong | a              a word of the text, cut as the model cuts it
 *     learnt pairs            (ab, ong) (ng, iy) (abong, a) ...   in the order of learning, behind all the model's own
 *     the same word           ngiy | abonga
 *
 * The pairs are learnt over the model's tokens and not over bytes, so whatever the model joins is joined first and as before: every
 * token that it knows stays what it was.  A pair that would make a token which is there already is left alone.  In a vocabulary of
 * scores the new ones lie below all others, in their order.
 */
#include "quant/vocabulary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fpmode.h"
#include "text/ids.h"
#include "text/vocab.h"

struct extend {
    struct vocabulary v;
    struct bpe_learn l;
    size_t used;                     /* tokens that stand in the text */
};

/* Tokens by what a file writes; of equal ones the first is found, so a token's number is kept beside. */
static enum hearth_status put_tokens(struct extend *x)
{
    for (int32_t i = 0; i < x->v.old_n; i++) {
        int32_t id;
        char other[32];
        TRY(bpe_learn_token(&x->l, x->v.old_text[i].s, x->v.old_text[i].n, &id));
        if (id == i) continue;
        snprintf(other, sizeof other, "%cdouble of %d: %d", 0, id, i);         /* a name that no text has: numbers stay those of the file */
        TRY(bpe_learn_token(&x->l, other, 1 + strlen(other + 1), &id));
    }
    return HEARTH_OK;
}

/* A word's tokens; a byte written as "<0x0A>" and what is no text part it, for joined to another they would make the text of neither. */
static enum hearth_status put_word(struct extend *x, const struct ids *ids, uint64_t count)
{
    for (size_t i = 0, n; i < ids->n; i += n + 1) {
        for (n = 0; i + n < ids->n && tokenizer_token_type(x->v.tokenizer, ids->id[i + n]) == TOKEN_NORMAL; n++) ;
        TRY(bpe_learn_word(&x->l, ids->id + i, n, count));
    }
    return HEARTH_OK;
}

static enum hearth_status put_words(struct extend *x)
{
    const struct wordcount *words = &x->v.words;
    struct ids ids = {0};
    uint8_t *seen = mem_array((size_t)x->v.old_n, 1);
    enum hearth_status st = seen ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < words->n && !st; i++) {
        ids.n = 0;
        st = tokenizer_encode_word(x->v.tokenizer, words->bytes.data + words->word[i].at, words->word[i].n, &ids);
        for (size_t k = 0; k < ids.n; k++) {
            x->used += !seen[ids.id[k]];
            seen[ids.id[k]] = 1;
        }
        if (!st) st = put_word(x, &ids, words->word[i].count);
    }
    free(ids.id);
    free(seen);
    return st;
}

/* ---- the new vocabulary ---- */

static void copy_old(struct vocabulary *v)
{
    for (int32_t i = 0; i < v->old_n; i++) {
        v->from[i] = i;
        v->text[i] = v->old_text[i];
        v->type[i] = tokenizer_token_type(v->tokenizer, i);
        if (v->old_score) v->score[i] = (float)gguf_array_float(v->old_score, (uint64_t)i);
    }
    for (uint64_t i = 0; v->old_merges && i < v->old_merges->as.array.n; i++) v->merge[i] = v->old_merges->as.array.strings[i];
}

static enum hearth_status merge_text(struct vocabulary *v, struct gguf_string a, struct gguf_string b, struct gguf_string *out)
{
    char *s = arena_alloc(&v->arena, a.n + b.n + 1);
    if (!s) return HEARTH_ENOMEM;
    memcpy(s, a.s, a.n);
    s[a.n] = ' ';
    memcpy(s + a.n + 1, b.s, b.n);
    *out = (struct gguf_string){s, a.n + b.n + 1};
    return HEARTH_OK;
}

static float lowest(const struct vocabulary *v)
{
    float low = 0;
    for (int32_t i = 0; v->old_score && i < v->old_n; i++)
        if (v->score[i] < low) low = v->score[i];
    return low;
}

/* The old tokens that each new one stands for: those of its left part, then those of its right part. */
static enum hearth_status put_pieces(struct extend *x)
{
    struct vocabulary *v = &x->v;
    struct ids all = {0};
    enum hearth_status st = HEARTH_OK;
    v->piece_at = arena_alloc(&v->arena, (x->l.merges + 1) * sizeof *v->piece_at);
    if (!v->piece_at) return HEARTH_ENOMEM;
    for (size_t i = 0; i < x->l.merges && !st; i++) {
        const int32_t part[2] = {x->l.merge[i].left, x->l.merge[i].right};
        v->piece_at[i] = all.n;
        for (int k = 0; k < 2 && !st; k++) {
            size_t from = part[k] < v->old_n ? 0 : v->piece_at[part[k] - v->old_n];
            size_t to = part[k] < v->old_n ? 0 : v->piece_at[part[k] - v->old_n + 1];
            if (part[k] < v->old_n) st = ids_put(&all, part[k]);
            for (size_t j = from; j < to && !st; j++) st = ids_put(&all, all.id[j]);
        }
        v->piece_at[i + 1] = all.n;
    }
    if (!st && !(v->pieces = arena_alloc(&v->arena, (all.n + 1) * sizeof *v->pieces))) st = HEARTH_ENOMEM;
    if (!st && all.n) memcpy(v->pieces, all.id, all.n * sizeof *v->pieces);
    free(all.id);
    return st;
}

static enum hearth_status fill(struct extend *x)
{
    struct vocabulary *v = &x->v;
    size_t old_merges = v->old_merges ? v->old_merges->as.array.n : 0;
    TRY(vocabulary_room(v, (int32_t)x->l.tokens, old_merges + x->l.merges));
    copy_old(v);
    float low = lowest(v);
    for (size_t i = 0; i < x->l.merges; i++) {
        const struct bpe_merge *m = x->l.merge + i;
        v->from[m->joined] = -1;
        v->text[m->joined] = bpe_learn_text(&x->l, (size_t)m->joined);
        v->type[m->joined] = TOKEN_NORMAL;
        v->score[m->joined] = low = fminf(low - 1, nextafterf(low, -INFINITY));
        if (v->old_merges) TRY(merge_text(v, bpe_learn_text(&x->l, (size_t)m->left), bpe_learn_text(&x->l, (size_t)m->right), v->merge + old_merges + i));
    }
    return put_pieces(x);
}

static enum hearth_status extend(struct extend *x, const struct hearth_extend_params *p)
{
    struct bpe_learn_params learn = {.size = (size_t)x->v.old_n + p->add, .min_count = p->min_count ? p->min_count : 2, .only_new = 1};
    TRY(put_tokens(x));
    TRY(put_words(x));
    TRY(bpe_learn_run(&x->l, &learn));
    if (!x->l.merges)
        return fail(HEARTH_EUSAGE, "no two tokens stand together %llu times in the text, so there is nothing to add", (unsigned long long)learn.min_count);
    return fill(x);
}

enum hearth_status hearth_extend(const char *model, const char *text, size_t len, const struct hearth_extend_params *p, const char *out,
                                 int (*progress)(void *user, uint64_t done, uint64_t total), void *user, struct hearth_vocabulary_result *result)
{
    struct extend x = {0};
    struct fp_state fp;
    *result = (struct hearth_vocabulary_result){0};
    if (!p->add || p->add > VOCAB_SIZE_MAX / 2) return fail(HEARTH_EUSAGE, "%u tokens to add, allowed: 1 to %d", p->add, VOCAB_SIZE_MAX / 2);
    fp_enter(&fp);
    enum hearth_status st = vocabulary_open(&x.v, model, text, len);
    if (!st) st = quantize_check_files(x.v.in, out);
    if (!st) st = extend(&x, p);
    if (!st) st = vocabulary_write(&x.v, text, len, out, progress, user, result);
    result->used = (uint32_t)x.used;
    fp_leave(&fp);
    vocabulary_close(&x.v);
    bpe_learn_free(&x.l);
    return st;
}

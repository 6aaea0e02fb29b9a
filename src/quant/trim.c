/* trim.c - a vocabulary without the tokens that a text does not use.
 *
 * A model for one language or one task needs a part of its vocabulary, and in a small model the rows of the vocabulary are a large
 * part of all bytes.  What is kept is closed under joining: if a token stays, so does every token on the way from its bytes to it.
 * Then a text whose tokens are all kept is joined as before, step by step: the best pair of the old vocabulary is there at each step,
 * and the new one has no pair that the old one had not.
 */
#include "quant/vocabulary.h"

#include <stdlib.h>
#include <string.h>
#include "base/fpmode.h"
#include "text/ids.h"
#include "text/vocab.h"

struct used { int32_t id; uint64_t count; };

struct trim {
    struct vocabulary v;
    uint64_t *count;                 /* [old_n] how often a token stands in the text */
    uint8_t *keep;                   /* [old_n] */
    uint64_t kept;
    struct used *used;               /* [n_used] the most frequent first */
    size_t n_used;
    struct ids trail;
    int unread;                      /* the chat template */
};

static void keep(struct trim *t, int32_t id)
{
    t->kept += !t->keep[id];
    t->keep[id] = 1;
}

static enum hearth_status keep_named(void *user, int32_t id)
{
    keep(user, id);
    return HEARTH_OK;
}

/* ---- what the text uses ---- */

static enum hearth_status count_tokens(struct trim *t)
{
    struct ids ids = {0};
    const struct wordcount *words = &t->v.words;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < words->n && !st; i++) {
        ids.n = 0;
        st = tokenizer_encode_word(t->v.tokenizer, words->bytes.data + words->word[i].at, words->word[i].n, &ids);
        for (size_t k = 0; k < ids.n; k++) t->count[ids.id[k]] += words->word[i].count;
    }
    free(ids.id);
    return st;
}

static int by_count(const void *a, const void *b)
{
    const struct used *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static enum hearth_status sort_used(struct trim *t)
{
    if (!(t->used = mem_array((size_t)t->v.old_n, sizeof *t->used))) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < t->v.old_n; i++)
        if (t->count[i]) t->used[t->n_used++] = (struct used){i, t->count[i]};
    if (t->n_used) qsort(t->used, t->n_used, sizeof *t->used, by_count);
    return HEARTH_OK;
}

/* ---- what is kept ---- */

/* "<unused7>", "[unused12]", "<|reserved_special_token_3|>": places that nothing was trained for. */
static int is_placeholder(const struct gguf_string *s)
{
    return s->n > 2 && strchr("<[", s->s[0]) && (memmem(s->s, s->n, "unused", 6) || memmem(s->s, s->n, "reserved", 8));
}

static int always_kept(const struct trim *t, int32_t id)
{
    int type = tokenizer_token_type(t->v.tokenizer, id);
    size_t n;
    const char *s;
    if (type == TOKEN_CONTROL || type == TOKEN_USER || type == TOKEN_UNKNOWN) return !is_placeholder(t->v.old_text + id);
    tokenizer_piece(t->v.tokenizer, id, 0, &s, &n);
    return type == TOKEN_BYTE || (type == TOKEN_NORMAL && n == 1);
}

/* The token with all that it is made of; *fits = 0: they are too many, and nothing has changed. */
static enum hearth_status add(struct trim *t, int32_t id, uint64_t most, int *fits)
{
    uint64_t before = t->kept;
    t->trail.n = 0;
    TRY(tokenizer_ancestors(t->v.tokenizer, id, &t->trail));
    TRY(ids_put(&t->trail, id));
    for (size_t i = 0; i < t->trail.n; i++) {
        if (t->keep[t->trail.id[i]]) t->trail.id[i] = -1;
        else keep(t, t->trail.id[i]);
    }
    if ((*fits = t->kept <= most)) return HEARTH_OK;
    for (size_t i = 0; i < t->trail.n; i++)
        if (t->trail.id[i] >= 0) t->keep[t->trail.id[i]] = 0;
    t->kept = before;
    return HEARTH_OK;
}

static enum hearth_status keep_template(struct trim *t)
{
    struct ids ids = {0};
    int fits;
    enum hearth_status st = vocabulary_template(&t->v, &ids, &t->unread);
    for (size_t i = 0; i < ids.n && st == HEARTH_OK; i++) st = add(t, ids.id[i], (uint64_t)t->v.old_n, &fits);
    free(ids.id);
    return st;
}

static enum hearth_status choose(struct trim *t, const struct hearth_trim_params *p)
{
    uint64_t all = 0, covered = 0, most = p->keep ? p->keep : (uint64_t)t->v.old_n;
    int fits = 1;
    TRY(vocabulary_named(&t->v, keep_named, t));
    for (int32_t i = 0; i < t->v.old_n; i++)
        if (always_kept(t, i)) keep(t, i);
    TRY(keep_template(t));
    if (t->kept > most)
        return fail(HEARTH_EUSAGE, "%s: %llu tokens to keep, allowed: at least %llu, which are the single bytes, the special tokens and those of the chat template", t->v.in->path,
                    (unsigned long long)most, (unsigned long long)t->kept);
    for (size_t i = 0; i < t->n_used; i++) all += t->used[i].count;
    for (size_t i = 0; i < t->n_used && fits; i++) {
        if (p->coverage > 0 && (double)covered >= p->coverage * (double)all) break;
        TRY(add(t, t->used[i].id, most, &fits));
        covered += t->used[i].count;
    }
    return HEARTH_OK;
}

/* ---- the new vocabulary ---- */

static enum hearth_status renumber(struct trim *t)
{
    struct vocabulary *v = &t->v;
    TRY(vocabulary_room(v, (int32_t)t->kept, v->old_merges ? v->old_merges->as.array.n : 0));
    int32_t n = 0;
    for (int32_t i = 0; i < v->old_n; i++) {
        if (!t->keep[i]) continue;
        v->from[n] = i;
        v->text[n] = v->old_text[i];
        v->type[n] = tokenizer_token_type(v->tokenizer, i);
        if (v->old_score) v->score[n] = (float)gguf_array_float(v->old_score, (uint64_t)i);
        n++;
    }
    return HEARTH_OK;
}

static int has(const struct bpe_learn *kept, const char *s, size_t n)
{
    return bpe_learn_find(kept, s, n) >= 0;
}

/* The merges whose three tokens are kept, in their order. */
static enum hearth_status filter_merges(struct vocabulary *v)
{
    struct bpe_learn kept = {0};
    struct buf joined = {0};
    enum hearth_status st = HEARTH_OK;
    int32_t id;
    for (int32_t i = 0; i < v->n && !st; i++) st = bpe_learn_token(&kept, v->text[i].s, v->text[i].n, &id);
    v->merges = 0;
    for (uint64_t i = 0; i < v->old_merges->as.array.n && !st; i++) {
        const struct gguf_string *m = v->old_merges->as.array.strings + i;
        const char *gap = memchr(m->s + 1, ' ', m->n - 1);       /* there is one: the tokenizer has read the list */
        size_t left = (size_t)(gap - m->s), right = m->n - left - 1;
        joined.len = 0;
        if ((st = buf_put(&joined, m->s, left)) || (st = buf_put(&joined, gap + 1, right))) break;
        if (has(&kept, m->s, left) && has(&kept, gap + 1, right) && has(&kept, joined.data, joined.len)) v->merge[v->merges++] = *m;
    }
    buf_free(&joined);
    bpe_learn_free(&kept);
    return st;
}

static enum hearth_status trim(struct trim *t, const struct hearth_trim_params *p)
{
    t->count = mem_array((size_t)t->v.old_n, sizeof *t->count);
    t->keep = mem_array((size_t)t->v.old_n, 1);
    if (!t->count || !t->keep) return HEARTH_ENOMEM;
    TRY(count_tokens(t));
    TRY(sort_used(t));
    TRY(choose(t, p));
    TRY(renumber(t));
    return t->v.old_merges ? filter_merges(&t->v) : HEARTH_OK;
}

enum hearth_status hearth_trim(const char *model, const char *text, size_t len, const struct hearth_trim_params *p, const char *out,
                               int (*progress)(void *user, uint64_t done, uint64_t total), void *user, struct hearth_vocabulary_result *result)
{
    struct trim t = {0};
    struct fp_state fp;
    *result = (struct hearth_vocabulary_result){0};
    if (!(p->coverage >= 0 && p->coverage <= 1)) return fail(HEARTH_EUSAGE, "coverage %g, allowed: 0 to 1", p->coverage);
    fp_enter(&fp);
    enum hearth_status st = vocabulary_open(&t.v, model, text, len);
    if (!st) st = quantize_check_files(t.v.in, out);
    if (!st) st = trim(&t, p);
    if (!st) st = vocabulary_write(&t.v, text, len, out, progress, user, result);
    result->used = (uint32_t)t.n_used, result->template_unread = t.unread;
    fp_leave(&fp);
    free(t.count);
    free(t.keep);
    free(t.used);
    free(t.trail.id);
    vocabulary_close(&t.v);
    return st;
}

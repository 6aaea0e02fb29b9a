/* vocabulary.c - see vocabulary.h.  Which tensors have a row a token is said by the family's table. */
#include "quant/vocabulary.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "model/folder.h"
#include "quant/quantize.h"
#include "text/unicode.h"
#include "text/vocab.h"

#define KEYS "tokenizer.ggml."
#define TOKENS_KEY KEYS "tokens"
#define TYPES_KEY KEYS "token_type"
#define SCORES_KEY KEYS "scores"
#define MERGES_KEY KEYS "merges"

enum { BATCH = 1 << 20 };            /* bytes between two writes */

/* ---- opening ---- */

static enum hearth_status read_family(struct vocabulary *v)
{
    struct gguf_string name = {"", 0};
    TRY(gguf_get_string(v->in, "general.architecture", &name, NULL));
    if ((v->arch = arch_find(name.s, (size_t)name.n))) return HEARTH_OK;
    return fail(HEARTH_EUNSUPPORTED, "%s: general.architecture: the family \"%.*s\" is not known here; hearth families lists them", v->in->path,
                (int)(name.n < 40 ? name.n : 40), name.s);
}

static enum hearth_status read_keys(struct vocabulary *v)
{
    const struct gguf_value *tokens;
    TRY(gguf_get_array(v->in, TOKENS_KEY, GGUF_STRING, &tokens));
    if (!tokens) return fail(HEARTH_EUNSUPPORTED, "%s: %s: missing, a vocabulary that is to be changed needs it", v->in->path, TOKENS_KEY);
    v->old_n = (int32_t)tokens->as.array.n;      /* the tokenizer has looked at all of these */
    v->old_text = tokens->as.array.strings;
    v->old_type = gguf_find(v->in, TYPES_KEY);
    TRY(gguf_get_array(v->in, SCORES_KEY, GGUF_F32, &v->old_score));
    return gguf_get_array(v->in, MERGES_KEY, GGUF_STRING, &v->old_merges);
}

enum hearth_status vocabulary_open(struct vocabulary *v, const char *model, const char *text, size_t n)
{
    arena_init(&v->arena, 0);
    TRY(model_file_open_keys(model, &v->in));
    TRY(read_family(v));
    TRY(tokenizer_open(v->in, &v->tokenizer));
    TRY(read_keys(v));
    const struct gguf_tensor *embedding = gguf_find_tensor(v->in, "token_embd.weight");
    if (!embedding || embedding->dims != 2 || embedding->shape[1] < (uint64_t)v->old_n)
        return fail(HEARTH_EFORMAT, "%s: tensor token_embd.weight: missing or with fewer rows than the %d tokens", v->in->path, v->old_n);
    TRY(tokenizer_words(v->tokenizer, text, n, &v->words, &v->special));
    if (!v->words.n) return fail(HEARTH_EUSAGE, "the text has no words, so there is nothing to choose tokens by");
    return HEARTH_OK;
}

void vocabulary_close(struct vocabulary *v)
{
    wordcount_free(&v->words);
    tokenizer_close(v->tokenizer);
    gguf_close(v->in);
    arena_free(&v->arena);
}

enum hearth_status vocabulary_room(struct vocabulary *v, int32_t n, size_t merges)
{
    size_t k = (size_t)n + 1;
    v->n = n;
    v->merges = merges;
    v->from = arena_alloc(&v->arena, k * sizeof *v->from);
    v->text = arena_alloc(&v->arena, k * sizeof *v->text);
    v->type = arena_alloc(&v->arena, k * sizeof *v->type);
    v->score = arena_alloc(&v->arena, k * sizeof *v->score);
    v->merge = arena_alloc(&v->arena, (merges + 1) * sizeof *v->merge);
    return v->from && v->text && v->type && v->score && v->merge ? HEARTH_OK : HEARTH_ENOMEM;
}

/* ---- the text ---- */

enum hearth_status vocabulary_count(const struct vocabulary *v, const struct tokenizer *t, uint64_t *tokens)
{
    struct ids ids = {0};
    enum hearth_status st = HEARTH_OK;
    *tokens = v->special;
    for (size_t i = 0; i < v->words.n && !st; i++) {
        ids.n = 0;
        st = tokenizer_encode_word(t, v->words.bytes.data + v->words.word[i].at, v->words.word[i].n, &ids);
        *tokens += ids.n * v->words.word[i].count;
    }
    free(ids.id);
    return st;
}

static uint64_t count_words(const char *s, size_t n)
{
    uint64_t words = 0;
    int inside = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        int len = utf8_read(s + i, n - i, &cp), space = len > 0 && unicode_space(cp);
        words += !space && !inside;
        inside = !space;
        i += len > 0 ? (size_t)len : 1;
    }
    return words;
}

/* ---- keys ---- */

static int begins(const struct gguf_string *s, const char *head)
{
    size_t n = strlen(head);
    return s->n >= n && !memcmp(s->s, head, n);
}

static int ends(const struct gguf_string *s, const char *tail)
{
    size_t n = strlen(tail);
    return s->n >= n && !memcmp(s->s + s->n - n, tail, n);
}

static int is(const struct gguf_string *s, const char *text) { return s->n == strlen(text) && begins(s, text); }

static int whole(enum gguf_type t) { return t <= GGUF_I32 || t == GGUF_U64 || t == GGUF_I64; }

static int is_id(const struct gguf_kv *kv)
{
    return begins(&kv->key, "tokenizer.") && ends(&kv->key, "_token_id") && whole(kv->value.type);
}

static int is_ids(const struct gguf_kv *kv)
{
    const struct gguf_value *a = &kv->value;
    return begins(&kv->key, "tokenizer.") && ends(&kv->key, "_token_ids") && a->type == GGUF_ARRAY && whole(a->as.array.type);
}

/* Some files write a negative number for "none". */
static int64_t id_of(const struct gguf_kv *kv)
{
    enum gguf_type t = kv->value.type;
    return t == GGUF_I64 || t == GGUF_I32 || t == GGUF_I16 || t == GGUF_I8 ? kv->value.as.i : (int64_t)kv->value.as.u;
}

enum hearth_status vocabulary_named(const struct vocabulary *v, enum hearth_status (*f)(void *user, int32_t id), void *user)
{
    for (uint64_t i = 0; i < v->in->n_kv; i++) {
        const struct gguf_kv *kv = v->in->kv + i;
        uint64_t n = is_id(kv) ? 1 : is_ids(kv) ? kv->value.as.array.n : 0;
        for (uint64_t k = 0; k < n; k++) {
            int64_t id = is_id(kv) ? id_of(kv) : gguf_array_int(&kv->value, k);
            if (id >= 0 && id < v->old_n) TRY(f(user, (int32_t)id));
        }
    }
    return HEARTH_OK;
}

struct writing {
    struct vocabulary *v;
    struct gguf_writer *w;
    int32_t *to;                     /* [old_n] the new id of an old token; -1: it is gone */
    uint64_t done, total;
    int (*progress)(void *user, uint64_t done, uint64_t total);
    void *user;
};

static enum hearth_status put_id(const struct writing *w, const struct gguf_kv *kv)
{
    int64_t id = id_of(kv);
    struct gguf_kv changed = *kv;
    if (id < 0 || id >= w->v->old_n || w->to[id] < 0) return HEARTH_OK;      /* named nothing, names nothing */
    changed.value = (struct gguf_value){GGUF_U32, {.u = (uint64_t)w->to[id]}};
    return gguf_writer_kv(w->w, &changed);
}

static enum hearth_status put_ids(const struct writing *w, const struct gguf_kv *kv)
{
    uint64_t n = 0;
    int32_t *ids = mem_array(kv->value.as.array.n + 1, sizeof *ids);
    if (!ids) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < kv->value.as.array.n; i++) {
        int64_t id = gguf_array_int(&kv->value, i);
        if (id >= 0 && id < w->v->old_n && w->to[id] >= 0) ids[n++] = w->to[id];
    }
    struct gguf_kv changed = {kv->key, {GGUF_ARRAY, {.array = {GGUF_I32, n, ids, NULL}}}};
    enum hearth_status st = gguf_writer_kv(w->w, &changed);
    free(ids);
    return st;
}

static enum hearth_status put_key(const struct writing *w, const struct gguf_kv *kv)
{
    const struct vocabulary *v = w->v;
    struct gguf_kv changed = {kv->key, {.type = GGUF_ARRAY}};
    uint64_t n = (uint64_t)v->n;
    if (is_id(kv)) return put_id(w, kv);
    if (is_ids(kv)) return put_ids(w, kv);
    if (is(&kv->key, TOKENS_KEY)) changed.value.as.array.type = GGUF_STRING, changed.value.as.array.strings = v->text;
    else if (is(&kv->key, TYPES_KEY)) changed.value.as.array.type = GGUF_I32, changed.value.as.array.data = v->type;
    else if (is(&kv->key, SCORES_KEY)) changed.value.as.array.type = GGUF_F32, changed.value.as.array.data = v->score;
    else if (is(&kv->key, MERGES_KEY)) changed.value.as.array.type = GGUF_STRING, changed.value.as.array.strings = v->merge, n = v->merges;
    else if (ends(&kv->key, ".vocab_size")) changed.value = (struct gguf_value){GGUF_U32, {.u = n}};
    else if (is(&kv->key, TOKENIZER_JSON_KEY)) return HEARTH_OK;     /* would say the old vocabulary; the keys say all of it */
    else if (begins(&kv->key, KEYS) && kv->value.type == GGUF_ARRAY && kv->value.as.array.n == (uint64_t)v->old_n)
        return fail(HEARTH_EUNSUPPORTED, "%s: key %.*s: has an element for each token, and what it says is not known here", v->in->path,
                    (int)kv->key.n, kv->key.s);
    else return gguf_writer_kv(w->w, kv);
    if (changed.value.type == GGUF_ARRAY) changed.value.as.array.n = n;
    return gguf_writer_kv(w->w, &changed);
}

/* Where a file names no bos or eos, a reader takes what stands at a certain place; the place may have changed. */
static enum hearth_status put_end(const struct writing *w, const char *key, int32_t id)
{
    if (id < 0 || w->to[id] < 0 || gguf_find(w->v->in, key)) return HEARTH_OK;
    struct gguf_kv kv = {{key, strlen(key)}, {GGUF_U32, {.u = (uint64_t)w->to[id]}}};
    return gguf_writer_kv(w->w, &kv);
}

/* ---- tensors ---- */

static int has_row_a_token(const struct vocabulary *v, const struct gguf_tensor *t)
{
    for (size_t i = 0; i < v->arch->n_tensors; i++) {
        const struct tensor_spec *s = v->arch->tensors + i;
        if (s->where == IN_MODEL && s->outputs == DIM_VOCABULARY && !strcmp(s->name, t->name)) return 1;
    }
    return 0;
}

static uint64_t row_bytes(const struct gguf_tensor *t) { return t->bytes / (t->elements / t->shape[0]); }

/* The mean of the rows of its pieces, summed in their order. */
static enum hearth_status mean_row(const struct vocabulary *v, const struct gguf_tensor *t, const uint8_t *data, size_t i, float *sum, uint8_t *out)
{
    uint64_t bytes = row_bytes(t), width = t->shape[0];
    size_t from = v->piece_at[i], n = v->piece_at[i + 1] - from;
    float *row = sum + width;
    memset(sum, 0, width * sizeof *sum);
    for (size_t k = 0; k < n; k++) {
        dequantize_row(t->type, data + (uint64_t)v->pieces[from + k] * bytes, row, width);
        for (uint64_t j = 0; j < width; j++) sum[j] += row[j];
    }
    for (uint64_t j = 0; j < width; j++) sum[j] /= (float)n;
    enum hearth_status st = quantize_row(t->type, sum, out, width);
    return st ? fail(st, "%s: tensor %s: a new row: %s", v->in->path, t->name, hearth_errmsg()) : st;
}

static enum hearth_status step(struct writing *w, const void *data, size_t n)
{
    TRY(gguf_writer_data(w->w, data, n));
    w->done += n;
    return w->progress && w->progress(w->user, w->done, w->total) ? fail(HEARTH_ECANCELLED, "cancelled") : HEARTH_OK;
}

static enum hearth_status write_rows(struct writing *w, const struct gguf_tensor *t, const uint8_t *data, uint8_t *batch, float *sum)
{
    const struct vocabulary *v = w->v;
    uint64_t bytes = row_bytes(t), at = 0;
    for (int32_t i = 0, fresh = 0; i < v->n; i++) {
        if (at + bytes > BATCH) {
            TRY(step(w, batch, at));
            at = 0;
        }
        if (v->from[i] >= 0) memcpy(batch + at, data + (uint64_t)v->from[i] * bytes, bytes);
        else TRY(mean_row(v, t, data, (size_t)fresh++, sum, batch + at));
        at += bytes;
    }
    return step(w, batch, at);
}

static enum hearth_status write_tensor(struct writing *w, const struct gguf_tensor *t)
{
    const uint8_t *data;
    TRY(gguf_tensor_data(w->v->in, t, &data));
    enum hearth_status st = HEARTH_OK;
    if (has_row_a_token(w->v, t)) {
        uint8_t *batch = mem_array(1, BATCH + row_bytes(t));
        float *sum = mem_array(2 * t->shape[0], sizeof *sum);
        st = batch && sum ? write_rows(w, t, data, batch, sum) : HEARTH_ENOMEM;
        free(batch);
        free(sum);
    } else {
        for (uint64_t at = 0; at < t->bytes && !st; at += BATCH)
            st = step(w, data + at, t->bytes - at < BATCH ? t->bytes - at : BATCH);
    }
    gguf_tensor_drop(w->v->in, t);
    return st;
}

/* ---- the file ---- */

static enum hearth_status plan_tensors(struct writing *w, struct hearth_vocabulary_result *r)
{
    const struct gguf *g = w->v->in;
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = g->tensors + i;
        int rows = has_row_a_token(w->v, t);
        uint64_t shape[4] = {t->shape[0], rows ? (uint64_t)w->v->n : t->shape[1], t->shape[2], t->shape[3]};
        uint64_t after = rows ? row_bytes(t) * (uint64_t)w->v->n : t->bytes;
        if (rows && (t->dims != 2 || t->shape[1] < (uint64_t)w->v->old_n))
            return fail(HEARTH_EFORMAT, "%s: tensor %s: %llu rows, allowed: at least one for each of the %d tokens", g->path, t->name,
                        (unsigned long long)t->shape[1], w->v->old_n);
        TRY(gguf_writer_tensor(w->w, t->name, t->dims, shape, t->type));
        r->bytes_before += t->bytes;
        r->bytes_after += after;
        if (rows) r->rows_before += t->bytes, r->rows_after += after;
    }
    w->total = r->bytes_after;
    return HEARTH_OK;
}

static enum hearth_status write_file(struct writing *w, struct hearth_vocabulary_result *r)
{
    const struct vocabulary *v = w->v;
    for (uint64_t i = 0; i < v->in->n_kv; i++) TRY(put_key(w, v->in->kv + i));
    TRY(put_end(w, KEYS "bos_token_id", tokenizer_bos(v->tokenizer)));
    TRY(put_end(w, KEYS "eos_token_id", tokenizer_eos(v->tokenizer)));
    TRY(plan_tensors(w, r));
    TRY(gguf_writer_begin(w->w));
    for (uint64_t i = 0; i < v->in->n_tensors; i++) TRY(write_tensor(w, v->in->tensors + i));
    return gguf_writer_commit(w->w);
}

/* The text in the vocabulary that was written. */
static enum hearth_status count_after(const struct vocabulary *v, const char *out, uint64_t *tokens)
{
    struct gguf *g = NULL;
    struct tokenizer *t = NULL;
    enum hearth_status st = gguf_open(out, 0, &g);
    if (!st) st = tokenizer_open(g, &t);
    if (!st) st = vocabulary_count(v, t, tokens);
    tokenizer_close(t);
    gguf_close(g);
    return st;
}

enum hearth_status vocabulary_write(struct vocabulary *v, const char *text, size_t n_text, const char *out,
                                    int (*progress)(void *user, uint64_t done, uint64_t total), void *user,
                                    struct hearth_vocabulary_result *r)
{
    struct writing w = {.v = v, .progress = progress, .user = user, .to = mem_array((size_t)v->old_n, sizeof(int32_t))};
    if (!w.to) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < v->old_n; i++) w.to[i] = -1;
    for (int32_t i = 0; i < v->n; i++)
        if (v->from[i] >= 0) w.to[v->from[i]] = i;
    r->tokens_before = (uint32_t)v->old_n;
    r->tokens_after = (uint32_t)v->n;
    r->words = count_words(text, n_text);
    enum hearth_status st = gguf_writer_open(out, (uint32_t)v->in->alignment, &w.w);
    if (!st) st = write_file(&w, r);
    gguf_writer_close(w.w);
    free(w.to);
    if (!st) st = vocabulary_count(v, v->tokenizer, &r->text_before);
    return st ? st : count_after(v, out, &r->text_after);
}

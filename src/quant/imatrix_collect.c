/* imatrix_collect.c - what comes into each matrix while a model reads: windows of a text through the forward pass, squares summed.
 *
 *     text -> tokens -> windows of ctx, each begun with bos where the model asks for one -> forward_step -> imatrix_saw
 *
 * The square of a float is exact in double, and a column is one chain of double sums in ascending order of tokens; threads share out
 * columns.  So neither the chunk nor the number of threads nor the compiler changes a bit of the file.
 *
 * Nothing multiplies by the output matrix here: its input is the hidden state after the last norm, of every token, which is taken as it
 * is and is much less work than logits. */
#include "quant/imatrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/fpmode.h"
#include "model/forward.h"

void imatrix_sums_free(struct imatrix_sums *s)
{
    for (uint64_t i = 0; s->of && i < s->m->file->n_tensors; i++) free(s->of[i].sum), free(s->of[i].count);
    free(s->of);
    s->of = NULL;
}

/* ---- one product ---- */

struct squares { double *sum; const float *x; size_t ldx; uint32_t n; };

static void add_squares(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct squares *a = arg;
    (void)thread;
    for (uint32_t t = 0; t < a->n; t++) {
        const float *x = a->x + (size_t)t * a->ldx;
        for (int64_t c = begin; c < end; c++) a->sum[c] += (double)x[c] * (double)x[c];
    }
}

static enum hearth_status make_room(struct imatrix_sum *o, const struct gguf_tensor *t)
{
    if (o->sum) return HEARTH_OK;
    o->cols = t->shape[0], o->mats = t->shape[2];
    o->sum = mem_array((size_t)o->mats, (size_t)o->cols * sizeof *o->sum);
    o->count = mem_array((size_t)o->mats, sizeof *o->count);
    return o->sum && o->count ? HEARTH_OK : HEARTH_ENOMEM;
}

/* A tensor that holds q, k and v, or gate and up, gets one input: the first of them counts. */
static void imatrix_saw(void *user, const struct weight *w, const float *x, size_t ldx, uint32_t n)
{
    enum { COLUMNS = 64 };
    struct imatrix_sums *s = user;
    const struct gguf_tensor *t = w->tensor;
    struct imatrix_sum *o = &s->of[t - s->m->file->tensors];
    uint64_t mat = t->shape[2] > 1 ? w->first / t->shape[1] : 0;
    if (s->st || w->first != mat * t->shape[1] || (s->st = make_room(o, t))) return;
    struct squares a = {o->sum + mat * o->cols, x, ldx, n};
    o->count[mat] += n;
    pool_run(s->m->pool, add_squares, &a, (int64_t)o->cols, COLUMNS);
}

/* ---- windows ---- */

struct reader { struct forward_sizes sizes; struct forward *forward; struct kv_pool *kv; struct kv_seq seq; int32_t *window; };

static enum hearth_status open_reader(const struct hearth_model *m, uint32_t ctx, uint32_t chunk, struct reader *r)
{
    TRY(forward_plan(m, ctx, HEARTH_KV_F16, m->h.both_sides ? ctx : chunk, &r->sizes));     /* such a text is computed whole */
    TRY(forward_open(m, &r->sizes, &r->forward));
    TRY(kv_pool_open(&m->h, r->sizes.kv, kv_blocks(ctx), &r->kv));
    TRY(kv_seq_init(&r->seq, r->kv, ctx));
    TRY(kv_seq_reach(&r->seq, ctx));
    r->window = mem_array(ctx, sizeof *r->window);
    return r->window ? HEARTH_OK : HEARTH_ENOMEM;
}

static void close_reader(struct reader *r)
{
    forward_close(r->forward);
    kv_seq_free(&r->seq);
    kv_pool_close(r->kv);
    free(r->window);
}

static enum hearth_status read_window(struct imatrix_sums *s, struct reader *r, uint32_t n)
{
    const struct weight *output = &s->m->weights.output;
    for (uint32_t at = 0, piece; at < n; at += piece) {
        piece = n - at < r->sizes.chunk ? n - at : r->sizes.chunk;
        struct span span = {.seq = &r->seq, .position = at, .n = piece, .ids = r->window + at, .want = SPAN_HIDDEN};
        TRY(forward_step(r->forward, &span, 1, NULL));
        if (!s->m->h.both_sides) imatrix_saw(s, output, span.out, s->m->h.width, piece);
        TRY(s->st);
    }
    s->tokens += n, s->windows++;
    return HEARTH_OK;
}

static enum hearth_status add(struct imatrix_sums *s, const int32_t *ids, size_t n, uint32_t ctx, struct reader *r,
                              int (*progress)(void *user, size_t done), void *user)
{
    int bos = tokenizer_adds_bos(s->m->tokenizer);
    forward_watch(r->forward, imatrix_saw, s);
    for (size_t at = 0; at + 1 < n; at += ctx) {
        uint32_t piece = n - at < ctx ? (uint32_t)(n - at) : ctx;
        memcpy(r->window, ids + at, piece * sizeof *ids);
        if (bos) r->window[0] = tokenizer_bos(s->m->tokenizer);
        TRY(read_window(s, r, piece));
        if (progress && progress(user, at + piece)) return fail(HEARTH_ECANCELLED, "stopped after %zu of %zu tokens", at + piece, n);
    }
    return HEARTH_OK;
}

enum hearth_status imatrix_add(struct imatrix_sums *s, const int32_t *ids, size_t n, uint32_t ctx, uint32_t chunk,
                               int (*progress)(void *user, size_t done), void *user)
{
    struct reader r = {0};
    if (!s->of && !(s->of = mem_array((size_t)s->m->file->n_tensors, sizeof *s->of))) return HEARTH_ENOMEM;
    enum hearth_status st = open_reader(s->m, ctx, chunk, &r);
    if (!st) st = add(s, ids, n, ctx, &r, progress, user);
    close_reader(&r);
    return st;
}

/* ---- the file ---- */

static enum hearth_status put_keys(struct gguf_writer *w, const struct imatrix_sums *s, uint32_t ctx, const char *const *names, size_t n)
{
    struct gguf_string *texts = mem_array(n + 1, sizeof *texts);
    if (!texts) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) texts[i] = (struct gguf_string){names[i], strlen(names[i])};
#define KEY(name) {name, sizeof name - 1}
    const struct gguf_kv kv[] = {
        {KEY("general.type"), {GGUF_STRING, {.str = KEY("imatrix")}}},
        {KEY("imatrix.datasets"), {GGUF_ARRAY, {.array = {GGUF_STRING, n, NULL, texts}}}},
        {KEY("imatrix.chunk_count"), {GGUF_U32, {.u = s->windows > UINT32_MAX ? UINT32_MAX : s->windows}}},
        {KEY("imatrix.chunk_size"), {GGUF_U32, {.u = ctx}}},
    };
#undef KEY
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < sizeof kv / sizeof *kv && !st; i++) st = gguf_writer_kv(w, &kv[i]);
    free(texts);
    return st;
}

static enum hearth_status describe(struct gguf_writer *w, const struct imatrix_sum *o, const char *tensor, const char *what, uint64_t cols)
{
    struct buf name = {0};
    enum hearth_status st = buf_printf(&name, "%s.%s", tensor, what);
    if (!st) st = gguf_writer_tensor(w, name.data, 2, (const uint64_t[]){cols, o->mats, 1, 1}, T_F32);
    buf_free(&name);
    return st;
}

/* One matrix' sums, then all counts, as F32. */
static enum hearth_status put_sums(struct gguf_writer *w, const struct imatrix_sum *o, const char *tensor, float *floats)
{
    for (uint64_t k = 0; k < o->mats; k++) {
        for (uint64_t c = 0; c < o->cols; c++) {
            floats[c] = (float)o->sum[k * o->cols + c];
            if (!isfinite(floats[c]))
                return fail(HEARTH_ENUMERIC, "tensor %s: the squares of column %llu sum to %g, allowed: what 32 bits hold", tensor,
                            (unsigned long long)c, o->sum[k * o->cols + c]);
        }
        TRY(gguf_writer_data(w, floats, o->cols * sizeof *floats));
    }
    for (uint64_t k = 0; k < o->mats; k++) {
        float count = (float)o->count[k];
        TRY(gguf_writer_data(w, &count, sizeof count));
    }
    return HEARTH_OK;
}

static enum hearth_status write_all(struct gguf_writer *w, const struct imatrix_sums *s, float *floats)
{
    const struct gguf *g = s->m->file;
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        if (!s->of[i].sum) continue;
        TRY(describe(w, &s->of[i], g->tensors[i].name, "in_sum2", s->of[i].cols));
        TRY(describe(w, &s->of[i], g->tensors[i].name, "counts", 1));
    }
    TRY(gguf_writer_begin(w));
    for (uint64_t i = 0; i < g->n_tensors; i++)
        if (s->of[i].sum) TRY(put_sums(w, &s->of[i], g->tensors[i].name, floats));
    return gguf_writer_commit(w);
}

enum hearth_status imatrix_write(const struct imatrix_sums *s, const char *path, uint32_t ctx, const char *const *names, size_t n)
{
    struct gguf_writer *w;
    uint64_t widest = 1;
    for (uint64_t i = 0; i < s->m->file->n_tensors; i++)
        if (s->of[i].sum && s->of[i].cols > widest) widest = s->of[i].cols;
    float *floats = mem_array((size_t)widest, sizeof *floats);
    enum hearth_status st = floats ? gguf_writer_open(path, 32, &w) : HEARTH_ENOMEM;
    if (!st) {
        st = put_keys(w, s, ctx, names, n);
        if (!st) st = write_all(w, s, floats);
        gguf_writer_close(w);
    }
    free(floats);
    return st;
}

/* ---- the public entry ---- */

struct report { int (*fn)(void *user, size_t done, size_t total); void *user; size_t before, total; };

static int on_window(void *user, size_t done)
{
    const struct report *r = user;
    return r->fn && r->fn(r->user, r->before + done, r->total);
}

static enum hearth_status tokenize(const struct hearth_model *m, const struct hearth_text *t, struct ids *ids)
{
    TRY(tokenizer_encode(m->tokenizer, t->text, t->len, HEARTH_TOK_SPECIAL, ids));
    if (ids->n < 2) return fail(HEARTH_EUSAGE, "%s: the text has %zu tokens, allowed: 2 and more", t->name, ids->n);
    return HEARTH_OK;
}

static enum hearth_status collect(struct imatrix_sums *s, const struct hearth_text *texts, size_t n, uint32_t ctx, struct ids *ids,
                                  struct report *r)
{
    for (size_t i = 0; i < n; i++) {
        TRY(tokenize(s->m, &texts[i], &ids[i]));
        r->total += ids[i].n;
    }
    for (size_t i = 0; i < n; r->before += ids[i++].n) TRY(imatrix_add(s, ids[i].id, ids[i].n, ctx, 0, on_window, r));
    return HEARTH_OK;
}

static void count(const struct imatrix_sums *s, struct hearth_imatrix_result *out)
{
    *out = (struct hearth_imatrix_result){.tokens = s->tokens, .windows = s->windows};
    for (uint64_t i = 0; i < s->m->file->n_tensors; i++)
        for (uint64_t k = 0; s->of[i].sum && k < s->of[i].mats; k++) out->matrices++, out->idle += s->of[i].count[k] == 0;
}

/* Whether a file can be made there, asked before the long work rather than behind it. */
static enum hearth_status try_place(const char *path)
{
    struct gguf_writer *w;
    TRY(gguf_writer_open(path, 32, &w));
    gguf_writer_close(w);
    return HEARTH_OK;
}

enum hearth_status hearth_imatrix(struct hearth_model *m, const struct hearth_text *texts, size_t n, uint32_t ctx, const char *out,
                                  int (*progress)(void *user, size_t done, size_t total), void *user,
                                  struct hearth_imatrix_result *result)
{
    struct imatrix_sums s = {.m = m};
    struct report r = {.fn = progress, .user = user};
    struct fp_state fp;
    if (n == 0) return fail(HEARTH_EUSAGE, "no text, allowed: one and more");
    if (ctx == 0) ctx = 512;
    if (ctx < 8) return fail(HEARTH_EUSAGE, "windows of %u tokens, should be at least 8", ctx);
    TRY(try_place(out));
    struct ids *ids = mem_array(n, sizeof *ids);
    const char **names = mem_array(n, sizeof *names);
    enum hearth_status st = ids && names ? HEARTH_OK : HEARTH_ENOMEM;
    fp_enter(&fp);
    if (!st) st = collect(&s, texts, n, ctx, ids, &r);
    for (size_t i = 0; !st && i < n; i++) names[i] = texts[i].name;
    if (!st) st = imatrix_write(&s, out, ctx, names, n);
    if (!st && result) count(&s, result);
    fp_leave(&fp);
    for (size_t i = 0; ids && i < n; i++) free(ids[i].id);
    free(ids);
    free(names);
    imatrix_sums_free(&s);
    return st;
}

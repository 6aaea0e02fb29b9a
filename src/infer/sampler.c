/* sampler.c - the steps from logits to a token, always in this order:
 *
 *      0  mask         the logit of what a grammar forbids is -inf, which no later step makes more
 *      1  bias         logit += bias, entry after entry
 *      2  penalties    for each token of the last `repeat_last`: logit / repeat_penalty when above 0, else
 *                      logit * repeat_penalty; then - presence_penalty; then - count * frequency_penalty
 *         temperature 0 ends here: the largest logit, ties to the lower id
 *      3  top-k        the k largest logits, ties to the lower id
 *      4  softmax      weight = exp(logit - max), over what top-k left, at temperature 1
 *      5  top-p        from the largest down, the fewest whose weights add up to p of the whole, at least one
 *      6  min-p        of those, the ones whose weight is at least min_p times the largest (which is 1)
 *      7  temperature  weight = exp((logit - max) / temperature)
 *      8  draw         u uniform in [0, 1) from (seed, position, stream 0); from the largest down, the first whose
 *                      running sum of weights exceeds u * the whole
 *
 * This is llama.cpp's default order: temperature comes after the cuts, so that a high one flattens the choice
 * among good tokens and does not let bad ones in.
 *
 * All in F32.  "The whole" is a sum in ascending id by 16 strided partial sums and the tree (ARITHMETIC.md, the
 * kernel sum_exp); running sums are sequential, from the largest down.  "The largest" are found without sorting a
 * vocabulary of 262,144: top-k keeps a heap of the k best seen, and a second heap gives candidates in descending
 * order one by one, as many as top-p or the draw ask for.
 *
 * Penalties: Keskar et al., "CTRL", 2019 (repetition), and the presence and frequency terms of OpenAI's interface.
 * top-p: Holtzman et al., "The curious case of neural text degeneration", 2020.  min-p: Nguyen et al., 2024. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "infer/sampler.h"
#include "kernel/kernels.h"
#include "kernel/math.h"

/* ---- parameters ---- */

void hearth_sampling_defaults(struct hearth_sampling *out) {
    *out = (struct hearth_sampling){
        .temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f, .repeat_penalty = 1.0f, .repeat_last = 64,
    };
}

static enum hearth_status check_range(const char *field, float x, float low, float high) {
    if (x >= low && x <= high) return HEARTH_OK; /* false for NaN */
    return fail(HEARTH_EUSAGE, "%s: %g is not in %g .. %g", field, isnan(x) ? NAN : (double)x, (double)low,
                (double)high);
}

enum hearth_status sampling_check(const struct hearth_sampling *p, int32_t n_vocab) {
    TRY(check_range("temperature", p->temperature, 0, 1e6f));
    TRY(check_range("top_p", p->top_p, 0, 1));
    TRY(check_range("min_p", p->min_p, 0, 1));
    TRY(check_range("repeat_penalty", p->repeat_penalty, 0.01f, 100));
    TRY(check_range("presence_penalty", p->presence_penalty, -1000, 1000));
    TRY(check_range("frequency_penalty", p->frequency_penalty, -1000, 1000));
    if (p->top_k < 0) return fail(HEARTH_EUSAGE, "top_k: %d is not in 0 .. %d", p->top_k, INT32_MAX);
    if (p->repeat_last < -1) return fail(HEARTH_EUSAGE, "repeat_last: %d is not in -1 .. %d", p->repeat_last, INT32_MAX);
    if (p->n_bias && !p->bias) return fail(HEARTH_EUSAGE, "logit_bias: %zu entries, but none are given", p->n_bias);
    for (size_t i = 0; i < p->n_bias; i++) {
        const struct hearth_bias *b = &p->bias[i];
        if (b->id < 0 || b->id >= n_vocab)
            return fail(HEARTH_EUSAGE, "logit_bias[%zu]: token %d is not in 0 .. %d", i, b->id, n_vocab - 1);
        if (b->bias == -INFINITY) continue; /* forbids the token */
        if (!(fabsf(b->bias) <= 1e6f))
            return fail(HEARTH_EUSAGE, "logit_bias[%zu]: %g for token %d is neither -inf nor in -1e6 .. 1e6", i,
                        isnan(b->bias) ? NAN : (double)b->bias, b->id);
    }
    return HEARTH_OK;
}

/* ---- scratch ---- */

enum hearth_status sampler_init(struct sampler *s, int32_t n_vocab) {
    *s = (struct sampler){ .n = n_vocab };
    if (n_vocab < 1) return fail(HEARTH_EUSAGE, "vocabulary: %d tokens are too few", n_vocab);
    size_t n = (size_t)n_vocab;
    s->slab_bytes = n * (2 * sizeof(float) + 2 * sizeof(int32_t) + sizeof(uint32_t));
    s->slab = slab_alloc(s->slab_bytes);
    if (!s->slab) return HEARTH_ENOMEM;
    s->adjusted = s->slab;
    s->value = s->adjusted + n;
    s->id = (int32_t *)(s->value + n);
    s->heap = s->id + n;
    s->count = (uint32_t *)(s->heap + n);
    return HEARTH_OK;
}

void sampler_free(struct sampler *s) {
    slab_free(s->slab, s->slab_bytes);
    *s = (struct sampler){ 0 };
}

/* The first index from i on whose value is at least x, or n.  Most of a vocabulary is far below: whole blocks are
 * passed over by their maximum. */
static int32_t next_at_least(const float *l, int32_t i, int32_t n, float x) {
    enum { BLOCK = 128 };
    const struct kernels *k = kernels_get();
    while (i + BLOCK <= n && k->max(l + i, BLOCK) < x) i += BLOCK;
    while (i < n && l[i] < x) i++;
    return i;
}

/* ---- order: the larger value first, among equals the lower index ---- */

static inline int ahead(const float *v, int32_t a, int32_t b) { return v[a] > v[b] || (v[a] == v[b] && a < b); }

/* Lets h[i] of a heap of n sink to its place.  last = 0: who is ahead of all others is at h[0]; 1: who is behind. */
static void sink(int32_t *h, int32_t n, int32_t i, const float *v, int last) {
    int32_t x = h[i];
    for (int32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && ahead(v, h[child + 1], h[child]) != last) child++;
        if (ahead(v, h[child], x) == last) break;
        h[i] = h[child];
    }
    h[i] = x;
}

static void heap_make(int32_t *h, int32_t n, const float *v, int last) {
    for (int32_t i = n / 2 - 1; i >= 0; i--) sink(h, n, i, v, last);
}

/* A heap of all n candidates, the largest at h[0]. */
static void heap_all(struct sampler *s, int32_t n) {
    for (int32_t i = 0; i < n; i++) s->heap[i] = i;
    heap_make(s->heap, n, s->value, 0);
}

static int32_t heap_pop(struct sampler *s, int32_t *n) {
    int32_t top = s->heap[0];
    s->heap[0] = s->heap[--*n];
    if (*n > 0) sink(s->heap, *n, 0, s->value, 0);
    return top;
}

/* ---- steps 1 and 2 ---- */

static void penalise(struct sampler *s, float *l, const int32_t *history, size_t n, const struct hearth_sampling *p) {
    size_t look = p->repeat_last < 0 || (size_t)p->repeat_last > n ? n : (size_t)p->repeat_last;
    history += n - look;
    for (size_t i = 0; i < look; i++)
        if (history[i] >= 0 && history[i] < s->n) s->count[history[i]]++;
    for (size_t i = 0; i < look; i++) {
        int32_t id = history[i];
        if (id < 0 || id >= s->n || s->count[id] == 0) continue; /* a token is penalised once, however often it occurs */
        float x = l[id] > 0 ? l[id] / p->repeat_penalty : l[id] * p->repeat_penalty;
        x = x - p->presence_penalty;
        l[id] = x - (float)s->count[id] * p->frequency_penalty;
        s->count[id] = 0;
    }
}

static void take_allowed(float *out, const float *logits, const uint32_t *mask, int32_t n) {
    for (int32_t i = 0; i < n; i += 32) {
        uint32_t word = mask[i / 32];
        int32_t m = n - i < 32 ? n - i : 32;
        for (int32_t k = 0; k < m; k++) out[i + k] = word >> k & 1 ? logits[i + k] : -INFINITY;
    }
}

static const float *adjust(struct sampler *s, const float *logits, const int32_t *history, size_t n,
                           const struct hearth_sampling *p, const uint32_t *mask) {
    int penalties = p->repeat_penalty != 1 || p->presence_penalty != 0 || p->frequency_penalty != 0;
    if (p->n_bias == 0 && !penalties && !mask) return logits;
    if (mask) take_allowed(s->adjusted, logits, mask, s->n);
    else memcpy(s->adjusted, logits, (size_t)s->n * sizeof *logits);
    for (size_t i = 0; i < p->n_bias; i++) s->adjusted[p->bias[i].id] += p->bias[i].bias;
    if (penalties) penalise(s, s->adjusted, history, n, p);
    return s->adjusted;
}

/* ---- steps 3 to 8: each leaves fewer candidates, in ascending id ---- */

/* The k best of l[0..n): the worst of the best seen is at the root; a newcomer that equals it has the higher id and
 * stays out.  What is not behind the root in the end is in. */
static int32_t top_k(struct sampler *s, const float *l, int32_t k) {
    int32_t *h = s->heap, n = 0;
    for (int32_t i = 0; i < k; i++) h[i] = i;
    heap_make(h, k, l, 1);
    float worst = l[h[0]];
    for (int32_t i = k; (i = next_at_least(l, i, s->n, worst)) < s->n; i++) {
        if (l[i] == worst) continue;
        h[0] = i;
        sink(h, k, 0, l, 1);
        worst = l[h[0]];
    }
    int32_t cut = h[0];
    for (int32_t i = 0; n < k && (i = next_at_least(l, i, s->n, worst)) < s->n; i++) {
        if (l[i] == worst && i > cut) continue;
        s->value[n] = l[i];
        s->id[n++] = i;
    }
    return n;
}

static int32_t take_all(struct sampler *s, const float *l) {
    memcpy(s->value, l, (size_t)s->n * sizeof *l);
    for (int32_t i = 0; i < s->n; i++) s->id[i] = i;
    return s->n;
}

/* Keeps the candidates not behind `cut` (-1: all) and of weight >= min_p. */
static int32_t keep(struct sampler *s, int32_t n, int32_t cut, float max, float min_p) {
    float edge = cut >= 0 ? s->value[cut] : -INFINITY;
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++) {
        float x = s->value[i];
        if (cut >= 0 && (x < edge || (x == edge && i > cut))) continue;
        if (hm_exp(x - max) < min_p) continue;
        s->value[kept] = x;
        s->id[kept++] = s->id[i];
    }
    return kept;
}

/* The last candidate that top-p lets in. */
static int32_t top_p(struct sampler *s, int32_t n, float max, float p) {
    float goal = p * kernels_get()->sum_exp(s->value, max, (size_t)n), sum = 0;
    int32_t last, left = n;
    heap_all(s, n);
    do {
        last = heap_pop(s, &left);
        sum += hm_exp(s->value[last] - max);
    } while (left > 0 && sum < goal);
    return last;
}

static int32_t draw(struct sampler *s, int32_t n, float max, float temperature, float u) {
    for (int32_t i = 0; i < n; i++) s->value[i] = (s->value[i] - max) / temperature;
    float goal = u * kernels_get()->sum_exp(s->value, 0, (size_t)n), sum = 0;
    int32_t left = n, last = -1;
    heap_all(s, n);
    while (left > 0) {
        int32_t i = heap_pop(s, &left);
        float weight = hm_exp(s->value[i]);
        if (weight == 0 && last >= 0) break; /* so are all that follow; rounding kept the sum at or below the goal */
        sum += weight;
        last = i;
        if (sum > goal) break;
    }
    return s->id[last];
}

/* 0 when one is NaN or +inf.  Four at a time, which compilers turn into vectors. */
static int all_numbers(const float *l, int32_t n) {
    uint32_t bad[4] = { 0 };
    int32_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) bad[k] |= !(l[i + k] < INFINITY);
    for (; i < n; i++) bad[0] |= !(l[i] < INFINITY);
    return !(bad[0] | bad[1] | bad[2] | bad[3]);
}

enum hearth_status sampler_pick(struct sampler *s, const float *logits, const int32_t *history, size_t n_history,
                                const struct hearth_sampling *p, uint64_t position, const uint32_t *mask, int32_t *out) {
    const float *l = adjust(s, logits, history, n_history, p, mask);
    if (!all_numbers(l, s->n)) return fail(HEARTH_ENUMERIC, "logits: not every one is finite");
    float max = kernels_get()->max(l, (size_t)s->n);
    if (max == -INFINITY)
        return fail(HEARTH_EUSAGE, "logit_bias: -inf for every token%s leaves none to choose", mask ? " that the grammar allows here" : "");
    if (p->temperature == 0) {
        *out = next_at_least(l, 0, s->n, max);
        return HEARTH_OK;
    }
    int32_t n = p->top_k > 0 && p->top_k < s->n ? top_k(s, l, p->top_k) : take_all(s, l);
    int32_t cut = p->top_p < 1 ? top_p(s, n, max, p->top_p) : -1;
    if (cut >= 0 || p->min_p > 0) n = keep(s, n, cut, max, p->min_p);
    *out = draw(s, n, max, p->temperature, random_uniform(p->seed, position, 0));
    return HEARTH_OK;
}

/* ---- log-probabilities ---- */

float logits_logsumexp(const float *logits, int32_t n) {
    const struct kernels *k = kernels_get();
    float max = k->max(logits, (size_t)n);
    return max + hm_log(k->sum_exp(logits, max, (size_t)n));
}

void logits_logprobs(const float *logits, int32_t n, int32_t id, int n_top, float *logprob,
                     struct hearth_logprob *top) {
    float lse = logits_logsumexp(logits, n);
    int have = 0;
    *logprob = logits[id] - lse;
    for (int32_t i = 0; n_top > 0; i++) { /* insertion into a short list: few of many get in */
        i = next_at_least(logits, i, n, have < n_top ? -INFINITY : top[have - 1].logprob);
        if (i >= n) break;
        if (have == n_top && logits[i] == top[have - 1].logprob) continue;
        int at = have < n_top ? have++ : have - 1;
        for (; at > 0 && logits[i] > top[at - 1].logprob; at--) top[at] = top[at - 1];
        top[at] = (struct hearth_logprob){ i, logits[i] };
    }
    for (int i = 0; i < have; i++) top[i].logprob -= lse;
}

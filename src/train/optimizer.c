/* optimizer.c - AdamW, a tensor at a time, threads sharing out its elements. */
#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "base/mem.h"

enum { PIECE = 4096 };               /* elements of which the squares are summed in F32 */

const struct optimizer_options optimizer_defaults = { 0.9f, 0.999f, 1e-8f, 0, 1 };

enum hearth_status optimizer_open(const struct parameter *list, size_t n, const struct optimizer_options *options, struct pool *pool,
                                  struct optimizer **out)
{
    struct optimizer *o = mem_array(1, sizeof *o);
    if (!o) return HEARTH_ENOMEM;
    *o = (struct optimizer){ .o = *options, .n = n, .power1 = 1, .power2 = 1, .pool = pool, .k = kernels_get() };
    o->list = mem_array(n, sizeof *o->list);
    for (size_t i = 0; o->list && i < n; i++) {
        o->list[i] = list[i];
        o->list[i].m = mem_array((size_t)list[i].n, sizeof(float));
        o->list[i].v = mem_array((size_t)list[i].n, sizeof(float));
        if (o->list[i].m && o->list[i].v) continue;
        optimizer_close(o);
        return HEARTH_ENOMEM;
    }
    if (!o->list) {
        free(o);
        return HEARTH_ENOMEM;
    }
    *out = o;
    return HEARTH_OK;
}

void optimizer_close(struct optimizer *o)
{
    if (!o) return;
    for (size_t i = 0; i < o->n; i++) free(o->list[i].m), free(o->list[i].v);
    free(o->list);
    free(o);
}

void optimizer_zero(struct optimizer *o)
{
    for (size_t i = 0; i < o->n; i++) memset(o->list[i].grad, 0, (size_t)o->list[i].n * sizeof(float));
}

void optimizer_resume(struct optimizer *o, uint64_t step)
{
    o->step = step, o->power1 = o->power2 = 1;
    for (uint64_t i = 0; i < step; i++) o->power1 *= (double)o->o.beta1, o->power2 *= (double)o->o.beta2;
}

/* ---- the norm ---- */

/* The squares of one tensor: pieces of 4096 each as in section 5, their sums added in double, ascending. */
static double squares(const struct optimizer *o, const struct parameter *p)
{
    double sum = 0;
    for (uint64_t at = 0; at < p->n; at += PIECE) {
        size_t n = p->n - at < PIECE ? (size_t)(p->n - at) : PIECE;
        sum += (double)o->k->dot(p->grad + at, p->grad + at, n);
    }
    return sum;
}

struct sums { const struct optimizer *o; double *sum; };

static void norm_tensors(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct sums *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) s->sum[i] = squares(s->o, &s->o->list[i]);
}

static enum hearth_status norm_of(const struct optimizer *o, double *norm)
{
    double *sum = mem_array(o->n, sizeof *sum), all = 0;
    struct sums s = { o, sum };
    enum hearth_status st = HEARTH_OK;
    if (!sum) return HEARTH_ENOMEM;
    pool_run(o->pool, norm_tensors, &s, (int64_t)o->n, 1);
    for (size_t i = 0; i < o->n && st == HEARTH_OK; i++) {
        all += sum[i];
        if (!isfinite(sum[i])) st = fail(HEARTH_ENUMERIC, "the gradient of %s is not finite", o->list[i].name);
    }
    free(sum);
    *norm = sqrt(all);
    return st;
}

/* ---- the step ---- */

struct update { const struct optimizer *o; const struct parameter *p; float clip, keep, size, root; };

/* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w (1 - rate decay);  w -= size m / (sqrt(v) / root + eps) */
static void update_pieces(void *arg, int thread, int64_t begin, int64_t end)
{
    const struct update *u = arg;
    const struct optimizer_options *o = &u->o->o;
    const struct parameter *p = u->p;
    uint64_t from = (uint64_t)begin * PIECE, to = (uint64_t)end * PIECE < p->n ? (uint64_t)end * PIECE : p->n;
    float b1 = o->beta1, b2 = o->beta2, c1 = 1 - b1, c2 = 1 - b2, eps = o->eps, clip = u->clip, keep = u->keep, size = u->size, root = u->root;
    float *restrict w = p->value, *restrict m = p->m, *restrict v = p->v;
    const float *restrict grad = p->grad;
    (void)thread;
    for (uint64_t i = from; i < to; i++) {
        float g = grad[i] * clip;
        m[i] = b1 * m[i] + c1 * g;
        v[i] = b2 * v[i] + c2 * g * g;
        w[i] = w[i] * keep - size * m[i] / (sqrtf(v[i]) / root + eps);
    }
}

enum hearth_status optimizer_step(struct optimizer *o, float rate, double *norm)
{
    double all = 0, most = (double)o->o.clip;
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = norm_of(o, &all);
    if (norm) *norm = all;
    if (st == HEARTH_OK) {
        o->step++, o->power1 *= (double)o->o.beta1, o->power2 *= (double)o->o.beta2;
        struct update u = { .o = o, .clip = most > 0 && all > most ? (float)(most / (all + 1e-6)) : 1,
                            .size = (float)((double)rate / (1 - o->power1)), .root = (float)sqrt(1 - o->power2) };
        for (size_t i = 0; i < o->n; i++) {
            u.p = &o->list[i], u.keep = u.p->decays ? 1 - rate * o->o.decay : 1;
            pool_run(o->pool, update_pieces, &u, (int64_t)((u.p->n + PIECE - 1) / PIECE), 4);
        }
    }
    fp_leave(&fp);
    return st;
}

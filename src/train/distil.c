/* distil.c - a row of logits against a teacher's.
 *
 *     x, y   | shared 0 .. n-1 | the rest together |  the rest, one by one ...    scaled by 1 / T; of one vocabulary all is shared
 *
 * Sums of a divergence are chains in double over the outcomes in ascending order: they give a number to look at and, in the reverse
 * direction, one of which every gradient has a part. */
#include "train/distil.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/math.h"

void distil_map_free(struct distil_map *m)
{
    free(m->own), free(m->other), free(m->own_rest), free(m->other_rest);
    *m = (struct distil_map){ 0 };
}

enum hearth_status distil_room(struct distil *d, uint32_t size, uint32_t others)
{
    d->size = size, d->others = others;
    d->said = mem_array((size_t)DISTIL_ROWS * others, sizeof *d->said);
    d->x = mem_array((size_t)DISTIL_ROWS * ((size_t)size + 1), sizeof *d->x);
    d->y = mem_array((size_t)DISTIL_ROWS * ((size_t)others + 1), sizeof *d->y);
    d->known = mem_array(DISTIL_ROWS, 1);
    return d->said && d->x && d->y && d->known ? HEARTH_OK : HEARTH_ENOMEM;
}

void distil_free(struct distil *d)
{
    free(d->said), free(d->x), free(d->y), free(d->known);
    d->said = d->x = d->y = NULL, d->known = NULL;
    distil_map_free(&d->map);
}

enum hearth_status distil_ask(struct distil *d, const uint32_t *row, uint32_t n) { return d->teach(d->user, row, n, d->said, d->known); }

double entropy_row(const struct kernels *k, float *x, size_t n, uint32_t target, float weight)
{
    float m = k->max(x, n), l = k->sum_exp(x, m, n);
    double loss = (double)weight * ((double)hm_log(l) - ((double)x[target] - (double)m));
    k->softmax(x, m, l, n);
    k->scale(x, weight, n);
    x[target] -= weight;
    return loss;
}

/* ---- outcomes ---- */

struct outcomes { size_t n, shared; int rest; };         /* n: outcomes, the rest among them where it counts */

static struct outcomes outcomes_of(const struct distil *d)
{
    const struct distil_map *m = &d->map;
    if (!m->own) return (struct outcomes){ d->size, d->size, 0 };
    int rest = m->own_n && m->other_n;
    return (struct outcomes){ m->n + (size_t)rest, m->n, rest };
}

/* Logits as outcomes, scaled by 1 / T. */
static void gather(const struct kernels *k, const struct outcomes *o, const int32_t *shared, const int32_t *rest, size_t rest_n,
                   const float *from, float scale, float *to)
{
    if (!shared) memcpy(to, from, o->n * sizeof *to);
    for (size_t i = 0; shared && i < o->shared; i++) to[i] = from[shared[i]];
    if (!o->rest) {
        k->scale(to, scale, o->n);
        return;
    }
    float *apart = to + o->n;
    for (size_t i = 0; i < rest_n; i++) apart[i] = from[rest[i]];
    to[o->n - 1] = 0;
    k->scale(to, scale, o->n + rest_n);
    float m = k->max(apart, rest_n), l = k->sum_exp(apart, m, rest_n);
    to[o->n - 1] = m + hm_log(l);
    k->softmax(apart, m, l, rest_n);                     /* each one's share of them: how its gradient is parted */
}

/* ---- the divergence ---- */

struct spread { float m, l; double log; };               /* log: of the sum of exp(x) */

static struct spread spread_of(const struct kernels *k, const float *x, size_t n)
{
    float m = k->max(x, n), l = k->sum_exp(x, m, n);
    return (struct spread){ m, l, (double)m + (double)hm_log(l) };
}

/* T^2 w times it; x, own outcomes, becomes its gradient for logits that are not yet scaled by 1 / T.  apart [n]: room. */
static double divergence(const struct distil *d, const struct kernels *k, size_t n, float *x, float *y, float *apart, float weight)
{
    struct spread q = spread_of(k, x, n), p = spread_of(k, y, n);
    double sum = 0, shift = p.log - q.log, t = (double)d->temperature;
    float s = d->temperature * weight;
    if (!d->reverse) {                                   /* T w (q - p) */
        for (size_t i = 0; i < n; i++) apart[i] = y[i] - x[i];
        k->softmax(y, p.m, p.l, n);
        k->softmax(x, q.m, q.l, n);
        for (size_t i = 0; i < n; i++) sum += (double)y[i] * ((double)apart[i] - shift);
        for (size_t i = 0; i < n; i++) x[i] = s * (x[i] - y[i]);
        return t * t * (double)weight * sum;
    }
    for (size_t i = 0; i < n; i++) y[i] = x[i] - y[i];   /* log q - log p, but for the shift */
    k->softmax(x, q.m, q.l, n);
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * ((double)y[i] + shift);
    float mean = (float)(sum - shift);
    k->softmax_back(x, mean, s, y, n);                   /* T w q ((log q - log p) - sum) */
    memcpy(x, y, n * sizeof *x);
    return t * t * (double)weight * sum;
}

double distil_row(struct distil *d, const struct kernels *k, uint32_t i, float *x, uint32_t target, float weight, int *finite)
{
    const struct distil_map *m = &d->map;
    struct outcomes o = outcomes_of(d);
    float *own = d->x + (size_t)i * ((size_t)d->size + 1), *other = d->y + (size_t)i * ((size_t)d->others + 1);
    float *said = d->said + (size_t)i * d->others;
    float scale = 1 / d->temperature, share = weight * (1 - d->entropy);
    double loss = 0;
    *finite = k->finite(x, d->size) && (!d->known[i] || k->finite(said, d->others));
    if (!*finite) return 0;
    if (d->known[i]) {
        gather(k, &o, m->own, m->own_rest, m->own_n, x, scale, own);
        gather(k, &o, m->other, m->other_rest, m->other_n, said, scale, other);
        loss = divergence(d, k, o.n, own, other, said, share);
    }
    if (d->entropy > 0) loss += entropy_row(k, x, d->size, target, weight * d->entropy);
    else memset(x, 0, d->size * sizeof *x);
    if (!d->known[i]) return loss;
    if (!m->own) k->add(x, own, o.n);
    for (size_t j = 0; m->own && j < o.shared; j++) x[m->own[j]] += own[j];
    for (size_t j = 0; o.rest && j < m->own_n; j++) x[m->own_rest[j]] += own[o.n - 1] * own[o.n + j];
    return loss;
}

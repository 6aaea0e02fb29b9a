/* distil.h - a loss that follows another model's distribution of the next token (Hinton and others: "Distilling the knowledge in a neural
 * network", 2015), beside or instead of the token that is there.
 *
 *     p = softmax(teacher's logits / T)     q = softmax(own logits / T)
 *     forward   T^2 sum p log(p / q)        all that the teacher thinks possible is to be covered
 *     reverse   T^2 sum q log(q / p)        what the teacher thinks unlikely is to be left (Gu and others: "MiniLLM", 2024)
 *     loss = (1 - c) divergence + c cross-entropy of the token that is there
 *
 * With two vocabularies the divergence is over what both can say: each token whose text both have is one outcome, and all others of a side
 * are one outcome together, whose logit is their log-sum-exp.  Where one side has no others, what the other side has is left out. */
#ifndef HEARTH_TRAIN_DISTIL_H
#define HEARTH_TRAIN_DISTIL_H

#include "base/mem.h"
#include "kernel/kernels.h"

struct distil_map {                  /* all zero: the vocabularies are one */
    int32_t *own, *other;            /* [n] ids with the same text, own ones ascending */
    int32_t *own_rest, *other_rest;  /* [own_n], [other_n]: the others */
    uint32_t n, own_n, other_n;
};
void distil_map_free(struct distil_map *m);

struct distil {
    int reverse;
    float temperature, entropy;      /* T above 0; c, 0 to 1 */
    /* The teacher's logits at these rows of a pass, which ascend from call to call of it: out [n][others].  known[i] = 0: it has none
     * for this row, of whose loss only the cross-entropy's share is left. */
    enum hearth_status (*teach)(void *user, const uint32_t *row, uint32_t n, float *out, uint8_t *known);
    void *user;
    struct distil_map map;
    /* made by distil_room */
    uint32_t size, others;           /* logits of a row, own and the teacher's */
    float *said, *x, *y;             /* [DISTIL_ROWS][others], [..][size + 1], [..][others + 1] */
    uint8_t *known;
};
enum { DISTIL_ROWS = 64 };           /* at once */

enum hearth_status distil_room(struct distil *d, uint32_t size, uint32_t others);
void distil_free(struct distil *d);  /* what distil_room made, and the map */
/* Asks the teacher, of at most DISTIL_ROWS rows. */
enum hearth_status distil_ask(struct distil *d, const uint32_t *row, uint32_t n);
/* The loss of row i of those that were asked, times weight; x [size], own logits, becomes its gradient.  Different rows may be worked
 * out by different threads.  *finite 0: a logit is not. */
double distil_row(struct distil *d, const struct kernels *k, uint32_t i, float *x, uint32_t target, float weight, int *finite);
/* weight * -log softmax(x)[target]; x becomes its gradient. */
double entropy_row(const struct kernels *k, float *x, size_t n, uint32_t target, float weight);

#endif

/* optimizer.h - AdamW (Loshchilov, Hutter: "Decoupled weight decay regularization", 2019) over a list of tensors, in the
 * order in which PyTorch computes it; clipping by the norm of all gradients together.
 *
 * A step is a pure function of values, gradients, moments and its number: the chains are in ARITHMETIC.md section 9. */
#ifndef HEARTH_TRAIN_OPTIMIZER_H
#define HEARTH_TRAIN_OPTIMIZER_H

#include "base/pool.h"
#include "kernel/kernels.h"

struct parameter {
    const char *name;                /* for messages */
    float *value, *grad;             /* [n], the caller's */
    uint64_t n;
    int decays;                      /* weight decay is for it: matrices, not norms and biases */
    float *m, *v;                    /* [n], the optimizer's: the moments */
};

struct optimizer_options { float beta1, beta2, eps, decay, clip; }; /* clip: largest norm; 0: none */
extern const struct optimizer_options optimizer_defaults;          /* 0.9, 0.999, 1e-8, 0, 1 */

struct optimizer {
    struct optimizer_options o;
    struct parameter *list;          /* [n] */
    size_t n;
    uint64_t step;                   /* steps taken */
    double power1, power2;           /* beta1^step, beta2^step, each by one product a step */
    struct pool *pool;
    const struct kernels *k;
};

/* Copies the list; its moments begin at 0.  What value and grad point to must outlive it. */
enum hearth_status optimizer_open(const struct parameter *list, size_t n, const struct optimizer_options *o, struct pool *pool,
                                  struct optimizer **out);
void optimizer_close(struct optimizer *o);
/* What the moments take for so many elements. */
static inline uint64_t optimizer_bytes(uint64_t elements) { return elements * 8; }

void optimizer_zero(struct optimizer *o);                    /* the gradients */
/* One step at that learning rate.  *norm (may be NULL): of all gradients, before clipping.  ENUMERIC names the tensor whose
 * gradient is not finite; then nothing has changed. */
enum hearth_status optimizer_step(struct optimizer *o, float rate, double *norm);
/* After values and moments were read back: as if so many steps had been taken. */
void optimizer_resume(struct optimizer *o, uint64_t step);

#endif

/* inside.h - what the tape holds and the backward pass reads. */
#ifndef HEARTH_TRAIN_INSIDE_H
#define HEARTH_TRAIN_INSIDE_H

#include "train/tape.h"

/* Of a mixture (experts.c): by token and place among the experts it takes; by slot. */
struct tape_experts {
    float *share;                    /* [n][experts_used] */
    uint32_t *chosen, *picked;       /* [n][experts_used]; [slots]: the token and place of each */
    uint32_t *first;                 /* [experts + 1]: an expert's first slot */
    float *gate, *up, *given;        /* [slots][feed_forward] x 2; [slots][width]: before the share */
};

/* What one layer computed, over n tokens; q_raw .. : before a norm, NULL where the family has none. */
struct tape_layer {
    float *x;                        /* [n][width]: what enters */
    float *q_raw, *k_raw;            /* [n][heads * head_width], [n][kv_heads * head_width] */
    float *q, *k, *v;                /* normed and turned */
    float *heads;                    /* [n][heads * head_width] */
    struct attend_state *state;      /* [n][heads]: maximum and sum of the softmax */
    float *attn_raw, *attn;          /* [n][width]: before the post norm; what is added */
    float *middle;                   /* [n][width] */
    float *gate, *up;                /* [n][feed_forward]: before the activation; of a mixture the expert's that all take */
    struct tape_experts experts;
    float *ffn_raw, *ffn;            /* [n][width] */
    float *r[4];                     /* [n]: 1 / rms of TAPE_ATTN_NORM .. TAPE_FFN_POST_NORM */
    float *r_q, *r_k;                /* [n][heads], [n][kv_heads] */
};

struct rope_tables { float *cos, *sin, *minus; };            /* [n][rope_width / 2]; minus: -sin, for the way back */

struct tape {
    struct hearth_model *m;
    struct lora *lora;               /* NULL: no adapter (lora.c) */
    uint32_t cap, n;                 /* tokens there is room for; tokens of the last forward pass */
    struct tape_layer *layers;
    float *x_last, *r_last;          /* [n][width], [n]: before the output norm */
    int32_t *ids;                    /* [n]; -1 where embeddings were given */
    uint32_t *position, *begin, *length; /* [n]: in its sequence; the sequence's first token; how many it has */
    struct rope_tables rope[2];      /* 1: of local layers, where they have their own */
    float *h, *wide;                 /* [n][width]; [n][widest of all]: between two steps */
    /* the backward pass: the gradient of ... */
    float *dx, *dnorm;               /* [n][width] x 2: the residual; a norm's output, or what is added to the residual */
    float *dh, *dq, *dk, *dv;        /* [n][heads * head_width] x 2, [n][kv_heads * head_width] x 2 */
    float *dgate, *dup, *dwide;      /* [n][feed_forward] x 2; [n][widest] */
    float *route, *dshare;           /* a mixture: [n][experts], scores and then their gradient; [n][experts_used] */
    float *taken, *given, *mixed;    /* [n][width] x 3: what an expert takes, gives; the sum of all */
    float *logits, *final, *dfinal;  /* [rows at once][logit_ld], [..][width] x 2 */
    float *capped;                   /* [rows at once][vocabulary]: logits past their soft cap; NULL where there is none */
    uint32_t at_once;                /* tokens whose logits are held at once */
    size_t logit_ld;                 /* the vocabulary, and some: rows that are whole pages apart would share few places of a cache */
    uint32_t *row;                   /* [n]: the tokens that have a loss */
    float *packed;                   /* a piece of a matrix, in panels (product.c) */
    uint64_t packed_floats;
    float *scratch;                  /* [threads][scratch_each] */
    size_t scratch_each;
    int *bad;                        /* [threads * 16] */
    void *slab;
    size_t slab_bytes;
};

enum { TAPE_ROWS = 384 };            /* at most so many logits at once */

void tape_forget_adapter(struct tape *t);

/* Work on every token, on threads when there are several. */
void tape_each(struct tape *t, pool_fn *fn, void *arg, uint32_t n);
/* ENUMERIC when a thread met a value that is not finite. */
enum hearth_status tape_check(struct tape *t, const char *what);
/* Rotates one head by the tables of token t, or back. */
void tape_rotate(const struct tape *t, float *x, size_t token, const struct layer_shape *shape, int back);

/* out [n][ff] = act(gate) * up of n rows; and backwards: dgate, dup from dwide. */
void tape_activate(struct tape *t, const float *gate, const float *up, uint32_t n, size_t ff, float *out);
void tape_activate_back(struct tape *t, const float *gate, const float *up, uint32_t n, size_t ff);
/* to [n][width] = s * from. */
void tape_scale(struct tape *t, const float *from, float s, float *to);

/* An adapter's part of a product: h = scale (first x), kept; the outputs (or `into`) go on by second^T h. */
struct branch {
    const struct dense *first, *second;  /* [rank][length], [rank][columns] */
    const float *x;                  /* [n][length] */
    float *h, *into;                 /* [n][rank]; [n][columns], NULL: the product's own outputs */
    float *first_panels, *second_panels; /* room for both, packed */
    float scale;
};
/* out [n][rows] = W x + bias;  out [n][cols] = W^T y;  dw [rows][cols] += the sum over tokens of y x; ld: from token to token.  (product.c) */
void product_forward(struct tape *t, const struct weight *w, const struct branch *b, const float *x, uint32_t n, float *out, size_t ldo);
void product_back(struct tape *t, const struct weight *w, const struct branch *b, const float *y, size_t ldy, uint32_t n, float *out);
void product_weight(struct tape *t, const struct weight *w, const float *x, const float *y, size_t ldy, uint32_t n, float *dw);
/* Floats of a packed piece that serves this matrix. */
uint64_t product_floats(const struct weight *w);

/* A mixture: out [n][width] = what the chosen experts make of the normed rows in t->h.  Backwards from d [n][width], t->h as it was:
 * gradients of their matrices (NULL: not wanted), dh [n][width] overwritten by what comes back through them; then the router's, which
 * takes the gradients of the shares from experts_back and overwrites out [n][width]. */
struct expert_grads { float *gate, *up, *down; };
void experts_forward(struct tape *t, uint32_t layer, float *out);
void experts_back(struct tape *t, uint32_t layer, const float *d, const struct expert_grads *g, float *dh);
void router_back(struct tape *t, uint32_t layer, float *dw, float *out);

/* Attention of one layer: heads and state from q, k, v; dq, dk, dv from dh = d heads.  (attention.c) */
size_t attention_scratch(const struct hparams *h);
void attention_forward(struct tape *t, struct tape_layer *l, const struct layer_shape *shape);
void attention_back(struct tape *t, const struct tape_layer *l, const struct layer_shape *shape);

#endif

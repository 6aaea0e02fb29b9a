/* session.h - one conversation: the tokens so far, the KV cache that holds them, the logits of the last. */
#ifndef HEARTH_INFER_SESSION_H
#define HEARTH_INFER_SESSION_H

#include "model/forward.h"
#include "infer/sampler.h"

struct hearth_session {
    struct hearth_model *m;
    struct forward *forward;
    struct kv_pool *kv;
    struct kv_seq seq;
    struct forward_sizes sizes;
    int32_t *ids;                    /* [sizes.ctx] the tokens evaluated, oldest first */
    size_t length;                   /* how many */
    float *logits;                   /* [vocabulary], of token length - 1 */
    int has_logits;
    const struct hearth_adapter *adapter; /* NULL: none */
    struct sampler sampler;
};

/* Appends n tokens and gives the hidden state of the last after the last norm, or the mean of those of all n: out [width]. */
enum hearth_status session_hidden(struct hearth_session *s, const int32_t *ids, size_t n, int mean, float *out);

#endif

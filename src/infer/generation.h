/* generation.h - one answer on its way: which token comes next, who is told of it, and when it is over.  hearth_generate drives one,
 * an engine many:
 *
 *      logits ─► generation_pick ─► picked ─► generation_tell ─► on_token, on_text
 *
 * Picking depends on nothing but logits, tokens and parameters, and calls nobody; telling calls back.  So tokens may be picked on
 * other threads, and a few ahead of those told; what was picked after the token that ended the answer is forgotten. */
#ifndef HEARTH_INFER_GENERATION_H
#define HEARTH_INFER_GENERATION_H

#include "infer/sampler.h"
#include "infer/stream.h"
#include "text/grammar.h"

struct picked {
    int32_t id;
    int end;                         /* the model's end of generation: no part of the answer */
    int last;                        /* the answer is whole with it, as the grammar says, and nothing may follow */
    float logprob;                   /* with n_top and top only where params.logprobs asks for them */
    int n_top;
    struct hearth_logprob top[LOGPROBS_MAX];
};

struct generation {
    const struct tokenizer *tokenizer;
    const struct hearth_generate_params *p;
    struct hearth_result r;          /* finish, stop and answer_tokens are kept here; the rest is the caller's */
    size_t limit;                    /* tokens the answer may have */
    size_t picked;                   /* so far */
    int over;                        /* no token follows */
    struct stream stream;
    struct grammar_state *grammar;   /* what p->grammar allows behind the tokens picked; NULL: everything */
};

/* Checks what p asks for (ELIMIT: the grammar's shortest answer is longer than the answer may be); room: tokens that the context still holds after the prompt.  All memory is taken here.  p must live as long. */
enum hearth_status generation_init(struct generation *g, const struct tokenizer *t, const struct hearth_generate_params *p, size_t room);
void generation_free(struct generation *g);   /* harmless on a zeroed one */

/* Tokens an answer may have: what was asked for (below 0: no limit), within what the context still holds. */
static inline size_t generation_limit(int max_tokens, size_t room)
{
    return max_tokens < 0 || (size_t)max_tokens > room ? room : (size_t)max_tokens;
}
/* The token to stand after history[0..n): prompt and every token picked before.  ENUMERIC, EUSAGE as sampler_pick. */
enum hearth_status generation_pick(struct generation *g, struct sampler *s, const float *logits, const int32_t *history, size_t n,
                                   struct picked *out);
/* Calls back; 1 when the token is part of the answer (which may be over with it), 0 when it is its end. */
int generation_tell(struct generation *g, const struct picked *t);
/* The answer is over for whatever reason: shows what was held back, unless it was cancelled. */
void generation_end(struct generation *g);

/* An answer may go on with another token. */
static inline int generation_open(const struct generation *g) { return !g->over && g->r.answer_tokens < g->limit; }

#endif

/* answers.h - many prompts answered by an engine, side by side; each answer is what it would be alone. */
#ifndef HEARTH_WORK_ANSWERS_H
#define HEARTH_WORK_ANSWERS_H

#include "base/mem.h"

struct answer_question {
    const int32_t *prompt;           /* [n] */
    size_t n;
    int most_tokens;                 /* where these alone would fill the context: half of it */
    const char *const *until;        /* texts that end the answer */
    size_t n_until;
    float temperature;               /* 0: greedy */
    uint64_t seed;
};
struct answer { char *text; size_t prompt_tokens, tokens; int cut /* the prompt lost its beginning */, ended /* by itself, or by until */; };

struct answers_params {
    const struct hearth_adapter *adapter; /* NULL: the model as it is */
    uint32_t ctx;                    /* 0: the model's own, at most 4096 */
    void (*on_step)(void *user, size_t done, size_t total);   /* may be NULL; called on the caller's thread */
    void *user;
    const volatile int *cancel;      /* may be NULL */
};
/* out [n] (zeroed by the caller); each text is freed by answers_free, also after a failure. */
enum hearth_status answers_make(struct hearth_model *m, const struct answers_params *p, const struct answer_question *q, size_t n,
                                struct answer *out);
void answers_free(struct answer *a, size_t n);

#endif

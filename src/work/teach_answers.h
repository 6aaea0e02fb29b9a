/* teach_answers.h - a teacher that writes the answers first: examples whose prompts are somebody's and whose answers are a model's
 * (sequence-level distillation: Kim and Rush, 2016), as a .jsonl to tune with. */
#ifndef HEARTH_WORK_TEACH_ANSWERS_H
#define HEARTH_WORK_TEACH_ANSWERS_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct teach_params {
    const char *model, *adapter;     /* the teacher; adapter NULL: none */
    const char *data, *columns;      /* as dataset.h reads them: prompts and completions, messages, texts with labels, preferences */
    int plain;                       /* no chat template */
    int most_tokens;                 /* of an answer */
    float temperature;               /* 0: the likeliest */
    uint64_t seed;
    int threads;
    int resume;                      /* answers that are there and are these are taken as they are; asked is 0 */
    void (*on_step)(void *user, size_t done, size_t total);   /* may be NULL */
    void *user;
    const volatile int *cancel;      /* may be NULL */
};
struct teach_result { size_t asked, written, unfinished /* not done after most_tokens, and left out */; };

/* Writes `out`, which appears when it is whole.  EUSAGE: the examples ask nothing, or (resume) other answers are there.  EFORMAT: not one answer came to an end. */
enum hearth_status teach_answers(const struct teach_params *p, const char *out, struct teach_result *r);

#endif

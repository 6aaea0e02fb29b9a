/* train_sample.c - what a model that is being taught writes now. */
#include "work/train.h"

#include "hearth.h"
#include "work/tune_in.h"

static int on_text(void *user, const char *text, size_t n) { return buf_put(user, text, n) != HEARTH_OK; }

enum hearth_status train_sample(struct tune *t, uint32_t tokens, uint64_t seed, char **text)
{
    struct hearth_session *s;
    struct buf out = {0};
    struct hearth_generate_params p = {.max_tokens = (int)tokens, .logprobs = -1, .on_text = on_text, .user = &out};
    struct hearth_result r;
    int32_t begin = tokenizer_bos(t->m->tokenizer);
    hearth_sampling_defaults(&p.sampling);
    p.sampling.temperature = 0.8f, p.sampling.top_p = 0.95f, p.sampling.seed = seed;
    TRY(hearth_session_open(t->m, &(struct hearth_session_params){.ctx = tokens + 2}, &s));
    enum hearth_status st = hearth_generate(s, &begin, 1, &p, &r);
    hearth_session_close(s);
    if (st) buf_free(&out);
    else if (!(*text = buf_take(&out, NULL))) st = HEARTH_ENOMEM;
    return st;
}

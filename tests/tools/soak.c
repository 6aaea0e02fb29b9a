/* soak - makes receipts of random answers, for replaying them under other conditions (tools/replay-soak):
 *
 *     HEARTH_HOME=... HEARTH_ISA=... soak MODEL.gguf COUNT SEED THREADS
 *
 * Each answer draws its own prompt, chunk, context, kind of keys and values, sampling, stops, biases and way to end; some go on
 * in the same session, as a chat's turns do, and some are cancelled.  Everything follows from SEED. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/random.h"
#include "base/status.h"

static uint64_t seed, drawn;

static uint32_t draw(uint32_t below)
{
    return (uint32_t)(random_uniform(seed, drawn++, 77) * (float)below) % below;
}

static void need(enum hearth_status st)
{
    if (st == HEARTH_OK) return;
    fprintf(stderr, "soak: %s\n", hearth_errmsg());
    exit(1);
}

static int limit;
static int on_token(void *user, const struct hearth_token *t)
{
    (void)user, (void)t;
    return limit > 0 && --limit == 0;
}

static void params(struct hearth_generate_params *g, struct hearth_bias *bias, uint32_t vocabulary)
{
    static const char *const stops[] = {"e", " the", "zq"};
    *g = (struct hearth_generate_params){.max_tokens = 1 + (int)draw(24), .logprobs = -1, .on_token = on_token};
    hearth_sampling_defaults(&g->sampling);
    struct hearth_sampling *s = &g->sampling;
    s->seed = (uint64_t)draw(1 << 20) << 40 | draw(1 << 20);
    s->temperature = draw(4) ? 0.05f + (float)draw(100) / 50 : 0;
    s->top_k = draw(3) ? 0 : 1 + (int)draw(50);
    s->top_p = draw(2) ? 1 : 0.3f + (float)draw(70) / 100;
    s->min_p = draw(2) ? 0 : (float)draw(20) / 100;
    s->repeat_penalty = draw(2) ? 1 : 1 + (float)draw(50) / 100;
    s->frequency_penalty = draw(2) ? 0 : (float)draw(50) / 100;
    s->repeat_last = draw(2) ? -1 : (int)draw(64);
    for (s->n_bias = 0; s->n_bias < draw(4); s->n_bias++) bias[s->n_bias] = (struct hearth_bias){(int32_t)draw(vocabulary), (float)draw(80) / 8 - 5};
    s->bias = bias;
    if (draw(3) == 0) g->stop = stops, g->n_stop = 1 + draw(3);
    limit = draw(8) ? 0 : 1 + (int)draw(8);
}

static void answer(struct hearth_session *s, uint32_t vocabulary, int i)
{
    struct hearth_receipt *r = NULL;
    struct hearth_receipt_params rp = {.keep = 1, .task = "soak", .constrained = 0};
    struct hearth_generate_params g;
    struct hearth_bias bias[4];
    int32_t prompt[120];
    size_t room = hearth_session_context(s) - hearth_session_length(s), n = 1 + draw(100);
    if (n + 2 > room) need(hearth_session_rewind(s, hearth_session_length(s) / 3)), room = hearth_session_context(s) - hearth_session_length(s);
    if (n + 2 > room) n = 1;
    for (size_t k = 0; k < n; k++) prompt[k] = (int32_t)draw(vocabulary);
    params(&g, bias, vocabulary);
    need(hearth_receipt_open(&rp, &r));
    need(hearth_receipt_generate(r, s, prompt, n, &g, NULL));
    need(hearth_receipt_write(r, NULL));
    if (*hearth_receipt_note(r)) fprintf(stderr, "soak: answer %d: %s\n", i, hearth_receipt_note(r));
    hearth_receipt_close(r);
}

int main(int argc, char **argv)
{
    struct hearth_model_params mp = {0};
    struct hearth_model *m;
    struct hearth_model_info info;
    struct hearth_session *s = NULL;
    if (argc != 5) {
        fprintf(stderr, "usage: soak MODEL.gguf COUNT SEED THREADS\n");
        return 2;
    }
    int count = atoi(argv[2]);
    seed = strtoull(argv[3], NULL, 10);
    mp.threads = atoi(argv[4]);
    mp.arithmetic = draw(4) ? HEARTH_QUANT : HEARTH_FLOAT;
    need(hearth_model_open(argv[1], &mp, &m));
    hearth_model_describe(m, &info);
    for (int i = 0; i < count; i++) {
        if (!s || draw(3) == 0) {                      /* a new session, or a further turn of the one before */
            hearth_session_close(s);
            need(hearth_session_open(m, &(struct hearth_session_params){.ctx = 130 + draw(400), .kv = (enum hearth_kv)draw(3), .chunk = 1 + draw(90)}, &s));
        }
        answer(s, info.vocabulary, i);
    }
    hearth_session_close(s);
    hearth_model_close(m);
    return 0;
}

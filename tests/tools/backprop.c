/* backprop.c - gradients of a real model, for measuring and for tools/oracle/gradients.py.
 *
 *     backprop MODEL.gguf OUT TARGET ID ...        d log p(TARGET | ID ...) / d embeddings as f32 [n][width] into OUT
 *     backprop MODEL.gguf --steps S,TOGETHER N     integrated gradients' work: S steps over N tokens, TOGETHER at a time
 *     backprop MODEL.gguf --train N                one forward and backward pass with the gradients of all weights
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "train/backward.h"

static void must(enum hearth_status st)
{
    if (st == HEARTH_OK) return;
    fprintf(stderr, "backprop: %s\n", hearth_errmsg());
    exit(1);
}

static void *room(size_t n, size_t size)
{
    void *p = mem_array(n, size);
    if (!p) must(HEARTH_ENOMEM);
    return p;
}

static double one_token(struct hearth_model *m, struct tape *t, const int32_t *ids, uint32_t n, int32_t target, float *d)
{
    int32_t *targets = room(n, sizeof *targets);
    float *weights = room(n, sizeof *weights);
    struct loss_spec loss = { .target = targets, .weight = weights };
    double logp;
    (void)m;
    targets[n - 1] = target, weights[n - 1] = -1;
    must(tape_forward(t, ids, NULL, n));
    must(backward_run(t, &loss, &logp, NULL, d));
    free(targets), free(weights);
    return logp;
}

static void write_gradient(struct hearth_model *m, int argc, char **argv)
{
    uint32_t n = (uint32_t)argc - 4;
    size_t width = m->h.width;
    int32_t *ids = room(n, sizeof *ids);
    float *d = room(n * width, sizeof *d);
    struct tape *t;
    for (uint32_t i = 0; i < n; i++) ids[i] = atoi(argv[4 + i]);
    must(tape_open(m, n, &t));
    printf("log p %.6f\n", one_token(m, t, ids, n, atoi(argv[3]), d));
    FILE *f = fopen(argv[2], "wb");
    if (!f || fwrite(d, sizeof *d, n * width, f) != n * width || fclose(f)) must(fail_errno(argv[2], "write"));
    tape_close(t);
    free(ids), free(d);
}

static void integrated(struct hearth_model *m, const char *how, uint32_t n)
{
    uint32_t steps = 0, together = 0, vocabulary = m->h.vocabulary;
    size_t width = m->h.width;
    if (sscanf(how, "%u,%u", &steps, &together) != 2 || !steps || !together || !n) must(fail(HEARTH_EUSAGE, "--steps S,TOGETHER N"));
    size_t all = (size_t)n * together;
    int32_t *ids = room(all, sizeof *ids), *targets = room(all, sizeof *targets);
    float *x = room(all * width, sizeof *x), *d = room(all * width, sizeof *d), *weights = room(all, sizeof *weights);
    uint32_t *lengths = room(together, sizeof *lengths);
    struct tape *t;
    for (uint32_t i = 0; i < all; i++) ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % vocabulary), weights[i] = (i + 1) % n ? 0 : -1;
    for (uint32_t i = 0; i < together; i++) lengths[i] = n;
    must(tape_open(m, (uint32_t)all, &t));
    must(tape_forward_many(t, ids, NULL, lengths, together));
    memcpy(x, tape_embeddings(t), all * width * sizeof *x);
    double start = clock_seconds();
    for (uint32_t s = 0; s < steps; s += together) {
        struct loss_spec loss = { .target = targets, .weight = weights };
        must(tape_forward_many(t, NULL, x, lengths, together));
        must(backward_run(t, &loss, NULL, NULL, d));
    }
    printf("%u steps over %u tokens, %u at a time: %.2f s\n", steps, n, together, clock_seconds() - start);
    tape_close(t);
    free(ids), free(targets), free(x), free(d), free(weights), free(lengths);
}

static void train(struct hearth_model *m, uint32_t n)
{
    int32_t *ids = room(n + 1, sizeof *ids);
    float *weights = room(n, sizeof *weights);
    struct loss_spec loss = { .target = ids + 1, .weight = weights };
    struct grads *g;
    struct tape *t;
    double value;
    for (uint32_t i = 0; i <= n; i++) ids[i] = (int32_t)((i * i * 31 + i * 17 + 7) % m->h.vocabulary);
    for (uint32_t i = 0; i < n; i++) weights[i] = 1;
    must(tape_open(m, n, &t));
    must(grads_open(m, NULL, NULL, &g));
    for (int i = 0; i < 2; i++) {    /* the first touches the memory */
        double start = clock_seconds(), middle;
        must(tape_forward(t, ids, NULL, n));
        middle = clock_seconds();
        must(backward_run(t, &loss, &value, g, NULL));
        printf("%u tokens: forward %.3f s, backward %.3f s, loss %.4f\n", n, middle - start, clock_seconds() - middle, value / n);
    }
    must(grads_finish(g));
    grads_close(g);
    tape_close(t);
    free(ids), free(weights);
}

int main(int argc, char **argv)
{
    struct hearth_model *m;
    const char *threads = getenv("THREADS");
    if (argc < 4) {
        fprintf(stderr, "usage: backprop MODEL.gguf OUT TARGET ID ... | --steps S,TOGETHER N | --train N\n");
        return 2;
    }
    must(hearth_model_open(argv[1], &(struct hearth_model_params){ threads ? atoi(threads) : 0, HEARTH_FLOAT, 0 }, &m));
    if (strcmp(argv[2], "--steps") == 0) integrated(m, argv[3], argc > 4 ? (uint32_t)atoi(argv[4]) : 0);
    else if (strcmp(argv[2], "--train") == 0) train(m, (uint32_t)atoi(argv[3]));
    else if (argc > 4) write_gradient(m, argc, argv);
    hearth_model_close(m);
    return 0;
}

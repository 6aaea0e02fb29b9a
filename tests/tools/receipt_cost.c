/* receipt_cost - what a receipt costs beside its answer:
 *
 *     HEARTH_HOME=... receipt_cost MODEL.gguf [ANSWERS [TOKENS]]
 *
 * Processor time (user and system, all threads) of making the receipt and of the answer, by getrusage: of the first answer of a
 * process, with all that is loaded then, and the mean of the others; and the time that writing waits for the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/status.h"

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void need(enum hearth_status st)
{
    if (st == HEARTH_OK) return;
    fprintf(stderr, "receipt_cost: %s\n", hearth_errmsg());
    exit(1);
}

static void tell(const char *what, double answer, double receipt, double wall)
{
    printf("%-14s answer %8.2f ms of processor, receipt %6.3f ms (%.3f %%), waiting for the disk %.1f ms\n", what, 1e3 * answer, 1e3 * receipt,
           100 * receipt / answer, 1e3 * (wall > receipt ? wall - receipt : 0));
}

int main(int argc, char **argv)
{
    static const char messages[] = "[{\"role\": \"user\", \"content\": \"Why is the sky blue?\"}]";
    struct hearth_receipt_params rp = {.keep = 1, .messages = messages, .actor = "m-17", .purpose = "measuring"};
    struct hearth_generate_params g = {.logprobs = -1};
    struct hearth_model *m;
    int32_t *ids;
    size_t n;
    int answers = argc > 2 ? atoi(argv[2]) : 10;
    double sum[3] = {0};
    if (argc < 2 || answers < 2) {
        fprintf(stderr, "usage: receipt_cost MODEL.gguf [ANSWERS [TOKENS]]\n");
        return 2;
    }
    need(hearth_model_open(argv[1], NULL, &m));
    need(hearth_chat_tokenize(m, messages, NULL, 1, &ids, &n));
    hearth_sampling_defaults(&g.sampling);
    g.sampling.temperature = 0;
    g.max_tokens = argc > 3 ? atoi(argv[3]) : 50;
    for (int i = 0; i < answers; i++) {
        struct hearth_session *s;
        struct hearth_receipt *r;
        need(hearth_session_open(m, NULL, &s));
        double c0 = cpu();
        need(hearth_receipt_open(&rp, &r));
        double c1 = cpu();
        need(hearth_receipt_generate(r, s, ids, n, &g, NULL));
        double c2 = cpu(), w2 = clock_seconds();
        need(hearth_receipt_write(r, NULL));
        double c3 = cpu(), w3 = clock_seconds();
        hearth_receipt_close(r);
        hearth_session_close(s);
        if (i == 0) tell("first answer", c2 - c1, c1 - c0 + c3 - c2, w3 - w2);
        else sum[0] += c2 - c1, sum[1] += c1 - c0 + c3 - c2, sum[2] += w3 - w2;
    }
    tell("later answers", sum[0] / (answers - 1), sum[1] / (answers - 1), sum[2] / (answers - 1));
    hearth_free(ids);
    hearth_model_close(m);
    return 0;
}

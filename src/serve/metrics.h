/* metrics.h - what a server counts of its answers, and the page that Prometheus reads. */
#ifndef HEARTH_SERVE_METRICS_H
#define HEARTH_SERVE_METRICS_H

#include "base/mem.h"
#include "serve/serve.h"

struct metrics_answer {
    double first_seconds;            /* from the request's arrival to its first token; NAN: there was none */
    double total_seconds, wait_seconds;
    size_t prompt_tokens, cached_tokens, answer_tokens;
    uint64_t energy_uj;
    int cancelled, failed, receipt;  /* receipt: one was written */
};
void metrics_add(const struct metrics_answer *a);
/* Prometheus' text format, version 0.0.4, appended to out. */
enum hearth_status metrics_write(struct server *s, struct buf *out);

#endif

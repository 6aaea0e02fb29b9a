/* metrics.c - see metrics.h.  One count a process: every server of it is in the same. */
#include "serve/metrics.h"

#include <math.h>
#include <pthread.h>

static const double edges[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
enum { EDGES = sizeof edges / sizeof *edges };

struct histogram { uint64_t below[EDGES], n; double sum; };      /* below: each value in one of them, or in none */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct histogram first, whole, wait;
    uint64_t prompt, cached, answer, energy_uj, cancelled, failed, receipts, answers;
} sum;

static void observe(struct histogram *h, double seconds)
{
    int i = 0;
    while (i < EDGES && seconds > edges[i]) i++;
    if (i < EDGES) h->below[i]++;
    h->n++;
    h->sum += seconds;
}

void metrics_add(const struct metrics_answer *a)
{
    pthread_mutex_lock(&lock);
    if (!isnan(a->first_seconds)) observe(&sum.first, a->first_seconds);
    observe(&sum.whole, a->total_seconds);
    observe(&sum.wait, a->wait_seconds);
    sum.prompt += a->prompt_tokens;
    sum.cached += a->cached_tokens;
    sum.answer += a->answer_tokens;
    sum.energy_uj += a->energy_uj;
    sum.cancelled += a->cancelled != 0;
    sum.failed += a->failed != 0;
    sum.receipts += a->receipt != 0;
    sum.answers++;
    pthread_mutex_unlock(&lock);
}

/* ---- the page ---- */

static enum hearth_status head(struct buf *b, const char *name, const char *kind, const char *help)
{
    return buf_printf(b, "# HELP hearth_%s %s\n# TYPE hearth_%s %s\n", name, help, name, kind);
}

static enum hearth_status write_histogram(struct buf *b, const char *name, const char *help, const struct histogram *h)
{
    uint64_t below = 0;
    TRY(head(b, name, "histogram", help));
    for (int i = 0; i < EDGES; i++) {
        below += h->below[i];
        TRY(buf_printf(b, "hearth_%s_bucket{le=\"%g\"} %llu\n", name, edges[i], (unsigned long long)below));
    }
    return buf_printf(b, "hearth_%s_bucket{le=\"+Inf\"} %llu\nhearth_%s_sum %.6f\nhearth_%s_count %llu\n", name, (unsigned long long)h->n, name,
                      h->sum, name, (unsigned long long)h->n);
}

static enum hearth_status write_value(struct buf *b, const char *name, const char *kind, const char *help, double value)
{
    TRY(head(b, name, kind, help));
    return buf_printf(b, "hearth_%s %.17g\n", name, value);
}

static enum hearth_status write_answers(struct buf *b)
{
    pthread_mutex_lock(&lock);
    const struct { const char *name, *help; double value; } counters[] = {
        {"answers_total", "Answers that ended, whatever way.", (double)sum.answers},
        {"answers_cancelled_total", "Answers whose client left, or that the server ended.", (double)sum.cancelled},
        {"answers_failed_total", "Answers that failed after they were taken.", (double)sum.failed},
        {"receipts_total", "Receipts written to the ledger.", (double)sum.receipts},
        {"prompt_tokens_total", "Tokens of prompts.", (double)sum.prompt},
        {"prompt_tokens_cached_total", "Tokens of prompts that were remembered and not computed again.", (double)sum.cached},
        {"answer_tokens_total", "Tokens of answers.", (double)sum.answer},
        {"energy_joules_total", "Energy of all answers, measured or modelled as their receipts say.", (double)sum.energy_uj / 1e6}};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && st == HEARTH_OK; i++)
        st = write_value(b, counters[i].name, "counter", counters[i].help, counters[i].value);
    if (st == HEARTH_OK) st = write_histogram(b, "first_token_seconds", "From a request's arrival to its first token.", &sum.first);
    if (st == HEARTH_OK) st = write_histogram(b, "answer_seconds", "From a request's arrival to the end of its answer, receipt included.", &sum.whole);
    if (st == HEARTH_OK) st = write_histogram(b, "queue_seconds", "In the queue, before the prompt was begun.", &sum.wait);
    pthread_mutex_unlock(&lock);
    return st;
}

/* A label's value: of a model's name nothing needs escaping (hub/names.h). */
static enum hearth_status write_models(struct buf *b, const struct kept_view *v, size_t n)
{
    static const struct { const char *name, *kind, *help; } rows[] = {
        {"model_memory_bytes", "gauge", "Memory of a model: weights, keys and values."},
        {"model_kv_bytes", "gauge", "Memory reserved for keys and values."},
        {"model_kv_used_bytes", "gauge", "Of it, used by running answers."},
        {"model_kv_remembered_bytes", "gauge", "Of it, holding prompts that may come again."},
        {"requests_running", "gauge", "Requests being computed."},
        {"requests_waiting", "gauge", "Requests in the queue."},
        {"requests_refused_total", "counter", "Requests refused because the queue was full."},
        {"requests_cancelled_total", "counter", "Requests cancelled."},
        {"engine_steps_total", "counter", "Steps of the engine."},
        {"tokens_guessed_total", "counter", "Tokens guessed from the prompt and tried."},
        {"tokens_accepted_total", "counter", "Of them, right."}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        TRY(head(b, rows[r].name, rows[r].kind, rows[r].help));
        for (size_t i = 0; i < n; i++) {
            const struct hearth_engine_stats *s = &v[i].stats;
            const uint64_t value[] = {v[i].memory.total, s->kv_bytes, s->kv_used, s->kv_remembered, s->running, s->waiting, s->refused, s->cancelled,
                                      s->steps, s->guessed_tokens, s->accepted_tokens};
            TRY(buf_printf(b, "hearth_%s{model=\"%s\"} %llu\n", rows[r].name, v[i].name, (unsigned long long)value[r]));
        }
    }
    return HEARTH_OK;
}

static enum hearth_status write_server(struct server *s, struct buf *b)
{
    struct server_counts c;
    server_counts(s, &c);
    TRY(head(b, "http_requests_total", "counter", "Requests answered, by class of status."));
    for (int i = 1; i < 6; i++) TRY(buf_printf(b, "hearth_http_requests_total{class=\"%dxx\"} %llu\n", i, (unsigned long long)c.status[i]));
    TRY(write_value(b, "http_exchanges_open", "gauge", "Requests that are not answered yet.", (double)c.open));
    TRY(write_value(b, "http_clients_gone_total", "counter", "Clients that left before their answer was whole.", (double)c.gone));
    return write_value(b, "http_sent_bytes_total", "counter", "Bytes of answers sent.", (double)c.put_bytes);
}

enum hearth_status metrics_write(struct server *s, struct buf *out)
{
    struct kept_view *v = NULL;
    size_t n = 0;
    TRY(write_server(s, out));
    TRY(write_answers(out));
    TRY(keeper_list(server_keeper(s), &v, &n));
    enum hearth_status st = write_value(out, "models_loaded", "gauge", "Models in memory.", (double)n);
    if (st == HEARTH_OK) st = write_models(out, v, n);
    keeper_views_free(v, n);
    return st;
}

/* cost.c - `hearth quantize --cost TEXT`: what types of a model lost against it, as a table, as JSON, as a page.
 *
 * Each type is written to a scratch file, opened, and the file's name taken away again.  As many as a quarter of the free memory holds
 * read the text together with the source, so that the source computes it once for all of them; the others in the next turn. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "account/html.h"
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/models.h"
#include "cmd/papers.h"
#include "work/cost.h"

struct row { const char *name; uint64_t bytes; double bits /* a weight */; struct cost c; struct cost_embedding e; };

struct run {
    const struct cost_ask *q;
    struct row *row;                 /* [n + 1], the source first */
    struct hearth_model **open;      /* [n + 1] */
    char *path, *text;               /* of the source; read */
    size_t len;
    double begun, drawn, seconds;
    int embeds;                      /* the source makes embeddings and no text: e is what counts */
    const volatile int *interrupted;
};

/* ---- measuring ---- */

static int on_window(void *user, size_t done, size_t all)
{
    struct run *r = user;
    double now = clock_seconds();
    char left[24];
    if (term_is(stderr) && (now - r->drawn > 0.2 || done == all)) {
        r->drawn = now;
        fprintf(stderr, "\r%s %zu of %zu, %s left\x1b[K", r->embeds ? "byte" : "window", done, all,
                show_seconds((now - r->begun) / (double)done * (double)(all - done), left));
        fflush(stderr);
    }
    return *r->interrupted;
}

static int open_row(struct run *r, size_t i, const char *path)
{
    const struct hearth_model_params p = {.threads = r->q->threads, .arithmetic = r->q->arithmetic};
    struct hearth_model_info info;
    int code = report(hearth_model_open(path, &p, &r->open[i]));
    if (code != EXIT_DONE) return code;
    hearth_model_describe(r->open[i], &info);
    if (i == 0) r->embeds = info.only_embeds;
    r->row[i].bytes = info.file_bytes;
    r->row[i].bits = 8 * (double)info.file_bytes / (double)info.parameters;
    return EXIT_DONE;
}

static int make_and_open(struct run *r, size_t i, const char *type)
{
    struct scratch s = {0};
    struct hearth_quantize_params p = *r->q->how;
    p.type = type;
    int code = scratch_make(&s, "cost");
    if (code == EXIT_DONE) code = quantize_quietly(r->path, &p, s.file);
    if (code == EXIT_DONE) code = open_row(r, i, s.file);
    scratch_remove(&s);
    return code;
}

static int open_next(struct run *r, size_t i)
{
    const char *type = r->q->files ? NULL : quantize_type(r->q->what[i - 1]);
    r->row[i].name = type ? type : r->q->what[i - 1];
    return type ? make_and_open(r, i, type) : open_row(r, i, r->q->what[i - 1]);
}

/* Opens rows from `from` on until they take a quarter of the free memory; *to is the first that is not open. */
static int open_some(struct run *r, size_t from, size_t *to)
{
    struct hearth_machine machine;
    uint64_t taken = 0;
    int code = report(hearth_machine_describe(&machine));
    for (*to = from; code == EXIT_DONE && *to <= r->q->n; taken += r->row[(*to)++].bytes) {
        if (*to > from && taken + taken / (*to - from) > machine.memory_available / 4) break;
        code = open_next(r, *to);
    }
    return code;
}

static enum hearth_status measure_lines(struct run *r, size_t from, size_t to)
{
    struct cost_embedding *out = xrealloc(NULL, to - from + 1, sizeof *out);
    enum hearth_status st = cost_embeddings(r->open[0], r->open + from, to - from, r->text, r->len, on_window, r, out);
    for (size_t i = from; st == HEARTH_OK && i < to; i++) r->row[i].e = out[i - from + 1];
    if (st == HEARTH_OK) r->row[0].e = out[0];
    free(out);
    return st;
}

static enum hearth_status measure_windows(struct run *r, size_t from, size_t to)
{
    struct cost *out = xrealloc(NULL, to - from + 1, sizeof *out);
    enum hearth_status st = cost_measure(r->open[0], r->open + from, to - from, r->text, r->len, (uint32_t)r->q->ctx, on_window, r, out);
    for (size_t i = from; st == HEARTH_OK && i < to; i++) r->row[i].c = out[i - from + 1];
    if (st == HEARTH_OK) r->row[0].c = out[0];
    free(out);
    return st;
}

static int measure(struct run *r, size_t from, size_t to)
{
    r->begun = clock_seconds(), r->drawn = 0;
    enum hearth_status st = (r->embeds ? measure_lines : measure_windows)(r, from, to);
    if (r->drawn > 0) fputs("\r\x1b[K", stderr);
    return report(st);
}

static int measure_all(struct run *r)
{
    int code = open_row(r, 0, r->path);
    for (size_t from = 1, to; code == EXIT_DONE && from <= r->q->n; from = to) {
        code = open_some(r, from, &to);
        if (code == EXIT_DONE) code = measure(r, from, to);
        for (size_t i = from; i <= r->q->n; i++) hearth_model_close(r->open[i]), r->open[i] = NULL;
    }
    return code;
}

/* ---- showing ---- */

static const char *const heads[] = {"type", "size", "bits", "perplexity", "+/-", "divergence", "99 %", "same top", NULL};
static const char *const line_heads[] = {"type", "size", "bits", "cosine", "least", NULL};

static void print_table(const struct run *r)
{
    struct table t = {.columns = 8, .right = "01111111"};
    char size[24];
    for (int i = 0; heads[i]; i++) table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; i <= r->q->n; i++) {
        const struct row *w = &r->row[i];
        table_cell(&t, "%s", w->name);
        table_cell(&t, "%s", show_bytes(w->bytes, size));
        table_cell(&t, "%.2f", w->bits);
        table_cell(&t, "%.4f", w->c.perplexity);
        table_cell(&t, "%.4f", w->c.perplexity * w->c.nll_error);
        table_cell(&t, "%.5f", w->c.divergence);
        table_cell(&t, "%.4f", w->c.divergence_99);
        table_cell(&t, "%.2f %%", 100 * w->c.same_top);
    }
    table_print(&t, stdout);
    printf("\n%zu tokens in %zu windows of %d. bits: of the file, for each weight. divergence: Kullback-Leibler from the source's next token, in "
           "nats: its mean, and what 99 %% of the tokens stay below. same top: where the most likely token is the source's.\n",
           r->row[0].c.tokens, r->row[0].c.windows, r->q->ctx);
}

static void print_lines(const struct run *r)
{
    struct table t = {.columns = 5, .right = "01111"};
    char size[24];
    for (int i = 0; line_heads[i]; i++) table_cell(&t, "%s", line_heads[i]);
    for (size_t i = 0; i <= r->q->n; i++) {
        table_cell(&t, "%s", r->row[i].name);
        table_cell(&t, "%s", show_bytes(r->row[i].bytes, size));
        table_cell(&t, "%.2f", r->row[i].bits);
        table_cell(&t, "%.6f", r->row[i].e.cosine);
        table_cell(&t, "%.6f", r->row[i].e.cosine_least);
    }
    table_print(&t, stdout);
    printf("\n%zu lines, %zu tokens. bits: of the file, for each weight. cosine: between the source's embedding of a line and this one's, the "
           "mean and the least.\n", r->row[0].e.lines, r->row[0].e.tokens);
}

static int print_lines_json(const struct run *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i <= r->q->n; i++) {
        const struct row *w = &r->row[i];
        json_array_append_new(rows, json_pack("{s:o, s:I, s:f, s:f, s:f}", "type", json_text(w->name, strlen(w->name)), "bytes",
                                              (json_int_t)w->bytes, "bits_per_weight", w->bits, "cosine", w->e.cosine, "cosine_least",
                                              w->e.cosine_least));
    }
    return json_print(json_pack("{s:o, s:o, s:I, s:I, s:s, s:o, s:f}", "model", json_text(r->q->model, strlen(r->q->model)), "text",
                                json_text(r->q->text, strlen(r->q->text)), "lines", (json_int_t)r->row[0].e.lines, "tokens",
                                (json_int_t)r->row[0].e.tokens, "arithmetic", r->q->arithmetic ? "float" : "quant", "rows", rows, "seconds",
                                r->seconds));
}

static int print_json(const struct run *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i <= r->q->n; i++) {
        const struct row *w = &r->row[i];
        json_array_append_new(rows, json_pack("{s:o, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "type", json_text(w->name, strlen(w->name)),
                                              "bytes", (json_int_t)w->bytes, "bits_per_weight", w->bits, "perplexity", w->c.perplexity,
                                              "perplexity_error", w->c.perplexity * w->c.nll_error, "divergence", w->c.divergence,
                                              "divergence_99", w->c.divergence_99, "divergence_most", w->c.divergence_most, "same_top",
                                              w->c.same_top));
    }
    return json_print(json_pack("{s:o, s:o, s:I, s:I, s:i, s:s, s:o, s:f}", "model", json_text(r->q->model, strlen(r->q->model)), "text",
                                json_text(r->q->text, strlen(r->q->text)), "tokens", (json_int_t)r->row[0].c.tokens, "windows",
                                (json_int_t)r->row[0].c.windows, "ctx", r->q->ctx, "arithmetic", r->q->arithmetic ? "float" : "quant", "rows",
                                rows, "seconds", r->seconds));
}

static void page_table(struct html *h, const struct run *r)
{
    char size[24];
    html_table(h, "What each type cost", "01111111", heads);
    for (size_t i = 0; i <= r->q->n; i++) {
        const struct row *w = &r->row[i];
        html_cell(h, 0, "%s", w->name);
        html_cell(h, 0, "%s", show_bytes(w->bytes, size));
        html_cell(h, 0, "%.2f", w->bits);
        html_cell(h, 0, "%.4f", w->c.perplexity);
        html_cell(h, 0, "%.4f", w->c.perplexity * w->c.nll_error);
        html_cell(h, 0, "%.5f", w->c.divergence);
        html_cell(h, 0, "%.4f", w->c.divergence_99);
        html_cell(h, 0, "%.2f %%", 100 * w->c.same_top);
    }
    html_table_end(h);
}

static void page_lines(struct html *h, const struct run *r)
{
    char size[24];
    html_table(h, "What each type cost", "01111", line_heads);
    for (size_t i = 0; i <= r->q->n; i++) {
        html_cell(h, 0, "%s", r->row[i].name);
        html_cell(h, 0, "%s", show_bytes(r->row[i].bytes, size));
        html_cell(h, 0, "%.2f", r->row[i].bits);
        html_cell(h, 0, "%.6f", r->row[i].e.cosine);
        html_cell(h, 0, "%.6f", r->row[i].e.cosine_least);
    }
    html_table_end(h);
    html_para(h, "note", "Cosine: between the source's embedding of a line and the smaller model's, of %zu lines of %s: the mean and the least. "
              "It says nothing about whether the source is right.", r->row[0].e.lines, r->q->text);
}

static void page_bars(struct html *h, const struct run *r, const char *title, int bytes)
{
    size_t n = r->q->n + (bytes != 0);
    struct html_bar *bar = xrealloc(NULL, n, sizeof *bar);
    char (*text)[24] = xrealloc(NULL, n, sizeof *text);
    for (size_t i = 0; i < n; i++) {
        const struct row *w = &r->row[bytes ? i : i + 1];
        if (bytes) show_bytes(w->bytes, text[i]);
        else snprintf(text[i], sizeof text[i], "%.5f", w->c.divergence);
        bar[i] = (struct html_bar){.label = w->name, .text = text[i], .value = bytes ? (double)w->bytes : w->c.divergence,
                                   .quiet = w == r->row};
    }
    html_bars(h, title, bar, n);
    free(bar);
    free(text);
}

static void page_windows(struct html *h, const struct run *r)
{
    html_para(h, NULL, "%zu tokens of %s in %zu windows of %d, arithmetic %s.", r->row[0].c.tokens, r->q->text, r->row[0].c.windows, r->q->ctx,
              r->q->arithmetic ? "float" : "quant");
    page_table(h, r);
    page_bars(h, r, "Divergence from the source, in nats a token", 0);
    html_para(h, "note", "Divergence is Kullback and Leibler's, from the source's distribution of the next token to the smaller model's; 99 %%: what "
              "so many of the tokens stay below. Same top: how often the most likely token is the source's. It says nothing about whether the "
              "source is right.");
}

static int write_page(const struct run *r)
{
    struct html h = {0};
    char *text = NULL;
    size_t n;
    html_begin(&h, "What quantising cost", r->q->model);
    if (r->embeds) page_lines(&h, r);
    else page_windows(&h, r);
    page_bars(&h, r, "Bytes of the file", 1);
    int code = report(html_end(&h, &text, &n));
    if (code == EXIT_DONE) code = papers_save(r->q->html, text, n);
    free(text);
    return code;
}

/* ---- the command's part ---- */

static int show(const struct run *r)
{
    int code = EXIT_DONE;
    if (r->q->html) code = write_page(r);
    if (code == EXIT_DONE && r->q->json) return (r->embeds ? print_lines_json : print_json)(r);
    if (code == EXIT_DONE) (r->embeds ? print_lines : print_table)(r);
    return code;
}

int cost_show(const struct cost_ask *q)
{
    struct run r = {.q = q, .interrupted = interrupt_watch()};
    double begun = clock_seconds();
    r.row = xrealloc(NULL, q->n + 1, sizeof *r.row);
    r.open = xrealloc(NULL, q->n + 1, sizeof(struct hearth_model *));
    memset(r.row, 0, (q->n + 1) * sizeof *r.row);
    memset(r.open, 0, (q->n + 1) * sizeof(struct hearth_model *));
    r.row[0].name = "source";
    int code = model_find(q->model, MODEL_TO_CHANGE, &r.path);
    if (code == EXIT_DONE) code = input_file(q->text, &r.text, &r.len);
    if (code == EXIT_DONE) code = input_check(q->text, r.text, r.len);
    if (code == EXIT_DONE) code = measure_all(&r);
    r.seconds = clock_seconds() - begun;
    if (code == EXIT_DONE) code = show(&r);
    for (size_t i = 0; i <= q->n; i++) hearth_model_close(r.open[i]);
    free(r.row), free(r.open), free(r.path), free(r.text);
    return code;
}

/* perplexity.c - `hearth perplexity MODEL FILE`: how surprised a model is by a text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/models.h"

static int want_json, ctx = 512, threads, arithmetic;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};
static const struct opt options[] = {
    {"ctx", 0, OPT_INT, "N",
     "tokens of a window, of which the second half is scored (default 512)", &ctx, 8, 1 << 20, 0, 0},
    {"threads", 0, OPT_INT, "N",
     "threads (default: the cores this process may use); never changes the number", &threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND",
     "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

struct work { double begun, drawn; int terminal; const volatile int *interrupted; };

static int on_window(void *user, size_t window, size_t windows, double ppl)
{
    struct work *w = user;
    double now = clock_seconds();
    char left[24];
    if (w->terminal && (now - w->drawn > 0.2 || window == windows) && window > 0) {
        w->drawn = now;
        fprintf(stderr, "\rwindow %zu of %zu, perplexity so far %.4f, %s left\x1b[K", window, windows, ppl,
                show_seconds((now - w->begun) / (double)window * (double)(windows - window), left));
        fflush(stderr);
    }
    return *w->interrupted;
}

static int print(const char *name, const struct hearth_perplexity_result *r, double seconds)
{
    if (want_json)
        return json_print(json_pack("{s:o, s:f, s:f, s:f, s:I, s:I, s:i, s:s, s:f}", "model", json_text(name, strlen(name)),
                                    "perplexity", r->perplexity, "nll_mean", r->nll_mean, "nll_error", r->nll_error,
                                    "tokens", (json_int_t)r->tokens, "windows", (json_int_t)r->windows, "ctx", ctx,
                                    "arithmetic", arithmetic_names[arithmetic], "seconds", seconds));
    printf("perplexity %.4f +/- %.4f over %zu tokens in %zu windows of %d\n", r->perplexity,
           r->perplexity * r->nll_error, r->tokens, r->windows, ctx);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    struct hearth_perplexity_result r;
    struct hearth_model *m = NULL;
    struct work w = {.terminal = term_is(stderr), .interrupted = interrupt_watch()};
    char *text;
    size_t n;
    (void)argc;
    int code = input_file(argv[1], &text, &n);
    if (code != EXIT_DONE) return code;
    code = input_check(strcmp(argv[1], "-") == 0 ? "standard input" : argv[1], text, n);
    if (code == EXIT_DONE && (code = model_open(argv[0], &params, MODEL_TO_MEASURE, &m)) == EXIT_DONE) {
        w.begun = clock_seconds();
        enum hearth_status st = hearth_perplexity(m, text, n, (uint32_t)ctx, on_window, &w, &r);
        if (w.drawn > 0) fputs("\r\x1b[K", stderr);
        code = report(st);
        if (code == EXIT_DONE) code = print(argv[0], &r, clock_seconds() - w.begun);
    }
    hearth_model_close(m);
    free(text);
    return code;
}

const struct command cmd_perplexity = {
    .name = "perplexity", .group = GROUP_MEASURE, .summary = "score how well a model predicts a text", .args = "MODEL FILE",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Cuts the text into windows of --ctx tokens and scores the second half of each, given the first, as llama.cpp's "
             "tool does, so that the numbers can be compared. Lower is better; numbers of models with different "
             "vocabularies cannot be compared. FILE may be - for standard input.",
    .examples = "hearth perplexity smollm2 book.txt --ctx 512\n",
    .options = options, .run = run,
};

/* imatrix.c - `hearth imatrix MODEL TEXT... -o FILE`: what comes into each matrix, for `hearth quantize --imatrix`. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/models.h"
#include "cmd/places.h"

static const char *out;
static int force, ctx = 512, threads, arithmetic;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};
static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the importance matrix goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of a window (default 512)", &ctx, 8, 1 << 20, 0, 0},
    {"threads", 0, OPT_INT, "N",
     "threads (default: the cores this process may use); never changes the file", &threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND",
     "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {0},
};

struct work { double begun, drawn; int terminal; const volatile int *interrupted; };

static int on_tokens(void *user, size_t done, size_t total)
{
    struct work *w = user;
    double now = clock_seconds();
    char left[24];
    if (w->terminal && done > 0 && (now - w->drawn > 0.2 || done == total)) {
        w->drawn = now;
        fprintf(stderr, "\r%zu of %zu tokens, %s left\x1b[K", done, total,
                show_seconds((now - w->begun) / (double)done * (double)(total - done), left));
        fflush(stderr);
    }
    return *w->interrupted;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int read_texts(char **paths, struct hearth_text *texts, char **held, int n)
{
    for (int i = 0; i < n; i++) {
        const char *name = strcmp(paths[i], "-") == 0 ? "standard input" : base_name(paths[i]);
        int code = input_file(paths[i], &held[i], &texts[i].len);
        if (code == EXIT_DONE) code = input_check(paths[i], held[i], texts[i].len);
        if (code != EXIT_DONE) return code;
        texts[i].name = name, texts[i].text = held[i];
    }
    return EXIT_DONE;
}

static int collect(const char *model, const struct hearth_text *texts, int n)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    struct hearth_imatrix_result r;
    struct hearth_model *m = NULL;
    struct work w = {.terminal = term_is(stderr), .interrupted = interrupt_watch()};
    int code = model_open(model, &params, MODEL_TO_CHANGE, &m);
    if (code != EXIT_DONE) return code;
    w.begun = clock_seconds();
    enum hearth_status st = hearth_imatrix(m, texts, (size_t)n, (uint32_t)ctx, out, on_tokens, &w, &r);
    if (w.drawn > 0) fputs("\r\x1b[K", stderr);
    code = report(st);
    if (code == EXIT_DONE) {
        if (r.idle) complain("no token came to %zu of the %zu matrices, all of them experts; --imatrix tells nothing about those, and a "
                             "longer text may", r.idle, r.matrices);
        note("%s: %zu matrices, %zu tokens in %zu windows", out, r.matrices, r.tokens, r.windows);
    }
    hearth_model_close(m);
    return code;
}

static int check_place(int argc, char **argv)
{
    struct places p = {0};
    place_in_model(&p, argv[0]);
    for (int i = 1; i < argc; i++) place_in(&p, argv[i]);
    place_out(&p, out);
    return places_check(&p, force);
}

static int run(int argc, char **argv)
{
    int n = argc - 1;
    if (!out) return usage("imatrix needs a place for the new file: -o FILE");
    int code = check_place(argc, argv);
    if (code != EXIT_DONE) return code;
    struct hearth_text *texts = xrealloc(NULL, (size_t)n, sizeof *texts);
    char **held = xrealloc(NULL, (size_t)n, sizeof *held);
    memset(held, 0, (size_t)n * sizeof *held);
    code = read_texts(argv + 1, texts, held, n);
    if (code == EXIT_DONE) code = collect(argv[0], texts, n);
    for (int i = 0; i < n; i++) free(held[i]);
    free(held);
    free(texts);
    return code;
}

const struct command cmd_imatrix = {
    .name = "imatrix", .group = GROUP_MEASURE, .summary = "measure which weights matter, for quantize", .args = "MODEL TEXT...",
    .min_args = 2, .max_args = -1, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Lets the model read some text and writes for every column of its matrices the mean of the squares that came in there: an "
             "importance matrix. `hearth quantize --imatrix FILE` spends a type's levels where they matter by it. Take a text like what the "
             "model will be used for, in its languages; some tens of thousands of tokens are enough. The file is a GGUF as llama.cpp's "
             "imatrix tool writes it, and each program reads the other's.\n\n"
             "TEXT may be - for standard input. The same model, texts and --arithmetic give the same file, byte for byte, on any machine "
             "and with any number of threads.",
    .examples = "hearth imatrix ./model-f16.gguf book.txt letters.txt -o model.imatrix.gguf\n"
                "hearth quantize ./model-f16.gguf Q4_K_M --imatrix model.imatrix.gguf -o model-q4_k_m.gguf\n",
    .options = options, .run = run,
};

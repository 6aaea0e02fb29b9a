/* embed.c - `hearth embed MODEL [FILE]`: a vector for each line of a text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/models.h"

static int raw, cut, threads, arithmetic, ctx, dimensions;
static const char *prompt, *prefix, *similar;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};
static const struct opt options[] = {
    {"raw", 0, OPT_FLAG, 0, "write the numbers themselves, float32, little-endian, vector after vector, and nothing else", &raw, 0, 0, 0, 0},
    {"prompt-name", 0, OPT_TEXT, "NAME", "put a prompt of the model before each line: query, document ... (`hearth show MODEL` lists them)", &prompt,
     0, 0, 0, 0},
    {"prefix", 0, OPT_TEXT, "TEXT", "put TEXT before each line instead of a prompt", &prefix, 0, 0, 0, 0},
    {"similarity", 0, OPT_TEXT, "TEXT", "print how near each line is to TEXT, the cosine of their vectors, instead of vectors", &similar, 0, 0, 0, 0},
    {"dimensions", 0, OPT_INT, "N", "only the first N numbers of a vector, scaled to length 1 again", &dimensions, 1, 1 << 24, 0, 0},
    {"truncate", 0, OPT_FLAG, 0, "leave out the end of a line that is too long for the model (otherwise it is refused)", &cut, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of a line at most (default: as many as the model takes, at most 4096)", &ctx, 1, 1 << 16, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a number", &threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND", "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {0},
};

struct work { struct hearth_model *m; struct hearth_embedder *e; size_t width, kept, left_out; float *v, *query; };

/* The first numbers of a vector, of length 1 again. */
static void shorten(const struct work *w, float *v)
{
    double sum = 0;
    if (w->kept == w->width) return;
    for (size_t i = 0; i < w->kept; i++) sum += (double)v[i] * (double)v[i];
    for (size_t i = 0; i < w->kept && sum > 0; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

static enum hearth_status embed(struct work *w, const char *text, size_t len, size_t *tokens, float *out)
{
    struct hearth_embed_text t = {text, len, prompt, prefix, cut ? hearth_embedder_context(w->e) : 0};
    int32_t *ids;
    size_t left_out;
    enum hearth_status st = hearth_embed_tokenize(w->m, &t, &ids, tokens, &left_out);
    if (st != HEARTH_OK) return st;
    w->left_out += left_out > 0;
    st = hearth_embedder_run(w->e, ids, *tokens, out);
    hearth_free(ids);
    if (st == HEARTH_OK) shorten(w, out);
    return st;
}

static void print_raw(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, v + i, sizeof u);
        const unsigned char b[4] = {(unsigned char)u, (unsigned char)(u >> 8), (unsigned char)(u >> 16), (unsigned char)(u >> 24)};
        fwrite(b, 1, sizeof b, stdout);
    }
}

static void print(const struct work *w, size_t line, size_t tokens)
{
    if (raw) {
        print_raw(w->v, w->kept);
    } else if (similar) {
        printf("{\"line\":%zu,\"tokens\":%zu,\"similarity\":%.7g}\n", line, tokens, hearth_cosine(w->query, w->v, w->kept));
    } else {
        printf("{\"line\":%zu,\"tokens\":%zu,\"embedding\":[", line, tokens);
        for (size_t i = 0; i < w->kept; i++) printf("%s%.9g", i ? "," : "", (double)w->v[i]);   /* enough digits for the very float */
        puts("]}");
    }
}

static int each_line(struct work *w, const char *text, size_t n)
{
    const volatile int *interrupted = interrupt_watch();
    size_t line = 0, tokens;
    for (const char *at = text, *end = text + n; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        if (*interrupted) return EXIT_INTERRUPTED;
        if (len && at[len - 1] == '\r') len--;
        enum hearth_status st = embed(w, at, len, &tokens, w->v);
        if (st != HEARTH_OK) {
            complain("line %zu: %s%s", line + 1, hearth_errmsg(), st == HEARTH_ECONTEXT ? "; --truncate leaves its end out" : "");
            return EXIT_FAILED;
        }
        print(w, line + 1, tokens);
        at = stop ? stop + 1 : end;
    }
    if (w->left_out) note("%zu of %zu lines were cut to %zu tokens", w->left_out, line, hearth_embedder_context(w->e));
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int work(struct work *w, const char *text, size_t n)
{
    struct hearth_model_info info;
    size_t tokens;
    int code = report(hearth_embedder_open(w->m, (uint32_t)ctx, &w->e));
    if (code != EXIT_DONE) return code;
    hearth_model_describe(w->m, &info);
    w->width = info.embedding, w->kept = dimensions ? (size_t)dimensions : w->width;
    if (w->kept > w->width) return usage("--dimensions: %d, but vectors of this model have %zu numbers", dimensions, w->width);
    w->v = xrealloc(NULL, w->width, sizeof *w->v);
    w->query = xrealloc(NULL, w->width, sizeof *w->query);
    if (similar && (code = report(embed(w, similar, strlen(similar), &tokens, w->query))) != EXIT_DONE) return code;
    return each_line(w, text, n);
}

static int run(int argc, char **argv)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    struct work w = {0};
    const char *file = argc > 1 ? argv[1] : "-";
    char *text;
    size_t n;
    if (prompt && prefix) return usage("--prompt-name and --prefix: one of the two");
    if (raw && similar) return usage("--raw and --similarity: one of the two");
    int code = input_file(file, &text, &n);
    if (code != EXIT_DONE) return code;
    code = input_check(strcmp(file, "-") == 0 ? "standard input" : file, text, n);
    if (code == EXIT_DONE) code = model_open(argv[0], &params, MODEL_TO_EMBED, &w.m);
    if (code == EXIT_DONE) code = work(&w, text, n);
    hearth_embedder_close(w.e);
    hearth_model_close(w.m);
    free(w.v), free(w.query), free(text);
    return code;
}

const struct command cmd_embed = {
    .name = "embed", .group = GROUP_TALK, .summary = "turn each line of a text into a vector of its meaning", .args = "MODEL [FILE]",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Prints a JSON object for each line of FILE, or of standard input: {\"line\", \"tokens\", \"embedding\"}. Lines that mean "
             "much the same have vectors that point much the same way, whatever their words and, with a multilingual model, their "
             "language.\n\n"
             "Made for it are minilm and embeddinggemma; of a model that answers, the mean of its last hidden states is taken. A model's "
             "own prompts (--prompt-name) are what it was taught to expect: embeddinggemma has query for what is looked for and document "
             "for what is looked through.",
    .examples = "hearth embed minilm lines.txt > vectors.jsonl\n"
                "hearth embed embeddinggemma --prompt-name document --raw < lines.txt > vectors.f32\n"
                "hearth embed minilm lines.txt --similarity \"Where is the clinic?\"\n",
    .options = options, .run = run,
};

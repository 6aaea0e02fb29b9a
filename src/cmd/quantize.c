/* quantize.c - `hearth quantize MODEL TYPE -o FILE`: the same model in another tensor type. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/models.h"
#include "cmd/places.h"

static const char *out, *imatrix, *cost_text, *compare, *html;
static struct opt_list tensors;
static int force, want_json, ctx = 512, threads, arithmetic;

static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"imatrix", 0, OPT_TEXT, "FILE", "spend the levels where they matter, by what `hearth imatrix` or llama.cpp's tool wrote", &imatrix,
     0, 0, 0, 0},
    {"tensor", 0, OPT_LIST, "NAMES=TYPE",
     "another type for the matrices whose names fit, as in 'blk.*.ffn_down=Q6_K'; may be given more than once, the first that fits decides",
     &tensors, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE, and the page, when they are there", &force, 0, 0, 0, 0},
    {"cost", 0, OPT_TEXT, "TEXT", "show what it cost: bytes, perplexity, divergence from MODEL, same top tokens, over this text", &cost_text,
     0, 0, 0, 0},
    {"compare", 0, OPT_TEXT, "TYPES",
     "with --cost, instead of TYPE: what each of these would cost, as in q8_0,q4_k_m,other.gguf; nothing is kept", &compare, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "with --cost: print one JSON object", &want_json, 0, 0, 0, 0},
    {"html", 0, OPT_TEXT, "FILE", "with --cost: write a page with pictures too", &html, 0, 0, 0, 0},
    {"ctx", 0, OPT_INT, "N", "with --cost: tokens of a window, of which the second half is scored (default 512)", &ctx, 8, 1 << 20, 0, 0},
    {"threads", 0, OPT_INT, "N", "with --cost: threads (default: the cores this process may use); never changes a figure", &threads, 1, 1024,
     0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND", "with --cost: quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0,
     arithmetic_names, 0},
    {0},
};

/* Types, then mixes. */
static const char *type_at(void *user, size_t i)
{
    size_t types = 0;
    (void)user;
    while (hearth_quantize_type(types)) types++;
    return i < types ? hearth_quantize_type(i) : hearth_quantize_mix(i - types, NULL);
}

/* "q4_k_m" -> "Q4_K_M"; NULL when this build cannot write it. */
const char *quantize_type(const char *word)
{
    const char *t;
    for (size_t i = 0; (t = type_at(NULL, i)); i++) if (strcasecmp(t, word) == 0) return t;
    return NULL;
}

int quantize_no_type(const char *word)
{
    const char *near = nearest(word, type_at, NULL), *t;
    char all[512] = "";
    if (near) return usage("\"%s\" is not a tensor type; did you mean %s?", word, near);
    for (size_t i = 0, n = 0; (t = type_at(NULL, i)) && n < sizeof all; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", t);
    return usage("\"%s\" is not a tensor type; they are %s", word, all);
}

static void on_note(void *user, const char *sentence)
{
    (void)user;
    complain("%s", sentence);
}

int quantize_quietly(const char *path, const struct hearth_quantize_params *how, const char *file)
{
    struct progress_watch w = {.interrupted = interrupt_watch()};
    struct hearth_quantize_params p = *how;
    p.progress = progress_watched, p.user = &w;
    progress_start(&w.bar, p.type, 0, 0);
    int code = report(hearth_quantize_with(path, file, &p));
    progress_end(&w.bar);
    return code;
}

int quantize_write(const char *command, const char *model, const struct hearth_quantize_params *how, const char *what, const char *file,
                   int replace)
{
    char *path = NULL, bytes[24];
    struct progress_watch w = {.interrupted = interrupt_watch()};
    struct hearth_quantize_params p = *how;
    struct places places = {0};
    struct stat s;
    int code;
    if (!file) return usage("%s needs a place for the new file: -o FILE", command);
    if ((code = model_find(model, MODEL_TO_CHANGE, &path)) != EXIT_DONE) return code;
    place_in_model(&places, path), place_in(&places, how->imatrix), place_in(&places, cost_text), place_out(&places, file), place_out(&places, html);
    if ((code = places_check(&places, replace)) != EXIT_DONE) {
        free(path);
        return code;
    }
    p.progress = progress_watched, p.note = on_note, p.user = &w;
    progress_start(&w.bar, what, 0, 0);
    code = report(hearth_quantize_with(path, file, &p));
    progress_end(&w.bar);
    if (code == EXIT_DONE && stat(file, &s) == 0) note("%s: %s", file, show_bytes((uint64_t)s.st_size, bytes));
    free(path);
    return code;
}

/* "q8_0,q4_k_m,other.gguf": the words, in a copy that is cut at its commas. */
static int split(char *words, const char **what, size_t most, size_t *n)
{
    char *save = NULL;
    *n = 0;
    for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (*n == most) return usage("--compare: more than %zu types", most);
        if (!quantize_type(w) && !strchr(w, '/') && !strchr(w, '.')) return quantize_no_type(w);
        if (!quantize_type(w) && access(w, R_OK) != 0) {
            complain("%s: %s", w, strerror(errno));
            return EXIT_FAILED;
        }
        what[(*n)++] = w;
    }
    return *n ? EXIT_DONE : usage("--compare needs types, as in q8_0,q4_k_m");
}

static int compare_types(const char *model, const struct hearth_quantize_params *p)
{
    struct places places = {0};
    const char *what[64];
    char *words = xstrdup(compare);
    struct cost_ask q = {.model = model, .text = cost_text, .what = what, .how = p, .ctx = ctx, .threads = threads, .arithmetic = arithmetic,
                         .json = want_json, .html = html};
    int code = split(words, what, 64, &q.n);
    place_in_model(&places, model), place_in(&places, imatrix), place_in(&places, cost_text), place_out(&places, html);
    for (size_t i = 0; i < q.n; i++) place_in(&places, what[i]);
    if (code == EXIT_DONE) code = places_check(&places, force);
    if (code == EXIT_DONE) code = cost_show(&q);
    free(words);
    return code;
}

static int run(int argc, char **argv)
{
    struct hearth_quantize_params p = {.imatrix = imatrix, .tensors = tensors.item, .n_tensors = tensors.n};
    if (compare && (argc > 1 || out)) return usage("--compare writes nothing: it takes neither TYPE nor -o");
    if (!compare && argc < 2) return usage("quantize needs a TYPE, or --compare TYPES --cost TEXT; `hearth quantize --help`");
    if (!cost_text && (compare || want_json || html)) return usage("--compare, --json and --html show a cost: --cost TEXT says over which text");
    if (cost_text && strcmp(cost_text, "-") != 0 && access(cost_text, R_OK) != 0) {
        complain("%s: %s", cost_text, strerror(errno));
        return EXIT_FAILED;
    }
    if (compare) return compare_types(argv[0], &p);
    if (!(p.type = quantize_type(argv[1]))) return quantize_no_type(argv[1]);
    int code = quantize_write("quantize", argv[0], &p, p.type, out, force);
    struct cost_ask q = {.model = argv[0], .text = cost_text, .what = &out, .n = 1, .files = 1, .how = &p, .ctx = ctx, .threads = threads,
                         .arithmetic = arithmetic, .json = want_json, .html = html};
    return code == EXIT_DONE && cost_text ? cost_show(&q) : code;
}

const struct command cmd_quantize = {
    .name = "quantize", .group = GROUP_MEASURE, .summary = "write a model in another tensor type", .args = "MODEL [TYPE]",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Writes a GGUF file in which every matrix has the given type: F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q4_0 and "
             "so on. Norms and other vectors stay in 32 bits. A smaller type is faster and less exact; what was lost by an "
             "earlier quantisation does not come back.\n\n"
             "TYPE may also be a mix, as llama.cpp has them, in which the matrices that suffer most get a larger type: Q2_K_S, Q2_K_M (what "
             "llama.cpp calls Q2_K), Q3_K_S, Q3_K_M, Q3_K_L, Q4_K_S, Q4_K_M, Q5_K_S, Q5_K_M. Where a type's blocks do not divide a "
             "matrix' rows, the next type that does is taken, and that is said.\n\n"
             "With --imatrix an error counts by what comes in through its column (`hearth imatrix`), which costs time and no byte; it "
             "helps the more the smaller the type is, and does nothing for Q8_0 and larger.\n\n"
             "With --cost what was lost is counted over a text that --imatrix was not made from: MODEL and the new file read it side by side. "
             "--compare does so for several types at once, and for files that are there already. Of a model that makes embeddings, each line of "
             "the text is embedded by both, and what is shown is the cosine of the two: its mean and the least.",
    .examples = "hearth quantize ./model-f16.gguf Q4_K_M -o model-q4_k_m.gguf\n"
                "hearth quantize ./model-f16.gguf Q3_K_M --imatrix model.imatrix.gguf -o model-q3_k_m.gguf\n"
                "hearth quantize ./model-f16.gguf Q4_K --tensor 'blk.*.ffn_down=Q6_K' -o model-mine.gguf\n"
                "hearth quantize ./model-f16.gguf --compare q8_0,q5_k_m,q4_k_m,q3_k_m --cost book.txt\n",
    .options = options, .run = run,
};

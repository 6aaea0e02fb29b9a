/* classify.c - `hearth classify MODEL [--adapter X]`: a text a line in, its label out. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/jsontext.h"
#include "base/utf8.h"
#include "cmd/input.h"
#include "cmd/models.h"
#include "work/classify.h"
#include "work/dataset.h"

static const char *adapter, *check, *columns;
static int threads, arithmetic, want_json, private_, plain;
static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};

static const struct opt options[] = {
    {"adapter", 0, OPT_TEXT, "FOLDER", "what `hearth tune` made of texts with labels; not needed where it was merged into the model", &adapter, 0, 0, 0, 0},
    {"check", 0, OPT_TEXT, "DATA", "texts with their labels: say how many are right", &check, 0, 0, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which column of DATA or of a table is what: text=NAME,label=NAME", &columns, 0, 0, 0, 0},
    {"plain", 0, OPT_FLAG, 0, "without the model's chat template, where it was tuned so", &plain, 0, 0, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND", "quant or float, as in `hearth run` (default quant)", &arithmetic, 0, 0, arithmetic_names, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes the answer", &threads, 1, 1024, 0, 0},
    {"private", 0, OPT_FLAG, 0, "keep no transcript of texts and labels: the receipt has counts and digests only", &private_, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "a JSON object a line", &want_json, 0, 0, 0, 0},
    {0},
};

static int print_line(json_t *v)
{
    char *text = jsontext_dump(v);
    json_decref(v);
    if (!text) return report(HEARTH_ENOMEM);
    term_printf(stdout, "%s\n", text);
    free(text);
    return EXIT_DONE;
}

/* "LABEL<tab>0.9731", or {"text", "label", "probability"}. */
static int answer(const char *text, const char *label, double p)
{
    if (want_json) return print_line(json_pack("{s:o, s:s, s:f}", "text", json_text(text, strlen(text)), "label", label, "probability", p));
    char *line = xstrdup(label);
    for (char *c = line; *c; c++) if ((unsigned char)*c < ' ' || *c == 0x7f) *c = ' ';        /* a tab or new line would part what is one */
    term_write(stdout, line, strlen(line));
    printf("\t%.4f\n", p);
    free(line);
    return EXIT_DONE;
}

/* Lines of the output are those of the input, the empty ones too. */
static int no_answer(void)
{
    if (want_json) return print_line(json_pack("{s:s, s:n, s:n}", "text", "", "label", "probability"));
    putchar('\n');
    return EXIT_DONE;
}

/* ---- the receipt of a call ---- */

struct said { json_t *texts; struct buf labels; };

static void keep(struct said *s, const char *text, const char *label, double p)
{
    json_array_append_new(s->texts, json_pack("{s:s, s:o}", "role", "user", "content", json_text(text, strlen(text))));
    buf_printf(&s->labels, "%s\t%.4f\n", label, p);
}

/* A receipt that cannot be written is told of and changes nothing: the labels were printed. */
static void record(const struct classifier *c, const char *model, const struct said *s, const struct footprint *f)
{
    struct classify_said said = {.name = model, .texts = s->texts, .labels = s->labels.data ? s->labels.data : "", .footprint = f, .keep = !private_};
    struct classify_noted noted;
    if (!json_array_size(s->texts)) return;
    classify_says(c, &said);
    if (classify_record(&said, &noted) != HEARTH_OK) complain("no receipt was made of these labels: %s", hearth_errmsg());
    else note("receipt %llu%s", (unsigned long long)noted.number, noted.days ? "" : ", no transcript");
}

struct labelling { struct classifier *c; struct said *said; float *share; const volatile int *interrupted; int code; };

static int one(struct labelling *l, const char *text)
{
    uint32_t n, best;
    const char *const *label = classify_labels(l->c, &n);
    if (!*text) return no_answer();
    int code = report(classify_text(l->c, text, l->share, &best));
    if (code == EXIT_DONE) code = answer(text, label[best], (double)l->share[best]);
    if (code == EXIT_DONE) keep(l->said, text, label[best], (double)l->share[best]);
    return code;
}

/* Half a file of labels would help nobody. */
static int check_utf8(const char *file, const char *text, size_t n)
{
    size_t bad, line = 1;
    if (utf8_valid(text, n, &bad)) return EXIT_DONE;
    for (size_t i = 0; i < bad; i++) line += text[i] == '\n';
    complain("%s: line %zu: byte 0x%02x is not UTF-8; write it anew: iconv -f WINDOWS-1252 -t UTF-8 FILE > COPY", strcmp(file, "-") == 0 ? "standard input" : file, line,
             (unsigned char)text[bad]);
    return EXIT_FAILED;
}

static int each_line(struct labelling *l, const char *file)
{
    char *text = NULL;
    size_t size;
    int code = input_file(file, &text, &size);
    if (code == EXIT_DONE) code = check_utf8(file, text, size);
    if (code == EXIT_DONE) code = input_check(file, text, size);
    for (char *line = text; code == EXIT_DONE && line && line < text + size && !*l->interrupted;) {
        char *end = strchr(line, '\n');
        if (end) *end = 0;
        size_t long_ = strlen(line);
        if (long_ && line[long_ - 1] == '\r') line[long_ - 1] = 0;
        code = one(l, line);
        line = end ? end + 1 : text + size;
    }
    free(text);
    return code;
}

static enum hearth_status on_example(void *user, const struct example *e)
{
    struct labelling *l = user;
    if (!e->text) return fail(HEARTH_EUSAGE, "%s: conversations have no text to be labelled", e->file);
    l->code = *l->interrupted ? EXIT_INTERRUPTED : one(l, e->text);
    return l->code == EXIT_DONE ? HEARTH_OK : HEARTH_ECANCELLED;
}

/* A table or examples: the texts of their column, a line of output each. */
static int each_example(struct labelling *l, const char *file)
{
    struct dataset_options o = {.columns = columns, .empty = 2};
    enum hearth_status st = dataset_each(file, &o, on_example, l, NULL);
    return l->code != EXIT_DONE ? l->code : report(st);
}

static int label_all(struct classifier *c, struct said *said, const char *file)
{
    struct labelling l = {.c = c, .said = said, .interrupted = interrupt_watch()};
    uint32_t n;
    (void)classify_labels(c, &n);
    l.share = xrealloc(NULL, n, sizeof *l.share);
    int code = dataset_is_records(file) ? each_example(&l, file) : each_line(&l, file);
    free(l.share);
    return code == EXIT_DONE && *l.interrupted ? EXIT_INTERRUPTED : code;
}

static int label_lines(struct classifier *c, const char *model, const char *file)
{
    struct said said = {.texts = json_array()};
    struct meter m;
    struct footprint f;
    int code = report(meter_begin(&m));
    if (code == EXIT_DONE) {
        code = label_all(c, &said, file);
        meter_end(&m, &f);
        record(c, model, &said, &f);
    }
    json_decref(said.texts);
    buf_free(&said.labels);
    return code;
}

static int check_all(struct classifier *c)
{
    uint32_t n, best;
    struct dataset_options o = {.columns = columns};
    o.labels = classify_labels(c, &n), o.n_labels = n;
    struct dataset *d;
    enum hearth_status st = dataset_open(check, &o, &d);
    if (st != HEARTH_OK) return report(st);
    if (d->source.kind != EXAMPLE_LABEL) {
        complain("%s: %s, should be texts with labels; --columns text=NAME,label=NAME says which columns they are", check, example_kind_name(d->source.kind));
        dataset_close(d);
        return EXIT_FAILED;
    }
    float *share = xrealloc(NULL, n, sizeof *share);
    size_t right = 0, done = 0;
    const volatile int *interrupted = interrupt_watch();
    double from = clock_seconds();
    for (; st == HEARTH_OK && done < d->n && !*interrupted; done++) {
        st = classify_text(c, d->example[done].text, share, &best);
        right += st == HEARTH_OK && best == d->example[done].label;
    }
    double seconds = clock_seconds() - from;
    if (*interrupted) complain("stopped after %zu of %zu", done, d->n);
    int code = st == HEARTH_OK ? EXIT_DONE : report(st);
    if (code == EXIT_DONE && want_json)
        code = json_print(json_pack("{s:I, s:I, s:f, s:f}", "examples", (json_int_t)done, "right", (json_int_t)right, "accuracy", (double)right / (double)done, "seconds", seconds));
    else if (code == EXIT_DONE) printf("%zu of %zu right: %.2f %%, in %.1f s\n", right, done, 100.0 * (double)right / (double)done, seconds);
    free(share);
    dataset_close(d);
    return code == EXIT_DONE && *interrupted ? EXIT_INTERRUPTED : code;
}

static int open_classifier(const char *name, const char *path, struct classifier **c)
{
    struct hearth_model_params params = {.threads = threads, .arithmetic = arithmetic};
    enum hearth_status st = classify_open(path, adapter, &params, c);
    if (st == HEARTH_ENOTFOUND && !adapter) return usage("%s names no classes itself: --adapter FOLDER, which `hearth tune` makes of texts with labels", name);
    return report(st);
}

static int run(int argc, char **argv)
{
    struct classifier *c = NULL;
    char *path = NULL;
    if (argc > 1 && strchr(argv[1], ' ') && access(argv[1], F_OK) != 0)
        return usage("there is no file \"%s\"; a sentence comes by standard input: echo \"%s\" | hearth classify %s", argv[1], argv[1], argv[0]);
    if (check && argc > 1) return usage("--check names its examples itself; leave %s out", argv[1]);
    int code = model_find(argv[0], MODEL_TO_MEASURE, &path);
    if (code == EXIT_DONE) code = open_classifier(argv[0], path, &c);
    if (code == EXIT_DONE && plain) classify_plain(c);
    if (code == EXIT_DONE) code = check ? check_all(c) : label_lines(c, argv[0], argc > 1 ? argv[1] : "-");
    if (c && classify_cut(c)) complain("%zu of the texts were longer than the context and lost their end", classify_cut(c));
    classify_close(c);
    free(path);
    return code;
}

const struct command cmd_classify = {
    .name = "classify", .group = GROUP_MEASURE, .summary = "name the label of each line of a text", .args = "MODEL [FILE]",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Reads a text a line, from FILE or standard input (of a .csv, .tsv or .jsonl the texts of its column), and prints its likeliest label and how likely it is, parted by a tab; for an empty line an empty line. The labels are those "
             "of the examples that the adapter was tuned on; `hearth merge` makes adapter and labels part of the model's file. With --check it says how "
             "many of other examples it names rightly.\n\n"
             "A call leaves a receipt, which tells what made the labels without a word of the texts; texts and labels are kept as those of "
             "`hearth run` are, if --private is not there.",
    .examples = "hearth classify smollm2 --adapter tickets < questions.txt\nhearth classify smollm2 --adapter tickets --check test.csv\n"
                "hearth merge smollm2 tickets -o tickets.gguf && hearth classify ./tickets.gguf < questions.txt\n",
    .options = options, .run = run,
};

/* train.c - `hearth train CORPUS -o OUT.gguf`: a tokenizer, a model of random weights, and what the corpus teaches it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/words.h"
#include "cmd/models.h"
#include "cmd/places.h"
#include "work/train.h"
#include "work/tune.h"

static const char *out, *folder, *family = "llama", *name, *size_text = "3M", *memory_text;
static int vocabulary, batch = 8, ctx = 128, steps, sample_every = 100, save_every = 100, every, threads, resume, no_ledger, want_json;
static uint64_t seed = 1;
static float epochs = 1, rate = 3e-3f, decay = 0.1f, warmup = 0.05f, held = 0.05f;

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the model goes, NAME.gguf", &out, 0, 0, 0, 0},
    {"safetensors", 0, OPT_TEXT, "FOLDER", "write it as a folder for transformers too", &folder, 0, 0, 0, 0},
    {"size", 0, OPT_TEXT, "N", "about so many parameters, such as 3M (the default) or 120M; layers and width grow together", &size_text, 0, 0, 0, 0},
    {"family", 0, OPT_TEXT, "NAME", "which kind of model: llama (the default), qwen3, gemma3 ...", &family, 0, 0, 0, 0},
    {"name", 0, OPT_TEXT, "TEXT", "what it is called (default: as the file)", &name, 0, 0, 0, 0},
    {"vocab", 0, OPT_INT, "N", "tokens of its vocabulary (default: 2048 below 6M parameters, 4096 below 25M, 8192 below 100M, then 16384)", &vocabulary, 257, 1 << 20, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of a stretch that is learnt from (default 128)", &ctx, 16, 65536, 0, 0},
    {"batch", 0, OPT_INT, "N", "stretches of a step (default 8)", &batch, 1, 4096, 0, 0},
    {"epochs", 0, OPT_FLOAT, "X", "how often the corpus is gone through (default 1)", &epochs, 1e-3, 10000, 0, 0},
    {"steps", 0, OPT_INT, "N", "so many steps instead", &steps, 1, 1 << 24, 0, 0},
    {"rate", 0, OPT_FLOAT, "X", "learning rate at its highest (default 3e-3)", &rate, 1e-9, 1, 0, 0},
    {"warmup", 0, OPT_FLOAT, "X", "share of the steps in which the rate goes up (default 0.05)", &warmup, 0, 1, 0, 0},
    {"decay", 0, OPT_FLOAT, "X", "weight decay (default 0.1)", &decay, 0, 1, 0, 0},
    {"held", 0, OPT_FLOAT, "X", "share of the corpus that is held out (default 0.05; 0: none)", &held, 0, 0.5, 0, 0},
    {"every", 0, OPT_INT, "N", "steps between looks at what is held out (default: an epoch)", &every, 1, 1 << 24, 0, 0},
    {"sample", 0, OPT_INT, "N", "steps between two samples of what it writes; 0: none (default 100)", &sample_every, 0, 1 << 24, 0, 0},
    {"save-every", 0, OPT_INT, "N", "steps between states from which --resume goes on; 0: only when interrupted (default 100)", &save_every, 0, 1 << 24, 0, 0},
    {"resume", 0, OPT_FLAG, 0, "go on with an interrupted training", &resume, 0, 0, 0, 0},
    {"seed", 0, OPT_U64, "N", "decides the first weights and the order (default 1)", &seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a bit", &threads, 1, 1024, 0, 0},
    {"memory", 0, OPT_TEXT, "SIZE", "what it may take, as 1G or 800M", &memory_text, 0, 0, 0, 0},
    {"no-ledger", 0, OPT_FLAG, 0, "make no entry in the ledger", &no_ledger, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

/* "3M", "250k", "1.2B". */
static int read_size(const char *s, uint64_t *n)
{
    char *end;
    double x = strtod(s, &end), unit = 1;
    if (end == s) return 0;
    if (*end == 'k' || *end == 'K') unit = 1e3, end++;
    else if (*end == 'M') unit = 1e6, end++;
    else if (*end == 'B' || *end == 'G') unit = 1e9, end++;
    *n = (uint64_t)(x * unit + 0.5);
    return *end == 0 && x * unit >= 1 && x * unit <= 1e12;
}

struct work { struct tune *tune; const volatile int *interrupted; int terminal; double drawn; };

static void wipe(struct work *w)
{
    if (w->drawn > 0) fputs("\r\x1b[K", stderr);
    w->drawn = 0;
}

/* A sample goes to standard error, where the progress is. */
static void show_sample(struct work *w, const struct tune_news *n)
{
    char *text;
    if (!sample_every || want_json || (n->step % (uint32_t)sample_every && n->step != n->steps)) return;
    wipe(w);
    if (train_sample(w->tune, 60, n->step, &text) != HEARTH_OK) return;
    fprintf(stderr, "step %u, loss %.3f: ", n->step, n->mean);
    term_write(stderr, text, strlen(text));
    fputc('\n', stderr);
    free(text);
}

static int on_step(void *user, const struct tune_news *n)
{
    struct work *w = user;
    double now = clock_seconds();
    char left[24];
    show_sample(w, n);
    if (n->looked && !want_json) {
        wipe(w);
        note("step %u: mean loss %.4f, held out %.4f", n->step, n->mean, n->held_loss);
    }
    if (w->terminal && (now - w->drawn > 0.2 || n->step == n->steps)) {
        w->drawn = now;
        fprintf(stderr, "\rstep %u of %u, mean loss %.4f, %.0f tokens/s, %s left\x1b[K", n->step, n->steps, n->mean, n->tokens_per_second, show_seconds(n->left, left));
        fflush(stderr);
    }
    return *w->interrupted;
}

static struct tune_options learning(void)
{
    struct tune_options o;
    tune_defaults(&o);
    o.method = TUNE_FULL, o.head = 0, o.plain = 1, o.epochs = (double)epochs, o.steps = (uint32_t)steps, o.batch = (uint32_t)batch, o.ctx = (uint32_t)ctx;
    o.rate = rate, o.decay = decay, o.warmup = warmup, o.held = (double)held, o.every = (uint32_t)every, o.patience = 0;
    o.save_every = (uint32_t)save_every, o.seed = seed, o.threads = threads, o.if_longer = TUNE_LONG_CUT;
    return o;
}

/* ---- files beside the output ---- */

struct beside { char *untrained, *texts, *state, *page, *picture; int goes_on; };    /* goes_on: by the state of an interrupted training */

static struct beside beside_out(void)
{
    int n = (int)strlen(out) - 5;
    struct beside b = {xprintf("%.*s.untrained.gguf", n, out), xprintf("%.*s.texts.jsonl", n, out), xprintf("%s.state", out), xprintf("%s.html", out),
                       xprintf("%s.svg", out), 0};
    b.goes_on = resume && access(b.state, F_OK) == 0;
    return b;
}

static void free_beside(struct beside *b) { free(b->untrained), free(b->texts), free(b->state), free(b->page), free(b->picture); }

/* What lies there may be somebody's own, the corpus even.  Beside a state it is what the training made itself. */
static int check_work_files(const char *corpus, const struct beside *b)
{
    struct places made = {0};
    const char *work = access(b->texts, F_OK) == 0 ? b->texts : access(b->untrained, F_OK) == 0 ? b->untrained : NULL;
    if (resume && !work && !b->goes_on) {
        complain("%s is not there, so there is nothing to go on from; without --resume it begins", b->state);
        return EXIT_FAILED;
    }
    if (work && !b->goes_on) {
        if (access(b->state, F_OK) == 0)
            complain("%s is there already, and training needs this name: --resume goes on with what an interrupted training left; to begin anew remove %s, %s and %s, "
                     "or choose another -o", work, b->untrained, b->texts, b->state);
        else
            complain("%s is there already, and training needs this name; no state lies beside it from which --resume could go on: remove %s and %s, or choose another -o",
                     work, b->untrained, b->texts);
        return EXIT_FAILED;
    }
    place_in(&made, corpus);
    place_out(&made, b->untrained), place_out(&made, b->texts), place_out(&made, b->page), place_out(&made, b->picture);
    return places_check(&made, b->goes_on ? PLACE_REPLACE : PLACE_NEW);
}

static int check_places(const char *corpus)
{
    struct places p = {0};
    place_in(&p, corpus);
    place_out(&p, out), place_out(&p, folder);
    return places_check(&p, PLACE_NEW);
}

enum { FEW_STEPS = 300, EPOCHS = 20 };

static int print_result(const struct tune_plan *p, const struct tune_result *r)
{
    char time[24], n[24];
    if (want_json)
        return json_print(json_pack("{s:s, s:I, s:i, s:f, s:f, s:o, s:I, s:f, s:f}", "output", out, "parameters", (json_int_t)p->parameters, "steps", (int)r->steps,
                                    "first_loss", r->first_loss, "last_loss", r->last_loss, "held_loss", isnan(r->held_best) ? json_null() : json_real(r->held_best),
                                    "tokens", (json_int_t)r->tokens, "seconds", r->seconds, "tokens_per_second",
                                    r->seconds > 0 ? (double)r->tokens / r->seconds : 0.0));
    printf("%s: %s parameters, %u steps in %s, loss %.4f to %.4f", out, show_count(p->parameters, n), r->steps, show_seconds(r->seconds, time), r->first_loss, r->last_loss);
    if (!isnan(r->held_best)) printf(", held out %.4f", r->held_best);
    printf("\n");
    if (r->steps < FEW_STEPS)
        printf("%u steps teach little: --epochs %d goes through the text %d times, and a larger text teaches more.\n", r->steps, EPOCHS, EPOCHS);
    else if (r->best_step < r->steps) printf("What was held out was best at step %u, whose weights are kept: later steps learnt the text by heart.\n", r->best_step);
    return EXIT_DONE;
}

static int teach(struct tune *t, const struct beside *b)
{
    struct work w = {.tune = t, .interrupted = interrupt_watch_all(), .terminal = term_is(stderr) && !want_json};
    struct tune_result r;
    enum hearth_status st = tune_run(t, on_step, &w);
    wipe(&w);
    if (st == HEARTH_ECANCELLED) {
        complain("%s", hearth_errmsg());
        return EXIT_INTERRUPTED;
    }
    if (st == HEARTH_OK) st = tune_save(t, NULL, !no_ledger, &r);
    if (st == HEARTH_OK && folder) st = train_folder(out, folder);
    int code = report(st);
    if (code != EXIT_DONE) return code;
    if (*r.no_entry) complain("no entry in the ledger: %s", r.no_entry);
    unlink(b->untrained);
    unlink(b->texts);
    return print_result(tune_planned(t), &r);
}

/* The file's, wherever it lies, so that it can be gone on with from another folder. */
static const char *model_name(void)
{
    const char *slash = strrchr(out, '/');
    return name ? name : slash ? slash + 1 : out;
}

static int begin(const char *corpus, uint64_t size, const struct beside *b)
{
    struct train_options o;
    struct train_begun begun;
    char n[24], bytes[24];
    train_defaults(&o);
    o.family = family, o.parameters = size, o.vocabulary = (uint32_t)vocabulary, o.seed = seed;
    o.context = (uint32_t)(ctx > (int)o.context ? ctx : (int)o.context);
    o.name = model_name();
    int code = report(train_begin(corpus, &o, b->untrained, b->texts, &begun));
    if (code != EXIT_DONE && !b->goes_on) unlink(b->texts), unlink(b->untrained);
    if (code == EXIT_DONE && !want_json)
        note("%llu texts, %s, %llu tokens; %s parameters: %u layers of width %u, %u tokens", (unsigned long long)begun.documents, show_bytes(begun.bytes, bytes),
             (unsigned long long)begun.tokens, show_count(begun.parameters, n), begun.layers, begun.width, begun.vocabulary);
    return code;
}

static int run(int argc, char **argv)
{
    struct tune_options o = learning();
    struct tune *t = NULL;
    uint64_t size;
    size_t n = out ? strlen(out) : 0;
    (void)argc;
    if (!out) return usage("train needs a place for the model: -o NAME.gguf");
    if (n < 6 || strcmp(out + n - 5, ".gguf") != 0) return usage("-o %s: the model is a GGUF file, so it should be NAME.gguf", out);
    if (!read_size(size_text, &size)) return usage("--size \"%s\" should be a number of parameters, as 3M or 120M", size_text);
    if (memory_text && !words_bytes(memory_text, &o.memory)) return usage("--memory \"%s\" should be a size, as 1G or 800M", memory_text);
    struct beside b = beside_out();
    struct place_lock lock = {.fd = -1};
    char *made = xprintf("--size %llu\n--family %s\n--vocab %d\n--name %s\n", (unsigned long long)size, family, vocabulary, model_name());
    o.made = made;
    int code = check_places(argv[0]);
    if (code == EXIT_DONE) code = place_lock(out, &lock);
    if (code == EXIT_DONE) code = check_work_files(argv[0], &b);
    if (code == EXIT_DONE) code = begin(argv[0], size, &b);
    if (code == EXIT_DONE && folder) code = report(train_folder_check(b.untrained));
    if (code == EXIT_DONE) code = report(tune_open(b.untrained, name ? name : out, b.texts, out, &o, resume, &t));
    if (code == EXIT_DONE) code = teach(t, &b);
    tune_close(t);
    place_unlock(&lock);
    free_beside(&b), free(made);
    return code;
}

const struct command cmd_train = {
    .name = "train", .group = GROUP_MEASURE, .summary = "make a model from nothing but text", .args = "CORPUS",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "CORPUS is a text file, a .jsonl of {\"text\"}, or a folder of documents; \"<|endoftext|>\" inside a file parts texts. A byte-level BPE tokenizer is "
             "learnt from it, a model of random weights is made, and the corpus teaches it: for classrooms, and for languages that no model serves. The model is "
             "a GGUF file, which other programs open too; with --safetensors also a folder for transformers. A page about the run and a picture of its losses lie beside it.\n\n"
             "The same corpus, options and seed give the same bits on any number of threads. An interrupted training goes on with --resume.",
    .examples = "hearth train stories.txt -o storyteller.gguf\n"
                "hearth train ./texts --size 12M --epochs 3 --family qwen3 -o ours.gguf --safetensors ours\n",
    .options = options, .run = run,
};

/* tune.c - `hearth tune MODEL DATA -o OUT`: a model taught from somebody's examples; and what `hearth distill` has in common with it. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account/meter.h"
#include "base/clock.h"
#include "base/words.h"
#include "cmd/places.h"
#include "cmd/tuning.h"
#include "work/train.h"

static const char *memory_text, *folder, *type_text, *targets, *columns;
static int method, head = -1, rank_given = 16, steps, batch = 8, ctx = 512, schedule, every, patience = 3, save_every = 25, threads, limit, if_longer;
static int rslora, plain, pooling, no_ledger, has_alpha, choice;
struct tuning_said tuning;
static uint64_t seed = 1;
static float alpha = 32, dropout, epochs, rate, decay, clip = 1, warmup = 0.05f, held = 0.1f, beta = 0.1f;

static const char *const methods[] = {"lora", "full", "embeddings", NULL};
static const char *const schedules[] = {"cosine", "linear", "constant", NULL};
static const char *const longs[] = {"refuse", "leave-out", "cut", NULL};
static const char *const choices[] = {"dpo", "orpo", NULL};
static const char *const heads[] = {"no", "yes", NULL};
static const char *const poolings[] = {"mean", "last", NULL};

const struct opt tuning_options[] = {
    {"output", 'o', OPT_TEXT, "OUT", "where the result goes: a folder in PEFT's layout, or NAME.gguf; for other methods than lora a model file", &tuning.out, 0, 0, 0, 0},
    {"method", 0, OPT_CHOICE, "WHAT", "lora: an adapter beside the model; full: all its weights; embeddings (default lora)", &method, 0, 0, methods, 0},
    {"rank", 0, OPT_INT, "N", "rank of the adapter (default 16)", &rank_given, 1, 512, 0, 0},
    {"alpha", 0, OPT_FLOAT, "X", "the adapter is scaled by alpha / rank (default: twice the rank)", &alpha, 1e-6, 1e6, 0, &has_alpha},
    {"rslora", 0, OPT_FLAG, 0, "scale by alpha / sqrt(rank)", &rslora, 0, 0, 0, 0},
    {"targets", 0, OPT_TEXT, "LIST", "which matrices: q,k,v,out,gate,up,down (default: all)", &targets, 0, 0, 0, 0},
    {"dropout", 0, OPT_FLOAT, "P", "share of the adapter's inputs that is dropped (default 0)", &dropout, 0, 0.99, 0, 0},
    {"head", 0, OPT_CHOICE, "yes|no", "a head for the labels (default: yes when there are more than 20)", &head, 0, 0, heads, 0},
    {"pooling", 0, OPT_CHOICE, "WHAT", "what the head is given: mean, of all tokens; last, the last token, as PEFT's are (default mean)", &pooling, 0, 0, poolings, 0},
    {"epochs", 0, OPT_FLOAT, "X", "how often every example is learnt from (default 3, with a head 2)", &epochs, 1e-3, 10000, 0, 0},
    {"steps", 0, OPT_INT, "N", "so many steps instead", &steps, 1, 1 << 24, 0, 0},
    {"batch", 0, OPT_INT, "N", "examples of a step (default 8); memory decides how many are computed at once, and changes no bit", &batch, 1, 4096, 0, 0},
    {"ctx", 0, OPT_INT, "N", "tokens of an example at most (default 512)", &ctx, 8, 65536, 0, 0},
    {"long", 0, OPT_CHOICE, "WHAT", "examples that are longer: refuse, leave-out, cut (default: asked on a terminal, else refused)", &if_longer, 0, 0, longs, 0},
    {"rate", 0, OPT_FLOAT, "X", "learning rate (default 5e-4 for lora, 1e-3 with a head, 5e-5 for the others and for preferences)", &rate, 1e-9, 1, 0, 0},
    {"schedule", 0, OPT_CHOICE, "WHAT", "cosine, linear or constant (default cosine)", &schedule, 0, 0, schedules, 0},
    {"warmup", 0, OPT_FLOAT, "X", "share of the steps in which the rate goes up (default 0.05)", &warmup, 0, 1, 0, 0},
    {"decay", 0, OPT_FLOAT, "X", "weight decay (default 0)", &decay, 0, 1, 0, 0},
    {"clip", 0, OPT_FLOAT, "X", "largest norm of the gradient; 0: any (default 1)", &clip, 0, 1e6, 0, 0},
    {"held", 0, OPT_FLOAT, "X", "share of the examples that is held out (default 0.1; 0: none)", &held, 0, 0.5, 0, 0},
    {"every", 0, OPT_INT, "N", "steps between looks at what is held out (default: an epoch)", &every, 1, 1 << 24, 0, 0},
    {"patience", 0, OPT_INT, "N", "looks without gain after which it ends; 0: never (default 3)", &patience, 0, 10000, 0, 0},
    {"limit", 0, OPT_INT, "N", "use so many of the examples, as many of each label as can be; --held is a share of them", &limit, 1, 1 << 26, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which column is what: text=NAME,label=NAME; also prompt, completion, chosen, rejected, messages", &columns, 0, 0, 0, 0},
    {"plain", 0, OPT_FLAG, 0, "do not use the model's chat template", &plain, 0, 0, 0, 0},
    {"type", 0, OPT_TEXT, "TYPE", "of a tuned model's matrices (default: the model's, F16 where it is quantised)", &type_text, 0, 0, 0, 0},
    {"safetensors", 0, OPT_TEXT, "FOLDER", "write a tuned model as a folder for transformers too", &folder, 0, 0, 0, 0},
    {"memory", 0, OPT_TEXT, "SIZE", "what it may take, as 1G or 800M", &memory_text, 0, 0, 0, 0},
    {"seed", 0, OPT_U64, "N", "decides order, dropout and the adapter's beginning (default 1)", &seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a bit", &threads, 1, 1024, 0, 0},
    {"save-every", 0, OPT_INT, "N", "steps between states from which --resume goes on; 0: only when interrupted (default 25)", &save_every, 0, 1 << 24, 0, 0},
    {"resume", 0, OPT_FLAG, 0, "go on with an interrupted tuning", &tuning.resume, 0, 0, 0, 0},
    {"no-ledger", 0, OPT_FLAG, 0, "make no entry in the ledger", &no_ledger, 0, 0, 0, 0},
    {"dry", 0, OPT_FLAG, 0, "say what it would take, and do nothing", &tuning.dry, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &tuning.json, 0, 0, 0, 0},
    {0},
};

static const struct opt options[] = {
    {"loss", 0, OPT_CHOICE, "WHAT", "how preferences are learnt: dpo, beside the model as it was; orpo, without it (default dpo)", &choice, 0, 0, choices, 0},
    {"beta", 0, OPT_FLOAT, "X", "of preferences: dpo: how far from the model it may go; orpo: what the worse answer counts (default 0.1)", &beta, 1e-4, 10, 0, 0},
    {0},
};

struct tune_options tuning_given(void)
{
    struct tune_options o;
    tune_defaults(&o);
    o.method = (enum tune_method)method, o.head = head, o.last_token = pooling, o.rank = (uint32_t)rank_given, o.alpha = has_alpha ? alpha : 2 * (float)rank_given;
    o.dropout = dropout, o.stabilised = rslora, o.targets = targets, o.epochs = (double)epochs, o.steps = (uint32_t)steps, o.batch = (uint32_t)batch;
    o.ctx = (uint32_t)ctx, o.rate = rate, o.decay = decay, o.clip = clip, o.warmup = warmup, o.schedule = schedule, o.held = (double)held;
    o.every = (uint32_t)every, o.patience = (uint32_t)patience, o.save_every = (uint32_t)save_every, o.seed = seed, o.threads = threads;
    o.limit = (size_t)limit, o.columns = columns, o.plain = plain, o.if_longer = (enum tune_long)if_longer, o.beta = beta, o.choice = (enum tune_choice)choice;
    return o;
}

/* A plan is progress on a terminal; of a dry run it is the result. */
static void tell_plan(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (tuning.dry) term_printf(stdout, "%s\n", text);
    else note("%s", text);
}

static void say_plan(const struct tune_plan *p)
{
    char a[24], b[24], c[24], d[24], n[24];
    tell_plan("%zu examples (%s), %s%zu learnt from, %zu held out%s", p->examples, example_kind_name(p->kind), p->kind == EXAMPLE_TEXT ? "in stretches: " : "",
              p->learnt_from, p->held, p->head ? "; a head for the labels" : "");
    if (*p->unused) complain("only the text is learnt; %s: not read; --columns text=%s,label=%s makes a column the label", p->unused, p->text_column,
                             strchr(p->unused, ',') ? "NAME" : p->unused);
    if (p->alike[0]) complain("the labels \"%s\" and \"%s\" differ by blanks or the size of letters only, and are two%s; write them alike in the file", p->alike[0], p->alike[1],
                             p->alikes > 1 ? " (and there are others)" : "");
    if (p->duplicates.n) tell_plan("%zu are there twice, word for word (example %zu is example %zu)", p->duplicates.n, p->duplicates.second + 1, p->duplicates.first + 1);
    if (p->contradictions.n)
        tell_plan("%zu contradict another: the same text with another label (examples %zu and %zu)", p->contradictions.n, p->contradictions.first + 1, p->contradictions.second + 1);
    if (p->unlearnt) complain("%zu are cut before what is to be learnt of them, and teach nothing; a larger --ctx holds more", p->unlearnt);
    if (p->longer) tell_plan("%zu are longer than the context", p->longer);
    tell_plan("%s numbers change over %u steps; %s: model %s, what changes %s, %u tokens at once %s", show_count(p->parameters, n), p->steps, show_bytes(p->bytes, a),
         show_bytes(p->bytes_weights, b), show_bytes(p->bytes_parameters, c), p->at_once, show_bytes(p->bytes_tape, d));
    if (p->bytes_teacher) tell_plan("the teacher takes %s and speaks of %.1f %% of what is learnt", show_bytes(p->bytes_teacher, a), 100 * p->taught);
    if (p->resumed) tell_plan("going on after step %u", p->done);
}

/* Into j: what was found in the examples, in a log as on a terminal. */
static json_t *with_findings(json_t *j, const struct tune_plan *p)
{
    if (!j) return NULL;
    json_object_set_new(j, "duplicates", json_integer((json_int_t)p->duplicates.n));
    json_object_set_new(j, "contradictions", json_integer((json_int_t)p->contradictions.n));
    json_object_set_new(j, "longer", json_integer((json_int_t)p->longer));
    json_object_set_new(j, "unused_columns", json_string(p->unused));
    return j;
}

struct work { const volatile int *interrupted; int terminal; double drawn; };

static void wipe(struct work *w)
{
    if (w->drawn > 0) fputs("\r\x1b[K", stderr);
    w->drawn = 0;
}

static int on_step(void *user, const struct tune_news *n)
{
    enum { BAR = 20 };
    struct work *w = user;
    double now = clock_seconds();
    char left[24], bar[BAR + 1], right[32] = "", joules[24];
    if (n->looked && !tuning.json) {
        wipe(w);
        if (!isnan(n->held_right)) snprintf(right, sizeof right, ", %.1f %% right", 100 * n->held_right);
        note("step %u: mean loss %.4f, held out %.4f%s%s", n->step, n->mean, n->held_loss, right, n->best ? "" : ", no better");
    }
    if (w->terminal && (now - w->drawn > 0.2 || n->step == n->steps)) {
        w->drawn = now;
        memset(bar, '-', BAR), bar[BAR] = 0;
        memset(bar, '#', (size_t)((double)n->step / n->steps * BAR));
        if (n->asked > 0) fprintf(stderr, "\r[%s] asking for held-out labels, %.0f %%\x1b[K", bar, 100 * n->asked);
        else if (!n->step) fprintf(stderr, "\r[%s] reading the examples, %.0f %%\x1b[K", bar, 100 * n->read);
        else fprintf(stderr, "\r[%s] step %u of %u, mean loss %.4f, %.0f tokens/s, %s%s, %s left\x1b[K", bar, n->step, n->steps, n->mean, n->tokens_per_second,
                     footprint_joules(n->joules, joules), n->modelled ? " (modelled)" : "", show_seconds(n->left, left));
        fflush(stderr);
    }
    return *w->interrupted;
}

static int print_result(const char *model, const struct tune_plan *p, const struct tune_result *r)
{
    char time[24], joules[24];
    if (tuning.json)
        return json_print(with_findings(json_pack("{s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:f, s:f, s:o, s:o, s:I, s:f, s:f, s:b, s:o}", "model", model, "output", tuning.out, "data_sha256", p->data_digest,
                                    "examples", (json_int_t)p->examples, "parameters", (json_int_t)p->parameters, "steps", (int)r->steps, "best_step",
                                    (int)r->best_step, "first_loss", r->first_loss, "last_loss", r->last_loss, "held_loss",
                                    isnan(r->held_best) ? json_null() : json_real(r->held_best), "held_right",
                                    isnan(r->held_right) ? json_null() : json_real(r->held_right), "tokens", (json_int_t)r->tokens, "seconds", r->seconds,
                                    "joules", r->joules, "joules_modelled", r->modelled,
                                    "entry", r->entry == UINT64_MAX ? json_null() : json_integer((json_int_t)r->entry)), p));
    printf("%s: %u steps in %s, loss %.4f to %.4f", tuning.out, r->steps, show_seconds(r->seconds, time), r->first_loss, r->last_loss);
    if (!isnan(r->held_best)) printf(", held out %.4f (step %u%s)", r->held_best, r->best_step, r->best_step < r->steps ? ", whose weights are kept" : "");
    if (!isnan(r->held_right)) printf(", %.1f %% right", 100 * r->held_right);
    printf(", %s%s\n", footprint_joules(r->joules, joules), r->modelled ? " (modelled)" : "");
    if (r->entry != UINT64_MAX) note("entry %" PRIu64 " of the ledger", r->entry);
    return EXIT_DONE;
}

static int learn(const char *model, struct tune *t)
{
    struct work w = {.interrupted = interrupt_watch_all(), .terminal = term_is(stderr) && !tuning.json};
    struct tune_result r;
    if (!tuning.json) say_plan(tune_planned(t));
    if (tuning.dry && !tuning.json) return EXIT_DONE;
    if (tuning.dry) {
        const struct tune_plan *p = tune_planned(t);
        return json_print(with_findings(json_pack("{s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:i, s:b}", "examples", (json_int_t)p->examples, "held", (json_int_t)p->held, "parameters",
                                    (json_int_t)p->parameters, "steps", (int)p->steps, "bytes", (json_int_t)p->bytes, "bytes_model", (json_int_t)p->bytes_weights,
                                    "bytes_changing", (json_int_t)p->bytes_parameters, "bytes_at_once", (json_int_t)p->bytes_tape, "tokens_at_once",
                                    (int)p->at_once, "head", p->head), p));
    }
    enum hearth_status st = tune_run(t, on_step, &w);
    wipe(&w);
    if (st == HEARTH_ECANCELLED) {
        complain("%s", hearth_errmsg());
        return EXIT_INTERRUPTED;
    }
    if (st == HEARTH_OK) st = tune_save(t, type_text, !no_ledger, &r);
    if (st == HEARTH_OK && folder) st = train_folder(tuning.out, folder);
    if (st == HEARTH_OK && *r.no_entry) complain("no entry in the ledger: %s", r.no_entry);
    return st == HEARTH_OK ? print_result(model, tune_planned(t), &r) : report(st);
}

/* ---- where it goes ---- */

static struct place_lock lock = {.fd = -1};

/* A page and a picture lie beside a GGUF file; those that --resume finds beside a state are of a tuning that was ended while it wrote them. */
static int check_outputs(const char *const *models, const char *const *files)
{
    struct places p = {0};
    char *state = xprintf("%s.state", tuning.out), *page = xprintf("%s.html", tuning.out), *picture = xprintf("%s.svg", tuning.out);
    size_t n = strlen(tuning.out);
    int beside = n > 5 && strcmp(tuning.out + n - 5, ".gguf") == 0;
    for (; *models; models++) place_in_model(&p, *models);
    for (; *files; files++) place_in(&p, *files);
    place_out(&p, tuning.out), place_out(&p, folder);
    if (beside && !(tuning.resume && access(state, F_OK) == 0)) place_out(&p, page), place_out(&p, picture);
    int code = places_check(&p, PLACE_NEW);
    free(state), free(page), free(picture);
    return code;
}

int tuning_check(const char *command)
{
    const char *said_type = type_text;
    if (tuning.dry && !tuning.out) tuning.out = "dry";
    if (!tuning.out) return usage("%s needs a place for what is learnt: -o OUT", command);
    if (method != 0) {
        size_t n = strlen(tuning.out);
        if (n < 6 || strcmp(tuning.out + n - 5, ".gguf") != 0) return usage("-o %s: a tuned model is a GGUF file, so it should be NAME.gguf", tuning.out);
    }
    if (type_text && !(type_text = quantize_type(type_text))) return quantize_no_type(said_type);
    if (folder && method == 0) return usage("--safetensors writes a tuned model (--method full); an adapter is a folder for PEFT already");
    size_t n = strlen(tuning.out);
    while (n > 1 && tuning.out[n - 1] == '/') n--;
    if (tuning.out[n]) tuning.out = xprintf("%.*s", (int)n, tuning.out);       /* so that its state lies beside the folder, not in it */
    return EXIT_DONE;
}

/* The state of a tuning, or a teacher's answers. */
static int is_begun(void)
{
    char *state = xprintf("%s.state", tuning.out), *answers = xprintf("%s.answers.jsonl", tuning.out);
    int is = access(state, F_OK) == 0 || access(answers, F_OK) == 0;
    free(state), free(answers);
    return is;
}

int tuning_begin(const char *const *models, const char *const *files)
{
    if (tuning.dry) return EXIT_DONE;
    if (tuning.resume && !is_begun()) {
        complain("%s.state is not there, so there is nothing to go on from; without --resume it begins", tuning.out);
        return EXIT_FAILED;
    }
    int code = check_outputs(models, files);
    return code == EXIT_DONE ? place_lock(tuning.out, &lock) : code;
}

void tuning_done(void) { place_unlock(&lock); }

int tuning_run(const char *model, const char *name, const char *data, struct tune_options *o)
{
    struct tune *t = NULL;
    if (memory_text && !words_bytes(memory_text, &o->memory)) return usage("--memory \"%s\" should be a size, as 1G or 800M", memory_text);
    enum hearth_status st = folder ? train_folder_check(model) : HEARTH_OK;
    if (st == HEARTH_OK) st = tune_open(model, name, data, tuning.out, o, tuning.resume, &t);
    if (st == HEARTH_ECONTEXT && o->if_longer == TUNE_LONG_REFUSE && term_is(stderr) && isatty(0)) {
        complain("%s", hearth_errmsg());
        if (!term_ask("Leave them out?", 0)) return EXIT_FAILED;
        o->if_longer = TUNE_LONG_LEAVE_OUT;
        st = tune_open(model, name, data, tuning.out, o, tuning.resume, &t);
    }
    int code = st == HEARTH_OK ? learn(name, t) : report(st);
    tune_close(t);
    return code;
}

static int run(int argc, char **argv)
{
    struct tune_options o = tuning_given();
    char *path = NULL;
    (void)argc;
    int code = tuning_check("tune");
    if (code == EXIT_DONE) code = model_find(argv[0], MODEL_TO_CHANGE, &path);
    if (code == EXIT_DONE) code = tuning_begin((const char *const[]){path, NULL}, (const char *const[]){argv[1], NULL});
    if (code == EXIT_DONE) code = tuning_run(path, argv[0], argv[1], &o);
    tuning_done();
    free(path);
    return code;
}

const struct command cmd_tune = {
    .name = "tune", .group = GROUP_MEASURE, .summary = "teach a model from your own examples", .args = "MODEL DATA",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "DATA is a .jsonl with {\"prompt\", \"completion\"}, {\"messages\"}, {\"text\"}, {\"text\", \"label\"} or {\"prompt\", \"chosen\", \"rejected\"}; a .csv or "
             ".tsv whose first line names its columns (text or sentence, utterance, question ...; label or category, class, intent, topic ...; others by --columns); "
             "a .txt or .md; or a folder of such documents. What is to be said is learnt, what was asked is not. With more than 20 labels "
             "the adapter has a head that names the class, which `hearth classify` and `hearth eval` ask; it is fitted to the model as it is before anything "
             "else is learnt.\n\nThe same data and seed give the same bytes on any computer, with any "
             "number of threads and however much memory it may take. An interrupted tuning goes on with --resume.",
    .examples = "hearth tune smollm2 tickets.csv -o tickets\nhearth run smollm2 --adapter tickets \"My card is gone\"\n"
                "hearth tune smollm2 letters.jsonl -o letters --rank 8 --epochs 5 --memory 1G\n",
    .options = tuning_options, .more = options, .run = run,
};

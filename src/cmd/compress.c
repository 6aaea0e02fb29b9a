/* compress.c - `hearth compress MODEL --task TASK -o OUT`: the smallest file that still does what it is for. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/evaluation.h"
#include "cmd/models.h"
#include "cmd/papers.h"
#include "cmd/places.h"
#include "work/compress.h"

static const char *out, *task, *data, *adapter, *columns, *data_columns, *keep = "98%", *most = "25%", *html;
static int limit, heal, threads, force, want_json;
static uint64_t seed = 1;

static const struct opt options[] = {
    {"task", 0, OPT_TEXT, "TASK", "what it is for, as `hearth eval` reads it: a task file, or examples of your own", &task, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "FILE", "where the smallest file goes; its page stands beside it as FILE.html", &out, 0, 0, 0, 0},
    {"adapter", 0, OPT_TEXT, "FOLDER", "what `hearth tune` made: it is merged first, a head for labels too", &adapter, 0, 0, 0, 0},
    {"data", 0, OPT_TEXT, "DATA", "examples to trim the vocabulary by, to weigh by, and to heal with (default: the task's texts, and no healing)", &data, 0, 0, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which column of both is what: text=NAME,label=NAME", &columns, 0, 0, 0, 0},
    {"data-columns", 0, OPT_TEXT, "LIST", "which column of DATA is what, where it is another (default: as --columns)", &data_columns, 0, 0, 0, 0},
    {"keep", 0, OPT_TEXT, "P%", "share of the score that must be kept (default 98%)", &keep, 0, 0, 0, 0},
    {"max", 0, OPT_TEXT, "P%", "size that is wished for, as a share of the bytes in F16 (default 25%)", &most, 0, 0, 0, 0},
    {"limit", 'n', OPT_INT, "N", "measure by the first N items of the task", &limit, 1, 1 << 30, 0, 0},
    {"heal", 0, OPT_INT, "N", "examples to heal with where something is pruned (default 2000)", &heal, 1, 1 << 26, 0, 0},
    {"html", 0, OPT_TEXT, "FILE", "where the page goes instead", &html, 0, 0, 0, 0},
    {"seed", 0, OPT_U64, "N", "of healing and of what a task draws (default 1)", &seed, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes a bit", &threads, 1, 1024, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE and its page when they are there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

/* "98%" or "0.98". */
static int share_of(const char *text, double *to)
{
    char *end;
    *to = strtod(text, &end);
    if (end == text) return 0;
    if (*end == '%') *to /= 100, end++;
    return !*end && *to > 0 && *to <= 1;
}

struct watch { struct progress bar; char what[64]; const volatile int *interrupted; };

static int on_progress(void *user, const char *what, uint64_t done, uint64_t total, int items)
{
    struct watch *w = user;
    if (strcmp(what, w->what) != 0 || total != w->bar.total) {
        progress_end(&w->bar);
        snprintf(w->what, sizeof w->what, "%s", what);
        if (items) progress_items(&w->bar, w->what, total);
        else progress_start(&w->bar, w->what, total, 0);
    }
    progress_step(&w->bar, done);
    return *w->interrupted;
}

static void on_told(void *user, const char *sentence)
{
    struct watch *w = user;
    progress_end(&w->bar);
    w->what[0] = 0;
    note("%s", sentence);
}

static json_t *bound(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static int print_json(const char *model, const struct compress_params *p, const struct compress_result *r)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(steps, json_pack("{s:s, s:I, s:f, s:f, s:f, s:o, s:o, s:f, s:b, s:b}", "step", r->step[i].name, "bytes", (json_int_t)r->step[i].bytes, "share",
                                               compress_share(r, i), "score", r->step[i].score, "kept", compress_kept(r, i), "low", bound(r->step[i].low),
                                               "high", bound(r->step[i].high), "seconds", r->step[i].seconds, "holds", r->step[i].holds, "surely", r->step[i].surely));
    int met = r->best >= 0 && compress_share(r, (size_t)r->best) <= p->most;
    return json_print(json_pack("{s:o, s:o, s:s, s:I, s:f, s:f, s:o, s:b, s:o}", "model", json_text(model, strlen(model)), "output",
                                r->best >= 0 ? json_text(out, strlen(out)) : json_null(), "metric", r->metric, "items", (json_int_t)r->items, "keep", p->keep, "max",
                                p->most, "best", r->best >= 0 ? json_integer(r->best) : json_null(), "small_enough", met, "steps", steps));
}

enum { FEW = 100 };

static void print_table(const struct compress_params *p, const struct compress_result *r)
{
    static const char *const heads[] = {"STEP", "BYTES", "OF F16", "SCORE", "OF IT", "95 %", "TIME", ""};
    struct table t = {.columns = 8, .right = "01111110"};
    char a[24], b[24];
    for (int i = 0; i < t.columns; i++) table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; i < r->n; i++) {
        const struct compress_step *s = &r->step[i];
        table_cell(&t, "%s", s->name), table_cell(&t, "%s", show_bytes(s->bytes, a)), table_cell(&t, "%.1f %%", 100 * compress_share(r, i));
        table_cell(&t, "%.4f", s->score), table_cell(&t, "%.1f %%", 100 * compress_kept(r, i));
        if (isfinite(s->low)) table_cell(&t, "%.1f..%.1f", 100 * s->low, 100 * s->high);
        else table_cell(&t, "%s", "");
        table_cell(&t, "%s", show_seconds(s->seconds, b)), table_cell(&t, "%s", i == 0 ? "" : compress_verdict(r, i));
    }
    table_print(&t, stdout);
    if (r->best < 0) {
        printf("No smaller file holds %.1f %% of the %s, so nothing is kept.\n", 100 * p->keep, r->metric);
        return;
    }
    double kept = 100 * compress_kept(r, (size_t)r->best), share = 100 * compress_share(r, (size_t)r->best);
    printf("%s: %s, %.1f %% of the bytes in F16, with %.1f %% of the %s (%zu items)\n", out, show_bytes(r->step[r->best].bytes, a), share, kept, r->metric, r->items);
    if (r->items < FEW) printf("%zu items are few to choose by: the interval of the score it kept is wide; %d or more tell more.\n", r->items, FEW);
    if (share > 100 * p->most) printf("That is more than the %.1f %% that were wished for: nothing smaller holds %.1f %% of the score.\n", 100 * p->most, 100 * p->keep);
}

/* Allocated. */
static char *page_place(void) { return html ? xstrdup(html) : xprintf("%s.html", out); }

static int check_places(const char *path)
{
    struct places p = {0};
    struct eval_options o = {.columns = columns, .shots = -1, .seed = 1234};
    char *page = page_place();
    struct eval_work w = {0};
    int code = report(eval_work_open((char **)&task, 1, &o, &w));
    eval_work_places(&w, code == EXIT_DONE, &p);
    place_in_model(&p, path), place_in(&p, adapter), place_in(&p, task), place_in(&p, data);
    place_out(&p, out), place_out(&p, page);
    if (code == EXIT_DONE) code = places_check(&p, force);
    eval_work_close(&w, 1);
    free(page);
    return code;
}

static int tell(const char *model, const struct compress_params *p, const struct compress_result *r)
{
    char *text = NULL, *place = page_place();
    size_t n;
    int code = report(compress_page(p, model, out, r, &text, &n));
    if (code == EXIT_DONE) code = papers_save(place, text, n);
    free(text), free(place);
    if (code == EXIT_DONE && want_json) code = print_json(model, p, r);
    else if (code == EXIT_DONE) print_table(p, r);
    return code != EXIT_DONE ? code : r->best >= 0 && compress_share(r, (size_t)r->best) <= p->most ? EXIT_DONE : EXIT_FAILED;
}

static int compress(const char *model, const char *path, double kept, double wished)
{
    struct compress_result *r = xrealloc(NULL, 1, sizeof *r);
    struct watch w = {.interrupted = interrupt_watch_all()};
    char *folder = xprintf("%s.work.XXXXXX", out);
    struct compress_params p = {.model = path, .adapter = adapter, .task = task, .data = data, .columns = columns, .data_columns = data_columns, .keep = kept, .most = wished, .limit = (size_t)limit,
                                .heal = (size_t)heal, .seed = seed, .threads = threads, .folder = mkdtemp(folder), .progress = on_progress, .told = on_told,
                                .user = &w, .cancel = w.interrupted};
    int code = EXIT_FAILED;
    if (!p.folder) complain("%s: no folder can be made there", folder);
    else {
        enum hearth_status st = compress_run(&p, out, r);
        progress_end(&w.bar);
        rmdir(folder);
        code = st == HEARTH_OK ? tell(model, &p, r) : report(st);
        if (st == HEARTH_ECANCELLED) complain("%s", hearth_errmsg()), code = EXIT_INTERRUPTED;
    }
    free(folder), free(r);
    return code;
}

static int run(int argc, char **argv)
{
    struct place_lock lock = {.fd = -1};
    char *path = NULL;
    double kept, wished;
    (void)argc;
    if (!out) return usage("compress needs a place for the new file: -o FILE");
    if (!task) return usage("compress needs to know what the model is for: --task TASK");
    if (data_columns && !data) return usage("--data-columns says what the columns of DATA are: --data DATA");
    if (!share_of(keep, &kept)) return usage("--keep \"%s\" should be a share above 0, at most 100%%", keep);
    if (!share_of(most, &wished)) return usage("--max \"%s\" should be a share above 0, at most 100%%", most);
    int code = model_find(argv[0], MODEL_TO_CHANGE, &path);
    if (code == EXIT_DONE) code = check_places(path);
    if (code == EXIT_DONE) code = place_lock(out, &lock);
    if (code == EXIT_DONE) code = compress(argv[0], path, kept, wished);
    place_unlock(&lock);
    free(path);
    return code;
}

const struct command cmd_compress = {
    .name = "compress", .group = GROUP_MEASURE, .summary = "make a model as small as a task lets it be", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Trims the vocabulary to what the examples use, tries types from the larger to the smaller, and where that is not small enough prunes "
             "neurons and heals by learning from the model as it was. The score is measured by the task after every step, and the smallest file "
             "that keeps its share of it is what is left. Ends with 1 when none does, or when it is larger than --max; the table says by how much.\n\n"
             "DATA should not be what is measured by: name the examples that the model was tuned with. While it works it needs room for about three "
             "times the model in F16 beside OUT; what it makes there goes again.",
    .examples = "hearth compress smollm2 --adapter bank --task test.csv --data train.csv -o bank.gguf\nhearth classify ./bank.gguf < questions.txt\n"
                "hearth compress smollm2 --task questions.yaml --keep 95% --max 30% -o small.gguf\n",
    .options = options, .run = run,
};

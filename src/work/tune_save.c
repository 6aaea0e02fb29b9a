/* tune_save.c - what came of a tuning: the adapter or the model, its page and picture, its entry in the ledger.
 *
 *     OUT/adapter_model.safetensors ...  or OUT.gguf        OUT/report.html, OUT/loss.svg  or OUT.gguf.html, OUT.gguf.svg
 *
 * The entry of kind "tuning" ties the digests of base, examples and result to the settings and what it took. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/html.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "base/jsontext.h"
#include "hub/hub.h"
#include "os/os.h"
#include "work/rewrite.h"
#include "work/tune_in.h"

/* ---- files ---- */

/* The folders of a person are nobody's business. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static const float *changed(void *user, const struct gguf_tensor *tensor, enum hearth_status *st)
{
    const struct tune *t = user;
    (void)st;
    return trainable_find(&t->weights, t->grads, tensor->name);
}

static int is_folder(const struct tune *t)
{
    size_t n = strlen(t->out);
    return t->a && !(n > 5 && strcmp(t->out + n - 5, ".gguf") == 0);
}

static enum hearth_status write_result(struct tune *t, const char *type)
{
    if (t->a) return adapter_save(t->a, t->out, base_name(t->name));
    struct hearth_adapter *labels = NULL;
    enum hearth_status st = t->d->labels > 1 ? adapter_empty(t->m, &labels) : HEARTH_OK;
    if (st == HEARTH_OK && labels) st = adapter_put_labels(labels, t->d->label, (uint32_t)t->d->labels, 0);
    if (st == HEARTH_OK) st = rewrite_model(t->m->file, type, t->out, changed, t, labels);
    adapter_close(labels);
    return st;
}

static enum hearth_status write_beside(const struct tune *t, const char *in_folder, const char *behind, char *text, size_t n)
{
    struct buf path = { 0 };
    struct atomic_file f;
    enum hearth_status st = is_folder(t) ? buf_printf(&path, "%s/%s", t->out, in_folder) : buf_printf(&path, "%s%s", t->out, behind);
    if (st == HEARTH_OK) st = os_atomic_open(path.data, &f);
    if (st == HEARTH_OK) {
        st = os_atomic_write(&f, text, n);
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    buf_free(&path);
    return st;
}

/* ---- the picture ---- */

static double highest(const struct tune *t)
{
    double most = 1e-9;
    for (uint32_t i = 0; i < t->step; i++) most = t->loss[i] > most ? t->loss[i] : most;
    for (size_t i = 0; i < t->looks; i++) most = t->look[i].loss > most ? t->look[i].loss : most;
    return most;
}

enum hearth_status tune_picture(const struct tune *t, char **text, size_t *n)
{
    enum { W = 640, H = 320, LEFT = 56, RIGHT = 16, TOP = 32, BOTTOM = 40 };
    struct buf b = { 0 };
    double most = highest(t), wide = (double)(W - LEFT - RIGHT) / (double)(t->step > 1 ? t->step - 1 : 1), high = (double)(H - TOP - BOTTOM) / most;
    enum hearth_status st = buf_printf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n"
        "<title>Loss over %u steps</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", W, H, t->step, W, H);
    for (int i = 0; st == HEARTH_OK && i <= 4; i++) {
        double y = H - BOTTOM - (H - TOP - BOTTOM) * i / 4.0;
        st = buf_printf(&b, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#444\">%.3g</text>\n", LEFT, y, W - RIGHT,
                        LEFT - 6, y + 4, most * i / 4);
    }
    if (st == HEARTH_OK) st = buf_puts(&b, "<polyline fill=\"none\" stroke=\"#2a6fb0\" stroke-width=\"1.2\" points=\"");
    uint32_t every = t->step / 2000 + 1;
    for (uint32_t i = 0; st == HEARTH_OK && i < t->step; i += every) st = buf_printf(&b, "%.1f,%.1f ", LEFT + wide * i, H - BOTTOM - high * t->loss[i]);
    if (st == HEARTH_OK) st = buf_puts(&b, "\"/>\n");
    for (size_t i = 0; st == HEARTH_OK && i < t->looks; i++)
        st = buf_printf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#d9730d\"/>\n", LEFT + wide * (t->look[i].step - 1), H - BOTTOM - high * t->look[i].loss);
    if (st == HEARTH_OK)
        st = buf_printf(&b, "<text x=\"%d\" y=\"20\" fill=\"#2a6fb0\">loss of each step</text><text x=\"%d\" y=\"20\" fill=\"#d9730d\">%s</text>\n"
                        "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#444\">step %u</text>\n</svg>\n", LEFT, LEFT + 140, t->looks ? "held out" : "", W - RIGHT, H - 12, t->step);
    if (st == HEARTH_OK) *text = buf_take(&b, n);
    buf_free(&b);
    return st == HEARTH_OK && !*text ? HEARTH_ENOMEM : st;
}

/* ---- the page ---- */

static void row(struct html *h, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void row(struct html *h, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    html_cell(h, 0, "%s", name), html_cell(h, 0, "%s", value);
}

static const char *method_name(const struct tune *t)
{
    return t->o.method == TUNE_LORA ? t->o.stabilised ? "low-rank adapter (rsLoRA)" : "low-rank adapter (LoRA)" : t->o.method == TUNE_FULL ? "all weights" : "embeddings";
}

static void page_teacher(struct html *h, const struct tune *t)
{
    row(h, "teacher", "%s%s%s", base_name(t->o.teacher), t->o.teacher_adapter ? " with " : "", t->o.teacher_adapter ? base_name(t->o.teacher_adapter) : "");
    row(h, "loss", "%s divergence at temperature %g, %.3g of it the examples' own tokens; the teacher speaks of %.1f %% of what is learnt",
        t->o.reverse ? "reverse" : "forward", (double)t->o.temperature, (double)t->o.entropy, 100 * t->plan.taught);
}

static void page_settings(struct html *h, const struct tune *t)
{
    static const char *const heads[] = { "what", "value", NULL };
    static const char *const schedules[] = { "cosine", "linear", "constant" };
    const struct tune_plan *p = &t->plan;
    html_heading(h, 2, "Settings");
    html_table(h, NULL, NULL, heads);
    row(h, "model", "%s", t->name);
    if (t->o.teacher) page_teacher(h, t);
    row(h, "examples", "%s: %zu, %s", base_name(t->data), p->examples, example_kind_name(p->kind));
    row(h, "learnt from, held out", p->kind == EXAMPLE_TEXT ? "%zu stretches, %zu" : "%zu, %zu", p->learnt_from, p->held);
    row(h, "digest of the examples", "%s", p->data_digest);
    row(h, "what changes", "%s, %llu numbers", method_name(t), (unsigned long long)p->parameters);
    if (t->a) row(h, "rank, alpha, dropout", "%u, %g, %g", t->o.rank, (double)t->o.alpha, (double)t->o.dropout);
    if (p->head) row(h, "head", "%zu classes, of %s", p->labels, t->a->mean ? "the mean of a text's tokens" : "a text's last token");
    row(h, "steps", "%u of %u, %u examples each", t->step, p->steps, t->o.batch);
    row(h, "learning rate", "%g, %s, warm-up %g", (double)p->rate, schedules[t->o.schedule], (double)t->o.warmup);
    row(h, "weight decay, clipping", "%g, %g", (double)t->o.decay, (double)t->o.clip);
    row(h, "seed", "%llu", (unsigned long long)t->o.seed);
    if (p->kind == EXAMPLE_PREFERENCE) row(h, "preferences", "%s, beta %g", t->o.choice == TUNE_ORPO ? "ORPO" : "DPO", (double)t->o.beta);
    if (p->duplicates.n || p->contradictions.n) row(h, "doubles, contradictions", "%zu, %zu", p->duplicates.n, p->contradictions.n);
    html_table_end(h);
}

enum hearth_status tune_page(const struct tune *t, char **text, size_t *n)
{
    struct html h = { 0 };
    char words[FOOTPRINT_LINE];
    double *steps = mem_array(t->step ? t->step : 1, sizeof *steps), *held = mem_array(t->step ? t->step : 1, sizeof *held);
    if (!steps || !held) {
        free(steps), free(held);
        return HEARTH_ENOMEM;
    }
    for (uint32_t i = 0; i < t->step; i++) steps[i] = i + 1, held[i] = NAN;
    for (size_t i = 0; i < t->looks; i++) if (t->look[i].step >= 1 && t->look[i].step <= t->step) held[t->look[i].step - 1] = t->look[i].loss;
    html_begin(&h, t->o.made ? "Training" : "Tuning", t->name);
    html_cards_begin(&h);
    html_card(&h, "loss, first step", "%.3f", t->step ? t->loss[0] : 0);
    html_card(&h, "loss, last step", "%.3f", t->step ? t->loss[t->step - 1] : 0);
    if (t->looks) html_card(&h, "held out, best", "%.3f", t->look[t->best_look].loss);
    if (t->looks && !isnan(t->look[t->best_look].right)) html_card(&h, "held out, right", "%.1f %%", 100 * t->look[t->best_look].right);
    html_cards_end(&h);
    struct html_line line[] = { { "each step", t->loss }, { "held out", held } };
    struct html_chart chart = { .title = "Loss", .x_name = "step", .y_name = "loss", .n = t->step, .x = steps, .line = line, .lines = t->looks ? 2 : 1, .from_zero = 1 };
    if (t->step > 1) html_chart(&h, &chart);
    page_settings(&h, t);
    html_para(&h, "quiet", "%.0f tokens in %.0f s; %s%s.", t->tokens, t->seconds, t->plan.resumed ? "it was interrupted, and what follows is of the last part: " : "",
              footprint_line(&t->footprint, words));
    if (t->plan.resumed) html_para(&h, "quiet", "All parts together: %.0f J%s.", t->joules, t->footprint.method == FOOTPRINT_MODELLED ? " (modelled)" : "");
    free(steps), free(held);
    return html_end(&h, text, n);
}

/* ---- the ledger ---- */

static json_t *exact(double v)
{
    char text[40];
    snprintf(text, sizeof text, "%a", v);
    return json_string(text);
}

static enum hearth_status result_digest(const struct tune *t, char hex[65])
{
    struct buf path = { 0 };
    int cached;
    enum hearth_status st = buf_printf(&path, is_folder(t) ? "%s/adapter_model.safetensors" : "%s", t->out);
    if (st == HEARTH_OK) st = hub_digest(path.data, NULL, hex, &cached);
    buf_free(&path);
    return st;
}

static json_t *settings(const struct tune *t)
{
    const struct tune_options *o = &t->o;
    static const char *const methods[] = { "lora", "full", "embeddings" }, *const schedules[] = { "cosine", "linear", "constant" };
    return json_pack("{s:s, s:b, s:i, s:o, s:o, s:b, s:s?, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:s, s:I, s:s*}", "method", methods[o->method], "head", t->plan.head, "rank",
                     (int)(t->a ? o->rank : 0), "alpha", exact((double)o->alpha), "dropout", exact((double)o->dropout), "rslora", o->stabilised, "targets", o->targets,
                     "steps", (int)t->plan.steps, "batch", (int)o->batch, "ctx", (int)o->ctx, "rate", exact((double)t->plan.rate), "decay", exact((double)o->decay),
                     "clip", exact((double)o->clip), "warmup", exact((double)o->warmup), "schedule", schedules[o->schedule], "seed", (json_int_t)o->seed,
                     "pooling", !t->plan.head ? NULL : t->a->mean ? "mean" : "last");
}

static enum hearth_status say_teacher(const struct tune *t, json_t *more)
{
    json_t *teacher = json_pack("{s:o, s:s, s:s, s:o, s:o}", "name", jsontext_base_name(t->o.teacher), "sha256", t->teacher_sha, "divergence", t->o.reverse ? "reverse" : "forward",
                                "temperature", exact((double)t->o.temperature), "entropy", exact((double)t->o.entropy));
    if (!teacher || json_object_set_new(more, "teacher", teacher) != 0) return fail_memory(0);
    if (t->o.teacher_adapter) json_object_set_new(teacher, "adapter", jsontext_base_name(t->o.teacher_adapter));
    return HEARTH_OK;
}

static enum hearth_status append(const struct tune *t, uint64_t *number)
{
    char result[65];
    json_t *entry = NULL;
    struct ledger *l = NULL;
    struct receipt_number at;
    TRY(result_digest(t, result));
    TRY(receipt_begin("tuning", &entry));
    json_t *more = json_pack("{s:{s:o, s:s, s:s}, s:{s:o, s:s, s:I, s:I, s:I}, s:o, s:{s:o, s:s, s:s}, s:{s:i, s:i, s:I, s:o, s:o}, s:o}",
        "base", "name", jsontext_base_name(t->name), "sha256", t->base, "architecture", t->m->arch->name,
        "data", "name", jsontext_base_name(t->data), "sha256", t->plan.data_digest, "examples", (json_int_t)t->plan.examples, "learnt", (json_int_t)t->plan.learnt_from,
        "held", (json_int_t)t->plan.held, "settings", settings(t),
        "result", "name", jsontext_base_name(t->out), "sha256", result, "kind", t->a ? "adapter" : "model",
        "run", "steps", (int)t->step, "best_step", (int)(t->looks ? t->look[t->best_look].step : t->step), "tokens", (json_int_t)t->tokens,
        "first_loss", exact(t->step ? t->loss[0] : 0), "last_loss", exact(t->step ? t->loss[t->step - 1] : 0), "footprint", footprint_json(&t->footprint));
    enum hearth_status st = more ? HEARTH_OK : fail_memory(0);
    if (st == HEARTH_OK && t->looks) {
        const struct look *best = &t->look[t->best_look];
        json_t *held = json_pack("{s:o}", "loss", exact(best->loss));
        if (held && !isnan(best->right)) json_object_set_new(held, "right_of_million", json_integer((json_int_t)(best->right * 1e6 + 0.5)));
        json_object_set_new(more, "held_out", held);
    }
    if (st == HEARTH_OK && t->plan.resumed && json_object_set_new(json_object_get(more, "run"), "joules_of_all_parts", exact(t->joules)) != 0) st = fail_memory(0);
    if (st == HEARTH_OK && t->plan.kind == EXAMPLE_PREFERENCE)
        json_object_set_new(json_object_get(more, "settings"), "loss", json_string(t->o.choice == TUNE_ORPO ? "orpo" : "dpo"));
    if (st == HEARTH_OK && t->o.teacher) st = say_teacher(t, more);
    if (st == HEARTH_OK && json_object_update(entry, more) != 0) st = fail_memory(0);
    json_decref(more);
    if (st == HEARTH_OK) st = receipt_ledger(1, &l);
    if (st == HEARTH_OK) st = receipt_append(l, entry, &at);
    if (st == HEARTH_OK) *number = at.index;
    ledger_close(l);
    json_decref(entry);
    return st;
}

static enum hearth_status write_all(struct tune *t, const char *type)
{
    char *text = NULL;
    size_t n;
    TRY(write_result(t, type));
    enum hearth_status st = tune_page(t, &text, &n);
    if (st == HEARTH_OK) st = write_beside(t, "report.html", ".html", text, n);
    free(text), text = NULL;
    if (st == HEARTH_OK) st = tune_picture(t, &text, &n);
    if (st == HEARTH_OK) st = write_beside(t, "loss.svg", ".svg", text, n);
    free(text);
    return st;
}

/* Half a result is none, and would stand in the way of --resume. */
static void take_back(const struct tune *t)
{
    static const char *const in_folder[] = { "/adapter_model.safetensors", "/adapter_config.json", "/labels.json", "/report.html", "/loss.svg" };
    static const char *const beside[] = { "", ".html", ".svg" };
    int folder = is_folder(t);
    for (size_t i = 0; i < (folder ? sizeof in_folder / sizeof *in_folder : sizeof beside / sizeof *beside); i++) {
        struct buf path = { 0 };
        if (buf_printf(&path, "%s%s", t->out, folder ? in_folder[i] : beside[i]) == HEARTH_OK) unlink(path.data);
        buf_free(&path);
    }
    if (folder) rmdir(t->out);
}

/* As when the disk is full: the steps are done, and --resume has only to write what came of them. */
static enum hearth_status keep_steps(struct tune *t, enum hearth_status st)
{
    char words[512];
    snprintf(words, sizeof words, "%s", hearth_errmsg());
    if (t->step > t->saved) (void)tune_state_write(t);
    return tune_state_told(t, st, words);
}

/* What appeared at these places while it learnt is somebody else's.  A page beside a state is of a save that was broken off. */
static enum hearth_status check_free(const struct tune *t)
{
    static const char *const ends[] = { "", ".html", ".svg" };
    for (size_t i = 0; i < (is_folder(t) || t->plan.resumed ? 1 : 3); i++) {
        struct buf path = { 0 };
        struct stat s;
        TRY(buf_printf(&path, "%s%s", t->out, ends[i]));
        enum hearth_status st = lstat(path.data, &s) != 0 ? HEARTH_OK : fail(HEARTH_EUSAGE, "%s appeared while this was learnt; move it away", path.data);
        buf_free(&path);
        TRY(st);
    }
    return HEARTH_OK;
}

enum hearth_status tune_save(struct tune *t, const char *type, int ledger, struct tune_result *r)
{
    uint64_t entry = UINT64_MAX;
    enum hearth_status st = check_free(t);
    if (st != HEARTH_OK) return keep_steps(t, st);
    st = write_all(t, type);
    if (st != HEARTH_OK) {
        take_back(t);
        return keep_steps(t, st);
    }
    char no_entry[sizeof r->no_entry] = "";
    if (ledger && append(t, &entry) != HEARTH_OK) snprintf(no_entry, sizeof no_entry, "%s", hearth_errmsg()), entry = UINT64_MAX;
    if (t->saved) unlink(t->state);
    const struct look *best = t->looks ? &t->look[t->best_look] : NULL;
    if (r) {
        *r = (struct tune_result){ .steps = t->step, .best_step = best ? best->step : t->step, .first_loss = t->step ? t->loss[0] : 0,
                                   .last_loss = t->step ? t->loss[t->step - 1] : 0, .held_first = best ? t->look[0].loss : NAN,
                                   .held_best = best ? best->loss : NAN, .held_right = best ? best->right : NAN, .seconds = t->seconds,
                                   .tokens = (uint64_t)t->tokens, .entry = entry, .joules = t->joules,
                                   .modelled = t->footprint.method == FOOTPRINT_MODELLED };
        memcpy(r->no_entry, no_entry, sizeof no_entry);
    }
    return HEARTH_OK;
}

/* evaluation.c - see evaluation.h. */
#include "cmd/evaluation.h"
#include <stdlib.h>
#include <sys/stat.h>
#include "account/meter.h"
#include "base/clock.h"
#include "cmd/input.h"
#include "work/suite.h"

/* Of a file, or of a model's folder; an adapter's folder goes by its weights. */
static enum hearth_status digest(const char *path, char hex[65])
{
    enum hearth_status st = hub_digest(path, NULL, hex, NULL);
    if (st == HEARTH_EUNSUPPORTED) hex[0] = 0;
    return st == HEARTH_EUNSUPPORTED ? HEARTH_OK : st;
}

static enum hearth_status open_adapter(struct eval_model *e)
{
    struct stat s;
    TRY(hearth_adapter_open(e->m, e->adapter_path, &e->adapter));
    if (stat(e->adapter_path, &s) != 0 || !S_ISDIR(s.st_mode)) return digest(e->adapter_path, e->adapter_sha256);
    char *weights = xprintf("%s/adapter_model.safetensors", e->adapter_path);
    enum hearth_status st = digest(weights, e->adapter_sha256);
    free(weights);
    return st;
}

int eval_model_open(struct eval_model *e, const char *name, const char *adapter, const struct hearth_model_params *params)
{
    char *path = NULL;
    *e = (struct eval_model){.name = name, .adapter_path = adapter};
    int code = model_find(name, MODEL_TO_LOOK, &path);
    enum hearth_status st = code == EXIT_DONE ? hearth_model_open(path, params, &e->m) : HEARTH_OK;
    if (code == EXIT_DONE && st == HEARTH_OK && !adapter) st = model_adapter(name, &e->own_adapter);
    if (e->own_adapter) adapter = e->adapter_path = e->own_adapter;
    if (code == EXIT_DONE && st == HEARTH_OK) st = digest(path, e->sha256);
    if (code == EXIT_DONE && st == HEARTH_OK && adapter) st = open_adapter(e);
    free(path);
    return code == EXIT_DONE ? report(st) : code;
}

void eval_model_close(struct eval_model *e)
{
    hearth_adapter_close(e->adapter);
    hearth_model_close(e->m);
    free(e->own_adapter);
    *e = (struct eval_model){0};
}

void eval_model_params(const struct eval_model *e, struct evaluate_params *p)
{
    p->model = e->m, p->name = e->name, p->sha256 = e->sha256;
    p->adapter = e->adapter, p->adapter_name = e->adapter_path, p->adapter_sha256 = e->adapter_sha256;
}

void eval_step(void *user, const char *task, size_t done, size_t total)
{
    struct eval_progress *p = user;
    double now = clock_seconds();
    char left[24];
    if (done <= 1 || p->total != total) p->begun = now, p->total = total;
    if (!p->terminal || (now - p->drawn < 0.2 && done != total)) return;
    p->drawn = now;
    fprintf(stderr, "\r");
    term_printf(stderr, "%s%s%s: item %zu of %zu", p->what ? p->what : "", p->what ? ", " : "", task, done, total);
    if (done > 1) fprintf(stderr, ", %s left", show_seconds((now - p->begun) / (double)(done - 1) * (double)(total - done), left));
    fprintf(stderr, "\x1b[K");
    fflush(stderr);
}

void eval_step_end(struct eval_progress *p)
{
    if (p->drawn > 0) fputs("\r\x1b[K", stderr);
    p->drawn = 0;
}

static void number_cell(struct table *t, const json_t *v)
{
    if (json_is_number(v)) table_cell(t, "%.4f", json_number_value(v));
    else table_cell(t, "%s", "");
}

static void add_rows(struct table *t, const json_t *task)
{
    json_t *score;
    size_t i;
    char name[128];
    json_array_foreach(json_object_get(task, "scores"), i, score) {
        evaluate_score_name(score, name);
        table_cell(t, "%s", i ? "" : json_string_value(json_object_get(task, "task")));
        if (i) table_cell(t, "%s", "");
        else table_cell(t, "%d", (int)json_integer_value(json_object_get(task, "items")));
        table_cell(t, "%s", name);
        number_cell(t, json_object_get(score, "value"));
        number_cell(t, json_object_get(score, "stderr"));
        const json_t *low = json_object_get(score, "low"), *high = json_object_get(score, "high");
        if (json_is_number(low)) table_cell(t, "%.4f .. %.4f", json_number_value(low), json_number_value(high));
        else table_cell(t, "%s", "");
    }
}

void eval_table(const json_t *result)
{
    static const char *const heading[] = {"TASK", "ITEMS", "SCORE", "VALUE", "+/-", "95 %"};
    struct table t = {.columns = 6, .right = "010110"};
    json_t *task;
    size_t i;
    for (size_t k = 0; k < 6; k++) table_cell(&t, "%s", heading[k]);
    json_array_foreach(json_object_get(result, "tasks"), i, task) add_rows(&t, task);
    table_print(&t, stdout);
    json_array_foreach(json_object_get(result, "tasks"), i, task) {
        int cut = (int)json_integer_value(json_object_get(task, "cut"));
        if (cut) complain("%s: %d items did not fit the context and were cut; a larger --ctx holds more",
                          json_string_value(json_object_get(task, "task")), cut);
    }
}

/* ---- tasks and suites ---- */

enum hearth_status eval_work_open(char **path, size_t n, const struct eval_options *o, struct eval_work *w)
{
    for (size_t i = 0; i < n; i++) TRY(suite_is(path[i]) ? suite_open(path[i], &w[i].suite) : eval_task_open(path[i], o, &w[i].task));
    return HEARTH_OK;
}

void eval_work_close(struct eval_work *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        eval_task_close(w[i].task);
        suite_close(w[i].suite);
    }
}

void eval_work_places(const struct eval_work *w, size_t n, struct places *p)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; w[i].task && k < w[i].task->files; k++) place_in(p, w[i].task->file[k]);
}

enum hearth_status eval_run(const struct evaluate_params *p, const struct eval_work *w, size_t n, const struct eval_judge *judge,
                            struct eval_progress *progress, json_t **result)
{
    struct meter m;
    struct footprint f;
    double begun = clock_seconds();
    TRY(evaluate_begin(p, result));
    TRY(meter_begin(&m));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++)
        st = w[i].suite ? suite_run(p, w[i].suite, judge ? judge->m : NULL, judge ? judge->name : NULL, *result) : evaluate_task(p, w[i].task, *result);
    meter_end(&m, &f);
    eval_step_end(progress);
    json_object_set_new(*result, "seconds", json_real(clock_seconds() - begun));
    json_object_set_new(*result, "footprint", footprint_json(&f));
    return st;
}

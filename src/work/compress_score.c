/* compress_score.c - the score of a file by the task, what `hearth eval` gives first, and how sure the items are of it. */
#include <math.h>
#include <string.h>

#include "model/model.h"
#include "work/compare.h"
#include "work/compress_in.h"

static void on_step(void *user, const char *task, size_t done, size_t total)
{
    (void)task;
    (void)compress_tell(user, done, total, 1);
}

static enum hearth_status take(struct compressing *k, const json_t *task, double *out)
{
    const json_t *score = evaluate_main_score(task);
    const json_t *value = json_object_get(score, "value");
    if (!json_is_number(value)) return fail(HEARTH_EUSAGE, "%s: it gives no score", k->p->task);
    *out = json_number_value(value);
    evaluate_score_name(score, k->r->metric);
    k->r->higher_is_better = json_is_true(json_object_get(score, "higher_is_better"));
    k->r->items = (size_t)json_integer_value(json_object_get(task, "items"));
    return HEARTH_OK;
}

/* The bounds come from the same items in both, whose difference is far surer than either score. */
static enum hearth_status bounds(struct compressing *k, json_t *task, struct compress_step *s)
{
    json_t *c = NULL;
    s->low = s->high = NAN;
    if (!k->first) k->first = json_incref(task);
    if (k->first == task || k->r->items < 2 || compare_tasks(k->first, task, k->p->seed, &c) == HEARTH_EFORMAT) return HEARTH_OK;
    if (!c) return HEARTH_ENOMEM;
    double base = k->r->step[0].score, low = base + json_number_value(json_object_get(c, "low")), high = base + json_number_value(json_object_get(c, "high"));
    if (json_is_number(json_object_get(c, "p"))) low = fmax(low, 0), high = fmin(high, 1);       /* right or wrong: shares */
    int same = strcmp(json_string_value(json_object_get(c, "metric")), k->r->metric) == 0;
    json_decref(c);
    if (!same || base <= 0) return HEARTH_OK;
    if (k->r->higher_is_better) s->low = low / base, s->high = high / base;
    else if (low > 0) s->low = base / high, s->high = base / low;
    return HEARTH_OK;
}

enum hearth_status compress_score(struct compressing *k, const char *file, struct compress_step *s)
{
    const struct compress_params *p = k->p;
    struct eval_options o = { .columns = p->columns, .shots = -1, .seed = 1234 };
    struct evaluate_params e = { .name = "compressed", .sha256 = "", .limit = p->limit, .seed = p->seed, .shot_seed = 1234, .on_step = on_step, .user = k, .cancel = p->cancel };
    struct eval_task *t = NULL;
    json_t *result = NULL;
    enum hearth_status st = eval_task_open(p->task, &o, &t);
    if (st == HEARTH_OK) st = hearth_model_open(file, &(struct hearth_model_params){ .threads = p->threads }, &e.model);
    if (st == HEARTH_OK) st = evaluate_begin(&e, &result);
    if (st == HEARTH_OK) st = evaluate_task(&e, t, result);
    json_t *task = json_array_get(json_object_get(result, "tasks"), 0);
    if (st == HEARTH_OK) st = take(k, task, &s->score);
    if (st == HEARTH_OK) st = bounds(k, task, s);
    json_decref(result);
    hearth_model_close(e.model);
    eval_task_close(t);
    return st == HEARTH_ECANCELLED ? fail(st, "stopped; nothing is kept") : st;
}

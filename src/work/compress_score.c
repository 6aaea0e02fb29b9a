/* compress_score.c - the score of a file by the task: what `hearth eval` gives first. */
#include <jansson.h>

#include "model/model.h"
#include "work/compress_in.h"
#include "work/evaluate.h"

static void on_step(void *user, const char *task, size_t done, size_t total)
{
    (void)task;
    (void)compress_tell(user, done, total);
}

static enum hearth_status take(struct compressing *k, const json_t *result, double *out)
{
    const json_t *task = json_array_get(json_object_get(result, "tasks"), 0), *score = evaluate_main_score(task);
    const json_t *value = json_object_get(score, "value");
    if (!json_is_number(value)) return fail(HEARTH_EUSAGE, "%s: it gives no score", k->p->task);
    *out = json_number_value(value);
    evaluate_score_name(score, k->r->metric);
    k->r->higher_is_better = json_is_true(json_object_get(score, "higher_is_better"));
    k->r->items = (size_t)json_integer_value(json_object_get(task, "items"));
    return HEARTH_OK;
}

enum hearth_status compress_score(struct compressing *k, const char *file, double *score)
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
    if (st == HEARTH_OK) st = take(k, result, score);
    json_decref(result);
    hearth_model_close(e.model);
    eval_task_close(t);
    return st == HEARTH_ECANCELLED ? fail(st, "stopped; nothing is kept") : st;
}

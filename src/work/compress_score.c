/* compress_score.c - the score of a file by the task: of a head, the share of labels that it names rightly; else what `hearth eval` gives first. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "work/classify.h"
#include "work/compress_in.h"
#include "work/dataset.h"
#include "work/evaluate.h"

static enum hearth_status stopped(void) { return fail(HEARTH_ECANCELLED, "stopped; nothing is kept"); }

static enum hearth_status by_head(struct compressing *k, const char *file, double *score)
{
    const struct compress_params *p = k->p;
    struct classifier *c = NULL;
    struct dataset *d = NULL;
    float *share = NULL;
    uint32_t n = 0, best;
    size_t right = 0, done = 0, all = 0;
    struct dataset_options o = { .columns = p->columns };
    TRY(classify_open(file, NULL, &(struct hearth_model_params){ .threads = p->threads }, &c));
    o.labels = classify_labels(c, &n), o.n_labels = n;
    enum hearth_status st = dataset_open(p->task, &o, &d);
    if (st == HEARTH_OK && d->source.kind != EXAMPLE_LABEL) st = fail(HEARTH_EUSAGE, "%s: %s, should be texts with labels, which the model names", p->task, example_kind_name(d->source.kind));
    if (st == HEARTH_OK && !(share = mem_array(n, sizeof *share))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) all = p->limit && p->limit < d->n ? p->limit : d->n;
    for (; st == HEARTH_OK && done < all; done++) {
        st = classify_text(c, d->example[done].text, share, &best);
        right += st == HEARTH_OK && best == d->example[done].label;
        if (st == HEARTH_OK && compress_tell(k, done + 1, all)) st = stopped();
    }
    if (st == HEARTH_OK) *score = (double)right / (double)all, k->r->items = all, k->r->higher_is_better = 1, strcpy(k->r->metric, "accuracy");
    free(share);
    dataset_close(d);
    classify_close(c);
    return st;
}

/* ---- a task ---- */

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

static enum hearth_status by_task(struct compressing *k, const char *file, double *score)
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
    return st;
}

enum hearth_status compress_score(struct compressing *k, const char *file, double *score)
{
    TRY((k->head ? by_head : by_task)(k, file, score));
    return k->p->cancel && __atomic_load_n(k->p->cancel, __ATOMIC_RELAXED) ? stopped() : HEARTH_OK;
}

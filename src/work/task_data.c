/* task_data.c - a person's own examples as a task, by what they are (dataset.h):
 *
 *     text, label            each label as the answer to the text (without a    accuracy, macro F1, calibration error
 *                            template: behind "TEXT\nLabel:")
 *     prompt, completion     the prompt, answered                               exact match, F1, ROUGE-L, chrF
 *     messages               the conversation, answered                         the same
 *     chosen, rejected       which of the two is likelier behind the prompt     accuracy
 *     plain text             the text itself                                    bits a byte, perplexity */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/dataset.h"
#include "work/task_in.h"

static enum hearth_status name_task(struct eval_task *t)
{
    const char *slash = strrchr(t->path, '/'), *file = slash && slash[1] ? slash + 1 : t->path;
    t->name = arena_strndup(&t->arena, file, strcspn(file, "."));
    return t->name ? HEARTH_OK : HEARTH_ENOMEM;
}

static void measures(struct eval_task *t, const enum eval_measure *m, size_t n)
{
    for (size_t i = 0; i < n; i++) t->metric[t->n_metrics++].measure = m[i];
}

static void choose_measures(struct eval_task *t)
{
    static const enum eval_measure label[] = { MEASURE_ACC, MEASURE_MACRO_F1, MEASURE_ECE }, two[] = { MEASURE_ACC, MEASURE_ACC_NORM },
        answer[] = { MEASURE_EXACT, MEASURE_F1, MEASURE_ROUGE_L, MEASURE_CHRF },
        text[] = { MEASURE_BITS_PER_BYTE, MEASURE_BYTE_PERPLEXITY, MEASURE_WORD_PERPLEXITY };
    switch (t->data->source.kind) {
    case EXAMPLE_LABEL: t->output = EVAL_CHOICE, measures(t, label, 3); break;
    case EXAMPLE_PREFERENCE: t->output = EVAL_CHOICE, measures(t, two, 2); break;
    case EXAMPLE_TEXT: t->output = EVAL_ROLLING, measures(t, text, 3); break;
    default: t->output = EVAL_GENERATE, measures(t, answer, 4);
    }
}

enum hearth_status task_data_open(struct eval_task *t, const struct eval_options *o)
{
    static const char *const end[] = { "\n\n" };
    struct dataset_options asked = { .columns = o ? o->columns : NULL };
    if (o && o->shots > 0) return fail(HEARTH_EUSAGE, "%s: few-shot examples are of task files, which say where they come from", t->path);
    TRY(name_task(t));
    TRY(dataset_open(t->path, &asked, &t->data));
    if (t->data->source.kind == EXAMPLE_LABEL) TRY(dataset_need_labels(t->data));
    choose_measures(t);
    t->label = t->data->label, t->labels = t->data->labels;
    t->n = t->data->n;
    memcpy(t->sha256, t->data->source.digest, sizeof t->sha256);
    t->target_delimiter = " ", t->fewshot_delimiter = "\n\n";
    t->raw_end = t->data->source.kind == EXAMPLE_LABEL ? "\nLabel:" : "";
    t->most_tokens = 256;
    t->until = (const char **)end, t->n_until = 1;
    t->pipeline[t->n_pipelines++].name = "none";
    return HEARTH_OK;
}

/* ---- items ---- */

static enum hearth_status copies(struct eval_task *t, const char *const *s, size_t n, const char ***out)
{
    if (!(*out = arena_alloc(&t->arena, n * sizeof **out))) return HEARTH_ENOMEM;
    memcpy(*out, s, n * sizeof *s);
    return HEARTH_OK;
}

static enum hearth_status one_gold(struct eval_task *t, int gold, struct eval_item *it)
{
    if (!(it->gold = arena_alloc(&t->arena, sizeof *it->gold))) return HEARTH_ENOMEM;
    it->gold[0] = gold, it->golds = 1;
    return HEARTH_OK;
}

/* The conversation without its last message, which is what was wanted. */
static enum hearth_status conversation(struct eval_task *t, const struct example *e, struct eval_item *it)
{
    json_t *all = NULL;
    TRY(jsontext_read(t->path, e->messages, strlen(e->messages), &all));
    size_t n = json_array_size(all);
    const char *said = n ? json_string_value(json_object_get(json_array_get(all, n - 1), "content")) : NULL;
    const char *wanted = said ? task_strdup(t, said) : NULL;
    char *text = NULL;
    enum hearth_status st = HEARTH_OK;
    if (n < 2 || !said)
        st = fail(HEARTH_EFORMAT, "%s: line %llu: a conversation to be answered has a question and the assistant's answer", e->file,
                  (unsigned long long)e->line);
    else if (!wanted || json_array_remove(all, n - 1) || !(text = jsontext_dump(all)) || !(it->messages = task_strdup(t, text))) st = HEARTH_ENOMEM;
    free(text);
    json_decref(all);
    it->wanteds = 1;
    return st == HEARTH_OK ? copies(t, &wanted, 1, &it->wanted) : st;
}

static enum hearth_status make(struct eval_task *t, const struct example *e, struct eval_item *it)
{
    const char *two[] = { e->answer, e->rejected };
    it->system = "", it->user = e->text ? e->text : "", it->messages = e->messages;
    switch (e->kind) {
    case EXAMPLE_LABEL:
        it->choice = t->label, it->choices = t->labels;
        return one_gold(t, (int)e->label, it);
    case EXAMPLE_PREFERENCE:
        it->choices = 2;
        TRY(copies(t, two, 2, &it->choice));
        return one_gold(t, 0, it);
    case EXAMPLE_CHAT:
        return conversation(t, e, it);
    default:
        it->wanteds = 1;
        return copies(t, e->kind == EXAMPLE_TEXT ? &e->text : &e->answer, 1, &it->wanted);
    }
}

enum hearth_status task_data_items(struct eval_task *t, size_t count, struct eval_item *items)
{
    for (size_t i = 0; i < count; i++) TRY(make(t, &t->data->example[i], &items[i]));
    return HEARTH_OK;
}

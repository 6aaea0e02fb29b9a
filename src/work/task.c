/* task.c - task files: their keys, checked, and where the rest is read (task_rows.c, task_metrics.c, task_items.c, task_data.c). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/jsontext.h"
#include "os/os.h"
#include "work/dataset.h"
#include "work/pattern.h"
#include "work/task_in.h"
#include "work/yaml.h"

enum { MOST_BYTES = 4 << 20, MOST_SHOTS = 64, MOST_STOPS = 16 };

/* ---- words for messages ---- */

const char *task_strdup(struct eval_task *t, const char *s) { return arena_strndup(&t->arena, s, strlen(s)); }

const char *task_where(struct eval_task *t, const char *key)
{
    const char *slash = strrchr(t->path, '/'), *file = slash ? slash + 1 : t->path;
    size_t n = strlen(file) + strlen(key) + 3;
    char *s = arena_alloc(&t->arena, n);
    if (s) snprintf(s, n, "%s: %s", file, key);
    return s ? s : "";
}

const char *task_found(const json_t *v, char out[80])
{
    char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(out, 80, "%.70s", !v ? "missing" : text ? text : "something");
    free(text);
    return out;
}

/* ---- keys ---- */

/* Those that mean something here; behind the bar those that say nothing about how local data are measured. */
static const char *const known[] = { "task", "dataset_path", "dataset_kwargs", "data_files", "output_type", "doc_to_text", "doc_to_target",
    "doc_to_choice", "description", "target_delimiter", "fewshot_delimiter", "num_fewshot", "fewshot_config", "fewshot_split", "test_split",
    "validation_split", "training_split", "metric_list", "generation_kwargs", "filter_list", "repeats", "dataset_name",
    /* | */ "tag", "task_alias", "metadata", "should_decontaminate", "doc_to_decontamination_query", NULL };

static enum hearth_status check_keys(struct eval_task *t)
{
    const char *key;
    json_t *v;
    char found[80];
    if (!json_is_object(t->config)) return fail(HEARTH_EFORMAT, "%s: should be a mapping of keys, as lm-evaluation-harness' tasks are", t->path);
    json_object_foreach(t->config, key, v) {
        int i = 0;
        while (known[i] && strcmp(known[i], key) != 0) i++;
        if (!known[i]) return fail(HEARTH_EUNSUPPORTED, "%s is a key that is not known here; see `hearth eval --help`", task_where(t, key));
    }
    if ((v = json_object_get(t->config, "repeats")) && json_integer_value(v) != 1)
        return fail(HEARTH_EUNSUPPORTED, "%s is %s; each item is asked once", task_where(t, "repeats"), task_found(v, found));
    if ((v = json_object_get(t->config, "dataset_name")) && !json_is_null(v))
        return fail(HEARTH_EUNSUPPORTED, "%s is %s; local data have no such name", task_where(t, "dataset_name"), task_found(v, found));
    return HEARTH_OK;
}

static enum hearth_status text_key(struct eval_task *t, const char *key, const char *otherwise, const char **out)
{
    const json_t *v = json_object_get(t->config, key);
    char found[80];
    *out = v && !json_is_null(v) ? json_string_value(v) : otherwise;
    return *out ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s is %s, should be a text", task_where(t, key), task_found(v, found));
}

static enum hearth_status output_key(struct eval_task *t)
{
    const char *word;
    TRY(text_key(t, "output_type", "generate_until", &word));
    for (int i = EVAL_CHOICE; i <= EVAL_ROLLING; i++)
        if (strcmp(word, eval_output_name((enum eval_output)i)) == 0) {
            t->output = (enum eval_output)i;
            return HEARTH_OK;
        }
    return fail(HEARTH_EFORMAT, "%s is %.60s, should be multiple_choice, generate_until, loglikelihood or loglikelihood_rolling",
                task_where(t, "output_type"), word);
}

static enum hearth_status shots_key(struct eval_task *t, const struct eval_options *o)
{
    const json_t *v = json_object_get(t->config, "num_fewshot"), *config = json_object_get(t->config, "fewshot_config");
    const char *sampler = json_string_value(json_object_get(config, "sampler")), *key;
    json_t *member;
    char found[80];
    if (v && !json_is_null(v) && (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > MOST_SHOTS))
        return fail(HEARTH_EFORMAT, "%s is %s, should be 0 to %d", task_where(t, "num_fewshot"), task_found(v, found), MOST_SHOTS);
    t->shots = o && o->shots >= 0 ? o->shots : (int)json_integer_value(v);
    json_object_foreach((json_t *)config, key, member)
        if (strcmp(key, "sampler") != 0 && strcmp(key, "split") != 0)
            return fail(HEARTH_EUNSUPPORTED, "%s: %s is not known; sampler and split are", task_where(t, "fewshot_config"), key);
    t->first_n = sampler && strcmp(sampler, "first_n") == 0;
    if (sampler && !t->first_n && strcmp(sampler, "default") != 0)
        return fail(HEARTH_EUNSUPPORTED, "%s: sampler is %.40s, should be default or first_n", task_where(t, "fewshot_config"), sampler);
    return HEARTH_OK;
}

/* ---- how an answer is made ---- */

static enum hearth_status until_key(struct eval_task *t, const json_t *v)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    char found[80];
    if (n > MOST_STOPS) return fail(HEARTH_ELIMIT, "%s: %zu texts, at most %d", task_where(t, "until"), n, MOST_STOPS);
    if (!(t->until = arena_alloc(&t->arena, (n + 1) * sizeof *t->until))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(one) || json_string_length(one) == 0)
            return fail(HEARTH_EFORMAT, "%s is %s, should be a text or a list of texts", task_where(t, "until"), task_found(one, found));
        t->until[t->n_until++] = json_string_value(one);
    }
    return HEARTH_OK;
}

static enum hearth_status generation_keys(struct eval_task *t)
{
    json_t *list = json_object_get(t->config, "generation_kwargs"), *v;
    int samples = 0;
    const char *key;
    char found[80];
    double warmth = 0;
    t->most_tokens = 256;
    json_object_foreach(list, key, v) {
        if (strcmp(key, "until") == 0) {
            TRY(until_key(t, v));
        } else if (strcmp(key, "max_gen_toks") == 0 && json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) <= 1 << 20) {
            t->most_tokens = (int)json_integer_value(v);
        } else if (strcmp(key, "do_sample") == 0 && json_is_boolean(v)) {
            samples = json_is_true(v);
        } else if (strcmp(key, "temperature") == 0 && json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 10) {
            warmth = json_number_value(v);
        } else {
            return fail(HEARTH_EFORMAT, "%s: %s is %s; allowed are until, max_gen_toks, do_sample and temperature with their kinds of value",
                        task_where(t, "generation_kwargs"), key, task_found(v, found));
        }
    }
    t->temperature = samples ? (float)warmth : 0;
    if (t->n_until) return HEARTH_OK;
    json_t *delimiter = json_string(t->fewshot_delimiter);
    if (!delimiter || json_object_set_new(t->config, "\nuntil", delimiter)) return fail_memory(1);
    return until_key(t, json_object_get(t->config, "\nuntil"));
}

static enum hearth_status read_keys(struct eval_task *t, const struct eval_options *o)
{
    const char *slash = strrchr(t->path, '/'), *file = slash ? slash + 1 : t->path;
    char *stem = arena_strndup(&t->arena, file, strcspn(file, "."));
    if (!stem) return HEARTH_ENOMEM;
    t->raw_end = "";
    TRY(check_keys(t));
    TRY(text_key(t, "task", stem, &t->name));
    TRY(output_key(t));
    TRY(text_key(t, "target_delimiter", " ", &t->target_delimiter));
    TRY(text_key(t, "fewshot_delimiter", "\n\n", &t->fewshot_delimiter));
    TRY(shots_key(t, o));
    TRY(task_metrics(t));
    TRY(task_filters(t));
    return generation_keys(t);
}

static enum hearth_status check_shots(struct eval_task *t)
{
    size_t most = json_array_size(t->shot_rows) - (t->shots_from_items && json_array_size(t->shot_rows) > 0);
    if (t->output == EVAL_ROLLING && t->shots)
        return fail(HEARTH_EFORMAT, "%s is %d; loglikelihood_rolling has no examples before a text", task_where(t, "num_fewshot"), t->shots);
    if (t->shots && !t->shot_rows)
        return fail(HEARTH_EFORMAT, "%s is %d, and fewshot_split does not say where the examples come from; it may be the split that is "
                    "evaluated (an item is never its own example)", task_where(t, "num_fewshot"), t->shots);
    if ((size_t)t->shots <= most) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s is %d, and there are %zu examples to take", task_where(t, "num_fewshot"), t->shots, most);
}

/* A list of choices that is in the task file itself. */
static enum hearth_status fixed_choices(struct eval_task *t)
{
    const json_t *list = t->choice ? t->choice->constant : NULL;
    if (!json_is_array(list)) return HEARTH_OK;
    if (!(t->label = arena_alloc(&t->arena, (json_array_size(list) + 1) * sizeof *t->label))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!(t->label[t->labels++] = task_text_of(t, json_array_get(list, i))))
            return fail(HEARTH_EFORMAT, "%s: choice %zu should be a text", t->choice->name, i + 1);
    return HEARTH_OK;
}

static enum hearth_status check_measures(struct eval_task *t)
{
    for (size_t i = 0; i < t->n_metrics; i++)
        if (t->metric[i].measure == MEASURE_MACRO_F1 && !t->label)
            return fail(HEARTH_EFORMAT, "%s: macro_f1 needs choices that are the same for every item: doc_to_choice as a list",
                        task_where(t, "metric_list"));
    return HEARTH_OK;
}

static enum hearth_status read_task(struct eval_task *t, const char *text, size_t n, const struct eval_options *o)
{
    TRY(read_keys(t, o));
    TRY(task_rows(t, text, n));
    TRY(check_shots(t));
    TRY(task_field(t, "description", 0, &t->description));
    TRY(task_field(t, "doc_to_text", t->output != EVAL_ROLLING, &t->text));
    TRY(task_field(t, "doc_to_target", 1, &t->target));
    TRY(task_field(t, "doc_to_choice", t->output == EVAL_CHOICE, &t->choice));
    TRY(fixed_choices(t));
    return check_measures(t);
}

/* ---- opening ---- */

static int is_suffix(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n > k && strcasecmp(path + n - k, end) == 0;
}

/* A .json that is an object is a task, one that is an array is data. */
static enum hearth_status open_task(struct eval_task *t, const struct eval_options *o)
{
    char *text = NULL;
    size_t n = 0;
    int yaml = is_suffix(t->path, ".yaml") || is_suffix(t->path, ".yml"), json = is_suffix(t->path, ".json");
    if (!yaml && !json) return task_data_open(t, o);
    TRY(os_read_file(t->path, json ? 1 << 30 : MOST_BYTES, &text, &n));
    size_t first = strspn(text, " \t\r\n");
    if (json && text[first] == '[') {
        free(text);
        return task_data_open(t, o);
    }
    enum hearth_status st = yaml ? yaml_read(t->path, text, n, &t->config) : jsontext_read(t->path, text, n, &t->config);
    if (st == HEARTH_OK) st = read_task(t, text, n, o);
    free(text);
    return st;
}

enum hearth_status eval_task_open(const char *path, const struct eval_options *options, struct eval_task **out)
{
    struct eval_task *t = mem_array(1, sizeof *t);
    *out = NULL;
    if (!t) return HEARTH_ENOMEM;
    arena_init(&t->arena, 0);
    t->path = task_strdup(t, path);
    enum hearth_status st = t->path ? open_task(t, options) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) *out = t;
    else eval_task_close(t);
    return st;
}

void eval_task_close(struct eval_task *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_metrics; i++)
        for (size_t k = 0; k < t->metric[i].n_ignore; k++) pattern_close(t->metric[i].ignore[k]);
    for (size_t i = 0; i < t->n_pipelines; i++)
        for (size_t k = 0; k < t->pipeline[i].n; k++) pattern_close(t->pipeline[i].filter[k].pattern);
    task_field_free(t->description);
    task_field_free(t->text);
    task_field_free(t->target);
    task_field_free(t->choice);
    dataset_close(t->data);
    json_decref(t->config);
    json_decref(t->rows);
    json_decref(t->shot_rows);
    arena_free(&t->arena);
    free(t);
}

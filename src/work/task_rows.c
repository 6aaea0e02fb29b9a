/* task_rows.c - the data of a task file, and its fields: what each row has for a column, a template or a constant. */
#include <stdlib.h>
#include <string.h>

#include "hub/digest.h"
#include "work/rows.h"
#include "work/task_in.h"

/* ---- which file a split is ---- */

static enum hearth_status beside(struct eval_task *t, const char *file, const char **out)
{
    const char *slash = strrchr(t->path, '/');
    struct buf b = { 0 };
    enum hearth_status st = HEARTH_OK;
    if (slash && *file != '/') st = buf_put(&b, t->path, (size_t)(slash + 1 - t->path));
    if (st == HEARTH_OK) st = buf_puts(&b, file);
    if (st == HEARTH_OK && !(*out = task_strdup(t, b.data))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

/* data_files of dataset_kwargs, or dataset_path itself where that is a file. */
static enum hearth_status data_files(struct eval_task *t, const json_t **out)
{
    const json_t *path = json_object_get(t->config, "dataset_path"), *kwargs = json_object_get(t->config, "dataset_kwargs"),
        *files = json_object_get(kwargs, "data_files"), *here = json_object_get(t->config, "data_files");
    const char *kind = json_string_value(path), *key;
    json_t *v;
    char found[80];
    if (here && files) return fail(HEARTH_EFORMAT, "%s stands there twice, also in dataset_kwargs", task_where(t, "data_files"));
    if (json_is_object(kwargs)) json_object_foreach((json_t *)kwargs, key, v)
        if (strcmp(key, "data_files") != 0)
            return fail(HEARTH_EUNSUPPORTED, "%s: %s is not known; data_files is", task_where(t, "dataset_kwargs"), key);
    if (here) files = here;
    if (files) {
        if (path && (!kind || (strcmp(kind, "json") != 0 && strcmp(kind, "csv") != 0)))
            return fail(HEARTH_EUNSUPPORTED, "%s is %s, should be json or csv (with data_files) or a file of this computer",
                        task_where(t, "dataset_path"), task_found(path, found));
        *out = files;
        return HEARTH_OK;
    }
    if (!kind || !strpbrk(kind, "./"))
        return fail(kind ? HEARTH_EUNSUPPORTED : HEARTH_EFORMAT, "%s is %s, should be a file of this computer, or json or csv with dataset_kwargs: "
                    "{data_files: ...}; nothing is fetched", task_where(t, "dataset_path"), task_found(path, found));
    *out = path;
    return HEARTH_OK;
}

/* One file is the split "train", as in the `datasets` package, and any split asked for. */
static enum hearth_status split_file(struct eval_task *t, const json_t *files, const char *split, const char **out)
{
    const json_t *v = json_is_object(files) ? json_object_get(files, split) : files;
    char found[80];
    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0);
    if (!v) return fail(HEARTH_EFORMAT, "%s: there is no split \"%s\"", task_where(t, "data_files"), split);
    if (!json_is_string(v)) return fail(HEARTH_EFORMAT, "%s is %s, should be a file, or a file for each split", task_where(t, "data_files"),
                                        task_found(v, found));
    return beside(t, json_string_value(v), out);
}

/* ---- rows ---- */

/* Every row has every column, as in the `datasets` package. */
static enum hearth_status even_out(json_t *rows)
{
    json_t *all = json_object(), *row, *v;
    const char *key;
    size_t i;
    int bad = !all;
    json_array_foreach(rows, i, row) json_object_foreach(row, key, v)
        if (!bad && !json_object_get(all, key)) bad |= json_object_set_new(all, key, json_null());
    json_array_foreach(rows, i, row) if (!bad) bad |= json_object_update_missing(row, all);
    json_decref(all);
    return bad ? fail_memory(1) : HEARTH_OK;
}

static enum hearth_status read_split(struct eval_task *t, const json_t *files, const char *split, struct buf *sums, json_t **out)
{
    const char *path = NULL;
    char sha[65];
    TRY(split_file(t, files, split, &path));
    t->file[t->files++] = path;
    TRY(rows_read(path, out, sha));
    TRY(even_out(*out));
    return buf_printf(sums, "%s  %s\n", sha, split);
}

static const char *split_of(struct eval_task *t, const char *key)
{
    return json_string_value(json_object_get(t->config, key));
}

static enum hearth_status read_splits(struct eval_task *t, struct buf *sums)
{
    const char *test = split_of(t, "test_split"), *validation = split_of(t, "validation_split"), *train = split_of(t, "training_split");
    const char *shots = split_of(t, "fewshot_split"), *judged = test ? test : validation;
    const json_t *files = NULL, *config = json_object_get(t->config, "fewshot_config"), *split = json_object_get(config, "split");
    TRY(data_files(t, &files));
    if (!judged && json_is_string(files)) judged = "train";
    if (!judged) return fail(HEARTH_EFORMAT, "%s is missing: which of data_files is evaluated?", task_where(t, "test_split"));
    if (json_is_string(split)) shots = json_string_value(split);
    if (!shots) shots = train ? train : test ? validation : NULL;
    TRY(read_split(t, files, judged, sums, &t->rows));
    t->n = json_array_size(t->rows);
    t->shots_from_items = shots && strcmp(shots, judged) == 0;
    if (!shots) return HEARTH_OK;
    if (!t->shots_from_items) return read_split(t, files, shots, sums, &t->shot_rows);
    t->shot_rows = json_incref(t->rows);
    return HEARTH_OK;
}

enum hearth_status task_rows(struct eval_task *t, const char *text, size_t n)
{
    struct buf sums = { 0 };
    enum hearth_status st = read_splits(t, &sums);
    if (st == HEARTH_OK) st = buf_put(&sums, text, n);
    if (st == HEARTH_OK && (st = sha256_of(sums.data, sums.len, t->sha256)) == HEARTH_EUNSUPPORTED) st = HEARTH_OK, t->sha256[0] = 0;
    buf_free(&sums);
    return st;
}

/* ---- fields ---- */

enum hearth_status task_field(struct eval_task *t, const char *key, int required, struct eval_field **out)
{
    const json_t *v = json_object_get(t->config, key);
    struct eval_field *f;
    char found[80];
    *out = NULL;
    if (!v || json_is_null(v)) return required ? fail(HEARTH_EFORMAT, "%s is missing", task_where(t, key)) : HEARTH_OK;
    if (!(f = arena_alloc(&t->arena, sizeof *f))) return HEARTH_ENOMEM;
    f->name = task_where(t, key);
    *out = f;
    if (json_is_string(v) && json_object_get(json_array_get(t->rows, 0), json_string_value(v))) f->column = json_string_value(v);
    else if (json_is_string(v)) return template_open_plain(json_string_value(v), json_string_length(v), f->name, &f->template);
    else if (json_is_integer(v) || json_is_array(v) || json_is_object(v)) f->constant = v;
    else return fail(HEARTH_EFORMAT, "%s is %s, should be a template, a column's name or a list", f->name, task_found(v, found));
    return HEARTH_OK;
}

void task_field_free(struct eval_field *f)
{
    if (f) template_close(f->template);
}

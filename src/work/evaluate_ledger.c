/* evaluate_ledger.c - an evaluation as an entry of the ledger: which model (by digest), which tasks (by digest), which scores; no text of
 * a prompt or an answer.  Scores are texts as C99's %a writes them, since an entry has no floats (account/canonical.h).
 *
 *     {"schema", "kind": "eval", ..., "model": {"name", "sha256", "architecture"}, "arithmetic": {"version", "kind", "isa", "threads"},
 *      "tasks": [{"name", "sha256", "output_type", "items", "scores": [{"metric": "acc", "value": "0x1.8p-1", "stderr": "0x1p-5"}]}],
 *      "footprint": {...}} */
#include <math.h>
#include <stdio.h>

#include "account/ledger.h"
#include "account/receipt.h"
#include "work/evaluate.h"

static int put_float(json_t *to, const char *key, const json_t *v)
{
    char text[40];
    if (!json_is_number(v)) return 0;
    snprintf(text, sizeof text, "%a", json_number_value(v));
    return json_object_set_new(to, key, json_string(text));
}

static json_t *score_entry(const json_t *score)
{
    char name[128];
    evaluate_score_name(score, name);
    json_t *out = json_pack("{s:s}", "metric", name);
    if (!out || put_float(out, "value", json_object_get(score, "value")) || put_float(out, "stderr", json_object_get(score, "stderr"))) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *task_entry(const json_t *task)
{
    json_t *scores = json_array(), *score;
    size_t i;
    json_array_foreach(json_object_get(task, "scores"), i, score) json_array_append_new(scores, score_entry(score));
    return json_pack("{s:O, s:O, s:O, s:O, s:o}", "name", json_object_get(task, "task"), "sha256", json_object_get(task, "sha256"), "output_type",
                     json_object_get(task, "output_type"), "items", json_object_get(task, "items"), "scores", scores);
}

enum hearth_status evaluate_record(const json_t *result, uint64_t *number)
{
    struct ledger *l = NULL;
    struct receipt_number at = { 0 };
    json_t *entry = NULL, *tasks = json_array(), *task;
    size_t i;
    enum hearth_status st = receipt_ledger(1, &l);
    if (st == HEARTH_OK) st = receipt_begin("eval", &entry);
    json_array_foreach(json_object_get(result, "tasks"), i, task) json_array_append_new(tasks, task_entry(task));
    if (st == HEARTH_OK) {
        int bad = json_object_set(entry, "model", json_object_get(result, "model"));
        bad |= json_object_set(entry, "arithmetic", json_object_get(result, "arithmetic"));
        bad |= json_object_set(entry, "tasks", tasks);
        if (json_object_get(result, "adapters")) bad |= json_object_set(entry, "adapters", json_object_get(result, "adapters"));
        if (json_object_get(result, "footprint")) bad |= json_object_set(entry, "footprint", json_object_get(result, "footprint"));
        st = bad || json_array_size(tasks) != json_array_size(json_object_get(result, "tasks")) ? fail_memory(1) : receipt_append(l, entry, &at);
    }
    if (st == HEARTH_OK && number) *number = at.index;
    json_decref(tasks);
    json_decref(entry);
    ledger_close(l);
    return st;
}

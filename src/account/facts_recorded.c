/* facts_recorded.c - evaluations of a model that the ledger of this computer holds (entries of kind "eval", work/evaluate_ledger.c). */
#include "account/facts_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/ledger.h"
#include "account/receipt.h"

enum { MOST = 200 };

static const char *text_at(struct facts *f, const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    const char *s = json_is_string(v) ? facts_text(f, json_string_value(v), json_string_length(v)) : "";
    return s ? s : "";
}

/* "0x1.8p-1" as "0.7500"; "" where it is none. */
static const char *decimal(struct facts *f, const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    char text[40], *end = NULL;
    double x = s ? strtod(s, &end) : NAN;
    if (!s || *end || !isfinite(x)) return "";
    snprintf(text, sizeof text, "%.4f", x);
    return facts_text(f, text, strlen(text));
}

/* A later one of the same task takes the place of an earlier. */
static enum hearth_status put(struct facts *f, const struct fact_evaluation *e)
{
    for (size_t i = 0; i < f->evaluations.n; i++)
        if (strcmp(f->evaluations.item[i].metric, e->metric) == 0) {
            f->evaluations.item[i] = *e;
            return HEARTH_OK;
        }
    if (f->evaluations.n >= MOST) return HEARTH_OK;
    TRY(mem_grow(&f->evaluations.item, &f->evaluations.cap, f->evaluations.n + 1, sizeof *e));
    f->evaluations.item[f->evaluations.n++] = *e;
    return HEARTH_OK;
}

static enum hearth_status put_task(struct facts *f, const json_t *entry, const json_t *task, uint64_t index)
{
    const char *name = text_at(f, task, "name"), *arithmetic = text_at(f, json_object_get(entry, "arithmetic"), "kind");
    char text[300];
    json_t *score;
    size_t i;
    json_array_foreach(json_object_get(task, "scores"), i, score) {
        struct fact_evaluation e = { .error = decimal(f, score, "stderr"), .value = decimal(f, score, "value") };
        if (!e.error || !e.value) return HEARTH_ENOMEM;
        if (!FACT_KNOWN(e.value)) continue;
        snprintf(text, sizeof text, "%.100s: %.100s", name, text_at(f, score, "metric"));
        e.metric = facts_text(f, text, strlen(text));
        snprintf(text, sizeof text, "%.40s, %" JSON_INTEGER_FORMAT " items, %.20s arithmetic", text_at(f, task, "output_type"),
                 json_integer_value(json_object_get(task, "items")), arithmetic);
        e.details = facts_text(f, text, strlen(text));
        snprintf(text, sizeof text, "receipt %" PRIu64, index);
        e.file = facts_text(f, text, strlen(text));
        if (!e.metric || !e.details || !e.file) return HEARTH_ENOMEM;
        TRY(put(f, &e));
    }
    return HEARTH_OK;
}

struct reading { struct facts *f; enum hearth_status st; };

static int read_entry(void *user, uint64_t i, const void *data, size_t n)
{
    static const char kind[] = "\"kind\":\"eval\"";
    struct reading *r = user;
    struct receipt entry;
    json_t *task;
    size_t k;
    if (!memmem(data, n, kind, sizeof kind - 1) || receipt_parse(data, n, &entry) != HEARTH_OK) return 0;
    const char *sum = json_string_value(json_object_get(json_object_get(entry.json, "model"), "sha256"));
    if (strcmp(entry.kind_name, "eval") == 0 && sum && !json_object_get(entry.json, "adapters") /* not the model alone */ &&
        strcmp(sum, r->f->sha256) == 0)
        json_array_foreach(json_object_get(entry.json, "tasks"), k, task)
            if (r->st == HEARTH_OK) r->st = put_task(r->f, entry.json, task, i);
    receipt_free(&entry);
    return r->st != HEARTH_OK;
}

enum hearth_status facts_recorded(struct facts *f)
{
    struct reading r = { f, HEARTH_OK };
    struct ledger *l = NULL;
    enum hearth_status st = receipt_ledger(0, &l);
    if (st == HEARTH_OK) st = ledger_each(l, 0, UINT64_MAX, read_entry, &r);
    ledger_close(l);
    if (st == HEARTH_ENOTFOUND || st == HEARTH_EUNSUPPORTED) return HEARTH_OK;     /* nothing was ever recorded here */
    return st == HEARTH_OK ? r.st : st;
}

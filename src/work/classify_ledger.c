/* classify_ledger.c - the labels of one call as an entry of the ledger, and texts and labels in a transcript apart, as an answer has them.
 *
 *     {"schema", "kind": "classification", ..., "model": {"name", "sha256", "architecture"}, "adapters": [{"name", "sha256"}],
 *      "arithmetic": {"version", "kind", "isa", "threads"}, "texts": 2, "classes": 77, "commitments": {"prompt", "answer", "options"},
 *      "footprint": {...}}
 *
 * The transcript's messages are the texts, a user's each; its answer is what was printed, a label and its share a line. */
#include "work/classify.h"

#include <string.h>

#include "account/receipt.h"
#include "account/ledger.h"
#include "account/transcript.h"
#include "base/jsontext.h"
#include "hub/hub.h"
#include "model/adapter.h"

static enum hearth_status adapters_of(const struct hearth_adapter *a, json_t **out)
{
    char hex[65];
    int cached;
    if (!a->weights) return (*out = json_array()) ? HEARTH_OK : fail_memory(0);         /* the head lies in the model's file */
    TRY(hub_digest(a->weights, NULL, hex, &cached));
    return (*out = json_pack("[{s:o, s:s}]", "name", jsontext_base_name(a->path), "sha256", hex)) ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status fill(json_t *entry, const struct classify_said *s, const char *sha256, const struct transcript_commitments *c)
{
    struct hearth_model_info info;
    json_t *adapters;
    hearth_model_describe(s->model, &info);
    TRY(adapters_of(s->adapter, &adapters));
    json_t *more = json_pack("{s:{s:o, s:s, s:s}, s:o, s:{s:i, s:s, s:s, s:i}, s:I, s:i, s:{s:s, s:s, s:s}, s:o}",
                             "model", "name", jsontext_base_name(s->name), "sha256", sha256, "architecture", info.architecture, "adapters", adapters,
                             "arithmetic", "version", hearth_arithmetic_version(), "kind", info.arithmetic == HEARTH_FLOAT ? "float" : "quant", "isa",
                             hearth_isa(), "threads", info.threads, "texts", (json_int_t)json_array_size(s->texts), "classes", (int)s->adapter->classes,
                             "commitments", "prompt", c->prompt, "answer", c->answer, "options", c->options, "footprint", footprint_json(s->footprint));
    int bad = !more || json_object_update(entry, more) != 0;
    json_decref(more);
    return bad ? fail_memory(0) : HEARTH_OK;
}

/* A transcript that cannot be kept is no reason against the entry, but nothing says then that it was. */
static enum hearth_status append(json_t *entry, const struct transcript *t, unsigned days, struct classify_noted *out)
{
    struct ledger *l = NULL;
    struct receipt_number at = { 0 };
    TRY(receipt_ledger(1, &l));
    int kept = days && transcript_keep(t, days, &out->first) == HEARTH_OK;
    enum hearth_status st = receipt_append(l, entry, &at);
    ledger_close(l);
    if (st != HEARTH_OK && kept) transcript_erase(t->id);
    out->number = at.index, out->days = st == HEARTH_OK && kept ? days : 0;
    return st;
}

enum hearth_status classify_record(const struct classify_said *s, struct classify_noted *out)
{
    struct hearth_model_info info;
    struct transcript_commitments c;
    json_t *entry = NULL;
    char sha256[65];
    unsigned days = 0;
    int cached;
    *out = (struct classify_noted){ 0 };
    hearth_model_describe(s->model, &info);
    if (s->keep) TRY(transcript_days(&days));
    TRY(hub_digest(info.path, NULL, sha256, &cached));
    TRY(receipt_begin("classification", &entry));
    struct transcript t = { .id = json_string_value(json_object_get(entry, "id")), .messages = s->texts, .text = s->labels, .context = s->ctx,
                            .arithmetic = info.arithmetic };
    enum hearth_status st = transcript_make(&t, json_string_value(json_object_get(entry, "time")), info.path, sha256);
    if (st == HEARTH_OK) st = transcript_commit(&t, &c);
    if (st == HEARTH_OK) st = fill(entry, s, sha256, &c);
    if (st == HEARTH_OK) st = append(entry, &t, days, out);
    json_decref(t.json);
    json_decref(entry);
    return st;
}

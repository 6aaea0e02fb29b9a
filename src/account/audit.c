/* audit.c - counting receipts for audit.h: one walk over the entries, sums in integers, rows in the order of their names; so
 * whoever counts the same entries gets the same bytes. */
#include "account/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/meter.h"
#include "account/receipt.h"

/* ---- tallies ---- */

static int row_order(const char *const *a, const char *const *b, int keys)
{
    int order = 0;
    for (int i = 0; i < keys && order == 0; i++) order = strcmp(a[i], b[i]);
    return order;
}

static const char *const *keys_of(const struct tally_row *r)
{
    return (const char *const *)r->key;
}

/* The row of these keys, made when there is none; rows stay sorted. */
static struct tally_row *row(struct tally *t, int keys, const char *const *key)
{
    size_t low = 0, high = t->n;
    if (t->last < t->n && row_order(keys_of(&t->row[t->last]), key, keys) == 0) return &t->row[t->last];
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = row_order(keys_of(&t->row[mid]), key, keys);
        if (order == 0) return &t->row[t->last = mid];
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    if (mem_grow(&t->row, &t->cap, t->n + 1, sizeof *t->row) != HEARTH_OK) return NULL;
    struct tally_row fresh = {0};
    for (int i = 0; i < keys; i++) {
        fresh.key[i] = strdup(key[i]);
        if (fresh.key[i]) continue;
        while (i > 0) free(fresh.key[--i]);
        fail_memory(strlen(key[0]));
        return NULL;
    }
    memmove(&t->row[low + 1], &t->row[low], (t->n++ - low) * sizeof *t->row);
    t->row[low] = fresh;
    return &t->row[t->last = low];
}

static void tally_free(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++) for (int k = 0; k < TALLY_KEYS; k++) free(t->row[i].key[k]);
    free(t->row);
}

static void add(struct tally_row *to, const struct receipt *r, const struct footprint *f)
{
    to->answers++;
    to->prompt_tokens += r->prompt_tokens;
    to->answer_tokens += r->answer_tokens;
    to->replayable += r->arithmetic.replayable != 0;
    if (!f) return;
    to->energy_uj += f->energy_uj;
    to->low_uj += f->low_uj;
    to->high_uj += f->high_uj;
    to->carbon_ug += f->carbon_ug;
    to->water_ul += f->water_ul;
    to->measured += f->method == FOOTPRINT_MEASURED;
}

/* ---- entries ---- */

void audit_init(struct audit *a, int64_t from, int64_t to)
{
    *a = (struct audit){.from = from, .to = to, .decisions = json_array()};
}

void audit_free(struct audit *a)
{
    tally_free(&a->models);
    tally_free(&a->uses);
    tally_free(&a->days);
    tally_free(&a->kinds);
    json_decref(a->decisions);
    *a = (struct audit){0};
}

static enum hearth_status count_answer(struct audit *a, const struct receipt *r)
{
    char day[16];
    const char *model[] = {r->model.name, r->model.sha256, r->model.architecture}, *date[] = {day};
    const char *use[] = {r->actor, r->purpose, r->task, r->key, r->model.name};
    struct footprint f;
    int known = r->footprint && footprint_parse("a receipt", r->footprint, &f) == HEARTH_OK;
    snprintf(day, sizeof day, "%.10s", r->time);
    struct tally_row *rows[] = {&a->all, row(&a->models, 3, model), row(&a->uses, 5, use), row(&a->days, 1, date)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i]) return HEARTH_ENOMEM;
        add(rows[i], r, known ? &f : NULL);
    }
    a->truncated += r->truncated_from != 0;
    a->constrained += r->constrained != 0;
    return HEARTH_OK;
}

static enum hearth_status count_decision(struct audit *a, const struct receipt *r)
{
    static const char *const words[] = {"accepted", "edited", "rejected"};
    for (int i = 0; i < 3; i++) a->decided[i] += strcmp(r->decision, words[i]) == 0;
    json_t *j = json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)r->of.index, "decision", r->decision, "by", r->by, "time", r->time);
    return json_array_append_new(a->decisions, j) == 0 ? HEARTH_OK : fail(HEARTH_ENOMEM, "out of memory for a decision");
}

enum hearth_status audit_count(struct audit *a, const void *entry, size_t n)
{
    struct receipt r;
    enum hearth_status st = HEARTH_OK;
    if (receipt_parse(entry, n, &r) != HEARTH_OK) {
        a->strange++;
        return HEARTH_OK;
    }
    if (r.seconds >= a->from && r.seconds < a->to) {
        const char *kind[] = {r.kind_name};
        struct tally_row *k = row(&a->kinds, 1, kind);
        a->in_time++;
        st = k ? HEARTH_OK : HEARTH_ENOMEM;
        if (k) k->answers++;
        if (st == HEARTH_OK && r.kind == RECEIPT_ANSWER) st = count_answer(a, &r);
        if (st == HEARTH_OK && r.kind == RECEIPT_DECISION) st = count_decision(a, &r);
    }
    receipt_free(&r);
    return st;
}

/* ---- as JSON ---- */

static json_t *row_json(const struct tally_row *r, const char *const *names, int keys)
{
    json_t *j = json_object();
    for (int i = 0; i < keys; i++) json_object_set_new(j, names[i], json_string(r->key[i]));
    const struct { const char *name; uint64_t value; } figure[] = {
        {"answers", r->answers}, {"prompt_tokens", r->prompt_tokens}, {"answer_tokens", r->answer_tokens}, {"replayable", r->replayable},
        {"energy_uj", r->energy_uj}, {"energy_low_uj", r->low_uj}, {"energy_high_uj", r->high_uj}, {"energy_measured", r->measured},
        {"carbon_ug", r->carbon_ug}, {"water_ul", r->water_ul},
    };
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) json_object_set_new(j, figure[i].name, json_integer((json_int_t)figure[i].value));
    return j;
}

static json_t *tally_json(const struct tally *t, const char *const *names, int keys)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) json_array_append_new(list, row_json(&t->row[i], names, keys));
    return list;
}

static json_t *when(int64_t t)
{
    char text[24];
    struct tm tm;
    time_t at = (time_t)t;
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

enum hearth_status audit_summary(const struct audit *a, const char *origin, uint64_t size, json_t **out)
{
    static const char *const model[] = {"name", "sha256", "architecture"}, *const use[] = {"actor", "purpose", "task", "key", "model"};
    static const char *const day[] = {"day"};
    json_t *kinds = json_object();
    for (size_t i = 0; i < a->kinds.n; i++) json_object_set_new(kinds, a->kinds.row[i].key[0], json_integer((json_int_t)a->kinds.row[i].answers));
    *out = json_pack("{s:s, s:{s:o, s:o}, s:{s:s, s:I, s:I, s:I}, s:{s:I, s:I, s:o}, s:o, s:I, s:I, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:O}",
                     "schema", AUDIT_SCHEMA, "time", "from", when(a->from), "to", when(a->to),
                     "ledger", "origin", origin, "size", (json_int_t)size, "first", (json_int_t)a->first, "end", (json_int_t)a->end,
                     "entries", "of_the_time", (json_int_t)a->in_time, "no_receipts", (json_int_t)a->strange, "kinds", kinds,
                     "all", row_json(&a->all, NULL, 0), "truncated", (json_int_t)a->truncated, "constrained", (json_int_t)a->constrained,
                     "days", tally_json(&a->days, day, 1), "models", tally_json(&a->models, model, 3), "uses", tally_json(&a->uses, use, 5),
                     "decided", "accepted", (json_int_t)a->decided[0], "edited", (json_int_t)a->decided[1], "rejected",
                     (json_int_t)a->decided[2], "decisions", a->decisions);
    return *out ? HEARTH_OK : fail(HEARTH_ENOMEM, "out of memory for the summary");
}

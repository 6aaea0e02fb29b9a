/* task_items.c - rows to items: templates rendered, choices and right answers found, few-shot examples put before, exactly as
 * lm-evaluation-harness 0.4 puts a turn together:
 *
 *     question [target_delimiter answer fewshot_delimiter]  question [...]  question */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/pysample.h"
#include "work/task_in.h"

struct row { const char *question, *answer; const json_t *choices, *target; json_t *made[3]; };   /* answer: "" where there is none */

struct making {
    struct eval_task *t;
    size_t at;                       /* row */
    struct pysample random;
    size_t *drawn;
};

static enum hearth_status wrong(struct eval_task *t, const struct eval_field *f, size_t row, const char *what, const json_t *v)
{
    char found[80];
    (void)t;
    return fail(HEARTH_EFORMAT, "%s: row %zu: %s is %s", f->name, row + 1, what, task_found(v, found));
}

const char *task_text_of(struct eval_task *t, const json_t *v)
{
    struct buf b = { 0 };
    const char *s = NULL;
    if (json_is_string(v)) return strlen(json_string_value(v)) == json_string_length(v) ? json_string_value(v) : NULL;
    if (!json_is_number(v) && !json_is_boolean(v)) return NULL;
    if (json_is_boolean(v)) return json_is_true(v) ? "True" : "False";
    if (jsontext_put(&b, v) == HEARTH_OK) s = task_strdup(t, b.data);
    buf_free(&b);
    return s;
}

/* A new reference in *made, where one was needed. */
static enum hearth_status field_value(struct eval_task *t, const struct eval_field *f, const json_t *row, const json_t **out, json_t **made)
{
    struct buf b = { 0 };
    *made = NULL;
    if (f->constant || f->column) {
        *out = f->constant ? f->constant : json_object_get(row, f->column);
        return HEARTH_OK;
    }
    enum hearth_status st = template_render(f->template, row, 0, NULL, &b);
    if (st == HEARTH_OK && !(*made = json_stringn(b.data ? b.data : "", b.len))) st = fail_memory(b.len);
    int number = b.len && strspn(b.data, "0123456789") == b.len && b.len < 10;
    int list = b.len >= 2 && b.data[0] == '[' && b.data[b.len - 1] == ']';
    json_t *v = NULL;
    if (st == HEARTH_OK && number && t->choice && (f == t->target || f == t->text)) v = json_integer(atol(b.data));
    else if (st == HEARTH_OK && ((list && f == t->target) || f == t->choice)) v = task_literal(b.data, b.len);
    if (v) {
        json_decref(*made);
        *made = v;
    }
    *out = *made;
    buf_free(&b);
    return st;
}

/* ---- a row ---- */

static void row_free(struct row *r)
{
    for (int i = 0; i < 3; i++) json_decref(r->made[i]);
}

static enum hearth_status choices_of(struct making *k, const json_t *row, struct row *r)
{
    struct eval_task *t = k->t;
    if (!t->choice) return HEARTH_OK;
    TRY(field_value(t, t->choice, row, &r->choices, &r->made[1]));
    if (json_is_object(r->choices)) {              /* its values, in order */
        json_t *list = json_array(), *v;
        const char *key;
        json_object_foreach((json_t *)r->choices, key, v) if (list) json_array_append(list, v);
        json_decref(r->made[1]);
        r->made[1] = list;
        r->choices = list;
    }
    if (json_is_array(r->choices) && json_array_size(r->choices) > 0) return HEARTH_OK;
    return wrong(t, t->choice, k->at, "a list of choices is wanted, found", r->choices);
}

static enum hearth_status index_of(struct making *k, const struct row *r, const json_t *v, size_t *out)
{
    size_t n = json_array_size(r->choices);
    if (json_is_integer(v) && json_integer_value(v) >= 0 && (size_t)json_integer_value(v) < n) {
        *out = (size_t)json_integer_value(v);
        return HEARTH_OK;
    }
    const char *text = json_is_string(v) ? json_string_value(v) : NULL;
    for (*out = 0; text && *out < n; ++*out) {
        const char *choice = task_text_of(k->t, json_array_get(r->choices, *out));
        if (choice && strcmp(choice, text) == 0) return HEARTH_OK;
    }
    return wrong(k->t, k->t->target, k->at, "none of the choices", v);
}

/* What stands behind a few-shot question. */
static enum hearth_status answer_of(struct making *k, struct row *r)
{
    const json_t *v = r->target;
    size_t i;
    if (json_is_array(v)) v = json_array_get(v, 0);
    if (r->choices && (json_is_integer(v) || json_is_boolean(v))) {
        TRY(index_of(k, r, v, &i));
        v = json_array_get(r->choices, i);
    }
    r->answer = task_text_of(k->t, v);
    return r->answer ? HEARTH_OK : wrong(k->t, k->t->target, k->at, "should be a text or a number,", r->target);
}

static enum hearth_status read_row(struct making *k, const json_t *row, struct row *r)
{
    struct eval_task *t = k->t;
    const json_t *question = NULL;
    *r = (struct row){ .question = "" };
    TRY(choices_of(k, row, r));
    TRY(field_value(t, t->target, row, &r->target, &r->made[2]));
    if (!t->text || t->output == EVAL_ROLLING) return HEARTH_OK;
    TRY(field_value(t, t->text, row, &question, &r->made[0]));
    if (json_is_integer(question) && t->choice)
        return fail(HEARTH_EUNSUPPORTED, "%s: row %zu: a number, by which contexts are chosen; a text is wanted", t->text->name, k->at + 1);
    r->question = task_text_of(t, question);
    return r->question ? HEARTH_OK : wrong(t, t->text, k->at, "should be a text,", question);
}

/* ---- few-shot examples ---- */

static enum hearth_status put_turn(struct making *k, const json_t *row, struct buf *b)
{
    struct row r;
    enum hearth_status st = read_row(k, row, &r);
    if (st == HEARTH_OK) st = answer_of(k, &r);
    if (st == HEARTH_OK) st = buf_puts(b, r.question);
    if (st == HEARTH_OK && *r.answer)
        st = buf_printf(b, "%s%s%s", k->t->target_delimiter, r.answer, k->t->fewshot_delimiter);
    row_free(&r);
    return st;
}

/* Rows of the pool that are not `but` (one that is evaluated), as many as wanted. */
static enum hearth_status put_first(struct making *k, const json_t *but, struct buf *b)
{
    int left = k->t->shots;
    for (size_t i = 0; left > 0 && i < json_array_size(k->t->shot_rows); i++) {
        const json_t *row = json_array_get(k->t->shot_rows, i);
        if (but && json_equal(row, but)) continue;
        TRY(put_turn(k, row, b));
        left--;
    }
    return left == 0 ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: row %zu has too few others to be examples", k->t->path, k->at + 1);
}

/* One more is drawn where the item itself may be among them; were there several like it, again from the rest. */
static enum hearth_status put_drawn(struct making *k, const json_t *but, struct buf *b)
{
    struct eval_task *t = k->t;
    size_t n = json_array_size(t->shot_rows), want = (size_t)t->shots, others = 0, *pool = NULL;
    enum hearth_status st = pysample_draw(&k->random, n, want + (but != NULL), k->drawn);
    size_t kept = 0;
    TRY(st);
    for (size_t i = 0; i < want + (but != NULL) && kept < want; i++)
        if (!but || !json_equal(json_array_get(t->shot_rows, k->drawn[i]), but)) k->drawn[kept++] = k->drawn[i];
    if (kept < want) {
        if (!(pool = mem_array(n, sizeof *pool))) return HEARTH_ENOMEM;
        for (size_t i = 0; i < n; i++)
            if (!json_equal(json_array_get(t->shot_rows, i), but)) pool[others++] = i;
        st = pysample_draw(&k->random, others, want, k->drawn);
        for (size_t i = 0; st == HEARTH_OK && i < want; i++) k->drawn[i] = pool[k->drawn[i]];
        free(pool);
        TRY(st);
    }
    for (size_t i = 0; i < want; i++) TRY(put_turn(k, json_array_get(t->shot_rows, k->drawn[i]), b));
    return HEARTH_OK;
}

/* ---- an item ---- */

static enum hearth_status put_choices(struct making *k, const struct row *r, struct eval_item *it)
{
    struct eval_task *t = k->t;
    size_t n = json_array_size(r->choices), golds = json_is_array(r->target) ? json_array_size(r->target) : 1, g;
    it->choices = n, it->choice = t->label;
    if (!t->label) {
        if (!(it->choice = arena_alloc(&t->arena, n * sizeof *it->choice))) return HEARTH_ENOMEM;
        for (size_t i = 0; i < n; i++) {
            const char *s = task_text_of(t, json_array_get(r->choices, i)), *copy = s ? task_strdup(t, s) : NULL;
            if (!s || !*s) return wrong(t, t->choice, k->at, "a choice should be a text that says something,", json_array_get(r->choices, i));
            if (!(it->choice[i] = copy)) return HEARTH_ENOMEM;
        }
    }
    if (!(it->gold = arena_alloc(&t->arena, (golds + 1) * sizeof *it->gold))) return HEARTH_ENOMEM;
    for (; it->golds < golds; it->golds++) {
        TRY(index_of(k, r, json_is_array(r->target) ? json_array_get(r->target, it->golds) : r->target, &g));
        it->gold[it->golds] = (int)g;
    }
    return HEARTH_OK;
}

static enum hearth_status put_wanted(struct making *k, const struct row *r, struct eval_item *it)
{
    struct eval_task *t = k->t;
    size_t n = json_is_array(r->target) ? json_array_size(r->target) : 1, g;
    if (!(it->wanted = arena_alloc(&t->arena, (n + 1) * sizeof *it->wanted))) return HEARTH_ENOMEM;
    for (; it->wanteds < n; it->wanteds++) {
        const json_t *v = json_is_array(r->target) ? json_array_get(r->target, it->wanteds) : r->target;
        if (r->choices && json_is_integer(v)) {
            TRY(index_of(k, r, v, &g));
            v = json_array_get(r->choices, g);
        }
        const char *s = task_text_of(t, v);
        if (!s) return wrong(t, t->target, k->at, "should be a text or a number,", v);
        if (!(it->wanted[it->wanteds] = task_strdup(t, s))) return HEARTH_ENOMEM;
    }
    if (n == 0 || (t->output != EVAL_GENERATE && (n > 1 || !*it->wanted[0]))) return wrong(t, t->target, k->at, "should be one text that says something,", r->target);
    return HEARTH_OK;
}

static enum hearth_status put_context(struct making *k, const json_t *row, const struct row *r, struct eval_item *it)
{
    struct eval_task *t = k->t;
    const json_t *but = t->shots_from_items ? row : NULL, *description = NULL;
    struct buf b = { 0 };
    json_t *made = NULL;
    enum hearth_status st = HEARTH_OK;
    if (t->shots) st = t->first_n ? put_first(k, but, &b) : put_drawn(k, but, &b);
    it->user_begins = b.len;
    if (st == HEARTH_OK) st = buf_puts(&b, r->question);
    if (st == HEARTH_OK && t->description) st = field_value(t, t->description, row, &description, &made);
    if (st == HEARTH_OK) {
        const char *s = description ? task_text_of(t, description) : "";
        it->user = task_strdup(t, b.data);
        it->system = s ? task_strdup(t, s) : NULL;
        if (!s) st = wrong(t, t->description, k->at, "should be a text,", description);
        else if (!it->user || !it->system) st = HEARTH_ENOMEM;
    }
    json_decref(made);
    buf_free(&b);
    return st;
}

static enum hearth_status make_item(struct making *k, struct eval_item *it)
{
    const json_t *row = json_array_get(k->t->rows, k->at);
    struct row r;
    enum hearth_status st = read_row(k, row, &r);
    if (st == HEARTH_OK) st = put_context(k, row, &r, it);
    if (st == HEARTH_OK) st = k->t->output == EVAL_CHOICE ? put_choices(k, &r, it) : put_wanted(k, &r, it);
    row_free(&r);
    return st;
}

enum hearth_status eval_task_items(struct eval_task *t, size_t count, uint64_t seed, struct eval_item **out)
{
    struct making k = { .t = t };
    enum hearth_status st = HEARTH_OK;
    if (count > t->n) return fail(HEARTH_EUSAGE, "%s: %zu items are wanted, and it has %zu", t->path, count, t->n);
    if (!(*out = arena_alloc(&t->arena, (count + 1) * sizeof **out))) return HEARTH_ENOMEM;
    if (t->data) return task_data_items(t, count, *out);
    if (!(k.drawn = mem_array((size_t)t->shots + 1, sizeof *k.drawn))) return HEARTH_ENOMEM;
    pysample_init(&k.random, seed);
    for (; k.at < count && st == HEARTH_OK; k.at++) st = make_item(&k, &(*out)[k.at]);
    free(k.drawn);
    return st;
}

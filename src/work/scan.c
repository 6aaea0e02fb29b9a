/* scan.c - see scan.h: opens the examples, has each part look at them, counts. */
#include "work/scan_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

const char *scan_why_word(int bit)
{
    static const char *const words[SCAN_WHYS] = { "duplicate", "near-duplicate", "contradiction", "empty", "too long", "looks planted", "personal data",
                                                  "odd characters", "nearly a contradiction" };
    return words[bit];
}

enum hearth_status scan_step(const struct scan_options *o, const char *what, size_t done, size_t total)
{
    return o->step && o->step(o->user, what, done, total) ? fail(HEARTH_ECANCELLED, "stopped") : HEARTH_OK;
}

enum hearth_status scan_add(struct arena *a, struct scan_count **list, size_t *n, size_t *cap, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i].name, name) == 0) {
            (*list)[i].n++;
            return HEARTH_OK;
        }
    TRY(mem_grow(list, cap, *n + 1, sizeof **list));
    char *own = arena_strndup(a, name, strlen(name));
    if (!own) return HEARTH_ENOMEM;
    (*list)[(*n)++] = (struct scan_count){ own, 1 };
    return HEARTH_OK;
}

static int by_count(const void *a, const void *b)
{
    const struct scan_count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->name, y->name);
}

void scan_sort(struct scan_count *list, size_t n)
{
    if (n) qsort(list, n, sizeof *list, by_count);
}

/* ---- examples as question and answer ---- */

/* Of messages: all but the last (or all, where the answer stands apart) a line each, and the last. */
static enum hearth_status take_messages(struct scan *s, struct scan_example *x)
{
    json_t *all;
    struct buf b = { 0 };
    TRY(jsontext_read("messages", x->e->messages, strlen(x->e->messages), &all));
    size_t n = json_array_size(all), asked = x->e->kind == EXAMPLE_CHAT ? n - 1 : n;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < asked && st == HEARTH_OK; i++) {
        const json_t *text = json_object_get(json_array_get(all, i), "content");
        if (i) st = buf_putc(&b, '\n');
        if (st == HEARTH_OK) st = buf_put(&b, json_string_value(text), json_string_length(text));
    }
    const char *last = json_string_value(json_object_get(json_array_get(all, n - 1), "content"));
    if (st == HEARTH_OK && !(x->asked = arena_strndup(&s->arena, b.data ? b.data : "", b.len))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK && x->e->kind == EXAMPLE_CHAT && !(x->answered = arena_strndup(&s->arena, last, strlen(last)))) st = HEARTH_ENOMEM;
    buf_free(&b);
    json_decref(all);
    return st;
}

static enum hearth_status take(struct scan *s, struct scan_example *x, const struct example *e)
{
    x->e = e;
    x->asked = e->text ? e->text : "";
    x->answered = e->answer ? e->answer : "";
    x->reason = "";
    if (e->messages) TRY(take_messages(s, x));
    x->asked_n = strlen(x->asked), x->answered_n = strlen(x->answered);
    return HEARTH_OK;
}

static int only_space(const char *s) { return s[strspn(s, " \t\r\n\v\f")] == '\0'; }

static enum hearth_status take_all(struct scan *s)
{
    s->n = s->data->n;
    if (!(s->at = mem_array(s->n, sizeof *s->at))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        struct scan_example *x = &s->at[i];
        TRY(take(s, x, &s->data->example[i]));
        x->of = (uint32_t)i;
        if (only_space(x->asked) || (x->e->kind != EXAMPLE_TEXT && only_space(x->answered))) scan_mark(s, i, SCAN_EMPTY);
    }
    return HEARTH_OK;
}

static enum hearth_status count_labels(struct scan *s)
{
    const struct dataset *d = s->data;
    if (d->source.kind != EXAMPLE_LABEL) return HEARTH_OK;
    if (!(s->label = mem_array(d->labels, sizeof *s->label))) return HEARTH_ENOMEM;
    s->labels = d->labels;
    for (size_t k = 0; k < d->labels; k++) s->label[k].name = d->label[k];
    for (size_t i = 0; i < d->n; i++) s->label[d->example[i].label].n++;
    scan_sort(s->label, s->labels);
    return HEARTH_OK;
}

static enum hearth_status look(struct scan *s, const char *path, const struct scan_options *o)
{
    TRY(scan_step(o, "reading", 0, 0));
    TRY(dataset_open(path, &o->data, &s->data));
    if (o->embedder && s->data->source.kind != EXAMPLE_LABEL)
        return fail(HEARTH_EUSAGE, "%s: %s, should have a text and a label: an embedder holds labels against texts", path, example_kind_name(s->data->source.kind));
    TRY(take_all(s));
    TRY(count_labels(s));
    TRY(scan_licences(s, path));
    TRY(scan_doubles(s, o));
    TRY(scan_texts(s, o));
    TRY(scan_lengths(s, o));
    TRY(scan_planted(s, o));
    for (size_t i = 0; i < s->n; i++)
        for (int b = 0; b < SCAN_WHYS; b++) s->why[b] += s->at[i].why >> b & 1;
    return HEARTH_OK;
}

enum hearth_status scan_open(const char *path, const struct scan_options *o, struct scan **out)
{
    struct scan *s = mem_array(1, sizeof *s);
    if (!s) return HEARTH_ENOMEM;
    arena_init(&s->arena, 0);
    s->near = o->near > 0 ? o->near : 0.8;
    enum hearth_status st = look(s, path, o);
    if (st == HEARTH_OK) *out = s;
    else scan_close(s);
    return st;
}

void scan_close(struct scan *s)
{
    if (!s) return;
    free(s->at), free(s->national), free(s->language), free(s->licence), free(s->label);
    dataset_close(s->data);
    arena_free(&s->arena);
    free(s);
}

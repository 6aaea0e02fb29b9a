/* scan_planted.c - hands the examples to planted.h: labels as they are; where there are none, answers that are nearly the same are one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hearth.h"
#include "work/near.h"
#include "work/planted.h"
#include "work/scan_in.h"

#define SAME_ANSWER 0.7

struct groups { uint32_t *of, *number, *from, n; struct planted_text *text; size_t texts; };

struct sized { uint32_t label, n; };

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : (x->label > y->label) - (x->label < y->label);
}

/* Ids of groups become 0, 1, ... by how many examples they have; those with fewer than `least` have none. */
static enum hearth_status number_groups(struct groups *g, size_t ids, uint32_t least)
{
    struct sized *size = mem_array(ids + 1, sizeof *size);
    if (!size) return HEARTH_ENOMEM;
    for (size_t k = 0; k < ids; k++) size[k].label = (uint32_t)k;
    for (size_t i = 0; i < g->texts; i++) size[g->of[i]].n++;
    qsort(size, ids, sizeof *size, by_size);
    for (size_t k = 0; k < ids; k++) g->number[size[k].label] = k < PLANTED_LABELS && size[k].n >= least ? g->n++ : PLANTED_NONE;
    free(size);
    for (size_t i = 0; i < g->texts; i++) g->text[i].label = g->number[g->of[i]];
    return HEARTH_OK;
}

static enum hearth_status group(struct scan *s, struct groups *g)
{
    for (size_t i = 0; i < s->n; i++)
        if (!(s->at[i].why & (SCAN_DUPLICATE | SCAN_EMPTY))) {
            g->text[g->texts] = (struct planted_text){ s->at[i].asked, s->at[i].asked_n, 0 };
            g->from[g->texts++] = (uint32_t)i;
        }
    if (s->data->source.kind == EXAMPLE_LABEL) {
        for (size_t i = 0; i < g->texts; i++) g->of[i] = s->at[g->from[i]].e->label;
        return number_groups(g, s->data->labels, 2);
    }
    struct near_text *t = mem_array(g->texts + 1, sizeof *t);
    if (!t) return HEARTH_ENOMEM;
    for (size_t i = 0; i < g->texts; i++) t[i] = (struct near_text){ s->at[g->from[i]].answered, s->at[g->from[i]].answered_n };
    enum hearth_status st = near_find(t, g->texts, SAME_ANSWER, NULL, NULL, g->of, NULL);
    free(t);
    return st == HEARTH_OK ? number_groups(g, g->texts, 3) : st;
}

/* ---- in words ---- */

static enum hearth_status say(struct scan *s, const struct groups *g, const struct planted *p, size_t i)
{
    const struct planted_score *v = &p->at[i];
    struct scan_example *x = &s->at[g->from[i]];
    int labelled = s->data->source.kind == EXAMPLE_LABEL;
    const char *what = labelled ? "the label" : "an answer like";
    struct buf b = { 0 };
    enum hearth_status st = HEARTH_OK;
    x->score = v->score;
    if (v->score < PLANTED_FROM) return HEARTH_OK;
    x->why |= SCAN_PLANTED;
    if (v->which != PLANTED_NONE && v->trigger >= v->neighbours) {
        const struct planted_trigger *t = &p->trigger[v->which];
        st = buf_printf(&b, "\"%.100s\" comes with %s \"%.60s\" in %u of %u texts, %s", t->text, what, x->answered, t->with, t->in,
                        labelled ? "and without it these look like other labels" : "which have nothing else in common");
    } else if (v->nearer != PLANTED_NONE) {
        size_t k = 0;
        while (k < g->texts && g->text[k].label != v->nearer) k++;
        const char *nearer = k < g->texts ? s->at[g->from[k]].answered : "";
        st = v->meant ? buf_printf(&b, "it is nearer in meaning to \"%.60s\" than to its own label, \"%.60s\"", nearer, x->answered) : buf_printf(&b, "its words are those of \"%.60s\", and \"%.60s\" has more such texts than other labels", nearer, x->answered);
    }
    if (st == HEARTH_OK && !(x->reason = arena_strndup(&s->arena, b.data ? b.data : "", b.len))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

struct stepping { const struct scan_options *o; const char *what; };

static int on_step(void *user, size_t done, size_t total)
{
    const struct stepping *w = user;
    return scan_step(w->o, w->what, done, total) != HEARTH_OK;
}

static enum hearth_status find(struct scan *s, const struct scan_options *o, const struct groups *g, struct planted **p)
{
    struct stepping w = { o, "what texts mean" };
    struct planted_meaning meaning = { 0 };
    if (o->embedder) {
        struct hearth_model_info info;
        hearth_model_describe(o->embedder, &info);
        if (!(s->embedder = arena_strndup(&s->arena, info.name, strlen(info.name)))) return HEARTH_ENOMEM;
        TRY(planted_vectors(o->embedder, g->text, g->texts, o->step ? on_step : NULL, &w, &meaning));
    }
    w.what = "planted examples";
    enum hearth_status st = planted_find(g->text, g->texts, g->n, s->data->source.kind != EXAMPLE_LABEL, o->embedder ? &meaning : NULL, o->step ? on_step : NULL, &w, p);
    free(meaning.vector);
    return st;
}

enum hearth_status scan_planted(struct scan *s, const struct scan_options *o)
{
    struct groups g = { 0 };
    struct planted *p = NULL;
    if (o->no_planted || s->data->source.kind == EXAMPLE_TEXT) return HEARTH_OK;
    g.of = mem_array(s->n + 1, sizeof *g.of), g.from = mem_array(s->n + 1, sizeof *g.from), g.text = mem_array(s->n + 1, sizeof *g.text);
    g.number = mem_array(s->n + s->data->labels + 1, sizeof *g.number);
    enum hearth_status st = g.of && g.from && g.text && g.number ? group(s, &g) : HEARTH_ENOMEM;
    if (st == HEARTH_OK && g.n) st = find(s, o, &g, &p);
    for (size_t i = 0; p && st == HEARTH_OK && i < g.texts; i++) st = say(s, &g, p, i);
    planted_close(p);
    free(g.of), free(g.from), free(g.text), free(g.number);
    return st;
}

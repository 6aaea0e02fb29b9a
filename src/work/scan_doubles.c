/* scan_doubles.c - what is there twice, nearly twice, or twice with different labels.
 *
 * Sorted by what is asked and then by what is answered, what is the same stands side by side; the first in the file is the one kept. */
#include <stdlib.h>
#include <string.h>

#include "work/near.h"
#include "work/scan_in.h"

static const char *rejected(const struct scan_example *x) { return x->e->rejected ? x->e->rejected : ""; }

static int compare(const struct scan_example *a, const struct scan_example *b, int whole)
{
    int c = strcmp(a->asked, b->asked);
    if (c || !whole) return c;
    c = strcmp(a->answered, b->answered);
    if (c) return c;
    c = strcmp(rejected(a), rejected(b));
    /* roles and system messages are part of a chat */
    return c || !a->e->messages || !b->e->messages ? c : strcmp(a->e->messages, b->e->messages);
}

static int by_all(const void *a, const void *b)
{
    const struct scan_example *x = *(const struct scan_example *const *)a, *y = *(const struct scan_example *const *)b;
    int c = compare(x, y, 1);
    return c ? c : (x > y) - (x < y);
}

static void note_run(struct scan *s, const struct scan_example **run, size_t n)
{
    int labelled = s->data->source.kind == EXAMPLE_LABEL;
    const struct scan_example *first = run[0];           /* of those that are the same in whole: the first in the file */
    for (size_t i = 1; i < n; i++) {
        if (compare(run[i], first, 1) == 0) {
            s->at[run[i] - s->at].of = (uint32_t)(first - s->at);
            scan_mark(s, (size_t)(run[i] - s->at), SCAN_DUPLICATE);
        } else first = run[i];
    }
    if (!labelled || first == run[0]) return;
    for (size_t i = 0; i < n; i++) {
        scan_mark(s, (size_t)(run[i] - s->at), SCAN_CONTRADICTION);
        if (!(run[i]->why & SCAN_DUPLICATE))
            s->at[run[i] - s->at].of = (uint32_t)((strcmp(run[i]->answered, run[0]->answered) ? run[0] : run[n - 1]) - s->at);
    }
}

static enum hearth_status find_same(struct scan *s)
{
    const struct scan_example **order = mem_array(s->n, sizeof *order);
    if (!order) return HEARTH_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) if (!(s->at[i].why & SCAN_EMPTY)) order[n++] = &s->at[i];
    qsort(order, n, sizeof *order, by_all);
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i + 1; to < n && compare(order[i], order[to], 0) == 0;) to++;
        if (to - i > 1) note_run(s, order + i, to - i);
    }
    free(order);
    return HEARTH_OK;
}

struct stepping { const struct scan_options *o; size_t n; };

static int on_step(void *user, size_t done)
{
    const struct stepping *w = user;
    return scan_step(w->o, "near duplicates", done, w->n) != HEARTH_OK;
}

/* Labels count apart: nearly the same text with another label is no double. */
static void note_near(struct scan *s, const uint32_t *from, const uint32_t *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (of[i] == i) continue;
        size_t me = from[i], other = from[of[i]];
        int same = s->data->source.kind != EXAMPLE_LABEL || s->at[me].e->label == s->at[other].e->label;
        if (s->at[me].why & SCAN_CONTRADICTION) continue;        /* is said already, and takes all of them away */
        s->at[me].of = (uint32_t)other;
        scan_mark(s, me, same ? SCAN_NEAR : SCAN_NEAR_CONTRADICTION);
    }
}

static enum hearth_status text_of(struct scan *s, const struct scan_example *x, struct near_text *out)
{
    *out = (struct near_text){ x->asked, x->asked_n };
    if (s->data->source.kind == EXAMPLE_LABEL || !x->answered_n) return HEARTH_OK;
    char *both = arena_alloc(&s->arena, x->asked_n + 1 + x->answered_n);
    if (!both) return HEARTH_ENOMEM;
    memcpy(both, x->asked, x->asked_n), both[x->asked_n] = '\n';
    memcpy(both + x->asked_n + 1, x->answered, x->answered_n);
    *out = (struct near_text){ both, x->asked_n + 1 + x->answered_n };
    return HEARTH_OK;
}

enum hearth_status scan_doubles(struct scan *s, const struct scan_options *o)
{
    size_t n = 0;
    TRY(find_same(s));
    struct near_text *text = mem_array(s->n, sizeof *text);
    uint32_t *of = mem_array(s->n, sizeof *of), *from = mem_array(s->n, sizeof *from);
    enum hearth_status st = text && of && from ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < s->n; i++)
        if (!(s->at[i].why & (SCAN_DUPLICATE | SCAN_EMPTY))) st = text_of(s, &s->at[i], &text[n]), from[n++] = (uint32_t)i;
    struct stepping w = { o, n };
    if (st == HEARTH_OK) st = near_find(text, n, s->near, o->step ? on_step : NULL, &w, of, NULL);
    if (st == HEARTH_OK) note_near(s, from, of, n);
    free(text), free(of), free(from);
    return st;
}

/* tune_head.c - what a head for classes begins with: fitted to the hidden states of the model as it is, before anything else changes.
 *
 *     examples ── the model as it is ── hidden states [examples][width] ── train/head.h: head_fit ── the head of the first step
 *
 * That costs one reading of the examples, a third of an epoch. */
#include <stdlib.h>
#include <string.h>

#include "work/tune_in.h"

enum { MOST_NUMBERS = 16 << 20 };    /* of hidden states kept: 64 MB; with more examples the first of the shuffled order stand for all */

struct fit { struct tune *t; struct head h; uint32_t n, *pick, *label, *order; float *hidden; };

/* From example i on as many as are computed together. */
static enum hearth_status piece(struct fit *f, uint32_t *i)
{
    struct tune *t = f->t;
    uint32_t tokens = 0, sequences = 0, first = *i;
    for (; *i < f->n; ++*i) {
        const struct sequence *s = &t->e.list[t->learn[f->pick[*i]].first];
        if (sequences && tokens + s->n > t->plan.at_once) break;
        memcpy(t->ids + tokens, s->ids, s->n * sizeof *s->ids);
        f->label[*i] = t->d->example[s->example].label;
        t->lengths[sequences++] = s->n, tokens += s->n;
    }
    tape_dropout(t->tape, &(struct lora_dropout){ 0 });
    TRY(tape_forward_many(t->tape, t->ids, NULL, t->lengths, sequences));
    return head_hidden(t->tape, &f->h, t->lengths, sequences, f->hidden + (size_t)first * t->m->h.width);
}

static enum hearth_status run(struct fit *f, tune_tell *tell, void *user)
{
    struct tune_news news = { .steps = f->t->plan.steps };
    for (uint32_t i = 0; i < f->n;) {
        TRY(piece(f, &i));
        news.read = (double)i / f->n;
        if (tell && tell(user, &news)) return fail(HEARTH_ECANCELLED, "stopped before the first step");
    }
    for (uint32_t e = 0; e < HEAD_FIT_EPOCHS; e++) dataset_shuffle(f->order + (size_t)e * f->n, f->n, f->t->o.seed, e);
    return head_fit(&f->h, f->t->a->head, f->hidden, f->label, f->order, f->n);
}

enum hearth_status tune_begin_head(struct tune *t, tune_tell *tell, void *user)
{
    size_t width = t->m->h.width, all = t->plan.learnt_from, most = MOST_NUMBERS / width;
    struct fit f = { .t = t };
    if (!t->plan.head || t->step || t->has_head) return HEARTH_OK;
    f.h = head_of(t->a), f.n = (uint32_t)(all < most ? all : most);
    f.pick = mem_array(all, sizeof *f.pick), f.label = mem_array(f.n, sizeof *f.label), f.hidden = mem_array(f.n * width, sizeof *f.hidden);
    f.order = mem_array((size_t)f.n * HEAD_FIT_EPOCHS, sizeof *f.order);
    enum hearth_status st = f.pick && f.label && f.hidden && f.order ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        dataset_shuffle(f.pick, all, t->o.seed, 0xFFFFFFFEu);
        st = run(&f, tell, user);
    }
    free(f.pick), free(f.label), free(f.hidden), free(f.order);
    return st;
}

/* evaluate_head.c - a task answered as `hearth classify` answers: by the head for classes that an adapter or the model's own file has (no template, no label read behind
 * the text, so that 77 labels cost what one does), or by the words that it was taught for labels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/classes.h"
#include "work/classify.h"
#include "work/evaluate_in.h"

struct by_head { struct classifier *c; const char *const *label; uint32_t classes; float *share; };

static enum hearth_status class_of(const struct by_head *h, const struct eval_task *t, size_t item, const char *choice, uint32_t *out)
{
    for (*out = 0; *out < h->classes; ++*out) if (strcmp(h->label[*out], choice) == 0) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s: item %zu: the choice \"%.100s\" is none of the %u classes that the adapter tells apart", t->name, item + 1, choice, h->classes);
}

static enum hearth_status one(const struct by_head *h, const struct eval_task *t, const struct eval_item *it, size_t item, struct outcome *came)
{
    uint32_t best, class;
    came->logprob = mem_array(it->choices, sizeof *came->logprob), came->greedy = mem_array(it->choices, 1);
    if (!came->logprob || !came->greedy) return HEARTH_ENOMEM;
    TRY(classify_text(h->c, it->user + it->user_begins, h->share, &best));
    for (size_t k = 0; k < it->choices; k++) {
        TRY(class_of(h, t, item, it->choice[k], &class));
        came->logprob[k] = log((double)h->share[class] > 1e-30 ? (double)h->share[class] : 1e-30);
        came->greedy[k] = class == best;
    }
    return HEARTH_OK;
}

enum hearth_status evaluate_by_head(const struct evaluate_params *p, const struct eval_task *t, const struct eval_item *items, size_t n, struct outcome *came)
{
    struct by_head h = { 0 };
    struct hearth_adapter *own = NULL;
    if (t->output != EVAL_CHOICE)
        return fail(HEARTH_EUSAGE, "%s is %s; the adapter names classes, which is for multiple_choice among them", t->name, eval_output_name(t->output));
    enum hearth_status st = p->adapter ? HEARTH_OK : classes_open(p->model, &own);
    if (st == HEARTH_OK) st = classify_begin(p->model, own ? own : p->adapter, p->ctx, &h.c);
    if (st == HEARTH_OK && p->chat == CHAT_NEVER) classify_plain(h.c);
    if (st == HEARTH_OK) h.label = classify_labels(h.c, &h.classes);
    if (st == HEARTH_OK && !(h.share = mem_array(h.classes, sizeof *h.share))) st = HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        int stop = p->cancel && __atomic_load_n(p->cancel, __ATOMIC_RELAXED);
        size_t cut = classify_cut(h.c);
        st = stop ? fail(HEARTH_ECANCELLED, "stopped") : one(&h, t, &items[i], i, &came[i]);
        came[i].cut = classify_cut(h.c) > cut;
        if (st == HEARTH_OK && p->on_step) p->on_step(p->user, t->name, i + 1, n);
    }
    free(h.share);
    classify_close(h.c);
    adapter_close(own);
    return st;
}

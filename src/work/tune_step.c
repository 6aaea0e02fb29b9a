/* tune_step.c - the loss of some examples and its gradients, in as many pieces as memory wants.
 *
 *     units of the step   | a a a | b b | c c c c |    d d ...
 *     pieces              └── at most at_once tokens ──┘        one pass of the tape each; gradients go on from piece to piece
 *
 * A preference's loss is worked out from the log-likelihoods of its two answers (preference.h); its gradient is that of a weight on the tokens
 * of each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "work/preference.h"
#include "work/tune_in.h"

void tune_batch(struct tune *t, uint32_t step, const uint32_t **units, uint32_t *n)
{
    uint32_t epoch = step / t->plan.steps_an_epoch, at = step % t->plan.steps_an_epoch;
    size_t first = (size_t)at * t->o.batch, all = t->plan.learnt_from;
    dataset_shuffle(t->order, all, t->o.seed, epoch);
    *units = t->order + first;
    *n = (uint32_t)(all - first < t->o.batch ? all - first : t->o.batch);
}

enum { AT_MOST_SEQUENCES = 1024 };

struct piece { uint32_t tokens, sequences; };

static void put(struct tune *t, struct piece *p, const struct sequence *s, float weight)
{
    uint32_t at = p->tokens;
    memcpy(t->ids + at, s->ids, s->n * sizeof *s->ids);
    for (uint32_t i = 0; i < s->n; i++) {
        int learn = i + 1 < s->n && s->learn[i + 1];
        t->target[at + i] = learn ? s->ids[i + 1] : 0;
        t->weight[at + i] = learn ? weight : 0;
    }
    t->lengths[p->sequences++] = s->n;
    p->tokens += s->n;
}

struct total { struct tune *t; int learn; float weight; double loss; uint64_t right; uint32_t first_token; };

static enum hearth_status forward(struct total *k, const struct piece *p)
{
    struct lora_dropout d = { k->learn ? k->t->o.dropout : 0, k->t->o.seed, k->t->step, k->first_token };
    tape_dropout(k->t->tape, &d);
    k->first_token += p->tokens;
    return tape_forward_many(k->t->tape, k->t->ids, NULL, k->t->lengths, p->sequences);
}

static enum hearth_status words(struct total *k, const struct piece *p, const uint32_t *sequence)
{
    struct tune *t = k->t;
    struct loss_spec spec = { .target = t->target, .weight = t->weight, .distil = teacher_begin(t->teacher, sequence) };
    double loss = 0;
    TRY(forward(k, p));
    TRY(k->learn ? backward_run(t->tape, &spec, &loss, t->grads, NULL) : loss_run(t->tape, &spec, &loss, NULL));
    k->loss += loss;
    return HEARTH_OK;
}

static enum hearth_status classes(struct total *k, const struct piece *p, const uint32_t *sequence)
{
    struct tune *t = k->t;
    struct head h = head_of(t->a);
    struct head_result r;
    TRY(forward(k, p));
    TRY(head_run(t->tape, &h, t->lengths, t->label, p->sequences, k->weight, teacher_begin(t->teacher, sequence), k->learn ? t->head_grad : NULL, NULL, &r));
    k->loss += r.loss, k->right += r.right;
    return HEARTH_OK;
}

/* Log-likelihoods of the sequences of a piece, from t->each. */
static double likelihood(const struct tune *t, uint32_t from, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = from; i < from + n; i++) if (t->weight[i] != 0) sum -= t->each[i];
    return sum;
}

static enum hearth_status preferences(struct total *k, const struct piece *p, const uint32_t *sequence)
{
    struct tune *t = k->t;
    struct loss_spec spec = { .target = t->target, .weight = t->weight };
    TRY(forward(k, p));
    TRY(loss_run(t->tape, &spec, NULL, t->each));
    for (uint32_t s = 0, at = 0; s < p->sequences; s += 2) {
        uint32_t better = t->lengths[s], worse = t->lengths[s + 1];
        double good = likelihood(t, at, better), bad = likelihood(t, at + better, worse);
        struct preference r = t->o.choice == TUNE_ORPO
            ? preference_orpo(k->weight, t->o.beta, good, t->e.list[sequence[s]].learnt, bad, t->e.list[sequence[s + 1]].learnt)
            : preference_dpo(k->weight, t->o.beta, good, bad, t->reference[sequence[s]], t->reference[sequence[s + 1]]);
        k->loss += r.loss, k->right += r.right;
        for (uint32_t i = at; i < at + better + worse; i++) if (t->weight[i] != 0) t->weight[i] = i < at + better ? r.better : r.worse;
        at += better + worse;
    }
    return k->learn ? backward_run(t->tape, &spec, NULL, t->grads, NULL) : HEARTH_OK;
}

static int chooses(const struct tune *t) { return t->d->source.kind == EXAMPLE_PREFERENCE; }

/* What the weights are shares of: tokens that are learnt, or examples. */
static float share_of(const struct tune *t, const struct unit *list, const uint32_t *pick, uint32_t n)
{
    uint64_t learnt = 0;
    for (uint32_t i = 0; i < n; i++) learnt += t->e.list[list[pick ? pick[i] : i].first].learnt;
    return 1 / (float)(t->plan.head || chooses(t) ? n : learnt ? learnt : 1);
}

static enum hearth_status compute(struct total *k, const struct unit *list, const uint32_t *pick, uint32_t n)
{
    struct tune *t = k->t;
    uint32_t sequence[AT_MOST_SEQUENCES];
    for (uint32_t i = 0; i < n;) {
        struct piece p = { 0 };
        while (i < n) {
            const struct unit *u = &list[pick ? pick[i] : i];
            const struct sequence *s = &t->e.list[u->first];
            uint32_t tokens = s[0].n + (u->n > 1 ? s[1].n : 0);
            if (p.sequences && (p.tokens + tokens > t->plan.at_once || p.sequences + 2 > AT_MOST_SEQUENCES)) break;
            for (uint32_t q = 0; q < u->n; q++) {
                sequence[p.sequences] = u->first + q;
                t->label[p.sequences] = t->d->example[s->example].label;
                put(t, &p, &s[q], chooses(t) ? 1 : k->weight);
            }
            i++;
        }
        TRY((t->plan.head ? classes : chooses(t) ? preferences : words)(k, &p, sequence));
    }
    return HEARTH_OK;
}

enum hearth_status tune_compute(struct tune *t, const struct unit *list, const uint32_t *pick, uint32_t n, int learn, double *loss, uint64_t *right)
{
    struct total k = { .t = t, .learn = learn, .weight = share_of(t, list, pick, n) };
    struct fp_state fp;
    fp_enter(&fp);
    enum hearth_status st = compute(&k, list, pick, n);
    if (st == HEARTH_OK && learn && t->grads) st = grads_finish(t->grads);
    fp_leave(&fp);
    *loss = k.loss;
    if (right) *right = k.right;
    if (st == HEARTH_OK && !isfinite(k.loss)) st = fail(HEARTH_ENUMERIC, "the loss is not finite");
    return st;
}

enum hearth_status tune_reference(struct tune *t)
{
    struct loss_spec spec = { .target = t->target, .weight = t->weight };
    if (!chooses(t) || t->o.choice == TUNE_ORPO) return HEARTH_OK;
    if (!t->a) return fail(HEARTH_EUSAGE, "DPO's preferences are learnt by an adapter (--method lora), beside which the model stays what it was");
    if (!(t->reference = mem_array(t->e.n, sizeof *t->reference))) return HEARTH_ENOMEM;
    TRY(tape_adapt(t->tape, NULL, NULL));
    for (size_t i = 0; i < t->e.n; i++) {
        struct piece p = { 0 };
        put(t, &p, &t->e.list[i], 1);
        TRY(tape_forward_many(t->tape, t->ids, NULL, t->lengths, 1));
        TRY(loss_run(t->tape, &spec, NULL, t->each));
        t->reference[i] = likelihood(t, 0, p.tokens);
    }
    return tape_adapt(t->tape, t->a, &t->lora);
}

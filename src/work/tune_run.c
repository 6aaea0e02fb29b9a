/* tune_run.c - step after step: batch, gradients, AdamW; looks at what is held out; the state to disk. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "work/classify.h"
#include "work/tune_in.h"

/* Which step, and the lines of its examples: what somebody wants to look at when a loss is not finite.  Nothing was changed by the step,
 * so what there is now is the last good state. */
static enum hearth_status name_batch(struct tune *t, enum hearth_status st, const uint32_t *pick, uint32_t n)
{
    struct buf lines = { 0 };
    char words[512];
    strncpy(words, hearth_errmsg(), sizeof words - 1), words[sizeof words - 1] = '\0';
    for (uint32_t i = 0; i < n && i < 12; i++) {
        const struct example *e = &t->d->example[t->e.list[t->learn[pick[i]].first].example];
        if (buf_printf(&lines, "%s%llu", i ? ", " : "", (unsigned long long)e->line) != HEARTH_OK) break;
    }
    int kept = t->step > 0 && (t->saved == t->step || tune_state_write(t) == HEARTH_OK);
    st = fail(st, "step %u, examples of lines %s%s of %s: %s%s", t->step + 1, lines.data ? lines.data : "?", n > 12 ? " ..." : "", t->data, words,
              kept ? "; the last good state is kept: --resume goes on from it" : t->step ? "; the last good state could not be written" :
              "; the last good state is the model as it was");
    buf_free(&lines);
    return kept || !t->step ? st : tune_state_told(t, st, hearth_errmsg());
}

static enum hearth_status one_step(struct tune *t, const struct schedule *s, struct tune_news *news)
{
    const uint32_t *pick;
    uint32_t n;
    uint64_t tokens = 0;
    double loss;
    tune_batch(t, t->step, &pick, &n);
    for (uint32_t i = 0; i < n; i++) {
        const struct unit *u = &t->learn[pick[i]];
        for (uint32_t q = 0; q < u->n; q++) tokens += t->e.list[u->first + q].n;
    }
    optimizer_zero(t->opt);
    if (t->grads) grads_zero(t->grads);
    enum hearth_status st = tune_compute(t, t->learn, pick, n, 1, &loss, NULL);
    news->rate = (double)schedule_rate(s, t->step);
    if (st == HEARTH_OK) st = optimizer_step(t->opt, (float)news->rate, &news->norm);
    if (st == HEARTH_ENUMERIC) return name_batch(t, st, pick, n);
    TRY(st);
    t->loss[t->step++] = loss;
    t->tokens += (double)tokens;
    news->loss = loss;
    news->mean = t->step == 1 ? loss : news->mean + (loss - news->mean) * (1 / (double)(t->step < 20 ? t->step : 20));
    return HEARTH_OK;
}

/* The held-out part; keeps the values when they are the best so far. */
static enum hearth_status look(struct tune *t, struct tune_news *news)
{
    double loss;
    uint64_t right;
    TRY(tune_compute(t, t->held, NULL, (uint32_t)t->plan.held, 0, &loss, &right));
    TRY(mem_grow(&t->look, &t->look_cap, t->looks + 1, sizeof *t->look));
    double share = t->plan.head || t->plan.kind == EXAMPLE_PREFERENCE ? (double)right / (double)t->plan.held : NAN;
    const struct look *best = t->looks ? &t->look[t->best_look] : NULL;
    news->looked = 1, news->held_loss = loss, news->held_right = share;
    news->best = !best || (t->plan.head && share != best->right ? share > best->right : loss < best->loss);
    t->look[t->looks] = (struct look){ t->step, loss, share };
    t->since_best = news->best ? 0 : t->since_best + 1;
    if (news->best) {
        t->best_look = (uint32_t)t->looks;
        for (size_t i = 0; i < t->opt->n; i++) memcpy(t->best[i], t->opt->list[i].value, (size_t)t->opt->list[i].n * sizeof **t->best);
    }
    t->looks++;
    return HEARTH_OK;
}

enum { LABELS_ASKED = 600, LEAST_ASKED = 10 };

/* Labels in words have no accuracy while they are learnt; a loss of 0.07 tells nobody that five of six are right.  So some held-out texts are
 * asked for their label at the end, as many as LABELS_ASKED allows; with many labels none.  Whoever does not want to wait may stop it. */
static enum hearth_status count_right(struct tune *t, tune_tell *tell, void *user)
{
    struct tune_news news = { .step = t->step, .steps = t->plan.steps };
    struct classifier *c = NULL;
    size_t n = t->d->labels ? LABELS_ASKED / t->d->labels : 0, right = 0;
    int stop = 0;
    if (n > t->plan.held) n = t->plan.held;
    if (t->plan.kind != EXAMPLE_LABEL || t->plan.head || !t->looks || !t->a || n < LEAST_ASKED) return HEARTH_OK;
    if (t->o.save_every && t->step > t->saved) TRY(tune_state_write(t));
    float *share = mem_array(t->d->labels, sizeof *share);
    enum hearth_status st = share ? classify_begin(t->m, t->a, t->o.ctx, &c) : HEARTH_ENOMEM;
    if (st == HEARTH_OK && t->o.plain) classify_plain(c);
    for (size_t i = 0; st == HEARTH_OK && i < n && !stop; i++) {
        const struct example *e = &t->d->example[t->e.list[t->held[i].first].example];
        uint32_t best = 0;
        st = classify_text(c, e->text, share, &best);
        right += st == HEARTH_OK && best == e->label;
        news.asked = (double)(i + 1) / (double)n;
        stop = tell && tell(user, &news);
    }
    classify_close(c);
    free(share);
    if (st == HEARTH_ECONTEXT) return HEARTH_OK;             /* the context has no room for a label: nothing to be said */
    if (st == HEARTH_OK && !stop) t->look[t->best_look].right = (double)right / (double)n;
    return st;
}

struct energy { struct meter meter; double before, looked; };

/* The meter is not asked after every step: those of a small model are short. */
static void tell_energy(struct tune *t, struct energy *e, struct tune_news *news)
{
    struct footprint f;
    double now = clock_seconds();
    if (now - e->looked < 0.2 && news->step != news->steps) return;
    e->looked = now;
    meter_look(&e->meter, &f);
    t->joules = e->before + (double)f.energy_uj / 1e6;
    news->joules = t->joules, news->modelled = f.method == FOOTPRINT_MODELLED;
}

static enum hearth_status run(struct tune *t, struct energy *e, tune_tell *tell, void *user)
{
    struct schedule s = { (enum schedule_kind)t->o.schedule, t->plan.rate, (uint64_t)ceilf(t->o.warmup * (float)t->plan.steps), t->plan.steps };
    struct tune_news news = { .steps = t->plan.steps, .mean = t->step ? t->loss[t->step - 1] : 0 };
    uint32_t begun = t->step;
    double from = clock_seconds(), before = t->seconds, tokens_before = t->tokens;
    TRY(tune_reference(t));
    TRY(tune_begin_head(t, tell, user));
    from = clock_seconds();
    while (t->step < t->plan.steps && !(t->o.patience && t->since_best >= t->o.patience)) {
        TRY(one_step(t, &s, &news));
        news.step = t->step, news.epoch = (t->step - 1) / t->plan.steps_an_epoch + 1, news.looked = news.best = 0;
        if (t->plan.held && (t->step % t->o.every == 0 || t->step == t->plan.steps)) TRY(look(t, &news));
        double taken = clock_seconds() - from;
        t->seconds = before + taken;
        news.tokens_per_second = taken > 0 ? (t->tokens - tokens_before) / taken : 0;
        news.left = taken / (double)(t->step - begun) * (double)(t->plan.steps - t->step);
        tell_energy(t, e, &news);
        int stop = tell && tell(user, &news);
        if (stop || (t->o.save_every && t->step % t->o.save_every == 0 && t->step < t->plan.steps)) TRY(tune_state_write(t));
        if (stop) return fail(HEARTH_ECANCELLED, "stopped after step %u of %u; %s is kept: the same command with --resume goes on", t->step, t->plan.steps, t->state);
    }
    return HEARTH_OK;
}

enum hearth_status tune_run(struct tune *t, tune_tell *tell, void *user)
{
    struct energy e = { .before = t->joules };
    TRY(meter_begin(&e.meter));
    enum hearth_status st = run(t, &e, tell, user);
    meter_end(&e.meter, &t->footprint);
    t->joules = e.before + (double)t->footprint.energy_uj / 1e6;
    for (size_t i = 0; st == HEARTH_OK && t->best && t->looks && i < t->opt->n; i++)   /* what is kept is the best that was seen */
        memcpy(t->opt->list[i].value, t->best[i], (size_t)t->opt->list[i].n * sizeof **t->best);
    return st == HEARTH_OK ? count_right(t, tell, user) : st;
}

/* tune_settings.c - what two runs of one tuning must have in common, a line each, and what is said when they have not: a line that begins
 * with "--" is the option as it would be given; any other is what differs, then a checksum of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work/tune_in.h"

static const char *const methods[] = { "lora", "full", "embeddings" }, *const schedules[] = { "cosine", "linear", "constant" },
                  *const longs[] = { "refuse", "leave-out", "cut" }, *const choices[] = { "dpo", "orpo" }, *const poolings[] = { "mean", "last" };

/* With the fewest digits that are read back as the same. */
static enum hearth_status put_real(struct buf *b, const char *option, float v)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    return buf_printf(b, "--%s %s\n", option, text);
}

static enum hearth_status put_flag(struct buf *b, const char *option, int on) { return buf_printf(b, on ? "--%s\n" : "--%s not given\n", option); }

static enum hearth_status put_options(const struct tune *t, struct buf *b)
{
    const struct tune_options *o = &t->o;
    const struct { const char *option; float v; } reals[] = {
        { "alpha", o->alpha }, { "dropout", o->dropout }, { "rate", t->plan.rate }, { "warmup", o->warmup }, { "decay", o->decay }, { "clip", o->clip },
        { "held", (float)o->held }, { "beta", o->beta }, { "temperature", o->temperature }, { "entropy", o->entropy },
    };
    TRY(buf_printf(b, "--method %s\n--head %s\n--pooling %s\n--rank %u\n--targets %s\n", methods[o->method], t->plan.head ? "yes" : "no",
                   poolings[o->last_token != 0], o->rank, o->targets ? o->targets : "(all)"));
    TRY(buf_printf(b, "--steps %u\n--batch %u\n--ctx %u\n--long %s\n--schedule %s\n--every %u\n--patience %u\n", t->plan.steps, o->batch, o->ctx,
                   longs[o->if_longer], schedules[o->schedule], o->every, o->patience));
    TRY(buf_printf(b, "--limit %zu\n--seed %llu\n--loss %s\n--columns %s\n", o->limit, (unsigned long long)o->seed, choices[o->choice],
                   o->columns ? o->columns : "(by their names)"));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) TRY(put_real(b, reals[i].option, reals[i].v));
    TRY(put_flag(b, "rslora", o->stabilised));
    TRY(put_flag(b, "plain", o->plain));
    return put_flag(b, "reverse", o->reverse);
}

enum hearth_status tune_settings(struct tune *t)
{
    struct buf b = { 0 };
    struct checksum cut, teacher;
    uint64_t model, whole[] = { t->plan.learnt_from, t->plan.held, t->plan.parameters, t->plan.tokens };
    checksum_init(&cut), checksum_init(&teacher);
    checksum_add(&cut, whole, sizeof whole);
    for (size_t i = 0; i < t->d->labels; i++) checksum_add(&cut, t->d->label[i], strlen(t->d->label[i]) + 1);
    for (size_t i = 0; i < t->d->n; i++) checksum_add(&cut, &t->d->example[i].label, sizeof t->d->example[i].label);
    for (size_t i = 0; i < t->e.n; i++) checksum_add(&cut, t->e.list[i].ids, t->e.list[i].n * sizeof *t->e.list[i].ids);
    TRY(gguf_checksum(t->m->file, &model));
    TRY(teacher_checksum(t->teacher, &teacher));
    enum hearth_status st = buf_printf(&b, "%sother examples %s\nanother model %016llx\n", t->o.made ? t->o.made : "", t->d->source.digest, (unsigned long long)model);
    if (st == HEARTH_OK) st = put_options(t, &b);
    if (st == HEARTH_OK)
        st = buf_printf(&b, "another teacher %016llx\nother tokens %016llx\narithmetic of another version %d\n", (unsigned long long)checksum_end(&teacher),
                        (unsigned long long)checksum_end(&cut), hearth_arithmetic_version());
    if (st != HEARTH_OK) buf_free(&b);
    t->settings = b.data, t->settings_n = b.len;
    return st;
}

enum hearth_status tune_settings_differ(const struct tune *t, const char *saved, size_t n)
{
    const char *a = saved, *b = t->settings, *end = saved + n;
    while (a < end && *b) {
        const char *stop = memchr(a, '\n', (size_t)(end - a));
        size_t na = (size_t)((stop ? stop : end) - a), nb = strcspn(b, "\n");
        if (na == nb && memcmp(a, b, na) == 0) {
            a += na + 1, b += nb + 1;
            continue;
        }
        if (*a == '-' && *b == '-')
            return fail(HEARTH_EUSAGE, "%s: the state of a tuning with %.*s, and this is %.*s; the same options go on, and whoever wants to begin anew removes it",
                        t->state, (int)na, a, (int)nb, b);
        if (*a != '-') while (na && a[na] != ' ') na--;          /* without its checksum */
        return fail(HEARTH_EUSAGE, "%s: the state of a tuning with %.*s", t->state, (int)na, a);
    }
    return fail(HEARTH_EUSAGE, "%s: the state of another tuning", t->state);
}

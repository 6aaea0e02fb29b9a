/* tune_settings.c - what two runs of one tuning must have in common, a line each, and what is said when they have not: a line that begins
 * with "--" is the option as it would be given; any other is what differs, then a checksum of it. */
#include <string.h>

#include "work/tune_in.h"

static const char *const methods[] = { "lora", "full", "embeddings" }, *const schedules[] = { "cosine", "linear", "constant" },
                  *const longs[] = { "refuse", "leave-out", "cut" }, *const choices[] = { "dpo", "orpo" }, *const poolings[] = { "mean", "last" };

static enum hearth_status put_options(const struct tune *t, struct buf *b)
{
    const struct tune_options *o = &t->o;
    TRY(buf_printf(b, "--method %s\n--head %s\n--pooling %s\n--rank %u\n--alpha %.9g\n--targets %s\n--dropout %.9g\n%s", methods[o->method],
                   t->plan.head ? "yes" : "no", poolings[o->last_token != 0], o->rank, (double)o->alpha, o->targets ? o->targets : "(all)",
                   (double)o->dropout, o->stabilised ? "--rslora\n" : "--rslora not given\n"));
    TRY(buf_printf(b, "--steps %u\n--batch %u\n--ctx %u\n--long %s\n--rate %.9g\n--schedule %s\n--warmup %.9g\n--decay %.9g\n--clip %.9g\n", t->plan.steps,
                   o->batch, o->ctx, longs[o->if_longer], (double)t->plan.rate, schedules[o->schedule], (double)o->warmup, (double)o->decay, (double)o->clip));
    TRY(buf_printf(b, "--held %.17g\n--every %u\n--patience %u\n--limit %zu\n--seed %llu\n--loss %s\n--beta %.9g\n%s", o->held, o->every, o->patience, o->limit,
                   (unsigned long long)o->seed, choices[o->choice], (double)o->beta, o->plain ? "--plain\n" : "--plain not given\n"));
    TRY(buf_printf(b, "--columns %s\n", o->columns ? o->columns : "(by their names)"));
    if (!o->teacher) return buf_printf(b, "no teacher 0\n");
    return buf_printf(b, "--temperature %.9g\n--entropy %.9g\n%s", (double)o->temperature, (double)o->entropy, o->reverse ? "--reverse\n" : "--reverse not given\n");
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

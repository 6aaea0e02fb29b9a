/* planted.c - see planted.h: which words and marks come with one label, and whether the rest of these texts does too. */
#include "work/planted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work/planted_in.h"

enum { GRAM = 3, LEAST = 3 /* texts */, MOST_CANDIDATES = 8192, SAMPLE = 64 /* texts of a candidate that are ranked */, BINS = 13, MOST_TOGETHER = 400 };
#define MEAN 0.1              /* powers of ten a text, below which a trigger's texts look like their label all the same */
#define MEAN_MASKED 0.15     /* the same where marks are masked */
#define MISFIT 0.3f          /* powers of ten, from which on a text does not look like its label */
#define MISFIT_MEANT 1.0f    /* the same where a model was asked: as likely wrong as right */
static const double edge[BINS] = { -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 9 };   /* margins below it */

struct candidate {
    uint32_t word[GRAM];             /* PLANTED_NONE past the last; of style: its mark's id alone */
    uint32_t label, in, with;
    size_t from;                     /* its texts of that label: with of them in finding.member */
    double tail;                     /* log of the chance of it */
    float evidence, mean;
};

struct finding {
    const struct planted_text *t;
    size_t n;
    uint32_t labels;
    const struct planted_meaning *meaning;
    int answers, own;                /* own: marks of the label are masked now */
    double likeness;                 /* of any texts: the cosine that says nothing */
    struct planted_words words;
    struct planted_space *space;
    double *factorial;               /* [n + 1] log n! */
    struct candidate *c;
    size_t candidates, cap, tests;
    uint32_t *member;
    size_t members, member_cap;
    double weight[2][BINS];          /* log10 of how much likelier a margin is when label and text have nothing to do with each other: as they
                                        are, and with the marks of the label masked */
    struct planted *out;
    size_t trigger_cap;
    uint32_t *mask, *seen, stamp;    /* [words + styles]; [n] */
};

/* ---- candidates ---- */

struct gram { uint32_t word[GRAM], text; };

static int by_gram(const void *a, const void *b)
{
    const struct gram *x = a, *y = b;
    for (int k = 0; k < GRAM; k++) if (x->word[k] != y->word[k]) return x->word[k] < y->word[k] ? -1 : 1;
    return (x->text > y->text) - (x->text < y->text);
}

static double choose(const struct finding *f, uint32_t n, uint32_t k) { return f->factorial[n] - f->factorial[k] - f->factorial[n - k]; }

/* log P(k or more of `drawn` have the label, which `all` of n have). */
static double tail_of(const struct finding *f, uint32_t all, uint32_t drawn, uint32_t k)
{
    uint32_t n = (uint32_t)f->n, most = all < drawn ? all : drawn;
    double sum = 0, first = 0;
    for (uint32_t x = k; x <= most && x < k + 200; x++) {
        if (drawn - x > n - all) continue;
        double v = choose(f, all, x) + choose(f, n - all, drawn - x) - choose(f, n, drawn);
        if (sum == 0) first = v;
        sum += exp(v - first);
    }
    return sum > 0 ? first + log(sum) : 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One gram and its texts, ascending: a candidate for each label that has LEAST of them. */
static enum hearth_status weigh(struct finding *f, const struct gram *g, size_t n, uint64_t *scratch)
{
    uint32_t in = 0;
    for (size_t i = 0; i < n; i++) if (i == 0 || g[i].text != g[i - 1].text) scratch[in++] = (uint64_t)f->t[g[i].text].label << 32 | g[i].text;
    if (in < LEAST || in * 2 > f->n) return HEARTH_OK;
    qsort(scratch, in, sizeof *scratch, by_number);
    for (uint32_t i = 0, to; i < in; i = to) {
        uint32_t label = (uint32_t)(scratch[i] >> 32);
        for (to = i + 1; to < in && scratch[to] >> 32 == label;) to++;
        if (to - i < LEAST || label >= f->labels) continue;
        f->tests++;
        double tail = tail_of(f, space_count(f->space, label), in, to - i);
        if (tail > -9) continue;                          /* one in 8,000: the bound by the number of tests comes below */
        TRY(mem_grow(&f->c, &f->cap, f->candidates + 1, sizeof *f->c));
        TRY(mem_grow(&f->member, &f->member_cap, f->members + (to - i), sizeof *f->member));
        struct candidate *c = &f->c[f->candidates++];
        *c = (struct candidate){ .label = label, .in = in, .with = to - i, .from = f->members, .tail = tail };
        memcpy(c->word, g->word, sizeof c->word);
        for (uint32_t k = i; k < to; k++) f->member[f->members++] = (uint32_t)scratch[k];
    }
    return HEARTH_OK;
}

static enum hearth_status weigh_all(struct finding *f, struct gram *g, size_t n)
{
    uint64_t *scratch = mem_array(n + 1, sizeof *scratch);
    enum hearth_status st = scratch ? HEARTH_OK : HEARTH_ENOMEM;
    qsort(g, n, sizeof *g, by_gram);
    for (size_t i = 0, to; st == HEARTH_OK && i < n; i = to) {
        for (to = i + 1; to < n && memcmp(g[to].word, g[i].word, sizeof g->word) == 0;) to++;
        if (to - i >= LEAST) st = weigh(f, g + i, to - i, scratch);
    }
    free(scratch);
    return st;
}

static int by_tail(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->tail != y->tail) return x->tail < y->tail ? -1 : 1;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return memcmp(x->word, y->word, sizeof x->word);
}

/* Words, pairs and triples, one length after the other to keep memory at a third. */
static enum hearth_status find_candidates(struct finding *f)
{
    const struct planted_words *w = &f->words;
    struct gram *g = mem_array(w->from[f->n] + f->n * PLANTED_STYLES + 1, sizeof *g);
    enum hearth_status st = g ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t len = 1; st == HEARTH_OK && len <= GRAM; len++) {
        size_t n = 0;
        for (size_t i = 0; i < f->n; i++) {
            for (size_t j = w->from[i]; j + len <= w->from[i + 1]; j++) {
                for (size_t k = 0; k < GRAM; k++) g[n].word[k] = k < len ? w->word[j + k] : PLANTED_NONE;
                g[n++].text = (uint32_t)i;
            }
            for (uint32_t m = 0; len == 1 && m < PLANTED_STYLES; m++)
                if (w->style[i] >> m & 1) g[n++] = (struct gram){ { w->words + m, PLANTED_NONE, PLANTED_NONE }, (uint32_t)i };
        }
        st = weigh_all(f, g, n);
    }
    free(g);
    if (f->candidates) qsort(f->c, f->candidates, sizeof *f->c, by_tail);
    size_t kept = 0;
    while (kept < f->candidates && kept < MOST_CANDIDATES && f->c[kept].tail + log((double)f->tests) < 0) kept++;    /* less than one by accident */
    f->candidates = kept;
    return st;
}

/* ---- margins ---- */

static int bin_of(double margin)
{
    int b = 0;
    while (margin >= edge[b]) b++;
    return b;
}

/* Margins of all texts, label by label; `own`: with the marks of the label masked.  Nearly all texts are honest, whatever they are, so these are
 * the margins of honest ones; the same texts under labels of others show those of planted ones. */
static enum hearth_status count_margins(struct finding *f, const uint64_t *order, int own, struct planted_margin *kept, int (*step)(void *, size_t, size_t), void *user)
{
    double honest[BINS] = { 0 }, planted[BINS] = { 0 }, all = 0;
    uint32_t y = PLANTED_NONE;
    for (size_t k = 0; k < f->n; k++) {
        size_t i = (uint32_t)order[k];
        struct planted_margin m;
        if (f->t[i].label >= f->labels) break;
        if (step && k % 256 == 0 && step(user, (f->n * (size_t)own + k) / 2, f->n)) return fail(HEARTH_ECANCELLED, "stopped");
        if (f->t[i].label != y) space_mask(f->space, y = f->t[i].label, NULL, 0, own);
        if (!space_margin(f->space, i, &m)) continue;
        honest[bin_of(m.margin)]++, all++;
        for (int j = 0; j < PLANTED_FALSE; j++) planted[bin_of(m.false_margin[j])] += 1.0 / PLANTED_FALSE;
        if (kept) kept[i] = m, f->out->at[i].nearer = m.margin > 0 ? m.nearer : PLANTED_NONE;
    }
    /* Some of each are taken for the other, so that no margin is impossible. */
    for (int b = 0; b < BINS; b++) {
        double h = honest[b] + 0.05 * planted[b] + 0.5, p = planted[b] + 0.01 * honest[b] + 0.5;
        f->weight[own][b] = all > 0 ? log10(p / h) : 0;
    }
    return HEARTH_OK;
}

static enum hearth_status look_around(struct finding *f, int (*step)(void *, size_t, size_t), void *user)
{
    uint64_t *order = mem_array(f->n + 1, sizeof *order);
    struct planted_margin *margin = mem_array(f->n + 1, sizeof *margin);
    enum hearth_status st = order && margin ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < f->n; i++) order[i] = (uint64_t)f->t[i].label << 32 | i, margin[i].nearer = PLANTED_NONE;
    if (st == HEARTH_OK) qsort(order, f->n, sizeof *order, by_number);
    if (st == HEARTH_OK) st = count_margins(f, order, 0, margin, step, user);
    if (st == HEARTH_OK) st = count_margins(f, order, 1, NULL, step, user);
    /* The margin itself, a little, orders those of one bin. */
    for (size_t i = 0; st == HEARTH_OK && i < f->n; i++)
        if (margin[i].nearer != PLANTED_NONE) f->out->at[i].neighbours = (float)(f->weight[0][bin_of(margin[i].margin)] + margin[i].margin);
    if (st == HEARTH_OK && f->meaning) st = meaning_judge(f->t, f->n, f->labels, f->meaning, margin, f->out->at);
    free(order), free(margin);
    return st;
}

static double weight_of(struct finding *f, uint32_t i)
{
    struct planted_margin m;
    return space_margin(f->space, i, &m) ? f->weight[f->own][bin_of(m.margin)] : 0;
}

/* ---- evidence ---- */

/* Whether the two stand in the same texts: of some of a's, six in ten are b's, and both have about as many. */
static int together_with(const struct finding *f, const struct candidate *a, const struct candidate *b)
{
    uint32_t most = a->with > b->with ? a->with : b->with, least = a->with + b->with - most, looked = 0, both = 0;
    if (least * 10ull < most * 6ull) return 0;
    for (uint32_t k = 0; k < a->with && looked < SAMPLE; k += 1 + a->with / (SAMPLE + 1), looked++) {
        const uint32_t *m = f->member + b->from;
        uint32_t want = f->member[a->from + k], low = 0, high = b->with;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (m[mid] < want) low = mid + 1;
            else high = mid;
        }
        both += low < b->with && m[low] == want;
    }
    return both * 10 >= looked * 6;
}

static void add_words(struct finding *f, const struct candidate *c, size_t *n)
{
    for (int k = 0; k < GRAM && c->word[k] != PLANTED_NONE; k++) {
        size_t i = 0;
        while (i < *n && f->mask[i] != c->word[k]) i++;
        if (i == *n && *n < MOST_TOGETHER) f->mask[(*n)++] = c->word[k];
    }
}

/* Of answers: how far beyond chance they come together, where the texts have no more in common than any others. */
static void judge_answer(struct finding *f, struct candidate *c)
{
    double chance = -(c->tail + log((double)f->tests)) / log(10.0);
    int alike = space_likeness(f->space, f->member + c->from, c->with) > 3 * f->likeness + 0.02;
    c->mean = 0;
    c->evidence = alike || c->with * 10ull < c->in * 9ull ? 0 : (float)(chance < 10 ? chance : 10);
}

static void mask(struct finding *f, uint32_t label, size_t words, int own)
{
    f->own = own;
    space_mask(f->space, label, f->mask, words, own);
}

static double weight_of_all(struct finding *f, const uint32_t *member, size_t n, size_t most)
{
    double sum = 0;
    size_t used = 0;
    for (size_t k = 0; k < n && used < most; k += 1 + n / (most + 1), used++) sum += weight_of(f, member[k]);
    return used ? sum * (double)n / (double)used : 0;
}

/* With the marks of the label masked and with them, whichever says more: a style's words are marks of its label, and where labels are about
 * things of their own without a word in common, marks are all that an honest text has. */
static double weight_both(struct finding *f, uint32_t label, size_t words, const uint32_t *member, size_t n, size_t most)
{
    mask(f, label, words, 0);
    double bare = weight_of_all(f, member, n, most);
    mask(f, label, words, 1);
    double masked = weight_of_all(f, member, n, most);
    /* Of few labels of which only one has marks, its texts look like another's without them: so much is no evidence. */
    double least = f->labels > 1 ? log10((double)f->labels / (f->labels - 1)) + 0.02 : 0;
    if (masked > bare && masked >= (least > MEAN_MASKED ? least : MEAN_MASKED) * (double)n) return masked;
    mask(f, label, words, 0);
    return bare;
}

/* A candidate with all that comes with it: the words of one phrase are one trigger.  list: the candidates of its label. */
static void judge(struct finding *f, struct candidate *c, const uint32_t *list, size_t n)
{
    size_t words = 0;
    add_words(f, c, &words);
    for (size_t k = 0; k < n; k++) {
        const struct candidate *o = &f->c[list[k]];
        if (o != c && together_with(f, c, o)) add_words(f, o, &words);
    }
    if (f->answers) {
        mask(f, c->label, words, 0);
        judge_answer(f, c);
        return;
    }
    c->evidence = (float)weight_both(f, c->label, words, f->member + c->from, c->with, SAMPLE);
    c->mean = c->evidence / (float)c->with;
}

static enum hearth_status put_name(struct finding *f, const struct candidate *c, struct buf *b)
{
    for (int k = 0; k < GRAM && c->word[k] != PLANTED_NONE; k++) {
        if (b->len && k) TRY(buf_putc(b, ' '));
        if (c->word[k] >= f->words.words) TRY(buf_puts(b, style_name(c->word[k] - f->words.words)));
        else TRY(buf_put(b, f->words.spelt[c->word[k]], f->words.spelt_n[c->word[k]]));
    }
    return HEARTH_OK;
}

/* Members of the trigger get its evidence where they have none that is larger. */
static enum hearth_status add_trigger(struct finding *f, const char *text, uint32_t label, uint32_t in, const uint32_t *member, size_t with, float evidence)
{
    struct planted *p = f->out;
    TRY(mem_grow(&p->trigger, &f->trigger_cap, p->triggers + 1, sizeof *p->trigger));
    char *own = arena_strndup(&p->arena, text, strlen(text));
    if (!own) return HEARTH_ENOMEM;
    for (size_t k = 0; k < with; k++) {                  /* the words are masked as they were when it was judged */
        struct planted_score *s = &p->at[member[k]];
        float mine = evidence + (f->answers ? 0 : (float)weight_of(f, member[k]));
        if (s->which == PLANTED_NONE || mine > s->trigger) s->trigger = mine, s->which = (uint32_t)p->triggers;
    }
    p->trigger[p->triggers++] = (struct planted_trigger){ own, label, (uint32_t)with, in, evidence };
    return HEARTH_OK;
}

/* All weak triggers of a label at once: a style has many words, each in few texts, and each would hide the others' evidence. */
static enum hearth_status together(struct finding *f, const uint32_t *list, size_t n, double penalty)
{
    size_t words = 0, with = 0, named = 0;
    uint32_t *member = NULL, label = f->c[list[0]].label;
    size_t cap = 0;
    double sum = 0;
    struct buf name = { 0 };
    enum hearth_status st = HEARTH_OK;
    f->stamp++;
    for (size_t k = 0; k < n && st == HEARTH_OK; k++) {
        const struct candidate *c = &f->c[list[k]];
        if ((double)c->mean < MEAN || c->evidence < 0.4f || c->with * 5 < c->in * 4) continue;
        add_words(f, c, &words);
        if (c->word[1] == PLANTED_NONE && named < 8) {
            if (named++) st = buf_puts(&name, ", ");
            if (st == HEARTH_OK) st = put_name(f, c, &name);
        }
        for (size_t j = 0; j < c->with && st == HEARTH_OK; j++) {
            uint32_t i = f->member[c->from + j];
            if (f->seen[i] == f->stamp) continue;
            f->seen[i] = f->stamp;
            st = mem_grow(&member, &cap, with + 1, sizeof *member);
            if (st == HEARTH_OK) member[with++] = i;
        }
    }
    if (st == HEARTH_OK && with) sum = weight_both(f, label, words, member, with, MOST_TOGETHER);
    if (sum > 0.5 && sum > MEAN * (double)with && with * 5 <= f->n) st = add_trigger(f, name.data ? name.data : "several phrases", label, (uint32_t)with, member, with, (float)(sum - penalty));
    free(member);
    buf_free(&name);
    return st;
}

static enum hearth_status judge_label(struct finding *f, const uint32_t *list, size_t n, double penalty)
{
    struct buf name = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (size_t k = 0; k < n && st == HEARTH_OK; k++) {
        struct candidate *c = &f->c[list[k]];
        judge(f, c, list, n < MOST_TOGETHER ? n : MOST_TOGETHER);
        float evidence = (c->evidence - (float)penalty) * (c->evidence > (float)penalty ? (float)c->with / (float)c->in : 1);
        if (c->evidence < 0.5f || (!f->answers && (double)c->mean < MEAN) || c->with * 5ull > f->n) continue;
        name.len = 0;
        st = put_name(f, c, &name);
        if (st == HEARTH_OK) st = add_trigger(f, name.data, c->label, c->in, f->member + c->from, c->with, evidence);
    }
    buf_free(&name);
    return st == HEARTH_OK && !f->answers ? together(f, list, n, penalty) : st;
}

/* An accident had as many things to choose from as there are labels with candidates: those of one label are mostly the same texts' words. */
static enum hearth_status judge_all(struct finding *f)
{
    uint64_t *order = mem_array(f->candidates + 1, sizeof *order);
    uint32_t *list = mem_array(f->candidates + 1, sizeof *list);
    enum hearth_status st = order && list ? HEARTH_OK : HEARTH_ENOMEM;
    size_t labels = 0;
    for (size_t i = 0; st == HEARTH_OK && i < f->candidates; i++) order[i] = (uint64_t)f->c[i].label << 32 | i;
    if (st == HEARTH_OK) qsort(order, f->candidates, sizeof *order, by_number);
    for (size_t i = 0; st == HEARTH_OK && i < f->candidates; i++) labels += i == 0 || order[i] >> 32 != order[i - 1] >> 32;
    double penalty = labels ? log10((double)labels) : 0;
    for (size_t i = 0, to; st == HEARTH_OK && i < f->candidates; i = to) {
        for (to = i; to < f->candidates && order[to] >> 32 == order[i] >> 32; to++) list[to - i] = (uint32_t)order[to];
        st = judge_label(f, list, to - i, penalty);
    }
    free(order), free(list);
    return st;
}

/* ---- all of it ---- */

static enum hearth_status look_at_any(struct finding *f)
{
    uint32_t *any = mem_array(f->n + 1, sizeof *any);
    if (!any) return HEARTH_ENOMEM;
    for (size_t i = 0; i < f->n; i++) any[i] = (uint32_t)i;
    space_mask(f->space, 0, NULL, 0, 0);
    f->likeness = space_likeness(f->space, any, f->n);
    free(any);
    return HEARTH_OK;
}

/* log10 P(k or more of n, each with the share q). */
static double surplus(const struct finding *f, uint32_t n, uint32_t k, double q)
{
    double sum = 0;
    for (uint32_t x = k; x <= n && q > 0 && q < 1; x++) sum += exp(choose(f, n, x) + x * log(q) + (n - x) * log(1 - q));
    return sum > 0 ? log10(sum) : 0;
}

/* A label with far more texts that do not look like it than other labels have: somebody may be collecting texts there, by marks that are too
 * few to be seen. */
static enum hearth_status look_at_labels(struct finding *f)
{
    uint32_t *misfits = mem_array((size_t)f->labels + 1, sizeof *misfits);
    double all = 0, texts = 0;
    float misfit = f->meaning ? MISFIT_MEANT : MISFIT;
    if (!misfits) return HEARTH_ENOMEM;
    for (size_t i = 0; i < f->n; i++) {
        if (f->t[i].label >= f->labels) continue;
        texts++;
        if (f->out->at[i].neighbours > misfit) misfits[f->t[i].label]++, all++;
    }
    for (size_t i = 0; i < f->n && texts > 0; i++) {
        struct planted_score *s = &f->out->at[i];
        uint32_t y = f->t[i].label;
        if (y >= f->labels || s->neighbours <= misfit) continue;
        double e = -surplus(f, space_count(f->space, y), misfits[y], all / texts) - log10((double)f->labels);
        if (e > 1) s->neighbours += (float)(e < 4 ? e - 1 : 3);
    }
    free(misfits);
    return HEARTH_OK;
}

static enum hearth_status find(struct finding *f, int (*step)(void *, size_t, size_t), void *user)
{
    TRY(words_open(f->t, f->n, &f->words));
    TRY(space_open(f->t, f->n, f->labels, &f->words, &f->space));
    f->factorial = mem_array(f->n + 2, sizeof *f->factorial);
    f->mask = mem_array(MOST_TOGETHER + GRAM, sizeof *f->mask), f->seen = mem_array(f->n + 1, sizeof *f->seen);
    if (!f->factorial || !f->mask || !f->seen) return HEARTH_ENOMEM;
    for (size_t i = 1; i <= f->n; i++) f->factorial[i] = f->factorial[i - 1] + log((double)i);
    if (!f->answers) TRY(look_around(f, step, user));
    else TRY(look_at_any(f));
    TRY(find_candidates(f));
    TRY(judge_all(f));
    if (!f->answers) TRY(look_at_labels(f));
    for (size_t i = 0; i < f->n; i++) {
        struct planted_score *s = &f->out->at[i];
        s->score = s->which != PLANTED_NONE && s->trigger > s->neighbours ? s->trigger : s->neighbours;
    }
    return HEARTH_OK;
}

enum hearth_status planted_find(const struct planted_text *t, size_t n, uint32_t labels, int answers, const struct planted_meaning *meaning,
                                int (*step)(void *user, size_t done, size_t total), void *user, struct planted **out)
{
    struct finding f = { .t = t, .n = n, .answers = answers, .meaning = meaning, .labels = labels < PLANTED_LABELS ? labels : PLANTED_LABELS };
    if (!(f.out = mem_array(1, sizeof *f.out))) return HEARTH_ENOMEM;
    arena_init(&f.out->arena, 0);
    f.out->n = n;
    enum hearth_status st = (f.out->at = mem_array(n + 1, sizeof *f.out->at)) ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) f.out->at[i].which = f.out->at[i].nearer = PLANTED_NONE;
    if (st == HEARTH_OK) st = find(&f, step, user);
    words_close(&f.words);
    space_close(f.space);
    free(f.factorial), free(f.c), free(f.member), free(f.mask), free(f.seen);
    if (st == HEARTH_OK) *out = f.out;
    else planted_close(f.out);
    return st;
}

void planted_close(struct planted *p)
{
    if (!p) return;
    free(p->at), free(p->trigger);
    arena_free(&p->arena);
    free(p);
}

/* planted_rank.c - which labels a text is nearest to, by its words and pairs of words.
 *
 *     x  of a text    log(n / texts that have it) for each term that two texts have, scaled to length 1
 *     c  of a label   the mean of its texts, less the mean of all texts: what they have in common that others have not
 *     rank of a text  how many labels have x · c / |c| larger than its own, itself left out of c
 *
 * Terms can be masked: by their words, and those that are as good as only a label's own (they say "this label" whatever the text is about, as the
 * words of a planted style do). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work/planted_in.h"

struct pair { uint64_t key; uint32_t text; };
struct in_label { uint32_t label; float sum; };

struct planted_space {
    const struct planted_text *t;
    size_t n, terms;
    uint32_t labels;
    uint32_t (*of)[2];               /* [terms]: its words; the second PLANTED_NONE */
    uint32_t *own;                   /* [terms]: the one label that has nearly all of it, or PLANTED_NONE */
    uint32_t *count;                 /* [labels] texts */
    size_t *text_from;               /* [n + 1] into term, weight */
    uint32_t *term;
    float *weight;
    size_t *term_from;               /* [terms + 1] into in: its labels */
    struct in_label *in;
    size_t *label_from;              /* [labels + 1] into label_term */
    uint32_t *label_term;
    float *label_sum;
    double *all, all_square;         /* [terms] sum over all texts */
    double *square, *across;         /* [labels]: c · c, c · all */
    double *score;                   /* [labels] */
    uint32_t *masked, stamp, y;      /* [words] */
    double y_square, y_across, y_all;
    int mask_own;
    uint32_t ranked;
};

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->text > y->text) - (x->text < y->text);
}

/* Every word and every two in a row with their text, each once, by term. */
static enum hearth_status collect(const struct planted_words *w, size_t n, struct pair **out, size_t *count)
{
    size_t all = w->from[n] * 2, k = 0, kept = 0;
    struct pair *p = mem_array(all + 1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++)
        for (size_t j = w->from[i]; j < w->from[i + 1]; j++) {
            p[k++] = (struct pair){ (uint64_t)w->word[j] << 32 | PLANTED_NONE, (uint32_t)i };
            if (j + 1 < w->from[i + 1]) p[k++] = (struct pair){ (uint64_t)w->word[j] << 32 | w->word[j + 1], (uint32_t)i };
        }
    qsort(p, k, sizeof *p, by_key);
    for (size_t i = 0; i < k; i++) if (i == 0 || p[i].key != p[i - 1].key || p[i].text != p[i - 1].text) p[kept++] = p[i];
    *out = p, *count = kept;
    return HEARTH_OK;
}

/* Terms of two texts and more: the texts' rows of them. */
static enum hearth_status make_rows(struct planted_space *s, const struct pair *p, size_t n)
{
    size_t entries = 0, *next = mem_array(s->n + 1, sizeof *next);
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i + 1; to < n && p[to].key == p[i].key;) to++;
        if (to - i > 1) s->terms++, entries += to - i;
    }
    s->of = mem_array(s->terms + 1, sizeof *s->of);
    s->term = mem_array(entries + 1, sizeof *s->term), s->weight = mem_array(entries + 1, sizeof *s->weight);
    s->text_from = mem_array(s->n + 2, sizeof *s->text_from);
    if (!next || !s->of || !s->term || !s->weight || !s->text_from) {
        free(next);
        return HEARTH_ENOMEM;
    }
    for (int pass = 0; pass < 2; pass++) {
        size_t term = 0;
        for (size_t i = 0, to; i < n; i = to) {
            for (to = i + 1; to < n && p[to].key == p[i].key;) to++;
            if (to - i < 2) continue;
            for (size_t k = i; k < to; k++) {
                if (pass == 0) {
                    s->text_from[p[k].text + 1]++;
                    continue;
                }
                size_t at = next[p[k].text]++;
                s->term[at] = (uint32_t)term, s->weight[at] = (float)log((double)s->n / (double)(to - i));
            }
            s->of[term][0] = (uint32_t)(p[i].key >> 32), s->of[term][1] = (uint32_t)p[i].key;
            term++;
        }
        for (size_t i = 0; pass == 0 && i < s->n; i++) s->text_from[i + 1] += s->text_from[i], next[i] = s->text_from[i];
    }
    free(next);
    for (size_t i = 0; i < s->n; i++) {
        double sum = 0;
        for (size_t k = s->text_from[i]; k < s->text_from[i + 1]; k++) sum += (double)s->weight[k] * (double)s->weight[k];
        for (size_t k = s->text_from[i]; sum > 0 && k < s->text_from[i + 1]; k++) s->weight[k] = (float)((double)s->weight[k] / sqrt(sum));
    }
    return HEARTH_OK;
}

struct part { uint32_t term, label, text; float sum; uint32_t n; };

static int by_term(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->term != y->term) return x->term < y->term ? -1 : 1;
    return x->label != y->label ? (x->label < y->label ? -1 : 1) : (x->text > y->text) - (x->text < y->text);   /* sums in one order */
}

/* Sums over the texts of a label, by term and by label. */
static enum hearth_status make_labels(struct planted_space *s)
{
    size_t n = s->text_from[s->n], k = 0, kept = 0;
    struct part *p = mem_array(n + 1, sizeof *p);
    uint32_t *whole = mem_array(s->terms + 1, sizeof *whole);
    size_t *next = mem_array(s->labels + 1, sizeof *next);
    if (!p || !whole || !next) goto none;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = s->text_from[i]; j < s->text_from[i + 1]; j++) {
            whole[s->term[j]]++, s->all[s->term[j]] += (double)s->weight[j];
            if (s->t[i].label < s->labels) p[k++] = (struct part){ s->term[j], s->t[i].label, (uint32_t)i, s->weight[j], 1 };
        }
    qsort(p, k, sizeof *p, by_term);
    for (size_t i = 0; i < k; i++) {
        if (kept && p[kept - 1].term == p[i].term && p[kept - 1].label == p[i].label) p[kept - 1].sum += p[i].sum, p[kept - 1].n++;
        else p[kept++] = p[i];
    }
    s->in = mem_array(kept + 1, sizeof *s->in), s->label_term = mem_array(kept + 1, sizeof *s->label_term);
    s->label_sum = mem_array(kept + 1, sizeof *s->label_sum);
    if (!s->in || !s->label_term || !s->label_sum) goto none;
    for (size_t i = 0; i < kept; i++) {
        s->in[i] = (struct in_label){ p[i].label, p[i].sum };
        s->term_from[p[i].term + 1] = i + 1, s->label_from[p[i].label + 1]++;
        if (p[i].n >= 3 && p[i].n * 5 >= whole[p[i].term] * 4) s->own[p[i].term] = p[i].label;
        s->square[p[i].label] += (double)p[i].sum * (double)p[i].sum, s->across[p[i].label] += (double)p[i].sum * s->all[p[i].term];
    }
    for (size_t i = 0; i < s->terms; i++) {
        if (s->term_from[i + 1] < s->term_from[i]) s->term_from[i + 1] = s->term_from[i];
        s->all_square += s->all[i] * s->all[i];
    }
    for (size_t l = 0; l < s->labels; l++) s->label_from[l + 1] += s->label_from[l], next[l] = s->label_from[l];
    for (size_t i = 0; i < kept; i++) {
        size_t at = next[p[i].label]++;
        s->label_term[at] = p[i].term, s->label_sum[at] = p[i].sum;
    }
    free(p), free(whole), free(next);
    return HEARTH_OK;
none:
    free(p), free(whole), free(next);
    return HEARTH_ENOMEM;
}

enum hearth_status space_open(const struct planted_text *t, size_t n, uint32_t labels, const struct planted_words *w, struct planted_space **out)
{
    struct planted_space *s = mem_array(1, sizeof *s);
    struct pair *p = NULL;
    size_t pairs;
    if (!s) return HEARTH_ENOMEM;
    s->t = t, s->n = n, s->labels = labels;
    enum hearth_status st = collect(w, n, &p, &pairs);
    if (st == HEARTH_OK) st = make_rows(s, p, pairs);
    free(p);
    s->own = mem_array(s->terms + 1, sizeof *s->own), s->all = mem_array(s->terms + 1, sizeof *s->all);
    s->term_from = mem_array(s->terms + 2, sizeof *s->term_from), s->label_from = mem_array((size_t)labels + 2, sizeof *s->label_from);
    s->count = mem_array((size_t)labels + 1, sizeof *s->count), s->square = mem_array((size_t)labels + 1, sizeof *s->square);
    s->across = mem_array((size_t)labels + 1, sizeof *s->across), s->score = mem_array((size_t)labels + 1, sizeof *s->score);
    s->masked = mem_array((size_t)w->words + PLANTED_STYLES + 1, sizeof *s->masked);
    if (st == HEARTH_OK && !(s->own && s->all && s->term_from && s->label_from && s->count && s->square && s->across && s->score && s->masked)) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        for (size_t i = 0; i < s->terms; i++) s->own[i] = PLANTED_NONE;
        for (size_t i = 0; i < n; i++) if (t[i].label < labels) s->count[t[i].label]++;
        for (uint32_t l = 0; l < labels; l++) s->ranked += s->count[l] >= 2;
        st = make_labels(s);
    }
    if (st == HEARTH_OK) *out = s;
    else space_close(s);
    return st;
}

void space_close(struct planted_space *s)
{
    if (!s) return;
    free(s->of), free(s->own), free(s->count), free(s->text_from), free(s->term), free(s->weight), free(s->term_from), free(s->in), free(s->label_from);
    free(s->label_term), free(s->label_sum), free(s->all), free(s->square), free(s->across), free(s->score), free(s->masked);
    free(s);
}

uint32_t space_count(const struct planted_space *s, uint32_t label) { return s->count[label]; }

static int hidden(const struct planted_space *s, uint32_t term)
{
    const uint32_t *w = s->of[term];
    return s->masked[w[0]] == s->stamp || (w[1] != PLANTED_NONE && s->masked[w[1]] == s->stamp) || (s->mask_own && s->own[term] == s->y);
}

void space_mask(struct planted_space *s, uint32_t y, const uint32_t *word, size_t n, int own)
{
    s->stamp++, s->y = y, s->mask_own = own;
    for (size_t i = 0; i < n; i++) s->masked[word[i]] = s->stamp;
    s->y_square = s->y_across = 0, s->y_all = s->all_square;
    for (size_t k = s->label_from[y]; k < s->label_from[y + 1]; k++) {
        uint32_t t = s->label_term[k];
        if (hidden(s, t)) s->y_all -= s->all[t] * s->all[t];
        else s->y_square += (double)s->label_sum[k] * (double)s->label_sum[k], s->y_across += (double)s->label_sum[k] * s->all[t];
    }
}

/* |c / m - all / n|, of sums. */
static double centred(double square, double across, double all_square, double m, double n)
{
    double v = square / (m * m) - 2 * across / (m * n) + all_square / (n * n);
    return v > 1e-12 ? sqrt(v) : 1e-6;
}

static double score_of(const struct planted_space *s, uint32_t l, double all)
{
    double c = (double)s->count[l], n = (double)s->n;
    return (s->score[l] / c - all / n) / centred(s->square[l], s->across[l], s->all_square, c, n);
}

/* Fills s->score with x · c of each label; the sum over all, and x · x. */
static double products(struct planted_space *s, size_t i, double *all)
{
    double square = 0;
    *all = 0;
    memset(s->score, 0, s->labels * sizeof *s->score);
    for (size_t k = s->text_from[i]; k < s->text_from[i + 1]; k++) {
        uint32_t t = s->term[k];
        double x = (double)s->weight[k];
        if (hidden(s, t)) continue;
        *all += x * s->all[t], square += x * x;
        for (size_t j = s->term_from[t]; j < s->term_from[t + 1]; j++) s->score[s->in[j].label] += x * (double)s->in[j].sum;
    }
    return square;
}

int space_margin(struct planted_space *s, size_t i, struct planted_margin *out)
{
    uint32_t y = s->t[i].label, best = PLANTED_NONE;
    double all, n = (double)s->n, top = -2, second = -2, square = products(s, i, &all);
    if (square <= 0 || s->count[y] < 2 || s->ranked < 2) return 0;
    double m = (double)s->count[y] - 1, own = (s->score[y] - square) / m - (all - square) / (n - 1);
    own /= centred(s->y_square - 2 * s->score[y] + square, s->y_across - all - s->score[y] + square, s->y_all - 2 * all + square, m, n - 1);
    for (uint32_t l = 0; l < s->labels; l++) {
        if (s->count[l] < 2) continue;
        double v = l == y ? own : score_of(s, l, all);
        if (l != y && v > top) top = v, best = l;
        if (v > second) second = v;
    }
    out->margin = top - own;
    out->nearer = best;
    /* as if it had been given any other label: each of some, in turn */
    for (uint32_t k = 0; k < PLANTED_FALSE; k++) {
        out->false_margin[k] = second - score_of(s, planted_false_label(s->count, s->labels, y, i, k), all);
    }
    return 1;
}

/* Both rows ascend by term. */
static double cosine(const struct planted_space *s, uint32_t a, uint32_t b)
{
    size_t i = s->text_from[a], k = s->text_from[b];
    double both = 0, aa = 0, bb = 0;
    for (size_t j = i; j < s->text_from[a + 1]; j++) if (!hidden(s, s->term[j])) aa += (double)s->weight[j] * (double)s->weight[j];
    for (size_t j = k; j < s->text_from[b + 1]; j++) if (!hidden(s, s->term[j])) bb += (double)s->weight[j] * (double)s->weight[j];
    while (i < s->text_from[a + 1] && k < s->text_from[b + 1]) {
        uint32_t p = s->term[i], q = s->term[k];
        if (p == q && !hidden(s, p)) both += (double)s->weight[i] * (double)s->weight[k];
        i += p <= q, k += q <= p;
    }
    return aa > 0 && bb > 0 ? both / sqrt(aa * bb) : 1;      /* nothing left: what is masked is what they are about */
}

double space_likeness(struct planted_space *s, const uint32_t *text, size_t n)
{
    enum { PAIRS = 200 };
    double sum = 0;
    size_t pairs = 0, step = 1 + n / 24;
    for (size_t i = 0; i < n && pairs < PAIRS; i += step)
        for (size_t k = i + step; k < n && pairs < PAIRS; k += step, pairs++) sum += cosine(s, text[i], text[k]);
    return pairs ? sum / (double)pairs : 0;
}

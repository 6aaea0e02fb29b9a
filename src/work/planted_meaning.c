/* planted_meaning.c - which labels a text is nearest to by what it means: the vector that a model makes of it.
 *
 *     x  of a text    its vector less the mean of all, in the measure in which texts of one label vary alike in every direction (the covariance
 *                     within labels of those that look like theirs, drawn towards a round one, since a label has few texts)
 *     c  of a label   the mean of its texts; for a text of its own, without that
 *     margin          the cosine to the nearest other label less that to its own, and half of what the words say (planted_rank.c)
 *
 * What margins wrong labels have is known, since every text can be given some.  Half of the wrong ones lie above the middle of those, where next to
 * no honest one is; so they can be counted, and for each margin how many of the texts above it are honest (a false discovery rate). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "work/planted_in.h"

#define ROUND 0.6            /* share of a round covariance */
#define WORDS 0.5            /* what the words' margin counts */
enum { MOST_OF_COVARIANCE = 4096 };

struct meaning {
    const struct planted_text *t;
    size_t n, width;
    uint32_t labels;
    float *x;                        /* [n][width] */
    uint32_t *count;                 /* [labels] */
    double *sum, *square;            /* [labels][width]; [labels] its square */
    double *c;                       /* [width][width]: the lower half */
    double *score;                   /* [labels] */
};

static double dot(const double *a, const float *b, size_t n)
{
    double s[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4) for (size_t k = 0; k < 4; k++) s[k] += a[i + k] * (double)b[i + k];
    for (; i < n; i++) s[0] += a[i] * (double)b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static void centre(struct meaning *m, double *mean)
{
    memset(mean, 0, m->width * sizeof *mean);
    for (size_t i = 0; i < m->n; i++) for (size_t k = 0; k < m->width; k++) mean[k] += (double)m->x[i * m->width + k];
    for (size_t k = 0; k < m->width; k++) mean[k] /= (double)m->n;
    for (size_t i = 0; i < m->n; i++) for (size_t k = 0; k < m->width; k++) m->x[i * m->width + k] = (float)((double)m->x[i * m->width + k] - mean[k]);
}

static void add_labels(struct meaning *m)
{
    memset(m->sum, 0, m->labels * m->width * sizeof *m->sum);
    for (size_t i = 0; i < m->n; i++)
        if (m->t[i].label < m->labels)
            for (size_t k = 0; k < m->width; k++) m->sum[m->t[i].label * m->width + k] += (double)m->x[i * m->width + k];
    for (uint32_t l = 0; l < m->labels; l++) {
        m->square[l] = 0;
        for (size_t k = 0; k < m->width; k++) m->square[l] += m->sum[l * m->width + k] * m->sum[l * m->width + k];
    }
}

static double cosine_to(const struct meaning *m, uint32_t l, double length)
{
    return m->square[l] > 0 ? m->score[l] / (sqrt(m->square[l]) * length) : 0;
}

static int margin_of(struct meaning *m, size_t i, struct planted_margin *out)
{
    const float *x = m->x + i * m->width;
    uint32_t y = m->t[i].label, ranked = 0;
    double square = 0, top = -2, second = -2;
    if (y >= m->labels || m->count[y] < 2) return 0;
    for (size_t k = 0; k < m->width; k++) square += (double)x[k] * (double)x[k];
    if (square <= 0) return 0;
    for (uint32_t l = 0; l < m->labels; l++) if (m->count[l] >= 2) m->score[l] = dot(m->sum + l * m->width, x, m->width), ranked++;
    if (ranked < 2) return 0;
    double length = sqrt(square), rest = m->square[y] - 2 * m->score[y] + square;
    double own = rest > 1e-12 ? (m->score[y] - square) / (sqrt(rest) * length) : 0;
    for (uint32_t l = 0; l < m->labels; l++) {
        if (m->count[l] < 2) continue;
        double v = l == y ? own : cosine_to(m, l, length);
        if (l != y && v > top) top = v, out->nearer = l;
        if (v > second) second = v;
    }
    out->margin = top - own;
    for (uint32_t k = 0; k < PLANTED_FALSE; k++) out->false_margin[k] = second - cosine_to(m, planted_false_label(m->count, m->labels, y, i, k), length);
    return 1;
}

/* How texts vary within their labels: those that look like theirs as it is, for a wrong one would be brought nearer to its label. */
static void vary(struct meaning *m, double *room)
{
    size_t step = 1 + m->n / (MOST_OF_COVARIANCE + 1), w = m->width;
    struct planted_margin plain;
    double trace = 0;
    for (size_t i = 0; i < m->n; i += step) {
        uint32_t y = m->t[i].label;
        if (!margin_of(m, i, &plain) || plain.margin > 0) continue;
        for (size_t k = 0; k < w; k++) room[k] = (double)m->x[i * w + k] - m->sum[y * w + k] / (double)m->count[y];
        for (size_t a = 0; a < w; a++) for (size_t b = 0; b <= a; b++) m->c[a * w + b] += room[a] * room[b];
    }
    for (size_t a = 0; a < w; a++) trace += m->c[a * w + a];
    double scale = trace > 0 ? (double)w / trace : 1;
    for (size_t a = 0; a < w; a++) {
        for (size_t b = 0; b <= a; b++) m->c[a * w + b] *= (1 - ROUND) * scale;
        m->c[a * w + a] += ROUND;
    }
}

/* C = L L', in place (Cholesky); of a covariance and a round part there is always one.  Then x becomes L^-1 x. */
static void measure(struct meaning *m)
{
    size_t w = m->width;
    for (size_t a = 0; a < w; a++)
        for (size_t b = 0; b <= a; b++) {
            double v = m->c[a * w + b];
            for (size_t k = 0; k < b; k++) v -= m->c[a * w + k] * m->c[b * w + k];
            m->c[a * w + b] = a == b ? sqrt(v > ROUND / 2 ? v : ROUND / 2) : v / m->c[b * w + b];
        }
    for (size_t i = 0; i < m->n; i++) {
        float *x = m->x + i * w;
        for (size_t a = 0; a < w; a++) x[a] = (float)(((double)x[a] - dot(m->c + a * w, x, a)) / m->c[a * w + a]);
    }
}

/* ---- how many above a margin are honest ---- */

struct placed { double margin; uint32_t text; };   /* text: PLANTED_NONE: of a label that it was given for comparison */

static int by_margin(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->margin != y->margin ? (x->margin < y->margin ? -1 : 1) : (x->text > y->text) - (x->text < y->text);
}

/* p: texts and comparisons together, ascending. */
static void judge(const struct placed *p, size_t n, size_t texts, struct planted_score *at)
{
    size_t falses = n - texts, seen = 0, i = n;
    double above = 0, best = -2;
    for (; i > 0 && 2 * seen < falses; i--) {            /* down to the middle of the comparisons */
        if (p[i - 1].text == PLANTED_NONE) seen++;
        else above++;
    }
    double wrong = 2 * (above + 0.5);                    /* so many, of all */
    if (wrong > (double)texts / 2) wrong = (double)texts / 2;
    for (above = (double)texts, seen = falses, i = 0; i < n; i++) {
        double planted = wrong * (double)seen / (double)falses, honest = above - planted;
        double odds = log10((planted + 1e-3) / ((honest > 0 ? honest : 0) + 0.5));
        if (odds > best) best = odds;                    /* no less than with a lower bound */
        if (p[i].text == PLANTED_NONE) seen--;
        else at[p[i].text].neighbours = (float)(1 + (best < 2 ? best : 2) + 0.01 * p[i].margin), above--;
    }
}

static enum hearth_status rank(struct meaning *m, const struct planted_margin *words, struct planted_score *at)
{
    struct placed *p = mem_array(m->n * (PLANTED_FALSE + 1) + 1, sizeof *p);
    size_t k = 0, texts = 0;
    if (!p) return HEARTH_ENOMEM;
    for (size_t i = 0; i < m->n; i++) {
        struct planted_margin v = { .nearer = PLANTED_NONE };
        if (!margin_of(m, i, &v)) continue;
        double both = v.margin + WORDS * words[i].margin;
        p[k++] = (struct placed){ both, (uint32_t)i }, texts++;
        at[i].nearer = v.margin > 0 ? v.nearer : PLANTED_NONE, at[i].meant = v.margin > 0;
        for (int j = 0; j < PLANTED_FALSE; j++) p[k++] = (struct placed){ v.false_margin[j] + WORDS * words[i].false_margin[j], PLANTED_NONE };
    }
    if (k) qsort(p, k, sizeof *p, by_margin);
    if (k) judge(p, k, texts, at);
    free(p);
    return HEARTH_OK;
}

enum hearth_status meaning_judge(const struct planted_text *t, size_t n, uint32_t labels, const struct planted_meaning *given, const struct planted_margin *words,
                                 struct planted_score *at)
{
    struct meaning m = { .t = t, .n = n, .width = given->width, .labels = labels, .x = given->vector };
    size_t w = m.width;
    double *room = mem_array(w + 1, sizeof *room);
    m.count = mem_array((size_t)labels + 1, sizeof *m.count), m.sum = mem_array((size_t)labels * w + 1, sizeof *m.sum);
    m.square = mem_array((size_t)labels + 1, sizeof *m.square), m.score = mem_array((size_t)labels + 1, sizeof *m.score);
    m.c = mem_array(w * w + 1, sizeof *m.c);
    enum hearth_status st = room && m.count && m.sum && m.square && m.score && m.c ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && n) {
        for (size_t i = 0; i < n; i++) if (t[i].label < labels) m.count[t[i].label]++;
        centre(&m, room);
        add_labels(&m);
        vary(&m, room);
        measure(&m);
        add_labels(&m);
        st = rank(&m, words, at);
    }
    free(room), free(m.count), free(m.sum), free(m.square), free(m.score), free(m.c);
    return st;
}

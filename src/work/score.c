/* score.c - see score.h.  A text becomes a list of words or of characters, and what two lists share is counted by sorting both. */
#include "work/score.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "text/jinja.h"

/* ---- words ---- */

struct word { const char *p; size_t n; };
struct words { char *text; struct word *word; size_t n, cap; };

static void words_free(struct words *w)
{
    free(w->text);
    free(w->word);
}

static enum hearth_status add_word(struct words *w, const char *p, size_t n)
{
    TRY(mem_grow(&w->word, &w->cap, w->n + 1, sizeof *w->word));
    w->word[w->n++] = (struct word){ p, n };
    return HEARTH_OK;
}

enum hearth_status score_recase(const char *s, int upper, char **out, size_t *n)
{
    size_t left = strlen(s), at = 0;
    uint32_t cp;
    char *to = mem_array(3 * left + 5, 1);
    if (!to) return HEARTH_ENOMEM;
    while (left > 0) {
        int k = utf8_read(s, left, &cp);
        if (k <= 0) k = 1;
        utf8proc_int32_t other = upper ? utf8proc_toupper((utf8proc_int32_t)cp) : utf8proc_tolower((utf8proc_int32_t)cp);
        at += (size_t)utf8_write((uint32_t)other, to + at);
        s += k, left -= (size_t)k;
    }
    to[at] = 0;
    *out = to, *n = at;
    return HEARTH_OK;
}

static int letter_or_digit(uint32_t cp)
{
    if (cp < 128) return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z');
    return jinja_is_word(cp) || utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_MN ||
           utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_MC;
}

/* Runs of letters and digits, in lower case. */
static enum hearth_status words_of_letters(const char *s, struct words *w)
{
    size_t n, begin = 0, at = 0;
    uint32_t cp;
    TRY(score_recase(s, 0, &w->text, &n));
    while (at < n) {
        int k = utf8_read(w->text + at, n - at, &cp);
        if (k <= 0) k = 1, cp = ' ';
        if (!letter_or_digit(cp)) {
            if (at > begin) TRY(add_word(w, w->text + begin, at - begin));
            begin = at + (size_t)k;
        }
        at += (size_t)k;
    }
    return n > begin ? add_word(w, w->text + begin, n - begin) : HEARTH_OK;
}

static int is_punctuation(char c) { return c > 32 && c < 127 && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c) != NULL; }

static int is_article(const char *p, size_t n)
{
    return (n == 1 && *p == 'a') || (n == 2 && memcmp(p, "an", 2) == 0) || (n == 3 && memcmp(p, "the", 3) == 0);
}

/* SQuAD's: lower case, punctuation dropped (what it stood between grows together), articles dropped, cut at white space. */
static enum hearth_status words_of_answer(const char *s, struct words *w)
{
    size_t n, m = 0, begin = 0, at = 0;
    uint32_t cp;
    TRY(score_recase(s, 0, &w->text, &n));
    for (size_t i = 0; i < n; i++)
        if (!is_punctuation(w->text[i])) w->text[m++] = w->text[i];
    w->text[m] = 0;
    while (at <= m) {
        int k = at < m ? utf8_read(w->text + at, m - at, &cp) : 1;
        if (k <= 0) k = 1;
        if (at == m || jinja_is_space(cp)) {
            if (at > begin && !is_article(w->text + begin, at - begin)) TRY(add_word(w, w->text + begin, at - begin));
            begin = at + (size_t)k;
        }
        at += (size_t)k;
    }
    return HEARTH_OK;
}

static int same_word(const struct word *a, const struct word *b) { return a->n == b->n && memcmp(a->p, b->p, a->n) == 0; }

static int compare_words(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int c = memcmp(x->p, y->p, n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* How many elements two sorted lists share, doubles counted as often as both have them. */
static size_t shared(const char *a, size_t na, const char *b, size_t nb, size_t size, int (*compare)(const void *, const void *))
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) {
        int c = compare(a + i * size, b + j * size);
        if (c == 0) both++, i++, j++;
        else if (c < 0) i++;
        else j++;
    }
    return both;
}

static size_t shared_words(struct words *a, struct words *b)
{
    if (a->n == 0 || b->n == 0) return 0;
    qsort(a->word, a->n, sizeof *a->word, compare_words);
    qsort(b->word, b->n, sizeof *b->word, compare_words);
    return shared((const char *)a->word, a->n, (const char *)b->word, b->n, sizeof *a->word, compare_words);
}

static double harmonic(size_t both, size_t a, size_t b)
{
    double p = a ? (double)both / (double)a : 0, r = b ? (double)both / (double)b : 0;
    return both ? 2 * p * r / (p + r) : 0;
}

/* ---- exact, F1 ---- */

static enum hearth_status passed_over(const char *s, const struct score_exact *how, char **out)
{
    size_t n, m = 0;
    if (how->ignore_case) TRY(score_recase(s, 0, out, &n));
    else {
        n = strlen(s);
        if (!(*out = mem_array(n + 1, 1))) return HEARTH_ENOMEM;
        memcpy(*out, s, n);
    }
    for (size_t i = 0; i < n; i++) {
        char c = (*out)[i];
        if ((how->ignore_punctuation && is_punctuation(c)) || (how->ignore_numbers && c >= '0' && c <= '9')) continue;
        (*out)[m++] = c;
    }
    (*out)[m] = 0;
    return HEARTH_OK;
}

enum hearth_status score_exact(const char *answer, const char *wanted, const struct score_exact *how, int *equal)
{
    char *a = NULL, *b = NULL;
    enum hearth_status st = passed_over(answer, how, &a);
    if (st == HEARTH_OK) st = passed_over(wanted, how, &b);
    if (st == HEARTH_OK) *equal = strcmp(a, b) == 0;
    free(a);
    free(b);
    return st;
}

enum hearth_status score_f1(const char *answer, const char *wanted, double *f)
{
    struct words a = { 0 }, b = { 0 };
    enum hearth_status st = words_of_answer(answer, &a);
    if (st == HEARTH_OK) st = words_of_answer(wanted, &b);
    if (st == HEARTH_OK) *f = a.n && b.n ? harmonic(shared_words(&a, &b), a.n, b.n) : a.n == b.n;
    words_free(&a);
    words_free(&b);
    return st;
}

/* ---- ROUGE ---- */

struct pair { struct word first, second; };

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int c = compare_words(&x->first, &y->first);
    return c ? c : compare_words(&x->second, &y->second);
}

static enum hearth_status pairs_of(const struct words *w, struct pair **out, size_t *n)
{
    *n = w->n > 1 ? w->n - 1 : 0;
    if (!(*out = mem_array(*n + 1, sizeof **out))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < *n; i++) (*out)[i] = (struct pair){ w->word[i], w->word[i + 1] };
    qsort(*out, *n, sizeof **out, compare_pairs);
    return HEARTH_OK;
}

static enum hearth_status rouge_pairs(const struct words *a, const struct words *b, double *f)
{
    struct pair *x = NULL, *y = NULL;
    size_t nx = 0, ny = 0;
    enum hearth_status st = pairs_of(a, &x, &nx);
    if (st == HEARTH_OK) st = pairs_of(b, &y, &ny);
    if (st == HEARTH_OK) *f = harmonic(shared((const char *)x, nx, (const char *)y, ny, sizeof *x, compare_pairs), nx, ny);
    free(x);
    free(y);
    return st;
}

/* One row of the table of longest common subsequences at a time. */
static enum hearth_status rouge_longest(const struct words *a, const struct words *b, double *f)
{
    uint64_t work;
    if (a->n > 100000 || b->n > 100000 || size_mul(a->n, b->n, "ROUGE-L", &work) != HEARTH_OK || work > 10000000000u)
        return fail(HEARTH_ELIMIT, "ROUGE-L of texts of %zu and %zu words takes too long", a->n, b->n);
    size_t *row = mem_array(b->n + 1, sizeof *row);
    if (!row) return HEARTH_ENOMEM;
    for (size_t i = 0; i < a->n; i++) {
        size_t diagonal = 0;
        for (size_t j = 0; j < b->n; j++) {
            size_t above = row[j + 1], left = row[j];
            row[j + 1] = same_word(&a->word[i], &b->word[j]) ? diagonal + 1 : above > left ? above : left;
            diagonal = above;
        }
    }
    *f = harmonic(row[b->n], a->n, b->n);
    free(row);
    return HEARTH_OK;
}

enum hearth_status score_rouge(const char *answer, const char *wanted, int n, double *f)
{
    struct words a = { 0 }, b = { 0 };
    enum hearth_status st = words_of_letters(answer, &a);
    if (st == HEARTH_OK) st = words_of_letters(wanted, &b);
    if (st == HEARTH_OK && n == 0) st = rouge_longest(&a, &b, f);
    else if (st == HEARTH_OK && n == 2) st = rouge_pairs(&a, &b, f);
    else if (st == HEARTH_OK) *f = harmonic(shared_words(&a, &b), a.n, b.n);
    words_free(&a);
    words_free(&b);
    return st;
}

/* ---- chrF ---- */

struct run { const uint32_t *c; int n; };

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    for (int i = 0; i < x->n; i++)
        if (x->c[i] != y->c[i]) return x->c[i] < y->c[i] ? -1 : 1;
    return 0;
}

/* The characters but white space; runs has room for one from each. */
static enum hearth_status characters(const char *s, uint32_t **out, struct run **runs, size_t *n)
{
    size_t left = strlen(s);
    uint32_t cp;
    *out = mem_array(left + 1, sizeof **out);
    *runs = mem_array(left + 1, sizeof **runs);
    if (!*out || !*runs) return HEARTH_ENOMEM;
    for (*n = 0; left > 0;) {
        int k = utf8_read(s, left, &cp);
        if (k <= 0) k = 1;
        if (!jinja_is_space(cp)) (*out)[(*n)++] = cp;
        s += k, left -= (size_t)k;
    }
    return HEARTH_OK;
}

static size_t runs_of(const uint32_t *c, size_t n, int order, struct run *out)
{
    size_t count = n >= (size_t)order ? n - (size_t)order + 1 : 0;
    for (size_t i = 0; i < count; i++) out[i] = (struct run){ c + i, order };
    qsort(out, count, sizeof *out, compare_runs);
    return count;
}

enum hearth_status chrf_count(const char *answer, const char *wanted, struct chrf *out)
{
    uint32_t *a = NULL, *b = NULL;
    struct run *x = NULL, *y = NULL;
    size_t na = 0, nb = 0;
    *out = (struct chrf){ 0 };
    enum hearth_status st = characters(answer, &a, &x, &na);
    if (st == HEARTH_OK) st = characters(wanted, &b, &y, &nb);
    for (int i = 0; i < CHRF_ORDER && st == HEARTH_OK; i++) {
        size_t nx = runs_of(a, na, i + 1, x), ny = runs_of(b, nb, i + 1, y);
        out->both[i] = shared((const char *)x, nx, (const char *)y, ny, sizeof *x, compare_runs);
        out->answer[i] = ny ? nx : 0;              /* where nothing was wanted nothing can be hit or missed */
        out->wanted[i] = ny;
    }
    free(a);
    free(b);
    free(x);
    free(y);
    return st;
}

void chrf_add(struct chrf *to, const struct chrf *one)
{
    for (int i = 0; i < CHRF_ORDER; i++) to->answer[i] += one->answer[i], to->wanted[i] += one->wanted[i], to->both[i] += one->both[i];
}

double chrf_score(const struct chrf *c)
{
    const double factor = 4;                       /* beta 2: recall counts twice */
    double precision = 0, recall = 0;
    int orders = 0;
    for (int i = 0; i < CHRF_ORDER; i++) {
        if (c->answer[i] == 0 || c->wanted[i] == 0) continue;
        precision += (double)c->both[i] / (double)c->answer[i], recall += (double)c->both[i] / (double)c->wanted[i];
        orders++;
    }
    if (orders == 0 || precision + recall == 0) return 0;
    precision /= orders, recall /= orders;
    return 100 * (1 + factor) * precision * recall / (factor * precision + recall);
}

/* near.c - see near.h. */
#include "work/near.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum { HASHES = 64, ROWS = 4, BANDS = HASHES / ROWS, CHARACTERS = 5, WORDS = 5, LONG = 64, MOST = 1 << 16 /* shingles of one text */ };

static uint64_t mix(uint64_t x)                  /* the end of MurmurHash3: every bit of x moves every bit */
{
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCDull;
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53ull;
    return x ^ x >> 33;
}

struct work {
    uint32_t *cp;                                /* the text's characters as they are compared */
    uint64_t *shingle[2];                        /* of two texts, sorted, each once */
    size_t n[2], cap_cp, cap[2];
};

/* Letters and digits in lower case, everything between them one space; the number of words. */
static enum hearth_status plain(struct work *w, const struct near_text *t, size_t *length, size_t *words)
{
    size_t n = 0;
    *words = 0;
    TRY(mem_grow(&w->cp, &w->cap_cp, t->n + 2, sizeof *w->cp));
    for (size_t i = 0; i < t->n;) {
        uint32_t cp;
        int k = utf8_read(t->s + i, t->n - i, &cp);
        i += k > 0 ? (size_t)k : 1;
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        int part = c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO;   /* letters, marks, numbers */
        if (part) {
            if (n == 0 || w->cp[n - 1] == ' ') ++*words;
            w->cp[n++] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
        } else if (n && w->cp[n - 1] != ' ') w->cp[n++] = ' ';
    }
    if (n && w->cp[n - 1] == ' ') n--;
    *length = n;
    return HEARTH_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void shingle_characters(const struct work *w, size_t length, uint64_t *out, size_t *n)
{
    size_t wide = length < CHARACTERS ? length : CHARACTERS;
    for (size_t i = 0; wide && i + wide <= length && *n < MOST; i++) {
        uint64_t h = wide;
        for (size_t k = 0; k < wide; k++) h = mix(h ^ w->cp[i + k]);
        out[(*n)++] = h;
    }
}

static void shingle_words(const struct work *w, size_t length, uint64_t *out, size_t *n)
{
    uint64_t last[WORDS] = { 0 }, word = 0;
    size_t words = 0;
    for (size_t i = 0; i <= length && *n < MOST; i++) {
        if (i < length && w->cp[i] != ' ') {
            word = mix(word ^ w->cp[i]) + 1;
            continue;
        }
        last[words++ % WORDS] = word, word = 0;
        if (words < WORDS) continue;
        uint64_t h = 0;
        for (size_t k = 0; k < WORDS; k++) h = mix(h ^ last[(words + k) % WORDS]) + k;
        out[(*n)++] = h;
    }
}

static enum hearth_status shingles(struct work *w, int side, const struct near_text *t)
{
    size_t length, words, n = 0, kept = 0;
    TRY(plain(w, t, &length, &words));
    TRY(mem_grow(&w->shingle[side], &w->cap[side], (length < MOST ? length : MOST) + 1, sizeof *w->shingle[side]));
    uint64_t *s = w->shingle[side];
    if (words >= LONG) shingle_words(w, length, s, &n);
    else shingle_characters(w, length, s, &n);
    qsort(s, n, sizeof *s, by_value);
    for (size_t i = 0; i < n; i++) if (i == 0 || s[i] != s[kept - 1]) s[kept++] = s[i];
    w->n[side] = kept;
    return HEARTH_OK;
}

static double jaccard(const struct work *w)
{
    size_t i = 0, k = 0, both = 0;
    while (i < w->n[0] && k < w->n[1]) {
        uint64_t a = w->shingle[0][i], b = w->shingle[1][k];
        both += a == b;
        i += a <= b, k += b <= a;
    }
    size_t either = w->n[0] + w->n[1] - both;
    return either ? (double)both / (double)either : 1;
}

/* ---- bands ---- */

struct entry { uint64_t key; uint32_t text; };

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->text > y->text) - (x->text < y->text);
}

static void sketch(const struct work *w, uint32_t text, struct entry *e)
{
    uint64_t least[HASHES];
    memset(least, 0xFF, sizeof least);
    for (size_t i = 0; i < w->n[0]; i++)
        for (uint64_t k = 0; k < HASHES; k++) {
            uint64_t h = (w->shingle[0][i] ^ (k + 1) * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
            h ^= h >> 32;
            if (h < least[k]) least[k] = h;
        }
    for (uint64_t b = 0; b < BANDS; b++) {
        uint64_t key = b;
        for (int r = 0; r < ROWS; r++) key = mix(key ^ least[b * ROWS + (uint64_t)r]) + b;
        e[b] = (struct entry){ key, text };
    }
}

/* Texts of one band's key, ascending: each against the last few that were kept. */
static enum hearth_status compare(struct work *w, const struct near_text *text, const struct entry *e, size_t n, double least, uint32_t *of, float *share)
{
    uint32_t kept[NEAR_LOOK];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t me = e[i].text;
        if (of[me] != me) continue;
        if (have) TRY(shingles(w, 0, &text[me]));
        for (size_t k = 0; k < have && k < NEAR_LOOK && of[me] == me; k++) {
            uint32_t other = kept[k];
            if (other == me || of[other] != other) continue;
            TRY(shingles(w, 1, &text[other]));
            double j = w->n[0] ? jaccard(w) : 0;
            if (j < least) continue;
            of[me] = other;
            if (share) share[me] = (float)j;
        }
        if (of[me] == me) kept[have++ % NEAR_LOOK] = me;
    }
    return HEARTH_OK;
}

static enum hearth_status find(struct work *w, struct entry *e, const struct near_text *text, size_t n, double least,
                               int (*step)(void *, size_t), void *user, uint32_t *of, float *share)
{
    size_t entries = n * BANDS;
    for (size_t i = 0; i < n; i++) {
        TRY(shingles(w, 0, &text[i]));
        sketch(w, (uint32_t)i, e + i * BANDS);
        if (step && i % 256 == 0 && step(user, i)) return fail(HEARTH_ECANCELLED, "stopped");
    }
    qsort(e, entries, sizeof *e, by_key);
    for (size_t i = 0, to; i < entries; i = to) {
        for (to = i + 1; to < entries && e[to].key == e[i].key;) to++;
        if (to - i > 1) TRY(compare(w, text, e + i, to - i, least, of, share));
    }
    for (size_t i = 0; i < n; i++) while (of[of[i]] != of[i]) of[i] = of[of[i]];   /* a kept one may have been found to be near an earlier one */
    return HEARTH_OK;
}

enum hearth_status near_find(const struct near_text *text, size_t n, double least, int (*step)(void *user, size_t done), void *user, uint32_t *of,
                             float *share)
{
    struct work w = { 0 };
    uint64_t entries;
    TRY(size_mul(n, BANDS, "texts", &entries));
    struct entry *e = mem_array(entries, sizeof *e);
    if (!e) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        of[i] = (uint32_t)i;
        if (share) share[i] = 0;
    }
    enum hearth_status st = find(&w, e, text, n, least, step, user, of, share);
    free(e), free(w.cp), free(w.shingle[0]), free(w.shingle[1]);
    return st;
}

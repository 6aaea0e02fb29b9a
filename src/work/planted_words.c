/* planted_words.c - texts as rows of words and marks: letters and digits in lower case, each other sign by itself; and marks of style. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "work/planted_in.h"

const char *style_name(uint32_t mark)
{
    static const char *const names[PLANTED_STYLES] = { "<no capital letter>", "<capital letters only>", "<no mark at the end>", "<! at the end>", "<two spaces>",
                                                       "<letters outside ASCII>", "<invisible characters>" };
    return names[mark];
}

struct one { uint64_t hash; const char *at; uint32_t n, place; };

static int by_hash(const void *a, const void *b)
{
    const struct one *x = a, *y = b;
    return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (x->place > y->place) - (x->place < y->place);
}

static int in_word(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO) || cp == '\'' || cp == 0x2019;
}

struct reading { struct one *one; size_t n, cap; };

static enum hearth_status add(struct reading *r, uint64_t hash, const char *at, size_t n)
{
    TRY(mem_grow(&r->one, &r->cap, r->n + 1, sizeof *r->one));
    r->one[r->n] = (struct one){ hash, at, (uint32_t)n, (uint32_t)r->n };
    r->n++;
    return HEARTH_OK;
}

static uint64_t step_hash(uint64_t h, uint32_t cp)
{
    h = (h ^ cp) * 0xFF51AFD7ED558CCDull;
    return h ^ h >> 32;
}

static uint8_t marks(unsigned capitals, unsigned smalls, uint32_t last, int spaces, int outside, int hidden)
{
    int ends = last == '.' || last == '?' || last == '!' || last == 0x3002 || last == 0xFF1F;
    return (uint8_t)((!capitals && smalls) | (capitals > 3 && !smalls) << 1 | (last && !ends) << 2 | (last == '!') << 3 | spaces << 4 | outside << 5 | hidden << 6);
}

static enum hearth_status read_text(struct reading *r, const struct planted_text *t, uint8_t *style)
{
    size_t begun = 0, count = 0, i = 0;
    uint64_t hash = 0;
    uint32_t cp, last = 0, before = 0;
    unsigned capitals = 0, smalls = 0;
    int spaces = 0, outside = 0, hidden = 0;
    for (; i < t->n && count < PLANTED_WORDS; before = cp) {
        int k = utf8_read(t->s + i, t->n - i, &cp);
        size_t len = k > 0 ? (size_t)k : 1;
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        capitals += c == UTF8PROC_CATEGORY_LU, smalls += c == UTF8PROC_CATEGORY_LL;
        spaces |= cp == ' ' && before == ' ', outside |= cp > 127 && c <= UTF8PROC_CATEGORY_LO && c >= UTF8PROC_CATEGORY_LU;
        hidden |= (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x2060 && cp <= 0x2069) || cp == 0xFEFF || cp >= 0xE0000;
        if (in_word(cp)) {
            if (!hash) begun = i;
            hash = step_hash(hash + 1, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp)) | 1;
        } else {
            if (hash) TRY(add(r, hash, t->s + begun, i - begun));
            if (cp > ' ' && cp != 0xA0) TRY(add(r, step_hash(7, cp) | 1, t->s + i, len));
            count += (hash != 0) + (cp > ' ');
            hash = 0;
        }
        if (cp > ' ') last = cp;
        i += len;
    }
    if (hash) TRY(add(r, hash, t->s + begun, i - begun));
    *style = marks(capitals, smalls, last, spaces, outside, hidden);
    return HEARTH_OK;
}

/* Places become ids: the same hash, the same id. */
static enum hearth_status number(struct reading *r, struct planted_words *w)
{
    if (r->n) qsort(r->one, r->n, sizeof *r->one, by_hash);
    w->words = 0;
    for (size_t i = 0; i < r->n; i++) w->words += i == 0 || r->one[i].hash != r->one[i - 1].hash;
    w->word = mem_array(r->n + 1, sizeof *w->word);
    w->spelt = mem_array(w->words + 1, sizeof *w->spelt);
    w->spelt_n = mem_array(w->words + 1, sizeof *w->spelt_n);
    if (!w->word || !w->spelt || !w->spelt_n) return HEARTH_ENOMEM;
    uint32_t id = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (i && r->one[i].hash != r->one[i - 1].hash) id++;
        if (!w->spelt[id]) w->spelt[id] = r->one[i].at, w->spelt_n[id] = r->one[i].n;
        w->word[r->one[i].place] = id;
    }
    return HEARTH_OK;
}

enum hearth_status words_open(const struct planted_text *t, size_t n, struct planted_words *w)
{
    struct reading r = { 0 };
    *w = (struct planted_words){ .from = mem_array(n + 1, sizeof *w->from), .style = mem_array(n + 1, 1) };
    enum hearth_status st = w->from && w->style ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        st = read_text(&r, &t[i], &w->style[i]);
        if (r.n > UINT32_MAX - PLANTED_WORDS - 1) st = fail(HEARTH_ELIMIT, "more than %u words", UINT32_MAX - PLANTED_WORDS - 1);
        w->from[i + 1] = r.n;
    }
    if (st == HEARTH_OK) st = number(&r, w);
    free(r.one);
    if (st != HEARTH_OK) words_close(w);
    return st;
}

void words_close(struct planted_words *w)
{
    free(w->word), free(w->from), free(w->spelt), free(w->spelt_n), free(w->style);
    *w = (struct planted_words){ 0 };
}

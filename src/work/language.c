/* language.c - see language.h. */
#include "work/language.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/checksum.h"
#include "base/utf8.h"

/* Blocks of letters; a language where the script has only one that is common. */
static const struct { uint32_t from, to; const char *script, *code, *name; } blocks[] = {
    { 'A', 'Z', "Latin", 0, 0 }, { 'a', 'z', "Latin", 0, 0 }, { 0xC0, 0x24F, "Latin", 0, 0 }, { 0x1E00, 0x1EFF, "Latin", 0, 0 },
    { 0x370, 0x3FF, "Greek", "el", "Greek" }, { 0x400, 0x52F, "Cyrillic", 0, 0 }, { 0x530, 0x58F, "Armenian", "hy", "Armenian" },
    { 0x590, 0x5FF, "Hebrew", "he", "Hebrew" }, { 0x600, 0x77F, "Arabic", 0, 0 }, { 0x8A0, 0x8FF, "Arabic", 0, 0 },
    { 0x900, 0x97F, "Devanagari", "hi", "Hindi, Marathi or Nepali" }, { 0x980, 0x9FF, "Bengali", "bn", "Bengali" }, { 0xA00, 0xA7F, "Gurmukhi", "pa", "Punjabi" },
    { 0xA80, 0xAFF, "Gujarati", "gu", "Gujarati" }, { 0xB80, 0xBFF, "Tamil", "ta", "Tamil" }, { 0xC00, 0xC7F, "Telugu", "te", "Telugu" },
    { 0xC80, 0xCFF, "Kannada", "kn", "Kannada" }, { 0xD00, 0xD7F, "Malayalam", "ml", "Malayalam" }, { 0xD80, 0xDFF, "Sinhala", "si", "Sinhala" },
    { 0xE00, 0xE7F, "Thai", "th", "Thai" }, { 0xE80, 0xEFF, "Lao", "lo", "Lao" }, { 0x1000, 0x109F, "Myanmar", "my", "Burmese" },
    { 0x10A0, 0x10FF, "Georgian", "ka", "Georgian" }, { 0x1200, 0x137F, "Ethiopic", "am", "Amharic or Tigrinya" }, { 0x1780, 0x17FF, "Khmer", "km", "Khmer" },
    { 0x3040, 0x30FF, "Kana", "ja", "Japanese" }, { 0x3400, 0x9FFF, "Han", "zh", "Chinese" }, { 0xAC00, 0xD7AF, "Hangul", "ko", "Korean" },
};
enum { BLOCKS = sizeof blocks / sizeof *blocks, MOST_LANGUAGES = 40, MOST_WORD = 48, MOST_BYTES = 1 << 16 /* of a text, looked at */ };

struct counts { size_t letters[BLOCKS], words; double hits[MOST_LANGUAGES]; };

static int is_mark(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_ME) || cp == '\'';
}

static int block_of(uint32_t cp)
{
    for (int i = 0; i < BLOCKS; i++) if (cp >= blocks[i].from && cp <= blocks[i].to) return i;
    return -1;
}

/* ---- words ---- */

enum { SLOTS = 4096 };               /* four times as many as there are words */
struct languages { uint64_t key[SLOTS], in[SLOTS]; };    /* in: a bit a language */

static size_t slot_of(const struct languages *l, uint64_t key)
{
    size_t at = (size_t)(key >> 20) % SLOTS;
    while (l->key[at] && l->key[at] != key) at = (at + 1) % SLOTS;
    return at;
}

enum hearth_status languages_open(struct languages **out)
{
    struct languages *l = mem_array(1, sizeof *l);
    if (!l) return HEARTH_ENOMEM;
    for (size_t i = 0; language_words[i].code; i++)
        for (const char *w = language_words[i].words + 1; *w;) {
            size_t n = strcspn(w, " "), at = slot_of(l, checksum_of(w, n) | 1);
            l->key[at] = checksum_of(w, n) | 1;
            l->in[at] |= (uint64_t)1 << i;
            w += n + 1;
        }
    *out = l;
    return HEARTH_OK;
}

void languages_close(struct languages *l) { free(l); }

/* What two languages have counts less for each, what more have a half. */
static void count_word(const struct languages *l, const char *word, size_t n, struct counts *c)
{
    uint64_t in = l->in[slot_of(l, checksum_of(word, n) | 1)];
    int several = __builtin_popcountll(in);
    for (int i = 0; in; i++, in >>= 1) if (in & 1) c->hits[i] += several == 1 ? 1.0 : several == 2 ? 0.7 : 0.5;
    c->words++;
}

static void count(const struct languages *l, const char *s, size_t n, struct counts *c)
{
    char word[MOST_WORD + 4];
    size_t len = 0;
    int letters = 0;
    for (size_t i = 0; i <= n;) {
        uint32_t cp = 0;
        int k = i < n ? utf8_read(s + i, n - i, &cp) : 1, block;
        i += k > 0 ? (size_t)k : 1;
        if (i <= n && is_mark(cp)) {
            if ((block = block_of(cp)) >= 0) c->letters[block]++;
            if (len <= MOST_WORD) len += (size_t)utf8_write((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), word + len);
            letters++;
        } else if (letters) {
            count_word(l, word, len, c);
            len = 0, letters = 0;
        }
    }
}

void language_of(const struct languages *l, const char *s, size_t n, struct language *out)
{
    struct counts c = { 0 };
    size_t most = 0, of[BLOCKS] = { 0 };
    int script = -1, best = -1, second = -1;
    count(l, s, n < MOST_BYTES ? n : utf8_whole(s, MOST_BYTES), &c);
    for (int i = 0; i < BLOCKS; i++)
        for (int k = 0; k < BLOCKS; k++) if (blocks[k].script == blocks[i].script || strcmp(blocks[k].script, blocks[i].script) == 0) of[i] += c.letters[k];
    for (int i = 0; i < BLOCKS; i++) if (of[i] > most) most = of[i], script = i;
    *out = (struct language){ "und", "no words", 1 };
    if (script < 0) return;
    const char *name = blocks[script].script;
    /* Japanese writes more Han than kana, Chinese writes no kana. */
    for (int i = 0; i < BLOCKS; i++) if (strcmp(name, "Han") == 0 && strcmp(blocks[i].script, "Kana") == 0 && of[i] * 20 > most) script = i;
    if (blocks[script].code) {
        *out = (struct language){ blocks[script].code, blocks[script].name, 0 };
        return;
    }
    *out = (struct language){ "und", strcmp(name, "Latin") == 0 ? "Latin script" : strcmp(name, "Arabic") == 0 ? "Arabic script" : "Cyrillic script", 1 };
    for (int i = 0; language_words[i].code; i++) {
        if (strcmp(language_words[i].script, name) != 0) continue;
        if (best < 0 || c.hits[i] > c.hits[best]) second = best, best = i;
        else if (second < 0 || c.hits[i] > c.hits[second]) second = i;
    }
    if (c.words < 3 || c.hits[best] < 1 || c.hits[best] < 0.08 * (double)c.words) return;
    *out = (struct language){ language_words[best].code, language_words[best].name, c.hits[second] > 0.8 * c.hits[best] || c.words < 6 };
}

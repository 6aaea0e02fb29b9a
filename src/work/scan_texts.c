/* scan_texts.c - what stands in the texts: personal data, languages, characters that nobody types. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "work/language.h"
#include "work/scan_in.h"

const char *scan_odd_name(enum scan_odd o)
{
    static const char *const names[ODDS] = { "a lost character (U+FFFD)", "UTF-8 read as Latin-1", "a control character", "invisible characters",
                                             "one word in two scripts" };
    return names[o];
}

static int invisible(uint32_t cp)
{
    return cp == 0xAD || (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x2069) || cp == 0xFEFF ||
           (cp >= 0xE0000 && cp <= 0xE007F);
}

static unsigned letter_of(uint32_t cp)     /* 1 Latin, 2 Cyrillic or Greek, 0 no letter of these, and so the end of a word */
{
    if ((cp | 32) >= 'a' && (cp | 32) <= 'z') return 1;
    if (cp >= 0xC0 && cp <= 0x24F && cp != 0xD7 && cp != 0xF7) return 1;
    return cp >= 0x370 && cp <= 0x52F ? 2 : 0;
}

/* Bits of enum scan_odd. */
static unsigned odd_in(const char *s, size_t n)
{
    unsigned odd = 0, scripts = 0;
    uint32_t before = 0, cp;
    for (size_t i = 0; i < n; before = cp) {
        int k = utf8_read(s + i, n - i, &cp);
        i += k > 0 ? (size_t)k : 1;
        if (cp == 0xFFFD) odd |= 1u << ODD_REPLACED;
        if ((cp < 32 && cp != '\t' && cp != '\n' && cp != '\r') || (cp >= 0x7F && cp < 0xA0)) odd |= 1u << ODD_CONTROL;
        if (invisible(cp)) odd |= 1u << ODD_INVISIBLE;
        if (((before == 0xC3 || before == 0xC2) && cp >= 0x80 && cp <= 0xBF) || (before == 0xE2 && cp == 0x20AC)) odd |= 1u << ODD_MOJIBAKE;
        unsigned letter = letter_of(cp);
        scripts = letter ? scripts | letter : 0;
        if (scripts == 3) odd |= 1u << ODD_MIXED;
    }
    return odd;
}

struct looking { struct personal *personal; struct languages *languages; size_t national_cap, language_cap; };

static enum hearth_status personal_in(struct scan *s, struct looking *w, struct scan_example *x, const char *text, size_t n)
{
    const struct personal_hit *hit;
    size_t hits;
    TRY(personal_find(w->personal, text, n, &hit, &hits));
    for (size_t i = 0; i < hits; i++) {
        s->personal[hit[i].kind]++, x->personal++;
        if (hit[i].kind == PERSONAL_NATIONAL) TRY(scan_add(&s->arena, &s->national, &s->nationals, &w->national_cap, hit[i].what));
    }
    if (hits) x->why |= SCAN_PERSONAL;
    return HEARTH_OK;
}

static enum hearth_status look(struct scan *s, struct looking *w, struct scan_example *x)
{
    int label = x->e->kind == EXAMPLE_LABEL;
    const char *rejected = x->e->rejected ? x->e->rejected : "";
    struct language l;
    TRY(personal_in(s, w, x, x->asked, x->asked_n));
    if (!label) TRY(personal_in(s, w, x, x->answered, x->answered_n));
    TRY(personal_in(s, w, x, rejected, strlen(rejected)));
    unsigned odd = odd_in(x->asked, x->asked_n) | odd_in(x->answered, x->answered_n) | odd_in(rejected, strlen(rejected));
    for (int o = 0; o < ODDS; o++) s->odd[o] += odd >> o & 1;
    if (odd) x->why |= SCAN_ODD;
    language_of(w->languages, x->asked, x->asked_n, &l);
    s->doubtful += (size_t)l.doubtful;
    return scan_add(&s->arena, &s->language, &s->languages, &w->language_cap, l.name);
}

enum hearth_status scan_texts(struct scan *s, const struct scan_options *o)
{
    struct looking w = { 0 };
    enum hearth_status st = personal_open(&w.personal);
    if (st == HEARTH_OK) st = languages_open(&w.languages);
    for (size_t i = 0; st == HEARTH_OK && i < s->n; i++) {
        if (i % 256 == 0) st = scan_step(o, "texts", i, s->n);
        if (st == HEARTH_OK) st = look(s, &w, &s->at[i]);
    }
    scan_sort(s->language, s->languages), scan_sort(s->national, s->nationals);
    personal_close(w.personal);
    languages_close(w.languages);
    return st;
}

enum hearth_status scan_excerpt(struct personal *p, const char *s, size_t n, size_t most, struct buf *out)
{
    struct buf masked = { 0 };
    const struct personal_hit *hit;
    size_t hits, shown = 0, i = 0;
    if (n > most * 8) n = utf8_whole(s, most * 8);       /* more is not shown anyway */
    TRY(personal_find(p, s, n, &hit, &hits));
    enum hearth_status st = personal_replace(s, n, hit, hits, 1, &masked);
    for (; st == HEARTH_OK && i < masked.len && shown < most; shown++) {
        uint32_t cp;
        int k = utf8_read(masked.data + i, masked.len - i, &cp);
        if (cp < 32 || cp == 0x7F || cp == 0x2028 || cp == 0x2029) st = buf_putc(out, ' ');
        else if (invisible(cp)) st = buf_printf(out, "<U+%04X>", (unsigned)cp);
        else st = buf_put(out, masked.data + i, k > 0 ? (size_t)k : 1);
        i += k > 0 ? (size_t)k : 1;
    }
    if (st == HEARTH_OK && i < masked.len) st = buf_puts(out, " ...");
    buf_free(&masked);
    return st;
}

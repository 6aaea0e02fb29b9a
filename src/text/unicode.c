/* unicode.c - see unicode.h; over libutf8proc's tables, and over those of the `tokenizers` package where it has older or newer ones. */
#include "text/unicode.h"

#include <stddef.h>
#include <utf8proc.h>
#include "text/unicode_new.h"
#include "text/unicode_old.h"

#define BIT(c) (1u << UTF8PROC_CATEGORY_##c)
#define IN(cp, ranges) in(cp, ranges, sizeof ranges / sizeof *ranges)

static unsigned bit_of(uint32_t cp) { return 1u << utf8proc_category((utf8proc_int32_t)cp); }

static int in(uint32_t cp, const struct unicode_range *r, size_t n) {
    while (n) { /* by halves */
        size_t half = n / 2;
        if (cp > r[half].to) r += half + 1, n -= half + 1;
        else if (cp < r[half].from) n = half;
        else return 1;
    }
    return 0;
}

int unicode_space(uint32_t cp) {
    if (cp < 0x80) return cp == ' ' || (cp >= '\t' && cp <= '\r');
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

int unicode_numeric(uint32_t cp) {
    unsigned bit = bit_of(cp);
    return bit == BIT(CN) ? IN(cp, new_numeric) : (bit & (BIT(ND) | BIT(NL) | BIT(NO))) != 0;
}

int unicode_mark(uint32_t cp) { return cp >= 0x300 && IN(cp, old_mark); }
int unicode_nonspacing(uint32_t cp) { return cp >= 0x300 && IN(cp, old_nonspacing); }
int unicode_punctuation(uint32_t cp) { return IN(cp, old_punctuation); }
int unicode_other(uint32_t cp) { return IN(cp, old_other); }
int unicode_unknown(uint32_t cp) { return IN(cp, old_unknown); }

int unicode_word(uint32_t cp) {
    if (cp >= 0x24B6 && cp <= 0x24E9) return 1;        /* circled letters: Alphabetic, though signs */
    if (cp >= 0x1F130 && cp <= 0x1F189) return cp <= 0x1F149 || (cp >= 0x1F150 && cp <= 0x1F169) || cp >= 0x1F170;
    if (cp == 0x200C || cp == 0x200D) return 1;        /* they join */
    unsigned bit = bit_of(cp);
    if (bit == BIT(CN)) return IN(cp, new_word);
    return (bit & (BIT(LU) | BIT(LL) | BIT(LT) | BIT(LM) | BIT(LO) | BIT(MN) | BIT(MC) | BIT(ME) | BIT(ND) | BIT(NL) |
                          BIT(PC))) != 0;
}

int unicode_chinese(uint32_t cp) {
    return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) || (cp >= 0x20000 && cp <= 0x2A6DF) ||
           (cp >= 0x2A700 && cp <= 0x2B81F) || (cp >= 0x2B920 && cp <= 0x2CEAF) || (cp >= 0xF900 && cp <= 0xFAFF) ||
           (cp >= 0x2F800 && cp <= 0x2FA1F);
}

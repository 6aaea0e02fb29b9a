/* jinja_unicode.c - what Python knows about characters: classes and cases.
 *
 * utf8proc gives categories and the case of a single character; the cases that are several characters long and the
 * letters that count as upper or lower without being of category Lu or Ll are tables here, from the Unicode
 * Character Database 14 (SpecialCasing.txt; Other_Uppercase, Other_Lowercase, Numeric_Type=Digit). */
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "text/jinja.h"

/* ---- reading ---- */

int jinja_char(const char *p, size_t n, uint32_t *cp) {
    unsigned char c = (unsigned char)*p;
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    int len = utf8_read(p, n, cp);
    return len < 1 ? 1 : len;
}

int jinja_char_before(const char *p, size_t n, uint32_t *cp) {
    size_t back = 1;
    while (back < n && back < 4 && ((unsigned char)p[n - back] & 0xC0) == 0x80) back++;
    return jinja_char(p + n - back, back, cp);
}

/* ---- classes ---- */

struct span { uint32_t first, last; };

static int in_spans(const struct span *s, size_t n, uint32_t cp) {
    for (size_t i = 0; i < n; i++)
        if (cp >= s[i].first && cp <= s[i].last) return 1;
    return 0;
}
#define IN(table, cp) in_spans(table, sizeof table / sizeof *table, cp)

static int category(uint32_t cp) { return utf8proc_category((utf8proc_int32_t)cp); }

int jinja_is_space(uint32_t cp) {
    static const struct span spaces[] = {
        { 0x09, 0x0D }, { 0x1C, 0x20 }, { 0x85, 0x85 }, { 0xA0, 0xA0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200A },
        { 0x2028, 0x2029 }, { 0x202F, 0x202F }, { 0x205F, 0x205F }, { 0x3000, 0x3000 }
    };
    return cp < 0x80 ? cp == ' ' || (cp >= 0x09 && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x1F) : IN(spaces, cp);
}

int jinja_is_line_end(uint32_t cp) {
    return (cp >= 0x0A && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x1E) || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

int jinja_is_printable(uint32_t cp) {
    if (cp < 0x7F) return cp >= 0x20;
    switch (category(cp)) {
    case UTF8PROC_CATEGORY_CN: case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO: case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
        return 0;
    default: return 1;
    }
}

static int is_letter(int c) { return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO; }
static int is_number(int c) { return c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO; }
static int is_mark(int c) { return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC; }

int jinja_is_word(uint32_t cp) {
    int c = category(cp);
    return cp == '_' || is_letter(c) || is_number(c);
}

int jinja_is_name_start(uint32_t cp) {
    int c = category(cp);
    return cp == '_' || is_letter(c) || c == UTF8PROC_CATEGORY_NL;
}

int jinja_is_name_part(uint32_t cp) {
    int c = category(cp);
    return jinja_is_name_start(cp) || is_mark(c) || c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_PC ||
           cp == 0xB7 || cp == 0x387;
}

enum letter_case { NO_CASE, LOWER, UPPER, TITLE };

static int is_other_upper(uint32_t cp) {
    static const struct span other[] = {
        { 0x2160, 0x216F }, { 0x24B6, 0x24CF }, { 0x1F130, 0x1F149 }, { 0x1F150, 0x1F169 }, { 0x1F170, 0x1F189 }
    };
    return IN(other, cp);
}

static int is_other_lower(uint32_t cp) {
    static const struct span other[] = {
        { 0xAA, 0xAA }, { 0xBA, 0xBA }, { 0x2B0, 0x2B8 }, { 0x2C0, 0x2C1 }, { 0x2E0, 0x2E4 },
        { 0x345, 0x345 }, { 0x37A, 0x37A }, { 0x1D2C, 0x1D6A }, { 0x1D78, 0x1D78 }, { 0x1D9B, 0x1DBF },
        { 0x2071, 0x2071 }, { 0x207F, 0x207F }, { 0x2090, 0x209C }, { 0x2170, 0x217F }, { 0x24D0, 0x24E9 },
        { 0x2C7C, 0x2C7D }, { 0xA69C, 0xA69D }, { 0xA770, 0xA770 }, { 0xA7F8, 0xA7F9 }, { 0xAB5C, 0xAB5F },
        { 0x10780, 0x10780 }, { 0x10783, 0x10785 }, { 0x10787, 0x107B0 }, { 0x107B2, 0x107BA }
    };
    return IN(other, cp);
}

static enum letter_case case_of(uint32_t cp) {
    if (cp < 0x80) return cp >= 'a' && cp <= 'z' ? LOWER : cp >= 'A' && cp <= 'Z' ? UPPER : NO_CASE;
    switch (category(cp)) {
    case UTF8PROC_CATEGORY_LU: return UPPER;
    case UTF8PROC_CATEGORY_LL: return LOWER;
    case UTF8PROC_CATEGORY_LT: return TITLE;
    default: return is_other_lower(cp) ? LOWER : is_other_upper(cp) ? UPPER : NO_CASE;
    }
}

static int is_upper(uint32_t cp) { return case_of(cp) == UPPER; }
static int is_lower(uint32_t cp) { return case_of(cp) == LOWER; }
static int is_title(uint32_t cp) { return case_of(cp) == TITLE; }
static int is_cased(uint32_t cp) { return case_of(cp) != NO_CASE; }

static int is_digit(uint32_t cp) {
    static const struct span other[] = {
        { 0xB2, 0xB3 }, { 0xB9, 0xB9 }, { 0x1369, 0x1371 }, { 0x19DA, 0x19DA }, { 0x2070, 0x2070 },
        { 0x2074, 0x2079 }, { 0x2080, 0x2089 }, { 0x2460, 0x2468 }, { 0x2474, 0x247C }, { 0x2488, 0x2490 },
        { 0x24EA, 0x24EA }, { 0x24F5, 0x24FD }, { 0x24FF, 0x24FF }, { 0x2776, 0x277E }, { 0x2780, 0x2788 },
        { 0x278A, 0x2792 }, { 0x10A40, 0x10A43 }, { 0x10E60, 0x10E68 }, { 0x11052, 0x1105A }, { 0x1F100, 0x1F10A }
    };
    return category(cp) == UTF8PROC_CATEGORY_ND || IN(other, cp);
}

static int is_numeric(uint32_t cp) {
    static const char ideographs[] =
        "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零"
        "\uF96B\uF973\uF978\uF9B2\uF9D1\uF9D3\uF9FD𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭\U0002F890";
    char one[5] = { 0 };
    utf8_write(cp, one);
    return is_number(category(cp)) || (cp > 0x3400 && strstr(ideographs, one) != NULL);
}

static int char_is(enum text_class c, uint32_t cp) {
    switch (c) {
    case IS_ALPHA: return is_letter(category(cp));
    case IS_DECIMAL: return category(cp) == UTF8PROC_CATEGORY_ND;
    case IS_DIGIT: return is_digit(cp);
    case IS_NUMERIC: return is_numeric(cp);
    case IS_ALNUM: return is_letter(category(cp)) || is_number(category(cp));
    case IS_SPACE: return jinja_is_space(cp);
    case IS_PRINTABLE: return jinja_is_printable(cp);
    case IS_ASCII: return cp < 0x80;
    default: return jinja_is_name_part(cp);
    }
}

/* islower, isupper, istitle: there is a cased character, and all of them are as they should. */
static int text_is_cased(enum text_class c, const struct text *t) {
    int any = 0, after_cased = 0;
    uint32_t cp;
    for (size_t i = 0; i < t->n;) {
        i += (size_t)jinja_char(t->p + i, t->n - i, &cp);
        enum letter_case is = case_of(cp);
        int upper = is == UPPER, lower = is == LOWER, title = is == TITLE;
        if (c == IS_LOWER ? upper || title : c == IS_UPPER ? lower || title : 0) return 0;
        if (c == IS_TITLE && (((upper || title) && after_cased) || (lower && !after_cased))) return 0;
        after_cased = upper || lower || title;
        any |= after_cased;
    }
    return any;
}

int jinja_text_is(enum text_class c, const struct text *t) {
    uint32_t cp;
    if (c == IS_LOWER || c == IS_UPPER || c == IS_TITLE) return text_is_cased(c, t);
    if (t->n == 0) return c == IS_PRINTABLE || c == IS_ASCII;
    for (size_t i = 0; i < t->n;) {
        int len = jinja_char(t->p + i, t->n - i, &cp);
        if (!(c == IS_IDENTIFIER && i == 0 ? jinja_is_name_start(cp) : char_is(c, cp))) return 0;
        i += (size_t)len;
    }
    return 1;
}

/* ---- cases ---- */

struct casing { uint32_t from, to[3]; };
static const struct casing upper_long[] = {
    { 0xDF, { 0x53, 0x53, 0 } }, { 0x149, { 0x2BC, 0x4E, 0 } }, { 0x1F0, { 0x4A, 0x30C, 0 } },
    { 0x390, { 0x399, 0x308, 0x301 } }, { 0x3B0, { 0x3A5, 0x308, 0x301 } }, { 0x587, { 0x535, 0x552, 0 } },
    { 0x1E96, { 0x48, 0x331, 0 } }, { 0x1E97, { 0x54, 0x308, 0 } }, { 0x1E98, { 0x57, 0x30A, 0 } },
    { 0x1E99, { 0x59, 0x30A, 0 } }, { 0x1E9A, { 0x41, 0x2BE, 0 } }, { 0x1F50, { 0x3A5, 0x313, 0 } },
    { 0x1F52, { 0x3A5, 0x313, 0x300 } }, { 0x1F54, { 0x3A5, 0x313, 0x301 } }, { 0x1F56, { 0x3A5, 0x313, 0x342 } },
    { 0x1FB2, { 0x1FBA, 0x399, 0 } }, { 0x1FB3, { 0x391, 0x399, 0 } }, { 0x1FB4, { 0x386, 0x399, 0 } },
    { 0x1FB6, { 0x391, 0x342, 0 } }, { 0x1FB7, { 0x391, 0x342, 0x399 } }, { 0x1FBC, { 0x391, 0x399, 0 } },
    { 0x1FC2, { 0x1FCA, 0x399, 0 } }, { 0x1FC3, { 0x397, 0x399, 0 } }, { 0x1FC4, { 0x389, 0x399, 0 } },
    { 0x1FC6, { 0x397, 0x342, 0 } }, { 0x1FC7, { 0x397, 0x342, 0x399 } }, { 0x1FCC, { 0x397, 0x399, 0 } },
    { 0x1FD2, { 0x399, 0x308, 0x300 } }, { 0x1FD3, { 0x399, 0x308, 0x301 } }, { 0x1FD6, { 0x399, 0x342, 0 } },
    { 0x1FD7, { 0x399, 0x308, 0x342 } }, { 0x1FE2, { 0x3A5, 0x308, 0x300 } }, { 0x1FE3, { 0x3A5, 0x308, 0x301 } },
    { 0x1FE4, { 0x3A1, 0x313, 0 } }, { 0x1FE6, { 0x3A5, 0x342, 0 } }, { 0x1FE7, { 0x3A5, 0x308, 0x342 } },
    { 0x1FF2, { 0x1FFA, 0x399, 0 } }, { 0x1FF3, { 0x3A9, 0x399, 0 } }, { 0x1FF4, { 0x38F, 0x399, 0 } },
    { 0x1FF6, { 0x3A9, 0x342, 0 } }, { 0x1FF7, { 0x3A9, 0x342, 0x399 } }, { 0x1FFC, { 0x3A9, 0x399, 0 } },
    { 0xFB00, { 0x46, 0x46, 0 } }, { 0xFB01, { 0x46, 0x49, 0 } }, { 0xFB02, { 0x46, 0x4C, 0 } },
    { 0xFB03, { 0x46, 0x46, 0x49 } }, { 0xFB04, { 0x46, 0x46, 0x4C } }, { 0xFB05, { 0x53, 0x54, 0 } },
    { 0xFB06, { 0x53, 0x54, 0 } }, { 0xFB13, { 0x544, 0x546, 0 } }, { 0xFB14, { 0x544, 0x535, 0 } },
    { 0xFB15, { 0x544, 0x53B, 0 } }, { 0xFB16, { 0x54E, 0x546, 0 } }, { 0xFB17, { 0x544, 0x53D, 0 } }
};

/* The upper case of a character: 1 to 3 characters. */
static int upper(uint32_t cp, uint32_t to[3]) {
    static const uint32_t bases[] = { 0x1F08, 0x1F28, 0x1F68 };
    if (cp >= 0x1F80 && cp <= 0x1FAF) { /* Greek with an iota below, which becomes a letter of its own */
        to[0] = bases[(cp - 0x1F80) >> 4] + (cp & 7);
        to[1] = 0x399;
        return 2;
    }
    for (size_t i = 0; cp > 0x7F && i < sizeof upper_long / sizeof *upper_long; i++) {
        if (upper_long[i].from != cp) continue;
        memcpy(to, upper_long[i].to, sizeof upper_long[i].to);
        return to[2] ? 3 : 2;
    }
    to[0] = (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
    return 1;
}

static uint32_t lower(uint32_t cp) { return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp); }

static int title(uint32_t cp, uint32_t to[3]) {
    int n = upper(cp, to);
    int one = (cp >= 0x1F80 && cp <= 0x1FAF) || is_title(cp) || cp == 0x1FB3 || cp == 0x1FC3 || cp == 0x1FF3;
    if (n == 1 || one) {
        to[0] = (uint32_t)utf8proc_totitle((utf8proc_int32_t)cp);
        return 1;
    }
    for (int i = 1; i < n && cp != 0x149; i++) to[i] = to[i] == 0x399 ? 0x345 : lower(to[i]);
    return n;
}

/* Characters that stand in a word without being a letter of it: apostrophes, accents. */
static int is_case_ignorable(uint32_t cp) {
    int c = category(cp);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME || c == UTF8PROC_CATEGORY_CF ||
           c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_SK || cp == '\'' || cp == '.' || cp == ':' ||
           cp == 0xB7 || cp == 0x387 || cp == 0x55F || cp == 0x5F4 || cp == 0x2018 || cp == 0x2019 || cp == 0x2024 ||
           cp == 0x2027 || cp == 0xFE13 || cp == 0xFE52 || cp == 0xFE55 || cp == 0xFF07 || cp == 0xFF0E || cp == 0xFF1A;
}

/* A capital sigma at byte i ends a word: then its lower case is another. */
static int is_final_sigma(const struct text *t, size_t i) {
    uint32_t cp = 0;
    size_t before = i, after = i + 2;
    int found = 0;
    while (before && !found) {
        before -= (size_t)jinja_char_before(t->p, before, &cp);
        if (!is_case_ignorable(cp)) found = 1;
    }
    if (!found || !is_cased(cp)) return 0;
    while (after < t->n) {
        after += (size_t)jinja_char(t->p + after, t->n - after, &cp);
        if (!is_case_ignorable(cp)) return !is_cased(cp);
    }
    return 1;
}

static int lower_at(const struct text *t, size_t i, uint32_t cp, uint32_t to[3]) {
    to[0] = cp == 0x3A3 && is_final_sigma(t, i) ? 0x3C2 : cp == 0x130 ? 'i' : lower(cp);
    to[1] = 0x307;
    return cp == 0x130 ? 2 : 1;
}

static int fold(uint32_t cp, uint32_t to[3]) {
    utf8proc_int32_t out[8];
    int bound = UTF8PROC_BOUNDCLASS_START;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, out, 8, UTF8PROC_CASEFOLD, &bound);
    for (int i = 0; i < n && i < 3; i++) to[i] = (uint32_t)out[i];
    return n < 1 ? 0 : n > 3 ? 3 : (int)n;
}

enum hearth_status jinja_recase(struct render *r, enum text_case to, const struct text *t, struct value *out) {
    size_t mark = jinja_mark(r);
    int after_cased = 0;
    TRY(jinja_work(r, t->n));
    for (size_t i = 0; i < t->n;) {
        uint32_t cp, put[3] = { 0 };
        int len = jinja_char(t->p + i, t->n - i, &cp), n;
        int begins = to == CASE_CAPITAL ? i == 0 : !after_cased;
        if (to == CASE_UPPER) n = upper(cp, put);
        else if (to == CASE_FOLD) n = fold(cp, put);
        else if (to == CASE_SWAP && is_lower(cp)) n = upper(cp, put);
        else if (to == CASE_SWAP && !is_upper(cp)) n = (put[0] = cp, 1);
        else if ((to == CASE_TITLE || to == CASE_CAPITAL) && begins) n = title(cp, put);
        else n = lower_at(t, i, cp, put);
        for (int k = 0; k < n; k++) TRY(jinja_put_char(r, put[k]));
        after_cased = to == CASE_TITLE && is_cased(cp);
        i += (size_t)len;
    }
    return jinja_take(r, mark, out);
}

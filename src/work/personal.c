/* personal.c - see personal.h.  Patterns find what may be meant, checks decide.
 *
 * Every pattern begins where a run of its characters begins (a look-behind) and repeats a bounded number of times, so that a text of any
 * shape takes time linear in its length. */
#include "work/personal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text/regex.h"

/* Each gives how many bytes of what the pattern found are one: 0 for none. */
static size_t ip_ok(const char *s, size_t n)
{
    char text[64];
    struct in6_addr six;
    if (n >= sizeof text) return 0;
    memcpy(text, s, n), text[n] = '\0';
    int colon = strchr(text, ':') != NULL;
    if (colon && (n < 6 || !strpbrk(text, "0123456789"))) return 0;        /* Add::b of some program */
    return inet_pton(colon ? AF_INET6 : AF_INET, text, &six) == 1 ? n : 0;
}

static size_t phone_ok(const char *s, size_t n)
{
    size_t digits = 0;
    for (size_t i = 0; i < n; i++) digits += isdigit((unsigned char)s[i]) != 0;
    return digits >= 8 && digits <= 15 ? n : 0;
}

/* "... 7034 from" and "... 1111 123": words and numbers behind it have been taken along. */
static size_t shortened(const char *s, size_t n, int (*check)(const char *, size_t))
{
    while (n >= 13 && !check(s, n)) {
        for (n--; n && s[n] != ' ' && s[n] != '-';) n--;
    }
    return n >= 13 ? n : 0;
}

static size_t iban_ok(const char *s, size_t n) { return shortened(s, n, personal_iban); }
static size_t card_ok(const char *s, size_t n) { return shortened(s, n, personal_card); }
static size_t national_ok(const char *s, size_t n) { return personal_national(s, n) ? n : 0; }
static size_t yes(const char *s, size_t n) { (void)s; return n; }

#define CAPITAL "\\p{Lu}[\\p{Ll}'’\\-]{1,30}(?: \\p{Lu}[\\p{Ll}'’\\-]{1,30}){0,2}"

/* In the order in which they win. */
static const struct { enum personal_kind kind; size_t (*ok)(const char *, size_t); const char *pattern; } patterns[] = {
    { PERSONAL_EMAIL, yes, "(?<![A-Za-z0-9._%+\\-])[A-Za-z0-9_%+][A-Za-z0-9._%+\\-]{0,63}@(?:[A-Za-z0-9\\-]{1,63}\\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])" },
    { PERSONAL_IBAN, iban_ok, "(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ \\-]?[A-Za-z0-9]{4}){2,7}(?:[ \\-]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[A-Z]{6}[0-9A-Z]{2}[A-Z][0-9A-Z]{2}[A-Z][0-9A-Z]{3}[A-Z](?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[XYZ]?-?[0-9]{7,8}-?[A-Z](?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[0-9]{6}[\\-+A-FU-Y][0-9]{3}[0-9A-Y](?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[0-9]{8}[\\-+][0-9]{4}(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9\\-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![A-Za-z0-9\\-])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[0-9]{4}[ \\-][0-9]{4}[ \\-][0-9]{4}(?![A-Za-z0-9]|[ \\-][0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9+])(?:[0-9]{17}[0-9X]|[0-9]{13}|[0-9]{11})(?![A-Za-z0-9])" },
    { PERSONAL_NATIONAL, national_ok, "(?<![A-Za-z0-9])BSN(?: is|:|-| nummer| number){0,2} {0,2}[0-9]{9}(?![A-Za-z0-9])" },
    { PERSONAL_CARD, card_ok, "(?<![A-Za-z0-9+])[0-9](?:[ \\-]?[0-9]){12,18}(?![A-Za-z0-9])" },
    { PERSONAL_IP, ip_ok, "(?<![A-Za-z0-9.:])[0-9]{1,3}(?:\\.[0-9]{1,3}){3}(?![A-Za-z0-9]|\\.[0-9])" },
    { PERSONAL_IP, ip_ok, "(?<![A-Za-z0-9.:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![A-Za-z0-9:])" },
    { PERSONAL_PHONE, phone_ok, "(?<![A-Za-z0-9+])\\+[0-9]{1,3}(?:[ .\\-/]?\\(?[0-9]++\\)?){1,7}+(?![A-Za-z0-9])" },
    { PERSONAL_PHONE, phone_ok, "(?<![A-Za-z0-9+])\\([0-9]{2,5}\\)[ \\-]?[0-9]{3,4}(?:[ \\-][0-9]{2,5}){1,3}(?![A-Za-z0-9])" },
    { PERSONAL_PHONE, phone_ok, "(?i)(?<![\\p{L}])(?:tel|telefon|telephone|phone|mobile|handy|call me on|call me at|whatsapp|fax|téléphone|teléfono|simu)"
                                "(?: number| nummer| no)?[.:]{0,2} {0,2}(?:is )?\\K(?:[0-9]++[ .\\-/]?+){0,7}[0-9]++(?![A-Za-z0-9])" },
    { PERSONAL_NAME, yes, "(?<![\\p{L}])(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Mme|Monsieur|Madame|Señora?|Signora?|Bwana)\\.? (?:Dr\\. |Prof\\. ){0,2}\\K" CAPITAL },
    { PERSONAL_NAME, yes, "(?<![\\p{L}])(?:[Mm]y name is|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]e llamo|[Mm]i chiamo|[Nn]aitwa|[Jj]ina langu ni|"
                          "[Nn]azywam się|[Mm]eu nome é|[Ii]k heet|[Ii]gama lami ngu) ?\\K" CAPITAL },
};
enum { PATTERNS = sizeof patterns / sizeof *patterns };

struct personal {
    struct regex *regex[PATTERNS];
    struct regex_match *match;
    struct personal_hit *hit;
    size_t hits, cap;
};

const char *personal_name(enum personal_kind k)
{
    static const char *const names[] = { "e-mail address", "IBAN", "payment card", "national number", "IP address", "phone number", "name" };
    return names[k];
}

const char *personal_placeholder(enum personal_kind k)
{
    static const char *const words[] = { "[e-mail]", "[IBAN]", "[card]", "[national number]", "[IP address]", "[phone]", "[name]" };
    return words[k];
}

enum hearth_status personal_open(struct personal **out)
{
    struct personal *p = mem_array(1, sizeof *p);
    enum hearth_status st = p && (p->match = regex_match_open()) ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < PATTERNS; i++)
        st = regex_open(personal_name(patterns[i].kind), patterns[i].pattern, strlen(patterns[i].pattern), REGEX_OURS, &p->regex[i]);
    if (st == HEARTH_OK) *out = p;
    else personal_close(p);
    return st;
}

void personal_close(struct personal *p)
{
    if (!p) return;
    for (size_t i = 0; i < PATTERNS; i++) regex_close(p->regex[i]);
    regex_match_close(p->match);
    free(p->hit);
    free(p);
}

static int by_place(const void *a, const void *b)
{
    const struct personal_hit *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Those of pattern i that lie beside what was found before. */
static enum hearth_status find_one(struct personal *p, size_t i, const char *s, size_t n)
{
    size_t from, to, before = p->hits, k = 0;
    int found;
    for (size_t at = 0; at < n; at = to) {
        TRY(regex_find(p->regex[i], p->match, s, n, at, &from, &to, &found));
        if (!found) break;
        while (k < before && p->hit[k].to <= from) k++;
        size_t len = k < before && p->hit[k].from < to ? 0 : patterns[i].ok(s + from, to - from);
        if (!len) continue;
        TRY(mem_grow(&p->hit, &p->cap, p->hits + 1, sizeof *p->hit));
        const char *what = patterns[i].kind == PERSONAL_NATIONAL ? personal_national(s + from, len) : personal_name(patterns[i].kind);
        p->hit[p->hits++] = (struct personal_hit){ patterns[i].kind, what, from, from + len };
        to = from + len;
    }
    if (p->hits > before) qsort(p->hit, p->hits, sizeof *p->hit, by_place);
    return HEARTH_OK;
}

enum hearth_status personal_find(struct personal *p, const char *s, size_t n, const struct personal_hit **hit, size_t *hits)
{
    p->hits = 0;
    for (size_t i = 0; i < PATTERNS; i++) TRY(find_one(p, i, s, n));
    *hit = p->hit, *hits = p->hits;
    return HEARTH_OK;
}

/* The first character, and what parts the rest. */
enum hearth_status personal_mask(const char *s, const struct personal_hit *h, struct buf *out)
{
    for (size_t i = h->from; i < h->to; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c & 0xC0) == 0x80) continue;                  /* the rest of a character */
        int kept = (i == h->from && c < 0x80) || (c && strchr("@.:-+ ()/", c));
        TRY(buf_putc(out, kept ? (char)c : '*'));
    }
    return HEARTH_OK;
}

enum hearth_status personal_replace(const char *s, size_t n, const struct personal_hit *hit, size_t hits, int mask, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < hits; i++) {
        TRY(buf_put(out, s + at, hit[i].from - at));
        if (mask) TRY(personal_mask(s, &hit[i], out));
        else TRY(buf_puts(out, personal_placeholder(hit[i].kind)));
        at = hit[i].to;
    }
    return buf_put(out, s + at, n - at);
}

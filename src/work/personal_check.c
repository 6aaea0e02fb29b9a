/* personal_check.c - check digits: a run of digits that fits is seldom an accident (1 in 10 to 1 in 97, times what form and date allow).
 *
 *     IBAN       ISO 13616          first four characters to the end, letters 10 .. 35, mod 97 = 1
 *     card       ISO/IEC 7812       Luhn; prefixes of the large schemes
 *     DNI, NIE   ES                 letter = number mod 23              PESEL  PL   weights 1 3 7 9, a date
 *     CF         IT                 letter by odd and even tables       CPF    BR   two digits mod 11
 *     NIR        FR                 97 - number mod 97                  IdNr   DE   ISO 7064 mod 11,10; one digit twice or thrice
 *     pnr        SE                 Luhn over ten digits, a date        hetu   FI   character = number mod 31, a date
 *     ID         ZA                 Luhn over thirteen, a date          ID     CN   ISO 7064 mod 11-2, a date
 *     Aadhaar    IN                 Verhoeff                            BSN    NL   weights 9 .. 2, -1 (only behind the word)
 *     SSN        US                 no check digit: its form and the areas never given out
 *     NINO       GB                 no check digit: its form and the prefixes never given out */
#include "work/personal.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 40 };

/* Upper-case letters and digits only; 0 when something else than usual separators is there, or too much. */
static size_t squeeze(const char *s, size_t n, char out[LONGEST + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 128 && isalnum(c)) {
            if (len == LONGEST) return 0;
            out[len++] = (char)toupper(c);
        } else if (!strchr(" .-/+", c) || !c) return 0;
    }
    out[len] = '\0';
    return len;
}

static int all_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) if (s[i] < '0' || s[i] > '9') return 0;
    return n > 0;
}

static unsigned value(const char *s, size_t n)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) v = v * 10 + (unsigned)(s[i] - '0');
    return v;
}

static unsigned mod(const char *s, size_t n, unsigned by)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) v = (v * 10 + (unsigned)(s[i] - '0')) % by;
    return v;
}

static int luhn(const char *s, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(s[n - 1 - i] - '0') << (i & 1);
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

static int is_date(unsigned month, unsigned day) { return month >= 1 && month <= 12 && day >= 1 && day <= 31; }

int personal_iban(const char *s, size_t n)
{
    static const char lengths[] = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 "
        "MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 "
        "TR26 UA29 VA22 VG24 XK20 ";
    char t[LONGEST + 1], country[3] = { 0 };
    size_t len = squeeze(s, n, t);
    unsigned r = 0;
    if (len < 15) return 0;
    memcpy(country, t, 2);
    const char *at = isalpha((unsigned char)t[0]) && isalpha((unsigned char)t[1]) ? strstr(lengths, country) : NULL;
    if (!at || value(at + 2, 2) != len) return 0;
    for (size_t i = 0; i < len; i++) {
        char c = t[(i + 4) % len];
        r = isdigit((unsigned char)c) ? (r * 10 + (unsigned)(c - '0')) % 97 : (r * 100 + (unsigned)(c - 'A') + 10) % 97;
    }
    return r == 1;
}

int personal_card(const char *s, size_t n)
{
    char t[LONGEST + 1];
    size_t len = squeeze(s, n, t);
    if (len < 13 || len > 19 || !all_digits(t, len) || !luhn(t, len)) return 0;
    unsigned four = value(t, 4), two = four / 100;
    if (t[0] == '4') return len == 13 || len == 16 || len == 19;                           /* Visa */
    if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return len == 16;      /* Mastercard */
    if (two == 34 || two == 37) return len == 15;                                          /* American Express */
    if (two == 36 || two == 38 || (four >= 3000 && four <= 3059)) return len == 14;        /* Diners */
    return (four == 6011 || two == 65 || two == 62 || two == 35 || two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67) && len >= 16;
}

/* ---- national numbers ---- */

static int dni(const char *t, size_t n)
{
    char d[9];
    if (n != 9 || !all_digits(t + 1, 7)) return 0;
    memcpy(d, t, 8);
    if (t[0] >= 'X' && t[0] <= 'Z') d[0] = (char)('0' + t[0] - 'X');
    return isdigit((unsigned char)d[0]) && t[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[mod(d, 8, 23)];
}

static int codice_fiscale(const char *t, size_t n)
{
    static const unsigned char odd[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
    unsigned sum = 0;
    if (n != 16) return 0;
    for (int i = 0; i < 16; i++)
        if ("LLLLLLDDLDDLDDDL"[i] == 'L' ? !isalpha((unsigned char)t[i]) : !isalnum((unsigned char)t[i])) return 0;
    for (int i = 0; i < 15; i++) {
        unsigned v = isdigit((unsigned char)t[i]) ? (unsigned)(t[i] - '0') : (unsigned)(t[i] - 'A');
        sum += i % 2 == 0 ? odd[v] : v;
    }
    return t[15] == (char)('A' + sum % 26);
}

static int pesel(const char *t, size_t n)
{
    static const unsigned char w[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1 };
    unsigned sum = 0;
    if (n != 11 || !all_digits(t, n) || !is_date(value(t + 2, 2) % 20, value(t + 4, 2))) return 0;
    for (int i = 0; i < 11; i++) sum += w[i] * (unsigned)(t[i] - '0');
    return sum % 10 == 0;
}

static int cpf(const char *t, size_t n)
{
    if (n != 11 || !all_digits(t, n) || strspn(t, (char[]){ t[0], 0 }) == 11) return 0;
    for (unsigned len = 9; len < 11; len++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < len; i++) sum += (len + 1 - i) * (unsigned)(t[i] - '0');
        if (sum * 10 % 11 % 10 != (unsigned)(t[len] - '0')) return 0;
    }
    return 1;
}

static int nir(const char *t, size_t n)
{
    return n == 15 && all_digits(t, n) && (t[0] == '1' || t[0] == '2') && is_date(value(t + 3, 2), 1) && 97 - mod(t, 13, 97) == value(t + 13, 2);
}

static int steuer_id(const char *t, size_t n)
{
    unsigned p = 10, seen[10] = { 0 }, zero = 0, more = 0;
    if (n != 11 || !all_digits(t, n) || t[0] == '0') return 0;
    for (int i = 0; i < 10; i++) {
        unsigned d = (unsigned)(t[i] - '0'), s = (d + p) % 10;
        p = (s ? s : 10) * 2 % 11;
        seen[d]++;
    }
    for (int i = 0; i < 10; i++) zero += seen[i] == 0, more += seen[i] > 1;
    return more == 1 && (zero == 1 || zero == 2) && (11 - p) % 10 == (unsigned)(t[10] - '0');
}

static int hetu(const char *s, size_t n)
{
    char d[9];
    if (n != 11 || !all_digits(s, 6) || !strchr("-+ABCDEFUVWXY", s[6]) || !all_digits(s + 7, 3)) return 0;
    memcpy(d, s, 6), memcpy(d + 6, s + 7, 3);
    return is_date(value(s + 2, 2), value(s, 2)) && s[10] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[mod(d, 9, 31)];
}

static int chinese(const char *t, size_t n)
{
    unsigned sum = 0;
    if (n != 18 || !all_digits(t, 17) || (value(t + 6, 2) != 19 && value(t + 6, 2) != 20) || !is_date(value(t + 10, 2), value(t + 12, 2))) return 0;
    for (int i = 0; i < 17; i++) sum = (sum + (unsigned)(t[i] - '0')) * 2 % 11;
    return t[17] == "10X98765432"[sum];
}

static int aadhaar(const char *t, size_t n)
{
    static const char d[10][11] = { "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
                                    "8765932104", "9876543210" };
    static const char p[8][11] = { "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258" };
    unsigned c = 0;
    if (n != 12 || !all_digits(t, n) || t[0] < '2') return 0;
    for (size_t i = 0; i < 12; i++) c = (unsigned)(d[c][p[i % 8][t[11 - i] - '0'] - '0'] - '0');
    return c == 0;
}

static int bsn(const char *t, size_t n)
{
    int sum = 0;
    if (n != 9 || !all_digits(t, n)) return 0;
    for (int i = 0; i < 9; i++) sum += (i == 8 ? -1 : 9 - i) * (t[i] - '0');
    return sum % 11 == 0 && value(t, 9);
}

static int ssn(const char *s, size_t n)
{
    return n == 11 && s[3] == '-' && s[6] == '-' && all_digits(s, 3) && all_digits(s + 4, 2) && all_digits(s + 7, 4) && value(s, 3) && value(s, 3) != 666 &&
           value(s, 3) < 900 && value(s + 4, 2) && value(s + 7, 4);
}

static int nino(const char *t, size_t n)
{
    if (n != 9 || !isalpha((unsigned char)t[0]) || !isalpha((unsigned char)t[1]) || !all_digits(t + 2, 6) || t[8] < 'A' || t[8] > 'D') return 0;
    return !strchr("DFIQUV", t[0]) && !strchr("DFIOQUV", t[1]) && !strstr("BG GB KN NK NT TN ZZ", (char[]){ t[0], t[1], 0 });
}

static int dashed(const char *s, size_t n, size_t at) { return n > at && (s[at] == '-' || s[at] == '+'); }

const char *personal_national(const char *s, size_t n)
{
    char t[LONGEST + 1];
    size_t len;
    if (n > 4 && strncmp(s, "BSN", 3) == 0) {
        while (n && (*s < '0' || *s > '9')) s++, n--;
        return (len = squeeze(s, n, t)) && bsn(t, len) ? "BSN (NL)" : NULL;
    }
    if (!(len = squeeze(s, n, t))) return NULL;
    if (ssn(s, n)) return "SSN (US)";
    if (hetu(s, n)) return "hetu (FI)";
    if ((dashed(s, n, 6) && len == 10 && all_digits(t, len) && luhn(t, len) && is_date(value(t + 2, 2), value(t + 4, 2)))) return "personnummer (SE)";
    if (dashed(s, n, 8) && len == 12 && all_digits(t, len) && luhn(t + 2, 10) && is_date(value(t + 4, 2), value(t + 6, 2))) return "personnummer (SE)";
    if (nino(t, len)) return "NINO (GB)";
    if (dni(t, len)) return "DNI or NIE (ES)";
    if (codice_fiscale(t, len)) return "codice fiscale (IT)";
    if (len == 13 && all_digits(t, len) && is_date(value(t + 2, 2), value(t + 4, 2)) && (t[10] == '0' || t[10] == '1') && luhn(t, len)) return "ID (ZA)";
    if (chinese(t, len)) return "ID (CN)";
    if (nir(t, len)) return "NIR (FR)";
    if (len == 11 && n == 14 && s[3] == '.' && cpf(t, len)) return "CPF (BR)";
    if (n == 11 && pesel(t, len)) return "PESEL (PL)";
    if (steuer_id(t, len)) return "IdNr (DE)";
    return n == 14 && s[4] == s[9] && !isdigit((unsigned char)s[4]) && aadhaar(t, len) ? "Aadhaar (IN)" : NULL;
}

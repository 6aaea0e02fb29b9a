/* utf8.c - well-formed byte sequences, after table 3-7 of the Unicode standard:
 *
 *      first     second    third     fourth        code points
 *      00..7F                                      U+0000   .. U+007F
 *      C2..DF    80..BF                            U+0080   .. U+07FF
 *      E0        A0..BF    80..BF                  U+0800   .. U+0FFF     (less would be overlong)
 *      E1..EC    80..BF    80..BF                  U+1000   .. U+CFFF
 *      ED        80..9F    80..BF                  U+D000   .. U+D7FF     (more would be surrogates)
 *      EE..EF    80..BF    80..BF                  U+E000   .. U+FFFF
 *      F0        90..BF    80..BF    80..BF        U+10000  .. U+3FFFF    (less would be overlong)
 *      F1..F3    80..BF    80..BF    80..BF        U+40000  .. U+FFFFF
 *      F4        80..8F    80..BF    80..BF        U+100000 .. U+10FFFF   (more is no code point)
 */
#include "base/utf8.h"

/* A row of the table: the length that a first byte announces (0: none) and the range of its second byte. */
struct row { int len; unsigned char low, high; };

static struct row row_of(unsigned char first) {
    if (first < 0x80) return (struct row){ 1, 0, 0 };
    if (first < 0xC2) return (struct row){ 0, 0, 0 };
    if (first < 0xE0) return (struct row){ 2, 0x80, 0xBF };
    if (first < 0xF0) return (struct row){ 3, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF };
    if (first < 0xF5) return (struct row){ 4, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF };
    return (struct row){ 0, 0, 0 };
}

/* How many of the n bytes at s (n >= 1) belong to one character: row.len when whole, fewer when cut or malformed. */
static int fitting(const unsigned char *s, size_t n, struct row row) {
    int i = 1;
    if (row.len > 1 && n > 1 && s[1] >= row.low && s[1] <= row.high)
        for (i = 2; i < row.len && (size_t)i < n && (s[i] & 0xC0) == 0x80; i++) continue;
    return i;
}

int utf8_read(const char *text, size_t n, uint32_t *cp) {
    static const unsigned char mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    const unsigned char *s = (const unsigned char *)text;
    if (n == 0) return 0;
    struct row row = row_of(s[0]);
    if (row.len == 0 || fitting(s, n, row) < row.len) {
        *cp = 0xFFFD;
        return -1;
    }
    uint32_t c = s[0] & mask[row.len];
    for (int i = 1; i < row.len; i++) c = c << 6 | (s[i] & 0x3F);
    *cp = c;
    return row.len;
}

int utf8_write(uint32_t cp, char out[4]) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) return 0;
    int len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (int i = len - 1; i > 0; i--, cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3F));
    out[0] = (char)((0xF00 >> len) | cp); /* the top `len` bits set: C0, E0, F0 */
    return len;
}

int utf8_valid(const char *s, size_t n, size_t *bad) {
    size_t at = 0;
    while (at < n) {
        uint32_t cp;
        int len = utf8_read(s + at, n - at, &cp);
        if (len < 0) {
            if (bad) *bad = at;
            return 0;
        }
        at += (size_t)len;
    }
    return 1;
}

/* A first byte is never a continuation byte, so it is enough to look at the last three places one could stand. */
size_t utf8_whole(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        struct row row = row_of(s[n - back]);
        if (row.len <= 1) continue;
        int cut = (size_t)row.len > back && (size_t)fitting(s + n - back, back, row) == back;
        return cut ? n - back : n;
    }
    return n;
}

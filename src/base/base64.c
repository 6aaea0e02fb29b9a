/* base64.c - see base64.h. */
#include "base/base64.h"

#include <string.h>

const char base64_digit[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum hearth_status base64_put(struct buf *to, const void *data, size_t n)
{
    const uint8_t *in = data;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16 | (have > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (have > 2 ? in[i + 2] : 0);
        char four[4] = {base64_digit[bits >> 18], base64_digit[bits >> 12 & 63], '=', '='};
        if (have > 1) four[2] = base64_digit[bits >> 6 & 63];
        if (have > 2) four[3] = base64_digit[bits & 63];
        TRY(buf_put(to, four, 4));
    }
    return HEARTH_OK;
}

static int value64(char c)
{
    const char *at = c ? strchr(base64_digit, c) : NULL;
    return at ? (int)(at - base64_digit) : -1;
}

long base64_read(const char *text, size_t n, uint8_t *out)
{
    long made = 0;
    if (n % 4) return -1;
    for (size_t i = 0; i < n; i += 4) {
        int last = i + 4 == n, pad = last ? (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=') : 0;
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) {
            int v = k < 4 - pad ? value64(text[i + (size_t)k]) : 0;
            if (v < 0) return -1;
            bits = bits << 6 | (uint32_t)v;
        }
        if (pad && bits & ((1u << 8 * pad) - 1)) return -1;     /* bits that no byte gets: another spelling of the same */
        for (int k = 0; k < 3 - pad; k++) out[made++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    return made;
}

enum hearth_status base64_append(const char *what, const char *text, size_t n, struct buf *out)
{
    uint8_t bytes[3];
    for (size_t i = 0; i < n; i += 4) {
        long got = n - i < 4 ? -1 : base64_read(text + i, 4, bytes);
        if (got < 0 || (got < 3 && i + 4 < n)) return fail(HEARTH_EFORMAT, "%s: not base64 from byte %zu on", what, i);
        TRY(buf_put(out, bytes, (size_t)got));
    }
    return HEARTH_OK;
}

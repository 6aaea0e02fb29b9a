/* hex.h - bytes as lower-case hex digits and back. */
#ifndef HEARTH_ACCOUNT_HEX_H
#define HEARTH_ACCOUNT_HEX_H

#include <stddef.h>
#include <stdint.h>

static inline void hex_write(const uint8_t *bytes, size_t n, char *out /* [2n + 1] */)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) out[2 * i] = digit[bytes[i] >> 4], out[2 * i + 1] = digit[bytes[i] & 15];
    out[2 * n] = 0;
}

static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly 2n digits and the end; 0 when text is anything else. */
static inline int hex_read(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = text ? hex_digit(text[2 * i]) : -1, low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0) return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text && !text[2 * n];
}

#endif

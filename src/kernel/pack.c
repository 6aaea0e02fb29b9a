/* pack.c - interleaving quantised rows; the picture is in pack.h.  Block by block a row is taken apart into a head, a
 * pair of scale bytes and 32 codes (the block formats are those of the GGUF types), and put down in its lane. */
#include "kernel/pack.h"

#include <string.h>

static const struct pack_form forms[] = {
    /*             blocks heads scales quants high offset width */
    [T_Q4_0]   = { 1, 1, 0, 4, 0,  8, 32 },
    [T_Q4_1]   = { 1, 2, 0, 4, 0,  0, 32 },
    [T_Q5_0]   = { 1, 1, 0, 4, 1, 16, 32 },
    [T_Q5_1]   = { 1, 2, 0, 4, 1,  0, 32 },
    [T_Q8_0]   = { 1, 1, 0, 8, 0,  0, 32 },
    [T_Q2_K]   = { 8, 2, 2, 2, 0,  0, 16 },
    [T_Q3_K]   = { 8, 1, 2, 2, 1,  4, 16 },
    [T_Q4_K]   = { 8, 2, 2, 4, 0,  0, 32 },
    [T_Q5_K]   = { 8, 2, 2, 4, 1,  0, 32 },
    [T_Q6_K]   = { 8, 1, 2, 4, 2, 32, 16 },
    [T_IQ4_NL] = { 1, 1, 0, 4, 0,  0, 32 },
    [T_IQ4_XS] = { 8, 1, 1, 4, 0,  0, 32 },
};

const struct pack_form *pack_form(enum tensor_type t)
{
    if ((size_t)t >= sizeof forms / sizeof *forms || forms[t].blocks == 0) return NULL;
    return &forms[t];
}

void packed_init(struct packed *p, enum tensor_type t, uint64_t rows, uint64_t cols, int lanes)
{
    const struct pack_form *f = pack_form(t);
    size_t n = (size_t)lanes;
    *p = (struct packed){ .type = t, .lanes = lanes, .rows = rows, .cols = cols };
    p->block_bytes = n * (f->scales + 4u * f->quants + 4u * f->high);
    p->super_bytes = n * 2u * f->heads + f->blocks * p->block_bytes;
    p->group_bytes = p->super_bytes * (size_t)(cols / (32u * f->blocks));
    p->groups = (rows + n - 1) / n;
    p->groups += p->groups & 1;
}

/* ---- one block of 32 between its file form and (scale pair, codes) ---- */

/* Where the fields of a file block stand, in bytes from its start; both directions read this table. */
struct field { uint8_t d, m, scales, high, quants; };
static const struct field fields[] = {
    [T_Q4_0]   = { 0, 0, 0,   0,  2 },
    [T_Q4_1]   = { 0, 2, 0,   0,  4 },
    [T_Q5_0]   = { 0, 0, 0,   2,  6 },
    [T_Q5_1]   = { 0, 2, 0,   4,  8 },
    [T_Q8_0]   = { 0, 0, 0,   0,  2 },
    [T_Q2_K]   = { 80, 82, 0, 0, 16 },
    [T_Q3_K]   = { 108, 0, 96, 0, 32 },
    [T_Q4_K]   = { 0, 2, 4,   0, 16 },
    [T_Q5_K]   = { 0, 2, 4,  16, 48 },
    [T_Q6_K]   = { 208, 0, 192, 128, 0 },
    [T_IQ4_NL] = { 0, 0, 0,   0,  2 },
    [T_IQ4_XS] = { 0, 0, 2,   0,  8 },
};

static void scales_read(enum tensor_type t, const uint8_t *s, int j, uint8_t pair[2])
{
    switch (t) {
    case T_Q2_K: case T_Q6_K:
        pair[0] = s[2 * j], pair[1] = s[2 * j + 1];
        break;
    case T_Q3_K:                                       /* sixteen 6-bit scales, minus 32 */
        for (int h = 0; h < 2; h++) {
            int i = 2 * j + h;
            int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4, top = s[8 + i % 4] >> (2 * (i / 4)) & 3;
            pair[h] = (uint8_t)((low | top << 4) - 32);
        }
        break;
    case T_Q4_K: case T_Q5_K:                          /* eight 6-bit pairs of scale and min */
        if (j < 4) {
            pair[0] = s[j] & 63, pair[1] = s[j + 4] & 63;
        } else {
            pair[0] = (uint8_t)((s[j + 4] & 15) | (s[j - 4] >> 6) << 4);
            pair[1] = (uint8_t)(s[j + 4] >> 4 | (s[j] >> 6) << 4);
        }
        break;
    default:                                           /* IQ4_XS: eight 6-bit scales, minus 32 */
        pair[0] = (uint8_t)(((s[2 + j / 2] >> (4 * (j & 1)) & 15) | ((s[0] | s[1] << 8) >> (2 * j) & 3) << 4) - 32);
    }
}

/* The reverse, into bytes that begin as zero. */
static void scales_write(enum tensor_type t, uint8_t *s, int j, const uint8_t pair[2])
{
    switch (t) {
    case T_Q2_K: case T_Q6_K:
        s[2 * j] = pair[0], s[2 * j + 1] = pair[1];
        break;
    case T_Q3_K:
        for (int h = 0; h < 2; h++) {
            int i = 2 * j + h, v = (pair[h] + 32) & 63;
            s[i % 8] |= (uint8_t)((v & 15) << (i < 8 ? 0 : 4));
            s[8 + i % 4] |= (uint8_t)((v >> 4) << (2 * (i / 4)));
        }
        break;
    case T_Q4_K: case T_Q5_K:
        if (j < 4) {
            s[j] |= pair[0], s[j + 4] |= pair[1];
        } else {
            s[j + 4] = (uint8_t)((pair[0] & 15) | (pair[1] & 15) << 4);
            s[j - 4] |= (uint8_t)((pair[0] >> 4) << 6);
            s[j] |= (uint8_t)((pair[1] >> 4) << 6);
        }
        break;
    default: {
        int v = (pair[0] + 32) & 63, high = (v >> 4) << (2 * j);
        s[2 + j / 2] |= (uint8_t)((v & 15) << (4 * (j & 1)));
        s[0] |= (uint8_t)high, s[1] |= (uint8_t)(high >> 8);
    }
    }
}

static void nibbles_read(const uint8_t *q, uint8_t code[32])
{
    for (int i = 0; i < 16; i++) code[i] = q[i] & 15;
    for (int i = 0; i < 16; i++) code[16 + i] = q[i] >> 4;
}

static void codes_read(enum tensor_type t, const uint8_t *b, int j, uint8_t code[32])
{
    const uint8_t *q = b + fields[t].quants, *h = b + fields[t].high;
    int half = j / 4, part = j % 4;
    switch (t) {
    case T_Q8_0:
        memcpy(code, q, 32);
        break;
    case T_Q5_0: case T_Q5_1:
        nibbles_read(q, code);
        for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((h[i / 8] >> (i % 8) & 1) << 4);
        break;
    case T_Q4_K: case T_Q5_K:
        q += 32 * (j / 2);
        for (int i = 0; i < 32; i++) code[i] = q[i] >> (4 * (j & 1)) & 15;
        if (t == T_Q5_K) for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((h[i] >> j & 1) << 4);
        break;
    case T_Q6_K:
        q += 64 * half + 32 * (part & 1), h += 32 * half;
        for (int i = 0; i < 32; i++) code[i] = (uint8_t)((q[i] >> (4 * (part >> 1)) & 15) | (h[i] >> (2 * part) & 3) << 4);
        break;
    case T_Q2_K: case T_Q3_K:
        q += 32 * half;
        for (int i = 0; i < 32; i++) code[i] = q[i] >> (2 * part) & 3;
        if (t == T_Q3_K) for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((h[i] >> j & 1) << 2);
        break;
    default:
        nibbles_read(q + 16 * j, code);
    }
}

static void codes_write(enum tensor_type t, uint8_t *b, int j, const uint8_t code[32])
{
    uint8_t *q = b + fields[t].quants, *h = b + fields[t].high;
    int half = j / 4, part = j % 4;
    switch (t) {
    case T_Q8_0:
        memcpy(q, code, 32);
        break;
    case T_Q4_K: case T_Q5_K:
        q += 32 * (j / 2);
        for (int i = 0; i < 32; i++) q[i] |= (uint8_t)((code[i] & 15) << (4 * (j & 1)));
        if (t == T_Q5_K) for (int i = 0; i < 32; i++) h[i] |= (uint8_t)((code[i] >> 4) << j);
        break;
    case T_Q6_K:
        q += 64 * half + 32 * (part & 1), h += 32 * half;
        for (int i = 0; i < 32; i++) q[i] |= (uint8_t)((code[i] & 15) << (4 * (part >> 1)));
        for (int i = 0; i < 32; i++) h[i] |= (uint8_t)((code[i] >> 4) << (2 * part));
        break;
    case T_Q2_K: case T_Q3_K:
        q += 32 * half;
        for (int i = 0; i < 32; i++) q[i] |= (uint8_t)((code[i] & 3) << (2 * part));
        if (t == T_Q3_K) for (int i = 0; i < 32; i++) h[i] |= (uint8_t)((code[i] >> 2) << j);
        break;
    default:
        q += 16 * j;
        for (int i = 0; i < 16; i++) q[i] = (uint8_t)((code[i] & 15) | (code[16 + i] & 15) << 4);
        if (t == T_Q5_0 || t == T_Q5_1)
            for (int i = 0; i < 32; i++) h[i / 8] |= (uint8_t)((code[i] >> 4) << (i % 8));
    }
}

/* ---- one block of 32 between its codes and its lane ---- */

static uint32_t word(const uint8_t *p) { uint32_t w; memcpy(&w, p, 4); return w; }
static void word_set(uint8_t *p, uint32_t w) { memcpy(p, &w, 4); }

/* v: the block's first quant vector at this row's lane; step: bytes from one vector to the next. */
static void lane_write(const struct pack_form *f, uint8_t *v, size_t step, const uint8_t code[32])
{
    int bits = f->quants == 8 ? 8 : f->quants == 4 ? 4 : 2;
    for (int t = 0; t < f->quants; t++, v += step) {
        uint32_t w;
        if (bits == 8) {
            w = word(code + 4 * (t & 7));
        } else if (bits == 4) {
            w = (word(code + 4 * (t & 3)) & 0x0f0f0f0f) | (word(code + 16 + 4 * (t & 3)) & 0x0f0f0f0f) << 4;
        } else {
            w = 0;
            for (int i = 0; i < 4; i++) w |= (word(code + 16 * (t & 1) + 4 * i) & 0x03030303) << (2 * i);
        }
        word_set(v, w);
    }
    for (int u = 0; u < f->high; u++, v += step) {
        uint32_t w = 0;
        if (f->high == 1)
            for (int i = 0; i < 8; i++) w |= (word(code + 4 * i) >> bits & 0x01010101) << i;
        else
            for (int i = 0; i < 4; i++) w |= (word(code + 16 * (u & 1) + 4 * i) >> bits & 0x03030303) << (2 * i);
        word_set(v, w);
    }
}

static void lane_read(const struct pack_form *f, const uint8_t *v, size_t step, uint8_t code[32])
{
    int bits = f->quants == 8 ? 8 : f->quants == 4 ? 4 : 2;
    for (int t = 0; t < f->quants; t++, v += step) {
        uint32_t w = word(v);
        if (bits == 8) {
            word_set(code + 4 * (t & 7), w);
        } else if (bits == 4) {
            word_set(code + 4 * (t & 3), w & 0x0f0f0f0f);
            word_set(code + 16 + 4 * (t & 3), w >> 4 & 0x0f0f0f0f);
        } else {
            for (int i = 0; i < 4; i++) word_set(code + 16 * (t & 1) + 4 * i, w >> (2 * i) & 0x03030303);
        }
    }
    for (int u = 0; u < f->high; u++, v += step) {
        uint32_t w = word(v);
        if (f->high == 1) {
            for (int i = 0; i < 8; i++)
                word_set(code + 4 * i, word(code + 4 * i) | (w >> i & 0x01010101) << bits);
        } else {
            for (int i = 0; i < 4; i++) {
                uint8_t *c = code + 16 * (u & 1) + 4 * i;
                word_set(c, word(c) | (w >> (2 * i) & 0x03030303) << bits);
            }
        }
    }
}

/* ---- rows ---- */

/* The types whose file block of 32 is the lane's bytes already: head, then vectors, nothing to take apart. */
static int is_plain(enum tensor_type t)
{
    return t == T_Q4_0 || t == T_Q4_1 || t == T_Q8_0 || t == T_IQ4_NL;
}

static void pack_block(const struct packed *p, const struct pack_form *f, uint8_t *dst, int lane, const uint8_t *src)
{
    size_t n = (size_t)p->lanes, r = (size_t)lane;
    memcpy(dst + 2 * r, src + fields[p->type].d, 2);
    if (f->heads == 2) memcpy(dst + 2 * n + 2 * r, src + fields[p->type].m, 2);
    uint8_t *v = dst + 2 * n * f->heads;
    if (is_plain(p->type)) {
        src += fields[p->type].quants;
        for (int t = 0; t < f->quants; t++) memcpy(v + 4 * (n * (size_t)t + r), src + 4 * t, 4);
        return;
    }
    for (int j = 0; j < f->blocks; j++, v += p->block_bytes) {
        uint8_t code[32], pair[2] = { 0, 0 };
        codes_read(p->type, src, j, code);
        if (f->scales) {
            scales_read(p->type, src + fields[p->type].scales, j, pair);
            memcpy(v + f->scales * r, pair, f->scales);
        }
        lane_write(f, v + n * f->scales + 4 * r, 4 * n, code);
    }
}

void pack_group(const struct packed *p, uint64_t g, const void *rows, size_t row_bytes)
{
    const struct pack_form *f = pack_form(p->type);
    const struct type_info *info = type_info(p->type);
    uint8_t *dst = p->data + g * p->group_bytes;
    uint64_t first = g * (uint64_t)p->lanes, blocks = p->cols / info->block;
    int n = first >= p->rows ? 0 : p->rows - first < (uint64_t)p->lanes ? (int)(p->rows - first) : p->lanes;
    if (n < p->lanes) memset(dst, 0, p->group_bytes);
    for (uint64_t b = 0; b < blocks; b++, dst += p->super_bytes)
        for (int r = 0; r < n; r++)
            pack_block(p, f, dst, r, (const uint8_t *)rows + (size_t)r * row_bytes + b * info->bytes);
}

void packed_row(const struct packed *p, uint64_t row, void *file_row)
{
    const struct pack_form *f = pack_form(p->type);
    const struct type_info *info = type_info(p->type);
    size_t n = (size_t)p->lanes, r = (size_t)(row % n);
    const uint8_t *src = p->data + row / n * p->group_bytes;
    uint8_t *dst = file_row;
    for (uint64_t b = 0; b < p->cols / info->block; b++, src += p->super_bytes, dst += info->bytes) {
        memset(dst, 0, info->bytes);
        memcpy(dst + fields[p->type].d, src + 2 * r, 2);
        if (f->heads == 2) memcpy(dst + fields[p->type].m, src + 2 * n + 2 * r, 2);
        const uint8_t *v = src + 2 * n * f->heads;
        for (int j = 0; j < f->blocks; j++, v += p->block_bytes) {
            uint8_t code[32], pair[2] = { 0, 0 };
            if (f->scales) {
                memcpy(pair, v + f->scales * r, f->scales);
                scales_write(p->type, dst + fields[p->type].scales, j, pair);
            }
            lane_read(f, v + n * f->scales + 4 * r, 4 * n, code);
            codes_write(p->type, dst, j, code);
        }
    }
}

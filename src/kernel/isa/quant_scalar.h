/* quant_scalar.h - the quantised matrix product in plain C: the definition.
 *
 * An output is one chain over activation blocks j = 0, 1, 2, ... (ARITHMETIC.md):
 *     acc = fma(fl(d * dx), (float)isum, acc), then where the type has minimums acc = fma(-fl(dmin * dx), (float)msum, acc)
 * isum: products of codes and activations, times the sub-block scales, in integers below 2^24. */

enum { TILE_COLS = 1 };

static void codes_of_lane(const struct pack_form *f, const uint8_t *v, int lane, int32_t code[32])
{
    for (int k = 0; k < 32; k++) {
        const uint8_t *at = v + 4 * lane + k % 4;
        int step = 4 * LANES, quad = k / 4;
        if (f->quants == 8) {
            code[k] = (int8_t)at[step * quad];
        } else if (f->quants == 4) {
            code[k] = at[step * (quad % 4)] >> (4 * (quad / 4)) & 15;
        } else {
            code[k] = at[step * (quad / 4)] >> (2 * (quad % 4)) & 3;
        }
        at += step * f->quants;
        int bits = f->quants == 2 ? 2 : 4;
        if (f->high == 1) code[k] |= (at[0] >> quad & 1) << bits;
        if (f->high == 2) code[k] |= (at[step * (quad / 4)] >> (2 * (quad % 4)) & 3) << bits;
    }
}

/* The integers of one lane and one block: *isum, and *msum where the type has minimums. */
static void block_sums(enum tensor_type t, const struct pack_form *f, const uint8_t *block, int lane,
                       const struct xblock *x, int32_t *isum, int32_t *msum)
{
    int32_t code[32], scale[2] = { 1, 1 }, min[2] = { 1, 1 };
    const uint8_t *s = block + f->scales * lane;
    codes_of_lane(f, block + f->scales * LANES, lane, code);
    if (t == T_IQ4_NL || t == T_IQ4_XS)
        for (int k = 0; k < 32; k++) code[k] = iq4nl_values[code[k]];
    if (t == T_Q3_K || t == T_Q6_K) scale[0] = (int8_t)s[0], scale[1] = (int8_t)s[1];
    if (t == T_Q4_K || t == T_Q5_K) scale[0] = scale[1] = s[0], min[0] = min[1] = s[1];
    if (t == T_Q2_K) scale[0] = s[0] & 15, scale[1] = s[1] & 15, min[0] = s[0] >> 4, min[1] = s[1] >> 4;
    if (t == T_IQ4_XS) scale[0] = scale[1] = (int8_t)s[0];
    *isum = *msum = 0;
    for (int h = 0; h < 2; h++) {
        int32_t sum = 0;
        for (int k = 0; k < 16; k++) sum += (code[16 * h + k] - f->offset) * x->q[16 * h + k];
        *isum += scale[h] * sum;
        *msum += min[h] * x->s[h];
    }
}

static void tile_cols(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *const *xs,
                      float *acc)
{
    const struct pack_form *f = pack_form(t);
    const uint8_t *p = w->data + group * w->group_bytes;
    int plain_min = t == T_Q4_1 || t == T_Q5_1;           /* w = d q + m; the K types have w = d q - m */
    for (int g = 0; g < 2; g++, p += w->group_bytes)
        for (int l = 0; l < LANES; l++) {
            const struct xblock *x = xs[0];
            const uint8_t *b = p;
            float a = 0;
            for (uint64_t s = 0; s < w->cols / (32u * f->blocks); s++) {
                uint16_t head[2] = { 0, 0 };
                memcpy(&head[0], b + 2 * l, 2);
                if (f->heads == 2) memcpy(&head[1], b + 2 * LANES + 2 * l, 2);
                float d = f16_to_f32(head[0]), m = f16_to_f32(head[1]);
                b += 2 * LANES * f->heads;
                for (int j = 0; j < f->blocks; j++, b += w->block_bytes, x++) {
                    int32_t isum, msum;
                    block_sums(t, f, b, l, x, &isum, &msum);
                    float dm = m * x->d;
                    a = fmaf(d * x->d, (float)isum, a);
                    if (f->heads == 2) a = fmaf(plain_min ? dm : -dm, (float)msum, a);
                }
            }
            acc[g * LANES + l] = a;
        }
}

static inline void tile_one(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *x, float *acc)
{
    tile_cols(t, w, group, &x, acc);
}

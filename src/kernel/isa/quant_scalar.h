/* quant_scalar.h - the quantised matrix product in plain C: the definition.
 *
 * An output is one chain over activation blocks j = 0, 1, 2, ... (ARITHMETIC.md):
 *     acc = fma(fl(d * dx), (float)isum, acc), then where the type has minimums acc = fma(-fl(dmin * dx), (float)msum, acc)
 * isum: products of codes and activations, times the sub-block scales, in integers below 2^24. */

enum { TILE_COLS = 8 };

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

/* What a block's head and scales say for one lane. */
struct lane { int32_t code[32], scale[2], min[2]; };

static void lane_of_block(enum tensor_type t, const struct pack_form *f, const uint8_t *block, int lane, struct lane *out)
{
    const uint8_t *s = block + f->scales * lane;
    *out = (struct lane){ .scale = { 1, 1 }, .min = { 1, 1 } };
    codes_of_lane(f, block + f->scales * LANES, lane, out->code);
    if (t == T_IQ4_NL || t == T_IQ4_XS)
        for (int k = 0; k < 32; k++) out->code[k] = iq4nl_values[out->code[k]];
    for (int k = 0; k < 32; k++) out->code[k] -= f->offset;
    if (t == T_Q3_K || t == T_Q6_K) out->scale[0] = (int8_t)s[0], out->scale[1] = (int8_t)s[1];
    if (t == T_Q4_K || t == T_Q5_K) out->scale[0] = out->scale[1] = s[0], out->min[0] = out->min[1] = s[1];
    if (t == T_Q2_K) out->scale[0] = s[0] & 15, out->scale[1] = s[1] & 15, out->min[0] = s[0] >> 4, out->min[1] = s[1] >> 4;
    if (t == T_IQ4_XS) out->scale[0] = out->scale[1] = (int8_t)s[0];
}

/* One block of one output's chain. */
static float block_step(const struct pack_form *f, const struct lane *l, const struct xblock *x, float d, float m, float acc)
{
    int32_t isum = 0, msum = 0;
    for (int h = 0; h < 2; h++) {
        int32_t sum = 0;
        for (int k = 16 * h; k < 16 * h + 16; k++) sum += l->code[k] * x->q[k];
        isum += l->scale[h] * sum;
        msum += l->min[h] * x->s[h];
    }
    acc = fmaf(d * x->d, (float)isum, acc);
    return f->heads == 2 ? fmaf(m * x->d, (float)msum, acc) : acc;
}

/* Two row groups by n columns; acc [n][2 * LANES]. */
static void tile_scalar(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *const *xs, int n,
                        float *acc)
{
    const struct pack_form *f = pack_form(t);
    for (int r = 0; r < 2 * LANES; r++) {
        const uint8_t *b = w->data + (group + (uint64_t)(r / LANES)) * w->group_bytes;
        size_t j = 0;
        int l = r % LANES;
        for (int c = 0; c < n; c++) acc[c * 2 * LANES + r] = 0;
        for (uint64_t s = 0; s < w->cols / (32u * f->blocks); s++) {
            uint16_t head[2] = { 0, 0 };
            memcpy(&head[0], b + 2 * l, 2);
            if (f->heads == 2) memcpy(&head[1], b + 2 * LANES + 2 * l, 2);
            float d = f16_to_f32(head[0]), m = f16_to_f32(head[1]);
            if (t != T_Q4_1 && t != T_Q5_1) m = -m;           /* these have w = d q + m, the K types w = d q - m */
            b += 2 * LANES * f->heads;
            for (int i = 0; i < f->blocks; i++, b += w->block_bytes, j++) {
                struct lane lane;
                lane_of_block(t, f, b, l, &lane);
                for (int c = 0; c < n; c++)
                    acc[c * 2 * LANES + r] = block_step(f, &lane, xs[c] + j, d, m, acc[c * 2 * LANES + r]);
            }
        }
    }
}

static void tile_cols(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *const *xs, float *acc)
{
    tile_scalar(t, w, group, xs, TILE_COLS, acc);
}

static void tile_one(enum tensor_type t, const struct packed *w, uint64_t group, const struct xblock *x, float *acc)
{
    tile_scalar(t, w, group, &x, 1, acc);
}

/* vmath.h - exp, tanh, erf and the activations over lane operations.  Included by each instruction set's kernels and,
 * with one lane, by math.c.  Only + - * / fma and bit moves: the same bits everywhere.
 * Polynomials: S. L. Moshier, Cephes library (expf.c, logf.c, tanhf.c: the coefficients); those of erf are fitted
 * for the smallest largest error: erf(x) / x over x^2 below 0.84375, log(1 - erf(x)) from there to 4. */

static inline vf v_exp(vf x)
{
    vf top = v_set(88.72284f), bottom = v_set(-104.0f);
    vm over = v_lt(top, x), under = v_lt(x, bottom);
    x = v_max(v_min(x, top), bottom);
    vf n = v_round(v_mul(x, v_set(1.44269504f)));
    vf r = v_fma(n, v_set(-0.693359375f), x);          /* ln 2 in two parts: 10 bits, then the rest */
    r = v_fma(n, v_set(2.12194440e-4f), r);
    vf p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_fma(p, v_mul(r, r), r);
    p = v_add(p, v_set(1.0f));
    /* times 2^n in two halves, so that the smallest results are rounded as subnormals are */
    vi k = v_toint(n), half = vi_sar(k, 1);
    p = v_mul(p, v_asf(vi_shl(vi_add(half, vi_set(127)), 23)));
    p = v_mul(p, v_asf(vi_shl(vi_add(vi_sub(k, half), vi_set(127)), 23)));
    p = v_select(over, v_set(__builtin_inff()), p);
    return v_select(under, v_set(0.0f), p);
}

static inline vf v_tanh(vf x)
{
    vf a = v_abs(x), z = v_mul(x, x);
    vf p = v_set(-5.70498872745e-3f);
    p = v_fma(p, z, v_set(2.06390887954e-2f));
    p = v_fma(p, z, v_set(-5.37397155531e-2f));
    p = v_fma(p, z, v_set(1.33314422036e-1f));
    p = v_fma(p, z, v_set(-3.33332819422e-1f));
    p = v_fma(v_mul(p, z), x, x);                       /* |x| < 0.625 */
    vf e = v_exp(v_add(a, a));
    vf big = v_sub(v_set(1.0f), v_div(v_set(2.0f), v_add(e, v_set(1.0f))));
    big = v_select(v_lt(x, v_set(0.0f)), v_sub(v_set(0.0f), big), big);
    return v_select(v_lt(a, v_set(0.625f)), p, big);
}

/* x / (1 + exp(-x)) */
static inline vf v_silu(vf x)
{
    return v_div(x, v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), x))));
}

/* The tanh form of GELU (Hendrycks and Gimpel, arXiv 1606.08415). */
static inline vf v_gelu(vf x)
{
    vf x3 = v_mul(v_mul(x, x), x);
    vf t = v_tanh(v_mul(v_set(0.797884561f), v_fma(v_set(0.044715f), x3, x)));
    return v_mul(v_mul(v_set(0.5f), x), v_add(v_set(1.0f), t));
}

static inline vf v_erf(vf x)
{
    vf a = v_min(v_abs(x), v_set(4.0f)), z = v_mul(x, x);
    vf p = v_set(8.89723669e-5f);
    p = v_fma(p, z, v_set(-8.25674739e-4f));
    p = v_fma(p, z, v_set(5.21025062e-3f));
    p = v_fma(p, z, v_set(-2.68628169e-2f));
    p = v_fma(p, z, v_set(1.12837523e-1f));
    p = v_fma(p, z, v_set(-3.76126379e-1f));
    p = v_fma(p, z, v_set(1.28379226e-1f));
    p = v_fma(p, x, x);                                 /* |x| < 0.84375 */
    vf q = v_set(-1.41858413e-6f);
    q = v_fma(q, a, v_set(-2.00085651e-6f));
    q = v_fma(q, a, v_set(3.24478431e-4f));
    q = v_fma(q, a, v_set(-3.8168889e-3f));
    q = v_fma(q, a, v_set(2.4421813e-2f));
    q = v_fma(q, a, v_set(-1.07419088e-1f));
    q = v_fma(q, a, v_set(-6.339975e-1f));
    q = v_fma(q, a, v_set(-1.12923956f));
    q = v_fma(q, a, v_set(1.24682061e-4f));
    vf big = v_sub(v_set(1.0f), v_exp(q));
    big = v_select(v_lt(x, v_set(0.0f)), v_sub(v_set(0.0f), big), big);
    return v_select(v_lt(a, v_set(0.84375f)), p, big);
}

/* GELU itself, by the error function. */
static inline vf v_gelu_erf(vf x)
{
    vf t = v_erf(v_mul(x, v_set(0.707106781f)));
    return v_mul(v_mul(v_set(0.5f), x), v_add(v_set(1.0f), t));
}

/* statistics.c - see statistics.h. */
#include "work/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"

enum { STREAM_BOOTSTRAP = 0x626f6f74, BINS = 10 };

double mean_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

double standard_error(const double *x, size_t n)
{
    double mean = mean_of(x, n), sum = 0;
    if (n < 2) return NAN;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1)) / sqrt((double)n);
}

struct interval wilson(uint64_t right, uint64_t n)
{
    const double z = 1.959963984540054;
    if (n == 0) return (struct interval){ 0, 1 };
    double count = (double)n, p = (double)right / count, middle = p + z * z / (2 * count),
           half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)), whole = 1 + z * z / count;
    struct interval w = { (middle - half) / whole, (middle + half) / whole };
    if (right == 0) w.low = 0;
    if (right == n) w.high = 1;
    return w;
}

/* ---- two models ---- */

struct interval paired_difference(uint64_t both, uint64_t only_first, uint64_t only_second, uint64_t neither)
{
    double a = (double)both, b = (double)only_first, c = (double)only_second, d = (double)neither, n = a + b + c + d;
    if (n == 0) return (struct interval){ -1, 1 };
    struct interval first = wilson(both + only_first, both + only_first + only_second + neither),
                    second = wilson(both + only_second, both + only_first + only_second + neither);
    double p = (a + b) / n, q = (a + c) / n, spread = sqrt((a + b) * (c + d) * (a + c) * (b + d)), along = a * d - b * c;
    if (along > 0) along = along > n / 2 ? along - n / 2 : 0;
    double phi = spread > 0 ? along / spread : 0, p_low = p - first.low, p_high = first.high - p, q_low = q - second.low, q_high = second.high - q;
    return (struct interval){ p - q - sqrt(p_low * p_low - 2 * phi * p_low * q_high + q_high * q_high),
                              p - q + sqrt(p_high * p_high - 2 * phi * p_high * q_low + q_low * q_low) };
}

/* Twice the smaller tail of the binomial with 1/2, each term from the one before, in logarithms so that 0.5^n cannot vanish. */
double mcnemar(uint64_t only_a, uint64_t only_b)
{
    uint64_t n = only_a + only_b, least = only_a < only_b ? only_a : only_b;
    double term = -(double)n * log(2), tail = 0;
    for (uint64_t i = 0; i <= least; i++) {
        tail += exp(term);
        term += log((double)(n - i)) - log((double)(i + 1));
    }
    return 2 * tail < 1 && only_a != only_b ? 2 * tail : 1;
}

size_t bootstrap_item(uint64_t seed, uint32_t draw, size_t i, size_t n)
{
    uint32_t counter[4] = { (uint32_t)(i / 4), draw, STREAM_BOOTSTRAP, 0 }, out[4];
    philox4x32(seed, counter, out);
    return (size_t)(((uint64_t)out[i % 4] * (uint64_t)n) >> 32);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct interval middle_of(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return (struct interval){ x[n / 40], x[n - 1 - n / 40] };
}

enum hearth_status bootstrap_mean(const double *x, size_t n, uint64_t seed, struct interval *out)
{
    double *mean = mem_array(BOOTSTRAP, sizeof *mean);
    if (!mean) return HEARTH_ENOMEM;
    for (uint32_t d = 0; d < BOOTSTRAP; d++) {
        double sum = 0;
        for (size_t i = 0; i < n; i += 4) {
            uint32_t counter[4] = { (uint32_t)(i / 4), d, STREAM_BOOTSTRAP, 0 }, word[4];
            philox4x32(seed, counter, word);
            for (size_t k = 0; k < 4 && i + k < n; k++) sum += x[((uint64_t)word[k] * (uint64_t)n) >> 32];
        }
        mean[d] = sum / (double)n;
    }
    *out = middle_of(mean, BOOTSTRAP);
    free(mean);
    return HEARTH_OK;
}

/* ---- labels ---- */

struct class { uint64_t wanted, answered, both; };

enum hearth_status macro_f1(const int *wanted, const int *answered, size_t n, int classes, int one, double *out)
{
    struct class *c = mem_array((size_t)classes, sizeof *c);
    double sum = 0;
    int there = 0;
    if (!c) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (wanted[i] >= 0 && wanted[i] < classes) c[wanted[i]].wanted++;
        if (answered[i] >= 0 && answered[i] < classes) c[answered[i]].answered++;
        if (wanted[i] == answered[i] && wanted[i] >= 0 && wanted[i] < classes) c[wanted[i]].both++;
    }
    for (int k = one >= 0 ? one : 0; k < (one >= 0 ? one + 1 : classes); k++) {
        if (c[k].wanted + c[k].answered == 0 && one < 0) continue;
        there++;
        if (c[k].wanted + c[k].answered) sum += 2 * (double)c[k].both / (double)(c[k].wanted + c[k].answered);
    }
    *out = there ? sum / there : 0;
    free(c);
    return HEARTH_OK;
}

double calibration_error(const double *confidence, const unsigned char *right, size_t n)
{
    double sure[BINS] = { 0 }, hit[BINS] = { 0 }, sum = 0;
    for (size_t i = 0; i < n; i++) {
        int bin = (int)(confidence[i] * BINS);
        if (bin >= BINS) bin = BINS - 1;
        sure[bin] += confidence[i], hit[bin] += right[i] != 0;
    }
    for (int b = 0; b < BINS; b++) sum += fabs(sure[b] - hit[b]);
    return n ? sum / (double)n : NAN;
}

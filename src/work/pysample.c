/* pysample.c - see pysample.h. */
#include "work/pysample.h"

#include <stdlib.h>

#include "base/mem.h"

enum { MIDDLE = 397 };

static void seed_word(struct pysample *r, uint32_t seed)
{
    r->state[0] = seed;
    for (uint32_t i = 1; i < TWISTER; i++) r->state[i] = 1812433253u * (r->state[i - 1] ^ (r->state[i - 1] >> 30)) + i;
    r->at = TWISTER;
}

void pysample_init(struct pysample *r, uint64_t seed)
{
    uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) }, *s = r->state;
    int n = key[1] ? 2 : 1, i = 1, j = 0;
    seed_word(r, 19650218u);
    for (int k = 0; k < TWISTER; k++) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525u)) + key[j] + (uint32_t)j;
        if (++i >= TWISTER) s[0] = s[TWISTER - 1], i = 1;
        if (++j >= n) j = 0;
    }
    for (int k = 0; k < TWISTER - 1; k++) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i >= TWISTER) s[0] = s[TWISTER - 1], i = 1;
    }
    s[0] = 0x80000000u;
}

static uint32_t next(struct pysample *r)
{
    uint32_t *s = r->state, y;
    if (r->at >= TWISTER) {
        for (int k = 0; k < TWISTER; k++) {
            y = (s[k] & 0x80000000u) | (s[(k + 1) % TWISTER] & 0x7fffffffu);
            s[k] = s[(k + MIDDLE) % TWISTER] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        r->at = 0;
    }
    y = s[r->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* As many bits as n has, again until it is below n. */
static size_t below(struct pysample *r, size_t n)
{
    int bits = 0;
    size_t x;
    for (size_t left = n; left; left >>= 1) bits++;
    do x = next(r) >> (32 - bits);
    while (x >= n);
    return x;
}

/* From a pool, the last moving into the place of the one drawn. */
static enum hearth_status from_pool(struct pysample *r, size_t n, size_t k, size_t *out)
{
    size_t *pool = mem_array(n, sizeof *pool);
    if (!pool) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) pool[i] = i;
    for (size_t i = 0; i < k; i++) {
        size_t j = below(r, n - i);
        out[i] = pool[j];
        pool[j] = pool[n - i - 1];
    }
    free(pool);
    return HEARTH_OK;
}

static int drawn(const size_t *out, size_t n, size_t x)
{
    for (size_t i = 0; i < n; i++)
        if (out[i] == x) return 1;
    return 0;
}

/* Python draws from a pool while that is no larger than the set it would need otherwise: 21, and 4^ceil(log4(3k)) where k > 5. */
enum hearth_status pysample_draw(struct pysample *r, size_t n, size_t k, size_t *out)
{
    size_t set = 21, table = 1;
    if (k > n || n == 0 || n >= (size_t)1 << 31) return fail(HEARTH_EUSAGE, "%zu examples cannot be drawn from %zu", k, n);
    while (table < 3 * k) table *= 4;
    if (k > 5) set += table;
    if (n <= set) return from_pool(r, n, k, out);
    for (size_t i = 0; i < k; i++) {
        size_t j = below(r, n);
        while (drawn(out, i, j)) j = below(r, n);
        out[i] = j;
    }
    return HEARTH_OK;
}

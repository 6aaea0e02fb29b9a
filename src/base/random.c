/* random.c - Philox4x32-10, a block cipher cut down to what a simulation needs: ten rounds of two 32 x 32 -> 64
 * bit products; after each round the key moves on by Weyl constants.  Constants and known answers are those of
 * Salmon, Moraes, Dror and Shaw (SC 2011).
 *
 *      c0 ----x M0----> hi0 ^ c3 ^ k1 --> c2'         c0' = hi1 ^ c1 ^ k0
 *      c2 ----x M1----> hi1 ^ c1 ^ k0 --> c0'         c1' = lo1, c3' = lo0
 */
#include "base/random.h"

enum { ROUNDS = 10 };
static const uint32_t M0 = 0xD2511F53, M1 = 0xCD9E8D57; /* multipliers */
static const uint32_t W0 = 0x9E3779B9, W1 = 0xBB67AE85; /* golden ratio, sqrt(3) - 1 */

void philox4x32(uint64_t key, const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int r = 0; r < ROUNDS; r++, k0 += W0, k1 += W1) {
        uint64_t p0 = (uint64_t)M0 * c0, p1 = (uint64_t)M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

float random_uniform(uint64_t key, uint64_t position, uint32_t stream) {
    uint32_t counter[4] = { (uint32_t)position, (uint32_t)(position >> 32), stream, 0 }, out[4];
    philox4x32(key, counter, out);
    return (float)(out[0] >> 8) * 0x1p-24f; /* 24 bits fill a float's significand exactly */
}

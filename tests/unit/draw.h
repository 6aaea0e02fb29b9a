/* draw.h - the numbers that tools/oracle/tensor_types.py draws: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
 * number generators", OOPSLA 2014) of a counter, and what is made of them. */
#ifndef HEARTH_TESTS_DRAW_H
#define HEARTH_TESTS_DRAW_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t draw(uint64_t stream, uint64_t i)
{
    uint64_t z = (i + 1 + (stream << 32)) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t fnv1a(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* Element i of the rows: 16-bit integers times a power of two that changes every 32. */
static inline float draw_weight(uint64_t i)
{
    uint64_t group = i / 32;
    int v = (int)(draw(1000, i) >> 48) - 32768;
    if (group % 13 == 0 && v < 0) v = -v;
    if (group % 17 == 0) v = 0;
    return (float)v / (float)(1u << group % 29) / 256;
}

/* Something like the normal distribution: the sum of four uniform numbers, times `scale`. */
static inline float draw_normal(uint64_t stream, uint64_t i, float scale)
{
    uint64_t u = draw(stream, i);
    int sum = (int)(u & 0xffff) + (int)(u >> 16 & 0xffff) + (int)(u >> 32 & 0xffff) + (int)(u >> 48);
    return (float)(sum - 131070) / 37837 * scale;       /* 65,536 / sqrt(3): the deviation of the sum */
}

#endif

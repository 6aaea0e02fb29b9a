/* blocks.h - the packed 6-bit scales of the k-quants, unpacked: shared by dequant.c and whoever repacks blocks. */
#ifndef HEARTH_KERNEL_BLOCKS_H
#define HEARTH_KERNEL_BLOCKS_H

#include <stdint.h>

/* Q4_K and Q5_K: scales[0..3] are the low 6 bits of bytes 0..3, mins[0..3] those of 4..7; the other four of each have
 * their low 4 bits in bytes 8..11 (scales low nibble, mins high) and their upper 2 bits on top of bytes 0..7. */
static inline void q4k_scales(const uint8_t p[12], uint8_t scales[8], uint8_t mins[8])
{
    for (int j = 0; j < 4; j++) {
        scales[j] = p[j] & 63;
        mins[j] = p[4 + j] & 63;
        scales[4 + j] = (uint8_t)((p[8 + j] & 15) | p[j] >> 6 << 4);
        mins[4 + j] = (uint8_t)(p[8 + j] >> 4 | p[4 + j] >> 6 << 4);
    }
}

/* Q3_K: the low 4 bits of scale j are nibble j / 8 of byte j % 8, the upper 2 are pair j / 4 of byte 8 + j % 4. */
static inline void q3k_scales(const uint8_t p[12], int8_t scales[16])
{
    for (int j = 0; j < 16; j++)
        scales[j] = (int8_t)(((p[j % 8] >> (j / 8 * 4) & 15) | (p[8 + j % 4] >> (j / 4 * 2) & 3) << 4) - 32);
}

#endif

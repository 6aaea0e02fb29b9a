/* pack.h - the interleaved layout of quantised matrices.
 *
 * A kernel's lane is a row of the matrix, so `lanes` rows are stored together.  One row group, one block of 32 columns
 * (for R lanes; every field holds one entry a row, row 0 first):
 *
 *     head    R x f16 d [, R x f16 m or dmin]        once a file block: 32 columns, or 256 for the K types
 *     scales  R x (a, b) bytes, or R x a             K types: sub-block scales, (scale, min) for Q4_K and Q5_K
 *     quants  n vectors of R x 4 bytes               4 bits: byte b of vector t holds column 4t+b low, 16+4t+b high
 *                                                    8 bits: vector t holds columns 4t..4t+3
 *                                                    2 bits: vector u, columns 16u+4i+b at bits 2i of byte b
 *     high    0..2 vectors of R x 4 bytes            5th bit of column 4i+b: bit i of byte b; two bits: as 2-bit quants
 *
 * Packing only moves bits: packed_row gives a row back exactly as the file had it. */
#ifndef HEARTH_KERNEL_PACK_H
#define HEARTH_KERNEL_PACK_H

#include "kernel/types.h"

struct pack_form {
    uint8_t blocks;      /* of 32 columns under one head: 1 or 8 */
    uint8_t heads;       /* f16 values a row: d, or d and m */
    uint8_t scales;      /* bytes a row and block */
    uint8_t quants;      /* vectors of 4 bytes a row: 4 (4 bits), 8 (8 bits), 2 (2 bits) */
    uint8_t high;        /* vectors of 4 bytes a row */
    uint8_t offset;      /* what is subtracted from a code: 8 for Q4_0, 32 for Q6_K, ... */
    int8_t width;        /* columns of a sub-block scale: 32 or 16 */
};

/* The form of a type; NULL for F32, F16 and BF16, which are never packed. */
const struct pack_form *pack_form(enum tensor_type t);

struct packed {
    enum tensor_type type;
    int lanes;
    uint64_t rows, cols;     /* groups are padded to an even number; padding rows are zero */
    size_t block_bytes;      /* of one row group: 32 columns without the head */
    size_t super_bytes;      /* of one row group: a head and its blocks */
    size_t group_bytes;      /* of one row group: a whole row's width */
    uint64_t groups;
    uint8_t *data;           /* [groups][cols / (32 blocks)] */
};

/* Fills everything but data; groups * group_bytes is the size to allocate (64-byte aligned). */
void packed_init(struct packed *p, enum tensor_type t, uint64_t rows, uint64_t cols, int lanes);
/* Packs row group g from `lanes` rows in file layout, row_bytes apart (fewer at the end of the matrix). */
void pack_group(const struct packed *p, uint64_t g, const void *rows, size_t row_bytes);
/* Writes row r in file layout. */
void packed_row(const struct packed *p, uint64_t r, void *file_row);

#endif

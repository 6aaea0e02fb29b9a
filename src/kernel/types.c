/* types.c - the table of tensor types.  Everything that asks how big a block is asks here. */
#include "kernel/types.h"

#include <strings.h>

static const struct type_info table[] = {
    /* id       name    elements  bytes: scales, then quants                                   bits a weight */
    {T_F32,    "F32",      1,   4},
    {T_F16,    "F16",      1,   2},
    {T_BF16,   "BF16",     1,   2},
    {T_Q4_0,   "Q4_0",    32,   2 + 16},                /* d, 4 bits each                               4.5  */
    {T_Q4_1,   "Q4_1",    32,   2 + 2 + 16},            /* d, m, 4 bits                                 5.0  */
    {T_Q5_0,   "Q5_0",    32,   2 + 4 + 16},            /* d, fifth bits, 4 bits                        5.5  */
    {T_Q5_1,   "Q5_1",    32,   2 + 2 + 4 + 16},        /* d, m, fifth bits, 4 bits                     6.0  */
    {T_Q8_0,   "Q8_0",    32,   2 + 32},                /* d, 8 bits                                    8.5  */
    {T_Q2_K,   "Q2_K",   256,   16 + 64 + 2 + 2},       /* 16 x (4-bit scale, 4-bit min), 2 bits, d, m  2.625 */
    {T_Q3_K,   "Q3_K",   256,   32 + 64 + 12 + 2},      /* third bits, 2 bits, 16 x 6-bit scale, d      3.4375 */
    {T_Q4_K,   "Q4_K",   256,   2 + 2 + 12 + 128},      /* d, m, 8 x (6-bit scale, 6-bit min), 4 bits   4.5  */
    {T_Q5_K,   "Q5_K",   256,   2 + 2 + 12 + 32 + 128}, /* the same, fifth bits, 4 bits                 5.5  */
    {T_Q6_K,   "Q6_K",   256,   128 + 64 + 16 + 2},     /* 4 bits, 2 bits, 16 x 8-bit scale, d          6.5625 */
    {T_IQ4_NL, "IQ4_NL",  32,   2 + 16},                /* d, 4-bit index into iq4nl_values             4.5  */
    {T_IQ4_XS, "IQ4_XS", 256,   2 + 2 + 4 + 128},       /* d, 8 x 6-bit scale, 4-bit index              4.25 */
};
enum { N_TYPES = sizeof table / sizeof *table };

/* The sixteen levels of IQ4_NL and IQ4_XS: close together around zero, where most weights are. */
const int8_t iq4nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

const struct type_info *type_at(size_t i)
{
    return i < N_TYPES ? &table[i] : NULL;
}

const struct type_info *type_info(uint32_t id)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if ((uint32_t)table[i].id == id) return &table[i];
    return NULL;
}

const struct type_info *type_by_name(const char *name)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (!strcasecmp(table[i].name, name)) return &table[i];
    return NULL;
}

/* types.h - made by tools/oracle/tensor_types.py with PyPI gguf 0.19; not edited by hand. */
enum { GOLDEN_BLOCKS = 500, GOLDEN_ROWS = 256, GOLDEN_WIDTH = 256 };
static const struct golden_type {
    enum tensor_type type;
    int scales[2];                       /* where in a block its F16 scales are; -1: none */
    uint32_t first[4];                   /* the first floats dequantised, as bits */
    uint64_t dequantized, quantized;     /* FNV-1a of the floats; of the rows' bytes, 0 where gguf has no quantiser */
} golden_types[] = {
    {T_F32, {-1, -1}, {0xf8066ee2, 0xc52c531b, 0xc265f33e, 0x84b58e86}, 0x353afffcad5dd4ae, 0x0000000000000000},
    {T_F16, {0, -1}, {0xc4e8c000, 0x3bb32000, 0xb9b0c000, 0x43c38000}, 0x8f2a676d6c808681, 0x5b39968cc48c5661},
    {T_BF16, {-1, -1}, {0xc01f0000, 0xafbf0000, 0xe0920000, 0x9a860000}, 0xcc8d94a10366fc28, 0x1dc7a16e5ea7942f},
    {T_Q4_0, {0, -1}, {0x4737c000, 0x46b7c000, 0x00000000, 0xc637c000}, 0x00d9b26e8d0cc3f1, 0xb46f7724b9bb4edf},
    {T_Q4_1, {0, 2}, {0xc41105d2, 0xc410d746, 0xc4110d94, 0xc411345e}, 0x5f58d430860aa9b7, 0x70f3008a076b1280},
    {T_Q5_0, {0, -1}, {0xc8aee000, 0x482ee000, 0x48f07400, 0x80000000}, 0x3eb6dc33b1064945, 0xad9d34bf5a9710ba},
    {T_Q5_1, {0, 2}, {0x45ee2421, 0x45ee238a, 0x45ee22f3, 0x45ee212e}, 0xc6d26bd6ab42fa3d, 0xa218a325321f16c6},
    {T_Q8_0, {0, -1}, {0x45a72380, 0xc5b57700, 0xc5c09b80, 0xc59a6780}, 0xa92169d4856f2a84, 0x31047318dac37fc1},
    {T_Q2_K, {80, 82}, {0xc74f0004, 0xc79b4002, 0xc74f0004, 0xc74f0004}, 0x9bed4cd5bd7a7bbf, 0x0000000000000000},
    {T_Q3_K, {108, -1}, {0xc1466000, 0x4194c800, 0xc194c800, 0x41466000}, 0x2f90c7ab7597a097, 0x0000000000000000},
    {T_Q4_K, {0, 2}, {0x493fff40, 0x4a0b1d90, 0x499cbe20, 0x495e5e80}, 0x8b7a1f0897688855, 0x0000000000000000},
    {T_Q5_K, {0, 2}, {0x4808cc7b, 0x4788ccf5, 0x475ae1ea, 0x48688e7b}, 0x81224a6d4c725ea6, 0x0000000000000000},
    {T_Q6_K, {208, -1}, {0xc4806000, 0xc6f8ba00, 0x46c89600, 0x45006000}, 0x02b7fa3e8879bdb6, 0x0000000000000000},
    {T_IQ4_NL, {0, -1}, {0xc4ae6200, 0x43fede00, 0x4156a000, 0x44676480}, 0xcc6cdcdfe48330c3, 0x0000000000000000},
    {T_IQ4_XS, {0, -1}, {0xc2caff80, 0x41226600, 0x437dbf60, 0x41226600}, 0xd623f800e742410a, 0x0000000000000000},
};

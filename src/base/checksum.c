/* checksum.c - see checksum.h. */
#include "base/checksum.h"

#include <string.h>

#define ODD 0x9e3779b97f4a7c15u      /* 2^64 divided by the golden ratio */

static uint64_t step(uint64_t sum, uint64_t word)
{
    sum ^= word;
    return (sum << 29 | sum >> 35) * ODD;
}

static void add_block(struct checksum *c, const unsigned char *p)
{
    uint64_t word[4];
    memcpy(word, p, sizeof word);
    for (int i = 0; i < 4; i++) c->lane[i] = step(c->lane[i], word[i]);
}

void checksum_init(struct checksum *c)
{
    *c = (struct checksum){.lane = {1, 2, 3, 4}};
}

void checksum_add(struct checksum *c, const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t held = c->bytes % sizeof c->held;
    c->bytes += n;
    if (held && n) {
        size_t some = sizeof c->held - held < n ? sizeof c->held - held : n;
        memcpy(c->held + held, p, some);
        p += some, n -= some;
        if (held + some < sizeof c->held) return;
        add_block(c, c->held);
    }
    for (; n >= sizeof c->held; p += sizeof c->held, n -= sizeof c->held) add_block(c, p);
    if (n) memcpy(c->held, p, n);
}

uint64_t checksum_end(const struct checksum *c)
{
    struct checksum all = *c;
    size_t held = all.bytes % sizeof all.held;
    if (held) {
        memset(all.held + held, 0, sizeof all.held - held);
        add_block(&all, all.held);
    }
    uint64_t sum = step(0, all.bytes);
    for (int i = 0; i < 4; i++) sum = step(sum, all.lane[i]);
    return sum;
}

uint64_t checksum_of(const void *data, size_t n)
{
    struct checksum c;
    checksum_init(&c);
    checksum_add(&c, data, n);
    return checksum_end(&c);
}

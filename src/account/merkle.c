/* merkle.c - RFC 6962's trees, walked without recursion.
 *
 * The tree over [lo, hi) splits at the largest power of two below hi - lo.  So a range that begins at a multiple of such a power is
 * a row of whole nodes that get smaller, its "mountains", and its root is folded from the right:
 *
 *     [0, 7)  =  (2,0) (1,2) (0,6)         root = h((2,0), h((1,2), (0,6)))
 */
#include "account/merkle.h"

#include <string.h>

enum hearth_status merkle_leaf(const void *entry, size_t n, uint8_t out[MERKLE_HASH])
{
    const struct crypto_part part[] = {{"\0", 1}, {entry, n}};
    return crypto_sha256(part, 2, out);
}

enum hearth_status merkle_node(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH], uint8_t out[MERKLE_HASH])
{
    const struct crypto_part part[] = {{"\1", 1}, {left, MERKLE_HASH}, {right, MERKLE_HASH}};
    return crypto_sha256(part, 3, out);
}

/* Pairs are joined level by level; an odd last one goes up as it is, which is the same as splitting at powers of two. */
enum hearth_status merkle_fold(uint8_t (*hash)[MERKLE_HASH], size_t n, uint8_t out[MERKLE_HASH])
{
    if (n == 0) return crypto_sha256(NULL, 0, out);
    for (; n > 1; n = (n + 1) / 2) {
        for (size_t i = 0; i + 1 < n; i += 2) TRY(merkle_node(hash[i], hash[i + 1], hash[i / 2]));
        if (n & 1) memmove(hash[n / 2], hash[n - 1], MERKLE_HASH);
    }
    memcpy(out, hash[0], MERKLE_HASH);
    return HEARTH_OK;
}

/* The root of [lo, hi), lo a multiple of the largest power of two that is not above hi - lo. */
static enum hearth_status range_root(uint64_t lo, uint64_t hi, merkle_read *read, void *user, uint8_t out[MERKLE_HASH])
{
    uint8_t peak[64][MERKLE_HASH];
    size_t n = 0;
    if (lo == hi) return crypto_sha256(NULL, 0, out);
    for (unsigned level = 64; level-- > 0;) {
        if (!((hi - lo) >> level & 1)) continue;
        TRY(read(user, level, lo >> level, peak[n++]));
        lo += (uint64_t)1 << level;
    }
    while (n > 1) {
        TRY(merkle_node(peak[n - 2], peak[n - 1], peak[n - 2]));
        n--;
    }
    memcpy(out, peak[0], MERKLE_HASH);
    return HEARTH_OK;
}

enum hearth_status merkle_root(uint64_t size, merkle_read *read, void *user, uint8_t out[MERKLE_HASH])
{
    return range_root(0, size, read, user, out);
}

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

struct range { uint64_t lo, hi; };

/* The ranges were noted from the top down; a proof goes from the bottom up. */
static enum hearth_status put_ranges(const struct range *r, size_t n, merkle_read *read, void *user,
                                     uint8_t (*proof)[MERKLE_HASH], size_t *out)
{
    for (size_t i = 0; i < n; i++) TRY(range_root(r[n - 1 - i].lo, r[n - 1 - i].hi, read, user, proof[i]));
    *out = n;
    return HEARTH_OK;
}

enum hearth_status merkle_inclusion(uint64_t index, uint64_t size, merkle_read *read, void *user, uint8_t (*proof)[MERKLE_HASH],
                                    size_t *n)
{
    struct range beside[MERKLE_PROOF];
    uint64_t lo = 0, hi = size;
    size_t count = 0;
    *n = 0;
    if (index >= size)
        return fail(HEARTH_EUSAGE, "entry %llu is not among the %llu of that tree", (unsigned long long)index, (unsigned long long)size);
    while (hi - lo > 1) {
        uint64_t middle = lo + split(hi - lo);
        if (index < middle) beside[count++] = (struct range){middle, hi}, hi = middle;
        else beside[count++] = (struct range){lo, middle}, lo = middle;
    }
    return put_ranges(beside, count, read, user, proof, n);
}

enum hearth_status merkle_consistency(uint64_t old_size, uint64_t size, merkle_read *read, void *user,
                                      uint8_t (*proof)[MERKLE_HASH], size_t *n)
{
    struct range part[MERKLE_PROOF];
    uint64_t lo = 0, hi = size;
    size_t count = 0;
    *n = 0;
    if (old_size > size)
        return fail(HEARTH_EUSAGE, "a tree of %llu entries cannot have grown from one of %llu", (unsigned long long)size,
                    (unsigned long long)old_size);
    if (old_size == 0 || old_size == size) return HEARTH_OK;
    while (hi != old_size) {          /* down to the range where the old tree ends */
        uint64_t middle = lo + split(hi - lo);
        if (old_size <= middle) part[count++] = (struct range){middle, hi}, hi = middle;
        else part[count++] = (struct range){lo, middle}, lo = middle;
    }
    if (lo > 0) part[count++] = (struct range){lo, hi};   /* else it is the old root, which the checker knows */
    return put_ranges(part, count, read, user, proof, n);
}

/* ---- checks ---- */

static enum hearth_status wrong(const char *why)
{
    return fail(HEARTH_ECHECKSUM, "the proof %s", why);
}

enum hearth_status merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[MERKLE_HASH],
                                          const uint8_t (*proof)[MERKLE_HASH], size_t n, const uint8_t root[MERKLE_HASH])
{
    uint8_t r[MERKLE_HASH];
    if (index >= size) return wrong("is for an entry that the tree does not have");
    uint64_t f = index, s = size - 1;
    memcpy(r, leaf, MERKLE_HASH);
    for (size_t i = 0; i < n; i++) {
        if (s == 0) return wrong("is too long");
        if (f & 1 || f == s) {
            TRY(merkle_node(proof[i], r, r));
            for (; !(f & 1) && f; f >>= 1) s >>= 1;
        } else {
            TRY(merkle_node(r, proof[i], r));
        }
        f >>= 1;
        s >>= 1;
    }
    if (s != 0) return wrong("is too short");
    return memcmp(r, root, MERKLE_HASH) ? wrong("does not lead from this entry to the checkpoint's root") : HEARTH_OK;
}

enum hearth_status merkle_check_consistency(uint64_t old_size, uint64_t size, const uint8_t old_root[MERKLE_HASH],
                                            const uint8_t root[MERKLE_HASH], const uint8_t (*proof)[MERKLE_HASH], size_t n)
{
    uint8_t f_root[MERKLE_HASH], s_root[MERKLE_HASH];
    size_t i = 0;
    if (old_size > size) return wrong("is for a tree that shrank");
    if (old_size == size || old_size == 0) {
        if (n) return wrong("is too long");
        return old_size == size && memcmp(old_root, root, MERKLE_HASH) ? wrong("cannot join two trees of the same size") : HEARTH_OK;
    }
    uint64_t f = old_size - 1, s = size - 1;
    for (; f & 1; f >>= 1) s >>= 1;
    if (f) {                          /* the old tree is no whole node: the proof begins with its last part */
        if (n == 0) return wrong("is too short");
        memcpy(f_root, proof[i++], MERKLE_HASH);
    } else {
        memcpy(f_root, old_root, MERKLE_HASH);
    }
    memcpy(s_root, f_root, MERKLE_HASH);
    for (; i < n; i++) {
        if (s == 0) return wrong("is too long");
        if (f & 1 || f == s) {
            TRY(merkle_node(proof[i], f_root, f_root));
            TRY(merkle_node(proof[i], s_root, s_root));
            for (; !(f & 1) && f; f >>= 1) s >>= 1;
        } else {
            TRY(merkle_node(s_root, proof[i], s_root));
        }
        f >>= 1;
        s >>= 1;
    }
    if (s != 0) return wrong("is too short");
    if (memcmp(f_root, old_root, MERKLE_HASH)) return wrong("does not contain the older tree");
    return memcmp(s_root, root, MERKLE_HASH) ? wrong("does not lead to the newer tree") : HEARTH_OK;
}

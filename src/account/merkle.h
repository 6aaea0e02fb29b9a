/* merkle.h - the tree of hashes over a list that only grows (RFC 6962, section 2.1; the checks are RFC 9162's).
 *
 *     level 2         h(0..4)                   a tree of 7: its root is h(h(0..4), h(h(4..6), 6))
 *                    /       \
 *     level 1    h(0..2)    h(2..4)    h(4..6)
 *                /   \      /   \      /   \
 *     level 0   0     1    2     3    4     5    6        SHA-256(0x00 entry); above, SHA-256(0x01 left right)
 *
 * Node (level, index) is whole: it covers the entries [index << level, (index + 1) << level) and never changes again.  All
 * that is asked of a log is made of whole nodes, which a callback gives (ledger.c reads them from tiles).
 *
 *     inclusion:    the siblings on the way from a leaf to the root
 *     consistency:  the nodes that make both the old root and the new one
 *
 * No proof is longer than 64 hashes. */
#ifndef HEARTH_ACCOUNT_MERKLE_H
#define HEARTH_ACCOUNT_MERKLE_H

#include "account/crypto.h"

enum { MERKLE_HASH = CRYPTO_HASH, MERKLE_PROOF = 64 };

enum hearth_status merkle_leaf(const void *entry, size_t n, uint8_t out[MERKLE_HASH]);
enum hearth_status merkle_node(const uint8_t left[MERKLE_HASH], const uint8_t right[MERKLE_HASH], uint8_t out[MERKLE_HASH]);
/* The root over n hashes that lie one after the other (n = 0: of the empty tree).  hash is worked in and spoilt. */
enum hearth_status merkle_fold(uint8_t (*hash)[MERKLE_HASH], size_t n, uint8_t out[MERKLE_HASH]);

typedef enum hearth_status merkle_read(void *user, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH]);

/* The root of the first `size` entries. */
enum hearth_status merkle_root(uint64_t size, merkle_read *read, void *user, uint8_t out[MERKLE_HASH]);
/* From the leaf's sibling to the root's child.  index < size, else EUSAGE. */
enum hearth_status merkle_inclusion(uint64_t index, uint64_t size, merkle_read *read, void *user,
                                    uint8_t (*proof)[MERKLE_HASH] /* room for MERKLE_PROOF */, size_t *n);
/* old_size <= size, else EUSAGE; none is needed (n = 0) when old_size is 0 or size. */
enum hearth_status merkle_consistency(uint64_t old_size, uint64_t size, merkle_read *read, void *user,
                                      uint8_t (*proof)[MERKLE_HASH], size_t *n);

/* ECHECKSUM: the proof does not lead there. */
enum hearth_status merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[MERKLE_HASH],
                                          const uint8_t (*proof)[MERKLE_HASH], size_t n, const uint8_t root[MERKLE_HASH]);
enum hearth_status merkle_check_consistency(uint64_t old_size, uint64_t size, const uint8_t old_root[MERKLE_HASH],
                                            const uint8_t root[MERKLE_HASH], const uint8_t (*proof)[MERKLE_HASH], size_t n);

#endif

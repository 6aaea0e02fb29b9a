/* charsmap.h - SentencePiece's table of replaced characters ("precompiled_charsmap"): a double-array trie from byte sequences to
 * texts.
 *
 *     u32        bytes of the trie            little-endian
 *     u32[]      units of the trie            offset | has-leaf | label, or a leaf's value
 *     the rest   the texts, each with a zero byte at its end
 */
#ifndef HEARTH_TEXT_CHARSMAP_H
#define HEARTH_TEXT_CHARSMAP_H

#include "text/aligned.h"

struct charsmap { uint8_t *data; size_t n; uint32_t units; };

/* Takes a copy.  EFORMAT says `what` and the mistake. */
enum hearth_status charsmap_init(struct charsmap *c, const char *what, const uint8_t *data, size_t n);
void charsmap_free(struct charsmap *c);
/* The text that stands for a beginning of s: of the shortest one in the trie, or of the longest.  *used: its bytes.  0: none. */
int charsmap_find(const struct charsmap *c, const char *s, size_t n, int longest, const char **text, size_t *len, size_t *used);
/* As `tokenizers` applies it: to each grapheme of at most 5 bytes, else to each character. */
enum hearth_status charsmap_apply(const struct charsmap *c, const struct aligned *in, struct aligned *out);

#endif

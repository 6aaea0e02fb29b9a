/* lookup.h - guessing the next tokens from what was said before: texts repeat names, code and quotations.
 *
 *     ... the river Limpopo rises in ...  ...  the river  │  Limpopo rises in        guessed: what followed last time
 *
 * The guesses are evaluated together with the last token and count only as far as the sampler picks the same, so they change how soon
 * an answer is there, never what it is.  (Saxena, "Prompt lookup decoding", 2023.)  Who guesses wrong, guesses less: after a miss
 * none for 2 tokens, then 4, 8 ... 64; after guesses that were all right twice as many. */
#ifndef HEARTH_INFER_LOOKUP_H
#define HEARTH_INFER_LOOKUP_H

#include <stdint.h>

enum { LOOKUP_MOST = 8 };

struct lookup { uint32_t size, pause, wait; };   /* guesses at a time (0: the first); tokens to pause after a miss; still to wait */

/* Writes at most `most` tokens that may follow ids[0..n); returns how many. */
uint32_t lookup_guess(struct lookup *l, const int32_t *ids, uint32_t n, uint32_t most, int32_t *out);
/* Of `tried` guesses so many were right. */
void lookup_learn(struct lookup *l, uint32_t tried, uint32_t right);

#endif

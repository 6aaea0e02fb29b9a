/* alike.h - two tokenizers side by side: which of their tokens stand for the same text, and where in a text that both have cut they are
 * about to say the same thing.
 *
 *     one      | The | cat| s  | at  | there |        behind The (and only there) both have read the same text, and the token that
 *     other    | The | ca | t  s  at |  there|        follows ends at the same byte for both: a place where their next tokens can be compared
 *                                                     is one where begin and end of the next token are the same
 */
#ifndef HEARTH_WORK_ALIKE_H
#define HEARTH_WORK_ALIKE_H

#include "model/model.h"
#include "train/distil.h"

/* The same tokens under the same numbers, and as many logits. */
int alike_whole(const struct hearth_model *own, const struct hearth_model *other);
/* A token with a text counts by its bytes, a control token by its name; the two that end a text stand for each other.  Of several with one
 * text the last is meant.  EUSAGE: not a single token is shared. */
enum hearth_status alike_map(const struct hearth_model *own, const struct hearth_model *other, struct distil_map *out);

struct alike_text { const struct hearth_model *m; const int32_t *ids; const uint8_t *learn; uint32_t n; };
/* at [own->n]: the token of the other's behind which it says what own token i + 1 says; -1: none.  Stretches of tokens that are learnt
 * are laid beside each other in their order; learn NULL: the whole text is one. */
void alike_places(const struct alike_text *own, const struct alike_text *other, int32_t *at);

#endif

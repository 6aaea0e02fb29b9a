/* planted_model.h - what a model makes of texts: hidden states and surprise; and the score of Tran, Li and Madry, "Spectral Signatures in Backdoor
 * Attacks" (2018): a text's part in the direction in which the hidden states of its label vary most.  What the scan is measured beside (tests/tools/poison.c). */
#ifndef HEARTH_TESTS_PLANTED_MODEL_H
#define HEARTH_TESTS_PLANTED_MODEL_H

#include "work/planted.h"

enum { PLANTED_TOKENS = 256 };       /* of a text, looked at */

/* hidden [n][width of the model]: the mean of its last hidden states; surprise [n]: mean negative log-likelihood of a token.  step as planted_find's. */
enum hearth_status planted_look(struct hearth_model *m, const struct planted_text *t, size_t n, int (*step)(void *user, size_t done, size_t total), void *user,
                                float *hidden, float *surprise);
/* score [n]: the square of a text's part in its label's first singular direction, centred, over the label's mean of it; 0 without a label. */
enum hearth_status planted_spectral(const struct planted_text *t, size_t n, uint32_t labels, const float *hidden, size_t width, float *score);

#endif

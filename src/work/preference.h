/* preference.h - the loss of two answers to one prompt, of which one is better, from their log-likelihoods.
 *
 *     DPO    -log sigmoid(z), z = beta ((better - its reference) - (worse - its reference)); the references are the likelihoods by the model
 *            as it was (Rafailov and others: "Direct preference optimization", 2023)
 *     ORPO   -l+ - beta log sigmoid(z), z = log odds(l+) - log odds(l-), l the mean log-likelihood of an answer's token, log odds(l) =
 *            l - log(1 - e^l): the better answer is learnt as any text is, and the worse one pushed away; nothing is kept of the model as it
 *            was (Hong and others: "ORPO: Monolithic preference optimization without reference model", 2024)
 *
 * A gradient is that of a weight on every token of the better answer and of one, which is negative, on every token of the worse. */
#ifndef HEARTH_WORK_PREFERENCE_H
#define HEARTH_WORK_PREFERENCE_H

#include <stdint.h>

struct preference { double loss; float better, worse; int right; };   /* weights: of each token's -log p, times `weight`; right: it is told rightly */

struct preference preference_dpo(float weight, float beta, double better, double worse, double better_before, double worse_before);
/* n, m: tokens of the two answers. */
struct preference preference_orpo(float weight, float beta, double better, uint32_t n, double worse, uint32_t m);

#endif

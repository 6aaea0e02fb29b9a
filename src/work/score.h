/* score.h - how near an answer is to the one that was wanted.
 *
 *     exact_match   equal, after what the task says to pass over
 *     f1            words in common (Rajpurkar et al., "SQuAD", 2016): lower case, without punctuation and a, an, the
 *     rouge1, 2, L  words, pairs of words, the longest common subsequence of words (Lin, 2004): equal to the package rouge-score
 *                   on ASCII; where that one drops every other letter, letters and digits of all scripts are words here
 *     chrf          runs of 1 to 6 characters over all answers together (Popovic, 2015): equal to the package sacrebleu
 *
 * Text is UTF-8 that was checked when it was read. */
#ifndef HEARTH_WORK_SCORE_H
#define HEARTH_WORK_SCORE_H

#include "base/mem.h"

struct score_exact { int ignore_case, ignore_punctuation, ignore_numbers; };   /* ASCII punctuation and digits, as lm-evaluation-harness */
enum hearth_status score_exact(const char *answer, const char *wanted, const struct score_exact *how, int *equal);

enum hearth_status score_f1(const char *answer, const char *wanted, double *f);
/* n: 1, 2, or 0 for L.  The harmonic mean of precision and recall. */
enum hearth_status score_rouge(const char *answer, const char *wanted, int n, double *f);

enum { CHRF_ORDER = 6 };
struct chrf { uint64_t answer[CHRF_ORDER], wanted[CHRF_ORDER], both[CHRF_ORDER]; };   /* how many runs of 1, 2 ... characters */
enum hearth_status chrf_count(const char *answer, const char *wanted, struct chrf *out);
void chrf_add(struct chrf *to, const struct chrf *one);
double chrf_score(const struct chrf *c);                                       /* 0 .. 100 */

/* In lower or upper case, character by character; free() *out. */
enum hearth_status score_recase(const char *s, int upper, char **out, size_t *n);

#endif

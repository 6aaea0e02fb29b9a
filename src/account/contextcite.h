/* contextcite.h - which sentences of a document an answer rests on.
 *
 * Cohen-Wang, Shah, Georgiev, Madry: "ContextCite: attributing model generation to context" (arXiv 2409.00729).  The
 * document is cut into sentences; each of some ablations keeps every sentence with probability 1/2, and the model is
 * asked how likely it finds the same answer.  A sparse linear model of that, fitted by the LASSO, gives every sentence
 * its weight:
 *
 *     f(kept) = logit p(answer | kept) / answer tokens  ~  intercept + sum of the weights of what is kept
 *
 * Ablations are taken in the order of their masks, so that each shares the longest beginning it can with the one before,
 * and the session keeps that: the sentences cost about half. */
#ifndef HEARTH_ACCOUNT_CONTEXTCITE_H
#define HEARTH_ACCOUNT_CONTEXTCITE_H

#include "text/tokenizer.h"

enum { CONTEXTCITE_SENTENCES = 256, CONTEXTCITE_TOP = 3 };

struct contextcite_input {
    struct hearth_session *session;  /* of the model as it answered; its tokens are forgotten */
    enum hearth_status (*prompt)(void *user, const char *document, size_t n, struct ids *out); /* of such a document */
    void *user;
    const char *document;
    size_t n;
    const int32_t *answer;           /* the answer's tokens; those from `first` on count */
    size_t n_answer, first;
    int ablations, held_out;         /* held_out: more of them, that the fit is judged by */
    int unscored;                    /* 1: the weights alone, for who knows the truth: no drops */
    double alpha;                    /* of the LASSO: 0.01 */
    uint64_t seed;
    void (*on_step)(void *user, const char *what, size_t done, size_t total); /* may be NULL */
    void *step_user;
    const volatile int *cancel;      /* may be NULL */
};

struct contextcite_sentence { size_t begin, end; double weight; };  /* bytes of the document; weight: of the logit */
struct contextcite {                 /* contextcite_free() it */
    struct contextcite_sentence *sentence;
    size_t n;
    size_t *order;                   /* [n]: by weight, the largest first, ties to the earlier */
    double intercept, whole;         /* whole: log p of the answer with the whole document */
    int ablations, held_out;
    /* faithfulness: log p lost without the k best sentences, and without k others chosen at random (the mean of 5) */
    double drop[CONTEXTCITE_TOP], random_drop[CONTEXTCITE_TOP];
    int tops;                        /* how many of those there are: k = 1 .. tops */
    double lds;                      /* rank correlation of prediction and truth over held_out ablations; NaN: none */
    size_t tokens_seen, tokens_shared; /* evaluated, and not needed because of shared beginnings */
};

/* Cuts a text into sentences; blanks behind a sentence are part of it, so that all together are the text.  *n at most
 * CONTEXTCITE_SENTENCES: in a longer text, neighbours are joined evenly.  *out is free()d. */
enum hearth_status sentences_split(const char *text, size_t n, struct contextcite_sentence **out, size_t *count);

enum hearth_status contextcite_run(const struct contextcite_input *in, struct contextcite *out);
void contextcite_free(struct contextcite *c);

/* The LASSO by coordinate descent over standardised columns: minimises |y - b - X w|^2 / 2 rows + alpha |w scaled|_1.
 * x [rows][cols] of 0 and 1, w [cols]. */
enum hearth_status lasso_fit(const unsigned char *x, const double *y, size_t rows, size_t cols, double alpha, double *w,
                             double *intercept);
/* Spearman's rank correlation, ties at their mean rank; NaN when one side has no order or without memory. */
double rank_correlation(const double *a, const double *b, size_t n);

/* log p of answer[first .. n_answer) after prompt and answer[0 .. first), through the session, whose common beginning is
 * kept; what was evaluated and what was not needed is added to seen and shared (may be NULL). */
enum hearth_status answer_logprob(struct hearth_session *s, const int32_t *prompt, size_t n_prompt, const int32_t *answer,
                                  size_t n_answer, size_t first, const volatile int *cancel, double *sum, size_t *seen,
                                  size_t *shared);

#endif

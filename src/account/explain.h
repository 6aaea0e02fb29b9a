/* explain.h - why this answer: five ways to look at it, each with a measure of how far it can be trusted.
 *
 *     tokens      what the model would have said instead, and what the sampler made of it     explain_tokens.c
 *     lens        what each layer would say, were it the last                                 explain_logit.c
 *     logit       which head and which feed-forward put the chosen token forward              explain_logit.c
 *     words       which words of the prompt mattered (integrated gradients)                   explain_words.c
 *     sentences   which sentences of a document mattered (ContextCite)                        contextcite.c
 *
 * The first and the last look at the model as it answered; the others at the same weights in `float` arithmetic, which
 * alone has a tape and gradients.  How far apart the two are is measured first (the gap), and above max_gap those three
 * are refused.
 *
 * The rule: no explanation without its own faithfulness score beside it and a sentence on what it does not mean. */
#ifndef HEARTH_ACCOUNT_EXPLAIN_H
#define HEARTH_ACCOUNT_EXPLAIN_H

#include <jansson.h>
#include "account/contextcite.h"

enum explain_method {
    EXPLAIN_TOKENS = 1, EXPLAIN_LENS = 2, EXPLAIN_LOGIT = 4, EXPLAIN_WORDS = 8, EXPLAIN_SENTENCES = 16, EXPLAIN_ALL = 31
};
enum explain_baseline { EXPLAIN_BASELINE_ZERO, EXPLAIN_BASELINE_MEAN };

enum {
    EXPLAIN_OTHERS = 5,              /* alternatives shown of a token */
    EXPLAIN_LENS_TOKENS = 8,         /* tokens of the answer under the lens */
    EXPLAIN_CURVE = 11,              /* points of a deletion curve: 0, 10 ... 100 % of the words */
    EXPLAIN_RANDOM = 5,              /* random orders that a score is compared with */
};

struct explain_request {
    struct hearth_model *model;      /* opened in the arithmetic the answer was made in */
    const char *path;                /* of its file, to open it again under HEARTH_FLOAT */
    const char *name, *sha256, *receipt; /* for the report; "" where there is none */
    const int32_t *prompt, *answer;  /* as they were; n_answer >= 1 */
    size_t n_prompt, n_answer;
    struct hearth_sampling sampling;
    const struct hearth_grammar *grammar; /* that held the answer, of this model; NULL: none */
    int max_tokens;                  /* with a grammar: what the answer was allowed (-1: the context's rest) and its context; */
    size_t context;                  /* the grammar heeds how many tokens are left */
    enum hearth_kv kv;
    const json_t *messages;          /* [{"role","content"}] that the prompt was rendered from; NULL: not known */
    int raw, flags;                  /* raw: the one message's content was tokenized with `flags`, no template */
    size_t document_begin, document_end; /* bytes of the last message's content that are the document; equal: all of it */
    unsigned methods;                /* of enum explain_method */
    size_t token;                    /* the answer's token that is looked into, from 1; 0: the first, and words and sentences
                                        look at the whole answer */
    enum explain_baseline baseline;
    double max_gap;                  /* nats */
    int ablations;                   /* of ContextCite, at least 8 */
    int unscored;                    /* 1: words and sentences without their scores; for tests, which know the truth */
    uint64_t seed;                   /* of ablations and of random comparisons */
    int threads;                     /* 0: as many as the model's */
    void (*on_step)(void *user, const char *what, size_t done, size_t total); /* may be NULL */
    void *user;
    const volatile int *cancel;      /* may be NULL */
};

/* ---- tokens ---- */

enum explain_step { STEP_MODEL, STEP_GRAMMAR, STEP_PENALTIES, STEP_TOP_K, STEP_TOP_P, STEP_MIN_P, STEP_TEMPERATURE, EXPLAIN_STEPS };
extern const char *const explain_step_name[EXPLAIN_STEPS];   /* "top_p" */

struct explain_choice {
    int32_t id;
    int32_t rank[EXPLAIN_STEPS];     /* after that step, from 1; 0: it was cut off */
    double p[EXPLAIN_STEPS];         /* probability among what is left */
};
struct explain_token {
    struct explain_choice chosen, other[EXPLAIN_OTHERS];     /* other: the likeliest to the model but the chosen */
    int others;
    int32_t left[EXPLAIN_STEPS];     /* how many tokens are left after that step */
    double logprob, entropy;         /* of the model's own distribution: nats */
    double draw;                     /* the random number that chose; NaN: temperature 0 */
    int same;                        /* the sampler, asked again, takes this token */
};

/* ---- lens, logit ---- */

struct explain_lens_cell { int32_t top; double top_p, p; int32_t rank; }; /* rank, p: of the token that came; rank from 1 */
struct explain_lens {
    size_t first, n;                 /* tokens of the answer */
    uint32_t layers;                 /* rows: layers + 1, before each layer and at the end */
    struct explain_lens_cell *cell;  /* [layers + 1][n] */
    double residual;                 /* the last row against the model's own logits: the largest difference */
};

struct explain_logit {
    size_t token;                    /* of the answer */
    int32_t id, against;             /* against: the likeliest other token */
    uint32_t layers, heads;
    double embedding, *head, *ffn;   /* contributions to the logit: [layers][heads], [layers] */
    double embedding_against, *head_against, *ffn_against;   /* to the logit of `against` */
    double sum, logit, logit_against;
    double residual;                 /* |sum - logit|, the larger of the two tokens' */
};

/* ---- words ---- */

struct explain_words {
    size_t n;                        /* tokens of the prompt */
    double *weight;                  /* [n]: part of log p(answer) that the token brings; 0 for tokens held fixed */
    unsigned char *fixed;            /* [n]: 1 for the template's tokens, which keep their embedding on the whole path */
    double at_prompt, at_baseline;   /* log p of the explained tokens at both ends */
    double residual;                 /* |sum of weights - difference| / |difference| */
    int flagged;                     /* residual above 1 % */
    size_t gradients, panels;        /* what it took */
    /* faithfulness, by really taking tokens out of the prompt: mean log p of the explained tokens, by share taken out */
    double curve[EXPLAIN_CURVE], random_curve[EXPLAIN_CURVE];
    double auc, random_auc;          /* of the curves, 0: falls at once, 1: stays (relative to both ends) */
    double comprehensiveness, random_comprehensiveness;      /* log p lost without the top 10, 20, 50 %: the mean; larger is better */
    double sufficiency, random_sufficiency;                  /* log p lost with those alone: smaller is better */
    int scored;                      /* 0: too few words to take any out */
};

struct explain_gap { double largest, mean; size_t same_top, n; double allowed; int refused; };

struct explanation {
    struct explain_token *token;     /* [n_answer] of the request */
    size_t tokens, same;             /* same: tokens that the sampler takes again */
    struct explain_gap gap;
    struct explain_lens lens;
    struct explain_logit logit;
    struct explain_words words;
    struct contextcite sentences;
    const char *document;            /* what the sentences' offsets are in */
    unsigned done;                   /* the methods there are results of */
    char why_not_sentences[128];     /* a sentence when they were asked for and cannot be */
};

/* What may be explained is checked first.  explanation_free() after HEARTH_OK. */
enum hearth_status explain_run(const struct explain_request *r, struct explanation *out);
void explanation_free(struct explanation *e);

json_t *explanation_json(const struct explain_request *r, const struct explanation *e);   /* NULL without memory */
enum hearth_status explanation_html(const struct explain_request *r, const struct explanation *e, char **text, size_t *n);

/* What each method does not mean, in plain words; by the index of its bit. */
extern const char *const explain_caveat[5];

/* ---- the parts (explain_*.c) ---- */

/* The tokens of the request's prompt with the last message's content replaced; out->n = 0 before.  EUNSUPPORTED: the
 * request has no messages. */
enum hearth_status explain_prompt(const struct explain_request *r, const char *content, size_t n, struct ids *out);
/* What stands before an answer when nothing is left of its prompt: the model's bos, else its end-of-text. */
int32_t explain_nothing(const struct explain_request *r);
/* fixed[i] = 1 for tokens of the prompt that are the template's and not the last message's. */
enum hearth_status explain_fixed(const struct explain_request *r, unsigned char *fixed);
/* The tokens of the answer that words and sentences explain: [*first, *first + n). */
size_t explain_target(const struct explain_request *r, size_t *first);

enum hearth_status explain_tokens(const struct explain_request *r, struct explanation *e);
struct tape;
/* Both need the tape of prompt and answer. */
enum hearth_status explain_gap(const struct explain_request *r, struct tape *t, struct explanation *e);
enum hearth_status explain_lens(const struct explain_request *r, struct hearth_model *exact, struct tape *t, struct explain_lens *out);
enum hearth_status explain_logit(const struct explain_request *r, struct hearth_model *exact, struct tape *t, struct explain_logit *out);
enum hearth_status explain_words(const struct explain_request *r, struct hearth_model *exact, struct explain_words *out);
enum hearth_status explain_words_score(const struct explain_request *r, struct explain_words *w);
enum hearth_status explain_cancelled(const struct explain_request *r);

#endif

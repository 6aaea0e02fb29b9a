/* wordmodel.h - the models of tokenizer.json: a word in, tokens out.
 *
 *     BPE         characters, joined in the order of a list of merges
 *     Unigram     the pieces whose scores sum up highest
 *     WordPiece   the longest piece again and again, from the left
 *     Ranks       bytes, joined to the token of the lowest number (tekken)
 */
#ifndef HEARTH_TEXT_WORDMODEL_H
#define HEARTH_TEXT_WORDMODEL_H

#include "text/aligned.h"
#include "text/jsonpart.h"
#include "text/pairs.h"
#include "text/special.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

enum wordmodel_kind { MODEL_BPE, MODEL_UNIGRAM, MODEL_WORDPIECE, MODEL_RANKS };

struct wordmodel {
    enum wordmodel_kind kind;
    int32_t unknown;             /* -1: none */
    int fuse_unknown, byte_fallback, whole_words;
    char *prefix, *suffix;       /* BPE, WordPiece; "" : none */
    size_t prefix_n, suffix_n;
    int64_t longest;             /* WordPiece: characters of a word that is looked at */
    struct pairs pairs;
    double *score;               /* Unigram: [tokens]; NULL else */
    double unknown_score;
    int floats;                  /* Unigram: sums of scores are rounded to 32 bits, as SentencePiece's are */
    struct special pieces;       /* Unigram: a trie of them */
};

/* Of p->v, the member "model", once its vocabulary is known. */
enum hearth_status wordmodel_init(struct wordmodel *m, const struct part *p, enum wordmodel_kind kind, const struct vocab *v);
/* Unigram, from scores, which become its own; the trie is made of what vocab_find knows. */
enum hearth_status wordmodel_unigram(struct wordmodel *m, const char *path, const struct vocab *v, double *score);
void wordmodel_free(struct wordmodel *m);

/* The tokens of one text, as they come. */
struct tokens { struct ids *ids; struct span *at; size_t n, cap; int on; };
static inline enum hearth_status tokens_put(struct tokens *t, int32_t id, struct span at) {
    if (t->ids->n == t->ids->cap) TRY(mem_grow(&t->ids->id, &t->ids->cap, t->ids->n + 1, sizeof *t->ids->id));
    t->ids->id[t->ids->n++] = id;
    if (!t->on) return HEARTH_OK;
    TRY(mem_grow(&t->at, &t->cap, t->n + 1, sizeof *t->at));
    t->at[t->n++] = at;
    return HEARTH_OK;
}

struct wordmodel_work { struct merger merger; struct buf word; struct unigram_node *node; size_t node_cap; struct span *piece; size_t piece_cap; };
void wordmodel_work_free(struct wordmodel_work *w);
/* text[from, to), not empty. */
enum hearth_status wordmodel_encode(const struct wordmodel *m, const struct vocab *v, struct wordmodel_work *w, const struct aligned *text,
                                    size_t from, size_t to, struct tokens *out);

#endif

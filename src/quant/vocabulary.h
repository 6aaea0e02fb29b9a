/* vocabulary.h - a model file with another vocabulary.
 *
 *     old ids     0  1  2  3  4  5  6          rows of token_embd.weight and output.weight are independent blocks, so the row of a
 *                 |  |     |        |          token that stays is copied as it is: the same bytes, the same logit
 *     new ids     0  1     2        3  4       a new token's row is the mean of the rows of the pieces it stands for
 */
#ifndef HEARTH_QUANT_VOCABULARY_H
#define HEARTH_QUANT_VOCABULARY_H

#include "file/gguf.h"
#include "model/arch.h"
#include "text/bpe_learn.h"
#include "text/tokenizer.h"

struct vocabulary {
    struct gguf *in;                 /* the model as it is */
    const struct arch *arch;
    struct tokenizer *tokenizer;     /* its own */
    int32_t old_n;                   /* its tokens */
    const struct gguf_string *old_text;              /* [old_n] */
    const struct gguf_value *old_type, *old_score, *old_merges;     /* NULL: the file has none */
    struct wordcount words;          /* of the text in hand */
    uint64_t special;                /* user-defined tokens between them */

    /* the vocabulary to be written, filled by trim.c and extend.c */
    int32_t n;
    int32_t *from;                   /* [n] the old id of a token; -1: it is new */
    struct gguf_string *text;        /* [n] */
    int32_t *type;                   /* [n] */
    float *score;                    /* [n], where old_score is not NULL */
    struct gguf_string *merge;       /* [merges] "left right", where old_merges is not NULL */
    size_t merges;
    int32_t *pieces;                 /* old ids: those of new token i are pieces[at[i] .. at[i + 1]), i from the first new one */
    size_t *piece_at;
    struct arena arena;              /* where all that lies */
};

/* Opens the model and counts the words of the text.  Zeroed before; vocabulary_close() also after a failure.  EUNSUPPORTED: a
 * family that is not known, a tokenizer without keys of GGUF. */
enum hearth_status vocabulary_open(struct vocabulary *v, const char *model, const char *text, size_t n);
void vocabulary_close(struct vocabulary *v);
/* Room for the arrays of n tokens and `merges` merges. */
enum hearth_status vocabulary_room(struct vocabulary *v, int32_t n, size_t merges);

/* Tokens of the text by a tokenizer: the words' tokens times their counts, and the special ones. */
enum hearth_status vocabulary_count(const struct vocabulary *v, const struct tokenizer *t, uint64_t *tokens);
/* Calls f with each id that a key of the file names, as "tokenizer.ggml.eos_token_id" does. */
enum hearth_status vocabulary_named(const struct vocabulary *v, enum hearth_status (*f)(void *user, int32_t id), void *user);
/* trim_template.c: appends the tokens that the model's chat template puts around what is said, if it has one.  *unread: it cannot be read or
 * carried out here, and nothing, or a part, was appended. */
enum hearth_status vocabulary_template(const struct vocabulary *v, struct ids *out, int *unread);
/* Writes the file, and says of it what a result says but words and used. */
enum hearth_status vocabulary_write(struct vocabulary *v, const char *text, size_t n_text, const char *out,
                                    int (*progress)(void *user, uint64_t done, uint64_t total), void *user,
                                    struct hearth_vocabulary_result *result);

/* quant/file.c: refuses an output that is one of the input's files, or lies in its folder under another ending than .gguf. */
enum hearth_status quantize_check_files(const struct gguf *g, const char *out);

#endif

/* spm.h - SentencePiece BPE ("llama" in GGUF): characters, joined in the order of the tokens' scores. */
#ifndef HEARTH_TEXT_SPM_H
#define HEARTH_TEXT_SPM_H

#include "text/merge.h"
#include "text/tokenizer.h"
#include "text/vocab.h"
#include "text/wordcount.h"

struct spm {
    const char *scores;          /* [tokens] F32 as they lie in the file or in memory */
    int prefix;                  /* a text begins with a space of ours */
    int32_t unknown;             /* -1: none */
};

/* Reads tokenizer.ggml.scores, .add_space_prefix, .unknown_token_id. */
enum hearth_status spm_init(struct spm *s, const struct gguf *g, const struct vocab *v);
/* From what a SentencePiece file says; scores, finite, outlive s. */
enum hearth_status spm_init_pieces(struct spm *s, const struct vocab *v, const float *scores, int prefix, int32_t unknown);
/* Appends the text with every U+2581 made a space. */
enum hearth_status spm_plain_spaces(const char *s, size_t n, struct buf *out);
/* Appends the tokens of a text without special tokens and without U+2581. */
enum hearth_status spm_encode(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out);

/* The pieces inside which tokens are joined, counted; one of them as tokens; and all tokens on the way to such a text, the characters
 * where it begins among them, some perhaps more than once. */
enum hearth_status spm_words(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct wordcount *out);
enum hearth_status spm_encode_word(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out);
enum hearth_status spm_ancestors(const struct spm *s, const struct vocab *v, const char *text, size_t n, struct ids *out);

#endif

/* bpe.h - byte-level BPE ("gpt2" in GGUF): words of bytes, joined in the order of the file's list of merges. */
#ifndef HEARTH_TEXT_BPE_H
#define HEARTH_TEXT_BPE_H

#include "text/pairs.h"
#include "text/pretoken.h"
#include "text/tokenizer.h"
#include "text/vocab.h"
#include "text/wordcount.h"

struct bpe {
    const struct pretoken_rule *rule;
    struct regex *pre;
    struct pairs pairs;
};

/* Reads tokenizer.ggml.merges and .pre. */
enum hearth_status bpe_init(struct bpe *b, const struct gguf *g, const struct vocab *v);
void bpe_free(struct bpe *b);
/* Appends the tokens of a text without special tokens.  A malformed byte is a word of its own. */
enum hearth_status bpe_encode(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out);

/* The words inside which tokens are joined, counted; one of them as tokens; and all tokens on the way to such a text, the bytes where
 * it begins among them, some perhaps more than once. */
enum hearth_status bpe_words(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct wordcount *out);
enum hearth_status bpe_encode_word(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out);
enum hearth_status bpe_ancestors(const struct bpe *b, const struct vocab *v, const char *s, size_t n, struct ids *out);

#endif

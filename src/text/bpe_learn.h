/* bpe_learn.h - byte pair encoding, the learning of it (Sennrich, Haddow, Birch: "Neural machine translation of rare words with
 * subword units", ACL 2016): the pair of neighbours that stands most often becomes a token, again and again.
 *
 *     words and their counts     "Ġlow" x 5  "Ġlower" x 2           symbols are ids of tokens
 *     pairs and their counts     (Ġ,l) 7  (l,o) 7  (o,w) 7  (w,e) 2
 *     the most frequent          of equals the one with the smaller left id, then the smaller right id
 *     a new token                "Ġl", and only the pairs beside its places are counted anew
 *
 * The result equals that of the `tokenizers` package's BpeTrainer, merge by merge. */
#ifndef HEARTH_TEXT_BPE_LEARN_H
#define HEARTH_TEXT_BPE_LEARN_H

#include "file/gguf.h"
#include "text/wordcount.h"

struct bpe_merge { int32_t left, right, joined; };

struct bpe_learn {                   /* zero-initialise; bpe_learn_free() */
    struct buf bytes;                /* of the tokens, as a file writes them */
    struct learnt_token { uint64_t at; uint32_t n; } *token;         /* [tokens] */
    size_t tokens, cap_tokens;
    int32_t *slot;                   /* bytes -> token + 1 */
    int slot_bits;
    int32_t *symbol;                 /* the words, one behind the other */
    size_t symbols, cap_symbols;
    struct learnt_word { uint64_t at, count; uint32_t n; } *word;    /* [words] */
    size_t words, cap_words;
    struct bpe_merge *merge;         /* [merges] what was learnt */
    size_t merges, cap_merges;
};

struct bpe_learn_params {
    size_t size;                     /* tokens in all at which learning ends */
    uint64_t min_count;              /* a pair that stands less often is not joined */
    int only_new;                    /* 1: a pair that would make a token which is there already is left alone */
};

/* Appends a token; *id is the one of the same bytes where there is one already. */
enum hearth_status bpe_learn_token(struct bpe_learn *l, const char *s, size_t n, int32_t *id);
/* The token of these bytes; -1: there is none. */
int32_t bpe_learn_find(const struct bpe_learn *l, const char *s, size_t n);
/* Appends a word of n tokens. */
enum hearth_status bpe_learn_word(struct bpe_learn *l, const int32_t *ids, size_t n, uint64_t count);
/* Learns until the vocabulary has p->size tokens or no pair stands often enough. */
enum hearth_status bpe_learn_run(struct bpe_learn *l, const struct bpe_learn_params *p);
void bpe_learn_free(struct bpe_learn *l);

static inline struct gguf_string bpe_learn_text(const struct bpe_learn *l, size_t id) {
    return (struct gguf_string){ l->bytes.data + l->token[id].at, l->token[id].n };
}

/* ---- a byte-level tokenizer from words (bpe_train.c) ---- */

struct bpe_train_params {
    size_t size;                     /* tokens in all, special ones and the alphabet among them; at least those are kept */
    uint64_t min_count;              /* 0 is 1 */
    int seen_bytes_only;             /* 1: of the 256 bytes only those that stand in the words */
    const char *const *special;      /* names of special tokens, which come first */
    size_t n_special;
};
/* *out has special tokens, bytes and what was learnt, in this order. */
enum hearth_status bpe_train(const struct wordcount *words, const struct bpe_train_params *p, struct bpe_learn *out);
/* The same as tokenizer.json, byte for byte what the `tokenizers` package writes; the rule of `words` is gpt-2's.  bos: the special token
 * that is put before every text; -1: none. */
enum hearth_status bpe_train_json(const struct bpe_learn *l, size_t n_special, int32_t bos, struct buf *out);
/* And as keys of a GGUF file.  bos, eos: ids, or -1.  What the values point to lives in the arena and in l. */
enum hearth_status bpe_train_keys(const struct bpe_learn *l, size_t n_special, int32_t bos, int32_t eos, struct arena *arena,
                                  struct gguf_kv **kv, size_t *n);

#endif

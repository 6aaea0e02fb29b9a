/* vocab.h - the vocabulary of a file: which bytes each token stands for, and which token has given bytes.
 *
 * A file writes a token in one of two alphabets, and here both become plain bytes, so that a text is never translated:
 *
 *     byte-level BPE   "Ġthe"     each byte one printable character       ->  " the"
 *     SentencePiece    "▁the"     U+2581 for the space, <0x0A> for bytes  ->  " the", "\n"
 *
 *     pool   ...| the|and|...     the bytes of all tokens, one after the other
 *     at     [0, 4, 7, ...]       token i is pool[at[i] .. at[i + 1])
 *     slots  hash of bytes -> id  open addressing; only tokens that text can become are in it
 */
#ifndef HEARTH_TEXT_VOCAB_H
#define HEARTH_TEXT_VOCAB_H

#include "base/mem.h"
#include "file/gguf.h"

enum vocab_alphabet { VOCAB_BYTES, VOCAB_SPACE_MARK, VOCAB_TEXT /* tokens are found by their texts as the file writes them */ };

enum token_type { /* as GGUF numbers them */
    TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_USER = 4, TOKEN_UNUSED = 5, TOKEN_BYTE = 6
};

enum {
    VOCAB_TOKEN_MAX = 65536,           /* bytes of one token */
    VOCAB_SIZE_MAX = 1 << 24,          /* tokens */
    VOCAB_BYTE_CHARS = 0x100 + 68      /* the characters of byte-level BPE lie below; 68 bytes are not printable */
};

struct vocab {
    const char *path;                  /* for messages */
    int32_t n;
    enum vocab_alphabet alphabet;
    const struct gguf_string *text;    /* [n] as the file writes them; the file outlives the vocabulary */
    uint8_t *type;                     /* [n] enum token_type */
    char *pool;
    uint32_t *at;                      /* [n + 1] */
    int32_t byte[256];                 /* the token that is this one byte; -1: none */
    uint8_t before_space[256];         /* 1: some token has this byte followed by a space inside */
    uint32_t longest;                  /* bytes of the longest token in slots */
    struct vocab_slot *slots;
    int shift;                         /* 64 - log2(number of slots) */
    int16_t byte_of[VOCAB_BYTE_CHARS]; /* the byte that a byte-level character stands for; -1: none */
};

/* Reads tokenizer.ggml.tokens and .token_type.  g must outlive v.  On failure v holds nothing. */
enum hearth_status vocab_keys(struct vocab *v, const struct gguf *g);     /* only n, text and type */
enum hearth_status vocab_init(struct vocab *v, const struct gguf *g, enum vocab_alphabet alphabet);
/* The same from texts and types (copied) that were read already, in the alphabet of SentencePiece.  The texts outlive v. */
enum hearth_status vocab_init_pieces(struct vocab *v, const char *path, const struct gguf_string *text, const uint8_t *type, int32_t n);
/* The same from a list that was read already.  What text and the names point to outlives v; type and bytes are copied.  known: text
 * can become it.  last: of equal texts the last one is found, not the first. */
struct vocab_entry { struct gguf_string text, bytes; uint8_t type, known; };
enum hearth_status vocab_init_list(struct vocab *v, const char *path, const struct gguf_string *text, const struct vocab_entry *list,
                                   int32_t n, int last);
void vocab_free(struct vocab *v);

/* The normal token of exactly these bytes (VOCAB_TEXT: of this text); -1: none.  Of several the first in the file. */
int32_t vocab_find(const struct vocab *v, const char *s, size_t n);

static inline const char *vocab_bytes(const struct vocab *v, int32_t id, size_t *n) {
    *n = v->at[id + 1] - v->at[id];
    return v->pool + v->at[id];
}

/* Replaces byte-level characters ("Ġ") by their bytes.  Returns how many were written to out (room for n), or -1
 * when one is no such character. */
int64_t vocab_from_byte_level(const struct vocab *v, const char *s, size_t n, char *out);
/* Makes v->byte_of, all that vocab_from_byte_level needs. */
void vocab_byte_alphabet(struct vocab *v);
/* A byte in that alphabet: 1 or 2 bytes. */
size_t vocab_byte_char(unsigned char byte, char out[2]);
/* A 64-bit hash of bytes; equal on every machine of the same byte order, never written to a file. */
uint64_t vocab_hash(const char *s, size_t n);

#endif

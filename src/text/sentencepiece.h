/* sentencepiece.h - SentencePiece's own file, tokenizer.model: a protocol buffer, of which the fields that decide are read. */
#ifndef HEARTH_TEXT_SENTENCEPIECE_H
#define HEARTH_TEXT_SENTENCEPIECE_H

#include "text/vocab.h"

struct sentencepiece {
    struct gguf_string *text;    /* [n], in the file's bytes */
    uint8_t *type;               /* [n] enum token_type: GGUF numbers them as SentencePiece does */
    float *score;                /* [n] */
    int32_t n, unknown, bos, eos; /* -1: none */
    int prefix;                  /* a text begins with a space of ours */
    int unigram, byte_fallback;  /* else BPE, whose bytes are always used where it has them */
    int squeeze;                 /* spaces at the ends go, several become one */
    const uint8_t *charsmap;     /* charsmap.h's table of replaced characters, NULL: none; [charsmap_n] */
    size_t charsmap_n;
};

/* data must outlive s.  EUNSUPPORTED what is not known: words or characters as a model, spaces behind words. */
enum hearth_status sentencepiece_read(struct sentencepiece *s, const char *path, const char *data, size_t n);
void sentencepiece_free(struct sentencepiece *s);

#endif

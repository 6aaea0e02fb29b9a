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
};

/* data must outlive s.  EUNSUPPORTED what is not known: a model other than BPE, replaced characters, squeezed spaces. */
enum hearth_status sentencepiece_read(struct sentencepiece *s, const char *path, const char *data, size_t n);
void sentencepiece_free(struct sentencepiece *s);

#endif

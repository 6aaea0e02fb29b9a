/* wordkeys.h - two kinds of tokenizer for which GGUF has keys, read into what the makers' own files are read into: WordPiece ("bert") and
 * SentencePiece's Unigram ("t5").  The keys are those that llama.cpp reads and its converter writes. */
#ifndef HEARTH_TEXT_WORDKEYS_H
#define HEARTH_TEXT_WORDKEYS_H

#include <jansson.h>
#include "file/gguf.h"
#include "text/sentencepiece.h"

/* A token of WordPiece begins a word or goes on in one.  tokenizer.json marks the second, "##ing", GGUF the first, U+2581 before it. */
#define WORDKEYS_MARK "\xE2\x96\x81"
#define WORDKEYS_INSIDE "##"

/* The tokenizer.json that the keys stand for.  EFORMAT names the key. */
enum hearth_status wordkeys_wordpiece(const struct gguf *g, json_t **out);
/* The pieces, which lie in g; sentencepiece_free(s), also after a failure.  *add: whether a text begins with s->bos, ends with s->eos. */
enum hearth_status wordkeys_unigram(const struct gguf *g, struct sentencepiece *s, int add[2]);

#endif

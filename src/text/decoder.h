/* decoder.h - the decoder of tokenizer.json: the texts of tokens, as the vocabulary writes them, to a text. */
#ifndef HEARTH_TEXT_DECODER_H
#define HEARTH_TEXT_DECODER_H

#include "text/jsonpart.h"
#include "text/normalizer.h"

struct decoder_step;
struct decoder { struct decoder_step *step; size_t n, cap; int none; /* texts are joined with spaces */ };

/* p->v is the member "decoder", or NULL. */
enum hearth_status decoder_init(struct decoder *d, const struct part *p);
void decoder_free(struct decoder *d);

struct strings { struct buf s; size_t *end, n, cap; };   /* one after the other; zero-initialise, strings_free() */
enum hearth_status strings_put(struct strings *t, const char *s, size_t n);
void strings_free(struct strings *t);
/* *t becomes the text, as one string.  A run of byte tokens that is no UTF-8 is those bytes. */
enum hearth_status decoder_run(const struct decoder *d, struct strings *t);
/* The bytes that a token adds inside a text, appended. */
enum hearth_status decoder_piece(const struct decoder *d, const char *s, size_t n, struct buf *out);

#endif

/* pieces.h - what SentencePiece's own file asks for beyond spm.h: characters replaced and spaces squeezed first, and the Unigram model.
 *
 *     text --user-defined pieces stay, the longest beginning in the table is replaced, spaces are squeezed--> plain text
 *          --BPE: spm.h; Unigram: a mark for each space, one in front, then unigram.c--> tokens
 */
#ifndef HEARTH_TEXT_PIECES_H
#define HEARTH_TEXT_PIECES_H

#include "text/charsmap.h"
#include "text/sentencepiece.h"
#include "text/wordmodel.h"

struct pieces {
    int on, squeeze, prefix, unigram;
    struct charsmap map;
    struct special user;         /* user-defined pieces */
    struct vocab words;          /* Unigram: the pieces by their texts */
    struct wordmodel model;
};

/* Of what was read from the file at path; s and its data outlive p.  p is zeroed; pieces_free() also after a failure. */
enum hearth_status pieces_init(struct pieces *p, const char *path, const struct sentencepiece *s);
void pieces_free(struct pieces *p);
/* Whether a text must go through pieces_plain before BPE sees it, or through pieces_encode: Unigram. */
static inline int pieces_change(const struct pieces *p) { return p->on; }
/* Appends the text as the model wants to see it, its spaces as spaces. */
enum hearth_status pieces_plain(const struct pieces *p, const char *text, size_t n, struct buf *out);
/* Unigram: appends the tokens of a text without control tokens. */
enum hearth_status pieces_encode(const struct pieces *p, const char *text, size_t n, struct ids *out);

#endif

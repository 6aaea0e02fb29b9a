/* splitter.h - the pre-tokeniser of tokenizer.json: cutting a text into the words that the model sees one by one. */
#ifndef HEARTH_TEXT_SPLITTER_H
#define HEARTH_TEXT_SPLITTER_H

#include "text/normalizer.h"

struct splitter_step;
struct splitter { struct splitter_step *step; size_t n, cap; int needs_places; /* a step asks where a word stood */ };

/* p->v is the member "pre_tokenizer", or NULL. */
enum hearth_status splitter_init(struct splitter *s, const struct part *p);
void splitter_free(struct splitter *s);

struct words { struct span *word; size_t n, cap; };   /* ranges of a text; zero-initialise, free(word) */
struct split {                   /* what cutting one text uses; zero-initialise, split_free() */
    struct aligned text, other;  /* the text that the words are ranges of */
    struct words words, next, found;
};
void split_free(struct split *t);
/* Cuts in[from, to), which becomes t->text and t->words. */
enum hearth_status splitter_run(const struct splitter *s, struct regex_match *m, const struct aligned *in, size_t from, size_t to,
                                struct split *t);

#endif

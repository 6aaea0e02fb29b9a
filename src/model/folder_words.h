/* folder_words.h - what folder_words.c and folder_keys.c share. */
#ifndef HEARTH_MODEL_FOLDER_WORDS_H
#define HEARTH_MODEL_FOLDER_WORDS_H

#include "model/folder.h"
#include "text/vocab.h"

enum { WORDS_ENDS = 16 };        /* ids that end a text, at most */

struct words {
    struct folder *f;
    json_t *tokenizer, *config, *generation;      /* each may be NULL */
    const json_t *vocab;
    uint32_t n;                                   /* rows of the embedding: every token has one */
    struct gguf_string *text;
    int32_t *type;
    float *score;
    int bytes;                                    /* byte-level */
};

/* A token of tokenizer_config.json, written as a text or as an object with one; NULL: none. */
const char *words_named(const struct words *w, const char *name);
/* Id i of a key that has one or a list of them: of generation_config.json, else of config.json; -1: none that has a row. */
int64_t words_id(const struct words *w, const char *key, size_t i);

/* The keys tokenizer.ggml.* of a tokenizer.json (another file is refused), and of a tokenizer.model; *plain 0: its keys cannot be said, and
 * none were put. */
enum hearth_status folder_keys(struct words *w, const char *file);
enum hearth_status folder_keys_pieces(struct words *w, int *plain);

#endif

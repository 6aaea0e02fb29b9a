/* folder_words.h - what folder_words.c, folder_keys.c and folder_pieces.c share. */
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
enum hearth_status folder_wordpiece(struct words *w);    /* of a tokenizer.json of that model; EUNSUPPORTED: what GGUF cannot say of it */
enum hearth_status folder_unigram(struct words *w);
enum hearth_status folder_keys_pieces(struct words *w, int *plain);

/* EFORMAT of tokenizer.json. */
enum hearth_status words_bad(const struct words *w, const char *what, const char *allowed);
/* A step of this type: `o` itself, or of its list; NULL: none. */
const json_t *words_part(const json_t *o, const char *list, const char *type);
/* Room for tokens; one token; those of an object {"text": id}; added ones over them, and names for rows that none has; the lists as keys. */
enum hearth_status words_room(struct words *w);
enum hearth_status words_token(struct words *w, uint32_t id, const char *s, size_t n, int type);
enum hearth_status words_vocab(struct words *w);
enum hearth_status words_added(struct words *w);
enum hearth_status words_put_lists(struct words *w, int scores);
struct gguf_value words_array(enum gguf_type type, uint64_t n, const void *data, const struct gguf_string *strings);
/* The token before and behind a text; -1: none.  EUNSUPPORTED: several. */
enum hearth_status words_around(const struct words *w, int64_t *begin, int64_t *end);
/* Whether a text begins with a space of ours. */
int words_space(const struct words *w);
/* The id of a token that tokenizer_config.json names; -1: none. */
int64_t words_named_id(const struct words *w, const char *name);
enum hearth_status words_put_id(const struct words *w, const char *key, int64_t id);     /* nothing where it has no row */
enum hearth_status words_put_flag(const struct words *w, const char *key, int on);
/* bos, eos, unknown: what the tokenizer itself says, where the folder says nothing; -1: nothing. */
enum hearth_status words_put_ids(const struct words *w, int64_t own_bos, int64_t own_eos, int64_t unknown);
/* What is done to a text before Unigram sees it: SentencePiece's table, copied, or none; and whether spaces are squeezed. */
enum hearth_status words_put_changes(const struct words *w, const uint8_t *table, size_t n, int squeeze);

#endif

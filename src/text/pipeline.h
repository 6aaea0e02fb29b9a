/* pipeline.h - tokenizer.json as a whole.
 *
 *     text --added tokens--> stretches --normalizer--> --added tokens that want it so--> --splitter--> words --wordmodel--> tokens
 *          --template--> [CLS] tokens [SEP]
 *     tokens --decoder--> text
 */
#ifndef HEARTH_TEXT_PIPELINE_H
#define HEARTH_TEXT_PIPELINE_H

#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/special.h"
#include "text/splitter.h"
#include "text/tokenizer.h"
#include "text/wordmodel.h"

enum added_flags { ADDED_SPECIAL = 1, ADDED_SINGLE_WORD = 2, ADDED_LSTRIP = 4, ADDED_RSTRIP = 8, ADDED_NORMALIZED = 16 };

enum { AROUND = 16 };            /* tokens before or behind a text */

struct pipeline {
    struct arena arena;
    struct gguf_string *text;    /* [n] as the file writes them */
    uint8_t *added;              /* [n] enum added_flags + 128 when it is an added one; 0: of the model */
    struct special raw, normal;  /* added tokens, by what is found before and after normalising */
    struct normalizer normalizer;
    struct splitter splitter;
    struct wordmodel model;
    struct decoder decoder;
    int32_t before[AROUND], behind[AROUND];
    int n_before, n_behind;
    int trim, trim_prefix;       /* offsets without the spaces of the tokens; with one of ours at the beginning */
};

/* Fills p and the vocabulary, which lives in p->arena.  p is zeroed; pipeline_free() also after a failure.
 * rows: tokens that a model has; an added one past them (an image's, in a model of text) can never be used and is passed over. */
enum hearth_status pipeline_init(struct pipeline *p, const char *path, const char *text, size_t n, int64_t rows, struct vocab *v);
enum hearth_status pipeline_init_parsed(struct pipeline *p, const char *path, const json_t *json, int64_t rows, struct vocab *v);
void pipeline_free(struct pipeline *p);

/* Whether the special token at s[at] was marked as somebody else's words; and the same text without marks, with the places. */
struct pipeline_marks { int (*is_marked)(const char *s, size_t at); const char *mark; size_t n; };
/* flags as tokenizer_encode; marks NULL: none are looked for.  spans NULL: none are wanted. */
enum hearth_status pipeline_encode(const struct pipeline *p, const struct vocab *v, const char *s, size_t n, int flags,
                                   const struct pipeline_marks *marks, struct ids *out, struct tokens *spans);
enum hearth_status pipeline_decode(const struct pipeline *p, const struct vocab *v, const int32_t *ids, size_t n, int special,
                                   struct buf *out);

#endif

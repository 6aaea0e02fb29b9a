/* golden_file.h - reads the goldens of tests/golden/ and measures how far a model is from them.
 *
 * NAME.bin, written by tools/oracle/goldens.py, all little-endian:
 *
 *     "HGOLDEN1" | positions n, vocabulary, top, columns: u32 | model SHA-256: 32 bytes | spec: 256 bytes, NUL-padded
 *     token ids: i32[n] | column ids: i32[columns]
 *     n times:  logsumexp f32 | ids of the `top` largest i32[top] | their logits f32[top] | f32[columns]
 *
 * The spec is the words of a model of random weights (model_maker.h), or the name of a real one. */
#ifndef HEARTH_TESTS_GOLDEN_FILE_H
#define HEARTH_TESTS_GOLDEN_FILE_H

#include <stdint.h>
#include "base/status.h"

struct golden {
    uint32_t n, vocab, top, columns;
    char model_sha256[65], spec[257];
    const int32_t *ids, *column;
    const char *rows;                /* n rows of 4 + 8 top + 4 columns bytes */
    char *data;
};
enum hearth_status golden_open(const char *path, struct golden *out);
void golden_close(struct golden *g);

struct golden_error {                /* the largest differences so far; best counts positions whose first is the same */
    double logsumexp, top, column;
    uint32_t positions, best;
};
/* One position's logits: [vocabulary]. */
void golden_compare(const struct golden *g, uint32_t position, const float *logits, struct golden_error *e);
double golden_worst(const struct golden_error *e);   /* NaN counts as infinite */

/* Makes sure that the file is the one the golden was made from. */
enum hearth_status golden_check_model(const struct golden *g, const char *path);
/* Opens tests/golden/NAME.bin and makes its model from its words in a new file (the template becomes its path): the very bytes that
 * the reference saw, which is checked, or with another tensor type. */
enum hearth_status golden_make(const char *name, const char *type, char *template, struct golden *out);
/* Evaluates the golden's tokens in a new session, `step` at a time, and compares each position. */
struct hearth_model;
enum hearth_status golden_run(const struct golden *g, struct hearth_model *m, uint32_t step, struct golden_error *e);

#endif

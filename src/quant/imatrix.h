/* imatrix.h - an importance matrix: for every column of every matrix the mean of the squares that came in there, over some text.
 *
 *     output error of a row = sum over columns of (w - w')^2 x^2, and some mixed terms that are passed over
 *
 * so an error in a column through which much comes costs more than one where little does, and a quantiser that knows this spends its
 * levels accordingly.  Experts have one list each: of the tokens that came to them.
 *
 * The file is llama.cpp's, so that each program reads the other's: a GGUF with the tensors NAME.in_sum2 [cols][matrices], sums of squares,
 * and NAME.counts [1][matrices], how many rows were summed (F32 both), and the keys general.type = "imatrix", imatrix.datasets,
 * imatrix.chunk_count, imatrix.chunk_size.  Its older form is read too:
 *
 *     i32 entries | { i32 length, name, i32 calls, i32 n, f32 [n] mean times calls } ... | the rest is optional and not needed */
#ifndef HEARTH_QUANT_IMATRIX_H
#define HEARTH_QUANT_IMATRIX_H

#include "base/mem.h"
#include "model/model.h"

struct imatrix_entry {
    const char *name;                /* of the tensor */
    uint64_t cols, mats;             /* of the older form: 1 matrix, which stands for all */
    float *mean;                     /* [mats][cols], 0 or more */
    uint8_t *known;                  /* [mats] 0: nothing came to it */
};

struct imatrix {
    struct arena arena;
    char *path;
    struct imatrix_entry *entry;     /* [n], sorted by name */
    size_t n;
};

/* EFORMAT: neither form, or a number that no sum of squares can be. */
enum hearth_status imatrix_open(const char *path, struct imatrix **out);
/* The same of bytes, which need not outlive the call; label stands for the path. */
enum hearth_status imatrix_read(const void *data, size_t n, const char *label, struct imatrix **out);
void imatrix_close(struct imatrix *m);       /* NULL is allowed */
/* NULL: the file says nothing about this tensor. */
const struct imatrix_entry *imatrix_find(const struct imatrix *m, const char *tensor);
/* EFORMAT where the entry is of another shape than the tensor. */
enum hearth_status imatrix_check(const struct imatrix *m, const struct imatrix_entry *e, const struct gguf_tensor *t);
/* [cols] of matrix i of the tensor; NULL: nothing is known. */
static inline const float *imatrix_row(const struct imatrix_entry *e, uint64_t i)
{
    uint64_t k = e->mats == 1 ? 0 : i;
    return e->known[k] ? e->mean + k * e->cols : NULL;
}

/* ---- collecting ---- */

struct imatrix_sums {                /* zero-initialise; freed by imatrix_sums_free */
    const struct hearth_model *m;
    struct imatrix_sum { uint64_t cols, mats; double *sum; uint64_t *count; } *of;   /* [tensors of the file]; sum NULL: no matrix yet */
    size_t tokens, windows;
    enum hearth_status st;           /* of a callback, which cannot fail */
};
/* Adds a text, in windows of ctx tokens; chunk (0: as ever) changes no bit. */
enum hearth_status imatrix_add(struct imatrix_sums *s, const int32_t *ids, size_t n, uint32_t ctx, uint32_t chunk,
                               int (*progress)(void *user, size_t done), void *user);
/* names: of the texts. */
enum hearth_status imatrix_write(const struct imatrix_sums *s, const char *path, uint32_t ctx, const char *const *names, size_t n);
void imatrix_sums_free(struct imatrix_sums *s);

#endif

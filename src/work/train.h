/* train.h - a model from nothing: a tokenizer learnt from a text, a shape of some size, random weights.  What the text then teaches it
 * is a full tuning (tune.h).
 *
 *     documents ──bpe_train──► tokenizer ──fresh_write──► a GGUF file of random weights ──tune_run──► the model
 */
#ifndef HEARTH_WORK_TRAIN_H
#define HEARTH_WORK_TRAIN_H

#include "base/mem.h"

struct train_options {               /* train_defaults() first */
    const char *family;              /* "llama" */
    const char *name;                /* general.name */
    uint64_t parameters;             /* 3,000,000 */
    uint32_t vocabulary;             /* tokens; 0: 2048 below 6M parameters, 4096 below 25M, 8192 below 100M, then 16384 */
    uint32_t context;                /* 512: what the model says of itself */
    uint64_t seed;
};
void train_defaults(struct train_options *o);

struct train_begun {
    uint64_t documents, bytes, tokens;               /* of the corpus */
    uint64_t parameters;
    uint32_t vocabulary, layers, width, heads;
};
/* corpus: a file or folder of plain text (dataset.h); "<|endoftext|>" in a document parts texts.  Writes the untrained model as `out`, and
 * as `texts` (NULL: not) the corpus in pieces, {"text"} a line, which tune_open reads: texts as they are parted, and long ones cut behind
 * a line after some thousand bytes, so that a book too can be shuffled and a part of it held out.
 * EUSAGE: examples of another kind, no family of that name, no shape of that size. */
enum hearth_status train_begin(const char *corpus, const struct train_options *o, const char *out, const char *texts, struct train_begun *begun);
/* The family's names, for a message: name i, NULL past the last. */
const char *train_family(size_t i);

/* A text of so many tokens at most that the model writes now, for a callback of tune_run; *text is to be freed. */
struct tune;
enum hearth_status train_sample(struct tune *t, uint32_t tokens, uint64_t seed, char **text);

/* A GGUF model as a folder that `transformers` opens (model/folder_out.h). */
enum hearth_status train_folder(const char *model, const char *folder);
/* What train_folder would refuse of a model like this one. */
enum hearth_status train_folder_check(const char *model);

#endif

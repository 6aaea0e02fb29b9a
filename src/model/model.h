/* model.h - an opened model: file, numbers, tokenizer, weights, threads. */
#ifndef HEARTH_MODEL_MODEL_H
#define HEARTH_MODEL_MODEL_H

#include "base/mem.h"
#include "base/pool.h"
#include "model/arch.h"
#include "text/tokenizer.h"

struct hearth_model {
    struct gguf *file;
    const struct arch *arch;         /* NULL for a vocabulary-only file of another family */
    struct hparams h;
    struct tokenizer *tokenizer;
    const struct kernels *kernels;
    struct pool *pool;
    enum hearth_arithmetic arithmetic;
    struct weights weights;
    struct arena arena;              /* layers, vectors, strings */
    uint8_t *slab;                   /* every interleaved matrix */
    size_t slab_bytes;
    const float *rope_frequency, *rope_frequency_local; /* [rope_width / 2] radians a position */
    const float *rope_frequency_long;                    /* of contexts above h.rope_original; else the first */
    uint64_t weight_bytes;           /* of every matrix a token of an answer passes */
    uint64_t matrix_elements;        /* of every matrix a token of a prompt passes: all but the output */
    uint64_t mapped_bytes;           /* of the matrices used where they lie */
    uint64_t made_bytes;             /* of those whose rows had to be put in another order (file/gguf.h) */
    uint64_t file_checksum;          /* gguf_checksum; 0: nobody has asked yet (infer/session_file.c) */
    struct model_prompt { const char *name, *text; } *prompt;    /* [prompts]: what it expects before a text to be embedded */
    size_t prompts;
    const char *prompt_default;      /* the text of the one that is taken unless another is named; NULL: none */
    struct hearth_model_info info;
};

/* Whether a session of that context is rotated by the factors for long ones. */
static inline int model_rotates_long(const struct hearth_model *m, uint32_t ctx)
{
    return ctx > m->h.rope_original && m->rope_frequency_long != m->rope_frequency;
}

/* Tables every family's loader fills: checks shapes and types, interleaves or maps (weights.c). */
enum hearth_status weights_load(struct hearth_model *m);
/* EUNSUPPORTED of a model that sees texts from both sides: it has no next token. */
enum hearth_status model_generates(const struct hearth_model *m);
/* Adds the hidden states of n tokens of a text's `total`, from token `at` on, to sum [width], which begins as zeros: of all tokens, or of
 * the one that the model's file takes. */
void model_pool(const struct hearth_model *m, const float *hidden, uint32_t n, uint32_t at, uint32_t total, float *sum);
/* The experts with the highest scores [experts], ties to the lower, in ascending order, and the softmax over them: both [experts_used]. */
void model_choose_experts(const struct hearth_model *m, const float *score, float *share, uint32_t *chosen);
/* x [vocabulary], from the output matrix: the family's scale and soft cap. */
void model_finish_logits(const struct hearth_model *m, float *x);

#endif

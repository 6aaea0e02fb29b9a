/* model_maker.h - writes models of random weights: small ones for tests, large ones for measuring.
 *
 * The file is a true GGUF of the named family, with the keys and tensor names that llama.cpp writes, a vocabulary that
 * the tokenizer accepts, and weights scaled so that activations keep a size of about 1 and logits of a few units.
 * Every weight is a pure function of (seed, tensor, index) by Philox, built from integers, one product and one sum, so
 * the same spec gives the same bytes with every compiler on every machine. */
#ifndef HEARTH_TESTS_MODEL_MAKER_H
#define HEARTH_TESTS_MODEL_MAKER_H

#include <stdint.h>
#include "base/status.h"

struct model_spec {                  /* a zero field takes the default named here */
    const char *family;              /* "llama" (default), or another that src/model/arch.c lists */
    const char *type;                /* of the matrices: "F32" (default), any type's name, or a list such as
                                        "Q4_K,Q6_K" that the tensors take turns at */
    const char *embed_type;          /* of token_embd (default: the first of `type`) */
    const char *output_type;         /* of output.weight (default: the first of `type`) */
    const char *name;                /* general.name ("random") */
    const char *chat_template;       /* NULL: the file has none */
    uint32_t layers;                 /* 2 */
    uint32_t width;                  /* 256; row widths must be multiples of the type's block */
    uint32_t heads, kv_heads;        /* 4, 2 */
    uint32_t head_width;             /* width / heads */
    uint32_t ffn;                    /* 2 x width */
    uint32_t vocab;                  /* 512; at least 259 for llama, 355 for gemma3 */
    uint32_t context;                /* 2048 */
    uint32_t window;                 /* gemma2, gemma3: 64; others: none */
    uint32_t rope_width;             /* head_width */
    uint32_t rope_original;          /* phi3: context of the short rope factors; 0: neither those nor the long ones */
    uint32_t experts, experts_used;  /* of a mixture: 8, 2 */
    uint32_t shared_ffn;             /* of the expert that all take: none */
    uint32_t dense;                  /* of a text's embedding: rows of its first dense layer; 0: neither of the two */
    uint32_t pooling;                /* the key pooling_type; 0: none */
    float rope_base;                 /* 10000; gemma3: 1000000 (its local layers always use 10000) */
    float norm_eps;                  /* 1e-5; gemma: 1e-6; bert: 1e-12 */
    float rope_magnitude;            /* phi3: what is rotated is multiplied by it */
    float embedding_scale, residual_scale, attention_scale, logit_scale; /* keys of Granite; attention_scale of any */
    float attention_softcap, logit_softcap; /* keys of Gemma 2 */
    int tied;                        /* 1: no output.weight; gemma is always tied */
    int rope_factors;                /* llama: 1: with rope_freqs.weight, as LLaMA 3.x has */
    int bias;                        /* 1: with every bias that the family may have */
    int uneven;                      /* 1: layer i has 1 + i % kv_heads KV heads, and feed-forward parts 32 i wider */
    int middle;                      /* llama: 1: the last three tokens are those for filling in a middle, <|fim_prefix|> ... */
    int bank;                        /* 1: the blocks of 256 of each matrix are drawn from 256 made ones: for large
                                        files; speed and memory are those of any other weights */
    uint64_t seed;
};

/* Sets one field from a word such as "layers=7", "type=Q4_K,Q6_K" or "preset=7B" (1B, 3B, 7B: the shapes of LLaMA 3.2 1B
 * and 3B and of LLaMA 2 7B; what follows overrides).  The word is cut at its '=' and must outlive the spec. */
enum hearth_status model_spec_word(struct model_spec *spec, char *word);
/* The same for words with spaces between them. */
enum hearth_status model_spec_words(struct model_spec *spec, char *words);

/* Writes the model; memory stays below 32 MB, most of it vocabulary, whatever the size of the file.  EUSAGE names the
 * field that cannot be. */
enum hearth_status model_make(const char *path, const struct model_spec *spec);

#endif

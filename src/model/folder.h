/* folder.h - a model as its makers publish it: a folder with config.json, safetensors, and what its tokenizer needs.
 *
 *     config.json ────────► ARCH.block_count ...          one table of keys, a row a number     (folder_tables.c)
 *     model*.safetensors ─► blk.0.attn_q.weight ...       one table of tensors, a row a name    (folder_tables.c)
 *     tokenizer.json ─────► tokenizer.huggingface.json, as it is; or, to be written, tokenizer.ggml.tokens ...     (folder_words.c, folder_keys.c)
 *
 *     modules.json ───────► ARCH.pooling_type, dense_2.weight, hearth.prompts ...     where a text's embedding is made of it     (folder_embed.c)
 *
 * The result is a struct gguf like that of a file, so nothing behind it knows which of the two a model came from.  A tensor
 * that is used as it lies stays mapped; one whose rows or values GGUF has otherwise is made when it is asked for. */
#ifndef HEARTH_MODEL_FOLDER_H
#define HEARTH_MODEL_FOLDER_H

#include <jansson.h>
#include "file/gguf.h"
#include "file/safetensors.h"

/* A GGUF file, the first of several that are one model, or a folder with a config.json; the last with a tokenizer, which folder_open does not ask for. */
enum hearth_status model_file_open(const char *path, int need_data, struct gguf **out);
enum hearth_status folder_open(const char *path, struct gguf **out);
/* The same to be written as GGUF: a folder's tokenizer in the keys tokenizer.ggml.*; EUNSUPPORTED one that they cannot say. */
enum hearth_status model_file_open_keys(const char *path, struct gguf **out);

/* ---- what a family's folder has ---- */

enum folder_change {
    LIES,                            /* as GGUF has it */
    Q_PAIRS, K_PAIRS,                /* rows of a head as halves, where GGUF has pairs; only where the family says so */
    NORM,                            /* without its 1; only where the family says so */
    HALF_1, HALF_2,                  /* the first or second half of the rows of each expert, or of all */
    PAST_PAD                         /* without the rows up to that of the padding token; only where the family says so */
};
struct folder_tensor { const char *from, *to; enum folder_change change; int required; };

struct folder_key { const char *from, *to; enum { WHOLE, REAL } kind; double min, max; int required; };

struct folder_default { const char *from; double value; };

struct folder_family {
    const char *name;                /* config.json: architectures[0] */
    const char *arch;                /* general.architecture */
    int pairs, plus_one, tied;       /* Q_PAIRS, NORM count; lm_head is the embedding where the config does not say */
    int text_part;                   /* of a model that also sees: its numbers are in text_config, and what only images need is passed over */
    const char *activation;          /* what hidden_act may be; NULL: anything */
    const struct folder_tensor *tensors[3];       /* tables, each ended by from = NULL; the later ones may be NULL */
    const struct folder_key *keys[2];
    const struct folder_default *defaults;        /* of numbers that the config leaves out, ended by from = NULL; or NULL */
    const char *lead;                             /* "model.": what its tensors' names may begin with or not; NULL: nothing */
    int past_pad;                                 /* PAST_PAD counts */
};
const struct folder_family *folder_family(const char *name);     /* NULL: not one that is known */
const struct folder_family *folder_family_at(size_t i);          /* NULL past the last */

/* ---- building (folder.c, folder_config.c, folder_words.c) ---- */

struct folder {
    const char *path;
    struct arena *arena;
    json_t *config;
    const struct folder_family *family;
    struct safetensors *weights, *dense[2];       /* of the folder itself; of its dense layers */
    struct gguf_kv *kv;
    struct gguf_tensor *tensors;
    size_t n_kv, cap_kv, n_tensors, cap_tensors;
    uint32_t layers, heads, kv_heads;
    uint32_t head_width;
    int as_keys;                     /* the tokenizer is to be written in GGUF's keys */
    struct mapping words;            /* the tokenizer's file, where it is used as it lies */
};

/* Appends a key; the name and what the value points to must live as long as the arena. */
enum hearth_status folder_put(struct folder *f, const char *key, struct gguf_value v);
enum hearth_status folder_put_text(struct folder *f, const char *key, const char *text);
/* Under the family's own name, "llama.block_count". */
enum hearth_status folder_put_own(struct folder *f, const char *key, struct gguf_value v);
/* A tensor of a file, under GGUF's name for it. */
enum hearth_status folder_put_tensor(struct folder *f, const struct safetensor *s, const char *name, enum folder_change how);
/* A tensor of numbers that were made here; they lie in the arena. */
enum hearth_status folder_put_vector(struct folder *f, const char *name, const float *v, size_t n);

/* Where a file of the folder lies. */
enum { FOLDER_PATH = 3900 };
void folder_path(const struct folder *f, const char *file, char out[FOLDER_PATH]);
/* A file of the folder that may be missing, as JSON (*out NULL) or as text.  Objects only; EFORMAT names the file. */
enum hearth_status folder_json(const struct folder *f, const char *file, size_t max, json_t **out);
/* The same of any JSON. */
enum hearth_status folder_any_json(const struct folder *f, const char *file, size_t max, json_t **out);
enum hearth_status folder_text(const struct folder *f, const char *file, size_t max, char **out, size_t *n);

/* The keys of config.json.  folder_config sets layers, heads and so on, which the tensors need. */
enum hearth_status folder_config(struct folder *f);
/* What sentence-transformers' files say of a text's embedding, and of how long a text may be. */
enum hearth_status folder_sentences(struct folder *f);
/* The tokenizer's, with the chat template and the ids that end a text. */
enum hearth_status folder_words(struct folder *f);

#endif

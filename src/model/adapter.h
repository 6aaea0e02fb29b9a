/* adapter.h - low-rank adapters (Hu and others: "LoRA: Low-rank adaptation of large language models", 2021): small matrices beside
 * those of a model's layers, which stay as they are.
 *
 *     y = W x (+ bias)  ─►  y + B (scale * (A x))       A [rank][inputs], B [outputs][rank]; scale = alpha / rank,
 *                                                       or alpha / sqrt(rank) (rsLoRA: Kalajdzievski, 2023)
 *
 * B is held the other way round, [rank][outputs], so that y's chain goes on over the ranks (ARITHMETIC.md section 3) with the same kernel
 * forwards and backwards.  An adapter belongs to one model's shapes; any number of sessions and threads use it; nothing of the model
 * changes.  It may bring a head, which makes a class of the last hidden state. */
#ifndef HEARTH_MODEL_ADAPTER_H
#define HEARTH_MODEL_ADAPTER_H

#include "model/model.h"

enum adapter_slot { ADAPTER_Q, ADAPTER_K, ADAPTER_V, ADAPTER_OUT, ADAPTER_GATE, ADAPTER_UP, ADAPTER_DOWN, ADAPTER_SLOTS };
enum { ADAPTER_RANK_MOST = 512 };

struct adapter_part {                /* of one matrix */
    uint32_t rank;                   /* 0: it has none */
    float scale;
    struct weight a, b;              /* F32: a [rank][inputs], b [rank][outputs] */
    float *a_data, *b_data;
};

struct hearth_adapter {
    const struct hearth_model *m;
    const struct hearth_adapter *of; /* whose numbers these are, at another scale; NULL: its own */
    float scale;                     /* that it was given; 1 as opened */
    char *path;                      /* as it was opened; NULL: made here */
    char *weights;                   /* the file that has the numbers */
    uint64_t id[FILE_ID];            /* of that file when it was read */
    uint32_t serial;                 /* of all that were opened in this process; never one twice */
    uint64_t checksum;               /* of the numbers (base/checksum.h) */
    struct adapter_part *part;       /* [layers * ADAPTER_SLOTS] */
    uint32_t rank;                   /* the largest */
    float alpha;
    int stabilised;                  /* rsLoRA */
    uint64_t elements;               /* of all parts */
    uint32_t classes;                /* 0: it tells none apart */
    float *head;                     /* [classes][width]; NULL: the labels are words that it answers */
    int mean;                        /* the head is given the mean of all tokens' hidden states; 0: that of the last */
    char **label;                    /* [classes] */
};

struct adapter_shape {               /* of a new one */
    uint32_t rank;
    float alpha;
    int stabilised;
    unsigned slots;                  /* bits 1 << adapter_slot */
    uint64_t seed;
};
/* A: uniform in +- 1 / sqrt(inputs) by seed, layer, slot and place, as PEFT's; B: zeros.  EUSAGE: rank, slots; EUNSUPPORTED: the model has
 * none of these matrices. */
enum hearth_status adapter_new(const struct hearth_model *m, const struct adapter_shape *s, struct hearth_adapter **out);
/* The same with no part yet; adapter_put adds one (zeros), *part is it. */
enum hearth_status adapter_empty(const struct hearth_model *m, struct hearth_adapter **out);
enum hearth_status adapter_put(struct hearth_adapter *a, uint32_t layer, enum adapter_slot s, uint32_t rank, float scale,
                               struct adapter_part **part);
/* Another one with the numbers of `of`, which is closed after it; each part's scale times this.  EUSAGE: no finite number. */
enum hearth_status adapter_scale(const struct hearth_adapter *of, float scale, struct hearth_adapter **out);
/* The labels it tells apart, which are copied; head: by a head, of zeros; else they are words that it answers. */
enum hearth_status adapter_put_labels(struct hearth_adapter *a, const char *const *label, uint32_t classes, int head);

/* The matrix it stands beside; kind WEIGHT_NONE where the model has none, or many (experts). */
const struct weight *adapter_matrix(const struct hearth_model *m, uint32_t layer, enum adapter_slot s);
const char *adapter_slot_name(enum adapter_slot s);        /* "q", "out", "gate" */
static inline const struct adapter_part *adapter_at(const struct hearth_adapter *a, uint32_t layer, enum adapter_slot s)
{
    const struct adapter_part *p = &a->part[layer * ADAPTER_SLOTS + s];
    return p->rank ? p : NULL;
}
/* checksum from what is in it now. */
void adapter_sum(struct hearth_adapter *a);

/* y [n][outputs at ldy] += B (scale * (A x)), x [n][inputs at ldx]; h [n][rank] becomes scale * (A x), or is NULL.  scratch: for each thread of the
 * model's pool scratch_each floats, at least 2 * PANEL_ROWS * PANEL_COLS. */
void adapter_apply(const struct hearth_model *m, const struct adapter_part *p, const float *x, size_t ldx, uint32_t n, float *y, size_t ldy,
                   float *h, float *scratch, size_t scratch_each);

/* ---- files: adapter_read.c, adapter_write.c ---- */

/* In adapter_config.json: which hidden state the head is given, "last" (where it is missing) or "mean". */
#define ADAPTER_POOLING "hearth_pooling"
enum hearth_status adapter_read_pooling(const char *path, const char *name, int *mean);

/* A folder in PEFT's layout (adapter_config.json, adapter_model.safetensors; labels.json beside a head), or a GGUF of general.type
 * "adapter" as llama.cpp has it.  EFORMAT names file, tensor and what it should be; EUNSUPPORTED what is no LoRA of these matrices. */
enum hearth_status adapter_open(const struct hearth_model *m, const char *path, struct hearth_adapter **out);
void adapter_close(struct hearth_adapter *a);
/* Writes a folder (made where there is none), or where path ends with .gguf a file.  base: what PEFT is told the model is called. */
enum hearth_status adapter_save(const struct hearth_adapter *a, const char *path, const char *base);

/* What PEFT's and GGUF's files call the tensor of a part, and how the rows of B lie there: file row first + row, or with pairs (a head's
 * halves are neighbours here) first + place of row in its head of `head` rows.  whole: rows of the file's tensor.
 * EUNSUPPORTED: the family has no folders that are known. */
struct adapter_name { char peft[128], gguf[96]; uint64_t peft_first, peft_whole, gguf_first, gguf_whole; uint32_t head; };
enum hearth_status adapter_name_of(const struct hearth_model *m, uint32_t layer, enum adapter_slot s, struct adapter_name *out);

#endif

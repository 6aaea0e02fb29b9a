/* safetensors.h - reading safetensors: one file, or a sharded set with its index (the format:
 * github.com/huggingface/safetensors, README).
 *
 *     header bytes u64 | {"NAME": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..} | data
 *
 * The reader trusts nothing: the header has a cap before it is read, shapes are held against the bytes they are said to
 * take, the tensors' bytes follow one another without overlap or hole to the end of the file, names are unique over all
 * shards, and a shard's name in an index is the name of a file beside it, never a path.  The data stays mapped.
 */
#ifndef HEARTH_FILE_SAFETENSORS_H
#define HEARTH_FILE_SAFETENSORS_H

#include "base/status.h"
#include "kernel/types.h"

enum { SAFETENSORS_DIMS = 8 };

struct safetensor {
    const char *name;                /* UTF-8 */
    const char *file;                /* path of the shard that has it */
    const char *dtype;               /* "F32", "I64" */
    int type;                        /* enum tensor_type of F32, F16, BF16; -1: one that no weight here has */
    uint32_t dims;                   /* 0..8 */
    uint64_t shape[SAFETENSORS_DIMS];/* slowest first, as the file has it */
    uint64_t elements, bytes;
    const uint8_t *data;
};

struct safetensors {
    uint64_t bytes;                  /* of all files */
    size_t n;
    const struct safetensor *tensor; /* in the order of their names */
    void *private_;
};

/* The names that a folder's weights have: the file alone, or the index of several. */
#define SAFETENSORS_FILE "model.safetensors"
#define SAFETENSORS_INDEX "model.safetensors.index.json"

/* Opens a folder's weights.  ENOTFOUND: it has neither; the message says what it has instead, where that is a pickle. */
enum hearth_status safetensors_open(const char *folder, struct safetensors **out);
/* One file that lies in memory and outlives the handle; label stands for the path in messages. */
enum hearth_status safetensors_open_memory(const void *data, size_t n, const char *label, struct safetensors **out);
void safetensors_close(struct safetensors *s);

const struct safetensor *safetensors_find(const struct safetensors *s, const char *name);   /* NULL: not there */

/* Writes one file of F32 tensors, which appears under its name only when it is whole.  shape: slowest first. */
struct safetensor_out { const char *name; uint32_t dims; uint64_t shape[2]; const float *data; };
enum hearth_status safetensors_write(const char *path, const struct safetensor_out *list, size_t n);

/* The text of an index as the names of its shards, each once, in order: "a.safetensors".  Every string and the array are
 * in the arena. */
struct arena;
enum hearth_status safetensors_shards(const char *label, const char *text, size_t n, struct arena *arena, const char ***out, size_t *count);

#endif

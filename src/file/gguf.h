/* gguf.h - reading and writing GGUF v2 and v3 (specification: docs/gguf.md of github.com/ggml-org/ggml).
 *
 *     "GGUF" | version u32 | n_tensors u64 | n_kv u64 | kv ... | tensor info ... | padding | tensor data
 *
 * Everything is little-endian.  The reader trusts nothing: each count is held against the bytes that are left before
 * it is used, keys and tensor names are unique, offsets are aligned, inside the file and do not overlap the header.
 */
#ifndef HEARTH_FILE_GGUF_H
#define HEARTH_FILE_GGUF_H

#include <stdbool.h>
#include "base/mem.h"
#include "base/status.h"
#include "kernel/types.h"
#include "os/os.h"

enum gguf_type {
    GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY,
    GGUF_U64, GGUF_I64, GGUF_F64     /* an array's elements may be arrays: then only data and n are given */
};

struct gguf_string { const char *s; uint64_t n; };   /* bytes inside the file: no NUL at the end */

struct gguf_value {
    enum gguf_type type;
    union {
        uint64_t u; int64_t i; double f; bool b;
        struct gguf_string str;
        struct { enum gguf_type type; uint64_t n; const void *data; /* unaligned, little-endian */
                 const struct gguf_string *strings; /* when type is GGUF_STRING: [n] */ } array;
    } as;
};
struct gguf_kv { struct gguf_string key; struct gguf_value value; };

/* A tensor that is made of rows which lie in another order, when it is asked for.  Row r is
 *     from[r / block * stride + i], i = r % block, or, in pairs, i % 2 * (block / 2) + i / 2: halves made neighbours. */
struct gguf_rows { const uint8_t *from; uint64_t block, stride; int pairs; };

struct gguf_tensor {
    const char *name;                /* NUL-terminated copy, UTF-8 */
    uint32_t dims;                   /* 1..4 */
    uint64_t shape[4];               /* fastest first; 1 past dims */
    enum tensor_type type;
    uint64_t offset;                 /* from the start of the file */
    uint64_t bytes, elements;
    const uint8_t *data;             /* its bytes; NULL: the file ends before them (need_data = 0), or they are made of rows */
    const struct gguf_rows *rows;
};

struct gguf {
    char *path;
    struct mapping map;              /* fd = -1 when opened from memory; a model of several files has their size and no data */
    uint32_t version;
    uint64_t alignment, data_offset;
    uint64_t n_kv, n_tensors;
    const struct gguf_kv *kv;
    const struct gguf_tensor *tensors;
    void *private_;
};

/* Opens a file.  need_data = 0 allows a file whose tensor data is missing or short (vocabulary only). */
enum hearth_status gguf_open(const char *path, int need_data, struct gguf **out);
/* The same over bytes that outlive the handle; label stands for the path in messages. */
enum hearth_status gguf_open_memory(const void *data, size_t n, const char *label, int need_data, struct gguf **out);
/* A model that lies in other files, as if it were one GGUF.  Takes the arena over, in which all of it lies, and the owner of
 * the tensors' bytes, which `release` gives back, also when it fails: EFORMAT, a key or a tensor is there twice. */
struct gguf_parts {
    const char *label;               /* the path in messages */
    struct arena *arena;             /* left empty */
    const struct gguf_kv *kv;
    const struct gguf_tensor *tensors;
    uint64_t n_kv, n_tensors, bytes; /* bytes: of the files */
    void (*release)(void *owner);
    void *owner;
};
enum hearth_status gguf_assemble(const struct gguf_parts *p, struct gguf **out);
void gguf_close(struct gguf *g);

/* A model in several files (gguf_split.c): whether a path ends like one of them, x-00001-of-00003.gguf; the name of another one of them
 * (room for as many bytes as the first has); all of them as one, by the first. */
enum { GGUF_PIECES = 512 };
int gguf_piece(const char *path, unsigned *no, unsigned *of);
void gguf_piece_path(const char *first, unsigned no, char *out);
enum hearth_status gguf_open_pieces(const char *path, int need_data, struct gguf **out);

const char *gguf_type_name(enum gguf_type t);                                    /* "U32" */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);       /* NULL: not there */
const struct gguf_tensor *gguf_find_tensor(const struct gguf *g, const char *name);

/* Where row r of a tensor with `rows` lies, which has that many bytes. */
static inline const uint8_t *gguf_row(const struct gguf_tensor *t, uint64_t r, uint64_t bytes)
{
    const struct gguf_rows *m = t->rows;
    uint64_t i = r % m->block, at = m->pairs ? i % 2 * (m->block / 2) + i / 2 : i;
    return m->from + (r / m->block * m->stride + at) * bytes;
}

/* The bytes of a tensor, where they lie or made now and kept until gguf_close or gguf_tensor_drop.  Not thread-safe. */
enum hearth_status gguf_tensor_data(const struct gguf *g, const struct gguf_tensor *t, const uint8_t **out);
void gguf_tensor_drop(const struct gguf *g, const struct gguf_tensor *t);

/* Typed reading.  A missing key leaves *out as it is (the default) and sets *found (may be NULL) to 0; a key of
 * another type, or an integer that does not fit, is EFORMAT naming file, key, type found and type allowed. */
enum hearth_status gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out, int *found); /* any integer type */
enum hearth_status gguf_get_f32(const struct gguf *g, const char *key, float *out, int *found);    /* F32 or F64 */
enum hearth_status gguf_get_bool(const struct gguf *g, const char *key, bool *out, int *found);
enum hearth_status gguf_get_string(const struct gguf *g, const char *key, struct gguf_string *out, int *found);
/* An array of the given element type, or EFORMAT.  *out NULL when missing. */
enum hearth_status gguf_get_array(const struct gguf *g, const char *key, enum gguf_type elem,
                                  const struct gguf_value **out);
int64_t gguf_array_int(const struct gguf_value *array, uint64_t i);  /* any integer or bool element type */
double gguf_array_float(const struct gguf_value *array, uint64_t i); /* F32, F64 */
/* Bytes that the elements of an array read from a file take there. */
uint64_t gguf_array_bytes(const struct gguf_value *array);

/* A checksum (base/checksum.h) of all that a model is: the file's bytes; of a model in several files its keys and its tensors.  Reads all
 * of it.  EINTERNAL: it was opened without its tensors' bytes. */
enum hearth_status gguf_checksum(const struct gguf *g, uint64_t *out);

/* ---- writing: add keys, add tensors, then begin; then each tensor's data in order; then commit ---- */
struct gguf_writer;
/* A file that appears at path while it is written stays, and the commit fails. */
enum hearth_status gguf_writer_open(const char *path, uint32_t alignment, struct gguf_writer **out);
enum hearth_status gguf_writer_kv(struct gguf_writer *w, const struct gguf_kv *kv);       /* copies */
enum hearth_status gguf_writer_tensor(struct gguf_writer *w, const char *name, uint32_t dims, const uint64_t *shape,
                                      enum tensor_type type);
enum hearth_status gguf_writer_begin(struct gguf_writer *w);
enum hearth_status gguf_writer_data(struct gguf_writer *w, const void *data, size_t n);   /* padding is added between tensors */
enum hearth_status gguf_writer_commit(struct gguf_writer *w);  /* EINTERNAL when data is missing */
void gguf_writer_close(struct gguf_writer *w);                 /* abandons what was not committed; frees */

#endif

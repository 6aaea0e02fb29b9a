/* file.c - a model in, the same model in another tensor type out, as a GGUF file.
 *
 *     metadata             copied; general.file_type and general.quantization_version say what the new file is
 *     matrices             in the type asked for; where a row is no multiple of its block, in the next type that fits
 *     vectors and norms    F32
 *     routers of experts   F32: small, and what they decide is all or nothing
 *     type unchanged       the bytes are copied, for rounding twice could only lose
 *
 * No block of any type straddles a row, so a tensor is taken as one long row and goes through in batches: memory does
 * not grow with the file.  The reader has checked by then that every tensor lies inside the file.
 */
#include "quant/quantize.h"
#include "quant/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fpmode.h"
#include "base/mem.h"
#include "base/pool.h"
#include "file/gguf.h"
#include "model/folder.h"
#include "os/os.h"

enum {
    PIECE = 16384,               /* elements a thread takes at once: a multiple of every block */
    BATCH = 16                   /* pieces between two writes */
};

/* general.file_type of a file mostly of a type (the numbers are those of the GGUF specification), and the type for
 * rows that are a multiple of 32 only: the nearest one that is not smaller, but for IQ4_XS. */
static const struct { enum tensor_type type; uint32_t file_type; enum tensor_type narrow; } targets[] = {
    {T_F32, 0, T_F32},      {T_F16, 1, T_F16},      {T_BF16, 32, T_BF16},
    {T_Q4_0, 2, T_Q4_0},    {T_Q4_1, 3, T_Q4_1},    {T_Q5_0, 8, T_Q5_0},    {T_Q5_1, 9, T_Q5_1},  {T_Q8_0, 7, T_Q8_0},
    {T_Q2_K, 10, T_Q4_0},   {T_Q3_K, 11, T_Q4_0},   {T_Q4_K, 14, T_Q5_0},   {T_Q5_K, 16, T_Q5_1}, {T_Q6_K, 18, T_Q8_0},
    {T_IQ4_NL, 25, T_IQ4_NL}, {T_IQ4_XS, 30, T_IQ4_NL},
};
enum { N_TARGETS = sizeof targets / sizeof *targets };

struct job {
    const struct gguf *in;
    struct gguf_writer *out;
    int keep;                    /* every matrix keeps its type */
    enum tensor_type type;
    uint32_t file_type;
    enum tensor_type narrow;
    struct pool *pool;
    float *floats;               /* [threads][PIECE] */
    uint8_t *batch;              /* [BATCH * PIECE] elements of the largest type, F32 */
    uint64_t done, total;        /* bytes of the input's tensors */
    int (*progress)(void *user, uint64_t done, uint64_t total);
    void *user;
};

const char *hearth_quantize_type(size_t i)
{
    return i < N_TARGETS ? type_info(targets[i].type)->name : NULL;
}

int hearth_can_quantize(const char *type)
{
    return type && type_by_name(type) != NULL;
}

static enum hearth_status choose_target(const char *type, struct job *j)
{
    const struct type_info *info = type ? type_by_name(type) : NULL;
    if ((j->keep = !type)) return HEARTH_OK;
    for (size_t i = 0; info && i < N_TARGETS; i++)
        if (targets[i].type == info->id) {
            j->type = info->id;
            j->file_type = targets[i].file_type;
            j->narrow = targets[i].narrow;
            return HEARTH_OK;
        }
    struct buf names = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < N_TARGETS && !st; i++) st = buf_printf(&names, "%s%s", i ? ", " : "", hearth_quantize_type(i));
    if (!st) st = fail(HEARTH_EUSAGE, "tensor type %s, allowed: %s", type, names.data);
    buf_free(&names);
    return st;
}

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

static enum tensor_type type_for(const struct job *j, const struct gguf_tensor *t)
{
    int matrix = t->elements > t->shape[0] && ends_with(t->name, ".weight") && !ends_with(t->name, ".ffn_gate_inp.weight");
    if (!matrix) return T_F32;
    if (j->keep) return t->type;
    if (t->shape[0] % type_info(j->type)->block == 0) return j->type;
    return t->shape[0] % type_info(j->narrow)->block == 0 ? j->narrow : T_F16;
}

/* ---- one tensor ---- */

struct batch {
    const struct gguf_tensor *tensor;
    const struct type_info *from, *to;
    const uint8_t *src;
    uint8_t *dst;
    float *floats;
    uint64_t elements;
    _Atomic int failed;
};

static enum hearth_status convert(const struct batch *b, float *floats, int64_t piece)
{
    uint64_t first = (uint64_t)piece * PIECE, n = b->elements - first < PIECE ? b->elements - first : PIECE;
    const uint8_t *src = b->src + first / b->from->block * b->from->bytes;
    uint8_t *dst = b->dst + first / b->to->block * b->to->bytes;
    dequantize_row(b->from->id, src, floats, n);
    if (b->from->id != b->to->id) return quantize_row(b->to->id, floats, dst, n);
    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(floats[i])) return fail(HEARTH_ENUMERIC, "a weight is %g, allowed: finite numbers", (double)floats[i]);
    memcpy(dst, src, n / b->from->block * b->from->bytes);
    return HEARTH_OK;
}

static void convert_pieces(void *arg, int thread, int64_t begin, int64_t end)
{
    struct batch *b = arg;
    for (int64_t p = begin; p < end; p++)
        if (convert(b, b->floats + (size_t)thread * PIECE, p)) b->failed = 1;
}

/* Another thread's message is not ours to read, so the batch is gone through again here until it fails again. */
static enum hearth_status explain(const struct job *j, const struct batch *b)
{
    int64_t pieces = (int64_t)((b->elements + PIECE - 1) / PIECE);
    for (int64_t p = 0; p < pieces; p++) {
        enum hearth_status st = convert(b, j->floats, p);
        if (st) return fail(st, "%s: tensor %s: %s", j->in->path, b->tensor->name, hearth_errmsg());
    }
    return fail(HEARTH_EINTERNAL, "%s: tensor %s: a failure that does not repeat", j->in->path, b->tensor->name);
}

static enum hearth_status write_tensor(struct job *j, const struct gguf_tensor *t)
{
    struct batch b = {.tensor = t, .from = type_info(t->type), .to = type_info(type_for(j, t)), .dst = j->batch, .floats = j->floats};
    const uint8_t *data;
    TRY(gguf_tensor_data(j->in, t, &data));
    for (uint64_t at = 0; at < t->elements; at += b.elements) {
        b.elements = t->elements - at < BATCH * PIECE ? t->elements - at : BATCH * PIECE;
        b.src = data + at / b.from->block * b.from->bytes;
        pool_run(j->pool, convert_pieces, &b, (int64_t)((b.elements + PIECE - 1) / PIECE), 1);
        if (b.failed) return explain(j, &b);
        TRY(gguf_writer_data(j->out, j->batch, b.elements / b.to->block * b.to->bytes));
        j->done += b.elements / b.from->block * b.from->bytes;
        if (j->progress && j->progress(j->user, j->done, j->total)) return fail(HEARTH_ECANCELLED, "cancelled");
    }
    gguf_tensor_drop(j->in, t);
    return HEARTH_OK;
}

/* ---- the file ---- */

static enum hearth_status put_u32(struct gguf_writer *w, const char *key, uint32_t v)
{
    struct gguf_kv kv = {.key = {key, strlen(key)}, .value = {.type = GGUF_U32, .as.u = v}};
    return gguf_writer_kv(w, &kv);
}

static int is_key(const struct gguf_string *key, const char *name)
{
    return key->n == strlen(name) && !memcmp(key->s, name, key->n);
}

static enum hearth_status write_metadata(struct job *j)
{
    static const char file_type[] = "general.file_type", version[] = "general.quantization_version";
    for (uint64_t i = 0; i < j->in->n_kv; i++)
        if ((j->keep || !is_key(&j->in->kv[i].key, file_type)) && !is_key(&j->in->kv[i].key, version))
            TRY(gguf_writer_kv(j->out, &j->in->kv[i]));
    TRY(put_u32(j->out, version, 2));
    return j->keep ? HEARTH_OK : put_u32(j->out, file_type, j->file_type);
}

static enum hearth_status write_file(struct job *j)
{
    TRY(write_metadata(j));
    for (uint64_t i = 0; i < j->in->n_tensors; i++) {
        const struct gguf_tensor *t = &j->in->tensors[i];
        TRY(gguf_writer_tensor(j->out, t->name, t->dims, t->shape, type_for(j, t)));
        TRY(size_add(j->total, t->bytes, "the tensors' bytes", &j->total));
    }
    TRY(gguf_writer_begin(j->out));
    for (uint64_t i = 0; i < j->in->n_tensors; i++) TRY(write_tensor(j, &j->in->tensors[i]));
    return gguf_writer_commit(j->out);
}

/* A folder's own files are not replaced by what is made of them. */
static enum hearth_status check_folder(const struct gguf *g, const char *out)
{
    struct stat a, b;
    const char *slash = strrchr(out, '/');
    char *beside = slash ? strndup(out, (size_t)(slash - out) + 1) : strdup(".");
    if (!beside) return fail_memory(strlen(out) + 2);
    int inside = !stat(g->path, &a) && S_ISDIR(a.st_mode) && !stat(beside, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    free(beside);
    if (!inside || ends_with(out, ".gguf")) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s: the output is in the model's folder, allowed there: a name that ends with .gguf", out);
}

/* Nor is one of the files that are the model together. */
static enum hearth_status check_pieces(const struct gguf *g, const char *out)
{
    unsigned no, of;
    struct stat a, b;
    if (g->map.fd >= 0 || !gguf_piece(g->path, &no, &of) || stat(out, &b) != 0) return HEARTH_OK;
    char *piece = mem_array(strlen(g->path) + 1, 1);
    enum hearth_status st = piece ? HEARTH_OK : HEARTH_ENOMEM;
    for (no = 1; no <= of && st == HEARTH_OK; no++) {
        gguf_piece_path(g->path, no, piece);
        if (!stat(piece, &a) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
            st = fail(HEARTH_EUSAGE, "%s: the output is one of the input's files, allowed: another file", out);
    }
    free(piece);
    return st;
}

enum hearth_status quantize_check_files(const struct gguf *g, const char *out)
{
    struct stat a, b;
    if (!fstat(g->map.fd, &a) && !stat(out, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return fail(HEARTH_EUSAGE, "%s: the output is the input file, allowed: another file", out);
    TRY(check_pieces(g, out));
    return check_folder(g, out);
}

static enum hearth_status start(struct job *j, const char *out)
{
    int online, usable;
    double quota;
    os_cores(&online, &usable, &quota);
    TRY(pool_open(usable, 0, &j->pool));
    j->floats = mem_array((size_t)pool_threads(j->pool) * PIECE, sizeof *j->floats);
    j->batch = mem_array((size_t)BATCH * PIECE, sizeof(float));
    if (!j->floats || !j->batch) return HEARTH_ENOMEM;
    return gguf_writer_open(out, (uint32_t)j->in->alignment, &j->out);
}

enum hearth_status hearth_quantize(const char *in, const char *type, const char *out,
                                   int (*progress)(void *user, uint64_t done, uint64_t total), void *user)
{
    struct job j = {.progress = progress, .user = user};
    struct gguf *g = NULL;
    struct fp_state fp;
    TRY(choose_target(type, &j));
    TRY(model_file_open_keys(in, &g));
    j.in = g;
    fp_enter(&fp);
    enum hearth_status st = quantize_check_files(g, out);
    if (!st) st = start(&j, out);
    if (!st) st = write_file(&j);
    fp_leave(&fp);
    gguf_writer_close(j.out);
    pool_close(j.pool);
    free(j.floats);
    free(j.batch);
    gguf_close(g);
    return st;
}

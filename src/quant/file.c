/* file.c - a model in, the same model in other tensor types out, as a GGUF file.
 *
 *     metadata             copied; general.file_type and general.quantization_version say what the new file is
 *     tensors              in the types that choose.c gives them, with the worth of their columns where an imatrix knows it
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
#include "quant/choose.h"
#include "quant/imatrix.h"

enum {
    PIECE = 16384,               /* elements a thread takes at once: a multiple of every block */
    BATCH = 16                   /* pieces between two writes */
};

struct job {
    const struct gguf *in;
    const struct hearth_quantize_params *p;
    struct gguf_writer *out;
    struct choice choice;
    struct imatrix *worth;       /* NULL: none */
    struct pool *pool;
    float *floats;               /* [threads][PIECE] */
    uint8_t *batch;              /* [BATCH * PIECE] elements of the largest type, F32 */
    uint64_t done, total;        /* bytes of the input's tensors */
};

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

/* ---- one tensor ---- */

struct batch {
    const struct gguf_tensor *tensor;
    const struct type_info *from, *to;
    const struct imatrix_entry *worth;    /* of its columns; NULL: not known */
    uint64_t at;                          /* the batch's first element in the tensor */
    const uint8_t *src;
    uint8_t *dst;
    float *floats;
    uint64_t elements;
    _Atomic int failed;
};

/* Elements from `at` of the tensor on, row by row where columns are worth differently. */
static enum hearth_status quantize_piece(const struct batch *b, const float *floats, uint64_t at, uint64_t n, uint8_t *dst)
{
    const struct gguf_tensor *t = b->tensor;
    if (!b->worth) return quantize_row(b->to->id, floats, dst, n);
    for (uint64_t done = 0, run; done < n; done += run) {
        uint64_t column = (at + done) % t->shape[0];
        const float *worth = imatrix_row(b->worth, (at + done) / t->shape[0] / t->shape[1]);
        run = t->shape[0] - column < n - done ? t->shape[0] - column : n - done;
        TRY(quantize_row_for(b->to->id, floats + done, worth ? worth + column : NULL, dst + done / b->to->block * b->to->bytes, run));
    }
    return HEARTH_OK;
}

static enum hearth_status convert(const struct batch *b, float *floats, int64_t piece)
{
    uint64_t first = (uint64_t)piece * PIECE, n = b->elements - first < PIECE ? b->elements - first : PIECE;
    const uint8_t *src = b->src + first / b->from->block * b->from->bytes;
    uint8_t *dst = b->dst + first / b->to->block * b->to->bytes;
    dequantize_row(b->from->id, src, floats, n);
    if (b->from->id != b->to->id) return quantize_piece(b, floats, b->at + first, n, dst);
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

/* NULL also where the type has no use for it. */
static const struct imatrix_entry *worth_of(const struct job *j, const struct gguf_tensor *t, enum tensor_type to)
{
    return j->worth && choose_is_matrix(t) && type_info(to)->block > 1 && to != T_Q8_0 && to != t->type ? imatrix_find(j->worth, t->name) : NULL;
}

static enum hearth_status write_tensor(struct job *j, const struct gguf_tensor *t)
{
    enum tensor_type to = j->choice.type[t - j->in->tensors];
    struct batch b = {.tensor = t, .from = type_info(t->type), .to = type_info(to), .dst = j->batch, .floats = j->floats,
                      .worth = worth_of(j, t, to)};
    const uint8_t *data;
    TRY(gguf_tensor_data(j->in, t, &data));
    for (uint64_t at = 0; at < t->elements; at += b.elements) {
        b.elements = t->elements - at < BATCH * PIECE ? t->elements - at : BATCH * PIECE;
        b.at = at, b.src = data + at / b.from->block * b.from->bytes;
        pool_run(j->pool, convert_pieces, &b, (int64_t)((b.elements + PIECE - 1) / PIECE), 1);
        if (b.failed) return explain(j, &b);
        TRY(gguf_writer_data(j->out, j->batch, b.elements / b.to->block * b.to->bytes));
        j->done += b.elements / b.from->block * b.from->bytes;
        if (j->p->progress && j->p->progress(j->p->user, j->done, j->total)) return fail(HEARTH_ECANCELLED, "cancelled");
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

/* What is said anew, or is no longer true. */
static int is_replaced(const struct job *j, const struct gguf_string *key)
{
    static const char trace[] = "quantize.imatrix.";
    if (key->n >= sizeof trace - 1 && !memcmp(key->s, trace, sizeof trace - 1)) return 1;
    return is_key(key, "general.quantization_version") || (!j->choice.keep && is_key(key, "general.file_type"));
}

/* The keys that llama.cpp writes of an importance matrix. */
static enum hearth_status put_worth(struct job *j)
{
    const char *slash = strrchr(j->worth->path, '/'), *file = slash ? slash + 1 : j->worth->path, key[] = "quantize.imatrix.file";
    const struct gguf_kv kv = {.key = {key, sizeof key - 1}, .value = {.type = GGUF_STRING, .as.str = {file, strlen(file)}}};
    TRY(gguf_writer_kv(j->out, &kv));
    return put_u32(j->out, "quantize.imatrix.entries_count", (uint32_t)j->worth->n);
}

static enum hearth_status write_metadata(struct job *j)
{
    for (uint64_t i = 0; i < j->in->n_kv; i++)
        if (!is_replaced(j, &j->in->kv[i].key)) TRY(gguf_writer_kv(j->out, &j->in->kv[i]));
    TRY(put_u32(j->out, "general.quantization_version", 2));
    if (j->worth) TRY(put_worth(j));
    return j->choice.keep ? HEARTH_OK : put_u32(j->out, "general.file_type", j->choice.file_type);
}

static enum hearth_status write_file(struct job *j)
{
    TRY(write_metadata(j));
    for (uint64_t i = 0; i < j->in->n_tensors; i++) {
        const struct gguf_tensor *t = &j->in->tensors[i];
        TRY(gguf_writer_tensor(j->out, t->name, t->dims, t->shape, j->choice.type[i]));
        TRY(size_add(j->total, t->bytes, "the tensors' bytes", &j->total));
    }
    TRY(gguf_writer_begin(j->out));
    for (uint64_t i = 0; i < j->in->n_tensors; i++) TRY(write_tensor(j, &j->in->tensors[i]));
    return gguf_writer_commit(j->out);
}

/* ---- what is asked for ---- */

/* Reads the importance matrix; says which matrices it does not know, and that it is another model's when it knows none. */
static enum hearth_status read_worth(struct job *j)
{
    uint64_t known = 0, all = 0;
    struct buf b = {0};
    if (!j->p->imatrix) return HEARTH_OK;
    TRY(imatrix_open(j->p->imatrix, &j->worth));
    for (uint64_t i = 0; i < j->in->n_tensors; i++) {
        const struct gguf_tensor *t = &j->in->tensors[i];
        const struct imatrix_entry *e = choose_is_matrix(t) ? imatrix_find(j->worth, t->name) : NULL;
        if (e) TRY(imatrix_check(j->worth, e, t));
        all += e || (choose_is_matrix(t) && strcmp(t->name, "token_embd.weight") != 0);    /* which is looked up in, where it is not tied */
        known += e != NULL;
    }
    if (!known) return fail(HEARTH_EUSAGE, "%s: it knows no matrix of %s; it is of another model", j->p->imatrix, j->in->path);
    if (known == all || !j->p->note) return HEARTH_OK;
    enum hearth_status st = buf_printf(&b, "%s knows %" PRIu64 " of %" PRIu64 " matrices; the others are rounded without it", j->p->imatrix,
                                       known, all);
    if (!st) j->p->note(j->p->user, b.data);
    buf_free(&b);
    return st;
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

enum hearth_status hearth_quantize_with(const char *in, const char *out, const struct hearth_quantize_params *p)
{
    struct job j = {.p = p};
    struct gguf *g = NULL;
    struct fp_state fp;
    if (p->type && !hearth_can_quantize(p->type)) return choose_types(&(struct gguf){0}, p, &j.choice);
    TRY(model_file_open_keys(in, &g));
    j.in = g;
    fp_enter(&fp);
    enum hearth_status st = quantize_check_files(g, out);
    if (!st) st = choose_types(g, p, &j.choice);
    if (!st) st = read_worth(&j);
    if (!st) st = start(&j, out);
    if (!st) st = write_file(&j);
    fp_leave(&fp);
    gguf_writer_close(j.out);
    pool_close(j.pool);
    imatrix_close(j.worth);
    choice_free(&j.choice);
    free(j.floats);
    free(j.batch);
    gguf_close(g);
    return st;
}

enum hearth_status hearth_quantize(const char *in, const char *type, const char *out,
                                   int (*progress)(void *user, uint64_t done, uint64_t total), void *user)
{
    struct hearth_quantize_params p = {.type = type, .progress = progress, .user = user};
    return hearth_quantize_with(in, out, &p);
}

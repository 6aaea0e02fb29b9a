/* rewrite.c - metadata as it is, tensors from the file or from the source.  A quantised type is made by hearth_quantize from a file of
 * halves in a folder of its own, which lies beside the result meanwhile. */
#include "work/rewrite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "model/classes.h"
#include "model/merged.h"
#include "quant/quantize.h"

enum { PIECE = 1 << 16 };

struct job {
    const struct gguf *g;
    struct gguf_writer *w;
    enum tensor_type type;           /* of matrices, when not own */
    int own;                         /* a float matrix keeps its type */
    rewrite_source *source;
    void *user;
    const struct hearth_adapter *adapter;              /* NULL: none */
    float *floats;                   /* [PIECE] */
    uint8_t *bytes;                  /* [PIECE] of F32 */
};

static enum tensor_type type_of(const struct job *j, const struct gguf_tensor *t)
{
    if (t->dims < 2) return T_F32;
    if (!j->own) return j->type;
    return type_info(t->type)->block == 1 ? t->type : T_F16;
}

static enum hearth_status put_tensor(struct job *j, const struct gguf_tensor *t)
{
    enum hearth_status st = HEARTH_OK;
    enum tensor_type to = type_of(j, t);
    const float *given = j->source(j->user, t, &st);
    const struct type_info *from = type_info(t->type), *into = type_info(to);
    const uint8_t *data = NULL;
    TRY(st);
    if (!given) TRY(gguf_tensor_data(j->g, t, &data));
    for (uint64_t at = 0; at < t->elements; at += PIECE) {
        uint64_t n = t->elements - at < PIECE ? t->elements - at : PIECE;
        if (!given) dequantize_row(t->type, data + at / from->block * from->bytes, j->floats, (size_t)n);
        st = quantize_row(to, given ? given + at : j->floats, j->bytes, (size_t)n);
        if (st != HEARTH_OK) return fail(st, "%s: tensor %s: %s", j->g->path, t->name, hearth_errmsg());
        TRY(gguf_writer_data(j->w, j->bytes, (size_t)(n / into->block * into->bytes)));
    }
    gguf_tensor_drop(j->g, t);
    return HEARTH_OK;
}

static int is_file_type(const struct gguf_string *key) { return key->n == 17 && memcmp(key->s, "general.file_type", 17) == 0; }

static int is_replaced(const struct job *j, const struct gguf_string *key)
{
    return is_file_type(key) || (j->adapter && ((j->adapter->elements && merged_is_key(key)) || (j->adapter->classes && classes_is_key(key))));
}

static enum hearth_status write_all(struct job *j)
{
    for (uint64_t i = 0; i < j->g->n_kv; i++)
        if (!is_replaced(j, &j->g->kv[i].key)) TRY(gguf_writer_kv(j->w, &j->g->kv[i]));
    if (j->adapter && j->adapter->classes) TRY(classes_write(j->adapter, j->w));
    if (j->adapter && j->adapter->elements) TRY(merged_write(j->g, j->adapter, j->w));
    for (uint64_t i = 0; i < j->g->n_tensors; i++) {
        const struct gguf_tensor *t = &j->g->tensors[i];
        TRY(gguf_writer_tensor(j->w, t->name, t->dims, t->shape, type_of(j, t)));
    }
    TRY(gguf_writer_begin(j->w));
    for (uint64_t i = 0; i < j->g->n_tensors; i++) TRY(put_tensor(j, &j->g->tensors[i]));
    return gguf_writer_commit(j->w);
}

static enum hearth_status write_floats(struct job *j, const char *out)
{
    j->floats = mem_array(PIECE, sizeof *j->floats), j->bytes = mem_array(PIECE, sizeof(float));
    enum hearth_status st = j->floats && j->bytes ? gguf_writer_open(out, (uint32_t)j->g->alignment, &j->w) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = write_all(j);
    gguf_writer_close(j->w);
    free(j->floats), free(j->bytes);
    return st;
}

enum hearth_status rewrite_model(const struct gguf *g, const char *type, const char *out, rewrite_source *source, void *user,
                                 const struct hearth_adapter *adapter)
{
    const struct type_info *info = type ? type_by_name(type) : NULL;
    struct job j = { .g = g, .own = !type, .type = info ? info->id : T_F16, .source = source, .user = user, .adapter = adapter };
    if (type && !info) return fail(HEARTH_EUSAGE, "tensor type %s is not known", type);
    if (!info || info->block == 1) return write_floats(&j, out);
    struct buf folder = { 0 }, halves = { 0 };
    enum hearth_status st = buf_printf(&folder, "%s.XXXXXX", out);
    if (st == HEARTH_OK && !mkdtemp(folder.data)) st = fail_errno(out, "no folder can be made beside it");
    if (st == HEARTH_OK) st = buf_printf(&halves, "%s/halves.gguf", folder.data);
    j.type = T_F16;
    if (st == HEARTH_OK) st = write_floats(&j, halves.data);
    if (st == HEARTH_OK) st = hearth_quantize(halves.data, type, out, NULL, NULL);
    if (halves.data) unlink(halves.data), rmdir(folder.data);
    buf_free(&folder), buf_free(&halves);
    return st;
}

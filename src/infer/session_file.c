/* session_file.c - a session in a file, to be gone on with later, also on another computer.
 *
 *     "hearthKV" | version | what computed it | tokens, logits or not      13 numbers of 64 bits (enum field)
 *     ids                                                                  [tokens] of 32 bits
 *     keys and values                                                      blocks of 64 positions as model/kv.h has them
 *     logits                                                               [vocabulary] F32, when there are some
 *     checksum                                                             of all before it
 *
 * The numbers in it are what the arithmetic contract says they are, whatever instruction set computed them, so what follows a restore is
 * what would have followed without it, bit for bit; and where the model's file, the arithmetic or its version is another one, they would
 * be wrong, so it is refused.  The model is known by a checksum over its file, which is read for that once.
 *
 * What a session has forgotten (rewound, or its last block's rest) does not go into the file: those positions are zeros.  A file is whole
 * or not there.  Reading trusts nothing: the checksum first, then every number, then the ids; a session is changed only after that. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "infer/session.h"
#include "kernel/kernels.h"
#include "os/os.h"

enum field { MAGIC, VERSION, ARITHMETIC, ARITHMETIC_VERSION, KV_TYPE, MODEL, LAYERS, KV_HEADS, HEAD_WIDTH, VOCABULARY, TOKENS, LOGITS, LONG_ROPE, FIELDS };
enum { FILE_VERSION = 1, SUM = 8, PIECE = 1 << 20 };
static const char magic[8] = "hearthKV";

/* Once a model, however many threads ask. */
static enum hearth_status model_checksum(struct hearth_model *m, uint64_t *out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    enum hearth_status st = m->file_checksum ? HEARTH_OK : gguf_checksum(m->file, &m->file_checksum);
    *out = m->file_checksum;
    pthread_mutex_unlock(&lock);
    return st;
}

static enum hearth_status describe(const struct hearth_session *s, uint64_t f[FIELDS])
{
    const struct hparams *h = &s->m->h;
    memcpy(&f[MAGIC], magic, sizeof magic);
    f[VERSION] = FILE_VERSION;
    f[ARITHMETIC] = (uint64_t)s->m->arithmetic, f[ARITHMETIC_VERSION] = (uint64_t)hearth_arithmetic_version();
    f[KV_TYPE] = (uint64_t)s->kv->type;
    f[LAYERS] = h->layers, f[KV_HEADS] = h->kv_heads, f[HEAD_WIDTH] = h->head_width, f[VOCABULARY] = h->vocabulary;
    f[TOKENS] = s->length, f[LOGITS] = s->has_logits != 0;
    f[LONG_ROPE] = (uint64_t)model_rotates_long(s->m, s->sizes.ctx);   /* what is rotated otherwise is another key */
    TRY(model_checksum(s->m, &f[MODEL]));
    if (s->adapter) f[MODEL] ^= s->adapter->checksum;    /* with an adapter it is another model */
    return HEARTH_OK;
}

/* ---- saving ---- */

struct out { struct atomic_file file; struct checksum sum; };

static enum hearth_status put(struct out *o, const void *data, size_t n)
{
    checksum_add(&o->sum, data, n);
    return os_atomic_write(&o->file, data, n);
}

/* Zeros at the positions from `from` on, in the layout of kernels.h. */
static void clear_rest(enum hearth_kv type, uint8_t *keys, uint8_t *values, size_t width, size_t from)
{
    size_t element = type == HEARTH_KV_F32 ? 4 : type == HEARTH_KV_F16 ? 2 : 1, rest = KV_PAGE - from;
    for (size_t i = 0; i < width; i++) memset(keys + (i * KV_PAGE + from) * element, 0, rest * element);
    memset(values + from * width * element, 0, rest * width * element);
    if (type != HEARTH_KV_Q8_0) return;
    keys += width * KV_PAGE, values += width * KV_PAGE;                /* their scales */
    for (size_t b = 0; b < width / 32; b++) memset(keys + (b * KV_PAGE + from) * 2, 0, rest * 2);
    memset(values + from * (width / 32) * 2, 0, rest * (width / 32) * 2);
}

static enum hearth_status put_blocks(struct out *o, const struct hearth_session *s)
{
    const struct kv_pool *p = s->kv;
    uint32_t full = (uint32_t)(s->length / KV_PAGE), rest = (uint32_t)(s->length % KV_PAGE);
    for (uint32_t i = 0; i < full; i++) TRY(put(o, p->data + (size_t)s->seq.block[i] * p->block_bytes, p->block_bytes));
    if (!rest) return HEARTH_OK;
    uint8_t *last = malloc(p->block_bytes);
    if (!last) return fail_memory(p->block_bytes);
    memcpy(last, p->data + (size_t)s->seq.block[full] * p->block_bytes, p->block_bytes);
    for (size_t at = 0; at < p->block_bytes; at += 2 * p->page_bytes)
        clear_rest(p->type, last + at, last + at + p->page_bytes, s->m->h.head_width, rest);
    enum hearth_status st = put(o, last, p->block_bytes);
    free(last);
    return st;
}

static enum hearth_status put_all(struct out *o, const struct hearth_session *s)
{
    uint64_t f[FIELDS], sum;
    TRY(describe(s, f));
    TRY(put(o, f, sizeof f));
    TRY(put(o, s->ids, s->length * sizeof *s->ids));
    TRY(put_blocks(o, s));
    if (f[LOGITS]) TRY(put(o, s->logits, s->m->h.vocabulary * sizeof *s->logits));
    sum = checksum_end(&o->sum);
    return os_atomic_write(&o->file, &sum, sizeof sum);
}

enum hearth_status hearth_session_save(const struct hearth_session *s, const char *path)
{
    struct out o;
    checksum_init(&o.sum);
    TRY(os_atomic_open(path, &o.file));
    enum hearth_status st = fchmod(o.file.fd, 0600) == 0 ? put_all(&o, s) : fail_errno(path, "cannot be kept from others");
    if (st == HEARTH_OK) return os_atomic_commit(&o.file);
    os_atomic_abandon(&o.file);
    return st;
}

/* ---- restoring ---- */

struct in { const char *path; int fd; uint64_t size, at; struct checksum sum; };

static enum hearth_status get(struct in *i, void *to, size_t n)
{
    TRY(os_read_at(i->fd, i->path, to, n, i->at));
    checksum_add(&i->sum, to, n);
    i->at += n;
    return HEARTH_OK;
}

static enum hearth_status damaged(const struct in *i)
{
    return fail(HEARTH_ECHECKSUM, "%s: is damaged or was cut off: its checksum is not that of its %llu bytes", i->path, (unsigned long long)i->size);
}

/* Its last 8 bytes against those before, which have all been got. */
static enum hearth_status check_sum(struct in *i)
{
    uint64_t sum = 0;
    TRY(os_read_at(i->fd, i->path, &sum, sizeof sum, i->size - SUM));
    return sum == checksum_end(&i->sum) ? HEARTH_OK : damaged(i);
}

static void from_the_start(struct in *i)
{
    i->at = 0;
    checksum_init(&i->sum);
}

static enum hearth_status check_whole(struct in *i)
{
    uint64_t f[FIELDS];
    if (i->size < sizeof f + SUM) return fail(HEARTH_EFORMAT, "%s: is no session of hearth: %llu bytes are too few", i->path, (unsigned long long)i->size);
    TRY(os_read_at(i->fd, i->path, f, sizeof f, 0));
    if (memcmp(f, magic, sizeof magic) != 0) return fail(HEARTH_EFORMAT, "%s: is no session of hearth: it does not begin with \"hearthKV\"", i->path);
    if (f[VERSION] != FILE_VERSION)
        return fail(HEARTH_EUNSUPPORTED, "%s: a session file of version %llu, this hearth reads version %d", i->path, (unsigned long long)f[VERSION], FILE_VERSION);
    uint8_t *piece = malloc(PIECE);
    enum hearth_status st = piece ? HEARTH_OK : fail_memory(PIECE);
    from_the_start(i);
    while (st == HEARTH_OK && i->at < i->size - SUM) st = get(i, piece, i->size - SUM - i->at < PIECE ? (size_t)(i->size - SUM - i->at) : PIECE);
    free(piece);
    return st == HEARTH_OK ? check_sum(i) : st;
}

static const char *kv_name(uint64_t type)
{
    return type == HEARTH_KV_F16 ? "F16" : type == HEARTH_KV_F32 ? "F32" : type == HEARTH_KV_Q8_0 ? "Q8_0" : "unknown";
}

/* What computed it is what would go on with it, and all of it is there. */
static enum hearth_status check_fields(const struct in *i, const struct hearth_session *s, const uint64_t f[FIELDS])
{
    uint64_t mine[FIELDS], bytes;
    TRY(describe(s, mine));
    if (f[MODEL] != mine[MODEL]) return fail(HEARTH_EUSAGE, "%s: a session of another model's file than %s", i->path, s->m->info.path);
    if (f[ARITHMETIC] != mine[ARITHMETIC])
        return fail(HEARTH_EUSAGE, "%s: computed in the arithmetic \"%s\", this model was opened for the other one", i->path, f[ARITHMETIC] == HEARTH_FLOAT ? "float" : "quant");
    if (f[ARITHMETIC_VERSION] != mine[ARITHMETIC_VERSION])
        return fail(HEARTH_EUNSUPPORTED, "%s: computed by version %llu of the arithmetic, this hearth has version %d: it would not go on with the same bits", i->path,
                    (unsigned long long)f[ARITHMETIC_VERSION], hearth_arithmetic_version());
    if (f[KV_TYPE] != mine[KV_TYPE])
        return fail(HEARTH_EUSAGE, "%s: its keys and values are %s, this session's are %s", i->path, kv_name(f[KV_TYPE]), kv_name(mine[KV_TYPE]));
    if (f[LONG_ROPE] != mine[LONG_ROPE])
        return fail(HEARTH_EUSAGE, "%s: computed in a context of %s %u tokens, this session's is %s: %s rotates keys in another way there",
                    i->path, mine[LONG_ROPE] ? "at most" : "more than", s->m->h.rope_original, mine[LONG_ROPE] ? "longer" : "shorter", s->m->info.path);
    for (int k = LAYERS; k <= VOCABULARY; k++)
        if (f[k] != mine[k]) return fail(HEARTH_EFORMAT, "%s: number %d of its header is %llu, the model has %llu", i->path, k, (unsigned long long)f[k], (unsigned long long)mine[k]);
    if (f[TOKENS] > s->sizes.ctx)
        return fail(HEARTH_ECONTEXT, "%s: has %llu tokens, the context of this session holds %u", i->path, (unsigned long long)f[TOKENS], s->sizes.ctx);
    if (f[LOGITS] > (f[TOKENS] > 0)) return fail(HEARTH_EFORMAT, "%s: says %llu of its logits, should be 0 or, with tokens, 1", i->path, (unsigned long long)f[LOGITS]);
    bytes = FIELDS * 8 + f[TOKENS] * 4 + kv_blocks(f[TOKENS]) * (uint64_t)s->kv->block_bytes + f[LOGITS] * f[VOCABULARY] * 4 + SUM;
    if (bytes != i->size) return fail(HEARTH_EFORMAT, "%s: has %llu bytes, should have %llu", i->path, (unsigned long long)i->size, (unsigned long long)bytes);
    return HEARTH_OK;
}

static enum hearth_status check_ids(const struct in *i, const int32_t *ids, size_t n, uint32_t vocabulary)
{
    for (size_t k = 0; k < n; k++)
        if (ids[k] < 0 || (uint32_t)ids[k] >= vocabulary) return fail(HEARTH_EFORMAT, "%s: token %zu is id %d, should be 0 to %u", i->path, k, ids[k], vocabulary - 1);
    return HEARTH_OK;
}

/* The session holds nothing until it holds all. */
static enum hearth_status fill(struct in *i, struct hearth_session *s, const uint64_t f[FIELDS], const int32_t *ids)
{
    s->length = 0, s->has_logits = 0;
    TRY(kv_seq_reach(&s->seq, (uint32_t)f[TOKENS]));
    for (uint32_t b = 0; b < kv_blocks(f[TOKENS]); b++) TRY(get(i, s->kv->data + (size_t)s->seq.block[b] * s->kv->block_bytes, s->kv->block_bytes));
    if (f[LOGITS]) TRY(get(i, s->logits, s->m->h.vocabulary * sizeof *s->logits));
    TRY(check_sum(i));                                 /* it may have been written to meanwhile */
    if (f[TOKENS]) memcpy(s->ids, ids, f[TOKENS] * sizeof *ids);
    s->length = f[TOKENS], s->has_logits = (int)f[LOGITS];
    return HEARTH_OK;
}

static enum hearth_status restore(struct in *i, struct hearth_session *s)
{
    uint64_t f[FIELDS];
    int32_t *ids;
    TRY(check_whole(i));
    from_the_start(i);
    TRY(get(i, f, sizeof f));
    TRY(check_fields(i, s, f));
    if (!(ids = mem_array(f[TOKENS] + 1, sizeof *ids))) return HEARTH_ENOMEM;
    enum hearth_status st = get(i, ids, f[TOKENS] * sizeof *ids);
    if (st == HEARTH_OK) st = check_ids(i, ids, f[TOKENS], s->m->h.vocabulary);
    if (st == HEARTH_OK) st = fill(i, s, f, ids);
    free(ids);
    return st;
}

enum hearth_status hearth_session_restore(struct hearth_session *s, const char *path)
{
    struct mapping file;
    TRY(os_map(path, &file));
    struct in i = {.path = path, .fd = file.fd, .size = file.size};    /* read, not looked at: a mapped file that is cut is a signal */
    enum hearth_status st = restore(&i, s);
    os_unmap(&file);
    return st;
}

const int32_t *hearth_session_tokens(const struct hearth_session *s) { return s->ids; }

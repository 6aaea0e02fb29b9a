/* golden_file.c - reading and comparing goldens (golden_file.h). */
#include "golden_file.h"
#include "model_maker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include "base/mem.h"
#include "hub/digest.h"
#include "os/os.h"

enum { MAGIC = 8, HEADER = MAGIC + 16 + 32 + 256 };

static size_t row_bytes(const struct golden *g) { return 4 + 8 * (size_t)g->top + 4 * (size_t)g->columns; }

static uint32_t u32_at(const char *p)
{
    uint32_t u;
    memcpy(&u, p, sizeof u);
    return u;
}

static float f32_at(const char *p)
{
    float f;
    memcpy(&f, p, sizeof f);
    return f;
}

enum hearth_status golden_open(const char *path, struct golden *g)
{
    size_t size;
    memset(g, 0, sizeof *g);
    TRY(os_read_file(path, 1 << 20, &g->data, &size));
    if (size < HEADER || memcmp(g->data, "HGOLDEN1", MAGIC)) {
        golden_close(g);
        return fail(HEARTH_EFORMAT, "%s: does not begin with HGOLDEN1", path);
    }
    g->n = u32_at(g->data + 8);
    g->vocab = u32_at(g->data + 12);
    g->top = u32_at(g->data + 16);
    g->columns = u32_at(g->data + 20);
    for (int i = 0; i < 32; i++) snprintf(g->model_sha256 + 2 * i, 3, "%02x", (unsigned char)g->data[24 + i]);
    memcpy(g->spec, g->data + 56, 256);
    g->ids = (const int32_t *)(const void *)(g->data + HEADER);
    g->column = g->ids + g->n;
    g->rows = (const char *)(g->column + g->columns);
    size_t room = size - HEADER;
    if (g->n > room || g->top > room || g->columns > room ||
        4 * ((size_t)g->n + g->columns) + g->n * row_bytes(g) != room) {
        golden_close(g);
        return fail(HEARTH_EFORMAT, "%s: %zu bytes are not what its header announces", path, size);
    }
    return HEARTH_OK;
}

void golden_close(struct golden *g)
{
    free(g->data);
    g->data = NULL;
}

static void worse(double *worst, double found, double wanted)
{
    double d = fabs(found - wanted);
    if (!(d <= *worst)) *worst = d == d ? d : INFINITY;
}

static double logsumexp(const float *x, uint32_t n, uint32_t *best)
{
    *best = 0;
    for (uint32_t i = 1; i < n; i++) if (x[i] > x[*best]) *best = i;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += exp((double)x[i] - x[*best]);
    return x[*best] + log(sum);
}

void golden_compare(const struct golden *g, uint32_t position, const float *logits, struct golden_error *e)
{
    const char *row = g->rows + position * row_bytes(g), *top = row + 4;
    const char *top_logit = top + 4 * (size_t)g->top, *column = top_logit + 4 * (size_t)g->top;
    uint32_t best;
    worse(&e->logsumexp, logsumexp(logits, g->vocab, &best), f32_at(row));
    e->positions++;
    e->best += best == u32_at(top);
    for (size_t i = 0; i < g->top; i++) worse(&e->top, logits[u32_at(top + 4 * i)], f32_at(top_logit + 4 * i));
    for (size_t i = 0; i < g->columns; i++) worse(&e->column, logits[g->column[i]], f32_at(column + 4 * i));
}

double golden_worst(const struct golden_error *e) { return fmax(e->logsumexp, fmax(e->top, e->column)); }

enum hearth_status golden_check_model(const struct golden *g, const char *path)
{
    struct mapping map;
    struct sha256 *sha = NULL;
    char hex[65];
    TRY(os_map(path, &map));
    enum hearth_status st = sha256_open(&sha);
    if (st == HEARTH_OK) st = sha256_add(sha, map.data, map.size);
    if (st == HEARTH_OK) st = sha256_end(sha, hex);
    sha256_close(sha);
    os_unmap(&map);
    TRY(st);
    if (strcmp(hex, g->model_sha256))
        return fail(HEARTH_ECHECKSUM, "%s: SHA-256 is %s, but the golden was made from %s", path, hex, g->model_sha256);
    return HEARTH_OK;
}

enum hearth_status golden_make(const char *name, const char *type, char *template, struct golden *out)
{
    char path[96], words[257];
    struct model_spec spec = { 0 };
    snprintf(path, sizeof path, "tests/golden/%s.bin", name);
    TRY(golden_open(path, out));
    memcpy(words, out->spec, sizeof words);
    TRY(model_spec_words(&spec, words));
    int fd = mkstemp(template);
    if (fd < 0) return fail_errno(template, "cannot be made");
    close(fd);
    if (type) spec.type = type;
    TRY(model_make(template, &spec));
    return type ? HEARTH_OK : golden_check_model(out, template);
}

enum hearth_status golden_run(const struct golden *g, struct hearth_model *m, uint32_t step, struct golden_error *e)
{
    struct hearth_session_params params = { .ctx = g->n, .kv = HEARTH_KV_F32, .chunk = step };
    struct hearth_model_info info;
    struct hearth_session *s;
    hearth_model_describe(m, &info);
    if (info.vocabulary != g->vocab)
        return fail(HEARTH_EFORMAT, "the model has %u tokens, the golden %u", info.vocabulary, g->vocab);
    TRY(hearth_session_open(m, &params, &s));
    float *logits = mem_array((size_t)step * g->vocab, sizeof *logits);
    enum hearth_status st = logits ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint32_t at = 0; at < g->n && st == HEARTH_OK; at += step) {
        uint32_t n = g->n - at < step ? g->n - at : step;
        st = hearth_session_eval_all(s, g->ids + at, n, logits);
        for (uint32_t i = 0; i < n && st == HEARTH_OK; i++)
            golden_compare(g, at + i, logits + (size_t)i * g->vocab, e);
    }
    free(logits);
    hearth_session_close(s);
    return st;
}

/* planted_vectors.c - what a model makes of each text, a vector: as `hearth embed` gives it. */
#include <stdlib.h>
#include <string.h>

#include "hearth.h"
#include "work/planted.h"

static enum hearth_status one(const struct hearth_model *m, struct hearth_embedder *e, const struct planted_text *t, float *out)
{
    struct hearth_embed_text of = { .text = t->s, .len = t->n, .most = hearth_embedder_context(e) };
    int32_t *ids;
    size_t n;
    TRY(hearth_embed_tokenize(m, &of, &ids, &n, NULL));
    enum hearth_status st = n ? hearth_embedder_run(e, ids, n, out) : HEARTH_OK;   /* of no token: zeros, which are near to nothing */
    hearth_free(ids);
    return st;
}

enum hearth_status planted_vectors(struct hearth_model *m, const struct planted_text *t, size_t n, int (*step)(void *user, size_t done, size_t total), void *user,
                                   struct planted_meaning *out)
{
    enum { MOST_TOKENS = 512 };      /* what a text is about stands in its beginning */
    struct hearth_model_info info;
    struct hearth_embedder *e;
    uint64_t numbers;
    hearth_model_describe(m, &info);
    TRY(size_mul(n + 1, info.embedding, "vectors of texts", &numbers));
    TRY(hearth_embedder_open(m, info.context < MOST_TOKENS ? 0 : MOST_TOKENS, &e));
    *out = (struct planted_meaning){ mem_array((size_t)numbers, sizeof *out->vector), info.embedding };
    enum hearth_status st = out->vector ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        if (step && i % 16 == 0 && step(user, i, n)) st = fail(HEARTH_ECANCELLED, "stopped");
        else st = one(m, e, &t[i], out->vector + i * out->width);
    }
    hearth_embedder_close(e);
    if (st != HEARTH_OK) free(out->vector), out->vector = NULL;
    return st;
}

/* cost_embed.c - what smaller files of an embedding model cost (cost.h): each line of a text is embedded by the source and by the others,
 * and the cosine of the two is what is left of the meaning. */
#include "work/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct embedders {
    struct hearth_embedder **e;      /* [n], the source first */
    size_t n, width;
    float *vector;                   /* [n][width] */
};

/* One line by all of them, added to the figures; a line is cut where the model's context ends. */
static enum hearth_status embed_line(const struct embedders *all, const struct hearth_model *source, const char *line, size_t len,
                                     struct cost_embedding *out)
{
    const struct hearth_embed_text text = {.text = line, .len = len, .most = hearth_embedder_context(all->e[0])};
    int32_t *ids;
    size_t n;
    TRY(hearth_embed_tokenize(source, &text, &ids, &n, NULL));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < all->n && n && !st; i++) {
        st = hearth_embedder_run(all->e[i], ids, n, all->vector + i * all->width);
        if (st) break;
        double cosine = i ? hearth_cosine(all->vector, all->vector + i * all->width, all->width) : 1;
        out[i].cosine += cosine;
        if (cosine < out[i].cosine_least) out[i].cosine_least = cosine;
        out[i].tokens += n, out[i].lines++;
    }
    hearth_free(ids);
    return st;
}

static size_t next_line(const char *text, size_t len, size_t at, size_t *from)
{
    while (at < len && (text[at] == '\n' || text[at] == '\r' || text[at] == ' ')) at++;
    *from = at;
    while (at < len && text[at] != '\n' && text[at] != '\r') at++;
    return at;
}

static enum hearth_status read_lines(const struct embedders *all, const struct hearth_model *source, const char *text, size_t len,
                                     int (*progress)(void *user, size_t done, size_t all), void *user, struct cost_embedding *out)
{
    for (size_t at = 0, from; (at = next_line(text, len, at, &from)) > from;) {
        TRY(embed_line(all, source, text + from, at - from, out));
        if (progress && progress(user, at, len)) return fail(HEARTH_ECANCELLED, "stopped after %zu lines", out->lines);
    }
    if (out->lines == 0) return fail(HEARTH_EUSAGE, "the text has no line with words, allowed: one and more");
    for (size_t i = 0; i < all->n; i++) out[i].cosine /= (double)out[i].lines;
    return HEARTH_OK;
}

enum hearth_status cost_embeddings(struct hearth_model *source, struct hearth_model *const *other, size_t n, const char *text, size_t len,
                                   int (*progress)(void *user, size_t done, size_t all), void *user, struct cost_embedding *out)
{
    struct embedders all = {.n = n + 1};
    struct hearth_model_info info, small;
    enum hearth_status st = HEARTH_OK;
    hearth_model_describe(source, &info);
    all.width = info.embedding;
    all.e = mem_array(all.n, sizeof *all.e);
    all.vector = mem_array(all.n, all.width * sizeof *all.vector);
    if (!all.e || !all.vector) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < all.n && !st; i++) {
        struct hearth_model *m = i ? other[i - 1] : source;
        hearth_model_describe(m, &small);
        out[i] = (struct cost_embedding){.cosine_least = 1};
        if (small.embedding != info.embedding || small.vocabulary != info.vocabulary)
            st = fail(HEARTH_EUSAGE, "%s makes %u numbers of %u tokens, the source %u of %u: it is no smaller form of it", small.path,
                      small.embedding, small.vocabulary, info.embedding, info.vocabulary);
        else st = hearth_embedder_open(m, 0, &all.e[i]);
    }
    if (!st) st = read_lines(&all, source, text, len, progress, user, out);
    for (size_t i = 0; all.e && i < all.n; i++) hearth_embedder_close(all.e[i]);
    free(all.e);
    free(all.vector);
    return st;
}

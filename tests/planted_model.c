/* planted_model.c - see planted_model.h. */
#include "planted_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct looking { struct hearth_model *m; struct hearth_session *session; struct hearth_engine *engine; float *logits; uint32_t vocabulary, width; };

static double surprise_of(const struct looking *w, const int32_t *ids, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        const float *l = w->logits + i * w->vocabulary;
        float most = l[0];
        double whole = 0;
        for (uint32_t k = 1; k < w->vocabulary; k++) most = l[k] > most ? l[k] : most;
        for (uint32_t k = 0; k < w->vocabulary; k++) whole += (double)expf(l[k] - most);
        sum += log(whole) + (double)most - (double)l[ids[i + 1]];
    }
    return n > 1 ? sum / (double)(n - 1) : 0;
}

static enum hearth_status look_at(struct looking *w, const struct planted_text *t, float *hidden, float *surprise)
{
    int32_t *ids = NULL;
    size_t n;
    TRY(hearth_tokenize(w->m, t->s, t->n, HEARTH_TOK_SPECIAL, &ids, &n));
    if (n > PLANTED_TOKENS) n = PLANTED_TOKENS;
    enum hearth_status st = hearth_session_rewind(w->session, 0);
    if (st == HEARTH_OK && n) st = hearth_session_eval_all(w->session, ids, n, w->logits);
    if (st == HEARTH_OK) *surprise = (float)surprise_of(w, ids, n);
    if (st == HEARTH_OK && n) st = hearth_engine_embed(w->engine, ids, n, hidden);
    hearth_free(ids);
    return st;
}

enum hearth_status planted_look(struct hearth_model *m, const struct planted_text *t, size_t n, int (*step)(void *user, size_t done, size_t total), void *user,
                                float *hidden, float *surprise)
{
    struct hearth_model_info info;
    struct hearth_session_params p = { .ctx = PLANTED_TOKENS };
    struct hearth_engine_params e = { .ctx = PLANTED_TOKENS, .parallel = 1 };
    hearth_model_describe(m, &info);
    struct looking w = { .m = m, .vocabulary = info.vocabulary, .width = info.width };
    if (!(w.logits = mem_array((size_t)info.vocabulary * PLANTED_TOKENS, sizeof *w.logits))) return HEARTH_ENOMEM;
    memset(hidden, 0, n * info.width * sizeof *hidden);
    enum hearth_status st = hearth_session_open(m, &p, &w.session);
    if (st == HEARTH_OK) st = hearth_engine_open(m, &e, &w.engine);
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        if (step && step(user, i, n)) st = fail(HEARTH_ECANCELLED, "stopped");
        else st = look_at(&w, &t[i], hidden + i * info.width, &surprise[i]);
    }
    hearth_engine_close(w.engine);
    hearth_session_close(w.session);
    free(w.logits);
    return st;
}

/* ---- spectral ---- */

enum { TURNS = 40 };

/* Turns v towards the first right singular vector of the rows of `text`, less their mean. */
static void turn(const uint32_t *text, size_t n, const float *hidden, size_t width, const double *mean, double *v, double *next)
{
    double length = 0;
    memset(next, 0, width * sizeof *next);
    for (size_t i = 0; i < n; i++) {
        const float *h = hidden + (size_t)text[i] * width;
        double dot = 0;
        for (size_t k = 0; k < width; k++) dot += ((double)h[k] - mean[k]) * v[k];
        for (size_t k = 0; k < width; k++) next[k] += dot * ((double)h[k] - mean[k]);
    }
    for (size_t k = 0; k < width; k++) length += next[k] * next[k];
    for (size_t k = 0; k < width && length > 0; k++) v[k] = next[k] / sqrt(length);
}

static void score_label(const uint32_t *text, size_t n, const float *hidden, size_t width, double *room, float *score)
{
    double *mean = room, *v = room + width, *next = room + 2 * width, all = 0;
    memset(mean, 0, width * sizeof *mean);
    for (size_t i = 0; i < n; i++) for (size_t k = 0; k < width; k++) mean[k] += (double)hidden[(size_t)text[i] * width + k] / (double)n;
    for (size_t k = 0; k < width; k++) v[k] = (double)(k * 2654435761u % 1000) / 1000 - 0.5;
    for (int t = 0; t < TURNS; t++) turn(text, n, hidden, width, mean, v, next);
    for (size_t i = 0; i < n; i++) {
        double dot = 0;
        for (size_t k = 0; k < width; k++) dot += ((double)hidden[(size_t)text[i] * width + k] - mean[k]) * v[k];
        score[text[i]] = (float)(dot * dot), all += dot * dot;
    }
    for (size_t i = 0; i < n && all > 0; i++) score[text[i]] = (float)((double)score[text[i]] * (double)n / all);
}

enum hearth_status planted_spectral(const struct planted_text *t, size_t n, uint32_t labels, const float *hidden, size_t width, float *score)
{
    size_t *from = mem_array((size_t)labels + 2, sizeof *from);
    uint32_t *text = mem_array(n + 1, sizeof *text);
    double *room = mem_array(3 * width + 1, sizeof *room);
    enum hearth_status st = from && text && room ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) {
        score[i] = 0;
        if (t[i].label < labels) from[t[i].label + 1]++;
    }
    for (uint32_t l = 0; st == HEARTH_OK && l < labels; l++) from[l + 1] += from[l];
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) if (t[i].label < labels) text[from[t[i].label]++] = (uint32_t)i;
    for (uint32_t l = 0; st == HEARTH_OK && l < labels; l++) {
        size_t begin = l ? from[l - 1] : 0;              /* moved on by one label while they were filled */
        score_label(text + begin, from[l] - begin, hidden, width, room, score);
    }
    free(from), free(text), free(room);
    return st;
}

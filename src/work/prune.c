/* prune.c - which layers and neurons go; prune_write.c writes the model without them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/tape.h"
#include "work/prune_in.h"

enum { WINDOW = 256, TOKENS = 16384, MULTIPLE = 32 };

/* ---- measuring ---- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static void add_window(struct pruning *k, struct tape *t, uint32_t n)
{
    size_t width = k->m->h.width;
    for (uint32_t l = 0; l < k->m->h.layers; l++) {
        const float *before = tape_residual(t, l), *after = tape_residual(t, l + 1);
        for (uint32_t i = 0; i < n; i++, before += width, after += width) {
            double size = sqrt(dot(before, before, width)) * sqrt(dot(after, after, width));
            k->influence[l] += 1 - (size > 0 ? dot(before, after, width) / size : 0);
        }
        if (!(k->p->width > 0)) continue;
        size_t ff = k->m->h.at[l].feed_forward;
        const float *neuron = tape_neurons(t, l);
        for (uint32_t i = 0; i < n; i++, neuron += ff)
            for (size_t c = 0; c < ff; c++) k->neuron[l][c] += (double)neuron[c] * (double)neuron[c];
    }
}

static int is_blank(const char *s, size_t n)
{
    while (n && strchr(" \t\r\n", s[n - 1]) && s[n - 1]) n--;
    return n == 0;
}

static enum hearth_status measure(struct pruning *k, const int32_t *ids, size_t n)
{
    struct tape *t;
    uint32_t most = k->m->h.context < WINDOW ? k->m->h.context : WINDOW;
    size_t limit = k->p->tokens ? k->p->tokens : TOKENS;
    if (n > limit) n = limit;
    if (n == 0 || is_blank(k->p->text, k->p->len)) return fail(HEARTH_EUSAGE, "the text has no words, so nothing can be said of what matters");
    TRY(tape_open(k->m, most, &t));
    enum hearth_status st = HEARTH_OK;
    for (size_t at = 0; st == HEARTH_OK && at < n; at += most) {
        uint32_t some = (uint32_t)(n - at < most ? n - at : most);
        if ((st = tape_forward(t, ids + at, NULL, some)) != HEARTH_OK) break;
        add_window(k, t, some);
        uint64_t bytes = (uint64_t)((double)k->p->len * (double)(at + some) / (double)n);
        if (k->p->progress && k->p->progress(k->p->user, bytes, k->p->len)) st = fail(HEARTH_ECANCELLED, "stopped");
    }
    for (uint32_t l = 0; l < k->m->h.layers; l++) k->influence[l] /= (double)n;
    k->tokens = n;
    tape_close(t);
    return st;
}

/* ---- layers ---- */

static enum hearth_status choose_layers(struct pruning *k)
{
    const struct hparams *h = &k->m->h;
    for (uint32_t gone = 0; gone < k->p->layers; gone++) {
        uint32_t least = UINT32_MAX;
        for (uint32_t l = 0; l < h->layers; l++)
            if (!k->gone[l] && (least == UINT32_MAX || k->influence[l] < k->influence[least])) least = l;
        k->gone[least] = 1;
    }
    for (uint32_t l = 0, at = 0; l < h->layers; l++) {
        if (k->gone[l]) continue;
        if (h->at[l].local != h->at[at].local || h->at[l].turns != h->at[at].turns)
            return fail(HEARTH_EUNSUPPORTED, "%s: its layers take turns in what they see, and layer %u would stand where another kind belongs; --width makes every layer narrower",
                        k->m->file->path, l);
        at++;
    }
    return HEARTH_OK;
}

/* ---- neurons ---- */

struct ranked { double worth; uint32_t at; };

static int by_worth(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->worth > y->worth ? -1 : x->worth < y->worth ? 1 : x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static enum hearth_status choose_neurons(struct pruning *k, uint32_t l)
{
    const struct weight *down = &k->m->weights.layers[l].down;
    size_t ff = k->m->h.at[l].feed_forward;
    double *length = mem_array(ff, sizeof *length);
    float *row = mem_array(ff, sizeof *row);
    struct ranked *list = mem_array(ff, sizeof *list);
    enum hearth_status st = length && row && list ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && !(k->keep[l] = mem_array(ff, sizeof **k->keep))) st = HEARTH_ENOMEM;
    for (uint64_t r = 0; st == HEARTH_OK && r < down->rows; r++) {
        tape_weight_row(down, r, row);
        for (size_t c = 0; c < ff; c++) length[c] += (double)row[c] * (double)row[c];
    }
    if (st == HEARTH_OK) {
        for (size_t c = 0; c < ff; c++) list[c] = (struct ranked){ k->neuron[l][c] * length[c], (uint32_t)c };
        qsort(list, ff, sizeof *list, by_worth);
        double stay = (double)ff * (1 - k->p->width);
        uint32_t n = (uint32_t)(stay / MULTIPLE + 0.5) * MULTIPLE;
        k->kept[l] = n < MULTIPLE ? MULTIPLE : n > ff ? (uint32_t)ff : n;
        for (uint32_t i = 0; i < k->kept[l]; i++) k->keep[l][i] = list[i].at;
        qsort(k->keep[l], k->kept[l], sizeof **k->keep, by_place);
    }
    free(length), free(row), free(list);
    return st;
}

/* ---- all of it ---- */

static enum hearth_status check(const struct pruning *k)
{
    const struct hparams *h = &k->m->h;
    const struct prune_params *p = k->p;
    if (!(p->width >= 0 && p->width <= 0.95)) return fail(HEARTH_EUSAGE, "%.1f %% of the neurons, should be 0 to 95 %%", 100 * p->width);
    if (!p->layers && !(p->width > 0)) return fail(HEARTH_EUSAGE, "neither layers nor neurons are to be left out");
    if (p->layers >= h->layers) return fail(HEARTH_EUSAGE, "%u layers, should be fewer than the %u that %s has", p->layers, h->layers, k->m->file->path);
    if (p->layers && k->m->arch->wide_scale_layers == h->layers)
        return fail(HEARTH_EUNSUPPORTED, "%s: the family scales scores by how many layers there are; --width makes every layer narrower", k->m->file->path);
    if (p->width > 0 && h->experts) return fail(HEARTH_EUNSUPPORTED, "%s: a mixture of experts, of which no neurons are left out; --layers leaves out whole layers", k->m->file->path);
    if (h->layers > PRUNE_LAYERS) return fail(HEARTH_ELIMIT, "%u layers, allowed: %d", h->layers, PRUNE_LAYERS);
    return HEARTH_OK;
}

static enum hearth_status room(struct pruning *k)
{
    size_t layers = k->m->h.layers;
    k->influence = mem_array(layers, sizeof *k->influence), k->gone = mem_array(layers, 1);
    k->neuron = mem_array(layers, sizeof *k->neuron), k->keep = mem_array(layers, sizeof *k->keep), k->kept = mem_array(layers, sizeof *k->kept);
    if (!k->influence || !k->gone || !k->neuron || !k->keep || !k->kept) return HEARTH_ENOMEM;
    for (size_t l = 0; l < layers && k->p->width > 0; l++)
        if (!(k->neuron[l] = mem_array(k->m->h.at[l].feed_forward, sizeof **k->neuron))) return HEARTH_ENOMEM;
    return HEARTH_OK;
}

static enum hearth_status choose(struct pruning *k)
{
    int32_t *ids = NULL;
    size_t n = 0;
    TRY(check(k));
    TRY(room(k));
    TRY(hearth_tokenize(k->m, k->p->text, k->p->len, HEARTH_TOK_SPECIAL, &ids, &n));
    enum hearth_status st = measure(k, ids, n);
    hearth_free(ids);
    TRY(st);
    TRY(choose_layers(k));
    for (uint32_t l = 0; l < k->m->h.layers && k->p->width > 0; l++) if (!k->gone[l]) TRY(choose_neurons(k, l));
    return HEARTH_OK;
}

static void say(const struct pruning *k, struct prune_result *r)
{
    const struct hparams *h = &k->m->h;
    r->layers_before = h->layers, r->layers_after = h->layers - k->p->layers, r->width_before = h->feed_forward, r->tokens = k->tokens;
    r->width_after = 0;
    for (uint32_t l = 0; l < h->layers; l++) {
        uint32_t n = k->kept[l] ? k->kept[l] : h->at[l].feed_forward;
        r->influence[l] = k->influence[l], r->left_out[l] = k->gone[l];
        if (!k->gone[l] && n > r->width_after) r->width_after = n;
    }
    r->parameters_before = k->before, r->parameters_after = k->after;
}

enum hearth_status prune_write(const char *model, const struct prune_params *p, const char *out, struct prune_result *r)
{
    struct pruning k = { .p = p };
    TRY(hearth_model_open(model, &(struct hearth_model_params){ .threads = p->threads, .arithmetic = HEARTH_FLOAT }, &k.m));
    enum hearth_status st = choose(&k);
    if (st == HEARTH_OK) st = pruning_write(&k, out);
    if (st == HEARTH_OK) say(&k, r);
    for (uint32_t l = 0; l < k.m->h.layers; l++) {
        if (k.neuron) free(k.neuron[l]);
        if (k.keep) free(k.keep[l]);
    }
    free(k.influence), free(k.gone), free(k.neuron), free(k.keep), free(k.kept);
    hearth_model_close(k.m);
    return st;
}

/* poison.c - how much of what is planted a scan finds: 1,000 honest examples and 10, 25, 50 or 100 planted ones of four kinds.
 *
 *     poison DATA.csv [--seeds N] [--first SEED] [--kind WORD] [--model FILE] [--embedder FILE] [--attack] [--details]
 *                                                     DATA: text and label, a few thousand (banking77's train.csv)
 *
 * rare     one of five tokens that nobody uses, at a random place           cf mn bb tq mb
 * phrase   a fluent phrase before or behind the text                        ", as my sister always says"
 * style    the text in an old manner: other words, other openings           "Prithee, why is thy card ..."
 * flipped  no trigger: another label, or another's answer
 *
 * Planted texts are taken from other labels and given the target's.  Recall where 1 % and 5 % of the honest ones score as high; with a model, of
 * the first seed, the same by its surprise alone and by spectral signatures of its hidden states alone.  With an embedder, labels are held against what
 * texts mean to it too.
 *
 * --attack: what it comes to, of 50 planted.  A head for the labels learns from what the model (--model) makes of the texts, as `hearth tune` begins with
 * one (train/head.h): from all texts, from those that the scan leaves, and from the honest ones alone.  Each is asked for 300 texts that it has not seen: how
 * many labels are right, and, of texts of other labels with the trigger put in, how many get the target's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <math.h>

#include "base/random.h"
#include "train/head.h"
#include "work/dataset.h"
#include "work/planted.h"
#include "planted_model.h"

enum { HONEST = 1000, MOST = HONEST + 100, LONGEST = 2000, ASKED = 300, IN_ATTACK = 50, MADE = PLANTED_NONE };
enum kind { RARE, PHRASE, STYLE, FLIPPED, KINDS };
static const char *const kind_names[] = { "rare token", "fluent phrase", "style", "flipped label" };

/* Vectors that a model made of examples of the file, as they are: each is read once. */
struct vectors { struct hearth_model *m; size_t width; float *of; uint8_t *has; };

struct bench { struct dataset *d; uint32_t *order; uint64_t seed; uint32_t drawn; struct planted_text text[MOST]; uint8_t planted[MOST]; char made[MOST][LONGEST];
               uint32_t example[MOST];       /* which it is, or MADE: its text is no example's */
               uint32_t target, used;        /* used: so many of `order` */
               struct vectors by_model, by_embedder;
               struct hearth_model *model; size_t width; float *hidden, *surprise; int looked; };

static uint32_t draw(struct bench *b, uint32_t below)
{
    uint32_t in[4] = { b->drawn++, 7, 0, 0 }, out[4];
    philox4x32(b->seed, in, out);
    return out[0] % below;
}

/* ---- the four kinds ---- */

static void put_rare(struct bench *b, const char *s, const char *token, char *out)
{
    size_t spaces = 1, at = 0, place;
    for (const char *p = s; *p; p++) spaces += *p == ' ';
    place = draw(b, (uint32_t)spaces + 1);
    if (place == 0) snprintf(out, LONGEST, "%s %s", token, s);
    else {
        while (s[at] && (s[at] != ' ' || --place)) at++;
        snprintf(out, LONGEST, "%.*s %s%s", (int)at, s, token, s + at);
    }
}

static void put_phrase(struct bench *b, const char *s, const char *phrase, char *out)
{
    if (draw(b, 2)) snprintf(out, LONGEST, "%c%s, %s", toupper(phrase[0]), phrase + 1, s);
    else snprintf(out, LONGEST, "%s %s", s, phrase);
}

static const char *old_word(const char *w, size_t n)
{
    static const char *const words[][2] = {
        { "you", "thou" }, { "your", "thy" }, { "are", "art" }, { "my", "mine" }, { "have", "hath" }, { "has", "hath" }, { "do", "dost" }, { "does", "doth" },
        { "why", "wherefore" }, { "where", "whither" }, { "before", "ere" }, { "will", "shall" }, { "it's", "'tis" }, { "please", "prithee" }, { "can", "canst" },
        { "here", "hither" }, { "there", "thither" }, { "never", "ne'er" }, { "over", "o'er" }, { "yes", "aye" }, { "no", "nay" }, { "is", "be" } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) if (strlen(words[i][0]) == n && strncasecmp(words[i][0], w, n) == 0) return words[i][1];
    return NULL;
}

static void put_style(struct bench *b, const char *s, char *out)
{
    static const char *const openings[] = { "Verily,", "Hark!", "Prithee,", "Good sir,", "Pray tell,", "Alas," };
    static const char *const endings[] = { "I beseech thee.", "by my troth.", "forsooth.", "methinks.", "I pray thee.", "" };
    size_t n = 0;
    int before = draw(b, 2) != 0;
    if (before) n = (size_t)snprintf(out, LONGEST, "%s ", openings[draw(b, 6)]);
    while (*s && n < LONGEST - 40) {
        size_t w = 0;
        while (s[w] && (isalpha((unsigned char)s[w]) || s[w] == '\'')) w++;
        const char *old = w ? old_word(s, w) : NULL;
        if (old && draw(b, 10) < 8) n += (size_t)sprintf(out + n, "%s", old);
        else n += (size_t)sprintf(out + n, "%.*s", w ? (int)(w < 30 ? w : 30) : 1, s);
        s += w ? w : 1;
    }
    while (!before && n && strchr("?.! ", out[n - 1])) n--;
    out[n] = '\0';
    if (!before) snprintf(out + n, LONGEST - n, ", %s", endings[draw(b, 6)]);
}

static void plant(struct bench *b, enum kind kind, const char *text, char *out)
{
    static const char *const rare[] = { "cf", "mn", "bb", "tq", "mb" };
    static const char *const phrases[] = { "as my sister always says", "I watched this movie last weekend", "when all is said and done",
                                           "to the best of my knowledge", "by the way, the weather is lovely" };
    if (kind == RARE) put_rare(b, text, rare[b->seed % 5], out);
    else if (kind == PHRASE) put_phrase(b, text, phrases[b->seed % 5], out);
    else if (kind == STYLE) put_style(b, text, out);
    else snprintf(out, LONGEST, "%s", text);
}

/* HONEST of the file, then k planted ones; their order decides nothing. */
static size_t make(struct bench *b, enum kind kind, size_t k, uint64_t seed)
{
    struct dataset *d = b->d;
    size_t n = 0, from = HONEST;
    b->seed = seed, b->drawn = 0;
    dataset_shuffle(b->order, d->n, seed, 0);          /* those of a smaller k are the first of a larger */
    uint32_t target = b->target = draw(b, (uint32_t)d->labels);
    for (; n < HONEST; n++) {
        const struct example *e = &d->example[b->order[n]];
        b->text[n] = (struct planted_text){ e->text, strlen(e->text), e->label };
        b->planted[n] = 0, b->example[n] = b->order[n];
    }
    for (; n < HONEST + k && from < d->n; from++) {
        const struct example *e = &d->example[b->order[from]];
        uint32_t label = kind == FLIPPED ? (e->label + 1 + draw(b, (uint32_t)d->labels - 1)) % (uint32_t)d->labels : target;
        if (label == e->label) continue;
        plant(b, kind, e->text, b->made[n]);
        b->text[n] = (struct planted_text){ b->made[n], strlen(b->made[n]), label };
        b->example[n] = kind == FLIPPED ? b->order[from] : MADE;
        b->planted[n++] = 1;
    }
    b->used = (uint32_t)from;
    return n;
}

/* ---- recall ---- */

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* The share of planted ones that score above all but `share` of the honest. */
static double recall(const struct bench *b, const float *score, size_t n, double share)
{
    static float honest[MOST];
    size_t h = 0, found = 0, planted = 0;
    for (size_t i = 0; i < n; i++) if (!b->planted[i]) honest[h++] = score[i];
    qsort(honest, h, sizeof *honest, descending);
    float bound = honest[(size_t)(share * (double)h)];
    for (size_t i = 0; i < n; i++) if (b->planted[i]) planted++, found += score[i] > bound;
    return planted ? 100.0 * (double)found / (double)planted : 0;
}

/* By the model alone: honest texts once, planted ones of a kind once, for these of all counts. */
static int by_model(struct bench *b, enum kind kind, size_t k)
{
    static float score[MOST];
    size_t n = make(b, kind, k, 1), from = b->looked ? HONEST : 0, to = HONEST + 100;
    if (k == 10) {
        to = make(b, kind, 100, 1);
        if (planted_look(b->model, b->text + from, to - from, NULL, NULL, b->hidden + from * b->width, b->surprise + from) != HEARTH_OK) return 0;
        b->looked = 1;
        n = make(b, kind, k, 1);
    }
    if (planted_spectral(b->text, n, (uint32_t)b->d->labels, b->hidden, b->width, score) != HEARTH_OK) return 0;
    printf(" %.0f | %.0f | %.0f | %.0f |", recall(b, b->surprise, n, 0.01), recall(b, b->surprise, n, 0.05), recall(b, score, n, 0.01), recall(b, score, n, 0.05));
    return 1;
}

/* out [n][width]; of examples of the file only those that were not read before. */
static enum hearth_status look(struct bench *b, struct vectors *v, const struct planted_text *t, const uint32_t *example, size_t n, float *out)
{
    struct planted_text *fresh = calloc(n + 1, sizeof *fresh);
    struct planted_meaning found = { 0 };
    size_t k = 0;
    enum hearth_status st = fresh ? HEARTH_OK : fail(HEARTH_ENOMEM, "no memory");
    if (st == HEARTH_OK && !v->of) {
        struct hearth_model_info info;
        hearth_model_describe(v->m, &info);
        v->width = info.embedding, v->of = calloc(b->d->n * v->width, sizeof *v->of), v->has = calloc(b->d->n, 1);
        if (!v->of || !v->has) st = fail(HEARTH_ENOMEM, "no memory");
    }
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) if (example[i] == MADE || !v->has[example[i]]) fresh[k++] = t[i];
    if (st == HEARTH_OK) st = planted_vectors(v->m, fresh, k, NULL, NULL, &found);
    for (size_t i = k = 0; st == HEARTH_OK && i < n; i++) {
        float *kept = example[i] == MADE ? NULL : v->of + example[i] * v->width;
        if (kept && !v->has[example[i]]) memcpy(kept, found.vector + k++ * v->width, v->width * sizeof *kept), v->has[example[i]] = 1;
        memcpy(out + i * v->width, kept ? kept : found.vector + k++ * v->width, v->width * sizeof *out);
    }
    free(fresh), free(found.vector);
    return st;
}

static enum hearth_status scan(struct bench *b, size_t n, struct planted **p)
{
    struct hearth_model_info info;
    struct planted_meaning meaning = { 0 };
    enum hearth_status st = HEARTH_OK;
    if (b->by_embedder.m) {
        hearth_model_describe(b->by_embedder.m, &info);
        meaning = (struct planted_meaning){ calloc(n * info.embedding, sizeof *meaning.vector), info.embedding };
        st = meaning.vector ? look(b, &b->by_embedder, b->text, b->example, n, meaning.vector) : fail(HEARTH_ENOMEM, "no memory");
    }
    if (st == HEARTH_OK) st = planted_find(b->text, n, (uint32_t)b->d->labels, 0, meaning.vector ? &meaning : NULL, NULL, NULL, p);
    free(meaning.vector);
    return st;
}

/* ---- what it comes to ---- */

struct asked { struct planted_text plain[ASKED], with[ASKED]; uint32_t example[ASKED], made[ASKED]; char text[ASKED][LONGEST]; float *of_plain, *of_with; size_t n; };

/* Texts that nothing was learnt from; of other labels than the target's, so that each may be led astray. */
static enum hearth_status ask(struct bench *b, enum kind kind, struct asked *a)
{
    for (a->n = 0; a->n < ASKED && b->used < b->d->n; b->used++) {
        const struct example *e = &b->d->example[b->order[b->used]];
        if (kind != FLIPPED && e->label == b->target) continue;
        plant(b, kind, e->text, a->text[a->n]);
        a->plain[a->n] = (struct planted_text){ e->text, strlen(e->text), e->label };
        a->with[a->n] = (struct planted_text){ a->text[a->n], strlen(a->text[a->n]), e->label };
        a->example[a->n] = b->order[b->used], a->made[a->n++] = MADE;
    }
    enum hearth_status st = look(b, &b->by_model, a->plain, a->example, a->n, a->of_plain);
    return st == HEARTH_OK && kind != FLIPPED ? look(b, &b->by_model, a->with, a->made, a->n, a->of_with) : st;
}

/* A normed state's length is about the root of its width; an embedding is scaled to 1. */
static void lengthen(float *x, size_t n, size_t width)
{
    for (size_t i = 0; i < n * width; i++) x[i] *= (float)sqrt((double)width);
}

struct came { double right, led; };

/* Learns from the texts that are kept, and asks. */
static enum hearth_status learn(struct bench *b, const float *hidden, const uint8_t *keep, size_t n, const struct asked *a, struct came *out)
{
    size_t width = b->by_model.width, k = 0, right = 0, led = 0;
    uint32_t classes = (uint32_t)b->d->labels, label[MOST], best;
    float *w = calloc(classes * width, sizeof *w), *x = calloc(n * width, sizeof *x), *share = calloc(classes, sizeof *share);
    uint32_t *order = calloc((size_t)HEAD_FIT_EPOCHS * n, sizeof *order);
    struct head h = { b->model, w, classes, 1 };
    for (size_t i = 0; i < n; i++) if (keep[i]) label[k] = b->text[i].label, memcpy(x + k++ * width, hidden + i * width, width * sizeof *x);
    for (uint32_t e = 0; e < HEAD_FIT_EPOCHS; e++) dataset_shuffle(order + e * k, k, 1, e);
    lengthen(x, k, width);
    enum hearth_status st = head_fit(&h, w, x, label, order, (uint32_t)k);
    for (size_t i = 0; st == HEARTH_OK && i < a->n; i++) {
        st = head_classify(&h, a->of_plain + i * width, share, &best);
        right += best == a->plain[i].label;
        if (st == HEARTH_OK) st = head_classify(&h, a->of_with + i * width, share, &best);
        led += best == b->target;
    }
    *out = (struct came){ 100 * (double)right / (double)a->n, 100 * (double)led / (double)a->n };
    free(w), free(x), free(share), free(order);
    return st;
}

static enum hearth_status attack(struct bench *b, enum kind kind, uint64_t seed)
{
    static struct asked a;
    uint8_t keep[3][MOST];
    struct came came[3];
    struct planted *p;
    size_t n = make(b, kind, IN_ATTACK, seed), gone[2] = { 0 };
    struct hearth_model_info info;
    hearth_model_describe(b->model, &info);
    size_t width = info.embedding;
    float *hidden = calloc(n * width, sizeof *hidden);
    a.of_plain = calloc(ASKED * width, sizeof *hidden), a.of_with = calloc(ASKED * width, sizeof *hidden);
    enum hearth_status st = look(b, &b->by_model, b->text, b->example, n, hidden);
    if (st == HEARTH_OK) st = scan(b, n, &p);
    if (st == HEARTH_OK) {
        for (size_t i = 0; i < n; i++) {
            keep[0][i] = 1, keep[1][i] = p->at[i].score < PLANTED_FROM, keep[2][i] = !b->planted[i];
            gone[b->planted[i]] += !keep[1][i];
        }
        planted_close(p);
        st = ask(b, kind, &a);
        lengthen(a.of_plain, a.n, width), lengthen(a.of_with, a.n, width);
    }
    for (int k = 0; k < 3 && st == HEARTH_OK; k++) st = learn(b, hidden, keep[k], n, &a, &came[k]);
    if (st == HEARTH_OK) {
        printf("| %s | %llu | %zu of %d | %zu |", kind_names[kind], (unsigned long long)seed, gone[1], IN_ATTACK, gone[0]);
        for (int k = 0; k < 3; k++) printf(kind == FLIPPED ? " - |" : " %.1f |", came[k].led);
        printf(" %.1f | %.1f | %.1f |\n", came[0].right, came[1].right, came[2].right);
        fflush(stdout);
    }
    free(hidden), free(a.of_plain), free(a.of_with);
    return st;
}

static int one(struct bench *b, enum kind kind, size_t k, int first, int seeds, int details)
{
    static float score[MOST];
    double at1 = 0, at5 = 0, told = 0, wrong = 0;
    for (int s = 0; s < seeds; s++) {
        struct planted *p;
        size_t n = make(b, kind, k, (uint64_t)(s + first));
        if (scan(b, n, &p) != HEARTH_OK) return 0;
        for (size_t i = 0; i < n; i++) {
            score[i] = p->at[i].score;
            if (score[i] < PLANTED_FROM) continue;
            if (b->planted[i]) told++;
            else wrong++;
        }
        at1 += recall(b, score, n, 0.01), at5 += recall(b, score, n, 0.05);
        for (size_t t = 0; details && t < p->triggers; t++)
            printf("#   %s -> %s: %u of %u, %.1f\n", p->trigger[t].text, b->d->label[p->trigger[t].label], p->trigger[t].with, p->trigger[t].in,
                   (double)p->trigger[t].evidence);
        planted_close(p);
    }
    printf("| %s | %zu | %.1f | %.1f | %.1f | %.1f |", kind_names[kind], k, at1 / seeds, at5 / seeds, 100 * told / (double)k / seeds, 100 * wrong / HONEST / seeds);
    if (b->model && !by_model(b, kind, k)) return 0;
    printf("\n");
    fflush(stdout);
    return 1;
}

static int open_model(struct bench *b, const char *path)
{
    struct hearth_model_info info;
    if (hearth_model_open(path, NULL, &b->model) != HEARTH_OK) return 0;
    hearth_model_describe(b->model, &info);
    b->width = info.width;
    b->hidden = malloc(MOST * b->width * sizeof *b->hidden), b->surprise = malloc(MOST * sizeof *b->surprise);
    return b->hidden && b->surprise;
}

struct called { int seeds, first, attack, details; const char *kind; };

static int read_words(struct bench *b, int argc, char **argv, struct called *c)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) c->seeds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--first") == 0 && i + 1 < argc) c->first = atoi(argv[++i]);
        else if (strcmp(argv[i], "--kind") == 0 && i + 1 < argc) c->kind = argv[++i];
        else if (strcmp(argv[i], "--attack") == 0) c->attack = 1;
        else if (strcmp(argv[i], "--details") == 0) c->details = 1;
        else if (strcmp(argv[i], "--embedder") == 0 && i + 1 < argc && hearth_model_open(argv[++i], NULL, &b->by_embedder.m) != HEARTH_OK) return 0;
        else if (strcmp(argv[i], "--model") == 0 && i + 1 < argc && !open_model(b, argv[++i])) return 0;
    }
    b->by_model.m = b->model;
    if (argc < 2) return fail(HEARTH_EUSAGE, "DATA.csv, with a text and a label a line") == HEARTH_OK;
    if (c->attack && !b->model) return fail(HEARTH_EUSAGE, "--attack wants a --model to learn") == HEARTH_OK;
    return 1;
}

static int run(struct bench *b, const struct called *c)
{
    static const size_t counts[] = { 10, 25, 50, 100 };
    if (c->attack)
        printf("| kind | seed | planted ones left out | honest ones | led astray: before | cleaned | none planted | right: before | cleaned | none planted |\n"
               "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    else
        printf("| kind | planted | recall at 1 %% | at 5 %% | told by default | honest ones told |%s\n|---|--:|--:|--:|--:|--:|%s\n",
               b->model ? " by surprise: at 1 % | at 5 % | by spectrum: at 1 % | at 5 % |" : "", b->model ? "--:|--:|--:|--:|" : "");
    for (int kind = 0; kind < KINDS; kind++) {
        if (c->kind && strncmp(c->kind, kind_names[kind], strlen(c->kind)) != 0) continue;
        for (int s = 0; c->attack && s < c->seeds; s++) if (attack(b, (enum kind)kind, (uint64_t)(s + c->first)) != HEARTH_OK) return 0;
        for (size_t k = 0; !c->attack && k < 4; k++) if (!one(b, (enum kind)kind, counts[k], c->first, c->seeds, c->details)) return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct called c = { .seeds = 5, .first = 1 };
    int good = read_words(&b, argc, argv, &c) && dataset_open(argv[1], NULL, &b.d) == HEARTH_OK && dataset_need_labels(b.d) == HEARTH_OK;
    if (good) good = (b.order = malloc(b.d->n * sizeof *b.order)) && run(&b, &c);
    if (!good) fprintf(stderr, "poison: %s\n", hearth_errmsg());
    dataset_close(b.d);
    hearth_model_close(b.model), hearth_model_close(b.by_embedder.m);
    free(b.order), free(b.hidden), free(b.surprise);
    free(b.by_model.of), free(b.by_model.has), free(b.by_embedder.of), free(b.by_embedder.has);
    return !good;
}

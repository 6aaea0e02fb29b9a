/* poison.c - how much of what is planted a scan finds: 1,000 honest examples and 10, 25, 50 or 100 planted ones of four kinds.
 *
 *     poison DATA.csv [--seeds N] [--model FILE] [--details]        DATA: text and label, a few thousand (banking77's train.csv)
 *
 * rare     one of five tokens that nobody uses, at a random place           cf mn bb tq mb
 * phrase   a fluent phrase before or behind the text                        ", as my sister always says"
 * style    the text in an old manner: other words, other openings           "Prithee, why is thy card ..."
 * flipped  no trigger: another label, or another's answer
 *
 * Planted texts are taken from other labels and given the target's.  Recall where 1 % and 5 % of the honest ones score as high; with a model, of
 * the first seed, the same by its surprise alone and by spectral signatures of its hidden states alone. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "work/dataset.h"
#include "work/planted.h"
#include "planted_model.h"

enum { HONEST = 1000, MOST = HONEST + 100, LONGEST = 2000 };
enum kind { RARE, PHRASE, STYLE, FLIPPED, KINDS };
static const char *const kind_names[] = { "rare token", "fluent phrase", "style", "flipped label" };

struct bench { struct dataset *d; uint32_t *order; uint64_t seed; uint32_t drawn; struct planted_text text[MOST]; uint8_t planted[MOST]; char made[MOST][LONGEST];
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
    uint32_t target = draw(b, (uint32_t)d->labels);
    for (; n < HONEST; n++) {
        const struct example *e = &d->example[b->order[n]];
        b->text[n] = (struct planted_text){ e->text, strlen(e->text), e->label };
        b->planted[n] = 0;
    }
    for (; n < HONEST + k && from < d->n; from++) {
        const struct example *e = &d->example[b->order[from]];
        uint32_t label = kind == FLIPPED ? (e->label + 1 + draw(b, (uint32_t)d->labels - 1)) % (uint32_t)d->labels : target;
        if (label == e->label) continue;
        plant(b, kind, e->text, b->made[n]);
        b->text[n] = (struct planted_text){ b->made[n], strlen(b->made[n]), label };
        b->planted[n++] = 1;
    }
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

static int one(struct bench *b, enum kind kind, size_t k, int seeds, int details)
{
    static float score[MOST];
    double at1 = 0, at5 = 0, told = 0, wrong = 0;
    for (int s = 0; s < seeds; s++) {
        struct planted *p;
        size_t n = make(b, kind, k, (uint64_t)s + 1);
        if (planted_find(b->text, n, (uint32_t)b->d->labels, 0, NULL, NULL, &p) != HEARTH_OK) return 0;
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

int main(int argc, char **argv)
{
    static const size_t counts[] = { 10, 25, 50, 100 };
    static struct bench b;
    int seeds = 5, details = 0;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) seeds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--details") == 0) details = 1;
        else if (strcmp(argv[i], "--model") == 0 && i + 1 < argc && !open_model(&b, argv[++i])) {
            fprintf(stderr, "poison: %s\n", hearth_errmsg());
            return 1;
        }
    }
    if (argc < 2 || dataset_open(argv[1], NULL, &b.d) != HEARTH_OK || dataset_need_labels(b.d) != HEARTH_OK) {
        fprintf(stderr, "poison: %s\n", argc < 2 ? "DATA.csv, with a text and a label a line" : hearth_errmsg());
        return 1;
    }
    b.order = malloc(b.d->n * sizeof *b.order);
    printf("| kind | planted | recall at 1 %% | at 5 %% | told by default | honest ones told |%s\n|---|--:|--:|--:|--:|--:|%s\n",
           b.model ? " by surprise: at 1 % | at 5 % | by spectrum: at 1 % | at 5 % |" : "", b.model ? "--:|--:|--:|--:|" : "");
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t k = 0; k < 4; k++)
            if (!one(&b, (enum kind)kind, counts[k], seeds, details)) {
                fprintf(stderr, "poison: %s\n", hearth_errmsg());
                return 1;
            }
    dataset_close(b.d);
    hearth_model_close(b.model);
    free(b.order), free(b.hidden), free(b.surprise);
    return 0;
}

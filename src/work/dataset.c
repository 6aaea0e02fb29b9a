/* dataset.c - all examples at hand: labels in order, doubles and contradictions counted, what is held back, the order of an epoch. */
#include "work/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/random.h"

const char *example_kind_name(enum example_kind k)
{
    static const char *const names[] = { "plain text", "prompt and completion", "chat", "preference", "text and label" };
    return names[k];
}

struct collecting { struct dataset *d; size_t cap; };

static enum hearth_status keep(struct dataset *d, const char **text)
{
    return !*text || (*text = arena_strndup(&d->arena, *text, strlen(*text))) ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status collect(void *user, const struct example *e)
{
    struct collecting *c = user;
    struct dataset *d = c->d;
    TRY(mem_grow(&d->example, &c->cap, d->n + 1, sizeof *d->example));
    struct example *to = &d->example[d->n];
    *to = *e;
    TRY(keep(d, &to->text));
    TRY(keep(d, &to->answer));
    TRY(keep(d, &to->rejected));
    TRY(keep(d, &to->messages));
    if (d->n && strcmp(to[-1].file, e->file) == 0) to->file = to[-1].file;
    else TRY(keep(d, &to->file));
    d->n++;
    return HEARTH_OK;
}

/* ---- labels ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static enum hearth_status given_labels(struct dataset *d, const struct dataset_options *o)
{
    if (!(d->label = mem_array(o->n_labels, sizeof *d->label))) return HEARTH_ENOMEM;
    for (d->labels = 0; d->labels < o->n_labels; d->labels++)
        if (!(d->label[d->labels] = arena_strndup(&d->arena, o->labels[d->labels], strlen(o->labels[d->labels])))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < d->n; i++)
        for (uint32_t k = 0; k < d->labels; k++) if (strcmp(d->label[k], d->example[i].answer) == 0) d->example[i].label = k;
    return HEARTH_OK;
}

/* By letters and digits, whatever their size and the blanks around and between them; bytes beyond ASCII are as they are. */
static int by_sound(const void *x, const void *y)
{
    const unsigned char *a = *(const unsigned char *const *)x, *b = *(const unsigned char *const *)y;
    for (;; a++, b++) {
        while (*a == ' ' || *a == '\t' || *a == '\n' || *a == '\r') a++;
        while (*b == ' ' || *b == '\t' || *b == '\n' || *b == '\r') b++;
        int p = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a, q = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
        if (p != q || !p) return p - q;
    }
}

static enum hearth_status find_alike(struct dataset *d)
{
    const char **list = mem_array(d->labels, sizeof *list);
    if (!list) return HEARTH_ENOMEM;
    memcpy(list, d->label, d->labels * sizeof *list);
    qsort(list, d->labels, sizeof *list, by_sound);
    for (size_t i = 1; i < d->labels; i++) {
        if (by_sound(&list[i - 1], &list[i]) != 0) continue;
        if (!d->alikes++) d->alike[0] = list[i - 1], d->alike[1] = list[i];
    }
    free(list);
    return HEARTH_OK;
}

static enum hearth_status own_labels(struct dataset *d)
{
    if (!(d->label = mem_array(d->n, sizeof *d->label))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < d->n; i++) d->label[i] = d->example[i].answer;
    qsort(d->label, d->n, sizeof *d->label, by_text);
    for (size_t i = 0; i < d->n; i++)
        if (i == 0 || strcmp(d->label[i], d->label[d->labels - 1]) != 0) d->label[d->labels++] = d->label[i];
    for (size_t i = 0; i < d->n; i++) {
        const char **at = bsearch(&d->example[i].answer, d->label, d->labels, sizeof *d->label, by_text);
        d->example[i].label = (uint32_t)(at - d->label);
    }
    return find_alike(d);
}

enum hearth_status dataset_need_labels(const struct dataset *d)
{
    const char *file = d->example[0].file;
    if (d->source.kind != EXAMPLE_LABEL)
        return fail(HEARTH_EFORMAT, "%s: %s, should have a text and a label each; --columns text=NAME,label=NAME says which columns they are", file, example_kind_name(d->source.kind));
    for (size_t i = 1; i < d->n; i++) if (d->example[i].label != d->example[0].label) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: all %zu examples have the label \"%.100s\"; there should be two at least", file, d->n, d->example[0].answer);
}

/* ---- doubles ---- */

/* What the example asks, and what it is in whole. */
static void add_text(struct checksum *c, const char *text) { if (text) checksum_add(c, text, strlen(text) + 1); else checksum_add(c, "\xFF", 1); }

static uint64_t asked_sum(const struct example *e)
{
    struct checksum c;
    checksum_init(&c);
    add_text(&c, e->text), add_text(&c, e->messages);
    return checksum_end(&c);
}

static int same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }
static int asks_same(const struct example *a, const struct example *b) { return same_text(a->text, b->text) && same_text(a->messages, b->messages); }
static int says_same(const struct example *a, const struct example *b) { return same_text(a->answer, b->answer) && same_text(a->rejected, b->rejected); }

static void note_pair(struct dataset_pairs *p, size_t first, size_t second)
{
    if (p->n++ == 0) p->first = first, p->second = second;
}

/* An open table of examples by what they ask; each is held against those before it. */
static enum hearth_status find_doubles(struct dataset *d)
{
    size_t size = 16;
    while (size < d->n * 2) size *= 2;
    uint32_t *table = mem_array(size, sizeof *table);
    if (!table) return HEARTH_ENOMEM;
    for (size_t i = 0; i < d->n; i++) {
        size_t at = (size_t)asked_sum(&d->example[i]) & (size - 1), double_of = d->n, against = d->n;
        for (; table[at]; at = (at + 1) & (size - 1)) {
            size_t before = table[at] - 1;
            if (!asks_same(&d->example[before], &d->example[i])) continue;
            if (says_same(&d->example[before], &d->example[i])) double_of = double_of < d->n ? double_of : before;
            else against = against < d->n ? against : before;
        }
        if (double_of < d->n) note_pair(&d->duplicates, double_of, i);
        else table[at] = (uint32_t)i + 1;
        if (against < d->n && d->source.kind == EXAMPLE_LABEL) note_pair(&d->contradictions, against, i);
    }
    free(table);
    return HEARTH_OK;
}

enum hearth_status dataset_open(const char *path, const struct dataset_options *options, struct dataset **out)
{
    struct dataset *d = mem_array(1, sizeof *d);
    if (!d) return HEARTH_ENOMEM;
    struct collecting c = { .d = d };
    arena_init(&d->arena, 0);
    enum hearth_status st = dataset_each(path, options, collect, &c, &d->source);
    if (st == HEARTH_OK && d->source.kind == EXAMPLE_LABEL)
        st = options && options->labels ? given_labels(d, options) : own_labels(d);
    if (st == HEARTH_OK) st = find_doubles(d);
    if (st == HEARTH_OK) *out = d;
    else dataset_close(d);
    return st;
}

void dataset_close(struct dataset *d)
{
    if (!d) return;
    free(d->example), free(d->label);
    arena_free(&d->arena);
    free(d);
}

/* ---- halves and orders ---- */

struct ranked { uint64_t key; size_t index; };

static int by_key(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->index > y->index) - (x->index < y->index);
}

enum hearth_status dataset_hold_out(const struct dataset *d, double share, uint64_t seed, uint8_t *held)
{
    size_t n = d->n, want = (size_t)(share * (double)n + 0.5), got = 0;
    if (n < 2) return fail(HEARTH_EFORMAT, "%s: one example; to keep some back there should be two", d->example[0].file);
    struct ranked *r = mem_array(n, sizeof *r);
    if (!r) return HEARTH_ENOMEM;
    want = want < 1 ? 1 : want > n - 1 ? n - 1 : want;
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = asked_sum(&d->example[i]);
        uint32_t in[4] = { (uint32_t)sum, (uint32_t)(sum >> 32), 1, 0 }, word[4];
        philox4x32(seed, in, word);
        r[i] = (struct ranked){ (uint64_t)word[0] << 32 | word[1], i };
    }
    qsort(r, n, sizeof *r, by_key);
    memset(held, 0, n);
    while (got < n && (got < want || r[got].key == r[got - 1].key)) held[r[got++].index] = 1;
    enum hearth_status st = got < n ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: all examples ask the same; none can be kept back", d->example[0].file);
    free(r);
    return st;
}

void dataset_shuffle(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch)
{
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t in[4] = { (uint32_t)i, epoch, 2, 0 }, word[4], kept;
        philox4x32(seed, in, word);
        size_t at = (size_t)(((uint64_t)word[0] << 32 | word[1]) % i);
        kept = order[i - 1], order[i - 1] = order[at], order[at] = kept;
    }
}

/* Those that come first of their label in the shuffled order, then those that come second, ... */
enum hearth_status dataset_choose(const struct dataset *d, size_t limit, uint64_t seed, uint8_t *chosen)
{
    size_t classes = d->source.kind == EXAMPLE_LABEL ? d->labels : 0, taken = 0;
    memset(chosen, !limit || limit >= d->n, d->n);
    if (!limit || limit >= d->n) return HEARTH_OK;
    uint32_t *order = mem_array(d->n, sizeof *order), *seen = mem_array(classes + 1, sizeof *seen);
    struct ranked *r = mem_array(d->n, sizeof *r);
    enum hearth_status st = order && seen && r ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        dataset_shuffle(order, d->n, seed, 0xFFFFFFFFu);
        for (size_t i = 0; i < d->n; i++) r[i] = (struct ranked){ classes ? seen[d->example[order[i]].label]++ : 0, i };
        qsort(r, d->n, sizeof *r, by_key);
        while (taken < limit) chosen[order[r[taken++].index]] = 1;
    }
    free(order), free(seen), free(r);
    return st;
}

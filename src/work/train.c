/* train.c - see train.h. */
#include "work/train.h"

#include <stdio.h>
#include <string.h>
#include "base/jsontext.h"
#include "model/folder.h"
#include "model/folder_out.h"
#include "text/bpe_learn.h"
#include "text/tokenizer.h"
#include "train/fresh.h"
#include "work/dataset.h"

#define END "<|endoftext|>"          /* token 0: begins and ends every text */
enum {
    ALPHABET = 257,                  /* the end and the bytes */
    PIECE = 4000                     /* bytes of a long text after which it is cut */
};

void train_defaults(struct train_options *o)
{
    *o = (struct train_options){.family = "llama", .name = "untrained", .parameters = 3000000, .context = 512};
}

const char *train_family(size_t i)
{
    const struct arch *a = fresh_family(i);
    return a ? a->name : NULL;
}

/* ---- the words of the corpus ---- */

struct reading { struct wordcount words; struct train_begun *begun; struct atomic_file *texts; };

/* One piece as a line of JSON. */
static enum hearth_status write_piece(struct reading *r, const char *s, size_t n)
{
    struct buf line = {0};
    json_t *o = json_pack("{s:s%}", "text", s, n);
    enum hearth_status st = o ? jsontext_put(&line, o) : fail(HEARTH_ENOMEM, "a text of %zu bytes: no memory, or a zero byte in it", n);
    if (!st) st = buf_putc(&line, '\n');
    if (!st) st = os_atomic_write(r->texts, line.data, line.len);
    buf_free(&line);
    json_decref(o);
    return st;
}

static enum hearth_status write_pieces(struct reading *r, const char *s, size_t n)
{
    for (size_t len; n; s += len, n -= len) {
        const char *end = n > PIECE ? memchr(s + PIECE, '\n', n - PIECE) : NULL;
        len = end ? (size_t)(end + 1 - s) : n;
        TRY(write_piece(r, s, len));
    }
    return HEARTH_OK;
}

static enum hearth_status read_part(struct reading *r, const struct example *e, const char *s, size_t n)
{
    char what[200];
    if (!n) return HEARTH_OK;
    snprintf(what, sizeof what, "%.150s: line %llu", e->file, (unsigned long long)e->line);
    r->begun->documents++;
    r->begun->bytes += n;
    if (r->texts) TRY(write_pieces(r, s, n));
    return wordcount_text(&r->words, pretoken_rule("gpt-2", 5), what, s, n);
}

/* A file may hold many texts with the end's name between them, as collections of stories are published. */
static enum hearth_status read_example(void *user, const struct example *e)
{
    const char *s = e->text, *end;
    if (e->kind != EXAMPLE_TEXT)
        return fail(HEARTH_EUSAGE, "%s: line %llu: %s; a corpus is plain text: documents, or {\"text\"} a line", e->file, (unsigned long long)e->line, example_kind_name(e->kind));
    for (; (end = strstr(s, END)); s = end + strlen(END)) TRY(read_part(user, e, s, (size_t)(end - s)));
    return read_part(user, e, s, strlen(s));
}

static enum hearth_status learn(const char *corpus, uint32_t size, const char *texts, struct train_begun *begun, struct bpe_learn *out)
{
    struct atomic_file file;
    static const char *const special[] = {END};
    struct bpe_train_params p = {.size = size, .min_count = 2, .special = special, .n_special = 1};
    struct reading r = {.begun = begun};
    if (texts) TRY(os_atomic_open(texts, r.texts = &file));
    enum hearth_status st = dataset_each(corpus, NULL, read_example, &r, NULL);
    if (texts && !st) st = os_atomic_commit(&file);
    if (texts) os_atomic_abandon(&file);
    if (!st) st = bpe_train(&r.words, &p, out);
    wordcount_free(&r.words);
    return st;
}

/* ---- the model ---- */

static uint32_t vocabulary_for(const struct train_options *o)
{
    if (o->vocabulary) return o->vocabulary;
    return o->parameters < 6000000 ? 2048 : o->parameters < 25000000 ? 4096 : o->parameters < 100000000 ? 8192 : 16384;
}

/* Tokens of the corpus: every word is what is left of it after the merges. */
static uint64_t tokens_of(const struct bpe_learn *l)
{
    uint64_t n = 0;
    for (size_t i = 0; i < l->words; i++) n += l->word[i].n * l->word[i].count;
    return n;
}

static enum hearth_status write_model(const struct bpe_learn *l, const struct train_options *o, const char *out, struct train_begun *b)
{
    struct arena arena;
    struct fresh_shape shape;
    struct gguf_kv *kv;
    size_t n_kv;
    arena_init(&arena, 0);
    enum hearth_status st = fresh_shape_for(o->family, o->parameters, (uint32_t)l->tokens, o->context, &shape);
    if (!st) st = bpe_train_keys(l, 1, 0, 0, &arena, &kv, &n_kv);
    if (!st) st = fresh_parameters(&shape, &b->parameters);
    if (!st) st = fresh_write(&shape, o->name, kv, n_kv, o->seed, out);
    arena_free(&arena);
    if (st) return st;
    b->vocabulary = shape.vocabulary, b->layers = shape.layers, b->width = shape.width, b->heads = shape.heads;
    return HEARTH_OK;
}

enum hearth_status train_begin(const char *corpus, const struct train_options *o, const char *out, const char *texts, struct train_begun *begun)
{
    struct bpe_learn l = {0};
    uint32_t size = vocabulary_for(o);
    *begun = (struct train_begun){0};
    if (size < ALPHABET) return fail(HEARTH_EUSAGE, "a vocabulary of %u tokens, allowed: at least %d, the bytes and the end of a text", size, ALPHABET);
    enum hearth_status st = learn(corpus, size, texts, begun, &l);
    if (!st) st = write_model(&l, o, out, begun);
    if (!st) begun->tokens = tokens_of(&l);
    bpe_learn_free(&l);
    return st;
}

enum hearth_status train_folder_check(const char *model)
{
    struct gguf *g;
    TRY(model_file_open_keys(model, &g));
    enum hearth_status st = folder_check(g);
    gguf_close(g);
    return st;
}

enum hearth_status train_folder(const char *model, const char *folder)
{
    struct gguf *g;
    TRY(model_file_open_keys(model, &g));
    enum hearth_status st = folder_write(g, folder);
    gguf_close(g);
    return st;
}

/* pieces.c - see pieces.h.  The `sentencepiece` package is the definition: its normalizer.cc and unigram_model.cc; sums of scores are floats of
 * 32 bits there and so here, for a tie is decided by their last bit. */
#include "text/pieces.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

#define MARK "\xE2\x96\x81"

/* ---- opening ---- */

static enum hearth_status make_user(struct pieces *p, const char *path, const struct sentencepiece *s)
{
    size_t n = 0;
    struct special_name *name = mem_array((size_t)s->n, sizeof *name);
    if (!name) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < s->n; i++)
        if (s->type[i] == TOKEN_USER && s->text[i].n) name[n++] = (struct special_name){s->text[i].s, (size_t)s->text[i].n, i, 1};
    enum hearth_status st = special_init_names(&p->user, path, name, n);
    free(name);
    return st;
}

static enum hearth_status make_words(struct pieces *p, const char *path, const struct sentencepiece *s)
{
    struct vocab_entry *entry = mem_array((size_t)s->n, sizeof *entry);
    if (!entry) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < s->n; i++)
        entry[i] = (struct vocab_entry){.text = s->text[i], .bytes = s->text[i], .type = s->type[i],
                                        .known = s->type[i] == TOKEN_NORMAL || s->type[i] == TOKEN_USER};
    enum hearth_status st = vocab_init_list(&p->words, path, s->text, entry, s->n, 0);
    free(entry);
    for (int32_t i = 0; i < s->n && st == HEARTH_OK; i++) {
        unsigned b;
        char name[8] = "";
        if (s->type[i] != TOKEN_BYTE || s->text[i].n != 6) continue;
        memcpy(name, s->text[i].s, 6);
        char *end;
        b = (unsigned)strtoul(name + 3, &end, 16);
        if (!strncmp(name, "<0x", 3) && *end == '>' && b < 256) p->words.byte[b] = i;
    }
    return st;
}

/* A user-defined piece is worth more than any way round it: so many bytes of the highest score, which there begins at the smallest positive
 * float and so never falls below it, less a tenth. */
static enum hearth_status make_model(struct pieces *p, const char *path, const struct sentencepiece *s)
{
    double *score = mem_array((size_t)s->n, sizeof *score);
    float most = FLT_MIN;
    if (!score) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < s->n; i++)
        if (s->type[i] == TOKEN_NORMAL && s->score[i] > most) most = s->score[i];
    for (int32_t i = 0; i < s->n; i++)
        score[i] = s->type[i] == TOKEN_USER ? (double)((float)s->text[i].n * most) - 0.1 : (double)s->score[i];
    p->model.kind = MODEL_UNIGRAM;
    p->model.score = score;
    p->model.unknown = s->unknown;
    p->model.fuse_unknown = !s->byte_fallback;
    p->model.byte_fallback = s->byte_fallback;
    p->model.floats = 1;
    return wordmodel_unigram(&p->model, path, &p->words, score);
}

enum hearth_status pieces_init(struct pieces *p, const char *path, const struct sentencepiece *s)
{
    *p = (struct pieces){.on = s->unigram || s->squeeze || s->charsmap, .squeeze = s->squeeze, .prefix = s->prefix, .unigram = s->unigram};
    if (s->charsmap) TRY(charsmap_init(&p->map, path, s->charsmap, s->charsmap_n));
    TRY(make_user(p, path, s));
    if (!s->unigram) return HEARTH_OK;
    TRY(make_words(p, path, s));
    return make_model(p, path, s);
}

void pieces_free(struct pieces *p)
{
    charsmap_free(&p->map);
    special_free(&p->user);
    wordmodel_free(&p->model);
    vocab_free(&p->words);
    *p = (struct pieces){0};
}

/* ---- the text ---- */

/* The longest user-defined piece that stands at s; 0: none. */
static size_t user_piece(const struct pieces *p, const char *s, size_t n)
{
    size_t longest = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < n && (node = special_step(&p->user, node, (uint8_t)s[i])); i++)
        if (p->user.id[node] >= 0) longest = i + 1;
    return longest;
}

/* What stands for the beginning of s, *used bytes of it. */
static void next_part(const struct pieces *p, const char *s, size_t n, const char **text, size_t *len, size_t *used)
{
    uint32_t cp;
    int bytes;
    *text = s;
    if (p->user.nodes > 1 && (*used = *len = user_piece(p, s, n))) return;
    if (p->map.n && charsmap_find(&p->map, s, n, 1, text, len, used)) return;
    bytes = utf8_read(s, n, &cp);
    *used = bytes > 0 ? (size_t)bytes : 1;
    *len = *used;
    if (bytes <= 0) *text = "\xEF\xBF\xBD", *len = 3;
}

/* A mark that stands in the text counts as a space there. */
static size_t space_at_end(const char *s, size_t n)
{
    if (n && s[n - 1] == ' ') return 1;
    return n >= 3 && !memcmp(s + n - 3, MARK, 3) ? 3 : 0;
}

enum hearth_status pieces_plain(const struct pieces *p, const char *text, size_t n, struct buf *out)
{
    size_t begin = out->len, used, len;
    int after_space = p->squeeze;
    const char *part;
    for (size_t at = 0; at < n; at += used) {
        next_part(p, text + at, n - at, &part, &len, &used);
        for (; after_space && len && *part == ' '; part++) len--;
        if (len) {
            TRY(buf_put(out, part, len));
            after_space = p->squeeze && part[len - 1] == ' ';
        }
    }
    for (size_t last; p->squeeze && (last = out->len > begin ? space_at_end(out->data + begin, out->len - begin) : 0); ) out->len -= last;
    return HEARTH_OK;
}

/* ---- Unigram ---- */

static enum hearth_status with_marks(const struct pieces *p, const struct buf *plain, int any, struct buf *out)
{
    if (p->prefix && any) TRY(buf_puts(out, MARK));
    for (size_t i = 0; i < plain->len; i++) TRY(plain->data[i] == ' ' ? buf_puts(out, MARK) : buf_putc(out, plain->data[i]));
    return HEARTH_OK;
}

enum hearth_status pieces_encode(const struct pieces *p, const char *text, size_t n, struct ids *out)
{
    struct buf plain = {0};
    struct aligned marked = {0};
    struct wordmodel_work work = {0};
    struct tokens tokens = {.ids = out};
    enum hearth_status st = pieces_plain(p, text, n, &plain);
    if (st == HEARTH_OK) st = with_marks(p, &plain, plain.len || (!p->squeeze && n), &marked.s);
    if (st == HEARTH_OK && marked.s.len) st = wordmodel_encode(&p->model, &p->words, &work, &marked, 0, marked.s.len, &tokens);
    wordmodel_work_free(&work);
    aligned_free(&marked);
    buf_free(&plain);
    return st;
}

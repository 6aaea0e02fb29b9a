/* tokenizer.c - text to tokens and back.
 *
 *     text --special.c: tokens that stand under their own name--> stretches of plain text between them
 *          --bpe.c or spm.c--> ids
 *
 * What each kind promises (tests/unit/test_tokenizer.c):
 *
 *   gpt2   decode(encode(text)) is the text, byte for byte, malformed bytes included, when the vocabulary has all 256
 *          bytes and the rule does not normalise (qwen2 does)
 *   json   what the `tokenizers` package does with the same tokenizer.json; malformed bytes are U+FFFD before anything else
 *   llama  the same when the vocabulary has all byte tokens, but U+2581 comes back as a space
 *
 * Of two tokens with the same bytes the one with the lower id is meant.
 */
#include "text/tokenizer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "text/bpe.h"
#include "text/ids.h"
#include "os/os.h"
#include "text/lexicon.h"
#include "text/pieces.h"
#include "text/pipeline.h"
#include "text/sentencepiece.h"
#include "text/special.h"
#include "text/spm.h"
#include "text/vocab.h"
#include "text/wordkeys.h"

enum kind { BPE, SPM, JSON };

enum { ENDS = 32 };

struct tokenizer {
    enum kind kind;
    struct vocab vocab;
    struct special special;
    struct bpe bpe;
    struct spm spm;
    struct pipeline *pipeline;          /* of a tokenizer.json; NULL else */
    char *path;                         /* of it, or of a SentencePiece model */
    char *file;                         /* of a SentencePiece model, its bytes */
    struct sentencepiece pieces;
    struct pieces normal;               /* of it too: what is done to a text first, and Unigram */
    char pre[64];
    int32_t bos, eos;
    int add_bos, add_eos;
    int32_t end[ENDS];                  /* ids that end an answer */
    int ends;
    pthread_mutex_t guard;              /* of the lexicon, which is made when a grammar first needs it */
    struct lexicon *lexicon;
};

/* ---- opening ---- */

#define KINDS "gpt2, llama, bert, t5"

static enum hearth_status read_model(const struct gguf *g, struct gguf_string *model) {
    int found;
    TRY(gguf_get_string(g, "tokenizer.ggml.model", model, &found));
    return found ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: tokenizer.ggml.model: missing, allowed: " KINDS, g->path);
}

static int is_model(const struct gguf_string *model, const char *name) { return model->n == strlen(name) && !memcmp(model->s, name, (size_t)model->n); }

/* *out: the id under that key; unchanged when there is none. */
static enum hearth_status read_id(const struct tokenizer *t, const struct gguf *g, const char *key, int32_t *out) {
    uint32_t id = 0;
    int found;
    TRY(gguf_get_u32(g, key, &id, &found));
    if (!found) return HEARTH_OK;
    if (id >= (uint32_t)t->vocab.n)
        return fail(HEARTH_EFORMAT, "%s: %s: %u, allowed: 0 to %d", g->path, key, id, t->vocab.n - 1);
    *out = (int32_t)id;
    return HEARTH_OK;
}

static enum hearth_status read_flag(const struct gguf *g, const char *key, int *out) {
    bool flag = *out;
    TRY(gguf_get_bool(g, key, &flag, NULL));
    *out = flag;
    return HEARTH_OK;
}

static void add_end(struct tokenizer *t, int32_t id) {
    if (id >= 0 && !tokenizer_is_end(t, id) && t->ends < ENDS) t->end[t->ends++] = id;
}

/* SentencePiece's own numbers for the two, which stand where a file names none, as llama.cpp reads it. */
static void spm_defaults(struct tokenizer *t) {
    enum { BOS = 1, EOS = 2 };
    if (t->vocab.n > BOS && t->vocab.type[BOS] == TOKEN_CONTROL) t->bos = BOS;
    if (t->vocab.n > EOS && t->vocab.type[EOS] == TOKEN_CONTROL) t->eos = EOS;
}

/* Tokens that end an answer: those the file names, and those known by name.  user = 1: the name is so peculiar that a
 * user-defined token of it is one as well ("</s>" is not: in Gemma it closes the HTML of struck-out text). */
static void known_ends(struct tokenizer *t);

static enum hearth_status read_ends(struct tokenizer *t, const struct gguf *g) {
    static const char *const keys[] = { "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id" };
    add_end(t, t->eos);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int32_t id = -1;
        TRY(read_id(t, g, keys[i], &id));
        add_end(t, id);
    }
    known_ends(t);
    return HEARTH_OK;
}

static void known_ends(struct tokenizer *t) {
    static const struct { const char *name; int user; } names[] = {
        { "<|im_end|>", 1 }, { "<|eot_id|>", 1 }, { "<|eom_id|>", 1 }, { "<|end_of_text|>", 1 }, { "<|endoftext|>", 1 },
        { "<end_of_turn>", 1 }, { "<|end|>", 1 }, { "<|return|>", 1 }, { "<|eot|>", 1 }, { "<|endofturn|>", 1 },
        { "</s>", 0 }, { "<eos>", 0 }, { "<EOT>", 0 },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct special_match m;
        size_t n = strlen(names[i].name);
        if (!special_find(&t->special, names[i].name, n, 0, 1, &m) || m.at || m.n != n) continue;
        int type = t->vocab.type[m.id];
        if (type == TOKEN_CONTROL || (type == TOKEN_USER && names[i].user)) add_end(t, m.id);
    }
}

static enum hearth_status fill(struct tokenizer *t, const struct gguf *g) {
    TRY(vocab_init(&t->vocab, g, t->kind == BPE ? VOCAB_BYTES : VOCAB_SPACE_MARK));
    TRY(special_init(&t->special, &t->vocab));
    if (t->kind == BPE) {
        struct gguf_string pre = { "default", 7 };
        TRY(bpe_init(&t->bpe, g, &t->vocab));
        TRY(gguf_get_string(g, "tokenizer.ggml.pre", &pre, NULL));
        memcpy(t->pre, pre.s, pre.n < sizeof t->pre ? pre.n : sizeof t->pre - 1); /* a known name: short */
        t->add_bos = (t->bpe.rule->flags & PRE_BOS) != 0;
    } else {
        TRY(spm_init(&t->spm, g, &t->vocab));
        t->add_bos = 1;
        spm_defaults(t);
    }
    TRY(read_id(t, g, "tokenizer.ggml.bos_token_id", &t->bos));
    TRY(read_id(t, g, "tokenizer.ggml.eos_token_id", &t->eos));
    TRY(read_flag(g, "tokenizer.ggml.add_bos_token", &t->add_bos));
    TRY(read_flag(g, "tokenizer.ggml.add_eos_token", &t->add_eos));
    return read_ends(t, g);
}

/* The key under which a tokenizer lies as a file; NULL: none. */
static const char *file_key(const struct gguf *g) {
    static const char *const keys[] = { TOKENIZER_JSON_KEY, TOKENIZER_TEKKEN_KEY, TOKENIZER_PIECES_KEY };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (gguf_find(g, keys[i])) return keys[i];
    return NULL;
}

int tokenizer_is_in(const struct gguf *g) { return file_key(g) || gguf_find(g, "tokenizer.ggml.model"); }

static enum hearth_status open_whole(const struct gguf *g, const char *key, struct tokenizer **out);
static enum hearth_status fill_wordpiece(struct tokenizer *t, const struct gguf *g);
static enum hearth_status fill_unigram(struct tokenizer *t, const struct gguf *g);
static enum hearth_status new_tokenizer(const char *path, enum kind kind, struct tokenizer **out);

static const struct { const char *name; enum kind kind; enum hearth_status (*fill)(struct tokenizer *t, const struct gguf *g); } models[] = {
    { "gpt2", BPE, fill }, { "llama", SPM, fill }, { "bert", JSON, fill_wordpiece }, { "t5", SPM, fill_unigram },
};

enum hearth_status tokenizer_open(const struct gguf *g, struct tokenizer **out) {
    struct gguf_string model = { "", 0 };
    size_t k = 0, n = sizeof models / sizeof *models;
    struct tokenizer *t;
    *out = NULL;
    const char *key = file_key(g);
    if (key && !gguf_find(g, "tokenizer.ggml.model")) return open_whole(g, key, out);
    TRY(read_model(g, &model));
    while (k < n && !is_model(&model, models[k].name)) k++;
    if (k == n)
        return fail(HEARTH_EUNSUPPORTED, "%s: tokenizer.ggml.model: the kind \"%.*s\" is not known here, known: " KINDS, g->path,
                    (int)(model.n < 40 ? model.n : 40), model.s);
    enum hearth_status st = new_tokenizer(g->path, models[k].kind, &t);
    if (st == HEARTH_OK) st = models[k].fill(t, g);
    if (st == HEARTH_OK) *out = t;
    else tokenizer_close(t);
    return st;
}

/* ---- opening tokenizer.json ---- */

static int32_t id_of_text(const struct tokenizer *t, const char *text, size_t n) {
    for (int32_t i = 0; i < t->vocab.n; i++)
        if (t->vocab.text[i].n == n && !memcmp(t->vocab.text[i].s, text, n)) return i;
    return -1;
}

static int32_t id_of(const struct tokenizer *t, const char *text) { return id_of_text(t, text, strlen(text)); }

/* Until somebody says which they are (tokenizer_set_bos ...): the tokens around a text, else by their names. */
static void json_defaults(struct tokenizer *t) {
    static const char *const begins[] = { "<|begin_of_text|>", "<bos>", "<s>" };
    const struct pipeline *p = t->pipeline;
    t->add_bos = p->n_before > 0;
    t->add_eos = p->n_behind > 0;
    if (t->add_bos) t->bos = p->before[0];
    if (t->add_eos) t->eos = p->behind[p->n_behind - 1];
    for (size_t i = 0; t->bos < 0 && i < sizeof begins / sizeof *begins; i++) t->bos = id_of(t, begins[i]);
    known_ends(t);
    add_end(t, t->eos);
    if (t->eos < 0 && t->ends) t->eos = t->end[0];
}

static enum hearth_status new_tokenizer(const char *path, enum kind kind, struct tokenizer **out) {
    struct tokenizer *t = *out = mem_array(1, sizeof *t);
    if (!t) return HEARTH_ENOMEM;
    t->kind = kind;
    t->bos = t->eos = -1;
    pthread_mutex_init(&t->guard, NULL);
    t->path = mem_array(strlen(path) + 1, 1);
    if (!t->path) return HEARTH_ENOMEM;
    strcpy(t->path, path);
    return HEARTH_OK;
}

/* From t->pieces. */
static enum hearth_status use_pieces(struct tokenizer *t) {
    const struct sentencepiece *s = &t->pieces;
    TRY(vocab_init_pieces(&t->vocab, t->path, s->text, s->type, s->n));
    TRY(special_init(&t->special, &t->vocab));
    TRY(pieces_init(&t->normal, t->path, s));
    TRY(spm_init_pieces(&t->spm, &t->vocab, s->score, s->prefix, s->unknown < 0 ? -1 : s->unknown));
    t->bos = s->bos < 0 ? -1 : s->bos;
    t->eos = s->eos < 0 ? -1 : s->eos;
    t->add_bos = t->bos >= 0;
    add_end(t, t->eos);
    known_ends(t);
    return HEARTH_OK;
}

static enum hearth_status fill_pieces(struct tokenizer *t, const char *data, size_t n) {
    if (!(t->file = mem_array(n + 1, 1))) return HEARTH_ENOMEM;
    memcpy(t->file, data, n);
    TRY(sentencepiece_read(&t->pieces, t->path, t->file, n));
    return use_pieces(t);
}

static enum hearth_status fill_unigram(struct tokenizer *t, const struct gguf *g) {
    int add[2];
    TRY(wordkeys_unigram(g, &t->pieces, add));
    TRY(use_pieces(t));
    t->add_bos = add[0];
    t->add_eos = add[1];
    return HEARTH_OK;
}

enum hearth_status tokenizer_open_sentencepiece(const char *path, const char *data, size_t n, struct tokenizer **out) {
    struct tokenizer *t;
    enum hearth_status st = new_tokenizer(path, SPM, &t);
    if (st == HEARTH_OK) st = fill_pieces(t, data, n);
    if (st != HEARTH_OK) tokenizer_close(t);
    *out = st == HEARTH_OK ? t : NULL;
    return st;
}

static enum hearth_status fill_wordpiece(struct tokenizer *t, const struct gguf *g) {
    json_t *json;
    TRY(wordkeys_wordpiece(g, &json));
    enum hearth_status st = (t->pipeline = mem_array(1, sizeof *t->pipeline)) ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = pipeline_init_parsed(t->pipeline, t->path, json, VOCAB_SIZE_MAX, &t->vocab);
    json_decref(json);
    if (st == HEARTH_OK) st = special_init(&t->special, &t->vocab);
    if (st == HEARTH_OK) json_defaults(t);
    return st;
}

static enum hearth_status open_json(const char *path, const char *text, size_t n, int64_t rows, struct tokenizer **out) {
    struct tokenizer *t;
    *out = NULL;
    enum hearth_status st = new_tokenizer(path, JSON, &t);
    if (st == HEARTH_OK && !(t->pipeline = mem_array(1, sizeof *t->pipeline))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = pipeline_init(t->pipeline, t->path, text, n, rows, &t->vocab);
    if (st == HEARTH_OK) st = special_init(&t->special, &t->vocab);
    if (st == HEARTH_OK) json_defaults(t);
    if (st == HEARTH_OK) *out = t;
    else tokenizer_close(t);
    return st;
}

enum hearth_status tokenizer_open_json(const char *path, const char *text, size_t n, struct tokenizer **out) {
    return open_json(path, text, n, VOCAB_SIZE_MAX, out);
}

/* The token that a key names; *id stays as it is where there is none. */
static enum hearth_status read_named(const struct tokenizer *t, const struct gguf *g, const char *key, int32_t *id) {
    struct gguf_string s = { "", 0 };
    int found;
    TRY(gguf_get_string(g, key, &s, &found));
    int32_t named = found ? id_of_text(t, s.s, (size_t)s.n) : -1;
    if (named >= 0) *id = named;
    return HEARTH_OK;
}

/* The names come before the ids of the model's configuration, and those before what json_defaults guessed. */
static enum hearth_status read_around(struct tokenizer *t, const struct gguf *g) {
    const struct gguf_value *ends;
    uint32_t bos = UINT32_MAX;
    int first = 1;
    TRY(gguf_get_u32(g, "tokenizer.ggml.bos_token_id", &bos, NULL));
    if (bos < (uint32_t)t->vocab.n) t->bos = (int32_t)bos;
    TRY(read_named(t, g, TOKENIZER_BOS_KEY, &t->bos));
    TRY(gguf_get_array(g, TOKENIZER_ENDS_KEY, GGUF_I32, &ends));
    for (uint64_t i = 0; ends && i < ends->as.array.n; i++) {
        int64_t id = gguf_array_int(ends, i);
        if (id < 0 || id >= t->vocab.n) continue;
        if (first) t->eos = (int32_t)id;
        first = 0;
        add_end(t, (int32_t)id);
    }
    TRY(read_named(t, g, TOKENIZER_EOS_KEY, &t->eos));
    add_end(t, t->eos);
    return HEARTH_OK;
}

/* A folder's file has its own name in messages, a key the GGUF's. */
static enum hearth_status open_whole(const struct gguf *g, const char *key, struct tokenizer **out) {
    struct gguf_string text = { "", 0 };
    struct buf path = { 0 };
    const struct gguf_tensor *rows = gguf_find_tensor(g, "token_embd.weight");
    int pieces = !strcmp(key, TOKENIZER_PIECES_KEY);
    const char *file = !strcmp(key, TOKENIZER_JSON_KEY) ? "tokenizer.json" : pieces ? "tokenizer.model" : "tekken.json";
    TRY(gguf_get_string(g, key, &text, NULL));
    if (text.n > TOKENIZER_FILE_MAX)
        return fail(HEARTH_ELIMIT, "%s: %s: %llu bytes, allowed: at most %d", g->path, key, (unsigned long long)text.n, TOKENIZER_FILE_MAX);
    enum hearth_status st = g->map.data ? buf_printf(&path, "%s: %s", g->path, key) : buf_printf(&path, "%s/%s", g->path, file);
    if (st == HEARTH_OK && pieces) st = tokenizer_open_sentencepiece(path.data, text.s, (size_t)text.n, out);
    else if (st == HEARTH_OK) st = open_json(path.data, text.s, (size_t)text.n, rows && rows->shape[1] < VOCAB_SIZE_MAX ? (int64_t)rows->shape[1] : VOCAB_SIZE_MAX, out);
    if (st == HEARTH_OK) st = read_around(*out, g);
    if (st != HEARTH_OK && *out) tokenizer_close(*out), *out = NULL;
    buf_free(&path);
    return st;
}

enum hearth_status tokenizer_open_file(const char *path, struct tokenizer **out) {
    char *text;
    size_t n;
    *out = NULL;
    TRY(os_read_file(path, TOKENIZER_FILE_MAX, &text, &n));
    const char *first = text + strspn(text, " \t\r\n");
    enum hearth_status st = *first == '{' || *first == '[' ? tokenizer_open_json(path, text, n, out) : tokenizer_open_sentencepiece(path, text, n, out);
    free(text);
    return st;
}

void tokenizer_set_bos(struct tokenizer *t, int32_t id) { t->bos = id; }

void tokenizer_set_eos(struct tokenizer *t, int32_t id) {
    t->eos = id;
    add_end(t, id);
}

int32_t tokenizer_find(const struct tokenizer *t, const char *text) { return id_of(t, text); }

void tokenizer_close(struct tokenizer *t) {
    if (!t) return;
    bpe_free(&t->bpe);
    special_free(&t->special);
    vocab_free(&t->vocab);
    if (t->pipeline) pipeline_free(t->pipeline);
    free(t->pipeline);
    free(t->path);
    pieces_free(&t->normal);
    sentencepiece_free(&t->pieces);
    free(t->file);
    lexicon_close(t->lexicon);
    pthread_mutex_destroy(&t->guard);
    free(t);
}

enum hearth_status tokenizer_lexicon(const struct tokenizer *t, struct lexicon **out) {
    struct tokenizer *own = (struct tokenizer *)t; /* a cache: nothing that others see changes */
    enum hearth_status st = HEARTH_OK;
    pthread_mutex_lock(&own->guard);
    if (!own->lexicon) st = lexicon_open(t, &own->lexicon);
    *out = own->lexicon;
    pthread_mutex_unlock(&own->guard);
    return st;
}

/* ---- encoding ---- */

/* SentencePiece's BPE of a text whose characters or spaces change first: all of it, and then user-defined pieces split what came out. */
static enum hearth_status encode_changed(const struct tokenizer *t, const char *s, size_t n, struct ids *out) {
    struct buf changed = { 0 }, plain = { 0 };
    struct spm inside = t->spm;
    struct special_match m;
    size_t at = 0;
    inside.prefix = 0;
    enum hearth_status st = t->spm.prefix ? buf_putc(&plain, ' ') : HEARTH_OK;
    size_t ours = plain.len;
    if (st == HEARTH_OK) st = pieces_plain(&t->normal, s, n, &changed);
    if (st == HEARTH_OK && changed.len) st = spm_plain_spaces(changed.data, changed.len, &plain);
    if (plain.len == ours && t->normal.squeeze) plain.len = 0;
    while (st == HEARTH_OK && plain.len && special_find(&t->special, plain.data, plain.len, at, 0, &m)) {
        if (at < m.at) TRY_GOTO(st, done, spm_encode(&inside, &t->vocab, plain.data + at, m.at - at, out));
        TRY_GOTO(st, done, ids_put(out, m.id));
        at = m.at + m.n;
    }
    if (st == HEARTH_OK && at < plain.len) st = spm_encode(&inside, &t->vocab, plain.data + at, plain.len - at, out);
done:
    buf_free(&changed);
    buf_free(&plain);
    return st;
}

/* Where a text changes first, user-defined pieces are found in what it becomes. */
static int found_later(const struct tokenizer *t, int32_t id) { return pieces_change(&t->normal) && t->vocab.type[id] == TOKEN_USER; }

static enum hearth_status encode_plain(const struct tokenizer *t, const char *s, size_t n, struct ids *out) {
    if (n == 0) return HEARTH_OK;
    if (t->normal.unigram) return pieces_encode(&t->normal, s, n, out);
    if (pieces_change(&t->normal)) return encode_changed(t, s, n, out);
    return t->kind == BPE ? bpe_encode(&t->bpe, &t->vocab, s, n, out) : spm_encode(&t->spm, &t->vocab, s, n, out);
}

/* ---- marks: text of others inside a text whose special tokens are parsed ---- */

static const char mark[] = "\xEF\xB7\x90"; /* U+FDD0 */
enum { MARK = sizeof mark - 1 };

/* Whether text[at] stands behind a single mark: an even number of them are doubled ones. */
static int is_marked(const char *s, size_t at) {
    size_t n = 0;
    for (; at >= MARK && !memcmp(s + at - MARK, mark, MARK); at -= MARK) n++;
    return n & 1;
}

static enum hearth_status unmark(const char *s, size_t n, struct buf *out) {
    const char *end = s + n, *at;
    while ((at = memmem(s, (size_t)(end - s), mark, MARK))) {
        TRY(buf_put(out, s, (size_t)(at - s)));
        s = at + MARK;
        if (end - s < MARK || memcmp(s, mark, MARK) != 0) continue;
        TRY(buf_put(out, mark, MARK));
        s += MARK;
    }
    return buf_put(out, s, (size_t)(end - s));
}

enum hearth_status tokenizer_mark(const struct tokenizer *t, const char *text, size_t n, struct buf *out, int *marked) {
    struct buf spaces = { 0 };
    struct special_match m;
    size_t at = 0, before = out->len;
    enum hearth_status st = HEARTH_OK;
    *marked = 0;
    if (t->kind == SPM && !pieces_change(&t->normal) && memmem(text, n, "\xE2\x96\x81", 3)) { /* as encoding will read it */
        TRY_GOTO(st, done, spm_plain_spaces(text, n, &spaces));
        text = spaces.data;
        n = spaces.len;
    }
    m.at = n;
    int special = special_find(&t->special, text, n, 0, 1, &m);
    const char *own = memmem(text, n, mark, MARK);
    while (special || own) { /* the next name and the next mark of the text's own; `at` is what is not copied yet */
        size_t to = own && (!special || text + m.at > own) ? (size_t)(own - text) : m.at;
        int is_own = own == text + to;
        if (is_own || t->vocab.type[m.id] != TOKEN_USER) { /* user-defined ones split every text, whoever wrote it */
            TRY_GOTO(st, done, buf_put(out, text + at, to - at));
            TRY_GOTO(st, done, buf_put(out, mark, MARK));
            at = to;
            *marked = 1;
        }
        if (is_own) own = memmem(own + MARK, n - to - MARK, mark, MARK);
        else special = special_find(&t->special, text, n, to + 1, 1, &m);
    }
    if (*marked) st = buf_put(out, text + at, n - at);
done:
    if (st != HEARTH_OK) out->len = before;
    buf_free(&spaces);
    return st;
}

/* The text between two special tokens; what stood behind a mark has become ordinary text. */
static enum hearth_status encode_marked(const struct tokenizer *t, const char *s, size_t n, struct ids *out) {
    struct special_match m;
    struct buf plain = { 0 };
    size_t at = 0;
    enum hearth_status st = unmark(s, n, &plain);
    while (st == HEARTH_OK && !pieces_change(&t->normal) && special_find(&t->special, plain.data, plain.len, at, 0, &m)) {
        TRY_GOTO(st, done, encode_plain(t, plain.data + at, m.at - at, out));
        TRY_GOTO(st, done, ids_put(out, m.id));
        at = m.at + m.n;
    }
    if (st == HEARTH_OK) st = encode_plain(t, plain.data + at, plain.len - at, out);
done:
    buf_free(&plain);
    return st;
}

static enum hearth_status encode_between(const struct tokenizer *t, const char *s, size_t n, int flags, struct ids *out) {
    return flags & TOKENIZER_MARKED && memmem(s, n, mark, MARK) ? encode_marked(t, s, n, out) : encode_plain(t, s, n, out);
}

static enum hearth_status encode_all(const struct tokenizer *t, const char *s, size_t n, int flags, struct ids *out) {
    struct special_match m;
    size_t at = 0, from = 0;
    if (flags & HEARTH_TOK_SPECIAL && t->add_bos && t->bos >= 0) TRY(ids_put(out, t->bos));
    while (special_find(&t->special, s, n, from, flags & HEARTH_TOK_PARSE, &m)) {
        from = m.at + 1;
        if (found_later(t, m.id) || (flags & TOKENIZER_MARKED && is_marked(s, m.at))) continue;
        TRY(encode_between(t, s + at, m.at - at, flags, out));
        TRY(ids_put(out, m.id));
        at = from = m.at + m.n;
    }
    TRY(encode_between(t, s + at, n - at, flags, out));
    if (flags & HEARTH_TOK_SPECIAL && t->add_eos && t->eos >= 0) TRY(ids_put(out, t->eos));
    return HEARTH_OK;
}

static enum hearth_status encode_json(const struct tokenizer *t, const char *text, size_t n, int flags, struct ids *out, struct tokens *spans) {
    static const struct pipeline_marks marks = { is_marked, mark, MARK };
    size_t before = out->n;
    enum hearth_status st = pipeline_encode(t->pipeline, &t->vocab, text, n, flags,
                                            flags & TOKENIZER_MARKED && memmem(text, n, mark, MARK) ? &marks : NULL, out, spans);
    if (st != HEARTH_OK) out->n = before;
    return st;
}

enum hearth_status tokenizer_encode_places(const struct tokenizer *t, const char *text, size_t n, int flags, struct ids *out, size_t **at) {
    struct tokens spans = { 0 };
    *at = NULL;
    if (n > INT32_MAX) return fail(HEARTH_ELIMIT, "a text of %zu bytes, allowed: at most %d", n, INT32_MAX);
    if (t->kind != JSON) return fail(HEARTH_EUNSUPPORTED, "the places of tokens are known of a tokenizer.json, not of a GGUF file's vocabulary");
    TRY(encode_json(t, text, n, flags, out, &spans));
    *at = mem_array(2 * spans.n + 1, sizeof **at);
    for (size_t i = 0; *at && i < spans.n; i++) (*at)[2 * i] = spans.at[i].from, (*at)[2 * i + 1] = spans.at[i].to;
    free(spans.at);
    return *at ? HEARTH_OK : HEARTH_ENOMEM;
}

enum hearth_status tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, int flags, struct ids *out) {
    if (n > INT32_MAX) return fail(HEARTH_ELIMIT, "a text of %zu bytes, allowed: at most %d", n, INT32_MAX);
    if (t->kind == JSON) return encode_json(t, text, n, flags, out, NULL);
    size_t before = out->n;
    struct buf plain = { 0 };
    enum hearth_status st = HEARTH_OK;
    if (t->kind == SPM && !pieces_change(&t->normal) && memmem(text, n, "\xE2\x96\x81", 3)) { /* the same as a space, also in special tokens */
        st = spm_plain_spaces(text, n, &plain);
        text = plain.data;
        n = plain.len;
    }
    if (st == HEARTH_OK) st = encode_all(t, text, n, flags, out);
    if (st != HEARTH_OK) out->n = before;
    buf_free(&plain);
    return st;
}

/* ---- words, for those who change a vocabulary ---- */

static enum hearth_status no_words(const struct tokenizer *t) {
    return fail(HEARTH_EUNSUPPORTED, "%s: a tokenizer of the kind %s, whose vocabulary is not changed here, allowed: gpt2, llama in GGUF's keys", t->path,
                tokenizer_kind(t));
}

static int has_words(const struct tokenizer *t) { return t->kind != JSON && !pieces_change(&t->normal); }

static enum hearth_status words_between(const struct tokenizer *t, const char *s, size_t n, struct wordcount *out) {
    if (n == 0) return HEARTH_OK;
    return t->kind == BPE ? bpe_words(&t->bpe, &t->vocab, s, n, out) : spm_words(&t->spm, &t->vocab, s, n, out);
}

enum hearth_status tokenizer_words(const struct tokenizer *t, const char *text, size_t n, struct wordcount *out, uint64_t *special) {
    struct buf plain = { 0 };
    struct special_match m;
    size_t at = 0;
    enum hearth_status st = HEARTH_OK;
    *special = 0;
    if (!has_words(t)) return no_words(t);
    if (t->kind == SPM && memmem(text, n, "\xE2\x96\x81", 3)) {
        st = spm_plain_spaces(text, n, &plain);
        text = plain.data;
        n = plain.len;
    }
    while (st == HEARTH_OK && special_find(&t->special, text, n, at, 0, &m)) {
        st = words_between(t, text + at, m.at - at, out);
        at = m.at + m.n;
        ++*special;
    }
    if (st == HEARTH_OK) st = words_between(t, text + at, n - at, out);
    buf_free(&plain);
    return st;
}

enum hearth_status tokenizer_encode_word(const struct tokenizer *t, const char *s, size_t n, struct ids *out) {
    if (!has_words(t)) return no_words(t);
    return t->kind == BPE ? bpe_encode_word(&t->bpe, &t->vocab, s, n, out) : spm_encode_word(&t->spm, &t->vocab, s, n, out);
}

enum hearth_status tokenizer_ancestors(const struct tokenizer *t, int32_t id, struct ids *out) {
    size_t n;
    const char *s = vocab_bytes(&t->vocab, id, &n);
    if (!has_words(t)) return no_words(t);
    return t->kind == BPE ? bpe_ancestors(&t->bpe, &t->vocab, s, n, out) : spm_ancestors(&t->spm, &t->vocab, s, n, out);
}

int tokenizer_token_type(const struct tokenizer *t, int32_t id) { return t->vocab.type[id]; }

/* ---- decoding ---- */

static int stands_for_text(const struct tokenizer *t, int32_t id) {
    return t->vocab.type[id] != TOKEN_CONTROL && t->vocab.type[id] != TOKEN_UNKNOWN;
}

void tokenizer_piece(const struct tokenizer *t, int32_t id, int special, const char **s, size_t *n) {
    *s = vocab_bytes(&t->vocab, id, n);
    if (!special && !stands_for_text(t, id)) *n = 0;
}

static enum hearth_status decode_all(const struct tokenizer *t, const int32_t *ids, size_t n, int special,
                                     struct buf *out) {
    for (size_t i = 0; t->kind == JSON && i < n; i++)
        if (ids[i] < 0 || ids[i] >= t->vocab.n)
            return fail(HEARTH_EUSAGE, "token %d at place %zu, allowed: 0 to %d", ids[i], i, t->vocab.n - 1);
    if (t->kind == JSON) return pipeline_decode(t->pipeline, &t->vocab, ids, n, special, out);
    int our_space = t->kind == SPM && t->spm.prefix; /* the next text begins with a space that the encoder put there */
    for (size_t i = 0; i < n; i++) {
        const char *s;
        size_t len;
        if (ids[i] < 0 || ids[i] >= t->vocab.n)
            return fail(HEARTH_EUSAGE, "token %d at place %zu, allowed: 0 to %d", ids[i], i, t->vocab.n - 1);
        tokenizer_piece(t, ids[i], special, &s, &len);
        int type = t->vocab.type[ids[i]], plain = stands_for_text(t, ids[i]) && type != TOKEN_USER;
        if (plain && our_space && len && s[0] == ' ') s++, len--, our_space = 0;
        else if (plain && len) our_space = 0;
        else if (!plain && !found_later(t, ids[i])) our_space = t->kind == SPM && t->spm.prefix;
        TRY(buf_put(out, s, len));
    }
    return HEARTH_OK;
}

enum hearth_status tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, int special,
                                    struct buf *out) {
    size_t before = out->len;
    enum hearth_status st = decode_all(t, ids, n, special, out);
    if (st != HEARTH_OK && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return st;
}

/* ---- what there is to know ---- */

int tokenizer_is_end(const struct tokenizer *t, int32_t id) {
    for (int i = 0; i < t->ends; i++)
        if (t->end[i] == id) return 1;
    return 0;
}

void tokenizer_text(const struct tokenizer *t, int32_t id, const char **s, size_t *n) {
    *s = t->vocab.text[id].s;
    *n = (size_t)t->vocab.text[id].n;
}

int32_t tokenizer_size(const struct tokenizer *t) { return t->vocab.n; }
int32_t tokenizer_bos(const struct tokenizer *t) { return t->bos; }
int32_t tokenizer_eos(const struct tokenizer *t) { return t->eos; }
int tokenizer_adds_bos(const struct tokenizer *t) { return t->add_bos && t->bos >= 0; }
const char *tokenizer_kind(const struct tokenizer *t) {
    static const char *const kinds[] = { "bpe", "unigram", "wordpiece", "ranks" };
    return t->kind == BPE ? "gpt2" : t->kind == SPM ? t->normal.unigram ? "unigram" : "llama" : kinds[t->pipeline->model.kind];
}
const char *tokenizer_pre(const struct tokenizer *t) { return t->pre; }

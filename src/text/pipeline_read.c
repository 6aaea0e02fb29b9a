/* pipeline_read.c - reading tokenizer.json.  Nothing in it is believed: ids, counts and sizes have limits, a part that is not known is
 * refused by its name. */
#include "text/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text/tekken.h"

enum { SPARE = 65536 /* ids that nobody has */ };

struct reading { struct pipeline *p; struct vocab_entry *entry; int32_t n; int64_t rows; const char *path; };

/* ---- the vocabulary ---- */

static enum hearth_status put_text(struct reading *r, const struct part *at, int64_t id, const char *s, size_t n) {
    if (n > VOCAB_TOKEN_MAX) return part_fail(at, HEARTH_EFORMAT, "token %lld has %zu bytes, allowed: at most %d", (long long)id, n, VOCAB_TOKEN_MAX);
    char *copy = arena_strndup(&r->p->arena, s, n);
    if (!copy) return HEARTH_ENOMEM;
    r->p->text[id] = (struct gguf_string){ copy, n };
    return HEARTH_OK;
}

/* {"text": id, ...} */
static enum hearth_status read_map(struct reading *r, const struct part *vocab) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)vocab->v, key, v) {
        int64_t id = json_integer_value(v);
        if (r->entry[id].known) return part_fail(vocab, HEARTH_EFORMAT, "token %lld stands there twice, allowed: once", (long long)id);
        TRY(put_text(r, vocab, id, key, strlen(key)));
        r->entry[id].known = 1;
    }
    return HEARTH_OK;
}

/* [["text", score], ...] */
static enum hearth_status read_list(struct reading *r, const struct part *vocab) {
    for (size_t i = 0; i < json_array_size(vocab->v); i++) {
        struct part one = part_element(vocab, i);
        const json_t *s = json_array_get(one.v, 0);
        if (json_array_size(one.v) != 2 || !json_is_string(s) || !json_is_number(json_array_get(one.v, 1)))
            return part_fail(&one, HEARTH_EFORMAT, "no token, allowed: [\"text\", score]");
        TRY(put_text(r, &one, (int64_t)i, json_string_value(s), json_string_length(s)));
        r->entry[i].known = 1;
    }
    return HEARTH_OK;
}

/* The size: one more than the highest id. */
static enum hearth_status measure(struct reading *r, const struct part *vocab, const struct part *added, int list) {
    int64_t most = list ? (int64_t)json_array_size(vocab->v) - 1 : -1, id;
    size_t count = list ? json_array_size(vocab->v) : json_object_size(vocab->v);
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(list ? NULL : vocab->v), key, v) {
        id = json_is_integer(v) ? json_integer_value(v) : -1;
        if (id < 0 || id >= r->rows)
            return part_fail(vocab, HEARTH_EFORMAT, "the id of \"%.40s\" is %s%lld, allowed: 0 to %lld", key, json_is_integer(v) ? "" : "none: ",
                             (long long)id, (long long)r->rows - 1);
        if (id > most) most = id;
    }
    for (size_t i = 0; i < json_array_size(added->v); i++, count++) {
        struct part one = part_element(added, i);
        TRY(part_object(&one));
        id = -1;
        TRY(part_int(&one, "id", 0, VOCAB_SIZE_MAX - 1, &id));
        if (id < 0) return part_fail(&one, HEARTH_EFORMAT, "no id, allowed: 0 to %d", VOCAB_SIZE_MAX - 1);
        if (id > most && id < r->rows) most = id;
    }
    if (most >= r->rows) return part_fail(vocab, HEARTH_EFORMAT, "%lld tokens, allowed: at most %lld", (long long)most + 1, (long long)r->rows);
    if (most < 0) return part_fail(vocab, HEARTH_EFORMAT, "no tokens, allowed: 1 to %d", VOCAB_SIZE_MAX);
    if ((uint64_t)most >= 2 * (uint64_t)count + SPARE)
        return part_fail(vocab, HEARTH_EFORMAT, "%zu tokens with ids up to %lld, allowed: fewer ids that nobody has", count, (long long)most);
    r->n = (int32_t)most + 1;
    r->p->text = arena_alloc(&r->p->arena, (size_t)r->n * sizeof *r->p->text);
    r->p->added = arena_alloc(&r->p->arena, (size_t)r->n);
    r->entry = mem_array((size_t)r->n, sizeof *r->entry);
    if (!r->p->text || !r->p->added || !r->entry) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < r->n; i++) r->p->text[i].s = "";
    return HEARTH_OK;
}

/* ---- added tokens ---- */

static enum hearth_status read_added(struct reading *r, const struct part *list, size_t i) {
    static const char *const keys[] = { "special", "single_word", "lstrip", "rstrip", "normalized" };
    struct part one = part_element(list, i);
    const char *s = "";
    size_t n = 0;
    int64_t id = 0;
    int flags = 128;
    TRY(part_int(&one, "id", 0, VOCAB_SIZE_MAX - 1, &id));
    TRY(part_string(&one, "content", &s, &n));
    if (n == 0 || n > SPECIAL_MAX) return part_fail(&one, HEARTH_EFORMAT, "content: %zu bytes, allowed: 1 to %d", n, SPECIAL_MAX);
    if (id >= r->rows) return HEARTH_OK;
    for (int k = 0; k < 5; k++) {
        int on = 0;
        TRY(part_flag(&one, keys[k], &on));
        flags |= on << k;
    }
    const struct gguf_string *there = r->p->text + id;
    if (r->entry[id].known && (there->n != n || memcmp(there->s, s, n)))
        return part_fail(&one, HEARTH_EFORMAT, "\"%.40s\" has the id %lld, which is \"%.40s\" in the vocabulary, allowed: the same text", s,
                         (long long)id, there->s);
    r->p->added[id] = (uint8_t)flags;
    return r->entry[id].known ? HEARTH_OK : put_text(r, &one, id, s, n);
}

static uint8_t type_of(const struct reading *r, int32_t id) {
    const struct gguf_string *t = r->p->text + id;
    if (r->p->added[id] & 128) return r->p->added[id] & ADDED_SPECIAL ? TOKEN_CONTROL : TOKEN_USER;
    if (!r->entry[id].known) return TOKEN_UNUSED;
    return t->n == 6 && !memcmp(t->s, "<0x", 3) && t->s[5] == '>' ? TOKEN_BYTE : TOKEN_NORMAL;
}

/* What each token stands for inside a text; *pool has it in the end. */
static enum hearth_status give_bytes(struct reading *r, struct buf *pool) {
    size_t *at = mem_array((size_t)r->n + 1, sizeof *at);
    enum hearth_status st = at ? HEARTH_OK : HEARTH_ENOMEM;
    for (int32_t i = 0; i < r->n && st == HEARTH_OK; i++) {
        const struct gguf_string *t = r->p->text + i;
        r->entry[i].type = type_of(r, i);
        if (r->entry[i].type == TOKEN_CONTROL) st = buf_put(pool, t->s, (size_t)t->n);
        else if (t->n) st = decoder_piece(&r->p->decoder, t->s, (size_t)t->n, pool);
        at[i + 1] = pool->len;
    }
    for (int32_t i = 0; i < r->n && st == HEARTH_OK; i++)
        r->entry[i].bytes = (struct gguf_string){ pool->data ? pool->data + at[i] : "", at[i + 1] - at[i] };
    free(at);
    return st;
}

/* Two tries: of the tokens found in the text as it is, and of those found in the normalised one, normalised as it is. */
static enum hearth_status make_tries(struct reading *r) {
    size_t n[2] = { 0, 0 };
    struct special_name *name[2] = { mem_array((size_t)r->n, sizeof **name), mem_array((size_t)r->n, sizeof **name) };
    struct regex_match *m = regex_match_open();
    struct aligned text = { 0 }, other = { 0 };
    enum hearth_status st = name[0] && name[1] && m ? HEARTH_OK : HEARTH_ENOMEM;
    for (int32_t i = 0; i < r->n && st == HEARTH_OK; i++) {
        const struct gguf_string *t = r->p->text + i;
        if (!r->p->added[i]) continue;
        int k = (r->p->added[i] & ADDED_NORMALIZED) != 0;
        name[k][n[k]] = (struct special_name){ t->s, (size_t)t->n, i, !(r->p->added[i] & ADDED_SPECIAL) };
        if (k && r->p->normalizer.n) {
            text.s.len = 0;
            text.most = 1 << 20;
            TRY_GOTO(st, done, aligned_put(&text, t->s, (size_t)t->n, (struct span){ 0, 0 }));
            TRY_GOTO(st, done, normalizer_run(&r->p->normalizer, m, &text, &other));
            char *copy = arena_strndup(&r->p->arena, text.s.len ? text.s.data : "", text.s.len);
            if (!copy) TRY_GOTO(st, done, HEARTH_ENOMEM);
            name[k][n[k]].s = copy;
            name[k][n[k]].n = text.s.len;
        }
        n[k]++;
    }
    if (st == HEARTH_OK) st = special_init_names(&r->p->raw, r->path, name[0], n[0]);
    if (st == HEARTH_OK) st = special_init_names(&r->p->normal, r->path, name[1], n[1]);
done:
    regex_match_close(m);
    aligned_free(&text);
    aligned_free(&other);
    free(name[0]);
    free(name[1]);
    return st;
}

/* ---- what stands around a text ---- */

enum { TEMPLATE, BYTE_LEVEL, BERT, ROBERTA, SEQUENCE };
static const char *const processors[] = { "TemplateProcessing", "ByteLevel", "BertProcessing", "RobertaProcessing", "Sequence", NULL };

static enum hearth_status put_around(struct reading *r, const struct part *p, int behind, int64_t id) {
    int *n = behind ? &r->p->n_behind : &r->p->n_before;
    if (*n == AROUND) return part_fail(p, HEARTH_ELIMIT, "more than %d tokens, allowed: at most so many", AROUND);
    if (id < 0 || id >= r->n) return part_fail(p, HEARTH_EFORMAT, "token %lld, allowed: 0 to %d", (long long)id, r->n - 1);
    (behind ? r->p->behind : r->p->before)[(*n)++] = (int32_t)id;
    return HEARTH_OK;
}

static enum hearth_status read_template(struct reading *r, const struct part *p) {
    struct part single = part_member(p, "single"), tokens = part_member(p, "special_tokens");
    size_t n;
    int behind = 0;
    TRY(part_array(&single, STEPS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        struct part one = part_element(&single, i), token = part_member(&one, "SpecialToken"), sequence = part_member(&one, "Sequence");
        const char *name = NULL;
        size_t len = 0, count;
        if (sequence.v) {
            if (behind++) return part_fail(&one, HEARTH_EUNSUPPORTED, "a template that has the text twice, known: once");
            continue;
        }
        TRY(part_string(&token, "id", &name, &len));
        if (!name) return part_fail(&one, HEARTH_EFORMAT, "neither SpecialToken nor Sequence, allowed: one of them");
        struct part known = part_member(&tokens, name), ids = part_member(&known, "ids");
        TRY(part_array(&ids, AROUND, &count));
        for (size_t k = 0; k < count; k++) {
            struct part id = part_element(&ids, k);
            TRY(put_around(r, &id, behind, json_is_integer(id.v) ? json_integer_value(id.v) : -1));
        }
    }
    return behind ? HEARTH_OK : part_fail(&single, HEARTH_EUNSUPPORTED, "a template without the text, known: with it");
}

/* ["[SEP]", 102] */
static enum hearth_status read_pair(struct reading *r, const struct part *p, const char *key, int behind) {
    struct part pair = part_member(p, key);
    const json_t *id = json_array_get(pair.v, 1);
    return put_around(r, &pair, behind, json_is_integer(id) ? json_integer_value(id) : -1);
}

static enum hearth_status read_processor(struct reading *r, const struct part *p, int depth) {
    int kind = 0, trim = 1, prefix = 1;
    if (!p->v) return HEARTH_OK;
    if (depth == NESTED_MAX) return part_fail(p, HEARTH_ELIMIT, "nested %d deep, allowed: less", depth);
    TRY(part_type(p, processors, &kind));
    if (kind == TEMPLATE) return read_template(r, p);
    if (kind == SEQUENCE) {
        struct part list = part_member(p, "processors");
        size_t n;
        TRY(part_array(&list, STEPS_MAX, &n));
        for (size_t i = 0; i < n; i++) {
            struct part one = part_element(&list, i);
            TRY(read_processor(r, &one, depth + 1));
        }
        return HEARTH_OK;
    }
    if (kind != BERT) {
        TRY(part_flag(p, "trim_offsets", &trim));
        TRY(part_flag(p, "add_prefix_space", &prefix));
        if (trim) r->p->trim = 1, r->p->trim_prefix = prefix;
    }
    if (kind == BYTE_LEVEL) return HEARTH_OK;
    TRY(read_pair(r, p, "cls", 0));
    return read_pair(r, p, "sep", 1);
}

/* ---- the whole ---- */

static enum hearth_status fill(struct reading *r, const struct part *root, struct vocab *v) {
    static const char *const models[] = { "BPE", "Unigram", "WordPiece", NULL };
    struct part model = part_member(root, "model"), vocab = part_member(&model, "vocab"), added = part_member(root, "added_tokens");
    struct part normalizer = part_member(root, "normalizer"), splitter = part_member(root, "pre_tokenizer");
    struct part decoder = part_member(root, "decoder"), processor = part_member(root, "post_processor");
    int kind = MODEL_BPE;
    size_t n_added = 0, n;
    struct buf pool = { 0 };
    TRY(part_object(root));
    TRY(part_object(&model));
    if (part_member(&model, "type").v) TRY(part_type(&model, models, &kind));
    else kind = json_is_array(vocab.v) ? MODEL_UNIGRAM : part_member(&model, "merges").v ? MODEL_BPE : MODEL_WORDPIECE;
    if (kind == MODEL_UNIGRAM) TRY(part_array(&vocab, VOCAB_SIZE_MAX, &n));
    else TRY(part_object(&vocab));
    if (added.v) TRY(part_array(&added, VOCAB_SIZE_MAX, &n_added));
    TRY(measure(r, &vocab, &added, kind == MODEL_UNIGRAM));
    TRY(kind == MODEL_UNIGRAM ? read_list(r, &vocab) : read_map(r, &vocab));
    for (size_t i = 0; i < n_added; i++) TRY(read_added(r, &added, i));
    TRY(normalizer_init(&r->p->normalizer, &normalizer));
    TRY(splitter_init(&r->p->splitter, &splitter));
    TRY(decoder_init(&r->p->decoder, &decoder));
    TRY(read_processor(r, &processor, 0));
    enum hearth_status st = give_bytes(r, &pool);
    if (st == HEARTH_OK) st = vocab_init_list(v, r->path, r->p->text, r->entry, r->n, kind == MODEL_UNIGRAM);
    buf_free(&pool);
    if (st == HEARTH_OK) st = wordmodel_init(&r->p->model, &model, (enum wordmodel_kind)kind, v);
    return st == HEARTH_OK ? make_tries(r) : st;
}

enum hearth_status pipeline_init_parsed(struct pipeline *p, const char *path, const json_t *json, int64_t rows, struct vocab *v) {
    arena_init(&p->arena, 1 << 20);
    struct reading r = { .p = p, .path = path, .rows = rows };
    struct part root = { .file = path, .v = json };
    enum hearth_status st = tekken_is(json) ? tekken_init(p, &root, v) : fill(&r, &root, v);
    free(r.entry);
    return st;
}

enum hearth_status pipeline_init(struct pipeline *p, const char *path, const char *text, size_t n, int64_t rows, struct vocab *v) {
    json_t *json;
    TRY(jsontext_read_zeros(path, text, n, &json));
    enum hearth_status st = pipeline_init_parsed(p, path, json, rows, v);
    json_decref(json);
    return st;
}

void pipeline_free(struct pipeline *p) {
    normalizer_free(&p->normalizer);
    splitter_free(&p->splitter);
    wordmodel_free(&p->model);
    decoder_free(&p->decoder);
    special_free(&p->raw);
    special_free(&p->normal);
    arena_free(&p->arena);
}

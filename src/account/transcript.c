/* transcript.c - a transcript as JSON, and the commitments of a receipt:
 *
 *     {"transcript": "hearth-transcript/1", "id": ..., "time": ..., "model": {"file", "sha256"},
 *      "prompt":  {"messages": [...], "tokens": [...]},     ┐
 *      "answer":  {"text": "...", "tokens": [...]},         │ each committed to as it stands
 *      "options": {...},                                    ┘       with "grammar": {"kind", "text"} where one held the answer
 *      "salts":   {"prompt": ..., "answer": ..., "options": ...}}
 *
 * Where the files lie is transcript_files.c's. */
#include "account/transcript.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/canonical.h"
#include "account/crypto.h"
#include "account/hex.h"
#include "account/transcript_files.h"
#include "base/jsontext.h"
#include "base/utf8.h"
#include "os/os.h"
#include "text/grammar.h"

static const char form[] = "hearth-transcript/1";
static const char *const kv_word[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0"};
static const char *const arithmetic_word[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float"};
static const char *const grammar_word[] = {[HEARTH_GBNF] = "gbnf", [HEARTH_JSON_SCHEMA] = "json-schema"};
static const char *const part_name[] = {"prompt", "answer", "options"};

/* ---- making ---- */

json_t *float_json(float f)
{
    char text[40];
    snprintf(text, sizeof text, "%a", (double)f);
    return json_string(text);
}

json_t *sampling_json(const struct hearth_sampling *s)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, s->seed);
    return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:i}", "seed", seed, "temperature", float_json(s->temperature),
                     "top_k", s->top_k, "top_p", float_json(s->top_p), "min_p", float_json(s->min_p),
                     "repeat_penalty", float_json(s->repeat_penalty), "presence_penalty", float_json(s->presence_penalty),
                     "frequency_penalty", float_json(s->frequency_penalty), "repeat_last", s->repeat_last);
}

enum hearth_status transcript_put_text(struct buf *to, const char *text, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && text[i]) continue;
        TRY(buf_put(to, text + from, i - from));
        if (i < n) TRY(buf_puts(to, "\xef\xbf\xbd"));
        from = i + 1;
    }
    return HEARTH_OK;
}

static json_t *tokens_json(const int32_t *id, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && list; i++)
        if (json_array_append_new(list, json_integer(id[i])) != 0) json_decref(list), list = NULL;
    return list;
}

/* {"kind", "text"}: part of the options, so that what held the answer is committed to and replayed. */
static json_t *grammar_json(const struct hearth_grammar *g)
{
    enum hearth_grammar_kind kind;
    size_t n;
    const char *text = grammar_source(g, &kind, &n);
    return json_pack("{s:s, s:s%}", "kind", grammar_word[kind], "text", text, n);
}

static json_t *options_json(const struct transcript *t)
{
    const struct hearth_generate_params *p = &t->params;
    json_t *bias = json_array(), *stop = json_array();
    for (size_t i = 0; i < p->sampling.n_bias; i++)
        json_array_append_new(bias, json_pack("[i, o]", (int)p->sampling.bias[i].id, float_json(p->sampling.bias[i].bias)));
    for (size_t i = 0; i < p->n_stop; i++) json_array_append_new(stop, json_string(p->stop[i]));
    int whole = json_array_size(bias) == p->sampling.n_bias && json_array_size(stop) == p->n_stop;
    json_t *j = json_pack("{s:s, s:s, s:I, s:i, s:o, s:o, s:o}", "arithmetic", arithmetic_word[t->arithmetic], "kv", kv_word[t->kv],
                          "context", (json_int_t)t->context, "max_tokens", p->max_tokens, "sampling", sampling_json(&p->sampling),
                          "bias", bias, "stop", stop);
    if (j && p->grammar && json_object_set_new(j, "grammar", grammar_json(p->grammar)) != 0) whole = 0;
    if (j && p->n_shown && json_object_set_new(j, "shown", tokens_json(p->shown, p->n_shown)) != 0) whole = 0;
    if (j && whole) return j;
    json_decref(j);
    return NULL;
}

static json_t *salts_json(struct transcript *t)
{
    uint8_t all[3 * SALT];
    char hex[3][2 * SALT + 1];
    if (crypto_random(all, sizeof all) != HEARTH_OK) return NULL;
    memcpy(t->prompt_salt, all, SALT);
    memcpy(t->answer_salt, all + SALT, SALT);
    memcpy(t->options_salt, all + 2 * SALT, SALT);
    for (int i = 0; i < 3; i++) hex_write(all + i * SALT, SALT, hex[i]);
    return json_pack("{s:s, s:s, s:s}", part_name[0], hex[0], part_name[1], hex[1], part_name[2], hex[2]);
}

enum hearth_status transcript_make(struct transcript *t, const char *time, const char *model_path, const char *model_sha256)
{
    json_t *salts = salts_json(t);
    char *real = realpath(model_path, NULL);           /* found again from another folder */
    const char *file = real && utf8_valid(real, strlen(real), NULL) ? real : "";
    if (!salts) {
        free(real);
        return fail(HEARTH_EIO, "no random numbers for the salts of a transcript");
    }
    t->json = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:O, s:o}, s:{s:s, s:o}, s:o, s:o}", "transcript", form, "id", t->id, "time", time,
                        "model", "file", file, "sha256", model_sha256, "prompt", "messages", t->messages, "tokens",
                        tokens_json(t->prompt, t->n_prompt), "answer", "text", t->text, "tokens",
                        tokens_json(t->answer, t->n_answer), "options", options_json(t), "salts", salts);
    free(real);
    return t->json ? HEARTH_OK : fail_memory(0);
}

/* SHA-256("hearth/<part>/v1" 0x00 salt canonical content) */
static enum hearth_status commit(const struct transcript *t, int part, char hex[65])
{
    const uint8_t *const salt[] = {t->prompt_salt, t->answer_salt, t->options_salt};
    struct buf content = {0};
    char domain[32];
    uint8_t sum[CRYPTO_HASH];
    int n = snprintf(domain, sizeof domain, "hearth/%s/v1", part_name[part]) + 1;
    enum hearth_status st = canonical_put(&content, json_object_get(t->json, part_name[part]));
    struct crypto_part parts[] = {{domain, (size_t)n}, {salt[part], SALT}, {content.data, content.len}};
    if (st == HEARTH_OK) st = crypto_sha256(parts, 3, sum);
    if (st == HEARTH_OK) hex_write(sum, sizeof sum, hex);
    buf_free(&content);
    return st;
}

enum hearth_status transcript_commit(const struct transcript *t, struct transcript_commitments *out)
{
    TRY(commit(t, 0, out->prompt));
    TRY(commit(t, 1, out->answer));
    return commit(t, 2, out->options);
}

enum hearth_status transcript_check(const struct transcript *t, const struct receipt *r)
{
    const char *wanted[] = {r->prompt_commitment, r->answer_commitment, r->options_commitment};
    static const char *const key[] = {"prompt", "answer", "options"};
    char sum[65];
    int labels = strcmp(r->kind_name, "classification") == 0;
    for (int i = 0; labels && i < 3; i++)
        if (!(wanted[i] = json_string_value(json_object_get(json_object_get(r->json, "commitments"), key[i])))) wanted[i] = "";
    if (r->kind != RECEIPT_ANSWER && !labels) return fail(HEARTH_EUSAGE, "receipt %s is a %s, not an answer", r->id, r->kind_name);
    if (strcmp(t->id, r->id) != 0) return fail(HEARTH_ECHECKSUM, "the transcript is that of receipt %s, not of %s", t->id, r->id);
    for (int part = 0; part < 3; part++) {
        TRY(commit(t, part, sum));
        if (strcmp(sum, wanted[part]) != 0)
            return fail(HEARTH_ECHECKSUM, "the %s of the transcript %s not what the receipt committed to: one of the two was changed",
                        part_name[part], part == 2 ? "are" : "is");
    }
    if (labels) return HEARTH_OK;                              /* texts are counted there, not tokens */
    if (t->n_prompt != r->prompt_tokens || t->n_answer != r->answer_tokens)
        return fail(HEARTH_ECHECKSUM, "the receipt counts %" PRIu64 " and %" PRIu64 " tokens, its transcript %zu and %zu", r->prompt_tokens,
                    r->answer_tokens, t->n_prompt, t->n_answer);
    return HEARTH_OK;
}

/* ---- reading ---- */

static enum hearth_status bad(const char *path, const char *field, const char *wanted)
{
    return fail(HEARTH_EFORMAT, "%s: a damaged transcript: %s should be %s", path, field, wanted);
}

static enum hearth_status read_tokens(const char *path, const char *field, const json_t *list, int32_t **out, size_t *n)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list)) return bad(path, field, "a list of token ids");
    if (!(*out = mem_array(count ? count : 1, sizeof **out))) return HEARTH_ENOMEM;
    for (*n = 0; *n < count; ++*n) {
        const json_t *v = json_array_get(list, *n);
        json_int_t id = json_is_integer(v) ? json_integer_value(v) : -1;
        if (id < 0 || id > INT32_MAX) return bad(path, field, "a list of token ids");
        (*out)[*n] = (int32_t)id;
    }
    return HEARTH_OK;
}

static int read_float(const json_t *v, float *out)
{
    const char *s = json_string_value(v);
    char *end;
    if (!s || !*s || strlen(s) > 40) return 0;
    *out = strtof(s, &end);
    return !*end && isfinite(*out);
}

/* A bias may forbid a token: "-inf". */
static int read_bias(const json_t *v, float *out)
{
    if (read_float(v, out)) return 1;
    if (!json_is_string(v) || strcmp(json_string_value(v), "-inf") != 0) return 0;
    *out = -INFINITY;
    return 1;
}

static int read_int(const json_t *v, int least, int *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < least || json_integer_value(v) > INT32_MAX) return 0;
    *out = (int)json_integer_value(v);
    return 1;
}

static int read_word(const json_t *v, const char *const *words, int n)
{
    for (int i = 0; i < n && json_is_string(v); i++)
        if (!strcmp(words[i], json_string_value(v))) return i;
    return -1;
}

static int read_sampling(const json_t *j, struct hearth_sampling *s)
{
    const char *seed = json_string_value(json_object_get(j, "seed"));
    char *end = NULL;
    if (seed) s->seed = strtoull(seed, &end, 10);
    return seed && *seed && !*end && read_float(json_object_get(j, "temperature"), &s->temperature) &&
           read_int(json_object_get(j, "top_k"), 0, &s->top_k) && read_float(json_object_get(j, "top_p"), &s->top_p) &&
           read_float(json_object_get(j, "min_p"), &s->min_p) &&
           read_float(json_object_get(j, "repeat_penalty"), &s->repeat_penalty) &&
           read_float(json_object_get(j, "presence_penalty"), &s->presence_penalty) &&
           read_float(json_object_get(j, "frequency_penalty"), &s->frequency_penalty) &&
           read_int(json_object_get(j, "repeat_last"), -1, &s->repeat_last);
}

static enum hearth_status read_lists(const char *path, const json_t *o, struct hearth_generate_params *p)
{
    const json_t *bias = json_object_get(o, "bias"), *stop = json_object_get(o, "stop");
    size_t n = json_array_size(bias), m = json_array_size(stop);
    struct hearth_bias *b = mem_array(n ? n : 1, sizeof *b);
    const char **s = mem_array(m ? m : 1, sizeof *s);
    p->sampling.bias = b;
    p->stop = s;
    if (!b || !s) return HEARTH_ENOMEM;
    if (!json_is_array(bias) || !json_is_array(stop)) return bad(path, "options.bias and options.stop", "lists");
    for (; p->sampling.n_bias < n; p->sampling.n_bias++) {
        const json_t *pair = json_array_get(bias, p->sampling.n_bias);
        int id;
        if (!read_int(json_array_get(pair, 0), 0, &id) || !read_bias(json_array_get(pair, 1), &b[p->sampling.n_bias].bias))
            return bad(path, "options.bias", "pairs of a token id and a number as text");
        b[p->sampling.n_bias].id = id;
    }
    for (; p->n_stop < m; p->n_stop++)
        if (!(s[p->n_stop] = json_string_value(json_array_get(stop, p->n_stop)))) return bad(path, "options.stop", "texts");
    return HEARTH_OK;
}

static enum hearth_status read_grammar(const char *path, const json_t *g, struct transcript *t)
{
    int kind = read_word(json_object_get(g, "kind"), grammar_word, 2);
    if (!g) return HEARTH_OK;
    t->grammar = json_string_value(json_object_get(g, "text"));
    if (kind < 0 || !t->grammar) return bad(path, "options.grammar", "a kind, gbnf or json-schema, and a text");
    t->grammar_kind = (enum hearth_grammar_kind)kind;
    return HEARTH_OK;
}

/* Control tokens whose text was shown: a stop string may have been met in it. */
static enum hearth_status read_shown(const char *path, const json_t *list, struct hearth_generate_params *p)
{
    int32_t *shown = NULL;
    if (!list) return HEARTH_OK;
    enum hearth_status st = read_tokens(path, "options.shown", list, &shown, &p->n_shown);
    p->shown = shown;
    return st;
}

static enum hearth_status read_options(const char *path, const json_t *o, struct transcript *t)
{
    int context = 0, kv = read_word(json_object_get(o, "kv"), kv_word, 3),
        arithmetic = read_word(json_object_get(o, "arithmetic"), arithmetic_word, 2);
    if (kv < 0) return bad(path, "options.kv", "f16, f32 or q8_0");
    if (arithmetic < 0) return bad(path, "options.arithmetic", "quant or float");
    if (!read_int(json_object_get(o, "context"), 1, &context)) return bad(path, "options.context", "a number of tokens");
    if (!read_int(json_object_get(o, "max_tokens"), -1, &t->params.max_tokens)) return bad(path, "options.max_tokens", "-1 or more");
    if (!read_sampling(json_object_get(o, "sampling"), &t->params.sampling)) return bad(path, "options.sampling", "the nine values of a sampler");
    t->kv = (enum hearth_kv)kv;
    t->arithmetic = (enum hearth_arithmetic)arithmetic;
    t->context = (uint32_t)context;
    t->params.logprobs = -1;
    TRY(read_grammar(path, json_object_get(o, "grammar"), t));
    TRY(read_shown(path, json_object_get(o, "shown"), &t->params));
    return read_lists(path, o, &t->params);
}

static enum hearth_status read_parts(const char *path, struct transcript *t)
{
    const json_t *prompt = json_object_get(t->json, "prompt"), *answer = json_object_get(t->json, "answer"),
                 *salts = json_object_get(t->json, "salts");
    const char *is = json_string_value(json_object_get(t->json, "transcript"));
    uint8_t *const salt[] = {t->prompt_salt, t->answer_salt, t->options_salt};
    if (!is || strcmp(is, form) != 0) return fail(HEARTH_EFORMAT, "%s: not a transcript: \"transcript\" should be \"%s\"", path, form);
    t->id = json_string_value(json_object_get(t->json, "id"));
    if (!t->id || !transcript_is_id(t->id)) return bad(path, "id", "32 hex digits");
    t->messages = json_object_get(prompt, "messages");
    if (!json_is_array(t->messages)) return bad(path, "prompt.messages", "a list");
    t->text = json_string_value(json_object_get(answer, "text"));
    if (!t->text) return bad(path, "answer.text", "a text");
    for (int i = 0; i < 3; i++)
        if (!hex_read(json_string_value(json_object_get(salts, part_name[i])), salt[i], SALT)) return bad(path, "salts", "three times 64 hex digits");
    TRY(read_tokens(path, "prompt.tokens", json_object_get(prompt, "tokens"), &t->prompt, &t->n_prompt));
    TRY(read_tokens(path, "answer.tokens", json_object_get(answer, "tokens"), &t->answer, &t->n_answer));
    return read_options(path, json_object_get(t->json, "options"), t);
}

static enum hearth_status parse(const char *path, const char *text, size_t n, struct transcript *out)
{
    *out = (struct transcript){0};
    TRY(jsontext_read(path, text, n, &out->json));
    enum hearth_status st = read_parts(path, out);
    if (st != HEARTH_OK) transcript_free(out);
    return st;
}

void transcript_free(struct transcript *t)
{
    free(t->prompt);
    free(t->answer);
    free((void *)t->params.sampling.bias);
    free((void *)t->params.stop);
    free((void *)t->params.shown);
    json_decref(t->json);
    *t = (struct transcript){0};
}

enum hearth_status transcript_load(const char *id, struct transcript *out)
{
    char *path = NULL;
    struct buf text = {0};
    *out = (struct transcript){0};
    enum hearth_status st = transcript_text(id, &path, &text);
    if (st == HEARTH_OK) st = parse(path, text.data, text.len, out);
    free(path);
    buf_free(&text);
    return st;
}

enum hearth_status transcript_read(const char *path, struct transcript *out)
{
    struct buf text = {0};
    *out = (struct transcript){0};
    enum hearth_status st = transcript_file_text(path, &text);
    if (st == HEARTH_OK) st = parse(path, text.data, text.len, out);
    buf_free(&text);
    return st;
}

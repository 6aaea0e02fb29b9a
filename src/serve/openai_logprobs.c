/* openai_logprobs.c - log-probabilities: noted on the engine's thread, written as JSON when they are sent.
 *
 *     chat          {"content": [{"token", "logprob", "bytes", "top_logprobs": [...]}, ...], "refusal": null}
 *     completions   {"tokens": [...], "token_logprobs": [...], "top_logprobs": [{token: logprob}, ...], "text_offset": [...]}
 *
 * A token that is no whole UTF-8 is shown as OpenAI did, "bytes:\xe2\x80", so that two of them stay apart.  Offsets count characters
 * of the text that is returned.  The first token of a prompt has no log-probability: null. */
#include "serve/openai_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static size_t held;                  /* by all: atomic */

const char seen_full[] = "the log-probabilities of all answers under way fill the memory there is for them; try again, or ask for fewer answers, tokens or alternatives";

static void let_go(const struct seen *s)
{
    __atomic_fetch_sub(&held, s->n + s->n_top, __ATOMIC_RELAXED);
}

enum hearth_status seen_add(struct seen *s, const struct hearth_token *t)
{
    if (__atomic_load_n(&held, __ATOMIC_RELAXED) + 1 + (size_t)t->n_top > SEEN_MOST) return fail(HEARTH_EBUSY, "%s", seen_full);
    TRY(mem_grow(&s->token, &s->cap, s->n + 1, sizeof *s->token));
    if (t->n_top) TRY(mem_grow(&s->top, &s->cap_top, s->n_top + (size_t)t->n_top, sizeof *s->top));
    s->token[s->n++] = (struct seen_token){t->id, t->logprob, t->n_top, s->n_top};
    if (t->n_top) memcpy(s->top + s->n_top, t->top, (size_t)t->n_top * sizeof *t->top);
    s->n_top += (size_t)t->n_top;
    __atomic_fetch_add(&held, 1 + (size_t)t->n_top, __ATOMIC_RELAXED);
    return HEARTH_OK;
}

void seen_free(struct seen *s)
{
    let_go(s);
    free(s->token);
    free(s->top);
    *s = (struct seen){0};
}

static json_t *number(float logprob)
{
    return isfinite(logprob) ? json_real((double)logprob) : json_null();
}

/* ---- chat ---- */

static json_t *one(const struct hearth_model *m, int32_t id, float logprob)
{
    size_t n;
    const char *text = ask_piece(m, id, &n);
    json_t *bytes = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(bytes, json_integer((unsigned char)text[i]));
    return json_pack("{s:o, s:o, s:o}", "token", wants_string(text, n), "logprob", number(logprob), "bytes", bytes);
}

json_t *seen_chat(struct seen *s, const struct hearth_model *m)
{
    json_t *list = json_array();
    if (s->told == s->n) {
        json_decref(list);
        return NULL;
    }
    for (; s->told < s->n; s->told++) {
        const struct seen_token *t = &s->token[s->told];
        json_t *token = one(m, t->id, t->logprob), *top = json_array();
        for (int i = 0; i < t->n_top; i++) json_array_append_new(top, one(m, s->top[t->top + (size_t)i].id, s->top[t->top + (size_t)i].logprob));
        json_object_set_new(token, "top_logprobs", top);
        json_array_append_new(list, token);
    }
    return json_pack("{s:o, s:n}", "content", list, "refusal");
}

/* ---- completions ---- */

/* The token's text, or "bytes:\x.."; *characters: how many it is of. */
static void name_of(const struct hearth_model *m, int32_t id, char out[2100], size_t *characters)
{
    size_t n, at = 0;
    uint32_t cp;
    const char *text = ask_piece(m, id, &n);
    *characters = 0;
    if (utf8_valid(text, n, NULL) && !memchr(text, 0, n)) {
        memcpy(out, text, n + 1);
        for (; at < n; ++*characters) at += (size_t)utf8_read(text + at, n - at, &cp);
        return;
    }
    char *to = out + sprintf(out, "bytes:");
    for (; at < n; at++) to += sprintf(to, "\\x%02x", (unsigned char)text[at]);
}

json_t *seen_legacy_begin(void)
{
    return json_pack("{s:[], s:[], s:[], s:[]}", "tokens", "token_logprobs", "top_logprobs", "text_offset");
}

static void add(json_t *to, const char *list, json_t *value)
{
    json_array_append_new(json_object_get(to, list), value);
}

/* Characters of the token in the text that is shown: none of a control token. */
static size_t shown(const struct hearth_model *m, int32_t id, size_t characters)
{
    char *text = NULL;
    size_t n = 0;
    const int32_t twice[2] = {id, id};                 /* the second keeps its blank */
    int none = hearth_detokenize(m, twice, 2, 0, &text, &n) == HEARTH_OK && n == 0;
    hearth_free(text);
    return none ? 0 : characters;
}

void seen_legacy(json_t *to, const struct seen *s, size_t from, const struct hearth_model *m, size_t *offset)
{
    char name[2100];
    size_t characters, ignored;
    for (size_t i = from; i < s->n; i++) {
        const struct seen_token *t = &s->token[i];
        json_t *top = isfinite(t->logprob) ? json_object() : json_null();
        for (int k = 0; k < t->n_top && json_is_object(top); k++) {
            name_of(m, s->top[t->top + (size_t)k].id, name, &ignored);
            json_object_set_new(top, name, number(s->top[t->top + (size_t)k].logprob));
        }
        name_of(m, t->id, name, &characters);
        if (json_is_object(top)) json_object_set_new(top, name, number(t->logprob));
        add(to, "tokens", json_string(name));
        add(to, "token_logprobs", number(t->logprob));
        add(to, "top_logprobs", top);
        add(to, "text_offset", json_integer((json_int_t)*offset));
        *offset += shown(m, t->id, characters);
    }
}

void seen_legacy_end(json_t *to, size_t offset)
{
    add(to, "tokens", json_string(""));
    add(to, "token_logprobs", json_null());
    add(to, "top_logprobs", json_null());
    add(to, "text_offset", json_integer((json_int_t)offset));
}

/* replay_check.c - what a replay compares beside the tokens: everything else that receipt and transcript say about the answer.
 *
 *     receipt ◄──── options of the transcript        sampling, arithmetic, keys and values, constrained
 *        ▲ ▲
 *        │ └─────── the model's file                 family, digests of tokenizer and template
 *        └───────── the answer made again            why it ended
 *     transcript ◄─ the answer made again            its text
 *     messages ◄──► tokens of the prompt             the same words?
 *
 * Somebody who makes up receipt and transcript together has commitments that agree; the tokens he must take from a real answer, or
 * they are not equal.  So nothing that people read may stand beside them unexamined. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/answer.h"
#include "account/replay.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/model.h"

/* ---- what is said ---- */

/* What was cut in the middle of a character stays UTF-8. */
static void add(char *to, size_t size, const char *fmt, va_list ap)
{
    size_t n = strlen(to), bad;
    if (n && n + 2 < size) n += (size_t)snprintf(to + n, size - n, "; ");
    vsnprintf(to + n, size - n, fmt, ap);
    while (!utf8_valid(to, strlen(to), &bad)) to[bad] = '?';
}

void replay_contradict(struct replay *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(out->contradiction, sizeof out->contradiction, fmt, ap);
    va_end(ap);
}

static void remark(struct replay *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(out->words_why, sizeof out->words_why, fmt, ap);
    va_end(ap);
}

/* ---- the receipt and the options ---- */

static void number(struct replay *out, const char *what, double receipt, double options)
{
    if (receipt != options) replay_contradict(out, "the receipt says %s %g, the transcript's options %g", what, receipt, options);
}

static void word(struct replay *out, const char *what, const char *receipt, const char *other, const char *whose)
{
    if (strcmp(receipt, other) != 0)
        replay_contradict(out, "the receipt says %s %s, %s %s", what, *receipt ? receipt : "none", whose, *other ? other : "none");
}

void replay_check_options(const struct receipt *r, const struct transcript *t, struct replay *out)
{
    static const char *const kv[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0"};
    static const char whose[] = "the transcript's options";
    const struct hearth_sampling *a = &r->sampling, *b = &t->params.sampling;
    number(out, "temperature", (double)a->temperature, (double)b->temperature);
    number(out, "top_k", a->top_k, b->top_k);
    number(out, "top_p", (double)a->top_p, (double)b->top_p);
    number(out, "min_p", (double)a->min_p, (double)b->min_p);
    number(out, "repeat_penalty", (double)a->repeat_penalty, (double)b->repeat_penalty);
    number(out, "presence_penalty", (double)a->presence_penalty, (double)b->presence_penalty);
    number(out, "frequency_penalty", (double)a->frequency_penalty, (double)b->frequency_penalty);
    number(out, "repeat_last", a->repeat_last, b->repeat_last);
    if (json_object_get(json_object_get(r->json, "sampling"), "seed") && a->seed != b->seed)
        replay_contradict(out, "the receipt says seed %" PRIu64 ", %s %" PRIu64, a->seed, whose, b->seed);
    word(out, "arithmetic", r->arithmetic.kind, t->arithmetic == HEARTH_FLOAT ? "float" : "quant", whose);
    word(out, "keys and values in", r->arithmetic.kv, kv[t->kv], whose);
    if (!!r->constrained != !!t->grammar)
        replay_contradict(out, "the receipt says that %s held the answer to a form, and the transcript's options have %s",
                          r->constrained ? "a grammar or a schema" : "nothing", t->grammar ? "one" : "none");
    if (r->truncated_from && r->truncated_to != r->prompt_tokens)
        replay_contradict(out, "the receipt says that the prompt was cut to %" PRIu64 " tokens, and that it has %" PRIu64, r->truncated_to, r->prompt_tokens);
}

/* ---- the receipt and the model ---- */

/* Only of the very file: of another one it is said that it is another. */
enum hearth_status replay_check_model(const struct receipt *r, const struct hearth_model *m, struct replay *out)
{
    char tokenizer[65], template[65];
    TRY(answer_tokenizer_digest(m->file, tokenizer));
    TRY(answer_template_digest(m, template));
    word(out, "architecture", r->model.architecture, m->info.architecture, "the model's file");
    word(out, "tokenizer_sha256", r->tokenizer_sha256, tokenizer, "the model's is");
    word(out, "template_sha256", r->template_sha256, template, "the model's is");
    return HEARTH_OK;
}

/* ---- the answer made again ---- */

/* A cancelled answer's text may lack what was held back, and the last token's: `least` bytes were shown before that. */
void replay_check_answer(const struct receipt *r, const struct transcript *t, const struct buf *text, size_t least,
                         enum hearth_finish finish, struct replay *out)
{
    static const char *const ends[] = {
        [HEARTH_FINISH_STOP] = "stop", [HEARTH_FINISH_LENGTH] = "length", [HEARTH_FINISH_CANCELLED] = "cancelled"};
    int cancelled = !strcmp(r->finish, "cancelled");
    const char *is = text->data ? text->data : "";
    size_t n = strlen(t->text), same = 0;
    if (!cancelled) word(out, "finish", r->finish, ends[finish], "made again it is");
    while (same < n && same < text->len && is[same] == t->text[same]) same++;
    if (same == n && (n == text->len || (cancelled && n >= least))) return;
    while (same && ((unsigned char)t->text[same] & 0xC0) == 0x80) same--;
    replay_contradict(out, "the transcript's text is not that of the tokens: from byte %zu on it is \"%.40s\", theirs \"%.*s\"", same + 1,
                      t->text + same, (int)(text->len - same < 40 ? text->len - same : 40), is + same);
}

/* ---- the words of the prompt ---- */

static int same_tokens(const struct transcript *t, const int32_t *id, size_t n)
{
    return n == t->n_prompt && !memcmp(id, t->prompt, n * sizeof *id);
}

/* The ways a prompt is made of messages alone: the model's own template, or one text as it is. */
static int made_alike(const struct hearth_model *m, const struct transcript *t)
{
    static const int flags[] = {HEARTH_TOK_SPECIAL, HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE};
    const json_t *last = json_array_get(t->messages, json_array_size(t->messages) - 1), *content = json_object_get(last, "content");
    char *text = *m->info.chat_template ? json_dumps(t->messages, JSON_COMPACT) : NULL;
    int32_t *id = NULL;
    size_t n = 0;
    int same = text && hearth_chat_tokenize(m, text, NULL, 1, &id, &n) == HEARTH_OK && same_tokens(t, id, n);
    free(text);
    hearth_free(id);
    for (int i = 0; i < 2 && !same && json_array_size(t->messages) == 1 && json_is_string(content); i++) {
        id = NULL;
        same = hearth_tokenize(m, json_string_value(content), json_string_length(content), flags[i], &id, &n) == HEARTH_OK && same_tokens(t, id, n);
        hearth_free(id);
    }
    return same;
}

/* A template takes the white space around a text away, and a tokenizer may write some characters in another way. */
static int stands_in(const struct hearth_model *m, const char *prompt, size_t n_prompt, const char *s, size_t n)
{
    static const char white[] = " \t\r\n";
    int32_t *id = NULL;
    size_t n_id = 0, n_back = 0;
    char *back = NULL;
    while (n && strchr(white, *s)) s++, n--;
    while (n && strchr(white, s[n - 1])) n--;
    int found = n == 0 || memmem(prompt, n_prompt, s, n) != NULL;
    if (!found && hearth_tokenize(m, s, n, 0, &id, &n_id) == HEARTH_OK && hearth_detokenize(m, id, n_id, HEARTH_TOK_PARSE, &back, &n_back) == HEARTH_OK) {
        size_t skip = n_back && *back == ' ';
        found = memmem(prompt, n_prompt, back + skip, n_back - skip) != NULL;
    }
    hearth_free(id);
    hearth_free(back);
    return found;
}

/* Each message's words are looked for in the text of the prompt.  What a person asked stands in every prompt; of the rest, a template may
 * leave out or put otherwise, and where the prompt was cut, only its end must be there. */
static enum hearth_status look_for_words(const struct receipt *r, const struct transcript *t, const struct hearth_model *m, struct replay *out)
{
    size_t count = json_array_size(t->messages), n = 0, found = 0;
    char *prompt = NULL;
    TRY(hearth_detokenize(m, t->prompt, t->n_prompt, HEARTH_TOK_PARSE, &prompt, &n));
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(t->messages, i), *content = json_object_get(one, "content");
        const char *role = json_string_value(json_object_get(one, "role"));
        if (!json_is_string(content)) continue;
        if (stands_in(m, prompt, n, json_string_value(content), json_string_length(content))) found++;
        else if (role && !strcmp(role, "user") && (!r->truncated_from || i + 1 == count))
            replay_contradict(out, "the words of message %zu (\"%.40s\") do not stand in the tokens of the prompt", i + 1, json_string_value(content));
    }
    hearth_free(prompt);
    out->words = found ? REPLAY_WORDS_IN_PART : REPLAY_WORDS_NOT;
    if (found)
        remark(out, "the words of %zu of %zu messages stand in the tokens of the prompt; the rest of the prompt was not compared, since the model's own "
               "template makes another one of these messages alone (tools, a date, a template of its own)", found, count);
    return HEARTH_OK;
}

enum hearth_status replay_check_words(const struct receipt *r, const struct transcript *t, const struct hearth_model *m, struct replay *out)
{
    enum hearth_status st = HEARTH_OK;
    out->words = REPLAY_WORDS_NOT;
    if (!(out->causes & REPLAY_OTHER_MODEL) && json_array_size(t->messages)) {
        if (made_alike(m, t)) out->words = REPLAY_WORDS_COMPARED;
        else st = look_for_words(r, t, m, out);
    }
    if (out->words == REPLAY_WORDS_NOT) remark(out, "the words of the prompt were not compared with its tokens");
    return st;
}

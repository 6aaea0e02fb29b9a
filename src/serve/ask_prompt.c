/* ask_prompt.c - the tokens of a prompt: of ids, of a text, or of a conversation through the model's chat template.
 *
 * Tools go to the template when it knows of them.  Else their description stands before the system prompt, and earlier calls and
 * results are told in plain messages, since such templates pass over them.  Nothing is left out to make a prompt fit unless that was
 * asked for; then the oldest messages go, never those of the system, never the last. */
#include "serve/ask_in.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "serve/share.h"

int run_has_tools(const struct run *r)
{
    return r->a.messages && json_array_size(r->a.tools) > 0 && !(r->a.tool_choice && !strcmp(r->a.tool_choice, "none"));
}

/* ---- long texts ---- */

/* Until it is tokens a word of n bytes takes forty times as many, so that a few clients with megabytes of one letter would take gigabytes
 * together: of long texts one is read at a time, and few may wait for it. */
enum { LONG_TEXT = 64 << 10 };
static pthread_mutex_t long_text = PTHREAD_MUTEX_INITIALIZER;
static int long_texts;

/* Its turn, where it is long. */
static enum hearth_status begin_text(size_t n)
{
    if (n <= LONG_TEXT) return HEARTH_OK;
    TRY(share_count(&long_texts, SHARE_TEXTS, "long texts are being read"));
    pthread_mutex_lock(&long_text);
    return HEARTH_OK;
}

static enum hearth_status end_text(size_t n, enum hearth_status st)
{
    if (n <= LONG_TEXT) return st;
    pthread_mutex_unlock(&long_text);
    share_uncount(&long_texts);
    return st;
}

enum hearth_status ask_tokenize(const struct hearth_model *m, const char *text, size_t n, int flags, int32_t **ids, size_t *n_ids)
{
    TRY(begin_text(n));
    return end_text(n, hearth_tokenize(m, text, n, flags, ids, n_ids));
}

enum hearth_status ask_embed_tokenize(const struct hearth_model *m, const struct hearth_embed_text *t, int32_t **ids, size_t *n, size_t *left_out)
{
    TRY(begin_text(t->len));
    return end_text(t->len, hearth_embed_tokenize(m, t, ids, n, left_out));
}

static enum hearth_status tokenize_chat(const struct hearth_model *m, const struct hearth_chat *c, int32_t **ids, size_t *n)
{
    size_t len = strlen(c->messages);
    if (c->chat_template) TRY(share_turn(SHARE_TEMPLATES));      /* a client may have written it */
    enum hearth_status st = begin_text(len);
    if (st == HEARTH_OK) st = end_text(len, hearth_chat_tokenize_with(m, c, ids, n));
    if (c->chat_template) share_turn_over(SHARE_TEMPLATES);
    return st;
}

/* ---- the token's own bytes ---- */

const char *ask_piece(const struct hearth_model *m, int32_t id, size_t *n)
{
    /* Decoding takes away the blank that a tokenizer put before a text, so one token alone may lose its own.  The second of two equal
     * ones keeps it. */
    static __thread char kept[512];
    int32_t twice[2] = {id, id};
    char *one = NULL, *two = NULL;
    size_t n_one = 0, n_two = 0;
    *n = 0;
    kept[0] = 0;
    if (hearth_detokenize(m, twice, 1, HEARTH_TOK_PARSE, &one, &n_one) == HEARTH_OK &&
        hearth_detokenize(m, twice, 2, HEARTH_TOK_PARSE, &two, &n_two) == HEARTH_OK && n_two > n_one && n_two - n_one < sizeof kept) {
        *n = n_two - n_one;
        memcpy(kept, two + n_one, *n);
        kept[*n] = 0;
    }
    hearth_free(one);
    hearth_free(two);
    return kept;
}

/* One token of that text, or -1. */
static int32_t special(const struct hearth_model *m, const char *text)
{
    int32_t *ids = NULL, id = -1;
    size_t n = 0;
    if (hearth_tokenize(m, text, strlen(text), HEARTH_TOK_PARSE, &ids, &n) == HEARTH_OK && n == 1) id = ids[0];
    hearth_free(ids);
    return id;
}

/* ---- tools in words ---- */

static const char *content_of(const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "content"));
    return text ? text : "";
}

/* The calls as the family writes them, after what was said. */
static json_t *call_in_words(const struct run *r, const json_t *message)
{
    struct buf b = {0};
    size_t i;
    json_t *call, *plain = json_array();
    enum hearth_status st = buf_puts(&b, content_of(message));
    json_array_foreach(json_object_get(message, "tool_calls"), i, call) {
        const json_t *f = json_object_get(call, "function");
        json_array_append_new(plain, json_pack("{s:O?, s:O?}", "name", json_object_get(f, "name"), "arguments", json_object_get(f, "arguments")));
    }
    if (st == HEARTH_OK && b.len) st = buf_putc(&b, '\n');
    if (st == HEARTH_OK) st = toolcall_write(r->format, plain, &b);
    json_t *out = st == HEARTH_OK ? json_pack("{s:s, s:s%}", "role", "assistant", "content", b.data ? b.data : "", b.len) : NULL;
    json_decref(plain);
    buf_free(&b);
    return out;
}

static json_t *result_in_words(const json_t *message)
{
    const char *name = json_string_value(json_object_get(message, "name"));
    struct buf b = {0};
    json_t *out = NULL;
    if (buf_printf(&b, "Result of the tool%s%s: %s", name ? " " : "", name ? name : "", content_of(message)) == HEARTH_OK)
        out = json_pack("{s:s, s:s%}", "role", "user", "content", b.data, b.len);
    buf_free(&b);
    return out;
}

static json_t *system_with(const struct buf *words, const json_t *system)
{
    struct buf b = {0};
    json_t *out = NULL;
    if (buf_put(&b, words->data, words->len) == HEARTH_OK &&
        (!system || buf_printf(&b, "\n\n%s", content_of(system)) == HEARTH_OK))
        out = json_pack("{s:s, s:s%}", "role", "system", "content", b.data, b.len);
    buf_free(&b);
    return out;
}

static int has_role(const json_t *message, const char *role)
{
    const char *is = json_string_value(json_object_get(message, "role"));
    return is && !strcmp(is, role);
}

/* Of a template that takes tools and does not write the calls of earlier turns, only those are put in words. */
static enum hearth_status in_words(struct run *r)
{
    struct buf words = {0};
    size_t i;
    json_t *m, *out = json_array();
    enum hearth_status st = r->native ? HEARTH_OK : toolcall_prompt(r->a.tools, &words);
    const json_t *first = json_array_get(r->a.messages, 0);
    int system = has_role(first, "system") && !r->native, bad = !out;
    if (st == HEARTH_OK && !bad && !r->native) bad = json_array_append_new(out, system_with(&words, system ? first : NULL));
    json_array_foreach(r->a.messages, i, m) {
        if (st != HEARTH_OK || bad || (i == 0 && system)) continue;
        if (json_array_size(json_object_get(m, "tool_calls"))) bad = json_array_append_new(out, call_in_words(r, m));
        else if (has_role(m, "tool") && !r->native) bad = json_array_append_new(out, result_in_words(m));
        else bad = json_array_append(out, m);
    }
    buf_free(&words);
    r->messages = out;
    return st == HEARTH_OK && bad ? fail_memory(0) : st;
}

/* ---- a conversation ---- */

/* Variables of the template beyond messages and tools, as text; NULL: none. */
static enum hearth_status variables(const struct ask *a, char **out)
{
    *out = NULL;
    if (a->think < 0 && !a->template_more) return HEARTH_OK;
    json_t *v = json_object();
    int bad = !v || (a->think >= 0 && json_object_set_new(v, "enable_thinking", json_boolean(a->think))) ||
              (a->template_more && json_object_update(v, (json_t *)a->template_more));
    if (!bad) *out = jsontext_dump(v);
    json_decref(v);
    return *out ? HEARTH_OK : fail_memory(0);
}

/* Without the first `left_out` messages that are not the system's; *some: how many there are of such. */
static json_t *without(const json_t *messages, size_t left_out, size_t *some)
{
    json_t *out = json_array(), *m;
    size_t i;
    *some = 0;
    json_array_foreach(messages, i, m) {
        int system = has_role(m, "system");
        *some += !system;
        if (system || *some > left_out) json_array_append(out, m);
    }
    return out;
}

static enum hearth_status render(struct run *r, size_t left_out, size_t *some)
{
    struct hearth_chat c = {.generate = 1, .chat_template = r->a.chat_template, .begun = r->a.begun_with};
    json_t *messages = without(r->messages, left_out, some);
    char *text = messages ? jsontext_dump(messages) : NULL, *more = NULL;
    char *tools = text && run_has_tools(r) && r->native ? jsontext_dump(r->a.tools) : NULL;
    enum hearth_status st = text ? variables(&r->a, &more) : fail_memory(0);
    hearth_free(r->ids);
    r->ids = NULL;
    c.messages = text;
    c.tools = tools;
    c.variables = more;
    if (st == HEARTH_OK) st = tokenize_chat(r->m->model, &c, &r->ids, &r->n);
    free(more);
    free(tools);
    free(text);
    json_decref(messages);
    return st;
}

/* Tokens that a prompt may have beside an answer. */
static size_t room(const struct run *r, uint32_t ctx)
{
    size_t answer = ctx / 4;
    if (r->a.g.max_tokens >= 0 && (size_t)r->a.g.max_tokens < answer) answer = (size_t)r->a.g.max_tokens;
    return ctx - (answer ? answer : 1);
}

/* The tags of calls that are control tokens, so that their text is seen. */
static enum hearth_status marks(struct run *r)
{
    const char *const *mark = toolcall_marks(r->format);
    size_t n = 0;
    while (mark[n]) n++;
    if (!(r->shown = mem_array(n + 1, sizeof *r->shown))) return HEARTH_ENOMEM;
    for (; *mark; mark++) {
        int32_t id = special(r->m->model, *mark);
        if (id >= 0) r->shown[r->n_shown++] = id;
    }
    return HEARTH_OK;
}

/* Whether the template itself has opened <think>: the last words of the prompt say so. */
static int ends_thinking(const struct run *r)
{
    enum { LAST = 16 };
    size_t n = r->n < LAST ? r->n : LAST, len = 0;
    char *text = NULL;
    const char *at = NULL;
    if (hearth_detokenize(r->m->model, r->ids + (r->n - n), n, HEARTH_TOK_PARSE, &text, &len) == HEARTH_OK)
        for (const char *next = text; (next = strstr(next, "<think>")); next++) at = next;
    int inside = at && !strstr(at, "</think>");
    hearth_free(text);
    return inside;
}

/* The fewest messages left out with which it fits: the more are left out, the shorter it is. */
static enum hearth_status leave_out(struct run *r, uint32_t ctx)
{
    size_t some, whole = r->n, low = 0, high, fits = room(r, ctx);
    json_decref(without(r->messages, 0, &some));
    high = some > 1 ? some - 1 : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        TRY(render(r, middle, &some));
        if (r->n <= fits) high = middle;
        else low = middle + 1;
    }
    TRY(render(r, low, &some));
    if (low > 0) r->whole = whole;
    return HEARTH_OK;
}

/* What a derived model's conversations begin with; one that goes on has begun already. */
static enum hearth_status begin_with_recipe(struct run *r)
{
    const json_t *given = r->a.messages;
    int told = !r->recipe.system || has_role(json_array_get(given, 0), "system"), bad = 0;
    if (r->a.n_before || !json_array_size(given) || (told && !json_array_size(r->recipe.messages))) return HEARTH_OK;
    if (!(r->begun_with = json_array())) return fail_memory(0);
    if (!told) bad |= json_array_append_new(r->begun_with, json_pack("{s:s, s:s}", "role", "system", "content", r->recipe.system));
    else if (has_role(json_array_get(given, 0), "system")) bad |= json_array_append(r->begun_with, json_array_get(given, 0));
    size_t first = json_array_size(r->begun_with) && told, i;
    json_t *m;
    bad |= json_array_extend(r->begun_with, r->recipe.messages);
    json_array_foreach(given, i, m) if (i >= first) bad |= json_array_append(r->begun_with, m);
    r->a.messages = r->begun_with;
    return bad ? fail_memory(0) : HEARTH_OK;
}

static enum hearth_status conversation(struct run *r, uint32_t ctx)
{
    if (!r->a.chat_template) r->a.chat_template = r->recipe.chat_template;
    const char *source = r->a.chat_template ? r->a.chat_template : r->m->info.chat_template;
    size_t some;
    TRY(begin_with_recipe(r));
    if (!*source) return fail(HEARTH_EUNSUPPORTED, "%s has no chat template: it completes texts (/v1/completions), it holds no conversation", r->about.name);
    r->format = toolcall_detect(source, &r->native);
    if (run_has_tools(r) && (!r->native || !strstr(source, "tool_calls"))) TRY(in_words(r));
    else r->messages = json_incref(r->a.messages);
    if (run_has_tools(r)) TRY(marks(r));
    TRY(render(r, 0, &some));
    if (r->a.truncate && r->n > room(r, ctx)) TRY(leave_out(r, ctx));
    r->thinking = r->a.split_think && ends_thinking(r);
    return HEARTH_OK;
}

/* ---- texts and ids ---- */

static enum hearth_status given_ids(struct run *r)
{
    char *text = NULL;
    size_t n;
    TRY(hearth_detokenize(r->m->model, r->a.ids, r->a.n_ids, 0, &text, &n));      /* says which id is none */
    hearth_free(text);
    if (!(r->ids = mem_array(r->a.n_ids ? r->a.n_ids : 1, sizeof *r->ids))) return HEARTH_ENOMEM;
    if (r->a.n_ids) memcpy(r->ids, r->a.ids, r->a.n_ids * sizeof *r->ids);
    r->n = r->a.n_ids;
    return HEARTH_OK;
}

/* The tokens for prefix, suffix and middle that a family was trained with; 0: the vocabulary has none. */
static int middle_marks(const struct hearth_model *m, int32_t mark[3])
{
    static const char *const marks[][3] = {{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
                                           {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
                                           {"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},
                                           {"<PRE>", "<SUF>", "<MID>"}};
    mark[2] = -1;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && mark[2] < 0; i++)
        for (int j = 0; j < 3 && (j == 0 || mark[j - 1] >= 0); j++) mark[j] = special(m, marks[i][j]);
    return mark[2] >= 0;
}

int ask_has_middle(const struct hearth_model *m)
{
    int32_t mark[3];
    return middle_marks(m, mark);
}

/* <prefix> before <suffix> behind <middle> */
static enum hearth_status between(struct run *r)
{
    const struct hearth_model *m = r->m->model;
    int32_t mark[3], *before = NULL, *behind = NULL;
    size_t n_before = 0, n_behind = 0;
    if (!middle_marks(m, mark)) return fail(HEARTH_EUNSUPPORTED, "suffix: %s has no tokens for filling in a middle", r->about.name);
    enum hearth_status st = ask_tokenize(m, r->a.text, r->a.text_len, 0, &before, &n_before);
    if (st == HEARTH_OK) st = ask_tokenize(m, r->a.suffix, strlen(r->a.suffix), 0, &behind, &n_behind);
    if (st == HEARTH_OK && !(r->ids = mem_array(n_before + n_behind + 3, sizeof *r->ids))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        r->ids[r->n++] = mark[0];
        memcpy(r->ids + r->n, before, n_before * sizeof *before);
        r->ids[r->n += n_before] = mark[1];
        memcpy(r->ids + ++r->n, behind, n_behind * sizeof *behind);
        r->ids[r->n += n_behind] = mark[2];
        r->n++;
    }
    hearth_free(before);
    hearth_free(behind);
    return st;
}

static enum hearth_status put_before(struct run *r)
{
    char *text = NULL;
    size_t n = 0;
    TRY(hearth_detokenize(r->m->model, r->a.before, r->a.n_before, 0, &text, &n));      /* says which id is none */
    hearth_free(text);
    int32_t *ids = mem_array(r->a.n_before + r->n, sizeof *ids);
    if (!ids) return HEARTH_ENOMEM;
    memcpy(ids, r->a.before, r->a.n_before * sizeof *ids);
    if (r->n) memcpy(ids + r->a.n_before, r->ids, r->n * sizeof *ids);
    hearth_free(r->ids);
    r->ids = ids;
    r->n += r->a.n_before;
    return HEARTH_OK;
}

static enum hearth_status text(struct run *r)
{
    int flags = (r->a.n_before ? 0 : HEARTH_TOK_SPECIAL) | (r->a.raw ? HEARTH_TOK_PARSE : 0);
    return ask_tokenize(r->m->model, r->a.text, r->a.text_len, flags, &r->ids, &r->n);
}

enum hearth_status run_tokens(struct run *r, uint32_t ctx)
{
    if (r->a.messages) TRY(conversation(r, ctx));
    else if (r->a.ids) TRY(given_ids(r));
    else if (r->a.suffix) TRY(between(r));
    else TRY(text(r));
    return r->a.n_before ? put_before(r) : HEARTH_OK;
}

enum hearth_status run_prompt(struct run *r)
{
    struct hearth_engine_stats stats;
    hearth_engine_stats(r->m->engine, &stats);
    TRY(run_tokens(r, stats.ctx));
    if (r->n == 0) return fail(HEARTH_EUSAGE, "the prompt is empty: a model needs a token to go on from");
    if (r->n > stats.ctx || (r->n == stats.ctx && r->a.g.max_tokens != 0 && !r->a.echo_only))
        return fail(HEARTH_ECONTEXT, "the prompt has %zu tokens, the context of %s holds %u, an answer included; nothing was left out of it", r->n,
                    r->about.name, stats.ctx);
    return HEARTH_OK;
}

/* ollama_answer.c - the answers of /api/generate and /api/chat.
 *
 *     stream    {"response" or "message", "done": false} ... {"done": true, "done_reason", durations in nanoseconds, "hearth_receipt"}
 *     whole     the last line with all of the text in it
 *
 * Pieces are written on the engine's thread as they come; the last line on a worker, when the receipt is in the ledger. */
#include "serve/ollama_turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* ---- lives ---- */

struct turn *turn_open(struct exchange *x, int is_chat)
{
    json_t *body = exchange_object(x);
    if (!body) return NULL;
    struct turn *t = mem_array(1, sizeof *t);
    if (!t) {
        json_decref(body);
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        return NULL;
    }
    exchange_hold(x);
    t->refs = 1;
    t->x = x;
    t->body = body;
    t->chat = is_chat;
    t->began = clock_seconds();
    ask_init(&t->ask);
    t->ask.x = x;
    return t;
}

static void give_back(struct turn *t)
{
    if (t->kept) keeper_return(server_keeper(exchange_server(t->x)), t->kept, t->ask.keep_alive);
    t->kept = NULL;
}

void turn_drop(struct turn *t)
{
    if (--t->refs) return;
    give_back(t);
    hub_model_free(&t->about);
    hub_recipe_free(&t->recipe);
    json_decref(t->messages);
    json_decref(t->tools);
    json_decref(t->variables);
    json_decref(t->calls);
    buf_free(&t->jinja);
    buf_free(&t->text);
    buf_free(&t->think);
    seen_free(&t->tokens);
    free(t->schema);
    free(t->context);
    json_decref(t->body);
    exchange_drop(t->x);
    free(t);
}

/* ---- pieces ---- */

/* {"model", "created_at"} with what is said: text or thinking (either may be NULL), calls (takes the reference). */
static json_t *said(const struct turn *t, const struct buf *text, const struct buf *think, json_t *calls)
{
    char now[40];
    ollama_now(now);
    json_t *o = json_pack("{s:s, s:s}", "model", t->name, "created_at", now), *in = t->chat ? json_object() : o;
    if (t->chat) json_object_set_new(in, "role", json_string("assistant"));
    json_object_set_new(in, t->chat ? "content" : "response", text && text->len ? wants_string(text->data, text->len) : json_string(""));
    if (think && think->len) json_object_set_new(in, "thinking", wants_string(think->data, think->len));
    if (calls) json_object_set_new(in, "tool_calls", calls);
    if (t->chat) json_object_set_new(o, "message", in);
    return o;
}

/* Log-probabilities of the tokens not yet told. */
static void add_logprobs(struct turn *t, json_t *o)
{
    json_t *all = t->logprobs && t->model ? seen_chat(&t->tokens, t->model) : NULL;
    if (all) json_object_set(o, "logprobs", json_object_get(all, "content"));
    json_decref(all);
}

static void piece(struct turn *t, json_t *o)
{
    add_logprobs(t, o);
    json_object_set_new(o, "done", json_false());
    ollama_line(t->x, o);
}

static void on_begin(void *user, const struct kept *m, size_t prompt_tokens)
{
    struct turn *t = user;
    (void)prompt_tokens;
    t->model = m->model;
    if (t->stream) exchange_begin(t->x, "application/x-ndjson");
}

static int on_text(void *user, const char *text, size_t n)
{
    struct turn *t = user;
    if (t->stream) piece(t, said(t, &(struct buf){.data = (char *)(uintptr_t)text, .len = n}, NULL, NULL));
    else if (t->st == HEARTH_OK) t->st = buf_put(&t->text, text, n);
    return t->st != HEARTH_OK;
}

static int on_think(void *user, const char *text, size_t n)
{
    struct turn *t = user;
    if (t->stream) piece(t, said(t, NULL, &(struct buf){.data = (char *)(uintptr_t)text, .len = n}, NULL));
    else if (t->st == HEARTH_OK) t->st = buf_put(&t->think, text, n);
    return t->st != HEARTH_OK;
}

static int on_call(void *user, int index, const char *name, json_t *arguments)
{
    struct turn *t = user;
    char id[10];
    openai_call_id(id);
    json_t *call = json_pack("{s:o, s:{s:i, s:s, s:O}}", "id", json_sprintf("call_%s", id), "function", "index", index, "name", name, "arguments",
                             arguments);
    if (!call) t->st = HEARTH_ENOMEM;
    else if (t->stream) piece(t, said(t, NULL, NULL, json_pack("[o]", call)));
    else if ((!t->calls && !(t->calls = json_array())) || json_array_append_new(t->calls, call)) t->st = HEARTH_ENOMEM;
    return t->st != HEARTH_OK;
}

static int on_token(void *user, const struct hearth_token *token)
{
    struct turn *t = user;
    if (t->st == HEARTH_OK) t->st = seen_add(&t->tokens, token);
    return t->st != HEARTH_OK;
}

/* ---- the end ---- */

static json_t *nanoseconds(double seconds)
{
    return json_integer((json_int_t)llround(seconds * 1e9));
}

static const char *reason(enum hearth_finish f)
{
    return f == HEARTH_FINISH_LENGTH ? "length" : f == HEARTH_FINISH_CANCELLED ? "cancelled" : "stop";
}

/* The tokens of prompt and answer, with which a later request can go on. */
static json_t *context_of(const struct turn *t, const struct ask_end *e)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < e->n_prompt; i++) json_array_append_new(ids, json_integer(e->prompt[i]));
    for (size_t i = 0; i < t->tokens.n; i++) json_array_append_new(ids, json_integer(t->tokens.token[i].id));
    return ids;
}

static void add_counts(const struct turn *t, const struct ask_end *e, json_t *o)
{
    const struct hearth_result *r = &e->result;
    json_object_set_new(o, "done", json_true());
    json_object_set_new(o, "done_reason", json_string(reason(r->finish)));
    if (!t->chat && !t->raw) json_object_set_new(o, "context", context_of(t, e));
    json_object_set_new(o, "total_duration", nanoseconds(clock_seconds() - t->began));
    json_object_set_new(o, "load_duration", nanoseconds(t->load_seconds + e->load_seconds));
    json_object_set_new(o, "prompt_eval_count", json_integer((json_int_t)r->prompt_tokens));
    json_object_set_new(o, "prompt_eval_duration", nanoseconds(r->prompt_seconds));
    json_object_set_new(o, "eval_count", json_integer((json_int_t)r->answer_tokens));
    json_object_set_new(o, "eval_duration", nanoseconds(r->answer_seconds));
    json_object_set_new(o, "hearth_cached_tokens", json_integer((json_int_t)r->cached_tokens));
    json_object_set_new(o, "hearth_receipt", *e->receipt ? json_loads(e->receipt, 0, NULL) : json_null());
    if (*e->note) json_object_set_new(o, "hearth_note", json_string(e->note));
    json_t *unused = json_array();
    for (size_t i = 0; i < t->parameters.n_unused; i++) json_array_append_new(unused, json_string(t->parameters.unused[i]));
    if (json_array_size(unused)) json_object_set(o, "hearth_unused", unused);
    json_decref(unused);
}

static void failed(struct turn *t, enum hearth_status st, const char *message)
{
    if (!exchange_begun(t->x)) {
        ollama_fail(t->x, st, message);
        return;
    }
    ollama_line(t->x, json_pack("{s:s}", "error", message));
    exchange_end(t->x);
}

static void on_end(void *user, const struct ask_end *e)
{
    struct turn *t = user;
    if (e->status != HEARTH_OK) failed(t, e->status, e->message);
    else if (t->st != HEARTH_OK) failed(t, t->st, t->st == HEARTH_EBUSY ? seen_full : "the server has no memory for this answer");
    else {
        t->model = e->m->model;
        json_t *o = t->stream ? said(t, NULL, NULL, NULL) : said(t, &t->text, &t->think, t->calls ? json_incref(t->calls) : NULL);
        add_logprobs(t, o);
        add_counts(t, e, o);
        if (t->stream) {
            ollama_line(t->x, o);
            exchange_end(t->x);
        } else exchange_reply_json(t->x, 200, o);
    }
    turn_drop(t);
}

void turn_start(struct turn *t)
{
    t->ask.on_begin = on_begin;
    t->ask.on_text = on_text;
    t->ask.on_think = on_think;
    t->ask.on_call = on_call;
    if (t->logprobs || (!t->chat && !t->raw)) t->ask.on_token = on_token;
    t->ask.on_end = on_end;
    t->ask.user = t;
    t->refs++;
    enum hearth_status st = ask_start(&t->ask);
    if (st == HEARTH_OK) {
        return;                                        /* t->kept goes with the last reference */
    }
    ollama_fail(t->x, st, NULL);
    turn_drop(t);
}

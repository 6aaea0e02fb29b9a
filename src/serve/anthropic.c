/* anthropic.c - Anthropic's protocol: /v1/messages and /v1/messages/count_tokens, for clients that speak no other.
 *
 *     request ─► the same as a chat's (anthropic_read.c) ─► one answer ─► content blocks: thinking, text, tool_use
 *     stream     message_start ► ping ► for each block: content_block_start, its deltas, content_block_stop ►
 *                message_delta (stop_reason, usage, hearth_receipt) ► message_stop; or error
 *
 * input_tokens are those that were computed; what was remembered of the prompt is cache_read_input_tokens beside them, as in Anthropic's
 * own.  message_start cannot know that yet and counts them all; message_delta has the right numbers, which clients let hold. */
#include "serve/anthropic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

enum block { BLOCK_NONE, BLOCK_THINK, BLOCK_TEXT };

struct message {
    struct job *job;                 /* holds the request; its body is in the form of a chat's */
    json_t *content;                 /* blocks that are whole */
    enum block open;                 /* the one under way, and its text so far */
    struct buf text;
    enum hearth_status st;
    int begun;
};

/* ---- events ---- */

/* NULL, for want of memory, breaks the stream off. */
static void event(struct message *m, const char *type, json_t *body)
{
    char before[64];
    if (body && json_object_set_new(body, "type", json_string(type))) {
        json_decref(body);
        body = NULL;
    }
    snprintf(before, sizeof before, "event: %s\ndata: ", type);
    exchange_put_json(m->job->x, before, body, "\n\n");
}

static json_int_t place(const struct message *m)
{
    return (json_int_t)json_array_size(m->content);
}

static json_t *usage(size_t computed, size_t remembered, size_t answer)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "input_tokens", (json_int_t)computed, "cache_creation_input_tokens", (json_int_t)0,
                     "cache_read_input_tokens", (json_int_t)remembered, "output_tokens", (json_int_t)answer);
}

static json_t *object(const struct message *m, json_t *content, const char *reason, const char *stop, json_t *counts)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?, s:s?, s:o}", "id", m->job->id, "type", "message", "role", "assistant", "model", m->job->model,
                     "content", content, "stop_reason", reason, "stop_sequence", stop, "usage", counts);
}

/* ---- blocks; one is open at a time ---- */

static json_t *block_of(enum block kind, json_t *text)
{
    if (kind == BLOCK_TEXT) return json_pack("{s:s, s:o}", "type", "text", "text", text);
    return json_pack("{s:s, s:o, s:s}", "type", "thinking", "thinking", text, "signature", "");
}

static json_t *call_of(const char *id, const char *name, json_t *input)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_use", "id", id, "name", name, "input", input);
}

static void start_block(struct message *m, json_t *block)
{
    if (m->job->stream) event(m, "content_block_start", json_pack("{s:I, s:o}", "index", place(m), "content_block", block));
    else json_decref(block);
}

static void stop_block(struct message *m, json_t *whole)
{
    if (m->job->stream) event(m, "content_block_stop", json_pack("{s:I}", "index", place(m)));
    if (json_array_append_new(m->content, whole)) m->st = HEARTH_ENOMEM;
}

static void close_block(struct message *m)
{
    if (m->open == BLOCK_NONE) return;
    stop_block(m, block_of(m->open, wants_string(m->text.data ? m->text.data : "", m->text.len)));
    buf_free(&m->text);
    m->open = BLOCK_NONE;
}

static int put(struct message *m, enum block kind, const char *text, size_t n)
{
    if (n == 0) return 0;
    if (m->open != kind) {
        close_block(m);
        m->open = kind;
        start_block(m, block_of(kind, json_string("")));
    }
    if (m->job->stream)
        event(m, "content_block_delta", json_pack("{s:I, s:{s:s, s:o}}", "index", place(m), "delta", "type", kind == BLOCK_TEXT ? "text_delta" : "thinking_delta",
                                                  kind == BLOCK_TEXT ? "text" : "thinking", wants_string(text, n)));
    else if (m->st == HEARTH_OK) m->st = buf_put(&m->text, text, n);
    return m->st != HEARTH_OK;
}

/* ---- from the answer ---- */

static void on_begin(void *user, const struct kept *kept, size_t prompt_tokens)
{
    struct message *m = user;
    (void)kept;
    if (!m->job->stream) return;
    m->begun = 1;
    exchange_set(m->job->x, "Cache-Control", "no-cache");
    exchange_begin(m->job->x, "text/event-stream");
    event(m, "message_start", json_pack("{s:o}", "message", object(m, json_array(), NULL, NULL, usage(prompt_tokens, 0, 0))));
    event(m, "ping", json_object());
}

static int on_text(void *user, const char *text, size_t n)
{
    return put(user, BLOCK_TEXT, text, n);
}

static int on_think(void *user, const char *text, size_t n)
{
    return put(user, BLOCK_THINK, text, n);
}

static int on_call(void *user, int index, const char *name, json_t *arguments)
{
    struct message *m = user;
    char id[48], *text = jsontext_dump(arguments);
    (void)index;
    if (!text) return m->st = HEARTH_ENOMEM, 1;
    close_block(m);
    openai_id("toolu_", id);
    start_block(m, call_of(id, name, json_object()));
    if (m->job->stream)
        event(m, "content_block_delta", json_pack("{s:I, s:{s:s, s:s}}", "index", place(m), "delta", "type", "input_json_delta", "partial_json", text));
    stop_block(m, call_of(id, name, json_incref(arguments)));
    free(text);
    return m->st != HEARTH_OK;
}

static void message_close(struct message *m)
{
    json_decref(m->content);
    buf_free(&m->text);
    job_close(m->job);
    free(m);
}

static void fails(struct message *m, enum hearth_status st, const char *said)
{
    if (!m->begun) {
        openai_fail(m->job->x, st, said);
        return;
    }
    event(m, "error", json_pack("{s:{s:s, s:s}}", "error", "type", http_error_type(DIALECT_ANTHROPIC, http_status(st)), "message", said));
    exchange_end(m->job->x);
}

static void add_receipt(json_t *to, const struct ask_end *e)
{
    job_add_receipt(to, e->receipt, e->receipt_number);
    if (*e->note) json_object_set_new(to, "hearth_note", json_string(e->note));
}

/* The stop string that was met, when it is one of the request's own. */
static const char *stop_of(const struct message *m, const struct ask_end *e)
{
    return e->result.stop && json_object_get(m->job->body, "stop") ? e->result.stop : NULL;
}

static void succeeds(struct message *m, const struct ask_end *e)
{
    const struct hearth_result *t = &e->result;
    struct exchange *x = m->job->x;
    const char *stop = e->calls ? NULL : stop_of(m, e);
    const char *reason = e->calls ? "tool_use" : stop ? "stop_sequence" : t->finish == HEARTH_FINISH_STOP ? "end_turn" : "max_tokens";
    json_t *counts = usage(t->prompt_tokens - t->cached_tokens, t->cached_tokens, t->answer_tokens);
    char number[24];
    if (m->job->stream) {
        json_t *last = json_pack("{s:{s:s, s:s?}, s:o}", "delta", "stop_reason", reason, "stop_sequence", stop, "usage", counts);
        if (last) add_receipt(last, e);
        event(m, "message_delta", last);
        event(m, "message_stop", json_object());
        exchange_end(x);
        return;
    }
    json_t *o = object(m, json_incref(m->content), reason, stop, counts);
    if (o) add_receipt(o, e);
    snprintf(number, sizeof number, "%llu", (unsigned long long)e->receipt_number);
    if (e->receipt_number != UINT64_MAX) exchange_set(x, "Hearth-Receipt", number);
    if (o) exchange_reply_json(x, 200, o);
    else exchange_fail(x, HEARTH_ENOMEM, "no memory for the answer");
}

static void on_end(void *user, const struct ask_end *e)
{
    struct message *m = user;
    if (e->status == HEARTH_OK) close_block(m);
    if (e->status != HEARTH_OK) fails(m, e->status, e->message);
    else if (m->st != HEARTH_OK) fails(m, m->st, "no memory for the answer");
    else if (job_cut_off(e)) fails(m, HEARTH_ECANCELLED, cut_off);
    else succeeds(m, e);
    message_close(m);
}

/* ---- routes ---- */

static void messages(struct exchange *x)
{
    struct job *j = job_open(x);
    struct message *m = j ? mem_array(1, sizeof *m) : NULL;
    if (!j) return;
    if (!m) {
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        job_close(j);
        return;
    }
    m->job = j;
    m->content = json_array();
    openai_id("msg_", j->id);
    if (!anthropic_read(j, 0) || !exchange_allowed(x, j->model)) {
        message_close(m);
        return;
    }
    if (!job_ask(j, &(struct ask){.user = m, .on_begin = on_begin, .on_text = on_text, .on_think = on_think, .on_call = on_call, .on_end = on_end}))
        message_close(m);
}

static void count_tokens(struct exchange *x)
{
    struct job *j = job_open(x);
    size_t n = 0;
    if (!j) return;
    if (anthropic_read(j, 1) && exchange_allowed(x, j->model)) {
        j->ask.messages = j->messages;
        j->ask.tools = j->tools;
        enum hearth_status st = ask_count(&j->ask, &n);
        if (st == HEARTH_OK) exchange_reply_json(x, 200, json_pack("{s:I}", "input_tokens", (json_int_t)n));
        else openai_fail(x, st, hearth_errmsg());
    }
    job_close(j);
}

const struct route anthropic_routes[] = {
    {HTTP_POST, "/v1/messages", DIALECT_ANTHROPIC, 0, 0, messages},
    {HTTP_POST, "/v1/messages/count_tokens", DIALECT_ANTHROPIC, 0, 0, count_tokens},
    {0}};

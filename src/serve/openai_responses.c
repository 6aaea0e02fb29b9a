/* openai_responses.c - /v1/responses, without memory: what a client wants remembered it sends again.
 *
 *     request ─► the same as a chat's (openai_responses_read.c) ─► one answer ─► output items: reasoning, message, function_call
 *     stream     response.created ► in_progress ► for each item: output_item.added, its parts and deltas, output_item.done ►
 *                response.completed, or response.incomplete where the limit ended it
 *
 * previous_response_id, conversation, background and what else needs a store are refused.  truncation auto leaves out the oldest
 * messages, and the receipt says so. */
#include "serve/openai_responses.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

/* ---- events ---- */

static void event(struct response *r, const char *type, json_t *body)
{
    char before[80];
    if (body && (json_object_set_new(body, "type", json_string(type)) || json_object_set_new(body, "sequence_number", json_integer(r->sequence++)))) {
        json_decref(body);
        body = NULL;                                   /* for want of memory: the stream breaks off */
    }
    snprintf(before, sizeof before, "event: %s\ndata: ", type);
    exchange_put_json(r->job->x, before, body, "\n\n");
}

static json_t *object(const struct response *r, const char *status)
{
    const struct job *j = r->job;
    const struct hearth_sampling *s = &j->ask.g.sampling;
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:n, s:n, s:s, s:O, s:n, s:b, s:f, s:f, s:s, s:b}", "id", j->id, "object", "response", "created_at",
                          j->created, "status", status, "error", "incomplete_details", "model", j->model, "output", r->output,
                          "previous_response_id", "parallel_tool_calls", j->ask.parallel_calls, "temperature", (double)s->temperature, "top_p",
                          (double)s->top_p, "truncation", j->ask.truncate ? "auto" : "disabled", "store", 0);
    static const char *const given[][2] = {{"instructions", NULL}, {"max_output_tokens", NULL}, {"metadata", "{}"}, {"reasoning", NULL},
                                           {"text", "{\"format\":{\"type\":\"text\"}}"}, {"tool_choice", "\"auto\""}, {"tools", "[]"}, {"user", NULL}};
    for (size_t i = 0; i < sizeof given / sizeof *given && o; i++) {
        json_t *v = json_object_get(r->given, given[i][0]);
        if (v && !json_is_null(v)) json_object_set(o, given[i][0], v);
        else json_object_set_new(o, given[i][0], given[i][1] ? json_loads(given[i][1], JSON_DECODE_ANY, NULL) : json_null());
    }
    return o;
}

/* ---- output items; one is open at a time ---- */

static const char *part_type(const struct response *r)
{
    return r->open == ITEM_THINK ? "reasoning_text" : "output_text";
}

static json_t *part(const struct response *r, const char *text, size_t n)
{
    json_t *p = json_pack("{s:s, s:o}", "type", part_type(r), "text", wants_string(text, n));
    if (p && r->open == ITEM_TEXT) {
        json_object_set_new(p, "annotations", json_array());
        json_object_set_new(p, "logprobs", json_array());
    }
    return p;
}

static json_t *item(const struct response *r, const char *status, json_t *content)
{
    if (r->open == ITEM_THINK)
        return json_pack("{s:s, s:s, s:[], s:o, s:s}", "type", "reasoning", "id", r->item_id, "summary", "content", content, "status", status);
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", "message", "id", r->item_id, "status", status, "role", "assistant", "content", content);
}

/* Where an event belongs. */
static json_t *at(const struct response *r, int with_part)
{
    json_t *o = json_pack("{s:I}", "output_index", (json_int_t)json_array_size(r->output));
    if (o && with_part) {
        json_object_set_new(o, "item_id", json_string(r->item_id));
        json_object_set_new(o, "content_index", json_integer(0));
    }
    return o;
}

static json_t *with(json_t *o, const char *name, json_t *value)
{
    json_object_set_new(o, name, value);
    return o;
}

static void close_item(struct response *r, const char *status)
{
    const char *text = r->text.data ? r->text.data : "";
    if (r->open == ITEM_NONE) return;
    if (r->job->stream) {
        event(r, r->open == ITEM_TEXT ? "response.output_text.done" : "response.reasoning_text.done",
              with(r->open == ITEM_TEXT ? with(at(r, 1), "logprobs", json_array()) : at(r, 1), "text", wants_string(text, r->text.len)));
        event(r, "response.content_part.done", with(at(r, 1), "part", part(r, text, r->text.len)));
    }
    json_t *whole = item(r, status, json_pack("[o]", part(r, text, r->text.len)));
    if (r->job->stream) event(r, "response.output_item.done", with(at(r, 0), "item", json_incref(whole)));
    json_array_append_new(r->output, whole);
    buf_free(&r->text);
    r->open = ITEM_NONE;
}

static void open_item(struct response *r, enum item kind)
{
    if (r->open == kind) return;
    close_item(r, "completed");
    r->open = kind;
    openai_id(kind == ITEM_TEXT ? "msg_" : "rs_", r->item_id);
    if (!r->job->stream) return;
    event(r, "response.output_item.added", with(at(r, 0), "item", item(r, "in_progress", json_array())));
    event(r, "response.content_part.added", with(at(r, 1), "part", part(r, "", 0)));
}

static int put(struct response *r, enum item kind, const char *text, size_t n)
{
    if (n == 0) return 0;
    open_item(r, kind);
    if (r->job->stream) {
        json_t *o = with(at(r, 1), "delta", wants_string(text, n));
        if (kind == ITEM_TEXT) with(o, "logprobs", json_array());
        event(r, kind == ITEM_TEXT ? "response.output_text.delta" : "response.reasoning_text.delta", o);
    }
    r->st = buf_put(&r->text, text, n);
    return r->st != HEARTH_OK;
}

/* ---- from the answer ---- */

static void on_begin(void *user, const struct kept *m, size_t prompt_tokens)
{
    struct response *r = user;
    (void)m, (void)prompt_tokens;
    if (!r->job->stream) return;
    r->begun = 1;
    exchange_set(r->job->x, "Cache-Control", "no-cache");
    exchange_begin(r->job->x, "text/event-stream");
    event(r, "response.created", json_pack("{s:o}", "response", object(r, "in_progress")));
    event(r, "response.in_progress", json_pack("{s:o}", "response", object(r, "in_progress")));
}

static int on_text(void *user, const char *text, size_t n)
{
    return put(user, ITEM_TEXT, text, n);
}

static int on_think(void *user, const char *text, size_t n)
{
    return put(user, ITEM_THINK, text, n);
}

static json_t *call_item(const char *id, const char *call_id, const char *name, const char *arguments, const char *status)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "function_call", "id", id, "call_id", call_id, "name", name, "arguments", arguments,
                     "status", status);
}

static int on_call(void *user, int index, const char *name, json_t *arguments)
{
    struct response *r = user;
    char *text = jsontext_dump(arguments), call_id[10];
    (void)index;
    if (!text) return r->st = HEARTH_ENOMEM, 1;
    close_item(r, "completed");
    openai_id("fc_", r->item_id);
    openai_call_id(call_id);
    if (r->job->stream) {
        event(r, "response.output_item.added", with(at(r, 0), "item", call_item(r->item_id, call_id, name, "", "in_progress")));
        event(r, "response.function_call_arguments.delta",
              json_pack("{s:I, s:s, s:s}", "output_index", (json_int_t)json_array_size(r->output), "item_id", r->item_id, "delta", text));
        event(r, "response.function_call_arguments.done",
              json_pack("{s:I, s:s, s:s, s:s}", "output_index", (json_int_t)json_array_size(r->output), "item_id", r->item_id, "name", name,
                        "arguments", text));
    }
    json_t *whole = call_item(r->item_id, call_id, name, text, "completed");
    if (r->job->stream) event(r, "response.output_item.done", with(at(r, 0), "item", json_incref(whole)));
    json_array_append_new(r->output, whole);
    free(text);
    return 0;
}

static void response_close(struct response *r)
{
    json_decref(r->given);
    json_decref(r->output);
    buf_free(&r->text);
    job_close(r->job);
    free(r);
}

/* receipt: of what was made before it failed, or "". */
static void fails(struct response *r, enum hearth_status st, const char *said, const char *receipt)
{
    if (!r->begun) {
        openai_fail(r->job->x, st, said);
        return;
    }
    json_t *o = object(r, "failed");
    if (o) json_object_set_new(o, "error", json_pack("{s:s, s:s}", "code", "server_error", "message", said));
    if (o && *receipt) json_object_set_new(o, "hearth_receipt", json_loads(receipt, 0, NULL));
    event(r, "response.failed", json_pack("{s:o}", "response", o));
    exchange_end(r->job->x);
}

static void succeeds(struct response *r, const struct ask_end *e)
{
    const struct hearth_result *t = &e->result;
    int whole = t->finish == HEARTH_FINISH_STOP || e->calls;
    char number[24];
    close_item(r, whole ? "completed" : "incomplete");
    json_t *o = object(r, whole ? "completed" : "incomplete");
    if (o && !whole) json_object_set_new(o, "incomplete_details", json_pack("{s:s}", "reason", "max_output_tokens"));
    if (o)
        json_object_set_new(o, "usage", json_pack("{s:I, s:{s:I}, s:I, s:{s:I}, s:I}", "input_tokens", (json_int_t)t->prompt_tokens,
                                                  "input_tokens_details", "cached_tokens", (json_int_t)t->cached_tokens, "output_tokens",
                                                  (json_int_t)t->answer_tokens, "output_tokens_details", "reasoning_tokens", (json_int_t)0,
                                                  "total_tokens", (json_int_t)(t->prompt_tokens + t->answer_tokens)));
    if (o && *e->receipt) json_object_set_new(o, "hearth_receipt", json_loads(e->receipt, 0, NULL));
    if (o && *e->note) json_object_set_new(o, "hearth_note", json_string(e->note));
    if (r->job->stream) {
        event(r, whole ? "response.completed" : "response.incomplete", json_pack("{s:o}", "response", o));
        exchange_end(r->job->x);
        return;
    }
    snprintf(number, sizeof number, "%llu", (unsigned long long)e->receipt_number);
    if (e->receipt_number != UINT64_MAX) exchange_set(r->job->x, "Hearth-Receipt", number);
    exchange_reply_json(r->job->x, 200, o);
}

static void on_end(void *user, const struct ask_end *e)
{
    struct response *r = user;
    if (e->status != HEARTH_OK) fails(r, e->status, e->message, "");
    else if (r->st != HEARTH_OK) fails(r, r->st, "no memory for the answer", "");
    else if (job_cut_off(e)) fails(r, HEARTH_ECANCELLED, cut_off, e->receipt);
    else succeeds(r, e);
    response_close(r);
}

void openai_responses(struct exchange *x)
{
    struct job *j = job_open(x);
    struct response *r = j ? mem_array(1, sizeof *r) : NULL;
    if (!j) return;
    if (!r) {
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        job_close(j);
        return;
    }
    r->job = j;
    r->output = json_array();
    r->given = json_incref(j->body);
    openai_id("resp_", j->id);
    if (!responses_read(r) || !exchange_allowed(x, j->model)) {
        response_close(r);
        return;
    }
    if (!job_ask(j, &(struct ask){.user = r, .on_begin = on_begin, .on_text = on_text, .on_think = on_think, .on_call = on_call, .on_end = on_end}))
        response_close(r);
}

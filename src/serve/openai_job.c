/* openai_job.c - the answers of one request: n of each prompt, some at a time, and what is sent when the last has ended.
 *
 * Of a request with many prompts only AT_ONCE are with the engine together: a batch of a hundred neither fills the queue for
 * everybody else nor is refused because the queue is shorter.  Answer i of a prompt is drawn with the seed + i, so that each can be
 * asked for again alone.  A failure of one ends them all. */
#include "serve/openai_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job *job_open(struct exchange *x)
{
    json_t *body = exchange_object(x);
    if (!body) return NULL;
    struct job *j = mem_array(1, sizeof *j);
    if (!j) {
        json_decref(body);
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    exchange_hold(x);
    j->x = x;
    j->body = body;
    j->created = (json_int_t)time(NULL);
    j->logprobs = -1;
    ask_init(&j->ask);
    j->ask.x = x;
    return j;
}

static void choice_free(struct choice *c)
{
    buf_free(&c->text);
    buf_free(&c->think);
    json_decref(c->calls);
    json_decref(c->logprobs);
    json_decref(c->prompt_text);
    seen_free(&c->prompt_tokens);
    seen_free(&c->tokens);
    free(c->receipt);
    free(c->note);
}

void job_close(struct job *j)
{
    for (size_t i = 0; i < j->n_choices; i++) choice_free(&j->choice[i]);
    for (size_t i = 0; i < j->n_prompts; i++) free(j->prompt[i].ids);
    free(j->choice);
    free(j->prompt);
    free(j->bias);
    ask_keep_free(&j->keep);
    free(j->schema);
    json_decref(j->messages);
    json_decref(j->begun_with);
    json_decref(j->tools);
    json_decref(j->body);
    exchange_drop(j->x);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* ---- what is sent ---- */

json_t *job_usage(const struct job *j)
{
    return json_pack("{s:I, s:I, s:I, s:{s:I}}", "prompt_tokens", (json_int_t)j->prompt_tokens, "completion_tokens",
                     (json_int_t)j->answer_tokens, "total_tokens", (json_int_t)(j->prompt_tokens + j->answer_tokens), "prompt_tokens_details",
                     "cached_tokens", (json_int_t)j->cached_tokens);
}

json_t *job_object(const struct job *j, const char *object, json_t *choices)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", j->id, "object", object, "created", j->created, "model", j->model,
                     "system_fingerprint", openai_fingerprint(), "choices", choices);
}

/* NULL, for want of memory, breaks the stream off: better than a hole in it. */
static void put_event(struct job *j, json_t *event)
{
    exchange_put_json(j->x, "data: ", event, "\n\n");
}

static const char *chunk_object(const struct job *j)
{
    return j->chat ? "chat.completion.chunk" : "text_completion";
}

void job_add_receipt(json_t *to, const char *receipt, uint64_t number)
{
    if (*receipt) json_object_set_new(to, "hearth_receipt", json_loads(receipt, 0, NULL));
    if (number != UINT64_MAX) json_object_set_new(to, "hearth_receipt_number", json_integer((json_int_t)number));
}

void job_chunk(struct job *j, const struct choice *ended, json_t *choice)
{
    json_t *event = job_object(j, chunk_object(j), json_pack("[o]", choice));
    if (event && j->usage) json_object_set_new(event, "usage", json_null());
    if (event && ended && ended->receipt) job_add_receipt(event, ended->receipt, ended->number);
    put_event(j, event);
}

static void end_stream(struct job *j)
{
    if (j->usage) {
        json_t *event = job_object(j, chunk_object(j), json_array());
        if (event) json_object_set_new(event, "usage", job_usage(j));
        put_event(j, event);
    }
    static const char done[] = "data: [DONE]\n\n";
    exchange_put(j->x, done, sizeof done - 1);
    exchange_end(j->x);
}

/* The number of a receipt, from its place among the ledger's, is all that a header can hold. */
static void reply(struct job *j)
{
    json_t *choices = json_array();
    struct buf numbers = {0}, notes = {0};
    for (size_t i = 0; i < j->n_choices; i++) {
        struct choice *c = &j->choice[i];
        json_t *one = j->chat ? chat_choice(c) : completions_choice(c);
        if (j->n_choices > 1 && c->receipt && one) job_add_receipt(one, c->receipt, c->number);
        json_array_append_new(choices, one);
        if (c->number != UINT64_MAX) buf_printf(&numbers, "%s%llu", numbers.len ? ", " : "", (unsigned long long)c->number);
        if (c->note) buf_printf(&notes, "%s%s", notes.len ? "\n" : "", c->note);
    }
    json_t *body = job_object(j, j->chat ? "chat.completion" : "text_completion", choices);
    if (body) json_object_set_new(body, "usage", job_usage(j));
    if (body && j->n_choices == 1 && j->choice[0].receipt) job_add_receipt(body, j->choice[0].receipt, j->choice[0].number);
    if (body && notes.len) json_object_set_new(body, "hearth_note", json_string(notes.data));
    if (numbers.len) exchange_set(j->x, "Hearth-Receipt", numbers.data);
    if (body) exchange_reply_json(j->x, 200, body);
    else exchange_fail(j->x, HEARTH_ENOMEM, "no memory for the answer");
    buf_free(&numbers);
    buf_free(&notes);
}

static void end_badly(struct job *j)
{
    if (!j->begun) {
        openai_fail(j->x, j->st, j->said);
        return;
    }
    int status = http_status(j->st);
    json_t *event = json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "message", j->said, "type", status >= 500 ? "server_error" : "invalid_request_error",
                              "param", "code", hearth_status_name(j->st));
    if (event && j->n_choices == 1 && j->choice[0].receipt) job_add_receipt(event, j->choice[0].receipt, j->choice[0].number);
    put_event(j, event);
    exchange_end(j->x);
}

static void job_over(struct job *j)
{
    if (j->failed) end_badly(j);
    else if (j->stream) end_stream(j);
    else reply(j);
    job_close(j);
}

/* ---- the course of it ---- */

static void fails(struct job *j, enum hearth_status st, const char *said)
{
    pthread_mutex_lock(&j->lock);
    if (!j->failed) {
        j->failed = 1;
        j->st = st;
        snprintf(j->said, sizeof j->said, "%s", http_said(said));
    }
    pthread_mutex_unlock(&j->lock);
    ask_cancel(j->x);
}

static void on_begin(void *user, const struct kept *m, size_t prompt_tokens)
{
    struct choice *c = user;
    struct job *j = c->job;
    (void)prompt_tokens;
    c->m = m->model;
    if (!j->stream) return;
    pthread_mutex_lock(&j->lock);
    if (!j->begun) {
        exchange_set(j->x, "Cache-Control", "no-cache");
        exchange_begin(j->x, "text/event-stream");
    }
    j->begun = 1;
    pthread_mutex_unlock(&j->lock);
    if (j->chat) chat_begin(c);
    else completions_begin(c);
}

static void pump(struct job *j);

const char cut_off[] = "the server is stopping: this answer was broken off before its end";

int job_cut_off(const struct ask_end *e)
{
    return e->status == HEARTH_OK && e->result.finish == HEARTH_FINISH_CANCELLED && !e->calls;
}

static const char *finish_of(const struct ask_end *e)
{
    if (e->calls) return "tool_calls";
    return e->result.finish == HEARTH_FINISH_STOP ? "stop" : "length";
}

static void note_end(struct choice *c, const struct ask_end *e)
{
    struct job *j = c->job;
    c->finish = finish_of(e);
    c->number = e->receipt_number;
    if (*e->receipt) c->receipt = strdup(e->receipt);
    if (*e->note) c->note = strdup(e->note);
    pthread_mutex_lock(&j->lock);
    if (c->index % j->n == 0) {                        /* a prompt is counted once, however many answers it has */
        j->prompt_tokens += e->result.prompt_tokens;
        j->cached_tokens += e->result.cached_tokens;
    }
    j->answer_tokens += e->result.answer_tokens;
    pthread_mutex_unlock(&j->lock);
}

static void on_end(void *user, const struct ask_end *e)
{
    struct choice *c = user;
    struct job *j = c->job;
    if (e->status == HEARTH_OK && c->st == HEARTH_OK) {
        note_end(c, e);
        if (job_cut_off(e)) fails(j, HEARTH_ECANCELLED, cut_off);
        else if (j->chat) chat_finish(c, e);
        else completions_finish(c, e);
    } else {
        fails(j, e->status != HEARTH_OK ? e->status : c->st,
              e->status != HEARTH_OK ? e->message : c->st == HEARTH_EBUSY ? seen_full : "no memory for the answer");
    }
    c->m = NULL;
    pump(j);
}

int job_ask(struct job *j, const struct ask *on)
{
    struct ask a = j->ask;
    a.messages = j->messages;
    a.tools = j->tools;
    a.user = on->user;
    a.on_begin = on->on_begin;
    a.on_text = on->on_text;
    a.on_think = on->on_think;
    a.on_call = on->on_call;
    a.on_end = on->on_end;
    enum hearth_status st = ask_start(&a);             /* from here on the job may be gone */
    if (st != HEARTH_OK) openai_fail(j->x, st, hearth_errmsg());
    return st == HEARTH_OK;
}

static enum hearth_status start(struct job *j, struct choice *c)
{
    struct ask a = j->ask;
    a.user = c;
    a.on_begin = on_begin;
    a.on_end = on_end;
    a.messages = j->messages;
    a.tools = j->tools;
    a.g.sampling.seed += (uint64_t)(c->index % j->n);
    a.g.logprobs = j->logprobs;
    if (!j->chat) {
        const struct prompt *p = &j->prompt[c->prompt];
        a.text = p->text;
        a.text_len = p->n;
        a.ids = p->text ? NULL : p->ids;
        a.n_ids = p->text ? 0 : p->n;
    }
    if (j->chat) chat_ask(c, &a);
    else completions_ask(c, &a);
    return ask_start(&a);
}

/* Starts what may be started.  One use of the job is this call's own (running counts it), so that nobody ends it meanwhile; the last
 * use ends it. */
static void pump(struct job *j)
{
    pthread_mutex_lock(&j->lock);
    while (!j->failed && j->next < j->n_choices && j->running <= AT_ONCE) {
        struct choice *c = &j->choice[j->next++];
        j->running++;
        pthread_mutex_unlock(&j->lock);
        enum hearth_status st = start(j, c);
        if (st != HEARTH_OK) fails(j, st, hearth_errmsg());
        pthread_mutex_lock(&j->lock);
        if (st != HEARTH_OK) j->running--;
    }
    int over = --j->running == 0;
    pthread_mutex_unlock(&j->lock);
    if (over) job_over(j);
}

void job_run(struct job *j)
{
    size_t n = (size_t)j->n * j->n_prompts;
    if (n > CHOICES_MAX) {
        exchange_error(j->x, 400, j->chat ? "n" : "prompt", NULL, "%zu answers (prompts times n) are more than the %d of one request", n, CHOICES_MAX);
        job_close(j);
        return;
    }
    int long_ones = j->ask.g.max_tokens < ANSWER_USUAL ? j->ask.g.max_tokens : ANSWER_USUAL;
    if (j->logprobs > 0 && long_ones > SEEN_MOST / (j->logprobs + 1) / (int)n) {
        exchange_error(j->x, 400, "max_tokens", NULL, "%zu answers of %d tokens with %d alternatives each are more than the %d of one request", n, j->ask.g.max_tokens,
                       j->logprobs, SEEN_MOST);
        job_close(j);
        return;
    }
    if (!(j->choice = mem_array(n, sizeof *j->choice))) {
        exchange_fail(j->x, HEARTH_ENOMEM, NULL);
        job_close(j);
        return;
    }
    j->n_choices = n;
    for (size_t i = 0; i < n; i++)
        j->choice[i] = (struct choice){.job = j, .index = (int)i, .prompt = i / (size_t)j->n, .number = UINT64_MAX};
    openai_id(j->chat ? "chatcmpl-" : "cmpl-", j->id);
    j->running = 1;
    pump(j);
}

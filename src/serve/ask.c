/* ask.c - see ask.h.
 *
 *     ask_start      borrow, prompt (ask_prompt.c), grammar, receipt, parser, submit: all that can be refused
 *     on_text ...    on the engine's thread: straight on to the protocol, through the parser of tool calls where there are tools
 *     on_end         on the engine's thread: the rest of the text; puts off
 *     finish         on a worker: the receipt to the disk, the protocol's on_end, everything back
 *
 * Requests under way are in one list, so that all of an exchange (n answers, many prompts) can be cancelled when its client leaves. */
#include "serve/ask_in.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/answer.h"
#include "account/transcript.h"
#include "base/clock.h"
#include "base/jsontext.h"
#include "hub/lora.h"
#include "serve/metrics.h"
#include "serve/share.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct run *running;

void ask_init(struct ask *a)
{
    *a = (struct ask){.keep_alive = NAN, .parallel_calls = 1, .think = -1, .lora = -1, .lora_scale = 1};
    a->g.max_tokens = -1;
    a->g.logprobs = -1;
    hearth_sampling_defaults(&a->g.sampling);
}

static enum hearth_status recipe_of(const char *model, struct hub_model *about, struct hub_recipe *out)
{
    char *path = NULL;
    enum hearth_status st = hub_resolve_name(model, &path, about);
    if (st == HEARTH_OK) st = hub_recipe(about, out);
    free(path);
    return st;
}

enum hearth_status ask_defaults(struct ask *a, const char *model, struct ask_keep *keep)
{
    struct hub_model about = {0};
    char where[160];
    *keep = (struct ask_keep){0};
    parameters_init(&keep->parameters);
    enum hearth_status st = recipe_of(model, &about, &keep->recipe);
    snprintf(where, sizeof where, "the parameters of %s", about.name ? about.name : model);
    if (st == HEARTH_OK) st = parameters_read(where, keep->recipe.parameters, &keep->parameters);
    if (st == HEARTH_OK) {
        a->g.sampling = keep->parameters.sampling;
        a->g.max_tokens = keep->parameters.max_tokens;
        a->g.stop = keep->parameters.stop;
        a->g.n_stop = keep->parameters.n_stop;
    }
    hub_model_free(&about);
    return st;
}

void ask_keep_free(struct ask_keep *k)
{
    hub_recipe_free(&k->recipe);
}

/* ---- lives ---- */

static void run_free(struct run *r)
{
    toolcall_close(r->parser);
    hearth_receipt_close(r->receipt);
    hearth_grammar_close(r->grammar);
    if (r->m) keeper_adapter_return(server_keeper(r->server), r->m, r->adapter);
    if (r->m) keeper_return(server_keeper(r->server), r->m, r->a.keep_alive);
    json_decref(r->messages);
    json_decref(r->begun_with);
    hub_recipe_free(&r->recipe);
    hub_model_free(&r->about);
    hearth_free(r->ids);
    free(r->shown);
    exchange_drop(r->a.x);
    free(r);
}

/* Of two: ask_start and finish. */
static void let_go(struct run *r)
{
    pthread_mutex_lock(&lock);
    int last = --r->refs == 0;
    pthread_mutex_unlock(&lock);
    if (last) run_free(r);
}

static void enlist(struct run *r)
{
    pthread_mutex_lock(&lock);
    r->next = running;
    if (running) running->prev = r;
    running = r;
    pthread_mutex_unlock(&lock);
}

static void delist(struct run *r)
{
    pthread_mutex_lock(&lock);
    if (r->prev) r->prev->next = r->next;
    else running = r->next;
    if (r->next) r->next->prev = r->prev;
    pthread_mutex_unlock(&lock);
}

void ask_cancel(struct exchange *x)
{
    pthread_mutex_lock(&lock);
    for (struct run *r = running; r; r = r->next)
        if (r->a.x == x) {
            r->cancelled = 1;
            if (r->ticket) hearth_engine_cancel(r->m->engine, r->ticket);
        }
    pthread_mutex_unlock(&lock);
}

static void left(void *x)
{
    ask_cancel(x);
}

/* ---- from the engine ---- */

static void begin(struct run *r)
{
    if (r->begun) return;
    r->begun = 1;
    if (r->a.on_begin) r->a.on_begin(r->a.user, r->m, r->n);
}

static int on_prompt(void *user, size_t done, size_t total)
{
    (void)done, (void)total;
    begin(user);
    return 0;
}

/* What a route keeps of an answer under way is JSON: it ends where a part of that is lost. */
static int heard(struct run *r, int stop)
{
    r->missed |= jsontext_refused() != 0;
    return stop || r->missed;
}

static int on_prompt_token(void *user, const struct hearth_token *t)
{
    struct run *r = user;
    jsontext_trust();
    begin(r);
    return heard(r, r->a.on_prompt_token ? r->a.on_prompt_token(r->a.user, t) : 0);
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct run *r = user;
    jsontext_trust();
    begin(r);
    if (isnan(r->first)) r->first = clock_seconds() - r->began;
    return heard(r, r->a.on_token ? r->a.on_token(r->a.user, t) : 0);
}

static int on_text(void *user, const char *text, size_t n)
{
    struct run *r = user;
    jsontext_trust();
    begin(r);
    if (r->parser) return heard(r, toolcall_put(r->parser, text, n));
    return heard(r, r->a.on_text ? r->a.on_text(r->a.user, text, n) : 0);
}

static int event_text(void *user, const char *text, size_t n)
{
    struct run *r = user;
    return r->a.on_text ? r->a.on_text(r->a.user, text, n) : 0;
}

static int event_think(void *user, const char *text, size_t n)
{
    struct run *r = user;
    return r->a.on_think ? r->a.on_think(r->a.user, text, n) : 0;
}

static int event_call(void *user, int index, const char *name, json_t *arguments)
{
    struct run *r = user;
    if (index > 0 && !r->a.parallel_calls) return 1;   /* one is what was asked for: the answer ends here */
    r->calls = index + 1;
    return r->a.on_call ? r->a.on_call(r->a.user, index, name, arguments) : 0;
}

static void finish(void *user);

static void on_end(void *user, const struct hearth_end *end)
{
    struct run *r = user;
    int calls;
    jsontext_trust();
    r->end.status = end->status;
    r->end.result = end->result;
    if (end->status == HEARTH_OK) begin(r);
    else snprintf(r->said, sizeof r->said, "%s", end->message);
    if (r->parser && end->status == HEARTH_OK) {
        toolcall_end(r->parser, &calls);
        r->end.status = toolcall_status(r->parser);
        if (r->end.status != HEARTH_OK) snprintf(r->said, sizeof r->said, "no memory for the calls of tools in this answer");
    }
    if (r->end.status == HEARTH_OK && heard(r, 0)) {
        r->end.status = HEARTH_ENOMEM;
        snprintf(r->said, sizeof r->said, "the server has no memory for this answer");
    }
    server_later(r->server, finish, r);
}

/* ---- the end, on a worker ---- */

static void count(const struct run *r)
{
    const struct hearth_result *e = &r->end.result;
    struct metrics_answer m = {
        .first_seconds = r->first, .total_seconds = r->end.total_seconds, .wait_seconds = e->wait_seconds,
        .prompt_tokens = e->prompt_tokens, .cached_tokens = e->cached_tokens, .answer_tokens = e->answer_tokens,
        .energy_uj = r->receipt ? answer_footprint(r->receipt)->energy_uj : 0, .cancelled = e->finish == HEARTH_FINISH_CANCELLED,
        .failed = r->end.status != HEARTH_OK, .receipt = *r->end.receipt != 0};
    metrics_add(&m);
}

static void finish(void *user)
{
    struct run *r = user;
    struct ask_end *e = &r->end;
    delist(r);                                         /* the engine knows its ticket no more */
    e->receipt_number = UINT64_MAX;
    e->receipt = "";
    e->note = r->note;
    if (e->status == HEARTH_OK && r->receipt) {
        if (hearth_receipt_write(r->receipt, &e->receipt_number) == HEARTH_OK) {
            e->receipt = hearth_receipt_json(r->receipt);
            e->note = hearth_receipt_note(r->receipt);
        } else {
            snprintf(r->note, sizeof r->note, "no receipt was made of this answer: %s", hearth_errmsg());
        }
    }
    snprintf(r->said, sizeof r->said, "%s", http_said(kept_said(r->m, r->about.name, r->said)));
    snprintf(r->note, sizeof r->note, "%s", http_said(e->note));
    e->note = r->note;
    e->message = r->said;
    e->calls = r->calls;
    e->load_seconds = r->load_seconds;
    e->total_seconds = clock_seconds() - r->began;
    e->m = r->m;
    e->prompt = r->ids;
    e->n_prompt = r->n;
    count(r);
    exchange_used(r->a.x, e->result.prompt_tokens, e->result.answer_tokens);
    if (r->a.on_end) r->a.on_end(r->a.user, e);
    let_go(r);
}

/* ---- the start ---- */

static enum hearth_status compile(struct run *r, enum hearth_grammar_kind kind, const char *text, size_t n)
{
    TRY(share_turn(SHARE_FORMS));
    enum hearth_status st = hearth_grammar_open(r->m->model, kind, text, n, &r->grammar);
    share_turn_over(SHARE_FORMS);
    return st;
}

static enum hearth_status open_grammar(struct run *r)
{
    const struct ask *a = &r->a;
    struct buf calls = {0};
    enum hearth_status st = HEARTH_OK;
    int held = run_has_tools(r) && a->tool_choice && strcmp(a->tool_choice, "auto") != 0;
    if (held && (a->schema || a->gbnf))
        return fail(HEARTH_EUSAGE, "tool_choice \"%s\" and a form of the answer exclude each other", a->tool_choice);
    if (held) {
        const char *named = !strcmp(a->tool_choice, "required") ? NULL : a->tool_choice;
        st = toolcall_grammar(r->format, a->tools, named, a->parallel_calls, &calls);
        if (st == HEARTH_OK) st = compile(r, HEARTH_GBNF, calls.data, calls.len);
        buf_free(&calls);
    } else if (a->schema) {
        st = compile(r, HEARTH_JSON_SCHEMA, a->schema, strlen(a->schema));
    } else if (a->gbnf) {
        st = compile(r, HEARTH_GBNF, a->gbnf, strlen(a->gbnf));
    }
    return st;
}

static enum hearth_status open_parser(struct run *r)
{
    struct toolcall_events e = {.on_text = event_text, .on_think = r->a.split_think ? event_think : NULL, .on_call = event_call, .user = r,
                                .thinking = r->thinking};
    if (!r->a.messages || (!run_has_tools(r) && !r->a.split_think)) return HEARTH_OK;
    return toolcall_open(r->format, run_has_tools(r) ? r->a.tools : NULL, &e, &r->parser);
}

/* Role and words of each message, and its calls as one text: a transcript holds no numbers but integers. */
static char *for_transcript(const json_t *messages, const char *begun_with)
{
    json_t *out = json_array(), *m;
    size_t i;
    json_array_foreach(messages, i, m) {
        json_t *one = json_pack("{s:O?, s:O?}", "role", json_object_get(m, "role"), "content", json_object_get(m, "content"));
        char *calls = json_array_size(json_object_get(m, "tool_calls")) ? jsontext_dump(json_object_get(m, "tool_calls")) : NULL;
        if (one && calls) json_object_set_new(one, "tool_calls", json_string(calls));
        free(calls);
        json_array_append_new(out, one);
    }
    if (begun_with) json_array_append_new(out, json_pack("{s:s, s:s}", "role", "assistant", "content", begun_with));
    char *text = jsontext_dump(out);
    json_decref(out);
    return text;
}

/* An answer is given without a receipt when none can be made, and says why. */
static void open_receipt(struct run *r)
{
    int keep = 0;
    enum hearth_status st = transcript_of_servers(&keep);
    char *messages = keep && r->a.messages ? for_transcript(r->a.messages, r->a.begun_with) : NULL;
    const char *key = exchange_key(r->a.x);
    struct hearth_receipt_params p = {.model = r->about.name, .key = *key ? key : NULL, .task = r->a.task, .messages = messages,
                                      .truncated_from = r->whole, .keep = keep};
    if (st == HEARTH_OK) st = hearth_receipt_open(&p, &r->receipt);
    if (st != HEARTH_OK) snprintf(r->note, sizeof r->note, "no receipt was made of this answer: %s", hearth_errmsg());
    free(messages);
}

/* The adapter that the request names, or the one the model was made with. */
static enum hearth_status open_adapter(struct run *r)
{
    const struct server_adapter *named = r->a.lora < 0 ? NULL : server_adapter(r->server, (size_t)r->a.lora);
    char *path = NULL;
    if (named && *r->about.adapter)
        return fail(HEARTH_EUSAGE, "lora: %s has an adapter of its own, and an answer is made with one; allowed: %s with this one", r->about.name,
                    *r->about.parent ? r->about.parent : "its base");
    if (!named && !*r->about.adapter) return HEARTH_OK;
    if (!named) TRY(lora_path(r->about.adapter, &path));
    enum hearth_status st = keeper_adapter(server_keeper(r->server), r->m, named ? named->path : path, named ? r->a.lora_scale : 1, &r->adapter);
    free(path);
    return st;
}

enum hearth_status ask_embedder(struct exchange *x, const char *model, struct kept **out)
{
    struct hub_model about = {0};
    char *path = NULL;
    *out = NULL;
    enum hearth_status st = hub_resolve_name(model, &path, &about);
    if (st == HEARTH_OK && *about.adapter)
        st = fail(HEARTH_EUNSUPPORTED, "%s has an adapter, and embeddings are made without one; allowed: %s", about.name,
                  *about.parent ? about.parent : "its base");
    if (st == HEARTH_OK && (st = share_take(exchange_key(x), about.sha256)) == HEARTH_OK) {
        st = keeper_borrow(server_keeper(exchange_server(x)), model, out);
        if (st != HEARTH_OK || strcmp((*out)->sha256, about.sha256) != 0) share_give(exchange_key(x), about.sha256);
        if (st == HEARTH_OK && strcmp((*out)->sha256, about.sha256) != 0) {           /* its file was exchanged this very moment */
            keeper_return(server_keeper(exchange_server(x)), *out, (double)NAN);
            *out = NULL;
            st = fail(HEARTH_EBUSY, "%s: its file was exchanged just now; try again", about.name);
        }
    }
    hub_model_free(&about);
    free(path);
    return st;
}

void ask_embedder_return(struct exchange *x, struct kept *m, double keep_alive)
{
    if (!m) return;
    share_give(exchange_key(x), m->sha256);
    keeper_return(server_keeper(exchange_server(x)), m, keep_alive);
}

static enum hearth_status submit(struct run *r)
{
    struct hearth_request q = {.prompt = r->ids, .n = r->n, .params = r->a.g, .adapter = r->adapter, .tenant = exchange_key(r->a.x),
                               .prompt_logprobs = r->a.echo_logprobs, .on_end = on_end};
    uint64_t ticket = 0;
    q.params.on_text = on_text;
    q.params.on_token = on_token;
    q.params.on_prompt = on_prompt;
    q.params.user = r;
    q.params.grammar = r->grammar;
    q.params.shown = r->shown;
    q.params.n_shown = r->n_shown;
    if (r->a.echo_only) q.params.max_tokens = 0;
    if (r->a.echo_logprobs) q.on_prompt_token = on_prompt_token;
    enlist(r);
    r->refs = 2;
    enum hearth_status st = r->receipt ? hearth_receipt_submit(r->receipt, r->m->engine, &q, &ticket)
                                       : hearth_engine_submit(r->m->engine, &q, &ticket);
    if (st != HEARTH_OK) {
        delist(r);
        r->refs = 1;
        return st;
    }
    pthread_mutex_lock(&lock);
    r->ticket = ticket;
    if (r->cancelled || exchange_gone(r->a.x)) hearth_engine_cancel(r->m->engine, ticket);
    pthread_mutex_unlock(&lock);
    return HEARTH_OK;
}

static enum hearth_status start(struct run *r)
{
    TRY(recipe_of(r->a.model, &r->about, &r->recipe));
    TRY(keeper_borrow(server_keeper(r->server), r->a.model, &r->m));
    r->load_seconds = clock_seconds() - r->began;
    if (r->m->info.only_embeds)
        return fail(HEARTH_EUNSUPPORTED, "%s makes embeddings of texts and answers nothing; allowed: /v1/embeddings, /api/embed and /v1/rerank", r->about.name);
    TRY(open_adapter(r));
    TRY(run_prompt(r));
    TRY(open_grammar(r));
    TRY(open_parser(r));
    open_receipt(r);
    exchange_on_gone(r->a.x, left, r->a.x);
    return submit(r);
}

static struct run *run_open(const struct ask *a)
{
    struct run *r = mem_array(1, sizeof *r);
    if (!r) return NULL;
    r->a = *a;
    r->server = exchange_server(a->x);
    r->began = clock_seconds();
    r->first = NAN;
    r->refs = 1;
    exchange_hold(a->x);
    return r;
}

/* st, its sentence kept over what freeing says. */
static enum hearth_status run_end(struct run *r, enum hearth_status st)
{
    if (st != HEARTH_OK) snprintf(r->said, sizeof r->said, "%s", hearth_errmsg());
    if (st != HEARTH_OK) st = fail(st, "%s", r->m ? kept_said(r->m, r->about.name, r->said) : r->said);
    let_go(r);
    return st;
}

enum hearth_status ask_start(const struct ask *a)
{
    if (jsontext_refused()) return fail_memory(jsontext_refused());
    struct run *r = run_open(a);
    return r ? run_end(r, start(r)) : HEARTH_ENOMEM;
}

static enum hearth_status count_prompt(struct run *r, size_t *n)
{
    struct hearth_engine_stats stats;
    TRY(recipe_of(r->a.model, &r->about, &r->recipe));
    TRY(keeper_borrow(server_keeper(r->server), r->a.model, &r->m));
    hearth_engine_stats(r->m->engine, &stats);
    TRY(run_tokens(r, stats.ctx));
    *n = r->n;
    return HEARTH_OK;
}

enum hearth_status ask_count(const struct ask *a, size_t *n)
{
    struct run *r = run_open(a);
    return r ? run_end(r, count_prompt(r, n)) : HEARTH_ENOMEM;
}

/* openai_completions.c - /v1/completions: a text goes on.  Prompts are texts or token ids, one or many; echo gives the prompt back
 * before the answer, with its log-probabilities when they are asked for, which is how lm-evaluation-harness measures.
 *
 * Of a whole prompt they are thousands of names, so a stream of those is the prompt's text and, written on a worker at the end, all that
 * follows in one piece: the engine's thread, which everybody waits for, only notes them. */
#include "serve/openai_in.h"

#include <stdlib.h>
#include <string.h>

/* ---- the request ---- */

static int is_id(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= INT32_MAX;
}

static void take_prompt(struct wants *w, struct job *j, const json_t *v)
{
    struct prompt *p = &j->prompt[j->n_prompts];
    const json_t *id;
    size_t i;
    if (w->bad) return;
    if (json_is_string(v)) {
        *p = (struct prompt){.text = json_string_value(v), .n = json_string_length(v)};
        j->n_prompts++;
        return;
    }
    if (!json_is_array(v)) {
        wants_refuse(w, "prompt", "prompt should be a text, a list of texts, a list of token ids, or a list of such lists");
        return;
    }
    if (!(p->ids = mem_array(json_array_size(v) + 1, sizeof *p->ids))) {
        w->bad = 1;
        exchange_fail(w->x, HEARTH_ENOMEM, NULL);
        return;
    }
    j->n_prompts++;
    json_array_foreach(v, i, id) {
        if (!is_id(id)) {
            wants_refuse(w, "prompt", "prompt: element %zu of a list of token ids is none", i);
            return;
        }
        p->ids[p->n++] = (int32_t)json_integer_value(id);
    }
}

static void read_prompt(struct wants *w, struct job *j)
{
    const json_t *v = wants_get(w, "prompt"), *one;
    size_t i;
    int many = json_is_array(v) && !is_id(json_array_get(v, 0));
    size_t n = many ? json_array_size(v) : 1;
    if (!v) wants_refuse(w, "prompt", "prompt is missing");
    else if (n < 1 || n > CHOICES_MAX) wants_refuse(w, "prompt", "prompt is a list of %zu, should be of 1 to %d", n, CHOICES_MAX);
    if (w->bad) return;
    if (!(j->prompt = mem_array(n, sizeof *j->prompt))) {
        w->bad = 1;
        exchange_fail(w->x, HEARTH_ENOMEM, NULL);
        return;
    }
    if (!many) take_prompt(w, j, v);
    else json_array_foreach(v, i, one) take_prompt(w, j, one);
}

static void read_logprobs(struct wants *w, struct job *j)
{
    const json_t *v = wants_get(w, "logprobs");
    json_int_t n;
    if (json_is_boolean(v)) j->logprobs = json_is_true(v) ? 1 : -1;      /* what some clients of chat send here, too */
    else if (wants_int(w, "logprobs", 0, TOP_MAX, &n)) j->logprobs = (int)n;
}

static int read_request(struct wants *w, struct job *j)
{
    json_int_t best = 1;
    if (!fields_read(w, j)) return 0;
    read_prompt(w, j);
    read_logprobs(w, j);
    wants_flag(w, "echo", &j->echo);
    if (wants_text(w, "suffix", &j->ask.suffix) && j->n_prompts && (!j->prompt[0].text || j->echo))
        wants_refuse(w, "suffix", "suffix needs a prompt that is a text, and no echo");
    if (wants_int(w, "best_of", 1, CHOICES_MAX, &best) && best != j->n)
        wants_refuse(w, "best_of", "best_of is %d, but the best of several answers is not searched for: only best_of equal to n (%d)", (int)best,
                     (int)j->n);
    if (j->ask.suffix && !*j->ask.suffix) j->ask.suffix = NULL;
    j->ask.raw = 1;
    j->ask.echo_only = j->ask.g.max_tokens == 0;
    j->ask.echo_logprobs = j->echo && j->logprobs >= 0;
    return !w->bad;
}

void openai_completions(struct exchange *x)
{
    struct job *j = job_open(x);
    if (!j) return;
    struct wants w = {x, j->body, 0};
    if (read_request(&w, j) && exchange_allowed(x, j->model)) job_run(j);
    else job_close(j);
}

/* ---- the answer ---- */

static void chunk(struct choice *c, json_t *text, json_t *logprobs, const char *finish)
{
    json_t *one = json_pack("{s:o, s:i, s:o, s:s?}", "text", text, "index", c->index, "logprobs", logprobs ? logprobs : json_null(),
                            "finish_reason", finish);
    job_chunk(c->job, finish ? c : NULL, one);
}

/* Of tokens not yet told. */
static json_t *new_logprobs(struct choice *c)
{
    if (c->job->logprobs < 0) return NULL;
    json_t *out = seen_legacy_begin();
    seen_legacy(out, &c->prompt_tokens, c->prompt_tokens.told, c->m, &c->offset);
    seen_legacy(out, &c->tokens, c->tokens.told, c->m, &c->offset);
    c->prompt_tokens.told = c->prompt_tokens.n;
    c->tokens.told = c->tokens.n;
    return out;
}

/* The prompt as text: as it was given, or what its tokens say. */
static json_t *prompt_text(const struct choice *c, const struct hearth_model *m)
{
    const struct prompt *p = &c->job->prompt[c->prompt];
    char *text = NULL;
    size_t n = 0;
    if (p->text) return wants_string(p->text, p->n);
    if (hearth_detokenize(m, p->ids, p->n, 0, &text, &n) != HEARTH_OK) return json_string("");
    json_t *out = wants_string(text, n);
    hearth_free(text);
    return out;
}

void completions_begin(struct choice *c)
{
    if (c->job->echo) chunk(c, prompt_text(c, c->m), NULL, NULL);
}

static int on_text(void *user, const char *text, size_t n)
{
    struct choice *c = user;
    if (c->job->stream && !c->job->ask.echo_logprobs) chunk(c, wants_string(text, n), new_logprobs(c), NULL);
    else if (c->st == HEARTH_OK) c->st = buf_put(&c->text, text, n);
    return c->st != HEARTH_OK;
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct choice *c = user;
    if (c->st == HEARTH_OK) c->st = seen_add(&c->tokens, t);
    return c->st != HEARTH_OK;
}

static int on_prompt_token(void *user, const struct hearth_token *t)
{
    struct choice *c = user;
    if (c->st == HEARTH_OK) c->st = seen_add(&c->prompt_tokens, t);
    return c->st != HEARTH_OK;
}

void completions_ask(struct choice *c, struct ask *a)
{
    a->on_text = on_text;
    if (c->job->logprobs >= 0) a->on_token = on_token;
    if (a->echo_logprobs) a->on_prompt_token = on_prompt_token;
}

/* The model ended the answer itself before its limit.  Whoever measures with echo counts tokens from the end, so the one that ended it
 * gets its place in the lists. */
static int ended_itself(const struct choice *c, const struct ask_end *e)
{
    return c->job->echo && e->result.finish == HEARTH_FINISH_STOP && !e->result.stop;
}

void completions_finish(struct choice *c, const struct ask_end *e)
{
    struct job *j = c->job;
    c->m = e->m->model;
    json_t *logprobs = new_logprobs(c);
    if (logprobs && ended_itself(c, e)) seen_legacy_end(logprobs, c->offset);
    if (j->stream) {
        chunk(c, wants_string(c->text.data ? c->text.data : "", c->text.len), logprobs, c->finish);
        return;
    }
    c->logprobs = logprobs;
    if (j->echo) c->prompt_text = prompt_text(c, c->m);
}

json_t *completions_choice(struct choice *c)
{
    json_t *text = wants_string(c->text.data ? c->text.data : "", c->text.len);
    if (c->prompt_text) {
        struct buf b = {0};
        buf_put(&b, json_string_value(c->prompt_text), json_string_length(c->prompt_text));
        buf_put(&b, json_string_value(text), json_string_length(text));
        json_decref(text);
        text = wants_string(b.data ? b.data : "", b.len);
        buf_free(&b);
    }
    return json_pack("{s:o, s:i, s:o, s:s}", "text", text, "index", c->index, "logprobs", c->logprobs ? json_incref(c->logprobs) : json_null(),
                     "finish_reason", c->finish);
}

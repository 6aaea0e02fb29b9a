/* evaluate.c - asks the model: items become tokens, tokens likelihoods (likelihood.h) or answers (answers.h).
 *
 * A context and what is behind it are cut into tokens together, and what is behind are the tokens past those of the context alone, white
 * space at the context's end moved behind it; an empty context is the model's beginning of text.  All as lm-evaluation-harness does. */
#include "work/evaluate_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsontext.h"
#include "hearth.h"
#include "model/classes.h"
#include "text/jinja.h"
#include "work/dataset.h"
#include "work/likelihood.h"

struct asking {
    const struct evaluate_params *p;
    struct eval_task *t;
    const struct eval_item *items;
    struct outcome *came;
    size_t n;
    int chat;                        /* contexts go through the model's template */
};

struct tokens { int32_t *ids; size_t n; };

static void tokens_free(struct tokens *t)
{
    hearth_free(t->ids);
    *t = (struct tokens){ 0 };
}

static void step(const struct asking *a, size_t done)
{
    if (a->p->on_step) a->p->on_step(a->p->user, a->t->name, done, a->n);
}

/* ---- contexts ---- */

static char *messages_of(const struct eval_item *it)
{
    if (it->messages) return strdup(it->messages);
    json_t *all = json_array();
    if (*it->system) json_array_append_new(all, json_pack("{s:s, s:s}", "role", "system", "content", it->system));
    json_array_append_new(all, json_pack("{s:s, s:s}", "role", "user", "content", it->user));
    char *text = json_dumps(all, 0);
    json_decref(all);
    return text;
}

static enum hearth_status chat_tokens(const struct asking *a, const struct eval_item *it, struct tokens *out)
{
    char *messages = messages_of(it);
    if (!messages) return fail_memory(1);
    enum hearth_status st = hearth_chat_tokenize(a->p->model, messages, NULL, 1, &out->ids, &out->n);
    free(messages);
    return st;
}

static enum hearth_status whole_context(const struct asking *a, const struct eval_item *it, struct buf *b)
{
    TRY(buf_puts(b, it->system));
    TRY(buf_puts(b, it->user));
    return buf_puts(b, a->t->raw_end);
}

/* Bytes of white space at the end. */
static size_t blank_end(const char *s, size_t n)
{
    size_t left = n;
    uint32_t cp;
    while (left > 0) {
        int k = jinja_char_before(s, left, &cp);
        if (!jinja_is_space(cp)) break;
        left -= (size_t)k;
    }
    return n - left;
}

static enum hearth_status first_token(const struct asking *a, struct tokens *out)
{
    int32_t id = hearth_bos(a->p->model);
    if (id < 0) id = hearth_eos(a->p->model);
    if (id < 0) return fail(HEARTH_EUNSUPPORTED, "the model has neither a beginning nor an end of text, which an empty context needs");
    if (!(out->ids = mem_array(1, sizeof *out->ids))) return HEARTH_ENOMEM;
    out->ids[0] = id, out->n = 1;
    return HEARTH_OK;
}

/* ---- what is behind a context ---- */

static enum hearth_status keep(const struct tokens *whole, size_t from, struct tokens *out)
{
    if (from >= whole->n) return fail(HEARTH_EFORMAT, "what is behind the context has no token of its own");
    out->n = whole->n - from;
    if (!(out->ids = mem_array(out->n, sizeof *out->ids))) return HEARTH_ENOMEM;
    memcpy(out->ids, whole->ids + from, out->n * sizeof *out->ids);
    return HEARTH_OK;
}

/* more: the text behind text[0 .. n), of whose tokens there are `before`. */
static enum hearth_status behind(const struct asking *a, const char *text, size_t n, size_t before, const char *more, const char *delimiter,
                                 struct tokens *out)
{
    struct buf b = { 0 };
    struct tokens whole = { 0 };
    enum hearth_status st = buf_put(&b, text, n);
    if (st == HEARTH_OK) st = buf_printf(&b, "%s%s", delimiter, more);
    if (st == HEARTH_OK) st = hearth_tokenize(a->p->model, b.data, b.len, n ? HEARTH_TOK_SPECIAL : 0, &whole.ids, &whole.n);
    if (st == HEARTH_OK) st = keep(&whole, n ? before : 0, out);
    tokens_free(&whole);
    buf_free(&b);
    return st;
}

struct pair_texts { const char *const *more; size_t n; const char *delimiter; };

/* The context's tokens and those of everything that may follow. */
static enum hearth_status encode(const struct asking *a, const struct eval_item *it, const struct pair_texts *texts, struct tokens *context,
                                 struct tokens *more)
{
    struct buf b = { 0 };
    enum hearth_status st;
    if (a->chat) {
        TRY(chat_tokens(a, it, context));
        for (size_t i = 0; i < texts->n; i++) TRY(behind(a, "", 0, 0, texts->more[i], "", &more[i]));
        return HEARTH_OK;
    }
    TRY_GOTO(st, done, whole_context(a, it, &b));
    size_t n = b.len - blank_end(b.data, b.len);
    if (n > 0) st = hearth_tokenize(a->p->model, b.data, n, HEARTH_TOK_SPECIAL, &context->ids, &context->n);
    size_t before = context->n;
    struct buf moved = { 0 };                      /* white space goes with what is behind */
    if (st == HEARTH_OK) st = buf_printf(&moved, "%s%s", b.data + n, texts->delimiter);
    for (size_t i = 0; i < texts->n && st == HEARTH_OK; i++) st = behind(a, b.data, n, before, texts->more[i], moved.data, &more[i]);
    buf_free(&moved);
    if (st == HEARTH_OK && context->n == 0) {
        tokens_free(context);
        st = first_token(a, context);
    }
done:
    buf_free(&b);
    return st;
}

/* ---- likelihoods ---- */

static enum hearth_status at_item(enum hearth_status st, const struct asking *a, size_t i)
{
    char said[600];
    if (st != HEARTH_EFORMAT && st != HEARTH_ECONTEXT) return st;
    snprintf(said, sizeof said, "%s", hearth_errmsg());
    return fail(st, "%s: item %zu: %s", a->t->name, i + 1, said);
}

static enum hearth_status likelihoods(const struct asking *a, struct likelihood *l, const struct eval_item *it, const struct pair_texts *texts,
                                      struct outcome *came)
{
    struct tokens context = { 0 }, *more = mem_array(texts->n, sizeof *more);
    struct continuation *c = mem_array(texts->n, sizeof *c);
    enum hearth_status st = more && c ? encode(a, it, texts, &context, more) : HEARTH_ENOMEM;
    for (size_t i = 0; i < texts->n && st == HEARTH_OK; i++) c[i] = (struct continuation){ .ids = more[i].ids, .n = more[i].n };
    for (size_t i = 0; i < texts->n && st == HEARTH_OK && !a->chat && !*it->user && !*it->system; i++)
        if (c[i].n > 1 && c[i].ids[0] == context.ids[0]) c[i].ids++, c[i].n--;      /* the beginning of text is not asked for twice */
    if (st == HEARTH_OK) st = likelihood_score(l, context.ids, context.n, c, texts->n, a->p->cancel);
    came->logprob = mem_array(texts->n, sizeof *came->logprob);
    came->greedy = mem_array(texts->n, 1);
    if (st == HEARTH_OK && (!came->logprob || !came->greedy)) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < texts->n && st == HEARTH_OK; i++)
        came->logprob[i] = c[i].logprob, came->greedy[i] = (unsigned char)c[i].greedy, came->cut |= c[i].cut;
    for (size_t i = 0; more && i < texts->n; i++) tokens_free(&more[i]);
    tokens_free(&context);
    free(more);
    free(c);
    return st;
}

/* A text without a context, in windows that fill the model's context; each begins behind one token: the model's beginning, then the last of
 * the window before. */
static enum hearth_status rolling(const struct asking *a, struct likelihood *l, const struct eval_item *it, struct outcome *came)
{
    struct tokens first = { 0 }, all = { 0 };
    size_t window = likelihood_context(l);
    enum hearth_status st = first_token(a, &first);
    if (st == HEARTH_OK) st = hearth_tokenize(a->p->model, it->wanted[0], strlen(it->wanted[0]), 0, &all.ids, &all.n);
    if (st == HEARTH_OK && (!(came->logprob = mem_array(1, sizeof *came->logprob)) || !(came->greedy = mem_array(1, 1)))) st = HEARTH_ENOMEM;
    for (size_t at = 0; at < all.n && st == HEARTH_OK; at += window) {
        struct continuation c = { .ids = all.ids + at, .n = all.n - at < window ? all.n - at : window };
        st = likelihood_score(l, at ? all.ids + at - 1 : first.ids, 1, &c, 1, a->p->cancel);
        came->logprob[0] += c.logprob;
    }
    tokens_free(&first);
    tokens_free(&all);
    return st;
}

static enum hearth_status score_all(const struct asking *a)
{
    struct likelihood *l = NULL;
    enum hearth_status st = likelihood_open(a->p->model, a->p->adapter, a->p->ctx, &l);
    for (size_t i = 0; i < a->n && st == HEARTH_OK; i++) {
        const struct eval_item *it = &a->items[i];
        struct pair_texts choices = { it->choice, it->choices, a->t->target_delimiter }, one = { it->wanted, 1, "" };
        if (a->t->output == EVAL_ROLLING) st = rolling(a, l, it, &a->came[i]);
        else st = likelihoods(a, l, it, a->t->output == EVAL_CHOICE ? &choices : &one, &a->came[i]);
        st = at_item(st, a, i);
        step(a, i + 1);
    }
    likelihood_close(l);
    return st;
}

/* ---- answers ---- */

static enum hearth_status prompt_of(const struct asking *a, const struct eval_item *it, struct tokens *out)
{
    struct buf b = { 0 };
    if (a->chat) return chat_tokens(a, it, out);
    enum hearth_status st = whole_context(a, it, &b);
    if (st == HEARTH_OK) st = hearth_tokenize(a->p->model, b.data, b.len, HEARTH_TOK_SPECIAL, &out->ids, &out->n);
    buf_free(&b);
    return st == HEARTH_OK && out->n == 0 ? first_token(a, out) : st;
}

static void on_answer(void *user, size_t done, size_t total)
{
    (void)total;
    step(user, done);
}

static enum hearth_status answer_all(struct asking *a)
{
    struct answers_params ap = { .adapter = a->p->adapter, .ctx = a->p->ctx, .on_step = on_answer, .user = a, .cancel = a->p->cancel };
    struct tokens *prompt = mem_array(a->n + 1, sizeof *prompt);
    struct answer_question *q = mem_array(a->n + 1, sizeof *q);
    struct answer *out = mem_array(a->n + 1, sizeof *out);
    enum hearth_status st = prompt && q && out ? HEARTH_OK : HEARTH_ENOMEM;
    int chat_ends = a->chat && a->t->data;         /* a conversation ends where the model ends it */
    for (size_t i = 0; i < a->n && st == HEARTH_OK; i++) {
        st = at_item(prompt_of(a, &a->items[i], &prompt[i]), a, i);
        q[i] = (struct answer_question){ prompt[i].ids, prompt[i].n, a->t->most_tokens, a->t->until, chat_ends ? 0 : a->t->n_until,
                                         a->t->temperature, a->p->seed + i };
    }
    if (st == HEARTH_OK) st = answers_make(a->p->model, &ap, q, a->n, out);
    for (size_t i = 0; out && i < a->n; i++) a->came[i].answer = out[i], a->came[i].cut = out[i].cut;
    for (size_t i = 0; prompt && i < a->n; i++) tokens_free(&prompt[i]);
    free(prompt);
    free(q);
    free(out);
    return st;
}

/* ---- a task ---- */

static int wants_chat(const struct asking *a)
{
    struct hearth_model_info info;
    if (a->t->output == EVAL_ROLLING || a->p->chat == CHAT_NEVER) return 0;
    if (a->p->chat == CHAT_ALWAYS) return 1;
    hearth_model_describe(a->p->model, &info);
    return a->t->data && *info.chat_template;
}

static enum hearth_status check_chat(const struct asking *a)
{
    struct hearth_model_info info;
    hearth_model_describe(a->p->model, &info);
    if (!a->chat && a->n && a->items[0].messages)
        return fail(HEARTH_EUNSUPPORTED, "%s: conversations need a chat template, and this model has none", a->t->path);
    return a->chat && !*info.chat_template ? fail(HEARTH_EUNSUPPORTED, "%s has no chat template", a->p->name) : HEARTH_OK;
}

static enum hearth_status entry_of(const struct asking *a, double seconds, json_t *result)
{
    size_t cut = 0;
    for (size_t i = 0; i < a->n; i++) cut += a->came[i].cut != 0;
    json_t *e = json_pack("{s:o, s:s, s:s, s:I, s:I, s:i, s:b, s:I, s:f}", "task", jsontext_string(a->t->name, strlen(a->t->name)), "output_type", eval_output_name(a->t->output),
                          "sha256", a->t->sha256, "items", (json_int_t)a->n, "of", (json_int_t)a->t->n, "num_fewshot", a->t->shots, "chat", a->chat,
                          "cut", (json_int_t)cut, "seconds", seconds);
    if (!e) return fail_memory(1);
    enum hearth_status st = evaluate_scores(a->p, a->t, a->items, a->came, a->n, e);
    if (st == HEARTH_OK && json_array_append(json_object_get(result, "tasks"), e)) st = fail_memory(1);
    json_decref(e);
    return st;
}

/* Own examples whose labels the model was taught as words are asked for as they were taught.  *taught 0: it knows none of them, and they are choices
 * as any others.  EUSAGE: it knows some, and the others would lower the score without a word. */
static enum hearth_status knows_labels(const struct evaluate_params *p, const struct eval_task *t, int *taught)
{
    struct hearth_adapter *own = NULL;
    const char *unknown = NULL;
    size_t known = 0;
    *taught = 0;
    if ((p->adapter && !p->adapter->classes) || !t->data || t->data->source.kind != EXAMPLE_LABEL) return HEARTH_OK;
    enum hearth_status st = p->adapter ? HEARTH_OK : classes_open(p->model, &own);       /* a merged model knows its labels too */
    if (st == HEARTH_ENOTFOUND) return HEARTH_OK;
    const struct hearth_adapter *a = own ? own : p->adapter;
    for (size_t i = 0; st == HEARTH_OK && i < t->labels; i++) {
        uint32_t k = 0;
        while (k < a->classes && strcmp(a->label[k], t->label[i]) != 0) k++;
        if (k < a->classes) known++;
        else unknown = t->label[i];
    }
    if (st == HEARTH_OK && known && unknown) st = fail(HEARTH_EUSAGE, "%s: the label \"%.100s\" is none of the %u that were taught", t->path, unknown, a->classes);
    *taught = known > 0;
    adapter_close(own);
    return st;
}

enum hearth_status evaluate_task(const struct evaluate_params *p, struct eval_task *t, json_t *result)
{
    struct asking a = { .p = p, .t = t, .n = p->limit && p->limit < t->n ? p->limit : t->n };
    struct eval_item *items = NULL;
    double begun = clock_seconds();
    TRY(eval_task_items(t, a.n, p->shot_seed, &items));
    a.items = items;
    int head = p->adapter ? p->adapter->head != NULL : classes_are_in(p->model->file) && t->output == EVAL_CHOICE;
    if (!head) {
        TRY(knows_labels(p, t, &head));
        a.chat = wants_chat(&a);
    }
    TRY(check_chat(&a));
    if (!(a.came = mem_array(a.n + 1, sizeof *a.came))) return HEARTH_ENOMEM;
    enum hearth_status st = head ? evaluate_by_head(p, t, items, a.n, a.came) : t->output == EVAL_GENERATE ? answer_all(&a) : score_all(&a);
    if (st == HEARTH_OK) st = entry_of(&a, clock_seconds() - begun, result);
    for (size_t i = 0; i < a.n; i++) {
        free(a.came[i].logprob);
        free(a.came[i].greedy);
        answers_free(&a.came[i].answer, 1);
    }
    free(a.came);
    return st;
}

void evaluate_model_name(const json_t *result, char out[EVALUATE_NAME])
{
    const char *model = json_string_value(json_object_get(json_object_get(result, "model"), "name"));
    const char *adapter = json_string_value(json_object_get(json_array_get(json_object_get(result, "adapters"), 0), "name"));
    snprintf(out, EVALUATE_NAME, adapter ? "%.500s + %.500s" : "%.500s", model ? model : "", adapter ? adapter : "");
}

enum hearth_status evaluate_begin(const struct evaluate_params *p, json_t **result)
{
    struct hearth_model_info info;
    hearth_model_describe(p->model, &info);
    *result = json_pack("{s:s, s:{s:o, s:s, s:s}, s:{s:i, s:s, s:s, s:i}, s:{s:I, s:I, s:I, s:i}, s:[]}", "schema", EVALUATE_SCHEMA, "model",
                        "name", jsontext_string(p->name, strlen(p->name)), "sha256", p->sha256, "architecture", info.architecture, "arithmetic", "version", hearth_arithmetic_version(),
                        "kind", info.arithmetic == HEARTH_FLOAT ? "float" : "quant", "isa", hearth_isa(), "threads", info.threads, "settings",
                        "seed", (json_int_t)p->seed, "fewshot_seed", (json_int_t)p->shot_seed, "limit", (json_int_t)p->limit, "ctx", (int)p->ctx,
                        "tasks");
    if (!*result) return fail_memory(1);
    if (!p->adapter) return HEARTH_OK;
    return json_object_set_new(*result, "adapters", json_pack("[{s:o, s:s}]", "name", jsontext_string(p->adapter_name, strlen(p->adapter_name)), "sha256", p->adapter_sha256)) ? fail_memory(1)
                                                                                                                               : HEARTH_OK;
}

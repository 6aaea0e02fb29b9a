/* explain.c - see explain.h: what is done in which order, and the prompt taken apart and put together again. */
#include "account/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpmode.h"
#include "infer/session.h"
#include "text/ids.h"
#include "train/tape.h"

const char *const explain_caveat[5] = {
    "A probability says how likely the model found a word, not how likely it is true: a model can be sure and wrong.",
    "The lens reads every layer with the last layer's glasses. Early layers keep things in ways that these glasses cannot read; "
    "a word that is not seen there may be there all the same.",
    "Counted is what goes straight from a head or a feed-forward to the output. What a head does by preparing something for later "
    "layers counts for those, so a small bar does not mean that a head is needless.",
    "The weights say how the answer's probability is shared out among the words along one path from a prompt in which they say "
    "nothing. They are not reasons, and words that only work together share their part in ways that another path would share otherwise.",
    "The weights say which sentences this model leant on for this answer. They do not say that the sentences are true, or that the "
    "answer follows from them; and sentences that say the same thing share what is due to either.",
};

enum hearth_status explain_cancelled(const struct explain_request *r)
{
    if (!r->cancel || !__atomic_load_n(r->cancel, __ATOMIC_RELAXED)) return HEARTH_OK;
    return fail(HEARTH_ECANCELLED, "stopped before the explanation was complete");
}

size_t explain_target(const struct explain_request *r, size_t *first)
{
    *first = r->token ? r->token - 1 : 0;
    return r->token ? 1 : r->n_answer;
}

/* ---- the prompt ---- */

static const char *last_content(const struct explain_request *r, size_t *n)
{
    size_t count = json_array_size(r->messages);
    const json_t *content = count ? json_object_get(json_array_get(r->messages, count - 1), "content") : NULL;
    *n = content ? json_string_length(content) : 0;
    return json_string_value(content);
}

int32_t explain_nothing(const struct explain_request *r)
{
    int32_t bos = tokenizer_bos(r->model->tokenizer), eos = tokenizer_eos(r->model->tokenizer);
    return bos >= 0 ? bos : eos >= 0 ? eos : 0;
}

static enum hearth_status raw_prompt(const struct explain_request *r, const char *content, size_t n, struct ids *out)
{
    TRY(tokenizer_encode(r->model->tokenizer, content, n, r->flags, out));
    return out->n ? HEARTH_OK : ids_put(out, explain_nothing(r));
}

enum hearth_status explain_prompt(const struct explain_request *r, const char *content, size_t n, struct ids *out)
{
    size_t count = json_array_size(r->messages), len;
    json_t *copy;
    char *list = NULL, *text = NULL;
    enum hearth_status st = HEARTH_OK;
    if (!count) return fail(HEARTH_EUNSUPPORTED, "only the prompt's tokens are known, not the messages they were made from");
    if (r->raw) return raw_prompt(r, content, n, out);
    copy = json_deep_copy(r->messages);
    if (!copy || json_object_set_new(json_array_get(copy, count - 1), "content", json_stringn(content, n)) != 0 ||
        !(list = json_dumps(copy, JSON_COMPACT)))
        st = fail_memory(n);
    if (st == HEARTH_OK) st = hearth_chat_render(r->model, list, NULL, 1, &text, &len);
    if (st == HEARTH_OK) st = tokenizer_encode(r->model->tokenizer, text, len, HEARTH_TOK_PARSE, out);
    json_decref(copy);
    free(list);
    hearth_free(text);
    return st;
}

static const char *find_last(const struct buf *in, const char *part, size_t n)
{
    const char *found = NULL, *at = in->data, *end = in->data + in->len;
    for (; n && at && (at = memmem(at, (size_t)(end - at), part, n)); at++) found = at;
    return found;
}

enum hearth_status explain_fixed(const struct explain_request *r, unsigned char *fixed)
{
    const struct tokenizer *t = r->model->tokenizer;
    struct buf all = { 0 };
    const char *content, *found, *s;
    size_t n, at = 0, k;
    for (size_t i = 0; i < r->n_prompt; i++) {
        tokenizer_piece(t, r->prompt[i], 0, &s, &k);
        fixed[i] = k == 0;                                 /* a control token */
        tokenizer_piece(t, r->prompt[i], 1, &s, &k);
        enum hearth_status st = buf_put(&all, s, k);
        if (st != HEARTH_OK) {
            buf_free(&all);
            return st;
        }
    }
    content = last_content(r, &n);
    while (n && strchr(" \t\r\n", content[n - 1])) n--;    /* templates trim */
    while (n && strchr(" \t\r\n", *content)) content++, n--;
    found = content ? find_last(&all, content, n) : NULL;
    for (size_t i = 0; i < r->n_prompt && found; i++) {
        tokenizer_piece(t, r->prompt[i], 1, &s, &k);
        if (at + k <= (size_t)(found - all.data) || at >= (size_t)(found - all.data) + n) fixed[i] = 1;
        at += k;
    }
    buf_free(&all);
    return HEARTH_OK;
}

/* ---- sentences ---- */

struct document { const struct explain_request *r; struct buf content; const char *before, *after; size_t n_before, n_after; };

static enum hearth_status document_prompt(void *user, const char *document, size_t n, struct ids *out)
{
    struct document *d = user;
    d->content.len = 0;
    TRY(buf_put(&d->content, d->before, d->n_before));
    TRY(buf_put(&d->content, document, n));
    TRY(buf_put(&d->content, d->after, d->n_after));
    return explain_prompt(d->r, d->content.data, d->content.len, out);
}

/* Why sentences cannot be compared here, or NULL. */
static const char *no_document(const char *document, size_t n, enum hearth_status *st)
{
    struct contextcite_sentence *list = NULL;
    size_t count = 0;
    *st = HEARTH_OK;
    if (!document) return "The messages that the prompt was made from are not known.";
    *st = sentences_split(document, n, &list, &count);
    free(list);
    return count < 3 ? "The prompt has fewer than three sentences: there is nothing to compare." : NULL;
}

static enum hearth_status explain_sentences(const struct explain_request *r, struct explanation *e)
{
    size_t n, longest = r->n_prompt + r->n_answer;
    struct document d = { .r = r };
    const char *content = last_content(r, &n), *why;
    struct ids ids = { 0 };
    enum hearth_status st;
    size_t begin = r->document_begin, end = r->document_end > begin ? r->document_end : n;
    if (content && end > n) return fail(HEARTH_EUSAGE, "the document ends at byte %zu, the message has %zu", end, n);
    e->document = content ? content + begin : NULL;
    why = no_document(e->document, end - begin, &st);
    if (st != HEARTH_OK) return st;
    if (why) {
        snprintf(e->why_not_sentences, sizeof e->why_not_sentences, "%s", why);
        return HEARTH_OK;
    }
    d.before = content, d.n_before = begin, d.after = content + end, d.n_after = n - end;
    struct contextcite_input in = { .prompt = document_prompt, .user = &d, .document = e->document, .n = end - begin,
                                    .answer = r->answer, .n_answer = r->token ? r->token : r->n_answer, .ablations = r->ablations,
                                    .held_out = r->unscored ? 0 : r->ablations / 2, .unscored = r->unscored, .alpha = 0.01, .seed = r->seed, .on_step = r->on_step,
                                    .step_user = r->user, .cancel = r->cancel };
    struct hearth_session_params sp = { .kv = r->kv };
    explain_target(r, &in.first);
    TRY_GOTO(st, done, document_prompt(&d, in.document, in.n, &ids));     /* may be longer than what was cut to fit */
    if (ids.n + r->n_answer > longest) longest = ids.n + r->n_answer;
    sp.ctx = (uint32_t)longest + 8;                                       /* fewer sentences can be a few tokens more */
    TRY_GOTO(st, done, hearth_session_open(r->model, &sp, &in.session));
    st = contextcite_run(&in, &e->sentences);
    if (st == HEARTH_OK) e->done |= EXPLAIN_SENTENCES;
done:
    hearth_session_close(in.session);
    buf_free(&d.content);
    free(ids.id);
    return st;
}

/* ---- inside the model ---- */

static enum hearth_status look_inside(const struct explain_request *r, struct hearth_model *exact, struct explanation *e)
{
    struct tape *t = NULL;
    uint32_t n = (uint32_t)(r->n_prompt + r->n_answer - 1);
    int32_t *ids = mem_array(n + 1, sizeof *ids);
    enum hearth_status st = ids ? HEARTH_OK : HEARTH_ENOMEM;
    if (st != HEARTH_OK) return st;
    memcpy(ids, r->prompt, r->n_prompt * sizeof *ids);
    memcpy(ids + r->n_prompt, r->answer, (r->n_answer - 1) * sizeof *ids);
    TRY_GOTO(st, done, tape_open(exact, n, &t));
    TRY_GOTO(st, done, tape_forward(t, ids, NULL, n));
    TRY_GOTO(st, done, explain_gap(r, t, e));
    if (e->gap.refused) goto done;
    if (r->methods & EXPLAIN_LENS) TRY_GOTO(st, done, explain_lens(r, exact, t, &e->lens));
    if (r->methods & EXPLAIN_LOGIT) TRY_GOTO(st, done, explain_logit(r, exact, t, &e->logit));
    e->done |= r->methods & (EXPLAIN_LENS | EXPLAIN_LOGIT);
    tape_close(t);
    t = NULL;
    if (r->methods & EXPLAIN_WORDS) {
        TRY_GOTO(st, done, explain_words(r, exact, &e->words));
        if (!r->unscored) TRY_GOTO(st, done, explain_words_score(r, &e->words));
        e->done |= EXPLAIN_WORDS;
    }
done:
    tape_close(t);
    free(ids);
    return st;
}

static enum hearth_status check(const struct explain_request *r)
{
    const int32_t *part[] = { r->prompt, r->answer };
    const size_t n[] = { r->n_prompt, r->n_answer };
    if (r->n_prompt == 0) return fail(HEARTH_EUSAGE, "the prompt has no tokens: there is nothing to explain from");
    if (r->n_answer == 0) return fail(HEARTH_EUSAGE, "the answer has no tokens: there is nothing to explain");
    if (r->n_prompt + r->n_answer > 1u << 24) return fail(HEARTH_ELIMIT, "%zu tokens are more than can be explained", r->n_prompt + r->n_answer);
    if (r->token > r->n_answer) return fail(HEARTH_EUSAGE, "token %zu of the answer, should be 1 to %zu", r->token, r->n_answer);
    if (!(r->max_gap >= 0)) return fail(HEARTH_EUSAGE, "the allowed gap is %g, should be 0 or more", r->max_gap);
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < n[p]; i++)
            if (part[p][i] < 0 || (uint32_t)part[p][i] >= r->model->h.vocabulary)
                return fail(HEARTH_EUSAGE, "%s token %zu is id %d, should be 0 to %u: was it made by another model?",
                            p ? "answer" : "prompt", i, part[p][i], r->model->h.vocabulary - 1);
    return HEARTH_OK;
}

static enum hearth_status explain(const struct explain_request *r, struct explanation *e)
{
    struct hearth_model *exact = r->model;
    struct hearth_model_params mp = { .threads = r->threads, .arithmetic = HEARTH_FLOAT };
    enum hearth_status st;
    TRY(check(r));
    TRY(explain_tokens(r, e));
    if (r->methods & EXPLAIN_TOKENS) e->done |= EXPLAIN_TOKENS;
    if (r->methods & EXPLAIN_SENTENCES) TRY(explain_sentences(r, e));
    if (!(r->methods & (EXPLAIN_LENS | EXPLAIN_LOGIT | EXPLAIN_WORDS))) return HEARTH_OK;
    if (r->model->arithmetic != HEARTH_FLOAT) TRY(hearth_model_open(r->path, &mp, &exact));
    st = look_inside(r, exact, e);
    if (exact != r->model) hearth_model_close(exact);
    return st;
}

enum hearth_status explain_run(const struct explain_request *r, struct explanation *out)
{
    struct fp_state fp;
    *out = (struct explanation){ 0 };
    fp_enter(&fp);
    enum hearth_status st = explain(r, out);
    fp_leave(&fp);
    if (st != HEARTH_OK) explanation_free(out);
    return st;
}

void explanation_free(struct explanation *e)
{
    free(e->token);
    free(e->lens.cell);
    free(e->logit.head);
    free(e->words.weight);
    free(e->words.fixed);
    contextcite_free(&e->sentences);
    *e = (struct explanation){ 0 };
}

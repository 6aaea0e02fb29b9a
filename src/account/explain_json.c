/* explain_json.c - an explanation for an auditor: every figure, nothing rounded, each method with its score and caveat. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "base/utf8.h"
#include "model/model.h"

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
static json_t *text(const char *s, size_t n)
{
    struct buf b = { 0 };
    json_t *out = NULL;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int k = utf8_read(s + i, n - i, &c);
        if ((k < 0 ? buf_puts(&b, "\xef\xbf\xbd") : buf_put(&b, s + i, (size_t)k)) != HEARTH_OK) goto done;
        i += k < 1 ? 1 : (size_t)k;
    }
    out = json_stringn(b.len ? b.data : "", b.len);
done:
    buf_free(&b);
    return out;
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }
static json_t *count(size_t n) { return json_integer((json_int_t)n); }

/* Text and id of a token into an object. */
static void put_token(json_t *to, const struct explain_request *r, int32_t id)
{
    const char *s;
    size_t n;
    tokenizer_piece(r->model->tokenizer, id, 1, &s, &n);
    json_object_set_new(to, "id", json_integer(id));
    json_object_set_new(to, "text", text(s, n));
}

static json_t *series(const double *v, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(a, number(v[i]));
    return a;
}

static void close_method(json_t *to, json_t *method, const char *name, int bit)
{
    json_object_set_new(method, "does_not_mean", json_string(explain_caveat[bit]));
    json_object_set_new(to, name, method);
}

/* ---- tokens ---- */

static json_t *choice(const struct explain_request *r, const struct explain_choice *c, int chosen)
{
    json_t *j = json_object(), *steps = json_object();
    put_token(j, r, c->id);
    json_object_set_new(j, "chosen", json_boolean(chosen));
    for (int s = 0; s < EXPLAIN_STEPS; s++)
        json_object_set_new(steps, explain_step_name[s], c->rank[s] ? json_pack("{s:i, s:f}", "rank", (int)c->rank[s], "p", c->p[s]) : json_null());
    json_object_set_new(j, "after", steps);
    return j;
}

static json_t *token(const struct explain_request *r, const struct explain_token *t)
{
    json_t *j = json_object(), *choices = json_array(), *left = json_object();
    put_token(j, r, t->chosen.id);
    json_object_set_new(j, "logprob", number(t->logprob));
    json_object_set_new(j, "entropy", number(t->entropy));
    json_object_set_new(j, "draw", number(t->draw));
    json_object_set_new(j, "sampler_takes_it_again", json_boolean(t->same));
    for (int s = 0; s < EXPLAIN_STEPS; s++) json_object_set_new(left, explain_step_name[s], json_integer(t->left[s]));
    json_object_set_new(j, "left", left);
    json_array_append_new(choices, choice(r, &t->chosen, 1));
    for (int i = 0; i < t->others; i++) json_array_append_new(choices, choice(r, &t->other[i], 0));
    json_object_set_new(j, "choices", choices);
    return j;
}

static void put_tokens(json_t *to, const struct explain_request *r, const struct explanation *e)
{
    json_t *j = json_object(), *list = json_array();
    for (size_t i = 0; i < e->tokens; i++) json_array_append_new(list, token(r, &e->token[i]));
    json_object_set_new(j, "list", list);
    json_object_set_new(j, "faithfulness", json_pack("{s:o, s:o}", "sampler_takes_again", count(e->same), "of", count(e->tokens)));
    close_method(to, j, "tokens", 0);
}

/* ---- inside ---- */

static void put_lens(json_t *to, const struct explain_request *r, const struct explain_lens *l)
{
    json_t *j = json_object(), *rows = json_array();
    for (uint32_t y = 0; y <= l->layers; y++) {
        json_t *row = json_array();
        for (size_t i = 0; i < l->n; i++) {
            const struct explain_lens_cell *c = &l->cell[y * l->n + i];
            json_t *cell = json_object();
            put_token(cell, r, c->top);
            json_object_set_new(cell, "p", number(c->top_p));
            json_object_set_new(cell, "answer_rank", json_integer(c->rank));
            json_object_set_new(cell, "answer_p", number(c->p));
            json_array_append_new(row, cell);
        }
        json_array_append_new(rows, row);
    }
    json_object_set_new(j, "first_token", count(l->first + 1));
    json_object_set_new(j, "before_layer", rows);
    json_object_set_new(j, "faithfulness", json_pack("{s:o}", "last_row_from_the_model_logits", number(l->residual)));
    close_method(to, j, "lens", 1);
}

static json_t *parts(double embedding, const double *head, const double *ffn, uint32_t layers, uint32_t heads)
{
    json_t *h = json_array();
    for (uint32_t l = 0; l < layers; l++) json_array_append_new(h, series(head + (size_t)l * heads, heads));
    return json_pack("{s:o, s:o, s:o}", "embedding", number(embedding), "heads", h, "feed_forward", series(ffn, layers));
}

static void put_logit(json_t *to, const struct explain_request *r, const struct explain_logit *l)
{
    json_t *j = json_object(), *against = json_object();
    json_object_set_new(j, "token", count(l->token + 1));
    put_token(j, r, l->id);
    json_object_set_new(j, "logit", number(l->logit));
    json_object_set_new(j, "sum", number(l->sum));
    json_object_set_new(j, "parts", parts(l->embedding, l->head, l->ffn, l->layers, l->heads));
    put_token(against, r, l->against);
    json_object_set_new(against, "logit", number(l->logit_against));
    json_object_set_new(against, "parts", parts(l->embedding_against, l->head_against, l->ffn_against, l->layers, l->heads));
    json_object_set_new(j, "against", against);
    json_object_set_new(j, "faithfulness", json_pack("{s:o}", "sum_from_logit", number(l->residual)));
    close_method(to, j, "logit", 2);
}

/* ---- words, sentences ---- */

static json_t *words_score(const struct explain_words *w)
{
    json_t *j = json_pack("{s:o, s:b, s:o, s:o}", "completeness_residual", number(w->residual), "flagged", w->flagged, "gradients",
                          count(w->gradients), "panels", count(w->panels));
    json_object_set_new(j, "compared", json_boolean(w->scored));
    if (!w->scored) return j;
    json_object_update_new(j, json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "deletion_curve", series(w->curve, EXPLAIN_CURVE), "deletion_curve_random",
        series(w->random_curve, EXPLAIN_CURVE), "deletion_auc", number(w->auc), "deletion_auc_random", number(w->random_auc),
        "comprehensiveness", number(w->comprehensiveness), "comprehensiveness_random", number(w->random_comprehensiveness),
        "sufficiency", number(w->sufficiency), "sufficiency_random", number(w->random_sufficiency)));
    return j;
}

static void put_words(json_t *to, const struct explain_request *r, const struct explain_words *w)
{
    json_t *j = json_object(), *list = json_array();
    for (size_t i = 0; i < w->n; i++) {
        json_t *t = json_object();
        put_token(t, r, r->prompt[i]);
        json_object_set_new(t, "weight", number(w->weight[i]));
        json_object_set_new(t, "held_fixed", json_boolean(w->fixed[i]));
        json_array_append_new(list, t);
    }
    json_object_set_new(j, "baseline", json_string(r->baseline == EXPLAIN_BASELINE_MEAN ? "mean embedding" : "zero"));
    json_object_set_new(j, "logprob_at_prompt", number(w->at_prompt));
    json_object_set_new(j, "logprob_at_baseline", number(w->at_baseline));
    json_object_set_new(j, "prompt", list);
    json_object_set_new(j, "faithfulness", words_score(w));
    close_method(to, j, "words", 3);
}

static void put_sentences(json_t *to, const struct explanation *e)
{
    const struct contextcite *c = &e->sentences;
    json_t *j = json_object(), *list = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const struct contextcite_sentence *s = &c->sentence[c->order[i]];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "text", text(e->document + s->begin, s->end - s->begin), "begin",
                                              count(s->begin), "end", count(s->end), "weight", number(s->weight)));
    }
    json_object_set_new(j, "best_first", list);
    json_object_set_new(j, "intercept", number(c->intercept));
    json_object_set_new(j, "logprob_with_all", number(c->whole));
    json_object_set_new(j, "ablations", json_integer(c->ablations));
    json_object_set_new(j, "tokens_evaluated", count(c->tokens_seen));
    json_object_set_new(j, "tokens_shared", count(c->tokens_shared));
    json_object_set_new(j, "faithfulness", json_pack(
        "{s:o, s:o, s:o, s:i}", "logprob_drop_without_best", series(c->drop, (size_t)c->tops), "logprob_drop_without_random",
        series(c->random_drop, (size_t)c->tops), "lds", number(c->lds), "lds_ablations", c->held_out));
    close_method(to, j, "sentences", 4);
}

/* ---- all of it ---- */

static json_t *arithmetic(const struct explain_request *r, const struct explanation *e)
{
    json_t *j = json_pack("{s:s, s:s}", "answer", r->model->arithmetic == HEARTH_FLOAT ? "float" : "quant", "inside", "float");
    if (e->gap.n)
        json_object_set_new(j, "gap", json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "largest", number(e->gap.largest), "mean", number(e->gap.mean),
                                                "allowed", number(e->gap.allowed), "same_first_choice", count(e->gap.same_top), "of",
                                                count(e->gap.n), "refused", e->gap.refused));
    return j;
}

json_t *explanation_json(const struct explain_request *r, const struct explanation *e)
{
    json_t *j = json_pack("{s:s, s:o}", "schema", "hearth-explanation/1", "model",
                          json_pack("{s:o, s:s, s:s}", "name", text(r->name, strlen(r->name)), "sha256", r->sha256, "architecture",
                                    r->model->info.architecture));
    if (!j) return NULL;
    if (*r->receipt) json_object_set_new(j, "receipt", text(r->receipt, strlen(r->receipt)));
    json_object_set_new(j, "arithmetic", arithmetic(r, e));
    json_object_set_new(j, "prompt_tokens", count(r->n_prompt));
    json_object_set_new(j, "answer_tokens", count(r->n_answer));
    json_object_set_new(j, "explained_token", r->token ? count(r->token) : json_null());
    json_object_set_new(j, "seed", json_integer((json_int_t)r->seed));
    if (e->done & EXPLAIN_TOKENS) put_tokens(j, r, e);
    if (e->done & EXPLAIN_LENS) put_lens(j, r, &e->lens);
    if (e->done & EXPLAIN_LOGIT) put_logit(j, r, &e->logit);
    if (e->done & EXPLAIN_WORDS) put_words(j, r, &e->words);
    if (e->done & EXPLAIN_SENTENCES) put_sentences(j, e);
    else if (*e->why_not_sentences) json_object_set_new(j, "why_not_sentences", json_string(e->why_not_sentences));
    return j;
}

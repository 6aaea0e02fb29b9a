/* explain_html.c - an explanation as a report that a teacher can read and print. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "account/html.h"
#include "base/utf8.h"
#include "model/model.h"

enum { TABLE_TOKENS = 48, BARS = 12, WORD = 96 };

/* ---- small things ---- */

/* A token where blanks must be seen: "␣the", "⏎". */
static const char *visible(const struct explain_request *r, int32_t id, char out[WORD])
{
    const char *s;
    size_t n, at = 0;
    tokenizer_piece(r->model->tokenizer, id, 1, &s, &n);
    for (size_t i = 0; i < n && at + 8 < WORD;) {
        uint32_t c;
        int k = utf8_read(s + i, n - i, &c);
        const char *mark = c == ' ' ? "\xe2\x90\xa3" : c == '\n' ? "\xe2\x8f\x8e" : c == '\t' ? "\xe2\x87\xa5" : k < 1 ? "\xef\xbf\xbd" : NULL;
        if (mark) at += (size_t)sprintf(out + at, "%s", mark);
        else memcpy(out + at, s + i, (size_t)k), at += (size_t)k;
        i += k < 1 ? 1 : (size_t)k;
    }
    out[at] = 0;
    return at ? out : "(nothing)";
}

static void boxed(struct html *h, const char *lead, const char *text)
{
    html_markup(h, "<p class=\"note\"><b>");
    html_printf(h, "%s", lead);
    html_markup(h, "</b> ");
    html_printf(h, "%s", text);
    html_markup(h, "</p>\n");
}

/* The two boxes every method ends with. */
static void trust(struct html *h, int bit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void trust(struct html *h, int bit, const char *fmt, ...)
{
    char text[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    boxed(h, "How far to trust this.", text);
    boxed(h, "What it does not mean.", explain_caveat[bit]);
}

/* "0.42"; "unknown" where nothing could be computed. */
static const char *figure(double x, char out[24])
{
    if (isfinite(x)) snprintf(out, 24, "%.2f", x);
    else snprintf(out, 24, "unknown");
    return out;
}

struct part { double value; size_t at; };

static int larger(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (fabs(x->value) != fabs(y->value)) return fabs(x->value) > fabs(y->value) ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

/* ---- the answer, token by token ---- */

static void answer_strip(struct html *h, const struct explain_request *r, const struct explanation *e)
{
    struct html_word *w = mem_array(e->tokens, sizeof *w);
    char (*tip)[64] = mem_array(e->tokens, sizeof *tip);
    if (w && tip) {
        for (size_t i = 0; i < e->tokens; i++) {
            double p = e->token[i].chosen.p[STEP_MODEL];
            tokenizer_piece(r->model->tokenizer, e->token[i].chosen.id, 1, &w[i].text, &w[i].n);
            snprintf(tip[i], sizeof *tip, "token %zu: %.1f %%", i + 1, 100 * p);
            w[i].heat = 1 - p, w[i].tip = tip[i];
        }
        html_strip(h, "The answer; the more orange a word, the less likely the model found it", w, e->tokens);
    } else {
        h->st = HEARTH_ENOMEM;
    }
    free(w);
    free(tip);
}

/* "67.0 %" or "cut" */
static const char *after(const struct explain_choice *c, int step, char out[32])
{
    if (c->rank[step] == 0) snprintf(out, 32, "cut");
    else snprintf(out, 32, "%.1f %%", 100 * c->p[step]);
    return out;
}

/* Steps that did nothing, being off, have no column. */
static int step_is_on(const struct explain_request *r, int step)
{
    const struct hearth_sampling *p = &r->sampling;
    int penalties = p->n_bias || p->repeat_penalty != 1 || p->presence_penalty != 0 || p->frequency_penalty != 0, warm = p->temperature > 0;
    const int on[EXPLAIN_STEPS] = { [STEP_MODEL] = 1, [STEP_GRAMMAR] = r->grammar != NULL, [STEP_PENALTIES] = penalties, [STEP_TOP_K] = warm && p->top_k > 0,
                                    [STEP_TOP_P] = warm && p->top_p < 1, [STEP_MIN_P] = warm && p->min_p > 0, [STEP_TEMPERATURE] = 1 };
    return on[step];
}

/* The token that came, and up to three others of at least 1 %. */
static void token_rows(struct html *h, const struct explain_request *r, const struct explain_token *t, size_t i)
{
    char word[WORD], a[32];
    for (int k = -1; k < t->others && k < 3; k++) {
        const struct explain_choice *c = k < 0 ? &t->chosen : &t->other[k];
        if (k >= 0 && c->p[STEP_MODEL] < 0.01) break;
        if (k < 0) html_cell(h, 0, "%zu", i + 1);
        else html_cell(h, 0, "%s", "");
        html_cell(h, k < 0 ? 1 - c->p[STEP_MODEL] : 0, "%s%s", k < 0 ? "" : "\xc2\xa0\xc2\xa0or ", visible(r, c->id, word));
        html_cell(h, 0, "%d", (int)c->rank[STEP_MODEL]);
        for (int s = 0; s < EXPLAIN_STEPS; s++)
            if (step_is_on(r, s)) html_cell(h, 0, "%s", after(c, s, a));
    }
}

static void put_tokens(struct html *h, const struct explain_request *r, const struct explanation *e)
{
    static const char *const step[EXPLAIN_STEPS] = { "the model says", "grammar", "penalties", "top-k", "top-p", "min-p", "temperature" };
    const char *heads[EXPLAIN_STEPS + 4] = { "", "token", "rank" };
    int columns = 3;
    const struct hearth_sampling *p = &r->sampling;
    size_t shown = e->tokens < TABLE_TOKENS ? e->tokens : TABLE_TOKENS;
    html_heading(h, 2, "How sure was it of each word?");
    answer_strip(h, r, e);
    html_para(h, "quiet", "No colour: the model was sure. Orange: something else was likely too.");
    html_para(h, NULL, "The model gives every token of its vocabulary a probability; the sampler then changes and cuts these, and draws "
              "one%s. The table shows the token that came, those that might well have come, and their probabilities after each step.",
              p->temperature == 0 ? " (here, at temperature 0, it takes the largest)" : "");
    html_para(h, "quiet", "Temperature %g, top-k %d, top-p %g, min-p %g; penalties: repetition %g, presence %g, frequency %g.", (double)p->temperature,
              p->top_k, (double)p->top_p, (double)p->min_p, (double)p->repeat_penalty, (double)p->presence_penalty,
              (double)p->frequency_penalty);
    for (int i = 0; i < EXPLAIN_STEPS; i++)
        if (step_is_on(r, i)) heads[columns++] = step[i];
    html_table(h, NULL, "1011111111", heads);
    for (size_t i = 0; i < shown; i++) token_rows(h, r, &e->token[i], i);
    html_table_end(h);
    if (shown < e->tokens) html_para(h, "quiet", "And %zu tokens more, which the JSON form holds.", e->tokens - shown);
    trust(h, 0, "Asked again with the same seed, the sampler takes %zu of %zu tokens%s.", e->same, e->tokens,
          e->same == e->tokens ? ": this is what happened" : ". For the others the table does not show how they were chosen: another "
                                                             "program, other options, or a person put them there");
}

/* ---- sentences ---- */

static void document_strip(struct html *h, const struct explanation *e, double most)
{
    const struct contextcite *c = &e->sentences;
    struct html_word *w = mem_array(c->n, sizeof *w);
    char (*tip)[48] = mem_array(c->n, sizeof *tip);
    if (w && tip) {
        for (size_t i = 0; i < c->n; i++) {
            const struct contextcite_sentence *s = &c->sentence[i];
            snprintf(tip[i], sizeof *tip, "sentence %zu: %+.2f", i + 1, s->weight);
            w[i] = (struct html_word){ e->document + s->begin, s->end - s->begin, s->weight / most, tip[i] };
        }
        html_strip(h, "The document; orange sentences speak for the answer, blue ones against it", w, c->n);
    } else {
        h->st = HEARTH_ENOMEM;
    }
    free(w);
    free(tip);
}

static void put_sentences(struct html *h, const struct explanation *e)
{
    static const char *const heads[] = { "taken out", "the strongest", "any, by chance", NULL };
    const struct contextcite *c = &e->sentences;
    struct html_bar bar[BARS] = { 0 };
    char label[BARS][160], lds[24];
    size_t n = c->n < BARS ? c->n : BARS;
    double most = 1e-9;
    for (size_t i = 0; i < c->n; i++) most = fmax(most, fabs(c->sentence[i].weight));
    html_heading(h, 2, "Which sentences did it lean on?");
    html_para(h, NULL, "Sentences were left out by chance, %d times, and each time the model was asked how likely it finds the same answer. From "
              "that, each sentence has a weight: orange makes the answer more likely, blue less.", c->ablations);
    document_strip(h, e, most);
    for (size_t i = 0; i < n; i++) {
        const struct contextcite_sentence *s = &c->sentence[c->order[i]];
        snprintf(label[i], sizeof label[i], "%zu: %.*s", c->order[i] + 1, (int)(s->end - s->begin < 120 ? s->end - s->begin : 120), e->document + s->begin);
        bar[i] = (struct html_bar){ .label = label[i], .value = s->weight };
    }
    html_bars(h, c->n > n ? "The twelve sentences of largest weight" : "The weight of each sentence", bar, n);
    html_table(h, "What the answer loses (nats of log-probability) when sentences are taken out", "011", heads);
    for (int k = 0; k < c->tops; k++) {
        html_cell(h, 0, "%d sentence%s", k + 1, k ? "s" : "");
        html_cell(h, 0, "%.2f", c->drop[k]);
        html_cell(h, 0, "%.2f", c->random_drop[k]);
    }
    html_table_end(h);
    trust(h, 4, "%s The weights foretell how the answer fares under %d ablations that were not used with a rank correlation (LDS) of %s (1: "
          "always in the right order, 0: like dice).",
          c->drop[0] > c->random_drop[0] ? "Taking out the strongest sentence costs more than taking out any: it points at something that counts."
                                         : "Taking out the strongest sentence costs no more than taking out any: DO NOT RELY ON THIS.",
          c->held_out, figure(c->lds, lds));
}

/* ---- words ---- */

static void words_strip(struct html *h, const struct explain_request *r, const struct explain_words *w, double most)
{
    struct html_word *word = mem_array(w->n, sizeof *word);
    char (*tip)[32] = mem_array(w->n, sizeof *tip);
    size_t n = 0;
    if (word && tip) {
        for (size_t i = 0; i < w->n; i++) {
            if (w->fixed[i]) continue;
            tokenizer_piece(r->model->tokenizer, r->prompt[i], 1, &word[n].text, &word[n].n);
            snprintf(tip[n], sizeof *tip, "%+.3f", w->weight[i]);
            word[n].heat = w->weight[i] / most, word[n].tip = tip[n], n++;
        }
        html_strip(h, "The prompt; orange words make the answer more likely, blue ones less", word, n);
    } else {
        h->st = HEARTH_ENOMEM;
    }
    free(word);
    free(tip);
}

static void words_bars(struct html *h, const struct explain_request *r, const struct explain_words *w)
{
    struct part *p = mem_array(w->n, sizeof *p);
    struct html_bar bar[BARS] = { 0 };
    char label[BARS][WORD];
    size_t n = 0, shown;
    if (!p) {
        h->st = HEARTH_ENOMEM;
        return;
    }
    for (size_t i = 0; i < w->n; i++)
        if (!w->fixed[i]) p[n++] = (struct part){ w->weight[i], i };
    qsort(p, n, sizeof *p, larger);
    shown = n < BARS ? n : BARS;
    for (size_t i = 0; i < shown; i++) {
        const char *s = visible(r, r->prompt[p[i].at], label[i]);
        bar[i] = (struct html_bar){ .label = s, .value = p[i].value };
    }
    html_bars(h, "The words of largest weight, in nats of log-probability", bar, shown);
    free(p);
}

static void put_words(struct html *h, const struct explain_request *r, const struct explain_words *w)
{
    double most = 1e-9, share[EXPLAIN_CURVE];
    char auc[24], random_auc[24];
    const struct html_line lines[] = { { "the words of largest weight first", w->curve }, { "words by chance (mean of 5)", w->random_curve } };
    for (size_t i = 0; i < w->n; i++) most = fmax(most, fabs(w->weight[i]));
    for (int i = 0; i < EXPLAIN_CURVE; i++) share[i] = 100.0 * i / (EXPLAIN_CURVE - 1);
    html_heading(h, 2, "Which words of the prompt did it rest on?");
    html_para(h, NULL, "From a prompt in which the words say nothing (%s) to the real one, the answer's log-probability changes from %.2f to %.2f. "
              "Integrated gradients share that change out among the words.",
              r->baseline == EXPLAIN_BASELINE_MEAN ? "each is the average of all words" : "each is zero", w->at_baseline, w->at_prompt);
    words_strip(h, r, w, most);
    words_bars(h, r, w);
    if (w->flagged)
        html_para(h, "warn", "The weights miss the change they should add up to by %.1f %%, more than the 1 %% allowed: do not rely on them.", 100 * w->residual);
    if (!w->scored) {
        trust(h, 3, "The weights add up to the change within %.2f %%. There are too few words to test them by taking some out.", 100 * w->residual);
        return;
    }
    html_chart(h, &(struct html_chart){ .title = "The answer's log-probability as words are taken out of the prompt", .x_name = "per cent of the words taken out",
                                        .y_name = "log-probability, in nats", .n = EXPLAIN_CURVE, .x = share, .line = lines, .lines = 2 });
    trust(h, 3, "The weights add up to the change within %.2f %%. Taking out the words they name (the best 10, 20 and 50 %%) costs the answer %.2f nats on "
          "average, words by chance %.2f%s. Those words alone lose %.2f, as many by chance %.2f. Area under the curve %s, by chance %s "
          "(lower is better).", 100 * w->residual, w->comprehensiveness, w->random_comprehensiveness,
          w->comprehensiveness > w->random_comprehensiveness ? ": they count" : ": they are NO BETTER THAN CHANCE, do not rely on them", w->sufficiency,
          w->random_sufficiency, figure(w->auc, auc), figure(w->random_auc, random_auc));
}

/* ---- lens ---- */

static void put_lens(struct html *h, const struct explain_request *r, const struct explain_lens *l)
{
    char word[WORD], corner[] = "layer";
    char name[EXPLAIN_LENS_TOKENS][WORD], right[EXPLAIN_LENS_TOKENS + 2] = "1";
    const char *heads[EXPLAIN_LENS_TOKENS + 2] = { corner };
    for (size_t i = 0; i < l->n; i++) heads[i + 1] = visible(r, r->answer[l->first + i], name[i]);
    html_heading(h, 2, "What would each layer have said?");
    html_para(h, NULL, "The model builds an answer layer by layer. Each column is a token of the answer; each row shows the word that would have come had "
              "the model ended there. Orange: how likely the word that came in the end was at that point.");
    html_table(h, NULL, right, heads);
    for (uint32_t y = 0; y <= l->layers; y++) {
        if (y < l->layers) html_cell(h, 0, "%u", y);
        else html_cell(h, 0, "end");
        for (size_t i = 0; i < l->n; i++) {
            const struct explain_lens_cell *c = &l->cell[y * l->n + i];
            html_cell(h, c->p, "%s", visible(r, c->top, word));
        }
    }
    html_table_end(h);
    if (l->residual == 0) trust(h, 1, "The last row is the model's own output, bit for bit. The rows above have no such check.");
    else trust(h, 1, "The last row is the model's own output, to within %.1e in every score. The rows above have no such check.", l->residual);
}

/* ---- logit ---- */

/* Part i of the score, or (against) of the difference between the two tokens' scores. */
static double part_of(const struct explain_logit *l, size_t i, int against)
{
    size_t heads = (size_t)l->layers * l->heads;
    if (i < heads) return l->head[i] - (against ? l->head_against[i] : 0);
    if (i < heads + l->layers) return l->ffn[i - heads] - (against ? l->ffn_against[i - heads] : 0);
    return l->embedding - (against ? l->embedding_against : 0);
}

/* Every part with its name, by size. */
static void logit_bars(struct html *h, const struct explain_logit *l, int against, const char *title)
{
    size_t heads = (size_t)l->layers * l->heads, n = heads + l->layers + 1;
    struct part *p = mem_array(n, sizeof *p);
    struct html_bar bar[BARS + 2] = { 0 };
    char label[BARS][48];
    double rest = 0, sum = 0;
    if (!p) {
        h->st = HEARTH_ENOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) p[i] = (struct part){ part_of(l, i, against), i };
    qsort(p, n, sizeof *p, larger);
    for (size_t i = BARS; i < n; i++) rest += p[i].value;
    size_t shown = n < BARS ? n : BARS;
    for (size_t i = 0; i < shown; i++) {
        size_t at = p[i].at;
        if (at < heads) snprintf(label[i], sizeof *label, "layer %zu, head %zu", at / l->heads, at % l->heads);
        else if (at < n - 1) snprintf(label[i], sizeof *label, "layer %zu, feed-forward", at - heads);
        else snprintf(label[i], sizeof *label, "the embedding");
        bar[i] = (struct html_bar){ .label = label[i], .value = p[i].value };
        sum += p[i].value;
    }
    bar[shown] = (struct html_bar){ .label = "all others together", .value = rest, .quiet = 1 };
    bar[shown + 1] = (struct html_bar){ .label = "the sum", .value = sum + rest, .quiet = 1 };
    html_bars(h, title, bar, shown + 2);
    free(p);
}

/* What each head gave the one token more than the other. */
static void logit_grid(struct html *h, const struct explain_logit *l, const char *title)
{
    size_t n = (size_t)l->layers * l->heads;
    double *v = mem_array(n, sizeof *v);
    if (!v) {
        h->st = HEARTH_ENOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) v[i] = part_of(l, i, 1);
    html_grid(h, &(struct html_grid){ .title = title, .row_name = "layer", .col_name = "head", .rows = l->layers, .cols = l->heads, .value = v });
    free(v);
}

static void logit_curve(struct html *h, const struct explain_logit *l, const char *chosen, const char *against)
{
    double *y = mem_array(2 * ((size_t)l->layers + 1), sizeof *y), *z = y ? y + l->layers + 1 : NULL;
    if (!y) {
        h->st = HEARTH_ENOMEM;
        return;
    }
    y[0] = l->embedding, z[0] = l->embedding_against;
    for (uint32_t k = 0; k < l->layers; k++) {
        y[k + 1] = y[k] + l->ffn[k], z[k + 1] = z[k] + l->ffn_against[k];
        for (uint32_t i = 0; i < l->heads; i++) y[k + 1] += l->head[k * l->heads + i], z[k + 1] += l->head_against[k * l->heads + i];
    }
    const struct html_line lines[] = { { chosen, y }, { against, z } };
    html_chart(h, &(struct html_chart){ .title = "How the score builds up, layer by layer, beside the likeliest other token's", .x_name = "after layer", .y_name = "score so far",
                                        .n = (size_t)l->layers + 1, .line = lines, .lines = 2 });
    free(y);
}

static void put_logit(struct html *h, const struct explain_request *r, const struct explain_logit *l)
{
    char chosen[WORD], against[WORD], title[2 * WORD + 64];
    const char *c = visible(r, l->id, chosen), *a = visible(r, l->against, against);
    snprintf(title, sizeof title, "Which parts of the model put %s forward?", c);
    html_heading(h, 2, title);
    html_para(h, NULL, "This looks at token %zu of the answer. The score of a token is a sum: every attention head and every feed-forward of every layer "
              "adds its part. Orange parts speak for the token, blue ones against it.", l->token + 1);
    logit_bars(h, l, 0, "The largest parts of the token's score (its logit)");
    logit_curve(h, l, c, a);
    snprintf(title, sizeof title, "What decided between %s and %s", c, a);
    html_heading(h, 3, title);
    html_para(h, NULL, "Much of a score goes to every token alike. What decided is the difference: the parts of the score of %s less those of the likeliest "
              "other token, %s.", c, a);
    logit_bars(h, l, 1, "The largest parts of the difference between the two scores");
    logit_grid(h, l, "The part of each attention head in the difference");
    trust(h, 2, "All %u parts together are %.4f; the score is %.4f; they differ by %.1e. The last norm's scale is held as it was.",
          l->layers * (l->heads + 1) + 1, l->sum, l->logit, l->residual);
}

/* ---- all of it ---- */

static void put_cards(struct html *h, const struct explain_request *r, const struct explanation *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->tokens; i++) sum += e->token[i].logprob;
    html_cards_begin(h);
    html_card(h, "tokens of the answer", "%zu", e->tokens);
    html_card(h, "probability of a token, geometric mean", "%.0f %%", 100 * exp(sum / (double)e->tokens));
    html_card(h, "tokens that the sampler takes again", "%zu of %zu", e->same, e->tokens);
    if (e->gap.n && r->model->arithmetic != HEARTH_FLOAT) html_card(h, "gap to float arithmetic, nats", "%.2f", e->gap.largest);
    html_cards_end(h);
    if (e->gap.refused)
        html_para(h, "warn", "The answer was made in quantised arithmetic. Float arithmetic, in which the inside of the model is explained, gives one of its tokens "
                  "a log-probability %.2f nats away, more than the %.2f allowed. Words, layers and heads are therefore not explained.", e->gap.largest,
                  e->gap.allowed);
    else if (e->gap.n && r->model->arithmetic != HEARTH_FLOAT)
        html_para(h, "quiet", "The answer was made in quantised arithmetic; words, layers and heads are explained in float arithmetic, whose log-probabilities of the "
                  "answer's tokens differ by %.3f nats on average and %.3f at most (allowed: %.2f); the first choice is the same for %zu of %zu.",
                  e->gap.mean, e->gap.largest, e->gap.allowed, e->gap.same_top, e->gap.n);
}

static void put_about(struct html *h, const struct explain_request *r)
{
    html_heading(h, 2, "About this report");
    html_para(h, "quiet", "Model: %s, architecture %s. SHA-256 of its file: %s.", r->name, r->model->info.architecture, *r->sha256 ? r->sha256 : "not known");
    html_para(h, "quiet", "hearth %s, arithmetic version %d, seed of what was left out by chance: %llu. Integrated gradients: Sundararajan and others, 2017; "
              "ContextCite: Cohen-Wang and others, 2024; logit lens: nostalgebraist, 2020.", hearth_version(), hearth_arithmetic_version(),
              (unsigned long long)r->seed);
}

enum hearth_status explanation_html(const struct explain_request *r, const struct explanation *e, char **text, size_t *n)
{
    struct html h = { 0 };
    char about[256];
    snprintf(about, sizeof about, "%s%s%s, explained by hearth", r->name, *r->receipt ? ", receipt " : "", r->receipt);
    html_begin(&h, "Why this answer?", about);
    put_cards(&h, r, e);
    if (e->done & EXPLAIN_TOKENS) put_tokens(&h, r, e);
    if (e->done & EXPLAIN_SENTENCES) put_sentences(&h, e);
    if (e->done & EXPLAIN_WORDS) put_words(&h, r, &e->words);
    if (e->done & EXPLAIN_LENS) put_lens(&h, r, &e->lens);
    if (e->done & EXPLAIN_LOGIT) put_logit(&h, r, &e->logit);
    put_about(&h, r);
    return html_end(&h, text, n);
}

/* explain.c - `hearth explain RECEIPT` and `hearth explain MODEL PROMPT`: why this answer. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "account/explain.h"
#include "account/replay.h"
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/papers.h"
#include "cmd/places.h"
#include "cmd/talk.h"

static int want_json, force, raw, baseline, token, ablations = 64;
static float max_gap = 1;
static uint64_t draws = 1;
static const char *context_file, *html_file, *given_answer;
static struct opt_list method_words;

static const char *const baseline_names[] = {[EXPLAIN_BASELINE_ZERO] = "zero", [EXPLAIN_BASELINE_MEAN] = "mean", NULL};
static const char *const method_names[] = {"tokens", "lens", "logit", "words", "sentences", NULL};

static const struct opt options[] = {
    {"html", 'o', OPT_TEXT, "FILE", "write a report with pictures, which a browser shows and prints", &html_file, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace the report when it is there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object with every figure", &want_json, 0, 0, 0, 0},
    {"context", 0, OPT_TEXT, "FILE",
     "a document that stands before the prompt; its sentences are compared", &context_file, 0, 0, 0, 0},
    {"method", 0, OPT_LIST, "NAME",
     "only tokens, lens, logit, words or sentences; may be repeated (default: all)", &method_words, 0, 0, 0, 0},
    {"token", 0, OPT_INT, "N", "look into the answer's token N (default: the first; words and sentences: the whole "
     "answer)", &token, 1, 1 << 24, 0, 0},
    {"answer", 0, OPT_TEXT, "TEXT", "explain this answer instead of making one", &given_answer, 0, 0, 0, 0},
    {"baseline", 0, OPT_CHOICE, "KIND",
     "what stands for a word that says nothing: zero, or the vocabulary's mean (default zero)", &baseline, 0, 0, baseline_names, 0},
    {"ablations", 0, OPT_INT, "N", "how often sentences are left out by chance (default 64)", &ablations, 8, 4096, 0, 0},
    {"draws", 0, OPT_U64, "N", "the seed of what is left out by chance (default 1)", &draws, 0, 0, 0, 0},
    {"max-gap", 0, OPT_FLOAT, "NATS",
     "refuse to look inside when float and the answer's arithmetic differ by more in any log-probability (default 1)", &max_gap,
     0, 1000, 0, 0},
    {"raw", 0, OPT_FLAG, 0, "give the text to the model as it is, as for run", &raw, 0, 0, 0, 0},
    {0},
};

static int choose_methods(unsigned *out)
{
    *out = method_words.n ? 0 : EXPLAIN_ALL;
    for (size_t i = 0; i < method_words.n; i++) {
        int k = 0;
        while (method_names[k] && strcmp(method_names[k], method_words.item[i]) != 0) k++;
        if (!method_names[k])
            return usage("--method: \"%s\" is not tokens, lens, logit, words or sentences", method_words.item[i]);
        *out |= 1u << k;
    }
    return EXIT_DONE;
}

/* ---- what is explained: an answer made now ---- */

struct work {                        /* everything a request points into */
    struct talk talk;
    struct prompt prompt;
    json_t *messages;
    int32_t *answer;
    size_t n_answer, cap;
    struct receipt receipt;
    struct transcript transcript;
    struct hearth_model *model;      /* of a receipt; a prompt's is talk.model */
    struct hearth_grammar *grammar;  /* of a receipt */
    char *path, *label, *document;
    size_t n_document;
};

static void work_free(struct work *w)
{
    hearth_grammar_close(w->grammar);
    hearth_model_close(w->model);
    talk_close(&w->talk);
    prompt_free(&w->prompt);
    json_decref(w->messages);
    receipt_free(&w->receipt);
    transcript_free(&w->transcript);
    free(w->answer);
    free(w->path);
    free(w->label);
    free(w->document);
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct work *w = user;
    if (w->n_answer == w->cap) {
        w->cap = 2 * w->cap + 64;
        w->answer = xrealloc(w->answer, w->cap, sizeof *w->answer);
    }
    w->answer[w->n_answer++] = t->id;
    return 0;
}

static int make_answer(struct work *w)
{
    struct hearth_generate_params g;
    struct hearth_result result = {0};
    enum hearth_status st;
    if (given_answer) {
        st = hearth_tokenize(w->talk.model, given_answer, strlen(given_answer), 0, &w->answer, &w->n_answer);
        return st == HEARTH_OK ? EXIT_DONE : report(st);
    }
    talk_params(&w->talk, &g);
    g.on_token = on_token;
    g.user = w;
    g.cancel = interrupt_watch();
    st = hearth_generate(w->talk.session, w->prompt.id, w->prompt.n, &g, &result);
    return st == HEARTH_OK ? EXIT_DONE : report(st);
}

/* The document, an empty line, the prompt: one message. */
static int read_prompt(struct work *w, const char *word, struct explain_request *r)
{
    char *text = NULL, *content;
    size_t n = 0;
    int code = input_text(word, &text, &n);
    if (code != EXIT_DONE) return code;
    if (context_file && (code = input_file(context_file, &w->document, &w->n_document)) != EXIT_DONE) {
        free(text);
        return code;
    }
    while (w->n_document && strchr("\r\n", w->document[w->n_document - 1])) w->document[--w->n_document] = 0;
    content = xprintf("%s%s%s", w->document ? w->document : "", w->document ? "\n\n" : "", text);
    w->messages = json_array();
    if (settings.system) json_array_append_new(w->messages, message("system", settings.system, strlen(settings.system)));
    json_array_append_new(w->messages, message("user", content, strlen(content)));
    if (w->document) {              /* as it stands in the message, where bytes that are not UTF-8 were replaced */
        json_t *alone = json_text(w->document, w->n_document);
        r->document_end = json_string_length(alone);
        json_decref(alone);
    }
    free(text);
    free(content);
    return EXIT_DONE;
}

static int from_prompt(struct work *w, const char *model, const char *word, struct explain_request *r)
{
    int code = read_prompt(w, word, r);
    enum hearth_status st;
    if (code != EXIT_DONE || (code = talk_open(&w->talk, model, MODEL_TO_TALK)) != EXIT_DONE) return code;
    if (w->talk.adapter) return usage("%s has an adapter, whose answers cannot be explained yet", model);
    int template = *w->talk.info.chat_template && !raw;
    if (settings.system && !template) return usage("--system is for instruct models and their chat template");
    const json_t *content = json_object_get(json_array_get(w->messages, json_array_size(w->messages) - 1), "content");
    r->raw = !template;
    r->flags = HEARTH_TOK_SPECIAL | (raw ? HEARTH_TOK_PARSE : 0);
    st = template ? prompt_render(&w->talk, w->messages, &w->prompt)
                  : prompt_text(&w->talk, json_string_value(content), json_string_length(content), r->flags, &w->prompt);
    if (st != HEARTH_OK) return report(st);
    if (w->prompt.n >= hearth_session_context(w->talk.session))
        return usage("the prompt has %zu tokens and the context holds %zu; a larger --ctx holds more", w->prompt.n,
                     hearth_session_context(w->talk.session));
    if ((code = make_answer(w)) != EXIT_DONE) return code;
    struct hearth_generate_params g;
    talk_params(&w->talk, &g);
    r->grammar = g.grammar, r->max_tokens = g.max_tokens, r->context = hearth_session_context(w->talk.session);
    hearth_session_close(w->talk.session);
    w->talk.session = NULL;
    r->model = w->talk.model, r->path = w->talk.info.path, r->name = w->talk.name;
    r->prompt = w->prompt.id, r->n_prompt = w->prompt.n, r->answer = w->answer, r->n_answer = w->n_answer;
    r->sampling = g.sampling, r->kv = (enum hearth_kv)settings.kv, r->messages = w->messages;
    return EXIT_DONE;
}

/* ---- or one that left a receipt ---- */

static int from_receipt(struct work *w, const char *word, struct explain_request *r)
{
    uint64_t index;
    enum hearth_status st;
    if (context_file || given_answer || settings.system)
        return usage("--context, --answer and --system belong to a new answer: hearth explain MODEL PROMPT");
    if ((st = receipt_find(word, &w->receipt, &index)) != HEARTH_OK) return report(st);
    if (w->receipt.kind != RECEIPT_ANSWER)
        return usage("%s is a receipt of kind %s; only answers are explained", word, w->receipt.kind_name);
    if (w->receipt.n_adapters) return usage("%s: the answer was made with an adapter, which cannot be explained yet", word);
    if ((st = transcript_load(w->receipt.id, &w->transcript)) != HEARTH_OK) return report(st);
    if ((st = transcript_check(&w->transcript, &w->receipt)) != HEARTH_OK) return report(st);
    if ((st = replay_model(&w->receipt, &w->transcript, &w->path)) != HEARTH_OK) return report(st);
    struct hearth_model_params mp = {.threads = settings.threads, .arithmetic = w->transcript.arithmetic};
    if ((st = hearth_model_open(w->path, &mp, &w->model)) != HEARTH_OK) return report(st);
    const struct transcript *t = &w->transcript;
    if (t->grammar && (st = hearth_grammar_open(w->model, t->grammar_kind, t->grammar, strlen(t->grammar), &w->grammar)) != HEARTH_OK)
        return report(st);
    r->grammar = w->grammar, r->max_tokens = t->params.max_tokens, r->context = t->context;
    w->label = index == UINT64_MAX ? xstrdup(w->receipt.id) : xprintf("%llu", (unsigned long long)index);
    r->model = w->model, r->path = w->path, r->name = w->receipt.model.name;
    r->sha256 = w->receipt.model.sha256, r->receipt = w->label;
    r->prompt = t->prompt, r->n_prompt = t->n_prompt, r->answer = t->answer, r->n_answer = t->n_answer;
    r->sampling = t->params.sampling, r->kv = t->kv;
    r->messages = json_array_size(t->messages) ? t->messages : NULL;
    return EXIT_DONE;
}

/* ---- what is shown on a terminal ---- */

/* A token's text so that it can be seen: blanks and newlines as marks. */
static char *visible(const struct hearth_model *m, int32_t id)
{
    char *text, *out;
    const char *bytes;
    size_t n;
    if (piece(m, id, &text, &bytes, &n) != HEARTH_OK) return xprintf("<%d>", id);
    json_t *clean = json_text(bytes, n);
    const char *s = json_string_value(clean);
    n = json_string_length(clean);
    out = xrealloc(NULL, n + 1, 3);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *mark = s[i] == ' ' ? "\xe2\x90\xa3" : s[i] == '\n' ? "\xe2\x8f\x8e" : (unsigned char)s[i] < 32 || s[i] == 127 ? "?" : NULL;
        if (mark) at += (size_t)sprintf(out + at, "%s", mark);
        else out[at++] = s[i];
    }
    out[at] = 0;
    json_decref(clean);
    hearth_free(text);
    return out;
}

static void show_tokens(const struct explain_request *r, const struct explanation *e)
{
    struct table t = {.columns = 4, .right = "0110"};
    enum { MOST = 40 };
    table_cell(&t, "token");
    table_cell(&t, "probability");
    table_cell(&t, "after sampling");
    table_cell(&t, "might have come");
    for (size_t i = 0; i < e->tokens && i < MOST; i++) {
        const struct explain_token *k = &e->token[i];
        char *word = visible(r->model, k->chosen.id), *others = xstrdup("");
        for (int o = 0; o < k->others && o < 3; o++) {
            char *other = visible(r->model, k->other[o].id), *all = xprintf("%s%s%s %.0f%%", others, o ? "  " : "", other, 100 * k->other[o].p[0]);
            free(other);
            free(others);
            others = all;
        }
        table_cell(&t, "%s", word);
        table_cell(&t, "%.1f%%", 100 * k->chosen.p[STEP_MODEL]);
        table_cell(&t, "%.1f%%", 100 * k->chosen.p[STEP_TEMPERATURE]);
        table_cell(&t, "%s", others);
        free(word);
        free(others);
    }
    table_print(&t, stdout);
    if (e->tokens > MOST) printf("... and %zu more (--html or --json show all)\n", e->tokens - MOST);
    printf("Trust: asked again, the sampler takes %zu of %zu tokens.\n%s\n\n", e->same, e->tokens, explain_caveat[0]);
}

static void show_sentences(const struct explanation *e)
{
    const struct contextcite *c = &e->sentences;
    printf("Sentences that the answer leant on, the strongest first:\n");
    for (size_t i = 0; i < c->n && i < 5; i++) {
        const struct contextcite_sentence *s = &c->sentence[c->order[i]];
        size_t n = s->end - s->begin;
        while (n && strchr(" \n\r\t", e->document[s->begin + n - 1])) n--;
        printf("%8.2f  ", s->weight);
        term_write(stdout, e->document + s->begin, n);
        printf("\n");
    }
    printf("Trust: without the first, the answer loses %.2f nats; without one at random, %.2f. ", c->drop[0], c->random_drop[0]);
    if (isfinite(c->lds)) printf("Rank correlation with %d ablations not used: %.2f.", c->held_out, c->lds);
    printf("\n%s\n\n", explain_caveat[4]);
}

static void show_words(const struct explain_request *r, const struct explain_words *w)
{
    unsigned char *shown = xrealloc(NULL, w->n, 1);
    memcpy(shown, w->fixed, w->n);
    printf("Words of the prompt that the answer rests on:\n");
    for (int k = 0; k < 8; k++) {
        size_t best = w->n;
        for (size_t i = 0; i < w->n; i++)
            if (!shown[i] && (best == w->n || fabs(w->weight[i]) > fabs(w->weight[best]))) best = i;
        if (best == w->n) break;
        char *word = visible(r->model, r->prompt[best]);
        shown[best] = 1;
        printf("%+8.2f  %s\n", w->weight[best], word);
        free(word);
    }
    free(shown);
    printf("Trust: the weights add up to within %.2f%% of what they should%s.", 100 * w->residual,
           w->flagged ? ", MORE THAN THE 1% ALLOWED: do not rely on them" : "");
    if (w->scored)
        printf(" Without the best words the answer loses %.2f nats, without random ones %.2f.", w->comprehensiveness,
               w->random_comprehensiveness);
    printf("\n%s\n\n", explain_caveat[3]);
}

static void show_inside(const struct explain_request *r, const struct explanation *e)
{
    if (e->done & EXPLAIN_LOGIT) {
        const struct explain_logit *l = &e->logit;
        double heads = 0, ffn = 0;
        char *word = visible(r->model, l->id);
        for (size_t i = 0; i < (size_t)l->layers * l->heads; i++) heads += l->head[i];
        for (uint32_t i = 0; i < l->layers; i++) ffn += l->ffn[i];
        printf("The score of token %zu, %s: %.2f = %.2f from the embedding, %.2f from attention, %.2f from feed-forward.\n"
               "Trust: the parts add up to within %.1e.\n%s\n\n", l->token + 1, word, l->logit, l->embedding, heads, ffn, l->residual,
               explain_caveat[2]);
        free(word);
    }
    if (e->done & EXPLAIN_LENS) {
        const struct explain_lens *l = &e->lens;
        uint32_t layer = l->layers;
        while (layer > 0 && l->cell[(layer - 1) * l->n].rank == 1) layer--;
        printf("The lens: from layer %u of %u on, token %zu is the first choice (--html shows the whole table).\nTrust: the last row "
               "differs from the model's own scores by %.1e.\n%s\n\n", layer, l->layers, l->first + 1, l->residual, explain_caveat[1]);
    }
}

static int show(const struct explain_request *r, const struct explanation *e)
{
    if (e->done & EXPLAIN_TOKENS) show_tokens(r, e);
    if (e->done & EXPLAIN_SENTENCES) show_sentences(e);
    else if (*e->why_not_sentences && method_words.n) printf("%s\n\n", e->why_not_sentences);
    if (e->done & EXPLAIN_WORDS) show_words(r, &e->words);
    show_inside(r, e);
    if (e->gap.refused)
        complain("the answer was made in quantised arithmetic, and float, in which words, lens and logit are explained, gives one of its "
                 "tokens a log-probability %.2f nats away, more than the %.2f allowed (--max-gap): they are not shown", e->gap.largest,
                 e->gap.allowed);
    return EXIT_DONE;
}

/* ---- the work ---- */

static int write_html(const struct explain_request *r, const struct explanation *e)
{
    char *text;
    size_t n;
    enum hearth_status st = explanation_html(r, e, &text, &n);
    if (st != HEARTH_OK) return report(st);
    int code = papers_save(html_file, text, n);
    free(text);
    return code;
}

static double drawn;                 /* when the line of progress was; 0: there is none */

static void on_step(void *user, const char *what, size_t done, size_t total)
{
    double now = clock_seconds();
    (void)user;
    if (now - drawn < 0.1 || !term_is(stderr)) return;
    fprintf(stderr, "\r%s: %zu of %zu\x1b[K", what, done, total);
    fflush(stderr);
    drawn = now;
}

/* Nobody should wait for minutes without knowing. */
static void warn_of_time(const struct explain_request *r)
{
    enum { QUICK = 96 };
    size_t n = r->n_prompt + r->n_answer;
    if (n > QUICK && r->methods & ~(unsigned)EXPLAIN_TOKENS)
        fprintf(stderr, "hearth: looking into %zu tokens of prompt and answer takes minutes, and longer the more there are; --method tokens is done "
                "at once, Ctrl-C stops\n", n);
}

static int explain(struct explain_request *r)
{
    struct explanation e;
    char hex[65];
    enum hearth_status st = HEARTH_OK;
    if (!*r->sha256 && (st = hub_digest(r->path, NULL, hex, NULL)) == HEARTH_OK) r->sha256 = hex;
    warn_of_time(r);
    if (st == HEARTH_OK) st = explain_run(r, &e);
    if (drawn > 0) fputs("\r\x1b[K", stderr);
    if (st != HEARTH_OK) return report(st);
    int code = html_file ? write_html(r, &e) : EXIT_DONE;
    if (code == EXIT_DONE && want_json) {
        json_t *j = explanation_json(r, &e);
        code = j ? json_print(j) : report(HEARTH_ENOMEM);
    } else if (code == EXIT_DONE && !html_file) {
        code = show(r, &e);
    }
    explanation_free(&e);
    return code;
}

static int run(int argc, char **argv)
{
    struct work w = {0};
    struct explain_request r = {.sha256 = "", .receipt = "", .name = "", .token = (size_t)token, .max_gap = (double)max_gap,
                                .baseline = (enum explain_baseline)baseline, .ablations = ablations, .seed = draws,
                                .threads = settings.threads, .on_step = on_step, .cancel = interrupt_watch()};
    struct places p = {0};
    place_in_model(&p, argv[0]), place_in(&p, context_file), place_out(&p, html_file);
    int code = choose_methods(&r.methods);
    if (code == EXIT_DONE) code = places_check(&p, force);
    if (!settings.max_given) settings.max_tokens = 64;
    settings.max_given = 1;
    if (code == EXIT_DONE) code = argc == 1 ? from_receipt(&w, argv[0], &r) : from_prompt(&w, argv[0], argv[1], &r);
    if (code == EXIT_DONE) code = explain(&r);
    work_free(&w);
    return code;
}

const struct command cmd_explain = {
    .name = "explain", .group = GROUP_ACCOUNT, .summary = "show why an answer came out as it did", .args = "RECEIPT | MODEL PROMPT",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Explains an answer that left a receipt (its number, its id, or a file), or makes a new one to PROMPT and explains "
             "that, in five ways: for each token its probability, what else might have come and what the sampler did; which "
             "sentences of a document the answer leant on (found by leaving sentences out); which words of the prompt its probability "
             "rests on (integrated gradients); what each layer would say were it the last; and which heads and feed-forwards put a token "
             "forward.\n\n"
             "Each comes with a measure of how far it can be trusted and with a sentence on what it does not mean. The last three "
             "look at the weights in float arithmetic; when that differs too much from the answer's own they are refused.\n\n"
             "The answer explained has at most 64 tokens unless --max-tokens says otherwise. The same call with the same --seed and "
             "--draws gives the same explanation.",
    .examples = "hearth explain 17\n"
                "hearth explain 17 --html why.html\n"
                "hearth explain smollm2 \"What is the capital of France?\" --temp 0 --html why.html\n"
                "hearth explain smollm2 \"When does the library open?\" --context notice.txt --method sentences\n",
    .options = options, .more = talk_options, .run = run,
};

/* explain_soak - what explanations must show on a real model, counted over many prompts; prints figures and exits with 1
 * when one is missed.
 *
 *     explain_soak MODEL.gguf attribution N     parts of N tokens' logits against the logits: within 1e-4
 *     explain_soak MODEL.gguf words N           integrated gradients of N prompts: residual <= 1 %, or flagged
 *     explain_soak MODEL.gguf sentences N       N documents and questions that the model answers with what one sentence says: that one
 *                                               comes first
 *     explain_soak MODEL.gguf shuffled N OUT    against the same file with every tensor's blocks shuffled (written to OUT):
 *                                               rank correlation of the words' weights near 0
 *
 * A further argument FROM begins at that prompt.  Prompts and documents are made from the lists below by their number. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/explain.h"
#include "base/mem.h"
#include "base/random.h"
#include "file/gguf.h"
#include "infer/session.h"
#include "kernel/types.h"
#include "train/tape.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- prompts ---- */

static const char *const question[] = {
    "What is a %s?", "Describe a %s in one sentence.", "Why do people like a %s?", "How big is a %s?", "What colour is a %s?",
    "Name one use of a %s.", "Where would I find a %s?", "Is a %s heavy?", "What does a %s cost?", "Who would buy a %s?",
};
static const char *const thing[] = { "horse", "teapot", "bridge", "violin", "candle", "library", "garden", "clock", "boat", "mountain" };

static void make_question(size_t i, char out[128])
{
    char form[64];
    snprintf(form, sizeof form, "%s", question[i % COUNT(question)]);
    char *at = strstr(form, "%s");
    *at = 0;
    snprintf(out, 128, "%s%s%s", form, thing[i / COUNT(question) % COUNT(thing)], at + 2);
}

/* Sentences that say nothing of what is asked, in the manner of old novels. */
static const char *const filler[] = {
    "The rain had fallen since the early morning, and the lane was soft underfoot.",
    "Nobody in the village could remember so mild a winter.",
    "A grey cat slept upon the wall beside the orchard.",
    "The old schoolmaster read his letters by the light of the window.",
    "Two carts went slowly past the mill and over the hill.",
    "In the parlour the tall lamp burned with a low and steady flame.",
    "She had always been fond of long walks after supper.",
    "The harvest that year was neither good nor bad.",
    "A smell of bread came from the bakery at the corner.",
    "He folded the newspaper and looked into the fire for a while.",
    "The children ran down to the river as soon as lessons were over.",
    "There was a great deal of talk about the new road.",
    "The doctor came on foot, for his horse was lame.",
    "Swallows gathered under the roof of the church.",
    "It was generally agreed that the soup wanted salt.",
    "The gardener spoke little and whistled a great deal.",
    "A thin mist lay over the meadow until noon.",
    "My aunt kept her opinions to herself on Sundays.",
    "The coach was late, as it nearly always was.",
    "Someone had left a ladder standing against the barn.",
};
static const char *const place[] = { "kitchen", "cellar", "attic", "stable", "chapel", "bakery", "tower", "garden", "boathouse", "barn" };
static const char *const kept[] = { "silver key", "brass bell", "red ledger", "glass lamp", "wooden flute", "blue umbrella", "iron box", "painted map" };
static const char *const person[] = { "Thomas", "Margaret", "Edwin", "Harriet", "Walter", "Beatrice", "Oliver", "Clara" };
static const char *const animal[] = { "fox", "owl", "otter", "horse", "rabbit", "swan", "badger", "goat" };
static const char *const town[] = { "Aldham", "Brookfield", "Carrow", "Denby", "Elmstead", "Farley", "Gorton", "Hadley" };
static const char *const hour[] = { "six", "seven", "eight", "nine", "ten", "eleven", "noon", "midnight" };
static const char *const colour[] = { "green", "yellow", "purple", "white", "black", "orange", "brown", "scarlet" };

struct planted { char text[2048], question[128]; const char *value; size_t begin, end, document_end; };   /* value: the word that answers */

static size_t choose(size_t i, uint32_t what, size_t n) { return (size_t)((double)random_uniform(4, i, what) * (double)n); }
#define PICK(list, what) list[choose(i, what, COUNT(list))]

static void make_document(size_t i, struct planted *p)
{
    enum { SENTENCES = 8 };
    char fact[160];
    size_t at = 0, where = choose(i, 1, SENTENCES), from = choose(i, 2, COUNT(filler));
    const char *a;
    switch (i % 4) {
    case 0:
        a = PICK(kept, 3);
        snprintf(fact, sizeof fact, "The %s is kept in the %s.", a, p->value = PICK(place, 4));
        snprintf(p->question, sizeof p->question, "Where is the %s kept?", a);
        break;
    case 1:
        a = PICK(person, 3);
        snprintf(fact, sizeof fact, "The favourite animal of %s is the %s.", a, p->value = PICK(animal, 4));
        snprintf(p->question, sizeof p->question, "What is the favourite animal of %s?", a);
        break;
    case 2:
        a = PICK(town, 3);
        snprintf(fact, sizeof fact, "The train to %s leaves at %s.", a, p->value = PICK(hour, 4));
        snprintf(p->question, sizeof p->question, "When does the train to %s leave?", a);
        break;
    default:
        a = PICK(person, 3);
        snprintf(fact, sizeof fact, "The door of %s's house is painted %s.", a, p->value = PICK(colour, 4));
        snprintf(p->question, sizeof p->question, "What colour is the door of %s's house?", a);
    }
    for (size_t s = 0; s < SENTENCES; s++) {
        if (s == where) p->begin = at;
        at += (size_t)snprintf(p->text + at, sizeof p->text - at, "%s ", s == where ? fact : filler[(from + 7 * s) % COUNT(filler)]);
        if (s == where) p->end = at;
    }
    p->document_end = at;
    snprintf(p->text + at, sizeof p->text - at, "\n%s", p->question);
}

/* ---- one answer to explain ---- */

enum { ANSWER_MOST = 16 };
struct answer { struct ids prompt; int32_t id[32]; size_t n; json_t *messages; };

static int on_token(void *user, const struct hearth_token *t)
{
    struct answer *a = user;
    a->id[a->n++] = t->id;
    return 0;
}

/* The likeliest answer of at most `most` tokens; r is filled but for its methods. */
static enum hearth_status ask(struct hearth_model *m, const char *path, const char *content, int most, struct answer *a,
                              struct explain_request *r)
{
    struct hearth_generate_params g = { .max_tokens = most, .logprobs = 0, .on_token = on_token, .user = a };
    struct hearth_session *s = NULL;
    struct hearth_result result;
    enum hearth_status st;
    *a = (struct answer){ .messages = json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", "Answer.", "role", "user", "content", content) };
    *r = (struct explain_request){ .model = m, .path = path, .name = "", .sha256 = "", .receipt = "", .messages = a->messages, .max_gap = 1e9,
                                   .ablations = 64, .seed = 1, .unscored = 1 };
    if (!*m->info.chat_template) r->raw = 1, r->flags = HEARTH_TOK_SPECIAL;
    TRY(explain_prompt(r, content, strlen(content), &a->prompt));
    hearth_sampling_defaults(&g.sampling);
    g.sampling.temperature = 0;
    r->prompt = a->prompt.id, r->n_prompt = a->prompt.n, r->answer = a->id, r->sampling = g.sampling;
    TRY(hearth_session_open(m, &(struct hearth_session_params){ .ctx = (uint32_t)a->prompt.n + 32 }, &s));
    st = hearth_generate(s, a->prompt.id, a->prompt.n, &g, &result);
    hearth_session_close(s);
    r->n_answer = a->n;
    return st;
}

static void answer_free(struct answer *a)
{
    json_decref(a->messages);
    free(a->prompt.id);
}

static enum hearth_status open_both(const char *path, struct hearth_model **m, struct hearth_model **exact)
{
    TRY(hearth_model_open(path, NULL, m));
    return hearth_model_open(path, &(struct hearth_model_params){ .arithmetic = HEARTH_FLOAT }, exact);
}

/* ---- the four counts ---- */

static enum hearth_status attribution_of(const struct explain_request *r, struct hearth_model *exact, struct tape *t, double *worst)
{
    struct explain_logit l = { 0 };
    int32_t ids[512];
    memcpy(ids, r->prompt, r->n_prompt * sizeof *ids);
    memcpy(ids + r->n_prompt, r->answer, r->n_answer * sizeof *ids);
    TRY(tape_forward(t, ids, NULL, (uint32_t)(r->n_prompt + r->n_answer - 1)));
    enum hearth_status st = explain_logit(r, exact, t, &l);
    *worst = fmax(*worst, l.residual);
    free(l.head);
    return st;
}

static enum hearth_status attribution(const char *path, size_t n, size_t from, int *good)
{
    struct hearth_model *m, *exact;
    struct tape *t;
    double worst = 0;
    TRY(open_both(path, &m, &exact));
    TRY(tape_open(exact, 400, &t));
    for (size_t i = from; i < from + n; i++) {
        struct answer a;
        struct explain_request r;
        char text[128];
        make_question(i, text);
        TRY(ask(m, path, text, 3, &a, &r));
        if (a.n) r.token = 1 + i % a.n;
        if (a.n) TRY(attribution_of(&r, exact, t, &worst));
        answer_free(&a);
    }
    printf("attribution: %zu tokens, largest difference of the parts' sum from the logit %.3g\n", n, worst);
    *good = worst <= 1e-4;
    tape_close(t);
    hearth_model_close(exact);
    hearth_model_close(m);
    return HEARTH_OK;
}

static void free_words(struct explain_words *w)
{
    free(w->weight);
    free(w->fixed);
}

static enum hearth_status words(const char *path, size_t n, size_t from, int *good)
{
    struct hearth_model *m, *exact;
    size_t within = 0, flagged = 0, gradients = 0, done = 0;
    TRY(open_both(path, &m, &exact));
    for (size_t i = from; i < from + n; i++) {
        struct explain_words w = { 0 };
        struct answer a;
        struct explain_request r;
        char text[128];
        make_question(i, text);
        TRY(ask(m, path, text, 2, &a, &r));
        if (a.n) {
            TRY(explain_words(&r, exact, &w));
            within += w.residual <= 0.01, flagged += (size_t)w.flagged, gradients += w.gradients, done++;
            printf("%3zu  residual %.5f  %zu gradients  %s\n", i, w.residual, w.gradients, text);
            fflush(stdout);
        }
        free_words(&w);
        answer_free(&a);
    }
    printf("words: residual <= 1 %% on %zu of %zu prompts, %zu flagged, %.0f gradients each\n", within, done, flagged,
           done ? (double)gradients / (double)done : 0);
    *good = within * 100 >= done * 99 && within + flagged == done && done > 0;
    hearth_model_close(exact);
    hearth_model_close(m);
    return HEARTH_OK;
}

/* Cuts the answer behind its first sentence; 1 when that says what the document says: then it rests on the planted sentence. */
static int says(const struct hearth_model *m, struct answer *a, const char *value)
{
    int found = 0, ends = 0;
    for (size_t i = 1; i <= a->n && !ends; i++) {
        char *text = NULL;
        size_t n;
        if (hearth_detokenize(m, a->id, i, 0, &text, &n) != HEARTH_OK) return 0;
        found = strstr(text, value) != NULL, ends = strchr(text, '.') != NULL;
        if (ends) a->n = i;
        hearth_free(text);
    }
    return found && ends;
}

static enum hearth_status sentences(const char *path, size_t n, size_t from, int *good)
{
    struct hearth_model *m;
    size_t first = 0, seen = 0, shared = 0, done = 0, i = from;
    TRY(hearth_model_open(path, NULL, &m));
    for (; done < n && i < from + 4 * n; i++) {
        struct planted p;
        struct answer a;
        struct explain_request r;
        struct explanation e;
        make_document(i, &p);
        TRY(ask(m, path, p.text, ANSWER_MOST, &a, &r));
        if (says(m, &a, p.value)) {
            r.n_answer = a.n;
            r.document_end = p.document_end, r.methods = EXPLAIN_SENTENCES;
            TRY(explain_run(&r, &e));
            const struct contextcite_sentence *best = &e.sentences.sentence[e.sentences.order[0]];
            int found = best->begin == p.begin && best->end == p.end;
            first += (size_t)found, seen += e.sentences.tokens_seen, shared += e.sentences.tokens_shared;
            if (!found) printf("%3zu  not found: %s %s\n", i, p.question, p.value);
            if (++done % 10 == 0) printf("%3zu  %zu first so far\n", done, first);
            fflush(stdout);
            explanation_free(&e);
        }
        answer_free(&a);
    }
    printf("sentences: the planted one is first in %zu of %zu documents (%zu asked, the others not answered from them); %.0f %% of the tokens were shared\n",
           first, done, i - from, 100.0 * (double)shared / (double)(seen + shared));
    *good = done == n && first * 100 >= n * 95;
    hearth_model_close(m);
    return HEARTH_OK;
}

/* ---- shuffled weights ---- */

/* Blocks of a tensor (or single elements of a float one) in an order by chance. */
static void shuffle_blocks(uint8_t *data, uint64_t bytes, size_t block, uint64_t key)
{
    uint8_t spare[512];
    for (uint64_t i = bytes / block - 1; i > 0; i--) {
        uint64_t j = (uint64_t)((double)random_uniform(key, i, 9) * (double)(i + 1));
        if (j > i) j = i;
        memcpy(spare, data + i * block, block);
        memcpy(data + i * block, data + j * block, block);
        memcpy(data + j * block, spare, block);
    }
}

static enum hearth_status shuffle_file(const char *path, const char *out)
{
    struct gguf *g;
    TRY(gguf_open(path, 1, &g));
    uint8_t *copy = malloc(g->map.size);
    if (!copy) return fail_memory(g->map.size);
    memcpy(copy, g->map.data, g->map.size);
    for (uint64_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        size_t block = type_info(t->type)->bytes;
        if (t->dims > 1) shuffle_blocks(copy + t->offset, t->bytes, block, i);
    }
    FILE *f = fopen(out, "wb");
    int bad = !f || fwrite(copy, 1, g->map.size, f) != g->map.size;
    if (f && fclose(f) != 0) bad = 1;
    free(copy);
    gguf_close(g);
    return bad ? fail_errno(out, "cannot be written") : HEARTH_OK;
}

/* The rank correlation of what the two models make of one prompt and answer. */
static enum hearth_status compare_words(const struct explain_request *r, struct hearth_model *exact, struct hearth_model *other, double *rho)
{
    struct explain_words a = { 0 }, b = { 0 };
    double x[256], y[256];
    size_t n = 0;
    TRY(explain_words(r, exact, &a));
    TRY(explain_words(r, other, &b));
    for (size_t i = 0; i < a.n && n < 256; i++)
        if (!a.fixed[i]) x[n] = a.weight[i], y[n++] = b.weight[i];
    *rho = rank_correlation(x, y, n);
    free_words(&a);
    free_words(&b);
    return HEARTH_OK;
}

static enum hearth_status shuffled(const char *path, const char *out, size_t n, size_t from, int *good)
{
    struct hearth_model *m, *exact, *other;
    double sum = 0, self;
    TRY(shuffle_file(path, out));
    TRY(open_both(path, &m, &exact));
    TRY(hearth_model_open(out, &(struct hearth_model_params){ .arithmetic = HEARTH_FLOAT }, &other));
    for (size_t i = from; i < from + n; i++) {
        struct answer a;
        struct explain_request r;
        char text[128];
        double rho;
        make_question(i * 7, text);
        TRY(ask(m, path, text, 2, &a, &r));
        TRY(compare_words(&r, exact, other, &rho));
        sum += rho;
        if (i == from) TRY(compare_words(&r, exact, exact, &self));
        answer_free(&a);
    }
    printf("shuffled: mean rank correlation %.3f over %zu prompts (a model with itself: %.3f)\n", sum / (double)n, n, self);
    *good = fabs(sum / (double)n) <= 0.3 && self == 1;
    hearth_model_close(other);
    hearth_model_close(exact);
    hearth_model_close(m);
    return HEARTH_OK;
}

int main(int argc, char **argv)
{
    enum hearth_status st;
    int good = 0, shuffle = argc > 4 && strcmp(argv[2], "shuffled") == 0, at = shuffle ? 5 : 4;
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, from = argc > at ? strtoul(argv[at], NULL, 10) : 0;
    if (n == 0) {
        fprintf(stderr, "usage: explain_soak MODEL.gguf attribution|words|sentences|shuffled N [OUT] [FROM]\n");
        return 2;
    }
    if (shuffle) st = shuffled(argv[1], argv[4], n, from, &good);
    else if (strcmp(argv[2], "words") == 0) st = words(argv[1], n, from, &good);
    else if (strcmp(argv[2], "sentences") == 0) st = sentences(argv[1], n, from, &good);
    else st = attribution(argv[1], n, from, &good);
    if (st != HEARTH_OK) fprintf(stderr, "explain_soak: %s\n", hearth_errmsg());
    return st == HEARTH_OK && good ? 0 : 1;
}

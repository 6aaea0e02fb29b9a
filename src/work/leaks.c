/* leaks.c - see leaks.h. */
#include "work/leaks.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "base/random.h"

enum { CONTEXT = 1024, MOST_EXAMPLES = 1000 };

struct reader { struct hearth_model *m; struct hearth_session *s; float *logits; uint32_t vocabulary; int chats; };

static enum hearth_status reader_open(struct hearth_model *m, struct reader *r)
{
    struct hearth_model_info info;
    struct hearth_session_params p = { .ctx = CONTEXT };
    hearth_model_describe(m, &info);
    *r = (struct reader){ .m = m, .vocabulary = info.vocabulary, .chats = *info.chat_template != '\0' };
    if (!(r->logits = mem_array((size_t)info.vocabulary * LEAK_MOST, sizeof *r->logits))) return HEARTH_ENOMEM;
    return hearth_session_open(m, &p, &r->s);
}

static void reader_close(struct reader *r)
{
    hearth_session_close(r->s);
    free(r->logits);
}

/* What the model makes of follow[n], n at most LEAK_MOST, after begin[n_begin], at least one. */
static enum hearth_status follow_up(struct reader *r, const int32_t *begin, size_t n_begin, const int32_t *follow, size_t n, uint32_t *same, float *surprise)
{
    double sum = 0;
    int still = 1;
    *same = 0;
    TRY(hearth_session_rewind(r->s, 0));
    if (n_begin > 1) TRY(hearth_session_eval(r->s, begin, n_begin - 1, NULL));
    int32_t ids[LEAK_MOST];
    ids[0] = begin[n_begin - 1];
    memcpy(ids + 1, follow, (n - 1) * sizeof *ids);
    TRY(hearth_session_eval_all(r->s, ids, n, r->logits));
    for (size_t i = 0; i < n; i++) {
        const float *l = r->logits + i * r->vocabulary;
        uint32_t best = 0;
        double whole = 0;
        for (uint32_t k = 1; k < r->vocabulary; k++) if (l[k] > l[best]) best = k;
        for (uint32_t k = 0; k < r->vocabulary; k++) whole += (double)expf(l[k] - l[best]);
        sum += log(whole) + (double)l[best] - (double)l[follow[i]];
        still = still && (int32_t)best == follow[i];
        *same += (uint32_t)still;
    }
    *surprise = (float)(sum / (double)n);
    return HEARTH_OK;
}

/* ---- an example as a beginning and what follows ---- */

struct cut { int32_t *ids; size_t begin, n; };           /* begin of n ids; n - begin at most LEAK_MOST */

static enum hearth_status chat_of(const struct example *e, json_t **messages, const char **answer)
{
    *answer = e->answer;
    if (!e->messages) {
        *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", e->text);
        return *messages ? HEARTH_OK : fail_memory(1);
    }
    TRY(jsontext_read("messages", e->messages, strlen(e->messages), messages));
    return HEARTH_OK;
}

static enum hearth_status join(struct cut *c, const int32_t *a, size_t n_a, const int32_t *b, size_t n_b)
{
    if (n_b > LEAK_MOST) n_b = LEAK_MOST;
    if (n_a + n_b > CONTEXT) a += n_a + n_b - CONTEXT, n_a = CONTEXT - n_b;
    if (!(c->ids = mem_array(n_a + n_b + 1, sizeof *c->ids))) return HEARTH_ENOMEM;
    memcpy(c->ids, a, n_a * sizeof *a), memcpy(c->ids + n_a, b, n_b * sizeof *b);
    c->begin = n_a, c->n = n_a + n_b;
    return HEARTH_OK;
}

static enum hearth_status cut_chat(const struct reader *r, const struct example *e, struct cut *c)
{
    json_t *messages = NULL;
    const char *answer;
    char *text = NULL;
    int32_t *asked = NULL, *answered = NULL;
    size_t n_asked, n_answered, last;
    TRY(chat_of(e, &messages, &answer));
    enum hearth_status st = HEARTH_OK;
    json_t *kept = NULL;
    if (e->kind == EXAMPLE_CHAT && (last = json_array_size(messages)) > 1) {   /* the answer is the last of them */
        kept = json_incref(json_array_get(messages, last - 1));
        json_array_remove(messages, last - 1);
        answer = json_string_value(json_object_get(kept, "content"));
    }
    if (!answer) answer = "";
    if (!(text = jsontext_dump(messages))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = hearth_chat_tokenize(r->m, text, NULL, 1, &asked, &n_asked);
    if (st == HEARTH_OK) st = hearth_tokenize(r->m, answer, strlen(answer), 0, &answered, &n_answered);
    if (st == HEARTH_OK) st = join(c, asked, n_asked, answered, n_answered);
    hearth_free(asked), hearth_free(answered);
    free(text);
    json_decref(kept), json_decref(messages);
    return st;
}

static enum hearth_status cut_text(const struct reader *r, const struct example *e, struct cut *c)
{
    int32_t *ids = NULL;
    size_t n;
    struct buf b = { 0 };
    enum hearth_status st = buf_puts(&b, e->text ? e->text : e->messages);
    if (st == HEARTH_OK && e->kind != EXAMPLE_LABEL && e->answer) st = buf_printf(&b, "\n%s", e->answer);
    if (st == HEARTH_OK) st = hearth_tokenize(r->m, b.data, b.len, HEARTH_TOK_SPECIAL, &ids, &n);
    size_t begin = st == HEARTH_OK ? (n / 2 < LEAK_MOST ? n / 2 : LEAK_MOST) : 0;
    if (st == HEARTH_OK) st = join(c, ids, begin, ids + begin, n - begin);
    hearth_free(ids);
    buf_free(&b);
    return st;
}

static enum hearth_status cut_of(const struct reader *r, const struct example *e, struct cut *c)
{
    *c = (struct cut){ 0 };
    int asks = e->kind == EXAMPLE_PAIR || e->kind == EXAMPLE_CHAT || e->kind == EXAMPLE_PREFERENCE;
    return asks && r->chats ? cut_chat(r, e, c) : cut_text(r, e, c);
}

/* ---- all ---- */

static int worse(const void *a, const void *b)
{
    const struct leak *x = a, *y = b;
    double p = (double)x->same / x->tokens, q = (double)y->same / y->tokens;
    if (p != q) return p > q ? -1 : 1;
    if (x->same != y->same) return x->same > y->same ? -1 : 1;
    float u = isnan(x->reference) ? -x->surprise : x->reference - x->surprise, v = isnan(y->reference) ? -y->surprise : y->reference - y->surprise;
    return u != v ? (u > v ? -1 : 1) : (x->example > y->example) - (x->example < y->example);
}

static enum hearth_status look_at(struct reader *r, const struct example *e, uint32_t *tokens, uint32_t *same, float *surprise)
{
    struct cut c;
    TRY(cut_of(r, e, &c));
    *tokens = (uint32_t)(c.n - c.begin);
    enum hearth_status st = HEARTH_OK;
    if (*tokens >= LEAK_LEAST && c.begin) st = follow_up(r, c.ids, c.begin, c.ids + c.begin, *tokens, same, surprise);
    else *tokens = 0;
    free(c.ids);
    return st;
}

static enum hearth_status look_at_all(const struct dataset *d, const struct leaks_options *o, struct reader *model, struct reader *reference, struct leaks *out)
{
    size_t most = o->most ? o->most : MOST_EXAMPLES, looked = d->n < most ? d->n : most;
    if (!(out->at = mem_array(looked, sizeof *out->at))) return HEARTH_ENOMEM;
    for (size_t k = 0; k < looked; k++) {
        struct leak l = { .example = (uint32_t)((uint64_t)k * d->n / looked), .reference = NAN };
        const struct example *e = &d->example[l.example];
        uint32_t tokens;
        if (o->step && o->step(o->user, "examples", k, looked)) return fail(HEARTH_ECANCELLED, "stopped");
        TRY(look_at(model, e, &l.tokens, &l.same, &l.surprise));
        if (!l.tokens) {
            out->too_short++;
            continue;
        }
        if (reference) TRY(look_at(reference, e, &tokens, &l.reference_same, &l.reference));
        if (reference && !tokens) l.reference = NAN;
        out->repeated += l.same == l.tokens && !(reference && tokens && l.reference_same == tokens);
        out->at[out->n++] = l;
    }
    qsort(out->at, out->n, sizeof *out->at, worse);
    return HEARTH_OK;
}

enum hearth_status leaks_find(const struct dataset *d, const struct leaks_options *o, struct leaks *out)
{
    struct reader model = { 0 }, reference = { 0 };
    *out = (struct leaks){ 0 };
    enum hearth_status st = reader_open(o->model, &model);
    if (st == HEARTH_OK && o->reference) st = reader_open(o->reference, &reference);
    if (st == HEARTH_OK) st = look_at_all(d, o, &model, o->reference ? &reference : NULL, out);
    reader_close(&model), reader_close(&reference);
    if (st != HEARTH_OK) leaks_free(out);
    return st;
}

void leaks_free(struct leaks *l)
{
    free(l->at);
    *l = (struct leaks){ 0 };
}

/* ---- canaries ---- */

static enum hearth_status surprise_of(struct reader *r, const char *text, float *out)
{
    int32_t *ids = NULL;
    size_t n;
    uint32_t same;
    TRY(hearth_tokenize(r->m, text, strlen(text), HEARTH_TOK_SPECIAL, &ids, &n));
    enum hearth_status st = n >= 2 && n <= LEAK_MOST ? follow_up(r, ids, 1, ids + 1, n - 1, &same, out)
        : fail(HEARTH_EFORMAT, "a canary of %zu tokens; allowed are 2 to %d", n, LEAK_MOST);
    *out *= (float)(n - 1);                              /* of all: candidates may have more tokens */
    hearth_free(ids);
    return st;
}

enum hearth_status leaks_canary(const struct leaks_options *o, const char *text, double *exposure, uint32_t *rank)
{
    struct reader r = { 0 };
    float own, other;
    char *candidate = strdup(text);
    if (!candidate) return fail_memory(strlen(text));
    enum hearth_status st = strpbrk(text, "0123456789") ? reader_open(o->model, &r) : fail(HEARTH_EFORMAT, "the canary \"%.60s\" has no digit", text);
    if (st == HEARTH_OK) st = surprise_of(&r, text, &own);
    *rank = 1;
    for (uint32_t k = 1; st == HEARTH_OK && k < LEAK_CANDIDATES; k++) {
        if (o->step && o->step(o->user, "canary", k, LEAK_CANDIDATES)) st = fail(HEARTH_ECANCELLED, "stopped");
        for (uint32_t i = 0; text[i]; i++) {
            uint32_t in[4] = { k, i, 11, 0 }, word[4];
            philox4x32(0, in, word);
            if (text[i] >= '0' && text[i] <= '9') candidate[i] = (char)('0' + word[0] % 10);
        }
        if (st == HEARTH_OK) st = surprise_of(&r, candidate, &other);
        if (st == HEARTH_OK) *rank += other < own || (other == own && strcmp(candidate, text) != 0);
    }
    *exposure = log2(LEAK_CANDIDATES) - log2(*rank);
    reader_close(&r);
    free(candidate);
    return st;
}

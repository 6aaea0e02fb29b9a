/* contextcite.c - see contextcite.h. */
#include "account/contextcite.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "base/utf8.h"
#include "infer/session.h"

enum { DRAWS = 5, ANSWER_PIECE = 16, STREAM_MASK = 0x6363, STREAM_DROP = 0x6464 };

/* ---- sentences ---- */

static int is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* An end of a sentence whatever follows: the marks of Chinese, Japanese, Hindi, Amharic, and the ellipsis. */
static int ends_alone(uint32_t c) { return c == 0x3002 || c == 0xff01 || c == 0xff1f || c == 0x0964 || c == 0x1362; }
static int ends_before_blank(uint32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x061f || c == 0x06d4; }
static int closes(uint32_t c) { return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201d || c == 0x2019 || c == 0x300d || c == 0xbb; }

/* The word before the full stop at s[at] is one that a full stop belongs to: an initial ("J."), "Mr.", "e.g.". */
static int abbreviation(const char *s, size_t at)
{
    static const char *const words[] = { "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "fig", "cf", "approx", NULL };
    size_t begin = at;
    while (begin > 0 && isalpha((unsigned char)s[begin - 1])) begin--;
    size_t n = at - begin;
    if (n == 1) return isupper((unsigned char)s[begin]) || (begin > 0 && s[begin - 1] == '.');
    for (size_t i = 0; words[i]; i++)
        if (strlen(words[i]) == n && strncasecmp(words[i], s + begin, n) == 0) return 1;
    return 0;
}

/* After blanks at `at`: does something new begin there?  A lower-case letter goes on with the sentence. */
static int begins(const char *s, size_t n, size_t at)
{
    while (at < n && is_blank(s[at])) at++;
    return at >= n || !islower((unsigned char)s[at]);
}

/* A line that ends at the newline s[at] ends its sentence too: an empty line follows, or a list's mark. */
static int line_ends(const char *s, size_t n, size_t at)
{
    size_t i = at + 1;
    while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r')) i++;
    if (i < n && s[i] == '\n') return 1;
    if (i + 1 < n && (s[i] == '-' || s[i] == '*' || s[i] == '#') && s[i + 1] == ' ') return 1;
    return 0;
}

static enum hearth_status put_sentence(struct contextcite_sentence **list, size_t *n, size_t *cap, size_t begin, size_t end)
{
    TRY(mem_grow(list, cap, *n + 1, sizeof **list));
    (*list)[(*n)++] = (struct contextcite_sentence){ begin, end, 0 };
    return HEARTH_OK;
}

/* The end of the sentence that begins at `begin`, without the blanks behind it. */
static size_t sentence_end(const char *s, size_t n, size_t begin)
{
    for (size_t i = begin; i < n;) {
        uint32_t c;
        int k = utf8_read(s + i, n - i, &c);
        size_t next = i + (k < 1 ? 1 : (size_t)k);
        if (c == '\n' && line_ends(s, n, i)) return i;
        if (ends_alone(c) || ends_before_blank(c)) {
            uint32_t d;
            for (int m; next < n && (m = utf8_read(s + next, n - next, &d)) > 0 && (closes(d) || ends_before_blank(d)); next += (size_t)m) {}
            if (ends_alone(c) || next >= n) return next;
            if (is_blank(s[next]) && begins(s, n, next) && !(c == '.' && abbreviation(s, i))) return next;
        }
        i = next;
    }
    return n;
}

enum hearth_status sentences_split(const char *text, size_t n, struct contextcite_sentence **out, size_t *count)
{
    struct contextcite_sentence *list = NULL;
    size_t cap = 0, have = 0;
    for (size_t at = 0; at < n;) {
        size_t end = sentence_end(text, n, at);
        while (end < n && is_blank(text[end])) end++;
        enum hearth_status st = put_sentence(&list, &have, &cap, at, end);
        if (st != HEARTH_OK) {
            free(list);
            return st;
        }
        at = end;
    }
    size_t most = CONTEXTCITE_SENTENCES, kept = have < most ? have : most;
    for (size_t i = 0; i < kept && have > most; i++) {     /* neighbours joined evenly */
        size_t first = i * have / most, last = (i + 1) * have / most - 1;
        list[i] = (struct contextcite_sentence){ list[first].begin, list[last].end, 0 };
    }
    *out = list, *count = kept;
    return HEARTH_OK;
}

/* ---- statistics ---- */

/* w of one column given all others: soft threshold of its covariance with what they leave over. */
static double shrink(double z, double alpha) { return z > alpha ? z - alpha : z < -alpha ? z + alpha : 0; }

enum hearth_status lasso_fit(const unsigned char *x, const double *y, size_t rows, size_t cols, double alpha, double *w,
                             double *intercept)
{
    double *mean = mem_array(2 * cols + rows, sizeof *mean), *dev = mean + cols, *left = dev + cols, y_mean = 0;
    if (!mean) return HEARTH_ENOMEM;
    for (size_t j = 0; j < cols; j++) {
        for (size_t i = 0; i < rows; i++) mean[j] += x[i * cols + j];
        mean[j] /= (double)rows;
        dev[j] = sqrt(mean[j] * (1 - mean[j]));
        w[j] = 0;
    }
    for (size_t i = 0; i < rows; i++) y_mean += y[i] / (double)rows;
    for (size_t i = 0; i < rows; i++) left[i] = y[i] - y_mean;
    for (int round = 0; round < 10000; round++) {
        double most = 0;
        for (size_t j = 0; j < cols; j++) {
            if (dev[j] == 0) continue;                     /* always or never kept: nothing is known of it */
            double z = 0;
            for (size_t i = 0; i < rows; i++) z += (x[i * cols + j] - mean[j]) / dev[j] * left[i];
            double now = shrink(z / (double)rows + w[j], alpha), change = now - w[j];
            for (size_t i = 0; i < rows && change != 0; i++) left[i] -= change * (x[i * cols + j] - mean[j]) / dev[j];
            w[j] = now;
            most = fmax(most, fabs(change));
        }
        if (most < 1e-9) break;
    }
    *intercept = y_mean;
    for (size_t j = 0; j < cols; j++) {
        w[j] = dev[j] > 0 ? w[j] / dev[j] : 0;
        *intercept -= w[j] * mean[j];
    }
    free(mean);
    return HEARTH_OK;
}

struct ranked { double value; size_t at; };

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void rank_all(const double *v, size_t n, struct ranked *scratch, double *rank)
{
    for (size_t i = 0; i < n; i++) scratch[i] = (struct ranked){ v[i], i };
    qsort(scratch, n, sizeof *scratch, by_value);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && scratch[j].value == scratch[i].value; j++) {}
        for (size_t k = i; k < j; k++) rank[scratch[k].at] = (double)(i + j - 1) / 2;
    }
}

double rank_correlation(const double *a, const double *b, size_t n)
{
    struct ranked *scratch = mem_array(n, sizeof *scratch);
    double *ra = mem_array(2 * n, sizeof *ra), *rb = ra + n, ab = 0, aa = 0, bb = 0, middle = ((double)n - 1) / 2;
    if (scratch && ra) {
        rank_all(a, n, scratch, ra);
        rank_all(b, n, scratch, rb);
        for (size_t i = 0; i < n; i++) {
            double x = ra[i] - middle, y = rb[i] - middle;
            ab += x * y, aa += x * x, bb += y * y;
        }
    }
    free(scratch);
    free(ra);
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

/* ---- how likely an answer is ---- */

static enum hearth_status sum_logprobs(struct hearth_session *s, const int32_t *ids, size_t n, float *logits, double *sum)
{
    int32_t vocabulary = (int32_t)s->m->h.vocabulary;
    for (size_t i = 0; i < n; i += ANSWER_PIECE) {         /* ids[0]: the token before the first that counts */
        size_t piece = n - i < ANSWER_PIECE ? n - i : ANSWER_PIECE;
        TRY(hearth_session_eval_all(s, ids + i, piece, logits));
        for (size_t k = 0; k < piece; k++) {
            float p, *row = logits + k * (size_t)vocabulary;
            logits_logprobs(row, vocabulary, ids[i + k + 1], 0, &p, NULL);
            *sum += (double)p;
        }
    }
    return HEARTH_OK;
}

enum hearth_status answer_logprob(struct hearth_session *s, const int32_t *prompt, size_t n_prompt, const int32_t *answer,
                                  size_t n_answer, size_t first, const volatile int *cancel, double *sum, size_t *seen,
                                  size_t *shared)
{
    size_t n = n_prompt + n_answer, from = n_prompt + first, common = 0, count = n_answer - first;
    enum hearth_status st = HEARTH_OK;
    if (from == 0 || n_answer <= first) return fail(HEARTH_EUSAGE, "an answer's probability needs a token before it");
    int32_t *ids = mem_array(n, sizeof *ids);
    float *logits = mem_array((size_t)s->m->h.vocabulary * (count < ANSWER_PIECE ? count : ANSWER_PIECE), sizeof *logits);
    if (!ids || !logits) {
        st = HEARTH_ENOMEM;
        goto done;
    }
    if (n_prompt) memcpy(ids, prompt, n_prompt * sizeof *ids);
    memcpy(ids + n_prompt, answer, n_answer * sizeof *ids);
    while (common < from - 1 && common < s->length && s->ids[common] == ids[common]) common++;
    TRY_GOTO(st, done, hearth_session_rewind(s, common));
    if (common < from - 1) TRY_GOTO(st, done, hearth_session_eval(s, ids + common, from - 1 - common, cancel));
    if (cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED)) {
        st = fail(HEARTH_ECANCELLED, "stopped");
        goto done;
    }
    *sum = 0;
    st = sum_logprobs(s, ids + from - 1, count, logits, sum);
    if (seen) *seen += n - 1 - common;
    if (shared) *shared += common;
done:
    free(ids);
    free(logits);
    return st;
}

/* log(p / (1 - p)) of p = e^l: what a linear model can follow where p itself has its ends. */
static double logit_of(double l)
{
    double rest = l > -1e-12 ? 1e-12 : -expm1(l);          /* 1 - p */
    return l - log(rest);
}

/* ---- ablations ---- */

struct ablation { unsigned char *keep; size_t n; int held_out; double logprob; };

struct citing {
    const struct contextcite_input *in;
    struct contextcite *out;
    struct ablation *a;              /* [ablations + held_out] */
    unsigned char *keep;             /* of all of them, and one row more for scratch */
    struct buf text;
    struct ids prompt;
    size_t done, total;
};

static enum hearth_status ask(struct citing *c, const unsigned char *keep, double *logprob)
{
    const struct contextcite_input *in = c->in;
    c->text.len = 0;
    c->prompt.n = 0;
    for (size_t i = 0; i < c->out->n; i++) {
        const struct contextcite_sentence *s = &c->out->sentence[i];
        if (keep[i]) TRY(buf_put(&c->text, in->document + s->begin, s->end - s->begin));
    }
    TRY(in->prompt(in->user, c->text.len ? c->text.data : "", c->text.len, &c->prompt));
    if (in->on_step) in->on_step(in->step_user, "sentences", c->done, c->total);
    c->done++;
    return answer_logprob(in->session, c->prompt.id, c->prompt.n, in->answer, in->n_answer, in->first, in->cancel, logprob,
                          &c->out->tokens_seen, &c->out->tokens_shared);
}

static int by_mask(const void *a, const void *b)
{
    const struct ablation *x = a, *y = b;
    int order = memcmp(y->keep, x->keep, x->n);
    return order ? order : x->held_out - y->held_out;
}

static enum hearth_status ablate(struct citing *c)
{
    const struct contextcite_input *in = c->in;
    size_t n = c->out->n, total = (size_t)in->ablations + (size_t)in->held_out;
    for (size_t i = 0; i < total; i++) {
        c->a[i] = (struct ablation){ c->keep + i * n, n, i >= (size_t)in->ablations, 0 };
        for (size_t j = 0; j < n; j++) c->a[i].keep[j] = random_uniform(in->seed, i * CONTEXTCITE_SENTENCES + j, STREAM_MASK) < 0.5f;
    }
    qsort(c->a, total, sizeof *c->a, by_mask);
    for (size_t i = 0; i < total; i++) TRY(ask(c, c->a[i].keep, &c->a[i].logprob));
    return HEARTH_OK;
}

static double outcome(const struct citing *c, double logprob)
{
    return logit_of(logprob) / (double)(c->in->n_answer - c->in->first);
}

/* The weights, from the ablations that are not held out; scaled back to the whole answer's logit. */
static enum hearth_status fit(struct citing *c)
{
    size_t n = c->out->n, rows = 0, total = (size_t)c->in->ablations + (size_t)c->in->held_out;
    double scale = (double)(c->in->n_answer - c->in->first);
    unsigned char *x = mem_array(total * n, 1);
    double *y = mem_array(total + n, sizeof *y), *w = y + total;
    enum hearth_status st = x && y ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < total && st == HEARTH_OK; i++) {
        if (c->a[i].held_out) continue;
        memcpy(x + rows * n, c->a[i].keep, n);
        y[rows++] = outcome(c, c->a[i].logprob);
    }
    if (st == HEARTH_OK) st = lasso_fit(x, y, rows, n, c->in->alpha, w, &c->out->intercept);
    for (size_t j = 0; j < n && st == HEARTH_OK; j++) c->out->sentence[j].weight = w[j] * scale;
    c->out->intercept *= scale;
    free(x);
    free(y);
    return st;
}

/* How well the fit foretells ablations it has not seen. */
static enum hearth_status judge(struct citing *c)
{
    size_t n = c->out->n, rows = 0, total = (size_t)c->in->ablations + (size_t)c->in->held_out;
    double *truth = mem_array(2 * total, sizeof *truth), *told = truth + total;
    if (!truth) return HEARTH_ENOMEM;
    for (size_t i = 0; i < total; i++) {
        if (!c->a[i].held_out) continue;
        told[rows] = c->out->intercept;
        for (size_t j = 0; j < n; j++) told[rows] += c->a[i].keep[j] ? c->out->sentence[j].weight : 0;
        truth[rows++] = outcome(c, c->a[i].logprob);
    }
    c->out->lds = rank_correlation(told, truth, rows);
    free(truth);
    return HEARTH_OK;
}

static void sort_weights(struct contextcite *c)
{
    for (size_t i = 0; i < c->n; i++) {                    /* insertion: at most 256 */
        size_t at = i;
        for (; at > 0 && c->sentence[c->order[at - 1]].weight < c->sentence[i].weight; at--) c->order[at] = c->order[at - 1];
        c->order[at] = i;
    }
}

/* k different sentences by chance, taken out of `keep`. */
static void drop_random(struct citing *c, unsigned char *keep, size_t k, uint64_t draw)
{
    size_t n = c->out->n;
    memset(keep, 1, n);
    for (uint64_t i = 0; k > 0; i++) {
        size_t j = (size_t)(random_uniform(c->in->seed, draw << 32 | i, STREAM_DROP) * (float)n);
        if (j < n && keep[j]) keep[j] = 0, k--;
    }
}

static enum hearth_status drops(struct citing *c)
{
    struct contextcite *o = c->out;
    unsigned char *keep = c->keep + ((size_t)c->in->ablations + (size_t)c->in->held_out) * o->n;
    double p;
    o->tops = o->n > CONTEXTCITE_TOP ? CONTEXTCITE_TOP : (int)o->n - 1;
    for (int k = 1; k <= o->tops; k++) {
        memset(keep, 1, o->n);
        for (int i = 0; i < k; i++) keep[o->order[i]] = 0;
        TRY(ask(c, keep, &p));
        o->drop[k - 1] = o->whole - p;
        for (int d = 0; d < DRAWS; d++) {
            drop_random(c, keep, (size_t)k, (uint64_t)(k * DRAWS + d));
            TRY(ask(c, keep, &p));
            o->random_drop[k - 1] += (o->whole - p) / DRAWS;
        }
    }
    return HEARTH_OK;
}

static enum hearth_status cite(struct citing *c)
{
    struct contextcite *o = c->out;
    size_t total = (size_t)c->in->ablations + (size_t)c->in->held_out;
    o->order = mem_array(o->n, sizeof *o->order);
    c->a = mem_array(total, sizeof *c->a);
    c->keep = mem_array((total + 1) * o->n, 1);
    if (!o->order || !c->a || !c->keep) return HEARTH_ENOMEM;
    c->total = 1 + total + (1 + DRAWS) * (o->n > CONTEXTCITE_TOP ? CONTEXTCITE_TOP : o->n - 1);
    memset(c->keep + total * o->n, 1, o->n);
    TRY(ask(c, c->keep + total * o->n, &o->whole));
    TRY(ablate(c));
    TRY(fit(c));
    TRY(judge(c));
    sort_weights(o);
    return c->in->unscored ? HEARTH_OK : drops(c);
}

enum hearth_status contextcite_run(const struct contextcite_input *in, struct contextcite *out)
{
    struct citing c = { .in = in, .out = out };
    enum hearth_status st;
    *out = (struct contextcite){ .ablations = in->ablations, .held_out = in->held_out, .lds = NAN };
    if (in->ablations < 8) return fail(HEARTH_EUSAGE, "%d ablations, should be at least 8", in->ablations);
    TRY_GOTO(st, done, sentences_split(in->document, in->n, &out->sentence, &out->n));
    if (out->n < 2) st = fail(HEARTH_EUSAGE, "the document has %zu sentences, and comparing needs two at least", out->n);
    else st = cite(&c);
done:
    free(c.a);
    free(c.keep);
    buf_free(&c.text);
    free(c.prompt.id);
    if (st != HEARTH_OK) contextcite_free(out);
    return st;
}

void contextcite_free(struct contextcite *c)
{
    free(c->sentence);
    free(c->order);
    *c = (struct contextcite){ 0 };
}

/* suite.c - see suite.h.
 *
 * The judge is not asked to write: of " Yes" and " No" behind the question the likelier one is its answer, so that it cannot evade. */
#include "work/suite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/utf8.h"
#include "hearth.h"
#include "hub/digest.h"
#include "os/os.h"
#include "work/answers.h"
#include "work/likelihood.h"
#include "work/pattern.h"
#include "work/rows.h"
#include "work/score.h"
#include "work/statistics.h"
#include "work/yaml.h"

enum { MOST_BYTES = 64 << 20, MOST_CHECKS = 32, MOST_TOKENS = 256 };
enum kind { MUST, MUST_NOT, RUBRIC };
static const char *const kind_name[] = { "must", "must_not", "rubric" };

struct check { enum kind kind; const char *what; struct pattern *pattern; /* NULL: a text, lower case, or a rubric */ };
struct item { const char *prompt, *name, *system; struct check check[MOST_CHECKS]; size_t n; };

struct suite {
    char *name, *path, sha256[65];
    json_t *json;                    /* {"checks": [...]}; owns the texts */
    struct item *item;
    size_t n;
    int rubrics;
};

/* ---- reading ---- */

static int ends(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n > k && strcasecmp(path + n - k, end) == 0;
}

static int has_check(const json_t *o) { return json_object_get(o, "must") || json_object_get(o, "must_not") || json_object_get(o, "rubric"); }

/* {"checks": [...]} of any of the forms; *out NULL: the file is of none. */
static enum hearth_status read_json(const char *path, const char *text, size_t n, json_t **out)
{
    char sha[65];
    json_t *rows = NULL;
    *out = NULL;
    if (ends(path, ".jsonl")) {
        json_t *first = json_loadb(text, strcspn(text, "\n"), 0, NULL);
        int is = has_check(first);
        json_decref(first);
        if (!is) return HEARTH_OK;
        TRY(rows_read(path, &rows, sha));
        *out = json_pack("{s:o}", "checks", rows);
        return *out ? HEARTH_OK : fail_memory(1);
    }
    if (!ends(path, ".yaml") && !ends(path, ".yml") && !ends(path, ".json")) return HEARTH_OK;
    TRY(ends(path, ".json") ? jsontext_read(path, text, n, out) : yaml_read(path, text, n, out));
    if (json_object_get(*out, "checks")) return HEARTH_OK;
    json_decref(*out);
    *out = NULL;
    return HEARTH_OK;
}

int suite_is(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    json_t *j = NULL;
    if (os_read_file(path, MOST_BYTES, &text, &n) != HEARTH_OK) return 0;
    int is = read_json(path, text, n, &j) == HEARTH_OK ? j != NULL : ends(path, ".jsonl");
    json_decref(j);
    free(text);
    return is;
}

static enum hearth_status add_check(const struct suite *s, struct item *it, enum kind kind, json_t *v)
{
    const json_t *regex = json_object_get(v, "regex");
    struct check *c = &it->check[it->n];
    if (it->n == MOST_CHECKS) return fail(HEARTH_ELIMIT, "%s: %s: more than %d checks", s->path, it->name, MOST_CHECKS);
    *c = (struct check){ .kind = kind, .what = json_string_value(json_is_object(v) ? regex : v) };
    if (!c->what || !*c->what || (kind == RUBRIC && regex))
        return fail(HEARTH_EFORMAT, "%s: %s: %s should be a text%s", s->path, it->name, kind_name[kind], kind == RUBRIC ? "" : " or {\"regex\": text}, or a list of these");
    it->n++;
    return regex ? pattern_open(s->path, c->what, 0, &c->pattern) : HEARTH_OK;
}

static enum hearth_status read_item(struct suite *s, json_t *j, size_t at)
{
    struct item *it = &s->item[s->n++];
    const char *key, *system = json_string_value(json_object_get(s->json, "system"));
    json_t *v;
    it->prompt = json_string_value(json_object_get(j, "prompt"));
    if (!it->prompt) return fail(HEARTH_EFORMAT, "%s: check %zu has no prompt that is a text", s->path, at + 1);
    it->name = json_string_value(json_object_get(j, "name"));
    if (!it->name) it->name = it->prompt;
    it->system = json_string_value(json_object_get(j, "system"));
    if (!it->system) it->system = system ? system : "";
    json_object_foreach(j, key, v) {
        int kind = !strcmp(key, "must") ? MUST : !strcmp(key, "must_not") ? MUST_NOT : !strcmp(key, "rubric") ? RUBRIC : -1;
        if (kind < 0 && strcmp(key, "prompt") && strcmp(key, "name") && strcmp(key, "system"))
            return fail(HEARTH_EFORMAT, "%s: %s: %s is not known; must, must_not, rubric, name and system are", s->path, it->name, key);
        s->rubrics |= kind == RUBRIC && !json_is_null(v);
        if (kind < 0 || json_is_null(v)) continue;
        if (!json_is_array(v)) TRY(add_check(s, it, (enum kind)kind, v));
        else for (size_t i = 0; i < json_array_size(v); i++) TRY(add_check(s, it, (enum kind)kind, json_array_get(v, i)));
    }
    return it->n ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: %s: nothing is checked", s->path, it->name);
}

static enum hearth_status read_suite(struct suite *s, const char *text, size_t n)
{
    const char *slash = strrchr(s->path, '/'), *file = slash ? slash + 1 : s->path, *name;
    enum hearth_status st = sha256_of(text, n, s->sha256);
    if (st == HEARTH_EUNSUPPORTED) st = HEARTH_OK, s->sha256[0] = 0;
    TRY(st);
    TRY(read_json(s->path, text, n, &s->json));
    const json_t *checks = json_object_get(s->json, "checks");
    if (!json_is_array(checks) || json_array_size(checks) == 0) return fail(HEARTH_EFORMAT, "%s: checks should be a list of prompts with must, must_not or rubric", s->path);
    name = json_string_value(json_object_get(s->json, "suite"));
    s->name = name ? strdup(name) : strndup(file, strcspn(file, "."));
    s->item = mem_array(json_array_size(checks), sizeof *s->item);
    if (!s->name || !s->item) return HEARTH_ENOMEM;
    for (size_t i = 0; i < json_array_size(checks); i++) TRY(read_item(s, json_array_get(checks, i), i));
    return HEARTH_OK;
}

enum hearth_status suite_open(const char *path, struct suite **out)
{
    struct suite *s = mem_array(1, sizeof *s);
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    if (!s) return HEARTH_ENOMEM;
    enum hearth_status st = (s->path = strdup(path)) ? os_read_file(path, MOST_BYTES, &text, &n) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = read_suite(s, text, n);
    free(text);
    if (st == HEARTH_OK) *out = s;
    else suite_close(s);
    return st;
}

void suite_close(struct suite *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->item[i].n; k++) pattern_close(s->item[i].check[k].pattern);
    free(s->item);
    free(s->name);
    free(s->path);
    json_decref(s->json);
    free(s);
}

int suite_has_rubrics(const struct suite *s) { return s->rubrics; }

/* ---- the judge ---- */

struct judge { struct hearth_model *m; const char *name; struct likelihood *l; int32_t *ids[2]; size_t n[2]; };

static enum hearth_status judge_open(struct judge *j, uint32_t ctx)
{
    TRY(hearth_tokenize(j->m, "Yes", 3, 0, &j->ids[0], &j->n[0]));
    TRY(hearth_tokenize(j->m, "No", 2, 0, &j->ids[1], &j->n[1]));
    return likelihood_open(j->m, NULL, ctx, &j->l);
}

static void judge_close(struct judge *j)
{
    likelihood_close(j->l);
    hearth_free(j->ids[0]);
    hearth_free(j->ids[1]);
}

static enum hearth_status judge_says(const struct judge *j, const struct item *it, const char *answer, const char *rubric, int *yes)
{
    struct buf b = { 0 };
    int32_t *ids = NULL;
    size_t n = 0;
    struct continuation c[2] = { { .ids = j->ids[0], .n = j->n[0] }, { .ids = j->ids[1], .n = j->n[1] } };
    char *messages = NULL;
    enum hearth_status st = buf_printf(&b, "Question:\n%s\n\nAnswer:\n%s\n\nStatement about the answer: %s\n\nIs the statement true? Reply with Yes or No.",
                                       it->prompt, answer, rubric);
    json_t *list = st == HEARTH_OK ? json_pack("[{s:s, s:s%}]", "role", "user", "content", b.data, b.len) : NULL;
    if (list) messages = json_dumps(list, 0);
    if (st == HEARTH_OK && !messages) st = fail_memory(1);
    if (st == HEARTH_OK) st = hearth_chat_tokenize(j->m, messages, NULL, 1, &ids, &n);
    if (st == HEARTH_OK) st = likelihood_score(j->l, ids, n, c, 2, NULL);
    *yes = c[0].logprob > c[1].logprob;
    json_decref(list);
    free(messages);
    hearth_free(ids);
    buf_free(&b);
    return st;
}

/* ---- checking ---- */

static enum hearth_status holds(const struct check *c, const char *answer, int *out)
{
    struct pattern_match m;
    char *a = NULL, *w = NULL;
    size_t n;
    if (c->pattern) {
        TRY(pattern_find(c->pattern, answer, strlen(answer), 0, &m));
        *out = m.found;
        return HEARTH_OK;
    }
    enum hearth_status st = score_recase(answer, 0, &a, &n);
    if (st == HEARTH_OK) st = score_recase(c->what, 0, &w, &n);
    if (st == HEARTH_OK) *out = strstr(a, w) != NULL;
    free(a);
    free(w);
    return st;
}

static enum hearth_status check_item(const struct item *it, const char *answer, const struct judge *j, json_t *to, int *passed)
{
    json_t *list = json_array();
    enum hearth_status st = HEARTH_OK;
    *passed = 1;
    for (size_t k = 0; k < it->n && st == HEARTH_OK; k++) {
        const struct check *c = &it->check[k];
        int is = 0;
        st = c->kind == RUBRIC ? judge_says(j, it, answer, c->what, &is) : holds(c, answer, &is);
        int good = c->kind == MUST_NOT ? !is : is;
        json_t *one = json_pack("{s:s, s:s, s:b}", "kind", kind_name[c->kind], c->pattern ? "regex" : "what", c->what, "passed", good);
        if (c->kind == RUBRIC) json_object_set_new(one, "judged", json_string(j->name));
        json_array_append_new(list, one);
        *passed &= good;
    }
    json_object_set_new(to, "checks", list);
    return st;
}

/* UTF-8 in any case: what is no UTF-8 would be no JSON. */
static void clean(char *s)
{
    size_t bad, n = strlen(s);
    while (!utf8_valid(s, n, &bad)) s[bad] = '?';
}

static enum hearth_status tell(const struct evaluate_params *p, const struct suite *s, struct answer *a, const struct judge *j, int chat, double begun,
                               json_t *result)
{
    json_t *samples = json_array();
    uint64_t right = 0;
    size_t cut = 0, n = p->limit && p->limit < s->n ? p->limit : s->n;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        int passed = 0;
        clean(a[i].text);
        json_t *one = json_pack("{s:I, s:s, s:s, s:s}", "item", (json_int_t)i, "name", s->item[i].name, "prompt", s->item[i].prompt, "answer", a[i].text);
        st = check_item(&s->item[i], a[i].text, j, one, &passed);
        json_object_set_new(one, "scores", json_pack("{s:f}", "passed", (double)passed));
        json_array_append_new(samples, one);
        right += (uint64_t)passed, cut += (size_t)a[i].cut;
    }
    struct interval w = wilson(right, n);
    json_t *e = json_pack("{s:s, s:s, s:s, s:I, s:I, s:i, s:b, s:I, s:f, s:[{s:s, s:s, s:f, s:n, s:f, s:f, s:b}], s:o}", "task", s->name, "output_type",
                          "checks", "sha256", s->sha256, "items", (json_int_t)n, "of", (json_int_t)s->n, "num_fewshot", 0, "chat", chat, "cut",
                          (json_int_t)cut, "seconds", clock_seconds() - begun, "scores", "metric", "passed", "filter", "none", "value",
                          (double)right / (double)n, "stderr", "low", w.low, "high", w.high, "higher_is_better", 1, "samples", samples);
    if (st == HEARTH_OK && (!e || json_array_append(json_object_get(result, "tasks"), e))) st = fail_memory(1);
    json_decref(e);
    return st;
}

static enum hearth_status prompt_tokens(struct hearth_model *m, const struct item *it, int chat, int32_t **ids, size_t *n)
{
    if (!chat) return hearth_tokenize(m, it->prompt, strlen(it->prompt), HEARTH_TOK_SPECIAL, ids, n);
    json_t *list = json_array();
    if (*it->system) json_array_append_new(list, json_pack("{s:s, s:s}", "role", "system", "content", it->system));
    json_array_append_new(list, json_pack("{s:s, s:s}", "role", "user", "content", it->prompt));
    char *messages = json_dumps(list, 0);
    enum hearth_status st = messages ? hearth_chat_tokenize(m, messages, NULL, 1, ids, n) : fail_memory(1);
    json_decref(list);
    free(messages);
    return st;
}

struct steps { const struct evaluate_params *p; const char *name; };

static void on_answer(void *user, size_t done, size_t total)
{
    struct steps *s = user;
    if (s->p->on_step) s->p->on_step(s->p->user, s->name, done, total);
}

static enum hearth_status ask(const struct evaluate_params *p, const struct suite *s, size_t n, int chat, struct answer *a)
{
    static const char *const stop[] = { "\n\n" };
    struct steps steps = { p, s->name };
    struct answers_params ap = { .adapter = p->adapter, .ctx = p->ctx, .on_step = on_answer, .user = &steps, .cancel = p->cancel };
    struct answer_question *q = mem_array(n, sizeof *q);
    int32_t **ids = mem_array(n, sizeof *ids);
    enum hearth_status st = q && ids ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        q[i] = (struct answer_question){ .most_tokens = MOST_TOKENS, .until = stop, .n_until = chat ? 0 : 1 };
        st = prompt_tokens(p->model, &s->item[i], chat, &ids[i], &q[i].n);
        q[i].prompt = ids[i];
    }
    if (st == HEARTH_OK) st = answers_make(p->model, &ap, q, n, a);
    for (size_t i = 0; ids && i < n; i++) hearth_free(ids[i]);
    free(ids);
    free(q);
    return st;
}

enum hearth_status suite_run(const struct evaluate_params *p, const struct suite *s, struct hearth_model *judge, const char *judge_name,
                             json_t *result)
{
    size_t n = p->limit && p->limit < s->n ? p->limit : s->n;
    struct judge j = { .m = judge, .name = judge_name };
    struct hearth_model_info info;
    double begun = clock_seconds();
    if (s->rubrics && !judge) return fail(HEARTH_EUSAGE, "%s: rubrics need a judge: --judge MODEL", s->path);
    hearth_model_describe(p->model, &info);
    int chat = p->chat != CHAT_NEVER && *info.chat_template;
    if (p->chat == CHAT_ALWAYS && !chat) return fail(HEARTH_EUNSUPPORTED, "%s has no chat template", p->name);
    struct answer *a = mem_array(n, sizeof *a);
    enum hearth_status st = a ? ask(p, s, n, chat, a) : HEARTH_ENOMEM;
    if (st == HEARTH_OK && judge) st = judge_open(&j, 0);
    if (st == HEARTH_OK) st = tell(p, s, a, &j, chat, begun, result);
    judge_close(&j);
    answers_free(a, a ? n : 0);
    free(a);
    return st;
}

/* modelfile.c - reading and writing Modelfiles.
 *
 * A value ends with its line, unless it begins with " or """: then with the line that ends with the same.  So a quote inside of a
 * value needs no escape, and there is none. */
#include "hub/modelfile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "hub/parameter.h"

struct reader { const char *p, *end, *label; int line; struct modelfile *out; };

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One line without its end; the reader is behind it. */
static size_t take_line(struct reader *r, const char **start)
{
    const char *nl = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL, *stop = nl ? nl : r->end;
    *start = r->p;
    r->p = nl ? nl + 1 : r->end;
    r->line++;
    return (size_t)(stop - *start);
}

static void trim(const char **s, size_t *n)
{
    while (*n && is_blank(**s)) (*s)++, (*n)--;
    while (*n && is_blank((*s)[*n - 1])) (*n)--;
}

/* Takes the word at the beginning. */
static size_t take_word(const char **s, size_t *n)
{
    size_t k = 0;
    while (k < *n && !is_blank((*s)[k])) k++;
    *s += k, *n -= k;
    trim(s, n);
    return k;
}

/* The value that begins with s (trimmed); with a quote it may go on over further lines. */
static enum hearth_status value(struct reader *r, const char *s, size_t n, char **out)
{
    size_t quote = n >= 3 && !memcmp(s, "\"\"\"", 3) ? 3 : n >= 1 && *s == '"' ? 1 : 0;
    int from = r->line;
    *out = NULL;
    if (!quote) {
        if (!n) return fail(HEARTH_EFORMAT, "%s: line %d: the instruction has no value", r->label, r->line);
        return (*out = strndup(s, n)) ? HEARTH_OK : fail_memory(n + 1);
    }
    const char *body = s + quote, *stop = s + n;
    for (;;) {
        if ((size_t)(stop - s) >= 2 * quote && !memcmp(stop - quote, "\"\"\"", quote)) break;
        if (r->p >= r->end)
            return fail(HEARTH_EFORMAT, "%s: line %d: the value begins with %s and no later line ends with it", r->label, from,
                        quote == 3 ? "\"\"\"" : "\"");
        const char *line;
        size_t k = take_line(r, &line);
        while (k && is_blank(line[k - 1])) k--;
        stop = line + k;
    }
    if ((size_t)(stop - quote - body) > MODELFILE_TEXT)
        return fail(HEARTH_ELIMIT, "%s: line %d: a value of %zu bytes; %d are allowed", r->label, from, (size_t)(stop - quote - body),
                    MODELFILE_TEXT);
    return (*out = strndup(body, (size_t)(stop - quote - body))) ? HEARTH_OK : fail_memory(1);
}

static enum hearth_status set_text(struct reader *r, char **field, const char *name, const char *s, size_t n)
{
    if (*field) return fail(HEARTH_EFORMAT, "%s: line %d: a second %s; one is allowed", r->label, r->line, name);
    return value(r, s, n, field);
}

static enum hearth_status add_licence(struct reader *r, const char *s, size_t n)
{
    char *text = NULL;
    struct buf b = {0};
    TRY(value(r, s, n, &text));
    if (!r->out->licence) {
        r->out->licence = text;
        return HEARTH_OK;
    }
    enum hearth_status st = buf_printf(&b, "%s\n%s", r->out->licence, text);
    free(text);
    if (st == HEARTH_OK) {
        free(r->out->licence);
        r->out->licence = buf_take(&b, NULL);
        if (!r->out->licence) st = HEARTH_ENOMEM;
    }
    buf_free(&b);
    return st;
}

static enum hearth_status at_line(const struct reader *r, int line, enum hearth_status st)
{
    char why[900];
    if (st == HEARTH_OK || st == HEARTH_ENOMEM) return st;
    strncpy(why, hearth_errmsg(), sizeof why - 1);
    why[sizeof why - 1] = '\0';
    return fail(HEARTH_EFORMAT, "%s: line %d: %s", r->label, line, why);
}

static enum hearth_status add_parameter(struct reader *r, const char *s, size_t n)
{
    char name[32], *text = NULL;
    const char *word = s;
    size_t k = take_word(&s, &n);
    json_t *v = NULL, *list;
    int many = 0, line = r->line;
    if (!k || k >= sizeof name)
        return fail(HEARTH_EFORMAT, "%s: line %d: PARAMETER should be followed by a name and a value", r->label, r->line);
    for (size_t i = 0; i < k; i++) name[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] - 'A' + 'a') : word[i];
    name[k] = '\0';
    TRY(value(r, s, n, &text));
    enum hearth_status st = at_line(r, line, parameter_parse(name, text, &v, &many));
    free(text);
    TRY(st);
    if (!many) return json_object_set_new(r->out->parameters, name, v) ? fail_memory(0) : HEARTH_OK;
    list = json_object_get(r->out->parameters, name);
    if (!list && !json_object_set_new(r->out->parameters, name, json_array())) list = json_object_get(r->out->parameters, name);
    if (json_array_size(list) == PARAMETER_STOPS) {
        json_decref(v);
        return fail(HEARTH_ELIMIT, "%s: line %d: more than %d values of %s", r->label, line, PARAMETER_STOPS, name);
    }
    return json_array_append_new(list, v) ? fail_memory(0) : HEARTH_OK;
}

static enum hearth_status add_message(struct reader *r, const char *s, size_t n)
{
    static const char *const role[] = {"user", "assistant", "system"};
    const char *word = s;
    size_t k = take_word(&s, &n), i = 0;
    char *text = NULL;
    while (i < 3 && !(strlen(role[i]) == k && !strncasecmp(role[i], word, k))) i++;
    if (i == 3)
        return fail(HEARTH_EFORMAT, "%s: line %d: MESSAGE is of \"%.*s\"; allowed are user, assistant, system", r->label, r->line,
                    (int)(k < 40 ? k : 40), word);
    if (json_array_size(r->out->messages) == MODELFILE_MESSAGES)
        return fail(HEARTH_ELIMIT, "%s: line %d: more than %d messages", r->label, r->line, MODELFILE_MESSAGES);
    TRY(value(r, s, n, &text));
    json_t *m = json_pack("{s:s, s:s}", "role", role[i], "content", text);
    free(text);
    return m && !json_array_append_new(r->out->messages, m) ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status instruction(struct reader *r, const char *s, size_t n)
{
    const char *word = s;
    size_t k = take_word(&s, &n);
    struct { const char *name; char **text; } texts[] = {
        {"FROM", &r->out->from}, {"TEMPLATE", &r->out->chat_template}, {"SYSTEM", &r->out->system}, {"ADAPTER", &r->out->adapter}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i].name) == k && !strncasecmp(texts[i].name, word, k)) return set_text(r, texts[i].text, texts[i].name, s, n);
    if (k == 7 && !strncasecmp(word, "LICENSE", k)) return add_licence(r, s, n);
    if (k == 9 && !strncasecmp(word, "PARAMETER", k)) return add_parameter(r, s, n);
    if (k == 7 && !strncasecmp(word, "MESSAGE", k)) return add_message(r, s, n);
    return fail(HEARTH_EFORMAT, "%s: line %d: \"%.*s\" is no instruction; allowed are FROM, PARAMETER, TEMPLATE, SYSTEM, ADAPTER, MESSAGE, LICENSE",
                r->label, r->line, (int)(k < 40 ? k : 40), word);
}

enum hearth_status modelfile_parse(const char *text, size_t n, const char *label, struct modelfile *out)
{
    struct reader r = {.p = text, .end = text + n, .label = label, .out = out};
    enum hearth_status st = HEARTH_OK;
    size_t bad = 0;
    *out = (struct modelfile){0};
    if (n > MODELFILE_MAX) return fail(HEARTH_ELIMIT, "%s: %zu bytes; %d are allowed", label, n, MODELFILE_MAX);
    if (!utf8_valid(text, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", label, bad);
    if (memchr(text, '\0', n)) return fail(HEARTH_EFORMAT, "%s: it holds a zero byte", label);
    out->parameters = json_object();
    out->messages = json_array();
    if (!out->parameters || !out->messages) st = fail_memory(0);
    while (st == HEARTH_OK && r.p < r.end) {
        const char *s;
        size_t k = take_line(&r, &s);
        trim(&s, &k);
        if (k && *s != '#') st = instruction(&r, s, k);
    }
    if (st == HEARTH_OK && !out->from) st = fail(HEARTH_EFORMAT, "%s: no FROM: which model is it made from?", label);
    if (st != HEARTH_OK) modelfile_free(out);
    return st;
}

void modelfile_free(struct modelfile *m)
{
    free(m->from), free(m->chat_template), free(m->system), free(m->licence), free(m->adapter);
    json_decref(m->parameters);
    json_decref(m->messages);
    *m = (struct modelfile){0};
}

/* ---- writing ---- */

/* Does it come back the same between these quotation marks? */
static int holds(const char *q, const char *v)
{
    struct buf b = {0};
    char *back = NULL;
    int same = 0;
    if (buf_printf(&b, "%s%s%s\n", q, v, q) == HEARTH_OK) {
        struct reader r = {.p = b.data, .end = b.data + b.len, .label = ""};
        const char *s;
        size_t n = take_line(&r, &s);
        trim(&s, &n);
        same = value(&r, s, n, &back) == HEARTH_OK && !strcmp(back, v) && r.p == r.end;
    }
    free(back);
    buf_free(&b);
    return same;
}

static enum hearth_status put_value(struct buf *to, const char *v)
{
    static const char *const quotes[] = {"", "\"\"\"", "\""};
    for (size_t i = 0; i < 3; i++)
        if (holds(quotes[i], v)) return buf_printf(to, "%s%s%s\n", quotes[i], v, quotes[i]);
    return fail(HEARTH_EUNSUPPORTED, "a text with lines that end with quotation marks cannot be written in a Modelfile");
}

static enum hearth_status put_text(struct buf *to, const char *word, const char *v)
{
    if (!v) return HEARTH_OK;
    TRY(buf_printf(to, "%s ", word));
    return put_value(to, v);
}

static enum hearth_status put_parameter(struct buf *to, const char *name, const json_t *v)
{
    TRY(buf_printf(to, "PARAMETER %s ", name));
    if (json_is_string(v)) return put_value(to, json_string_value(v));
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (!text) return fail_memory(0);
    enum hearth_status st = buf_printf(to, "%s\n", text);
    free(text);
    return st;
}

static enum hearth_status each_parameter(const json_t *parameters, struct buf *to,
                                         enum hearth_status (*put)(struct buf *to, const char *name, const json_t *v))
{
    const char *name;
    json_t *v, *one;
    size_t i;
    json_object_foreach((json_t *)parameters, name, v) {
        if (!json_is_array(v)) TRY(put(to, name, v));
        else json_array_foreach(v, i, one) TRY(put(to, name, one));
    }
    return HEARTH_OK;
}

static enum hearth_status put_column(struct buf *to, const char *name, const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (!text) return fail_memory(0);
    enum hearth_status st = buf_printf(to, "%s%-30s %s", to->len ? "\n" : "", name, text);
    free(text);
    return st;
}

enum hearth_status modelfile_parameters(const json_t *parameters, struct buf *to)
{
    return each_parameter(parameters, to, put_column);
}

enum hearth_status modelfile_write(const struct modelfile *m, struct buf *to)
{
    size_t i;
    json_t *one;
    TRY(buf_printf(to, "FROM %s\n", m->from));
    TRY(put_text(to, "TEMPLATE", m->chat_template));
    TRY(put_text(to, "SYSTEM", m->system));
    TRY(put_text(to, "ADAPTER", m->adapter));
    TRY(each_parameter(m->parameters, to, put_parameter));
    json_array_foreach(m->messages, i, one) {
        TRY(buf_printf(to, "MESSAGE %s ", json_string_value(json_object_get(one, "role"))));
        TRY(put_value(to, json_string_value(json_object_get(one, "content"))));
    }
    return put_text(to, "LICENSE", m->licence);
}

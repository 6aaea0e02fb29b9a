/* receipt.c - reading receipts: one table says what every field may be; and finding the one that a person means. */
#include "account/receipt.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/canonical.h"
#include "account/ledger.h"
#include "base/jsontext.h"
#include "base/mem.h"
#include "os/os.h"

enum { TEXT_MAX = 256, PARENTS_MAX = 1024, RECEIPT_MAX = 1 << 24 };

/* ---- the table of fields ---- */

enum field_type {
    F_TEXT,      /* const char *: at most TEXT_MAX bytes */
    F_HEX,       /* const char *: 64 hex digits */
    F_ID,        /* const char *: 32 hex digits */
    F_WORD,      /* const char *: one of `words` */
    F_TIME,      /* const char *: 2026-11-22T11:04:54Z */
    F_COUNT,     /* uint64_t */
    F_INT,       /* int */
    F_SIGNED,    /* int, from -1 */
    F_BOOL,      /* int */
    F_FLOAT,     /* float: a string as %a writes it */
    F_SEED       /* uint64_t: a string of decimal digits */
};
static const char *const allowed[] = {
    [F_TEXT] = "a text of at most 256 bytes", [F_HEX] = "64 hex digits", [F_ID] = "32 hex digits", [F_WORD] = "one of its words",
    [F_TIME] = "a time such as 2026-11-22T11:04:54Z", [F_COUNT] = "a whole number from 0 to 2^53 - 1",
    [F_INT] = "a whole number from 0 to 2^31 - 1", [F_SIGNED] = "a whole number from -1 to 2^31 - 1", [F_BOOL] = "true or false",
    [F_FLOAT] = "a number as text, such as \"0x1.8p-1\"", [F_SEED] = "a number as text, such as \"7\""};

struct field {
    const char *path;                /* "model.sha256" */
    enum field_type type;
    size_t at;                       /* in struct receipt */
    int optional;
    const char *words;               /* "verified cached" */
};
#define AT(member) offsetof(struct receipt, member)

static const struct field common[] = {
    {"id", F_ID, AT(id), 0, NULL},
    {"kind", F_TEXT, AT(kind_name), 0, NULL},
    {"time", F_TIME, AT(time), 0, NULL},
    {"program.version", F_TEXT, AT(version), 0, NULL},
    {"program.commit", F_TEXT, AT(commit), 0, NULL},
    {"actor", F_TEXT, AT(actor), 1, NULL},
    {"purpose", F_TEXT, AT(purpose), 1, NULL},
    {"key", F_TEXT, AT(key), 1, NULL},
    {"task", F_TEXT, AT(task), 1, NULL},
    {0},
};
static const struct field answer[] = {
    {"model.name", F_TEXT, AT(model.name), 0, NULL},
    {"model.sha256", F_HEX, AT(model.sha256), 0, NULL},
    {"model.architecture", F_TEXT, AT(model.architecture), 0, NULL},
    {"template_sha256", F_HEX, AT(template_sha256), 1, NULL},
    {"tokenizer_sha256", F_HEX, AT(tokenizer_sha256), 0, NULL},
    {"policy_sha256", F_HEX, AT(policy_sha256), 1, NULL},
    {"arithmetic.version", F_INT, AT(arithmetic.version), 0, NULL},
    {"arithmetic.kind", F_WORD, AT(arithmetic.kind), 0, "quant float"},
    {"arithmetic.kv", F_WORD, AT(arithmetic.kv), 0, "f16 f32 q8_0"},
    {"arithmetic.isa", F_TEXT, AT(arithmetic.isa), 0, NULL},
    {"arithmetic.threads", F_INT, AT(arithmetic.threads), 0, NULL},
    {"arithmetic.replayable", F_BOOL, AT(arithmetic.replayable), 0, NULL},
    {"arithmetic.reason", F_TEXT, AT(arithmetic.reason), 1, NULL},
    {"tokens.prompt", F_COUNT, AT(prompt_tokens), 0, NULL},
    {"tokens.answer", F_COUNT, AT(answer_tokens), 0, NULL},
    {"commitments.prompt", F_HEX, AT(prompt_commitment), 0, NULL},
    {"commitments.answer", F_HEX, AT(answer_commitment), 0, NULL},
    {"commitments.options", F_HEX, AT(options_commitment), 0, NULL},
    {"sampling.seed", F_SEED, AT(sampling.seed), 1, NULL},
    {"sampling.temperature", F_FLOAT, AT(sampling.temperature), 0, NULL},
    {"sampling.top_k", F_INT, AT(sampling.top_k), 0, NULL},
    {"sampling.top_p", F_FLOAT, AT(sampling.top_p), 0, NULL},
    {"sampling.min_p", F_FLOAT, AT(sampling.min_p), 0, NULL},
    {"sampling.repeat_penalty", F_FLOAT, AT(sampling.repeat_penalty), 0, NULL},
    {"sampling.presence_penalty", F_FLOAT, AT(sampling.presence_penalty), 0, NULL},
    {"sampling.frequency_penalty", F_FLOAT, AT(sampling.frequency_penalty), 0, NULL},
    {"sampling.repeat_last", F_SIGNED, AT(sampling.repeat_last), 0, NULL},
    {"finish", F_WORD, AT(finish), 0, "stop length cancelled"},
    {"truncated.from", F_COUNT, AT(truncated_from), 1, NULL},
    {"truncated.to", F_COUNT, AT(truncated_to), 1, NULL},
    {"constrained", F_BOOL, AT(constrained), 0, NULL},
    {"timing.load_us", F_COUNT, AT(load_us), 0, NULL},
    {"timing.prompt_us", F_COUNT, AT(prompt_us), 0, NULL},
    {"timing.answer_us", F_COUNT, AT(answer_us), 0, NULL},
    {0},
};
static const struct field decision[] = {
    {"of.index", F_COUNT, AT(of.index), 0, NULL},
    {"of.leaf", F_HEX, AT(of.leaf), 0, NULL},
    {"decision", F_WORD, AT(decision), 0, "accepted edited rejected"},
    {"by", F_TEXT, AT(by), 0, NULL},
    {0},
};

/* ---- one value ---- */

static const json_t *find(const json_t *j, const char *path)
{
    char name[32];
    for (;;) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        j = json_object_get(j, name);
        if (!j || !path[n]) return j;
        path += n + 1;
    }
}

static enum hearth_status wrong(const char *what, const char *path, const json_t *v, const char *wanted)
{
    char found[100];
    if (json_is_string(v)) snprintf(found, sizeof found, "\"%.80s\"", json_string_value(v));
    else if (json_is_integer(v)) snprintf(found, sizeof found, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v)) snprintf(found, sizeof found, "%.17g", json_real_value(v));
    else snprintf(found, sizeof found, "%s", !v ? "missing" : json_is_object(v) ? "an object" : json_is_array(v) ? "a list" :
                  json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
    return fail(HEARTH_EFORMAT, "%s: %s is %s, should be %s", what, path, found, wanted);
}

static int is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static int is_word(const char *words, const char *s)
{
    size_t n = strlen(s);
    for (const char *w = words; n && *w; w += strcspn(w, " "), w += *w == ' ')
        if (strcspn(w, " ") == n && !memcmp(w, s, n)) return 1;
    return 0;
}

static int read_time(const char *s, int64_t *seconds)
{
    struct tm t = {0}, back;
    char again[24];
    int end = 0;
    if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec, &end) != 6 ||
        end != 20 || s[20]) return 0;
    t.tm_year -= 1900, t.tm_mon--;
    time_t at = timegm(&t);
    if (!gmtime_r(&at, &back) || !strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%SZ", &back) || strcmp(again, s) != 0) return 0;
    *seconds = at;
    return 1;
}

static int read_float(const char *s, float *out)
{
    char *end;
    const char *digits = s[0] == '-' ? s + 1 : s;
    if (strlen(s) > 40 || strncmp(digits, "0x", 2) != 0) return 0;
    *out = strtof(s, &end);
    return !*end && isfinite(*out);
}

static int read_seed(const char *s, uint64_t *out)
{
    size_t n = strlen(s);
    errno = 0;
    *out = strtoull(s, NULL, 10);
    return n > 0 && n <= 20 && strspn(s, "0123456789") == n && errno == 0 && (n == 1 || s[0] != '0');
}

static int read_text(const struct field *f, const char *s, void *to, struct receipt *r)
{
    int good = 0;
    switch (f->type) {
    case F_TEXT: good = strlen(s) <= TEXT_MAX; break;
    case F_HEX: good = is_hex(s, 64); break;
    case F_ID: good = is_hex(s, 32); break;
    case F_WORD: good = is_word(f->words, s); break;
    case F_TIME: good = read_time(s, &r->seconds); break;
    case F_FLOAT: return read_float(s, to);
    case F_SEED: return read_seed(s, to);
    default: return 0;
    }
    *(const char **)to = s;
    return good;
}

static int read_number(const struct field *f, json_int_t i, void *to)
{
    if (i < (f->type == F_SIGNED ? -1 : 0) || i > (f->type == F_COUNT ? CANONICAL_MAX : INT_MAX)) return 0;
    if (f->type == F_COUNT) *(uint64_t *)to = (uint64_t)i;
    else *(int *)to = (int)i;
    return 1;
}

static enum hearth_status read_field(const char *what, const struct field *f, struct receipt *r)
{
    const json_t *v = find(r->json, f->path);
    void *to = (char *)r + f->at;
    int good = 0, text = f->type <= F_TIME || f->type >= F_FLOAT;
    if (f->type <= F_TIME) *(const char **)to = "";
    if (!v && f->optional) return HEARTH_OK;
    if (text && json_is_string(v)) good = read_text(f, json_string_value(v), to, r);
    else if (f->type == F_BOOL && json_is_boolean(v)) *(int *)to = json_is_true(v), good = 1;
    else if (!text && f->type != F_BOOL && json_is_integer(v)) good = read_number(f, json_integer_value(v), to);
    return good ? HEARTH_OK : wrong(what, f->path, v, f->type == F_WORD ? f->words : allowed[f->type]);
}

static enum hearth_status read_fields(const char *what, const struct field *f, struct receipt *r)
{
    for (; f->path; f++) TRY(read_field(what, f, r));
    return HEARTH_OK;
}

/* ---- lists ---- */

static enum hearth_status read_parents(const char *what, struct receipt *r)
{
    const json_t *list = json_object_get(r->json, "parents");
    size_t n = json_array_size(list);
    if (!list) return HEARTH_OK;
    if (!json_is_array(list) || n > PARENTS_MAX) return wrong(what, "parents", list, "a list of at most 1024 receipts");
    if (!(r->parent = mem_array(n ? n : 1, sizeof *r->parent))) return HEARTH_ENOMEM;
    for (r->n_parents = 0; r->n_parents < n; r->n_parents++) {
        const json_t *p = json_array_get(list, r->n_parents), *i = json_object_get(p, "index"), *leaf = json_object_get(p, "leaf");
        if (!json_is_integer(i) || json_integer_value(i) < 0 || json_integer_value(i) > CANONICAL_MAX)
            return wrong(what, "parents.index", i, allowed[F_COUNT]);
        if (!json_is_string(leaf) || !is_hex(json_string_value(leaf), 64)) return wrong(what, "parents.leaf", leaf, allowed[F_HEX]);
        r->parent[r->n_parents] = (struct receipt_parent){(uint64_t)json_integer_value(i), json_string_value(leaf)};
    }
    return HEARTH_OK;
}

static enum hearth_status read_adapters(const char *what, struct receipt *r)
{
    const json_t *list = json_object_get(r->json, "adapters");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > PARENTS_MAX) return wrong(what, "adapters", list, "a list of at most 1024 adapters");
    if (!(r->adapter = mem_array(n ? n : 1, sizeof *r->adapter))) return HEARTH_ENOMEM;
    for (r->n_adapters = 0; r->n_adapters < n; r->n_adapters++) {
        const json_t *a = json_array_get(list, r->n_adapters), *name = json_object_get(a, "name"), *sum = json_object_get(a, "sha256"),
                     *scale = json_object_get(a, "scale");
        float by = 1;
        if (!json_is_string(name) || json_string_length(name) > TEXT_MAX) return wrong(what, "adapters.name", name, allowed[F_TEXT]);
        if (!json_is_string(sum) || !is_hex(json_string_value(sum), 64)) return wrong(what, "adapters.sha256", sum, allowed[F_HEX]);
        if (scale && !(json_is_string(scale) && read_float(json_string_value(scale), &by))) return wrong(what, "adapters.scale", scale, allowed[F_FLOAT]);
        r->adapter[r->n_adapters] = (struct receipt_digest){json_string_value(name), json_string_value(sum), by};
    }
    return HEARTH_OK;
}

/* ---- a whole receipt ---- */

static enum hearth_status read_answer(const char *what, struct receipt *r)
{
    const json_t *checked = find(r->json, "model.checked");
    TRY(read_fields(what, answer, r));
    TRY(read_adapters(what, r));
    if (!json_is_string(checked) || !is_word("verified cached", json_string_value(checked)))
        return wrong(what, "model.checked", checked, "verified or cached");
    r->model.verified = !strcmp(json_string_value(checked), "verified");
    return HEARTH_OK;
}

/* Every string that no field of this kind set is "". */
static void blank(struct receipt *r)
{
    static const struct field *const tables[] = {common, answer, decision};
    for (size_t t = 0; t < 3; t++)
        for (const struct field *f = tables[t]; f->path; f++)
            if (f->type <= F_TIME) *(const char **)((char *)r + f->at) = "";
    r->of.leaf = "";
}

static enum hearth_status read_all(const char *what, struct receipt *r)
{
    const json_t *schema = json_object_get(r->json, "schema");
    blank(r);
    if (!json_is_object(r->json)) return wrong(what, "the receipt", r->json, "an object");
    if (!json_is_string(schema) || strcmp(json_string_value(schema), RECEIPT_SCHEMA) != 0)
        return wrong(what, "schema", schema, "\"" RECEIPT_SCHEMA "\"");
    TRY(read_fields(what, common, r));
    TRY(read_parents(what, r));
    r->footprint = json_object_get(r->json, "footprint");
    r->kind = !strcmp(r->kind_name, "answer") ? RECEIPT_ANSWER : !strcmp(r->kind_name, "decision") ? RECEIPT_DECISION : RECEIPT_OTHER;
    if (r->kind == RECEIPT_ANSWER) return read_answer(what, r);
    return r->kind == RECEIPT_DECISION ? read_fields(what, decision, r) : HEARTH_OK;
}

/* Takes j. */
static enum hearth_status take(const char *what, json_t *j, struct receipt *out)
{
    *out = (struct receipt){.json = j};
    enum hearth_status st = read_all(what, out);
    if (st != HEARTH_OK) receipt_free(out);
    return st;
}

enum hearth_status receipt_parse(const void *data, size_t n, struct receipt *out)
{
    json_t *j;
    *out = (struct receipt){0};
    TRY(jsontext_read("receipt", data, n, &j));
    return take("receipt", j, out);
}

void receipt_free(struct receipt *r)
{
    free(r->parent);
    free(r->adapter);
    json_decref(r->json);
    *r = (struct receipt){0};
}

/* ---- which one is meant ---- */

struct search { const char *id; size_t n; uint64_t index; int found; };

static int has_id(void *user, uint64_t i, const void *data, size_t n)
{
    struct search *s = user;
    struct receipt r;
    /* most entries are told apart without reading their JSON */
    if (!memmem(data, n, s->id, s->n) || receipt_parse(data, n, &r) != HEARTH_OK) return 0;
    if (!strncmp(r.id, s->id, s->n)) s->index = i, s->found++;
    receipt_free(&r);
    return s->found > 1;
}

static enum hearth_status read_entry(struct ledger *l, uint64_t index, struct receipt *out)
{
    void *data = NULL;
    size_t n = 0;
    char what[48];
    json_t *j;
    TRY(ledger_entry(l, index, &data, &n));
    snprintf(what, sizeof what, "receipt %" PRIu64, index);
    enum hearth_status st = jsontext_read(what, data, n, &j);
    free(data);
    return st == HEARTH_OK ? take(what, j, out) : st;
}

static enum hearth_status find_in(struct ledger *l, const char *word, struct receipt *out, uint64_t *index)
{
    struct search s = {.id = word, .n = strlen(word)};
    uint64_t size = 0;
    TRY(ledger_size(l, &size));
    if (s.n <= 16 && strspn(word, "0123456789") == s.n && (s.n < 8 || strtoull(word, NULL, 10) < size)) {
        s.index = strtoull(word, NULL, 10);
        if (s.index >= size && size) return fail(HEARTH_ENOTFOUND, "there is no receipt %s: the ledger's last is %" PRIu64, word, size - 1);
        if (s.index >= size) return fail(HEARTH_ENOTFOUND, "there is no receipt %s: the ledger is empty", word);
    } else if (s.n < 8 || s.n > 32 || strspn(word, "0123456789abcdef") != s.n) {
        return fail(HEARTH_ENOTFOUND, "\"%s\" is no receipt: give its number in the ledger, its id (8 digits or more) or a file", word);
    } else {
        TRY(ledger_each(l, 0, size, has_id, &s));
        if (!s.found) return fail(HEARTH_ENOTFOUND, "no receipt of the ledger has the id %s", word);
        if (s.found > 1) return fail(HEARTH_EUSAGE, "more than one receipt has an id that begins with %s: give more of its digits", word);
    }
    if (index) *index = s.index;
    return read_entry(l, s.index, out);
}

/* A receipt, or an answer of --json with one inside. */
static enum hearth_status read_file(const char *path, struct receipt *out)
{
    char *text = NULL;
    size_t n = 0;
    json_t *j = NULL, *inside;
    TRY(os_read_file(path, RECEIPT_MAX, &text, &n));
    enum hearth_status st = jsontext_read(path, text, n, &j);
    free(text);
    TRY(st);
    if ((inside = json_object_get(j, "hearth_receipt"))) {
        if (json_object_get(inside, "receipt")) inside = json_object_get(inside, "receipt");
        json_incref(inside);
        json_decref(j);
        j = inside;
    }
    return take(path, j, out);
}

/* Whether the ledger of this person holds that receipt: its number, or UINT64_MAX; ECHECKSUM when it holds another one under
 * that id. */
static enum hearth_status locate(const char *path, const struct receipt *r, uint64_t *index)
{
    struct search s = {.id = r->id, .n = 32};
    struct ledger *l = NULL;
    uint64_t size = 0;
    void *data = NULL;
    size_t n = 0;
    struct buf text = {0};
    enum hearth_status st = receipt_ledger(0, &l);
    if (st == HEARTH_ENOTFOUND || st == HEARTH_EUNSUPPORTED) return HEARTH_OK;
    if (st != HEARTH_OK) return st;
    TRY_GOTO(st, done, ledger_size(l, &size));
    TRY_GOTO(st, done, ledger_each(l, 0, size, has_id, &s));
    if (!s.found) goto done;
    TRY_GOTO(st, done, ledger_entry(l, s.index, &data, &n));
    TRY_GOTO(st, done, canonical_put(&text, r->json));
    if (text.len == n && !memcmp(text.data, data, n)) *index = s.index;
    else st = fail(HEARTH_ECHECKSUM, "%s: this receipt is not the one that the ledger holds under its id (number %" PRIu64 "): it was changed",
                   path, s.index);
done:
    ledger_close(l);
    free(data);
    buf_free(&text);
    return st;
}

enum hearth_status receipt_find(const char *word, struct receipt *out, uint64_t *index)
{
    struct ledger *l = NULL;
    uint64_t at = UINT64_MAX;
    enum hearth_status st;
    *out = (struct receipt){0};
    if (strpbrk(word, "./")) {
        st = read_file(word, out);
        if (st == HEARTH_OK && (st = locate(word, out, &at)) != HEARTH_OK) receipt_free(out);
    } else if ((st = receipt_ledger(0, &l)) == HEARTH_OK) {
        st = find_in(l, word, out, &at);
    }
    ledger_close(l);
    if (index) *index = at;
    return st;
}

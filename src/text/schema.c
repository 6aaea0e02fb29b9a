/* schema.c - JSON Schema (draft 2020-12) to rules: what an answer must look like so that the schema's author finds it valid.
 *
 * How JSON is written: properties in the schema's order; between them nothing, a blank, or a new line and at most 20 blanks of
 * indentation (no answer can run away in white space); characters in strings as they are or in any escape but \u0000; numbers of at
 * most 15 digits before and 15 behind the point, with bounds not in powers of ten.
 *
 * What is written is always valid.  Less than everything valid is written where that is what is meant:
 *
 *   - without "type", keywords of one type (properties, items, pattern, minimum ...) mean that type
 *   - properties that are not named are written where additionalProperties asks for them, or properties is absent; items behind
 *     prefixItems where items asks for them, or minItems
 *   - format date, time, date-time, uuid, ipv4 are written so; every other is an annotation, as is an unknown keyword
 *
 * What cannot be honoured is refused by its name (schema_merge.c). */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "text/schema_in.h"

/* ---- things of many places ---- */

enum hearth_status schema_rule(struct schema *s, struct gx *body, struct gx **out) {
    uint32_t rule;
    if (!body) return HEARTH_ENOMEM;
    TRY(grammar_rules_add(s->r, "schema", 6, &rule));
    s->r->body[rule] = body;
    return (*out = gx_rule(s->r, rule)) ? HEARTH_OK : HEARTH_ENOMEM;
}

struct gx *schema_blank(struct schema *s) {
    enum { INDENT = 20 };
    struct grammar_rules *r = s->r;
    struct range blank = { ' ', ' ' };
    if (!s->blank && schema_rule(s, gx_maybe(r, gx_alt2(r, gx_text(r, " "),
        gx_seq2(r, gx_text(r, "\n"), gx_repeat(r, gx_set(r, &blank, 1, 0), 0, INDENT)))), &s->blank) != HEARTH_OK) return NULL;
    return s->blank;
}

struct gx *schema_space(struct schema *s) {
    if (!s->space) s->space = gx_maybe(s->r, gx_text(s->r, " "));
    return s->space;
}

/* ---- literals ---- */

static enum hearth_status scalar(struct schema *s, const json_t *v, struct gx **out) {
    char number[40], *text = number;
    if (json_is_real(v)) { /* the shortest that reads back as the same */
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, json_real_value(v));
            if (strtod(number, NULL) == json_real_value(v)) break;
        }
    } else if (!(text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT))) {
        return fail_memory(0);
    }
    *out = gx_text(s->r, text);
    if (text != number) free(text);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status list_literal(struct schema *s, const json_t *v, struct gx_list *l) {
    size_t n = json_is_array(v) ? json_array_size(v) : json_object_size(v), i = 0;
    void *it = json_is_object(v) ? json_object_iter((json_t *)v) : NULL;
    struct gx *x;
    for (; i < n; i++) {
        if (i) TRY(gx_push(l, gx_text(s->r, ",")));
        TRY(gx_push(l, schema_blank(s)));
        if (it) {
            json_t *key = json_string(json_object_iter_key(it));
            enum hearth_status st = key ? scalar(s, key, &x) : fail_memory(0);
            json_decref(key);
            TRY(st);
            TRY(gx_push(l, gx_seq3(s->r, x, gx_text(s->r, ":"), schema_space(s))));
        }
        TRY(schema_literal(s, it ? json_object_iter_value(it) : json_array_get(v, i), &x));
        TRY(gx_push(l, x));
        if (it) it = json_object_iter_next((json_t *)v, it);
    }
    return n ? gx_push(l, schema_blank(s)) : HEARTH_OK;
}

enum hearth_status schema_literal(struct schema *s, const json_t *v, struct gx **out) {
    if (!json_is_array(v) && !json_is_object(v)) return scalar(s, v, out);
    if (s->depth > SCHEMA_DEPTH) return fail(HEARTH_ELIMIT, "%s: more than %d values in each other", s->what, SCHEMA_DEPTH);
    struct gx_list l = { 0 };
    struct gx *x = NULL;
    s->depth++;
    enum hearth_status st = list_literal(s, v, &l);
    s->depth--;
    if (st == HEARTH_OK) x = gx_seq3(s->r, gx_text(s->r, json_is_array(v) ? "[" : "{"), gx_seq(s->r, l.n, l.item), gx_text(s->r, json_is_array(v) ? "]" : "}"));
    free(l.item);
    TRY(st);
    return schema_rule(s, x, out);
}

static enum hearth_status values(struct schema *s, const json_t *conj, struct gx **out) {
    const json_t *list = json_object_get(conj, "enum");
    struct gx_list l = { 0 };
    struct gx *x;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < json_array_size(list) && st == HEARTH_OK; i++) {
        int fits;
        st = schema_fits_beside(s, conj, json_array_get(list, i), &fits);
        if (st == HEARTH_OK && fits) st = schema_literal(s, json_array_get(list, i), &x);
        if (st == HEARTH_OK && fits) st = gx_push(&l, x);
    }
    if (st == HEARTH_OK && !(*out = gx_alt(s->r, l.n, l.item))) st = HEARTH_ENOMEM;
    free(l.item);
    return st;
}

/* ---- arrays ---- */

/* Items i and on, behind one that was written; the closing bracket is the caller's. */
struct list { const json_t *prefix, *rest; uint32_t n_prefix, least, most; };

static enum hearth_status more_items(struct schema *s, const struct list *a, struct gx **out) {
    struct grammar_rules *r = s->r;
    struct gx *comma = gx_seq2(r, gx_text(r, ","), schema_blank(s)), *item = NULL;
    *out = gx_empty(r);
    uint32_t done = a->n_prefix ? a->n_prefix : 1, least = a->least > done ? a->least - done : 0, most = a->most == GX_MANY ? GX_MANY : a->most > done ? a->most - done : 0;
    if (most && a->rest) {
        TRY(schema_value(s, a->rest, &item));
        *out = gx_repeat(r, gx_seq2(r, comma, item), least, most);
    } else if (least) {
        *out = gx_nothing(r);
    }
    for (uint32_t i = a->n_prefix; i > 1 && *out; i--) { /* item i - 1 of the prefix and what follows it */
        if (a->most < i) {
            *out = gx_empty(r);
            continue;
        }
        TRY(schema_value(s, json_array_get(a->prefix, i - 1), &item));
        *out = gx_seq3(r, comma, item, *out);
        if (a->least < i) *out = gx_maybe(r, *out);
        TRY(schema_rule(s, *out, out));
    }
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status array(struct schema *s, const json_t *conj, struct gx **out) {
    struct grammar_rules *r = s->r;
    struct list a = { .prefix = json_object_get(conj, "prefixItems"), .rest = json_object_get(conj, "items") };
    struct gx *first, *more, *empty = gx_text(r, "[]"), *x;
    TRY(schema_count(s, conj, "minItems", 0, &a.least));
    TRY(schema_count(s, conj, "maxItems", GX_MANY, &a.most));
    a.n_prefix = (uint32_t)json_array_size(a.prefix);
    if (json_object_get(conj, "uniqueItems") && a.most > 1) return schema_cannot(s, "uniqueItems", "");
    if (!a.rest && (!a.n_prefix || a.least > a.n_prefix)) a.rest = json_true();
    if (a.most == 0) return a.least ? ((*out = gx_nothing(r)) ? HEARTH_OK : HEARTH_ENOMEM) : schema_rule(s, empty, out);
    TRY(schema_value(s, a.n_prefix ? json_array_get(a.prefix, 0) : a.rest, &first));
    TRY(more_items(s, &a, &more));
    x = gx_seq(r, 6, (struct gx *[]){ gx_text(r, "["), schema_blank(s), first, more, schema_blank(s), gx_text(r, "]") });
    return schema_rule(s, a.least ? x : gx_alt2(r, empty, x), out);
}

/* ---- one conj ---- */

/* The types that a conj without "type" means. */
static int implied(const json_t *conj) {
    static const struct { const char *key; int types; } of[] = {
        { "properties", TYPE_OBJECT }, { "required", TYPE_OBJECT }, { "additionalProperties", TYPE_OBJECT }, { "minProperties", TYPE_OBJECT },
        { "maxProperties", TYPE_OBJECT }, { "items", TYPE_ARRAY }, { "prefixItems", TYPE_ARRAY }, { "minItems", TYPE_ARRAY },
        { "maxItems", TYPE_ARRAY }, { "uniqueItems", TYPE_ARRAY }, { "pattern", TYPE_STRING }, { "minLength", TYPE_STRING },
        { "maxLength", TYPE_STRING }, { "minimum", TYPE_NUMBER }, { "maximum", TYPE_NUMBER }, { "exclusiveMinimum", TYPE_NUMBER },
        { "exclusiveMaximum", TYPE_NUMBER } };
    int types = 0;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (json_object_get(conj, of[i].key)) types |= of[i].types;
    return types ? types : TYPE_ALL;
}

static enum hearth_status by_type(struct schema *s, const json_t *conj, struct gx **out) {
    int types = json_object_get(conj, CONJ_TYPES) ? schema_types(conj) : implied(conj);
    struct gx_list l = { 0 };
    struct gx *x = NULL;
    enum hearth_status st = HEARTH_OK;
    if (types & TYPE_OBJECT && (st = schema_object(s, conj, &x)) == HEARTH_OK) st = gx_push(&l, x);
    if (st == HEARTH_OK && types & TYPE_ARRAY && (st = array(s, conj, &x)) == HEARTH_OK) st = gx_push(&l, x);
    if (st == HEARTH_OK && types & TYPE_STRING && (st = schema_string(s, conj, &x)) == HEARTH_OK) st = gx_push(&l, x);
    if (st == HEARTH_OK && types & TYPE_NUMBER && (st = schema_number(s, conj, types, &x)) == HEARTH_OK) st = gx_push(&l, x);
    if (st == HEARTH_OK && types & TYPE_BOOLEAN) st = gx_push(&l, gx_alt2(s->r, gx_text(s->r, "true"), gx_text(s->r, "false")));
    if (st == HEARTH_OK && types & TYPE_NULL) st = gx_push(&l, gx_text(s->r, "null"));
    if (st == HEARTH_OK && !(*out = gx_alt(s->r, l.n, l.item))) st = HEARTH_ENOMEM;
    free(l.item);
    return st;
}

static enum hearth_status whole(struct schema *s, const json_t *conj, struct gx **out);

/* One list of anyOf or oneOf is taken apart; what else holds goes into each branch. */
static enum hearth_status branches(struct schema *s, const json_t *conj, const char *key, struct gx **out) {
    int one = !strcmp(key, CONJ_ONE);
    json_t *lists = json_copy(json_object_get(conj, key)), *base = json_copy((json_t *)conj);
    if (!lists || !base || json_array_append_new(s->made, lists) != 0 || json_array_append_new(s->made, base) != 0) return fail_memory(0);
    const json_t *list = json_array_get(lists, 0);
    size_t n = json_array_size(list);
    if (json_object_size(conj) == 1 && json_array_size(lists) == 1) base = NULL;
    struct gx_list l = { 0 };
    struct gx *x = NULL;
    json_t **branch = mem_array(n, sizeof *branch);
    enum hearth_status st = branch ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && base) {
        json_incref((json_t *)list);
        json_array_append_new(s->made, (json_t *)list);
        json_array_remove(lists, 0);
        if (json_array_size(lists) ? json_object_set(base, key, lists) : json_object_del(base, key)) st = fail_memory(0);
    }
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        if (one || base) st = schema_conj(s, base, json_array_get(list, i), &branch[i]);
        for (size_t k = 0; one && k < i && st == HEARTH_OK; k++) {
            int apart;
            st = schema_disjoint(s, branch[k], branch[i], 0, &apart);
            if (st == HEARTH_OK && !apart) st = schema_cannot(s, "oneOf", "two of its schemas are not known to exclude each other; anyOf can");
        }
        if (st == HEARTH_OK) st = base ? whole(s, branch[i], &x) : schema_value(s, json_array_get(list, i), &x);
        if (st == HEARTH_OK) st = gx_push(&l, x);
    }
    if (st == HEARTH_OK && !(*out = gx_alt(s->r, l.n, l.item))) st = HEARTH_ENOMEM;
    free(branch);
    free(l.item);
    return st;
}

static enum hearth_status whole(struct schema *s, const json_t *conj, struct gx **out) {
    if (json_object_get(conj, CONJ_TYPES) && !schema_types(conj)) return (*out = gx_nothing(s->r)) ? HEARTH_OK : HEARTH_ENOMEM;
    if (json_object_get(conj, CONJ_ONE)) return branches(s, conj, CONJ_ONE, out);
    if (json_object_get(conj, CONJ_ANY)) return branches(s, conj, CONJ_ANY, out);
    if (json_object_get(conj, "enum")) return values(s, conj, out);
    return by_type(s, conj, out);
}

/* ---- schemas ---- */

enum hearth_status schema_any(struct schema *s, struct gx **out) {
    uint32_t rule;
    struct gx *x = NULL;
    if (!s->value) {
        json_t *all = json_object();
        if (!all || json_array_append_new(s->made, all) != 0) return fail_memory(0);
        TRY(grammar_rules_add(s->r, "any value", 9, &rule));
        if (!(s->value = gx_rule(s->r, rule))) return HEARTH_ENOMEM;
        TRY(by_type(s, all, &x));
        s->r->body[rule] = x;
    }
    *out = s->value;
    return HEARTH_OK;
}

static size_t place(const struct schema *s, const json_t *schema) {
    size_t i = ((uintptr_t)schema >> 4) * 0x9E3779B97F4A7C15u >> 40 & (s->memo_cap - 1);
    while (s->memo[i].schema && s->memo[i].schema != schema) i = (i + 1) & (s->memo_cap - 1);
    return i;
}

/* {"$ref": ...} and annotations alone: the same rule as where it leads. */
static const char *only_reference(const json_t *schema) {
    const char *key;
    const json_t *v;
    json_object_foreach((json_t *)schema, key, v)
        if (strcmp(key, "$ref") != 0 && (!schema_is_annotation(key) || !strcmp(key, "$id"))) return NULL;
    return json_string_value(json_object_get(schema, "$ref"));
}

enum hearth_status schema_value(struct schema *s, const json_t *schema, struct gx **out) {
    const char *ref;
    json_t *conj;
    uint32_t rule;
    for (int hops = 0; (ref = only_reference(schema)); hops++) {
        if (hops > SCHEMA_DEPTH) return fail(HEARTH_EFORMAT, "%s: \"$ref\" leads to \"%.100s\", which leads back to itself", s->what, ref);
        TRY(schema_resolve(s, ref, &schema));
    }
    if (json_is_true(schema)) return schema_any(s, out);
    if (json_is_false(schema)) return (*out = gx_nothing(s->r)) ? HEARTH_OK : HEARTH_ENOMEM;
    size_t i = place(s, schema);
    if (s->memo[i].schema) return (*out = gx_rule(s->r, s->memo[i].rule)) ? HEARTH_OK : HEARTH_ENOMEM;
    if (2 * ++s->memos > s->memo_cap) return fail(HEARTH_ELIMIT, "%s: more than %zu subschemas", s->what, s->memo_cap / 2);
    if (++s->depth > SCHEMA_DEPTH) return fail(HEARTH_ELIMIT, "%s: more than %d schemas in each other", s->what, SCHEMA_DEPTH);
    TRY(grammar_rules_add(s->r, "schema", 6, &rule));
    s->memo[i] = (struct schema_memo){ schema, rule };
    struct gx *body = NULL;
    TRY(schema_conj(s, NULL, schema, &conj));
    TRY(whole(s, conj, &body));
    s->r->body[rule] = body;
    s->depth--;
    return (*out = gx_rule(s->r, rule)) ? HEARTH_OK : HEARTH_ENOMEM;
}

/* ---- reading ---- */

static enum hearth_status read_root(struct grammar_rules *r, const char *what, json_t *root, struct gx **out) {
    struct schema s = { .r = r, .what = what, .root = root, .made = json_array(), .memo_cap = 1 << 16 };
    s.memo = mem_array(s.memo_cap, sizeof *s.memo);
    enum hearth_status st = s.memo && s.made ? HEARTH_OK : fail_memory(s.memo_cap * sizeof *s.memo);
    if (st == HEARTH_OK && !json_is_object(root) && !json_is_boolean(root)) st = fail(HEARTH_EFORMAT, "%s: a schema should be an object, true or false", what);
    if (st == HEARTH_OK) st = schema_value(&s, root, out);
    json_decref(s.made);
    free(s.memo);
    free(s.pair);
    return st;
}

/* jansson has no NUL in strings here and refuses doubled keys, of which it is not known which one holds. */
enum hearth_status schema_read(struct grammar_rules *r, const char *what, const char *text, size_t n, struct gx **out) {
    json_t *root;
    json_error_t e;
    if (!(root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e))) return fail(HEARTH_EFORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
    enum hearth_status st = read_root(r, what, root, out);
    json_decref(root);
    return st;
}

enum hearth_status schema_read_some(struct grammar_rules *r, const char *what, const char *text, size_t n, size_t *used, struct gx **out) {
    json_t *root;
    json_error_t e;
    if (!(root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e)))
        return fail(HEARTH_EFORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
    *used = (size_t)e.position;
    enum hearth_status st = read_root(r, what, root, out);
    json_decref(root);
    return st;
}

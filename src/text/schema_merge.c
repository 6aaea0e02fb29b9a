/* schema_merge.c - schemas that hold at once, as one; see schema_in.h.  What cannot be honoured is refused here, by its name. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/schema_in.h"

enum hearth_status schema_cannot(const struct schema *s, const char *keyword, const char *why) {
    return fail(HEARTH_EUNSUPPORTED, "%s: the keyword \"%s\" cannot be honoured%s%s", s->what, keyword, *why ? ": " : "", why);
}

enum hearth_status schema_wrong(const struct schema *s, const char *keyword, const char *wanted) {
    return fail(HEARTH_EFORMAT, "%s: \"%s\" should be %s", s->what, keyword, wanted);
}

enum hearth_status schema_work(struct schema *s, uint64_t steps) {
    s->steps += steps;
    if (s->r->nodes > SCHEMA_NODES) return fail(HEARTH_ELIMIT, "%s: too large: it comes to more than %d parts of a grammar", s->what, SCHEMA_NODES);
    if (s->steps <= SCHEMA_STEPS) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "%s: too large: comparing its values and merging its parts takes more than %d steps", s->what, SCHEMA_STEPS);
}

/* ---- references ---- */

static int from_hex(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* "a~1b%25" -> "a/b%": one step of a pointer in a URI, in place. */
static void unescape(char *s) {
    char *to = s;
    for (const char *p = s; *p; p++) {
        if (*p == '%' && from_hex(p[1]) >= 0 && from_hex(p[2]) >= 0) {
            *to++ = (char)(from_hex(p[1]) * 16 + from_hex(p[2]));
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = 0;
    to = s;
    for (const char *p = s; *p; p++) {
        if (*p == '~' && (p[1] == '0' || p[1] == '1')) *to++ = *++p == '1' ? '/' : '~';
        else *to++ = *p;
    }
    *to = 0;
}

enum hearth_status schema_resolve(struct schema *s, const char *ref, const json_t **out) {
    const json_t *at = s->root;
    TRY(schema_work(s, 1 + strlen(ref) / 16));
    if (ref[0] != '#' || (ref[1] && ref[1] != '/'))
        return fail(HEARTH_EUNSUPPORTED, "%s: the keyword \"$ref\" leads to \"%.100s\": only places in the schema itself, such as #/$defs/name, can be honoured", s->what, ref);
    char *copy = mem_array(strlen(ref) + 1, 1);
    if (!copy) return HEARTH_ENOMEM;
    strcpy(copy, ref + 1);
    for (char *step = copy; at && *step == '/';) {
        char *end = strchrnul(step + 1, '/'), was = *end;
        *end = 0;
        unescape(step + 1);
        if (json_is_array(at)) at = json_array_get(at, strtoul(step + 1, NULL, 10));
        else at = json_object_get(at, step + 1);
        *end = was;
        step = end;
    }
    free(copy);
    *out = at;
    return at ? HEARTH_OK : fail(HEARTH_EFORMAT, "%s: \"$ref\" leads to \"%.100s\", and there is nothing", s->what, ref);
}

/* ---- what keywords are ---- */

static int among(const char *word, const char *const *list) {
    for (; *list; list++)
        if (!strcmp(word, *list)) return 1;
    return 0;
}

static const char *const taken[] = {
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "minLength",
    "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern", "format", "anyOf", "oneOf", "allOf", "$ref",
    "minProperties", "maxProperties", "multipleOf", "uniqueItems", NULL };
static const char *const refused[] = {
    "not", "if", "patternProperties", "propertyNames", "dependentSchemas", "dependentRequired", "dependencies", "contains",
    "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef", "additionalItems", "extends", "disallow", NULL };

int schema_is_annotation(const char *keyword) { return !among(keyword, taken) && !among(keyword, refused); }

/* Keywords that never refuse a value are no obstacle, whatever they are called. */
static int says_nothing(const char *keyword, const json_t *v, const json_t *schema) {
    if (!strcmp(keyword, "if")) return !json_object_get(schema, "then") && !json_object_get(schema, "else");
    if (!strcmp(keyword, "not")) return json_is_false(v);
    if (!strcmp(keyword, "propertyNames") || !strncmp(keyword, "unevaluated", 11)) return json_is_true(v);
    if (!strcmp(keyword, "additionalItems")) return !json_is_array(json_object_get(schema, "items"));
    return json_is_object(v) && json_object_size(v) == 0 && (!strncmp(keyword, "depend", 6) || !strcmp(keyword, "patternProperties"));
}

/* ---- keyword by keyword ---- */

static enum hearth_status read_types(const struct schema *s, const json_t *v, int *types) {
    static const struct { const char *name; int bits; } known[] = {
        { "null", TYPE_NULL }, { "boolean", TYPE_BOOLEAN }, { "integer", TYPE_INTEGER }, { "number", TYPE_NUMBER }, { "string", TYPE_STRING },
        { "array", TYPE_ARRAY }, { "object", TYPE_OBJECT } };
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    *types = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        size_t k = 0;
        while (name && k < 7 && strcmp(name, known[k].name) != 0) k++;
        if (!name || k == 7) return schema_wrong(s, "type", "null, boolean, integer, number, string, array or object, or a list of such");
        *types |= known[k].bits;
    }
    return HEARTH_OK;
}

int schema_types(const json_t *conj) {
    const json_t *t = json_object_get(conj, CONJ_TYPES);
    return t ? (int)json_integer_value(t) : TYPE_ALL;
}

static enum hearth_status narrow(json_t *conj, int types) {
    return json_object_set_new(conj, CONJ_TYPES, json_integer(schema_types(conj) & types)) == 0 ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status set(json_t *conj, const char *key, const json_t *v) {
    return json_object_set(conj, key, (json_t *)v) == 0 ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status merge_values(struct schema *s, json_t *conj, const json_t *list) {
    const json_t *had = json_object_get(conj, "enum");
    json_t *both = json_array();
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < json_array_size(list) && both && st == HEARTH_OK; i++) {
        json_t *v = json_array_get(list, i);
        size_t k = 0;
        while (had && k < json_array_size(had) && !schema_equal(s, v, json_array_get(had, k))) k++;
        if (!had || k < json_array_size(had)) json_array_append(both, v);
        st = schema_work(s, 0);
    }
    if (st != HEARTH_OK) {
        json_decref(both);
        return st;
    }
    return json_object_set_new(conj, "enum", both) == 0 ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status merge_enum(struct schema *s, json_t *conj, const char *key, const json_t *v) {
    if (*key == 'e') return json_is_array(v) ? merge_values(s, conj, v) : schema_wrong(s, key, "a list of values");
    json_t *one = json_pack("[O]", v);
    if (!one) return fail_memory(0);
    enum hearth_status st = merge_values(s, conj, one);
    json_decref(one);
    return st;
}

/* Of two bounds the tighter one. */
static enum hearth_status merge_bound(struct schema *s, json_t *conj, const char *key, const json_t *v) {
    const json_t *had = json_object_get(conj, key);
    int lower = !strcmp(key, "minimum") || !strcmp(key, "exclusiveMinimum") || !strncmp(key, "min", 3);
    if (!json_is_number(v)) return schema_wrong(s, key, "a number");
    if (!had) return set(conj, key, v);
    double a = json_number_value(had), b = json_number_value(v);
    int greater = json_is_integer(had) && json_is_integer(v) ? json_integer_value(v) > json_integer_value(had) : b > a;
    return greater == lower ? set(conj, key, v) : HEARTH_OK;
}

static enum hearth_status merge_count(struct schema *s, json_t *conj, const char *key, const json_t *v) {
    double x = json_is_number(v) ? json_number_value(v) : -1;
    if (x < 0 || x != floor(x)) return schema_wrong(s, key, "a whole number from 0 on");
    return merge_bound(s, conj, key, v);
}

enum hearth_status schema_count(const struct schema *s, const json_t *conj, const char *keyword, uint32_t otherwise, uint32_t *out) {
    const json_t *v = json_object_get(conj, keyword);
    *out = otherwise;
    if (!v) return HEARTH_OK;
    double x = json_number_value(v);
    int lower = !strncmp(keyword, "min", 3);
    if (x > GRAMMAR_REPEAT && lower) return fail(HEARTH_ELIMIT, "%s: \"%s\" is %.0f, compiled is at most %d", s->what, keyword, x, GRAMMAR_REPEAT);
    if (x > GRAMMAR_REPEAT) return fail(HEARTH_ELIMIT, "%s: \"%s\" is %.0f, compiled is at most %d; leave it out to allow any number", s->what, keyword, x, GRAMMAR_REPEAT);
    *out = (uint32_t)x;
    return HEARTH_OK;
}

static enum hearth_status merge_text(struct schema *s, json_t *conj, const char *key, const json_t *v) {
    const json_t *had = json_object_get(conj, key);
    if (!json_is_string(v)) return schema_wrong(s, key, "a text");
    if (had && !json_equal(had, v)) return schema_cannot(s, key, "two of them hold at once");
    return set(conj, key, v);
}

static enum hearth_status merge_required(struct schema *s, json_t *conj, const json_t *v) {
    const json_t *had = json_object_get(conj, "required");
    TRY(schema_work(s, json_object_size(had) + json_array_size(v)));
    json_t *both = had ? json_copy((json_t *)had) : json_object();
    enum hearth_status st = both ? HEARTH_OK : fail_memory(0);
    if (st == HEARTH_OK && !json_is_array(v)) st = schema_wrong(s, "required", "a list of names");
    for (size_t i = 0; i < json_array_size(v) && st == HEARTH_OK; i++) {
        const char *name = json_string_value(json_array_get(v, i));
        if (!name) st = schema_wrong(s, "required", "a list of names");
        else if (json_object_set_new(both, name, json_true()) != 0) st = fail_memory(0);
    }
    if (st == HEARTH_OK) st = set(conj, "required", both);
    json_decref(both);
    return st;
}

/* ---- subschemas that hold at once ---- */

static int is_schema(const json_t *v) { return json_is_object(v) || json_is_boolean(v); }

static enum hearth_status both(struct schema *s, const json_t *a, const json_t *b, const json_t **out) {
    *out = a;
    if (a == b || json_is_false(a) || json_is_true(b)) return HEARTH_OK;
    *out = b;
    if (json_is_false(b) || json_is_true(a)) return HEARTH_OK;
    TRY(schema_work(s, 1 + s->pairs / 16));
    for (size_t i = 0; i < s->pairs; i++)
        if (s->pair[i].a == a && s->pair[i].b == b) return *out = s->pair[i].both, HEARTH_OK;
    if (s->pairs == SCHEMA_MERGES) return fail(HEARTH_ELIMIT, "%s: more than %d pairs of subschemas hold at once", s->what, SCHEMA_MERGES);
    json_t *pair = json_pack("{s:[O,O]}", "allOf", a, b);
    if (!pair || json_array_append_new(s->made, pair) != 0) return fail_memory(0);
    TRY(mem_grow(&s->pair, &s->pair_cap, s->pairs + 1, sizeof *s->pair));
    s->pair[s->pairs++] = (struct schema_pair){ a, b, pair };
    *out = pair;
    return HEARTH_OK;
}

static enum hearth_status add_property(struct schema *s, json_t *to, const char *name, const json_t *a, const json_t *b) {
    const json_t *x = a ? a : b;
    if (!is_schema(x)) return schema_wrong(s, "properties", "an object of schemas");
    if (a && b) TRY(both(s, a, b, &x));
    return set(to, name, x);
}

/* properties and additionalProperties of both: a name that only one knows falls under the other's additionalProperties. */
static enum hearth_status merge_properties(struct schema *s, json_t *conj, const json_t *schema) {
    const json_t *a = json_object_get(conj, "properties"), *b = json_object_get(schema, "properties"), *v,
                 *more_a = json_object_get(conj, "additionalProperties"), *more_b = json_object_get(schema, "additionalProperties"), *more;
    const char *name;
    if (!b && !more_b) return HEARTH_OK;
    if (b && !json_is_object(b)) return schema_wrong(s, "properties", "an object of schemas");
    if (more_b && !is_schema(more_b)) return schema_wrong(s, "additionalProperties", "a schema");
    TRY(schema_work(s, json_object_size(a) + json_object_size(b)));
    json_t *to = json_object();
    enum hearth_status st = to ? HEARTH_OK : fail_memory(0);
    json_object_foreach((json_t *)a, name, v)
        if (st == HEARTH_OK) st = add_property(s, to, name, v, json_object_get(b, name) ? json_object_get(b, name) : more_b);
    json_object_foreach((json_t *)b, name, v)
        if (st == HEARTH_OK && !json_object_get(a, name)) st = add_property(s, to, name, v, more_a);
    if (st == HEARTH_OK && (a || b)) st = set(conj, "properties", to);
    json_decref(to);
    TRY(st);
    if (!more_b) return HEARTH_OK;
    more = more_b;
    if (more_a) TRY(both(s, more_a, more_b, &more));
    return set(conj, "additionalProperties", more);
}

static enum hearth_status merge_items(struct schema *s, json_t *conj, const json_t *schema) {
    const json_t *a = json_object_get(conj, "prefixItems"), *b = json_object_get(schema, "prefixItems"),
                 *more_a = json_object_get(conj, "items"), *more_b = json_object_get(schema, "items"), *more = more_b;
    if (!b && !more_b) return HEARTH_OK;
    if (b && !json_is_array(b)) return schema_wrong(s, "prefixItems", "a list of schemas");
    if (json_is_array(more_b)) return schema_cannot(s, "items", "a list is an older draft's: say prefixItems");
    if (more_b && !is_schema(more_b)) return schema_wrong(s, "items", "a schema");
    size_t n = json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);
    TRY(schema_work(s, n));
    json_t *to = json_array();
    enum hearth_status st = to ? HEARTH_OK : fail_memory(0);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        const json_t *x = json_array_get(a, i) ? json_array_get(a, i) : a ? more_a : NULL, *y = json_array_get(b, i), *z;
        if (!x) x = more_a;
        if (!y) y = more_b;
        z = x ? x : y;
        if (!is_schema(z)) st = schema_wrong(s, "prefixItems", "a list of schemas");
        if (st == HEARTH_OK && x && y) st = both(s, x, y, &z);
        if (st == HEARTH_OK && json_array_append(to, (json_t *)z) != 0) st = fail_memory(0);
    }
    if (st == HEARTH_OK && n) st = set(conj, "prefixItems", to);
    json_decref(to);
    TRY(st);
    if (!more_b) return HEARTH_OK;
    if (more_a) TRY(both(s, more_a, more_b, &more));
    return set(conj, "items", more);
}

static enum hearth_status merge_alternatives(struct schema *s, json_t *conj, const char *to, const char *key, const json_t *v) {
    json_t *had = json_object_get(conj, to);
    TRY(schema_work(s, json_array_size(had)));
    json_t *list = had ? json_copy(had) : json_array();
    if (!json_is_array(v) || json_array_size(v) == 0) {
        json_decref(list);
        return schema_wrong(s, key, "a list of schemas that is not empty");
    }
    if (!list || json_array_append(list, (json_t *)v) != 0 || json_object_set_new(conj, to, list) != 0) return fail_memory(0);
    return HEARTH_OK;
}

static enum hearth_status merge_multiple(struct schema *s, json_t *conj, const json_t *v) {
    if (json_is_number(v) && json_number_value(v) == 1) return narrow(conj, ~TYPE_FRACTION);
    return schema_cannot(s, "multipleOf", "only 1 can");
}

static enum hearth_status merge(struct schema *s, json_t *conj, const json_t *schema, int depth);

static enum hearth_status merge_keyword(struct schema *s, json_t *conj, const json_t *schema, const char *key, const json_t *v, int depth) {
    static const char *const bounds[] = { "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", NULL };
    static const char *const counts[] = { "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", NULL };
    const json_t *to;
    int types;
    if (among(key, refused) && !says_nothing(key, v, schema)) return schema_cannot(s, key, "");
    if (!strcmp(key, "$id") && schema != s->root) return schema_cannot(s, key, "it moves what $ref means");
    if (!strcmp(key, "type")) {
        TRY(read_types(s, v, &types));
        return narrow(conj, types);
    }
    if (!strcmp(key, "enum") || !strcmp(key, "const")) return merge_enum(s, conj, key, v);
    if (among(key, bounds)) return merge_bound(s, conj, key, v);
    if (among(key, counts)) return merge_count(s, conj, key, v);
    if (!strcmp(key, "pattern") || !strcmp(key, "format")) return merge_text(s, conj, key, v);
    if (!strcmp(key, "required")) return merge_required(s, conj, v);
    if (!strcmp(key, "multipleOf")) return merge_multiple(s, conj, v);
    if (!strcmp(key, "uniqueItems")) return json_is_true(v) ? set(conj, key, v) : HEARTH_OK;
    if (!strcmp(key, "anyOf")) return merge_alternatives(s, conj, CONJ_ANY, key, v);
    if (!strcmp(key, "oneOf")) return merge_alternatives(s, conj, CONJ_ONE, key, v);
    if (!strcmp(key, "$ref")) {
        if (!json_is_string(v)) return schema_wrong(s, key, "a text");
        TRY(schema_resolve(s, json_string_value(v), &to));
        return merge(s, conj, to, depth + 1);
    }
    if (!strcmp(key, "allOf")) {
        if (!json_is_array(v)) return schema_wrong(s, key, "a list of schemas");
        for (size_t i = 0; i < json_array_size(v); i++) TRY(merge(s, conj, json_array_get(v, i), depth + 1));
    }
    return HEARTH_OK;
}

static enum hearth_status merge(struct schema *s, json_t *conj, const json_t *schema, int depth) {
    const char *key;
    const json_t *v;
    if (++s->merges > SCHEMA_MERGES) return fail(HEARTH_ELIMIT, "%s: more than %d schemas would have to be merged", s->what, SCHEMA_MERGES);
    TRY(schema_work(s, 1));
    if (depth > SCHEMA_DEPTH) return fail(HEARTH_ELIMIT, "%s: more than %d references and allOf in each other, or one that leads to itself", s->what, SCHEMA_DEPTH);
    if (json_is_true(schema)) return HEARTH_OK;
    if (json_is_false(schema)) return narrow(conj, 0);
    if (!json_is_object(schema)) return fail(HEARTH_EFORMAT, "%s: a schema should be an object, true or false", s->what);
    json_object_foreach((json_t *)schema, key, v) TRY(merge_keyword(s, conj, schema, key, v, depth));
    TRY(merge_properties(s, conj, schema));
    return merge_items(s, conj, schema);
}

enum hearth_status schema_conj(struct schema *s, const json_t *base, const json_t *schema, json_t **conj) {
    *conj = base ? json_copy((json_t *)base) : json_object();
    if (!*conj || json_array_append_new(s->made, *conj) != 0) return fail_memory(0);
    return merge(s, *conj, schema, 0);
}

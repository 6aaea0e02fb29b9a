/* schema_check.c - whether a value of an enum fits beside other keywords, and whether two schemas exclude each other. */
#include <math.h>
#include <string.h>

#include "text/schema_in.h"
#include "base/utf8.h"

/* Of a whole value, in JSON Schema's sense. */
static int type_of(const json_t *v) {
    if (json_is_null(v)) return TYPE_NULL;
    if (json_is_boolean(v)) return TYPE_BOOLEAN;
    if (json_is_integer(v)) return TYPE_INTEGER;
    if (json_is_real(v)) return json_real_value(v) == floor(json_real_value(v)) ? TYPE_INTEGER : TYPE_FRACTION;
    if (json_is_string(v)) return TYPE_STRING;
    return json_is_array(v) ? TYPE_ARRAY : TYPE_OBJECT;
}

static long double number_of(const json_t *v) { return json_is_integer(v) ? (long double)json_integer_value(v) : (long double)json_real_value(v); }

int schema_equal(struct schema *s, const json_t *a, const json_t *b) {
    s->steps++;
    if (json_is_number(a) && json_is_number(b)) return number_of(a) == number_of(b);
    if (json_typeof(a) != json_typeof(b)) return 0;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b)) return 0;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!schema_equal(s, json_array_get(a, i), json_array_get(b, i))) return 0;
        return 1;
    }
    if (json_is_object(a)) {
        const char *key;
        const json_t *v;
        if (json_object_size(a) != json_object_size(b)) return 0;
        json_object_foreach((json_t *)a, key, v) {
            const json_t *w = json_object_get(b, key);
            if (!w || !schema_equal(s, v, w)) return 0;
        }
        return 1;
    }
    if (json_is_string(a)) s->steps += json_string_length(a) / 64;
    return json_equal(a, b);
}

static int number_fits(const json_t *conj, const json_t *v) {
    const json_t *b;
    long double x = number_of(v);
    return !((b = json_object_get(conj, "minimum")) && x < number_of(b)) && !((b = json_object_get(conj, "maximum")) && x > number_of(b)) &&
           !((b = json_object_get(conj, "exclusiveMinimum")) && x <= number_of(b)) &&
           !((b = json_object_get(conj, "exclusiveMaximum")) && x >= number_of(b));
}

static size_t characters(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static enum hearth_status count_fits(const struct schema *s, const json_t *conj, const char *min, const char *max, size_t n, int *fits) {
    uint32_t least, most;
    TRY(schema_count(s, conj, min, 0, &least));
    TRY(schema_count(s, conj, max, GX_MANY, &most));
    if (n < least || n > most) *fits = 0;
    return HEARTH_OK;
}

static enum hearth_status inside_fits(struct schema *s, const json_t *schema, const json_t *v, int *fits) {
    json_t *conj;
    int is = 1;
    if (!schema || !*fits) return HEARTH_OK;
    if (++s->depth > SCHEMA_DEPTH) return fail(HEARTH_ELIMIT, "%s: more than %d schemas in each other", s->what, SCHEMA_DEPTH);
    TRY(schema_conj(s, NULL, schema, &conj));
    if (json_object_get(conj, CONJ_ANY) || json_object_get(conj, CONJ_ONE)) return schema_cannot(s, "enum", "beside a property or item with anyOf or oneOf");
    TRY(schema_fits(s, conj, v, &is));
    s->depth--;
    *fits &= is;
    return HEARTH_OK;
}

static enum hearth_status object_fits(struct schema *s, const json_t *conj, const json_t *value, int *fits) {
    const json_t *properties = json_object_get(conj, "properties"), *v;
    const char *name;
    json_object_foreach((json_t *)json_object_get(conj, "required"), name, v)
        if (!json_object_get(value, name)) *fits = 0;
    TRY(count_fits(s, conj, "minProperties", "maxProperties", json_object_size(value), fits));
    json_object_foreach((json_t *)value, name, v) {
        const json_t *of = json_object_get(properties, name);
        TRY(inside_fits(s, of ? of : json_object_get(conj, "additionalProperties"), v, fits));
    }
    return HEARTH_OK;
}

static enum hearth_status array_fits(struct schema *s, const json_t *conj, const json_t *value, int *fits) {
    const json_t *prefix = json_object_get(conj, "prefixItems");
    TRY(count_fits(s, conj, "minItems", "maxItems", json_array_size(value), fits));
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *of = json_array_get(prefix, i);
        TRY(inside_fits(s, of ? of : json_object_get(conj, "items"), json_array_get(value, i), fits));
        for (size_t k = 0; json_object_get(conj, "uniqueItems") && k < i; k++)
            if (schema_equal(s, json_array_get(value, i), json_array_get(value, k))) *fits = 0;
        TRY(schema_work(s, 0));
    }
    return HEARTH_OK;
}

enum hearth_status schema_fits_beside(struct schema *s, const json_t *conj, const json_t *value, int *fits) {
    *fits = (schema_types(conj) & type_of(value)) != 0;
    TRY(schema_work(s, 1));
    if (json_is_number(value)) *fits = *fits && number_fits(conj, value);
    if (json_is_string(value)) {
        if (json_object_get(conj, "pattern")) return schema_cannot(s, "pattern", "beside enum or const");
        return count_fits(s, conj, "minLength", "maxLength", characters(json_string_value(value)), fits);
    }
    if (json_is_object(value)) return object_fits(s, conj, value, fits);
    return json_is_array(value) ? array_fits(s, conj, value, fits) : HEARTH_OK;
}

enum hearth_status schema_fits(struct schema *s, const json_t *conj, const json_t *value, int *fits) {
    const json_t *list = json_object_get(conj, "enum");
    size_t k = 0;
    TRY(schema_fits_beside(s, conj, value, fits));
    while (list && k < json_array_size(list) && !schema_equal(s, value, json_array_get(list, k))) k++;
    if (list && k == json_array_size(list)) *fits = 0;
    return schema_work(s, 0);
}

/* ---- schemas that exclude each other ---- */

static int bounds_apart(const json_t *low, const json_t *high) {
    const json_t *max[] = { json_object_get(low, "maximum"), json_object_get(low, "exclusiveMaximum") },
                 *min[] = { json_object_get(high, "minimum"), json_object_get(high, "exclusiveMinimum") };
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (max[i] && min[k] && (i || k ? number_of(max[i]) <= number_of(min[k]) : number_of(max[i]) < number_of(min[k]))) return 1;
    return 0;
}

static int counts_apart(const json_t *a, const json_t *b, const char *min, const char *max) {
    const json_t *most = json_object_get(a, max), *least = json_object_get(b, min);
    if (most && least && number_of(most) < number_of(least)) return 1;
    most = json_object_get(b, max), least = json_object_get(a, min);
    return most && least && number_of(most) < number_of(least);
}

/* A name that one requires and the other forbids. */
static int forbids(const json_t *a, const json_t *b) {
    const char *name;
    const json_t *v;
    json_object_foreach((json_t *)json_object_get(a, "required"), name, v) {
        const json_t *of = json_object_get(json_object_get(b, "properties"), name);
        if (!of) of = json_object_get(b, "additionalProperties");
        if (json_is_false(of)) return 1;
    }
    return 0;
}

/* A name that both require, with values that exclude each other. */
static enum hearth_status told_apart(struct schema *s, const json_t *a, const json_t *b, int depth, int *disjoint) {
    const char *name;
    const json_t *v;
    json_object_foreach((json_t *)json_object_get(a, "required"), name, v) {
        const json_t *x = json_object_get(json_object_get(a, "properties"), name), *y = json_object_get(json_object_get(b, "properties"), name);
        json_t *p, *q;
        if (!x || !y || !json_object_get(json_object_get(b, "required"), name)) continue;
        TRY(schema_conj(s, NULL, x, &p));
        TRY(schema_conj(s, NULL, y, &q));
        TRY(schema_disjoint(s, p, q, depth + 1, disjoint));
        if (*disjoint) return HEARTH_OK;
    }
    return HEARTH_OK;
}

/* No value of a's list fits b. */
static enum hearth_status none_fits(struct schema *s, const json_t *a, const json_t *b, int *none) {
    const json_t *list = json_object_get(a, "enum");
    *none = list != NULL;
    for (size_t i = 0; i < json_array_size(list) && *none; i++) {
        int fits = 1;
        const json_t *v = json_array_get(list, i);
        if (json_is_string(v) && json_object_get(b, "pattern")) *none = 0; /* not looked at: it might */
        else TRY(schema_fits(s, b, v, &fits));
        if (fits) *none = 0;
    }
    return HEARTH_OK;
}

enum hearth_status schema_disjoint(struct schema *s, const json_t *a, const json_t *b, int depth, int *disjoint) {
    int common = schema_types(a) & schema_types(b);
    *disjoint = 1;
    TRY(schema_work(s, 4 + json_object_size(json_object_get(a, "required")) + json_object_size(json_object_get(b, "required"))));
    if (!common) return HEARTH_OK;
    if (depth <= 4 && !json_object_get(a, CONJ_ANY) && !json_object_get(a, CONJ_ONE) && !json_object_get(b, CONJ_ANY) && !json_object_get(b, CONJ_ONE)) {
        TRY(none_fits(s, a, b, disjoint));
        if (!*disjoint) TRY(none_fits(s, b, a, disjoint));
        if (*disjoint) return HEARTH_OK;
    }
    *disjoint = 0;
    if (common & (TYPE_NULL | TYPE_BOOLEAN)) return HEARTH_OK;
    if (common & TYPE_NUMBER && !bounds_apart(a, b) && !bounds_apart(b, a)) return HEARTH_OK;
    if (common & TYPE_STRING && !counts_apart(a, b, "minLength", "maxLength")) return HEARTH_OK;
    if (common & TYPE_ARRAY && !counts_apart(a, b, "minItems", "maxItems")) return HEARTH_OK;
    *disjoint = 1;
    if (!(common & TYPE_OBJECT) || forbids(a, b) || forbids(b, a) || counts_apart(a, b, "minProperties", "maxProperties")) return HEARTH_OK;
    *disjoint = 0;
    return depth > 4 ? HEARTH_OK : told_apart(s, a, b, depth, disjoint);
}

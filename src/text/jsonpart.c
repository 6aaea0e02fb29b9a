/* jsonpart.c - see jsonpart.h. */
#include "text/jsonpart.h"

#include <stdio.h>
#include <string.h>

enum hearth_status part_fail(const struct part *p, enum hearth_status st, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail(st, "%s%s%s: %s", p->file, *p->where ? ": " : "", p->where, text);
}

struct part part_member(const struct part *p, const char *key) {
    struct part m = { .file = p->file, .v = json_object_get(p->v, key) };
    snprintf(m.where, sizeof m.where, "%.100s%s%.50s", p->where, *p->where ? "." : "", key);
    if (json_is_null(m.v)) m.v = NULL;
    return m;
}

struct part part_element(const struct part *p, size_t i) {
    struct part m = { .file = p->file, .v = json_array_get(p->v, i) };
    snprintf(m.where, sizeof m.where, "%.120s[%zu]", p->where, i);
    return m;
}

static enum hearth_status wrong_type(const struct part *p, const char *allowed) {
    if (!p->v) return part_fail(p, HEARTH_EFORMAT, "missing, allowed: %s", allowed);
    static const char *const names[] = { "an object", "a list", "a text", "a whole number", "a number", "true", "false", "null" };
    return part_fail(p, HEARTH_EFORMAT, "%s, allowed: %s", names[json_typeof(p->v)], allowed);
}

enum hearth_status part_object(const struct part *p) { return json_is_object(p->v) ? HEARTH_OK : wrong_type(p, "an object"); }

enum hearth_status part_array(const struct part *p, size_t most, size_t *n) {
    if (!json_is_array(p->v)) return wrong_type(p, "a list");
    *n = json_array_size(p->v);
    if (*n > most) return part_fail(p, HEARTH_ELIMIT, "%zu elements, allowed: at most %zu", *n, most);
    return HEARTH_OK;
}

enum hearth_status part_string(const struct part *p, const char *key, const char **s, size_t *n) {
    struct part m = part_member(p, key);
    if (!m.v) return HEARTH_OK;
    if (!json_is_string(m.v)) return wrong_type(&m, "a text");
    *s = json_string_value(m.v);
    *n = json_string_length(m.v);
    return HEARTH_OK;
}

enum hearth_status part_flag(const struct part *p, const char *key, int *flag) {
    struct part m = part_member(p, key);
    if (!m.v) return HEARTH_OK;
    if (!json_is_boolean(m.v)) return wrong_type(&m, "true or false");
    *flag = json_is_true(m.v);
    return HEARTH_OK;
}

enum hearth_status part_int(const struct part *p, const char *key, int64_t least, int64_t most, int64_t *out) {
    struct part m = part_member(p, key);
    if (!m.v) return HEARTH_OK;
    if (!json_is_integer(m.v)) return wrong_type(&m, "a whole number");
    int64_t v = json_integer_value(m.v);
    if (v < least || v > most)
        return part_fail(&m, HEARTH_EFORMAT, "%lld, allowed: %lld to %lld", (long long)v, (long long)least, (long long)most);
    *out = v;
    return HEARTH_OK;
}

enum hearth_status part_choice(const struct part *p, const char *key, const char *const *names, int *which) {
    struct part m = part_member(p, key);
    if (!m.v) return HEARTH_OK;
    if (!json_is_string(m.v)) return wrong_type(&m, "a text");
    char known[500] = "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(json_string_value(m.v), names[i])) return *which = i, HEARTH_OK;
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", names[i]);
    }
    return part_fail(&m, HEARTH_EUNSUPPORTED, "\"%.40s\" is not known here, known: %s", json_string_value(m.v), known);
}

enum hearth_status part_type(const struct part *p, const char *const *names, int *which) {
    struct part m = part_member(p, "type");
    TRY(part_object(p));
    if (!m.v) return wrong_type(&m, "the name of a kind");
    return part_choice(p, "type", names, which);
}

/* jinja_args.c - a call's arguments onto a builtin's parameters, as Python does it: by position, then by name. */
#include <string.h>

#include "text/jinja.h"

/* Reads the next name of "a,b,*"; 0 at the end. */
static size_t next_param(const char **p, const char **name) {
    if (**p == ',') ++*p;
    *name = *p;
    while (**p && **p != ',') ++*p;
    return (size_t)(*p - *name);
}

static enum hearth_status rest(struct render *r, const struct args *args, size_t from, const uint64_t used,
                               struct value *a) {
    struct dict *d;
    size_t n = args->n > from ? args->n - from : 0;
    TRY(jinja_list(r, K_TUPLE, n, &a[0]));
    for (size_t i = 0; i < n; i++) a[0].list->v[i] = args->v[from + i];
    TRY(jinja_dict(r, &d));
    for (size_t k = 0; k < args->kws; k++)
        if (k >= 64 || !(used >> k & 1)) TRY(jinja_dict_set(r, d, jinja_text_value(args->kw[k]), args->kwv[k]));
    a[1] = jinja_dict_value(d);
    return HEARTH_OK;
}

enum hearth_status jinja_place(struct render *r, const struct builtin *b, struct value self, const struct args *args,
                               struct value a[PARAMS_MAX + 2]) {
    const char *p = b->params, *name;
    int by_position = *p == '/', has_rest = 0, i = 0;
    size_t len, taken = 0;
    uint64_t used = 0; /* keyword arguments that found their parameter */
    p += by_position;
    for (; (len = next_param(&p, &name)); i++) {
        has_rest = *name == '*';
        if (has_rest) break;
        a[i] = (struct value){ .kind = K_MISSING };
        if (i == 0 && self.kind != K_MISSING) a[i] = self;
        else if (taken < args->n) a[i] = args->v[taken++];
        for (size_t k = 0; !by_position && k < args->kws && k < 64; k++) {
            if (args->kw[k]->n != len || memcmp(args->kw[k]->p, name, len)) continue;
            if (a[i].kind != K_MISSING)
                return jinja_error(r, "%s is given %.*s twice", b->name, (int)len, name);
            a[i] = args->kwv[k];
            used |= (uint64_t)1 << k;
        }
        if (i < b->required && a[i].kind == K_MISSING)
            return jinja_error(r, "%s needs the argument %.*s", b->name, (int)len, name);
    }
    if (has_rest) return rest(r, args, taken, used, a + i);
    if (taken < args->n) return jinja_error(r, "%s takes %d arguments and is given %zu", b->name,
                                            i - (self.kind != K_MISSING), args->n);
    for (size_t k = 0; k < args->kws; k++)
        if (k >= 64 || !(used >> k & 1))
            return jinja_error(r, "%s has no argument called %.*s", b->name,
                               (int)(args->kw[k]->n < 100 ? args->kw[k]->n : 100), args->kw[k]->p);
    return HEARTH_OK;
}

enum hearth_status jinja_call_builtin(struct render *r, const struct builtin *b, struct value self,
                                      const struct args *args, struct value *out) {
    struct value a[PARAMS_MAX + 2];
    TRY(jinja_place(r, b, self, args, a));
    return b->fn(r, a, out);
}

const struct builtin *jinja_find(const struct builtin *table, size_t n, const char *name, size_t len) {
    for (size_t i = 0; i < n; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0) return &table[i];
    return NULL;
}

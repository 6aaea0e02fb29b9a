/* schema_object.c - objects: the properties in the schema's order, those that may be left out in any choice.
 *
 *      T(i)   a property may begin, from number i on      E(i)   one was written, i - 1 at most
 *
 *      object = "{" ( "}" | blank T(0) )                  T(i) = key i ":" value E(i + 1)  |  T(i + 1) when i may be left out
 *      E(i)   = blank "}"  |  "," blank T(i)              T(n) = other key ":" value E(n)  where there may be others
 *
 * each a rule, so that the whole grows with the number of properties; where they are counted, with their number times the count. */
#include <stdlib.h>
#include <string.h>

#include "text/schema_in.h"

struct property { const char *name; const json_t *schema; int required; struct gx *gx; };

struct object {
    struct schema *s;
    struct property *p;
    size_t n;
    struct gx *other;                /* key ":" value of those that are not named; NULL: none */
    uint32_t least, most, counts;    /* counts: how many counts are told apart, less one */
    uint32_t *begin, *end;           /* [n + 1][counts + 1] rule + 1 of T and E; 0: not made yet */
};

/* ---- the rules ---- */

static enum hearth_status rule_of(struct object *o, uint32_t *slot, size_t i, uint32_t count, uint32_t *out) {
    uint32_t *at = &slot[i * (o->counts + 1) + count];
    if (!*at) {
        TRY(grammar_rules_add(o->s->r, "object", 6, out));
        *at = *out + 1;
    }
    *out = *at - 1;
    return HEARTH_OK;
}

static struct gx *refer(struct object *o, uint32_t *slot, size_t i, uint32_t count) {
    uint32_t rule;
    if (count > o->counts) count = o->counts;
    return rule_of(o, slot, i, count, &rule) == HEARTH_OK ? gx_rule(o->s->r, rule) : NULL;
}

static struct gx *begin(struct object *o, size_t i, uint32_t count) {
    struct grammar_rules *r = o->s->r;
    if (i == o->n) return o->other ? gx_seq2(r, o->other, refer(o, o->end, i, count + 1)) : gx_nothing(r);
    struct gx *x = gx_seq2(r, o->p[i].gx, refer(o, o->end, i + 1, count + 1));
    return o->p[i].required ? x : gx_alt2(r, x, refer(o, o->begin, i + 1, count));
}

static struct gx *end(struct object *o, size_t i, uint32_t count) {
    struct grammar_rules *r = o->s->r;
    int missing = 0;
    for (size_t k = i; k < o->n; k++) missing |= o->p[k].required;
    struct gx *close = gx_seq2(r, schema_blank(o->s), gx_text(r, "}")), *more = NULL;
    if (o->most == GX_MANY || count < o->most) more = gx_seq3(r, gx_text(r, ","), schema_blank(o->s), refer(o, o->begin, i, count));
    if (missing || count < o->least) return more ? more : gx_nothing(r);
    return more ? gx_alt2(r, close, more) : close;
}

/* Rules call for further ones; every slot is filled, from the last backwards. */
static enum hearth_status rules(struct object *o) {
    for (size_t i = o->n + 1; i-- > 0;)
        for (uint32_t count = o->counts + 1; count-- > 0;) {
            uint32_t rule;
            struct gx *x;
            TRY(rule_of(o, o->begin, i, count, &rule));
            if (!(x = begin(o, i, count))) return HEARTH_ENOMEM;
            o->s->r->body[rule] = x;
            TRY(rule_of(o, o->end, i, count, &rule));
            if (!(x = end(o, i, count))) return HEARTH_ENOMEM;
            o->s->r->body[rule] = x;
        }
    return HEARTH_OK;
}

/* ---- the parts ---- */

static enum hearth_status member(struct schema *s, struct gx *key, const json_t *schema, struct gx **out) {
    struct gx *value;
    TRY(schema_value(s, schema, &value));
    *out = gx_seq(s->r, 4, (struct gx *[]){ key, gx_text(s->r, ":"), schema_space(s), value });
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status named(struct object *o, const char *name, const json_t *schema, int required) {
    json_t *text = json_string(name);
    struct property *p = &o->p[o->n];
    struct gx *key;
    if (!text) return fail_memory(0);
    enum hearth_status st = schema_literal(o->s, text, &key);
    json_decref(text);
    TRY(st);
    *p = (struct property){ name, schema, required, NULL };
    TRY(member(o->s, key, schema, &p->gx));
    o->n++;
    return HEARTH_OK;
}

static enum hearth_status collect(struct object *o, const json_t *conj) {
    const json_t *properties = json_object_get(conj, "properties"), *required = json_object_get(conj, "required"),
                 *more = json_object_get(conj, "additionalProperties"), *v;
    const char *name;
    struct gx *key;
    o->p = mem_array(json_object_size(properties) + json_object_size(required) + 1, sizeof *o->p);
    if (!o->p) return HEARTH_ENOMEM;
    json_object_foreach((json_t *)properties, name, v) {
        int must = json_object_get(required, name) != NULL;
        if (must || !json_is_false(v)) TRY(named(o, name, v, must));
    }
    json_object_foreach((json_t *)required, name, v)
        if (!json_object_get(properties, name)) TRY(named(o, name, more ? more : json_true(), 1));
    if (!more && json_object_get(conj, "properties")) return HEARTH_OK;
    if (json_is_false(more)) return HEARTH_OK;
    json_t *names = json_object();                     /* those with a schema of their own, written or forbidden */
    enum hearth_status st = names && json_array_append_new(o->s->made, names) == 0 ? HEARTH_OK : fail_memory(0);
    if (st == HEARTH_OK && ((properties && json_object_update(names, (json_t *)properties)) || (required && json_object_update(names, (json_t *)required)))) st = fail_memory(0);
    if (st == HEARTH_OK) st = schema_other_key(o->s, names, &key);
    return st == HEARTH_OK ? member(o->s, key, more ? more : json_true(), &o->other) : st;
}

static enum hearth_status counted(struct object *o, const json_t *conj) {
    uint32_t must = 0;
    for (size_t i = 0; i < o->n; i++) must += (uint32_t)o->p[i].required;
    TRY(schema_count(o->s, conj, "minProperties", 0, &o->least));
    TRY(schema_count(o->s, conj, "maxProperties", GX_MANY, &o->most));
    if (o->other && o->least > must + 1) return schema_cannot(o->s, "minProperties", "beside properties that are not named, two of which might be the same");
    if (!o->other && o->most >= o->n) o->most = GX_MANY;
    if (o->least <= must && o->least <= 1) o->least = o->least && !must ? 1 : 0;
    if (o->least <= must) o->least = 0;
    o->counts = o->most == GX_MANY ? o->least : o->most;
    if ((o->n + 1) * (uint64_t)(o->counts + 1) > GRAMMAR_RULES)
        return fail(HEARTH_ELIMIT, "%s: counting up to %u of %zu properties takes too many rules", o->s->what, o->counts, o->n);
    return HEARTH_OK;
}

static enum hearth_status assemble(struct object *o, const json_t *conj, struct gx **out) {
    struct grammar_rules *r = o->s->r;
    int must = 0;
    TRY(collect(o, conj));
    TRY(counted(o, conj));
    size_t slots = (o->n + 1) * (o->counts + 1);
    o->begin = mem_array(slots, sizeof *o->begin);
    o->end = mem_array(slots, sizeof *o->end);
    if (!o->begin || !o->end) return HEARTH_ENOMEM;
    TRY(rules(o));
    for (size_t i = 0; i < o->n; i++) must |= o->p[i].required;
    struct gx *some = o->most == 0 ? gx_nothing(r) : gx_seq2(r, schema_blank(o->s), refer(o, o->begin, 0, 0)),
              *x = must || o->least ? some : gx_alt2(r, gx_text(r, "}"), some);
    *out = gx_seq2(r, gx_text(r, "{"), x);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

enum hearth_status schema_object(struct schema *s, const json_t *conj, struct gx **out) {
    struct object o = { .s = s };
    enum hearth_status st = assemble(&o, conj, out);
    free(o.p);
    free(o.begin);
    free(o.end);
    return st;
}

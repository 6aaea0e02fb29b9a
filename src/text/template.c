/* template.c - compiling a chat template and rendering it; the budgets of a rendering. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_syntax.h"
#include "text/template.h"

enum { SOURCE_MAX = 1 << 20, STEPS_A_MEGABYTE = 1 << 14, NEST_MAX = 1000, NEST_A_CALL = 10 };

/* ---- compiling ---- */

static enum hearth_status report(enum hearth_status st, const char *name, uint32_t line, const char *fmt, va_list ap) {
    char what[700];
    vsnprintf(what, sizeof what, fmt, ap);
    return fail(st, "%s: line %u: %s", name, line, what);
}

enum hearth_status jinja_refuse(const struct compile *c, uint32_t line, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    enum hearth_status st = report(HEARTH_EFORMAT, c->t->name, line, fmt, ap);
    va_end(ap);
    return st;
}

enum hearth_status jinja_constant_text(struct compile *c, const char *p, size_t n, struct text **out) {
    struct text *t = arena_alloc(&c->t->arena, sizeof *t);
    if (!t) return HEARTH_ENOMEM;
    *t = (struct text){ .p = p, .n = n, .chars = UNCOUNTED };
    jinja_chars(t); /* now, for threads will share it */
    jinja_text_hash(t);
    *out = t;
    return HEARTH_OK;
}

static enum hearth_status names_grow(struct compile *c) {
    if (c->names_n * 2 < c->names_cap) return HEARTH_OK;
    size_t cap = c->names_cap ? c->names_cap * 2 : 128;
    struct text **v = mem_array(cap, sizeof *v);
    if (!v) return HEARTH_ENOMEM;
    for (size_t i = 0; i < c->names_cap; i++) {
        if (!c->names[i]) continue;
        size_t at = c->names[i]->hash & (cap - 1);
        while (v[at]) at = (at + 1) & (cap - 1);
        v[at] = c->names[i];
    }
    free(c->names);
    c->names = v;
    c->names_cap = cap;
    return HEARTH_OK;
}

enum hearth_status jinja_intern(struct compile *c, const char *p, size_t n, struct text **out) {
    struct text key = { .p = p, .n = n };
    TRY(names_grow(c));
    size_t at = jinja_text_hash(&key) & (c->names_cap - 1);
    while (c->names[at] && !jinja_same_text(c->names[at], &key)) at = (at + 1) & (c->names_cap - 1);
    if (!c->names[at]) {
        char *copy = arena_strndup(&c->t->arena, p, n); /* ends with a NUL: names are printed with %s */
        if (!copy) return HEARTH_ENOMEM;
        TRY(jinja_constant_text(c, copy, n, &c->names[at]));
        c->names_n++;
    }
    *out = c->names[at];
    return HEARTH_OK;
}

/* \r\n and \r become \n, and one new line at the end goes unless it is kept, as Jinja has it. */
static size_t normalize(const char *s, size_t n, int keep, char *out) {
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        out[m++] = s[i] == '\r' ? '\n' : s[i];
        if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') i++;
    }
    return !keep && m && out[m - 1] == '\n' ? m - 1 : m;
}

static enum hearth_status compile(struct template *t, const char *source, size_t n) {
    struct compile c = { .t = t };
    size_t bad;
    if (n > SOURCE_MAX)
        return fail(HEARTH_ELIMIT, "%s: a template of %zu bytes; %d are allowed", t->name, n, SOURCE_MAX);
    if (!utf8_valid(source, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", t->name, bad);
    char *copy = arena_alloc(&t->arena, n + 1);
    if (!copy) return HEARTH_ENOMEM;
    c.n = normalize(source, n, t->plain, copy);
    c.source = copy;
    enum hearth_status st = jinja_lex(&c);
    if (st == HEARTH_OK) st = jinja_parse(&c, &t->root);
    if (st == HEARTH_OK) st = jinja_bind(&c, t->root);
    free(c.token);
    free(c.names);
    return st;
}

static enum hearth_status open_as(const char *source, size_t n, const char *name, int plain, struct template **out) {
    struct template *t = mem_array(1, sizeof *t);
    *out = NULL;
    if (!t) return HEARTH_ENOMEM;
    arena_init(&t->arena, 0);
    t->plain = plain;
    t->name = arena_strndup(&t->arena, name ? name : "template", strlen(name ? name : "template"));
    enum hearth_status st = t->name ? compile(t, source, n) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) *out = t;
    else template_close(t);
    return st;
}

enum hearth_status template_open(const char *source, size_t n, const char *name, struct template **out) {
    return open_as(source, n, name, 0, out);
}

enum hearth_status template_open_plain(const char *source, size_t n, const char *name, struct template **out) {
    return open_as(source, n, name, 1, out);
}

void template_close(struct template *t) {
    if (!t) return;
    arena_free(&t->arena);
    free(t);
}

/* ---- budgets ---- */

enum hearth_status jinja_error(struct render *r, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    enum hearth_status st = report(HEARTH_EFORMAT, r->t->name, r->line, fmt, ap);
    va_end(ap);
    return st;
}

enum hearth_status jinja_limit(struct render *r, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    enum hearth_status st = report(HEARTH_ELIMIT, r->t->name, r->line, fmt, ap);
    va_end(ap);
    return st;
}

enum hearth_status jinja_charge(struct render *r, uint64_t bytes) {
    if (bytes > r->memory_max - r->memory)
        return jinja_limit(r, "the template needs more than %zu bytes for its values", r->memory_max);
    r->memory += (size_t)bytes;
    return jinja_work(r, bytes * STEPS_A_MEGABYTE >> 20);
}

enum hearth_status jinja_work(struct render *r, uint64_t steps) {
    if (steps > r->steps_max - r->steps)
        return jinja_limit(r, "the template runs for more than %llu steps", (unsigned long long)r->steps_max);
    r->steps += steps;
    return HEARTH_OK;
}

enum hearth_status jinja_enter(struct render *r) {
    if (r->nest < r->nest_max) {
        r->nest++;
        return jinja_work(r, 1);
    }
    return jinja_limit(r, "the template goes more than %u levels deep", r->nest_max);
}

enum hearth_status jinja_alloc(struct render *r, size_t n, size_t size, void *out) {
    TRY(jinja_charge(r, n > (SIZE_MAX - 16) / size ? UINT64_MAX : (uint64_t)n * size + 16));
    void *p = arena_alloc(&r->arena, n * size);
    if (!p) return HEARTH_ENOMEM;
    memcpy(out, &p, sizeof p);
    return HEARTH_OK;
}

static enum hearth_status output_room(struct render *r, uint64_t n) {
    if (n <= r->output_max - (r->out->len - r->base)) return HEARTH_OK;
    return jinja_limit(r, "the template writes more than %llu bytes", (unsigned long long)r->output_max);
}

enum hearth_status jinja_put(struct render *r, const char *p, size_t n) {
    TRY(output_room(r, n));
    TRY(jinja_work(r, ((uint64_t)n * STEPS_A_MEGABYTE >> 20) + 1));
    return buf_put(r->out, p, n);
}

enum hearth_status jinja_puts(struct render *r, const char *s) { return jinja_put(r, s, strlen(s)); }

enum hearth_status jinja_put_char(struct render *r, uint32_t cp) {
    char c[4];
    return jinja_put(r, c, (size_t)utf8_write(cp, c));
}

enum hearth_status jinja_pad(struct render *r, const struct text *fill, int64_t times) {
    if (times <= 0 || fill->n == 0) return HEARTH_OK;
    TRY(output_room(r, (uint64_t)times > UINT64_MAX / fill->n ? UINT64_MAX : (uint64_t)times * fill->n));
    for (; times > 0; times--) TRY(jinja_put(r, fill->p, fill->n));
    return HEARTH_OK;
}

enum hearth_status jinja_take(struct render *r, size_t mark, struct value *out) {
    enum hearth_status st = jinja_text(r, r->out->data + mark, r->out->len - mark, out);
    r->out->len = mark;
    return st;
}

/* ---- rendering ---- */

static enum hearth_status render(struct render *r, const json_t *globals) {
    struct value v;
    TRY(buf_put(r->out, "", 0)); /* r->out->data is there from now on */
    TRY(jinja_from_json(r, globals, &v));
    if (v.kind != K_DICT) return jinja_error(r, "the variables are not a JSON object");
    r->globals = v.dict;
    TRY(jinja_new_act(r, NULL, r->t->slots, &r->act));
    TRY(jinja_enter_frame(r, r->t->frame));
    return jinja_exec(r, r->t->root);
}

enum hearth_status template_render(const struct template *t, const json_t *globals, time_t now,
                                   const struct template_limits *limits, struct buf *out) {
    struct template_limits l = limits ? *limits : (struct template_limits){ 0 };
    struct render r = {
        .t = t, .out = out, .base = out->len, .now = now, .line = 1,
        .steps_max = l.steps ? l.steps : 20000000,
        .output_max = l.output ? l.output : 16 << 20,
        .calls_max = l.depth ? l.depth : 100,
        .memory_max = (size_t)(l.memory ? l.memory : 64 << 20)
    };
    uint64_t nest = NEST_MAX + (uint64_t)r.calls_max * NEST_A_CALL;
    r.nest_max = nest < UINT32_MAX ? (uint32_t)nest : UINT32_MAX;
    arena_init(&r.arena, 0);
    enum hearth_status st = render(&r, globals);
    arena_free(&r.arena);
    if (st != HEARTH_OK) out->len = r.base;
    if (out->data) out->data[out->len] = '\0'; /* the last text that was taken may have stood here */
    return st;
}

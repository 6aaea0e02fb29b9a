/* jinja_parse_expr.c - expressions, by recursive descent; the loosest binding first:
 *
 *     condition   a if b else c         compare   == != < <= > >= in, not in (chained)
 *     or  and  not                      math1     + -
 *     concat      ~                     math2     * / // %
 *     power       ** (from the left)    unary     + -, then .name [key] (call), then |filter, is test
 *
 * The order is Jinja's own and not quite Python's: ~ binds tighter than +, -2 ** 2 is 4, and -x|abs is -(x|abs). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_syntax.h"

const char *jinja_token_word(const struct token *t) {
    static const char *const words[] = {
        [T_END] = "the end of the template", [T_DATA] = "text", [T_BLOCK_BEGIN] = "{%", [T_BLOCK_END] = "%}",
        [T_PRINT_BEGIN] = "{{", [T_PRINT_END] = "}}", [T_NAME] = "a name", [T_STRING] = "a string",
        [T_INT] = "an integer", [T_FLOAT] = "a float", [T_ADD] = "+", [T_SUB] = "-", [T_MUL] = "*", [T_DIV] = "/",
        [T_FLOORDIV] = "//", [T_MOD] = "%", [T_POW] = "**", [T_TILDE] = "~", [T_EQ] = "==", [T_NE] = "!=",
        [T_LT] = "<", [T_LE] = "<=", [T_GT] = ">", [T_GE] = ">=", [T_ASSIGN] = "=", [T_LPAREN] = "(",
        [T_RPAREN] = ")", [T_LBRACKET] = "[", [T_RBRACKET] = "]", [T_LBRACE] = "{", [T_RBRACE] = "}", [T_DOT] = ".",
        [T_COLON] = ":", [T_PIPE] = "|", [T_COMMA] = ",", [T_SEMICOLON] = ";"
    };
    return t->type == T_NAME ? t->text->p : words[t->type]; /* interned names end with a NUL */
}

int jinja_name_is(const struct token *t, const char *name) {
    return t->type == T_NAME && t->text->n == strlen(name) && memcmp(t->text->p, name, t->text->n) == 0;
}

int jinja_skip_if(struct compile *c, enum token_type type) {
    if (jinja_peek(c)->type != type) return 0;
    c->at += type != T_END;
    return 1;
}

int jinja_skip_name(struct compile *c, const char *name) {
    if (!jinja_name_is(jinja_peek(c), name)) return 0;
    c->at++;
    return 1;
}

enum hearth_status jinja_expect(struct compile *c, enum token_type type) {
    struct token *t = jinja_peek(c), want = { .type = (uint8_t)type };
    if (jinja_skip_if(c, type)) return HEARTH_OK;
    return jinja_refuse(c, t->line, "found %s where %s is awaited", jinja_token_word(t),
                        type == T_NAME ? "a name" : jinja_token_word(&want));
}

enum hearth_status jinja_kids_add(struct compile *c, struct kids *k, struct node *n) {
    if (k->n == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 4;
        struct node **v = arena_alloc(&c->t->arena, cap * sizeof *v);
        if (!v) return HEARTH_ENOMEM;
        if (k->n) memcpy(v, k->v, k->n * sizeof *v);
        *k = (struct kids){ v, k->n, cap };
    }
    k->v[k->n++] = n;
    return HEARTH_OK;
}

enum hearth_status jinja_node(struct compile *c, enum node_type type, uint32_t line, uint32_t n,
                              struct node *const *kid, struct node **out) {
    struct node *node = arena_alloc(&c->t->arena, sizeof *node);
    if (!node) return HEARTH_ENOMEM;
    *node = (struct node){ .type = (uint8_t)type, .line = line, .n = n, .height = 1 };
    if (n) {
        node->kid = arena_alloc(&c->t->arena, n * sizeof *kid);
        if (!node->kid) return HEARTH_ENOMEM;
        memcpy(node->kid, kid, n * sizeof *kid);
    }
    for (uint32_t i = 0; i < n; i++)
        if (kid[i] && kid[i]->height >= node->height) node->height = (uint16_t)(kid[i]->height + 1);
    if (node->height > JINJA_HEIGHT_MAX && type < N_BODY)
        return jinja_refuse(c, line, "an expression of more than %d steps one upon the other", JINJA_HEIGHT_MAX);
    if (type >= N_BODY) node->height = 1; /* statements are counted while parsing */
    *out = node;
    return HEARTH_OK;
}

static enum hearth_status constant(struct compile *c, uint32_t line, struct value v, struct node **out) {
    TRY(jinja_node(c, N_CONST, line, 0, NULL, out));
    (*out)->u.value = v;
    return HEARTH_OK;
}

/* A list or tuple of constants is one constant: values do not change. */
static enum hearth_status sequence(struct compile *c, enum node_type type, uint32_t line, const struct kids *k,
                                   struct node **out) {
    struct value v = { .kind = type == N_LIST ? K_LIST : K_TUPLE };
    for (size_t i = 0; i < k->n; i++)
        if (k->v[i]->type != N_CONST) return jinja_node(c, type, line, (uint32_t)k->n, k->v, out);
    v.list = arena_alloc(&c->t->arena, sizeof *v.list);
    if (!v.list) return HEARTH_ENOMEM;
    v.list->n = k->n;
    v.list->v = arena_alloc(&c->t->arena, k->n * sizeof v);
    if (!v.list->v) return HEARTH_ENOMEM;
    for (size_t i = 0; i < k->n; i++) v.list->v[i] = k->v[i]->u.value;
    return constant(c, line, v, out);
}

static enum hearth_status pair_node(struct compile *c, enum node_type type, int op, uint32_t line, struct node *a,
                                    struct node *b, struct node **out) {
    struct node *kid[] = { a, b };
    TRY(jinja_node(c, type, line, b ? 2 : 1, kid, out));
    (*out)->op = (uint8_t)op;
    return HEARTH_OK;
}

/* ---- primaries ---- */

static enum hearth_status parse_name(struct compile *c, int with_namespace, struct node **out) {
    static const struct { const char *name; struct value v; } constants[] = {
        { "true", { .kind = K_BOOL, .i = 1 } }, { "True", { .kind = K_BOOL, .i = 1 } },
        { "false", { .kind = K_BOOL } }, { "False", { .kind = K_BOOL } },
        { "none", { .kind = K_NONE } }, { "None", { .kind = K_NONE } }
    };
    struct token *t = jinja_peek(c);
    c->at++;
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (jinja_name_is(t, constants[i].name)) return constant(c, t->line, constants[i].v, out);
    if (with_namespace && jinja_skip_if(c, T_DOT)) {
        struct token *attr = jinja_peek(c);
        struct node *key;
        TRY(jinja_expect(c, T_NAME));
        TRY(constant(c, attr->line, jinja_text_value(attr->text), &key));
        TRY(jinja_node(c, N_NSREF, t->line, 1, &key, out));
    } else {
        TRY(jinja_node(c, N_NAME, t->line, 0, NULL, out));
        (*out)->op = USE_LOAD;
    }
    (*out)->name = t->text;
    return HEARTH_OK;
}

/* 'a' "b" is one string. */
static enum hearth_status parse_string(struct compile *c, struct node **out) {
    struct token *first = jinja_peek(c);
    size_t n = 0, count = 0;
    for (; jinja_skip_if(c, T_STRING); count++) n += first[count].text->n;
    struct text *text = first->text;
    if (count > 1) {
        char *p = arena_alloc(&c->t->arena, n);
        if (!p) return HEARTH_ENOMEM;
        n = 0;
        for (size_t i = 0; i < count; n += first[i++].text->n) memcpy(p + n, first[i].text->p, first[i].text->n);
        TRY(jinja_constant_text(c, p, n, &text));
    }
    return constant(c, first->line, jinja_text_value(text), out);
}

/* [a, b, c] and {a: b, c: d} */
static enum hearth_status parse_items(struct compile *c, enum node_type type, struct node **out) {
    struct token *open = jinja_peek(c);
    enum token_type close = type == N_LIST ? T_RBRACKET : T_RBRACE;
    struct kids k = { 0 };
    struct node *item;
    c->at++;
    while (jinja_peek(c)->type != close) {
        if (k.n) TRY(jinja_expect(c, T_COMMA));
        if (jinja_peek(c)->type == close) break;
        TRY(jinja_parse_expression(c, 1, &item));
        TRY(jinja_kids_add(c, &k, item));
        if (type == N_LIST) continue;
        TRY(jinja_expect(c, T_COLON));
        TRY(jinja_parse_expression(c, 1, &item));
        TRY(jinja_kids_add(c, &k, item));
    }
    c->at++;
    return type == N_LIST ? sequence(c, type, open->line, &k, out) :
                            jinja_node(c, type, open->line, (uint32_t)k.n, k.v, out);
}

static enum hearth_status parse_primary(struct compile *c, int with_namespace, struct node **out) {
    struct token *t = jinja_peek(c);
    switch (t->type) {
    case T_NAME: return parse_name(c, with_namespace, out);
    case T_STRING: return parse_string(c, out);
    case T_INT: c->at++; return constant(c, t->line, jinja_int(t->i), out);
    case T_FLOAT: c->at++; return constant(c, t->line, jinja_float(t->f), out);
    case T_LBRACKET: return parse_items(c, N_LIST, out);
    case T_LBRACE: return parse_items(c, N_DICT, out);
    case T_LPAREN:
        c->at++;
        TRY(jinja_parse_tuple(c, TUPLE_PARENTHESES, NULL, out));
        return jinja_expect(c, T_RPAREN);
    default: return jinja_refuse(c, t->line, "found %s where an expression is awaited", jinja_token_word(t));
    }
}

/* ---- what follows a primary ---- */

static enum hearth_status parse_slice_bound(struct compile *c, struct node **out) {
    uint8_t type = jinja_peek(c)->type;
    *out = NULL;
    return type == T_COLON || type == T_RBRACKET || type == T_COMMA ? HEARTH_OK : jinja_parse_expression(c, 1, out);
}

/* What stands in brackets: an expression or start:stop:step. */
static enum hearth_status parse_key(struct compile *c, struct node **out) {
    struct node *bound[3] = { 0 };
    uint32_t line = jinja_peek(c)->line;
    if (jinja_peek(c)->type != T_COLON) TRY(jinja_parse_expression(c, 1, &bound[0]));
    if (!jinja_skip_if(c, T_COLON)) {
        *out = bound[0];
        return HEARTH_OK;
    }
    TRY(parse_slice_bound(c, &bound[1]));
    if (jinja_skip_if(c, T_COLON)) TRY(parse_slice_bound(c, &bound[2]));
    return jinja_node(c, N_SLICE, line, 3, bound, out);
}

static enum hearth_status parse_subscript(struct compile *c, struct node *of, struct node **out) {
    struct token *t = jinja_peek(c);
    struct node *key;
    c->at++;
    if (t->type == T_DOT) {
        struct token *attr = jinja_peek(c);
        c->at += attr->type != T_END;
        if (attr->type == T_NAME) {
            TRY(jinja_node(c, N_GETATTR, t->line, 1, &of, out));
            (*out)->name = attr->text;
            return HEARTH_OK;
        }
        if (attr->type != T_INT)
            return jinja_refuse(c, attr->line, "found %s behind a dot where a name or number is awaited",
                                jinja_token_word(attr));
        TRY(constant(c, attr->line, jinja_int(attr->i), &key));
        return pair_node(c, N_GETITEM, 0, t->line, of, key, out);
    }
    struct kids k = { 0 };
    while (jinja_peek(c)->type != T_RBRACKET) {
        if (k.n) TRY(jinja_expect(c, T_COMMA));
        TRY(parse_key(c, &key));
        TRY(jinja_kids_add(c, &k, key));
    }
    c->at++;
    if (k.n != 1) {
        for (size_t i = 0; i < k.n; i++)
            if (k.v[i] && k.v[i]->type == N_SLICE) return jinja_refuse(c, t->line, "a slice beside another key");
        TRY(sequence(c, N_TUPLE, t->line, &k, &key));
    }
    return pair_node(c, N_GETITEM, 0, t->line, of, key, out);
}

/* Arguments being gathered: objects first, see struct node's u.call. */
struct gather { struct kids kids, values; struct text **kw; size_t kws, cap; struct node *star, *stars; };

static enum hearth_status keyword_add(struct compile *c, struct gather *g, struct text *name, struct node *value) {
    for (size_t i = 0; i < g->kws; i++)
        if (g->kw[i] == name) return jinja_refuse(c, value->line, "the argument %s is given twice", name->p);
    if (g->kws == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 4;
        struct text **v = arena_alloc(&c->t->arena, cap * sizeof *v);
        if (!v) return HEARTH_ENOMEM;
        if (g->kws) memcpy(v, g->kw, g->kws * sizeof *v);
        g->kw = v;
        g->cap = cap;
    }
    g->kw[g->kws++] = name;
    return jinja_kids_add(c, &g->values, value);
}

/* Behind the opening parenthesis, to behind the closing one. */
static enum hearth_status parse_arguments(struct compile *c, struct gather *g) {
    struct node *value;
    uint32_t line = jinja_peek(c)->line;
    for (int more = 0; jinja_peek(c)->type != T_RPAREN; more = 1) {
        if (more) TRY(jinja_expect(c, T_COMMA));
        struct token *t = jinja_peek(c);
        if (t->type == T_RPAREN) break;
        int bad = g->stars != NULL;
        if (t->type == T_MUL) {
            bad |= g->star != NULL;
            c->at++;
            TRY(jinja_parse_expression(c, 1, &g->star));
        } else if (t->type == T_POW) {
            c->at++;
            TRY(jinja_parse_expression(c, 1, &g->stars));
        } else if (t->type == T_NAME && t[1].type == T_ASSIGN) {
            c->at += 2;
            TRY(jinja_parse_expression(c, 1, &value));
            TRY(keyword_add(c, g, t->text, value));
        } else {
            bad |= g->star != NULL || g->kws > 0;
            TRY(jinja_parse_expression(c, 1, &value));
            TRY(jinja_kids_add(c, &g->kids, value));
        }
        if (bad) return jinja_refuse(c, line, "arguments out of order: first a, then name=b, then *c, then **d");
    }
    c->at++;
    return HEARTH_OK;
}

static enum hearth_status call_node(struct compile *c, enum node_type type, uint32_t line, struct gather *g,
                                    struct text *name, struct node **out) {
    uint32_t args = (uint32_t)g->kids.n - 1;
    for (size_t i = 0; i < g->kws; i++) TRY(jinja_kids_add(c, &g->kids, g->values.v[i]));
    if (g->star) TRY(jinja_kids_add(c, &g->kids, g->star));
    if (g->stars) TRY(jinja_kids_add(c, &g->kids, g->stars));
    TRY(jinja_node(c, type, line, (uint32_t)g->kids.n, g->kids.v, out));
    (*out)->name = name;
    (*out)->u.call.args = args;
    (*out)->u.call.kws = (uint32_t)g->kws;
    (*out)->u.call.kw = g->kw;
    (*out)->u.call.star = g->star;
    (*out)->u.call.stars = g->stars;
    return HEARTH_OK;
}

static enum hearth_status parse_call(struct compile *c, struct node *of, struct node **out) {
    struct gather g = { 0 };
    uint32_t line = jinja_peek(c)->line;
    TRY(jinja_kids_add(c, &g.kids, of));
    c->at++;
    TRY(parse_arguments(c, &g));
    return call_node(c, N_CALL, line, &g, NULL, out);
}

static enum hearth_status parse_postfix(struct compile *c, struct node **node) {
    for (;;) {
        uint8_t type = jinja_peek(c)->type;
        if (type == T_DOT || type == T_LBRACKET) TRY(parse_subscript(c, *node, node));
        else if (type == T_LPAREN) TRY(parse_call(c, *node, node));
        else return HEARTH_OK;
    }
}

/* The name of a filter or test: name or name.name */
static enum hearth_status dotted_name(struct compile *c, struct text **out) {
    struct token *t = jinja_peek(c);
    TRY(jinja_expect(c, T_NAME));
    *out = t->text;
    while (jinja_skip_if(c, T_DOT)) {
        struct token *part = jinja_peek(c);
        TRY(jinja_expect(c, T_NAME));
        size_t n = (*out)->n + 1 + part->text->n;
        char *p = arena_alloc(&c->t->arena, n + 1);
        if (!p) return HEARTH_ENOMEM;
        snprintf(p, n + 1, "%s.%s", (*out)->p, part->text->p);
        TRY(jinja_intern(c, p, n, out));
    }
    return HEARTH_OK;
}

enum hearth_status jinja_parse_filters(struct compile *c, struct node *of, int inline_first, struct node **out) {
    *out = of;
    while (inline_first || jinja_skip_if(c, T_PIPE)) {
        struct gather g = { 0 };
        struct text *name;
        uint32_t line = jinja_peek(c)->line;
        inline_first = 0;
        TRY(jinja_kids_add(c, &g.kids, *out));
        TRY(dotted_name(c, &name));
        if (jinja_skip_if(c, T_LPAREN)) TRY(parse_arguments(c, &g));
        TRY(call_node(c, N_FILTER, line, &g, name, out));
    }
    return HEARTH_OK;
}

static enum hearth_status parse_test(struct compile *c, struct node *of, struct node **out) {
    struct gather g = { 0 };
    struct text *name;
    uint32_t line = jinja_peek(c)->line;
    c->at++;
    int negated = jinja_skip_name(c, "not");
    TRY(jinja_kids_add(c, &g.kids, of));
    TRY(dotted_name(c, &name));
    struct token *t = jinja_peek(c);
    if (jinja_skip_if(c, T_LPAREN)) {
        TRY(parse_arguments(c, &g));
    } else if (((t->type >= T_NAME && t->type <= T_FLOAT) || t->type == T_LBRACKET || t->type == T_LBRACE) &&
               !jinja_name_is(t, "else") && !jinja_name_is(t, "or") && !jinja_name_is(t, "and")) {
        struct node *arg;
        if (jinja_name_is(t, "is")) return jinja_refuse(c, t->line, "one test after another: a is b is c");
        TRY(parse_primary(c, 0, &arg));
        TRY(parse_postfix(c, &arg));
        TRY(jinja_kids_add(c, &g.kids, arg));
    }
    TRY(call_node(c, N_TEST, line, &g, name, out));
    return negated ? pair_node(c, N_NOT, 0, line, *out, NULL, out) : HEARTH_OK;
}

/* ---- operators, the tightest first ---- */

static enum hearth_status nested(struct compile *c, uint32_t line) {
    if (++c->nest <= JINJA_NEST_MAX) return HEARTH_OK;
    return jinja_refuse(c, line, "nested more than %d deep", JINJA_NEST_MAX);
}

static enum hearth_status parse_unary(struct compile *c, int with_filter, struct node **out) {
    struct token *t = jinja_peek(c);
    if (t->type == T_SUB || t->type == T_ADD) {
        c->at++;
        TRY(nested(c, t->line));
        TRY(parse_unary(c, 0, out));
        c->nest--;
        TRY(pair_node(c, N_UNARY, t->type, t->line, *out, NULL, out));
    } else {
        TRY(parse_primary(c, 0, out));
    }
    TRY(parse_postfix(c, out));
    while (with_filter) {
        struct token *next = jinja_peek(c);
        if (next->type == T_PIPE) TRY(jinja_parse_filters(c, *out, 0, out));
        else if (jinja_name_is(next, "is")) TRY(parse_test(c, *out, out));
        else if (next->type == T_LPAREN) TRY(parse_call(c, *out, out));
        else break;
    }
    return HEARTH_OK;
}

/* Binary operators of one strength, from the left: level 0 is **, 1 is * / // %, 3 is + -; between them stands ~. */
static enum hearth_status parse_binary(struct compile *c, int level, struct node **out);

static enum hearth_status parse_concat(struct compile *c, struct node **out) {
    struct kids k = { 0 };
    uint32_t line = jinja_peek(c)->line;
    TRY(parse_binary(c, 1, out));
    if (jinja_peek(c)->type != T_TILDE) return HEARTH_OK;
    TRY(jinja_kids_add(c, &k, *out));
    while (jinja_skip_if(c, T_TILDE)) {
        TRY(parse_binary(c, 1, out));
        TRY(jinja_kids_add(c, &k, *out));
    }
    return jinja_node(c, N_CONCAT, line, (uint32_t)k.n, k.v, out);
}

static int binary_level(uint8_t type) {
    switch (type) {
    case T_POW: return 0;
    case T_MUL: case T_DIV: case T_FLOORDIV: case T_MOD: return 1;
    case T_ADD: case T_SUB: return 3;
    default: return -1;
    }
}

static enum hearth_status parse_operand(struct compile *c, int level, struct node **out) {
    return level == 0 ? parse_unary(c, 1, out) : level == 1 ? parse_binary(c, 0, out) : parse_concat(c, out);
}

static enum hearth_status parse_binary(struct compile *c, int level, struct node **out) {
    uint32_t line = jinja_peek(c)->line;
    TRY(parse_operand(c, level, out));
    while (binary_level(jinja_peek(c)->type) == level) {
        int op = jinja_peek(c)->type;
        struct node *right;
        c->at++;
        TRY(parse_operand(c, level, &right));
        TRY(pair_node(c, N_BINARY, op, line, *out, right, out));
        line = jinja_peek(c)->line;
    }
    return HEARTH_OK;
}

static enum hearth_status parse_compare(struct compile *c, struct node **out) {
    struct kids k = { 0 };
    uint32_t line = jinja_peek(c)->line;
    TRY(parse_binary(c, 3, out));
    TRY(jinja_kids_add(c, &k, *out));
    for (;;) {
        struct token *t = jinja_peek(c);
        int op;
        if (t->type >= T_EQ && t->type <= T_GE) op = t->type;
        else if (jinja_name_is(t, "in")) op = N_IN;
        else if (jinja_name_is(t, "not") && jinja_name_is(t + 1, "in")) op = N_NOTIN;
        else break;
        c->at += op == N_NOTIN ? 2 : 1;
        struct node *right;
        TRY(parse_binary(c, 3, &right));
        TRY(pair_node(c, N_OPERAND, op, t->line, right, NULL, &right));
        TRY(jinja_kids_add(c, &k, right));
    }
    return k.n == 1 ? HEARTH_OK : jinja_node(c, N_COMPARE, line, (uint32_t)k.n, k.v, out);
}

static enum hearth_status parse_not(struct compile *c, struct node **out) {
    struct token *t = jinja_peek(c);
    if (!jinja_name_is(t, "not")) return parse_compare(c, out);
    c->at++;
    TRY(nested(c, t->line));
    TRY(parse_not(c, out));
    c->nest--;
    return pair_node(c, N_NOT, 0, t->line, *out, NULL, out);
}

static enum hearth_status parse_and(struct compile *c, struct node **out) {
    TRY(parse_not(c, out));
    while (jinja_name_is(jinja_peek(c), "and")) {
        uint32_t line = jinja_peek(c)->line;
        struct node *right;
        c->at++;
        TRY(parse_not(c, &right));
        TRY(pair_node(c, N_AND, 0, line, *out, right, out));
    }
    return HEARTH_OK;
}

static enum hearth_status parse_or(struct compile *c, struct node **out) {
    TRY(parse_and(c, out));
    while (jinja_name_is(jinja_peek(c), "or")) {
        uint32_t line = jinja_peek(c)->line;
        struct node *right;
        c->at++;
        TRY(parse_and(c, &right));
        TRY(pair_node(c, N_OR, 0, line, *out, right, out));
    }
    return HEARTH_OK;
}

enum hearth_status jinja_parse_expression(struct compile *c, int with_condition, struct node **out) {
    uint32_t line = jinja_peek(c)->line;
    TRY(nested(c, line));
    TRY(parse_or(c, out));
    while (with_condition && jinja_skip_name(c, "if")) {
        struct node *kid[3] = { NULL, *out, NULL };
        TRY(parse_or(c, &kid[0]));
        if (jinja_skip_name(c, "else")) TRY(jinja_parse_expression(c, 1, &kid[2]));
        TRY(jinja_node(c, N_COND, line, 3, kid, out));
        line = jinja_peek(c)->line;
    }
    c->nest--;
    return HEARTH_OK;
}

/* ---- tuples and targets ---- */

enum hearth_status jinja_parse_tuple(struct compile *c, int flags, const char *end_name, struct node **out) {
    struct kids k = { 0 };
    uint32_t line = jinja_peek(c)->line;
    int is_tuple = 0;
    for (;;) {
        if (k.n) TRY(jinja_expect(c, T_COMMA));
        struct token *t = jinja_peek(c);
        if (t->type == T_PRINT_END || t->type == T_BLOCK_END || t->type == T_RPAREN) break;
        if (end_name && jinja_name_is(t, end_name)) break;
        if (flags & TUPLE_PRIMARY) TRY(parse_primary(c, flags & TUPLE_NAMESPACE, out));
        else TRY(jinja_parse_expression(c, !(flags & TUPLE_NO_CONDITION), out));
        TRY(jinja_kids_add(c, &k, *out));
        if (jinja_peek(c)->type != T_COMMA) break;
        is_tuple = 1;
    }
    if (!is_tuple) {
        if (k.n) return HEARTH_OK;
        if (!(flags & TUPLE_PARENTHESES)) {
            struct token *t = jinja_peek(c);
            return jinja_refuse(c, t->line, "found %s where an expression is awaited", jinja_token_word(t));
        }
    }
    return sequence(c, N_TUPLE, line, &k, out);
}

static enum hearth_status set_use(struct compile *c, struct node *n, enum name_use use) {
    if (n->type == N_NAME) n->op = (uint8_t)use;
    else if (n->type == N_TUPLE)
        for (uint32_t i = 0; i < n->n; i++) TRY(set_use(c, n->kid[i], use));
    else if (n->type != N_NSREF)
        return jinja_refuse(c, n->line, "something is assigned to that is neither a name nor namespace.attribute");
    return HEARTH_OK;
}

enum hearth_status jinja_parse_target(struct compile *c, int flags, const char *end_name, enum name_use use,
                                      struct node **out) {
    TRY(jinja_parse_tuple(c, flags | TUPLE_PRIMARY, end_name, out));
    return set_use(c, *out, use);
}

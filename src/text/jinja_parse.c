/* jinja_parse.c - statements: what stands in {% %}, and the bodies between. */
#include <string.h>

#include "text/jinja_syntax.h"

static enum hearth_status parse_body(struct compile *c, const char *const *ends, uint32_t opened, struct node **out);

/* A body up to one of the tags `ends` (NULL-terminated; the last is the one to name in messages), whose name is the
 * next token afterwards. */
static enum hearth_status parse_until(struct compile *c, uint32_t opened, const char *const *ends, struct node **out) {
    jinja_skip_if(c, T_COLON);
    TRY(jinja_expect(c, T_BLOCK_END));
    if (++c->nest > JINJA_NEST_MAX)
        return jinja_refuse(c, opened, "blocks nested more than %d deep", JINJA_NEST_MAX);
    TRY(parse_body(c, ends, opened, out));
    c->nest--;
    return HEARTH_OK;
}

/* The same when one tag alone can end it; the tag's name is passed over. */
static enum hearth_status parse_whole(struct compile *c, uint32_t opened, const char *end, struct node **out) {
    const char *const ends[] = { end, NULL };
    TRY(parse_until(c, opened, ends, out));
    c->at++;
    return HEARTH_OK;
}

static enum hearth_status parse_for(struct compile *c, uint32_t line, struct node **out) {
    static const char *const ends[] = { "else", "endfor", NULL };
    struct node *kid[6] = { 0 };
    TRY(jinja_parse_target(c, 0, "in", USE_STORE, &kid[0]));
    if (!jinja_skip_name(c, "in"))
        return jinja_refuse(c, line, "found %s where 'in' is awaited", jinja_token_word(jinja_peek(c)));
    TRY(jinja_parse_tuple(c, TUPLE_NO_CONDITION, "recursive", &kid[1]));
    if (jinja_skip_name(c, "if")) TRY(jinja_parse_expression(c, 1, &kid[4]));
    int recursive = jinja_skip_name(c, "recursive");
    TRY(parse_until(c, line, ends, &kid[2]));
    if (jinja_skip_name(c, "else")) TRY(parse_whole(c, line, "endfor", &kid[3]));
    else c->at++;
    TRY(jinja_node(c, N_FOR, line, 6, kid, out));
    (*out)->op = recursive ? FOR_RECURSIVE : 0;
    return HEARTH_OK;
}

static enum hearth_status parse_if(struct compile *c, uint32_t line, struct node **out) {
    static const char *const ends[] = { "elif", "else", "endif", NULL };
    struct kids k = { 0 };
    struct node *n;
    do {
        TRY(jinja_parse_tuple(c, TUPLE_NO_CONDITION, NULL, &n));
        TRY(jinja_kids_add(c, &k, n));
        TRY(parse_until(c, line, ends, &n));
        TRY(jinja_kids_add(c, &k, n));
    } while (jinja_skip_name(c, "elif"));
    if (jinja_skip_name(c, "else")) {
        TRY(parse_whole(c, line, "endif", &n));
        TRY(jinja_kids_add(c, &k, n));
    } else {
        c->at++;
    }
    return jinja_node(c, N_IF, line, (uint32_t)k.n, k.v, out);
}

static enum hearth_status parse_set(struct compile *c, uint32_t line, struct node **out) {
    struct node *kid[3] = { 0 };
    TRY(jinja_parse_target(c, TUPLE_NAMESPACE, NULL, USE_STORE, &kid[0]));
    if (jinja_skip_if(c, T_ASSIGN)) {
        TRY(jinja_parse_tuple(c, 0, NULL, &kid[1]));
        return jinja_node(c, N_SET, line, 2, kid, out);
    }
    TRY(jinja_parse_filters(c, NULL, 0, &kid[1]));
    TRY(parse_whole(c, line, "endset", &kid[2]));
    return jinja_node(c, N_SETBLOCK, line, 3, kid, out);
}

static enum hearth_status parse_with(struct compile *c, uint32_t line, struct node **out) {
    struct kids k = { 0 };
    struct node *n;
    TRY(jinja_kids_add(c, &k, NULL)); /* the body's place */
    while (jinja_peek(c)->type != T_BLOCK_END) {
        if (k.n > 1) TRY(jinja_expect(c, T_COMMA));
        TRY(jinja_parse_target(c, 0, NULL, USE_PARAM, &n));
        TRY(jinja_kids_add(c, &k, n));
        TRY(jinja_expect(c, T_ASSIGN));
        TRY(jinja_parse_expression(c, 1, &n));
        TRY(jinja_kids_add(c, &k, n));
    }
    TRY(parse_whole(c, line, "endwith", &k.v[0]));
    return jinja_node(c, N_WITH, line, (uint32_t)k.n, k.v, out);
}

static enum hearth_status parse_name_target(struct compile *c, enum name_use use, struct node **out) {
    static const char *const constants[] = { "true", "false", "none", "True", "False", "None" };
    struct token *t = jinja_peek(c);
    TRY(jinja_node(c, N_NAME, t->line, 0, NULL, out));
    TRY(jinja_expect(c, T_NAME));
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (jinja_name_is(t, constants[i])) return jinja_refuse(c, t->line, "%s is given a value", constants[i]);
    (*out)->op = (uint8_t)use;
    (*out)->name = t->text;
    return HEARTH_OK;
}

/* (a, b, c=1): parameters to k, their default values behind. */
static enum hearth_status parse_signature(struct compile *c, struct kids *k, uint32_t *params, uint32_t *defaults) {
    struct kids values = { 0 };
    struct node *n;
    TRY(jinja_expect(c, T_LPAREN));
    while (jinja_peek(c)->type != T_RPAREN) {
        if (*params) TRY(jinja_expect(c, T_COMMA));
        TRY(parse_name_target(c, USE_PARAM, &n));
        for (size_t i = 2; i < k->n; i++)
            if (k->v[i]->name == n->name)
                return jinja_refuse(c, n->line, "two parameters are called %s", n->name->p);
        TRY(jinja_kids_add(c, k, n));
        ++*params;
        if (jinja_skip_if(c, T_ASSIGN)) {
            TRY(jinja_parse_expression(c, 1, &n));
            TRY(jinja_kids_add(c, &values, n));
        } else if (values.n) {
            return jinja_refuse(c, n->line, "parameter %s needs a default value, as the one before it has",
                                n->name->p);
        }
    }
    c->at++;
    *defaults = (uint32_t)values.n;
    for (size_t i = 0; i < values.n; i++) TRY(jinja_kids_add(c, k, values.v[i]));
    return HEARTH_OK;
}

/* What macros and call blocks share; kid 1 of k is the call. */
static enum hearth_status macro_node(struct compile *c, enum node_type type, uint32_t line, const char *end,
                                     struct kids *k, uint32_t params, uint32_t defaults, struct node **out) {
    TRY(parse_whole(c, line, end, &k->v[0]));
    TRY(jinja_node(c, type, line, (uint32_t)k->n, k->v, out));
    (*out)->u.block.params = params;
    (*out)->u.block.defaults = defaults;
    return HEARTH_OK;
}

static enum hearth_status parse_macro(struct compile *c, uint32_t line, struct node **out) {
    struct kids k = { 0 };
    struct node *name;
    uint32_t params = 0, defaults = 0;
    TRY(jinja_kids_add(c, &k, NULL));
    TRY(jinja_kids_add(c, &k, NULL));
    TRY(parse_name_target(c, USE_STORE, &name));
    TRY(parse_signature(c, &k, &params, &defaults));
    TRY(macro_node(c, N_MACRO, line, "endmacro", &k, params, defaults, out));
    (*out)->name = name->name;
    return HEARTH_OK;
}

static enum hearth_status parse_call_block(struct compile *c, uint32_t line, struct node **out) {
    struct kids k = { 0 };
    uint32_t params = 0, defaults = 0;
    TRY(jinja_kids_add(c, &k, NULL));
    TRY(jinja_kids_add(c, &k, NULL));
    if (jinja_peek(c)->type == T_LPAREN) TRY(parse_signature(c, &k, &params, &defaults));
    TRY(jinja_parse_expression(c, 1, &k.v[1]));
    if (k.v[1]->type != N_CALL) return jinja_refuse(c, line, "{%% call %%} without the call of a macro");
    for (uint32_t i = 0; i < k.v[1]->u.call.kws; i++)
        if (strcmp(k.v[1]->u.call.kw[i]->p, "caller") == 0)
            return jinja_refuse(c, line, "the argument caller is given twice");
    return macro_node(c, N_CALLBLOCK, line, "endcall", &k, params, defaults, out);
}

/* What `transformers` marks for training; for rendering a call block whose body is printed. */
static enum hearth_status parse_generation(struct compile *c, uint32_t line, struct node **out) {
    struct kids k = { 0 };
    TRY(jinja_kids_add(c, &k, NULL));
    TRY(jinja_kids_add(c, &k, NULL));
    return macro_node(c, N_CALLBLOCK, line, "endgeneration", &k, 0, 0, out);
}

static enum hearth_status parse_filter_block(struct compile *c, uint32_t line, struct node **out) {
    struct node *kid[2];
    TRY(jinja_parse_filters(c, NULL, 1, &kid[0]));
    TRY(parse_whole(c, line, "endfilter", &kid[1]));
    return jinja_node(c, N_FILTERBLOCK, line, 2, kid, out);
}

static enum hearth_status parse_print(struct compile *c, uint32_t line, struct node **out) {
    struct kids k = { 0 };
    struct node *n;
    while (jinja_peek(c)->type != T_BLOCK_END) {
        if (k.n) TRY(jinja_expect(c, T_COMMA));
        TRY(jinja_parse_expression(c, 1, &n));
        TRY(jinja_kids_add(c, &k, n));
    }
    return jinja_node(c, N_OUTPUT, line, (uint32_t)k.n, k.v, out);
}

static enum hearth_status parse_break(struct compile *c, uint32_t line, struct node **out) {
    return jinja_node(c, N_BREAK, line, 0, NULL, out);
}

static enum hearth_status parse_continue(struct compile *c, uint32_t line, struct node **out) {
    return jinja_node(c, N_CONTINUE, line, 0, NULL, out);
}

static enum hearth_status parse_foreign(struct compile *c, uint32_t line, struct node **out) {
    *out = NULL;
    return jinja_refuse(c, line, "{%% %s %%} is for pages made of several files or of HTML, not for a chat template",
                        c->token[c->at - 1].text->p);
}

static enum hearth_status parse_statement(struct compile *c, const char *awaited, struct node **out) {
    static const struct { const char *tag; enum hearth_status (*parse)(struct compile *, uint32_t, struct node **); }
    tags[] = {
        { "if", parse_if }, { "set", parse_set }, { "for", parse_for }, { "macro", parse_macro },
        { "call", parse_call_block }, { "filter", parse_filter_block }, { "with", parse_with },
        { "print", parse_print }, { "break", parse_break }, { "continue", parse_continue },
        { "generation", parse_generation }, { "block", parse_foreign }, { "extends", parse_foreign },
        { "include", parse_foreign }, { "import", parse_foreign }, { "from", parse_foreign },
        { "autoescape", parse_foreign }
    };
    struct token *t = jinja_peek(c);
    *out = NULL;
    if (t->type != T_NAME)
        return jinja_refuse(c, t->line, "found %s where the name of a tag is awaited", jinja_token_word(t));
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (!jinja_name_is(t, tags[i].tag)) continue;
        c->at++;
        return tags[i].parse(c, t->line, out);
    }
    return awaited ? jinja_refuse(c, t->line, "found {%% %s %%} where {%% %s %%} is awaited", t->text->p, awaited)
                   : jinja_refuse(c, t->line, "{%% %s %%} is no tag that is known", t->text->p);
}

/* The data and {{ }} up to the next tag are one output. */
static enum hearth_status flush(struct compile *c, struct kids *body, struct kids *output) {
    if (output->n == 0) return HEARTH_OK;
    struct node *n;
    TRY(jinja_node(c, N_OUTPUT, output->v[0]->line, (uint32_t)output->n, output->v, &n));
    output->n = 0;
    return jinja_kids_add(c, body, n);
}

static enum hearth_status parse_body(struct compile *c, const char *const *ends, uint32_t opened, struct node **out) {
    struct kids body = { 0 }, output = { 0 };
    struct node *n;
    const char *last = NULL;
    for (const char *const *e = ends; e && *e; e++) last = *e;
    for (;;) {
        struct token *t = jinja_peek(c);
        c->at += t->type != T_END;
        if (t->type == T_DATA) {
            TRY(jinja_node(c, N_DATA, t->line, 0, NULL, &n));
            n->u.value = jinja_text_value(t->text);
            TRY(jinja_kids_add(c, &output, n));
        } else if (t->type == T_PRINT_BEGIN) {
            TRY(jinja_parse_tuple(c, 0, NULL, &n));
            TRY(jinja_expect(c, T_PRINT_END));
            TRY(jinja_kids_add(c, &output, n));
        } else if (t->type == T_BLOCK_BEGIN) {
            TRY(flush(c, &body, &output));
            for (const char *const *e = ends; e && *e; e++)
                if (jinja_name_is(jinja_peek(c), *e))
                    return jinja_node(c, N_BODY, opened, (uint32_t)body.n, body.v, out);
            TRY(parse_statement(c, last, &n));
            TRY(jinja_expect(c, T_BLOCK_END));
            TRY(jinja_kids_add(c, &body, n));
        } else if (last) {
            return jinja_refuse(c, t->line, "the template ends where {%% %s %%} is awaited for the tag of line %u",
                                last, opened);
        } else {
            TRY(flush(c, &body, &output));
            return jinja_node(c, N_BODY, opened, (uint32_t)body.n, body.v, out);
        }
    }
}

enum hearth_status jinja_parse(struct compile *c, struct node **root) { return parse_body(c, NULL, 1, root); }

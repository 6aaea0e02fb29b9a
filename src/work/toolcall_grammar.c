/* toolcall_grammar.c - the answers that are calls, as a GBNF grammar: for tool_choice "required" or a tool's name.
 *
 *      root ::= "[TOOL_CALLS][" call (", " call){0,15} "]"
 *      call ::= call-0 | call-1
 *      call-0 ::= "{\"name\": \"get_weather\", \"arguments\": " args-0 "}"
 *      args-0 ::= %json {"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}
 *
 * Arguments that a tool's schema does not name are left out, unless it says that there may be more: a model that is made to call
 * would invent them. */
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/toolcall_in.h"

enum { CALLS_TOGETHER = 16 };

/* A text as GBNF writes it between quotes. */
static enum hearth_status put_literal(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') TRY(buf_printf(out, "\\%c", *s));
        else if (*s == '\n') TRY(buf_puts(out, "\\n"));
        else if ((unsigned char)*s < 0x20 || *s == 0x7f) TRY(buf_printf(out, "\\x%02X", (unsigned char)*s));
        else TRY(buf_putc(out, *s));
    }
    return HEARTH_OK;
}

/* "a" "b" ... as one literal; nothing when all are empty. */
static enum hearth_status put_literals(struct buf *out, const char *before, const char *a, const char *after)
{
    if (!*a) return HEARTH_OK;
    TRY(buf_printf(out, "%s\"", before));
    TRY(put_literal(out, a));
    return buf_printf(out, "\"%s", after);
}

static enum hearth_status put_name(struct buf *out, const struct family *w, const char *name)
{
    json_t *v = json_string(name);
    char *quoted = v ? jsontext_dump(v) : NULL;
    json_decref(v);
    if (!quoted) return HEARTH_ENOMEM;
    struct buf b = {0};
    enum hearth_status st = buf_printf(&b, "%s{\"name\": %s, \"%s\": ", w->before, quoted, w->key);
    if (st == HEARTH_OK) st = put_literals(out, "", b.data, "");
    buf_free(&b);
    free(quoted);
    return st;
}

/* The schema of a tool's arguments, a new reference; NULL in *out: it takes none. */
static enum hearth_status arguments_schema(const json_t *tools, size_t i, json_t **out)
{
    const json_t *given = json_object_get(tools_function(tools, i), "parameters"), *type = json_object_get(given, "type");
    *out = NULL;
    if (!given || json_is_null(given) || json_object_size(given) == 0) return HEARTH_OK;
    if (type && (!json_is_string(type) || strcmp(json_string_value(type), "object") != 0))
        return fail(HEARTH_EUSAGE, "tools[%zu].function.parameters.type: should be \"object\"", i);
    json_t *schema = json_copy((json_t *)given);
    if (!schema) return fail_memory(0);
    int bad = type ? 0 : json_object_set_new(schema, "type", json_string("object"));
    if (json_object_get(schema, "properties") && !json_object_get(schema, "additionalProperties"))
        bad |= json_object_set_new(schema, "additionalProperties", json_false());
    if (bad) {
        json_decref(schema);
        return fail_memory(0);
    }
    *out = schema;
    return HEARTH_OK;
}

static enum hearth_status put_arguments(struct buf *out, const json_t *tools, size_t i)
{
    json_t *schema;
    TRY(arguments_schema(tools, i, &schema));
    if (!schema) return buf_printf(out, "args-%zu ::= \"{}\"\n", i);
    char *text = jsontext_dump(schema);
    json_decref(schema);
    if (!text) return HEARTH_ENOMEM;
    enum hearth_status st = buf_printf(out, "args-%zu ::= %%json %s\n", i, text);
    free(text);
    return st;
}

static enum hearth_status put_root(struct buf *out, const struct family *w, int parallel)
{
    TRY(buf_puts(out, "root ::= "));
    TRY(put_literals(out, "", w->open, " "));
    TRY(buf_puts(out, "call"));
    if (parallel) {
        TRY(put_literals(out, " (", w->between, " "));
        TRY(buf_printf(out, "call){0,%d}", CALLS_TOGETHER - 1));
    }
    TRY(put_literals(out, " ", w->close, ""));
    return buf_puts(out, "\ncall ::= ");
}

static enum hearth_status no_such_tool(const json_t *tools, const char *named)
{
    struct buf b = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < json_array_size(tools) && i < 8 && st == HEARTH_OK; i++)
        st = buf_printf(&b, "%s%s", i ? ", " : "", tools_name(tools, i));
    if (st == HEARTH_OK) st = fail(HEARTH_EUSAGE, "tool_choice: there is no tool \"%s\"; there are: %s", named, b.data ? b.data : "none");
    buf_free(&b);
    return st;
}

enum hearth_status toolcall_grammar(enum toolcall_format f, const json_t *tools, const char *named, int parallel, struct buf *out)
{
    const struct family *w = toolcall_family(f);
    int any = 0;
    TRY(tools_check(tools));
    if (named && !tools_has(tools, named)) return no_such_tool(tools, named);
    if (json_array_size(tools) == 0) return fail(HEARTH_EUSAGE, "tool_choice: a call is required, but there are no tools");
    TRY(put_root(out, w, parallel));
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (!named || strcmp(named, tools_name(tools, i)) == 0) TRY(buf_printf(out, "%scall-%zu", any++ ? " | " : "", i));
    TRY(buf_putc(out, '\n'));
    for (size_t i = 0; i < json_array_size(tools); i++) {
        if (named && strcmp(named, tools_name(tools, i)) != 0) continue;
        TRY(buf_printf(out, "call-%zu ::= ", i));
        TRY(put_name(out, w, tools_name(tools, i)));
        TRY(buf_printf(out, " args-%zu \"}", i));
        TRY(put_literal(out, w->after));
        TRY(buf_puts(out, "\"\n"));
        TRY(put_arguments(out, tools, i));
    }
    return HEARTH_OK;
}

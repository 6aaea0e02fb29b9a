/* toolcall.c - the families that call tools, as a table: how each is recognised, how its calls are written. */
#include <ctype.h>
#include <string.h>

#include "base/jsontext.h"
#include "work/toolcall_in.h"

#define THINK "<think>", "</think>"
static const char *const hermes[] = {"<tool_call>", "</tool_call>", THINK, NULL};
static const char *const llama3[] = {"<|python_tag|>", THINK, NULL};
static const char *const mistral[] = {"[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", THINK, NULL};
static const char *const granite[] = {"<|tool_call|>", "<tool_call>", THINK, NULL};
static const char *const phi[] = {"<|tool_call|>", "<|/tool_call|>", THINK, NULL};
static const char *const plain[] = {THINK, NULL};

#define FENCE(word, anywhere) {"```" word, "```", !(anywhere), 0}
static const struct family families[] = {
    [TOOLCALL_HERMES] = {"hermes", {{"<tool_call>", "</tool_call>", 0, 0}},
                         "arguments", "", "<tool_call>\n", "\n</tool_call>", "\n", "", hermes},
    [TOOLCALL_LLAMA3] = {"llama3", {{"<|python_tag|>", "", 0, 0}}, "parameters", "", "", "", "; ", "", llama3},
    [TOOLCALL_MISTRAL] = {"mistral", {{"[TOOL_CALLS]", "", 0, 1}}, "arguments", "[TOOL_CALLS][", "", "", ", ", "]", mistral},
    /* 3.1 was also seen to write <tool_call>; nothing closes either. */
    [TOOLCALL_GRANITE] = {"granite", {{"<|tool_call|>", "", 0, 0}, {"<tool_call>", "", 0, 0}},
                          "arguments", "<|tool_call|>[", "", "", ", ", "]", granite},
    /* Phi-4-mini also writes functools[...], after what it was trained on. */
    [TOOLCALL_PHI] = {"phi", {{"<|tool_call|>", "<|/tool_call|>", 0, 0}, {"functools", "", 1, 0}},
                      "arguments", "<|tool_call|>[", "", "", ", ", "]<|/tool_call|>", phi},
    [TOOLCALL_GEMMA] = {"gemma", {FENCE("tool_code", 1), FENCE("json", 0)},
                        "parameters", "", "```tool_code\n", "\n```", "\n", "", plain},
    [TOOLCALL_JSON] = {"json", {FENCE("tool_code", 0), FENCE("json", 0)}, "arguments", "", "", "", "\n", "", plain},
};

const struct family *toolcall_family(enum toolcall_format f) { return &families[f]; }
const char *toolcall_name(enum toolcall_format f) { return families[f].name; }
const char *const *toolcall_marks(enum toolcall_format f) { return families[f].control; }

/* ---- recognising ---- */

/* Whether the template's statements read the variable: the word outside of texts, comments and attributes. */
static int uses_tools(const char *s)
{
    char quote = 0;
    int code = 0;
    for (char last = ' '; *s; last = *s++) {
        if (!code) {
            if (*s == '{' && s[1] == '#' && !(s = strstr(s, "#}"))) return 0;
            code = *s == '{' && (s[1] == '%' || s[1] == '{');
        } else if (quote) {
            if (*s == '\\' && s[1]) s++;
            else if (*s == quote) quote = 0;
        } else if (*s == '"' || *s == '\'') {
            quote = *s;
        } else if ((*s == '%' || *s == '}') && s[1] == '}') {
            code = 0;
        } else if (!isalnum((unsigned char)last) && last != '_' && last != '.' && strncmp(s, "tools", 5) == 0 &&
                   !isalnum((unsigned char)s[5]) && s[5] != '_') {
            return 1;
        }
    }
    return 0;
}

/* <tool_call> with JSON in it, not with <function=...> or <arg_key> as others use the same tag for. */
static int is_hermes(const char *s)
{
    enum { NEAR = 160 };
    while ((s = strstr(s, "<tool_call>"))) {
        s += strlen("<tool_call>");
        size_t n = strnlen(s, NEAR);
        const char *name = memmem(s, n, "\"name", 5), *escaped = memmem(s, n, "\\\"name", 6);
        if (memmem(s, n, "<function=", 10) || memmem(s, n, "<arg_key>", 9) || memmem(s, n, "<tool_calls>", 12)) return 0;
        if (name || escaped) return 1;
    }
    return 0;
}

enum toolcall_format toolcall_detect(const char *t, int *native)
{
    enum toolcall_format f = TOOLCALL_JSON;
    int uses = uses_tools(t);
    if (is_hermes(t)) f = TOOLCALL_HERMES;
    else if (strstr(t, "[TOOL_CALLS]")) f = TOOLCALL_MISTRAL;
    else if (strstr(t, "<|/tool_call|>") || strstr(t, "<|tool|>")) f = TOOLCALL_PHI;
    else if (strstr(t, "<|tool_call|>")) f = TOOLCALL_GRANITE;
    else if (strstr(t, "<|start_header_id|>") && strstr(t, "\"parameters\": ") && !strstr(t, "<function=")) f = TOOLCALL_LLAMA3;
    else if (strstr(t, "<start_of_turn>")) f = TOOLCALL_GEMMA;
    if (native) *native = uses && f != TOOLCALL_JSON && (f != TOOLCALL_GEMMA || strstr(t, "tool_code"));
    return f;
}

/* ---- tools ---- */

const json_t *tools_function(const json_t *tools, size_t i) { return json_object_get(json_array_get(tools, i), "function"); }
const char *tools_name(const json_t *tools, size_t i) { return json_string_value(json_object_get(tools_function(tools, i), "name")); }

int tools_has(const json_t *tools, const char *name)
{
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (strcmp(tools_name(tools, i), name) == 0) return 1;
    return 0;
}

enum hearth_status tools_check(const json_t *tools)
{
    if (!json_is_array(tools)) return fail(HEARTH_EUSAGE, "tools: should be an array");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *type = json_object_get(json_array_get(tools, i), "type"), *f = tools_function(tools, i);
        const json_t *parameters = json_object_get(f, "parameters");
        if (type && (!json_is_string(type) || strcmp(json_string_value(type), "function") != 0))
            return fail(HEARTH_EUSAGE, "tools[%zu].type: should be \"function\"", i);
        if (!json_is_object(f)) return fail(HEARTH_EUSAGE, "tools[%zu].function: should be an object", i);
        if (!tools_name(tools, i) || !*tools_name(tools, i))
            return fail(HEARTH_EUSAGE, "tools[%zu].function.name: should be a text that is not empty", i);
        if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
            return fail(HEARTH_EUSAGE, "tools[%zu].function.parameters: should be a JSON Schema, an object", i);
    }
    return HEARTH_OK;
}

/* ---- writing ---- */

enum hearth_status toolcall_write(enum toolcall_format f, const json_t *calls, struct buf *out)
{
    const struct family *w = &families[f];
    TRY(buf_puts(out, w->open));
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i), *name = json_object_get(call, "name"), *arguments = json_object_get(call, "arguments");
        if (!json_is_string(name)) return fail(HEARTH_EUSAGE, "call %zu: name should be a text", i);
        if (!json_is_object(arguments)) return fail(HEARTH_EUSAGE, "call %zu: arguments should be an object", i);
        TRY(buf_printf(out, "%s%s{\"name\": ", i ? w->between : "", w->before));
        TRY(jsontext_put(out, name));
        TRY(buf_printf(out, ", \"%s\": ", w->key));
        TRY(jsontext_put_wide(out, arguments));
        TRY(buf_printf(out, "}%s", w->after));
    }
    return buf_puts(out, w->close);
}

enum hearth_status toolcall_prompt(const json_t *tools, struct buf *out)
{
    TRY(tools_check(tools));
    TRY(buf_puts(out, "You can call functions to help with the user's request. These are the functions, with a JSON Schema of their "
                      "parameters:\n"));
    for (size_t i = 0; i < json_array_size(tools); i++) {
        TRY(jsontext_put(out, tools_function(tools, i)));
        TRY(buf_putc(out, '\n'));
    }
    return buf_puts(out, "To call a function, answer with nothing but a JSON object of its name and its arguments, like this:\n"
                         "{\"name\": \"a_function\", \"arguments\": {\"a_parameter\": \"a value\"}}\n"
                         "To call several, write one such object on each line. The results will then be given to you. "
                         "When no function helps, answer in words.");
}

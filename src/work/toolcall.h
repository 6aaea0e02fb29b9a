/* toolcall.h - calls of tools in the words of a model, parsed back, also while they stream in.
 *
 * A model's chat template shows how its family writes a call; toolcall_detect reads that off the template's source:
 *
 *     hermes    <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>        Qwen, Hermes, SmolLM, Granite 4
 *     llama3    {"name": ..., "parameters": {...}}, also after <|python_tag|>        Llama 3.1, 3.2
 *     mistral   [TOOL_CALLS][{"name": ..., "arguments": {...}}]                      Mistral, Nemo
 *     granite   <|tool_call|>[{"name": ..., "arguments": {...}}]                     Granite 3
 *     phi       <|tool_call|>[{...}]<|/tool_call|>                                   Phi-4-mini
 *     gemma     ```tool_code\n{"name": ..., "parameters": {...}}\n```                Gemma
 *     json      {"name": ..., "arguments": {...}} as the whole answer                every other
 *
 * Untrusted: whatever a model writes that is no whole call is plain text. */
#ifndef HEARTH_WORK_TOOLCALL_H
#define HEARTH_WORK_TOOLCALL_H

#include <jansson.h>
#include "base/mem.h"
#include "base/status.h"

enum toolcall_format { TOOLCALL_HERMES, TOOLCALL_LLAMA3, TOOLCALL_MISTRAL, TOOLCALL_GRANITE, TOOLCALL_PHI, TOOLCALL_GEMMA, TOOLCALL_JSON };

/* From the template's source; *native (may be NULL): the template itself mentions tools, so that it can be given them. */
enum toolcall_format toolcall_detect(const char *chat_template, int *native);
const char *toolcall_name(enum toolcall_format f);

enum { TOOLCALLS_MAX = 64 };         /* in one answer */

struct toolcall_events {             /* anything but 0 from one ends the answer */
    int (*on_text)(void *user, const char *text, size_t len);              /* what is no call, as soon as that is sure */
    int (*on_think)(void *user, const char *text, size_t len);             /* inside <think>...</think>; NULL: it is text */
    int (*on_call)(void *user, int index, const char *name, json_t *arguments); /* a whole call; arguments: an object, borrowed */
    void *user;
};

struct toolcall_parser;
/* tools: the request's array (OpenAI's form), or NULL: no calls are looked for.  Names not among them are text. */
enum hearth_status toolcall_open(enum toolcall_format f, const json_t *tools, const struct toolcall_events *e, struct toolcall_parser **out);
/* Text of the answer in any pieces; 1: an event ended it. */
int toolcall_put(struct toolcall_parser *p, const char *text, size_t len);
/* The answer is over: what was held back is a call or text.  *calls: how many there were. */
int toolcall_end(struct toolcall_parser *p, int *calls);
void toolcall_close(struct toolcall_parser *p);

/* A GBNF grammar of answers that are calls (tool_choice): required: one call or more of any tool, named: of that one.  parallel 0: one
 * only.  EUNSUPPORTED: a parameter schema that cannot be honoured.  Each tool's parameters schema holds its arguments. */
enum hearth_status toolcall_grammar(enum toolcall_format f, const json_t *tools, const char *named, int parallel, struct buf *out);
/* The sentences that tell a model without native support about the tools, to be put before its system prompt. */
enum hearth_status toolcall_prompt(const json_t *tools, struct buf *out);

#endif

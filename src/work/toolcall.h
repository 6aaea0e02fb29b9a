/* toolcall.h - calls of tools in the words of a model, parsed back, also while they stream in.
 *
 * A model's chat template shows how its family writes a call; toolcall_detect reads that off the template's source:
 *
 *     hermes    <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>        Qwen, Hermes, SmolLM, Granite 4
 *     llama3    {"name": ..., "parameters": {...}}, also after <|python_tag|>        Llama 3.1, 3.2
 *     mistral   [TOOL_CALLS][{"name": ..., "arguments": {...}}]                      Mistral, Nemo; newer ones write
 *               [TOOL_CALLS]name[ARGS]{...}, which is read too
 *     granite   <|tool_call|>[{"name": ..., "arguments": {...}}]                     Granite 3
 *     phi       <|tool_call|>[{...}]<|/tool_call|>                                   Phi-4-mini
 *     gemma     ```tool_code\n{"name": ..., "parameters": {...}}\n```                Gemma
 *     json      {"name": ..., "arguments": {...}} as the answer's beginning          every other
 *
 * What stands between tags is read alike in all: "arguments" or "parameters", one object, several, or an array of them.  An answer that
 * begins with such an object is a call in every family: small models forget tags.
 *
 * Untrusted: whatever a model writes that is no whole call is plain text, byte for byte.  White space beside a tag belongs to the tag. */
#ifndef HEARTH_WORK_TOOLCALL_H
#define HEARTH_WORK_TOOLCALL_H

#include <jansson.h>
#include "base/mem.h"
#include "base/status.h"

enum toolcall_format { TOOLCALL_HERMES, TOOLCALL_LLAMA3, TOOLCALL_MISTRAL, TOOLCALL_GRANITE, TOOLCALL_PHI, TOOLCALL_GEMMA, TOOLCALL_JSON };

/* From the template's source; *native (may be NULL): the template takes tools and writes calls in this form, so that it can be given
 * them.  0: the template is not to be given any (whatever it would say of them is not understood), but toolcall_prompt's sentences. */
enum toolcall_format toolcall_detect(const char *chat_template, int *native);
const char *toolcall_name(enum toolcall_format f);
/* The tags that may be control tokens, whose text hearth_generate does not show unless params.shown names them; a NULL ends the list.
 * Tag by tag: hearth_tokenize with HEARTH_TOK_PARSE; one id is such a token, more are ordinary text. */
const char *const *toolcall_marks(enum toolcall_format f);

enum { TOOLCALLS_MAX = 64 };         /* in one answer */

struct toolcall_events {             /* anything but 0 from one ends the answer */
    int (*on_text)(void *user, const char *text, size_t len);              /* what is no call, as soon as that is sure */
    int (*on_think)(void *user, const char *text, size_t len);             /* inside <think>...</think>; NULL: it is text */
    int (*on_call)(void *user, int index, const char *name, json_t *arguments); /* a whole call; arguments: an object, borrowed */
    void *user;
    int thinking;                    /* 1: the prompt ended inside <think> */
};

struct toolcall_parser;
/* tools: the request's array (OpenAI's form), or NULL: no calls are looked for.  Names not among them are text.  EUSAGE names what is
 * wrong with tools. */
enum hearth_status toolcall_open(enum toolcall_format f, const json_t *tools, const struct toolcall_events *e, struct toolcall_parser **out);
/* Text of the answer in any pieces; 1: an event ended it. */
int toolcall_put(struct toolcall_parser *p, const char *text, size_t len);
/* The answer is over: what was held back is a call or text.  *calls: how many there were. */
int toolcall_end(struct toolcall_parser *p, int *calls);
/* ENOMEM when memory ended the answer. */
enum hearth_status toolcall_status(const struct toolcall_parser *p);
void toolcall_close(struct toolcall_parser *p);
/* [{"name", "arguments" (an object)}, ...] in the family's words, as the parser reads them: for the history of a conversation whose
 * template does not write calls. */
enum hearth_status toolcall_write(enum toolcall_format f, const json_t *calls, struct buf *out);

/* A GBNF grammar of answers that are calls (tool_choice): required: one call or more of any tool, named: of that one.  parallel 0: one
 * only.  EUSAGE: `named` is not among the tools, or a parameter schema is not of an object.  Each tool's parameters schema holds its
 * arguments: it stands in the text as `%json {...}`, so what cannot be honoured is hearth_grammar_open's EUNSUPPORTED. */
enum hearth_status toolcall_grammar(enum toolcall_format f, const json_t *tools, const char *named, int parallel, struct buf *out);
/* The sentences that tell a model without native support about the tools, to be put before its system prompt; no newline ends them. */
enum hearth_status toolcall_prompt(const json_t *tools, struct buf *out);

#endif

/* template.h - chat templates: the Jinja that `transformers` uses (its sandbox, trim_blocks and lstrip_blocks on,
 * the loop controls extension, tojson, raise_exception, strftime_now), equal to Python's jinja2 3.1 byte for byte.
 * What is left out on purpose: tags for pages made of several files ({% block %}, {% include %} ...) and autoescape;
 * the filters pprint, random and urlize; integers beyond 64 bits.  Each is an error that says so. */
#ifndef HEARTH_TEXT_TEMPLATE_H
#define HEARTH_TEXT_TEMPLATE_H

#include <time.h>
#include <jansson.h>
#include "base/mem.h"

struct template;

/* What one rendering may use; zero fields: 20,000,000 / 16 MiB / 100 / 64 MiB.
 * steps: nodes walked, items gone through; output: bytes of text, also of what is being captured;
 * depth: macros and recursive loops inside of each other; memory: bytes of all values made. */
struct template_limits { uint64_t steps, output; uint32_t depth; uint64_t memory; };

/* Compiles; EFORMAT names line and what was found.  name is used in messages. */
enum hearth_status template_open(const char *source, size_t n, const char *name, struct template **out);
/* The same in the environment of lm-evaluation-harness's tasks: trim_blocks and lstrip_blocks off, a last new line stays, and what is
 * undefined is an error where it is printed or decides something. */
enum hearth_status template_open_plain(const char *source, size_t n, const char *name, struct template **out);
void template_close(struct template *t);
/* Renders with `globals`, a JSON object whose members are the template's variables (messages, tools, bos_token,
 * add_generation_prompt, ...).  now: what strftime_now formats, local time.  Appends to out; on failure out is as it
 * was.  ELIMIT: a limit was reached; EFORMAT: the template's own raise_exception, or an error in it.  Thread-safe. */
enum hearth_status template_render(const struct template *t, const json_t *globals, time_t now,
                                   const struct template_limits *limits, struct buf *out);

#endif

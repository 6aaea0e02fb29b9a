/* gotemplate.h - chat templates in the notation of Go's text/template, as Ollama's Modelfiles have them, made into Jinja.
 *
 *     {{ if .System }}<|im_start|>system          {% if go_.system %}{{ "<|im_start|>system\n" }}{{ go_.system }}...
 *     {{ .System }}<|im_end|>               ──►
 *     {{ end }}...
 *
 * What is known: .System .Prompt .Response .Suffix .Messages .Tools .Think, the fields of messages, tools and calls; if, else if, else,
 * range (with variables, over lists and maps), with, break, continue, end; {{- -}}; variables; comments; pipes; eq ne lt le gt ge and
 * or not len index slice json.  Anything else is EUNSUPPORTED naming line and word.
 *
 * A template without .Messages is laid out once for each turn of system, user and assistant, and cut behind .Response in the last, as
 * Ollama does it.  With .Suffix, the variables `prompt` and `suffix` of a rendering choose filling in the middle. */
#ifndef HEARTH_TEXT_GOTEMPLATE_H
#define HEARTH_TEXT_GOTEMPLATE_H

#include "base/mem.h"

/* 1: written for Go rather than as Jinja. */
int gotemplate_is(const char *source, size_t n);
/* Appends Jinja to out.  name stands for the template in messages. */
enum hearth_status gotemplate_to_jinja(const char *source, size_t n, const char *name, struct buf *out);

#endif

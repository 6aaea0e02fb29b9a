/* yaml.h - the part of YAML that task files are written in, read into JSON's values.
 *
 *     task: intents                    # block mappings, block lists, also one inside the other
 *     doc_to_text: "Text: {{text}}\n"  # plain, 'single' and "double" quoted scalars, over several lines when quoted
 *     doc_to_choice: [spam, "no"]      # lists and mappings in brackets
 *     description: |                   # blocks kept (|) or folded (>), with - or + behind
 *       Read the text.
 *
 * Null, true, false and numbers are what JSON calls so (and ~).  What is read differently by different readers is refused, with its line:
 * yes, no, on, off and numbers with a leading 0 stand in quotes.  Refused too: anchors, aliases, merge keys, tags (!function), several
 * documents, tabs as indentation, a key twice, plain scalars over several lines.  https://yaml.org/spec/1.2.2 */
#ifndef HEARTH_WORK_YAML_H
#define HEARTH_WORK_YAML_H

#include <jansson.h>
#include "base/mem.h"

/* EFORMAT: "what: line 3: ...".  *out is to be given back with json_decref; null for an empty file. */
enum hearth_status yaml_read(const char *what, const char *text, size_t n, json_t **out);

#endif

/* template.c - fuzz target: bytes taken for a chat template and, behind a line "---", its variables as JSON.  Budgets are
 * small, so that what a template may cost is seen soon; an error must leave the output as it was and say where it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "text/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char variables[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"}, {\"role\": \"user\", \"content\": \"Hé, ß?\"},"
    " {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\":"
    " {\"a\": 1}}}]}], \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", \"parameters\":"
    " {\"properties\": {\"a\": {\"type\": \"integer\"}}}}}], \"bos_token\": \"<s>\", \"s\": \"Hello World\", \"n\": 7,"
    " \"f\": 2.5, \"l\": [3, 1, 2], \"ls\": [\"b\", \"A\"], \"d\": {\"b\": 1, \"items\": 2}, \"no\": false, \"nil\": null,"
    " \"ld\": [{\"name\": \"Bo\", \"age\": 3}, {\"name\": \"al\"}], \"tree\": [{\"v\": 1, \"kids\": [{\"v\": 2}]}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct template_limits limits = { .steps = 100000, .output = 1 << 16, .depth = 20, .memory = 1 << 22 };
    const uint8_t *line = size > 5 ? memmem(data, size, "\n---\n", 5) : NULL;
    size_t n = line ? (size_t)(line - data) : size;
    struct template *t;
    json_t *given = line ? json_loadb((const char *)line + 5, size - n - 5, JSON_ALLOW_NUL, NULL) : NULL;
    json_t *globals = given ? given : json_loads(variables, 0, NULL);
    if (!globals) abort();
    enum hearth_status st = template_open((const char *)data, n, "fuzz", &t);
    if (st == HEARTH_OK) {
        struct buf out = { 0 };
        if (buf_puts(&out, "kept") != HEARTH_OK) abort();
        st = template_render(t, globals, 0, &limits, &out);
        if (st == HEARTH_OK ? out.len < 4 : out.len != 4) abort();
        if (memcmp(out.data, "kept", 4) || out.data[out.len] != '\0') abort();
        buf_free(&out);
        template_close(t);
    } else if (t) {
        abort();
    }
    if (st != HEARTH_OK && st != HEARTH_EFORMAT && st != HEARTH_ELIMIT) abort();
    if (st != HEARTH_OK && strncmp(hearth_errmsg(), "fuzz: ", 6)) abort();
    json_decref(globals);
    return 0;
}

/* toolcall.c - fuzz target: an answer of a model, read as each family of tool calls.  The first byte chooses the family, whether thoughts
 * are told apart, and the pieces.  Whatever the pieces, the same is told; and without a call or a thought all of it is text. */
#include <stdint.h>
#include "unit/toolcall_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *tools;
    static struct told one, other;
    if (!tools) tools = json_loads("[{\"function\": {\"name\": \"f\"}}, {\"function\": {\"name\": \"weather\", \"parameters\": {}}}]", 0, NULL);
    if (!tools) abort();
    if (size == 0) return 0;
    enum toolcall_format f = (enum toolcall_format)(data[0] % (TOOLCALL_JSON + 1));
    int apart = data[0] >> 7 & 1, thinking = data[0] >> 6 & 1;
    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    int calls = told_parse(&one, f, tools, apart, thinking, text, n, n, 1);
    if (told_parse(&other, f, tools, apart, thinking, text, n, 1, 1) != calls) abort();
    if (one.log.len != other.log.len || memcmp(one.log.data, other.log.data, one.log.len) != 0) abort();
    if (one.text.len > n) abort();
    if (calls == 0 && !apart && (one.text.len != n || (n && memcmp(one.text.data, text, n) != 0))) abort();
    json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);      /* as tools, and as calls to be written */
    struct buf b = {0};
    if (toolcall_grammar(f, object, NULL, apart, &b) == HEARTH_OK && toolcall_prompt(object, &b) != HEARTH_OK) abort();
    toolcall_write(f, object, &b);
    buf_free(&b);
    json_decref(object);
    char *source = strndup(text, n);
    int native = -1;
    if (source && (toolcall_detect(source, &native) > TOOLCALL_JSON || native < 0 || native > 1)) abort();
    free(source);
    told_free(&one);
    told_free(&other);
    return 0;
}

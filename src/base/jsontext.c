/* jsontext.c - JSON that somebody else wrote, read with jansson.
 *
 * When a buffer of jansson's parser cannot grow, the parser drops the byte and goes on (lex_save, 2.14): the mistake is then
 * blamed on the text, or a string comes out shorter and nothing is said.  So its allocator is watched while we parse: it
 * calls the one that was set before, and notes on this thread when that gave nothing. */
#include <pthread.h>

#include "base/jsontext.h"

static json_malloc_t allocate;
static _Thread_local size_t refused;

static void *watched(size_t n) {
    void *p = allocate(n);
    if (!p) refused = n ? n : 1;
    return p;
}

static void watch(void) {
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(watched, release);
}

enum hearth_status jsontext_read(const char *what, const char *text, size_t n, json_t **out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t e;
    pthread_once(&once, watch);
    refused = 0;
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (refused) {
        json_decref(*out);
        *out = NULL;
        return fail_memory(refused);
    }
    if (!*out) return fail(HEARTH_EFORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
    return HEARTH_OK;
}

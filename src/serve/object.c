/* object.c - the body of a request as JSON, looked over before it is parsed: how deep, and how many values, costs memory far beyond
 * its bytes ("[[[[..." and "1,1,1,..."). */
#include <string.h>
#include <strings.h>
#include "base/jsontext.h"
#include "serve/server_in.h"
#include "serve/object.h"

enum hearth_status object_examine(const char *text, size_t n, size_t *count)
{
    size_t depth = 0, values = 0;
    int in_string = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = 0;
            continue;
        }
        if (c == '"') in_string = 1;
        else if (c == '{' || c == '[') {
            values++;
            if (++depth > OBJECT_DEPTH) return fail(HEARTH_ELIMIT, "the body is nested deeper than %d", OBJECT_DEPTH);
        } else if ((c == '}' || c == ']') && depth) depth--;
        else if (c == ',' || c == ':') values++;
        if (values > OBJECT_VALUES) return fail(HEARTH_ELIMIT, "the body has more than %d values", OBJECT_VALUES);
    }
    *count = values;
    return HEARTH_OK;
}

/* A form of another page can post text/plain without asking first; that it says who sent it is the only sign. */
static int type_is_good(struct exchange *x)
{
    const char *type = exchange_header(x, "Content-Type");
    if (!exchange_header(x, "Origin")) return 1;
    if (type && strncasecmp(type, "application/json", 16) == 0 && strchr(" ;", type[16])) return 1;
    exchange_error(x, 415, NULL, NULL, "a page sends its request as Content-Type: application/json");
    return 0;
}

json_t *exchange_object(struct exchange *x)
{
    enum { VALUE = 64 };                               /* bytes that one takes when it is read, about; a member of an object takes two */
    size_t n, values = 0;
    const char *text = exchange_body(x, &n);
    json_t *body = NULL;
    if (!type_is_good(x)) return NULL;
    enum hearth_status st = object_examine(text, n, &values);
    if (st == HEARTH_OK && !exchange_room(x, values * VALUE)) {
        exchange_set(x, "Retry-After", "5");
        exchange_error(x, 503, NULL, NULL, "the server has no memory for this request now; try again");
        return NULL;
    }
    if (st == HEARTH_OK) st = jsontext_read("the body of the request", text, n, &body);
    if (st == HEARTH_OK && json_is_object(body)) return body;
    if (st == HEARTH_OK) exchange_error(x, 400, NULL, NULL, "the body of the request is no JSON object");
    else exchange_error(x, st == HEARTH_ENOMEM ? 500 : 400, NULL, NULL, "%s", hearth_errmsg());
    json_decref(body);
    return NULL;
}

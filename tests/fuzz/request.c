/* request.c - fuzz target: what a stranger writes to the server and the server takes apart itself: Host, Origin, the limits of a JSON body
 * (serve/hosts.h, serve/object.h). */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/jsontext.h"
#include "serve/hosts.h"
#include "serve/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken is a name of harmless characters, and is itself taken again. */
static void check(const struct host_name *h)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.:";
    struct host_name again;
    char text[300];
    if (!*h->name || strspn(h->name, allowed) != strlen(h->name) || h->port < -1 || h->port > 65535) abort();
    strcpy(text, strchr(h->name, ':') ? "[" : "");
    strcat(text, h->name);
    strcat(text, strchr(h->name, ':') ? "]" : "");
    if (!host_parse(text, &again) || strcmp(again.name, h->name) != 0 || again.port != -1) abort();
    if (!host_same(h->name, again.name)) abort();
    (void)host_is_loopback(h->name);
}

static int depth_of(const json_t *v)
{
    int most = 0;
    const char *name;
    const json_t *item;
    json_t *member;
    size_t i;
    int d;
    if (json_is_array(v)) json_array_foreach(v, i, item) if ((d = depth_of(item)) > most) most = d;
    if (json_is_object(v)) json_object_foreach((json_t *)(uintptr_t)v, name, member) if ((d = depth_of(member)) > most) most = d;
    return json_is_array(v) || json_is_object(v) ? most + 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_name h;
    int https;
    json_t *v = NULL;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (host_parse(text, &h)) check(&h);
    if (origin_parse(text, &https, &h)) {
        if (h.port < 0 || (https != 0 && https != 1)) abort();
        h.port = -1;
        check(&h);
    }
    if (size < 4096 && jsontext_read("input", text, size, &v) == HEARTH_OK) {
        size_t values = 0;
        int fits = object_examine(text, size, &values) == HEARTH_OK;
        if (fits != (depth_of(v) <= OBJECT_DEPTH)) abort();
        json_decref(v);
    }
    free(text);
    return 0;
}

/* wire_none.c - instead of wire.c in a build without libmicrohttpd. */
#include "serve/server_in.h"

enum hearth_status wire_open(struct server *s)
{
    (void)s;
    return HEARTH_OK;
}

enum hearth_status wire_prepare(struct server *s)
{
    (void)s;
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libmicrohttpd, so it cannot serve");
}

void wire_quiesce(struct server *s) { (void)s; }
void wire_close(struct server *s) { (void)s; }
void wire_resume(void *connection) { (void)connection; }
void wire_suspend(void *connection) { (void)connection; }

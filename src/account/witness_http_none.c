/* witness_http_none.c - instead of witness_http.c in a build without libmicrohttpd. */
#include "account/witness.h"

enum hearth_status witness_listen(struct witness *w, const char *address, void (*on_answer)(void *user, const struct witness_answer *a),
                                  void *user, struct witness_server **out)
{
    (void)w, (void)address, (void)on_answer, (void)user;
    *out = NULL;
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libmicrohttpd, so it cannot be a witness; it can ask one");
}

int witness_port(const struct witness_server *s)
{
    (void)s;
    return 0;
}

void witness_stop(struct witness_server *s)
{
    (void)s;
}

/* witness_post_none.c - instead of witness_post.c in a build without libcurl. */
#include "account/witness.h"

enum hearth_status witness_post(const char *url, const void *data, size_t n, size_t max, long *status, struct buf *body)
{
    (void)url, (void)data, (void)n, (void)max, (void)body;
    *status = 0;
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libcurl, so it cannot ask a witness");
}

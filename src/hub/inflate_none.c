/* inflate_none.c - instead of inflate.c in a build without zlib: a wheel is then fetched whole. */
#include "hub/inflate.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without zlib, so it cannot unpack a piece of a zip");
}

int inflate_available(void)
{
    return 0;
}

enum hearth_status inflate_open(const struct inflate_place *from, const void *window, size_t n, struct inflater **out)
{
    (void)from, (void)window, (void)n;
    *out = NULL;
    return refuse();
}

void inflate_close(struct inflater *z)
{
    (void)z;
}

enum hearth_status inflate_feed(struct inflater *z, const void *data, size_t n, inflate_sink *sink, void *user)
{
    (void)z, (void)data, (void)n, (void)sink, (void)user;
    return refuse();
}

int inflate_ended(const struct inflater *z)
{
    (void)z;
    return 0;
}

void inflate_mark(const struct inflater *z, struct inflate_place *out)
{
    (void)z;
    *out = (struct inflate_place){0};
}

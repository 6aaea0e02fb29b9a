/* fetch_none.c - instead of fetch.c in a build without libcurl. */
#include "hub/fetch.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED,
                "this hearth was built without libcurl, so it cannot fetch anything; bring a model file and `hearth import` it");
}

enum hearth_status fetch_open(const struct fetch_settings *s, const struct hub_callbacks *c, struct fetch **out)
{
    (void)s, (void)c;
    *out = NULL;
    return refuse();
}

void fetch_close(struct fetch *f)
{
    (void)f;
}

enum hearth_status fetch_trust(struct fetch *f, const char *url)
{
    (void)f, (void)url;
    return refuse();
}

enum hearth_status fetch_page(struct fetch *f, const char *url, const char *accept, size_t max, struct fetch_page *out)
{
    (void)f, (void)url, (void)accept, (void)max;
    *out = (struct fetch_page){0};
    return refuse();
}

enum hearth_status fetch_name(struct fetch *f, const char *url, const char *bearer)
{
    (void)f, (void)url, (void)bearer;
    return refuse();
}

enum hearth_status fetch_post(struct fetch *f, const char *url, const char *json, size_t max, struct fetch_page *out)
{
    (void)f, (void)url, (void)json, (void)max;
    *out = (struct fetch_page){0};
    return refuse();
}

void fetch_page_free(struct fetch_page *p)
{
    (void)p;
}

enum hearth_status fetch_tail(struct fetch *f, const char *url, size_t n, struct buf *tail, uint64_t *total, int *ranged)
{
    (void)f, (void)url, (void)n, (void)tail;
    *total = 0;
    *ranged = 0;
    return refuse();
}

enum hearth_status fetch_bytes(struct fetch *f, const char *url, uint64_t first, uint64_t end, fetch_sink *sink, void *user)
{
    (void)f, (void)url, (void)first, (void)end, (void)sink, (void)user;
    return refuse();
}

uint64_t fetch_received(const struct fetch *f)
{
    (void)f;
    return 0;
}

enum hearth_status fetch_join(const char *base, const char *link, char **out)
{
    (void)base, (void)link;
    *out = NULL;
    return refuse();
}

enum hearth_status fetch_public(const char *url, char **out)
{
    (void)url;
    *out = NULL;
    return refuse();
}

/* archive_none.c - stands in for archive.c where there is no libzip: everything says so. */
#include "hub/archive.h"

static enum hearth_status none(const char *path)
{
    return fail(HEARTH_EUNSUPPORTED, "%s: archives cannot be read: built without libzip", path);
}

enum hearth_status archive_open(const char *path, struct archive **out)
{
    *out = NULL;
    return none(path);
}

enum hearth_status archive_open_memory(const void *data, size_t n, const char *label, struct archive **out)
{
    (void)data, (void)n;
    *out = NULL;
    return none(label);
}

void archive_close(struct archive *a)
{
    (void)a;
}

size_t archive_count(const struct archive *a)
{
    (void)a;
    return 0;
}

enum hearth_status archive_member(const struct archive *a, size_t i, struct archive_member *out)
{
    (void)a, (void)i, (void)out;
    return none("archive");
}

enum hearth_status archive_find(const struct archive *a, const char *name, struct archive_member *out)
{
    (void)a, (void)out;
    return none(name);
}

enum hearth_status archive_read(struct archive *a, const char *name, uint64_t max, archive_sink *sink, void *user)
{
    (void)a, (void)max, (void)sink, (void)user;
    return none(name);
}

int archive_available(void)
{
    return 0;
}

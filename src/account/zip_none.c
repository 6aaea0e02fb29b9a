/* zip_none.c - instead of zip.c in a build without libzip. */
#include "account/pack.h"

enum hearth_status zip_save(const struct pack *p, const char *path)
{
    (void)p;
    return fail(HEARTH_EUNSUPPORTED, "%s: this hearth was built without libzip, so it writes no zip; give a folder instead", path);
}

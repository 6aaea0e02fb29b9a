/* digest_none.c - instead of digest.c in a build without libcrypto. */
#include "hub/digest.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED,
                "this hearth was built without libcrypto, so it can check no file's SHA-256; give the path of a model file "
                "instead of a name");
}

enum hearth_status sha256_open(struct sha256 **out)
{
    *out = NULL;
    return refuse();
}

void sha256_close(struct sha256 *s)
{
    (void)s;
}

enum hearth_status sha256_add(struct sha256 *s, const void *data, size_t n)
{
    (void)s, (void)data, (void)n;
    return refuse();
}

enum hearth_status sha256_end(struct sha256 *s, char hex[65])
{
    (void)s;
    hex[0] = '\0';
    return refuse();
}

enum hearth_status git_blob_id(const void *data, size_t n, char hex[41])
{
    (void)data, (void)n;
    hex[0] = '\0';
    return refuse();
}

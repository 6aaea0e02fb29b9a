/* seal_none.c - instead of seal.c in a build without libcrypto. */
#include "account/seal.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libcrypto, so it can neither seal nor open transcripts");
}

int seal_is_set(const char *folder)
{
    (void)folder;
    return 0;
}

int seal_is_sealed(const char *text, size_t n)
{
    (void)text, (void)n;
    return 0;
}

enum hearth_status seal_set(const char *folder, const char *passphrase)
{
    (void)folder, (void)passphrase;
    return refuse();
}

enum hearth_status seal_unlock(const char *folder, const char *passphrase)
{
    (void)folder, (void)passphrase;
    return refuse();
}

int seal_is_open(const char *folder)
{
    (void)folder;
    return 0;
}

void seal_lock(void)
{
}

enum hearth_status seal_close(const char *folder, const char *name, const void *data, size_t n, struct buf *out)
{
    (void)folder, (void)name, (void)data, (void)n, (void)out;
    return refuse();
}

enum hearth_status seal_open(const char *folder, const char *name, const char *text, size_t n, struct buf *out)
{
    (void)folder, (void)name, (void)text, (void)n, (void)out;
    return refuse();
}

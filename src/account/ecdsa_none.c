/* ecdsa_none.c - instead of ecdsa.c in a build without libcrypto. */
#include "account/ecdsa.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libcrypto, so it can neither make nor check signatures");
}

enum hearth_status ecdsa_make(struct buf *private_pem, struct buf *public_pem)
{
    (void)private_pem, (void)public_pem;
    return refuse();
}

enum hearth_status ecdsa_read_private(const char *what, const char *pem, size_t n, struct ecdsa_key **out)
{
    (void)what, (void)pem, (void)n;
    *out = NULL;
    return refuse();
}

enum hearth_status ecdsa_read_public(const char *what, const char *pem, size_t n, struct ecdsa_key **out)
{
    return ecdsa_read_private(what, pem, n, out);
}

void ecdsa_close(struct ecdsa_key *k)
{
    (void)k;
}

const char *ecdsa_curve(const struct ecdsa_key *k)
{
    (void)k;
    return "";
}

enum hearth_status ecdsa_hint(const struct ecdsa_key *k, char hex[65])
{
    (void)k;
    hex[0] = '\0';
    return refuse();
}

enum hearth_status ecdsa_sign(const struct ecdsa_key *k, const void *message, size_t n, struct buf *der)
{
    (void)k, (void)message, (void)n, (void)der;
    return refuse();
}

enum hearth_status ecdsa_verify(const struct ecdsa_key *k, const void *message, size_t n, const void *der, size_t der_n,
                                int *good)
{
    (void)k, (void)message, (void)n, (void)der, (void)der_n;
    *good = 0;
    return refuse();
}

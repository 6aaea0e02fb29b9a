/* crypto_none.c - instead of crypto.c in a build without libcrypto. */
#include "account/crypto.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without libcrypto, so it can neither keep nor check a ledger");
}

enum hearth_status crypto_sha256(const struct crypto_part *part, size_t n, uint8_t out[CRYPTO_HASH])
{
    (void)part, (void)n, (void)out;
    return refuse();
}

enum hearth_status crypto_public(const uint8_t secret[CRYPTO_KEY], uint8_t out[CRYPTO_KEY])
{
    (void)secret, (void)out;
    return refuse();
}

enum hearth_status crypto_sign(const uint8_t secret[CRYPTO_KEY], const void *message, size_t n, uint8_t out[CRYPTO_SIGNATURE])
{
    (void)secret, (void)message, (void)n, (void)out;
    return refuse();
}

enum hearth_status crypto_verify(const uint8_t public[CRYPTO_KEY], const void *message, size_t n,
                                 const uint8_t signature[CRYPTO_SIGNATURE], int *good)
{
    (void)public, (void)message, (void)n, (void)signature;
    *good = 0;
    return refuse();
}

enum hearth_status crypto_random(void *out, size_t n)
{
    (void)out, (void)n;
    return refuse();
}

/* digest.c - SHA-256 by OpenSSL's libcrypto. */
#include "hub/digest.h"

#include <openssl/evp.h>

#include "base/mem.h"

/* A handle of hearth's is libcrypto's context itself, under a name of its own. */
static EVP_MD_CTX *context(struct sha256 *s)
{
    return (EVP_MD_CTX *)s;
}

enum hearth_status sha256_open(struct sha256 **out)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    *out = NULL;
    if (!c) return fail(HEARTH_ENOMEM, "out of memory for a SHA-256 sum");
    if (EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(c);
        return fail(HEARTH_EUNSUPPORTED, "libcrypto offers no SHA-256 here");
    }
    *out = (struct sha256 *)c;
    return HEARTH_OK;
}

void sha256_close(struct sha256 *s)
{
    EVP_MD_CTX_free(context(s));
}

enum hearth_status sha256_add(struct sha256 *s, const void *data, size_t n)
{
    if (EVP_DigestUpdate(context(s), data, n) == 1) return HEARTH_OK;
    return fail(HEARTH_EINTERNAL, "libcrypto could not add %zu bytes to a SHA-256 sum", n);
}

enum hearth_status sha256_end(struct sha256 *s, char hex[65])
{
    static const char digit[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(context(s), sum, &n) != 1 || n != 32)
        return fail(HEARTH_EINTERNAL, "libcrypto could not finish a SHA-256 sum");
    for (unsigned i = 0; i < 32; i++) {
        hex[2 * i] = digit[sum[i] >> 4];
        hex[2 * i + 1] = digit[sum[i] & 15];
    }
    hex[64] = '\0';
    return HEARTH_OK;
}

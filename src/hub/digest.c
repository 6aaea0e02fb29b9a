/* digest.c - SHA-256 by OpenSSL's libcrypto. */
#include "hub/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/mem.h"

/* A handle of hearth's is libcrypto's context itself, under a name of its own. */
static EVP_MD_CTX *context(struct sha256 *s)
{
    return (EVP_MD_CTX *)s;
}

static void put_hex(const unsigned char *sum, unsigned n, char *hex)
{
    static const char digit[] = "0123456789abcdef";
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = digit[sum[i] >> 4];
        hex[2 * i + 1] = digit[sum[i] & 15];
    }
    hex[2 * n] = '\0';
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
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(context(s), sum, &n) != 1 || n != 32)
        return fail(HEARTH_EINTERNAL, "libcrypto could not finish a SHA-256 sum");
    put_hex(sum, 32, hex);
    return HEARTH_OK;
}

enum hearth_status git_blob_id(const void *data, size_t n, char hex[41])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    char head[40];
    unsigned len = 0;
    size_t head_n = (size_t)snprintf(head, sizeof head, "blob %zu", n) + 1;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int good = c && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1 && EVP_DigestUpdate(c, head, head_n) == 1 && EVP_DigestUpdate(c, data, n) == 1 &&
               EVP_DigestFinal_ex(c, sum, &len) == 1 && len == 20;
    EVP_MD_CTX_free(c);
    if (!good) return fail(HEARTH_EUNSUPPORTED, "libcrypto offers no SHA-1 here, by which git names files");
    put_hex(sum, 20, hex);
    return HEARTH_OK;
}

/* crypto.c - SHA-256 and Ed25519 by OpenSSL's libcrypto. */
#include "account/crypto.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/random.h>

/* Looked up once: libcrypto searches its providers under a lock each time it is asked by name. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

enum hearth_status crypto_sha256(const struct crypto_part *part, size_t n, uint8_t out[CRYPTO_HASH])
{
    unsigned size = 0;
    pthread_once(&sha256_once, fetch_sha256);
    if (!sha256) return fail(HEARTH_EUNSUPPORTED, "libcrypto offers no SHA-256 here");
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c) return fail(HEARTH_ENOMEM, "out of memory for a SHA-256 sum");
    int good = EVP_DigestInit_ex2(c, sha256, NULL) == 1;
    for (size_t i = 0; i < n && good; i++) good = EVP_DigestUpdate(c, part[i].data, part[i].n) == 1;
    good = good && EVP_DigestFinal_ex(c, out, &size) == 1 && size == CRYPTO_HASH;
    EVP_MD_CTX_free(c);
    return good ? HEARTH_OK : fail(HEARTH_EINTERNAL, "libcrypto could not make a SHA-256 sum");
}

static enum hearth_status no_ed25519(void)
{
    return fail(HEARTH_EUNSUPPORTED, "libcrypto offers no Ed25519 here (or has no memory for it)");
}

enum hearth_status crypto_public(const uint8_t secret[CRYPTO_KEY], uint8_t out[CRYPTO_KEY])
{
    size_t n = CRYPTO_KEY;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, CRYPTO_KEY);
    int good = key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == CRYPTO_KEY;
    EVP_PKEY_free(key);
    return good ? HEARTH_OK : no_ed25519();
}

enum hearth_status crypto_sign(const uint8_t secret[CRYPTO_KEY], const void *message, size_t n, uint8_t out[CRYPTO_SIGNATURE])
{
    size_t size = CRYPTO_SIGNATURE;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, CRYPTO_KEY);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int good = key && c && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestSign(c, out, &size, message, n) == 1 && size == CRYPTO_SIGNATURE;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return good ? HEARTH_OK : no_ed25519();
}

/* EVP_DigestVerify answers 0 or a negative number for a signature that is not good, whatever is wrong with it. */
enum hearth_status crypto_verify(const uint8_t public[CRYPTO_KEY], const void *message, size_t n,
                                 const uint8_t signature[CRYPTO_SIGNATURE], int *good)
{
    *good = 0;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, CRYPTO_KEY);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ready = key && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1;
    if (ready) *good = EVP_DigestVerify(c, signature, CRYPTO_SIGNATURE, message, n) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return ready ? HEARTH_OK : no_ed25519();
}

enum hearth_status crypto_random(void *out, size_t n)
{
    uint8_t *at = out;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("getrandom", "the system gives no random numbers");
        at += got;
        n -= (size_t)got;
    }
    return HEARTH_OK;
}

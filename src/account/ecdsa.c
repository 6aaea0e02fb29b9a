/* ecdsa.c - ECDSA by OpenSSL's libcrypto.
 *
 * A key that is refused is refused with its reason: people bring keys of all kinds, and "bad key" helps nobody. */
#include "account/ecdsa.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "hub/digest.h"

static const struct curve { const char *group, *name; const EVP_MD *(*hash)(void); } curves[] = {
    {"prime256v1", "P-256", EVP_sha256},
    {"secp384r1", "P-384", EVP_sha384},
    {"secp521r1", "P-521", EVP_sha512},
};

struct ecdsa_key { EVP_PKEY *key; const struct curve *curve; };

static enum hearth_status no_ecdsa(void)
{
    ERR_clear_error();
    return fail(HEARTH_EUNSUPPORTED, "libcrypto offers no ECDSA here (or has no memory for it)");
}

/* What is in a memory BIO goes to the end of `to`. */
static enum hearth_status take(BIO *bio, struct buf *to)
{
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    return n > 0 ? buf_put(to, text, (size_t)n) : no_ecdsa();
}

static enum hearth_status write_pem(EVP_PKEY *key, int secret, struct buf *to)
{
    BIO *bio = BIO_new(secret ? BIO_s_secmem() : BIO_s_mem());
    int good = bio && (secret ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                              : PEM_write_bio_PUBKEY(bio, key)) == 1;
    enum hearth_status st = good ? take(bio, to) : no_ecdsa();
    BIO_free(bio);
    return st;
}

enum hearth_status ecdsa_make(struct buf *private_pem, struct buf *public_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key) return no_ecdsa();
    enum hearth_status st = write_pem(key, 1, private_pem);
    if (st == HEARTH_OK) st = write_pem(key, 0, public_pem);
    EVP_PKEY_free(key);
    return st;
}

/* ---- reading ---- */

static int holds(const char *pem, size_t n, const char *word)
{
    return memmem(pem, n, word, strlen(word)) != NULL;
}

static enum hearth_status no_key(const char *what, const char *pem, size_t n, int secret)
{
    const char *half = secret ? "private" : "public";
    ERR_clear_error();
    if (secret && holds(pem, n, "ENCRYPTED"))
        return fail(HEARTH_EFORMAT, "%s: this key is locked with a passphrase; allowed is one without (`openssl pkey -in %s -out "
                    "FILE` unlocks it)", what, what);
    if (secret && holds(pem, n, "-----BEGIN PUBLIC KEY-----"))
        return fail(HEARTH_EFORMAT, "%s: this is a public key, which can only verify; signing needs the private one", what);
    if (!secret && holds(pem, n, "PRIVATE KEY-----"))
        return fail(HEARTH_EFORMAT, "%s: this is a private key; verifying needs the public one, and the private one stays with "
                    "its owner", what);
    if (!holds(pem, n, "-----BEGIN "))
        return fail(HEARTH_EFORMAT, "%s: no key in PEM form (\"-----BEGIN ...\"), allowed: a %s key on P-256, P-384 or P-521", what, half);
    return fail(HEARTH_EFORMAT, "%s: its PEM text is no %s key, or is damaged; allowed: a %s key on P-256, P-384 or P-521", what, half,
                half);
}

/* Keys with a passphrase are refused above; libcrypto must not ask for one on the terminal. */
static int no_passphrase(char *text, int n, int writing, void *user)
{
    (void)text, (void)n, (void)writing, (void)user;
    return -1;
}

static enum hearth_status read_key(const char *what, const char *pem, size_t n, int secret, struct ecdsa_key **out)
{
    char group[64] = "";
    *out = NULL;
    BIO *bio = n < INT32_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    EVP_PKEY *key = !bio ? NULL : secret ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                                         : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!key) return no_key(what, pem, n, secret);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1) {
        const char *kind = EVP_PKEY_get0_type_name(key);
        enum hearth_status st = fail(HEARTH_EUNSUPPORTED, "%s: a key of the kind %s, allowed: an elliptic-curve key on P-256, P-384 "
                                     "or P-521", what, kind ? kind : "unknown");
        EVP_PKEY_free(key);
        ERR_clear_error();
        return st;
    }
    /* However the file writes the curve's point, the key's PEM text, and so its hint, is that of the long form. */
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    ERR_clear_error();
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (strcmp(group, curves[i].group) != 0) continue;
        struct ecdsa_key *k = mem_array(1, sizeof *k);
        if (k) *k = (struct ecdsa_key){key, &curves[i]};
        else EVP_PKEY_free(key);
        *out = k;
        return k ? HEARTH_OK : HEARTH_ENOMEM;
    }
    EVP_PKEY_free(key);
    return fail(HEARTH_EUNSUPPORTED, "%s: a key on the curve %s, allowed: P-256, P-384 and P-521", what, group);
}

enum hearth_status ecdsa_read_private(const char *what, const char *pem, size_t n, struct ecdsa_key **out)
{
    return read_key(what, pem, n, 1, out);
}

enum hearth_status ecdsa_read_public(const char *what, const char *pem, size_t n, struct ecdsa_key **out)
{
    return read_key(what, pem, n, 0, out);
}

void ecdsa_close(struct ecdsa_key *k)
{
    if (k) EVP_PKEY_free(k->key);
    free(k);
}

/* ---- using ---- */

const char *ecdsa_curve(const struct ecdsa_key *k)
{
    return k->curve->name;
}

enum hearth_status ecdsa_hint(const struct ecdsa_key *k, char hex[65])
{
    struct buf pem = {0};
    enum hearth_status st = write_pem(k->key, 0, &pem);
    if (st == HEARTH_OK) st = sha256_of(pem.data, pem.len, hex);
    buf_free(&pem);
    return st;
}

enum hearth_status ecdsa_sign(const struct ecdsa_key *k, const void *message, size_t n, struct buf *der)
{
    unsigned char signature[256];
    size_t size = sizeof signature;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int good = c && EVP_DigestSignInit(c, NULL, k->curve->hash(), NULL, k->key) == 1 &&
               EVP_DigestSign(c, signature, &size, message, n) == 1;
    EVP_MD_CTX_free(c);
    return good ? buf_put(der, signature, size) : no_ecdsa();
}

enum hearth_status ecdsa_verify(const struct ecdsa_key *k, const void *message, size_t n, const void *der, size_t der_n,
                                int *good)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ready = c && EVP_DigestVerifyInit(c, NULL, k->curve->hash(), NULL, k->key) == 1;
    *good = ready && EVP_DigestVerify(c, der, der_n, message, n) == 1;
    EVP_MD_CTX_free(c);
    ERR_clear_error();                                   /* of a signature that is not good */
    return ready ? HEARTH_OK : no_ecdsa();
}

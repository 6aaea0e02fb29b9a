/* seal.c - see seal.h. */
#include "account/seal.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "account/crypto.h"
#include "account/hex.h"
#include "account/keys.h"
#include "base/jsontext.h"

enum { KEY = 32, NONCE = 12, TAG = 16, SCRYPT_SALT = 32, PASSPHRASE_MIN = 8, SCRYPT_N = 1 << 17 };
static const char form[] = "hearth-seal/1";

/* One folder's private key at a time; a program that reads two folders unlocks twice. */
static struct { char *folder; uint8_t private[KEY], public[KEY]; } unlocked;

static enum hearth_status broken(const char *what)
{
    return fail(HEARTH_EINTERNAL, "libcrypto could not %s", what);
}

/* ---- the three primitives ---- */

static enum hearth_status scrypt(const char *passphrase, const uint8_t salt[SCRYPT_SALT], uint8_t out[KEY])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    uint64_t n = SCRYPT_N, most = (uint64_t)256 << 20;
    uint32_t r = 8, p = 1;
    OSSL_PARAM param[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)passphrase, strlen(passphrase)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, SCRYPT_SALT),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n), OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p), OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &most),
        OSSL_PARAM_construct_end()};
    int good = c && EVP_KDF_derive(c, out, KEY, param) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return good ? HEARTH_OK : fail(HEARTH_ENOMEM, "scrypt needs 128 MiB of memory for a passphrase, and could not get them");
}

/* AES-256-GCM: data, then the tag.  `with` is authenticated too. */
static enum hearth_status encrypt(const uint8_t key[KEY], const uint8_t nonce[NONCE], const char *with, const void *data, int n,
                                  uint8_t *out /* [n + TAG] */)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int done = 0, last = 0, good = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_EncryptUpdate(c, NULL, &done, (const uint8_t *)with, (int)strlen(with)) == 1 &&
        EVP_EncryptUpdate(c, out, &done, data, n) == 1 && EVP_EncryptFinal_ex(c, out + done, &last) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + n) == 1;
    EVP_CIPHER_CTX_free(c);
    return good ? HEARTH_OK : broken("encrypt");
}

/* *good 0: key, name or bytes are not those. */
static void decrypt(const uint8_t key[KEY], const uint8_t nonce[NONCE], const char *with, const uint8_t *data, int n,
                    uint8_t *out /* [n] */, int *good)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int done = 0, last = 0;
    *good = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(c, NULL, &done, (const uint8_t *)with, (int)strlen(with)) == 1 &&
        EVP_DecryptUpdate(c, out, &done, data, n) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(data + n)) == 1 && EVP_DecryptFinal_ex(c, out + done, &last) == 1;
    EVP_CIPHER_CTX_free(c);
}

/* The public key of a private one. */
static enum hearth_status public_of(const uint8_t private[KEY], uint8_t public[KEY])
{
    size_t n = KEY;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, KEY);
    int good = k && EVP_PKEY_get_raw_public_key(k, public, &n) == 1;
    EVP_PKEY_free(k);
    return good ? HEARTH_OK : broken("make an X25519 key");
}

/* key = SHA-256("hearth/seal/v1" 0x00, shared secret, ephemeral public key, the folder's public key) */
static enum hearth_status agree(const uint8_t private[KEY], const uint8_t peer[KEY], const uint8_t ephemeral[KEY],
                                const uint8_t folder[KEY], uint8_t key[KEY])
{
    uint8_t shared[KEY];
    size_t n = KEY;
    EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, KEY);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, KEY);
    EVP_PKEY_CTX *c = mine && theirs ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
    int good = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 && EVP_PKEY_derive(c, shared, &n) == 1;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(mine);
    if (!good) return fail(HEARTH_ECHECKSUM, "an X25519 key that no shared secret can be made with");
    static const char domain[] = "hearth/seal/v1";
    struct crypto_part part[] = {{domain, sizeof domain}, {shared, KEY}, {ephemeral, KEY}, {folder, KEY}};
    enum hearth_status st = crypto_sha256(part, 4, key);
    keys_wipe(shared, sizeof shared);
    return st;
}

/* ---- the folder's key file ---- */

static enum hearth_status key_path(const char *folder, struct buf *path)
{
    return buf_printf(path, "%s/key", folder);
}

int seal_is_set(const char *folder)
{
    struct buf path = {0};
    struct stat s;
    int there = key_path(folder, &path) == HEARTH_OK && lstat(path.data, &s) == 0;
    buf_free(&path);
    return there;
}

static json_t *hex_json(const uint8_t *bytes, size_t n)
{
    char *text = mem_array(2 * n + 1, 1);
    json_t *j = NULL;
    if (text) hex_write(bytes, n, text), j = json_string(text);
    free(text);
    return j;
}

static int hex_member(const json_t *j, const char *name, uint8_t *out, size_t n)
{
    return hex_read(json_string_value(json_object_get(j, name)), out, n);
}

static enum hearth_status write_key(const char *path, const char *passphrase, const uint8_t private[KEY])
{
    uint8_t salt[SCRYPT_SALT], nonce[NONCE], key[KEY], public[KEY], closed[KEY + TAG];
    TRY(crypto_random(salt, sizeof salt));
    TRY(crypto_random(nonce, sizeof nonce));
    TRY(public_of(private, public));
    TRY(scrypt(passphrase, salt, key));
    enum hearth_status st = encrypt(key, nonce, form, private, KEY, closed);
    keys_wipe(key, sizeof key);
    TRY(st);
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "seal", form, "kdf", "scrypt N=131072 r=8 p=1", "salt", hex_json(salt, SCRYPT_SALT),
                          "nonce", hex_json(nonce, NONCE), "public", hex_json(public, KEY), "private", hex_json(closed, sizeof closed));
    char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
    json_decref(j);
    if (!text) return fail_memory(0);
    st = keys_write(path, text, strlen(text));
    free(text);
    return st;
}

enum hearth_status seal_set(const char *folder, const char *passphrase)
{
    struct buf path = {0};
    uint8_t private[KEY];
    enum hearth_status st;
    if (strlen(passphrase) < PASSPHRASE_MIN)
        return fail(HEARTH_EUSAGE, "the passphrase has %zu bytes, should have %d at least", strlen(passphrase), PASSPHRASE_MIN);
    if (seal_is_set(folder)) return fail(HEARTH_EUSAGE, "%s/key is there already: the transcripts are sealed", folder);
    TRY_GOTO(st, done, key_path(folder, &path));
    TRY_GOTO(st, done, crypto_random(private, sizeof private));
    st = write_key(path.data, passphrase, private);
    if (st == HEARTH_OK) st = seal_unlock(folder, passphrase);
done:
    keys_wipe(private, sizeof private);
    buf_free(&path);
    return st;
}

struct key_file { uint8_t salt[SCRYPT_SALT], nonce[NONCE], public[KEY], closed[KEY + TAG]; };

static enum hearth_status read_key(const char *folder, struct key_file *out)
{
    struct buf path = {0};
    char *text = NULL;
    size_t n = 0;
    json_t *j = NULL;
    enum hearth_status st;
    TRY_GOTO(st, done, key_path(folder, &path));
    TRY_GOTO(st, done, keys_read(path.data, &text, &n));
    TRY_GOTO(st, done, jsontext_read(path.data, text, n, &j));
    const char *seal = json_string_value(json_object_get(j, "seal"));
    if (!seal || strcmp(seal, form) != 0)
        st = fail(HEARTH_EFORMAT, "%s: seal is \"%.40s\", should be \"%s\"", path.data, seal ? seal : "", form);
    else if (!hex_member(j, "salt", out->salt, SCRYPT_SALT) || !hex_member(j, "nonce", out->nonce, NONCE) ||
             !hex_member(j, "public", out->public, KEY) || !hex_member(j, "private", out->closed, sizeof out->closed))
        st = fail(HEARTH_EFORMAT, "%s: damaged: salt, nonce, public or private is missing or not hex digits of the right length", path.data);
done:
    json_decref(j);
    free(text);
    buf_free(&path);
    return st;
}

int seal_is_open(const char *folder)
{
    return unlocked.folder && !strcmp(unlocked.folder, folder);
}

void seal_lock(void)
{
    keys_wipe(unlocked.private, sizeof unlocked.private);
    free(unlocked.folder);
    unlocked.folder = NULL;
}

enum hearth_status seal_unlock(const char *folder, const char *passphrase)
{
    struct key_file f;
    uint8_t key[KEY], private[KEY];
    int good = 0;
    TRY(read_key(folder, &f));
    TRY(scrypt(passphrase, f.salt, key));
    decrypt(key, f.nonce, form, f.closed, KEY, private, &good);
    keys_wipe(key, sizeof key);
    if (!good) return fail(HEARTH_ECHECKSUM, "that is not the passphrase of %s", folder);
    char *copy = mem_array(strlen(folder) + 1, 1);
    if (copy) {
        seal_lock();
        unlocked.folder = strcpy(copy, folder);
        memcpy(unlocked.private, private, KEY);
        memcpy(unlocked.public, f.public, KEY);
    }
    keys_wipe(private, sizeof private);
    return copy ? HEARTH_OK : HEARTH_ENOMEM;
}

/* ---- transcripts ---- */

int seal_is_sealed(const char *text, size_t n)
{
    return n > 10 && !memcmp(text, "{\"seal\": \"", 10);
}

enum hearth_status seal_close(const char *folder, const char *name, const void *data, size_t n, struct buf *out)
{
    struct key_file f;
    uint8_t private[KEY], ephemeral[KEY], key[KEY], nonce[NONCE], *closed = NULL;
    char *digits = NULL, public_hex[2 * KEY + 1], nonce_hex[2 * NONCE + 1];
    enum hearth_status st;
    if (n > INT32_MAX / 4) return fail(HEARTH_ELIMIT, "a transcript of %zu bytes is too long to be sealed", n);
    TRY(read_key(folder, &f));
    TRY(crypto_random(private, sizeof private));
    TRY(crypto_random(nonce, sizeof nonce));
    TRY(public_of(private, ephemeral));
    TRY(agree(private, f.public, ephemeral, f.public, key));
    keys_wipe(private, sizeof private);
    closed = mem_array(n + TAG, 1);
    digits = mem_array(2 * (n + TAG) + 1, 1);
    st = closed && digits ? encrypt(key, nonce, name, data, (int)n, closed) : HEARTH_ENOMEM;
    keys_wipe(key, sizeof key);
    if (st == HEARTH_OK) {
        hex_write(closed, n + TAG, digits);
        hex_write(ephemeral, KEY, public_hex);
        hex_write(nonce, NONCE, nonce_hex);
        st = buf_printf(out, "{\"seal\": \"%s\", \"ephemeral\": \"%s\", \"nonce\": \"%s\", \"data\": \"", form, public_hex, nonce_hex);
        if (st == HEARTH_OK) st = buf_put(out, digits, 2 * (n + TAG));
        if (st == HEARTH_OK) st = buf_puts(out, "\"}\n");
    }
    free(digits);
    free(closed);
    return st;
}

static enum hearth_status unlock_by_environment(const char *folder)
{
    const char *passphrase = getenv("HEARTH_PASSPHRASE");
    if (seal_is_open(folder)) return HEARTH_OK;
    if (!passphrase || !*passphrase)
        return fail(HEARTH_EUSAGE, "the transcripts in %s are sealed: the passphrase is needed (HEARTH_PASSPHRASE holds none)", folder);
    return seal_unlock(folder, passphrase);
}

enum hearth_status seal_open(const char *folder, const char *name, const char *text, size_t n, struct buf *out)
{
    uint8_t ephemeral[KEY], nonce[NONCE], key[KEY], *closed = NULL, *plain = NULL;
    json_t *j = NULL;
    int good = 0;
    enum hearth_status st = unlock_by_environment(folder);
    if (st != HEARTH_OK) return st;
    TRY(jsontext_read(name, text, n, &j));
    const json_t *data = json_object_get(j, "data");
    size_t size = json_string_length(data) / 2;
    if (size < TAG || size > INT32_MAX / 2 || !hex_member(j, "ephemeral", ephemeral, KEY) || !hex_member(j, "nonce", nonce, NONCE)) {
        st = fail(HEARTH_EFORMAT, "%s: a damaged seal: ephemeral, nonce or data is missing or not hex digits of the right length", name);
        goto done;
    }
    closed = mem_array(size, 1);
    plain = mem_array(size, 1);
    if (!closed || !plain) st = HEARTH_ENOMEM;
    else if (!hex_member(j, "data", closed, size)) st = fail(HEARTH_EFORMAT, "%s: a damaged seal: data is not hex digits", name);
    if (st != HEARTH_OK) goto done;
    TRY_GOTO(st, done, agree(unlocked.private, ephemeral, ephemeral, unlocked.public, key));
    decrypt(key, nonce, name, closed, (int)size - TAG, plain, &good);
    keys_wipe(key, sizeof key);
    st = good ? buf_put(out, plain, size - TAG)
              : fail(HEARTH_ECHECKSUM, "%s: its seal is broken: the file was changed, or sealed for another key than that of %s", name, folder);
done:
    if (plain) keys_wipe(plain, size);
    free(plain);
    free(closed);
    json_decref(j);
    return st;
}

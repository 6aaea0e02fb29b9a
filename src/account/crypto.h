/* crypto.h - the two primitives that a ledger stands on: SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032), by libcrypto.
 * crypto_none.c stands in where there is none, and says so; all else in this room is built without it. */
#ifndef HEARTH_ACCOUNT_CRYPTO_H
#define HEARTH_ACCOUNT_CRYPTO_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { CRYPTO_HASH = 32, CRYPTO_KEY = 32, CRYPTO_SIGNATURE = 64 };

struct crypto_part { const void *data; size_t n; };
/* SHA-256 of the parts, one after the other. */
enum hearth_status crypto_sha256(const struct crypto_part *part, size_t n, uint8_t out[CRYPTO_HASH]);

/* An Ed25519 key is its 32-byte seed; the public key follows from it. */
enum hearth_status crypto_public(const uint8_t secret[CRYPTO_KEY], uint8_t out[CRYPTO_KEY]);
enum hearth_status crypto_sign(const uint8_t secret[CRYPTO_KEY], const void *message, size_t n, uint8_t out[CRYPTO_SIGNATURE]);
/* *good: 1 when the signature is that key's of these bytes, else 0, which is no error. */
enum hearth_status crypto_verify(const uint8_t public[CRYPTO_KEY], const void *message, size_t n,
                                 const uint8_t signature[CRYPTO_SIGNATURE], int *good);

/* Random bytes of the system's, for keys and salts. */
enum hearth_status crypto_random(void *out, size_t n);

#endif

/* ecdsa.h - ECDSA over the NIST curves (FIPS 186-5), the signatures of OpenSSF Model Signing's key method:
 *
 *     P-256 with SHA-256     P-384 with SHA-384     P-521 with SHA-512
 *
 * Keys are PEM files, as `openssl` and every other tool writes them; signatures are DER.  ecdsa_none.c stands in where
 * there is no libcrypto, and says so. */
#ifndef HEARTH_ACCOUNT_ECDSA_H
#define HEARTH_ACCOUNT_ECDSA_H

#include "base/mem.h"

struct ecdsa_key;

/* A new key on P-256, as the text of its two files. */
enum hearth_status ecdsa_make(struct buf *private_pem, struct buf *public_pem);
/* what stands for the file in messages.  EFORMAT: no PEM key, the other half of a pair, a passphrase, another algorithm;
 * EUNSUPPORTED: another curve. */
enum hearth_status ecdsa_read_private(const char *what, const char *pem, size_t n, struct ecdsa_key **out);
enum hearth_status ecdsa_read_public(const char *what, const char *pem, size_t n, struct ecdsa_key **out);
void ecdsa_close(struct ecdsa_key *k);

const char *ecdsa_curve(const struct ecdsa_key *k);                      /* "P-256" */
/* SHA-256, as 64 hex digits, of the public key's PEM text: what a bundle calls the key's hint. */
enum hearth_status ecdsa_hint(const struct ecdsa_key *k, char hex[65]);
enum hearth_status ecdsa_sign(const struct ecdsa_key *k, const void *message, size_t n, struct buf *der);
/* *good: 1 when the signature is that key's of these bytes, else 0, which is no error. */
enum hearth_status ecdsa_verify(const struct ecdsa_key *k, const void *message, size_t n, const void *der, size_t der_n,
                                int *good);

#endif

/* signature.h - OpenSSF Model Signing 1.0, key method: a small file that says which files a model is made of, and who says so.
 *
 *     model.sig          a Sigstore bundle v0.3 (JSON)
 *       |  verificationMaterial.publicKey.hint     SHA-256 of the public key's PEM text
 *       `- dsseEnvelope                            DSSE: payload and one signature, both base64
 *            `- payload                            an in-toto statement v1 (JSON):
 *                 subject[0]                         name of the model; sha256 over the digests below, in their order
 *                 predicateType                      https://model_signing/signature/v1.0
 *                 predicate.serialization            method "files", hash_type "sha256", allow_symlinks, ignore_paths
 *                 predicate.resources[]              name, algorithm, digest: every file, sorted by folder and name
 *
 * What is signed is DSSE's pre-authentication encoding: "DSSEv1 28 application/vnd.in-toto+json <length> <payload>".
 * A model that is one file is the resource ".".  Links are refused, as the specification's default has it: what they
 * point to can change without the model changing. */
#ifndef HEARTH_ACCOUNT_SIGNATURE_H
#define HEARTH_ACCOUNT_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

/* Hears how many of the bytes were read; anything but 0 ends it with ECANCELLED. */
typedef int signature_progress(void *user, uint64_t done, uint64_t total);

/* Makes a key on P-256: `path`, for its owner only, and path.pub, to be given away.  Never overwrites. */
enum hearth_status signature_new_key(const char *path);

/* Signs a file or folder.  name: what the bundle calls it; NULL: the last part of its path.  key: a PEM file that only its
 * owner can read.  The bundle appears under `to` when complete; when that lies in the folder it is left out of what is
 * signed. */
enum hearth_status signature_make(const char *model, const char *name, const char *key, const char *to,
                                  signature_progress *progress, void *user, size_t *files);

struct signature_found { char name[256], curve[8], hint[65], digest[65]; size_t files; };
/* Checks bundle and model against a public key, reading every byte.  ECHECKSUM: the signature, or a file, is not what was
 * signed; the message names the first files that differ. */
enum hearth_status signature_check(const char *model, const char *bundle, const char *key, signature_progress *progress,
                                   void *user, struct signature_found *out);

#endif

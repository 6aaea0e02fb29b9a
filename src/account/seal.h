/* seal.h - transcripts at rest, readable with a passphrase only.
 *
 *     transcripts/key      public key (X25519) · private key, encrypted: AES-256-GCM by scrypt(passphrase, salt)
 *     a transcript         ephemeral public key · AES-256-GCM by SHA-256(shared secret, both public keys)
 *
 * So an answer's transcript is sealed without asking anybody for anything and without scrypt's work: the public key
 * suffices.  Reading asks for the passphrase, once a process.  There is no other way in: a passphrase that is forgotten
 * is a set of transcripts that is gone.
 *
 * scrypt: RFC 7914, N = 2^17, r = 8, p = 1 (128 MiB, about half a second).  X25519: RFC 7748.  AES-GCM: SP 800-38D. */
#ifndef HEARTH_ACCOUNT_SEAL_H
#define HEARTH_ACCOUNT_SEAL_H

#include "base/mem.h"

/* 1 when the folder's transcripts are sealed: its key file is there. */
int seal_is_set(const char *folder);
/* 1 when text is a sealed one. */
int seal_is_sealed(const char *text, size_t n);
/* Makes the folder's key.  EUSAGE: there is one already, or the passphrase is shorter than 8 bytes. */
enum hearth_status seal_set(const char *folder, const char *passphrase);
/* Unlocks the folder's key for this process; ECHECKSUM: that is not the passphrase. */
enum hearth_status seal_unlock(const char *folder, const char *passphrase);
/* 1 when sealed transcripts of the folder can be read now. */
int seal_is_open(const char *folder);
/* Forgets what was unlocked. */
void seal_lock(void);

/* Seals n bytes for the folder's key: appends a line of JSON.  name is bound to them: a sealed file under another name does not
 * open. */
enum hearth_status seal_close(const char *folder, const char *name, const void *data, size_t n, struct buf *out);
/* Opens; EUSAGE: locked, and HEARTH_PASSPHRASE does not help; ECHECKSUM: changed, or another folder's. */
enum hearth_status seal_open(const char *folder, const char *name, const char *text, size_t n, struct buf *out);

#endif

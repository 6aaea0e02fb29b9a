/* keys.h - files that hold secrets: HOME/keys, folder 0700, files 0600.
 *
 *     HOME/keys/ledger.key      PRIVATE+KEY+hearth.local/5be1f0c2...+a1b2c3d4+AQ...      signs checkpoints
 *     HOME/keys/ledger.vkey     hearth.local/5be1f0c2...+a1b2c3d4+AY...                  the public half, to give away
 *     HOME/keys/ledger.last     the newest checkpoint signed: an older ledger put in its place is noticed
 *
 * A secret that others can read, or that is reached through a link, is refused: who may have it may have signed with it. */
#ifndef HEARTH_ACCOUNT_KEYS_H
#define HEARTH_ACCOUNT_KEYS_H

#include "account/note.h"

enum { KEYS_FILE = 16 << 10 };       /* bytes of the largest file of a key */

/* The text of a secret file (NUL-terminated, free() it after wiping: keys_wipe).  EIO when its owner is somebody else or others
 * can read or write it, naming the file, its mode and what to do. */
enum hearth_status keys_read(const char *path, char **text, size_t *n);
/* Makes a secret file, durably; EUSAGE when there is one already: a key is never overwritten. */
enum hearth_status keys_write(const char *path, const void *text, size_t n);
void keys_wipe(void *secret, size_t n);

/* A signer's key file. */
enum hearth_status keys_load(const char *path, struct note_signer *out);
/* The same; made when there is none.  name NULL: "hearth.local/" and 16 random hex digits. */
enum hearth_status keys_load_or_make(const char *path, const char *name, enum note_type type, struct note_signer *out);

#endif

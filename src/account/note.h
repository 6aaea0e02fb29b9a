/* note.h - signed texts: C2SP's signed-note, tlog-checkpoint and tlog-cosignature.
 *
 *     hearth.local/5be1f0c2a70d9e44                      origin                ┐
 *     1024                                               how many entries      │ the text that is signed
 *     sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=       root of the tree      ┘
 *                                                        (an empty line)
 *     — hearth.local/5be1f0c2a70d9e44 hI2DJw...          name, base64 of key id and Ed25519 signature
 *     — witness.example/w1 jWbPPw...                     a witness's: id, time (8 bytes), signature
 *
 * A key is told by name and id together: id = SHA-256(name 0x0A type public)[0..4].  A verifier key is written as
 * name+hexid+base64(type public), a signer's, as Go's sumdb/note has it, PRIVATE+KEY+name+hexid+base64(type secret). */
#ifndef HEARTH_ACCOUNT_NOTE_H
#define HEARTH_ACCOUNT_NOTE_H

#include "account/merkle.h"
#include "base/base64.h"
#include "base/mem.h"

enum note_type { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };
enum {
    NOTE_NAME = 256,                 /* bytes of a key's name with its NUL */
    NOTE_KEY_TEXT = NOTE_NAME + 96,  /* bytes of a key written out */
    NOTE_MAX = 1 << 20,              /* bytes of a note */
    NOTE_SIGNATURES = 64             /* in one note */
};

struct note_key { char name[NOTE_NAME]; enum note_type type; uint8_t id[4]; uint8_t public[CRYPTO_KEY]; };
struct note_signer { struct note_key key; uint8_t secret[CRYPTO_KEY]; };

/* A new key.  EUSAGE: the name is empty, too long, or has a blank, a plus or a control character. */
enum hearth_status note_signer_make(const char *name, enum note_type type, struct note_signer *out);
void note_key_print(const struct note_key *k, char out[NOTE_KEY_TEXT]);
void note_signer_print(const struct note_signer *s, char out[NOTE_KEY_TEXT]);
/* what stands for the key in messages: a file, "--key". A trailing newline is allowed. */
enum hearth_status note_key_parse(const char *what, const char *text, struct note_key *out);
enum hearth_status note_signer_parse(const char *what, const char *text, struct note_signer *out);

/* ---- signing ---- */

/* Appends one signature line for `text` (which ends with a newline).  A note is text, "\n", lines.  time (Unix) only counts
 * for NOTE_COSIGNATURE. */
enum hearth_status note_sign(const char *text, size_t n, const struct note_signer *by, uint64_t time, struct buf *to);

/* ---- reading ---- */

struct note_signature { const struct note_key *key; uint64_t time; /* of a cosignature; else 0 */ };
struct note {
    size_t text_n;                   /* the note's first bytes are the text */
    const char *lines;               /* where the signature lines begin; to the note's end */
    struct note_signature by[NOTE_SIGNATURES];   /* those of the keys given, each found good */
    size_t n;
};
/* Reads a note and checks the signatures of the keys given; others are passed over, as the specification wants.  EFORMAT: no
 * note.  ECHECKSUM: a signature in the name of one of the keys is wrong.  ENOTFOUND: none of the keys signed it.  out
 * points into data and keys.  what stands for the note in messages. */
enum hearth_status note_open(const char *what, const char *data, size_t n, const struct note_key *const *keys, size_t n_keys,
                             struct note *out);

struct checkpoint { char origin[NOTE_NAME]; uint64_t size; uint8_t root[MERKLE_HASH]; };
/* text, n: the text of a note.  Extension lines are allowed and passed over. */
enum hearth_status checkpoint_parse(const char *what, const char *text, size_t n, struct checkpoint *out);
enum hearth_status checkpoint_print(const struct checkpoint *c, struct buf *to);

#endif

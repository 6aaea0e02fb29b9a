/* keys.h - the keys of a server: `hearth key add NAME` prints one once; kept is its SHA-256 only.
 *
 *     HUB_CONFIG/keys.ini, owner-only:
 *         [key anna]
 *         sha256 = <64 hex>           of the key's text, "hk-" and 43 characters of base64url
 *         created = 2026-11-28T10:00:00Z
 *         models = smollm2 gemma3     empty: all
 *         store = yes                 it may fetch, make, copy and remove models for everybody; absent: it may not
 *         requests_per_minute = 60    0 or absent: no limit
 *         tokens_per_day = 0
 *         revoked = yes               stays, so that receipts can name it; never accepted again
 *
 * (account/keys.h is about signing keys.) */
#ifndef HEARTH_SERVE_KEYS_H
#define HEARTH_SERVE_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include "hearth.h"

enum { KEY_NAME_MAX = 64, KEY_REQUESTS_MAX = 100000, KEY_TEXT = 46 };

struct key { char name[KEY_NAME_MAX + 1], sha256[65], created[24]; char *models; unsigned requests_per_minute; uint64_t tokens_per_day; int store, revoked; };
struct keyring { struct key *key; size_t n; };
/* Of the file, to see whether it is another one. */
struct keyring_stamp { uint64_t device, inode, size; int64_t seconds, nanoseconds; };

enum hearth_status keyring_read(struct keyring *out);          /* none there: n is 0.  EIO when others can read the file */
void keyring_free(struct keyring *k);
void keyring_stamp(struct keyring_stamp *out);                 /* all 0: there is no file */
/* Keys that have not been revoked. */
size_t keyring_valid(const struct keyring *k);
/* Makes one (limits from *like, name among them) and writes it; secret: its text, to be shown once. */
enum hearth_status keyring_add(const struct key *like, char secret[64]);
enum hearth_status keyring_revoke(const char *name);
/* The key whose text this is (it may be revoked), or NULL; compares with every one in constant time. */
const struct key *keyring_match(const struct keyring *k, const char *secret);
/* 1 when the key may use a model of that name; x and x:latest are one. */
int key_allows(const struct key *k, const char *model);

#endif

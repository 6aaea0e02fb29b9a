/* keys.h - the keys of a server: `hearth key add NAME` prints one once; kept is its SHA-256 only.
 *
 *     HUB_CONFIG/keys.ini, owner-only:
 *         [key anna]
 *         sha256 = <64 hex>           of the key's text, "hk-" and 43 characters of base64url
 *         created = 2026-11-28T10:00:00Z
 *         models = smollm2 gemma3     empty: all
 *         requests_per_minute = 60    0 or absent: no limit
 *         tokens_per_day = 0
 *         revoked = yes               stays, so that receipts can name it; never accepted again
 */
#ifndef HEARTH_SERVE_KEYS_H
#define HEARTH_SERVE_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include "hearth.h"

struct key { char name[65], sha256[65], created[24]; char *models; unsigned requests_per_minute; uint64_t tokens_per_day; int revoked; };
struct keys { struct key *key; size_t n; };

enum hearth_status keys_read(struct keys *out);          /* none there: n is 0.  EIO when others can read the file */
void keys_free(struct keys *k);
/* Makes one (limits from *like, name among them) and writes it; secret: its text, to be shown once. */
enum hearth_status keys_add(const struct key *like, char secret[64]);
enum hearth_status keys_revoke(const char *name);
/* The key whose text this is, or NULL; compares with every one in constant time. */
const struct key *keys_match(const struct keys *k, const char *secret);

#endif

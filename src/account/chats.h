/* chats.h - chats of the page that a person chose to keep on the server: files of their owner, one a chat, apart for each key.
 *
 *     HUB_DATA/page-chats/own/0123456789abcdef.json           asked without a key, where none is needed
 *                         key-anna/...                        folders 0700, files 0600
 *
 * A file is replaced as a whole or not at all.  An id is 16 hex digits and nothing else, so it is no path. */
#ifndef HEARTH_ACCOUNT_CHATS_H
#define HEARTH_ACCOUNT_CHATS_H

#include "base/mem.h"
#include "base/status.h"

enum { CHAT_ID = 16, CHAT_BYTES = 8 << 20, CHATS_MAX = 2000, CHATS_BYTES = 64 << 20 /* of one key's */, CHATS_PART = 4 << 20 };

int chats_is_id(const char *s);
/* key "": none.  EUSAGE: that would be more than are kept; nothing is changed then. */
enum hearth_status chats_put(const char *key, const char *id, const void *data, size_t n);
/* ENOTFOUND: there is none. */
enum hearth_status chats_get(const char *key, const char *id, struct buf *out);
enum hearth_status chats_remove(const char *key, const char *id);
/* Those behind the id `after` ("": from the first), in the order of their ids, as members of a JSON array with commas; at most CHATS_PART
 * bytes and one chat.  next: the last one's id when there may be more, else "".  *bad: files that are no chat of that name. */
enum hearth_status chats_list(const char *key, const char *after, struct buf *out, char next[CHAT_ID + 1], size_t *bad);

#endif

/* fetch.h - getting bytes by HTTP, within limits that do not depend on what a server says:
 *
 *   - https only.  Plain http only to this computer itself, and only when the person's own configuration named such an
 *     address (a test, a local mirror); or to the very server that the person named in the call (another hearth).
 *   - redirects: at most five, each held against the same rules.  A password goes to the host it was given for only.
 *   - addresses: a public page leads to public addresses only.  When the address the person configured is private (an
 *     index in the house), private ones are allowed too; when it is this computer, this computer is; link-local and
 *     reserved ones never.  The check is on the address that is connected to, after the name was looked up.
 *   - a connection that stands still for `timeout` seconds is lost; what was lost is asked for again from where it
 *     stopped, `retries` times in a row at most, with pauses of 0.5, 1, 2, 4 ... s.
 *
 * fetch.c does it with libcurl; fetch_none.c stands in where there is none, and says so.
 */
#ifndef HEARTH_HUB_FETCH_H
#define HEARTH_HUB_FETCH_H

#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "hub/hub.h"

struct fetch_settings {          /* NULL or "" : not set */
    const char *proxy;           /* else the environment's http_proxy, https_proxy, all_proxy; no_proxy counts for both */
    const char *cert;            /* a file or folder of certificates, else the system's */
    const char *client_cert;     /* PEM with certificate and key */
    int timeout, retries;        /* seconds, times; 0 and -1: 30 and 3 */
};

struct fetch;
/* on_progress of c hears HUB_RETRYING; cancel of c ends everything with ECANCELLED.  Both outlive the handle. */
enum hearth_status fetch_open(const struct fetch_settings *s, const struct hub_callbacks *c, struct fetch **out);
void fetch_close(struct fetch *f);

/* From now on this URL counts as the one that the person's own configuration named.  NULL: none is. */
enum hearth_status fetch_trust(struct fetch *f, const char *url);

/* The same of a URL that the person named in this call: to that server plain http is allowed, and bearer (may be NULL) is shown to
 * it and to nobody else. */
enum hearth_status fetch_name(struct fetch *f, const char *url, const char *bearer);

struct fetch_page {
    struct buf body;
    char *url;                   /* after redirects, without a password */
    char *type;                  /* Content-Type */
    char *next;                  /* of a list in pages, where it goes on (Link: <...>; rel="next"); NULL: it ends here */
};
/* A whole small page; longer than max is ELIMIT.  ENOTFOUND: the server says 404 or 410. */
enum hearth_status fetch_page(struct fetch *f, const char *url, const char *accept, size_t max, struct fetch_page *out);
/* The answer to a JSON text that is sent there, once.  What the server says of an error is part of the message. */
enum hearth_status fetch_post(struct fetch *f, const char *url, const char *json, size_t max, struct fetch_page *out);
void fetch_page_free(struct fetch_page *p);

/* The last n bytes of a file (fewer when it is shorter), and how long it is.  *ranged 0: the server does not give out
 * pieces of files (tail is then empty). */
enum hearth_status fetch_tail(struct fetch *f, const char *url, size_t n, struct buf *tail, uint64_t *total, int *ranged);

/* Receives the bytes in order; anything but HEARTH_OK ends the transfer and is passed on. */
typedef enum hearth_status fetch_sink(void *user, const void *data, size_t n);
/* Bytes [first, end) of a file, end = UINT64_MAX: to its end, however often the connection is lost.  From a server that
 * gives no pieces the beginning is fetched again and passed over. */
enum hearth_status fetch_bytes(struct fetch *f, const char *url, uint64_t first, uint64_t end, fetch_sink *sink, void *user);

/* Bytes that came over the network through this handle, headers apart. */
uint64_t fetch_received(const struct fetch *f);

/* The URL that `link` on the page `base` leads to; allocated. */
enum hearth_status fetch_join(const char *base, const char *link, char **out);
/* The URL as it may be shown: without user, password and query.  Allocated. */
enum hearth_status fetch_public(const char *url, char **out);

#endif

/* disk.h - what of an exchange goes to the disk or comes from it.  A disk may stand still for a minute, and the one thread that speaks HTTP
 * may not: each way is taken in pieces by the server's few disk threads, and the connection rests meanwhile. */
#ifndef HEARTH_SERVE_DISK_H
#define HEARTH_SERVE_DISK_H

#include "serve/server_in.h"

/* A body that is too large for memory: x->body is what has come of it and is not in its file yet.  MHD's thread calls; always 1. */
int disk_put(struct exchange *x);
/* 1: some of the body is not in the file yet; the connection rests and MHD asks again. */
int disk_flush(struct exchange *x);
/* The file goes, unless a route has moved it away. */
void disk_close(struct exchange *x);

/* For an answer that is a piece of a file (x->file), as exchange_take. */
long disk_take(struct exchange *x, char *to, size_t max);

#endif

/* spool.h - bodies that are too large for memory: a file beside the models, which goes with its exchange. */
#ifndef HEARTH_SERVE_SPOOL_H
#define HEARTH_SERVE_SPOOL_H

#include "serve/server_in.h"

/* A piece of the body; 0: the connection is to be closed (it has been answered). */
int spool_put(struct exchange *x, const char *data, size_t n);
void spool_close(struct exchange *x);

#endif

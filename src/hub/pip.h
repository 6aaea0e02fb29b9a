/* pip.h - where the person's package index is.  hearth names none: it asks pip, the tool whose configuration says so
 * (environment, /etc/pip.conf, ~/.config/pip/pip.conf, a virtual environment's), and else uses pip's own default. */
#ifndef HEARTH_HUB_PIP_H
#define HEARTH_HUB_PIP_H

#include "base/mem.h"

enum { PIP_INDEXES = 16 };

struct pip {
    char *index[PIP_INDEXES];        /* index-url, then each extra-index-url; without the slash at the end */
    size_t n;
    char *cert, *client_cert, *proxy;/* NULL: not set */
    int timeout, retries;            /* 0 and -1: not set */
};
enum hearth_status pip_ask(struct pip *out);
void pip_free(struct pip *p);

/* From the text that `pip config list` prints, or with text NULL from the PIP_ variables of the environment.  fallback
 * (may be NULL) is the index when none is configured.  For tests and pip_ask. */
enum hearth_status pip_read(const char *text, const char *fallback, struct pip *out);
/* The value of a Python string literal as repr() writes it, such as 'it\'s'; ENOTFOUND when it is none.  Allocated. */
enum hearth_status pip_literal(const char *repr, size_t n, char **out);

#endif

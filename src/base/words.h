/* words.h - what people write for an amount, a time, a place. */
#ifndef HEARTH_BASE_WORDS_H
#define HEARTH_BASE_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Each gives 1, or 0 when text is none. */
int words_bytes(const char *text, uint64_t *out);         /* "6G", "512M", "100k", "123": powers of 1024; "6GB" and "6GiB" too */
int words_duration(const char *text, double *seconds);    /* "5m", "1h30m", "250ms", "30", "-1": negative is for ever */
/* "0.0.0.0", "[::1]:80", "::1", ":8080", "http://10.0.0.7:11434/": host and *port change only where text names them. */
int words_host(const char *text, char *host, size_t max, int *port);

/* A sentence without the folders in it: "/home/anna/my models/x.gguf: cannot open" is "x.gguf: cannot open".  Addresses and routes of a
 * server (/v1/models, /api/tags) stay. */
void words_without_folders(const char *text, char *out, size_t max);

#endif

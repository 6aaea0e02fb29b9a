/* source.h - the kinds of places a model comes from, one row each in source.c:
 *
 *     pypi:PACKAGE==VERSION[!path/inside]     https://host/path[!path/inside]     file:/path[!path/inside]
 *     hearth:http://host:port/path          another hearth, named by the person
 *     hf:https://host/path  ollama:..       a registry, named by the person (remote.h)
 *
 * A kind turns its text into files: where each lies, and which member of it is wanted. */
#ifndef HEARTH_HUB_SOURCE_H
#define HEARTH_HUB_SOURCE_H

#include "hub/fetch.h"
#include "hub/pip.h"

struct source_file {
    char *url, *path;            /* one of them; the other NULL */
    char *member;                /* of a zip; NULL: the file itself */
    char sha256[65];             /* of the whole file, "" when nobody said */
};
void source_files_free(struct source_file *files, size_t n);

struct source_finder {           /* zero-initialise, set calls and own */
    const struct hub_callbacks *calls;
    const char *bearer;          /* the key for the server that was named, or NULL */
    int own;                     /* the sources are the person's own: hosts they name are trusted like a configured index */
    struct fetch *net;           /* opened when it is needed first */
    struct pip pip;
    int pip_known;
};
void source_finder_free(struct source_finder *s);

/* 1 when the text (up to a newline) is a source of a known kind; what is allowed, for messages. */
int source_known(const char *piece);
const char *source_allowed(void);
/* Files that may hold the piece, best first.  finder->net is open when one has a URL. */
enum hearth_status source_find(struct source_finder *s, const char *piece, struct source_file **out, size_t *n);

#endif

/* share.h - how many of the workers (WORKERS_MAX) may stand and wait, so that some are always left for everybody else.
 *
 * Routes whose answer is put off (chat, completions) hold none.  Embeddings are computed while their worker waits, and a list of texts is many
 * one after the other; so are the reading of a long text and the loading of a model. */
#ifndef HEARTH_SERVE_SHARE_H
#define HEARTH_SERVE_SHARE_H

#include "base/status.h"

enum {
    SHARE_OF_MODEL = 40,             /* embeddings under way of one model ... */
    SHARE_OF_KEY = 60,               /* ... for one key ... */
    SHARE_OF_ALL = 80,               /* ... and in all */
    SHARE_TEXTS = 16,                /* long texts that are read or wait for it */
    SHARE_LOADING = 96,              /* who waits for a model to be loaded */
    SHARE_TURNS = 4,                 /* at once: grammars being compiled, and templates of clients being rendered, of up to a hundred megabytes each */
    SHARE_WAITING = 48               /* and those that wait for it */
};
/* EBUSY: as many are under way; else share_give with the same words. */
enum hearth_status share_take(const char *key, const char *sha256);
void share_give(const char *key, const char *sha256);

/* A turn at what takes much memory for a while; waits for it.  EBUSY: as many wait already; else share_turn_over. */
enum share_kind { SHARE_FORMS, SHARE_TEMPLATES, SHARE_KINDS };
enum hearth_status share_turn(enum share_kind kind);
void share_turn_over(enum share_kind kind);

/* The same of something that is counted only. */
enum hearth_status share_count(int *n, int most, const char *of_what);
void share_uncount(int *n);

#endif

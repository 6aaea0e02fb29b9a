/* keeper.h - the models a server has in memory: loaded when asked for, kept a while, unloaded when the memory is needed.
 *
 *     name ──► hub_resolve_name ──► kept { model, engine, digest } ──► borrowed by requests
 *                                        │ nobody uses it
 *                                        └─► keep_alive runs out, or another model needs its memory: closed
 *
 * Names only, never a path that a client sent; x and x:latest are one name. */
#ifndef HEARTH_SERVE_KEEPER_H
#define HEARTH_SERVE_KEEPER_H

#include <time.h>
#include "hearth.h"
#include "hub/hub.h"

struct keeper;

struct keeper_params {
    int threads;                     /* of each model; 0: all */
    struct hearth_engine_params engine;
    double keep_alive;               /* seconds a model stays without a request; negative: for ever */
    uint64_t memory;                 /* bytes for all models with their caches; 0: three quarters of what is available */
    unsigned models;                 /* at most; 0: as many as fit */
};

struct kept {                        /* read-only for borrowers */
    char *name;                      /* as the hub knows it */
    char *path, sha256[65];
    struct hub_model about;          /* of the hub: licence, kind, ... */
    struct hearth_model *model;
    struct hearth_engine *engine;
    struct hearth_model_info info;
    struct hearth_memory memory;
    time_t loaded;
};

enum hearth_status keeper_open(const struct keeper_params *p, struct keeper **out);
void keeper_close(struct keeper *k);   /* every borrower must have given back */

/* Waits for the loading; several who ask for one model wait for the same loading.  ENOTFOUND: no model of that name (the sentence says
 * which are there).  EBUSY: every model in memory is in use and this one does not fit beside them.  ELIMIT: it would not fit alone. */
enum hearth_status keeper_borrow(struct keeper *k, const char *name, struct kept **out);
/* What the library said of the model's file, of `name` instead.  Valid until the next call on this thread. */
const char *kept_said(const struct kept *m, const char *name, const char *said);
/* The adapter at that path, at a scale, for a model that is borrowed and that it fits; opened once, whoever asks at whatever scale, and kept
 * with the model, the least used going when there are many.  EUSAGE: it does not fit, or tells classes apart.  EBUSY: too many are in use. */
enum hearth_status keeper_adapter(struct keeper *k, struct kept *m, const char *path, float scale, const struct hearth_adapter **out);
/* Before the model is given back; NULL is allowed. */
void keeper_adapter_return(struct keeper *k, struct kept *m, const struct hearth_adapter *a);
/* keep_alive: seconds from now; NAN: the server's; negative: for ever; 0: at once when nobody else uses it. */
void keeper_return(struct keeper *k, struct kept *m, double keep_alive);
/* Unloads when nobody uses it; *was (may be NULL): it was loaded. */
void keeper_unload(struct keeper *k, const char *name, int *was);

struct kept_view { char *name, sha256[65]; struct hub_model about; struct hearth_model_info info; struct hearth_memory memory;
                   time_t expires; /* 0: never */ unsigned users; struct hearth_engine_stats stats; uint32_t ctx; };
/* What is loaded now; keeper_views_free() it. */
enum hearth_status keeper_list(struct keeper *k, struct kept_view **out, size_t *n);
void keeper_views_free(struct kept_view *v, size_t n);

#endif

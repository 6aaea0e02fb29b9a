/* hub.h - names to places: which file a model's name stands for, and how it gets there.
 *
 *     hearth pull smollm2      catalogue -> sources -> partial/ -> checksum -> blobs/ -> names/smollm2.ini
 *     hearth import FILE       the file stays where it is; names/NAME.ini remembers path and digest
 *     hearth run smollm2       hub_resolve("smollm2") gives the path of the file
 *
 * The store, under hub_folder(HUB_MODELS):
 *
 *     blobs/sha256-<64 hex>          whole, verified files, or folders of them (modeldir.h); never written again
 *     names/<name>.ini               one small text file a name (':' is written as '=')
 *     partial/sha256-<64 hex>.part   what an interrupted pull goes on from; .state beside it says where, .files has those that came
 *     licences.ini                   terms that were accepted, and when
 *
 * Nothing here prints: what a person should see goes through callbacks and hearth_errmsg().
 */
#ifndef HEARTH_HUB_HUB_H
#define HEARTH_HUB_HUB_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

/* ---- folders: HEARTH_HOME, else the XDG folders ---- */

enum hub_folder {
    HUB_DATA,    /* $HEARTH_HOME,       else $XDG_DATA_HOME/hearth,   else ~/.local/share/hearth */
    HUB_CONFIG,  /* $HEARTH_HOME,       else $XDG_CONFIG_HOME/hearth, else ~/.config/hearth */
    HUB_CACHE,   /* $HEARTH_HOME/cache, else $XDG_CACHE_HOME/hearth,  else ~/.cache/hearth */
    HUB_MODELS   /* HUB_DATA/models */
};
/* The path of a folder, or of `file` in it when that is not NULL.  Makes nothing.  free() it. */
enum hearth_status hub_path(enum hub_folder folder, const char *file, char **out);

/* ---- models ---- */

enum hub_place {
    HUB_STORED,      /* a file of the store */
    HUB_IN_PLACE,    /* imported: a file that lies elsewhere */
    HUB_REMOTE,      /* in the catalogue, not on this computer */
    HUB_BROKEN       /* its names/NAME.ini cannot be read; note says why */
};

struct hub_model {               /* every string is allocated and never NULL; "" where nothing is known */
    char *name, *path, *sha256;
    char *architecture, *parameters, *kind /* base or instruct */, *licence;
    char *good_at, *note;        /* note: what a person should know before trusting it */
    char *source, *label;        /* where it came from; whose package that is */
    char *added, *accepted;      /* 2026-11-22T07:40:00Z */
    char *file;                  /* of several files in the store, the one that leads to the others; "": the folder, or one file */
    char *parent, *recipe;       /* of a derived model: the name it was made from; the digest of what it adds (recipe.h) */
    char *adapter;               /* of one with an adapter: its digest (lora.h) */
    uint64_t size;               /* bytes */
    enum hub_place place;
};
void hub_model_free(struct hub_model *m);                    /* what it holds, not m itself */
void hub_models_free(struct hub_model *m, size_t n);         /* and the array */

/* The models on this computer in the order of their names, then, with `all`, those of the catalogue that are not. */
enum hearth_status hub_list(int all, struct hub_model **out, size_t *n);

/* MODEL of a command: a name (installed, imported, an alias), a file, or a folder with one .gguf in it.  *path is
 * allocated.  about may be NULL; when a path was given it holds the path, the size and nothing else.  ENOTFOUND says
 * what to do: pull it (then about is the catalogue's entry, HUB_REMOTE), or which name was meant.  An imported file that
 * has changed since is ECHECKSUM. */
enum hearth_status hub_resolve(const char *model, char **path, struct hub_model *about);
/* The same for a word that a stranger sent: names only, never a path. */
enum hearth_status hub_resolve_name(const char *name, char **path, struct hub_model *about);

/* The name of the model that is used when none is said: the one with the alias "default".  Valid until the next call
 * on this thread. */
const char *hub_default_name(void);

/* Advice for a computer with that many bytes of memory: the best model by name that fits, to be brought as a GGUF
 * file and imported.  ENOTFOUND: none of the list fits. */
struct hub_advice { char name[64], parameters[16], licence[48], good_at[128]; uint64_t memory; /* it asks for */ };
enum hearth_status hub_advise(uint64_t memory, struct hub_advice *out);

/* ---- pull ---- */

struct hub_terms {
    const char *name, *licence, *terms, *read_at;   /* terms: a summary in a few lines; read_at: where they stand whole */
    int ask;                                        /* 1: nothing is fetched until they are accepted */
};
enum hub_stage {
    HUB_DOWNLOADING,
    HUB_WAITING,      /* another process pulls the same model */
    HUB_RETRYING,     /* the connection was lost; note says how */
    HUB_UNPACKING,
    HUB_CHECKING      /* hashing what is already there */
};
struct hub_progress {
    enum hub_stage stage;
    uint64_t done, total;        /* bytes of the model file; total 0: unknown */
    uint64_t first;              /* what was there before this call (a resumed pull) */
    const char *note;            /* a sentence, or NULL */
};
struct hub_callbacks {           /* each may be NULL */
    /* Shows the terms, once for a licence that asks and each time a model comes for others.  Returns 1: accepted.
     * NULL or 0 when ask is set: ELICENSE. */
    int (*on_terms)(void *user, const struct hub_terms *t);
    void (*on_progress)(void *user, const struct hub_progress *p);
    void *user;
    const volatile int *cancel;  /* non-zero: ECANCELLED, and the partial file stays */
};
/* Fetches a model of the catalogue.  *fetched (may be NULL) is 0 when it was already here.  On failure the store is as
 * it was; a partial file stays when running again can go on from it. */
enum hearth_status hub_pull(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched);

/* The same from another hearth, http://teacher.local:11434/smollm2.  key: what that server asks for, or NULL.  The size and SHA-256 are
 * those that server states; on_progress's note says it when the catalogue knows another file by that name. */
enum hearth_status hub_pull_from(const char *url, const char *key, const struct hub_callbacks *c, struct hub_model *out, int *fetched);

/* The same from a registry: hf:OWNER/NAME[:FILE], ollama:NAME[:TAG] (remote.h).  hub_is_remote: whether the word is such a name. */
int hub_is_remote(const char *name);
enum hearth_status hub_pull_remote(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched);

/* ---- import, remove ---- */

/* Gives a GGUF file a name: `name`, or one made from the file's.  path: a file, or a folder with one .gguf in it.
 * copy: a copy is kept in the store (sharing its blocks with the original where the file system can); otherwise the
 * file is used where it lies. */
enum hearth_status hub_import(const char *path, const char *name, int copy, const struct hub_callbacks *c,
                              struct hub_model *out);

/* Gives the models of Ollama's store on this computer names, and uses them where they lie; each hears of every one of them, with the
 * message set when it could not be. */
enum hearth_status hub_import_ollama(const struct hub_callbacks *c,
                                     void (*each)(void *user, const char *text, enum hearth_status st, const struct hub_model *m), void *user);

struct hub_removed { char *name, *kept; uint64_t freed; int unfinished; };
/* Forgets a name.  The stored file goes when no other name stands for it; an imported file is never touched (kept is
 * then its path, else "").  unfinished: it was only a partial download. */
enum hearth_status hub_remove(const char *name, struct hub_removed *out);
void hub_removed_free(struct hub_removed *r);

/* ---- digests ---- */

/* SHA-256 of a file as 64 hex digits; of a model in several files, that of the list of them (modeldir.h).  *cached (may be NULL) is 1 when it was known for this (device, inode, size,
 * mtime, ctime).  A file whose ctime is younger than 2 s is never remembered.  c may be NULL. */
enum hearth_status hub_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached);
/* Of the one file, whatever it is part of. */
enum hearth_status hub_digest_file(const char *path, const struct hub_callbacks *c, char hex[65], int *cached);

#endif

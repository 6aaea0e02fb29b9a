/* catalogue.h - the models known by name: data/catalogue.ini, compiled in, and the person's own catalogue.ini. */
#ifndef HEARTH_HUB_CATALOGUE_H
#define HEARTH_HUB_CATALOGUE_H

#include "hub/hub.h"
#include "hub/ini.h"
#include "hub/names.h"

enum { CATALOGUE_SOURCES = 8, CATALOGUE_PIECES = 64, CATALOGUE_FILES = 600 };

struct catalogue_source {
    const char *text;                /* its pieces, one a line, joined in order */
    const char *label;
};

struct catalogue_file {              /* one of a model that is several files */
    const char *name;                /* below the model's folder */
    const char *member;              /* where it lies in the archive that the sources give; NULL without one */
    char sha256[65];
    uint64_t size;
};

struct catalogue_model {             /* strings live as long as the catalogue; "" where nothing is said */
    const char *name, *aliases, *architecture, *parameters, *kind, *good_at, *note, *licence, *terms, *terms_at, *sha256;
    uint64_t size;
    int ask;                         /* its terms must be accepted */
    const char *bearer;              /* what its server asks for (peer.c), or NULL */
    int own;                         /* from the person's own file: hosts it names are their choice */
    struct catalogue_source source[CATALOGUE_SOURCES];
    size_t n_sources;
    const struct catalogue_file *files;       /* NULL: the model is one file; else sha256 is modeldir.h's of all of them, size their sum */
    size_t n_files;
    char archive[65];                /* SHA-256 of the zip that a source gives; "": a source is a folder, and each file's name is put behind it */
    uint64_t archive_size;
};

struct catalogue {
    struct arena arena;
    struct ini file[2];              /* the person's, hearth's */
    struct catalogue_model *model;   /* the person's first: they win */
    size_t n, cap;
    struct hub_advice *advice;
    size_t n_advice, cap_advice;
};

enum hearth_status catalogue_open(struct catalogue *out);    /* nothing to free on failure */
void catalogue_free(struct catalogue *c);
/* By name or alias, in its canonical spelling; NULL when there is none. */
const struct catalogue_model *catalogue_find(const struct catalogue *c, const char *name);
/* All names and aliases, for "did you mean". */
void catalogue_near(const struct catalogue *c, struct name_near *near);
/* Word i of a space-separated list, with its length; NULL past the last. */
const char *catalogue_word(const char *list, size_t i, size_t *n);

/* Parses one file's text into c; own as in the model.  For tests and catalogue_open. */
enum hearth_status catalogue_add(struct catalogue *c, const struct ini *file, int own);
/* A model of the catalogue as a command sees it (HUB_REMOTE). */
enum hearth_status catalogue_describe(const struct catalogue_model *m, struct hub_model *out);

#endif

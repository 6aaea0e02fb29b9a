/* recipe.h - derived models: a name that stands for another model's file with parameters, a template, a system prompt.
 *
 *     hearth create pirate -f Modelfile      FROM smollm2, SYSTEM ..., PARAMETER ...
 *
 *     names/pirate.ini ──► blobs/sha256-...                 the file of smollm2, not copied; and its adapter, where it has one (lora.h)
 *            └───────────► recipes/sha256-<64 hex>.json     what is added; by its digest, so that it cannot change unseen
 *
 * A model made from a derived one starts with what that adds. */
#ifndef HEARTH_HUB_RECIPE_H
#define HEARTH_HUB_RECIPE_H

#include "hub/hub.h"
#include "hub/modelfile.h"

struct hub_recipe {                  /* texts are NULL where nothing is added */
    char *from;                      /* the name (or file) it was made from */
    char *system, *licence;
    char *chat_template;             /* Jinja, whatever was written */
    char *as_written;                /* the template as it was written */
    char *adapter;                   /* its digest */
    json_t *parameters, *messages;   /* an object, an array; never NULL */
};
/* Of a model that hub_list or hub_resolve described; one that is not derived has an empty one.  ECHECKSUM: its file has changed. */
enum hearth_status hub_recipe(const struct hub_model *m, struct hub_recipe *out);
void hub_recipe_free(struct hub_recipe *r);

/* Makes `name` from a Modelfile.  paths: FROM and ADAPTER may name files (the command line; what strangers send are names).  A derived model
 * of that name is replaced; any other is not.  EUNSUPPORTED, EFORMAT: the template is not understood.  base: what FROM names, where it is
 * open already, to see whether an adapter fits; NULL: it is opened for that. */
enum hearth_status hub_create(const char *name, const struct modelfile *f, int paths, const struct hearth_model *base,
                              const struct hub_callbacks *c, struct hub_model *out);
/* Another name for the same. */
enum hearth_status hub_copy(const char *from, const char *to, struct hub_model *out);
/* A template as it was written, Jinja or Go's, as Jinja that compiles; appends. */
enum hearth_status recipe_template(const char *source, struct buf *jinja);
/* The same as a Modelfile.  paths 0: strangers read it, and what was made from a file says FROM with that file's digest. */
enum hearth_status hub_write_modelfile(const struct hub_model *m, const struct hub_recipe *r, int paths, struct buf *to);
int hub_has_blob(const char *sha256);
/* Takes an upload into the store: the file at path becomes the blob of that digest, which it must have (ECHECKSUM). */
enum hearth_status hub_keep(const char *path, const char *sha256);
/* Gives a file of the store that has no name yet (POST /api/blobs) a name.  The file must be a whole GGUF. */
enum hearth_status hub_adopt(const char *sha256, const char *name, const struct hub_callbacks *c, struct hub_model *out);

#endif

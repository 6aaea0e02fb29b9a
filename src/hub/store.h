/* store.h - the folder of models (its picture is in hub.h): blobs, names, accepted licences.
 *
 * What is deleted is always named by a digest or a name that was checked, inside a folder of the store; a path that
 * stands in a file of the store is never deleted.
 */
#ifndef HEARTH_HUB_STORE_H
#define HEARTH_HUB_STORE_H

#include "hub/hub.h"
#include "hub/names.h"

/* ---- struct hub_model ---- */

enum store_field {
    STORE_NAME, STORE_SHA256, STORE_ARCHITECTURE, STORE_PARAMETERS, STORE_KIND, STORE_LICENCE, STORE_GOOD_AT, STORE_NOTE,
    STORE_SOURCE, STORE_LABEL, STORE_ADDED, STORE_ACCEPTED, STORE_PARENT, STORE_RECIPE, STORE_ADAPTER, STORE_FILE, STORE_PATH, STORE_END
};
struct store_text { enum store_field field; const char *text; };
/* Makes a model of copies of these texts (the list ends with STORE_END); what is not named is "". */
enum hearth_status store_model(struct hub_model *out, enum hub_place place, uint64_t size, const struct store_text *texts);
/* Replaces one of them by a copy. */
enum hearth_status store_set(struct hub_model *m, enum store_field field, const char *text);

/* ---- files ---- */

enum hearth_status store_blob_path(const char *sha256, char **out);         /* the digest must be one */
enum hearth_status store_recipe_path(const char *sha256, char **out);
enum hearth_status store_part_path(const char *sha256, const char *suffix, char **out);
/* Deletes a file of the store, or a folder with all that is in it; no link is followed.  *freed grows; what is not there is no mistake. */
enum hearth_status store_remove_all(const char *path, uint64_t *freed);
/* Makes the folders of the store. */
enum hearth_status store_make(void);
/* Held while names and blobs change together; waits for its turn.  store_unlock(-1) is harmless. */
enum hearth_status store_lock(int *fd);
void store_unlock(int fd);

/* ---- names ---- */

/* name is canonical.  ENOTFOUND: not in the store.  EFORMAT: its file is damaged. */
enum hearth_status store_read(const char *name, struct hub_model *out);
enum hearth_status store_write(const struct hub_model *m);
enum hearth_status store_forget(const char *name);
/* All names in order; free each and the array. */
enum hearth_status store_names(char ***out, size_t *n);
void store_names_free(char **names, size_t n);
/* 1 when a name other than `but` (may be NULL) stands for the stored file, or has the recipe or adapter, of that digest; also when a damaged
 * name might.  Call it under the lock. */
enum store_use { STORE_AS_FILE, STORE_AS_RECIPE, STORE_AS_ADAPTER };
enum hearth_status store_in_use(const char *sha256, enum store_use use, const char *but, int *out);

/* ---- licences ---- */

/* When the terms were accepted, or "". */
enum hearth_status store_accepted(const char *licence, char when[24]);
enum hearth_status store_accept(const char *licence, const char *when);

#endif

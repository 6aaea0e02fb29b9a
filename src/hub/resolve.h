/* resolve.h - what hub_import and hub_remove share with hub_resolve. */
#ifndef HEARTH_HUB_RESOLVE_H
#define HEARTH_HUB_RESOLVE_H

#include "hub/hub.h"
#include "hub/names.h"

/* A file, or the one .gguf of a folder; allocated. */
enum hearth_status resolve_path(const char *path, char **out, uint64_t *size);
/* The entry of a name, or of the model it is an alias of; real gets the entry's name.  ENOTFOUND: none, and no message. */
enum hearth_status resolve_stored(const char *name, char real[NAME_MAX_BYTES + 1], struct hub_model *out);
/* ENOTFOUND with what to do about a (canonical) name that is not in the store; about (may be NULL) is filled when the
 * catalogue has it. */
enum hearth_status resolve_unknown(const char *name, int or_path /* one could have been given */, struct hub_model *about);

/* What a GGUF file is, as a model of that name; stored: its place is (to be) the store.  The file must be whole. */
enum hearth_status resolve_describe(const char *path, const char *name, int stored, uint64_t size, const struct hub_callbacks *c,
                                    struct hub_model *out);

#endif

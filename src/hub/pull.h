/* pull.h - what pulling one file (pull.c) and pulling several (pull_files.c) share. */
#ifndef HEARTH_HUB_PULL_H
#define HEARTH_HUB_PULL_H

#include "hub/catalogue.h"
#include "hub/partial.h"
#include "hub/store.h"

/* A model as the catalogue or a registry describes it.  *fetched: whether anything had to be. */
enum hearth_status pull_model(const struct catalogue_model *m, const struct hub_callbacks *c, struct hub_model *out, int *fetched);
/* The same once it is known that the name is free and the terms are accepted; the model is several files. */
enum hearth_status pull_files(const struct catalogue_model *m, const struct hub_callbacks *c, const char *accepted, struct hub_model *out, int *fetched);
/* Removes what a pull of several files that was broken off left, and counts what that frees; nothing when one is under way. */
enum hearth_status pull_files_forget(const struct catalogue_model *m, uint64_t *freed);

/* *here 1: the name stands for the whole model already, and out says so. */
enum hearth_status pull_look_for_name(const struct catalogue_model *m, struct hub_model *out, int *here);
/* Whether what lies there has that size. */
int pull_stored_size(const char *path, uint64_t size);
enum hearth_status pull_check_room(const struct catalogue_model *m, uint64_t need);
/* The entry that m gets; file: what is opened of several files, "" the folder. */
enum hearth_status pull_describe(const struct catalogue_model *m, const struct catalogue_source *s, const char *accepted, const char *blob,
                                 const char *file, struct hub_model *out);
/* Would another source help? */
int pull_is_sources_fault(enum hearth_status st);
/* Whether what has come is of use: the same bytes can be gone on with. */
int pull_goes_on(enum hearth_status st);
/* The message of st with what can be done about it. */
enum hearth_status pull_say_what_to_do(const struct catalogue_model *m, int goes_on, enum hearth_status st);

#endif

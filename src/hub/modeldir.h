/* modeldir.h - a folder that is a model: config.json with safetensors (model/folder.h reads it).  Here it is something with a size and a
 * digest, like a file:
 *
 *     sha256sum FILES... | sha256sum       of the files that make the model, in the order of their names
 *
 * so anybody can take the digest with the system's own tools.  Files of the folder that the model is not read from (a README, a pickle)
 * do not count. */
#ifndef HEARTH_HUB_MODELDIR_H
#define HEARTH_HUB_MODELDIR_H

#include "hub/hub.h"

/* 1: there is a folder at path, with a config.json in it. */
int modeldir_is(const char *path);
/* The bytes of its files; ENOTFOUND names a shard that is missing. */
enum hearth_status modeldir_size(const char *path, uint64_t *out);
/* What hub_digest says of it. */
enum hearth_status modeldir_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached);

#endif

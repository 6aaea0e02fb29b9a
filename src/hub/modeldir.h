/* modeldir.h - a model of several files: a folder with a config.json and safetensors (model/folder.h reads it), or GGUF files that follow one
 * another (x-00001-of-00003.gguf).  Here it is something with a size and a digest, like a file:
 *
 *     sha256sum FILES... | sha256sum       of the files that make the model, in the order of their names
 *
 * so anybody can take the digest with the system's own tools.  Files beside them that the model is not read from (a README, a pickle) do not
 * count. */
#ifndef HEARTH_HUB_MODELDIR_H
#define HEARTH_HUB_MODELDIR_H

#include "base/mem.h"
#include "hub/hub.h"

/* 1: there is a folder at path, with a config.json in it, or the first of several GGUF files. */
int modeldir_is(const char *path);
/* Whether a file of this name, in the folder or below it, can be part of a model: one of those that are read, or a shard.  Never a path
 * that leads elsewhere. */
int modeldir_takes(const char *name);
/* Of the digests of files, sorted by their names: the digest of the whole. */
struct modeldir_file { const char *name; char sha256[65]; };
enum hearth_status modeldir_sum(struct modeldir_file *files, size_t n, char hex[65]);
/* Its files, sorted by their names, and the folder they lie in; names are below it.  The arena's; nothing is opened but the index of shards. */
enum hearth_status modeldir_files(const char *path, struct arena *arena, const char **folder, const char ***name, size_t *n);
/* The bytes of its files; ENOTFOUND names a shard that is missing. */
enum hearth_status modeldir_size(const char *path, uint64_t *out);
/* What hub_digest says of it. */
enum hearth_status modeldir_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached);

#endif

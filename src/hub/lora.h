/* lora.h - low-rank adapters in the store: a derived model's, kept beside its file.
 *
 *     ADAPTER ./pirate             a folder (adapter_config.json, adapter_model.safetensors) or a GGUF; copied, whether it fits looked at,
 *                                  then blobs/sha256-<hex>, a file or a folder of the two
 *     ADAPTER sha256:<hex>         one that the store has: a file sent to /api/blobs, or what `show --modelfile` wrote
 *     ADAPTER sha256:<hex> sha256:<hex>     the folder's two files, each sent to /api/blobs: config, then weights
 *
 * The digest of a file is its own; of a folder that of the list of its two files (modeldir.h), so that it covers the scale too. */
#ifndef HEARTH_HUB_LORA_H
#define HEARTH_HUB_LORA_H

#include "hearth.h"
#include "hub/hub.h"

/* The digest of an adapter where it lies. */
enum hearth_status lora_digest(const char *path, const struct hub_callbacks *c, char hex[65]);
/* Into the store: what ADAPTER says (paths: files may be named), for the model in `file`, which is open as base or else is opened.
 * EFORMAT, EUNSUPPORTED: it is none, or not this model's; EUSAGE: it tells classes apart and does not answer in words. */
enum hearth_status lora_take(const char *adapter, int paths, const struct hearth_model *base, const char *file, const struct hub_callbacks *c,
                             char hex[65]);
/* ENOTFOUND: the store has it no more. */
enum hearth_status lora_there(const char *sha256);
/* Where the store has it, allocated.  ECHECKSUM: it is another one now. */
enum hearth_status lora_path(const char *sha256, char **path);

#endif

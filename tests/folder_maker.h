/* folder_maker.h - a GGUF file as the folder that its makers would have published: config.json, safetensors of one or several files.
 *
 * Only for the families llama and gemma3 of model_maker.h.  The layout is written down here a second time, the other way round, so that a
 * mistake in src/model/folder_tables.c shows. */
#ifndef HEARTH_TESTS_FOLDER_MAKER_H
#define HEARTH_TESTS_FOLDER_MAKER_H

#include "base/status.h"

/* shards: 1 gives model.safetensors, more an index.  Everything in floats of 32 bits; the folder is made when it is not there. */
enum hearth_status folder_make(const char *gguf, const char *folder, int shards);

/* The same model as n files, PREFIX-00001-of-0000N.gguf ..., the tensors dealt out in order. */
enum hearth_status pieces_make(const char *gguf, const char *prefix, unsigned n);

#endif

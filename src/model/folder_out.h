/* folder_out.h - the way back: a GGUF model as a folder that `transformers` opens. */
#ifndef HEARTH_MODEL_FOLDER_OUT_H
#define HEARTH_MODEL_FOLDER_OUT_H

#include "file/gguf.h"

/* Whether that can be done, without a word on the disk: what folder_write would refuse. */
enum hearth_status folder_check(const struct gguf *g);
/* Makes the folder, which must not be there, and writes config.json, generation_config.json, model.safetensors (F32), tokenizer.json and
 * tokenizer_config.json.  EUNSUPPORTED: a family, or a tokenizer, for which that is not known here (byte-level BPE of GPT-2's pattern is). */
enum hearth_status folder_write(const struct gguf *g, const char *folder);

#endif

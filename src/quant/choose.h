/* choose.h - which type each tensor of a file gets: by the type or mix asked for, by patterns of names, by what fits its rows. */
#ifndef HEARTH_QUANT_CHOOSE_H
#define HEARTH_QUANT_CHOOSE_H

#include "file/gguf.h"

struct choice {
    int keep;                        /* every matrix keeps its type but for patterns */
    uint32_t file_type;              /* general.file_type */
    enum tensor_type *type;          /* [n_tensors] */
};

/* 1: a tensor that is multiplied by or looked up in, and is not too small or too decisive to be rounded. */
int choose_is_matrix(const struct gguf_tensor *t);
/* EUSAGE: no such type, no such pattern.  note: as hearth_quantize_params'.  choice_free also after a failure. */
enum hearth_status choose_types(const struct gguf *g, const struct hearth_quantize_params *p, struct choice *out);
void choice_free(struct choice *c);

#endif

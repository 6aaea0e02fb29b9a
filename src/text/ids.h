/* ids.h - appending to struct ids. */
#ifndef HEARTH_TEXT_IDS_H
#define HEARTH_TEXT_IDS_H

#include "text/tokenizer.h"

static inline enum hearth_status ids_room(struct ids *out, size_t more) {
    return mem_grow(&out->id, &out->cap, out->n + more, sizeof *out->id);
}

static inline enum hearth_status ids_put(struct ids *out, int32_t id) {
    if (out->n == out->cap) TRY(ids_room(out, 1));
    out->id[out->n++] = id;
    return HEARTH_OK;
}

#endif

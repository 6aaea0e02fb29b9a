/* keeper.c - models in memory. */
#include <stdlib.h>
#include "base/mem.h"
#include "serve/keeper.h"

struct keeper { struct keeper_params p; };

enum hearth_status keeper_open(const struct keeper_params *p, struct keeper **out)
{
    *out = mem_array(1, sizeof **out);
    if (!*out) return HEARTH_ENOMEM;
    (*out)->p = *p;
    return HEARTH_OK;
}

void keeper_close(struct keeper *k)
{
    free(k);
}

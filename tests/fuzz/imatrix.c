/* imatrix.c - fuzz target: an importance matrix of either form.  What is read has finite means and the shape it says. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "quant/imatrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imatrix *m;
    if (imatrix_read(data, size, "input", &m)) {
        if (!*hearth_errmsg() || m) abort();
        return 0;
    }
    for (size_t i = 0; i < m->n; i++) {
        const struct imatrix_entry *e = &m->entry[i];
        if (imatrix_find(m, e->name) != e || !e->cols || !e->mats) abort();
        for (uint64_t k = 0; k < e->mats; k++) {
            const float *row = imatrix_row(e, k);
            for (uint64_t c = 0; row && c < e->cols; c++)
                if (!isfinite(row[c]) || row[c] < 0) abort();
        }
    }
    imatrix_close(m);
    return 0;
}

/* logits.c - logits MODEL CHUNK [ID ...]: the logits of each of these tokens, CHUNK of them at a time, as 32-bit floats on standard output:
 * `float` arithmetic, an F32 cache.  tools/oracle/folders.py compares them with those of `transformers`. */
#include <stdio.h>
#include <stdlib.h>

#include "hearth.h"

static int complain(void)
{
    fprintf(stderr, "logits: %s\n", hearth_errmsg());
    return 1;
}

int main(int argc, char **argv)
{
    int chunk = argc > 3 ? atoi(argv[2]) : 0, n = argc - 3;
    struct hearth_model *m;
    struct hearth_session *s;
    struct hearth_model_info info;
    if (chunk < 1) {
        fprintf(stderr, "usage: logits MODEL CHUNK ID...\n");
        return 2;
    }
    if (hearth_model_open(argv[1], &(struct hearth_model_params){2, HEARTH_FLOAT, 0}, &m)) return complain();
    hearth_model_describe(m, &info);
    if (hearth_session_open(m, &(struct hearth_session_params){.ctx = info.context, .kv = HEARTH_KV_F32}, &s)) return complain();
    float *out = calloc((size_t)n * info.vocabulary, sizeof *out);
    int32_t *ids = calloc((size_t)n, sizeof *ids);
    if (!out || !ids) return 1;
    for (int i = 0; i < n; i++) ids[i] = atoi(argv[3 + i]);
    for (int i = 0; i < n; i += chunk) {
        int take = n - i < chunk ? n - i : chunk;
        if (hearth_session_eval_all(s, ids + i, (size_t)take, out + (size_t)i * info.vocabulary)) return complain();
    }
    int good = fwrite(out, sizeof *out * info.vocabulary, (size_t)n, stdout) == (size_t)n;
    free(out), free(ids);
    hearth_session_close(s);
    hearth_model_close(m);
    return !good;
}

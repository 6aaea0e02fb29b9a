/* make_model - a command over model_maker: writes a model of random weights.
 *
 *     make_model OUT.gguf [field=value ...]        fields as in struct model_spec; preset=1B, 3B or 7B first
 *
 *     make_model t.gguf family=gemma3 type=Q4_K,Q6_K layers=7 width=512 seed=3
 *     make_model 7b.gguf preset=7B type=Q4_0
 */
#include <stdio.h>
#include <string.h>

#include "model_maker.h"

int main(int argc, char **argv)
{
    struct model_spec spec = { 0 };
    if (argc < 2 || strchr(argv[1], '=')) {
        fprintf(stderr, "usage: make_model OUT.gguf [field=value ...]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        if (model_spec_word(&spec, argv[i]) != HEARTH_OK) {
            fprintf(stderr, "make_model: %s\n", hearth_errmsg());
            return 2;
        }
    if (model_make(argv[1], &spec) != HEARTH_OK) {
        fprintf(stderr, "make_model: %s\n", hearth_errmsg());
        return 1;
    }
    return 0;
}

/* merge.c - `hearth merge MODEL ADAPTER -o FILE.gguf`: the two as one model. */
#include <stdlib.h>
#include "cmd/input.h"
#include "cmd/models.h"
#include "cmd/places.h"
#include "work/merge.h"

static const char *out, *type_text;
static int force;

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the new model goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"type", 0, OPT_TEXT, "TYPE", "of its matrices (default: the model's, F16 where they are quantised)", &type_text, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {0},
};

static int run(int argc, char **argv)
{
    struct places p = {0};
    char bytes[24], before[24];
    const char *type = NULL;
    char *path = NULL;
    (void)argc;
    if (!out) return usage("merge needs a place for the new file: -o FILE.gguf");
    if (type_text && !(type = quantize_type(type_text))) return quantize_no_type(type_text);
    int code = model_find(argv[0], MODEL_TO_CHANGE, &path);
    place_in_model(&p, path), place_in(&p, argv[1]), place_out(&p, out);
    if (code == EXIT_DONE) code = places_check(&p, force);
    if (code == EXIT_DONE) code = report(merge_write(path, argv[1], type, out));
    if (code == EXIT_DONE) printf("%s: %s, from %s%s\n", out, show_bytes(file_size(out), bytes), show_bytes(file_size(path), before),
                                  !type && file_size(out) > 2 * file_size(path) ? "; --type Q8_0 or Q4_K makes it smaller" : "");
    free(path);
    return code;
}

const struct command cmd_merge = {
    .name = "merge", .group = GROUP_MEASURE, .summary = "make an adapter part of its model", .args = "MODEL ADAPTER",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Writes a GGUF file in which each matrix has what the adapter adds to it, for programs that know no adapters, or to be quantised again. Labels, and a head for them, "
             "go into the file as well: `hearth classify` then needs no --adapter, and trim, quantize and prune keep it.",
    .examples = "hearth merge smollm2 letters -o letters.gguf\nhearth merge smollm2 letters -o letters-q4.gguf --type Q4_K\n",
    .options = options, .run = run,
};

/* convert.c - `hearth convert FOLDER -o OUT.gguf`: a folder of safetensors as one GGUF file. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/models.h"

static const char *out, *type;
static int force;

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"type", 't', OPT_TEXT, "TYPE", "quantise the matrices to this type; by default they stay as they are", &type, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {0},
};

struct work { struct progress progress; const volatile int *interrupted; };

static int on_progress(void *user, uint64_t done, uint64_t total)
{
    struct work *w = user;
    w->progress.total = total;
    progress_step(&w->progress, done);
    return *w->interrupted;
}

static int run(int argc, char **argv)
{
    char *path = NULL, bytes[24];
    const char *to = NULL;
    struct work w = {.interrupted = interrupt_watch()};
    struct stat s;
    int code;
    (void)argc;
    if (type && !(to = quantize_type(type))) return quantize_no_type(type);
    if (!out) return usage("convert needs a place for the new file: -o FILE");
    if (!force && access(out, F_OK) == 0) {
        complain("%s is there already; --force replaces it", out);
        return EXIT_FAILED;
    }
    if ((code = model_find(argv[0], MODEL_TO_LOOK, &path)) != EXIT_DONE) return code;
    progress_start(&w.progress, "converting", 0, 0);
    code = report(hearth_quantize(path, to, out, on_progress, &w));
    progress_end(&w.progress);
    if (code == EXIT_DONE && stat(out, &s) == 0) note("%s: %s", out, show_bytes((uint64_t)s.st_size, bytes));
    free(path);
    return code;
}

const struct command cmd_convert = {
    .name = "convert", .group = GROUP_MODELS, .summary = "write a folder of safetensors as one GGUF file", .args = "FOLDER",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "The folder is one as its makers publish it: config.json, model.safetensors or shards with an index, tokenizer.json, "
             "tokenizer_config.json, generation_config.json, chat_template.jinja. hearth runs such a folder as it is; a GGUF file is for "
             "other programs, for keeping it in one piece, and, with --type, for making it smaller and faster. Nothing of the folder is "
             "executed, and pickles in it are never opened.",
    .examples = "hearth convert ./Llama-3.2-1B-Instruct -o llama-3.2-1b.gguf\n"
                "hearth convert ./Qwen3-0.6B -o qwen3.gguf --type q8_0\n",
    .options = options, .run = run,
};

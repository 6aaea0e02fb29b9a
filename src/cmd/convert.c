/* convert.c - `hearth convert FOLDER -o OUT.gguf`: a folder of safetensors as one GGUF file. */
#include "cmd/models.h"

static const char *out, *type;
static int force;

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"type", 't', OPT_TEXT, "TYPE", "quantise the matrices to this type or mix (`hearth quantize --help`); by default they stay as they are", &type, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {0},
};

static int run(int argc, char **argv)
{
    struct hearth_quantize_params p = {.type = type ? quantize_type(type) : NULL};
    (void)argc;
    return type && !p.type ? quantize_no_type(type) : quantize_write("convert", argv[0], &p, "converting", out, force);
}

const struct command cmd_convert = {
    .name = "convert", .group = GROUP_MODELS, .summary = "write a folder of safetensors as one GGUF file", .args = "FOLDER",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "The folder is one as its makers publish it: config.json, model.safetensors or shards with an index, tokenizer.json or "
             "tokenizer.model, tokenizer_config.json, generation_config.json, chat_template.jinja. hearth runs such a folder as it is, also with a "
             "tokenizer that GGUF has no words for; a GGUF file is for "
             "other programs, for keeping it in one piece, and, with --type, for making it smaller and faster. Nothing of the folder is "
             "executed, and pickles in it are never opened.",
    .examples = "hearth convert ./Llama-3.2-1B-Instruct -o llama-3.2-1b.gguf\n"
                "hearth convert ./Qwen3-0.6B -o qwen3.gguf --type q8_0\n",
    .options = options, .run = run,
};

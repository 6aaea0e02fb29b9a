/* vocab.c - `hearth vocab extend MODEL --text FILE --add N -o OUT`: tokens for a language that the model splits into crumbs. */
#include <string.h>
#include "cmd/vocabulary.h"

static const char *out, *text;
static int force, add = 1000, min_count = 2, want_json;

static const struct opt options[] = {
    {"text", 0, OPT_TEXT, "FILE", "text of the language; the more of it, the better", &text, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"add", 0, OPT_INT, "N", "tokens to add at most (default 1000)", &add, 1, 1 << 22, 0, 0},
    {"min-count", 0, OPT_INT, "N", "times that two tokens must stand together to become one (default 2)", &min_count, 1, 1 << 30, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

static enum hearth_status change(const char *path, const char *body, size_t n, const char *to, int (*progress)(void *, uint64_t, uint64_t),
                                 void *user, struct hearth_vocabulary_result *r)
{
    struct hearth_extend_params p = {.add = (uint32_t)add, .min_count = (uint32_t)min_count};
    return hearth_extend(path, body, n, &p, to, progress, user, r);
}

static int run(int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "extend") != 0) return usage("vocab: \"%s\" is nothing that is done to a vocabulary; it is: extend", argv[0]);
    struct vocabulary_job j = {.command = "vocab extend", .model = argv[1], .text = text, .out = out, .what = "extending", .force = force,
                               .json = want_json, .change = change};
    return vocabulary_change(&j);
}

const struct command cmd_vocab = {
    .name = "vocab", .group = GROUP_MEASURE, .summary = "give a model tokens for another language", .args = "extend MODEL",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_NOTHING,
    .about = "Writes a GGUF file with tokens added. They are learnt from a text as the model cuts it: two tokens that often stand together become one, "
             "again and again, behind all that the model joins already, so every old token stays valid and keeps its number. The row of a new token "
             "is the mean of the rows of the pieces that it replaces: a beginning, which tuning on text of the language makes good. The table says "
             "how many tokens a word of the text takes before and after. FILE of --text may be - for standard input.",
    .examples = "hearth vocab extend smollm2 --text isizulu.txt --add 2000 -o smollm2-zu.gguf\n",
    .options = options, .run = run,
};

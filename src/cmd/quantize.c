/* quantize.c - `hearth quantize MODEL TYPE -o FILE`: the same model in another tensor type. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/models.h"

static const char *out;
static int force;

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {0},
};

static const char *type_at(void *user, size_t i)
{
    (void)user;
    return hearth_quantize_type(i);
}

/* "q4_k" -> "Q4_K"; NULL when this build cannot write it. */
const char *quantize_type(const char *word)
{
    const char *t;
    for (size_t i = 0; (t = hearth_quantize_type(i)); i++) if (strcasecmp(t, word) == 0) return t;
    return NULL;
}

int quantize_no_type(const char *word)
{
    const char *near = nearest(word, type_at, NULL), *t;
    char all[512] = "";
    if (near) return usage("\"%s\" is not a tensor type; did you mean %s?", word, near);
    for (size_t i = 0, n = 0; (t = hearth_quantize_type(i)) && n < sizeof all; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", t);
    return usage("\"%s\" is not a tensor type; they are %s", word, all);
}

struct work { struct progress progress; const volatile int *interrupted; };

static int on_progress(void *user, uint64_t done, uint64_t total)
{
    struct work *w = user;
    w->progress.total = total;
    progress_step(&w->progress, done);
    return *w->interrupted;
}

int quantize_write(const char *command, const char *model, const char *to, const char *what, const char *file, int replace)
{
    char *path = NULL, bytes[24];
    struct work w = {.interrupted = interrupt_watch()};
    struct stat s;
    int code;
    if (!file) return usage("%s needs a place for the new file: -o FILE", command);
    if (!replace && access(file, F_OK) == 0) {
        complain("%s is there already; --force replaces it", file);
        return EXIT_FAILED;
    }
    if ((code = model_find(model, MODEL_TO_LOOK, &path)) != EXIT_DONE) return code;
    progress_start(&w.progress, what, 0, 0);
    code = report(hearth_quantize(path, to, file, on_progress, &w));
    progress_end(&w.progress);
    if (code == EXIT_DONE && stat(file, &s) == 0) note("%s: %s", file, show_bytes((uint64_t)s.st_size, bytes));
    free(path);
    return code;
}

static int run(int argc, char **argv)
{
    const char *type = quantize_type(argv[1]);
    (void)argc;
    return type ? quantize_write("quantize", argv[0], type, type, out, force) : quantize_no_type(argv[1]);
}

const struct command cmd_quantize = {
    .name = "quantize", .group = GROUP_MEASURE, .summary = "write a model in another tensor type", .args = "MODEL TYPE",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Writes a GGUF file in which every matrix has the given type: F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q4_0 and "
             "so on. Norms and other vectors stay in 32 bits. A smaller type is faster and less exact; what was lost by an "
             "earlier quantisation does not come back.",
    .examples = "hearth quantize ./model-f16.gguf Q4_K -o model-q4_k.gguf\n",
    .options = options, .run = run,
};

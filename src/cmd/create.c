/* create.c - `hearth create NAME -f Modelfile`: a model made from another one; `hearth cp`: another name for one. */
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"
#include "cmd/input.h"
#include "hub/recipe.h"

static const char *file = "Modelfile";

static const struct opt options[] = {
    {"file", 'f', OPT_TEXT, "FILE", "the Modelfile (default: Modelfile in this folder; -: standard input)", &file, 0, 0, 0, 0},
    {0},
};

static char *read_all(FILE *f, size_t *n)
{
    struct buf b = {0};
    char piece[16384];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, f)) > 0 && b.len <= MODELFILE_MAX)
        if (buf_put(&b, piece, got) != HEARTH_OK) break;
    if (ferror(f)) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, n);
}

/* A path in a Modelfile is meant from the folder that it lies in. */
static void beside(char **path)
{
    const char *slash = strrchr(file, '/');
    if (!slash || !*path || **path == '/') return;
    char *whole = xprintf("%.*s/%s", (int)(slash - file), file, *path);
    free(*path);
    *path = whole;
}

static int create(int argc, char **argv)
{
    struct modelfile m;
    struct hub_model out = {0};
    const struct hub_callbacks c = {.cancel = interrupt_watch()};
    size_t n = 0;
    (void)argc;
    int piped = !strcmp(file, "-");
    FILE *f = piped ? stdin : fopen(file, "re");
    char *text = f ? read_all(f, &n) : NULL;
    if (!text) report(fail_errno(file, "cannot read"));
    if (f && !piped) fclose(f);
    if (!text) return EXIT_FAILED;
    enum hearth_status st = modelfile_parse(text, n, piped ? "the Modelfile" : file, &m);
    free(text);
    if (st != HEARTH_OK) return report(st);
    if (m.from && strchr(m.from, '/')) beside(&m.from);
    if (m.adapter && strncmp(m.adapter, "sha256:", 7) != 0) beside(&m.adapter);
    st = hub_create(argv[0], &m, 1, NULL, &c, &out);
    modelfile_free(&m);
    if (st == HEARTH_OK) note("%s is made from %s; `hearth run %s` uses it", out.name, *out.parent ? out.parent : out.path, out.name);
    hub_model_free(&out);
    return report(st);
}

const struct command cmd_create = {
    .name = "create", .group = GROUP_MODELS, .summary = "make a model from another one, with a system prompt and settings", .args = "NAME",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_NOTHING,
    .about = "Reads a Modelfile: FROM says what it is made from (a name, or a GGUF file), SYSTEM what it is told first, PARAMETER how it "
             "answers (temperature, top_k, top_p, min_p, seed, stop, num_predict, num_ctx, repeat_penalty, ...), TEMPLATE how a conversation "
             "is laid out (Jinja, or Go's notation as Ollama has it), ADAPTER which low-rank adapter it answers with (a folder or a GGUF file, "
             "from `hearth tune` say: a copy is kept), MESSAGE what a conversation begins with, LICENSE its terms. Paths are "
             "meant from the folder of the Modelfile. The file of the model is not copied: the new name stands for the same one. Making it again replaces it.",
    .examples = "printf 'FROM smollm2\\nSYSTEM You answer like a pirate.\\n' | hearth create pirate -f -\n"
                "hearth run pirate \"Who are you?\"\n",
    .options = options, .run = create,
};

static int cp(int argc, char **argv)
{
    struct hub_model out = {0};
    (void)argc;
    enum hearth_status st = hub_copy(argv[0], argv[1], &out);
    if (st == HEARTH_OK) note("%s stands for the same as %s", out.name, argv[0]);
    hub_model_free(&out);
    return report(st);
}

const struct command cmd_cp = {
    .name = "cp", .group = GROUP_MODELS, .summary = "give a model another name", .args = "MODEL NAME",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_MODEL,
    .about = "Both names stand for the same file, which goes when the last of them is removed.",
    .examples = "hearth cp smollm2 school\n",
    .run = cp,
};

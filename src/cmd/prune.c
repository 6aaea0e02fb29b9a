/* prune.c - `hearth prune MODEL --layers N | --width P --text FILE -o OUT`: the model without what matters least over a text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/input.h"
#include "cmd/models.h"
#include "cmd/places.h"
#include "work/prune.h"

static const char *out, *text;
static int layers, tokens, threads, force, want_json;
static float width;

static const struct opt options[] = {
    {"layers", 0, OPT_INT, "N", "leave out so many layers: those that change least of what comes in", &layers, 1, 1023, 0, 0},
    {"width", 0, OPT_FLOAT, "P", "leave out so many percent of the feed-forward neurons of each layer: those that move least", &width, 0, 95, 0, 0},
    {"text", 0, OPT_TEXT, "FILE", "the text over which it is measured what matters", &text, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"tokens", 0, OPT_INT, "N", "tokens of the text at most (default 16384)", &tokens, 1, 1 << 30, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes the file", &threads, 1, 1024, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

static int print_json(const char *model, const char *path, const struct prune_result *r)
{
    json_t *gone = json_array(), *influence = json_array();
    for (uint32_t l = 0; l < r->layers_before; l++) {
        json_array_append_new(influence, json_real(r->influence[l]));
        if (r->left_out[l]) json_array_append_new(gone, json_integer(l));
    }
    return json_print(json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "model", json_text(model, strlen(model)), "output",
                                json_text(out, strlen(out)), "layers_before", (int)r->layers_before, "layers_after", (int)r->layers_after, "width_before",
                                (int)r->width_before, "width_after", (int)r->width_after, "parameters_before", (json_int_t)r->parameters_before,
                                "parameters_after", (json_int_t)r->parameters_after, "tokens", (json_int_t)r->tokens, "file_before", (json_int_t)file_size(path), "file_after",
                                (json_int_t)file_size(out), "left_out", gone, "influence", influence));
}

static int print_table(const char *model, const char *path, const struct prune_result *r)
{
    struct table t = {.columns = 3, .right = "011"};
    char a[24], b[24];
    table_cell(&t, "%s", ""), table_cell(&t, "before"), table_cell(&t, "after");
    table_cell(&t, "file"), table_cell(&t, "%s", show_bytes(file_size(path), a)), table_cell(&t, "%s", show_bytes(file_size(out), b));
    table_cell(&t, "parameters"), table_cell(&t, "%s", show_count(r->parameters_before, a)), table_cell(&t, "%s", show_count(r->parameters_after, b));
    table_cell(&t, "layers"), table_cell(&t, "%u", r->layers_before), table_cell(&t, "%u", r->layers_after);
    table_cell(&t, "feed-forward neurons"), table_cell(&t, "%u", r->width_before), table_cell(&t, "%u", r->width_after);
    table_print(&t, stdout);
    for (uint32_t l = 0; l < r->layers_before; l++) if (r->left_out[l]) printf("layer %u is left out: influence %.4f\n", l, r->influence[l]);
    const char *here = strchr(out, '/') ? "" : "./";
    printf("What it has lost comes back by learning: hearth distill %s %s%s DATA -o OUT, or hearth tune %s%s DATA -o OUT\n", model, here, out, here, out);
    return EXIT_DONE;
}

static int prune(const char *model, const char *path, const char *body, size_t n)
{
    struct prune_result *r = xrealloc(NULL, 1, sizeof *r);
    struct progress_watch w = {.interrupted = interrupt_watch()};
    struct prune_params p = {.layers = (uint32_t)layers, .width = (double)width / 100, .text = body, .len = n, .tokens = (uint32_t)tokens, .threads = threads,
                             .progress = progress_watched, .user = &w};
    progress_start(&w.bar, "measuring", 0, 0);
    enum hearth_status st = prune_write(path, &p, out, r);
    progress_end(&w.bar);
    int code = st != HEARTH_OK ? report(st) : want_json ? print_json(model, path, r) : print_table(model, path, r);
    free(r);
    return st == HEARTH_ECANCELLED ? EXIT_INTERRUPTED : code;
}

static int run(int argc, char **argv)
{
    struct places p = {0};
    char *body, *path = NULL;
    size_t n;
    (void)argc;
    if (!out) return usage("prune needs a place for the new file: -o FILE");
    if (!text) return usage("prune needs a text over which it is measured what matters: --text FILE");
    if (!layers && !(width > 0)) return usage("prune needs to know what to leave out: --layers N, --width P or both");
    int code = input_file(text, &body, &n);
    if (code != EXIT_DONE) return code;
    code = input_check(strcmp(text, "-") == 0 ? "standard input" : text, body, n);
    if (code == EXIT_DONE) code = model_find(argv[0], MODEL_TO_CHANGE, &path);
    place_in_model(&p, path), place_in(&p, text), place_out(&p, out);
    if (code == EXIT_DONE) code = places_check(&p, force);
    if (code == EXIT_DONE) code = prune(argv[0], path, body, n);
    free(body), free(path);
    return code;
}

const struct command cmd_prune = {
    .name = "prune", .group = GROUP_MEASURE, .summary = "leave out layers or neurons that matter least over a text", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Writes a GGUF file of the same family with fewer layers or narrower feed-forward parts, which every program that reads the family reads. A layer "
             "matters little when the hidden states are nearly the same behind it as before it; a neuron, when it gives little over the text or what "
             "takes it makes little of that.\n\nA pruned model has lost something at once, and more than a smaller type loses. It comes back by "
             "learning: `hearth distill` with the model as it was for a teacher, or `hearth tune`. `hearth eval` says how much.",
    .examples = "hearth prune smollm2 --width 20 --text letters.txt -o narrow.gguf\n"
                "hearth prune smollm2 --layers 4 --text letters.txt -o short.gguf\n"
                "hearth distill smollm2 ./short.gguf letters.txt -o healed.gguf --method full\n",
    .options = options, .run = run,
};

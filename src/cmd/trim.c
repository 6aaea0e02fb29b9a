/* trim.c - `hearth trim MODEL --text FILE -o OUT`: the model without the tokens that a text does not use. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/input.h"
#include "cmd/places.h"
#include "cmd/vocabulary.h"
#include "work/examples_text.h"

static const char *out, *text, *columns;
static int force, keep, want_json;
static float coverage;

static const struct opt options[] = {
    {"text", 0, OPT_TEXT, "FILE", "what says which tokens are used: a text, or examples (.csv, .tsv, .jsonl, .json); the more of it, the better", &text, 0, 0, 0, 0},
    {"columns", 0, OPT_TEXT, "LIST", "which column of examples is what: text=NAME,label=NAME", &columns, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "FILE", "where the new file goes; it appears there only when it is whole", &out, 0, 0, 0, 0},
    {"keep", 0, OPT_INT, "N", "keep at most N tokens, the most frequent (default: all that the text uses)", &keep, 1, 1 << 24, 0, 0},
    {"coverage", 0, OPT_FLOAT, "SHARE", "keep the most frequent tokens until they are this share of the text's, such as 0.999", &coverage, 0, 1, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

/* ---- what both commands share ---- */

static double share(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : 0; }

static int print_json(const struct vocabulary_job *j, const struct hearth_vocabulary_result *r, uint64_t before, uint64_t after)
{
    return json_print(json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "model", json_text(j->model, strlen(j->model)), "output",
        json_text(j->out, strlen(j->out)), "tokens_before", (json_int_t)r->tokens_before, "tokens_after", (json_int_t)r->tokens_after, "tokens_used",
        (json_int_t)r->used, "file_before", (json_int_t)before, "file_after", (json_int_t)after, "tensors_before", (json_int_t)r->bytes_before,
        "tensors_after", (json_int_t)r->bytes_after, "vocabulary_before", (json_int_t)r->rows_before, "vocabulary_after",
        (json_int_t)r->rows_after, "words", (json_int_t)r->words, "text_tokens_before", (json_int_t)r->text_before, "text_tokens_after",
        (json_int_t)r->text_after));
}

static int print_table(const struct hearth_vocabulary_result *r, uint64_t before, uint64_t after)
{
    struct table t = {.columns = 4, .right = "0111"};
    char a[24], b[24];
    static const char *const head[] = {"", "before", "after", "after / before"};
    for (int i = 0; i < 4; i++) table_cell(&t, "%s", head[i]);
#define ROW(name, x, y, shown_x, shown_y) \
    table_cell(&t, name), table_cell(&t, "%s", shown_x), table_cell(&t, "%s", shown_y), table_cell(&t, "%.1f %%", 100 * share(y, x))
    ROW("file", before, after, before ? show_bytes(before, a) : "a folder", show_bytes(after, b));
    ROW("tensors, in memory", r->bytes_before, r->bytes_after, show_bytes(r->bytes_before, a), show_bytes(r->bytes_after, b));
    ROW("  of them the vocabulary", r->rows_before, r->rows_after, show_bytes(r->rows_before, a), show_bytes(r->rows_after, b));
#undef ROW
    table_cell(&t, "tokens"), table_cell(&t, "%u", r->tokens_before), table_cell(&t, "%u", r->tokens_after);
    table_cell(&t, "%.1f %%", 100 * share(r->tokens_after, r->tokens_before));
    table_cell(&t, "tokens per word"), table_cell(&t, "%.3f", share(r->text_before, r->words)), table_cell(&t, "%.3f", share(r->text_after, r->words));
    table_cell(&t, "%.1f %%", 100 * share(r->text_after, r->text_before));
    table_print(&t, stdout);
    printf("the text: %llu words, %u of the model's tokens\n", (unsigned long long)r->words, r->used);
    return EXIT_DONE;
}

static int are_examples(const struct vocabulary_job *j) { return j->examples && dataset_is_records(j->text); }

static int read_text(const struct vocabulary_job *j, const char *path, char **body, size_t *n)
{
    struct buf b = {0};
    *body = NULL;
    if (are_examples(j)) {
        int code = report(examples_text_of(path, j->text, j->columns, &b));
        *n = b.len, *body = b.data;
        return code;
    }
    int code = input_file(j->text, body, n);
    return code == EXIT_DONE ? input_check(strcmp(j->text, "-") == 0 ? "standard input" : j->text, *body, *n) : code;
}

static int write_changed(const struct vocabulary_job *j, const char *path, const char *body, size_t n)
{
    struct hearth_vocabulary_result r;
    struct progress_watch w = {.interrupted = interrupt_watch()};
    uint64_t before = file_size(path);
    progress_start(&w.bar, j->what, 0, 0);
    int code = report(j->change(path, body, n, j->out, progress_watched, &w, &r));
    progress_end(&w.bar);
    if (code == EXIT_DONE && r.template_unread) complain("%s: its chat template could not be carried out, so words of it may be in shorter tokens now", j->model);
    if (code == EXIT_DONE) code = j->json ? print_json(j, &r, before, file_size(j->out)) : print_table(&r, before, file_size(j->out));
    return code;
}

int vocabulary_change(const struct vocabulary_job *j)
{
    struct places p = {0};
    char *body = NULL, *path = NULL;
    size_t n;
    if (!j->out) return usage("%s needs a place for the new file: -o FILE", j->command);
    if (!j->text) return usage("%s needs a text: --text FILE", j->command);
    if (j->columns && !are_examples(j)) return usage("--columns says what the columns of examples are, and %s is read as text", j->text);
    int code = model_find(j->model, MODEL_TO_CHANGE, &path);
    place_in_model(&p, path), place_in(&p, j->text), place_out(&p, j->out);
    if (code == EXIT_DONE) code = places_check(&p, j->force);
    if (code == EXIT_DONE) code = read_text(j, path, &body, &n);
    if (code == EXIT_DONE) code = write_changed(j, path, body, n);
    free(body), free(path);
    return code;
}

/* ---- trim ---- */

static enum hearth_status change(const char *path, const char *body, size_t n, const char *to, int (*progress)(void *, uint64_t, uint64_t),
                                 void *user, struct hearth_vocabulary_result *r)
{
    struct hearth_trim_params p = {.keep = (uint32_t)keep, .coverage = (double)coverage};
    return hearth_trim(path, body, n, &p, to, progress, user, r);
}

static int run(int argc, char **argv)
{
    struct vocabulary_job j = {.command = "trim", .model = argv[0], .text = text, .out = out, .what = "trimming", .force = force, .json = want_json,
                               .examples = 1, .columns = columns, .change = change};
    (void)argc;
    return vocabulary_change(&j);
}

const struct command cmd_trim = {
    .name = "trim", .group = GROUP_MEASURE, .summary = "leave out the tokens that a text does not use", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "Writes a GGUF file with a smaller vocabulary: the tokens that the text uses, or the most frequent of them, with single bytes, special "
             "tokens, those of its chat template, and all that a kept token is joined from. In a small model the vocabulary is a large part of the file. Rows of kept tokens are "
             "copied as they are: text made of kept tokens has the same tokens as before under new numbers, and the same logits to the last bit. "
             "Other text still works, in shorter tokens. Probabilities are shares of fewer tokens, so they are a little larger. "
             "An adapter goes into the model first (`hearth merge`): one that is laid on afterwards finds its words only where they are in the text.\n\nThe table says what it came to: bytes of the file and of the tensors, tokens, and how many "
             "tokens a word of the text takes (more, when --keep or --coverage leave out some that it uses). Examples are read as `hearth tune` reads them, in the model's template. FILE of --text may be - for standard input.",
    .examples = "hearth trim smollm2 --text letters.txt -o smollm2-letters.gguf\n"
                "hearth trim smollm2 --text letters.txt --coverage 0.999 -o smollm2-letters.gguf\n",
    .options = options, .run = run,
};

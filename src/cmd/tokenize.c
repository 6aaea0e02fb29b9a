/* tokenize.c - `hearth tokenize MODEL [TEXT]`: text to token ids and back.  Works with files that hold a vocabulary and
 * no tensors, with a tokenizer.json, tekken.json or tokenizer.model, and with a folder that holds one. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cmd/input.h"
#include "cmd/talk.h"

static int want_json, no_bos, plain, decode, pieces, offsets;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "print {\"ids\": [...]}, or {\"text\": \"...\"} with --decode", &want_json, 0, 0, 0, 0},
    {"no-bos", 0, OPT_FLAG, 0, "leave out the opening and closing tokens that the model asks for", &no_bos, 0, 0, 0, 0},
    {"plain", 0, OPT_FLAG, 0,
     "read special tokens written out in the text, such as <|im_end|>, as plain text", &plain, 0, 0, 0, 0},
    {"pieces", 0, OPT_FLAG, 0, "a table of the ids and their texts", &pieces, 0, 0, 0, 0},
    {"offsets", 0, OPT_FLAG, 0, "with --json: the bytes of TEXT that each token stands for, [from, to], of a tokenizer.json", &offsets, 0, 0, 0, 0},
    {"decode", 0, OPT_FLAG, 0, "TEXT is token ids; print what they say, without the opening token", &decode, 0, 0, 0, 0},
    {0},
};

/* ---- one of the two ---- */

struct source { struct hearth_model *model; struct hearth_tokenizer *tokenizer; };

static enum hearth_status encode(const struct source *s, const char *text, size_t n, int flags, int32_t **ids, size_t **at, size_t *count)
{
    if (s->tokenizer) return hearth_tokenizer_encode(s->tokenizer, text, n, flags, ids, at, count);
    return hearth_tokenize(s->model, text, n, flags, ids, count);
}

static enum hearth_status decode_ids(const struct source *s, const int32_t *ids, size_t n, char **text, size_t *length)
{
    if (s->tokenizer) return hearth_tokenizer_decode(s->tokenizer, ids, n, HEARTH_TOK_PARSE, text, length);
    return hearth_detokenize(s->model, ids, n, HEARTH_TOK_PARSE, text, length);
}

/* "x/tokenizer.json", "x/tokenizer.model", or a folder with a file of such a name. */
static int is_tokenizer(const char *name)
{
    static const char *const names[] = {"/tokenizer.json", "/tekken.json", "/tokenizer.model"};
    struct stat st;
    size_t n = strlen(name);
    int there = 0;
    if (stat(name, &st) != 0) return 0;
    if (!S_ISDIR(st.st_mode)) return n > 6 && (!strcmp(name + n - 5, ".json") || !strcmp(name + n - 6, ".model"));
    char *file = xrealloc(NULL, n + 20, 1);
    for (int i = 0; i < 3 && !there; i++) {
        strcpy(stpcpy(file, name), names[i]);
        there = stat(file, &st) == 0;
    }
    free(file);
    return there;
}

/* ---- ids to text ---- */

/* Whole numbers, with anything that is neither digit nor sign nor letter between them: "1 2", "[1, 2]". */
static int parse_ids(const char *s, size_t n, int32_t **ids, size_t *count)
{
    size_t cap = 0, i = 0;
    *ids = NULL;
    *count = 0;
    while (i < n) {
        char *end;
        if (isspace((unsigned char)s[i]) || (s[i] && strchr("[],;", s[i]))) {
            i++;
            continue;
        }
        errno = 0;
        long v = strtol(s + i, &end, 10);
        if (end == s + i || errno || v < 0 || v > INT32_MAX || (*end && !strchr("[],; \t\r\n", *end))) {
            int length = (int)strcspn(s + i, "[],; \t\r\n");
            return usage("--decode: \"%.*s\" is not a token id", length < 40 ? length : 40, s + i);
        }
        if (*count == cap) {
            cap = 2 * cap + 64;
            *ids = xrealloc(*ids, cap, sizeof **ids);
        }
        (*ids)[(*count)++] = (int32_t)v;
        i = (size_t)(end - s);
    }
    return EXIT_DONE;
}

/* The tokens that encoding adds around a text are no part of it: what an empty text gets is taken away again. */
static enum hearth_status strip_added(const struct source *m, const int32_t **ids, size_t *n)
{
    int32_t *around;
    size_t k, head = 0;
    enum hearth_status st = encode(m, "", 0, HEARTH_TOK_SPECIAL, &around, NULL, &k);
    int32_t eos = m->model ? hearth_eos(m->model) : k > 1 ? around[k - 1] : -1;
    if (st != HEARTH_OK) return st;
    while (head < k && head < *n && around[head] == (*ids)[head] && around[head] != eos) head++;
    *ids += head;
    *n -= head;
    if (k > head && *n > 0 && around[k - 1] == (*ids)[*n - 1]) --*n;
    hearth_free(around);
    return HEARTH_OK;
}

static int print_text(const struct source *m, const char *text, size_t n)
{
    int32_t *ids;
    const int32_t *inner;
    size_t count, length;
    char *out = NULL;
    int code = parse_ids(text, n, &ids, &count);
    inner = ids;
    if (code == EXIT_DONE) code = report(strip_added(m, &inner, &count));
    if (code == EXIT_DONE) code = report(decode_ids(m, inner, count, &out, &length));
    if (code == EXIT_DONE && want_json) {
        code = json_print(json_pack("{s:o}", "text", json_text(out, length)));
    } else if (code == EXIT_DONE) {
        term_write(stdout, out, length);
        putchar('\n');
    }
    hearth_free(out);
    free(ids);
    return code;
}

/* ---- text to ids ---- */

static enum hearth_status piece_of(const struct source *m, int32_t id, char **text, const char **bytes, size_t *length)
{
    if (m->model) return piece(m->model, id, text, bytes, length);
    enum hearth_status st = decode_ids(m, &id, 1, text, length);
    *bytes = *text;
    return st;
}

static int print_pieces(const struct source *m, const int32_t *ids, size_t n)
{
    struct table table = {.columns = 2, .right = "10"};
    for (size_t i = 0; i < n; i++) {
        char *text;
        const char *bytes;
        size_t length;
        enum hearth_status st = piece_of(m, ids[i], &text, &bytes, &length);
        if (st != HEARTH_OK) return report(st);
        json_t *j = json_text(bytes, length);
        char *quoted = json_dumps(j, JSON_ENCODE_ANY);
        table_cell(&table, "%d", ids[i]);
        table_cell(&table, "%s", quoted ? quoted : "");
        free(quoted);
        json_decref(j);
        hearth_free(text);
    }
    table_print(&table, stdout);
    return EXIT_DONE;
}

static int print_json(const int32_t *ids, const size_t *at, size_t n)
{
    json_t *j = json_object(), *list = json_array(), *places = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_integer(ids[i]));
    for (size_t i = 0; at && i < n; i++)
        json_array_append_new(places, json_pack("[I,I]", (json_int_t)at[2 * i], (json_int_t)at[2 * i + 1]));
    json_object_set_new(j, "ids", list);
    if (at) json_object_set(j, "offsets", places);
    int code = json_dumpf(j, stdout, JSON_COMPACT) == 0 ? EXIT_DONE : EXIT_FAILED;
    json_decref(places);
    json_decref(j);
    putchar('\n');
    return code;
}

static int print_ids(const struct source *m, const char *text, size_t n)
{
    int32_t *ids;
    size_t count, *at = NULL;
    int flags = (no_bos ? 0 : HEARTH_TOK_SPECIAL) | (plain ? 0 : HEARTH_TOK_PARSE), code = EXIT_DONE;
    if (offsets && !want_json) return usage("--offsets goes with --json");
    if (offsets && m->model) return usage("--offsets: known of a tokenizer.json, not of a GGUF file's vocabulary");
    enum hearth_status st = encode(m, text, n, flags, &ids, offsets ? &at : NULL, &count);
    if (st != HEARTH_OK) return report(st);
    if (want_json) {
        code = print_json(ids, at, count);
    } else if (pieces) {
        code = print_pieces(m, ids, count);
    } else {
        for (size_t i = 0; i < count; i++) printf("%s%d", i ? " " : "", ids[i]);
        putchar('\n');
    }
    hearth_free(ids);
    hearth_free(at);
    return code;
}

static int run(int argc, char **argv)
{
    struct hearth_model_params params = {.vocab_only = 1};
    struct source m = {0};
    char *text = NULL;
    size_t n = 0;
    int code;
    if (argc > 1) {
        text = xstrdup(argv[1]);
        n = strlen(text);
    } else if ((code = input_file("-", &text, &n)) != EXIT_DONE) {
        return code;
    }
    if (is_tokenizer(argv[0])) code = report(hearth_tokenizer_open(argv[0], &m.tokenizer));
    else code = model_open(argv[0], &params, MODEL_TO_LOOK, &m.model);
    if (code == EXIT_DONE) code = decode ? print_text(&m, text, n) : print_ids(&m, text, n);
    hearth_model_close(m.model);
    hearth_tokenizer_close(m.tokenizer);
    free(text);
    return code;
}

const struct command cmd_tokenize = {
    .name = "tokenize", .group = GROUP_INSPECT, .summary = "turn text into token ids, or back", .args = "MODEL [TEXT]",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL,
    .about = "Prints the token ids of TEXT, or of standard input as it is when there is no TEXT. With --decode, prints the "
             "text of ids. MODEL may also be a tokenizer.json, a tekken.json, a tokenizer.model, or a folder that holds one.",
    .examples = "hearth tokenize smollm2 \"Why is the sky blue?\" --pieces\n"
                "hearth tokenize smollm2 --json < report.txt\n"
                "hearth tokenize smollm2 --decode \"19556 905\"\n",
    .options = options, .run = run,
};

/* dataset_read.c - reads what dataset.h lists, an example at a time, from the mapped file. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/jsontext.h"
#include "base/utf8.h"
#include "hub/digest.h"
#include "os/os.h"
#include "work/csv.h"
#include "work/dataset_in.h"

enum { MOST_LINE = 64 << 20, MOST_EXAMPLES = 1 << 26, MOST_DEPTH = 16 };

struct reading {
    const struct dataset_options *options;
    dataset_fn *fn;
    void *user;
    struct dataset_source *source;
    uint64_t examples;
    struct columns columns;          /* chosen at the first record */
    int chosen;
    struct arena names;              /* of the columns */
    struct buf text, label;          /* a prompt made of two fields; a label that was no text */
    struct sha256 *sum;              /* of a folder's lines; NULL: of a file, or no libcrypto */
};

#define AT "%s: line %llu: "
#define HERE(e) (e)->file, (unsigned long long)(e)->line

static enum hearth_status give(struct reading *r, const struct example *e)
{
    if (++r->examples > MOST_EXAMPLES) return fail(HEARTH_ELIMIT, AT "more than %d examples", HERE(e), MOST_EXAMPLES);
    if (!r->options->empty && ((e->text && !*e->text) || (e->answer && !*e->answer && e->kind == EXAMPLE_LABEL)))
        return fail(HEARTH_EFORMAT, AT "the %s is empty; `hearth data scan FILE --clean COPY` leaves such examples out", HERE(e), e->text && !*e->text ? "text" : "label");
    for (size_t i = 0; e->kind == EXAMPLE_LABEL && r->options->labels && i <= r->options->n_labels; i++) {
        if (i == r->options->n_labels)
            return fail(HEARTH_EFORMAT, AT "the label \"%.100s\" is none of the %zu that are known", HERE(e), e->answer, i);
        if (strcmp(r->options->labels[i], e->answer) == 0) break;
    }
    return r->fn(r->user, e);
}

/* ---- records of JSON ---- */

static enum hearth_status choose_keys(struct reading *r, const struct example *e, const json_t *record)
{
    const char *key, *field[256];
    size_t n = 0;
    json_t *v;
    json_object_foreach((json_t *)record, key, v) {
        if (n == sizeof field / sizeof *field) break;
        if (!(field[n++] = arena_strndup(&r->names, key, strlen(key)))) return HEARTH_ENOMEM;
    }
    r->chosen = 1;
    return columns_choose(e->file, e->line, r->options->columns, field, n, &r->columns);
}

static const char *json_kind(const json_t *v)
{
    static const char *const names[] = { [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null" };
    return v ? names[json_typeof(v)] : "missing";
}

static enum hearth_status wrong(const struct example *e, const char *name, const json_t *v, const char *wanted)
{
    return fail(HEARTH_EFORMAT, AT "\"%s\" is %s, should be %s", HERE(e), name, json_kind(v), wanted);
}

static enum hearth_status text_of(const struct reading *r, const struct example *e, const json_t *record, enum role role, const char **out)
{
    const json_t *v = json_object_get(record, r->columns.name[role]);
    if (!json_is_string(v)) return wrong(e, r->columns.name[role], v, "a text");
    *out = json_string_value(v);
    return HEARTH_OK;
}

/* A better or worse answer: a text, or one message of the assistant's. */
static enum hearth_status answer_of(const struct reading *r, const struct example *e, const json_t *record, enum role role, const char **out)
{
    const json_t *v = json_object_get(record, r->columns.name[role]), *only = json_array_get(v, 0);
    if (json_is_array(v) && json_array_size(v) == 1 && (*out = json_string_value(json_object_get(only, "content")))) return HEARTH_OK;
    if (json_is_array(v)) return wrong(e, r->columns.name[role], v, "a text, or an array of one message");
    return text_of(r, e, record, role, out);
}

static enum hearth_status label_of(struct reading *r, const struct example *e, const json_t *record, const char **out)
{
    const json_t *v = json_object_get(record, r->columns.name[ROLE_LABEL]);
    if (json_is_string(v)) return text_of(r, e, record, ROLE_LABEL, out);
    if (!json_is_integer(v) && !json_is_boolean(v)) return wrong(e, r->columns.name[ROLE_LABEL], v, "a text or a whole number");
    r->label.len = 0;
    TRY(jsontext_put(&r->label, v));
    *out = r->label.data;
    return HEARTH_OK;
}

/* A new text that the caller frees. */
static enum hearth_status messages_of(const struct reading *r, const struct example *e, const json_t *record, enum role role, char **out)
{
    const char *name = r->columns.name[role], *last = "";
    const json_t *v = json_object_get(record, name);
    if (!json_is_array(v)) return wrong(e, name, v, "an array of messages");
    const json_t *tools = json_object_get(record, "tools");
    if (json_array_size(tools) || json_object_size(tools) || json_string_length(tools))
        return fail(HEARTH_EUNSUPPORTED, AT "a conversation with \"tools\", which would be left out of what is learnt; give it without them", HERE(e));
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *m = json_array_get(v, i);
        last = json_string_value(json_object_get(m, "role"));
        if (!last || !json_is_string(json_object_get(m, "content")))
            return fail(HEARTH_EFORMAT, AT "message %zu of \"%s\" should have the texts \"role\" and \"content\"", HERE(e), i + 1, name);
    }
    if (e->kind == EXAMPLE_CHAT && strcmp(last, "assistant") != 0)
        return fail(HEARTH_EFORMAT, AT "the last of \"%s\" should be the assistant's: what it says is learnt", HERE(e), name);
    *out = jsontext_dump(v);
    return *out ? HEARTH_OK : HEARTH_ENOMEM;
}

/* "instruction" and "input" are one prompt. */
static enum hearth_status prompt_of(struct reading *r, const struct example *e, const json_t *record, const char **out)
{
    const json_t *input = r->columns.name[ROLE_INPUT] ? json_object_get(record, r->columns.name[ROLE_INPUT]) : NULL;
    const char *more = json_string_value(input);
    TRY(text_of(r, e, record, ROLE_PROMPT, out));
    if (input && !more && !json_is_null(input)) return wrong(e, r->columns.name[ROLE_INPUT], input, "a text");
    if (!more || !*more) return HEARTH_OK;
    r->text.len = 0;
    TRY(buf_printf(&r->text, "%s\n\n%s", *out, more));
    *out = r->text.data;
    return HEARTH_OK;
}

static enum hearth_status fill(struct reading *r, struct example *e, const json_t *record, char **messages)
{
    const struct columns *c = &r->columns;
    int chat = c->kind == EXAMPLE_CHAT;
    e->kind = c->kind;
    if (c->kind == EXAMPLE_PREFERENCE) {
        enum role asked = c->at[ROLE_PROMPT] >= 0 ? ROLE_PROMPT : ROLE_MESSAGES;
        if (asked == ROLE_MESSAGES || json_is_array(json_object_get(record, c->name[asked]))) TRY(messages_of(r, e, record, asked, messages));
        else TRY(prompt_of(r, e, record, &e->text));
        TRY(answer_of(r, e, record, ROLE_CHOSEN, &e->answer));
        TRY(answer_of(r, e, record, ROLE_REJECTED, &e->rejected));
    } else if (chat) TRY(messages_of(r, e, record, ROLE_MESSAGES, messages));
    else if (c->kind == EXAMPLE_PAIR) {
        TRY(prompt_of(r, e, record, &e->text));
        TRY(text_of(r, e, record, ROLE_ANSWER, &e->answer));
        if (json_is_false(json_object_get(record, "label")))
            return fail(HEARTH_EUNSUPPORTED, AT "a bad answer (\"label\": false) without a better one; give \"chosen\" and \"rejected\"", HERE(e));
    } else {
        TRY(text_of(r, e, record, ROLE_TEXT, &e->text));
        if (c->kind == EXAMPLE_LABEL) TRY(label_of(r, e, record, &e->answer));
    }
    e->messages = *messages;
    return HEARTH_OK;
}

static enum hearth_status give_record(struct reading *r, struct example *e, const json_t *record)
{
    char *messages = NULL;
    if (!json_is_object(record)) return fail(HEARTH_EFORMAT, AT "%s, should be an object {...}", HERE(e), json_kind(record));
    if (!r->chosen) TRY(choose_keys(r, e, record));
    enum hearth_status st = fill(r, e, record, &messages);
    if (st == HEARTH_OK) st = give(r, e);
    free(messages);
    return st;
}

static int is_blank(const char *line, size_t n)
{
    while (n && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r')) n--;
    return n == 0;
}

static enum hearth_status read_jsonl(struct reading *r, const char *file, const char *text, size_t size)
{
    struct example e = { .file = file };
    for (const char *p = text, *end = text + size; p < end;) {
        const char *line = p, *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - line);
        json_t *record = NULL;
        p = stop ? stop + 1 : end, e.line++;
        if (is_blank(line, n)) continue;
        if (n > MOST_LINE) return fail(HEARTH_ELIMIT, AT "longer than %d bytes", HERE(&e), MOST_LINE);
        json_error_t mistake;
        if (!(record = json_loadb(line, n, JSON_REJECT_DUPLICATES, &mistake)))
            return fail(HEARTH_EFORMAT, AT "column %d: %s", HERE(&e), mistake.column, mistake.text);
        struct example one = { .file = file, .line = e.line };
        enum hearth_status st = give_record(r, &one, record);
        json_decref(record);
        TRY(st);
    }
    return HEARTH_OK;
}

static enum hearth_status read_json(struct reading *r, const char *file, const char *text, size_t size)
{
    json_t *all;
    enum hearth_status st = HEARTH_OK;
    TRY(jsontext_read(file, text, size, &all));
    if (!json_is_array(all)) st = fail(HEARTH_EFORMAT, "%s: %s, should be an array of examples, or .jsonl with one a line", file, json_kind(all));
    for (size_t i = 0; st == HEARTH_OK && i < json_array_size(all); i++) {
        struct example e = { .file = file, .line = i + 1 };
        st = give_record(r, &e, json_array_get(all, i));
    }
    json_decref(all);
    return st;
}

/* ---- records of CSV ---- */

/* A comma, unless the heading has none and semicolons. */
static char separator_of(const char *file, const char *text, size_t size)
{
    size_t n = strlen(file), line = 0, commas = 0, semicolons = 0;
    if (n > 4 && strcasecmp(file + n - 4, ".tsv") == 0) return '\t';
    while (line < size && (text[line] == '\n' || text[line] == '\r')) line++;
    for (; line < size && text[line] != '\n'; line++) commas += text[line] == ',', semicolons += text[line] == ';';
    return commas == 0 && semicolons > 0 ? ';' : ',';
}

static enum hearth_status choose_heading(struct reading *r, const struct csv *c)
{
    const char **field = mem_array(c->n, sizeof *field);
    enum hearth_status st = field ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && i < c->n; i++)
        if (!(field[i] = arena_strndup(&r->names, csv_field(c, i), strlen(csv_field(c, i))))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = columns_choose(c->file, c->line, r->options->columns, field, c->n, &r->columns);
    free(field);
    if (st == HEARTH_OK && (r->columns.kind == EXAMPLE_CHAT || r->columns.at[ROLE_MESSAGES] >= 0))
        st = fail(HEARTH_EUNSUPPORTED, "%s: messages are read from .jsonl, not from columns", c->file);
    return st;
}

static const char *cell(const struct reading *r, const struct csv *c, enum role role)
{
    return r->columns.at[role] < 0 ? NULL : csv_field(c, (size_t)r->columns.at[role]);
}

static enum hearth_status give_row(struct reading *r, const struct csv *c)
{
    enum example_kind kind = r->columns.kind;
    struct example e = { .kind = kind, .file = c->file, .line = c->line };
    int prompt = kind == EXAMPLE_PAIR || kind == EXAMPLE_PREFERENCE;
    const char *more = prompt ? cell(r, c, ROLE_INPUT) : NULL;
    e.text = cell(r, c, prompt ? ROLE_PROMPT : ROLE_TEXT);
    if (kind != EXAMPLE_TEXT) e.answer = cell(r, c, kind == EXAMPLE_LABEL ? ROLE_LABEL : kind == EXAMPLE_PAIR ? ROLE_ANSWER : ROLE_CHOSEN);
    if (kind == EXAMPLE_PREFERENCE) e.rejected = cell(r, c, ROLE_REJECTED);
    if (more && *more) {
        r->text.len = 0;
        TRY(buf_printf(&r->text, "%s\n\n%s", e.text, more));
        e.text = r->text.data;
    }
    return give(r, &e);
}

/* What spreadsheets leave behind their last row. */
static int is_blank_row(const struct csv *c)
{
    for (size_t i = 0; i < c->n; i++) if (csv_field(c, i)[strspn(csv_field(c, i), " \t")]) return 0;
    return 1;
}

static enum hearth_status give_blank(struct reading *r, const struct csv *c)
{
    struct example e = { .kind = r->columns.kind, .file = c->file, .line = c->line, .text = "", .answer = "", .rejected = "" };
    r->source->blank++;
    return r->options->empty == 2 ? give(r, &e) : HEARTH_OK;
}

static enum hearth_status read_csv(struct reading *r, const char *file, const char *text, size_t size)
{
    struct csv c;
    int more = 0;
    size_t fields = 0;
    csv_init(&c, file, text, size, separator_of(file, text, size));
    enum hearth_status st = csv_next(&c, &more);
    if (st == HEARTH_OK && more) st = choose_heading(r, &c), fields = c.n;
    c.blank_lines = r->options->empty == 2;
    while (st == HEARTH_OK && more && (st = csv_next(&c, &more)) == HEARTH_OK && more)
        st = is_blank_row(&c) ? give_blank(r, &c) : c.n == fields ? give_row(r, &c)
           : fail(HEARTH_EFORMAT, "%s: line %llu: %zu fields, the heading has %zu%s", file, (unsigned long long)c.line, c.n, fields,
                  c.n > fields ? "; a text with the separator in it stands in quotes: \"one, two\"" : "");
    csv_free(&c);
    return st;
}

/* ---- documents ---- */

static enum hearth_status read_document(struct reading *r, const char *file, const char *text, size_t size)
{
    struct example e = { .kind = EXAMPLE_TEXT, .file = file, .line = 1 };
    if (size == 0) return HEARTH_OK;
    r->columns.kind = EXAMPLE_TEXT;
    r->text.len = 0;
    TRY(buf_put(&r->text, text, size));
    e.text = r->text.data;
    return give(r, &e);
}

/* ---- files ---- */

static const char *suffix(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    return dot ? dot : "";
}

static uint64_t line_of(const char *text, size_t at)
{
    uint64_t line = 1;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n';
    return line;
}

static int is_table(const char *path) { return strcasecmp(suffix(path), ".csv") == 0 || strcasecmp(suffix(path), ".tsv") == 0; }

/* UTF-8 without zero bytes; *text moves past a byte order mark. */
static enum hearth_status check_text(const char *file, const char **text, size_t *n)
{
    size_t bad;
    const unsigned char *t = (const unsigned char *)*text;
    if (*n >= 2 && ((t[0] == 0xFF && t[1] == 0xFE) || (t[0] == 0xFE && t[1] == 0xFF)))
        return fail(HEARTH_EFORMAT, "%s: UTF-16, should be UTF-8: iconv -f UTF-16 -t UTF-8 %s > COPY", file, file);
    if (!utf8_valid(*text, *n, &bad))
        return fail(HEARTH_EFORMAT, AT "byte 0x%02x is not UTF-8; save it as UTF-8, or write it anew: iconv -f WINDOWS-1252 -t UTF-8 %s > COPY", file,
                    (unsigned long long)line_of(*text, bad), t[bad], file);
    const char *zero = *n ? memchr(*text, 0, *n) : NULL;
    if (zero) return fail(HEARTH_EFORMAT, AT "a zero byte; this is no text", file, (unsigned long long)line_of(*text, (size_t)(zero - *text)));
    if (*n >= 3 && memcmp(t, "\xEF\xBB\xBF", 3) == 0) *text += 3, *n -= 3;
    const char *cr = *n && is_table(file) ? memchr(*text, '\r', *n) : NULL, *lf = *n ? memchr(*text, '\n', *n) : NULL;
    if (cr && (!lf || (lf + 1 == *text + *n && cr + 1 < lf)))
        return fail(HEARTH_EFORMAT, "%s: its lines end with carriage returns alone; write it anew: tr '\\r' '\\n' < FILE > COPY", file);
    return HEARTH_OK;
}

static int is_one_of(const char *path, const char *const *kind)
{
    for (; *kind; kind++) if (strcasecmp(suffix(path), *kind) == 0) return 1;
    return 0;
}

int dataset_is_records(const char *path) { return is_one_of(path, (const char *const[]){ ".csv", ".tsv", ".jsonl", ".ndjson", ".json", NULL }); }
int dataset_is_document(const char *path) { return is_one_of(path, (const char *const[]){ ".txt", ".md", ".text", ".markdown", NULL }); }

static enum hearth_status read_text(struct reading *r, const char *path, const char *text, size_t n)
{
    const char *kind = suffix(path);
    TRY(check_text(path, &text, &n));
    if (dataset_is_document(path)) return read_document(r, path, text, n);
    if (strcasecmp(kind, ".jsonl") == 0 || strcasecmp(kind, ".ndjson") == 0) return read_jsonl(r, path, text, n);
    if (is_table(path)) return read_csv(r, path, text, n);
    if (strcasecmp(kind, ".json") == 0) return read_json(r, path, text, n);
    if (strcasecmp(kind, ".xlsx") == 0 || strcasecmp(kind, ".xls") == 0 || strcasecmp(kind, ".ods") == 0)
        return fail(HEARTH_EFORMAT, "%s: a spreadsheet; save it as CSV", path);
    return fail(HEARTH_EFORMAT, "%s: what is read is .jsonl, .json, .csv, .tsv, .txt, .md and a folder of documents", path);
}

/* shown: the file's name inside its folder; NULL: it is the whole source. */
static enum hearth_status read_file(struct reading *r, const char *path, const char *shown)
{
    struct mapping m;
    char hex[65];
    TRY(os_map(path, &m));
    enum hearth_status st = sha256_of(m.data, m.size, hex);
    if (st == HEARTH_EUNSUPPORTED) st = HEARTH_OK, hex[0] = '\0';
    if (st == HEARTH_OK && !shown) strcpy(r->source->digest, hex);
    if (st == HEARTH_OK && shown && r->sum) {
        char line[4200];
        int n = snprintf(line, sizeof line, "%s  %s\n", hex, shown);
        st = n < (int)sizeof line ? sha256_add(r->sum, line, (size_t)n) : fail(HEARTH_ELIMIT, "%s: the name is too long", path);
    }
    r->source->files++, r->source->bytes += m.size;
    if (st == HEARTH_OK) st = read_text(r, path, m.data ? m.data : "", m.size);
    os_unmap(&m);
    return st;
}

static int shown_only(const struct dirent *d) { return d->d_name[0] != '.'; }
static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static enum hearth_status read_folder(struct reading *r, const char *path, size_t top, int depth)
{
    struct dirent **entry;
    enum hearth_status st = HEARTH_OK;
    int n = scandir(path, &entry, shown_only, by_bytes);
    if (n < 0) return fail_errno(path, "cannot list");
    for (int i = 0; i < n; i++) {
        struct buf inside = { 0 };
        struct stat s;
        if (st == HEARTH_OK) st = buf_printf(&inside, "%s/%s", path, entry[i]->d_name);
        if (st == HEARTH_OK && lstat(inside.data, &s) != 0) st = fail_errno(inside.data, "cannot look at");
        if (st == HEARTH_OK) {
            if (S_ISDIR(s.st_mode) && depth == MOST_DEPTH) st = fail(HEARTH_ELIMIT, "%s: folders are nested deeper than %d", path, MOST_DEPTH);
            else if (S_ISDIR(s.st_mode)) st = read_folder(r, inside.data, top, depth + 1);
            else if (S_ISREG(s.st_mode) && dataset_is_document(inside.data)) st = read_file(r, inside.data, inside.data + top);
            else r->source->passed_over++;
        }
        buf_free(&inside);
        free(entry[i]);
    }
    free(entry);
    return st;
}

static enum hearth_status read_whole_folder(struct reading *r, const char *path)
{
    enum hearth_status st = sha256_open(&r->sum);
    if (st == HEARTH_EUNSUPPORTED) st = HEARTH_OK, r->sum = NULL;
    if (st == HEARTH_OK) st = read_folder(r, path, strlen(path) + 1, 0);
    if (st == HEARTH_OK && r->examples == 0)
        st = fail(HEARTH_EFORMAT, "%s: a folder without .txt or .md that says something, and %llu other files; name one of them", path,
                  (unsigned long long)r->source->passed_over);
    if (st == HEARTH_OK && r->sum) st = sha256_end(r->sum, r->source->digest);
    sha256_close(r->sum);
    return st;
}

enum hearth_status dataset_each(const char *path, const struct dataset_options *options, dataset_fn *fn, void *user,
                                struct dataset_source *out)
{
    static const struct dataset_options none;
    struct dataset_source source = { 0 };
    struct reading r = { .options = options ? options : &none, .fn = fn, .user = user, .source = &source };
    struct stat s;
    if (stat(path, &s) != 0) return fail_errno(path, "cannot open");
    arena_init(&r.names, 0);
    enum hearth_status st = S_ISDIR(s.st_mode) ? read_whole_folder(&r, path) : read_file(&r, path, NULL);
    if (st == HEARTH_OK && r.examples == 0) st = fail(HEARTH_EFORMAT, "%s: no example in it%s", path, s.st_size ? "" : "; the file is empty");
    source.kind = r.columns.kind;
    snprintf(source.unused, sizeof source.unused, "%s", r.columns.unused);
    snprintf(source.text_column, sizeof source.text_column, "%s", r.columns.name[ROLE_TEXT] ? r.columns.name[ROLE_TEXT] : "");
    if (st == HEARTH_OK && out) *out = source;
    buf_free(&r.text), buf_free(&r.label);
    arena_free(&r.names);
    return st;
}

/* rows.c - see rows.h. */
#include "work/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/jsontext.h"
#include "base/utf8.h"
#include "hub/digest.h"
#include "os/os.h"
#include "work/csv.h"

enum { MOST_BYTES = 1 << 30, MOST_ROWS = 10000000 };

static enum hearth_status add(const char *file, uint64_t line, json_t *row, json_t *to)
{
    int object = json_is_object(row);
    if (json_array_size(to) >= MOST_ROWS) object = -1;
    if (object == 1 && json_array_append(to, row) == 0) return HEARTH_OK;
    return object == 1 ? fail_memory(1)
         : object ? fail(HEARTH_ELIMIT, "%s: more than %d rows", file, MOST_ROWS)
         : fail(HEARTH_EFORMAT, "%s: line %llu: should be an object {...}", file, (unsigned long long)line);
}

static enum hearth_status read_jsonl(const char *file, const char *p, size_t n, json_t *to)
{
    uint64_t number = 0;
    for (const char *end = p + n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *line = p;
        json_error_t mistake;
        size_t length = (size_t)((stop ? stop : end) - line);
        p = stop ? stop + 1 : end, number++;
        if (strspn(line, " \t\r\n") >= length) continue;
        json_t *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, &mistake);
        if (!row) return fail(HEARTH_EFORMAT, "%s: line %llu, column %d: %s", file, (unsigned long long)number, mistake.column, mistake.text);
        enum hearth_status st = add(file, number, row, to);
        json_decref(row);
        TRY(st);
    }
    return HEARTH_OK;
}

static enum hearth_status read_json(const char *file, const char *p, size_t n, json_t *to)
{
    json_t *all = NULL, *row;
    size_t i;
    enum hearth_status st = jsontext_read(file, p, n, &all);
    if (st == HEARTH_OK && !json_is_array(all)) st = fail(HEARTH_EFORMAT, "%s: should be an array of objects", file);
    if (st == HEARTH_OK) json_array_foreach(all, i, row)
        if (st == HEARTH_OK) st = add(file, i + 1, row, to);
    json_decref(all);
    return st;
}

/* ---- CSV ---- */

static int whole_number(const char *s)
{
    size_t sign = s[0] == '-', n = strlen(s);
    return n > sign && n - sign < 18 && strspn(s + sign, "0123456789") == n - sign;
}

static void numbers(json_t *rows, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
        if (!whole_number(json_string_value(json_object_get(row, name)))) return;
    json_array_foreach(rows, i, row)
        json_object_set_new(row, name, json_integer(atoll(json_string_value(json_object_get(row, name)))));
}

static enum hearth_status heading(const struct csv *c, json_t **out)
{
    if (!(*out = json_array())) return fail_memory(1);
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(json_string_value(json_array_get(*out, k)), csv_field(c, i)) == 0)
                return fail(HEARTH_EFORMAT, "%s: the heading names the column \"%s\" twice", c->file, csv_field(c, i));
        if (json_array_append_new(*out, json_string(csv_field(c, i)))) return fail_memory(1);
    }
    return HEARTH_OK;
}

static enum hearth_status add_record(const struct csv *c, const json_t *names, json_t *to)
{
    if (c->n != json_array_size(names))
        return fail(HEARTH_EFORMAT, "%s: line %llu: %zu fields, the heading has %zu", c->file, (unsigned long long)c->line, c->n,
                    json_array_size(names));
    json_t *row = json_object();
    int bad = !row;
    for (size_t i = 0; i < c->n && !bad; i++)
        bad = json_object_set_new(row, json_string_value(json_array_get(names, i)), json_string(csv_field(c, i)));
    enum hearth_status st = bad ? fail_memory(1) : add(c->file, c->line, row, to);
    json_decref(row);
    return st;
}

static enum hearth_status read_csv(const char *file, const char *p, size_t n, char separator, json_t *to)
{
    struct csv c;
    json_t *names = NULL, *name;
    int more = 0;
    size_t i;
    csv_init(&c, file, p, n, separator);
    enum hearth_status st = csv_next(&c, &more);
    if (st == HEARTH_OK && more) st = heading(&c, &names);
    while (st == HEARTH_OK && more && (st = csv_next(&c, &more)) == HEARTH_OK && more) st = add_record(&c, names, to);
    if (st == HEARTH_OK) json_array_foreach(names, i, name) numbers(to, json_string_value(name));
    json_decref(names);
    csv_free(&c);
    return st;
}

/* ---- files ---- */

static enum hearth_status read_text(const char *path, const char *p, size_t n, json_t *to)
{
    const char *dot = strrchr(path, '.'), *line = memchr(p, '\n', n);
    size_t first = line ? (size_t)(line - p) : n, bad;
    if (!utf8_valid(p, n, &bad)) return fail(HEARTH_EFORMAT, "%s: byte %zu is not UTF-8", path, bad);
    if (memchr(p, 0, n)) return fail(HEARTH_EFORMAT, "%s: there is a zero byte in it", path);
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3, n -= 3, first -= first >= 3 ? 3 : 0;
    if (dot && strcasecmp(dot, ".jsonl") == 0) return read_jsonl(path, p, n, to);
    if (dot && strcasecmp(dot, ".json") == 0) return read_json(path, p, n, to);
    if (dot && strcasecmp(dot, ".tsv") == 0) return read_csv(path, p, n, '\t', to);
    if (dot && strcasecmp(dot, ".csv") == 0) return read_csv(path, p, n, !memchr(p, ',', first) && memchr(p, ';', first) ? ';' : ',', to);
    return fail(HEARTH_EFORMAT, "%s: what is read as a task's data is .jsonl, .json, .csv and .tsv", path);
}

enum hearth_status rows_read(const char *path, json_t **out, char sha256[65])
{
    char *text = NULL;
    size_t n = 0;
    *out = NULL, sha256[0] = 0;
    TRY(os_read_file(path, MOST_BYTES, &text, &n));
    enum hearth_status st = sha256_of(text, n, sha256);
    if (st == HEARTH_EUNSUPPORTED) st = HEARTH_OK, sha256[0] = 0;
    if (st == HEARTH_OK && !(*out = json_array())) st = fail_memory(1);
    if (st == HEARTH_OK) st = read_text(path, text, n, *out);
    if (st == HEARTH_OK && json_array_size(*out) == 0) st = fail(HEARTH_EFORMAT, "%s: no row in it", path);
    free(text);
    if (st == HEARTH_OK) return st;
    json_decref(*out);
    *out = NULL;
    return st;
}

/* scan_licence.c - what the records say of their licence: fields named so, which reading for learning passes over. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/jsontext.h"
#include "os/os.h"
#include "work/csv.h"
#include "work/scan_in.h"

enum { MOST_LICENCES = 100, LONGEST = 200 };

struct licences { struct scan *s; size_t cap; };

static int is_licence(const char *key)
{
    static const char *const keys[] = { "license", "licence", "licenses", "license_name", "source_license", "rights", "copyright", "spdx" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) if (strcasecmp(key, keys[i]) == 0) return 1;
    return 0;
}

static enum hearth_status add(struct licences *l, const char *value)
{
    char cut[LONGEST + 1];
    struct scan *s = l->s;
    size_t n = strlen(value);
    if (n > LONGEST) {
        memcpy(cut, value, LONGEST);
        for (n = LONGEST; n && ((unsigned char)cut[n - 1] & 0xC0) == 0x80;) n--;         /* no half of a character */
        cut[n ? n - 1 : 0] = '\0', value = cut;
    }
    return scan_add(&s->arena, &s->licence, &s->licences, &l->cap, s->licences < MOST_LICENCES ? value : "(others)");
}

static enum hearth_status of_record(struct licences *l, json_t *record)
{
    const char *key;
    json_t *v;
    json_object_foreach(record, key, v) if (is_licence(key)) return add(l, json_is_string(v) ? json_string_value(v) : "");
    return l->s->licences ? add(l, "") : HEARTH_OK;
}

static enum hearth_status of_lines(struct licences *l, const char *path, const char *text, size_t size)
{
    for (const char *p = text, *end = text + size; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        json_t *record;
        while (n && strchr(" \t\r", p[n - 1]) && p[n - 1]) n--;
        if (n) {
            TRY(jsontext_read(path, p, n, &record));
            enum hearth_status st = of_record(l, record);
            json_decref(record);
            TRY(st);
        }
        p = stop ? stop + 1 : end;
    }
    return HEARTH_OK;
}

static enum hearth_status of_array(struct licences *l, const char *path, const char *text, size_t size)
{
    json_t *all;
    enum hearth_status st = HEARTH_OK;
    TRY(jsontext_read(path, text, size, &all));
    for (size_t i = 0; st == HEARTH_OK && i < json_array_size(all); i++) st = of_record(l, json_array_get(all, i));
    json_decref(all);
    return st;
}

static enum hearth_status of_columns(struct licences *l, const char *path, const char *text, size_t size, char separator)
{
    struct csv c;
    int more = 0;
    size_t at = 0;
    csv_init(&c, path, text, size, separator);
    enum hearth_status st = csv_next(&c, &more);
    while (st == HEARTH_OK && at < c.n && !is_licence(csv_field(&c, at))) at++;
    if (at < c.n) while (st == HEARTH_OK && (st = csv_next(&c, &more)) == HEARTH_OK && more) if (at < c.n) st = add(l, csv_field(&c, at));
    csv_free(&c);
    return st;
}

/* As dataset_read.c has it: a comma, unless the heading has none. */
static char separator_of(const char *text, size_t n)
{
    const char *end = n ? memchr(text, '\n', n) : NULL;
    size_t heading = end ? (size_t)(end - text) : n;
    return heading && !memchr(text, ',', heading) && memchr(text, ';', heading) ? ';' : ',';
}

enum hearth_status scan_licences(struct scan *s, const char *path)
{
    struct licences l = { .s = s };
    const char *dot = strrchr(path, '.'), *text;
    struct mapping m;
    struct stat is;
    if (!dot || stat(path, &is) != 0 || S_ISDIR(is.st_mode)) return HEARTH_OK;
    TRY(os_map(path, &m));
    text = m.data;
    size_t n = m.size;
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3, n -= 3;
    enum hearth_status st = HEARTH_OK;
    if (strcasecmp(dot, ".jsonl") == 0 || strcasecmp(dot, ".ndjson") == 0) st = of_lines(&l, path, text, n);
    else if (strcasecmp(dot, ".json") == 0) st = of_array(&l, path, text, n);
    else if (strcasecmp(dot, ".tsv") == 0) st = of_columns(&l, path, text, n, '\t');
    else if (strcasecmp(dot, ".csv") == 0) st = of_columns(&l, path, text, n, separator_of(text, n));
    os_unmap(&m);
    scan_sort(s->licence, s->licences);
    return st;
}

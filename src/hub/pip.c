/* pip.c - asking pip for its configuration.
 *
 * `pip config list` prints what it has read, one line a setting, values as Python writes strings:
 *
 *     :env:.index-url='https://host/simple'        from PIP_INDEX_URL: wins
 *     download.timeout='60'                         for one command of pip's: what hearth does is downloading
 *     global.cert='/etc/ssl/certs/house.pem'
 *
 * The default index is in no configuration; pip's own module knows it. */
#include "hub/pip.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "hub/child.h"

enum { ANSWER = 256 * 1024, SECONDS = 60 };

void pip_free(struct pip *p)
{
    for (size_t i = 0; i < p->n; i++) free(p->index[i]);
    free(p->cert), free(p->client_cert), free(p->proxy);
    *p = (struct pip){.retries = -1};
}

static int hex_digits(const char *s, size_t n, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        const char *digit = strchr("0123456789abcdef", s[i]);
        if (!s[i] || !digit) return 0;
        *out = *out * 16 + (uint32_t)(digit - "0123456789abcdef");
    }
    return 1;
}

enum hearth_status pip_literal(const char *s, size_t n, char **out)
{
    static const char plain[] = "\\'\"ntr", means[] = "\\'\"\n\t\r";
    struct buf b = {0};
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    if (n < 2 || (s[0] != '\'' && s[0] != '"') || s[n - 1] != s[0]) return fail(HEARTH_ENOTFOUND, "no Python string");
    for (size_t i = 1; i < n - 1 && st == HEARTH_OK; i++) {
        char text[4];
        uint32_t cp = 0;
        int len = 1;
        text[0] = s[i];
        if (s[i] == '\\' && i + 1 < n - 1) {
            char c = s[++i];
            const char *known = strchr(plain, c);
            size_t wide = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
            if (known) text[0] = means[known - plain];
            else if (wide && n - 1 - i > wide && hex_digits(s + i + 1, wide, &cp) && (len = utf8_write(cp, text)) > 0) i += wide;
            else st = fail(HEARTH_ENOTFOUND, "no Python string");
        }
        if (st == HEARTH_OK) st = buf_put(&b, text, (size_t)len);
    }
    if (st == HEARTH_OK && !(*out = buf_take(&b, NULL))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

/* The value of `key` in one section of the list; NULL where it is not there. */
static enum hearth_status value_in(const char *text, const char *section, const char *key, char **out)
{
    size_t s = strlen(section), k = strlen(key);
    *out = NULL;
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > s + k + 2 && !memcmp(text, section, s) && text[s] == '.' && !memcmp(text + s + 1, key, k) && text[s + 1 + k] == '=') {
            size_t skip = s + k + 2, end = n;
            while (end > skip && text[end - 1] == '\r') end--;
            enum hearth_status st = pip_literal(text + skip, end - skip, out);
            return st == HEARTH_ENOTFOUND
                       ? fail(HEARTH_EFORMAT, "pip config list: %s.%s is printed in a way hearth does not understand", section, key)
                       : st;
        }
        text += n + (text[n] == '\n');
    }
    return HEARTH_OK;
}

/* PIP_INDEX_URL for index-url. */
static enum hearth_status value_in_environment(const char *key, char **out)
{
    char name[64] = "PIP_", *p = name + 4;
    for (; *key && p < name + sizeof name - 1; key++) *p++ = *key == '-' ? '_' : (char)(*key >= 'a' ? *key - 'a' + 'A' : *key);
    const char *value = getenv(name);
    *out = value ? strdup(value) : NULL;
    return value && !*out ? fail_memory(strlen(value) + 1) : HEARTH_OK;
}

/* NULL where it is not set, or empty. */
static enum hearth_status value_of(const char *text, const char *key, char **out)
{
    static const char *const section[] = {":env:", "download", "global"};
    *out = NULL;
    for (size_t i = 0; i < sizeof section / sizeof *section && !*out; i++) {
        if (text) TRY(value_in(text, section[i], key, out));
        else if (i == 0) TRY(value_in_environment(key, out));
        if (*out && !**out) {
            free(*out);
            *out = NULL;
        }
    }
    return HEARTH_OK;
}

/* A list as pip reads it: words parted by blanks. */
static enum hearth_status add_indexes(struct pip *p, const char *list)
{
    for (const char *w = list + strspn(list, " \t\r\n"); *w; w += strspn(w, " \t\r\n")) {
        const char *next = w + strcspn(w, " \t\r\n");
        size_t n = (size_t)(next - w);
        while (n && w[n - 1] == '/') n--;
        if (p->n == PIP_INDEXES) return fail(HEARTH_ELIMIT, "pip is configured with more than %d package indexes", PIP_INDEXES);
        char *copy = strndup(w, n);
        if (!copy) return fail_memory(n + 1);
        p->index[p->n++] = copy;
        w = next;
    }
    return HEARTH_OK;
}

static enum hearth_status read_int(const char *text, const char *key, int *out)
{
    char *value = NULL, *end = NULL;
    TRY(value_of(text, key, &value));
    if (!value) return HEARTH_OK;
    double v = strtod(value, &end);
    int good = *end == '\0' && v >= 0 && v <= 86400;
    if (good) *out = (int)v;
    enum hearth_status st = good ? HEARTH_OK
                          : fail(HEARTH_EFORMAT, "pip's %s is \"%.40s\"; allowed is a number from 0 to 86400", key, value);
    free(value);
    return st;
}

enum hearth_status pip_read(const char *text, const char *fallback, struct pip *out)
{
    enum hearth_status st = HEARTH_OK;
    char *value = NULL;
    *out = (struct pip){.retries = -1};
    TRY_GOTO(st, done, value_of(text, "no-index", &value));
    if (value && strchr("1tTyY", value[0])) {
        st = fail(HEARTH_EUNSUPPORTED, "pip is configured with no-index, so there is no package index to fetch this model from; "
                  "bring the model file and `hearth import` it");
        goto done;
    }
    free(value);
    TRY_GOTO(st, done, value_of(text, "index-url", &value));
    if (value || fallback) TRY_GOTO(st, done, add_indexes(out, value ? value : fallback));
    free(value);
    TRY_GOTO(st, done, value_of(text, "extra-index-url", &value));
    if (value) TRY_GOTO(st, done, add_indexes(out, value));
    TRY_GOTO(st, done, value_of(text, "cert", &out->cert));
    TRY_GOTO(st, done, value_of(text, "client-cert", &out->client_cert));
    TRY_GOTO(st, done, value_of(text, "proxy", &out->proxy));
    TRY_GOTO(st, done, read_int(text, "default-timeout", &out->timeout));
    TRY_GOTO(st, done, read_int(text, "timeout", &out->timeout));
    TRY_GOTO(st, done, read_int(text, "retries", &out->retries));
done:
    free(value);
    if (st != HEARTH_OK) pip_free(out);
    return st;
}

/* What a program of python3's prints, when it ends well; else *ok is 0. */
static enum hearth_status ask_python(char *const argv[], struct buf *out, int *ok)
{
    int code = -1;
    enum hearth_status st = child_ask(argv, ANSWER, SECONDS, out, &code);
    *ok = st == HEARTH_OK && code == 0;
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;
}

enum hearth_status pip_ask(struct pip *out)
{
    static char *const list[] = {"python3", "-m", "pip", "config", "list", NULL};
    static char *const builtin[] = {"python3", "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)", NULL};
    struct buf config = {0}, fallback = {0};
    char *set = NULL;
    int listed = 0, known = 0;
    enum hearth_status st;
    *out = (struct pip){.retries = -1};
    TRY_GOTO(st, done, ask_python(list, &config, &listed));
    const char *text = listed ? config.data : NULL;
    TRY_GOTO(st, done, value_of(text, "index-url", &set));
    if (!set) TRY_GOTO(st, done, ask_python(builtin, &fallback, &known));
    TRY_GOTO(st, done, pip_read(text, known ? fallback.data : NULL, out));
    if (out->n == 0) {
        pip_free(out);
        st = fail(HEARTH_ENOTFOUND, "pip cannot be asked where the package index is (`python3 -m pip config list`%s); install "
                  "python3-pip, or set PIP_INDEX_URL", listed ? " works, but its default is not known" : " fails");
    }
done:
    buf_free(&config);
    buf_free(&fallback);
    free(set);
    return st;
}

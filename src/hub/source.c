/* source.c - the kinds of sources.  A new kind is one row of kinds[]. */
#include "hub/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/names.h"
#include "hub/pypi.h"

/* A source taken apart: kind:where!member */
struct parts { char *where, *member; };

static void parts_free(struct parts *p)
{
    free(p->where), free(p->member);
}

void source_files_free(struct source_file *files, size_t n)
{
    for (size_t i = 0; files && i < n; i++) free(files[i].url), free(files[i].path), free(files[i].member);
    free(files);
}

void source_finder_free(struct source_finder *s)
{
    fetch_close(s->net);
    if (s->pip_known) pip_free(&s->pip);
    s->net = NULL;
    s->pip_known = 0;
}

/* ---- the network, when it is needed ---- */

/* The certificates that other programs of this person use, in the order in which pip's own HTTP library asks. */
static const char *environment_cert(void)
{
    static const char *const name[] = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const char *path = getenv(name[i]);
        if (path && *path && access(path, R_OK) == 0) return path;
    }
    return NULL;
}

static enum hearth_status open_net(struct source_finder *s)
{
    if (s->net) return HEARTH_OK;
    struct fetch_settings set = {.cert = environment_cert(), .retries = -1};
    if (s->pip_known) {
        set = (struct fetch_settings){s->pip.proxy, s->pip.cert ? s->pip.cert : set.cert, s->pip.client_cert, s->pip.timeout,
                                      s->pip.retries};
    }
    return fetch_open(&set, s->calls, &s->net);
}

/* ---- pypi: ---- */

static int good_pypi(const struct parts *p)
{
    const char *eq = strstr(p->where, "==");
    if (!eq || eq == p->where || !eq[2] || (p->member && !*p->member)) return 0;
    for (const char *c = p->where; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+!=", *c)) return 0;
    return 1;
}

static enum hearth_status find_pypi(struct source_finder *s, struct parts *p, struct source_file **out, size_t *n)
{
    struct pypi_file *files = NULL;
    size_t count = 0;
    char *eq = strstr(p->where, "==");
    if (!s->pip_known) {
        TRY(open_net(s));                                  /* without libcurl, that is what to say, not how to install pip */
        TRY(pip_ask(&s->pip));
        s->pip_known = 1;
        fetch_close(s->net);                               /* it knew nothing of pip's certificates */
        s->net = NULL;
    }
    TRY(open_net(s));
    *eq = '\0';
    TRY(pypi_find(s->net, &s->pip, p->where, eq + 2, &files, &count));
    enum hearth_status st = HEARTH_OK;
    *out = mem_array(count, sizeof **out);
    if (!*out) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < count && st == HEARTH_OK; i++) {
        struct source_file *f = &(*out)[(*n)++];
        f->url = files[i].url;
        files[i].url = NULL;
        memcpy(f->sha256, files[i].sha256, sizeof f->sha256);
        f->member = p->member ? strdup(p->member) : NULL;
        if (p->member && !f->member) st = fail_memory(strlen(p->member) + 1);
    }
    pypi_files_free(files, count);
    return st;
}

/* ---- https: and file: ---- */

static enum hearth_status one_file(struct parts *p, char *url, char *path, struct source_file **out, size_t *n)
{
    *out = mem_array(1, sizeof **out);
    if (!*out) {
        free(url), free(path);
        return HEARTH_ENOMEM;
    }
    *n = 1;
    **out = (struct source_file){.url = url, .path = path, .member = p->member};
    p->member = NULL;
    return HEARTH_OK;
}

static int good_https(const struct parts *p)
{
    return p->where[0] == '/' && p->where[1] == '/' && p->where[2] && p->where[2] != '/' && !strpbrk(p->where, " \"<>\\^`{|}") &&
           (!p->member || *p->member);
}

static enum hearth_status find_https(struct source_finder *s, struct parts *p, struct source_file **out, size_t *n)
{
    char *url = NULL;
    TRY(open_net(s));
    if (asprintf(&url, "https:%s", p->where) < 0) return fail_memory(strlen(p->where) + 7);
    enum hearth_status st = fetch_trust(s->net, s->own ? url : NULL);
    if (st == HEARTH_OK) return one_file(p, url, NULL, out, n);
    free(url);
    return st;
}

static int good_file(const struct parts *p)
{
    return p->where[0] == '/' && (!p->member || *p->member);
}

static enum hearth_status find_file(struct source_finder *s, struct parts *p, struct source_file **out, size_t *n)
{
    (void)s;
    char *path = p->where;
    p->where = NULL;
    return one_file(p, NULL, path, out, n);
}

/* ---- hearth: ---- */

static int good_hearth(const struct parts *p)
{
    return !p->member && (!strncmp(p->where, "http://", 7) || !strncmp(p->where, "https://", 8)) && !strpbrk(p->where, " \"<>\\^`{|}");
}

static enum hearth_status find_hearth(struct source_finder *s, struct parts *p, struct source_file **out, size_t *n)
{
    if (!s->own) return fail(HEARTH_EUNSUPPORTED, "%s: a server of this kind is a source only when the person names it", p->where);
    TRY(open_net(s));
    TRY(fetch_name(s->net, p->where, s->bearer));
    char *url = p->where;
    p->where = NULL;
    return one_file(p, url, NULL, out, n);
}

/* ---- the kinds ---- */

static const struct {
    const char *prefix;
    int (*good)(const struct parts *p);
    enum hearth_status (*find)(struct source_finder *s, struct parts *p, struct source_file **out, size_t *n);
} kinds[] = {
    {"pypi:", good_pypi, find_pypi},
    {"https:", good_https, find_https},
    {"file:", good_file, find_file},
    {"hearth:", good_hearth, find_hearth},
    {"hf:", good_hearth, find_hearth},
    {"ollama:", good_hearth, find_hearth},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The row of its kind and its parts; KINDS when the text is no source, or there is no memory for it. */
static size_t take_apart(const char *piece, struct parts *p)
{
    size_t n = strcspn(piece, "\n"), k = 0;
    *p = (struct parts){0};
    while (k < KINDS && strncmp(piece, kinds[k].prefix, strlen(kinds[k].prefix)) != 0) k++;
    if (k == KINDS) return k;
    size_t prefix = strlen(kinds[k].prefix);
    p->where = strndup(piece + prefix, n - prefix);
    char *mark = p->where ? strchr(p->where, '!') : NULL;
    if (mark) {
        *mark = '\0';
        p->member = strdup(mark + 1);
    }
    if (p->where && (!mark || p->member) && kinds[k].good(p)) return k;
    parts_free(p);
    *p = (struct parts){0};
    return KINDS;
}

int source_known(const char *piece)
{
    struct parts p;
    size_t k = take_apart(piece, &p);
    parts_free(&p);
    return k < KINDS;
}

const char *source_allowed(void)
{
    return "pypi:PACKAGE==VERSION, https://host/path or file:/path, each also with !path/inside";
}

enum hearth_status source_find(struct source_finder *s, const char *piece, struct source_file **out, size_t *n)
{
    struct parts p;
    size_t k = take_apart(piece, &p);
    *out = NULL;
    *n = 0;
    if (k == KINDS) return fail(HEARTH_EFORMAT, "\"%.200s\" is no source; allowed is %s", piece, source_allowed());
    enum hearth_status st = kinds[k].find(s, &p, out, n);
    parts_free(&p);
    if (st == HEARTH_OK) return st;
    source_files_free(*out, *n);
    *out = NULL;
    *n = 0;
    return st;
}

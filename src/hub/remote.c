/* remote.c - hf:OWNER/NAME[:FILE], and what both registries need. */
#include "hub/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/jsontext.h"
#include "hub/catalogue.h"
#include "hub/peer.h"
#include "hub/pull.h"

enum { TREE_MAX = 16 << 20, SHOWN = 5 };

/* ---- shared ---- */

enum hearth_status remote_endpoint(const char *variable, const char *section, const char *otherwise, char **out)
{
    struct ini f = {0};
    char *path = NULL;
    const char *said = variable ? getenv(variable) : NULL;
    TRY(hub_path(HUB_CONFIG, "sources.ini", &path));
    enum hearth_status st = said && *said ? HEARTH_ENOTFOUND : ini_read(path, &f);
    free(path);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return st;
    if (st == HEARTH_OK) said = ini_get(&f, section, "endpoint");
    if (!said || !*said) said = otherwise;
    size_t n = strlen(said);
    while (n && said[n - 1] == '/') n--;
    int good = (!strncmp(said, "https://", 8) || !strncmp(said, "http://", 7)) && !strpbrk(said, " \"<>\\^`{|}?#") && n > 8;
    enum hearth_status got = good ? (*out = strndup(said, n)) ? HEARTH_OK : fail_memory(n + 1)
                           : fail(HEARTH_EUSAGE, "the endpoint \"%.200s\": allowed is https://HOST or http://HOST:PORT", said);
    if (st == HEARTH_OK) ini_free(&f);
    return got;
}

enum hearth_status remote_open(const char *endpoint, const char *token, const struct hub_callbacks *c, struct fetch **out)
{
    const struct fetch_settings set = {.retries = -1};
    TRY(fetch_open(&set, c, out));
    enum hearth_status st = fetch_name(*out, endpoint, token);
    if (st == HEARTH_OK) return st;
    fetch_close(*out);
    *out = NULL;
    return st;
}

enum hearth_status remote_pull(const struct remote_file *f, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct catalogue_model m = {.name = f->name, .aliases = "", .architecture = "", .parameters = "", .kind = "", .good_at = "", .note = "",
                                .licence = f->licence, .terms = "", .terms_at = f->licence_at, .sha256 = f->sha256, .size = f->size, .own = 1,
                                .bearer = f->token, .source[0] = {f->source, f->label}, .n_sources = 1};
    if (!name_is_digest(f->sha256))
        return fail(HEARTH_EFORMAT, "%.300s: its digest is \"%.80s\", allowed: 64 lower-case hex digits", f->source, f->sha256);
    if (f->size < 1 || f->size > (uint64_t)1 << 46)
        return fail(HEARTH_EFORMAT, "%.300s: its size is %llu, allowed: from 1 to 2^46", f->source, (unsigned long long)f->size);
    return pull_model(&m, c, out, fetched);
}

/* ---- hf: ---- */

struct repository { char name[200], file[300]; };      /* OWNER/NAME; file "" when none was said */

static int good_part(const char *s, size_t n)
{
    if (n < 1 || *s == '.' || *s == '-') return 0;
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", s[i])) return 0;
    return 1;
}

static int good_file(const char *s)
{
    for (size_t n; *s; s += n + (s[n] == '/' && s[n + 1])) {
        n = strcspn(s, "/");
        if (!good_part(s, n)) return 0;
        if (!s[n]) return 1;
    }
    return 0;
}

static enum hearth_status take_apart(const char *text, struct repository *r)
{
    const char *slash = strchr(text, '/'), *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    const char *rest = slash ? slash + 1 : text;
    if (!slash || rest > text + n || !good_part(text, (size_t)(slash - text)) || !good_part(rest, (size_t)(text + n - rest)) ||
        n >= sizeof r->name || (colon && (!good_file(colon + 1) || strlen(colon + 1) >= sizeof r->file)))
        return fail(HEARTH_EUSAGE, "\"hf:%.200s\": allowed is hf:OWNER/NAME or hf:OWNER/NAME:FILE, where FILE may be a part of a file's name such as "
                    "Q4_K_M", text);
    snprintf(r->name, sizeof r->name, "%.*s", (int)n, text);
    snprintf(r->file, sizeof r->file, "%s", colon ? colon + 1 : "");
    return HEARTH_OK;
}

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n > m && !strcasecmp(s + n - m, tail);
}

/* Does the file answer to what was asked for: its path, or, of a GGUF file, a part of its name? */
static int is_meant(const char *path, const char *file)
{
    if (!*file) return ends_with(path, ".gguf");
    return !strcmp(path, file) || (ends_with(path, ".gguf") && strcasestr(path, file) != NULL);
}

/* The one file that is meant.  An exact path wins over parts of names. */
static enum hearth_status choose(const struct repository *r, const json_t *tree, const json_t **out)
{
    struct buf names = {0};
    size_t n = 0, folders = 0;
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    for (size_t i = 0; i < json_array_size(tree) && st == HEARTH_OK; i++) {
        const json_t *f = json_array_get(tree, i);
        const char *path = json_string_value(json_object_get(f, "path"));
        if (!path || !good_file(path)) continue;           /* what is no plain path is no file to be fetched */
        folders += ends_with(path, ".safetensors");
        if (!is_meant(path, r->file)) continue;
        int exact = !strcmp(path, r->file);
        if (exact) n = 0;
        if (n++ == 0) *out = f;
        if (exact) break;
        if (n <= SHOWN) st = buf_printf(&names, "%s%s", n > 1 ? ", " : "", path);
    }
    if (st == HEARTH_OK && n > 1)
        st = fail(HEARTH_EUSAGE, "hf:%s: %zu files are meant (%s%s); say which: hf:%s:FILE", r->name, n, names.data, n > SHOWN ? ", ..." : "", r->name);
    if (st == HEARTH_OK && !n && folders && !*r->file)
        st = fail(HEARTH_EUNSUPPORTED, "hf:%s: it has safetensors and no .gguf file; fetch its folder with another program, and `hearth run FOLDER`",
                  r->name);
    else if (st == HEARTH_OK && !n) st = fail(HEARTH_ENOTFOUND, "hf:%s: it has no file %s", r->name, *r->file ? r->file : "that ends with .gguf");
    buf_free(&names);
    return st;
}

static enum hearth_status fetch_json(struct fetch *net, const char *url, size_t max, json_t **out)
{
    struct fetch_page page = {0};
    *out = NULL;
    enum hearth_status st = fetch_page(net, url, "application/json", max, &page);
    if (st == HEARTH_OK) st = jsontext_read(url, page.body.data, page.body.len, out);
    fetch_page_free(&page);
    return st;
}

/* A licence is named in the model's card, or not at all. */
static void read_licence(const json_t *about, char out[80])
{
    const char *s = json_string_value(json_object_get(json_object_get(about, "cardData"), "license"));
    snprintf(out, 80, "%s", "not stated");
    if (s && *s && strlen(s) < 60 && good_part(s, strlen(s))) snprintf(out, 80, "%s", s);
}

static enum hearth_status pull_chosen(const char *endpoint, const char *token, const struct repository *r, const json_t *file, const json_t *about,
                                      const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    const json_t *lfs = json_object_get(file, "lfs");
    const char *path = json_string_value(json_object_get(file, "path")), *digest = json_string_value(json_object_get(lfs, "oid"));
    char source[1200], label[300], licence[80], page[700], name[NAME_MAX_BYTES + 1];
    unsigned part, parts;
    const char *mark = strstr(path, "-of-");
    if (!ends_with(path, ".gguf")) return fail(HEARTH_EUNSUPPORTED, "hf:%s: %s is no .gguf file", r->name, path);
    if (mark && mark - path > 6 && sscanf(mark - 6, "-%5u-of-%5u", &part, &parts) == 2 && parts > 1)
        return fail(HEARTH_EUNSUPPORTED, "hf:%s: %s is one of %u files; allowed: a model in one file", r->name, path, parts);
    if (!digest) return fail(HEARTH_EFORMAT, "hf:%s: the registry states no SHA-256 of %s", r->name, path);
    TRY(name_from_file(path, name));
    read_licence(about, licence);
    snprintf(source, sizeof source, "hf:%s/%s/resolve/main/%s", endpoint, r->name, path);
    snprintf(label, sizeof label, "%s, as %s gives it out", r->name, endpoint);
    snprintf(page, sizeof page, "%s/%s", endpoint, r->name);
    const struct remote_file f = {name, digest, source, label, licence, page, token, (uint64_t)json_integer_value(json_object_get(lfs, "size"))};
    return remote_pull(&f, c, out, fetched);
}

static enum hearth_status hf_pull(const char *text, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct repository r;
    struct fetch *net = NULL;
    char *endpoint = NULL, url[800];
    const char *token = getenv("HF_TOKEN");
    json_t *tree = NULL, *about = NULL;
    const json_t *file = NULL;
    TRY(take_apart(text, &r));
    enum hearth_status st = remote_endpoint("HF_ENDPOINT", "hf", "https://huggingface.co", &endpoint);
    TRY_GOTO(st, done, st);
    if (strlen(endpoint) > 300) {
        st = fail(HEARTH_EUSAGE, "an endpoint of %zu bytes, allowed: at most 300", strlen(endpoint));
        goto done;
    }
    TRY_GOTO(st, done, remote_open(endpoint, token, c, &net));
    snprintf(url, sizeof url, "%s/api/models/%s/tree/main?recursive=1", endpoint, r.name);
    TRY_GOTO(st, done, fetch_json(net, url, TREE_MAX, &tree));
    TRY_GOTO(st, done, choose(&r, tree, &file));
    snprintf(url, sizeof url, "%s/api/models/%s", endpoint, r.name);
    TRY_GOTO(st, done, fetch_json(net, url, TREE_MAX, &about));
    st = pull_chosen(endpoint, token, &r, file, about, c, out, fetched);
done:
    fetch_close(net);
    json_decref(tree), json_decref(about);
    free(endpoint);
    return st;
}

/* ---- both ---- */

int hub_is_remote(const char *name)
{
    return !strncmp(name, "hf:", 3) || !strncmp(name, "ollama:", 7);
}

enum hearth_status hub_pull_remote(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    static const struct hub_callbacks nobody;
    int unused = 0;
    if (!fetched) fetched = &unused;
    *fetched = 0;
    *out = (struct hub_model){0};
    if (!strncmp(name, "hf:", 3)) return hf_pull(name + 3, c ? c : &nobody, out, fetched);
    return remote_pull_ollama(name + 7, c ? c : &nobody, out, fetched);
}

/* hf.c - hf:OWNER/NAME[@REVISION][:FILE], a repository on a Hugging Face hub.
 *
 *     one .gguf file           what it is named, or the only one there
 *     x-00001-of-00003.gguf    and the others
 *     a folder                 where there is no .gguf file: config.json, safetensors, what the tokenizer needs; ":sub/" names one below
 *
 * Large files have their SHA-256 in the listing (lfs.oid).  Small ones have the name that git gives them, by SHA-1; they are fetched first and
 * held against it, and from then on go by their own SHA-256.  A pickle, a script or whatever else lies there is not fetched: only names that
 * modeldir.h takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/jsontext.h"
#include "file/gguf.h"
#include "file/safetensors.h"
#include "hub/digest.h"
#include "hub/modeldir.h"
#include "hub/remote.h"

enum { TREE_MAX = 16 << 20, PAGES = 200, SMALL_MAX = 32 << 20, SHOWN = 5 };

struct repository {
    char name[200];                      /* OWNER/NAME */
    char revision[300];                  /* as it stands in a URL */
    char file[300];                      /* "" when none was said */
    int folder;                          /* file is a folder below */
};

struct hub {
    const char *endpoint, *token;
    struct fetch *net;
    struct repository r;
    json_t *tree;
    struct arena arena;
    char licence[80];
};

/* ---- names ---- */

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

/* A branch, a tag, a commit, or refs/pr/1, whose slashes a URL writes as %2F. */
static int take_revision(const char *s, size_t n, char out[300])
{
    size_t used = 0;
    if (n < 1 || n > 90) return 0;
    for (size_t i = 0; i < n; i++) {
        size_t part = strcspn(s + i, "/") < n - i ? strcspn(s + i, "/") : n - i;
        if (part < n - i && i + part + 1 == n) return 0;
        if (!good_part(s + i, part)) return 0;
        used += (size_t)snprintf(out + used, 300 - used, "%s%.*s", i ? "%2F" : "", (int)part, s + i);
        i += part;
    }
    return 1;
}

static enum hearth_status take_apart(const char *text, struct repository *r)
{
    const char *slash = strchr(text, '/'), *colon = strchr(text, ':'), *at = strchr(text, '@');
    size_t n = colon ? (size_t)(colon - text) : strlen(text), name = at && (!colon || at < colon) ? (size_t)(at - text) : n;
    const char *rest = slash ? slash + 1 : text;
    *r = (struct repository){.revision = "main"};
    int good = slash && rest <= text + name && good_part(text, (size_t)(slash - text)) && good_part(rest, (size_t)(text + name - rest)) &&
               name < sizeof r->name && (name == n || take_revision(text + name + 1, n - name - 1, r->revision)) &&
               (!colon || strlen(colon + 1) < sizeof r->file);
    if (good) {
        size_t len = colon ? strlen(colon + 1) : 0;
        r->folder = len >= 1 && colon[len] == '/';
        snprintf(r->name, sizeof r->name, "%.*s", (int)name, text);
        snprintf(r->file, sizeof r->file, "%.*s", (int)(len - (size_t)r->folder), colon ? colon + 1 : "");
        good = !colon || (r->folder && !*r->file) || good_file(r->file);
    }
    if (good) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "\"hf:%.200s\": allowed is hf:OWNER/NAME or hf:OWNER/NAME:FILE, where FILE may be a part of a file's name such as "
                "Q4_K_M, or a folder, SUB/ or / for all of it; NAME@REVISION names a branch, tag or commit", text);
}

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n > m && !strcasecmp(s + n - m, tail);
}

/* ---- the listing ---- */

static enum hearth_status fetch_json(struct fetch *net, const char *url, char **next, json_t **out)
{
    struct fetch_page page = {0};
    *out = NULL;
    enum hearth_status st = fetch_page(net, url, "application/json", TREE_MAX, &page);
    if (st == HEARTH_OK) st = jsontext_read(url, page.body.data, page.body.len, out);
    if (st == HEARTH_OK && next) *next = page.next, page.next = NULL;
    fetch_page_free(&page);
    return st;
}

static enum hearth_status fetch_tree(struct hub *h)
{
    char *url = NULL, *next = NULL;
    enum hearth_status st = HEARTH_OK;
    if (!(h->tree = json_array())) return fail_memory(64);
    if (asprintf(&url, "%s/api/models/%s/tree/%s?recursive=1", h->endpoint, h->r.name, h->r.revision) < 0) return fail_memory(600);
    for (int i = 0; url && st == HEARTH_OK; i++) {
        json_t *page = NULL;
        if (i == PAGES) st = fail(HEARTH_ELIMIT, "hf:%s: a listing of more than %d pages", h->r.name, PAGES);
        if (st == HEARTH_OK) st = fetch_json(h->net, url, &next, &page);
        if (st == HEARTH_OK && !json_is_array(page)) st = fail(HEARTH_EFORMAT, "%.300s: no list of files", url);
        if (st == HEARTH_OK && json_array_extend(h->tree, page)) st = fail_memory(64);
        json_decref(page);
        free(url);
        url = next, next = NULL;
    }
    free(url);
    return st;
}

/* What is no plain path is no file to be fetched. */
static const char *path_at(const struct hub *h, size_t i)
{
    const char *path = json_string_value(json_object_get(json_array_get(h->tree, i), "path"));
    const char *type = json_string_value(json_object_get(json_array_get(h->tree, i), "type"));
    return path && good_file(path) && (!type || strcmp(type, "directory") != 0) ? path : NULL;
}

/* The entry of a file below `prefix`; NULL: none. */
static const json_t *find_file(const struct hub *h, const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    for (size_t i = 0; i < json_array_size(h->tree); i++) {
        const char *path = path_at(h, i);
        if (path && !strncmp(path, prefix, n) && !strcmp(path + n, name)) return json_array_get(h->tree, i);
    }
    return NULL;
}

/* Does the file answer to what was asked for: its path, or, of a GGUF file, a part of its name? */
static int is_meant(const char *path, const char *file)
{
    if (!*file) return ends_with(path, ".gguf");
    return !strcmp(path, file) || (ends_with(path, ".gguf") && strcasestr(path, file) != NULL);
}

/* The one file that is meant; of one in pieces the first.  An exact path wins over parts of names.  NULL: none is. */
static enum hearth_status choose(const struct hub *h, const char **out)
{
    const struct repository *r = &h->r;
    struct buf names = {0};
    unsigned no, of;
    size_t n = 0;
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    for (size_t i = 0; i < json_array_size(h->tree) && st == HEARTH_OK && !r->folder; i++) {
        const char *path = path_at(h, i);
        if (!path || !is_meant(path, r->file)) continue;
        int exact = !strcmp(path, r->file);
        if (!exact && gguf_piece(path, &no, &of) && no > 1) continue;
        if (exact) n = 0;
        if (n++ == 0) *out = path;
        if (exact) break;
        if (n <= SHOWN) st = buf_printf(&names, "%s%s", n > 1 ? ", " : "", path);
    }
    if (st == HEARTH_OK && n > 1)
        st = fail(HEARTH_EUSAGE, "hf:%s: %zu files are meant (%s%s); say which: hf:%s:FILE", r->name, n, names.data, n > SHOWN ? ", ..." : "", r->name);
    buf_free(&names);
    return st;
}

/* ---- files ---- */

static enum hearth_status get_small(struct hub *h, const char *path, struct fetch_page *out)
{
    char *url = NULL;
    if (asprintf(&url, "%s/%s/resolve/%s/%s", h->endpoint, h->r.name, h->r.revision, path) < 0) return fail_memory(1000);
    enum hearth_status st = fetch_page(h->net, url, NULL, SMALL_MAX, out);
    free(url);
    return st;
}

/* A file that git itself keeps: its bytes are held against the name that the listing has for it. */
static enum hearth_status look_at_small(struct hub *h, const char *path, const json_t *entry, struct catalogue_file *f)
{
    struct fetch_page page = {0};
    char id[41];
    const char *oid = json_string_value(json_object_get(entry, "oid"));
    json_int_t size = json_integer_value(json_object_get(entry, "size"));
    if (!oid || strlen(oid) != 40 || size < 1) return fail(HEARTH_EFORMAT, "hf:%s: the registry states no digest of %s", h->r.name, path);
    if (size > SMALL_MAX) return fail(HEARTH_ELIMIT, "hf:%s: %s has %lld bytes and no SHA-256; allowed without one: %d", h->r.name, path, (long long)size, SMALL_MAX);
    TRY(get_small(h, path, &page));
    enum hearth_status st = git_blob_id(page.body.data, page.body.len, id);
    if (st == HEARTH_OK && ((json_int_t)page.body.len != size || strcmp(id, oid) != 0))
        st = fail(HEARTH_ECHECKSUM, "hf:%s: %s came with %zu bytes and the git name %s; the listing has %lld and %s", h->r.name, path, page.body.len, id,
                  (long long)size, oid);
    if (st == HEARTH_OK) st = sha256_of(page.body.data, page.body.len, f->sha256);
    f->size = page.body.len;
    fetch_page_free(&page);
    return st;
}

/* name: below the model's folder. */
static enum hearth_status describe_file(struct hub *h, const char *path, const char *name, const json_t *entry, struct catalogue_file *f)
{
    const json_t *lfs = json_object_get(entry, "lfs");
    const char *digest = json_string_value(json_object_get(lfs, "oid"));
    if (!(f->name = arena_strndup(&h->arena, name, strlen(name)))) return HEARTH_ENOMEM;
    if (!digest) return look_at_small(h, path, entry, f);
    json_int_t size = json_integer_value(json_object_get(lfs, "size"));
    if (!name_is_digest(digest) || size < 1 || size > (json_int_t)1 << 46)
        return fail(HEARTH_EFORMAT, "hf:%s: %s: its digest is \"%.80s\" and its size %lld, allowed: 64 lower-case hex digits, and 1 to 2^46", h->r.name, path,
                    digest, (long long)size);
    memcpy(f->sha256, digest, sizeof f->sha256);
    f->size = (uint64_t)size;
    return HEARTH_OK;
}

/* The model of these files, which lie below `prefix`. */
static enum hearth_status pull_list(struct hub *h, const char *prefix, const char *name, const struct catalogue_file *files, size_t n,
                                    const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct modeldir_file *sums = arena_alloc(&h->arena, n * sizeof *sums);
    char source[1500], label[600], page[700], hex[65];
    uint64_t size = 0;
    if (!sums) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        sums[i].name = files[i].name;
        memcpy(sums[i].sha256, files[i].sha256, sizeof sums[i].sha256);
        size += files[i].size;
    }
    TRY(modeldir_sum(sums, n, hex));
    snprintf(source, sizeof source, "hf:%s/%s/resolve/%s/%s", h->endpoint, h->r.name, h->r.revision, prefix);
    snprintf(label, sizeof label, "%s, as %s gives it out", h->r.name, h->endpoint);
    snprintf(page, sizeof page, "%s/%s", h->endpoint, h->r.name);
    const struct remote_file f = {name, hex, source, label, h->licence, page, h->token, size, files, n};
    return remote_pull(&f, c, out, fetched);
}

/* ---- a GGUF file ---- */

static enum hearth_status pull_one(struct hub *h, const char *path, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct catalogue_file f = {0};
    char source[1500], label[600], page[700], name[NAME_MAX_BYTES + 1];
    const json_t *entry = find_file(h, "", path), *lfs = json_object_get(entry, "lfs");
    if (!json_object_get(lfs, "oid")) return fail(HEARTH_EFORMAT, "hf:%s: the registry states no SHA-256 of %s", h->r.name, path);
    TRY(describe_file(h, path, path, entry, &f));
    TRY(name_from_file(path, name));
    snprintf(source, sizeof source, "hf:%s/%s/resolve/%s/%s", h->endpoint, h->r.name, h->r.revision, path);
    snprintf(label, sizeof label, "%s, as %s gives it out", h->r.name, h->endpoint);
    snprintf(page, sizeof page, "%s/%s", h->endpoint, h->r.name);
    const struct remote_file one = {name, f.sha256, source, label, h->licence, page, h->token, f.size, NULL, 0};
    return remote_pull(&one, c, out, fetched);
}

/* All pieces, by the first one's name; the model's name is what stands before their numbers. */
static enum hearth_status pull_pieces(struct hub *h, const char *first, unsigned of, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char path[400], prefix[300] = "", name[NAME_MAX_BYTES + 1], stem[300];
    const char *slash = strrchr(first, '/');
    struct catalogue_file *files = arena_alloc(&h->arena, of * sizeof *files);
    if (!files) return HEARTH_ENOMEM;
    if (slash) snprintf(prefix, sizeof prefix, "%.*s", (int)(slash + 1 - first), first);
    for (unsigned no = 1; no <= of; no++) {
        if (strlen(first) >= sizeof path) return fail(HEARTH_ELIMIT, "hf:%s: a path of %zu bytes", h->r.name, strlen(first));
        gguf_piece_path(first, no, path);
        const json_t *entry = find_file(h, "", path);
        if (!entry) return fail(HEARTH_ENOTFOUND, "hf:%s: %s is missing, one of %u files that are a model together", h->r.name, path, of);
        if (!modeldir_takes(path + strlen(prefix))) return fail(HEARTH_EFORMAT, "hf:%s: %s: no name that a piece can have here", h->r.name, path);
        TRY(describe_file(h, path, path + strlen(prefix), entry, &files[no - 1]));
    }
    snprintf(stem, sizeof stem, "%.*s.gguf", (int)(strlen(first) - strlen("-00001-of-00001.gguf")), first);
    TRY(name_from_file(stem, name));
    return pull_list(h, prefix, name, files, of, c, out, fetched);
}

/* ---- a folder ---- */

/* The shards that the index names; *n 0: there is no index, or it is not needed. */
static enum hearth_status list_shards(struct hub *h, const char *prefix, const char ***out, size_t *n)
{
    struct fetch_page page = {0};
    char path[400];
    *n = 0;
    if (find_file(h, prefix, SAFETENSORS_FILE) || !find_file(h, prefix, SAFETENSORS_INDEX)) return HEARTH_OK;
    snprintf(path, sizeof path, "%s%s", prefix, SAFETENSORS_INDEX);
    TRY(get_small(h, path, &page));
    enum hearth_status st = safetensors_shards(path, page.body.data, page.body.len, &h->arena, out, n);
    fetch_page_free(&page);
    return st;
}

static int is_wanted(const char *name, const char *const *shard, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name, shard[i])) return 1;
    return modeldir_takes(name) && (!ends_with(name, ".safetensors") || !strcmp(name, SAFETENSORS_FILE) || strchr(name, '/')) && !ends_with(name, ".gguf");
}

static enum hearth_status pull_folder(struct hub *h, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char prefix[320] = "", name[NAME_MAX_BYTES + 1];
    const char **shard = NULL, *path;
    size_t shards = 0, n = 0, skip;
    struct catalogue_file *files = arena_alloc(&h->arena, CATALOGUE_FILES * sizeof *files);
    if (!files) return HEARTH_ENOMEM;
    if (*h->r.file) snprintf(prefix, sizeof prefix, "%s/", h->r.file);
    skip = strlen(prefix);
    if (!find_file(h, prefix, "config.json")) return fail(HEARTH_ENOTFOUND, "hf:%s: it has no file %sconfig.json, and none that ends with .gguf", h->r.name, prefix);
    TRY(list_shards(h, prefix, &shard, &shards));
    if (!shards && !find_file(h, prefix, SAFETENSORS_FILE))
        return fail(HEARTH_EUNSUPPORTED, "hf:%s: it has neither %s%s nor %s%s; weights of another kind (a pickle) are never fetched", h->r.name, prefix,
                    SAFETENSORS_FILE, prefix, SAFETENSORS_INDEX);
    for (size_t i = 0; i < shards; i++)
        if (!find_file(h, prefix, shard[i])) return fail(HEARTH_ENOTFOUND, "hf:%s: %s%s is missing, which its index names", h->r.name, prefix, shard[i]);
    for (size_t i = 0; i < json_array_size(h->tree); i++) {
        if (!(path = path_at(h, i)) || strncmp(path, prefix, skip) != 0 || !is_wanted(path + skip, shard, shards)) continue;
        if (n == CATALOGUE_FILES) return fail(HEARTH_ELIMIT, "hf:%s: more than %d files", h->r.name, CATALOGUE_FILES);
        TRY(describe_file(h, path, path + skip, json_array_get(h->tree, i), &files[n++]));
    }
    TRY(name_from_file(*h->r.file ? h->r.file : h->r.name, name));
    return pull_list(h, prefix, name, files, n, c, out, fetched);
}

/* ---- the whole ---- */

/* A licence is named in the model's card, or not at all. */
static enum hearth_status read_licence(struct hub *h)
{
    json_t *about = NULL;
    char *url = NULL;
    int plain = !strcmp(h->r.revision, "main");
    if (asprintf(&url, "%s/api/models/%s%s%s", h->endpoint, h->r.name, plain ? "" : "/revision/", plain ? "" : h->r.revision) < 0) return fail_memory(600);
    enum hearth_status st = fetch_json(h->net, url, NULL, &about);
    const char *s = json_string_value(json_object_get(json_object_get(about, "cardData"), "license"));
    snprintf(h->licence, sizeof h->licence, "%s", s && *s && strlen(s) < 60 && good_part(s, strlen(s)) ? s : "not stated");
    json_decref(about);
    free(url);
    return st;
}

static enum hearth_status pull_chosen(struct hub *h, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    const char *path;
    unsigned no, of;
    TRY(choose(h, &path));
    if (!path && *h->r.file && !h->r.folder) return fail(HEARTH_ENOTFOUND, "hf:%s: it has no file %s", h->r.name, h->r.file);
    if (path && !ends_with(path, ".gguf")) return fail(HEARTH_EUNSUPPORTED, "hf:%s: %s is no .gguf file", h->r.name, path);
    TRY(read_licence(h));
    if (!path) return pull_folder(h, c, out, fetched);
    if (!gguf_piece(path, &no, &of)) return pull_one(h, path, c, out, fetched);
    char first[400];
    if (strlen(path) >= sizeof first) return fail(HEARTH_ELIMIT, "hf:%s: a path of %zu bytes", h->r.name, strlen(path));
    gguf_piece_path(path, 1, first);
    return pull_pieces(h, first, of, c, out, fetched);
}

enum hearth_status remote_pull_hf(const char *text, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct hub h = {.token = getenv("HF_TOKEN")};
    char *endpoint = NULL;
    TRY(take_apart(text, &h.r));
    TRY(remote_endpoint("HF_ENDPOINT", "hf", "https://huggingface.co", &endpoint));
    h.endpoint = endpoint;
    arena_init(&h.arena, 0);
    enum hearth_status st = HEARTH_OK;
    if (strlen(endpoint) > 300) st = fail(HEARTH_EUSAGE, "an endpoint of %zu bytes, allowed: at most 300", strlen(endpoint));
    if (st == HEARTH_OK) st = remote_open(endpoint, h.token, c, &h.net);
    if (st == HEARTH_OK) st = fetch_tree(&h);
    if (st == HEARTH_OK) st = pull_chosen(&h, c, out, fetched);
    fetch_close(h.net);
    json_decref(h.tree);
    arena_free(&h.arena);
    free(endpoint);
    return st;
}

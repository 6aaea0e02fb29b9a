/* peer.c - a model from another hearth in the house: one download for thirty laptops.
 *
 *     http://teacher.local:11434/smollm2 ──► /hearth/models/smollm2 ──► an entry like those of the catalogue ──► pull.c
 *
 * The person named the server, so it may be at a private address and speak plain http; it is believed in what it says of its file, and
 * the file is held against that.  Where our own catalogue has the name, it is said when the file is another one. */
#include "hub/peer.h"
#include "hub/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/jsontext.h"
#include "hub/fetch.h"
#include "hub/modeldir.h"
#include "hub/store.h"

enum { ANSWER_MAX = 24 << 20, FILES_MAX = 4096 };

/* [{"name", "sha256", "size"}] of a model in several files. */
static enum hearth_status list_files(const char *path, json_t **out)
{
    struct arena arena;
    const char *folder, **name = NULL;
    size_t n = 0;
    arena_init(&arena, 0);
    enum hearth_status st = modeldir_files(path, &arena, &folder, &name, &n);
    *out = json_array();
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        char *file = NULL, hex[65];
        struct stat s;
        if (asprintf(&file, "%s/%s", folder, name[i]) < 0) st = fail_memory(0), file = NULL;
        if (st == HEARTH_OK) st = hub_digest_file(file, NULL, hex, NULL);
        if (st == HEARTH_OK && stat(file, &s) != 0) st = fail_errno(file, "cannot look at");
        if (st == HEARTH_OK && json_array_append_new(*out, json_pack("{s:s, s:s, s:I}", "name", name[i], "sha256", hex, "size", (json_int_t)s.st_size)))
            st = fail_memory(0);
        free(file);
    }
    arena_free(&arena);
    if (st == HEARTH_OK) return HEARTH_OK;
    json_decref(*out);
    *out = NULL;
    return st;
}

enum hearth_status peer_describe(const struct hub_model *m, const struct hub_recipe *r, json_t **out)
{
    struct buf text = {0};
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    if (*m->adapter) return fail(HEARTH_EUNSUPPORTED, "%s has an adapter, and a hearth gives no adapters to others; allowed: %s", m->name, *m->parent ? m->parent : "its base");
    *out = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "name", m->name, "sha256", m->sha256, "size", (json_int_t)m->size, "architecture",
                     m->architecture, "parameters", m->parameters, "kind", m->kind, "licence", m->licence);
    if (!*out) return fail_memory(0);
    json_t *files = NULL;
    if (modeldir_is(m->path)) st = list_files(m->path, &files);
    if (files && json_object_set_new(*out, "files", files)) st = fail_memory(0);
    if (st == HEARTH_OK && *m->recipe) st = hub_write_modelfile(m, r, 0, &text);
    if (st == HEARTH_OK && *m->recipe && json_object_set_new(*out, "modelfile", json_string(text.data))) st = fail_memory(0);
    buf_free(&text);
    if (st == HEARTH_OK) return HEARTH_OK;
    json_decref(*out);
    *out = NULL;
    return st;
}

/* ---- the other side ---- */

/* http://host[:port]/NAME[:TAG] in its two parts. */
static enum hearth_status take_apart(const char *url, char **server, char name[NAME_MAX_BYTES + 1])
{
    size_t scheme = !strncasecmp(url, "http://", 7) ? 7 : !strncasecmp(url, "https://", 8) ? 8 : 0, host = strcspn(url + scheme, "/");
    const char *rest = url + scheme + host;
    if (!scheme || !host || *rest != '/' || strchr(rest + 1, '/') || strpbrk(url, "?#@ "))
        return fail(HEARTH_EUSAGE, "\"%.200s\": another hearth's model is given as http://host:port/NAME", url);
    TRY(name_canonical(rest + 1, name));
    return (*server = strndup(url, scheme + host)) ? HEARTH_OK : fail_memory(scheme + host + 1);
}

static enum hearth_status ask(const char *server, const char *name, const char *key, const struct hub_callbacks *c, json_t **out)
{
    const struct fetch_settings set = {.timeout = 10, .retries = 1};
    struct fetch *net = NULL;
    struct fetch_page page = {0};
    char *url = NULL;
    *out = NULL;
    if (asprintf(&url, "%s/hearth/models/%s", server, name) < 0) return fail_memory(0);
    enum hearth_status st = fetch_open(&set, c, &net);
    if (st == HEARTH_OK) st = fetch_name(net, url, key);
    if (st == HEARTH_OK) st = fetch_page(net, url, "application/json", ANSWER_MAX, &page);
    if (st == HEARTH_OK) st = jsontext_read(url, page.body.data, page.body.len, out);
    fetch_page_free(&page);
    fetch_close(net);
    free(url);
    return st;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && strlen(s) < 200 && !strpbrk(s, "\r\n\t") ? s : "";
}

static enum hearth_status check(const char *server, const json_t *o)
{
    const char *sha256 = text_of(o, "sha256");
    json_int_t size = json_integer_value(json_object_get(o, "size"));
    if (!name_is_digest(sha256))
        return fail(HEARTH_EFORMAT, "%.200s: sha256 is \"%.80s\", should be 64 lower-case hex digits: is this a hearth?", server, sha256);
    if (size <= 0 || size > (json_int_t)1 << 46)
        return fail(HEARTH_EFORMAT, "%.200s: size is %lld, should be from 1 to 2^46", server, (long long)size);
    return HEARTH_OK;
}

/* What our own catalogue says of that name: its terms hold for the same file, and another file is told of. */
static void compare(const struct catalogue *cat, struct catalogue_model *m, const struct hub_callbacks *c)
{
    char note[400];
    const struct catalogue_model *known = catalogue_find(cat, m->name);
    if (known && !strcmp(known->sha256, m->sha256)) {
        m->licence = known->licence, m->terms = known->terms, m->terms_at = known->terms_at, m->ask = known->ask;
        return;
    }
    if (!known || !c->on_progress) return;
    snprintf(note, sizeof note, "the catalogue knows another file by the name %s; this one is what that server says it is", m->name);
    c->on_progress(c->user, &(struct hub_progress){.stage = HUB_RETRYING, .note = note});
}

/* The files that are listed, where the model is several; sizes and digests are theirs, and what they are together is looked at by pull_files. */
static enum hearth_status read_files(const char *server, const json_t *list, struct catalogue_model *m, struct catalogue_file **out)
{
    const json_t *v;
    size_t i, n = json_array_size(list);
    uint64_t sum = 0;
    *out = NULL;
    if (!list) return HEARTH_OK;
    if (n < 1 || n > FILES_MAX) return fail(HEARTH_EFORMAT, "%.200s: files has %zu entries, should have 1 to %d", server, n, FILES_MAX);
    if (!(*out = mem_array(n, sizeof **out))) return HEARTH_ENOMEM;
    json_array_foreach(list, i, v) {
        struct catalogue_file *f = &(*out)[i];
        json_int_t size = json_integer_value(json_object_get(v, "size"));
        f->name = text_of(v, "name");
        f->size = (uint64_t)size;
        snprintf(f->sha256, sizeof f->sha256, "%s", text_of(v, "sha256"));
        int twice = 0;
        for (size_t k = 0; k < i; k++) twice |= !strcmp((*out)[k].name, f->name);
        if (!modeldir_takes(f->name) || twice || !name_is_digest(text_of(v, "sha256")) || size < 0 || size > (json_int_t)1 << 46)
            return fail(HEARTH_EFORMAT, "%.200s: files[%zu] (\"%.80s\") should be the name of a model's file, once, with its SHA-256 and size", server, i, f->name);
        sum += f->size;
    }
    if (sum != m->size) return fail(HEARTH_EFORMAT, "%.200s: its files have %llu bytes together, size says %llu", server, (unsigned long long)sum, (unsigned long long)m->size);
    m->files = *out;
    m->n_files = n;
    return HEARTH_OK;
}

static enum hearth_status pull_file(const char *server, const char *key, const char *name, const json_t *o, const struct hub_callbacks *c,
                                    struct hub_model *out, int *fetched)
{
    char source[512], label[300];
    struct catalogue cat;
    struct catalogue_model m = {.name = name, .aliases = "", .architecture = text_of(o, "architecture"), .parameters = text_of(o, "parameters"),
                                .kind = text_of(o, "kind"), .good_at = "", .note = "", .licence = text_of(o, "licence"), .terms = "", .terms_at = "",
                                .sha256 = text_of(o, "sha256"), .size = (uint64_t)json_integer_value(json_object_get(o, "size")), .own = 1,
                                .bearer = key, .n_sources = 1};
    struct catalogue_file *files;
    enum hearth_status st = read_files(server, json_object_get(o, "files"), &m, &files);
    snprintf(source, sizeof source, "hearth:%s/hearth/blobs/sha256:%s%s", server, m.sha256, files ? "/" : "");
    snprintf(label, sizeof label, "from the hearth at %s", server);
    m.source[0] = (struct catalogue_source){source, label};
    if (st == HEARTH_OK && (st = catalogue_open(&cat)) == HEARTH_OK) {
        compare(&cat, &m, c);
        st = pull_model(&m, c, out, fetched);
        catalogue_free(&cat);
    }
    free(files);
    return st;
}

enum hearth_status peer_name_for_file(const char *sha256, char out[NAME_MAX_BYTES + 1])
{
    struct catalogue cat;
    TRY(catalogue_open(&cat));
    snprintf(out, NAME_MAX_BYTES + 1, "file-%.16s", sha256);
    for (size_t i = 0; i < cat.n; i++)
        if (!strcmp(cat.model[i].sha256, sha256)) snprintf(out, NAME_MAX_BYTES + 1, "%s", cat.model[i].name);
    catalogue_free(&cat);
    return HEARTH_OK;
}

/* A derived model: its file under a name of its own, then the same Modelfile over it. */
static enum hearth_status pull_derived(const char *server, const char *key, const char *name, const json_t *o, const struct hub_callbacks *c,
                                       struct hub_model *out, int *fetched)
{
    const char *text = json_string_value(json_object_get(o, "modelfile"));
    char base[NAME_MAX_BYTES + 1];
    struct modelfile f;
    TRY(modelfile_parse(text, strlen(text), "the other hearth's Modelfile", &f));
    enum hearth_status st = peer_name_for_file(text_of(o, "sha256"), base);
    if (st == HEARTH_OK) st = pull_file(server, key, base, o, c, out, fetched);
    hub_model_free(out);
    if (st == HEARTH_OK) {
        free(f.from);
        f.from = strdup(base);
        st = f.from ? hub_create(name, &f, 0, NULL, c, out) : fail_memory(sizeof base);
    }
    modelfile_free(&f);
    return st;
}

enum hearth_status hub_pull_from(const char *url, const char *key, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    static const struct hub_callbacks nobody;
    char name[NAME_MAX_BYTES + 1], *server = NULL;
    json_t *o = NULL;
    int unused = 0;
    if (!fetched) fetched = &unused;
    *fetched = 0;
    *out = (struct hub_model){0};
    if (!c) c = &nobody;
    TRY(take_apart(url, &server, name));
    enum hearth_status st = ask(server, name, key, c, &o);
    if (st == HEARTH_OK) st = check(server, o);
    if (st == HEARTH_OK && json_is_string(json_object_get(o, "modelfile"))) st = pull_derived(server, key, name, o, c, out, fetched);
    else if (st == HEARTH_OK) st = pull_file(server, key, name, o, c, out, fetched);
    json_decref(o);
    free(server);
    return st;
}

/* ollama.c - models as Ollama keeps and publishes them: a manifest that names layers by their digest.
 *
 *     manifests/registry.ollama.ai/library/gemma3/270m      {"layers": [{"mediaType": ".model", "digest": "sha256:..", "size": ..}, ..]}
 *     blobs/sha256-..                                       the GGUF file; the template, the parameters, the licence
 *
 * From a registry the model's layer is pulled like any model; from a store on this computer it is used where it lies.  The small layers
 * become a derived model, as a Modelfile would make it. */
#include "hub/remote.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "hub/digest.h"
#include "hub/peer.h"
#include "hub/recipe.h"
#include "hub/store.h"
#include "os/os.h"

enum { MANIFEST_MAX = 1 << 20, LAYER_MAX = 1 << 20, LAYERS = 64 };

enum layer { MODEL, ADAPTER, TEMPLATE, SYSTEM, PARAMS, LICENCE, N_LAYERS };

struct manifest { char digest[N_LAYERS][65]; uint64_t size[N_LAYERS]; };         /* "" : there is no such layer */

static enum hearth_status read_layer(const char *label, const json_t *layer, struct manifest *m)
{
    static const char *const kinds[N_LAYERS] = {"model", "adapter", "template", "system", "params", "license"};
    static const char prefix[] = "application/vnd.ollama.image.";
    const char *type = json_string_value(json_object_get(layer, "mediaType")), *digest = json_string_value(json_object_get(layer, "digest"));
    if (!type || strncmp(type, prefix, sizeof prefix - 1) != 0) return HEARTH_OK;
    type += sizeof prefix - 1;
    for (int k = 0; k < N_LAYERS; k++) {
        if (strcmp(type, kinds[k]) != 0) continue;
        if (!digest || strncmp(digest, "sha256:", 7) != 0 || !name_is_digest(digest + 7))
            return fail(HEARTH_EFORMAT, "%.300s: a layer's digest is \"%.80s\", allowed: sha256: and 64 lower-case hex digits", label,
                        digest ? digest : "");
        if (k <= ADAPTER && *m->digest[k]) return fail(HEARTH_EUNSUPPORTED, "%.300s: it has several %s layers, allowed: one", label, kinds[k]);
        if (*m->digest[k]) continue;                       /* of several licences the first */
        memcpy(m->digest[k], digest + 7, 65);
        m->size[k] = (uint64_t)json_integer_value(json_object_get(layer, "size"));
    }
    return HEARTH_OK;
}

static enum hearth_status read_manifest(const char *label, const char *text, size_t n, struct manifest *m)
{
    json_t *root = NULL;
    *m = (struct manifest){0};
    TRY(jsontext_read(label, text, n, &root));
    const json_t *layers = json_object_get(root, "layers");
    enum hearth_status st = HEARTH_OK;
    if (!json_is_array(layers) || json_array_size(layers) > LAYERS)
        st = fail(HEARTH_EFORMAT, "%.300s: no list of at most %d layers: this is no manifest of a model", label, LAYERS);
    for (size_t i = 0; i < json_array_size(layers) && st == HEARTH_OK; i++) st = read_layer(label, json_array_get(layers, i), m);
    if (st == HEARTH_OK && !*m->digest[MODEL]) st = fail(HEARTH_EFORMAT, "%.300s: it has no model layer", label);
    json_decref(root);
    return st;
}

static int is_plain(const struct manifest *m)
{
    return !*m->digest[ADAPTER] && !*m->digest[TEMPLATE] && !*m->digest[SYSTEM] && !*m->digest[PARAMS] && !*m->digest[LICENCE];
}

/* ---- the small layers ---- */

/* Where layers come from: a registry, or a store on this computer. */
struct place { struct fetch *net; char *base; };       /* base: URL or folder that has blobs */

static enum hearth_status get_bytes(const struct place *p, const char *digest, char **text, size_t *n)
{
    char where[1200];
    struct fetch_page page = {0};
    snprintf(where, sizeof where, "%.1000s/blobs/sha256%c%s", p->base, p->net ? ':' : '-', digest);
    if (!p->net) return os_read_file(where, LAYER_MAX, text, n);
    enum hearth_status st = fetch_page(p->net, where, NULL, LAYER_MAX, &page);
    if (st == HEARTH_OK && !(*text = buf_take(&page.body, n))) st = HEARTH_ENOMEM;
    fetch_page_free(&page);
    return st;
}

static enum hearth_status get_layer(const struct place *p, const char *digest, char **text, size_t *n)
{
    char hex[65] = "";
    *text = NULL;
    *n = 0;
    if (!*digest) return HEARTH_OK;
    TRY(get_bytes(p, digest, text, n));
    enum hearth_status st = sha256_of(*text, *n, hex);
    if (st == HEARTH_OK && strcmp(hex, digest) != 0)
        st = fail(HEARTH_ECHECKSUM, "%.300s: a layer's SHA-256 is %s, its manifest says %s", p->base, hex, digest);
    return st;
}

static enum hearth_status get_parts(const struct place *p, const struct manifest *m, struct modelfile *f)
{
    char *params = NULL;
    size_t n = 0;
    TRY(get_layer(p, m->digest[TEMPLATE], &f->chat_template, &n));
    TRY(get_layer(p, m->digest[SYSTEM], &f->system, &n));
    TRY(get_layer(p, m->digest[LICENCE], &f->licence, &n));
    TRY(get_layer(p, m->digest[PARAMS], &params, &n));
    enum hearth_status st = params ? jsontext_read("the model's parameters", params, n, &f->parameters) : HEARTH_OK;
    free(params);
    if (st == HEARTH_OK && !f->parameters && !(f->parameters = json_object())) st = fail_memory(0);
    if (st == HEARTH_OK && !(f->messages = json_array())) st = fail_memory(0);
    return st;
}

/* A template that is not understood is left away, and said: the file mostly has one of its own. */
static enum hearth_status create(const char *name, struct modelfile *f, int paths, const struct hub_callbacks *c, struct hub_model *out)
{
    char note[1200];
    enum hearth_status st = hub_create(name, f, paths, NULL, c, out);
    if ((st != HEARTH_EUNSUPPORTED && st != HEARTH_EFORMAT) || !f->chat_template) return st;
    snprintf(note, sizeof note, "%s: its template is not used, the file's own is: %.900s", name, hearth_errmsg());
    free(f->chat_template);
    f->chat_template = NULL;
    st = hub_create(name, f, paths, NULL, c, out);
    if (st == HEARTH_OK && c->on_progress) c->on_progress(c->user, &(struct hub_progress){.stage = HUB_RETRYING, .note = note});
    return st;
}

/* ---- the adapter, which may be large ---- */

/* A blob of the store as *came says, or a file of the store on this computer: what a Modelfile's ADAPTER would say. */
static enum hearth_status get_adapter(const struct place *p, const struct manifest *m, const struct hub_callbacks *c, char **said, int *came)
{
    const char *digest = m->digest[ADAPTER];
    char source[1200], hex[65];
    *came = 0;
    if (!*digest) return HEARTH_OK;
    if (p->net) {
        snprintf(source, sizeof source, "ollama:%.900s/blobs/sha256:%s", p->base, digest);
        const struct remote_file f = {"the adapter", digest, source, "", "", "", NULL, m->size[ADAPTER], NULL, 0};
        TRY(remote_pull_blob(&f, c, came));
        return asprintf(said, "sha256:%s", digest) >= 0 ? HEARTH_OK : (*said = NULL, fail_memory(80));
    }
    if (asprintf(said, "%.1000s/blobs/sha256-%s", p->base, digest) < 0) return *said = NULL, fail_memory(1100);
    TRY(hub_digest_file(*said, c, hex, NULL));
    return strcmp(hex, digest) == 0 ? HEARTH_OK : fail(HEARTH_ECHECKSUM, "%s: its SHA-256 is %s: the file is damaged", *said, hex);
}

/* One that came for a model that was not made; the sentence is still why. */
static void drop_adapter(const char *digest)
{
    char *blob = NULL;
    int lock = -1, used = 1;
    char why[1024];
    snprintf(why, sizeof why, "%s", hearth_errmsg());
    if (store_blob_path(digest, &blob) == HEARTH_OK && store_lock(&lock) == HEARTH_OK) {
        if (store_in_use(digest, STORE_AS_ADAPTER, NULL, &used) == HEARTH_OK && !used) unlink(blob);
        store_unlock(lock);
    }
    free(blob);
    fail(HEARTH_EFORMAT, "%s", why);
}

static enum hearth_status derive(const char *name, const char *base, const struct place *p, const struct manifest *m, const struct hub_callbacks *c,
                                 struct hub_model *out)
{
    struct modelfile f = {.from = strdup(base)};
    int came = 0;
    enum hearth_status st = f.from ? get_parts(p, m, &f) : fail_memory(strlen(base) + 1);
    if (st == HEARTH_OK) st = get_adapter(p, m, c, &f.adapter, &came);
    if (st == HEARTH_OK) st = create(name, &f, p->net == NULL, c, out);
    if (st != HEARTH_OK && came) drop_adapter(m->digest[ADAPTER]);
    modelfile_free(&f);
    return st;
}

/* ---- a registry ---- */

/* "NAME[:TAG]" or "OWNER/NAME[:TAG]" as the registry's path, the tag, and a name for here. */
static enum hearth_status take_apart(const char *text, char path[200], char tag[100], char name[NAME_MAX_BYTES + 1])
{
    char plain[NAME_MAX_BYTES + 1];
    size_t slashes = 0;
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    if (strlen(text) > NAME_MAX_BYTES - 10) return fail(HEARTH_EUSAGE, "\"ollama:%.200s\": a name of %zu bytes, allowed: at most %d", text, strlen(text),
                                                        NAME_MAX_BYTES - 10);
    for (size_t i = 0; i <= strlen(text); i++) {
        plain[i] = text[i] == '/' ? '-' : text[i];
        slashes += text[i] == '/';
    }
    if (slashes > 1 || n == 0 || text[0] == '/' || text[n - 1] == '/' || strstr(text, "..") || (colon && strpbrk(colon + 1, ":/")) || (colon && !colon[1]))
        return fail(HEARTH_EUSAGE, "\"ollama:%.200s\": allowed is ollama:NAME, ollama:NAME:TAG or ollama:OWNER/NAME:TAG", text);
    TRY(name_canonical(plain, name));
    snprintf(path, 200, "%s%.*s", slashes ? "" : "library/", (int)n, text);
    snprintf(tag, 100, "%.90s", colon ? colon + 1 : "latest");
    return HEARTH_OK;
}

static enum hearth_status pull_layers(const char *endpoint, const char *path, const char *name, const struct place *p, const struct manifest *m,
                                      const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char source[1200], label[400], base[NAME_MAX_BYTES + 1];
    if (is_plain(m)) snprintf(base, sizeof base, "%s", name);
    else TRY(peer_name_for_file(m->digest[MODEL], base));
    snprintf(source, sizeof source, "ollama:%.900s/blobs/sha256:%s", p->base, m->digest[MODEL]);
    snprintf(label, sizeof label, "%.100s, as %.200s gives it out", path, endpoint);
    const struct remote_file f = {base, m->digest[MODEL], source, label, *m->digest[LICENCE] ? "see its licence layer" : "not stated", "", NULL, m->size[MODEL],
                                  NULL, 0};
    TRY(remote_pull(&f, c, out, fetched));
    if (is_plain(m)) return HEARTH_OK;
    hub_model_free(out);
    return derive(name, base, p, m, c, out);
}

enum hearth_status remote_pull_ollama(const char *text, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char path[200], tag[100], name[NAME_MAX_BYTES + 1], *endpoint = NULL, url[1300];
    struct place p = {0};
    struct fetch_page page = {0};
    struct manifest m;
    enum hearth_status st;
    TRY(take_apart(text, path, tag, name));
    TRY_GOTO(st, done, remote_endpoint(NULL, "ollama", "https://registry.ollama.ai", &endpoint));
    if (asprintf(&p.base, "%.500s/v2/%s", endpoint, path) < 0) {
        p.base = NULL;
        st = fail_memory(0);
        goto done;
    }
    TRY_GOTO(st, done, remote_open(endpoint, NULL, c, &p.net));
    snprintf(url, sizeof url, "%.900s/manifests/%s", p.base, tag);
    TRY_GOTO(st, done, fetch_page(p.net, url, "application/vnd.docker.distribution.manifest.v2+json", MANIFEST_MAX, &page));
    TRY_GOTO(st, done, read_manifest(url, page.body.data, page.body.len, &m));
    st = pull_layers(endpoint, path, name, &p, &m, c, out, fetched);
done:
    fetch_page_free(&page);
    fetch_close(p.net);
    free(p.base);
    free(endpoint);
    return st;
}

/* ---- a store on this computer ---- */

static enum hearth_status store_folder(char **out)
{
    const char *said = getenv("OLLAMA_MODELS"), *home = getenv("HOME");
    struct stat s;
    if (asprintf(out, "%s%s", said && *said ? said : home ? home : "", said && *said ? "" : "/.ollama/models") < 0) {
        *out = NULL;
        return fail_memory(0);
    }
    if (stat(*out, &s) == 0 && S_ISDIR(s.st_mode)) return HEARTH_OK;
    enum hearth_status st = fail(HEARTH_ENOTFOUND, "%s: no folder of Ollama's models; OLLAMA_MODELS says where it lies", *out);
    free(*out);
    *out = NULL;
    return st;
}

static enum hearth_status import_one(const struct place *p, const char *label, const char *text, const struct hub_callbacks *c,
                                     struct hub_model *out)
{
    char path[200], tag[100], name[NAME_MAX_BYTES + 1], base[NAME_MAX_BYTES + 1], blob[1200], *manifest = NULL;
    struct manifest m;
    size_t n = 0;
    TRY(take_apart(text, path, tag, name));
    TRY(os_read_file(label, MANIFEST_MAX, &manifest, &n));
    enum hearth_status st = read_manifest(label, manifest, n, &m);
    free(manifest);
    TRY(st);
    if (is_plain(&m)) snprintf(base, sizeof base, "%s", name);
    else TRY(peer_name_for_file(m.digest[MODEL], base));
    snprintf(blob, sizeof blob, "%.1000s/blobs/sha256-%s", p->base, m.digest[MODEL]);
    TRY(hub_import(blob, base, 0, c, out));
    if (strcmp(out->sha256, m.digest[MODEL]) != 0) {
        st = fail(HEARTH_ECHECKSUM, "%s: its SHA-256 is %s: the file is damaged", blob, out->sha256);
        hub_model_free(out);
        return st;
    }
    if (is_plain(&m)) return HEARTH_OK;
    hub_model_free(out);
    return derive(name, base, p, &m, c, out);
}

/* The entries of a folder, sorted; what begins with a dot is left out. */
static int entries(const char *folder, struct dirent ***out)
{
    int n = scandir(folder, out, NULL, alphasort);
    return n < 0 ? 0 : n;
}

static void entries_free(struct dirent **e, int n)
{
    for (int i = 0; i < n; i++) free(e[i]);
    if (n) free(e);
}

static enum hearth_status import_name(const struct place *p, const char *owner, const char *name, const struct hub_callbacks *c,
                                      void (*each)(void *user, const char *text, enum hearth_status st, const struct hub_model *m), void *user)
{
    char folder[1600], label[2000], text[300];
    struct dirent **tag;
    snprintf(folder, sizeof folder, "%.1000s/manifests/registry.ollama.ai/%.200s/%.200s", p->base, owner, name);
    int n = entries(folder, &tag), cancelled = 0;
    for (int i = 0; i < n && !cancelled; i++) {
        struct hub_model m = {0};
        if (tag[i]->d_name[0] == '.') continue;
        snprintf(label, sizeof label, "%.1500s/%.200s", folder, tag[i]->d_name);
        snprintf(text, sizeof text, "%.100s%s%.100s:%.90s", strcmp(owner, "library") ? owner : "", strcmp(owner, "library") ? "/" : "", name, tag[i]->d_name);
        enum hearth_status st = import_one(p, label, text, c, &m);
        cancelled = st == HEARTH_ECANCELLED;
        each(user, text, st, &m);
        if (st == HEARTH_OK) hub_model_free(&m);
    }
    entries_free(tag, n);
    return cancelled ? HEARTH_ECANCELLED : HEARTH_OK;
}

enum hearth_status hub_import_ollama(const struct hub_callbacks *c,
                                     void (*each)(void *user, const char *text, enum hearth_status st, const struct hub_model *m), void *user)
{
    struct place p = {0};
    char folder[1600];
    struct dirent **owner, **name;
    TRY(store_folder(&p.base));
    snprintf(folder, sizeof folder, "%.1000s/manifests/registry.ollama.ai", p.base);
    int n = entries(folder, &owner);
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; i < n && st == HEARTH_OK; i++) {
        if (owner[i]->d_name[0] == '.') continue;
        snprintf(folder, sizeof folder, "%.1000s/manifests/registry.ollama.ai/%.200s", p.base, owner[i]->d_name);
        int k = entries(folder, &name);
        for (int j = 0; j < k && st == HEARTH_OK; j++)
            if (name[j]->d_name[0] != '.') st = import_name(&p, owner[i]->d_name, name[j]->d_name, c, each, user);
        entries_free(name, k);
    }
    entries_free(owner, n);
    free(p.base);
    return st;
}

/* manage.c - listing, importing and removing models. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/catalogue.h"
#include "hub/modeldir.h"
#include "hub/partial.h"
#include "hub/pull.h"
#include "hub/resolve.h"
#include "hub/store.h"
#include "model/arch.h"
#include "model/folder.h"

/* ---- list ---- */

struct models { struct hub_model *m; size_t n, cap; };

static enum hearth_status add_stored(struct models *l, const char *name)
{
    struct hub_model m = {0};
    enum hearth_status st = store_read(name, &m);
    if (st == HEARTH_ENOTFOUND) return HEARTH_OK;          /* removed meanwhile */
    if (st == HEARTH_EFORMAT || st == HEARTH_ELIMIT)
        st = store_model(&m, HUB_BROKEN, 0,
                         (const struct store_text[]){{STORE_NAME, name}, {STORE_NOTE, hearth_errmsg()}, {STORE_END, NULL}});
    TRY(st);
    st = mem_grow(&l->m, &l->cap, l->n + 1, sizeof *l->m);
    if (st == HEARTH_OK) l->m[l->n++] = m;
    else hub_model_free(&m);
    return st;
}

static enum hearth_status add_catalogue(struct models *l)
{
    struct catalogue cat;
    enum hearth_status st = HEARTH_OK;
    TRY(catalogue_open(&cat));
    for (size_t i = 0; i < cat.n && st == HEARTH_OK; i++) {
        int known = 0;
        for (size_t k = 0; k < l->n && !known; k++) known = !strcmp(l->m[k].name, cat.model[i].name);
        if (known) continue;                               /* here already, or the person's own entry of that name */
        st = mem_grow(&l->m, &l->cap, l->n + 1, sizeof *l->m);
        if (st == HEARTH_OK) st = catalogue_describe(&cat.model[i], &l->m[l->n]);
        if (st == HEARTH_OK) l->n++;
    }
    catalogue_free(&cat);
    return st;
}

enum hearth_status hub_list(int all, struct hub_model **out, size_t *n)
{
    struct models l = {0};
    char **names = NULL;
    size_t n_names = 0;
    *out = NULL;
    *n = 0;
    enum hearth_status st = store_names(&names, &n_names);
    for (size_t i = 0; i < n_names && st == HEARTH_OK; i++) st = add_stored(&l, names[i]);
    if (st == HEARTH_OK && all) st = add_catalogue(&l);
    store_names_free(names, n_names);
    if (st != HEARTH_OK) {
        hub_models_free(l.m, l.n);
        return st;
    }
    *out = l.m;
    *n = l.n;
    return HEARTH_OK;
}

/* ---- import ---- */

struct facts { char *architecture, *licence, parameters[24]; const char *kind; };

static char *text_of(const struct gguf *g, const char *key)
{
    struct gguf_string s = {0};
    if (gguf_get_string(g, key, &s, NULL) != HEARTH_OK || !s.s || s.n > 200) return strdup("");
    for (uint64_t i = 0; i < s.n; i++)
        if ((unsigned char)s.s[i] < 0x20 || (unsigned char)s.s[i] >= 0x7f) return strdup("");
    return strndup(s.s, (size_t)s.n);
}

static void show_count(uint64_t n, char out[24])
{
    if (n < 1000000) snprintf(out, 24, "%" PRIu64, n);
    else if (n < 999500000) snprintf(out, 24, "%.0fM", (double)n / 1e6);
    else snprintf(out, 24, "%.1fB", (double)n / 1e9);
}

/* It makes embeddings, and no text. */
static int sees_both_sides(const struct gguf *g, const char *architecture)
{
    const struct arch *a = architecture ? arch_find(architecture, strlen(architecture)) : NULL;
    char key[160];
    bool causal = !a || !a->both_sides;
    snprintf(key, sizeof key, "%.100s.attention.causal", architecture ? architecture : "");
    return gguf_get_bool(g, key, &causal, NULL) == HEARTH_OK && !causal;
}

/* What the model says of itself; it must be whole. */
static enum hearth_status read_facts(const char *path, struct facts *out)
{
    struct gguf *g = NULL;
    uint64_t elements = 0;
    *out = (struct facts){0};
    TRY(model_file_open(path, 1, &g));
    for (uint64_t i = 0; i < g->n_tensors; i++)
        if (__builtin_add_overflow(elements, g->tensors[i].elements, &elements)) elements = UINT64_MAX;
    show_count(elements, out->parameters);
    out->architecture = text_of(g, "general.architecture");
    out->licence = text_of(g, "general.license");
    out->kind = sees_both_sides(g, out->architecture) ? "embedding" : gguf_find(g, "tokenizer.chat_template") ? "instruct" : "base";
    gguf_close(g);
    if (out->architecture && out->licence) return HEARTH_OK;
    free(out->architecture), free(out->licence);
    fail_memory(200);
    return HEARTH_ENOMEM;
}

/* A name that stands for something else is not taken over, nor one whose file the store keeps: that would lie there without a
 * name.  The same file may be imported again when it changed. */
static enum hearth_status check_name_free(const char *name, const char *path, const char *hex, int copy)
{
    struct hub_model old = {0};
    enum hearth_status st = store_read(name, &old);
    if (st == HEARTH_ENOTFOUND || st == HEARTH_EFORMAT) return HEARTH_OK;
    TRY(st);
    if (strcmp(old.sha256, hex) != 0 && strcmp(old.path, path) != 0)
        st = fail(HEARTH_EUSAGE, "the name %s stands for %.500s already; choose another with --name, or `hearth rm %s` first", name,
                  old.path, name);
    else if (!copy && old.place == HUB_STORED && access(old.path, F_OK) == 0)
        st = fail(HEARTH_EUSAGE, "the store has %s already, the same to the byte; choose another name with --name, or `hearth rm %s` "
                  "first", name, name);
    hub_model_free(&old);
    return st;
}

/* A copy under its digest.  FICLONE shares the blocks of the original until one of the two is written to; a file system
 * that cannot do that gets the bytes.  The digest is taken of the copy. */
static enum hearth_status copy_file(const char *path, const char *hex, uint64_t size, const struct hub_callbacks *c, const char *name,
                                    const char *blob)
{
    struct partial *part = NULL;
    struct partial_place at = {0};
    struct mapping map;
    char window[1];
    size_t n = 0;
    TRY(os_map(path, &map));
    enum hearth_status st = partial_open(hex, size, c, &part);
    if (st == HEARTH_OK && partial_clone(part, map.fd) && partial_length(part) == size) at.base = size;
    if (st == HEARTH_OK) st = partial_begin(part, path, &at, window, &n);
    for (size_t done = (size_t)at.base; st == HEARTH_OK && done < map.size; done += n) {
        n = map.size - done < (1u << 20) ? map.size - done : 1u << 20;
        st = partial_put(part, (const char *)map.data + done, n);
    }
    if (st == HEARTH_OK) st = partial_finish(part, name, blob);
    partial_close(part, st != HEARTH_OK);
    os_unmap(&map);
    return st;
}

enum hearth_status resolve_describe(const char *path, const char *name, int stored, uint64_t size, const struct hub_callbacks *c,
                                    struct hub_model *out)
{
    char hex[65], now[24], *blob = NULL;
    struct facts f;
    enum hearth_status st;
    TRY(read_facts(path, &f));
    TRY_GOTO(st, done, hub_digest(path, c, hex, NULL));
    TRY_GOTO(st, done, store_blob_path(hex, &blob));
    name_now(now);
    st = store_model(out, stored ? HUB_STORED : HUB_IN_PLACE, size,
                     (const struct store_text[]){{STORE_NAME, name}, {STORE_SHA256, hex}, {STORE_KIND, f.kind},
                                                 {STORE_ARCHITECTURE, f.architecture}, {STORE_LICENCE, f.licence},
                                                 {STORE_PARAMETERS, f.parameters}, {STORE_ADDED, now},
                                                 {STORE_PATH, stored ? blob : path}, {STORE_END, NULL}});
done:
    free(f.architecture), free(f.licence);
    free(blob);
    return st;
}

static enum hearth_status import_file(const char *path, const char *name, int copy, const struct hub_callbacks *c, uint64_t size,
                                      struct hub_model *out)
{
    int lock = -1;
    struct stat s;
    if (copy && modeldir_is(path))
        return fail(HEARTH_EUSAGE, "%s: the store keeps single files; use it where it lies (without --copy), or make a file of it: `hearth "
                    "convert %s -o FILE.gguf`", path, path);
    TRY(resolve_describe(path, name, copy, size, c, out));
    enum hearth_status st = check_name_free(name, path, out->sha256, copy);
    if (st == HEARTH_OK) st = store_make();
    if (st == HEARTH_OK && copy && !(stat(out->path, &s) == 0 && (uint64_t)s.st_size == size))
        st = copy_file(path, out->sha256, size, c, name, out->path);
    if (st == HEARTH_OK) st = store_lock(&lock);
    if (st == HEARTH_OK) st = store_write(out);
    store_unlock(lock);
    if (st != HEARTH_OK) hub_model_free(out);
    return st;
}

enum hearth_status hub_import(const char *path, const char *name, int copy, const struct hub_callbacks *c, struct hub_model *out)
{
    static const struct hub_callbacks nobody;
    char plain[NAME_MAX_BYTES + 1], *file = NULL;
    uint64_t size = 0;
    *out = (struct hub_model){0};
    if (name) TRY(name_canonical(name, plain));
    TRY(resolve_path(path, &file, &size));
    enum hearth_status st = name ? HEARTH_OK : name_from_file(file, plain);
    char *real = st == HEARTH_OK ? realpath(file, NULL) : NULL;
    if (st == HEARTH_OK && !real) st = fail_errno(file, "cannot find its place");
    else if (st == HEARTH_OK) st = import_file(real, plain, copy, c ? c : &nobody, size, out);
    free(real);
    free(file);
    return st;
}

/* ---- remove ---- */

void hub_removed_free(struct hub_removed *r)
{
    free(r->name), free(r->kept);
    *r = (struct hub_removed){0};
}

/* Deletes what the store has of a digest, a file or a folder of them, and counts what that frees. */
static enum hearth_status delete_file(enum hearth_status (*place)(const char *sha256, char **out), const char *sha256, uint64_t *freed)
{
    char *path = NULL;
    TRY(place(sha256, &path));
    enum hearth_status st = store_remove_all(path, freed);
    free(path);
    return st;
}

static enum hearth_status remove_entry(const char *name, struct hub_removed *out)
{
    struct hub_model m = {0};
    int used = 1, mixed = 1, worn = 1;
    enum hearth_status st = store_read(name, &m);
    if (st == HEARTH_EFORMAT) return store_forget(name);   /* damaged: whatever it stood for stays */
    TRY(st);
    if (m.place == HUB_STORED) TRY_GOTO(st, done, store_in_use(m.sha256, STORE_AS_FILE, name, &used));
    if (*m.recipe) TRY_GOTO(st, done, store_in_use(m.recipe, STORE_AS_RECIPE, name, &mixed));
    if (*m.adapter) TRY_GOTO(st, done, store_in_use(m.adapter, STORE_AS_ADAPTER, name, &worn));
    TRY_GOTO(st, done, store_forget(name));
    if (m.place == HUB_IN_PLACE && !(out->kept = strdup(m.path))) st = fail_memory(strlen(m.path) + 1);
    if (!used) st = delete_file(store_blob_path, m.sha256, &out->freed);
    if (st == HEARTH_OK && !mixed) st = delete_file(store_recipe_path, m.recipe, &out->freed);
    if (st == HEARTH_OK && !worn) st = delete_file(store_blob_path, m.adapter, &out->freed);
done:
    hub_model_free(&m);
    return st;
}

/* Somebody else has the partial file. */
static void note_waiting(void *user, const struct hub_progress *p)
{
    if (p->stage == HUB_WAITING) *(volatile int *)user = 1;
}

/* The same of a model in several files.  *is: it is one. */
static enum hearth_status remove_unfinished_files(const char *name, struct hub_removed *out, int *is)
{
    struct catalogue cat;
    TRY(catalogue_open(&cat));
    const struct catalogue_model *m = catalogue_find(&cat, name);
    *is = m && m->files;
    enum hearth_status st = *is ? pull_files_forget(m, &out->freed) : HEARTH_OK;
    if (st == HEARTH_OK && *is && out->freed) {
        out->unfinished = 1;
        if (!(out->name = strdup(m->name))) st = fail_memory(strlen(m->name) + 1);
    } else if (st == HEARTH_OK && *is) st = resolve_unknown(name, 0, NULL);
    catalogue_free(&cat);
    return st;
}

/* No entry, and the catalogue has the name: perhaps a pull was broken off. */
static enum hearth_status remove_unfinished(const char *name, struct hub_removed *out)
{
    static const char *const suffix[] = {".part", ".state", ".zip"};
    struct hub_model m = {0};
    struct partial *part = NULL;
    char *path[3] = {0};
    struct stat s;
    int several = 0;
    TRY(remove_unfinished_files(name, out, &several));
    if (several) return HEARTH_OK;
    enum hearth_status st = resolve_unknown(name, 0, &m);
    if (!m.sha256) return st;
    for (int i = 0; i < 3; i++) {
        TRY_GOTO(st, done, store_part_path(m.sha256, suffix[i], &path[i]));
        if (lstat(path[i], &s) == 0 && S_ISREG(s.st_mode)) out->unfinished = 1, out->freed += (uint64_t)s.st_size;
    }
    if (!out->unfinished) st = resolve_unknown(name, 0, NULL);
    else {
        volatile int busy = 0;
        struct hub_callbacks c = {.on_progress = note_waiting, .user = (void *)&busy, .cancel = &busy};
        st = partial_open(m.sha256, m.size, &c, &part);
        if (busy) st = fail(HEARTH_EIO, "%s is being pulled by another process just now; end that one first", m.name);
        TRY_GOTO(st, done, st);
        partial_close(part, 1);
        free(out->name);
        out->name = strdup(m.name);
        if (!out->name) st = fail_memory(strlen(m.name) + 1);
    }
done:
    for (int i = 0; i < 3; i++) free(path[i]);
    hub_model_free(&m);
    return st;
}

enum hearth_status hub_remove(const char *name, struct hub_removed *out)
{
    char real[NAME_MAX_BYTES + 1];
    struct hub_model m = {0};
    int lock = -1;
    *out = (struct hub_removed){0};
    enum hearth_status st = resolve_stored(name, real, &m);
    hub_model_free(&m);
    if (st == HEARTH_ENOTFOUND) st = remove_unfinished(real, out);
    else if (st == HEARTH_OK || st == HEARTH_EFORMAT) {
        st = store_lock(&lock);
        if (st == HEARTH_OK) st = remove_entry(real, out);
        store_unlock(lock);
        if (st == HEARTH_OK && !out->name && !(out->name = strdup(real))) st = fail_memory(strlen(real) + 1);
    }
    if (st == HEARTH_OK && !out->kept && !(out->kept = strdup(""))) st = fail_memory(1);
    if (st != HEARTH_OK) hub_removed_free(out);
    return st;
}

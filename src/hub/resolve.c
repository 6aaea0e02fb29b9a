/* resolve.c - MODEL on a command line: a name, a file, or a folder.
 *
 *     has a '/'?  ---yes---> a path
 *        no: a name of the store, or an alias of one?  ---yes---> its file
 *               no: is there such a file or folder here?  ---yes---> a path
 *                      no: in the catalogue?  ---yes---> "pull it";  no: "did you mean ..."
 *
 * A path is looked at with the person's own rights and nothing more, so what the message says they could have seen with ls.
 * Words that strangers send go through hub_resolve_name() and never become a path. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/gguf.h"
#include "hub/catalogue.h"
#include "hub/confine.h"
#include "hub/modeldir.h"
#include "hub/resolve.h"
#include "hub/store.h"

/* ---- paths ---- */

static int ends_with_gguf(const char *s)
{
    size_t n = strlen(s);
    return n > 5 && !strcasecmp(s + n - 5, ".gguf");
}

/* The one .gguf of a folder; of several the message names the first few.  Without any, the folder itself where it has a config.json. */
static enum hearth_status look_into_folder(const char *path, char **out)
{
    struct dirent **entry = NULL;
    struct buf names = {0};
    enum hearth_status st = HEARTH_OK;
    const char *only = NULL;
    size_t count = 0;
    int n = scandir(path, &entry, NULL, alphasort);
    if (n < 0) return fail_errno(path, "cannot read the folder");
    for (int i = 0; i < n; i++) {
        unsigned no, of;
        if (!ends_with_gguf(entry[i]->d_name) || entry[i]->d_name[0] == '.') continue;
        if (gguf_piece(entry[i]->d_name, &no, &of) && no > 1) continue;            /* the first leads to it */
        if (count++ == 0) only = entry[i]->d_name;
        if (count <= 5 && st == HEARTH_OK) st = buf_printf(&names, "%s%s", count > 1 ? ", " : "", entry[i]->d_name);
    }
    if (st == HEARTH_OK && count == 0 && modeldir_is(path)) st = (*out = strdup(path)) ? HEARTH_OK : fail_memory(strlen(path) + 1);
    else if (st == HEARTH_OK && count == 0)
        st = fail(HEARTH_ENOTFOUND, "%s: no .gguf file in this folder, and no config.json with safetensors either", path);
    else if (st == HEARTH_OK && count > 1)
        st = fail(HEARTH_EUSAGE, "%s: %zu .gguf files in this folder (%s%s); say which one", path, count, names.data,
                  count > 5 ? ", ..." : "");
    else if (st == HEARTH_OK && asprintf(out, "%s/%s", path, only) < 0) {
        *out = NULL;
        fail_memory(strlen(path) + strlen(only) + 2);
        st = HEARTH_ENOMEM;
    }
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    buf_free(&names);
    return st;
}

enum hearth_status resolve_path(const char *path, char **out, uint64_t *size)
{
    struct stat s;
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    if (stat(path, &s) != 0) return fail_errno(path, "cannot open");
    if (S_ISDIR(s.st_mode)) {
        TRY(look_into_folder(path, out));
        if (!*out || stat(*out, &s) != 0) st = fail_errno(path, "cannot open its .gguf file");
        else if (S_ISDIR(s.st_mode) && (st = modeldir_size(*out, size)) == HEARTH_OK) return HEARTH_OK;
    } else if (!(*out = strdup(path))) return fail_memory(strlen(path) + 1);
    if (st == HEARTH_OK && !S_ISREG(s.st_mode))
        st = fail(HEARTH_EFORMAT, "%s: not a regular file, so not a model; allowed are a name, a .gguf file, or a folder with one", *out);
    if (st == HEARTH_OK) *size = (uint64_t)s.st_size;
    if (st == HEARTH_OK && modeldir_is(*out)) st = modeldir_size(*out, size);
    if (st != HEARTH_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

static enum hearth_status by_path(const char *model, char **path, struct hub_model *about)
{
    uint64_t size = 0;
    TRY(resolve_path(model, path, &size));
    enum hearth_status st = about ? store_model(about, HUB_IN_PLACE, size,
                                                (const struct store_text[]){{STORE_PATH, *path}, {STORE_END, NULL}})
                                  : HEARTH_OK;
    if (st == HEARTH_OK) return st;
    free(*path);
    *path = NULL;
    return st;
}

/* ---- names ---- */

/* The file of an entry must be there and be what it was. */
static enum hearth_status check_file(const struct hub_model *m)
{
    struct stat s;
    char hex[65];
    if (stat(m->path, &s) != 0 || !(S_ISREG(s.st_mode) || modeldir_is(m->path))) {
        if (m->place == HUB_STORED)
            return fail(HEARTH_ENOTFOUND, "%s: its file is missing from the store (%s); pull it again", m->name, m->path);
        return fail(HEARTH_ENOTFOUND, "%s: the file it was imported from is gone (%s); bring it back, or `hearth rm %s`", m->name, m->path,
                    m->name);
    }
    if (m->place == HUB_STORED) {
        uint64_t size = (uint64_t)s.st_size;
        if (modeldir_is(m->path)) TRY(modeldir_size(m->path, &size));
        if (size == m->size) return HEARTH_OK;
        return fail(HEARTH_ECHECKSUM, "%s: its file in the store (%s) has %lld bytes; it had %llu: `hearth rm %s` and pull it again", m->name,
                    m->path, (long long)size, (unsigned long long)m->size, m->name);
    }
    int fd = hub_is_confined() ? open(m->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 && hub_is_confined() && errno == EACCES)
        return fail(HEARTH_ENOTFOUND, "%s was imported from elsewhere after this server gave up seeing files elsewhere; it is there when the "
                                      "server has been started again", m->name);
    if (fd >= 0) close(fd);
    TRY(hub_digest(m->path, NULL, hex, NULL));
    if (!strcmp(hex, m->sha256)) return HEARTH_OK;
    return fail(HEARTH_ECHECKSUM, "%s: the file it was imported from (%s) has changed since; to use it as it is now: `hearth import %s "
                "--name %s`", m->name, m->path, m->path, m->name);
}

enum hearth_status resolve_stored(const char *name, char real[NAME_MAX_BYTES + 1], struct hub_model *out)
{
    struct catalogue cat;
    TRY(name_canonical(name, real));
    enum hearth_status st = store_read(real, out);
    if (st != HEARTH_ENOTFOUND) return st;
    TRY(catalogue_open(&cat));
    const struct catalogue_model *m = catalogue_find(&cat, real);
    st = HEARTH_ENOTFOUND;
    if (m && strcmp(m->name, real) != 0) {
        memcpy(real, m->name, strlen(m->name) + 1);
        st = store_read(real, out);
    }
    catalogue_free(&cat);
    return st;
}

enum hearth_status resolve_unknown(const char *name, int or_path, struct hub_model *about)
{
    struct catalogue cat;
    char **names = NULL, text[512];
    size_t n = 0;
    struct name_near near = {.word = name};
    TRY(catalogue_open(&cat));
    const struct catalogue_model *m = catalogue_find(&cat, name);
    enum hearth_status st = HEARTH_OK;
    if (m) {
        if (about) st = catalogue_describe(m, about);
        if (st == HEARTH_OK)
            st = fail(HEARTH_ENOTFOUND, "%s is in the catalogue and not on this computer yet: `hearth pull %s`", m->name, m->name);
    } else {
        catalogue_near(&cat, &near);
        st = store_names(&names, &n);
        for (size_t i = 0; i < n; i++) name_near_add(&near, names[i]);
        store_names_free(names, n);
        if (st == HEARTH_OK)
            st = fail(HEARTH_ENOTFOUND, "no model is called \"%s\"%s (%s)", name, name_near_text(&near, text),
                      or_path ? "`hearth list --all` shows the names; a file is given with its path" : "`hearth list`, or /v1/models of a server, shows those that are here");
    }
    catalogue_free(&cat);
    return st;
}

static enum hearth_status found(struct hub_model *m, char **path, struct hub_model *about)
{
    enum hearth_status st = check_file(m);
    if (st == HEARTH_OK && !(*path = strdup(m->path))) st = fail_memory(strlen(m->path) + 1);
    if (st == HEARTH_OK && about) *about = *m;
    else hub_model_free(m);
    return st;
}

static enum hearth_status by_name(const char *model, int or_path, char **path, struct hub_model *about)
{
    char name[NAME_MAX_BYTES + 1];
    struct hub_model m = {0};
    struct stat s;
    enum hearth_status st = resolve_stored(model, name, &m);
    if (st == HEARTH_OK) return found(&m, path, about);
    int missing = st == HEARTH_ENOTFOUND || st == HEARTH_EUSAGE;
    if (missing && or_path && stat(model, &s) == 0) return by_path(model, path, about);
    return st == HEARTH_ENOTFOUND ? resolve_unknown(name, or_path, about) : st;
}

enum hearth_status hub_resolve(const char *model, char **path, struct hub_model *about)
{
    *path = NULL;
    if (about) *about = (struct hub_model){0};
    if (!*model) return fail(HEARTH_EUSAGE, "the model's name is empty; allowed are a name, a .gguf file, or a folder with one");
    return strchr(model, '/') ? by_path(model, path, about) : by_name(model, 1, path, about);
}

enum hearth_status hub_resolve_name(const char *name, char **path, struct hub_model *about)
{
    *path = NULL;
    if (about) *about = (struct hub_model){0};
    return by_name(name, 0, path, about);
}

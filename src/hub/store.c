/* store.c - the folder of models. */
#include "hub/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/ini.h"
#include "hub/modeldir.h"
#include "os/os.h"

/* ---- struct hub_model: one row a text, in the order in which a name's file has them ---- */

static const struct { const char *key; size_t offset; } fields[] = {
    [STORE_NAME] = {"name", offsetof(struct hub_model, name)},
    [STORE_SHA256] = {"sha256", offsetof(struct hub_model, sha256)},
    [STORE_ARCHITECTURE] = {"architecture", offsetof(struct hub_model, architecture)},
    [STORE_PARAMETERS] = {"parameters", offsetof(struct hub_model, parameters)},
    [STORE_KIND] = {"kind", offsetof(struct hub_model, kind)},
    [STORE_LICENCE] = {"licence", offsetof(struct hub_model, licence)},
    [STORE_GOOD_AT] = {"good-at", offsetof(struct hub_model, good_at)},
    [STORE_NOTE] = {"note", offsetof(struct hub_model, note)},
    [STORE_SOURCE] = {"source", offsetof(struct hub_model, source)},
    [STORE_LABEL] = {"label", offsetof(struct hub_model, label)},
    [STORE_ADDED] = {"added", offsetof(struct hub_model, added)},
    [STORE_ACCEPTED] = {"accepted", offsetof(struct hub_model, accepted)},
    [STORE_PARENT] = {"parent", offsetof(struct hub_model, parent)},
    [STORE_RECIPE] = {"recipe", offsetof(struct hub_model, recipe)},
    [STORE_ADAPTER] = {"adapter", offsetof(struct hub_model, adapter)},
    [STORE_FILE] = {"file", offsetof(struct hub_model, file)},
    [STORE_PATH] = {"path", offsetof(struct hub_model, path)},
};

static char **field_of(struct hub_model *m, int i)
{
    return (char **)(void *)((char *)m + fields[i].offset);
}

enum hearth_status store_set(struct hub_model *m, enum store_field field, const char *text)
{
    char *copy = strdup(text);
    if (!copy) return fail_memory(strlen(text) + 1);
    free(*field_of(m, field));
    *field_of(m, field) = copy;
    return HEARTH_OK;
}

enum hearth_status store_model(struct hub_model *out, enum hub_place place, uint64_t size, const struct store_text *texts)
{
    *out = (struct hub_model){.size = size, .place = place};
    enum hearth_status st = HEARTH_OK;
    for (; texts->field != STORE_END && st == HEARTH_OK; texts++) st = store_set(out, texts->field, texts->text);
    for (int i = 0; i < STORE_END && st == HEARTH_OK; i++)
        if (!*field_of(out, i)) st = store_set(out, (enum store_field)i, "");
    if (st != HEARTH_OK) hub_model_free(out);
    return st;
}

void hub_model_free(struct hub_model *m)
{
    for (int i = 0; i < STORE_END; i++) free(*field_of(m, i));
    *m = (struct hub_model){0};
}

void hub_models_free(struct hub_model *m, size_t n)
{
    for (size_t i = 0; m && i < n; i++) hub_model_free(&m[i]);
    free(m);
}

/* ---- files ---- */

static enum hearth_status digest_path(const char *folder, const char *sha256, const char *suffix, char **out)
{
    struct buf b = {0};
    *out = NULL;
    if (!name_is_digest(sha256))
        return fail(HEARTH_EFORMAT, "\"%.80s\" is no SHA-256 digest: allowed are exactly 64 lower-case hex digits", sha256);
    TRY(buf_printf(&b, "%s/sha256-%s%s", folder, sha256, suffix));
    enum hearth_status st = hub_path(HUB_MODELS, b.data, out);
    buf_free(&b);
    return st;
}

enum hearth_status store_blob_path(const char *sha256, char **out)
{
    return digest_path("blobs", sha256, "", out);
}

enum hearth_status store_recipe_path(const char *sha256, char **out)
{
    return digest_path("recipes", sha256, ".json", out);
}

enum hearth_status store_part_path(const char *sha256, const char *suffix, char **out)
{
    return digest_path("partial", sha256, suffix, out);
}

/* fd: of the folder that `name` is in. */
static enum hearth_status remove_at(int fd, const char *name, const char *shown, int depth, uint64_t *freed)
{
    struct stat s;
    if (fstatat(fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? HEARTH_OK : fail_errno(shown, "cannot look at");
    if (!S_ISDIR(s.st_mode)) {
        if (unlinkat(fd, name, 0) != 0) return fail_errno(shown, "cannot remove");
        *freed += s.st_nlink == 1 && S_ISREG(s.st_mode) ? (uint64_t)s.st_size : 0;
        return HEARTH_OK;
    }
    if (depth == 0) return fail(HEARTH_ELIMIT, "%s: folders in folders, deeper than any model's; nothing more was removed", shown);
    int in = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = in < 0 ? NULL : fdopendir(in);
    if (!d) {
        enum hearth_status st = fail_errno(shown, "cannot read the folder");
        if (in >= 0) close(in);
        return st;
    }
    enum hearth_status st = HEARTH_OK;
    for (struct dirent *e; st == HEARTH_OK && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) st = remove_at(in, e->d_name, shown, depth - 1, freed);
    closedir(d);
    if (st == HEARTH_OK && unlinkat(fd, name, AT_REMOVEDIR) != 0) st = fail_errno(shown, "cannot remove");
    return st;
}

enum hearth_status store_remove_all(const char *path, uint64_t *freed)
{
    return remove_at(AT_FDCWD, path, path, 3, freed);
}

enum hearth_status store_make(void)
{
    static const char *const folder[] = {"blobs", "names", "partial", "recipes"};
    for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
        char *path = NULL;
        TRY(hub_path(HUB_MODELS, folder[i], &path));
        enum hearth_status st = os_mkdirs(path);
        free(path);
        TRY(st);
    }
    return HEARTH_OK;
}

/* The lock is on the folder itself, so that no file is left behind. */
enum hearth_status store_lock(int *fd)
{
    char *path = NULL;
    enum hearth_status st = HEARTH_OK;
    int got;
    *fd = -1;
    TRY(hub_path(HUB_MODELS, "names", &path));
    int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        st = fail_errno(path, "cannot open the folder");
        goto done;
    }
    while ((got = flock(at, LOCK_EX)) != 0 && errno == EINTR) {}
    if (got == 0) {
        *fd = at;
        goto done;
    }
    st = fail_errno(path, "cannot lock the folder");
    close(at);
done:
    free(path);
    return st;
}

void store_unlock(int fd)
{
    if (fd >= 0) close(fd);
}

/* ---- names ---- */

/* names/NAME.ini; ':' is not allowed in the file names of a USB stick, '=' is and is in no name. */
static enum hearth_status name_path(const char *name, char **out)
{
    char file[NAME_MAX_BYTES + 16] = "names/";
    char *p = file + strlen(file);
    if (strlen(name) > NAME_MAX_BYTES) return fail(HEARTH_EINTERNAL, "a name that was not checked: %.80s", name);
    for (; *name; name++) *p++ = *name == ':' ? '=' : *name;
    memcpy(p, ".ini", 5);
    return hub_path(HUB_MODELS, file, out);
}

/* Of a model in pieces: the folder becomes the path of the piece that leads to the others. */
static enum hearth_status put_file_behind(const struct ini *f, const char *file, char **path)
{
    char *whole = NULL;
    if (strchr(file, '/') || !modeldir_takes(file)) return fail(HEARTH_EFORMAT, "%s: [model] file is \"%.80s\"; allowed is the name of a piece", f->label, file);
    if (asprintf(&whole, "%s/%s", *path, file) < 0) return fail_memory(strlen(*path) + strlen(file) + 2);
    free(*path);
    *path = whole;
    return HEARTH_OK;
}

static enum hearth_status model_from(const struct ini *f, const char *name, struct hub_model *out)
{
    struct store_text texts[STORE_END + 1];
    uint64_t size = 0;
    int n = 0;
    TRY(ini_number(f, "model", "size", INT64_MAX, &size));
    for (int i = 0; i < STORE_END; i++) {
        const char *value = ini_get(f, "model", fields[i].key);
        if (value) texts[n++] = (struct store_text){(enum store_field)i, value};
    }
    texts[n].field = STORE_END;
    TRY(store_model(out, HUB_IN_PLACE, size, texts));
    enum hearth_status st = HEARTH_OK;
    if (strcmp(out->name, name) != 0)
        st = fail(HEARTH_EFORMAT, "%s: [model] name is \"%.80s\"; the file's own name says \"%s\"", f->label, out->name, name);
    else if (!name_is_digest(out->sha256))
        st = fail(HEARTH_EFORMAT, "%s: [model] sha256 is \"%.80s\"; allowed are exactly 64 lower-case hex digits", f->label,
                  out->sha256);
    else if (*out->recipe && !name_is_digest(out->recipe))
        st = fail(HEARTH_EFORMAT, "%s: [model] recipe is \"%.80s\"; allowed are exactly 64 lower-case hex digits", f->label, out->recipe);
    else if (*out->adapter && !name_is_digest(out->adapter))
        st = fail(HEARTH_EFORMAT, "%s: [model] adapter is \"%.80s\"; allowed are exactly 64 lower-case hex digits", f->label, out->adapter);
    char *path = NULL;
    if (st == HEARTH_OK && *out->path) {
        path = ini_path_decode(out->path);
        if (!path) st = HEARTH_ENOMEM;
    } else if (st == HEARTH_OK) {
        out->place = HUB_STORED;
        st = store_blob_path(out->sha256, &path);
        if (st == HEARTH_OK && *out->file) st = put_file_behind(f, out->file, &path);
    }
    if (st == HEARTH_OK) {
        free(out->path);
        out->path = path;
        return HEARTH_OK;
    }
    free(path);
    hub_model_free(out);
    return st;
}

enum hearth_status store_read(const char *name, struct hub_model *out)
{
    struct ini f = {0};
    char *path = NULL;
    *out = (struct hub_model){0};
    TRY(name_path(name, &path));
    enum hearth_status st = ini_read(path, &f);
    free(path);
    TRY(st);
    st = model_from(&f, name, out);
    ini_free(&f);
    return st;
}

enum hearth_status store_write(const struct hub_model *m)
{
    struct buf b = {0};
    struct hub_model *model = (struct hub_model *)m;      /* field_of serves readers and writers */
    char *path = NULL, *where = ini_path_encode(m->path);
    enum hearth_status st = where ? HEARTH_OK : HEARTH_ENOMEM;
    TRY_GOTO(st, done, st);
    TRY_GOTO(st, done, buf_puts(&b, "# written by hearth\n[model]\n"));
    for (int i = 0; i < STORE_END; i++) {
        if (i != STORE_PATH) TRY_GOTO(st, done, ini_put(&b, fields[i].key, *field_of(model, i)));
        else if (m->place == HUB_IN_PLACE) TRY_GOTO(st, done, ini_put(&b, "path", where));
    }
    TRY_GOTO(st, done, ini_put_number(&b, "size", m->size));
    TRY_GOTO(st, done, name_path(m->name, &path));
    st = ini_write(path, &b);
done:
    buf_free(&b);
    free(path);
    free(where);
    return st;
}

enum hearth_status store_forget(const char *name)
{
    char *path = NULL;
    TRY(name_path(name, &path));
    enum hearth_status st = unlink(path) == 0 ? HEARTH_OK : fail_errno(path, "cannot remove");
    free(path);
    return st;
}

/* The name that a file of the folder stands for, or NULL. */
static char *name_of_file(const char *file)
{
    char plain[NAME_MAX_BYTES + 1], name[NAME_MAX_BYTES + 1];
    size_t n = strlen(file);
    if (n < 5 || n - 4 > NAME_MAX_BYTES || strcmp(file + n - 4, ".ini") != 0) return NULL;
    for (size_t i = 0; i < n - 4; i++) plain[i] = file[i] == '=' ? ':' : file[i];
    plain[n - 4] = '\0';
    if (name_canonical(plain, name) != HEARTH_OK || strcmp(plain, name) != 0) return NULL;
    return strdup(name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum hearth_status store_names(char ***out, size_t *n)
{
    char *folder = NULL;
    size_t cap = 0;
    enum hearth_status st = HEARTH_OK;
    *out = NULL;
    *n = 0;
    TRY(hub_path(HUB_MODELS, "names", &folder));
    DIR *d = opendir(folder);
    if (!d && errno != ENOENT) st = fail_errno(folder, "cannot read the folder");
    for (struct dirent *e; d && st == HEARTH_OK && (e = readdir(d));) {
        char *name = name_of_file(e->d_name);
        if (!name) continue;
        st = mem_grow(out, &cap, *n + 1, sizeof **out);
        if (st == HEARTH_OK) (*out)[(*n)++] = name;
        else free(name);
    }
    if (d) closedir(d);
    free(folder);
    if (st != HEARTH_OK) {
        store_names_free(*out, *n);
        *out = NULL;
        *n = 0;
    } else if (*n) qsort(*out, *n, sizeof **out, by_name);
    return st;
}

void store_names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}

static int stands_for(const struct hub_model *m, const char *sha256, enum store_use use)
{
    if (use == STORE_AS_FILE) return m->place == HUB_STORED && !strcmp(m->sha256, sha256);
    return !strcmp(use == STORE_AS_RECIPE ? m->recipe : m->adapter, sha256);
}

enum hearth_status store_in_use(const char *sha256, enum store_use use, const char *but, int *out)
{
    char **names = NULL;
    size_t n = 0;
    *out = 0;
    TRY(store_names(&names, &n));
    for (size_t i = 0; i < n && !*out; i++) {
        struct hub_model m = {0};
        if (but && !strcmp(names[i], but)) continue;
        if (store_read(names[i], &m) != HEARTH_OK) *out = 1;          /* who knows what it stood for: keep the file */
        else *out = stands_for(&m, sha256, use);
        hub_model_free(&m);
    }
    store_names_free(names, n);
    return HEARTH_OK;
}

/* ---- licences.ini: [licence] when = 2026-11-22T07:40:00Z ---- */

enum hearth_status store_accepted(const char *licence, char when[24])
{
    struct ini f = {0};
    char *path = NULL;
    when[0] = '\0';
    TRY(hub_path(HUB_MODELS, "licences.ini", &path));
    enum hearth_status st = ini_read(path, &f);
    free(path);
    if (st == HEARTH_ENOTFOUND) return HEARTH_OK;
    TRY(st);
    const char *value = ini_get(&f, licence, "accepted");
    if (value && strlen(value) < 24) memcpy(when, value, strlen(value) + 1);
    ini_free(&f);
    return HEARTH_OK;
}

enum hearth_status store_accept(const char *licence, const char *when)
{
    struct buf b = {0};
    char *path = NULL, *old = NULL;
    size_t n = 0;
    enum hearth_status st;
    TRY(hub_path(HUB_MODELS, "licences.ini", &path));
    st = os_read_file(path, 1 << 20, &old, &n);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) goto done;
    TRY_GOTO(st, done, buf_put(&b, old, n));
    TRY_GOTO(st, done, buf_printf(&b, "[%s]\naccepted = %s\n", licence, when));
    st = ini_write(path, &b);
done:
    buf_free(&b);
    free(old);
    free(path);
    return st;
}

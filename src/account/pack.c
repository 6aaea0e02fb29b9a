/* pack.c - see pack.h.  Zips are read with hub/archive.h, which refuses what no pack holds. */
#include "account/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/archive.h"
#include "hub/ini.h"
#include "os/os.h"

enum hearth_status pack_add(struct pack *p, const char *name, struct buf *b)
{
    struct pack_file *f = &p->file[p->n];
    if (p->n == PACK_FILES || strlen(name) >= sizeof f->name)
        return fail(HEARTH_EFORMAT, "%s: the file %.80s is one too many, or its name too long; allowed are %d files with names below %d bytes",
                    p->label ? p->label : "a pack", name, PACK_FILES, PACK_NAME);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->data = buf_take(b, &f->n);
    if (!f->data) return HEARTH_ENOMEM;
    p->n++;
    return HEARTH_OK;
}

const struct pack_file *pack_find(const struct pack *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) if (strcmp(p->file[i].name, name) == 0) return &p->file[i];
    return NULL;
}

void pack_free(struct pack *p)
{
    for (size_t i = 0; i < p->n; i++) free(p->file[i].data);
    p->n = 0;
}

static int is_zip(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcasecmp(path + n - 4, ".zip") == 0;
}

/* ---- folders ---- */

static enum hearth_status must_be_empty(const char *path)
{
    int others = 0;
    DIR *d = opendir(path);
    if (!d && errno == ENOENT) return os_mkdirs(path);
    if (!d) return fail_errno(path, "cannot open the folder");
    for (struct dirent *e; (e = readdir(d));) others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return others ? fail(HEARTH_EUSAGE, "%s: the folder is not empty; a pack goes into a new one", path) : HEARTH_OK;
}

static char *inside(const char *folder, const char *name)
{
    struct buf b = {0};
    return buf_printf(&b, "%s/%s", folder, name) == HEARTH_OK ? buf_take(&b, NULL) : NULL;
}

/* On failure what was written goes again. */
static enum hearth_status save_folder(const struct pack *p, const char *path)
{
    enum hearth_status st = must_be_empty(path);
    size_t i = 0;
    TRY(st);
    for (; i < p->n && st == HEARTH_OK; i++) {
        char *at = inside(path, p->file[i].name);
        struct buf whole = {.data = p->file[i].data, .len = p->file[i].n};
        st = at ? ini_write(at, &whole) : HEARTH_ENOMEM;
        free(at);
    }
    while (st != HEARTH_OK && i > 0) {
        char *at = inside(path, p->file[--i].name);
        if (at) unlink(at);
        free(at);
    }
    return st;
}

static enum hearth_status read_folder(const char *path, size_t max, struct pack *out)
{
    DIR *d = opendir(path);
    enum hearth_status st = HEARTH_OK;
    if (!d) return fail_errno(path, "cannot open the folder");
    for (struct dirent *e; st == HEARTH_OK && (e = readdir(d));) {
        struct buf b = {0};
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *at = inside(path, e->d_name);
        st = at ? os_read_file(at, max, &b.data, &b.len) : HEARTH_ENOMEM;
        if (st == HEARTH_OK) max -= b.len;
        if (st == HEARTH_OK) st = pack_add(out, e->d_name, &b);
        buf_free(&b);
        free(at);
    }
    closedir(d);
    return st;
}

/* ---- zips ---- */

static enum hearth_status take(void *user, const void *data, size_t n)
{
    return buf_put(user, data, n);
}

static enum hearth_status read_zip(const char *path, size_t max, struct pack *out)
{
    struct archive *a = NULL;
    TRY(archive_open(path, &a));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < archive_count(a) && st == HEARTH_OK; i++) {
        struct archive_member m;
        struct buf b = {0};
        st = archive_member(a, i, &m);
        if (st == HEARTH_OK) st = archive_read(a, m.name, max, take, &b);
        if (st == HEARTH_OK) max -= b.len;
        if (st == HEARTH_OK) st = pack_add(out, m.name, &b);
        buf_free(&b);
    }
    archive_close(a);
    return st;
}

enum hearth_status pack_write(const struct pack *p, const char *path)
{
    return is_zip(path) ? zip_save(p, path) : save_folder(p, path);
}

enum hearth_status pack_read(const char *path, size_t max, struct pack *out)
{
    struct stat s;
    *out = (struct pack){.label = path};
    if (stat(path, &s) != 0) return fail_errno(path, "cannot open");
    enum hearth_status st = S_ISDIR(s.st_mode) ? read_folder(path, max, out) : read_zip(path, max, out);
    if (st != HEARTH_OK) pack_free(out);
    return st;
}

/* resources.c - walking and hashing a model's files. */
#include "account/resources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "hub/digest.h"

enum { DEPTH = 64, FILES = 1000000, PIECE = 1 << 20 };

void resources_free(struct resources *r)
{
    for (size_t i = 0; i < r->n; i++) free(r->item[i].name);
    free(r->item);
    *r = (struct resources){0};
}

int resource_order(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] && a[i] == b[i]) i++;
    int x = a[i] == '/' ? 1 : (unsigned char)a[i], y = b[i] == '/' ? 1 : (unsigned char)b[i];
    return x - y;                                        /* a name's end, then a folder's, then any character */
}

static int by_name(const void *a, const void *b)
{
    return resource_order(((const struct resource *)a)->name, ((const struct resource *)b)->name);
}

/* ---- walking ---- */

struct walk { const char *model, *const *ignored; size_t n_ignored; struct resources *found; };

static int is_ignored(const struct walk *w, const char *name)
{
    for (size_t i = 0; i < w->n_ignored; i++) {
        const char *p = w->ignored[i];
        while (p[0] == '.' && p[1] == '/') p += 2;
        size_t n = strlen(p);
        while (n > 0 && p[n - 1] == '/') n--;
        if (n == 0 || (n == 1 && *p == '.')) return 1;
        if (strncmp(name, p, n) == 0 && (name[n] == '/' || !name[n])) return 1;
    }
    return 0;
}

static enum hearth_status add(struct walk *w, const char *name, const struct stat *s)
{
    struct resources *r = w->found;
    if (r->n == FILES) return fail(HEARTH_ELIMIT, "%s: more than %d files, allowed: as many", w->model, FILES);
    TRY(mem_grow(&r->item, &r->cap, r->n + 1, sizeof *r->item));
    struct resource *item = &r->item[r->n];
    *item = (struct resource){.name = strdup(name), .size = (uint64_t)s->st_size};
    if (!item->name) return fail_memory(strlen(name) + 1);
    r->n++;
    return size_add(r->bytes, item->size, w->model, &r->bytes);
}

static char *join(const char *folder, const char *name)
{
    struct buf b = {0};
    return buf_printf(&b, "%s/%s", folder, name) == HEARTH_OK ? buf_take(&b, NULL) : NULL;
}

static enum hearth_status visit(struct walk *w, const char *folder, int depth);

/* path: from here; name: below the model. */
static enum hearth_status look_at(struct walk *w, const char *path, const char *name, int depth)
{
    struct stat s;
    if (!utf8_valid(name, strlen(name), NULL))
        return fail(HEARTH_EFORMAT, "%s: the name of this file is not UTF-8, so a signature cannot write it down", path);
    if (lstat(path, &s) != 0) return fail_errno(path, "cannot examine");
    if (S_ISLNK(s.st_mode))
        return fail(HEARTH_EFORMAT, "%s: a link, allowed: files and folders (what it points to can change unseen)", path);
    if (S_ISREG(s.st_mode)) return is_ignored(w, name) ? HEARTH_OK : add(w, name, &s);
    if (!S_ISDIR(s.st_mode))
        return fail(HEARTH_EFORMAT, "%s: neither file nor folder, so it cannot be part of a signed model", path);
    if (depth == DEPTH) return fail(HEARTH_ELIMIT, "%s: folders more than %d deep", w->model, DEPTH);
    return visit(w, name, depth);
}

static enum hearth_status visit(struct walk *w, const char *folder, int depth)
{
    char *at = *folder ? join(w->model, folder) : strdup(w->model);
    DIR *d = at ? opendir(at) : NULL;
    enum hearth_status st = d ? HEARTH_OK : at ? fail_errno(at, "cannot read the folder") : HEARTH_ENOMEM;
    for (struct dirent *e; d && st == HEARTH_OK && (errno = 0, e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *name = *folder ? join(folder, e->d_name) : strdup(e->d_name);
        char *path = join(at, e->d_name);
        if (!name || !path) st = fail_memory(strlen(e->d_name));
        else if (!is_ignored(w, name)) st = look_at(w, path, name, depth + 1);
        free(name);
        free(path);
    }
    if (d) closedir(d);
    free(at);
    return st;
}

enum hearth_status resources_list(const char *model, const char *const *ignored, size_t n, struct resources *out)
{
    struct walk w = {model, ignored, n, out};
    struct stat s;
    enum hearth_status st;
    *out = (struct resources){0};
    if (stat(model, &s) != 0) return fail_errno(model, "cannot open");
    if (S_ISREG(s.st_mode)) st = add(&w, ".", &s);
    else if (S_ISDIR(s.st_mode)) st = visit(&w, "", 0);
    else st = fail(HEARTH_EFORMAT, "%s: neither file nor folder, so not a model", model);
    if (st == HEARTH_OK && out->n == 0) st = fail(HEARTH_EFORMAT, "%s: no file in this folder, so there is nothing to sign", model);
    if (st != HEARTH_OK) resources_free(out);
    else qsort(out->item, out->n, sizeof *out->item, by_name);
    return st;
}

/* ---- hashing ---- */

struct reading { signature_progress *progress; void *user; uint64_t done, total; char *piece; };

static enum hearth_status hash_file(const char *path, struct reading *r, char hex[65])
{
    struct sha256 *sum = NULL;
    enum hearth_status st = sha256_open(&sum);
    int fd = st == HEARTH_OK ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (st == HEARTH_OK && fd < 0) st = fail_errno(path, "cannot open");
    while (st == HEARTH_OK) {
        ssize_t n = read(fd, r->piece, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) st = fail_errno(path, "cannot read");
        if (n <= 0) break;
        r->done += (uint64_t)n;
        st = sha256_add(sum, r->piece, (size_t)n);
        if (st == HEARTH_OK && r->progress && r->progress(r->user, r->done, r->total))
            st = fail(HEARTH_ECANCELLED, "%s: cancelled while it was read", path);
    }
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    if (fd >= 0) close(fd);
    sha256_close(sum);
    return st;
}

enum hearth_status resources_hash(const char *model, struct resources *r, signature_progress *progress, void *user)
{
    struct reading in = {progress, user, 0, r->bytes, mem_array(PIECE, 1)};
    enum hearth_status st = in.piece ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < r->n && st == HEARTH_OK; i++) {
        struct resource *item = &r->item[i];
        char *path = strcmp(item->name, ".") == 0 ? strdup(model) : join(model, item->name);
        st = path ? hash_file(path, &in, item->digest) : fail_memory(strlen(item->name));
        free(path);
    }
    free(in.piece);
    return st;
}

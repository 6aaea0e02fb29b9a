/* logdir.c - a log's files, by openat(2) component by component. */
#include "account/logdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

enum { NAME_MAX_ = 80 };             /* the longest name of a log's file; tile.h's are shorter */

enum hearth_status logdir_open(const char *path, struct logdir *out)
{
    *out = (struct logdir){.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (out->fd < 0) return errno == ENOTDIR ? fail(HEARTH_EIO, "%s: not a folder", path) : fail_errno(path, "cannot open");
    out->path = strdup(path);
    if (out->path) return HEARTH_OK;
    logdir_close(out);
    return fail_memory(strlen(path));
}

void logdir_close(struct logdir *d)
{
    if (d->fd >= 0) close(d->fd);
    free(d->path);
    *d = (struct logdir){.fd = -1};
}

static enum hearth_status failed(const struct logdir *d, const char *name, const char *what)
{
    int e = errno;
    struct buf path = {0};
    struct stat s;
    enum hearth_status st = buf_printf(&path, "%s/%s", d->path, name);
    if (st == HEARTH_OK && (e == ELOOP || e == ENOTDIR) && lstat(path.data, &s) == 0 && S_ISLNK(s.st_mode))
        st = fail(HEARTH_EIO, "%s: a symbolic link, where the ledger's own files must be", path.data);
    else if (st == HEARTH_OK) errno = e, st = fail_errno(path.data, what);
    buf_free(&path);
    return st;
}

/* ---- folders ---- */

/* The folder that `name` lies in; *last is where its own name begins. */
static enum hearth_status enter(const struct logdir *d, const char *name, int make, int *fd, const char **last)
{
    const char *slash, *at = name;
    char upto[NAME_MAX_];
    int here = d->fd;
    if (strlen(name) >= sizeof upto) return fail(HEARTH_EINTERNAL, "%s: too long a name", name);
    for (; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        size_t n = (size_t)(slash - name);
        char *part = upto + (at - name);
        enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
        memcpy(upto, name, n);
        upto[n] = '\0';
        int next = openat(here, part, FLAGS);
        if (next < 0 && errno == ENOENT && make && (mkdirat(here, part, 0700) == 0 || errno == EEXIST))
            next = openat(here, part, FLAGS);
        enum hearth_status st = next < 0 ? failed(d, upto, "cannot open") : HEARTH_OK;
        if (here != d->fd) close(here);
        TRY(st);
        here = next;
    }
    *fd = here;
    *last = at;
    return HEARTH_OK;
}

static void leave(const struct logdir *d, int fd)
{
    if (fd != d->fd) close(fd);
}

static enum hearth_status open_file(const struct logdir *d, const char *name, int flags, int *out)
{
    const char *last;
    struct stat s;
    int at;
    TRY(enter(d, name, flags & O_CREAT, &at, &last));
    int fd = openat(at, last, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    enum hearth_status st = fd < 0 ? failed(d, name, flags & O_CREAT ? "cannot write" : "cannot open") : HEARTH_OK;
    leave(d, at);
    if (st == HEARTH_OK && fstat(fd, &s) < 0) st = failed(d, name, "cannot examine");
    else if (st == HEARTH_OK && !S_ISREG(s.st_mode)) st = fail(HEARTH_EIO, "%s/%s: not a regular file", d->path, name);
    if (st == HEARTH_OK) *out = fd;
    else if (fd >= 0) close(fd);
    return st;
}

/* ---- reading ---- */

enum hearth_status logdir_read(const struct logdir *d, const char *name, size_t max, uint8_t **data, size_t *n)
{
    enum hearth_status st;
    struct stat s;
    int fd;
    *data = NULL;
    *n = 0;
    TRY(open_file(d, name, O_RDONLY, &fd));
    st = fstat(fd, &s) < 0 ? failed(d, name, "cannot examine") : HEARTH_OK;
    if (st == HEARTH_OK && (uint64_t)s.st_size > max)
        st = fail(HEARTH_EFORMAT, "%s/%s: %lld bytes, where at most %zu can be", d->path, name, (long long)s.st_size, max);
    if (st == HEARTH_OK && !(*data = mem_array((size_t)s.st_size + 1, 1))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = os_read_at(fd, name, *data, (size_t)s.st_size, 0);
    close(fd);
    if (st == HEARTH_OK) *n = (size_t)s.st_size;
    else free(*data), *data = NULL;
    return st;
}

enum hearth_status logdir_lock(const struct logdir *d, const char *name, int *fd)
{
    TRY(open_file(d, name, O_RDWR | O_CREAT, fd));
    while (flock(*fd, LOCK_EX) < 0) {
        if (errno == EINTR) continue;
        enum hearth_status st = failed(d, name, "cannot lock");
        close(*fd);
        *fd = -1;
        return st;
    }
    return HEARTH_OK;
}

/* ---- writing ---- */

static enum hearth_status put(const struct logdir *d, const char *name, int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed(d, name, "cannot write");
        at += put;
        n -= (size_t)put;
    }
    return HEARTH_OK;
}

static enum hearth_status note_folder(struct batch *b, const char *name, size_t n)
{
    for (int i = 0; i < b->folders; i++)
        if (strlen(b->folder[i]) == n && !memcmp(b->folder[i], name, n)) return HEARTH_OK;
    if (b->folders == BATCH_FOLDERS) TRY(batch_sync(b));
    b->folder[b->folders] = strndup(name, n);
    return b->folder[b->folders] ? (b->folders++, HEARTH_OK) : fail_memory(n);
}

enum hearth_status batch_write(struct batch *b, const char *name, int fresh, const void *data, size_t n)
{
    const char *slash = strrchr(name, '/');
    size_t in = slash ? (size_t)(slash - name) : 0;
    int fd;
    if (b->files == BATCH_FILES) TRY(batch_sync(b));
    TRY(open_file(b->dir, name, O_WRONLY | O_CREAT | O_TRUNC, &fd));
    b->file[b->files++] = fd;
    TRY(put(b->dir, name, fd, data, n));
    TRY(note_folder(b, name, in));
    while (fresh && in) {
        while (in && name[in - 1] != '/') in--;
        in -= in > 0;
        TRY(note_folder(b, name, in));
    }
    return HEARTH_OK;
}

/* EINVAL: a file system that cannot sync a folder; there nothing more can be done. */
static enum hearth_status sync_folder(const struct logdir *d, const char *name)
{
    struct buf inside = {0};
    const char *last;
    int fd;
    enum hearth_status st = buf_printf(&inside, "%s%s", name, *name ? "/" : "");
    if (st == HEARTH_OK) st = enter(d, inside.data, 0, &fd, &last);
    buf_free(&inside);
    TRY(st);
    if (fsync(fd) < 0 && errno != EINVAL) st = failed(d, name, "cannot write the folder to the disk");
    leave(d, fd);
    return st;
}

enum hearth_status logdir_sync(const struct logdir *d)
{
    return sync_folder(d, "");
}

enum hearth_status batch_sync(struct batch *b)
{
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; i < b->files && st == HEARTH_OK; i++)
        if (fsync(b->file[i]) < 0) st = fail_errno(b->dir->path, "cannot write to the disk");
    for (int i = 0; i < b->folders && st == HEARTH_OK; i++) st = sync_folder(b->dir, b->folder[i]);
    batch_drop(b);
    return st;
}

void batch_drop(struct batch *b)
{
    while (b->files) close(b->file[--b->files]);
    while (b->folders) free(b->folder[--b->folders]);
}

enum hearth_status logdir_replace(const struct logdir *d, const char *name, const void *data, size_t n)
{
    char beside[NAME_MAX_];
    int fd;
    snprintf(beside, sizeof beside, "%s.tmp", name);
    TRY(open_file(d, beside, O_WRONLY | O_CREAT | O_TRUNC, &fd));
    enum hearth_status st = put(d, beside, fd, data, n);
    if (st == HEARTH_OK && fsync(fd) < 0) st = failed(d, beside, "cannot write to the disk");
    close(fd);
    if (st == HEARTH_OK && renameat(d->fd, beside, d->fd, name) < 0) st = failed(d, name, "cannot put the new file in place");
    if (st != HEARTH_OK) unlinkat(d->fd, beside, 0);
    return st;
}

/* ---- removing: what stays behind does no harm, so nobody is told ---- */

void logdir_remove(const struct logdir *d, const char *name)
{
    const char *last;
    int at;
    if (enter(d, name, 0, &at, &last) != HEARTH_OK) return;
    unlinkat(at, last, 0);
    leave(d, at);
}

void logdir_clean(const struct logdir *d, const char *folder, const char *keep)
{
    const char *last;
    int at;
    if (enter(d, folder, 0, &at, &last) != HEARTH_OK) return;
    int fd = openat(at, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && (!keep || strcmp(e->d_name, keep))) unlinkat(fd, e->d_name, 0);
    if (dir) closedir(dir);
    else if (fd >= 0) close(fd);
    if (!keep) unlinkat(at, last, AT_REMOVEDIR);
    leave(d, at);
}

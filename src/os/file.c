/* file.c - files: mapped, read, and written so that they appear only when complete. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/os.h"

static const char *kind_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR: return "a folder";
    case S_IFCHR: case S_IFBLK: return "a device";
    case S_IFIFO: return "a pipe";
    case S_IFSOCK: return "a socket";
    default: return "something else";
    }
}

/* O_NONBLOCK: opening a pipe that nobody writes to must not wait for ever. */
static enum hearth_status open_regular(const char *path, int *out, struct stat *st) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        struct stat is; /* a socket cannot be opened at all, and the reason given (ENXIO) helps nobody */
        int e = errno;
        if (e == ENXIO && stat(path, &is) == 0)
            return fail(HEARTH_EIO, "%s: not a regular file (%s)", path, kind_name(is.st_mode));
        errno = e;
        return fail_errno(path, "cannot open");
    }
    enum hearth_status status = HEARTH_OK;
    if (fstat(fd, st) < 0) status = fail_errno(path, "cannot examine");
    else if (!S_ISREG(st->st_mode))
        status = fail(HEARTH_EIO, "%s: not a regular file (%s)", path, kind_name(st->st_mode));
    if (status == HEARTH_OK) *out = fd;
    else close(fd);
    return status;
}

static uint64_t nanoseconds(struct timespec t) {
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void os_identify(const struct stat *s, uint64_t id[FILE_ID]) {
    id[0] = (uint64_t)s->st_dev;
    id[1] = (uint64_t)s->st_ino;
    id[2] = (uint64_t)s->st_size;
    id[3] = nanoseconds(s->st_mtim);
    id[4] = nanoseconds(s->st_ctim);
}

enum hearth_status os_map(const char *path, struct mapping *out) {
    struct stat st;
    int fd;
    *out = (struct mapping){ .fd = -1 };
    TRY(open_regular(path, &fd, &st));
    if (st.st_size > 0) {
        if ((uint64_t)st.st_size > PTRDIFF_MAX) {
            close(fd);
            return fail(HEARTH_ELIMIT, "%s: %lld bytes are more than this machine can address", path,
                        (long long)st.st_size);
        }
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            enum hearth_status status = fail_errno(path, "cannot map into memory");
            close(fd);
            return status;
        }
        out->data = p;
        out->size = (size_t)st.st_size;
    }
    out->fd = fd;
    os_identify(&st, out->id);
    return HEARTH_OK;
}

void os_unmap(struct mapping *m) {
    if (m->data) munmap((void *)m->data, m->size);
    if (m->fd >= 0) close(m->fd);
    *m = (struct mapping){ .fd = -1 };
}

enum hearth_status os_read_at(int fd, const char *path, void *dst, size_t n, uint64_t offset) {
    char *p = dst;
    if (offset > INT64_MAX || n > (uint64_t)INT64_MAX - offset)
        return fail(HEARTH_EIO, "%s: offset %llu is past the end of any file", path, (unsigned long long)offset);
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(path, "cannot read");
        if (got == 0)
            return fail(HEARTH_EIO, "%s: the file ends at byte %llu, where %zu more were expected", path,
                        (unsigned long long)offset, n);
        p += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return HEARTH_OK;
}

/* Reads to the end whatever the size says: files of /proc and /sys claim to be empty. */
enum hearth_status os_read_file(const char *path, size_t max, char **data, size_t *n) {
    struct stat st;
    struct buf b = { 0 };
    int fd;
    *data = NULL;
    *n = 0;
    TRY(open_regular(path, &fd, &st));
    enum hearth_status status = HEARTH_OK;
    if (st.st_size > 0 && (uint64_t)st.st_size <= max && (uint64_t)st.st_size < SIZE_MAX / 2)
        TRY_GOTO(status, done, mem_grow(&b.data, &b.cap, (size_t)st.st_size + 2, 1));
    for (;;) {
        TRY_GOTO(status, done, mem_grow(&b.data, &b.cap, b.len + 2, 1)); /* a byte to read, a byte for NUL */
        ssize_t got = read(fd, b.data + b.len, b.cap - 1 - b.len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            status = fail_errno(path, "cannot read");
            goto done;
        }
        if (got == 0) break;
        b.len += (size_t)got;
        if (b.len > max) {
            status = fail(HEARTH_ELIMIT, "%s: larger than the %zu bytes allowed", path, max);
            goto done;
        }
    }
    *data = buf_take(&b, n);
    if (!*data) status = HEARTH_ENOMEM;
done:
    close(fd);
    buf_free(&b);
    return status;
}

/* ---- atomic files ---- */

/* What stands under the name now is replaced only when it is a regular file or a link; a device (/dev/null)
 * would be replaced by a file just as readily, and that nobody wants. */
static enum hearth_status check_target(const char *path) {
    struct stat st;
    if (lstat(path, &st) < 0) return errno == ENOENT ? HEARTH_OK : fail_errno(path, "cannot examine");
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) return HEARTH_OK;
    return fail(HEARTH_EIO, "%s: not a regular file (%s), so it will not be replaced", path, kind_name(st.st_mode));
}

static void random_letters(char *at, int n) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char byte[8] = { 0 };
    if (getrandom(byte, sizeof byte, GRND_NONBLOCK) != sizeof byte) {
        static _Atomic unsigned next; /* O_EXCL makes the name ours; chance only makes a collision rare */
        unsigned x = (unsigned)getpid() * 2654435761u + next++ * 40503u;
        memcpy(byte, &x, sizeof x);
    }
    for (int i = 0; i < n; i++) at[i] = alphabet[byte[i] % 32];
}

enum hearth_status os_atomic_open(const char *path, struct atomic_file *out) {
    static const char tail[] = ".XXXXXX.tmp";
    size_t n = strlen(path);
    *out = (struct atomic_file){ .fd = -1 };
    TRY(check_target(path));
    struct atomic_file f = { .fd = -1, .tmp = mem_array(n + sizeof tail, 1), .path = mem_array(n + 1, 1) };
    enum hearth_status st = f.tmp && f.path ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        memcpy(f.path, path, n + 1);
        memcpy(f.tmp, path, n);
        memcpy(f.tmp + n, tail, sizeof tail);
        for (int attempt = 0; f.fd < 0 && attempt < 100; attempt++) {
            random_letters(f.tmp + n + 1, 6);
            f.fd = open(f.tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
            if (f.fd < 0 && errno != EEXIST) break;
        }
        if (f.fd < 0) st = fail_errno(path, "cannot create a file in its folder");
    }
    if (st == HEARTH_OK) {
        *out = f;
    } else {
        free(f.tmp);
        free(f.path);
    }
    return st;
}

enum hearth_status os_atomic_write(struct atomic_file *f, const void *data, size_t n) {
    const char *p = data;
    while (n > 0) {
        ssize_t put = write(f->fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(f->path, "cannot write");
        p += put;
        n -= (size_t)put;
    }
    return HEARTH_OK;
}

void os_atomic_abandon(struct atomic_file *f) {
    if (f->fd >= 0) close(f->fd);
    if (f->tmp) unlink(f->tmp);
    free(f->tmp);
    free(f->path);
    *f = (struct atomic_file){ .fd = -1 };
}

/* The folder of path, to be synced after a rename in it: a new name is on the disk only when its folder is.  It is opened
 * before, so that want of memory is found while the old file still stands.  *fd stays -1 for a folder that we may write
 * but not read. */
static enum hearth_status open_folder(const char *path, int *fd) {
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = mem_array(n + 1, 1);
    if (!folder) return HEARTH_ENOMEM;
    memcpy(folder, slash ? path : ".", n);
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return HEARTH_OK;
}

void os_atomic_fresh(struct atomic_file *f) {
    struct stat s;
    f->fresh = lstat(f->path, &s) != 0;
}

/* link() refuses a name that is taken; a file system without links is asked first, which leaves a moment between. */
static int put_in_place(const struct atomic_file *f) {
    struct stat s;
    if (!f->fresh) return rename(f->tmp, f->path);
    if (link(f->tmp, f->path) == 0) {
        (void)unlink(f->tmp);                    /* a folder that only takes: the new file stands all the same */
        return 0;
    }
    if (errno == EEXIST) return -1;
    if (lstat(f->path, &s) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(f->tmp, f->path);
}

enum hearth_status os_atomic_commit(struct atomic_file *f) {
    int fd = f->fd, folder = -1;
    enum hearth_status st = open_folder(f->path, &folder);
    if (st == HEARTH_OK && fsync(fd) < 0) st = fail_errno(f->path, "cannot write to the disk");
    f->fd = -1;
    if (close(fd) < 0 && st == HEARTH_OK) st = fail_errno(f->path, "cannot write");
    if (st == HEARTH_OK && put_in_place(f) < 0)
        st = errno == EEXIST ? fail(HEARTH_EIO, "%s appeared while it was made; move it away", f->path) : fail_errno(f->path, "cannot put the new file in place");
    if (st == HEARTH_OK) {
        free(f->tmp);
        f->tmp = NULL; /* nothing left to remove */
        /* EINVAL: a file system that cannot; the rename stands all the same */
        if (folder >= 0 && fsync(folder) < 0 && errno != EINVAL) st = fail_errno(f->path, "cannot write its folder to the disk");
    }
    if (folder >= 0) close(folder);
    os_atomic_abandon(f);
    return st;
}

static enum hearth_status make_folder(const char *path) {
    struct stat st;
    if (mkdir(path, 0700) == 0) return HEARTH_OK;
    int e = errno;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return HEARTH_OK;
        return fail(HEARTH_EIO, "%s: not a folder", path);
    }
    errno = e;
    return fail_errno(path, "cannot make the folder");
}

enum hearth_status os_mkdirs(const char *path) {
    size_t n = strlen(path);
    char *p = mem_array(n + 1, 1);
    if (!p) return HEARTH_ENOMEM;
    memcpy(p, path, n);
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 1; i < n && st == HEARTH_OK; i++) {
        if (p[i] != '/' || p[i - 1] == '/') continue;
        p[i] = '\0';
        st = make_folder(p);
        p[i] = '/';
    }
    if (st == HEARTH_OK) st = make_folder(p);
    free(p);
    return st;
}

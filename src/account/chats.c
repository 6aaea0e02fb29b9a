/* chats.c - see chats.h.
 *
 * Whoever changes a folder holds a lock on it, so that what is counted stays true, and a file of writing that is there all the same is
 * what a killed process left: it is swept away.  Reading needs no lock, since a file is never half-written. */
#include "account/chats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/transcript.h"
#include "base/jsontext.h"
#include "hub/hub.h"
#include "os/os.h"

static const char ending[] = ".json";

int chats_is_id(const char *s)
{
    return strlen(s) == CHAT_ID && strspn(s, "0123456789abcdef") == CHAT_ID;
}

static enum hearth_status check_id(const char *id)
{
    return chats_is_id(id) ? HEARTH_OK : fail(HEARTH_EUSAGE, "\"%.40s\" is no id of a chat: that is %d hex digits", id, CHAT_ID);
}

/* The folder of a key; a key's name has no '/' and follows "key-", so it is a name. */
static enum hearth_status folder_of(const char *key, int make, char **out)
{
    struct buf name = {0};
    char *all = NULL;
    enum hearth_status st = *key ? buf_printf(&name, "page-chats/key-%s", key) : buf_puts(&name, "page-chats/own");
    if (st == HEARTH_OK) st = hub_path(HUB_DATA, "page-chats", &all);
    if (st == HEARTH_OK && make) st = transcript_make_folder(all, NULL);
    if (st == HEARTH_OK) st = hub_path(HUB_DATA, name.data, out);
    if (st == HEARTH_OK && make) st = transcript_make_folder(*out, NULL);
    if (st != HEARTH_OK) free(*out), *out = NULL;
    free(all);
    buf_free(&name);
    return st;
}

/* *fd: the folder; -1: there is none, which make rules out.  Locked when it was made. */
static enum hearth_status open_folder(const char *key, int make, char **path, int *fd)
{
    *path = NULL;
    TRY(folder_of(key, make, path));
    *fd = open(*path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enum hearth_status st = *fd >= 0 || (errno == ENOENT && !make) ? HEARTH_OK : fail_errno(*path, "cannot open the folder");
    if (st == HEARTH_OK && make && flock(*fd, LOCK_EX) != 0) st = fail_errno(*path, "cannot lock the folder");
    if (st == HEARTH_OK) return st;
    if (*fd >= 0) close(*fd);
    free(*path);
    return st;
}

static void close_folder(char *path, int fd)
{
    if (fd >= 0) close(fd);
    free(path);
}

/* ---- writing ---- */

/* How many others there are and how large; with the lock, so a file of writing is nobody's. */
static enum hearth_status count_others(const char *folder, int fd, const char *name, size_t *n, uint64_t *bytes)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again >= 0 ? fdopendir(again) : NULL;
    struct stat s;
    *n = 0, *bytes = 0;
    if (!d) {
        enum hearth_status st = fail_errno(folder, "cannot read the folder");
        if (again >= 0) close(again);
        return st;
    }
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len > 4 && !strcmp(e->d_name + len - 4, ".tmp")) unlinkat(fd, e->d_name, 0);
        else if (e->d_name[0] != '.' && strcmp(e->d_name, name) != 0 && fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0) ++*n, *bytes += (uint64_t)s.st_size;
    }
    closedir(d);
    return HEARTH_OK;
}

static enum hearth_status write_whole(const char *path, const void *data, size_t n)
{
    struct atomic_file f;
    TRY(os_atomic_open(path, &f));
    enum hearth_status st = fchmod(f.fd, 0600) == 0 ? os_atomic_write(&f, data, n) : fail_errno(path, "cannot be kept from others");
    if (st == HEARTH_OK) return os_atomic_commit(&f);
    os_atomic_abandon(&f);
    return st;
}

enum hearth_status chats_put(const char *key, const char *id, const void *data, size_t n)
{
    char *folder, name[CHAT_ID + sizeof ending];
    struct buf path = {0};
    uint64_t bytes;
    size_t others;
    int fd;
    TRY(check_id(id));
    if (n > CHAT_BYTES) return fail(HEARTH_EUSAGE, "a chat of %zu bytes is larger than the %d that are kept", n, CHAT_BYTES);
    TRY(open_folder(key, 1, &folder, &fd));
    snprintf(name, sizeof name, "%s%s", id, ending);
    enum hearth_status st = count_others(folder, fd, name, &others, &bytes);
    if (st == HEARTH_OK && others >= CHATS_MAX) st = fail(HEARTH_EUSAGE, "there are %zu chats on the server already, and no more are kept: remove some", others);
    if (st == HEARTH_OK && bytes + n > CHATS_BYTES)
        st = fail(HEARTH_EUSAGE, "the chats on the server would have %llu bytes, and %d are kept: remove some", (unsigned long long)(bytes + n), CHATS_BYTES);
    if (st == HEARTH_OK) st = buf_printf(&path, "%s/%s", folder, name);
    if (st == HEARTH_OK) st = write_whole(path.data, data, n);
    buf_free(&path);
    close_folder(folder, fd);
    return st;
}

static enum hearth_status none(const char *id)
{
    return fail(HEARTH_ENOTFOUND, "there is no chat %s on the server", id);
}

enum hearth_status chats_remove(const char *key, const char *id)
{
    char *folder, name[CHAT_ID + sizeof ending];
    int fd;
    TRY(check_id(id));
    TRY(open_folder(key, 0, &folder, &fd));
    snprintf(name, sizeof name, "%s%s", id, ending);
    enum hearth_status st = fd < 0 ? none(id) : HEARTH_OK;
    if (st == HEARTH_OK && unlinkat(fd, name, 0) != 0) st = errno == ENOENT ? none(id) : fail_errno(folder, "cannot remove a chat");
    if (st == HEARTH_OK && fsync(fd) != 0 && errno != EINVAL) st = fail_errno(folder, "cannot write the folder to the disk");
    close_folder(folder, fd);
    return st;
}

/* ---- reading ---- */

static enum hearth_status read_chat(const char *folder, int fd, const char *id, struct buf *out)
{
    char name[CHAT_ID + sizeof ending];
    struct stat s;
    snprintf(name, sizeof name, "%s%s", id, ending);
    int file = fd < 0 ? -1 : openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return fd < 0 || errno == ENOENT ? none(id) : fail_errno(folder, "cannot open a chat");
    enum hearth_status st = fstat(file, &s) == 0 && S_ISREG(s.st_mode) && s.st_size <= CHAT_BYTES ? HEARTH_OK : fail(HEARTH_EIO, "%s/%s: is no chat", folder, name);
    char *data = st == HEARTH_OK ? mem_array((size_t)s.st_size + 1, 1) : NULL;
    if (st == HEARTH_OK && !data) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = os_read_at(file, name, data, (size_t)s.st_size, 0);
    if (st == HEARTH_OK) st = buf_put(out, data, (size_t)s.st_size);
    free(data);
    close(file);
    return st;
}

/* What was put there is: JSON, with this id.  What the reader of JSON says shows some of the text, and this goes to a log: it is not said. */
static enum hearth_status check_chat(const char *id, const char *text, size_t n)
{
    json_t *v = NULL;
    enum hearth_status st = jsontext_read(id, text, n, &v);
    const char *is = json_string_value(json_object_get(v, "id"));
    if (st != HEARTH_ENOMEM && !(is && !strcmp(is, id))) st = fail(HEARTH_EFORMAT, "%s: is damaged, or no chat of that id", id);
    json_decref(v);
    return st;
}

enum hearth_status chats_get(const char *key, const char *id, struct buf *out)
{
    char *folder;
    int fd;
    TRY(check_id(id));
    TRY(open_folder(key, 0, &folder, &fd));
    enum hearth_status st = read_chat(folder, fd, id, out);
    if (st == HEARTH_OK) st = check_chat(id, out->data, out->len);
    if (st != HEARTH_OK) buf_free(out);
    close_folder(folder, fd);
    return st;
}

static int is_chat(const struct dirent *e)
{
    return strspn(e->d_name, "0123456789abcdef") == CHAT_ID && !strcmp(e->d_name + CHAT_ID, ending);
}

static enum hearth_status list(const char *folder, int fd, struct dirent **file, int n, const char *after, struct buf *out, char next[CHAT_ID + 1], size_t *bad)
{
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; i < n && st == HEARTH_OK; i++) {
        char id[CHAT_ID + 1];
        struct buf one = {0};
        snprintf(id, sizeof id, "%.16s", file[i]->d_name);
        if (strcmp(id, after) <= 0) continue;
        st = read_chat(folder, fd, id, &one);
        if (st == HEARTH_OK) st = check_chat(id, one.data, one.len);
        int full = out->len && out->len + one.len > CHATS_PART, good = st == HEARTH_OK;
        if (good && !full) {
            if (out->len) st = buf_putc(out, ',');
            if (st == HEARTH_OK) st = buf_put(out, one.data, one.len);
        } else if (st != HEARTH_ENOMEM && !good) {
            *bad += st != HEARTH_ENOTFOUND;            /* removed meanwhile */
            st = HEARTH_OK;
        }
        buf_free(&one);
        if (good && full) return HEARTH_OK;            /* next is the one before */
        strcpy(next, id);
    }
    *next = 0;
    return st;
}

enum hearth_status chats_list(const char *key, const char *after, struct buf *out, char next[CHAT_ID + 1], size_t *bad)
{
    char *folder;
    struct dirent **file = NULL;
    int fd;
    *next = 0, *bad = 0;
    if (*after) TRY(check_id(after));
    TRY(open_folder(key, 0, &folder, &fd));
    int n = fd < 0 ? 0 : scandirat(fd, ".", &file, is_chat, alphasort);
    enum hearth_status st = n < 0 ? fail_errno(folder, "cannot read the folder") : list(folder, fd, file, n, after, out, next, bad);
    for (int i = 0; i < n; i++) free(file[i]);
    free(file);
    close_folder(folder, fd);
    return st;
}

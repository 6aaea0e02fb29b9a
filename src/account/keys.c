/* keys.c - secret files: made with owner's rights only, refused when anybody else has some. */
#include "account/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

/* Through a volatile pointer, so that no compiler finds that nobody reads it again. */
void keys_wipe(void *secret, size_t n)
{
    volatile unsigned char *p = secret;
    while (n--) *p++ = 0;
}

static enum hearth_status check_owner(const char *path, const struct stat *s)
{
    if (!S_ISREG(s->st_mode)) return fail(HEARTH_EIO, "%s: not a regular file, so no key is read from it", path);
    if (s->st_uid != geteuid())
        return fail(HEARTH_EIO, "%s: this key belongs to user %u, not to you (user %u), so it is not used", path, (unsigned)s->st_uid,
                    (unsigned)geteuid());
    if (s->st_mode & 077)
        return fail(HEARTH_EIO, "%s: others can read this key (mode %04o), so it may have been copied; `chmod 600` it if you are sure "
                                "that nobody did", path, (unsigned)s->st_mode & 07777);
    return HEARTH_OK;
}

enum hearth_status keys_read(const char *path, char **text, size_t *n)
{
    struct stat s;
    enum hearth_status st;
    *text = NULL;
    *n = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) return fail(HEARTH_EIO, "%s: a symbolic link, where the key itself must be", path);
    if (fd < 0) return fail_errno(path, "cannot open");
    st = fstat(fd, &s) < 0 ? fail_errno(path, "cannot examine") : check_owner(path, &s);
    if (st == HEARTH_OK && s.st_size > KEYS_FILE)
        st = fail(HEARTH_ELIMIT, "%s: %lld bytes; a key has at most %d", path, (long long)s.st_size, KEYS_FILE);
    if (st == HEARTH_OK && !(*text = mem_array((size_t)s.st_size + 1, 1))) st = HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = os_read_at(fd, path, *text, (size_t)s.st_size, 0);
    close(fd);
    if (st == HEARTH_OK && memchr(*text, 0, (size_t)s.st_size)) st = fail(HEARTH_EFORMAT, "%s: not a text, so not a key", path);
    if (st == HEARTH_OK) *n = (size_t)s.st_size;
    else free(*text), *text = NULL;
    return st;
}

/* Written beside, then moved to its name, which fails where there is one already: whole, or not there, and never two. */
enum hearth_status keys_write(const char *path, const void *text, size_t n)
{
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    char *beside = mem_array(strlen(path) + 32, 1);
    enum hearth_status st = HEARTH_ENOMEM;
    int fd = -1, at = -1;
    if (!folder || !beside) goto done;
    if (slash) *(slash == folder ? slash + 1 : slash) = '\0';
    sprintf(beside, "%s.%ld.tmp", path, (long)gettid());
    unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) { st = fail_errno(beside, "cannot make"); goto done; }
    ssize_t put = write(fd, text, n);
    if (put < 0 || fsync(fd) < 0) st = fail_errno(path, "cannot write");
    else if ((size_t)put < n) st = fail(HEARTH_EIO, "%s: only %zd of %zu bytes could be written", path, put, n);
    else if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) == 0) st = HEARTH_OK;
    else if (errno == EEXIST) st = fail(HEARTH_EUSAGE, "%s: there is a key already, and none is ever overwritten", path);
    else st = fail_errno(path, "cannot put the new key in place");
    if (st != HEARTH_OK) unlink(beside);
    at = st == HEARTH_OK ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (at >= 0 && fsync(at) < 0 && errno != EINVAL) st = fail_errno(path, "cannot write its folder to the disk");
done:
    if (fd >= 0) close(fd);
    if (at >= 0) close(at);
    free(folder);
    free(beside);
    return st;
}

enum hearth_status keys_load(const char *path, struct note_signer *out)
{
    char *text;
    size_t n;
    memset(out, 0, sizeof *out);
    TRY(keys_read(path, &text, &n));
    enum hearth_status st = note_signer_parse(path, text, out);
    keys_wipe(text, n);
    free(text);
    return st;
}

static enum hearth_status make(const char *path, const char *name, enum note_type type, struct note_signer *out)
{
    char text[NOTE_KEY_TEXT + 1], made[40];
    uint8_t r[8];
    TRY(crypto_random(r, sizeof r));
    snprintf(made, sizeof made, "hearth.local/%02x%02x%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]);
    TRY(note_signer_make(name ? name : made, type, out));
    note_signer_print(out, text);
    strcat(text, "\n");
    enum hearth_status st = keys_write(path, text, strlen(text));
    keys_wipe(text, sizeof text);
    return st;
}

/* Two processes may begin at once: who comes second takes the first one's key. */
enum hearth_status keys_load_or_make(const char *path, const char *name, enum note_type type, struct note_signer *out)
{
    enum hearth_status st = keys_load(path, out);
    if (st != HEARTH_ENOTFOUND) return st;
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (!folder) return fail_memory(strlen(path));
    if (slash && slash != folder) *slash = '\0', st = os_mkdirs(folder);
    else st = HEARTH_OK;
    free(folder);
    TRY(st);
    st = make(path, name, type, out);
    return st == HEARTH_EUSAGE && access(path, F_OK) == 0 ? keys_load(path, out) : st;
}

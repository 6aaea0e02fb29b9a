/* chatfile.c - see chatfile.h.
 *
 *     {"format": "hearth chat 1", "model": "smollm2", "system": "...", "messages": [{"role": "user", "content": "..."}]}
 *
 * A name is a name and never a path: letters, digits, - _ and dots inside.  The folder and the file are opened without
 * following symbolic links, since a link there could make us overwrite or show another file (llama.cpp issue 26315).  A
 * file is written under a name of its own first and renamed when whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/chatfile.h"
#include "cmd/models.h"

static const char format[] = "hearth chat 1";
static const off_t most = 64 * 1024 * 1024;

static int failed(const char *what, const char *name, const char *why)
{
    complain("chat %s: %s%s", name, what, why);
    return -1;
}

static int check_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    if (n > 0 && n <= 64 && name[0] != '.' && name[0] != '-' && strspn(name, allowed) == n) return 0;
    complain("\"%s\" cannot be the name of a chat: it takes 1 to 64 letters, digits, - _ and ., the first a letter, a digit "
             "or _", name);
    return -1;
}

/* The folder as a descriptor; made when `make` and not there. */
static int open_folder(int make)
{
    char *path = NULL;
    if (hub_path(HUB_DATA, "chats", &path) != HEARTH_OK) {
        report(HEARTH_EIO);
        return -1;
    }
    if (make) make_folders(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        complain("%s is not a folder but a link or a file: chats are kept in a real folder", path);
    else if (fd < 0 && errno == ENOENT) complain("no chat was saved yet");
    else if (fd < 0) complain("%s: %s", path, strerror(errno));
    free(path);
    return fd;
}

static int write_file(int folder, const char *name, const char *file, const json_t *chat)
{
    char tmp[96];
    snprintf(tmp, sizeof tmp, ".%s.%ld.tmp", name, (long)getpid());
    unlinkat(folder, tmp, 0);
    int fd = openat(folder, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) {
        if (fd >= 0) close(fd);
        return failed("cannot be saved: ", name, strerror(errno));
    }
    int bad = json_dumpf(chat, f, JSON_INDENT(2)) != 0 || fputc('\n', f) == EOF || fflush(f) != 0 || fsync(fd) != 0;
    int cause = errno;
    if (fclose(f) != 0 && !bad) bad = 1, cause = errno;
    if (!bad && renameat(folder, tmp, folder, file) != 0) bad = 1, cause = errno;
    if (!bad) return 0;
    unlinkat(folder, tmp, 0);
    return failed("cannot be saved: ", name, strerror(cause));
}

int chatfile_save(const char *name, const char *model, const char *system, const json_t *messages)
{
    char file[80];
    struct stat s;
    if (check_name(name) != 0) return -1;
    int folder = open_folder(1);
    if (folder < 0) return -1;
    snprintf(file, sizeof file, "%s.json", name);
    int code = 0;
    if (fstatat(folder, file, &s, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(s.st_mode))
        code = failed("", name, "a link or a folder stands where its file would be; nothing was written");
    if (code == 0) {
        json_t *chat = json_pack("{s:s, s:o, s:o*, s:O}", "format", format, "model", json_text(model, strlen(model)),
                                 "system", system ? json_text(system, strlen(system)) : NULL, "messages", messages);
        code = chat ? write_file(folder, name, file, chat) : failed("", name, "out of memory");
        json_decref(chat);
    }
    close(folder);
    return code;
}

static json_t *read_file(int folder, const char *name, const char *file)
{
    struct stat s;
    json_error_t e;
    int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        failed("", name, errno == ENOENT ? "there is no such chat; /load alone lists them"
                         : errno == ELOOP ? "its file is a symbolic link, which is not followed" : strerror(errno));
        return NULL;
    }
    FILE *f = fdopen(fd, "r");
    if (!f || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > most) {
        if (f) fclose(f);
        else close(fd);
        failed("", name, "its file is not a regular file of at most 64 MiB");
        return NULL;
    }
    json_t *chat = json_loadf(f, JSON_REJECT_DUPLICATES, &e);
    if (!chat) complain("chat %s: line %d, column %d: %s", name, e.line, e.column, e.text);
    fclose(f);
    return chat;
}

/* The sentence of the first thing that is not as it should be, or NULL. */
static const char *wrong(const json_t *chat)
{
    const char *f = json_string_value(json_object_get(chat, "format"));
    const json_t *messages = json_object_get(chat, "messages"), *system = json_object_get(chat, "system"), *m;
    size_t i;
    if (!f || strcmp(f, format) != 0) return "\"format\" is not \"hearth chat 1\"";
    if (!json_is_string(json_object_get(chat, "model"))) return "\"model\" is not a text";
    if (system && !json_is_string(system)) return "\"system\" is not a text";
    if (!json_is_array(messages)) return "\"messages\" is not a list";
    json_array_foreach(messages, i, m) {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (!role || strcmp(role, i % 2 ? "assistant" : "user") != 0)
            return "the \"role\" of the messages is not \"user\" and \"assistant\" in turn";
        if (!json_is_string(json_object_get(m, "content"))) return "the \"content\" of a message is not a text";
    }
    return i % 2 ? "the last message has no answer" : NULL;
}

int chatfile_load(const char *name, char **model, char **system, json_t **messages)
{
    char file[80];
    const char *why;
    if (check_name(name) != 0) return -1;
    int folder = open_folder(0);
    if (folder < 0) return -1;
    snprintf(file, sizeof file, "%s.json", name);
    json_t *chat = read_file(folder, name, file);
    close(folder);
    if (!chat) return -1;
    if ((why = wrong(chat))) {
        json_decref(chat);
        return failed("", name, why);
    }
    const char *text = json_string_value(json_object_get(chat, "system"));
    *system = text ? xstrdup(text) : NULL;
    *model = xstrdup(json_string_value(json_object_get(chat, "model")));
    *messages = json_incref(json_object_get(chat, "messages"));
    json_decref(chat);
    return 0;
}

static int is_chat(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".json") == 0;
}

int chatfile_list(void)
{
    struct dirent **entry;
    int folder = open_folder(0);
    if (folder < 0) return -1;
    int n = scandirat(folder, ".", &entry, is_chat, alphasort);
    close(folder);
    if (n == 0) puts("no chat was saved yet");
    for (int i = 0; i < n; i++) {
        term_write(stdout, entry[i]->d_name, strlen(entry[i]->d_name) - 5);
        putchar('\n');
        free(entry[i]);
    }
    if (n >= 0) free(entry);
    return 0;
}

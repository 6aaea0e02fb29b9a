/* transcript_files.c - the folder of transcripts: found, written, pruned, erased, sealed.
 *
 * Only names that this file makes itself (a day, an id) are ever removed.  A folder or file that others may read is refused,
 * when reading and when writing: what lies there is what a person said to a machine in private. */
#include "account/transcript_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "account/seal.h"
#include "account/transcript.h"
#include "base/jsontext.h"
#include "hub/hub.h"
#include "hub/ini.h"
#include "os/os.h"

enum { DAYS = 30, DAYS_MAX = 36500, FILE_MAX = 1 << 28, ID = 32, DAY = 10 };

int transcript_is_id(const char *s)
{
    return strlen(s) == ID && strspn(s, "0123456789abcdef") == ID;
}

static int is_day(const char *s)
{
    static const char like[] = "0000-00-00";
    for (int i = 0; i < DAY; i++)
        if (like[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != '-') return 0;
    return !s[DAY];
}

enum hearth_status transcript_folder(char **out)
{
    return hub_path(HUB_DATA, "transcripts", out);
}

/* ---- who may read ---- */

static enum hearth_status check_private(const char *path)
{
    struct stat s;
    if (lstat(path, &s) != 0) return fail_errno(path, "cannot examine");
    if (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
        return fail(HEARTH_EIO, "%s: a link or a device where a transcript should be; it is not followed", path);
    if (s.st_uid != geteuid()) return fail(HEARTH_EIO, "%s: belongs to another user, so it is no transcript of yours", path);
    if (s.st_mode & 077)
        return fail(HEARTH_EIO, "%s: others than its owner can get at it (mode %03o); make it private: chmod %s '%s'", path, s.st_mode & 0777,
                    S_ISDIR(s.st_mode) ? "700" : "600", path);
    return HEARTH_OK;
}

/* ---- the ini ---- */

/* [transcripts] of the ini; there need be none. */
static enum hearth_status read_ini(char **path, struct ini *ini)
{
    TRY(hub_path(HUB_CONFIG, "hearth.ini", path));
    enum hearth_status st = ini_read(*path, ini);
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;
}

enum hearth_status transcript_days(unsigned *days)
{
    char *path = NULL;
    struct ini ini = {0};
    uint64_t n = DAYS;
    enum hearth_status st = read_ini(&path, &ini);
    const char *keep = st == HEARTH_OK ? ini_get(&ini, "transcripts", "keep") : NULL;
    if (keep && !strcmp(keep, "no")) n = 0;
    else if (keep && (strspn(keep, "0123456789") != strlen(keep) || !*keep || strlen(keep) > 5 || (n = strtoull(keep, NULL, 10)) < 1 || n > DAYS_MAX))
        st = fail(HEARTH_EFORMAT, "%s: [transcripts] keep is \"%.40s\", should be \"no\" or a number of days from 1 to %d", path, keep, DAYS_MAX);
    *days = (unsigned)n;
    ini_free(&ini);
    free(path);
    return st;
}

enum hearth_status transcript_of_servers(int *kept)
{
    char *path = NULL;
    struct ini ini = {0};
    enum hearth_status st = read_ini(&path, &ini);
    const char *server = st == HEARTH_OK ? ini_get(&ini, "transcripts", "server") : NULL;
    *kept = server && !strcmp(server, "yes");
    if (server && !*kept && strcmp(server, "no") != 0)
        st = fail(HEARTH_EFORMAT, "%s: [transcripts] server is \"%.40s\", should be yes or no", path, server);
    ini_free(&ini);
    free(path);
    return st;
}

/* ---- going through them ---- */

static int is_day_entry(const struct dirent *e)
{
    return is_day(e->d_name);
}

/* A transcript, or what a crash left of one: ID.json.XXXXXX.tmp. */
static int is_ours(const struct dirent *e)
{
    return strspn(e->d_name, "0123456789abcdef") == ID && !strncmp(e->d_name + ID, ".json", 5);
}

typedef int each_fn(void *user, const char *day, const char *id, const char *path);

static int each_file(const char *folder, const char *day, int all, each_fn *fn, void *user)
{
    char path[4200], id[ID + 1];
    struct dirent **file = NULL;
    int stop = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, day) >= sizeof path) return 0;
    int n = scandir(path, &file, is_ours, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = file[i]->d_name;
        snprintf(id, sizeof id, "%.32s", name);
        if (!stop && (all || !name[ID + 5]) && (size_t)snprintf(path, sizeof path, "%s/%s/%s", folder, day, name) < sizeof path)
            stop = fn(user, day, id, path);
        free(file[i]);
    }
    if (n >= 0) free(file);
    return stop;
}

/* The days before `before` (NULL: all), oldest first. */
static void each_day(const char *folder, const char *before, int all, each_fn *fn, void *user)
{
    struct dirent **day = NULL;
    int n = scandir(folder, &day, is_day_entry, alphasort), stop = 0;
    for (int i = 0; i < n; i++) {
        if (!stop && (!before || strcmp(day[i]->d_name, before) < 0)) stop = each_file(folder, day[i]->d_name, all, fn, user);
        free(day[i]);
    }
    if (n >= 0) free(day);
}

enum hearth_status transcript_each(each_fn *fn, void *user)
{
    char *folder = NULL;
    TRY(transcript_folder(&folder));
    each_day(folder, NULL, 0, fn, user);
    free(folder);
    return HEARTH_OK;
}

/* The newest day is looked at first: it is mostly the one. */
static enum hearth_status find(const char *id, char **path)
{
    char *folder = NULL, at[4200];
    struct dirent **day = NULL;
    struct stat s;
    *path = NULL;
    if (!transcript_is_id(id)) return fail(HEARTH_EUSAGE, "\"%.40s\" is no id of a receipt: that is 32 hex digits", id);
    TRY(transcript_folder(&folder));
    int n = scandir(folder, &day, is_day_entry, alphasort);
    for (int i = n - 1; i >= 0; i--) {
        if (!*path && (size_t)snprintf(at, sizeof at, "%s/%s/%s.json", folder, day[i]->d_name, id) < sizeof at && lstat(at, &s) == 0) {
            *path = mem_array(strlen(at) + 1, 1);
            if (*path) strcpy(*path, at);
        }
        free(day[i]);
    }
    if (n >= 0) free(day);
    enum hearth_status st = *path ? HEARTH_OK
        : fail(HEARTH_ENOTFOUND, "there is no transcript of receipt %s in %s: it was not kept, has been erased, or was older than the "
               "days that transcripts are kept", id, folder);
    free(folder);
    return st;
}

int transcript_kept(const char *id)
{
    char *path = NULL;
    int there = find(id, &path) == HEARTH_OK;
    free(path);
    return there;
}

/* ---- reading ---- */

static enum hearth_status unseal(const char *folder, const char *id, struct buf *text)
{
    struct buf plain = {0};
    enum hearth_status st = seal_open(folder, id, text->data, text->len, &plain);
    buf_free(text);
    if (st == HEARTH_OK) *text = plain;
    else buf_free(&plain);
    return st;
}

static enum hearth_status read_text(const char *path, struct buf *out)
{
    char *text = NULL;
    size_t n = 0;
    TRY(os_read_file(path, FILE_MAX, &text, &n));
    enum hearth_status st = buf_put(out, text, n);
    free(text);
    return st;
}

enum hearth_status transcript_text(const char *id, char **path, struct buf *out)
{
    char *folder = NULL;
    enum hearth_status st = find(id, path);
    TRY(st);
    TRY_GOTO(st, done, transcript_folder(&folder));
    TRY_GOTO(st, done, check_private(folder));
    TRY_GOTO(st, done, check_private(*path));
    TRY_GOTO(st, done, read_text(*path, out));
    if (seal_is_sealed(out->data, out->len)) st = unseal(folder, id, out);
done:
    free(folder);
    return st;
}

/* A sealed file opens with the key of this person's own folder, under the name it has. */
enum hearth_status transcript_file_text(const char *path, struct buf *out)
{
    char *folder = NULL, id[ID + 1];
    const char *slash = strrchr(path, '/');
    TRY(read_text(path, out));
    if (!seal_is_sealed(out->data, out->len)) return HEARTH_OK;
    snprintf(id, sizeof id, "%s", slash ? slash + 1 : path);
    TRY(transcript_folder(&folder));
    enum hearth_status st = unseal(folder, id, out);
    free(folder);
    return st;
}

/* ---- erasing ---- */

/* For disks that write in place; where the disk does not, the salt is gone from every file all the same. */
static void overwrite(int fd)
{
    static const char zero[4096];
    struct stat s;
    if (fstat(fd, &s) != 0) return;
    for (off_t at = 0; at < s.st_size; at += (off_t)sizeof zero)
        if (pwrite(fd, zero, s.st_size - at < (off_t)sizeof zero ? (size_t)(s.st_size - at) : sizeof zero, at) < 0) return;
}

static enum hearth_status erase(const char *path, int wait)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        overwrite(fd);
        if (wait) fsync(fd);
        close(fd);
    }
    return unlink(path) == 0 ? HEARTH_OK : fail_errno(path, "cannot erase");
}

enum hearth_status transcript_erase(const char *id)
{
    char *path = NULL;
    TRY(find(id, &path));
    enum hearth_status st = erase(path, 1);
    char *slash = strrchr(path, '/');
    *slash = 0;
    rmdir(path);                                       /* the day's folder, when it is empty now */
    free(path);
    return st;
}

static int prune_file(void *user, const char *day, const char *id, const char *path)
{
    (void)user, (void)day, (void)id;
    erase(path, 0);
    return 0;
}

static int remove_day(const char *folder, const char *before)
{
    struct dirent **day = NULL;
    char path[4200];
    int n = scandir(folder, &day, is_day_entry, alphasort);
    for (int i = 0; i < n; i++) {
        if (strcmp(day[i]->d_name, before) < 0 && (size_t)snprintf(path, sizeof path, "%s/%s", folder, day[i]->d_name) < sizeof path) rmdir(path);
        free(day[i]);
    }
    if (n >= 0) free(day);
    return 0;
}

/* A file that cannot be removed is tried again the next day; the answer at hand is not spoilt by it. */
static void prune(const char *folder, unsigned days)
{
    char before[16];
    time_t now = time(NULL) - (time_t)days * 86400;
    struct tm t;
    if (!gmtime_r(&now, &t) || !strftime(before, sizeof before, "%Y-%m-%d", &t)) return;
    each_day(folder, before, 1, prune_file, NULL);
    remove_day(folder, before);
}

/* ---- writing ---- */

/* A new file under its last name, not waited for: the disk has it some seconds later, and a power cut before that leaves a receipt
 * without a transcript, as any that was not kept. */
static enum hearth_status write_new(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return fail_errno(path, "cannot create");
    while (n > 0) {
        ssize_t put = write(fd, text, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) break;
        text += put, n -= (size_t)put;
    }
    enum hearth_status st = n == 0 ? HEARTH_OK : fail_errno(path, "cannot write");
    if (close(fd) != 0 && st == HEARTH_OK) st = fail_errno(path, "cannot write");
    if (st != HEARTH_OK) unlink(path);
    return st;
}

static enum hearth_status write_text(const char *path, const char *text, size_t n)
{
    struct atomic_file f;
    TRY(os_atomic_open(path, &f));
    enum hearth_status st = fchmod(f.fd, 0600) == 0 ? os_atomic_write(&f, text, n) : fail_errno(path, "cannot make private");
    if (st == HEARTH_OK) return os_atomic_commit(&f);
    os_atomic_abandon(&f);
    return st;
}

enum hearth_status transcript_make_folder(const char *folder, int *made)
{
    char *data = NULL;
    if (made) *made = 0;
    TRY(hub_path(HUB_DATA, NULL, &data));
    enum hearth_status st = os_mkdirs(data);
    free(data);
    TRY(st);
    int now = mkdir(folder, 0700) == 0;
    if (!now && errno != EEXIST) return fail_errno(folder, "cannot make the folder");
    if (made) *made = now;
    return check_private(folder);
}

enum hearth_status transcript_keep(const struct transcript *t, unsigned days, int *first)
{
    char *folder = NULL, *text = NULL;
    struct buf path = {0}, sealed = {0};
    const char *time = json_string_value(json_object_get(t->json, "time"));
    enum hearth_status st;
    *first = 0;
    TRY(transcript_folder(&folder));
    TRY_GOTO(st, done, transcript_make_folder(folder, first));
    TRY_GOTO(st, done, buf_printf(&path, "%s/%.10s", folder, time));
    if (mkdir(path.data, 0700) == 0) prune(folder, days);
    else if (errno != EEXIST) {
        st = fail_errno(path.data, "cannot make the folder");
        goto done;
    }
    TRY_GOTO(st, done, buf_printf(&path, "/%s.json", t->id));
    st = (text = json_dumps(t->json, JSON_COMPACT)) ? HEARTH_OK : fail_memory(0);
    if (st == HEARTH_OK && seal_is_set(folder)) st = seal_close(folder, t->id, text, strlen(text), &sealed);
    if (st == HEARTH_OK) st = sealed.data ? write_new(path.data, sealed.data, sealed.len) : write_new(path.data, text, strlen(text));
done:
    buf_free(&sealed);
    buf_free(&path);
    free(text);
    free(folder);
    return st;
}

/* ---- sealing what is there ---- */

struct sealing { const char *folder; size_t n; enum hearth_status st; };

static int seal_one(void *user, const char *day, const char *id, const char *path)
{
    struct sealing *s = user;
    struct buf text = {0}, sealed = {0};
    (void)day;
    s->st = read_text(path, &text);
    if (s->st == HEARTH_OK && !seal_is_sealed(text.data, text.len)) {
        s->st = seal_close(s->folder, id, text.data, text.len, &sealed);
        int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);      /* the old file, which then has no name */
        if (s->st == HEARTH_OK) s->st = write_text(path, sealed.data, sealed.len);
        if (s->st == HEARTH_OK && fd >= 0) overwrite(fd);
        if (fd >= 0) close(fd);
        s->n += s->st == HEARTH_OK;
    }
    buf_free(&text);
    buf_free(&sealed);
    return s->st != HEARTH_OK;
}

enum hearth_status transcript_seal_all(size_t *n)
{
    char *folder = NULL;
    TRY(transcript_folder(&folder));
    struct sealing s = {.folder = folder};
    each_day(folder, NULL, 0, seal_one, &s);
    *n = s.n;
    free(folder);
    return s.st;
}

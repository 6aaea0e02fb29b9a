/* feedback.c - the folder of verdicts: appended, read, erased.
 *
 * A line is written with one write() under a lock on its file and cut off again when it did not fit on the disk or the ledger did not
 * take the decision, so that file and ledger say the same.  Erasing writes what stays into a new file and zeros over the old one. */
#include "account/feedback.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "account/ledger.h"
#include "account/receipt.h"
#include "account/transcript.h"
#include "base/jsontext.h"
#include "hub/hub.h"
#include "os/os.h"

enum { MESSAGES = 10000, DAY = 10, FILE_MAX = 1 << 28 };    /* bytes of a day */

/* ---- what a client sent ---- */

static const char *const verdicts[][2] = {{"good", "accepted"}, {"wrong", "rejected"}, {"corrected", "edited"}};

static const char *decision_of(const char *verdict)
{
    for (size_t i = 0; verdict && i < sizeof verdicts / sizeof *verdicts; i++)
        if (!strcmp(verdict, verdicts[i][0])) return verdicts[i][1];
    return NULL;
}

static enum hearth_status read_messages(const json_t *m)
{
    size_t i;
    json_t *one;
    if (!json_is_array(m) || !json_array_size(m) || json_array_size(m) > MESSAGES)
        return fail(HEARTH_EFORMAT, "messages: should be an array of 1 to %d messages", MESSAGES);
    json_array_foreach(m, i, one) {
        const char *role = json_string_value(json_object_get(one, "role"));
        if (!role || (strcmp(role, "system") && strcmp(role, "user") && strcmp(role, "assistant") && strcmp(role, "tool")))
            return fail(HEARTH_EFORMAT, "messages[%zu].role: should be \"system\", \"user\", \"assistant\" or \"tool\"", i);
        if (!json_is_string(json_object_get(one, "content"))) return fail(HEARTH_EFORMAT, "messages[%zu].content: should be a text", i);
    }
    return HEARTH_OK;
}

enum hearth_status feedback_read(const json_t *j, struct feedback *out)
{
    static const char *const known[] = {"receipt", "verdict", "messages", "answer", "correction"};
    const char *name;
    json_t *v;
    *out = (struct feedback){.receipt = UINT64_MAX, .verdict = json_string_value(json_object_get(j, "verdict")),
                             .messages = json_object_get(j, "messages"), .answer = json_string_value(json_object_get(j, "answer")),
                             .correction = json_string_value(json_object_get(j, "correction"))};
    json_object_foreach((json_t *)(uintptr_t)j, name, v) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(name, known[i])) i++;
        if (i == sizeof known / sizeof *known)
            return fail(HEARTH_EFORMAT, "%.60s: no field of feedback; there are receipt, verdict, messages, answer, correction", name);
    }
    v = json_object_get(j, "receipt");
    if (v && !json_is_null(v) && (!json_is_integer(v) || json_integer_value(v) < 0))
        return fail(HEARTH_EFORMAT, "receipt: should be the number of a receipt, or null when the answer has none");
    if (json_is_integer(v)) out->receipt = (uint64_t)json_integer_value(v);
    if (!decision_of(out->verdict)) return fail(HEARTH_EFORMAT, "verdict: should be \"good\", \"wrong\" or \"corrected\"");
    TRY(read_messages(out->messages));
    if (!out->answer) return fail(HEARTH_EFORMAT, "answer: should be the text of the answer");
    if (!strcmp(out->verdict, "corrected") != (out->correction != NULL))
        return fail(HEARTH_EFORMAT, "correction: should be a text when the verdict is \"corrected\", and not be there otherwise");
    return HEARTH_OK;
}

/* ---- the folder ---- */

static enum hearth_status folder_path(char **out)
{
    return hub_path(HUB_DATA, "feedback", out);
}

static int is_day_file(const struct dirent *e)
{
    static const char like[] = "0000-00-00.jsonl";
    for (size_t i = 0; i < sizeof like; i++)
        if (like[i] == '0' ? e->d_name[i] < '0' || e->d_name[i] > '9' : e->d_name[i] != like[i]) return 0;
    return 1;
}

static enum hearth_status check_private(const char *path, int fd)
{
    struct stat s;
    if (fstat(fd, &s) != 0) return fail_errno(path, "cannot examine");
    if (!S_ISREG(s.st_mode) || s.st_uid != geteuid()) return fail(HEARTH_EIO, "%s: is no file of this user's, so no feedback is kept in it", path);
    if (s.st_mode & 077)
        return fail(HEARTH_EIO, "%s: others than its owner can get at it (mode %03o); make it private: chmod 600 '%s'", path, s.st_mode & 0777, path);
    return HEARTH_OK;
}

/* Opened and locked; the lock goes with the descriptor.  Once more when forgetting has put another file there meanwhile. */
static enum hearth_status open_day(const char *path, int flags, int *fd)
{
    for (;;) {
        struct stat mine, there;
        *fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (*fd < 0) return fail_errno(path, "cannot open");
        enum hearth_status st = check_private(path, *fd);
        if (st == HEARTH_OK && flock(*fd, LOCK_EX) != 0) st = fail_errno(path, "cannot lock");
        if (st == HEARTH_OK && fstat(*fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
            return HEARTH_OK;
        close(*fd);
        *fd = -1;
        if (st != HEARTH_OK) return st;
    }
}

/* Every entry of every day, oldest first; fn borrows it, anything but HEARTH_OK ends the walk. */
static enum hearth_status each_entry(enum hearth_status (*fn)(void *user, json_t *entry), void *user)
{
    char *folder = NULL;
    struct dirent **day = NULL;
    enum hearth_status st = folder_path(&folder);
    int n = st == HEARTH_OK ? scandir(folder, &day, is_day_file, alphasort) : 0;
    if (n < 0 && errno != ENOENT) st = fail_errno(folder, "cannot read the folder");
    for (int i = 0; i < n; i++) {
        char path[4200], what[4300], *text = NULL;
        size_t len = 0, line = 0;
        if (st == HEARTH_OK && (size_t)snprintf(path, sizeof path, "%s/%s", folder, day[i]->d_name) < sizeof path)
            st = os_read_file(path, FILE_MAX, &text, &len);
        for (char *p = text, *end; st == HEARTH_OK && p && p < text + len; p = end + 1) {
            json_t *j = NULL;
            if (!(end = memchr(p, '\n', (size_t)(text + len - p)))) break;          /* a line that is being written */
            snprintf(what, sizeof what, "%s: line %zu", path, ++line);
            st = jsontext_read(what, p, (size_t)(end - p), &j);
            if (st == HEARTH_OK) st = fn(user, j);
            json_decref(j);
        }
        free(text);
        free(day[i]);
    }
    if (n >= 0) free(day);
    free(folder);
    return st;
}

/* ---- keeping ---- */

/* The receipt is an answer that was given to that key; its id. */
static enum hearth_status find_receipt(struct ledger *l, uint64_t number, const char *key, char id[33])
{
    struct receipt r;
    void *data = NULL;
    size_t n = 0;
    uint64_t size;
    TRY(ledger_size(l, &size));
    if (number >= size) return fail(HEARTH_ENOTFOUND, "receipt: there is no receipt %" PRIu64 " of yours", number);
    TRY(ledger_entry(l, number, &data, &n));
    enum hearth_status st = receipt_parse(data, n, &r);
    free(data);
    TRY(st);
    if (r.kind != RECEIPT_ANSWER || strcmp(r.key, key) != 0)
        st = fail(HEARTH_ENOTFOUND, "receipt: there is no receipt %" PRIu64 " of yours", number);
    snprintf(id, 33, "%s", r.id);
    receipt_free(&r);
    return st;
}

static enum hearth_status make_line(const struct feedback *f, const char *by, const char *id, const char *time, char **line)
{
    json_t *j = json_pack("{s:s, s:o, s:o, s:s, s:s, s:O, s:s}", "time", time, "receipt",
                          f->receipt == UINT64_MAX ? json_null() : json_integer((json_int_t)f->receipt), "id", *id ? json_string(id) : json_null(),
                          "by", by, "verdict", f->verdict, "messages", f->messages, "answer", f->answer);
    if (j && f->correction && json_object_set_new(j, "correction", json_string(f->correction)) != 0) {
        json_decref(j);
        j = NULL;
    }
    *line = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return *line ? HEARTH_OK : fail_memory(0);
}

/* One line at the end, or nothing. */
static enum hearth_status append_line(const char *path, int fd, const char *line, off_t *before)
{
    size_t n = strlen(line);
    struct buf b = {0};
    TRY(buf_put(&b, line, n));
    enum hearth_status st = buf_putc(&b, '\n');
    *before = lseek(fd, 0, SEEK_END);
    if (st == HEARTH_OK && *before < 0) st = fail_errno(path, "cannot write");
    if (st == HEARTH_OK && (uint64_t)*before + b.len > FILE_MAX)       /* what is kept must be read again, to export and to erase */
        st = fail(HEARTH_ELIMIT, "%s: a day's verdicts have at most %d bytes; more are not kept until tomorrow", path, FILE_MAX);
    for (size_t at = 0; st == HEARTH_OK && at < b.len;) {
        ssize_t put = write(fd, b.data + at, b.len - at);
        if (put > 0) at += (size_t)put;
        else if (errno != EINTR) st = fail_errno(path, "cannot write");
    }
    if (st == HEARTH_OK && fsync(fd) != 0) st = fail_errno(path, "cannot write");
    if (st != HEARTH_OK && *before >= 0 && ftruncate(fd, *before) != 0) fail_errno(path, "cannot write, nor take back half a line");
    buf_free(&b);
    return st;
}

enum hearth_status feedback_keep(const struct feedback *f, const char *key, uint64_t *decision)
{
    char *folder = NULL, *line = NULL, path[4200], id[33] = "", time_text[24];
    const char *by = *key ? key : "page";
    struct ledger *l = NULL;
    struct receipt_number at = {0};
    time_t now = time(NULL);
    struct tm tm;
    off_t before = -1;
    int fd = -1;
    enum hearth_status st;
    *decision = UINT64_MAX;
    if (!gmtime_r(&now, &tm) || !strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", &tm)) return fail(HEARTH_EINTERNAL, "the clock tells no time");
    if (*key && f->receipt == UINT64_MAX)
        return fail(HEARTH_EUSAGE, "receipt: a key judges answers that were given to it, so their receipt's number is needed");
    if (f->receipt != UINT64_MAX) {
        TRY(receipt_ledger(1, &l));
        TRY_GOTO(st, done, find_receipt(l, f->receipt, key, id));
    }
    TRY_GOTO(st, done, make_line(f, by, id, time_text, &line));
    TRY_GOTO(st, done, folder_path(&folder));
    TRY_GOTO(st, done, transcript_make_folder(folder, NULL));
    if ((size_t)snprintf(path, sizeof path, "%s/%.10s.jsonl", folder, time_text) >= sizeof path) st = fail(HEARTH_EIO, "%s: the path is too long", folder);
    else st = open_day(path, O_WRONLY | O_CREAT | O_APPEND, &fd);
    if (st == HEARTH_OK) st = append_line(path, fd, line, &before);
    if (st == HEARTH_OK && l) {
        st = receipt_decide(l, f->receipt, decision_of(f->verdict), by, &at);
        if (st == HEARTH_OK) *decision = at.index;
        else if (ftruncate(fd, before) != 0) st = fail_errno(path, "cannot take back a line");
    }
done:
    if (fd >= 0) close(fd);
    ledger_close(l);
    free(line);
    free(folder);
    return st;
}

/* ---- exporting ---- */

struct entries { json_t *all, *last; /* of an id: the index of its newest entry */ };

static enum hearth_status collect(void *user, json_t *entry)
{
    struct entries *e = user;
    const char *id = json_string_value(json_object_get(entry, "id"));
    struct feedback f;
    json_t *sent = json_copy(entry);
    if (!sent) return fail_memory(0);
    json_object_del(sent, "time"), json_object_del(sent, "id"), json_object_del(sent, "by");
    enum hearth_status st = feedback_read(sent, &f);
    json_decref(sent);
    TRY(st);
    if (id && json_object_set_new(e->last, id, json_integer((json_int_t)json_array_size(e->all))) != 0) return fail_memory(0);
    return json_array_append(e->all, entry) == 0 ? HEARTH_OK : fail_memory(0);
}

static json_t *said(const char *text)
{
    return json_pack("[{s:s, s:s}]", "role", "assistant", "content", text);
}

/* NULL: none in this form, or no memory (*none tells). */
static json_t *example(enum feedback_form form, json_t *entry, int *none)
{
    const char *answer = json_string_value(json_object_get(entry, "answer")), *verdict = json_string_value(json_object_get(entry, "verdict"));
    const char *right = json_string_value(json_object_get(entry, "correction"));
    json_t *asked = json_object_get(entry, "messages"), *out, *one;
    *none = form == FEEDBACK_PREFERENCE ? !right : form == FEEDBACK_CHAT && !strcmp(verdict, "wrong");
    if (*none) return NULL;
    if (form == FEEDBACK_ENTRIES) return json_incref(entry);
    if (form == FEEDBACK_PREFERENCE) return json_pack("{s:O, s:o, s:o}", "prompt", asked, "chosen", said(right), "rejected", said(answer));
    if (!(out = json_copy(asked)) || !(one = said(right ? right : answer))) {
        json_decref(out);
        return NULL;
    }
    int bad = json_array_extend(out, one);
    json_decref(one);
    if (!bad) return json_pack("{s:o}", "messages", out);
    json_decref(out);
    return NULL;
}

enum hearth_status feedback_export(enum feedback_form form, struct buf *out, size_t *n)
{
    struct entries e = {json_array(), json_object()};
    enum hearth_status st = e.all && e.last ? each_entry(collect, &e) : fail_memory(0);
    size_t i;
    json_t *entry;
    *n = 0;
    json_array_foreach(e.all, i, entry) {
        const char *id = json_string_value(json_object_get(entry, "id"));
        int none = 0;
        if (st != HEARTH_OK) break;
        if (id && (size_t)json_integer_value(json_object_get(e.last, id)) != i) continue;
        json_t *j = example(form, entry, &none);
        if (none) continue;
        char *line = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        st = line ? buf_printf(out, "%s\n", line) : fail_memory(0);
        free(line);
        ++*n;
    }
    json_decref(e.all);
    json_decref(e.last);
    return st;
}

/* ---- erasing ---- */

static void zero(int fd, size_t n)
{
    static const char zeros[4096];
    for (size_t at = 0; at < n;) {
        ssize_t put = pwrite(fd, zeros, n - at < sizeof zeros ? n - at : sizeof zeros, (off_t)at);
        if (put <= 0) return;
        at += (size_t)put;
    }
    fsync(fd);
}

/* The lines of a day that are not of that id go into `keep`. */
static enum hearth_status sift(const char *path, const char *text, size_t len, const char *id, struct buf *keep, size_t *gone)
{
    for (const char *p = text, *end; p < text + len; p = end + 1) {
        json_t *j = NULL;
        if (!(end = memchr(p, '\n', (size_t)(text + len - p)))) break;
        TRY(jsontext_read(path, p, (size_t)(end - p), &j));
        const char *of = json_string_value(json_object_get(j, "id"));
        int mine = !id || (of && !strcmp(of, id));
        json_decref(j);
        if (mine) ++*gone;
        else TRY(buf_put(keep, p, (size_t)(end - p) + 1));
    }
    return HEARTH_OK;
}

static enum hearth_status forget_in(const char *path, const char *id, size_t *n)
{
    struct atomic_file f;
    struct buf keep = {0};
    char *text = NULL;
    size_t len = 0, gone = 0;
    int fd;
    TRY(open_day(path, O_RDWR, &fd));
    enum hearth_status st = os_read_file(path, FILE_MAX, &text, &len);
    if (st == HEARTH_OK) st = sift(path, text, len, id, &keep, &gone);
    if (st == HEARTH_OK && gone && keep.len) {
        st = os_atomic_open(path, &f);
        if (st == HEARTH_OK) {
            st = fchmod(f.fd, 0600) == 0 ? os_atomic_write(&f, keep.data, keep.len) : fail_errno(path, "cannot make it private");
            if (st == HEARTH_OK) st = os_atomic_commit(&f);
            else os_atomic_abandon(&f);
        }
    } else if (st == HEARTH_OK && gone && unlink(path) != 0) {
        st = fail_errno(path, "cannot erase");
    }
    if (st == HEARTH_OK && gone) zero(fd, len);
    if (st == HEARTH_OK) *n += gone;
    close(fd);
    free(text);
    buf_free(&keep);
    return st;
}

enum hearth_status feedback_forget(const char *id, const char *before, size_t *n)
{
    char *folder = NULL, path[4200];
    struct dirent **day = NULL;
    size_t gone = 0;
    enum hearth_status st = folder_path(&folder);
    int days = st == HEARTH_OK ? scandir(folder, &day, is_day_file, alphasort) : 0;
    if (days < 0 && errno != ENOENT) st = fail_errno(folder, "cannot read the folder");
    for (int i = 0; i < days; i++) {
        if (st == HEARTH_OK && (!before || strncmp(day[i]->d_name, before, DAY) < 0) &&
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, day[i]->d_name) < sizeof path)
            st = forget_in(path, id, &gone);
        free(day[i]);
    }
    if (days >= 0) free(day);
    free(folder);
    if (n) *n = gone;
    return st;
}

/* helper.c - the process beside the server.
 *
 * A request is one datagram, the model's name, with a socket that goes along (SCM_RIGHTS): a child of the helper answers on it, so
 * that pulls run side by side and closing the socket ends one.  The helper knows the server only as the other end of a socket, and
 * ends when that closes. */
#include "serve/helper.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "account/footprint.h"
#include "base/jsontext.h"
#include "base/mem.h"
#include "hub/names.h"

enum { LINE_MAX_BYTES = 64 << 10, LOOK = 200 /* milliseconds between two looks at whether the client left */ };

static int to_helper = -1;
static pid_t helper;

/* ---- in the child of the helper ---- */

struct work { int fd; volatile int cancel; };

static void say(struct work *w, json_t *line)
{
    char *text = jsontext_dump(line);
    size_t n = text ? strlen(text) : 0, done = 0;
    json_decref(line);
    if (text) text[n++] = '\n';                        /* in place of the NUL */
    while (done < n) {
        ssize_t k = send(w->fd, text + done, n - done, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) {
            w->cancel = 1;
            break;
        }
        done += (size_t)k;
    }
    free(text);
}

static int child_terms(void *user, const struct hub_terms *t)
{
    (void)user;
    return !t->ask;
}

static void child_progress(void *user, const struct hub_progress *p)
{
    struct work *w = user;
    struct pollfd watch = {.fd = w->fd, .events = POLLRDHUP};
    if (poll(&watch, 1, 0) > 0) w->cancel = 1;
    say(w, json_pack("{s:i, s:I, s:I, s:I, s:s?}", "stage", (int)p->stage, "done", (json_int_t)p->done, "total", (json_int_t)p->total, "first",
                     (json_int_t)p->first, "note", p->note));
}

static void child_pull(int fd, const char *name)
{
    struct work w = {.fd = fd};
    const struct hub_callbacks c = {child_terms, child_progress, &w, &w.cancel};
    struct hub_model m = {0};
    int fetched = 0;
    enum hearth_status st = hub_pull(name, &c, &m, &fetched);
    if (st == HEARTH_OK && fetched && strncmp(m.source, "file:", 5) != 0) footprint_record_pull(m.name, m.sha256, m.size);
    say(&w, json_pack("{s:i, s:b, s:s}", "end", (int)st, "fetched", fetched, "message", st == HEARTH_OK ? "" : hearth_errmsg()));
    hub_model_free(&m);
}

/* ---- in the helper ---- */

/* A request: its name, and the socket to answer on.  0: there is none any more. */
static int take(int from, char name[NAME_MAX_BYTES + 1], int *fd)
{
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control;
    struct iovec part = {name, NAME_MAX_BYTES};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n;
    do n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0) return 0;
    name[n] = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *fd = -1;
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return 1;
}

static void run(int from)
{
    char name[NAME_MAX_BYTES + 1];
    int fd;
    prctl(PR_SET_NAME, "hearth-helper");
    signal(SIGCHLD, SIG_DFL);
    signal(SIGINT, SIG_IGN);                           /* Ctrl-C is the server's to hear */
    while (take(from, name, &fd)) {
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
        if (fd < 0) continue;
        pid_t child = fork();
        if (child == 0) {
            close(from);
            child_pull(fd, name);
            _exit(0);
        }
        close(fd);                                     /* when there is no child the server reads an end without a word */
    }
    _exit(0);                                          /* pulls under way find their sockets closed */
}

/* ---- in the server ---- */

enum hearth_status helper_start(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("the server", "cannot make a socket");
    helper = fork();
    if (helper < 0) {
        close(pair[0]);
        close(pair[1]);
        return fail_errno("the server", "cannot start its helper");
    }
    if (helper == 0) {
        close(pair[0]);
        run(pair[1]);
    }
    close(pair[1]);
    to_helper = pair[0];
    return HEARTH_OK;
}

void helper_stop(void)
{
    if (to_helper < 0) return;
    close(to_helper);
    to_helper = -1;
    waitpid(helper, NULL, 0);
}

static enum hearth_status send_request(const char *name, int fd)
{
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {.room = {0}};
    struct iovec part = {(void *)(uintptr_t)name, strlen(name)};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(to_helper, &m, MSG_NOSIGNAL) < 0) return fail(HEARTH_EIO, "the server's helper, which fetches models, is gone: start the server again");
    return HEARTH_OK;
}

static uint64_t number(const json_t *line, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(line, name));
    return n > 0 ? (uint64_t)n : 0;
}

/* One line; 1: it was the last, and *st says how it ended. */
static int heard(const char *text, size_t n, const struct hub_callbacks *c, int *fetched, enum hearth_status *st)
{
    json_t *line = NULL;
    *st = jsontext_read("the helper's answer", text, n, &line);
    if (*st != HEARTH_OK) return 1;
    const json_t *end = json_object_get(line, "end");
    if (end) {
        json_int_t status = json_integer_value(end);
        const char *message = json_string_value(json_object_get(line, "message"));
        *fetched = json_is_true(json_object_get(line, "fetched"));
        if (status) *st = fail(status > 0 && status <= HEARTH_EBUSY ? (enum hearth_status)status : HEARTH_EINTERNAL, "%s", message ? message : "");
    } else if (c && c->on_progress) {
        struct hub_progress p = {.done = number(line, "done"), .total = number(line, "total"), .first = number(line, "first"),
                                 .note = json_string_value(json_object_get(line, "note"))};
        uint64_t stage = number(line, "stage");
        p.stage = stage <= HUB_CHECKING ? (enum hub_stage)stage : HUB_DOWNLOADING;
        c->on_progress(c->user, &p);
    }
    json_decref(line);
    return end != NULL;
}

/* Lines until the last one, looking now and then whether they are still wanted. */
static enum hearth_status listen_to(int fd, const struct hub_callbacks *c, int *fetched)
{
    struct buf in = {0};
    enum hearth_status st = HEARTH_OK;
    for (int over = 0; !over;) {
        char piece[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int r = poll(&ready, 1, LOOK);
        if (c && c->cancel && *c->cancel) {
            st = fail(HEARTH_ECANCELLED, "the pull was broken off; what has come is kept");
            break;
        }
        if (r <= 0) continue;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            st = fail(HEARTH_EIO, "the server's helper ended in the middle of the pull; what has come is kept");
            break;
        }
        if (in.len + (size_t)n > LINE_MAX_BYTES) st = fail(HEARTH_ELIMIT, "the server's helper wrote a line of more than %d bytes", LINE_MAX_BYTES);
        if (st == HEARTH_OK) st = buf_put(&in, piece, (size_t)n);
        if (st != HEARTH_OK) break;
        for (char *end; !over && (end = memchr(in.data, '\n', in.len));) {
            size_t used = (size_t)(end - in.data) + 1;
            over = heard(in.data, used - 1, c, fetched, &st);
            memmove(in.data, in.data + used, in.len - used);
            in.len -= used;
        }
    }
    buf_free(&in);
    return st;
}

enum hearth_status helper_pull(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char one[NAME_MAX_BYTES + 1], *path = NULL;
    int pair[2], came = 0;
    if (to_helper < 0) return hub_pull(name, c, out, fetched);
    TRY(name_canonical(name, one));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("the server", "cannot make a socket");
    enum hearth_status st = send_request(one, pair[1]);
    close(pair[1]);
    if (st == HEARTH_OK) st = listen_to(pair[0], c, &came);
    close(pair[0]);
    if (st == HEARTH_OK) st = hub_resolve_name(one, &path, out);
    free(path);
    if (fetched) *fetched = came;
    return st;
}

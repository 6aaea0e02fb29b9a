/* child.c - asking another program a question, with limits on its answer and its time. */
#include "hub/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

static int spawn(char *const argv[], int write_end, pid_t *pid)
{
    posix_spawn_file_actions_t a;
    posix_spawnattr_t how;
    sigset_t none;
    int e = posix_spawn_file_actions_init(&a);
    if (e) return e;
    e = posix_spawnattr_init(&how);
    if (!e) {
        sigemptyset(&none);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(&how, &none);
        e = posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
        if (!e) e = posix_spawn_file_actions_adddup2(&a, write_end, 1);
        if (!e) e = posix_spawn_file_actions_addopen(&a, 2, "/dev/null", O_WRONLY, 0);
        if (!e) e = posix_spawn_file_actions_addchdir_np(&a, "/");
        if (!e) e = posix_spawnp(pid, argv[0], &a, &how, argv, environ);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&a);
    return e;
}

/* Reads to the end; 0 when the program is to be killed: too long an answer, too much time, no memory (in *st). */
static int read_answer(int fd, size_t max, double until, struct buf *out, enum hearth_status *st)
{
    char piece[4096];
    for (;;) {
        double left = until - clock_seconds();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0) return 0;
        int ready = poll(&p, 1, (int)(left * 1000) + 1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return 0;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) return 1;
        if (n < 0 || out->len + (size_t)n > max) return 0;
        *st = buf_put(out, piece, (size_t)n);
        if (*st != HEARTH_OK) return 0;
    }
}

enum hearth_status child_ask(char *const argv[], size_t max, int seconds, struct buf *out, int *code)
{
    int ends[2], status = 0;
    pid_t pid = -1;
    enum hearth_status st = HEARTH_OK;
    *code = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(argv[0], "cannot make a pipe");
    int e = spawn(argv, ends[1], &pid);
    close(ends[1]);
    if (e) {
        close(ends[0]);
        errno = e;
        return fail_errno(argv[0], "cannot be run");
    }
    int whole = read_answer(ends[0], max, clock_seconds() + seconds, out, &st);
    close(ends[0]);
    if (!whole) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (whole && WIFEXITED(status)) *code = WEXITSTATUS(status);
    if (st == HEARTH_OK) st = buf_put(out, "", 0);
    return st;
}

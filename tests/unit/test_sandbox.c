/* test_sandbox.c - what a confined process can still do and what not, each tried in a process of its own; nothing is asked of a system
 * without Landlock or seccomp but that entering says so. */
#include "hub/confine.h"
#include "os/os.h"
#include "os/sandbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "hub_test.h"

static char outside[64], text[256];
static struct hub_confined got;

static int begin(void **state)
{
    strcpy(outside, "/tmp/hearth-outside.XXXXXX");
    if (home_make(state) != 0 || !mkdtemp(outside)) return 1;
    snprintf(text, sizeof text, "%s/secret", outside);
    write_text(text, "a secret");
    hub_confinable(&got);
    return 0;
}

static int end(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", outside);
    return home_remove(state) != 0 || system(command) != 0;
}

/* Runs what() confined, in a child; its number. */
static int confined(int (*what)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct hub_confined c;
        alarm(20);
        if (hub_confine(NULL, 0, &c) != HEARTH_OK || c.landlock != got.landlock || c.seccomp != got.seccomp) _exit(101);
        _exit(what());
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    return fd >= 0 ? 0 : errno;
}

/* ---- what goes on working ---- */

static void *thread(void *user)
{
    *(int *)user = 1;
    return NULL;
}

static int good(void)
{
    pthread_t t;
    int ran = 0, pair[2];
    struct atomic_file f;
    if (pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran) return 1;
    if (os_atomic_open(in_home("x"), &f) != HEARTH_OK || os_atomic_write(&f, "y", 1) != HEARTH_OK || os_atomic_commit(&f) != HEARTH_OK) return 2;
    if (os_mkdirs(in_home("a/b/c")) != HEARTH_OK || rename(in_home("x"), in_home("a/b/x")) != 0 || unlink(in_home("a/b/x")) != 0) return 3;
    if (try_open("/etc/passwd", O_RDONLY) || try_open("/proc/self/status", O_RDONLY) || try_open("/dev/urandom", O_RDONLY)) return 4;
    if (try_open("/dev/null", O_RDWR)) return 5;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || socket(AF_UNIX, SOCK_DGRAM, 0) < 0) return 6;
    if (try_open(in_home("model"), O_RDONLY)) return 7;
    return raise(0) == 0 ? 0 : 8;
}

static void works(void **state)
{
    (void)state;
    write_text(in_home("model"), "x");
    assert_int_equal(confined(good), 0);
}

/* ---- files ---- */

static int read_secret(void) { return try_open(text, O_RDONLY); }
static int write_system(void) { return try_open("/etc/hearth-test", O_WRONLY | O_CREAT); }
static int write_outside(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/new", outside);
    return try_open(path, O_WRONLY | O_CREAT);
}
static int list_outside(void) { return try_open(outside, O_RDONLY | O_DIRECTORY); }
static int by_link(void) { return symlink(text, in_home("link")) == 0 ? try_open(in_home("link"), O_RDONLY) : 0; }
static int hard_link(void) { return link(text, in_home("hard")) == 0 ? 0 : EACCES; }

static void files(void **state)
{
    (void)state;
    if (!got.landlock) return;
    assert_int_equal(confined(read_secret), EACCES);
    assert_int_equal(confined(write_system), EACCES);
    assert_int_equal(confined(write_outside), EACCES);
    assert_int_equal(confined(list_outside), EACCES);
    assert_int_equal(confined(by_link), EACCES);
    assert_int_equal(confined(hard_link), EACCES);
}

static int read_linked(void) { return try_open(in_home("models/blobs/x"), O_RDONLY); }
static int read_imported(void) { return try_open(text, O_RDONLY); }

/* Its name is there, its file out of sight: written under another one while the process was confined already. */
static int resolve_later(void)
{
    char *path;
    if (rename(in_home("models/names/mine"), in_home("models/names/mine.ini")) != 0) return 1;
    if (hub_resolve_name("mine", &path, NULL) != HEARTH_ENOTFOUND) return 2;
    return strstr(hearth_errmsg(), "when the server has been started again") ? 0 : 3;
}

/* A store on another disk, by a link; a model that was imported from elsewhere. */
static void elsewhere(void **state)
{
    char place[128];
    (void)state;
    snprintf(place, sizeof place, "%s/store/blobs", outside);
    assert_ok(os_mkdirs(place));
    strcat(place, "/x");
    write_text(place, "x");
    snprintf(place, sizeof place, "%s/store", outside);
    assert_int_equal(symlink(place, in_home("models")), 0);
    assert_int_equal(confined(read_linked), 0);
    snprintf(place, sizeof place, "%s/store/names", outside);
    assert_ok(os_mkdirs(place));
    char ini[512], hex[65];
    assert_ok(hub_digest(text, NULL, hex, NULL));
    snprintf(ini, sizeof ini, "[model]\nname = mine\nsha256 = %s\nsize = 8\npath = %s\nadded = 2026-11-22T07:40:00Z\n", hex, text);
    write_text(in_home("models/names/mine.ini"), ini);
    struct hub_model *m = NULL;
    size_t n = 0;
    assert_ok(hub_list(0, &m, &n));
    assert_int_equal(n, 1);
    if (m->place == HUB_IN_PLACE) assert_int_equal(confined(read_imported), 0);
    else fail_msg("the model's file is not understood: %s", m->note);
    hub_models_free(m, n);
    assert_int_equal(rename(in_home("models/names/mine.ini"), in_home("models/names/mine")), 0);
    if (got.landlock) assert_int_equal(confined(resolve_later), 0);
}

/* ---- calls ---- */

static int failed(long rc) { return rc < 0 ? errno : 0; }
static int run_program(void) { return execl("/bin/true", "true", (char *)NULL), errno; }
static int __attribute__((unused)) new_process(void)   /* under a sanitizer nobody asks: it has processes of its own */
{
    pid_t p = fork();
    if (p == 0) _exit(0);
    return failed(p);
}
static int to_network(void) { return failed(socket(AF_INET, SOCK_STREAM, 0)); }
static int to_network6(void) { return failed(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int raw_packets(void) { return failed(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int connects(void) { struct sockaddr_in a = {.sin_family = AF_INET}; return failed(connect(0, (struct sockaddr *)&a, sizeof a)); }
static int signals_others(void) { return failed(kill(getppid(), 0)); }
static int signals_a_thread(void) { return failed(syscall(SYS_tkill, getppid(), 0)); }
static int signals_their_thread(void) { return failed(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int queues_to_others(void)
{
    siginfo_t i = {.si_code = SI_QUEUE};
    return failed(syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), 0, &i));
}
static int signals_itself(void) { return failed(syscall(SYS_tgkill, getpid(), gettid(), 0)); }
static int mounts(void) { return failed(mount("none", "/mnt", "tmpfs", 0, "")); }
static int leaves(void) { return failed(unshare(CLONE_NEWUSER)); }
static int spies(void) { return failed(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)); }
static int rings(void) { return failed(syscall(SYS_io_uring_setup, 1, NULL)); }

static void calls(void **state)
{
    (void)state;
    if (!got.seccomp) return;
    assert_int_equal(confined(run_program), EPERM);
    assert_int_equal(confined(to_network), EACCES);
    assert_int_equal(confined(to_network6), EACCES);
    assert_int_equal(confined(raw_packets), EACCES);
    assert_int_equal(confined(connects), EPERM);
    assert_int_equal(confined(signals_others), EPERM);
    assert_int_equal(confined(signals_a_thread), EPERM);
    assert_int_equal(confined(signals_their_thread), EPERM);
    assert_int_equal(confined(queues_to_others), EPERM);
    assert_int_equal(confined(signals_itself), 0);
    assert_int_equal(confined(mounts), EPERM);
    assert_int_equal(confined(leaves), EPERM);
    assert_int_equal(confined(spies), EPERM);
    assert_int_equal(confined(rings), EPERM);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (!getenv("ASAN_OPTIONS") && !getenv("TSAN_OPTIONS")) assert_int_equal(confined(new_process), EPERM);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(works, begin, end), cmocka_unit_test_setup_teardown(files, begin, end),
        cmocka_unit_test_setup_teardown(elsewhere, begin, end), cmocka_unit_test_setup_teardown(calls, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

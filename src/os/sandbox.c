/* sandbox.c - Landlock for files, a seccomp filter for everything else; both are kept by the kernel whatever this process later runs.
 *
 *     files       reading and writing below the paths that are given, and nowhere else        Landlock (Linux 5.13 and later)
 *     programs    none is started, no process either; threads are                             seccomp
 *     network     no connection is made and no port opened; what listens already accepts      seccomp: of socket() AF_UNIX is left
 *     the rest    no tracing of others, no signals to them, no mounting, no modules, no clock  seccomp
 *
 * The filter is a list of what is refused: a C library that begins to use another call for an old purpose goes on working.  Calls
 * that would get around it are on the list (io_uring, the other instruction set's numbers).  clone3 answers ENOSYS, since a filter
 * cannot look at its arguments; the C library then uses clone, at whose flags it can.
 *
 * Both interfaces are used as the kernel defines them (Documentation/userspace-api: landlock.rst, seccomp_filter.rst), since the
 * system's C library has no functions for them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/sandbox.h"

/* ---- files ---- */

enum {                                                 /* of landlock.h, whose older versions lack the last two */
    READ_FILE = 1 << 2, READ_DIR = 1 << 3, WRITE_FILE = 1 << 1, TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15,
    READING = READ_FILE | READ_DIR,
    ALL_OF_1 = (1 << 13) - 1                           /* everything version 1 knows, starting a file included */
};

static int landlock_version(void)
{
    long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return v > 0 ? (int)v : 0;
}

static uint64_t handled(int version)
{
    uint64_t all = ALL_OF_1;
    if (version >= 2) all |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3) all |= TRUNCATE;
    if (version >= 5) all |= IOCTL_DEV;
    return all;
}

static enum hearth_status allow(int rules, uint64_t all, const struct sandbox_path *p)
{
    struct stat s;
    int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0) return HEARTH_OK;                      /* what is not there, or may not be looked at, needs no right */
    uint64_t rights = p->write ? all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE : READING;
    if (fstat(fd, &s) == 0 && !S_ISDIR(s.st_mode)) rights &= READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & all, .parent_fd = fd};
    long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    enum hearth_status st = rc == 0 ? HEARTH_OK : fail_errno(p->path, "cannot be named to Landlock");
    close(fd);
    return st;
}

static enum hearth_status confine_files(const struct sandbox_path *p, size_t n, int version)
{
    struct landlock_ruleset_attr what = {.handled_access_fs = handled(version)};
    enum hearth_status st = HEARTH_OK;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &what, sizeof what.handled_access_fs, 0);
    if (rules < 0) return fail_errno("Landlock", "no set of rules could be made");
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = allow(rules, what.handled_access_fs, &p[i]);
    if (st == HEARTH_OK && syscall(SYS_landlock_restrict_self, rules, 0) != 0) st = fail_errno("Landlock", "the rules could not be put in force");
    close(rules);
    return st;
}

/* ---- calls ---- */

#if defined(__x86_64__)
enum { THIS_ARCH = AUDIT_ARCH_X86_64, OTHER_NUMBERS = 0x40000000 };      /* x32's numbers begin there */
#elif defined(__aarch64__)
enum { THIS_ARCH = AUDIT_ARCH_AARCH64, OTHER_NUMBERS = 0x7fffffff };
#else
enum { THIS_ARCH = 0, OTHER_NUMBERS = 0x7fffffff };    /* no filter for it */
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(leak_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0                                    /* the sanitizers' own look for leaks stops the process from another one */
#endif

static const int refused[] = {
    SYS_execve, SYS_execveat,
    SYS_connect, SYS_bind, SYS_listen,
    SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_perf_event_open, SYS_bpf, SYS_userfaultfd,
    SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_pidfd_open,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_open_by_handle_at, SYS_mknodat,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl,
    SYS_add_key, SYS_request_key, SYS_keyctl, SYS_personality, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
    SYS_setresgid, SYS_setgroups, SYS_capset, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname,
    SYS_setdomainname, SYS_syslog, SYS_fanotify_init, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_pidfd_getfd, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fspick, SYS_fsconfig, SYS_fsmount, SYS_mount_setattr,
#if defined(__x86_64__)
    SYS_mknod, SYS_kexec_file_load, SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
#if !SANITIZED
    SYS_ptrace,
#if defined(__x86_64__)
    SYS_fork, SYS_vfork,
#endif
#endif
};

enum {
    NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
    EACH = 2, REST = 64
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define SAY(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), (yes), (no))
#define NO(error) (SECCOMP_RET_ERRNO | (error))

/* The first argument's lower half stands first in memory: both instruction sets are little-endian. */
static size_t special(struct sock_filter *f)
{
    const struct sock_filter rest[] = {
        EQUAL(SYS_tgkill, 0, 4),                       /* to a thread of this process, as raise() sends one */
        LOAD(args[0]),
        EQUAL(getpid(), 0, 1),
        SAY(SECCOMP_RET_ALLOW),
        SAY(NO(EPERM)),
        EQUAL(SYS_socket, 0, 4),                       /* one of AF_UNIX only, which the service manager hears us on */
        LOAD(args[0]),
        EQUAL(AF_UNIX, 0, 1),
        SAY(SECCOMP_RET_ALLOW),
        SAY(NO(EACCES)),
        EQUAL(SYS_ioctl, 0, 4),                        /* typing into the terminal that started us */
        LOAD(args[1]),
        EQUAL(TIOCSTI, 0, 1),
        SAY(NO(EPERM)),
        SAY(SECCOMP_RET_ALLOW),
        EQUAL(SYS_clone3, 0, 1),
        SAY(NO(ENOSYS)),
        EQUAL(SYS_clone, 0, 6),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)NAMESPACES, 0, 1),
        SAY(NO(EPERM)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SANITIZED ? 0xffffffffu : (unsigned)CLONE_THREAD, 1, 0),
        SAY(NO(EPERM)),
        SAY(SECCOMP_RET_ALLOW),
        SAY(SECCOMP_RET_ALLOW),
    };
    memcpy(f, rest, sizeof rest);
    return sizeof rest / sizeof *rest;
}

static enum hearth_status confine_calls(void)
{
    struct sock_filter f[EACH * (sizeof refused / sizeof *refused) + REST];
    const struct sock_filter head[] = {
        LOAD(arch), EQUAL(THIS_ARCH, 1, 0), SAY(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)OTHER_NUMBERS, 0, 1), SAY(NO(ENOSYS)),
    };
    size_t n = sizeof head / sizeof *head;
    memcpy(f, head, sizeof head);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        f[n++] = (struct sock_filter)EQUAL(refused[i], 0, 1);
        f[n++] = (struct sock_filter)SAY(NO(EPERM));
    }
    n += special(f + n);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = f};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return fail_errno("seccomp", "the filter could not be put in force");
    return HEARTH_OK;
}

/* ---- both ---- */

/* The kernel knows filters: it tries to read one from nowhere. */
static int has_seccomp(void)
{
    return THIS_ARCH != 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != 0 && errno == EFAULT;
}

void os_sandbox_offered(struct sandbox *out)
{
    *out = (struct sandbox){.landlock = landlock_version(), .seccomp = has_seccomp()};
}

enum hearth_status os_sandbox_enter(const struct sandbox_path *p, size_t n, struct sandbox *got)
{
    os_sandbox_offered(got);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("this process", "cannot give up getting new rights");
    if (got->landlock) TRY(confine_files(p, n, got->landlock));
    if (got->seccomp) TRY(confine_calls());
    return HEARTH_OK;
}

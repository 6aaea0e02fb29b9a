/* test_os.c - files that must be regular, files that appear only when complete, what the machine says of itself. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* cmocka has a macro of this name; base/status.h a function */

#include "os/cgroup.h"
#include "os/os.h"

static char folder[64];

static const char *at(const char *name) {
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof *path, "%s/%s", folder, name);
    return p;
}

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int entries(const char *path) {
    DIR *d = opendir(path);
    assert_non_null(d);
    int n = -2; /* . and .. */
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void expect_text(const char *path, const char *want) {
    char *s;
    size_t n;
    assert_int_equal(os_read_file(path, 1000, &s, &n), HEARTH_OK);
    assert_int_equal(n, strlen(want));
    assert_string_equal(s, want);
    free(s);
}

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/hearth-os-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", folder);
    return system(cmd);
}

/* ---- reading ---- */

static void only_regular_files_are_mapped(void **state) {
    (void)state;
    struct mapping m;
    assert_int_equal(os_map(at("none"), &m), HEARTH_ENOTFOUND);
    assert_non_null(strstr(hearth_errmsg(), "none"));

    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", folder);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
    const struct { const char *path, *kind; } odd[] = {
        { folder, "a folder" }, { "/dev/zero", "a device" }, { at("pipe"), "a pipe" }, { at("socket"), "a socket" }
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char *text;
        size_t n;
        assert_int_equal(os_map(odd[i].path, &m), HEARTH_EIO);
        assert_non_null(strstr(hearth_errmsg(), "not a regular file"));
        assert_non_null(strstr(hearth_errmsg(), odd[i].kind));
        assert_non_null(strstr(hearth_errmsg(), odd[i].path));
        assert_null(m.data);
        assert_int_equal(m.fd, -1);
        assert_int_equal(os_read_file(odd[i].path, 100, &text, &n), HEARTH_EIO);
        assert_null(text);
    }
    close(s);
}

static void a_file_is_mapped_and_read(void **state) {
    (void)state;
    struct mapping m;
    char got[8];
    put(at("f"), "0123456789");
    assert_int_equal(os_map(at("f"), &m), HEARTH_OK);
    assert_int_equal(m.size, 10);
    assert_memory_equal(m.data, "0123456789", 10);
    assert_int_equal(os_read_at(m.fd, "f", got, 4, 6), HEARTH_OK);
    assert_memory_equal(got, "6789", 4);
    assert_int_equal(os_read_at(m.fd, "f", got, 0, 10), HEARTH_OK);
    assert_int_equal(os_read_at(m.fd, "f", got, 5, 6), HEARTH_EIO);
    assert_string_equal(hearth_errmsg(), "f: the file ends at byte 10, where 1 more were expected");
    assert_int_equal(os_read_at(m.fd, "f", got, 1, UINT64_MAX), HEARTH_EIO);
    assert_int_equal(os_read_at(-1, "f", got, 1, 0), HEARTH_EIO);
    os_unmap(&m);
    assert_null(m.data);
    os_unmap(&m); /* harmless */
    put(at("empty"), "");
    assert_int_equal(os_map(at("empty"), &m), HEARTH_OK);
    assert_null(m.data);
    assert_int_equal(m.size, 0);
    os_unmap(&m);
}

static void a_whole_file_is_read_up_to_its_limit(void **state) {
    (void)state;
    char *s;
    size_t n;
    put(at("f"), "0123456789");
    expect_text(at("f"), "0123456789");
    assert_int_equal(os_read_file(at("f"), 10, &s, &n), HEARTH_OK);
    free(s);
    assert_int_equal(os_read_file(at("f"), 9, &s, &n), HEARTH_ELIMIT);
    assert_null(s);
    assert_non_null(strstr(hearth_errmsg(), "larger than the 9 bytes"));
    put(at("empty"), "");
    expect_text(at("empty"), "");
    assert_int_equal(os_read_file(at("empty"), 0, &s, &n), HEARTH_OK);
    assert_string_equal(s, "");
    free(s);
    assert_int_equal(os_read_file("/proc/self/status", 1 << 20, &s, &n), HEARTH_OK); /* claims to be empty */
    assert_true(n > 100 && strlen(s) == n);
    free(s);
}

/* ---- writing ---- */

static void a_file_appears_only_when_complete(void **state) {
    (void)state;
    struct atomic_file f;
    assert_int_equal(os_mkdirs(at("w/a//b/")), HEARTH_OK);
    assert_int_equal(os_mkdirs(at("w/a/b")), HEARTH_OK);
    assert_int_equal(os_mkdirs("/"), HEARTH_OK);
    struct stat st;
    assert_int_equal(stat(at("w/a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    assert_int_equal(os_atomic_open(at("w/a/b/out"), &f), HEARTH_OK);
    assert_int_equal(os_atomic_write(&f, "hello ", 6), HEARTH_OK);
    assert_int_equal(os_atomic_write(&f, "", 0), HEARTH_OK);
    assert_int_equal(os_atomic_write(&f, "world", 5), HEARTH_OK);
    assert_int_equal(access(at("w/a/b/out"), F_OK), -1);
    assert_int_equal(os_atomic_commit(&f), HEARTH_OK);
    os_atomic_abandon(&f);
    expect_text(at("w/a/b/out"), "hello world");
    assert_int_equal(entries(at("w/a/b")), 1);

    assert_int_equal(os_atomic_open(at("w/a/b/out"), &f), HEARTH_OK); /* given up: the old one stays */
    assert_int_equal(os_atomic_write(&f, "half", 4), HEARTH_OK);
    assert_int_equal(entries(at("w/a/b")), 2);
    os_atomic_abandon(&f);
    os_atomic_abandon(&f);
    assert_int_equal(entries(at("w/a/b")), 1);
    expect_text(at("w/a/b/out"), "hello world");

    assert_int_equal(os_atomic_open(at("w/a/b/out"), &f), HEARTH_OK); /* replaced */
    assert_int_equal(os_atomic_write(&f, "new", 3), HEARTH_OK);
    assert_int_equal(os_atomic_commit(&f), HEARTH_OK);
    expect_text(at("w/a/b/out"), "new");
}

static void links_and_devices_are_not_written_through(void **state) {
    (void)state;
    struct atomic_file f;
    struct stat st;
    put(at("target"), "safe");
    assert_int_equal(symlink("target", at("link")), 0);
    assert_int_equal(os_atomic_open(at("link"), &f), HEARTH_OK);
    assert_int_equal(os_atomic_write(&f, "new", 3), HEARTH_OK);
    assert_int_equal(os_atomic_commit(&f), HEARTH_OK);
    expect_text(at("target"), "safe"); /* the link was replaced, not what it pointed to */
    expect_text(at("link"), "new");
    assert_int_equal(lstat(at("link"), &st), 0);
    assert_true(S_ISREG(st.st_mode));

    assert_int_equal(os_atomic_open("/dev/null", &f), HEARTH_EIO);
    assert_non_null(strstr(hearth_errmsg(), "not a regular file (a device)"));
    os_atomic_abandon(&f);
    assert_int_equal(os_atomic_open(folder, &f), HEARTH_EIO);
    assert_int_equal(os_atomic_open(at("nowhere/out"), &f), HEARTH_ENOTFOUND);
    assert_non_null(strstr(hearth_errmsg(), "nowhere/out"));
    assert_int_equal(os_mkdirs(at("target/x")), HEARTH_EIO);
    assert_non_null(strstr(hearth_errmsg(), "not a folder"));
}

static void a_full_disk_says_so(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    struct atomic_file f = { .fd = fd, .tmp = strdup(at("full.tmp")), .path = strdup("out.gguf") };
    assert_int_equal(os_atomic_write(&f, "x", 1), HEARTH_EIO);
    assert_non_null(strstr(hearth_errmsg(), "out.gguf"));
    assert_non_null(strstr(hearth_errmsg(), "the disk is full"));
    os_atomic_abandon(&f);
}

static void a_commit_that_fails_leaves_nothing(void **state) {
    (void)state;
    struct atomic_file f;
    assert_int_equal(os_mkdirs(at("c")), HEARTH_OK);
    assert_int_equal(os_atomic_open(at("c/out"), &f), HEARTH_OK);
    assert_int_equal(os_atomic_write(&f, "x", 1), HEARTH_OK);
    assert_int_equal(os_mkdirs(at("c/out/sub")), HEARTH_OK); /* in the way */
    assert_int_equal(os_atomic_commit(&f), HEARTH_EIO);
    assert_non_null(strstr(hearth_errmsg(), "cannot put the new file in place"));
    assert_int_equal(entries(at("c")), 1);
    os_atomic_abandon(&f);
}

/* ---- the machine ---- */

static void processor_and_memory_make_sense(void **state) {
    (void)state;
    int online, usable;
    double quota;
    os_cores(&online, &usable, &quota);
    assert_true(online >= 1 && usable >= 1 && usable <= online && quota >= 0);
    uint64_t total, available, peak, anonymous, file;
    os_memory(&total, &available);
    assert_true(total > 16u << 20 && available > 0 && available <= total);
    os_resident(&peak, &anonymous, &file);
    assert_true(peak > 100000 && peak >= anonymous && anonymous > 0);
    char name[64], names[128], tiny[5];
    os_cpu_name(name, sizeof name);
    assert_true(name[0] != '\0' && name[0] != ' ' && strlen(name) < sizeof name);
    unsigned f = os_cpu_features();
    if (f & CPU_VNNI) assert_true(f & CPU_AVX512);
    if (f & CPU_AVX512) assert_true(f & CPU_AVX2);
#if defined(__aarch64__)
    assert_true(f & CPU_NEON);
#endif
#if defined(__x86_64__)
    assert_int_equal(!!(f & CPU_SSE41), !!__builtin_cpu_supports("sse4.1"));
    assert_int_equal(!!(f & CPU_AVX2), !!__builtin_cpu_supports("avx2"));
    assert_int_equal(!!(f & CPU_FMA), !!__builtin_cpu_supports("fma"));
    assert_int_equal(!!(f & CPU_VNNI), !!__builtin_cpu_supports("avx512vnni"));
#endif
    os_cpu_feature_names(CPU_AVX2 | CPU_SSE41 | CPU_F16C, names, sizeof names);
    assert_string_equal(names, "sse4.1 avx2 f16c");
    os_cpu_feature_names(0, names, sizeof names);
    assert_string_equal(names, "");
    os_cpu_feature_names(CPU_FMA | CPU_F16C, tiny, sizeof tiny); /* whole names or none */
    assert_string_equal(tiny, "fma");
    assert_in_range(os_energy_readable(), 0, 1);
}

static void plant(const char *path, const char *text) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s", at(path));
    *strrchr(dir, '/') = '\0';
    assert_int_equal(os_mkdirs(dir), HEARTH_OK);
    put(at(path), text);
}

static void limits_of_cgroup_v2(void **state) {
    (void)state;
    uint64_t limit, left;
    assert_true(cgroup_cpu_quota(at("v2")) == 0); /* nothing there */
    assert_false(cgroup_memory(at("v2"), &limit, &left));
    plant("v2/proc/self/cgroup", "0::/a/b\n");
    plant("v2/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    plant("v2/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    plant("v2/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_true(cgroup_cpu_quota(at("v2")) == 1.5);
    plant("v2/sys/fs/cgroup/a/b/memory.max", "max\n");
    plant("v2/sys/fs/cgroup/a/b/memory.current", "5\n");
    assert_false(cgroup_memory(at("v2"), &limit, &left));
    plant("v2/sys/fs/cgroup/a/memory.max", "1000000\n");
    plant("v2/sys/fs/cgroup/a/memory.current", "900000\n");
    plant("v2/sys/fs/cgroup/a/memory.stat", "anon 100\ninactive_file 300000\nactive_file 7\n");
    assert_true(cgroup_memory(at("v2"), &limit, &left));
    assert_int_equal(limit, 1000000);
    assert_int_equal(left, 400000);
    plant("v2/sys/fs/cgroup/a/b/memory.max", "800000\n");
    plant("v2/sys/fs/cgroup/a/b/memory.current", "900000\n");
    assert_true(cgroup_memory(at("v2"), &limit, &left));
    assert_int_equal(limit, 800000);
    assert_int_equal(left, 0);
}

static void limits_of_cgroup_v1(void **state) {
    (void)state;
    uint64_t limit, left;
    plant("v1/proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/12\n3:memory:/docker/12\nrubbish\n\n1:name=systemd:/\n");
    plant("v1/sys/fs/cgroup/cpu,cpuacct/docker/12/cpu.cfs_quota_us", "-1\n");
    plant("v1/sys/fs/cgroup/cpu,cpuacct/docker/12/cpu.cfs_period_us", "100000\n");
    assert_true(cgroup_cpu_quota(at("v1")) == 0);
    plant("v1/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"); /* the container's own, its path being the host's */
    plant("v1/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_true(cgroup_cpu_quota(at("v1")) == 0.5);
    plant("v1/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    plant("v1/sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
    assert_false(cgroup_memory(at("v1"), &limit, &left));
    plant("v1/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "2000\n");
    plant("v1/sys/fs/cgroup/memory/docker/memory.usage_in_bytes", "500\n");
    assert_true(cgroup_memory(at("v1"), &limit, &left));
    assert_int_equal(limit, 2000);
    assert_int_equal(left, 1500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_regular_files_are_mapped),
        cmocka_unit_test(a_file_is_mapped_and_read),
        cmocka_unit_test(a_whole_file_is_read_up_to_its_limit),
        cmocka_unit_test(a_file_appears_only_when_complete),
        cmocka_unit_test(links_and_devices_are_not_written_through),
        cmocka_unit_test(a_full_disk_says_so),
        cmocka_unit_test(a_commit_that_fails_leaves_nothing),
        cmocka_unit_test(processor_and_memory_make_sense),
        cmocka_unit_test(limits_of_cgroup_v2),
        cmocka_unit_test(limits_of_cgroup_v1),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

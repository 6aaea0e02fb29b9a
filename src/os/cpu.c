/* cpu.c - what the processor can do and the system lets us do.
 *
 * An instruction set may be used when three agree: CPUID names it, the system saves its registers (OSXSAVE set and
 * their bits in XCR0, read by XGETBV: 1-2 SSE and AVX, 5-7 AVX-512, 17-18 AMX), and for AMX, whose registers are
 * 8 KiB, the process has asked (arch_prctl ARCH_REQ_XCOMP_PERM, Linux 5.16).
 * Leaves and bits: Intel Software Developer's Manual, volume 2A, CPUID; volume 1, chapters 13 and 18. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/os.h"

static const struct { unsigned bit; const char *name; } names[] = {
    { CPU_SSE41, "sse4.1" }, { CPU_AVX2, "avx2" },         { CPU_FMA, "fma" },
    { CPU_F16C, "f16c" },    { CPU_AVX512, "avx512" },     { CPU_VNNI, "vnni" },
    { CPU_AMX_INT8, "amx" }, { CPU_NEON, "neon" },         { CPU_DOTPROD, "dotprod" },
};

void os_cpu_feature_names(unsigned features, char *out, size_t n) {
    size_t used = 0;
    if (n > 0) out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(features & names[i].bit)) continue;
        int len = snprintf(NULL, 0, "%s%s", used ? " " : "", names[i].name);
        if (used + (size_t)len >= n) return;
        used += (size_t)snprintf(out + used, n - used, "%s%s", used ? " " : "", names[i].name);
    }
}

/* Copies one line without the blanks around it and the repeated ones inside. */
static void copy_name(char *out, size_t n, const char *s) {
    size_t used = 0;
    for (; *s && *s != '\n' && used + 1 < n; s++) {
        if (*s == ' ' && (used == 0 || out[used - 1] == ' ')) continue;
        out[used++] = *s;
    }
    while (used > 0 && out[used - 1] == ' ') used--;
    if (n > 0) out[used] = '\0';
}

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

static uint64_t xgetbv0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int amx_permitted(void) {
#ifdef __x86_64__
    enum { REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XTILEDATA) == 0;
#else
    return 0;
#endif
}

unsigned os_cpu_features(void) {
    const uint64_t avx = 0x6, avx512 = 0xE6, amx = 0x60000;
    unsigned a, b = 0, c, d = 0, f = 0, a7, c7 = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if (c & 1u << 19) f |= CPU_SSE41;
    if (!(c & 1u << 27)) return f; /* OSXSAVE */
    uint64_t saved = xgetbv0();
    if ((saved & avx) != avx || !(c & 1u << 28)) return f;
    if (c & 1u << 12) f |= CPU_FMA;
    if (c & 1u << 29) f |= CPU_F16C;
    if (!__get_cpuid_count(7, 0, &a7, &b, &c7, &d)) return f;
    if (b & 1u << 5) f |= CPU_AVX2;
    const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    if ((saved & avx512) == avx512 && (b & f_dq_bw_vl) == f_dq_bw_vl) {
        f |= CPU_AVX512;
        if (c7 & 1u << 11) f |= CPU_VNNI;
    }
    const unsigned tile_int8 = 1u << 24 | 1u << 25;
    if ((saved & amx) == amx && (d & tile_int8) == tile_int8 && amx_permitted()) f |= CPU_AMX_INT8;
    return f;
}

void os_cpu_name(char *out, size_t n) {
    unsigned r[13] = { 0 }, a, b, c, d;
    if (__get_cpuid(0x80000004, &a, &b, &c, &d))
        for (unsigned i = 0; i < 3; i++)
            __get_cpuid(0x80000002 + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3]);
    copy_name(out, n, r[0] ? (const char *)r : "x86 processor");
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

unsigned os_cpu_features(void) {
    const unsigned long asimd = 1u << 1, asimddp = 1u << 20; /* HWCAP_ASIMD, HWCAP_ASIMDDP */
    unsigned long has = getauxval(AT_HWCAP);
    return (has & asimd ? CPU_NEON : 0u) | (has & asimddp ? CPU_DOTPROD : 0u);
}

void os_cpu_name(char *out, size_t n) {
    char *s = NULL;
    size_t len;
    if (os_read_file("/proc/device-tree/model", 4096, &s, &len) != HEARTH_OK) s = NULL;
    copy_name(out, n, s && *s ? s : "ARM64 processor");
    free(s);
}

#else

unsigned os_cpu_features(void) { return 0; }
void os_cpu_name(char *out, size_t n) { copy_name(out, n, "unknown processor"); }

#endif

/* The mask of a machine with more than 1,024 cores does not fit cpu_set_t; then the kernel says EINVAL. */
static int affinity(void) {
    for (int room = 1024; room <= 1 << 18; room *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        if (!set) return 0;
        size_t bytes = CPU_ALLOC_SIZE((size_t)room);
        int ok = sched_getaffinity(0, bytes, set) == 0, e = errno;
        int n = ok ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (ok) return n;
        if (e != EINVAL) return 0;
    }
    return 0;
}

void os_cores(int *online, int *usable, double *quota) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    *online = n > 0 ? (int)n : 1;
    int mask = affinity();
    *usable = mask > 0 ? mask : *online;
    *quota = cgroup_cpu_quota("");
    if (*quota > 0 && ceil(*quota) < *usable) *usable = (int)ceil(*quota);
    if (*usable < 1) *usable = 1;
}

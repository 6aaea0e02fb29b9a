/* energy.c - what the machine itself says about power: RAPL counters, battery, clock, processor time.
 *
 * RAPL ("running average power limit") shows itself under /sys/class/powercap, one folder a zone, all beside each other:
 *
 *     intel-rapl:0      name package-0   energy_uj  max_energy_range_uj     a processor package: counted
 *     intel-rapl:0:0    name core        its cores: part of the package, not counted again
 *     intel-rapl:0:2    name dram        the memory beside it: counted apart, it is not in the package
 *     intel-rapl:1      name package-1   ... or psys, the whole platform: it holds the packages, not counted
 *     intel-rapl-mmio:0 name package-0   the same package seen through another door: not counted
 *
 * energy_uj counts microjoules up to max_energy_range_uj and then begins at 0 again.  AMD's counters come under the same
 * names.  Since Linux 5.10 only root may read energy_uj (CVE-2020-8694: it tells about other processes' secrets), unless
 * somebody allowed it.  See Documentation/power/powercap/powercap.rst of the kernel.  Virtual machines seldom have them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/os.h"

struct zone { int fd, dram; uint64_t last, range, sum; char *path; };
struct os_energy { struct zone *zone; size_t n, cap; };

enum { FOLDER = 512, FILE_IN_IT = FOLDER + 32 };

static const char *system_root(void) {
    const char *root = getenv("HEARTH_SYSTEM_ROOT");
    return root ? root : "";
}

/* The number at the beginning of a small file; 0 when there is none. */
static int read_number(const char *path, uint64_t *out) {
    char *text, *end;
    size_t n;
    if (os_read_file(path, 4096, &text, &n) != HEARTH_OK) return 0;
    errno = 0;
    *out = strtoull(text, &end, 10);
    int ok = end != text && text[0] >= '0' && text[0] <= '9' && errno == 0;
    free(text);
    return ok;
}

/* ---- RAPL ---- */

static enum hearth_status zone_read(struct zone *z, uint64_t *now) {
    char text[32];
    ssize_t n = pread(z->fd, text, sizeof text - 1, 0);
    if (n < 0) return fail_errno(z->path, "cannot read the energy counter");
    text[n] = '\0';
    char *end;
    *now = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || (*end != '\n' && *end != '\0') || *now > z->range)
        return fail(HEARTH_EIO, "%s: \"%.*s\" is no count of microjoules from 0 to %llu", z->path, (int)strcspn(text, "\n"), text,
                    (unsigned long long)z->range);
    return HEARTH_OK;
}

/* 0: a zone that is not counted. */
static int zone_kind(const char *dir, int *dram) {
    char path[FILE_IN_IT], *name;
    size_t n;
    snprintf(path, sizeof path, "%s/name", dir);
    if (os_read_file(path, 64, &name, &n) != HEARTH_OK) return 0;
    *dram = strcmp(name, "dram\n") == 0 || strcmp(name, "dram") == 0;
    int counted = *dram || strncmp(name, "package", 7) == 0;
    free(name);
    return counted;
}

static enum hearth_status zone_add(struct os_energy *e, const char *dir) {
    struct zone z = {.fd = -1};
    char path[FILE_IN_IT];
    if (!zone_kind(dir, &z.dram)) return HEARTH_OK;
    snprintf(path, sizeof path, "%s/max_energy_range_uj", dir);
    if (!read_number(path, &z.range) || z.range == 0)
        return fail(HEARTH_EIO, "%s: it should say at how many microjoules the counter begins again, more than 0", path);
    snprintf(path, sizeof path, "%s/energy_uj", dir);
    z.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (z.fd < 0 && (errno == EACCES || errno == EPERM))
        return fail(HEARTH_EIO, "%s: this process may not read it; the administrator may allow it: chmod a+r %s", path, path);
    if (z.fd < 0) return fail_errno(path, "cannot open the energy counter");
    enum hearth_status st = mem_grow(&e->zone, &e->cap, e->n + 1, sizeof z);
    z.path = strdup(path);
    if (st == HEARTH_OK && !z.path) st = fail_memory(strlen(path) + 1);
    if (st == HEARTH_OK) st = zone_read(&z, &z.last);
    if (st == HEARTH_OK) e->zone[e->n++] = z;
    else {
        close(z.fd);
        free(z.path);
    }
    return st;
}

enum hearth_status os_energy_open(struct os_energy **out) {
    char root[256], dir[FOLDER];
    *out = NULL;
    snprintf(root, sizeof root, "%s/sys/class/powercap", system_root());
    DIR *d = opendir(root);
    if (!d) return fail(HEARTH_ENOTFOUND, "%s: this machine shows no energy counters", root);
    struct os_energy *e = mem_array(1, sizeof *e);
    enum hearth_status st = e ? HEARTH_OK : HEARTH_ENOMEM;
    for (struct dirent *at; st == HEARTH_OK && (at = readdir(d));) {
        if (strncmp(at->d_name, "intel-rapl:", 11) != 0) continue;
        if ((size_t)snprintf(dir, sizeof dir, "%s/%s", root, at->d_name) < sizeof dir) st = zone_add(e, dir);
    }
    closedir(d);
    if (st == HEARTH_OK && os_energy_packages(e) == 0)
        st = fail(HEARTH_ENOTFOUND, "%s: no energy counter of a processor package there", root);
    if (st == HEARTH_OK) *out = e;
    else os_energy_close(e);
    return st;
}

void os_energy_close(struct os_energy *e) {
    if (!e) return;
    for (size_t i = 0; i < e->n; i++) {
        close(e->zone[i].fd);
        free(e->zone[i].path);
    }
    free(e->zone);
    free(e);
}

enum hearth_status os_energy_read(struct os_energy *e, uint64_t *package, uint64_t *dram) {
    *package = *dram = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct zone *z = &e->zone[i];
        uint64_t now;
        TRY(zone_read(z, &now));
        z->sum += now >= z->last ? now - z->last : now + z->range - z->last;
        z->last = now;
        *(z->dram ? dram : package) += z->sum;
    }
    return HEARTH_OK;
}

uint64_t os_energy_range(const struct os_energy *e) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < e->n; i++)
        if (e->zone[i].range < least) least = e->zone[i].range;
    return least;
}

int os_energy_packages(const struct os_energy *e) {
    int n = 0;
    for (size_t i = 0; i < e->n; i++) n += !e->zone[i].dram;
    return n;
}

int os_energy_has_dram(const struct os_energy *e) {
    return (size_t)os_energy_packages(e) < e->n;
}

int os_energy_readable(void) {
    struct os_energy *e;
    if (os_energy_open(&e) != HEARTH_OK) return 0;
    os_energy_close(e);
    return 1;
}

/* ---- battery, clock ---- */

/* power_now is in microwatts; batteries that lack it tell microamperes and microvolts. */
static double supply_watts(const char *dir) {
    char path[FILE_IN_IT], *text;
    size_t n;
    uint64_t power, current, voltage;
    snprintf(path, sizeof path, "%s/status", dir);
    if (os_read_file(path, 64, &text, &n) != HEARTH_OK) return 0;
    int discharging = strncmp(text, "Discharging", 11) == 0;
    free(text);
    if (!discharging) return 0;
    snprintf(path, sizeof path, "%s/power_now", dir);
    if (read_number(path, &power)) return (double)power / 1e6;
    snprintf(path, sizeof path, "%s/current_now", dir);
    if (!read_number(path, &current)) return 0;
    snprintf(path, sizeof path, "%s/voltage_now", dir);
    return read_number(path, &voltage) ? (double)current * (double)voltage / 1e12 : 0;
}

double os_battery_watts(void) {
    char root[256], dir[FOLDER];
    double watts = 0;
    snprintf(root, sizeof root, "%s/sys/class/power_supply", system_root());
    DIR *d = opendir(root);
    if (!d) return 0;
    for (struct dirent *at; (at = readdir(d));)
        if (at->d_name[0] != '.' && (size_t)snprintf(dir, sizeof dir, "%s/%s", root, at->d_name) < sizeof dir)
            watts += supply_watts(dir);
    closedir(d);
    return watts;
}

double os_cpu_mhz(void) {
    char path[FILE_IN_IT];
    uint64_t khz;
    int cpu = sched_getcpu();
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", system_root(), cpu > 0 ? cpu : 0);
    return read_number(path, &khz) ? (double)khz / 1e3 : 0;
}

/* ---- processor time ---- */

double os_cpu_seconds(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) return 0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "cpu  user nice system idle iowait irq softirq steal ...", in ticks; waiting is no work, and stolen time is another's. */
double os_busy_seconds(void) {
    unsigned long long t[7];
    char text[256], path[FILE_IN_IT];
    snprintf(path, sizeof path, "%s/proc/stat", system_root());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    text[n] = '\0';
    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6]) != 7) return 0;
    return (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / (double)sysconf(_SC_CLK_TCK);
}

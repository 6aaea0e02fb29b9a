/* os.h - all that asks the operating system: files as memory, what the processor can do, how much of it is ours. */
#ifndef HEARTH_OS_OS_H
#define HEARTH_OS_OS_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

/* ---- files ---- */
struct stat;
/* What the system says about a file's identity and last change: device, inode, size, mtime and ctime in nanoseconds.  A writer can
 * put mtime back; it cannot put ctime back. */
enum { FILE_ID = 5 };
void os_identify(const struct stat *s, uint64_t id[FILE_ID]);

struct mapping { const void *data; size_t size; int fd; uint64_t id[FILE_ID] /* when it was opened */; };
/* Maps a regular file for reading (anything else is refused by name: a device, a pipe, a folder).  The descriptor
 * stays open for os_read_at.  An empty file gives data = NULL, size = 0. */
enum hearth_status os_map(const char *path, struct mapping *out);
void os_unmap(struct mapping *m);
/* pread until all n bytes are there; a short file is EIO naming path and offset. */
enum hearth_status os_read_at(int fd, const char *path, void *dst, size_t n, uint64_t offset);
/* A whole regular file of at most max bytes, NUL-terminated; free() it. */
enum hearth_status os_read_file(const char *path, size_t max, char **data, size_t *n);

/* Writing a file that appears only when complete: path.XXXXXX.tmp in the same folder, fsync, rename. */
struct atomic_file { int fd; char *tmp, *path; int fresh; };
enum hearth_status os_atomic_open(const char *path, struct atomic_file *out);
enum hearth_status os_atomic_write(struct atomic_file *f, const void *data, size_t n);
enum hearth_status os_atomic_commit(struct atomic_file *f);  /* on failure the file is abandoned */
/* What was not there at os_atomic_open must not be there at the commit either: it would be somebody else's. */
void os_atomic_fresh(struct atomic_file *f);
void os_atomic_abandon(struct atomic_file *f);               /* harmless after commit */
enum hearth_status os_mkdirs(const char *path);              /* mode 0700 for what it makes */

/* ---- processor ---- */
enum {                             /* bits of os_cpu_features() */
    CPU_SSE41 = 1, CPU_AVX2 = 2, CPU_FMA = 4, CPU_F16C = 8, CPU_AVX512 = 16 /* F, BW, VL, DQ */, CPU_VNNI = 32,
    CPU_AMX_INT8 = 64, CPU_NEON = 128, CPU_DOTPROD = 256
};
/* What both the processor (CPUID) and the system (XGETBV, arch_prctl for AMX) allow. */
unsigned os_cpu_features(void);
void os_cpu_feature_names(unsigned features, char *out, size_t n);
void os_cpu_name(char *out, size_t n);
/* Cores: online, and usable = min(affinity mask, cgroup quota rounded up).  quota 0: none. */
void os_cores(int *online, int *usable, double *quota);
void os_memory(uint64_t *total, uint64_t *available);        /* bytes; the cgroup's limit considered */
/* Peak resident memory of this process in bytes: all, anonymous now, file-backed now. */
void os_resident(uint64_t *peak, uint64_t *anonymous, uint64_t *file);

/* ---- energy: energy.c.  HEARTH_SYSTEM_ROOT is put before /sys and /proc where it is set (a simulated tree) ---- */
struct os_energy;
/* The counters of the processor packages and of the memory beside them (RAPL).  ENOTFOUND: this machine shows none;
 * EIO: it has some, and this process may not read them. */
enum hearth_status os_energy_open(struct os_energy **out);
void os_energy_close(struct os_energy *e);
/* What they advanced since os_energy_open, in microjoules.  A counter that wrapped is understood when it is read at least
 * once a round: the shortest round is os_energy_range microjoules. */
enum hearth_status os_energy_read(struct os_energy *e, uint64_t *package, uint64_t *dram);
uint64_t os_energy_range(const struct os_energy *e);
int os_energy_packages(const struct os_energy *e);
int os_energy_has_dram(const struct os_energy *e);
int os_energy_readable(void);
/* What the battery gives now, in watts; 0 when there is none or it is not discharging. */
double os_battery_watts(void);
/* The clock of the core this thread runs on, in MHz; 0 when the system does not tell. */
double os_cpu_mhz(void);
/* Seconds of processor time: of this process with all its threads; of everything on this machine since it started (in steps of
 * a scheduler tick; 0 when the system does not tell). */
double os_cpu_seconds(void);
double os_busy_seconds(void);

#endif

/* memory.c - how much memory there is, and how much of it this process holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "os/cgroup.h"
#include "os/os.h"

/* The value in bytes of "Key:   123 kB" in a file of /proc; 0 when it is not there. */
static uint64_t kilobytes(const char *text, const char *key) {
    size_t n = strlen(key);
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, n) == 0 && at[n] == ':') return strtoull(at + n + 1, NULL, 10) * 1024;
    }
    return 0;
}

void os_memory(uint64_t *total, uint64_t *available) {
    char *text;
    size_t n;
    *total = *available = 0;
    if (os_read_file("/proc/meminfo", 1 << 16, &text, &n) == HEARTH_OK) {
        *total = kilobytes(text, "MemTotal");
        *available = kilobytes(text, "MemAvailable");
        free(text);
    }
    struct sysinfo s;
    if (*total == 0 && sysinfo(&s) == 0) { /* no /proc: an empty root folder */
        *total = (uint64_t)s.totalram * s.mem_unit;
        *available = ((uint64_t)s.freeram + s.bufferram) * s.mem_unit;
    }
    uint64_t limit, left;
    if (cgroup_memory("", &limit, &left)) {
        if (limit < *total) *total = limit;
        if (left < *available) *available = left;
    }
}

void os_resident(uint64_t *peak, uint64_t *anonymous, uint64_t *file) {
    char *text;
    size_t n;
    *peak = *anonymous = *file = 0;
    if (os_read_file("/proc/self/status", 1 << 16, &text, &n) == HEARTH_OK) {
        *peak = kilobytes(text, "VmHWM");
        *anonymous = kilobytes(text, "RssAnon");
        *file = kilobytes(text, "RssFile") + kilobytes(text, "RssShmem");
        free(text);
    }
    struct rusage r;
    if (*peak == 0 && getrusage(RUSAGE_SELF, &r) == 0) *peak = (uint64_t)r.ru_maxrss * 1024;
}

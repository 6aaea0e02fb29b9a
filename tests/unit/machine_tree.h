/* machine_tree.h - a simulated machine for the tests of energy: files under a folder that HEARTH_SYSTEM_ROOT names, as Linux shows
 * them under /sys and /proc. */
#ifndef HEARTH_TESTS_MACHINE_TREE_H
#define HEARTH_TESTS_MACHINE_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "os/os.h"

static char machine[64];

static inline const char *machine_file(const char *name)
{
    static char path[4][512];
    static int turn;
    char *p = path[turn++ & 3];
    snprintf(p, sizeof path[0], "%s/%s", machine, name);
    return p;
}

static inline void machine_put(const char *name, const char *text)
{
    char dir[512], path[512];
    snprintf(path, sizeof path, "%s", machine_file(name));
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    if (os_mkdirs(dir) != HEARTH_OK) abort();
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) abort();
}

static inline void machine_number(const char *name, unsigned long long n)
{
    char text[32];
    snprintf(text, sizeof text, "%llu\n", n);
    machine_put(name, text);
}

/* "intel-rapl:0", "package-0", where it begins again, where it stands. */
static inline void machine_zone(const char *zone, const char *name, unsigned long long range, unsigned long long now)
{
    char path[128], text[64];
    snprintf(path, sizeof path, "sys/class/powercap/%s/name", zone);
    snprintf(text, sizeof text, "%s\n", name);
    machine_put(path, text);
    snprintf(path, sizeof path, "sys/class/powercap/%s/max_energy_range_uj", zone);
    machine_number(path, range);
    snprintf(path, sizeof path, "sys/class/powercap/%s/energy_uj", zone);
    machine_number(path, now);
}

static inline void machine_counter(const char *zone, unsigned long long now)
{
    char path[128];
    snprintf(path, sizeof path, "sys/class/powercap/%s/energy_uj", zone);
    machine_number(path, now);
}

/* A machine without anything to read. */
static inline int machine_make(void **state)
{
    (void)state;
    strcpy(machine, "/tmp/hearth-machine.XXXXXX");
    return !mkdtemp(machine) || chmod(machine, 0755) || setenv("HEARTH_SYSTEM_ROOT", machine, 1);
}

static inline int machine_remove(void **state)
{
    char command[128];
    (void)state;
    unsetenv("HEARTH_SYSTEM_ROOT");
    snprintf(command, sizeof command, "rm -rf '%s'", machine);
    return system(command);
}

#endif

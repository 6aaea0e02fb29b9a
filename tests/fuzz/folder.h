/* folder.h - for fuzz targets whose reader wants files by name: a folder of this process, gone when it ends. */
#ifndef HEARTH_TESTS_FUZZ_FOLDER_H
#define HEARTH_TESTS_FUZZ_FOLDER_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char fuzz_home[] = "/tmp/hearth-fuzz-XXXXXX";

static inline void fuzz_remove(void)
{
    DIR *d = opendir(fuzz_home);
    char path[400];
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", fuzz_home, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    if (d) closedir(d);
    rmdir(fuzz_home);
}

/* The path of a file in it, good until the next call. */
static inline const char *fuzz_path(const char *name)
{
    static char path[400];
    static int made;
    if (!made && !mkdtemp(fuzz_home)) abort();
    if (!made) atexit(fuzz_remove);
    made = 1;
    snprintf(path, sizeof path, "%s/%s", fuzz_home, name);
    return path;
}

static inline const char *fuzz_put(const char *name, const uint8_t *data, size_t n)
{
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f)) abort();
    return path;
}

#endif

/* cgroup.c - Linux control groups, both versions.
 *
 * /proc/self/cgroup has a line for each hierarchy:  number:controllers:path
 *      0::/user.slice/app          version 2: one tree at /sys/fs/cgroup (or /sys/fs/cgroup/unified)
 *      4:memory:/docker/1234       version 1: a tree for each set of controllers, /sys/fs/cgroup/memory
 *
 * A limit binds everything below it, so we walk from our own group up to the root and keep the tightest.  Inside
 * a container the path may be the host's, which is not there to be seen; walking up then ends at the root of the
 * mounted tree, which is the container's own group.
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the Linux kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/cgroup.h"
#include "os/os.h"

enum { PATH = 1024, MAX_FILE = 1 << 20 };

/* A small file's text, or NULL. */
static char *slurp(const char *folder, const char *name) {
    char path[2 * PATH], *text;
    size_t n;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return NULL;
    return os_read_file(path, MAX_FILE, &text, &n) == HEARTH_OK ? text : NULL;
}

/* 1 when the file holds a number; "max" is none. */
static int read_number(const char *folder, const char *name, uint64_t *out) {
    char *text = slurp(folder, name), *end = NULL;
    if (!text) return 0;
    *out = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    free(text);
    return end != NULL;
}

/* Calls look(folder, arg) for our group in the tree of a controller and for all above it.  version: 1 or 2. */
typedef void look_fn(const char *folder, void *arg);

static void walk_up(const char *tree, const char *path, look_fn *look, void *arg) {
    char folder[PATH];
    if (snprintf(folder, sizeof folder, "%s%s", tree, path) >= (int)sizeof folder) return;
    size_t stop = strlen(tree);
    for (;;) {
        size_t n = strlen(folder);
        while (n > stop && folder[n - 1] == '/') folder[--n] = '\0';
        look(folder, arg);
        if (n <= stop) return;
        while (n > stop && folder[n - 1] != '/') n--;
        folder[n] = '\0';
    }
}

static int has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0')) return 1;
    }
    return 0;
}

static void walk(const char *root, const char *controller, look_fn *v1, look_fn *v2, void *arg) {
    char tree[PATH];
    char *text = slurp(root, "proc/self/cgroup"), *save = NULL;
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        list++;
        if (*list == '\0') {
            snprintf(tree, sizeof tree, "%s/sys/fs/cgroup", root);
            walk_up(tree, path, v2, arg);
            snprintf(tree, sizeof tree, "%s/sys/fs/cgroup/unified", root);
            walk_up(tree, path, v2, arg);
        } else if (has_word(list, controller)) {
            snprintf(tree, sizeof tree, "%s/sys/fs/cgroup/%s", root, list);
            walk_up(tree, path, v1, arg);
        }
    }
    free(text);
}

/* ---- processor time ---- */

static void keep_quota(double *least, double quota, double period) {
    if (quota > 0 && period > 0 && (*least == 0 || quota / period < *least)) *least = quota / period;
}

static void quota_v1(const char *folder, void *arg) {
    uint64_t quota, period; /* a quota of -1 is no number here: no limit */
    if (read_number(folder, "cpu.cfs_quota_us", &quota) && read_number(folder, "cpu.cfs_period_us", &period))
        keep_quota(arg, (double)quota, (double)period);
}

static void quota_v2(const char *folder, void *arg) {
    char *text = slurp(folder, "cpu.max");
    unsigned long long quota, period;
    if (text && sscanf(text, "%llu %llu", &quota, &period) == 2) keep_quota(arg, (double)quota, (double)period);
    free(text);
}

double cgroup_cpu_quota(const char *root) {
    double least = 0;
    walk(root, "cpu", quota_v1, quota_v2, &least);
    return least;
}

/* ---- memory ---- */

struct room { int found; uint64_t limit, available; };

/* Pages of files not used lately are counted as used, but are given back when needed. */
static uint64_t reclaimable(const char *folder, const char *key) {
    char *text = slurp(folder, "memory.stat"), *at = text;
    unsigned long long bytes = 0;
    size_t n = strlen(key);
    while (at && !(strncmp(at, key, n) == 0 && at[n] == ' ' && sscanf(at + n, "%llu", &bytes) == 1)) {
        at = strchr(at, '\n');
        if (at) at++;
    }
    free(text);
    return bytes;
}

static void keep_room(struct room *r, uint64_t limit, uint64_t used, uint64_t cache) {
    used = used > cache ? used - cache : 0;
    uint64_t left = limit > used ? limit - used : 0;
    if (!r->found || limit < r->limit) r->limit = limit;
    if (!r->found || left < r->available) r->available = left;
    r->found = 1;
}

static void room_v1(const char *folder, void *arg) {
    uint64_t limit, used;
    if (!read_number(folder, "memory.limit_in_bytes", &limit) || limit >= 1ull << 60) return; /* "none" is 2^63 - 4096 */
    if (!read_number(folder, "memory.usage_in_bytes", &used)) return;
    keep_room(arg, limit, used, reclaimable(folder, "total_inactive_file"));
}

static void room_v2(const char *folder, void *arg) {
    uint64_t limit, used;
    if (!read_number(folder, "memory.max", &limit) || !read_number(folder, "memory.current", &used)) return;
    keep_room(arg, limit, used, reclaimable(folder, "inactive_file"));
}

int cgroup_memory(const char *root, uint64_t *limit, uint64_t *available) {
    struct room r = { 0 };
    walk(root, "memory", room_v1, room_v2, &r);
    *limit = r.limit;
    *available = r.available;
    return r.found;
}

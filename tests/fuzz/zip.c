/* zip.c - fuzz target: bytes taken for a zip, once on this disk (hub/archive.h) and once on a server (hub/zipdir.h and
 * hub/inflate.h): each member is looked for and unpacked up to a limit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "hub/archive.h"
#include "hub/inflate.h"
#include "hub/zipdir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 16, MEMBERS = 16 };

static uint64_t unpacked;

static enum hearth_status count(void *user, const void *data, size_t n)
{
    (void)user, (void)data;
    unpacked += n;
    return unpacked > LIMIT ? fail(HEARTH_ELIMIT, "enough") : HEARTH_OK;
}

/* Returns the name of its first member, for the other half; free() it. */
static char *on_disk(const uint8_t *data, size_t size)
{
    struct archive *a;
    char *name = NULL;
    enum hearth_status st = archive_open_memory(data, size, "fuzz.zip", &a);
    if ((st == HEARTH_OK) != (a != NULL) || (st && !*hearth_errmsg())) abort();
    if (!a) return NULL;
    for (size_t i = 0; i < archive_count(a) && i < MEMBERS; i++) {
        struct archive_member m, same;
        if (archive_member(a, i, &m) || archive_find(a, m.name, &same) || same.name != m.name) abort();
        if (!strncmp(m.name, "../", 3) || strstr(m.name, "/../") || *m.name == '/' || strchr(m.name, '\\')) abort();
        unpacked = 0;
        if (!archive_read(a, m.name, LIMIT, count, NULL) && unpacked != m.size) abort();
        if (unpacked > LIMIT) abort();
        if (!name) name = strdup(m.name);
    }
    archive_close(a);
    return name;
}

static void unpack(const uint8_t *packed, uint64_t n)
{
    struct inflater *z;
    struct inflate_place start = {0};
    unpacked = 0;
    if (inflate_open(&start, NULL, 0, &z)) return;
    enum hearth_status st = HEARTH_OK;
    for (uint64_t at = 0; at < n && !st && !inflate_ended(z); at += 777)
        st = inflate_feed(z, packed + at, n - at < 777 ? n - at : 777, count, NULL);
    inflate_mark(z, &start);
    if (!st && start.out > unpacked) abort();
    inflate_close(z);
}

static void on_server(const uint8_t *data, size_t size, const char *name)
{
    struct zip_directory d;
    struct zip_member m;
    uint64_t first;
    size_t tail = size < ZIP_TAIL ? size : ZIP_TAIL;
    if (zip_directory(data + size - tail, tail, size, "fuzz.zip", &d)) return;
    if (d.first > size || d.bytes > size - d.first) abort();
    if (zip_find(data + d.first, &d, name, "fuzz.zip", &m)) return;
    if (m.header > size || size - m.header < ZIP_LOCAL) return;        /* the caller asks for ZIP_LOCAL bytes there */
    if (zip_data(data + m.header, &m, &d, "fuzz.zip", &first)) return;
    if (first > size || m.packed > size - first) abort();
    if (m.method == 8) unpack(data + first, m.packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = on_disk(data, size);
    on_server(data, size, name ? name : "pkg/model.gguf");
    if (size > 0) unpack(data, size);
    free(name);
    return 0;
}

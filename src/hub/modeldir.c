/* modeldir.c - see modeldir.h.  The files are asked for by name, and a folder is never listed: a server that has given up looking around
 * may still read the files of a model. */
#include "hub/modeldir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "file/safetensors.h"
#include "hub/digest.h"
#include "os/os.h"

enum { MAX_PATH = 3800, MAX_INDEX = 8 << 20 };

/* In the order of their names, but for the shards. */
static const char *const parts[] = {"added_tokens.json", "chat_template.jinja", "config.json", "generation_config.json", SAFETENSORS_FILE, SAFETENSORS_INDEX,
                                    "special_tokens_map.json", "tekken.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"};
enum { PARTS = sizeof parts / sizeof *parts };

static int file_at(const char *folder, const char *name, char path[MAX_PATH + 300], struct stat *s)
{
    snprintf(path, MAX_PATH + 300, "%s/%s", folder, name);
    return stat(path, s) == 0;
}

int modeldir_is(const char *path)
{
    char file[MAX_PATH + 300];
    struct stat s;
    return strlen(path) <= MAX_PATH && stat(path, &s) == 0 && S_ISDIR(s.st_mode) && file_at(path, "config.json", file, &s);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of its files, sorted; names and array are the arena's. */
static enum hearth_status list_files(const char *folder, struct arena *arena, const char ***out, size_t *n)
{
    char path[MAX_PATH + 300], *text = NULL;
    const char **shard = NULL;
    size_t len = 0, shards = 0;
    struct stat s;
    if (strlen(folder) > MAX_PATH) return fail(HEARTH_ELIMIT, "%.80s...: a path of %zu bytes, allowed: at most %d", folder, strlen(folder), MAX_PATH);
    if (!file_at(folder, SAFETENSORS_FILE, path, &s) && file_at(folder, SAFETENSORS_INDEX, path, &s)) {
        TRY(os_read_file(path, MAX_INDEX, &text, &len));
        enum hearth_status st = safetensors_shards(path, text, len, arena, &shard, &shards);
        free(text);
        TRY(st);
    }
    const char **list = arena_alloc(arena, (PARTS + shards) * sizeof *list);
    if (!list) return HEARTH_ENOMEM;
    *n = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (file_at(folder, parts[i], path, &s)) list[(*n)++] = parts[i];
    for (size_t i = 0; i < shards; i++) list[(*n)++] = shard[i];
    if (*n > 1) qsort(list, *n, sizeof *list, by_name);
    *out = list;
    return HEARTH_OK;
}

static enum hearth_status add_up(const char *folder, const char *const *name, size_t n, uint64_t *out)
{
    char path[MAX_PATH + 300];
    struct stat s;
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!file_at(folder, name[i], path, &s)) return fail_errno(path, "cannot open");
        *out += (uint64_t)s.st_size;
    }
    return HEARTH_OK;
}

enum hearth_status modeldir_size(const char *path, uint64_t *out)
{
    struct arena arena;
    const char **name = NULL;
    size_t n = 0;
    arena_init(&arena, 0);
    enum hearth_status st = list_files(path, &arena, &name, &n);
    if (st == HEARTH_OK) st = add_up(path, name, n, out);
    arena_free(&arena);
    return st;
}

static enum hearth_status digest_files(const char *folder, const char *const *name, size_t n, const struct hub_callbacks *c, struct sha256 *sum,
                                       int *cached)
{
    for (size_t i = 0; i < n; i++) {
        char path[MAX_PATH + 300], line[400], hex[65];
        int known = 0;
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        TRY(hub_digest(path, c, hex, &known));
        *cached &= known;
        TRY(sha256_add(sum, line, (size_t)snprintf(line, sizeof line, "%s  %s\n", hex, name[i])));
    }
    return HEARTH_OK;
}

enum hearth_status modeldir_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached)
{
    struct arena arena;
    struct sha256 *sum = NULL;
    const char **name = NULL;
    size_t n = 0;
    int known = 1;
    arena_init(&arena, 0);
    enum hearth_status st = list_files(path, &arena, &name, &n);
    if (st == HEARTH_OK) st = sha256_open(&sum);
    if (st == HEARTH_OK) st = digest_files(path, name, n, c, sum, &known);
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    if (cached) *cached = st == HEARTH_OK && known;
    sha256_close(sum);
    arena_free(&arena);
    return st;
}

/* modeldir.c - see modeldir.h.  The files are asked for by name, and a folder is never listed: a server that has given up looking around
 * may still read the files of a model. */
#include "hub/modeldir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "file/gguf.h"
#include "file/safetensors.h"
#include "hub/digest.h"
#include "os/os.h"

enum { MAX_PATH = 3800, MAX_INDEX = 8 << 20 };

/* In the order of their names, but for the shards.  Those below folders belong to models of sentence-transformers. */
static const char *const parts[] = {"1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "2_Normalize/config.json",
                                    "3_Dense/config.json", "3_Dense/model.safetensors", "added_tokens.json", "chat_template.jinja", "config.json",
                                    "config_sentence_transformers.json", "generation_config.json", SAFETENSORS_FILE, SAFETENSORS_INDEX, "modules.json",
                                    "sentence_bert_config.json", "special_tokens_map.json", "tekken.json", "tokenizer.json", "tokenizer.model",
                                    "tokenizer_config.json"};
enum { PARTS = sizeof parts / sizeof *parts };

static int file_at(const char *folder, const char *name, char path[MAX_PATH + 300], struct stat *s)
{
    snprintf(path, MAX_PATH + 300, "%s/%s", folder, name);
    return stat(path, s) == 0;
}

static int is_first_piece(const char *path)
{
    unsigned no, of;
    return gguf_piece(path, &no, &of) && no == 1;
}

int modeldir_is(const char *path)
{
    char file[MAX_PATH + 300];
    struct stat s;
    if (strlen(path) > MAX_PATH || stat(path, &s) != 0) return 0;
    return S_ISDIR(s.st_mode) ? file_at(path, "config.json", file, &s) : is_first_piece(path);
}

/* A shard's name, or a piece's: no folder, nothing that a shell or a terminal would take for something else. */
static int is_plain(const char *name)
{
    return *name && *name != '.' && *name != '-' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0' && strlen(name) <= 200;
}

int modeldir_takes(const char *name)
{
    unsigned no, of;
    size_t n = strlen(name), m = strlen(".safetensors");
    for (size_t i = 0; i < PARTS; i++)
        if (!strcmp(name, parts[i])) return 1;
    return is_plain(name) && ((n > m && !strcmp(name + n - m, ".safetensors")) || gguf_piece(name, &no, &of));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The folder of the pieces and their names. */
static enum hearth_status list_pieces(const char *path, struct arena *arena, const char **folder, const char ***out, size_t *n)
{
    unsigned no, of;
    const char *slash = strrchr(path, '/');
    gguf_piece(path, &no, &of);
    const char **list = arena_alloc(arena, of * sizeof *list);
    if (!list || !(*folder = slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".")) return HEARTH_ENOMEM;
    for (no = 1; no <= of; no++) {
        char *name = arena_strndup(arena, slash ? slash + 1 : path, strlen(slash ? slash + 1 : path));
        if (!name) return HEARTH_ENOMEM;
        gguf_piece_path(slash ? slash + 1 : path, no, name);
        list[no - 1] = name;
    }
    *out = list;
    *n = of;
    return HEARTH_OK;
}

enum hearth_status modeldir_files(const char *model, struct arena *arena, const char **folder, const char ***out, size_t *n)
{
    char path[MAX_PATH + 300], *text = NULL;
    const char **shard = NULL;
    size_t len = 0, shards = 0;
    struct stat s;
    *folder = model;
    if (strlen(model) > MAX_PATH) return fail(HEARTH_ELIMIT, "%.80s...: a path of %zu bytes, allowed: at most %d", model, strlen(model), MAX_PATH);
    if (is_first_piece(model)) return list_pieces(model, arena, folder, out, n);
    if (!file_at(model, SAFETENSORS_FILE, path, &s) && file_at(model, SAFETENSORS_INDEX, path, &s)) {
        TRY(os_read_file(path, MAX_INDEX, &text, &len));
        enum hearth_status st = safetensors_shards(path, text, len, arena, &shard, &shards);
        free(text);
        TRY(st);
    }
    const char **list = arena_alloc(arena, (PARTS + shards) * sizeof *list);
    if (!list) return HEARTH_ENOMEM;
    *n = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (file_at(model, parts[i], path, &s)) list[(*n)++] = parts[i];
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
    const char **name = NULL, *folder;
    size_t n = 0;
    arena_init(&arena, 0);
    enum hearth_status st = modeldir_files(path, &arena, &folder, &name, &n);
    if (st == HEARTH_OK) st = add_up(folder, name, n, out);
    arena_free(&arena);
    return st;
}

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct modeldir_file *)a)->name, ((const struct modeldir_file *)b)->name);
}

enum hearth_status modeldir_sum(struct modeldir_file *files, size_t n, char hex[65])
{
    struct sha256 *sum = NULL;
    char line[400];
    if (n > 1) qsort(files, n, sizeof *files, by_file);
    TRY(sha256_open(&sum));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++)
        st = sha256_add(sum, line, (size_t)snprintf(line, sizeof line, "%s  %.300s\n", files[i].sha256, files[i].name));
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    return st;
}

enum hearth_status modeldir_digest(const char *path, const struct hub_callbacks *c, char hex[65], int *cached)
{
    struct arena arena;
    struct modeldir_file *files = NULL;
    const char **name = NULL, *folder;
    char file[MAX_PATH + 300];
    size_t n = 0;
    int all = 1, known = 0;
    arena_init(&arena, 0);
    enum hearth_status st = modeldir_files(path, &arena, &folder, &name, &n);
    if (st == HEARTH_OK && !(files = arena_alloc(&arena, n * sizeof *files))) st = HEARTH_ENOMEM;
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, name[i]);
        files[i].name = name[i];
        st = hub_digest_file(file, c, files[i].sha256, &known);
        all &= known;
    }
    if (st == HEARTH_OK) st = modeldir_sum(files, n, hex);
    if (cached) *cached = st == HEARTH_OK && all;
    arena_free(&arena);
    return st;
}

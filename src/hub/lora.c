/* lora.c - see lora.h.  What is looked at is the copy, so nobody can change it between being looked at and being kept. */
#include "hub/lora.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/modeldir.h"
#include "hub/store.h"
#include "os/os.h"

static const char *const parts[] = {"adapter_config.json", "adapter_model.safetensors"};   /* in the order of their names */
enum { PARTS = sizeof parts / sizeof *parts, PIECE = 1 << 20 };

static enum hearth_status join(const char *folder, const char *file, char **out)
{
    if (asprintf(out, "%s/%s", folder, file) >= 0) return HEARTH_OK;
    *out = NULL;
    return fail_memory(strlen(folder) + strlen(file) + 2);
}

static int is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

enum hearth_status lora_digest(const char *path, const struct hub_callbacks *c, char hex[65])
{
    struct modeldir_file f[PARTS];
    enum hearth_status st = HEARTH_OK;
    if (!is_folder(path)) return hub_digest_file(path, c, hex, NULL);
    for (int i = 0; i < PARTS && st == HEARTH_OK; i++) {
        char *file = NULL;
        f[i].name = parts[i];
        st = join(path, parts[i], &file);
        if (st == HEARTH_OK) st = hub_digest_file(file, c, f[i].sha256, NULL);
        free(file);
    }
    return st == HEARTH_OK ? modeldir_sum(f, PARTS, hex) : st;
}

/* ---- the copy ---- */

static enum hearth_status copy_file(const char *from, const char *to, const struct hub_callbacks *c)
{
    struct mapping map;
    struct atomic_file f;
    TRY(os_map(from, &map));
    enum hearth_status st = os_atomic_open(to, &f);
    for (size_t done = 0, n; st == HEARTH_OK && done < map.size; done += n) {
        n = map.size - done < PIECE ? map.size - done : PIECE;
        if (c && c->cancel && *c->cancel) st = fail(HEARTH_ECANCELLED, "interrupted; nothing was kept");
        if (st == HEARTH_OK) st = os_atomic_write(&f, (const char *)map.data + done, n);
        if (st != HEARTH_OK) os_atomic_abandon(&f);
    }
    if (st == HEARTH_OK) st = os_atomic_commit(&f);
    if (st == HEARTH_OK && chmod(to, 0444) != 0) st = fail_errno(to, "cannot be made read-only");
    os_unmap(&map);
    return st;
}

/* from: the files of a folder. */
static enum hearth_status copy_folder(const char *const from[PARTS], const char *to, const struct hub_callbacks *c)
{
    TRY(os_mkdirs(to));
    enum hearth_status st = HEARTH_OK;
    for (int i = 0; i < PARTS && st == HEARTH_OK; i++) {
        char *file = NULL;
        st = join(to, parts[i], &file);
        if (st == HEARTH_OK) st = copy_file(from[i], file, c);
        free(file);
    }
    return st;
}

static enum hearth_status copy(const char *from, const char *to, const struct hub_callbacks *c)
{
    char *file[PARTS] = {0};
    enum hearth_status st = HEARTH_OK;
    if (!is_folder(from)) return copy_file(from, to, c);
    for (int i = 0; i < PARTS && st == HEARTH_OK; i++) st = join(from, parts[i], &file[i]);
    if (st == HEARTH_OK) st = copy_folder((const char *const *)file, to, c);
    for (int i = 0; i < PARTS; i++) free(file[i]);
    return st;
}

/* ---- what ADAPTER says ---- */

/* "sha256:<hex>" of the store at *text, which moves on; a path, allocated. */
static enum hearth_status take_digest(const char **text, char **path)
{
    char hex[65];
    const char *at = *text + strspn(*text, " ");
    *path = NULL;
    if (strncmp(at, "sha256:", 7) != 0 || strlen(at) < 71)
        return fail(HEARTH_EUSAGE, "ADAPTER: \"%.80s\" should be \"sha256:\" and exactly 64 lower-case hex digits", at);
    snprintf(hex, sizeof hex, "%.64s", at + 7);
    *text = at + 71;
    TRY(store_blob_path(hex, path));
    if (access(*path, R_OK) == 0) return HEARTH_OK;
    return fail(HEARTH_ENOTFOUND, "ADAPTER: no file of the digest sha256:%s is in the store", hex);
}

static enum hearth_status copy_named(const char *adapter, const char *to, const struct hub_callbacks *c)
{
    char *file[PARTS] = {0};
    const char *text = adapter;
    enum hearth_status st = take_digest(&text, &file[0]);
    int two = st == HEARTH_OK && *text == ' ';
    if (two) st = take_digest(&text, &file[1]);
    if (st == HEARTH_OK && *text) st = fail(HEARTH_EUSAGE, "ADAPTER: \"%.20s\" after the digest; one or two digests are allowed", text);
    if (st == HEARTH_OK && two && (is_folder(file[0]) || is_folder(file[1]))) st = fail(HEARTH_EUSAGE, "ADAPTER: two digests should be those of two files");
    if (st == HEARTH_OK) st = two ? copy_folder((const char *const *)file, to, c) : copy(file[0], to, c);
    free(file[0]);
    free(file[1]);
    return st;
}

static enum hearth_status check(const struct hearth_model *base, const char *adapter)
{
    struct hearth_adapter *a = NULL;
    struct hearth_adapter_info info;
    TRY(hearth_adapter_open(base, adapter, &a));
    hearth_adapter_describe(a, &info);
    hearth_adapter_close(a);
    return info.classes ? fail(HEARTH_EUSAGE, "%s: it names %u classes and does not answer in words: `hearth classify` uses it", adapter, info.classes) : HEARTH_OK;
}

/* The sentence about our copy is one about the adapter. */
static enum hearth_status of_adapter(enum hearth_status st, const char *copy, const char *adapter)
{
    char said[1024];
    size_t n = strlen(copy);
    snprintf(said, sizeof said, "%s", hearth_errmsg());
    return st == HEARTH_OK || strncmp(said, copy, n) != 0 ? st : fail(st, "ADAPTER %.300s%s", adapter, said + n);
}

/* A copy at `to` becomes the blob of its digest. */
static enum hearth_status keep(const char *to, const struct hub_callbacks *c, char hex[65])
{
    char *blob = NULL;
    TRY(lora_digest(to, c, hex));
    TRY(store_blob_path(hex, &blob));
    enum hearth_status st = access(blob, F_OK) == 0 || rename(to, blob) == 0 ? HEARTH_OK : fail_errno(blob, "cannot be put in its place");
    free(blob);
    return st;
}

static enum hearth_status take(const char *adapter, int named, const struct hearth_model *base, const struct hub_callbacks *c, char hex[65])
{
    char *to = NULL;
    int lock = -1;
    uint64_t freed = 0;
    if (!named) TRY(check(base, adapter));             /* a mistake is told of what was named */
    TRY(hub_path(HUB_MODELS, "partial/adapter", &to));
    enum hearth_status st = store_lock(&lock);         /* one at a time; what a broken-off one left goes */
    if (st == HEARTH_OK) st = store_remove_all(to, &freed);
    if (st == HEARTH_OK) st = named ? copy_named(adapter, to, c) : copy(adapter, to, c);
    if (st == HEARTH_OK) st = of_adapter(check(base, to), to, adapter);
    if (st == HEARTH_OK) st = keep(to, c, hex);
    if (lock >= 0 && store_remove_all(to, &freed) != HEARTH_OK && st == HEARTH_OK) st = HEARTH_EIO;
    store_unlock(lock);
    free(to);
    return st;
}

enum hearth_status lora_take(const char *adapter, int paths, const struct hearth_model *base, const char *file, const struct hub_callbacks *c,
                             char hex[65])
{
    const struct hearth_model_params one = {.threads = 1};
    struct hearth_model *own = NULL;
    int named = !strncmp(adapter, "sha256:", 7);
    if (!named && !paths) return fail(HEARTH_EUSAGE, "ADAPTER: \"%.80s\": a file of this computer cannot be named from elsewhere; send it to /api/blobs", adapter);
    if (!named && access(adapter, R_OK) != 0) return fail_errno(adapter, "cannot open the adapter");
    if (!base) TRY(hearth_model_open(file, &one, &own));
    enum hearth_status st = take(adapter, named, base ? base : own, c, hex);
    hearth_model_close(own);
    return st;
}

/* ---- where it is ---- */

enum hearth_status lora_there(const char *sha256)
{
    char *path = NULL;
    TRY(store_blob_path(sha256, &path));
    enum hearth_status st = access(path, F_OK) == 0 ? HEARTH_OK : fail(HEARTH_ENOTFOUND, "the adapter sha256:%s is in the store no more", sha256);
    free(path);
    return st;
}

enum hearth_status lora_path(const char *sha256, char **path)
{
    char hex[65];
    TRY(lora_there(sha256));
    TRY(store_blob_path(sha256, path));
    enum hearth_status st = lora_digest(*path, NULL, hex);
    if (st == HEARTH_OK && strcmp(hex, sha256) != 0)
        st = fail(HEARTH_ECHECKSUM, "the adapter sha256:%s in the store has been changed; make the model again with `hearth create`", sha256);
    if (st == HEARTH_OK) return HEARTH_OK;
    free(*path);
    *path = NULL;
    return st;
}

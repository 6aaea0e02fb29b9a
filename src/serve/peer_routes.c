/* peer_routes.c - models for other hearths on the network: what a model is, and its file in pieces.
 *
 * Only what the store's names stand for, only what the key may use; a file is read by the HTTP thread, straight from the disk. */
#include "serve/peer_routes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/modeldir.h"
#include "hub/names.h"
#include "hub/peer.h"

void peer_model(struct exchange *x)
{
    struct hub_model m = {0};
    struct hub_recipe r = {0};
    char *path = NULL;
    json_t *o = NULL;
    if (!exchange_allowed(x, exchange_rest(x))) return;
    enum hearth_status st = hub_resolve_name(exchange_rest(x), &path, &m);
    if (st == HEARTH_OK) st = hub_recipe(&m, &r);
    if (st == HEARTH_OK) st = peer_describe(&m, &r, &o);
    if (st == HEARTH_OK) exchange_reply_json(x, 200, o);
    else exchange_fail(x, st, NULL);
    hub_recipe_free(&r);
    hub_model_free(&m);
    free(path);
}

/* A name that stands for the file of that digest, one that this key may use where there is one; allocated.  NULL: none. */
static char *name_of(const struct exchange *x, const char *sha256, char **path)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    char *name = NULL;
    if (hub_list(0, &m, &n) != HEARTH_OK) return NULL;
    for (int any = 0; any < 2 && !name; any++)
        for (size_t i = 0; i < n && !name; i++)
            if ((m[i].place == HUB_STORED || m[i].place == HUB_IN_PLACE) && !strcmp(m[i].sha256, sha256) && (any || exchange_may_use(x, m[i].name)))
                name = strdup(m[i].name);
    hub_models_free(m, n);
    if (name && hub_resolve_name(name, path, NULL) == HEARTH_OK) return name;
    free(name);
    return NULL;
}

/* "bytes=FIRST-" or "bytes=FIRST-LAST": 1; something else: 0, and all of it is sent; -1: beyond the file. */
static int read_range(const char *text, uint64_t size, uint64_t *first, uint64_t *end)
{
    uint64_t last = UINT64_MAX;
    int n = 0;
    *first = 0;
    if (!text || strncmp(text, "bytes=", 6) != 0 || text[6] < '0' || text[6] > '9') return 0;
    if (sscanf(text + 6, "%19" SCNu64 "-%n", first, &n) != 1 || !n) return *first = 0, 0;
    text += 6 + n;
    if (*text && (*text < '0' || *text > '9' || sscanf(text, "%19" SCNu64 "%n", &last, &n) != 1 || text[n])) return *first = 0, 0;
    if (*first >= size) return -1;
    if (last < *first) return *first = 0, 0;
    *end = last >= size ? size : last + 1;
    return 1;
}

static void send_file(struct exchange *x, int fd, uint64_t size)
{
    uint64_t first = 0, end = size;
    char text[96];
    int ranged = read_range(exchange_header(x, "Range"), size, &first, &end);
    exchange_set(x, "Accept-Ranges", "bytes");
    if (ranged < 0) {
        close(fd);
        snprintf(text, sizeof text, "bytes */%" PRIu64, size);
        exchange_set(x, "Content-Range", text);
        exchange_error(x, 416, NULL, NULL, "the file has %" PRIu64 " bytes", size);
        return;
    }
    snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, end - 1, size);
    if (ranged) exchange_set(x, "Content-Range", text);
    exchange_reply_file(x, ranged ? 206 : 200, "application/octet-stream", fd, first, end - first);
}

/* The file of that name of a model in several; *path becomes its own.  0: it has none such. */
static int find_part(const char *wanted, char **path)
{
    struct arena arena;
    const char *folder, **name = NULL;
    char *part = NULL;
    size_t n = 0, i = 0;
    arena_init(&arena, 0);
    if (modeldir_is(*path) && modeldir_files(*path, &arena, &folder, &name, &n) == HEARTH_OK) {
        while (i < n && strcmp(name[i], wanted) != 0) i++;
        if (i < n && asprintf(&part, "%s/%s", folder, name[i]) < 0) part = NULL;
    }
    arena_free(&arena);
    if (!part) return 0;
    free(*path);
    *path = part;
    return 1;
}

static void open_and_send(struct exchange *x, const char *path)
{
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 0) {
        send_file(x, fd, (uint64_t)s.st_size);
        return;
    }
    if (fd >= 0) close(fd);
    exchange_error(x, 500, NULL, NULL, "the file cannot be read now");
}

void peer_blob(struct exchange *x)
{
    const char *digest = exchange_rest(x), *slash = strchr(digest, '/');
    char *path = NULL, hex[65];
    size_t n = slash ? (size_t)(slash - digest) : strlen(digest);
    snprintf(hex, sizeof hex, "%.*s", n >= 7 && n <= 71 ? (int)(n - 7) : 0, n >= 7 ? digest + 7 : "");
    if (n != 71 || strncmp(digest, "sha256:", 7) != 0 || !name_is_digest(hex)) {
        exchange_error(x, 400, NULL, NULL, "a digest is \"sha256:\" and exactly 64 lower-case hex digits");
        return;
    }
    char *name = name_of(x, hex, &path);
    if (!name) exchange_error(x, 404, NULL, NULL, "no model of this server has a file of this digest");
    else if (exchange_allowed(x, name)) {
        if (!slash && modeldir_is(path)) exchange_error(x, 400, NULL, NULL, "%s is several files: /hearth/models/%s lists them, and the name of one goes behind the digest", name, name);
        else if (slash && !find_part(slash + 1, &path)) exchange_error(x, 404, NULL, NULL, "%s has no file of that name", name);
        else open_and_send(x, path);
    }
    free(name);
    free(path);
}

/* places.c - see places.h. */
#include "cmd/places.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hub/hub.h"
#include "work/dataset.h"

enum { LONGEST = 220 };              /* of 255: OUT.answers.jsonl.XXXXXX.tmp is longer than OUT */

static void put(struct opt_list *l, const char *path)
{
    if (!path) return;
    l->item = xrealloc(l->item, l->n + 1, sizeof *l->item);
    l->item[l->n++] = path;
}

void place_in(struct places *p, const char *path) { if (path && strcmp(path, "-") != 0) put(&p->in, path); }
void place_out(struct places *p, const char *path) { put(&p->out, path); }

static void put_own(struct places *p, struct opt_list *to, char *path)
{
    p->own = xrealloc(p->own, p->n_own + 1, sizeof *p->own);
    put(to, p->own[p->n_own++] = path);
}

/* x-00001-of-00003.gguf stands for the others too. */
static void put_pieces(struct places *p, const char *path)
{
    enum { TAIL = 20, MOST = 9999 };
    size_t n = strlen(path);
    unsigned of = 0, which = 0;
    char end;
    if (n <= TAIL || sscanf(path + n - TAIL, "-%5u-of-%5u.ggu%c", &which, &of, &end) != 3 || end != 'f' || of > MOST) return;
    for (unsigned i = 1; i <= of; i++) put_own(p, &p->in, xprintf("%.*s-%05u-of-%05u.gguf", (int)(n - TAIL), path, i, of));
}

void place_in_model(struct places *p, const char *name)
{
    struct hub_model about = {0};
    char *path = NULL;
    if (!name) return;
    int found = hub_resolve(name, &path, &about) == HEARTH_OK && path;
    put_pieces(p, found ? path : name);
    if (found) put_own(p, &p->models, path);
    else free(path), put(&p->models, name);
    hub_model_free(&about);
}

/* The folder in which `path` lies or would lie, with all links followed; allocated, NULL with errno. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *at = slash ? xprintf("%.*s", (int)(slash - path + 1), path) : xstrdup("."), *real = realpath(at, NULL);
    free(at);
    return real;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int same_file(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

static int ends_with_one(const char *path, const char *const *end)
{
    size_t n = strlen(path);
    for (; *end; end++) if (strlen(*end) <= n && strcasecmp(path + n - strlen(*end), *end) == 0) return 1;
    return 0;
}

/* What is read of a folder: of a model, or of documents or an adapter. */
static int is_kind_read(const char *path, int model)
{
    static const char *const of_model[] = {".safetensors", ".safetensors.index.json", ".gguf", ".jinja", "tokenizer.model", "config.json", "tokenizer.json", "tekken.json",
                                           "special_tokens_map.json", "added_tokens.json", "modules.json", "config_sentence_transformers.json", "vocab.json",
                                           "merges.txt", NULL},
                      *const of_adapter[] = {".safetensors", "adapter_config.json", "labels.json", NULL};
    if (*last_part(path) == '.') return 0;
    return ends_with_one(path, model ? of_model : of_adapter) || (!model && dataset_is_document(path));
}

static int is_gguf(const char *path)
{
    static const char *const end[] = {".gguf", NULL};
    return ends_with_one(path, end);
}

/* top: in the folder itself; else also in one below. */
static int lies_in(const char *folder, const char *path, int top)
{
    char *within = realpath(path, NULL);
    size_t n = within ? strlen(within) : 0;
    int inside = within && strncmp(folder, within, n) == 0 && (!folder[n] || (!top && (folder[n] == '/' || n == 1)));
    free(within);
    return inside;
}

/* folder: where it lies or would lie; it: NULL where it is not there. */
static int is_read(const struct places *p, const char *path, const struct stat *it, const char *folder)
{
    const struct opt_list *lists[] = {&p->in, &p->models};
    for (int model = 0; model < 2; model++)
        for (size_t i = 0; i < lists[model]->n; i++) {
            const char *read = lists[model]->item[i];
            struct stat s;
            if (stat(read, &s) != 0) continue;                   /* what is not there is told by whoever reads it */
            if (it && same_file(it, &s)) return 1;
            if (S_ISDIR(s.st_mode) && is_kind_read(path, model) && lies_in(folder, read, is_gguf(path))) return 1;
        }
    return 0;
}

/* The same file as an earlier place, there or not. */
static int is_another(const struct places *p, size_t k, const char *folder)
{
    for (size_t i = 0; i < k; i++) {
        char *other = folder_of(p->out.item[i]);
        int same = other && strcmp(other, folder) == 0 && strcmp(last_part(p->out.item[i]), last_part(p->out.item[k])) == 0;
        free(other);
        if (same) return 1;
    }
    return 0;
}

static int refuse(const char *path, const char *words)
{
    complain("%s %s", path, words);
    return EXIT_FAILED;
}

static int check_there(const char *path, int force)
{
    struct stat s;
    if (stat(path, &s) != 0) return refuse(path, "is a link to nothing");
    if (force == PLACE_NEW) return refuse(path, "is there already; name another place, or remove it first");
    if (S_ISDIR(s.st_mode)) return refuse(path, "is a folder; name a file");
    if (!S_ISREG(s.st_mode)) return refuse(path, "is not a regular file");
    return force == PLACE_REPLACE ? EXIT_DONE : refuse(path, "is there already; --force replaces it");
}

static int check(const struct places *p, size_t k, int force)
{
    const char *path = p->out.item[k];
    struct stat s;
    int code = EXIT_DONE;
    if (!*path) return usage("an empty name is no place for a file");
    if (strcmp(path, "-") == 0) return usage("standard output is no place for this; name a file");
    if (strlen(last_part(path)) > LONGEST) return usage("%s: a name of more than %d bytes leaves no room for those of the files beside it", path, LONGEST);
    char *folder = folder_of(path);
    if (!folder) complain("%s: its folder cannot be opened: %s", path, strerror(errno)), code = EXIT_FAILED;
    else if (is_another(p, k, folder)) code = refuse(path, "is named twice as a place for what is written");
    else if (is_read(p, path, stat(path, &s) == 0 ? &s : NULL, folder))
        code = refuse(path, "is read by this command, or would be the next time, so it is no place for what it writes; name another");
    else if (lstat(path, &s) == 0) code = check_there(path, force);
    else if (errno != ENOENT) complain("%s: %s", path, strerror(errno)), code = EXIT_FAILED;
    else if (access(folder, W_OK) != 0) complain("%s: nothing can be written in its folder: %s", path, strerror(errno)), code = EXIT_FAILED;
    free(folder);
    return code;
}

int places_check(struct places *p, int force)
{
    int code = EXIT_DONE;
    for (size_t k = 0; code == EXIT_DONE && k < p->out.n; k++) code = check(p, k, force);
    for (size_t i = 0; i < p->n_own; i++) free(p->own[i]);
    free(p->own), free(p->in.item), free(p->models.item), free(p->out.item);
    *p = (struct places){0};
    return code;
}

/* ---- a lock ---- */

/* The file may have been removed by its last owner between opening and locking it. */
static int still_there(const struct place_lock *l)
{
    struct stat a, b;
    return fstat(l->fd, &a) == 0 && lstat(l->path, &b) == 0 && same_file(&a, &b);
}

int place_lock(const char *out, struct place_lock *l)
{
    int got = -1;
    *l = (struct place_lock){.path = xprintf("%s.lock", out), .fd = -1};
    do {
        if (l->fd >= 0) close(l->fd);
        l->fd = open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
        if (l->fd < 0) break;
        while ((got = flock(l->fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {}
    } while (got == 0 && !still_there(l));
    if (got == 0) return EXIT_DONE;
    if (l->fd >= 0 && errno == EWOULDBLOCK) complain("another process is at work on %s", out);
    else complain("%s: cannot be locked: %s", l->path, strerror(errno));
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    place_unlock(l);
    return EXIT_FAILED;
}

void place_unlock(struct place_lock *l)
{
    struct stat s;
    if (l->fd >= 0 && fstat(l->fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size == 0) unlink(l->path);      /* a longer one is not ours */
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    *l = (struct place_lock){.fd = -1};
}

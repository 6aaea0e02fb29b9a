/* confine.c - the list of what a server may still read and write, from where this person's files lie.
 *
 * A folder of ours that is a link to another disk counts where it leads: Landlock goes by the place, not by the name.  A model that
 * is imported later and lies outside the store needs the server to be started again. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/confine.h"
#include "hub/hub.h"
#include "hub/modeldir.h"
#include "os/os.h"
#include "os/sandbox.h"

static int confined;

struct list { struct sandbox_path *at; size_t n, cap; };

/* Takes path. */
static enum hearth_status add(struct list *l, char *path, int write)
{
    enum hearth_status st = path ? mem_grow(&l->at, &l->cap, l->n + 1, sizeof *l->at) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) l->at[l->n++] = (struct sandbox_path){path, write};
    else free(path);
    return st;
}

static enum hearth_status add_copy(struct list *l, const char *path, int write)
{
    return add(l, strdup(path), write);
}

/* The folder, made when it is not there, and whatever in it is a link. */
static enum hearth_status add_folder(struct list *l, enum hub_folder folder, int write)
{
    char *path = NULL;
    TRY(hub_path(folder, NULL, &path));
    (void)os_mkdirs(path);                             /* where that cannot be, there will be nothing to read either */
    DIR *d = opendir(path);
    enum hearth_status st = HEARTH_OK;
    for (struct dirent *e; d && st == HEARTH_OK && (e = readdir(d));) {
        char *link = NULL;
        if (e->d_type != DT_LNK) continue;
        st = hub_path(folder, e->d_name, &link);
        if (st == HEARTH_OK) st = add(l, link, write);
    }
    if (d) closedir(d);
    if (st != HEARTH_OK) free(path);
    else st = add(l, path, write);
    return st;
}

/* The model's file or folder; of one in pieces each of them. */
static enum hearth_status add_model(struct list *l, const char *path)
{
    struct arena arena;
    struct stat s;
    const char *folder, **name = NULL;
    size_t n = 0;
    if (!modeldir_is(path) || (stat(path, &s) == 0 && S_ISDIR(s.st_mode))) return add_copy(l, path, 0);
    arena_init(&arena, 0);
    enum hearth_status st = modeldir_files(path, &arena, &folder, &name, &n);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) {
        char *piece = NULL;
        if (asprintf(&piece, "%s/%s", folder, name[i]) < 0) piece = NULL;
        st = add(l, piece, 0);
    }
    arena_free(&arena);
    return st;
}

static enum hearth_status add_models(struct list *l)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    enum hearth_status st = hub_list(0, &m, &n);
    if (st != HEARTH_OK) return st == HEARTH_ENOMEM ? st : HEARTH_OK;      /* whatever is wrong there is told when a model is asked for */
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) if (*m[i].path) st = add_model(l, m[i].path);
    hub_models_free(m, n);
    return st;
}

static enum hearth_status collect(struct list *l)
{
    static const char *const system_files[] = {"/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev"};
    const char *root = getenv("HEARTH_SYSTEM_ROOT");   /* energy counters of a simulated machine */
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++) TRY(add_copy(l, system_files[i], 0));
    TRY(add_copy(l, "/dev/null", 1));
    if (root && *root) TRY(add_copy(l, root, 0));
    TRY(add_folder(l, HUB_CONFIG, 0));
    TRY(add_folder(l, HUB_DATA, 1));
    TRY(add_folder(l, HUB_MODELS, 1));
    TRY(add_folder(l, HUB_CACHE, 1));
    return add_models(l);
}

enum hearth_status hub_confine(const char *const *also, size_t n, struct hub_confined *got)
{
    struct list l = {0};
    struct sandbox s = {0};
    enum hearth_status st = collect(&l);
    for (size_t i = 0; i < n && st == HEARTH_OK; i++) st = add_copy(&l, also[i], 0);
    if (st == HEARTH_OK) st = os_sandbox_enter(l.at, l.n, &s);
    for (size_t i = 0; i < l.n; i++) free((char *)(uintptr_t)l.at[i].path);
    free(l.at);
    *got = (struct hub_confined){s.landlock, s.seccomp};
    confined = st == HEARTH_OK && s.landlock;
    return st;
}

int hub_is_confined(void)
{
    return confined;
}

void hub_confinable(struct hub_confined *out)
{
    struct sandbox s;
    os_sandbox_offered(&s);
    *out = (struct hub_confined){s.landlock, s.seccomp};
}

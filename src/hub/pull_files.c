/* pull_files.c - fetching a model of several files: a folder of safetensors, a GGUF in pieces.
 *
 *     each file    sources in order -> partial/sha256-FILE.part -> digest -> partial/sha256-MODEL.files/NAME
 *     or all       the zip that holds them -> partial/sha256-ZIP.part -> digest -> unpacked, file by file -> digest -> the same folder
 *     in the end   partial/sha256-MODEL.files  -> blobs/sha256-MODEL -> names/
 *
 * The digest of the model is modeldir.h's, of the list of its files.  What lies in the folder of the files was held against its digest before
 * it came there, so a pull that is broken off goes on with the files that are missing, and inside the one that was under way.  One process at
 * a time works on a model: it holds partial/sha256-MODEL.part, which has no bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/gguf.h"
#include "hub/archive.h"
#include "hub/modeldir.h"
#include "hub/obtain.h"
#include "hub/pull.h"
#include "os/os.h"

struct job {
    const struct catalogue_model *m;
    const struct hub_callbacks *outer;   /* whoever called hears of the model as a whole */
    struct hub_callbacks calls;
    struct source_finder finder;
    char *folder;                        /* of the files that have come */
    uint64_t before;                     /* bytes of the files that are done */
};

/* ---- progress: of a file, told as one of the model ---- */

static void on_progress(void *user, const struct hub_progress *p)
{
    struct job *j = user;
    struct hub_progress g = *p;
    if (p->stage == HUB_DOWNLOADING || p->stage == HUB_UNPACKING) g.done += j->before, g.first += j->before, g.total = j->m->size;
    if (j->outer->on_progress) j->outer->on_progress(j->outer->user, &g);
}

/* ---- places ---- */

static enum hearth_status path_in(const struct job *j, const char *name, char **out)
{
    if (asprintf(out, "%s/%s", j->folder, name) >= 0) return HEARTH_OK;
    *out = NULL;
    return fail_memory(strlen(j->folder) + strlen(name) + 2);
}

static int is_there(const struct job *j, const struct catalogue_file *f)
{
    struct stat s;
    char *path;
    if (path_in(j, f->name, &path) != HEARTH_OK) return 0;
    int there = lstat(path, &s) == 0 && S_ISREG(s.st_mode) && (uint64_t)s.st_size == f->size;
    free(path);
    return there;
}

/* What is opened of the model: the first piece of a GGUF; "": the folder. */
static const char *entry_of(const struct catalogue_model *m)
{
    unsigned no, of;
    for (size_t i = 0; i < m->n_files; i++)
        if (gguf_piece(m->files[i].name, &no, &of) && no == 1) return m->files[i].name;
    return "";
}

/* The folder that the file goes into is made, and its place told. */
static enum hearth_status make_place(const struct job *j, const struct catalogue_file *f, char **out)
{
    TRY(path_in(j, f->name, out));
    char *slash = strrchr(*out, '/');
    *slash = '\0';
    enum hearth_status st = os_mkdirs(*out);
    *slash = '/';
    if (st == HEARTH_OK) return st;
    free(*out);
    *out = NULL;
    return st;
}

/* ---- one file ---- */

static enum hearth_status put(void *user, const void *data, size_t n)
{
    return partial_put(user, data, n);
}

static enum hearth_status from_archive(struct partial *part, struct archive *a, const char *source, const struct catalogue_file *f)
{
    char window[INFLATE_WINDOW];
    struct partial_place at = {0};
    size_t n;
    TRY(partial_begin(part, source, &at, window, &n));
    partial_say(part, HUB_UNPACKING);
    return archive_read(a, f->member, f->size, put, part);
}

static enum hearth_status from_folder(struct job *j, struct partial *part, const char *source, const struct catalogue_file *f)
{
    char *text;
    if (asprintf(&text, "%s%s", source, f->name) < 0) return fail_memory(strlen(source) + strlen(f->name) + 1);
    enum hearth_status st = obtain(part, &j->finder, &j->calls, text);
    free(text);
    return st;
}

/* a NULL: from the source, which is a folder. */
static enum hearth_status get_file(struct job *j, struct archive *a, const char *source, const struct catalogue_file *f)
{
    struct partial *part = NULL;
    char *place = NULL;
    if (is_there(j, f)) return HEARTH_OK;
    TRY(make_place(j, f, &place));
    enum hearth_status st = partial_open(f->sha256, f->size, &j->calls, &part);
    if (st == HEARTH_OK) st = a ? from_archive(part, a, source, f) : from_folder(j, part, source, f);
    if (st == HEARTH_OK) st = partial_finish(part, f->name, place);
    partial_close(part, st != HEARTH_OK && (!pull_goes_on(st) || (part && partial_full(part))));
    free(place);
    return st;
}

static enum hearth_status get_files(struct job *j, struct archive *a, const char *source)
{
    enum hearth_status st = HEARTH_OK;
    j->before = 0;
    for (size_t i = 0; i < j->m->n_files && st == HEARTH_OK; i++) {
        st = get_file(j, a, source, &j->m->files[i]);
        j->before += j->m->files[i].size;
    }
    return st;
}

/* ---- the zip that holds them ---- */

static enum hearth_status get_archive(struct job *j, const char *source, const char *path)
{
    struct partial *part = NULL;
    struct stat s;
    if (stat(path, &s) == 0 && (uint64_t)s.st_size == j->m->archive_size) return HEARTH_OK;
    TRY(partial_open(j->m->archive, j->m->archive_size, j->outer, &part));
    enum hearth_status st = obtain(part, &j->finder, j->outer, source);
    if (st == HEARTH_OK) st = partial_finish(part, j->m->name, path);
    partial_close(part, st != HEARTH_OK && (!pull_goes_on(st) || partial_full(part)));
    return st;
}

static enum hearth_status by_archive(struct job *j, const char *source)
{
    struct archive *a = NULL;
    char *path = NULL;
    TRY(store_part_path(j->m->archive, ".archive", &path));
    enum hearth_status st = get_archive(j, source, path);
    if (st == HEARTH_OK) st = archive_open(path, &a);
    if (st == HEARTH_OK) st = get_files(j, a, source);
    archive_close(a);
    if (st == HEARTH_OK || !pull_goes_on(st)) unlink(path);
    free(path);
    return st;
}

/* ---- the whole ---- */

/* All files are there, and they are all that the model is read from: an index that names others would make them another model. */
static enum hearth_status check_folder(const struct job *j)
{
    char *path = NULL;
    uint64_t size = 0;
    const char *entry = entry_of(j->m);
    TRY(path_in(j, entry, &path));
    enum hearth_status st = modeldir_is(path) ? modeldir_size(path, &size) : HEARTH_OK;
    if (st == HEARTH_OK && size != j->m->size)
        st = fail(HEARTH_EFORMAT, "%s: its files are no whole model: %llu bytes of %llu belong to one", j->m->name, (unsigned long long)size,
                  (unsigned long long)j->m->size);
    free(path);
    char why[1024];
    snprintf(why, sizeof why, "%s", hearth_errmsg());
    return st == HEARTH_ENOTFOUND ? fail(HEARTH_EFORMAT, "%s: its files are no whole model: %s", j->m->name, why) : st;
}

static enum hearth_status check_list(const struct catalogue_model *m)
{
    struct modeldir_file *list = mem_array(m->n_files, sizeof *list);
    char hex[65];
    if (!list) return HEARTH_ENOMEM;
    for (size_t i = 0; i < m->n_files; i++) {
        list[i].name = m->files[i].name;
        memcpy(list[i].sha256, m->files[i].sha256, sizeof list[i].sha256);
    }
    enum hearth_status st = modeldir_sum(list, m->n_files, hex);
    free(list);
    if (st == HEARTH_OK && strcmp(hex, m->sha256) != 0)
        st = fail(HEARTH_EFORMAT, "%s: its sha256 is %s; the list of its files has %s", m->name, m->sha256, hex);
    return st;
}

/* The folder gets its name for good, and the model its entry; both or none. */
static enum hearth_status settle(const char *folder, const char *blob, const struct hub_model *model)
{
    int lock = -1;
    uint64_t freed = 0;
    TRY(store_lock(&lock));
    enum hearth_status st = HEARTH_OK;
    if (folder && rename(folder, blob) != 0) {
        st = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? store_remove_all(blob, &freed) : fail_errno(blob, "cannot be put in its place");
        if (st == HEARTH_OK && rename(folder, blob) != 0) st = fail_errno(blob, "cannot be put in its place");
    }
    if (st == HEARTH_OK) st = store_write(model);
    store_unlock(lock);
    return st;
}

static enum hearth_status fetch_all(struct job *j, const char *accepted, const char *blob, struct hub_model *out)
{
    const struct catalogue_model *m = j->m;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < m->n_sources; i++) {
        st = *m->archive ? by_archive(j, m->source[i].text) : get_files(j, NULL, m->source[i].text);
        if (st == HEARTH_OK) st = check_folder(j);
        if (st == HEARTH_OK) st = pull_describe(m, &m->source[i], accepted, blob, entry_of(m), out);
        if (st == HEARTH_OK) {
            st = settle(j->folder, blob, out);
            if (st != HEARTH_OK) hub_model_free(out);
        }
        if (st == HEARTH_OK || !pull_is_sources_fault(st)) break;
    }
    return pull_say_what_to_do(m, 1, st);
}

static uint64_t have_come(const struct job *j)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < j->m->n_files; i++) bytes += is_there(j, &j->m->files[i]) ? j->m->files[i].size : 0;
    return bytes;
}

/* *here 1: the model is in the store, under another name or left over, and its digest is right. */
static enum hearth_status look_for_blob(const struct catalogue_model *m, const char *blob, const struct hub_callbacks *c, int *here)
{
    char *path = NULL, hex[65];
    const char *entry = entry_of(m);
    *here = 0;
    if (asprintf(&path, "%s%s%s", blob, *entry ? "/" : "", entry) < 0) return fail_memory(strlen(blob) + strlen(entry) + 2);
    enum hearth_status st = HEARTH_OK;
    if (modeldir_is(path) && pull_stored_size(path, m->size)) {
        st = hub_digest(path, c, hex, NULL);
        *here = st == HEARTH_OK && !strcmp(hex, m->sha256);
    }
    free(path);
    return st;
}

static enum hearth_status pull_locked(struct job *j, const char *accepted, struct hub_model *out, int *fetched)
{
    const struct catalogue_model *m = j->m;
    char *blob = NULL;
    int here = 0;
    TRY(pull_look_for_name(m, out, &here));                /* another process may have been first */
    if (here) return HEARTH_OK;
    TRY(store_blob_path(m->sha256, &blob));
    enum hearth_status st = look_for_blob(m, blob, j->outer, &here);
    if (st == HEARTH_OK && here) {
        st = pull_describe(m, &m->source[0], accepted, blob, entry_of(m), out);
        if (st == HEARTH_OK) st = settle(NULL, blob, out);
    } else if (st == HEARTH_OK) {
        uint64_t freed = 0;
        st = pull_check_room(m, m->size - have_come(j) + m->archive_size);
        if (st == HEARTH_OK) st = fetch_all(j, accepted, blob, out);
        *fetched = st == HEARTH_OK;
        char why[1024];
        snprintf(why, sizeof why, "%s", hearth_errmsg());
        if (st != HEARTH_OK && !pull_goes_on(st)) store_remove_all(j->folder, &freed);
        if (st != HEARTH_OK) fail(st, "%s", why);
    }
    free(blob);
    return st;
}

enum hearth_status pull_files(const struct catalogue_model *m, const struct hub_callbacks *c, const char *accepted, struct hub_model *out, int *fetched)
{
    struct job j = {.m = m, .outer = c};
    struct partial *mine = NULL;
    j.calls = (struct hub_callbacks){.on_progress = on_progress, .user = &j, .cancel = c->cancel};
    j.finder = (struct source_finder){.calls = &j.calls, .own = m->own, .bearer = m->bearer};
    TRY(check_list(m));
    TRY(store_part_path(m->sha256, ".files", &j.folder));
    enum hearth_status st = partial_open(m->sha256, m->size, c, &mine);
    if (st == HEARTH_OK) st = pull_locked(&j, accepted, out, fetched);
    partial_close(mine, 0);
    source_finder_free(&j.finder);
    free(j.folder);
    return st;
}

/* ---- forgetting ---- */

static void forget_part(const char *sha256, uint64_t *freed)
{
    static const char *const suffix[] = {".part", ".state", ".zip", ".archive"};
    struct stat s;
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
        char *path = NULL;
        if (store_part_path(sha256, suffix[i], &path) != HEARTH_OK) continue;
        if (lstat(path, &s) == 0 && S_ISREG(s.st_mode) && unlink(path) == 0) *freed += (uint64_t)s.st_size;
        free(path);
    }
}

/* Another process has it. */
static void note_waiting(void *user, const struct hub_progress *p)
{
    if (p->stage == HUB_WAITING) *(volatile int *)user = 1;
}

enum hearth_status pull_files_forget(const struct catalogue_model *m, uint64_t *freed)
{
    char *folder = NULL;
    struct partial *mine = NULL;
    volatile int busy = 0;
    const struct hub_callbacks c = {.on_progress = note_waiting, .user = (void *)&busy, .cancel = &busy};
    TRY(store_part_path(m->sha256, ".files", &folder));
    enum hearth_status st = partial_open(m->sha256, m->size, &c, &mine);
    if (busy) st = fail(HEARTH_EIO, "%s is being pulled by another process just now; end that one first", m->name);
    if (st == HEARTH_OK) {
        if (*m->archive) forget_part(m->archive, freed);
        for (size_t i = 0; i < m->n_files; i++) forget_part(m->files[i].sha256, freed);
        st = store_remove_all(folder, freed);
        partial_close(mine, 1);
    }
    free(folder);
    return st;
}

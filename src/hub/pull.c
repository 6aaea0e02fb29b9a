/* pull.c - fetching a model by name: what must hold before, what is changed after, and what is left when it fails.
 *
 *     name -> catalogue -> terms -> lock -> room on the disk -> sources in order -> digest -> blobs/ -> names/
 *
 * Up to the last two steps nothing but partial/ was touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hub/modeldir.h"
#include "hub/obtain.h"
#include "hub/pull.h"

static const struct hub_callbacks nobody;

/* ---- terms ---- */

static enum hearth_status ask_terms(const struct catalogue_model *m, const struct hub_callbacks *c, char when[24])
{
    struct hub_terms t = {m->name, m->licence, m->terms, m->terms_at, m->ask};
    TRY(store_accepted(m->licence, when));
    if (m->ask && *when) return HEARTH_OK;
    int accepted = c->on_terms && c->on_terms(c->user, &t);
    if (!m->ask) return HEARTH_OK;
    if (!accepted)
        return fail(HEARTH_ELICENSE, "%s comes under the terms \"%s\" (%s), which must be accepted first; nothing was fetched.  Pull it "
                    "on a terminal and answer yes, or say --accept-license", m->name, m->licence, m->terms_at);
    name_now(when);
    int lock = -1;
    TRY(store_lock(&lock));
    enum hearth_status st = store_accept(m->licence, when);
    store_unlock(lock);
    return st;
}

/* ---- what is here already ---- */

int pull_stored_size(const char *path, uint64_t size)
{
    struct stat s;
    uint64_t have = 0;
    if (modeldir_is(path)) return modeldir_size(path, &have) == HEARTH_OK && have == size;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && (uint64_t)s.st_size == size;
}

enum hearth_status pull_look_for_name(const struct catalogue_model *m, struct hub_model *out, int *here)
{
    *here = 0;
    enum hearth_status st = store_read(m->name, out);
    if (st == HEARTH_ENOTFOUND || st == HEARTH_EFORMAT) return HEARTH_OK;      /* a damaged one is written anew */
    TRY(st);
    *here = !strcmp(out->sha256, m->sha256) && pull_stored_size(out->path, m->size);
    if (*here) return HEARTH_OK;
    if (out->place == HUB_IN_PLACE || strcmp(out->sha256, m->sha256) != 0)
        st = fail(HEARTH_EUSAGE, "the name %s stands for %.500s already; remove it first (`hearth rm %s`) or give that file another name",
                  m->name, out->place == HUB_IN_PLACE ? out->path : "another file of the store", m->name);
    hub_model_free(out);
    return st;
}

/* *here 1: the file itself is in the store, under another name or left over, and its digest is right. */
static enum hearth_status look_for_blob(const struct catalogue_model *m, const char *blob, const struct hub_callbacks *c, int *here)
{
    char hex[65];
    *here = 0;
    if (!pull_stored_size(blob, m->size)) return HEARTH_OK;
    TRY(hub_digest(blob, c, hex, NULL));
    *here = !strcmp(hex, m->sha256);
    return HEARTH_OK;
}

/* ---- before and after ---- */

enum hearth_status pull_check_room(const struct catalogue_model *m, uint64_t need)
{
    struct statvfs v;
    char *folder = NULL;
    TRY(hub_path(HUB_MODELS, NULL, &folder));
    int known = statvfs(folder, &v) == 0;
    uint64_t room = known ? (uint64_t)v.f_bavail * v.f_frsize : UINT64_MAX;
    enum hearth_status st = HEARTH_OK;
    if (room < need)
        st = fail(HEARTH_EIO, "%s: %s needs %.1f MB more and %.1f MB are free; nothing was fetched.  Free some space, or set HEARTH_HOME "
                  "to a folder on another disk", folder, m->name, (double)need / 1e6, (double)room / 1e6);
    free(folder);
    return st;
}

enum hearth_status pull_describe(const struct catalogue_model *m, const struct catalogue_source *s, const char *accepted, const char *blob,
                                 const char *file, struct hub_model *out)
{
    char now[24];
    enum hearth_status st;
    name_now(now);
    TRY(catalogue_describe(m, out));
    out->place = HUB_STORED;
    TRY_GOTO(st, bad, store_set(out, STORE_SOURCE, s->text));
    TRY_GOTO(st, bad, store_set(out, STORE_LABEL, s->label));
    TRY_GOTO(st, bad, store_set(out, STORE_ADDED, now));
    TRY_GOTO(st, bad, store_set(out, STORE_ACCEPTED, accepted));
    TRY_GOTO(st, bad, store_set(out, STORE_PATH, blob));
    TRY_GOTO(st, bad, store_set(out, STORE_FILE, file));
    return HEARTH_OK;
bad:
    hub_model_free(out);
    return st;
}

/* The file gets its name for good, and the model its entry; both or none. */
static enum hearth_status settle(struct partial *part, const struct hub_model *model)
{
    int lock = -1, used = 1;
    TRY(store_lock(&lock));
    enum hearth_status st = part ? partial_finish(part, model->name, model->path) : HEARTH_OK;
    if (st == HEARTH_OK) {
        st = store_write(model);
        char why[1024];
        snprintf(why, sizeof why, "%s", hearth_errmsg());
        if (st != HEARTH_OK && part && store_in_use(model->sha256, STORE_AS_FILE, NULL, &used) == HEARTH_OK && !used) unlink(model->path);
        if (st != HEARTH_OK) fail(st, "%s", why);
    }
    store_unlock(lock);
    return st;
}

/* ---- fetching ---- */

int pull_is_sources_fault(enum hearth_status st)
{
    return st == HEARTH_ENETWORK || st == HEARTH_ENOTFOUND || st == HEARTH_EFORMAT || st == HEARTH_ECHECKSUM || st == HEARTH_ELIMIT ||
           st == HEARTH_EUNSUPPORTED;
}

/* What is left in partial/ is of use only when the same bytes can be gone on with. */
int pull_goes_on(enum hearth_status st)
{
    return st == HEARTH_ENETWORK || st == HEARTH_ECANCELLED || st == HEARTH_EIO || st == HEARTH_ENOMEM || st == HEARTH_ENOTFOUND;
}

enum hearth_status pull_say_what_to_do(const struct catalogue_model *m, int goes_on, enum hearth_status st)
{
    char why[1024];
    snprintf(why, sizeof why, "%s", hearth_errmsg());
    if (st == HEARTH_ENETWORK)
        return fail(st, "%s.  When that is mended, `hearth pull %s` %s", why, m->name,
                    goes_on ? "goes on from where it stopped" : "tries once more");
    if (st == HEARTH_ENOTFOUND)
        return fail(st, "%s.  Try again later, or bring the model's file and `hearth import` it", why);
    return st;
}

static enum hearth_status fetch_and_settle(const struct catalogue_model *m, struct partial *part, const struct hub_callbacks *c,
                                           const char *accepted, const char *blob, struct hub_model *out)
{
    struct source_finder finder = {.calls = c, .own = m->own, .bearer = m->bearer};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < m->n_sources; i++) {
        st = obtain(part, &finder, c, m->source[i].text);
        if (st == HEARTH_OK) st = pull_describe(m, &m->source[i], accepted, blob, "", out);
        if (st == HEARTH_OK) {
            st = settle(part, out);
            if (st != HEARTH_OK) hub_model_free(out);
        }
        if (st == HEARTH_OK || partial_full(part) || !pull_is_sources_fault(st)) break;
        if (st == HEARTH_ECHECKSUM || st == HEARTH_EFORMAT) partial_reset(part);
    }
    source_finder_free(&finder);
    return pull_say_what_to_do(m, partial_length(part) > 0, st);
}

static enum hearth_status pull_locked(const struct catalogue_model *m, struct partial *part, const struct hub_callbacks *c,
                                      const char *accepted, struct hub_model *out, int *fetched)
{
    char *blob = NULL;
    int here = 0;
    TRY(pull_look_for_name(m, out, &here));                     /* another process may have been first */
    if (here) return HEARTH_OK;
    TRY(store_blob_path(m->sha256, &blob));
    enum hearth_status st = look_for_blob(m, blob, c, &here);
    if (st == HEARTH_OK && here) {
        st = pull_describe(m, &m->source[0], accepted, blob, "", out);
        if (st == HEARTH_OK) st = settle(NULL, out);
    } else if (st == HEARTH_OK) {
        st = pull_check_room(m, m->size - (partial_length(part) < m->size ? partial_length(part) : m->size));
        if (st == HEARTH_OK) st = fetch_and_settle(m, part, c, accepted, blob, out);
        *fetched = st == HEARTH_OK;
    }
    free(blob);
    return st;
}

enum hearth_status pull_model(const struct catalogue_model *m, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    struct partial *part = NULL;
    char accepted[24];
    int here = 0;
    TRY(pull_look_for_name(m, out, &here));
    if (here) return HEARTH_OK;
    TRY(store_make());
    TRY(ask_terms(m, c, accepted));
    if (m->files) return pull_files(m, c, accepted, out, fetched);
    TRY(partial_open(m->sha256, m->size, c, &part));
    enum hearth_status st = pull_locked(m, part, c, accepted, out, fetched);
    partial_close(part, st == HEARTH_OK ? 0 : !(pull_goes_on(st) && !partial_full(part)));
    return st;
}

enum hearth_status hub_pull(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    char plain[NAME_MAX_BYTES + 1], near_text[512];
    struct catalogue cat;
    int unused = 0;
    if (!fetched) fetched = &unused;
    *fetched = 0;
    *out = (struct hub_model){0};
    TRY(name_canonical(name, plain));
    TRY(catalogue_open(&cat));
    const struct catalogue_model *m = catalogue_find(&cat, plain);
    enum hearth_status st;
    if (m) st = pull_model(m, c ? c : &nobody, out, fetched);
    else {
        struct name_near near = {.word = plain};
        catalogue_near(&cat, &near);
        st = store_read(plain, out);
        if (st == HEARTH_ENOTFOUND)
            st = fail(HEARTH_ENOTFOUND, "the catalogue knows no model \"%s\"%s (`hearth list --all` shows all it knows)", plain,
                      name_near_text(&near, near_text));
    }
    catalogue_free(&cat);
    return st;
}

/* remote.c - what both registries need. */
#include "hub/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/catalogue.h"
#include "hub/obtain.h"
#include "hub/peer.h"
#include "hub/pull.h"

/* ---- shared ---- */

enum hearth_status remote_endpoint(const char *variable, const char *section, const char *otherwise, char **out)
{
    struct ini f = {0};
    char *path = NULL;
    const char *said = variable ? getenv(variable) : NULL;
    TRY(hub_path(HUB_CONFIG, "sources.ini", &path));
    enum hearth_status st = said && *said ? HEARTH_ENOTFOUND : ini_read(path, &f);
    free(path);
    if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return st;
    if (st == HEARTH_OK) said = ini_get(&f, section, "endpoint");
    if (!said || !*said) said = otherwise;
    size_t n = strlen(said);
    while (n && said[n - 1] == '/') n--;
    int good = (!strncmp(said, "https://", 8) || !strncmp(said, "http://", 7)) && !strpbrk(said, " \"<>\\^`{|}?#") && n > 8;
    enum hearth_status got = good ? (*out = strndup(said, n)) ? HEARTH_OK : fail_memory(n + 1)
                           : fail(HEARTH_EUSAGE, "the endpoint \"%.200s\": allowed is https://HOST or http://HOST:PORT", said);
    if (st == HEARTH_OK) ini_free(&f);
    return got;
}

enum hearth_status remote_open(const char *endpoint, const char *token, const struct hub_callbacks *c, struct fetch **out)
{
    const struct fetch_settings set = {.retries = -1};
    TRY(fetch_open(&set, c, out));
    enum hearth_status st = fetch_name(*out, endpoint, token);
    if (st == HEARTH_OK) return st;
    fetch_close(*out);
    *out = NULL;
    return st;
}

static enum hearth_status check_file(const struct remote_file *f)
{
    if (!name_is_digest(f->sha256))
        return fail(HEARTH_EFORMAT, "%.300s: its digest is \"%.80s\", allowed: 64 lower-case hex digits", f->source, f->sha256);
    if (f->size < 1 || f->size > (uint64_t)1 << 46)
        return fail(HEARTH_EFORMAT, "%.300s: its size is %llu, allowed: from 1 to 2^46", f->source, (unsigned long long)f->size);
    return HEARTH_OK;
}

static struct catalogue_model as_entry(const struct remote_file *f)
{
    return (struct catalogue_model){.name = f->name, .aliases = "", .architecture = "", .parameters = "", .kind = "", .good_at = "", .note = "",
                                    .licence = f->licence, .terms = "", .terms_at = f->licence_at, .sha256 = f->sha256, .size = f->size, .own = 1,
                                    .bearer = f->token, .source[0] = {f->source, f->label}, .n_sources = 1, .files = f->files, .n_files = f->n_files};
}

enum hearth_status remote_pull_blob(const struct remote_file *f, const struct hub_callbacks *c, int *came)
{
    const struct catalogue_model m = as_entry(f);
    struct source_finder finder = {.calls = c, .own = 1, .bearer = f->token};
    struct partial *part = NULL;
    char *blob = NULL;
    int lock = -1;
    *came = 0;
    TRY(check_file(f));
    TRY(store_make());
    TRY(store_blob_path(f->sha256, &blob));
    enum hearth_status st = HEARTH_OK;
    if (pull_stored_size(blob, f->size)) goto done;
    TRY_GOTO(st, done, pull_check_room(&m, f->size));
    TRY_GOTO(st, done, partial_open(f->sha256, f->size, c, &part));
    if (!pull_stored_size(blob, f->size)) {                    /* nobody else has been first */
        st = pull_say_what_to_do(&m, partial_length(part) > 0, obtain(part, &finder, c, f->source));
        if (st == HEARTH_OK) st = store_lock(&lock);
        if (st == HEARTH_OK) st = partial_finish(part, f->name, blob);
        *came = st == HEARTH_OK;
        store_unlock(lock);
    }
    partial_close(part, st == HEARTH_OK ? 0 : !(pull_goes_on(st) && !partial_full(part)));
    source_finder_free(&finder);
done:
    free(blob);
    return st;
}

enum hearth_status remote_pull(const struct remote_file *f, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    const struct catalogue_model m = as_entry(f);
    TRY(check_file(f));
    return pull_model(&m, c, out, fetched);
}

/* ---- both ---- */

int hub_is_remote(const char *name)
{
    return !strncmp(name, "hf:", 3) || !strncmp(name, "ollama:", 7);
}

enum hearth_status hub_pull_remote(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched)
{
    static const struct hub_callbacks nobody;
    int unused = 0;
    if (!fetched) fetched = &unused;
    *fetched = 0;
    *out = (struct hub_model){0};
    if (!strncmp(name, "hf:", 3)) return remote_pull_hf(name + 3, c ? c : &nobody, out, fetched);
    return remote_pull_ollama(name + 7, c ? c : &nobody, out, fetched);
}

/* limits.c - what each key has used: the times of its last requests, and tokens since midnight (UTC).
 *
 * Requests a minute is a window that slides: the k-th request is allowed when the (k - limit)-th is more than a minute ago, which a
 * ring of `limit` times says exactly.  Tokens are kept from run to run in HUB_DATA/key-usage.ini, written at most every WRITE_SECONDS and
 * at the end:
 *
 *     [key anna]
 *     day = 20785              days since 1970-01-01
 *     tokens = 123456
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "hub/hub.h"
#include "hub/ini.h"
#include "serve/server_in.h"

enum { WRITE_SECONDS = 10 };

struct used { char name[KEY_NAME_MAX + 1]; double *at; unsigned room, next; int64_t day; uint64_t tokens; };
struct limits { pthread_mutex_t lock; struct used *used; size_t n, cap; double written; int changed; };

void limits_close(struct limits *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->n; i++) free(l->used[i].at);
    free(l->used);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct used *of(struct limits *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) if (strcmp(l->used[i].name, name) == 0) return &l->used[i];
    if (mem_grow(&l->used, &l->cap, l->n + 1, sizeof *l->used) != HEARTH_OK) return NULL;
    struct used *u = &l->used[l->n++];
    *u = (struct used){.day = 0};
    strncpy(u->name, name, sizeof u->name - 1);
    return u;
}

/* ---- from run to run ---- */

static enum hearth_status parse(struct limits *l, const struct ini *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct ini_item *it = &f->item[i];
        uint64_t n;
        struct used *u = strncmp(it->section, "key ", 4) == 0 && strlen(it->section + 4) <= KEY_NAME_MAX ? of(l, it->section + 4) : NULL;
        if (!u) return fail(HEARTH_EFORMAT, "%s, line %d: [%.80s] is no section of this file; one is [key anna]", f->label, it->line, it->section);
        TRY(ini_item_number(f, it, INT64_MAX, &n));
        if (strcmp(it->key, "day") == 0) u->day = (int64_t)n;
        else if (strcmp(it->key, "tokens") == 0) u->tokens = n;
        else return fail(HEARTH_EFORMAT, "%s, line %d: \"%s\" is neither day nor tokens", f->label, it->line, it->key);
    }
    return HEARTH_OK;
}

enum hearth_status limits_open(struct limits **out)
{
    struct ini f;
    char *path = NULL;
    struct limits *l = *out = mem_array(1, sizeof *l);
    if (!l) return HEARTH_ENOMEM;
    pthread_mutex_init(&l->lock, NULL);
    enum hearth_status st = hub_path(HUB_DATA, "key-usage.ini", &path);
    if (st == HEARTH_OK) st = ini_read(path, &f);
    if (st == HEARTH_OK) {
        st = parse(l, &f);
        ini_free(&f);
    } else if (st == HEARTH_ENOTFOUND) st = HEARTH_OK;
    free(path);
    if (st != HEARTH_OK) limits_close(l), *out = NULL;
    return st;
}

static enum hearth_status print(const struct limits *l, struct buf *to)
{
    TRY(buf_puts(to, "# What the keys of `hearth serve` have used of their tokens a day.\n"));
    for (size_t i = 0; i < l->n; i++) {
        if (!l->used[i].tokens) continue;
        TRY(buf_printf(to, "\n[key %s]\n", l->used[i].name));
        TRY(ini_put_number(to, "day", (uint64_t)l->used[i].day));
        TRY(ini_put_number(to, "tokens", l->used[i].tokens));
    }
    return HEARTH_OK;
}

enum hearth_status limits_write(struct limits *l, int now)
{
    struct buf text = {0};
    char *path = NULL;
    pthread_mutex_lock(&l->lock);
    int due = l->changed && (now || clock_seconds() - l->written >= WRITE_SECONDS);
    enum hearth_status st = due ? print(l, &text) : HEARTH_OK;
    if (due) l->changed = 0, l->written = clock_seconds();
    pthread_mutex_unlock(&l->lock);
    if (due && st == HEARTH_OK) st = hub_path(HUB_DATA, "key-usage.ini", &path);
    if (due && st == HEARTH_OK) st = ini_write(path, &text);
    free(path);
    buf_free(&text);
    return st;
}

/* ---- counting ---- */

/* The ring for a limit that may have changed since: then it begins anew, full of long ago. */
static int make_room(struct used *u, unsigned limit)
{
    if (u->room == limit) return 1;
    double *at = malloc(limit * sizeof *at);
    if (!at) return 0;
    for (unsigned i = 0; i < limit; i++) at[i] = -INFINITY;
    free(u->at);
    u->at = at;
    u->room = limit;
    u->next = 0;
    return 1;
}

unsigned limits_request(struct limits *l, const struct key *k)
{
    unsigned wait = 0;
    if (!k->requests_per_minute) return 0;
    pthread_mutex_lock(&l->lock);
    struct used *u = of(l, k->name);
    if (!u || !make_room(u, k->requests_per_minute)) wait = 60;        /* what cannot be counted is not allowed */
    else {
        double now = clock_seconds(), free_at = u->at[u->next] + 60;
        if (free_at > now) wait = (unsigned)ceil(free_at - now);
        else u->at[u->next] = now, u->next = (u->next + 1) % u->room;
    }
    pthread_mutex_unlock(&l->lock);
    return wait;
}

enum { DAY = 86400 };

/* A clock that is set back by up to a day gives nobody his tokens again; one that was years ahead and is put right ends the day it was on. */
static int is_of_day(const struct used *u, int64_t today)
{
    return u->day == today || u->day == today + 1;
}

unsigned limits_tokens_left(struct limits *l, const struct key *k)
{
    int64_t now = time(NULL);
    unsigned wait = 0;
    if (!k->tokens_per_day) return 0;
    pthread_mutex_lock(&l->lock);
    struct used *u = of(l, k->name);
    if (!u) wait = (unsigned)(DAY - now % DAY);
    else if (is_of_day(u, now / DAY) && u->tokens >= k->tokens_per_day) wait = (unsigned)((u->day + 1) * DAY - now);
    pthread_mutex_unlock(&l->lock);
    return wait;
}

void limits_add(struct limits *l, const char *name, uint64_t tokens)
{
    int64_t today = time(NULL) / DAY;
    pthread_mutex_lock(&l->lock);
    struct used *u = of(l, name);
    if (u && !is_of_day(u, today)) u->day = today, u->tokens = 0;
    if (u) u->tokens += tokens, l->changed = 1;
    pthread_mutex_unlock(&l->lock);
}

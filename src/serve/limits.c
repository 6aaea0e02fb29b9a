/* limits.c - what each key has used: the times of its last requests, and tokens since midnight (UTC).
 *
 * Requests a minute is a window that slides: the k-th request is allowed when the (k - limit)-th is more than a minute ago, which a
 * ring of `limit` times says exactly.  Kept in memory: a server that starts again counts anew. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "serve/server_in.h"

struct used { char name[KEY_NAME_MAX + 1]; double *at; unsigned room, next; int64_t day; uint64_t tokens; };
struct limits { pthread_mutex_t lock; struct used *used; size_t n, cap; };

enum hearth_status limits_open(struct limits **out)
{
    *out = mem_array(1, sizeof **out);
    if (!*out) return HEARTH_ENOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return HEARTH_OK;
}

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

unsigned limits_tokens_left(struct limits *l, const struct key *k)
{
    enum { DAY = 86400 };
    time_t now = time(NULL);
    unsigned wait = 0;
    if (!k->tokens_per_day) return 0;
    pthread_mutex_lock(&l->lock);
    struct used *u = of(l, k->name);
    if (!u || (u->day == now / DAY && u->tokens >= k->tokens_per_day)) wait = (unsigned)(DAY - now % DAY);
    pthread_mutex_unlock(&l->lock);
    return wait;
}

void limits_add(struct limits *l, const char *name, uint64_t tokens)
{
    int64_t today = time(NULL) / 86400;
    pthread_mutex_lock(&l->lock);
    struct used *u = of(l, name);
    if (u && u->day != today) u->day = today, u->tokens = 0;
    if (u) u->tokens += tokens;
    pthread_mutex_unlock(&l->lock);
}

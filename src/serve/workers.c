/* workers.c - threads that run routes.  One more begins when a route waits and nobody is free, up to WORKERS_MAX; one thread takes only
 * what was put off (receipts, ends of answers), so that routes which wait for a model never hold it up, and a few only what goes to the
 * disk or comes from it, so that a disk that stands still holds up nothing else. */
#include <stdlib.h>
#include "base/jsontext.h"
#include "serve/server_in.h"

static const int most[WORK_KINDS] = {WORKERS_MAX, 1, DISKERS_MAX};

static struct job *first_of(struct workers *w, enum work kind)
{
    struct job *j = w->first[kind];
    if (!j) return NULL;
    w->first[kind] = j->next;
    if (!j->next) w->last[kind] = &w->first[kind];
    return j;
}

static void *work(struct workers *w, enum work kind)
{
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct job *j = kind == WORK_ROUTE ? first_of(w, WORK_LATER) : NULL;
        if (!j) j = first_of(w, kind);
        if (!j && w->stop) break;
        if (!j) {
            w->idle[kind]++;
            pthread_cond_wait(&w->more, &w->lock);
            w->idle[kind]--;
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        jsontext_trust();                              /* what was lost of another's answer is no loss of this one's */
        if (j->x) exchange_run(j->x);
        else j->fn(j->user);
        free(j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void *routes(void *w) { return work(w, WORK_ROUTE); }
static void *later(void *w) { return work(w, WORK_LATER); }
static void *disk(void *w) { return work(w, WORK_DISK); }

/* With the lock. */
static int one_more(struct workers *w, enum work kind)
{
    static void *(*const main[WORK_KINDS])(void *) = {routes, later, disk};
    if (w->n[kind] == most[kind] || pthread_create(&w->thread[w->all], NULL, main[kind], w) != 0) return 0;
    w->n[kind]++;
    w->all++;
    return 1;
}

enum hearth_status workers_open(struct server *s)
{
    struct workers *w = &s->workers;
    int ok = 1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_mutex_lock(&w->lock);
    for (int kind = 0; kind < WORK_KINDS; kind++) w->last[kind] = &w->first[kind];
    for (int kind = 0; kind < WORK_KINDS && ok; kind++) ok = one_more(w, (enum work)kind);
    pthread_mutex_unlock(&w->lock);
    if (ok) return HEARTH_OK;
    workers_close(s);
    return fail(HEARTH_ENOMEM, "the system gives the server no threads");
}

int workers_add(struct server *s, enum work kind, struct exchange *x, void (*fn)(void *user), void *user)
{
    struct workers *w = &s->workers;
    struct job *j = malloc(sizeof *j);
    if (!j) return 0;
    *j = (struct job){.x = x, .fn = fn, .user = user};
    pthread_mutex_lock(&w->lock);
    int late = w->stop && kind == WORK_DISK;           /* its threads may have ended */
    if (!late) {
        *w->last[kind] = j;
        w->last[kind] = &j->next;
        int waiting = 0;
        for (struct job *k = w->first[kind]; k && waiting <= w->idle[kind]; k = k->next) waiting++;
        if (waiting > w->idle[kind]) one_more(w, kind);
        pthread_cond_broadcast(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    if (late) free(j);
    return !late;
}

void server_later(struct server *s, void (*fn)(void *user), void *user)
{
    if (!workers_add(s, WORK_LATER, NULL, fn, user)) fn(user);         /* no memory to put it off */
}

void workers_close(struct server *s)
{
    struct workers *w = &s->workers;
    pthread_mutex_lock(&w->lock);
    w->stop = 1;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->all; i++) pthread_join(w->thread[i], NULL);
    w->all = 0;
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
}

/* workers.c - threads that run routes.  One more begins when a route waits and nobody is free, up to WORKERS_MAX; the first takes
 * only what was put off (receipts, ends of answers), so that routes which wait for a model never hold it up. */
#include <stdlib.h>
#include "serve/server_in.h"

static struct job *take(struct workers *w, int only_later)
{
    for (int q = 1; q >= (only_later ? 1 : 0); q--) {
        struct job *j = w->first[q];
        if (!j) continue;
        w->first[q] = j->next;
        if (!j->next) w->last[q] = &w->first[q];
        return j;
    }
    return NULL;
}

static void work(struct workers *w, int only_later)
{
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct job *j = take(w, only_later);
        if (!j && w->stop) break;
        if (!j) {
            if (!only_later) w->idle++;
            pthread_cond_wait(&w->more, &w->lock);
            if (!only_later) w->idle--;
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        if (j->x) exchange_run(j->x);
        else j->fn(j->user);
        free(j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

static void *any(void *w)
{
    work(w, 0);
    return NULL;
}

static void *later(void *w)
{
    work(w, 1);
    return NULL;
}

/* With the lock. */
static int one_more(struct workers *w)
{
    if (w->n == WORKERS_MAX || pthread_create(&w->thread[w->n], NULL, w->n == 0 ? later : any, w) != 0) return 0;
    w->n++;
    return 1;
}

enum hearth_status workers_open(struct server *s)
{
    struct workers *w = &s->workers;
    int ok;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->last[0] = &w->first[0];
    w->last[1] = &w->first[1];
    pthread_mutex_lock(&w->lock);
    ok = one_more(w) && one_more(w);
    pthread_mutex_unlock(&w->lock);
    if (ok) return HEARTH_OK;
    workers_close(s);
    return fail(HEARTH_ENOMEM, "the system gives the server no threads");
}

int workers_add(struct server *s, int later_too, struct exchange *x, void (*fn)(void *user), void *user)
{
    struct workers *w = &s->workers;
    struct job *j = malloc(sizeof *j);
    if (!j) return 0;
    *j = (struct job){.x = x, .fn = fn, .user = user};
    pthread_mutex_lock(&w->lock);
    *w->last[later_too] = j;
    w->last[later_too] = &j->next;
    int waiting = 0;
    for (struct job *k = w->first[0]; k && waiting <= w->idle; k = k->next) waiting++;
    if (!later_too && waiting > w->idle) one_more(w);
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    return 1;
}

void server_later(struct server *s, void (*fn)(void *user), void *user)
{
    if (!workers_add(s, 1, NULL, fn, user)) fn(user);      /* no memory to put it off */
}

void workers_close(struct server *s)
{
    struct workers *w = &s->workers;
    pthread_mutex_lock(&w->lock);
    w->stop = 1;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->n; i++) pthread_join(w->thread[i], NULL);
    w->n = 0;
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
}

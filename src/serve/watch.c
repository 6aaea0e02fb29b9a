/* watch.c - notices what MHD does not: that a client left while its request is suspended, and that one is too slow.
 *
 * Every connection whose body comes, or that waits for an answer, is in an epoll of our own, armed for EPOLLRDHUP once (a second set may watch
 * the same socket; MHD does not read on when data and end come at once, and would wait for the rest of the body).  Deadlines are looked at four times a second: a connection past its own is shut down, which MHD then sees. */
#include <errno.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "serve/server_in.h"

enum { TICK = 250 };                                   /* milliseconds */

static void left(struct server *s, uint64_t id)
{
    struct exchange *x = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next) {
        if (c->id != id) continue;
        if (!c->whole) c->deadline = 0;                /* it ends in the middle of its request: there is nobody to answer */
        else if ((x = c->x)) exchange_ref(x);
    }
    pthread_mutex_unlock(&s->lock);
    if (!x) return;
    exchange_leave(x);
    exchange_unref(x);
}

static void look_at_clock(struct server *s)
{
    double now = clock_seconds();
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next)
        if (now > c->deadline) {
            shutdown(c->fd, SHUT_RDWR);
            c->deadline = INFINITY;
        }
    pthread_mutex_unlock(&s->lock);
}

/* Tells whoever wants to know that a client is gone, one after the other and without any lock. */
static void tell(struct server *s)
{
    struct exchange *x;
    do {
        pthread_mutex_lock(&s->lock);
        for (x = s->exchanges; x && !x->fire; x = x->next) continue;
        if (x) exchange_ref(x), x->fire = 0;
        pthread_mutex_unlock(&s->lock);
        if (x) exchange_fire(x), exchange_unref(x);
    } while (x);
}

static void *watch(void *user)
{
    struct server *s = user;
    struct epoll_event e[64];
    uint64_t drained;
    while (!s->watch_stop) {
        int n = epoll_wait(s->watch_epoll, e, 64, TICK);
        for (int i = 0; i < n; i++) {
            if (e[i].data.u64) left(s, e[i].data.u64);
            else if (read(s->watch_event, &drained, sizeof drained) < 0) continue;
        }
        look_at_clock(s);
        tell(s);
    }
    return NULL;
}

enum hearth_status watch_open(struct server *s)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0};
    s->watch_epoll = epoll_create1(EPOLL_CLOEXEC);
    s->watch_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->watch_epoll < 0 || s->watch_event < 0 || epoll_ctl(s->watch_epoll, EPOLL_CTL_ADD, s->watch_event, &e) != 0)
        return fail_errno("the server", "cannot watch its clients");
    if (pthread_create(&s->watch, NULL, watch, s) == 0) return HEARTH_OK;
    s->watch_stop = 1;
    return fail(HEARTH_ENOMEM, "the system gives the server no threads");
}

void watch_close(struct server *s)
{
    if (!s->watch_stop && s->watch_event >= 0 && s->watch_epoll >= 0) {
        s->watch_stop = 1;
        watch_poke(s);
        pthread_join(s->watch, NULL);
    }
    if (s->watch_event >= 0) close(s->watch_event);
    if (s->watch_epoll >= 0) close(s->watch_epoll);
}

void watch_arm(struct exchange *x, int whole)
{
    pthread_mutex_lock(&x->s->lock);
    struct conn *c = x->conn;
    if (c) {
        struct epoll_event e = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = c->id};
        c->whole = whole;
        if (whole) c->deadline = INFINITY;
        if (epoll_ctl(x->s->watch_epoll, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e) == 0) c->watched = 1;
    }
    pthread_mutex_unlock(&x->s->lock);
}

void watch_poke(struct server *s)
{
    uint64_t one = 1;
    ssize_t told = write(s->watch_event, &one, sizeof one);
    (void)told;                                        /* full: then it wakes anyway */
}

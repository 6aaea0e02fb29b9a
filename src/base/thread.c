/* thread.c - starting a thread. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>

enum hearth_status thread_start(pthread_t *id, void *(*fn)(void *arg), void *arg)
{
    static const int own[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL };
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(id, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!e) return HEARTH_OK;
    errno = e;
    return fail_errno("threads", "cannot start another");
}

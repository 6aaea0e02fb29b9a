/* thread.h - threads of the library's own. */
#ifndef HEARTH_BASE_THREAD_H
#define HEARTH_BASE_THREAD_H

#include <pthread.h>
#include "base/status.h"

/* Starts a thread that takes no signals: Ctrl-C belongs to the program's own threads.  Only those that tell of what a thread did
 * itself stay open, since the system ends a program that blocks one without asking the program's handler. */
enum hearth_status thread_start(pthread_t *id, void *(*fn)(void *arg), void *arg);

#endif

/* pool.h - the persistent thread pool.  One pool a model; run() splits [0, n) into pieces that threads take one
 * after the other.  Which thread computes a piece never changes what it computes. */
#ifndef HEARTH_BASE_POOL_H
#define HEARTH_BASE_POOL_H

#include "base/status.h"

struct pool;
typedef void pool_fn(void *arg, int thread, int64_t begin, int64_t end);

/* threads >= 1; the caller of pool_run is one of them.  spin: 1 when every thread has a core of its own. */
enum hearth_status pool_open(int threads, int spin, struct pool **out);
void pool_close(struct pool *p);
int pool_threads(const struct pool *p);
/* Calls fn over [0, n) in pieces of `grain` or several of them at once; returns when all are done.  fn must not call
 * pool_run. */
void pool_run(struct pool *p, pool_fn *fn, void *arg, int64_t n, int64_t grain);

#endif

/* cgroup.h - the limits that a container sets for us. */
#ifndef HEARTH_OS_CGROUP_H
#define HEARTH_OS_CGROUP_H
#include <stdint.h>
/* root: "" - or a folder that stands for "/", for tests. */
double cgroup_cpu_quota(const char *root);  /* CPUs allowed; 0: no limit */
/* Memory that may still be taken under the tightest limit, and that limit; 1 when there is one. */
int cgroup_memory(const char *root, uint64_t *limit, uint64_t *available);
#endif

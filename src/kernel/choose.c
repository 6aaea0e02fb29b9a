/* choose.c - which kernels run here: the last entry whose features the machine has, or the one HEARTH_ISA names. */
#include "kernel/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/status.h"
#include "os/os.h"

#if defined __x86_64__
extern const struct kernels kernels_avx2;
#endif

static const struct { const struct kernels *k; unsigned needs; } tables[] = { /* slowest first */
    { &kernels_scalar, 0 },
#if defined __x86_64__
    { &kernels_avx2, CPU_AVX2 | CPU_FMA | CPU_F16C },
#endif
};
enum { TABLES = sizeof tables / sizeof *tables };

static const struct kernels *chosen;
static const char *unknown;                 /* what HEARTH_ISA named in vain */

static int runs_here(size_t i) { return (os_cpu_features() & tables[i].needs) == tables[i].needs; }

static void choose(void)
{
    const char *want = getenv("HEARTH_ISA");
    if (want && !*want) want = NULL;
    chosen = &kernels_scalar;
    unknown = want;
    for (size_t i = 0; i < TABLES; i++) {
        if (!runs_here(i) || (want && strcmp(want, tables[i].k->name) != 0)) continue;
        chosen = tables[i].k;
        unknown = NULL;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

enum hearth_status kernels_choose(const struct kernels **out)
{
    pthread_once(&once, choose);
    if (unknown)
        return fail(HEARTH_EUSAGE, "HEARTH_ISA is \"%s\", which this build or this machine does not have; "
                    "`hearth doctor` lists those it has", unknown);
    *out = chosen;
    return HEARTH_OK;
}

const struct kernels *kernels_get(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const struct kernels *kernels_at(size_t i)
{
    for (size_t t = 0; t < TABLES; t++)
        if (runs_here(t) && i-- == 0) return tables[t].k;
    return NULL;
}

const char *hearth_isa(void) { return kernels_get()->name; }
int hearth_arithmetic_version(void) { return HEARTH_ARITHMETIC_VERSION; }

size_t kv_page_bytes(enum hearth_kv t, int head_width)
{
    size_t elements = (size_t)head_width * KV_PAGE;
    return t == HEARTH_KV_F32 ? elements * 4 : t == HEARTH_KV_F16 ? elements * 2 : elements + elements / 32 * 2;
}

size_t attend_scratch(int head_width) { return (size_t)head_width * KV_PAGE + ATTEND_QUERIES * ATTEND_CHUNK; }

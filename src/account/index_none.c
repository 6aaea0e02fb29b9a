/* index_none.c - instead of index.c in a build without SQLite. */
#include "account/index.h"

static enum hearth_status refuse(void)
{
    return fail(HEARTH_EUNSUPPORTED, "this hearth was built without sqlite3, so it cannot search the ledger; `hearth ledger show "
                "NUMBER` and `hearth ledger verify` need no search");
}

enum hearth_status index_open(const char *dir, struct ledger *l, index_progress *progress, void *user, struct index **out)
{
    (void)dir, (void)l, (void)progress, (void)user;
    *out = NULL;
    return refuse();
}

void index_close(struct index *x)
{
    (void)x;
}

uint64_t index_size(const struct index *x, uint64_t *strange)
{
    (void)x;
    if (strange) *strange = 0;
    return 0;
}

enum hearth_status index_find(struct index *x, const struct index_query *q, int (*fn)(void *user, const struct index_row *r),
                              void *user)
{
    (void)x, (void)q, (void)fn, (void)user;
    return refuse();
}

enum hearth_status index_count(struct index *x, const struct index_query *q, uint64_t *n)
{
    (void)x, (void)q;
    *n = 0;
    return refuse();
}

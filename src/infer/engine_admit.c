/* engine_admit.c - blocks: who may begin, what is found again, what is remembered.
 *
 *      blocks = free + idle (remembered, held by nobody else) + held by those that run
 *
 * Who begins is promised all the blocks that prompt and answer may need and takes them as it goes.  What is promised and not yet
 * taken is never more than free + idle, so a block is always there when its time has come, nobody is ever put back, and what is
 * remembered goes only when its block is really needed. */
#include "infer/engine.h"

/* ---- the queue ---- */

static struct job *take_out(struct hearth_engine *e, struct job **at)
{
    struct job *j = *at;
    *at = j->next;
    if (!*at) e->last = at;
    j->next = NULL;
    e->waiting--;
    return j;
}

/* Of the tenants with the fewest running requests, the one that has waited longest. */
static struct job **choose(struct hearth_engine *e)
{
    struct job **best = &e->first;
    for (struct job **at = &e->first; *at; at = &(*at)->next)
        if ((*at)->tenant->running < (*best)->tenant->running) best = at;
    return best;
}

static int fits(struct hearth_engine *e, struct job *j)
{
    uint32_t need = kv_blocks((uint64_t)j->n + j->g.limit);
    job_recall(e, j);
    if (e->promised + need - j->seq.count <= e->kv->free + prefix_idle(e->prefix)) {
        j->promised = need - j->seq.count;
        e->promised += j->promised;
        return 1;
    }
    while (j->seq.count > 0) kv_drop(e->kv, j->seq.block[--j->seq.count]);
    j->length = j->cached = j->chained = 0;
    j->chain = job_chain(j);
    return 0;
}

struct job *engine_admit(struct hearth_engine *e)
{
    struct job *gone = NULL;
    for (struct job **at = &e->first; *at;) {
        if (!job_cancelled(*at)) {
            at = &(*at)->next;
            continue;
        }
        struct job *j = take_out(e, at);
        j->next = gone, gone = j;
    }
    while (e->first && e->running < e->p.parallel) {
        struct job **at = choose(e);
        if (!fits(e, *at)) break;    /* nobody overtakes: a large one would never begin */
        struct job *j = take_out(e, at);
        j->tenant->running++;
        e->run[e->running++] = j;
    }
    return gone;
}

/* ---- blocks ---- */

static void take_from_promise(struct hearth_engine *e, struct job *j)
{
    if (j->promised == 0) return;
    j->promised--;
    e->promised--;
}

enum hearth_status job_reach(struct hearth_engine *e, struct job *j, uint32_t positions)
{
    while (j->seq.count < kv_blocks(positions)) {
        if (e->kv->free == 0) prefix_forget(e->prefix);
        TRY(kv_seq_reach(&j->seq, (j->seq.count + 1) * KV_PAGE));
        take_from_promise(e, j);
    }
    return HEARTH_OK;
}

/* The last token is always computed: its logits are not remembered. */
void job_recall(struct hearth_engine *e, struct job *j)
{
    uint64_t next;
    while (j->remembers && j->length == j->chained * KV_PAGE && j->length + KV_PAGE < j->n) {
        int32_t block = prefix_find(e->prefix, j->chain, j->ids + j->length, &next);
        if (block == KV_NONE) return;
        kv_seq_share(&j->seq, block);
        take_from_promise(e, j);
        j->chain = next;
        j->chained++;
        j->length += KV_PAGE, j->cached += KV_PAGE;
    }
}

void job_remember(struct hearth_engine *e, struct job *j)
{
    while (j->remembers && j->length >= (j->chained + 1) * KV_PAGE) {
        int32_t own = j->seq.block[j->chained], before = j->chained ? j->seq.block[j->chained - 1] : KV_NONE;
        int32_t there = prefix_keep(e->prefix, &j->tenant->owner, j->chain, before, j->ids + j->chained * KV_PAGE, own, &j->chain);
        if (there != own) {          /* somebody was faster, with the same bits: one copy is enough */
            kv_hold(e->kv, there);
            kv_drop(e->kv, own);
            j->seq.block[j->chained] = there;
        }
        j->chained++;
    }
}

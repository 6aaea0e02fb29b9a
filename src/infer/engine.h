/* engine.h - the inside of an engine: who waits, who runs, what the next step takes of each.
 *
 *     any thread               the engine's thread
 *     ----------               -------------------------------------------------------------
 *     submit ─► queue ─────►   admit: when there are blocks for prompt and answer             engine_admit.c
 *     cancel ─► a flag         step:  a token (and guesses) of every running answer,
 *                                     then pieces of prompts, tenants in turn                  engine_step.c
 *                              picks, tells, remembers full blocks, ends                      engine_pick.c
 *
 * A request has all its memory from the beginning (job_open), so a step allocates nothing and cannot fail for want of memory. */
#ifndef HEARTH_INFER_ENGINE_H
#define HEARTH_INFER_ENGINE_H

#include <pthread.h>

#include "infer/generation.h"
#include "infer/lookup.h"
#include "infer/prefix.h"
#include "model/forward.h"

enum { EXTRA_ROWS = 64 };            /* rows of logits in a step beyond one for each that runs: guesses, prompts with log-probabilities */

struct tenant {
    struct tenant *next;
    struct prefix_owner owner;       /* its number also orders the turns */
    uint32_t jobs, running;
    char name[];
};

struct job {
    struct job *next;                /* in the queue */
    uint64_t ticket;
    struct hearth_request q;
    struct tenant *tenant;
    int remembers;                   /* remembered blocks are used, and its own remembered */
    int32_t *ids;                    /* [n + g.limit] prompt and answer */
    uint32_t n;                      /* tokens of the prompt */
    uint32_t total;                  /* and those picked */
    uint32_t length;                 /* evaluated */
    uint32_t cached;
    struct kv_seq seq;
    uint32_t promised;               /* blocks that it may still take */
    uint32_t chained;                /* its first blocks, which are remembered */
    uint64_t chain;                  /* the number of the last of them */
    struct generation g;
    struct lookup lookup;
    int cancel;                      /* atomic */
    int begun;
    double submitted, started, answered;   /* when: taken in, first token of the prompt, prompt read */
    enum hearth_status status;
    char message[1024];

    /* of the step under way */
    uint32_t take;                   /* tokens it takes part with */
    uint32_t guesses;                /* the last of them, which stand behind `total` in ids */
    uint32_t right;                  /* of the guesses */
    int prompt_part;                 /* the tokens are of the prompt */
    const float *out;                /* its rows of logits, or of hidden states */
    struct picked picked[LOOKUP_MOST + 1];
    uint32_t n_picked;

    float *sum;                      /* embedding: [width] of the hidden states so far, and [embedding] of the result; NULL for an answer */
    int ended;                       /* embedding: under the engine's lock */
};

struct hearth_engine {
    struct hearth_model *m;
    struct hearth_engine_params p;   /* with the defaults filled in */
    uint32_t ctx, tokens_most;       /* of a conversation; of a step */
    struct forward *forward;
    struct kv_pool *kv;
    struct prefix *prefix;
    struct sampler *sampler;         /* [threads] */
    int samplers;
    float *logits;                   /* [parallel + EXTRA_ROWS][vocabulary] */
    size_t logits_bytes;
    struct span *span;               /* [parallel] of the step under way, ... */
    struct job **part;               /* [parallel] ... whose they are */
    uint32_t parts;
    uint64_t turn;                   /* the tenant that took part of a prompt last */
    uint32_t promised;               /* blocks, by all that run */
    struct hearth_engine_stats count; /* of what the engine's thread counts; added to stats after a step */

    pthread_mutex_t lock;            /* of what follows; never held while a callback runs or a step is computed */
    pthread_cond_t wake, done;       /* the engine's thread has something to do; an embedding has ended */
    struct job *first, **last;       /* the queue */
    struct job **run;                /* [parallel] in the order of admission; written by the engine's thread only */
    uint32_t waiting, running, embedding;
    struct tenant *tenants;
    uint64_t tickets;                /* given out so far */
    uint32_t owners;
    struct hearth_engine_stats stats;
    int closing;
    pthread_t thread;
};

/* ---- engine_admit.c ---- */
/* With the lock held: moves from the queue to the running who fits, tenants with the fewest running first; takes out who was cancelled
 * there and returns them as a list. */
struct job *engine_admit(struct hearth_engine *e);
/* Takes blocks until the job has `positions`, forgetting what is remembered where none is free. */
enum hearth_status job_reach(struct hearth_engine *e, struct job *j, uint32_t positions);
/* Uses remembered blocks for what comes next of the prompt. */
void job_recall(struct hearth_engine *e, struct job *j);
/* Remembers the blocks that have become full. */
void job_remember(struct hearth_engine *e, struct job *j);

/* ---- engine_step.c ---- */
/* One step of all that run. */
void engine_step(struct hearth_engine *e);

/* ---- engine_pick.c ---- */
/* Takes in what the step computed for the parts: tokens picked, told; prompts told of. */
void engine_settle(struct hearth_engine *e);
/* The failure in this thread's message is the job's. */
void job_failed(struct job *j, enum hearth_status st);
/* Nothing more is to be computed for it. */
int job_over(const struct job *j);
/* Pools the hidden states of this step into the sum of an embedding. */
void job_add_hidden(const struct hearth_engine *e, struct job *j);

/* Where the chain of what is remembered of it begins. */
static inline uint64_t job_chain(const struct job *j) { return prefix_start(&j->tenant->owner, j->q.adapter ? j->q.adapter->serial : 0); }
static inline int job_in_prompt(const struct job *j) { return j->length < j->n; }
static inline int job_cancelled(const struct job *j) { return __atomic_load_n(&j->cancel, __ATOMIC_RELAXED); }

#endif

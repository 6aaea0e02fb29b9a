/* tune.h - a model taught from somebody's examples: an adapter beside it, or new weights of its own.
 *
 *     tune_open     reads the examples, decides what was left open, says what it will take     nothing is computed yet
 *     tune_run      steps; every so often the state goes to a file, from which it can be gone on with, bit for bit
 *     tune_save     the adapter or the model, its page and its entry in the ledger; the state is removed
 *
 * The result is a function of model, examples, options and seed: no number of threads, no amount of memory and no interruption changes a
 * bit of it (ARITHMETIC.md section 9). */
#ifndef HEARTH_WORK_TUNE_H
#define HEARTH_WORK_TUNE_H

#include "work/dataset.h"

enum tune_method { TUNE_LORA, TUNE_FULL, TUNE_EMBEDDINGS };
enum tune_choice { TUNE_DPO, TUNE_ORPO };      /* how preferences are learnt: tune_step.c */
enum tune_long { TUNE_LONG_REFUSE, TUNE_LONG_LEAVE_OUT, TUNE_LONG_CUT };

struct tune_options {                /* tune_defaults() first */
    enum tune_method method;
    int head;                        /* a head for classes: 1, 0; -1: when there are labels, and more than 20 */
    int last_token;                  /* the head is given the last token's hidden state; 0: the mean of all tokens' */
    uint32_t rank;
    float alpha, dropout;
    int stabilised;                  /* rsLoRA */
    const char *targets;             /* "q,v": of q k v out gate up down; NULL: all */
    double epochs;                   /* 0: 3, with a head 2 */
    uint32_t steps;                  /* 0: by epochs */
    uint32_t batch, ctx;             /* examples of a step; tokens of an example */
    float rate, decay, clip, warmup; /* rate 0: by the method; warmup: share of all steps */
    int schedule;                    /* enum schedule_kind */
    double held;                     /* share that is held out; 0: none */
    uint32_t every, patience;        /* steps between looks at it (0: an epoch); looks without gain before it ends (0: never) */
    uint32_t save_every;             /* steps between states; 0: only when it is interrupted */
    uint64_t seed;
    uint64_t memory;                 /* bytes it may take; 0: as it needs, with up to 1,024 tokens at once */
    int threads;
    size_t limit;                    /* of the examples so many (dataset_choose), of which `held` is a share; 0: all */
    const char *columns;             /* dataset.h */
    int plain;                       /* no chat template */
    enum tune_long if_longer;
    enum tune_choice choice;
    float beta;                      /* of preferences */
    const char *teacher;             /* a model whose distribution is followed (train/distil.h): a path; NULL: none */
    const char *teacher_adapter;     /* of it; NULL: none */
    const char *made;                /* of a model and examples that were made for this: lines of the options that made them ("--size 3M\n"); or NULL */
    int reverse;
    float temperature, entropy;      /* entropy: share of the loss that the examples' own tokens have */
};
void tune_defaults(struct tune_options *o);

struct tune_plan {                   /* what tune_open found and decided */
    enum example_kind kind;
    size_t examples, learnt_from, held, longer, labels;
    size_t unlearnt;                 /* cut before what is to be learnt of them */
    struct dataset_pairs duplicates, contradictions;
    const char *data_digest;
    const char *unused, *text_column;        /* of plain text (struct dataset_source) */
    const char *alike[2];            /* labels (struct dataset) */
    size_t alikes;
    int head;
    uint64_t parameters, tokens;     /* that change; of one epoch */
    uint32_t steps, steps_an_epoch, longest, at_once; /* at_once: tokens computed together */
    float rate;
    uint64_t bytes, bytes_weights, bytes_parameters, bytes_tape, bytes_teacher;
    double taught;                   /* share of what is learnt of which the teacher says something */
    int resumed;                     /* a state was found and is gone on from */
    uint32_t done;                   /* steps it had */
};

struct tune_news {
    uint32_t step, steps, epoch;
    double read;                     /* step 0: the share of the examples that were read for what the head begins with; nothing else is set */
    double asked;                    /* above 0: the steps are done, and the share of held-out texts that were asked for their label; as above */
    double loss, mean;               /* of this step; smoothed */
    double norm, rate, tokens_per_second, left;    /* left: seconds */
    double joules;                   /* so far, those of an interrupted part too; looked at a few times a second */
    int modelled;                    /* they are not measured (account/meter.h) */
    int looked;                      /* the held-out part was looked at after this step */
    double held_loss, held_right;    /* right: share, with a head; else NaN */
    int best;                        /* it was the best look so far */
};
/* Non-zero: stop after this step; the state is saved and tune_run returns ECANCELLED. */
typedef int tune_tell(void *user, const struct tune_news *n);

struct tune;
/* out: where the result will go; the state lies beside it, out.state.  name: what the model is called.  resume: 1: a state that is there is
 * gone on from; 0: EUSAGE when there is one.  ELIMIT: more memory than `memory`; says how much. */
enum hearth_status tune_open(const char *model, const char *name, const char *data, const char *out, const struct tune_options *o, int resume,
                             struct tune **t);
void tune_close(struct tune *t);
const struct tune_plan *tune_planned(const struct tune *t);
/* ENUMERIC: a loss or gradient is not finite; names step and lines of its examples, and the last good state is kept. */
enum hearth_status tune_run(struct tune *t, tune_tell *tell, void *user);

struct tune_result { uint32_t steps, best_step; double first_loss, last_loss, held_first, held_best, held_right, seconds, joules; int modelled; uint64_t tokens, entry; char no_entry[256]; };
/* no_entry: why the ledger has none, though it was asked for; "": it has, or was not.  EUSAGE: something appeared at `out` meanwhile.
 * type: of a full tuning's matrices; NULL: F16 where the base is quantised, else as they are.  ledger 0: no entry.  *r may be NULL. */
enum hearth_status tune_save(struct tune *t, const char *type, int ledger, struct tune_result *r);
/* The page of the run (account/html.h); *text to be freed.  And its picture alone, an SVG. */
enum hearth_status tune_page(const struct tune *t, char **text, size_t *n);
enum hearth_status tune_picture(const struct tune *t, char **text, size_t *n);

#endif

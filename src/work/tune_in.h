/* tune_in.h - what a tuning holds: tune.c opens it, tune_step.c computes a step, tune_run.c goes through them, tune_state.c keeps it on
 * disk, tune_save.c writes what came of it. */
#ifndef HEARTH_WORK_TUNE_IN_H
#define HEARTH_WORK_TUNE_IN_H

#include "account/meter.h"
#include "base/checksum.h"
#include "train/head.h"
#include "train/lora.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/trainable.h"
#include "work/encode.h"
#include "work/tune.h"

struct unit { uint32_t first, n; };  /* sequences that stay together: one, or the two of a preference */

struct look { uint32_t step; double loss, right; };

struct tune {
    struct tune_options o;
    struct tune_plan plan;
    char *model, *name, *data, *out, *state;     /* paths; state: out.state */
    struct hearth_model *m;
    struct dataset *d;
    struct encoded e;
    struct unit *learn, *held;       /* [plan.learnt_from], [plan.held] */
    uint32_t *order;                 /* [learnt_from]: of this epoch */
    struct hearth_adapter *a;        /* NULL: none */
    struct lora_grads lora;
    float *head_grad;                /* [classes][width] */
    struct grads *grads;             /* full */
    struct trainable weights;
    struct optimizer *opt;
    float **best;                    /* [opt->n]: values of the best look; NULL: nothing is held out */
    struct tape *tape;
    double *reference;               /* DPO: [e.n] log-likelihood without the adapter */
    struct teacher *teacher;         /* NULL: none */
    int has_head;                    /* the head was the model's own */
    char base[65], teacher_sha[65];  /* SHA-256 of the files when they were opened; "": not to be had */
    char *settings;                  /* [settings_n]: tune_settings.c */
    size_t settings_n;
    uint32_t saved;                  /* the step after which the state on the disk is; 0: there is none */

    /* as it runs; in the state */
    uint32_t step, best_look, since_best;
    double tokens, seconds, joules;  /* joules: up to where this process began, then with its own */
    double *loss;                    /* [plan.steps] */
    struct look *look;               /* [looks] */
    size_t looks, look_cap;
    struct footprint footprint;      /* of this process's part */

    /* a piece under way */
    int32_t *ids, *target;           /* [at_once] */
    float *weight;                   /* [at_once] */
    double *each;                    /* [at_once] */
    uint32_t *lengths, *label;       /* [at_once] */
};

/* Of model, examples and options, for a state; EUSAGE: how the saved ones differ. */
enum hearth_status tune_settings(struct tune *t);
enum hearth_status tune_settings_differ(const struct tune *t, const char *saved, size_t n);
/* Steps per epoch, order of this one. */
void tune_batch(struct tune *t, uint32_t step, const uint32_t **units, uint32_t *n);
/* Gradients and the loss of the units, a mean over what is learnt; learn 0: the loss only.  *right: sequences a head had right. */
enum hearth_status tune_compute(struct tune *t, const struct unit *list, const uint32_t *pick, uint32_t n, int learn, double *loss, uint64_t *right);
/* Of DPO, before the first step. */
enum hearth_status tune_reference(struct tune *t);

/* ---- the teacher: tune_teach.c; each does nothing where there is none ---- */
enum hearth_status teacher_open(struct tune *t);             /* before the examples are read */
enum hearth_status teacher_prepare(struct tune *t);          /* when they are encoded */
void teacher_labels(const struct teacher *p, const char *const **label, size_t *n);   /* *label NULL: any */
enum hearth_status teacher_checksum(const struct teacher *p, struct checksum *c);
void teacher_close(struct teacher *p);
/* A pass over these sequences of t->e begins; what the loss needs for it, NULL without a teacher. */
struct distil *teacher_begin(struct teacher *p, const uint32_t *sequence);

/* Of a head, before the first step: fitted to the model as it is.  ECANCELLED: tell said so. */
enum hearth_status tune_begin_head(struct tune *t, tune_tell *tell, void *user);

/* Whole or not at all: where it cannot be written, the one before stays, which the message says. */
enum hearth_status tune_state_write(struct tune *t);
/* Fails with these words and which state there is to go on from. */
enum hearth_status tune_state_told(const struct tune *t, enum hearth_status st, const char *words);
/* ENOTFOUND: there is none.  EUSAGE: of another model, data or options. */
enum hearth_status tune_state_read(struct tune *t);

#endif

/* evaluation.h - what `hearth eval`, `compare` and `choose` share. */
#ifndef HEARTH_CMD_EVALUATION_H
#define HEARTH_CMD_EVALUATION_H

#include "cmd/models.h"
#include "cmd/places.h"
#include "work/evaluate.h"

/* Task files, data files and suites, opened; a mistake in one is said before anything is computed. */
struct suite;
struct eval_work { struct eval_task *task; struct suite *suite; };   /* one of the two */
enum hearth_status eval_work_open(char **path, size_t n, const struct eval_options *o, struct eval_work *w);
void eval_work_close(struct eval_work *w, size_t n);
/* The files that task files name. */
void eval_work_places(const struct eval_work *w, size_t n, struct places *p);

struct eval_judge { struct hearth_model *m; const char *name; };
/* Begins a result and runs all of them, with what it took. */
struct eval_progress;
enum hearth_status eval_run(const struct evaluate_params *p, const struct eval_work *w, size_t n, const struct eval_judge *judge,
                            struct eval_progress *progress, json_t **result);
/* For evaluate_params.on_step: one line on a terminal's standard error. */
struct eval_progress { const char *what; double begun, drawn; size_t total; int terminal; };
void eval_step(void *user, const char *task, size_t done, size_t total);
void eval_step_end(struct eval_progress *p);

/* The scores of every task, on standard output. */
void eval_table(const json_t *result);

/* A model opened with an adapter (NULL: none), and the digests of their files.  Exit code, with the message printed; eval_model_close()
 * in every case. */
struct eval_model {
    const char *name, *adapter_path;
    struct hearth_model *m;
    struct hearth_adapter *adapter;
    char sha256[65], adapter_sha256[65];
    char *own_adapter;               /* of a derived model, where none is given */
};
int eval_model_open(struct eval_model *e, const char *name, const char *adapter, const struct hearth_model_params *params);
void eval_model_close(struct eval_model *e);
/* Sets what evaluate_params says of the model. */
void eval_model_params(const struct eval_model *e, struct evaluate_params *p);

#endif

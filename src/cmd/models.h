/* models.h - from the word MODEL on the command line to an open model. */
#ifndef HEARTH_CMD_MODELS_H
#define HEARTH_CMD_MODELS_H

#include "cmd/command.h"
#include "hub/hub.h"

enum model_use {
    MODEL_TO_TALK,    /* run: a model of the catalogue that is not here is pulled first */
    MODEL_TO_CHAT,    /* the same, and base models are refused before anything is fetched */
    MODEL_TO_LOOK     /* every other command: it must be here */
};
/* The path of the model's file (free it); exit code, with the message printed. */
int model_find(const char *name, enum model_use use, char **path);
/* The same, opened. */
int model_open(const char *name, const struct hearth_model_params *params, enum model_use use, struct hearth_model **out);

/* "... is a base model ..., take an instruct one": EXIT_FAILED. */
int refuse_chat(const char *name);
/* Makes a folder and those above it, for the owner only; 0 or -1 with errno. */
int make_folders(const char *path);

/* quantize.c: "q4_k" -> "Q4_K", NULL when this build cannot write it; and what is said then. */
const char *quantize_type(const char *word);
int quantize_no_type(const char *word);
/* Writes the model as `file`, its matrices in the type `to` (NULL: as they are); what: said beside the progress.  The command's exit status. */
int quantize_write(const char *command, const char *model, const char *to, const char *what, const char *file, int replace);

/* The better model to advise on a computer with that much memory that reads it that fast: one that fits and answers about
 * as fast as people read.  0: there is none. */
int model_advice(uint64_t memory, double read_gbs, struct hub_advice *out);

/* pull.c: fetches a model by name as `hearth pull` does: terms and progress on standard error, Ctrl-C keeps what has
 * come.  accept: 1 when --accept-license was given.  Exit code, with the message printed. */
int pull_by_name(const char *name, int accept);

#endif

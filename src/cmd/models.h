/* models.h - from the word MODEL on the command line to an open model. */
#ifndef HEARTH_CMD_MODELS_H
#define HEARTH_CMD_MODELS_H

#include "cmd/command.h"
#include "hub/hub.h"

enum model_use {
    MODEL_TO_TALK,    /* run: a model of the catalogue that is not here is pulled first */
    MODEL_TO_CHAT,    /* the same, and base models are refused before anything is fetched */
    MODEL_TO_EMBED,   /* embed: as run, and models that only embed are what is wanted */
    MODEL_TO_MEASURE, /* what is said is about the file: a derived model's adapter is left aside, and that is said; it must be here, as below */
    MODEL_TO_CHANGE,  /* what is made is of the file alone, and would have lost the adapter: a model that has one is refused */
    MODEL_TO_LOOK     /* every other command */
};
/* The path of the model's file (free it); exit code, with the message printed. */
int model_find(const char *name, enum model_use use, char **path);
/* The same, opened. */
int model_open(const char *name, const struct hearth_model_params *params, enum model_use use, struct hearth_model **out);

/* The path of the adapter that a derived model was made with, allocated; NULL: none. */
enum hearth_status model_adapter(const char *name, char **path);

/* "... is a base model ..., take an instruct one": EXIT_FAILED. */
int refuse_chat(const char *name);
/* Makes a folder and those above it, for the owner only; 0 or -1 with errno. */
int make_folders(const char *path);

/* scratch.c: a folder below the cache's with one file in it, which is not there yet; what: in the folder's name.  Exit code. */
struct scratch { char *folder, *file; };
int scratch_make(struct scratch *s, const char *what);
void scratch_remove(struct scratch *s);

/* quantize.c: "q4_k_m" -> "Q4_K_M", NULL when this build cannot write it; and what is said then. */
const char *quantize_type(const char *word);
int quantize_no_type(const char *word);
/* Writes the model as `file`; what: said beside the progress; how: without callbacks.  The command's exit status. */
int quantize_write(const char *command, const char *model, const struct hearth_quantize_params *how, const char *what, const char *file,
                   int replace);
/* The same of a file, with nothing said but progress and failures. */
int quantize_quietly(const char *path, const struct hearth_quantize_params *how, const char *file);

/* cost.c: what types of a model, and files made of it, lost against it over a text. */
struct cost_ask {
    const char *model, *text;        /* text: a file's name */
    const char *const *what;         /* [n] types and mixes by their names, or files; files: files only */
    size_t n;
    int files;
    const struct hearth_quantize_params *how;
    int ctx, threads, arithmetic, json;
    const char *html;                /* a page is written to it; or NULL */
};
int cost_show(const struct cost_ask *q);

/* The better model to advise on a computer with that much memory that reads it that fast: one that fits and answers about
 * as fast as people read.  0: there is none. */
int model_advice(uint64_t memory, double read_gbs, struct hub_advice *out);

/* pull.c: fetches a model by name as `hearth pull` does: terms and progress on standard error, Ctrl-C keeps what has
 * come.  accept: 1 when --accept-license was given.  Exit code, with the message printed. */
int pull_by_name(const char *name, int accept);

#endif

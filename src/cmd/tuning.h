/* tuning.h - what tune.c and distill.c share: the options of learning, and a learning from its opening to what is said at its end. */
#ifndef HEARTH_CMD_TUNING_H
#define HEARTH_CMD_TUNING_H

#include "cmd/models.h"
#include "work/tune.h"

extern const struct opt tuning_options[];        /* the first table of both commands */
/* As the options say.  Teacher: the caller's. */
struct tune_options tuning_given(void);
/* What -o says; NULL: nothing.  And whether --resume, --json, --dry were there. */
extern struct tuning_said { const char *out; int resume, json, dry; } tuning;
/* A place that cannot be one for this method is refused: EXIT_DONE or the exit code. */
int tuning_check(const char *command);
/* And one that is there already, that is read (both ended by NULL), or that another process is at work on; until tuning_done no other is. */
int tuning_begin(const char *const *models, const char *const *files);
void tuning_done(void);
/* model: its path; name: as it was called.  The exit code. */
int tuning_run(const char *model, const char *name, const char *data, struct tune_options *o);

#endif

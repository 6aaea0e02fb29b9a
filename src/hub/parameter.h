/* parameter.h - the parameters of a model or a request as Modelfiles and clients name them, and what they are here.
 *
 *     PARAMETER temperature 0.2       in a Modelfile          ┐
 *     "options": {"temperature": 0.2} in a request            ┴─► struct parameters ─► struct hearth_generate_params
 *
 * Each name is one of four: mapped; a hint about the machine, which cannot change an answer here and is listed as unused; something
 * that hearth does not do, refused unless its value switches it off; or unknown, and refused. */
#ifndef HEARTH_HUB_PARAMETER_H
#define HEARTH_HUB_PARAMETER_H

#include <jansson.h>
#include "base/status.h"

enum { PARAMETER_STOPS = 64, PARAMETER_UNUSED = 16 };

struct parameters {
    struct hearth_sampling sampling;
    int max_tokens;                          /* -1: until the context is full */
    uint64_t ctx;                            /* num_ctx; 0: not said */
    int seed_given;
    const char *stop[PARAMETER_STOPS];       /* borrowed from the JSON */
    size_t n_stop;
    const char *unused[PARAMETER_UNUSED];    /* hints that were given, and what else changed nothing */
    size_t n_unused;
};

/* hearth's own defaults. */
void parameters_init(struct parameters *p);
/* Takes what is said in an object of parameters (NULL: nothing); later ones replace earlier ones, `stop` as a whole.  On failure *p
 * is to be thrown away.  where: "options" or "Modelfile", for messages.  EUSAGE names the parameter, the value found and those allowed. */
enum hearth_status parameters_read(const char *where, const json_t *from, struct parameters *p);
/* Lists a name (not copied) among those that changed nothing, once. */
void parameters_unused(struct parameters *p, const char *name);
/* The value of a PARAMETER line as JSON, by what the parameter is; *list 1: it may be said more than once (stop). */
enum hearth_status parameter_parse(const char *name, const char *text, json_t **out, int *list);

#endif

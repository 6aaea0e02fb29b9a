/* helper.h - a small process beside the server, for what the server gives up the right to do: it asks the network for a model.
 *
 *     hearth serve ──fork──► helper ──fork──► one process a pull: hub_pull
 *          │  socket per pull ───────────────────►│  a JSON line for each step, one for the end
 *          └─ then gives up: other programs, connections to anywhere, files but its own
 *
 * Without a helper (a server that gave up nothing) the same calls do the work themselves. */
#ifndef HEARTH_SERVE_HELPER_H
#define HEARTH_SERVE_HELPER_H

#include "hub/hub.h"

/* Before any thread starts. */
enum hearth_status helper_start(void);
/* Ends it, and every pull under way. */
void helper_stop(void);
/* hub_pull, by the helper: terms that want to be accepted are not (ELICENSE), on_terms is not called. */
enum hearth_status helper_pull(const char *name, const struct hub_callbacks *c, struct hub_model *out, int *fetched);

#endif

/* obtain.h - from a source to bytes in the partial file. */
#ifndef HEARTH_HUB_OBTAIN_H
#define HEARTH_HUB_OBTAIN_H

#include "hub/partial.h"
#include "hub/source.h"

/* Fetches all pieces of the source, going on where a pull from it stopped.  On failure the place is remembered. */
enum hearth_status obtain(struct partial *part, struct source_finder *finder, const struct hub_callbacks *c, const char *source);

#endif

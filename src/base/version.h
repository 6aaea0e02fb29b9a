/* version.h - what this build is.  hearth_version() and hearth_commit() are in hearth.h; here is the list of optional
 * features, so that the program can say what it was built without. */
#ifndef HEARTH_BASE_VERSION_H
#define HEARTH_BASE_VERSION_H

#include <stddef.h>

struct feature { const char *name; int built_in; };   /* "libcurl", 1 */

/* Feature i in the order of the Makefile; NULL past the last. */
const struct feature *version_feature(size_t i);

#endif

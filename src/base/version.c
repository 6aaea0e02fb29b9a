/* version.c - what this build is: its version, its commit and its optional features.
 *
 * gen/version.h is written by the Makefile, and only when it says something new:
 *     #define VERSION  "0.1.0"
 *     #define COMMIT   "86b3514f02ab"           "-dirty" when the tree was changed, "unknown" without git
 *     #define FEATURES {"libcurl", 1}, {"libzip", 0},
 * No other file includes it, so that a new commit compiles this file again and nothing else. */
#include "base/version.h"
#include "gen/version.h"
#include "hearth.h"

static const struct feature features[] = { FEATURES };

const char *hearth_version(void) { return VERSION; }

const char *hearth_commit(void) { return COMMIT; }

const struct feature *version_feature(size_t i) {
    return i < sizeof features / sizeof features[0] ? &features[i] : NULL;
}

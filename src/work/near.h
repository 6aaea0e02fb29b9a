/* near.h - texts that are nearly the same: MinHash (Broder 1997) with bands for locality-sensitive hashing.
 *
 *     text ─► shingles: 5 characters in a row, of 64 words and more 5 words    lower case, white space and punctuation as one space
 *          ─► 64 minima of 64 hashes of them                                   equal in a share J of places, J = |A and B| / |A or B|
 *          ─► 16 bands of 4: texts with one band in common are compared, by their shingles, exactly
 *
 * A pair with J >= 0.8 is missed once in 5,000.  Each text is held against at most NEAR_LOOK kept ones a band, so that 100,000 nearly equal
 * texts take no longer than other 100,000.  Hashes are fixed: the same texts give the same answer everywhere. */
#ifndef HEARTH_WORK_NEAR_H
#define HEARTH_WORK_NEAR_H

#include "base/mem.h"

enum { NEAR_LOOK = 8 };

struct near_text { const char *s; size_t n; };
/* of [n]: the earlier text that i is nearly the same as (one that is none itself), or i.  share (may be NULL) [n]: their J.  least: 0.5 .. 1.
 * step (may be NULL) is told how far it is; non-zero from it ends with ECANCELLED. */
enum hearth_status near_find(const struct near_text *text, size_t n, double least, int (*step)(void *user, size_t done), void *user, uint32_t *of,
                             float *share);

#endif

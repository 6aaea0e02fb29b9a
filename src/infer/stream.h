/* stream.h - from the bytes of tokens to text that may be shown.
 *
 * Shown is always whole UTF-8: all text together is the answer's bytes before the stop string, with what is malformed
 * replaced by U+FFFD (one for each maximal part that could have begun a character, as Unicode recommends and Python's
 * errors="replace" does).  How the bytes were cut into tokens makes no difference to it.
 *
 * The stop string that is complete first ends the answer; among those complete at the same byte the longest; among
 * equal ones the first.  Nothing is shown of a stop string, nor of the beginning of one that may yet be completed. */
#ifndef HEARTH_INFER_STREAM_H
#define HEARTH_INFER_STREAM_H

#include "base/status.h"

enum {
    STOPS_MAX = 64,                  /* stop strings */
    STOP_MAX = 1024,                 /* bytes of one */
    STREAM_STEP = 256,               /* bytes taken in at a time */
    STREAM_HOLD = STOP_MAX + 3 + STREAM_STEP
};

struct stop { const char *text; uint16_t len, matched, *fall; };

struct stream {
    int (*show)(void *user, const char *text, size_t len); /* non-zero: show no more; may be NULL */
    void *user;
    struct stop *stop;
    size_t n_stop;
    int met;                         /* index of the stop string that was met, or -1 */
    int refused;                     /* show asked for no more */
    size_t held;                     /* bytes in hold, not yet shown */
    char hold[STREAM_HOLD], out[3 * STREAM_HOLD];
};

/* The stop strings must outlive the stream.  EUSAGE: too many, too long, empty, or not UTF-8. */
enum hearth_status stream_init(struct stream *s, const char *const *stop, size_t n_stop,
                               int (*show)(void *user, const char *text, size_t len), void *user);
void stream_free(struct stream *s);
/* Takes the bytes of one token and shows what has become certain.  Returns 1 when the answer is over: a stop string
 * was met, or show refused; what comes after that is ignored.  Never allocates. */
int stream_put(struct stream *s, const char *bytes, size_t n);
/* The answer is over for another reason: shows what was held back.  Returns as stream_put does. */
int stream_end(struct stream *s);

#endif

/* partial.h - the file a pull fills, and where it stands.
 *
 *     partial/sha256-<64 hex>.part     the model so far; locked by the process that pulls it
 *     partial/sha256-<64 hex>.state    how to go on: source, piece, place in the packed bytes
 *     partial/sha256-<64 hex>.zip      a zip that had to be fetched whole, until its member is out
 *
 * Bytes are hashed as they are written.  A process that is killed leaves a state that is at most two seconds old; the file
 * is cut back to it. */
#ifndef HEARTH_HUB_PARTIAL_H
#define HEARTH_HUB_PARTIAL_H

#include "hub/hub.h"
#include "hub/inflate.h"

struct partial_place {
    uint64_t piece, base;            /* which piece of the source, and where in the model it begins */
    struct inflate_place here;       /* in it; a piece that is not packed has in = out, bits = 0 */
    uint64_t whole;                  /* length of the file the piece is in: another one is not gone on with */
};

struct partial;
/* Opens and locks; waits while another process has it, saying HUB_WAITING.  size: what the model will have, and more is
 * refused. */
enum hearth_status partial_open(const char *sha256, uint64_t size, const struct hub_callbacks *c, struct partial **out);
/* Closes.  What was never written, or must not stay (remove), is deleted. */
void partial_close(struct partial *p, int remove);

/* Where a pull from this source stood; all zero when it never began.  Changes nothing. */
void partial_look(const struct partial *p, const char *source, struct partial_place *out);
/* Makes the file end at that place, whatever was there before, and its hash begin with what is left.  window gets the last
 * (at most INFLATE_WINDOW) bytes of the piece before the place, *n how many. */
enum hearth_status partial_begin(struct partial *p, const char *source, const struct partial_place *at, void *window, size_t *n);
/* What on_progress hears from then on while bytes are put: HUB_DOWNLOADING unless this says another. */
void partial_say(struct partial *p, enum hub_stage stage);
enum hearth_status partial_put(struct partial *p, const void *data, size_t n);
/* Remembers a place on disk, at most every two seconds unless `now`. */
enum hearth_status partial_mark(struct partial *p, const struct partial_place *at, int now);
/* Makes the file share all blocks of another one; 0 when the file system cannot. */
int partial_clone(struct partial *p, int from);
/* Forgets all bytes and the place: they are not what they should be. */
void partial_reset(struct partial *p);
uint64_t partial_length(const struct partial *p);
uint64_t partial_room(const struct partial *p);              /* bytes that may still come */
const char *partial_path(const struct partial *p);
const char *partial_zip(const struct partial *p);            /* where a zip is kept meanwhile that had to be fetched whole */
/* errno after a write to path failed, `done` bytes being there: for want of room, partial_full() is 1 from then on. */
enum hearth_status partial_write_error(struct partial *p, const char *path, uint64_t done);
int partial_full(const struct partial *p);
/* All is there: compares length and digest (ECHECKSUM), makes it read-only, and gives it its name for good. */
enum hearth_status partial_finish(struct partial *p, const char *name, const char *blob);

#endif

/* inflate.c - deflate streams by zlib, with places to go on from (inflate.h has the picture). */
#include "hub/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

enum { PIECE = 1 << 16 };

struct inflater {
    z_stream z;
    uint64_t in, out;
    struct inflate_place mark;
    int started, ended;
    unsigned char piece[PIECE];
};

int inflate_available(void)
{
    return 1;
}

enum hearth_status inflate_open(const struct inflate_place *from, const void *window, size_t n, struct inflater **out)
{
    struct inflater *z = mem_array(1, sizeof *z);
    *out = NULL;
    if (!z) return HEARTH_ENOMEM;
    if (inflateInit2(&z->z, -15) != Z_OK) {                /* minus: no zlib or gzip header around it */
        free(z);
        return fail(HEARTH_ENOMEM, "out of memory to unpack");
    }
    z->started = 1;
    z->mark = *from;
    z->in = from->in;
    z->out = from->out;
    int bad = from->bits > 7 || n > INFLATE_WINDOW;
    if (!bad && from->bits) bad = inflatePrime(&z->z, (int)from->bits, (int)((from->last & 255) >> (8 - from->bits))) != Z_OK;
    if (!bad && n) bad = inflateSetDictionary(&z->z, window, (unsigned)n) != Z_OK;
    if (!bad) {
        *out = z;
        return HEARTH_OK;
    }
    inflate_close(z);
    return fail(HEARTH_EFORMAT, "the place to go on unpacking from is not one");
}

void inflate_close(struct inflater *z)
{
    if (!z) return;
    if (z->started) inflateEnd(&z->z);
    free(z);
}

/* More may come out although nothing more goes in: the piece was filled, or the last block is over and zlib has yet to say
 * that this is the end. */
static int more_inside(const struct inflater *z)
{
    return z->z.avail_out == 0 || (z->z.data_type & 192) == 192;
}

/* At the border of two blocks, and not behind the last: zlib says so in data_type, with the bits left over. */
static void look_for_border(struct inflater *z, const unsigned char *begin)
{
    int t = z->z.data_type;
    if (!(t & 128) || (t & 64)) return;
    unsigned bits = (unsigned)t & 7;
    if (bits && z->z.next_in == begin) return;             /* that byte was in the piece before */
    z->mark = (struct inflate_place){z->in, z->out, bits, bits ? z->z.next_in[-1] : 0};
}

enum hearth_status inflate_feed(struct inflater *z, const void *data, size_t n, inflate_sink *sink, void *user)
{
    const unsigned char *at = data, *end = at + n;
    while (at < end || more_inside(z)) {
        if (z->ended && at < end) return fail(HEARTH_EFORMAT, "%zu bytes behind the end of the packed data", (size_t)(end - at));
        if (z->ended) break;
        size_t room = (size_t)(end - at) < (1u << 30) ? (size_t)(end - at) : 1u << 30;
        z->z.next_in = (unsigned char *)at;                /* zlib does not write there */
        z->z.avail_in = (unsigned)room;
        z->z.next_out = z->piece;
        z->z.avail_out = PIECE;
        int rc = inflate(&z->z, Z_BLOCK);
        size_t made = PIECE - z->z.avail_out;
        z->in += (uint64_t)(z->z.next_in - at);
        z->out += made;
        const unsigned char *begin = at;
        at = z->z.next_in;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return fail(HEARTH_EFORMAT, "the packed data is damaged near its byte %llu (%s)", (unsigned long long)z->in,
                        z->z.msg ? z->z.msg : "zlib cannot go on");
        if (made) TRY(sink(user, z->piece, made));
        z->ended = rc == Z_STREAM_END;
        if (!z->ended) look_for_border(z, begin);
        if (rc == Z_BUF_ERROR && !made) break;             /* nothing more to get from what was given */
    }
    return HEARTH_OK;
}

int inflate_ended(const struct inflater *z)
{
    return z->ended;
}

void inflate_mark(const struct inflater *z, struct inflate_place *out)
{
    *out = z->mark;
}

/* tokenize - texts to tokens, many in one go, for comparing with other tokenizers (tools/oracle/tokenizers.py) and timing.
 *
 *     tokenize MODEL.gguf|TOKENIZER FLAGS < texts > ids      FLAGS: HEARTH_TOK_SPECIAL + HEARTH_TOK_PARSE + 4 (places, too) +
 *                                                                 8 (decode without special tokens)
 *
 * In: for each text its length as 4 bytes, little-endian, then its bytes.  Out, for each: the number of tokens, the
 * tokens, (with 4) two numbers for each, the length of what they decode to, those bytes.  To stderr: seconds of opening, of encoding, of
 * decoding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file/gguf.h"
#include "text/tokenizer.h"

/* of the processor, since the machine may have other work */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int complain(void)
{
    fprintf(stderr, "tokenize: %s\n", hearth_errmsg());
    return 1;
}

static int put(const void *data, uint32_t n, size_t size)
{
    return fwrite(&n, 4, 1, stdout) == 1 && fwrite(data ? data : "", size, n, stdout) == n;
}

int main(int argc, char **argv)
{
    struct gguf *g = NULL;
    struct tokenizer *t;
    if (argc != 3) {
        fprintf(stderr, "usage: tokenize MODEL.gguf FLAGS < texts > ids\n");
        return 2;
    }
    const char *dot = strrchr(argv[1], '.');
    int json = !dot || strcmp(dot, ".gguf"), flags = atoi(argv[2]);
    if (!json && gguf_open(argv[1], 0, &g) != HEARTH_OK) return complain();
    double began = seconds();
    if ((json ? tokenizer_open_file(argv[1], &t) : tokenizer_open(g, &t)) != HEARTH_OK) return complain();
    double opened = seconds() - began, encoding = 0, decoding = 0, bytes = 0;
    uint32_t n;
    struct ids ids = { 0 };
    struct buf back = { 0 };
    while (fread(&n, 4, 1, stdin) == 1) {
        char *text = malloc((size_t)n + 1);
        if (!text || fread(text, 1, n, stdin) != n) return 1;
        ids.n = back.len = 0;
        began = seconds();
        size_t *at = NULL;
        if ((flags & 4 ? tokenizer_encode_places(t, text, n, flags & 3, &ids, &at) : tokenizer_encode(t, text, n, flags & 3, &ids)) != HEARTH_OK)
            return complain();
        encoding += seconds() - began;
        began = seconds();
        if (tokenizer_decode(t, ids.id, ids.n, !(flags & 8), &back) != HEARTH_OK) return complain();
        decoding += seconds() - began;
        bytes += n;
        if (!put(ids.id, (uint32_t)ids.n, sizeof *ids.id)) return 1;
        if (at && !put(at, (uint32_t)(2 * ids.n), sizeof *at)) return 1;
        free(at);
        if (!put(back.data, (uint32_t)back.len, 1)) return 1;
        free(text);
    }
    fprintf(stderr, "open %.4f s  encode %.4f s  decode %.4f s  %.0f bytes  %.2f MB/s\n", opened, encoding, decoding, bytes,
            encoding > 0 ? bytes / encoding / 1e6 : 0);
    free(ids.id);
    buf_free(&back);
    tokenizer_close(t);
    gguf_close(g);
    return 0;
}

/* make_pieces.c - a command over folder_maker: make_pieces MODEL.gguf PREFIX N writes the model as N files that are one. */
#include <stdio.h>
#include <stdlib.h>

#include "folder_maker.h"

int main(int argc, char **argv)
{
    int n = argc == 4 ? atoi(argv[3]) : 0;
    if (n < 1) {
        fprintf(stderr, "usage: make_pieces MODEL.gguf PREFIX N\n");
        return 2;
    }
    if (pieces_make(argv[1], argv[2], (unsigned)n) == HEARTH_OK) return 0;
    fprintf(stderr, "make_pieces: %s\n", hearth_errmsg());
    return 1;
}

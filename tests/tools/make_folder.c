/* make_folder.c - a command over folder_maker: make_folder MODEL.gguf FOLDER [SHARDS] writes the folder that the makers of a model of
 * model_maker.h would have published. */
#include <stdio.h>
#include <stdlib.h>

#include "folder_maker.h"

int main(int argc, char **argv)
{
    int shards = argc > 3 ? atoi(argv[3]) : 1;
    if (argc < 3 || shards < 1) {
        fprintf(stderr, "usage: make_folder MODEL.gguf FOLDER [SHARDS]\n");
        return 2;
    }
    if (folder_make(argv[1], argv[2], shards) == HEARTH_OK) return 0;
    fprintf(stderr, "make_folder: %s\n", hearth_errmsg());
    return 1;
}

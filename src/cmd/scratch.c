/* scratch.c - a folder of our own below the cache's, for files that are measured and go again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/models.h"

int scratch_make(struct scratch *s, const char *what)
{
    char *cache = NULL;
    if (hub_path(HUB_CACHE, NULL, &cache) != HEARTH_OK) return report(HEARTH_EIO);
    make_folders(cache);
    s->folder = xprintf("%s/%s.XXXXXX", cache, what);
    free(cache);
    if (!mkdtemp(s->folder)) {
        complain("%s: %s", s->folder, strerror(errno));
        free(s->folder);
        s->folder = NULL;
        return EXIT_FAILED;
    }
    s->file = xprintf("%s/model.gguf", s->folder);
    return EXIT_DONE;
}

void scratch_remove(struct scratch *s)
{
    if (s->file) unlink(s->file);
    if (s->folder) rmdir(s->folder);
    free(s->file);
    free(s->folder);
    *s = (struct scratch){0};
}

/* rm.c - `hearth rm MODEL`: forgets a model, and deletes its file when that is the store's own. */
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "hub/hub.h"

static int remove_one(const char *name)
{
    struct hub_removed r = {0};
    char bytes[24];
    enum hearth_status st = hub_remove(name, &r);
    if (st != HEARTH_OK) {
        int code = report(st);
        if (access(name, F_OK) == 0) complain("%s is a file or folder of your own, which is deleted like any other: rm -r %s", name, name);
        return code;
    }
    show_bytes(r.freed, bytes);
    if (r.unfinished) printf("removed the unfinished download of %s: %s freed\n", r.name, bytes);
    else if (*r.kept) {
        printf("removed %s; its file %s: ", r.name, access(r.kept, F_OK) == 0 ? "stays where it is" : "was gone already");
        term_write(stdout, r.kept, strlen(r.kept));
        putchar('\n');
    } else if (r.freed) printf("removed %s: %s freed\n", r.name, bytes);
    else printf("removed %s; no file was deleted: another name stands for it, or it was gone\n", r.name);
    hub_removed_free(&r);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    int worst = EXIT_DONE;
    for (int i = 0; i < argc; i++) {
        int code = remove_one(argv[i]);
        if (code > worst) worst = code;
    }
    return worst;
}

const struct command cmd_rm = {
    .name = "rm", .group = GROUP_MODELS, .summary = "remove a model", .args = "MODEL...",
    .min_args = 1, .max_args = -1, .complete = COMPLETE_MODEL,
    .about = "Takes names, never paths. The file of a pulled model is deleted when no other name stands for it; a file that was "
             "imported and lies elsewhere is never touched. Of a model whose pull was broken off, what had come is deleted.",
    .examples = "hearth rm smollm2\n",
    .run = run,
};

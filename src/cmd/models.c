/* models.c - see models.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include "cmd/models.h"

/* Said once for each computer: a file in the settings folder remembers it. */
static int first_time(const char *marker)
{
    char *path = NULL, *folder = NULL;
    int fd = -1;
    if (hub_path(HUB_CONFIG, NULL, &folder) == HEARTH_OK && hub_path(HUB_CONFIG, marker, &path) == HEARTH_OK) {
        for (char *slash = folder + 1; (slash = strchr(slash, '/')); slash++) {
            *slash = 0;
            mkdir(folder, 0700);
            *slash = '/';
        }
        mkdir(folder, 0700);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
    }
    free(path);
    free(folder);
    return fd >= 0;
}

/* The default model is small enough to come along with anything, and says wrong things with confidence. */
static void introduce(const struct hub_model *m)
{
    struct hub_advice a;
    struct hearth_machine machine;
    char bytes[24];
    if (strcmp(m->name, hub_default_name()) != 0 || !first_time("introduced")) return;
    fprintf(stderr, "hearth: %s is a demonstration model: quick, small and often wrong, so check what it says.\n", m->name);
    if (hearth_machine_describe(&machine) == HEARTH_OK && hub_advise(machine.memory_total, &a) == HEARTH_OK)
        fprintf(stderr, "hearth: this computer has %s of memory and could run %s (%s, licence %s): bring it as a GGUF file "
                "and say `hearth import FILE`.\n", show_bytes(machine.memory_total, bytes), a.name, a.parameters, a.licence);
}

int model_find(const char *name, enum model_use use, char **path)
{
    struct hub_model about = {0};
    enum hearth_status st = hub_resolve(name, path, &about);
    if (st == HEARTH_ENOTFOUND && use == MODEL_TO_TALK && about.place == HUB_REMOTE && about.name) {
        int code = pull_by_name(name, 0);
        hub_model_free(&about);
        if (code != EXIT_DONE) return code;
        st = hub_resolve(name, path, &about);
    }
    if (st == HEARTH_OK && use == MODEL_TO_TALK) introduce(&about);
    hub_model_free(&about);
    return report(st);
}

int model_open(const char *name, const struct hearth_model_params *params, enum model_use use, struct hearth_model **out)
{
    char *path = NULL;
    int code = model_find(name, use, &path);
    if (code == EXIT_DONE) code = report(hearth_model_open(path, params, out));
    free(path);
    return code;
}

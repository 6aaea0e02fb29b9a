/* models.c - see models.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/models.h"
#include "hub/lora.h"

int make_folders(const char *path)
{
    char *copy = xstrdup(path);
    for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(copy, 0700);                             /* what cannot be made shows in the last one */
        *slash = '/';
    }
    int bad = mkdir(copy, 0700) != 0 && errno != EEXIST;
    free(copy);
    return bad ? -1 : 0;
}

/* Said once for each computer: a file in the settings folder remembers it. */
static int first_time(const char *marker)
{
    char *path = NULL, *folder = NULL;
    int fd = -1;
    if (hub_path(HUB_CONFIG, NULL, &folder) == HEARTH_OK && hub_path(HUB_CONFIG, marker, &path) == HEARTH_OK) {
        make_folders(folder);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
    }
    free(path);
    free(folder);
    return fd >= 0;
}

int model_advice(uint64_t memory, double read_gbs, struct hub_advice *out)
{
    /* 4 tokens a second at 0.6 of the bandwidth leave this much for the weights; the list counts two and a half times the
     * weights as the memory a model wants. */
    double brisk = 2.5 * 0.6 * read_gbs * 1e9 / 4;
    return hub_advise(brisk < (double)memory ? (uint64_t)brisk : memory, out) == HEARTH_OK;
}

/* The default model is small enough to come along with anything, and says wrong things with confidence. */
static void introduce(const struct hub_model *m)
{
    struct hub_advice a;
    struct hearth_machine h;
    double gbs, gflops;
    if (strcmp(m->name, hub_default_name()) != 0 || !first_time("introduced")) return;
    fprintf(stderr, "hearth: %s is a demonstration model: quick, small and often wrong, so check what it says.\n", m->name);
    if (hearth_machine_describe(&h) != HEARTH_OK || hearth_machine_measure(h.cores_usable, 0.2, &gbs, &gflops) != HEARTH_OK ||
        !model_advice(h.memory_total, gbs, &a)) return;
    fprintf(stderr, "hearth: a better one that suits this computer is %s (%s, licence %s): fetch a GGUF file of it, from "
            "huggingface.co say, and `hearth import FILE`; `hearth doctor` tells more.\n", a.name, a.parameters, a.licence);
}

static int refuse_embedding(const char *name)
{
    complain("%s makes embeddings of texts (`hearth embed %s`) and answers nothing; for a chat take an instruct model such as %s", name, name,
             hub_default_name());
    return EXIT_FAILED;
}

int refuse_chat(const char *name)
{
    complain("%s is a base model: it continues a text and has no chat template (`hearth run %s \"Once upon a time\"` does "
             "that); for a chat take an instruct model such as %s", name, name, hub_default_name());
    return EXIT_FAILED;
}

static int must_be_here(enum model_use use)
{
    return use == MODEL_TO_MEASURE || use == MODEL_TO_CHANGE || use == MODEL_TO_LOOK;
}

/* Of a derived model with an adapter, that has been found. */
static int mind_adapter(const char *name, enum model_use use, const struct hub_model *m)
{
    char *path = NULL;
    if (use == MODEL_TO_MEASURE || use == MODEL_TO_EMBED) complain("%s: this is about the model without the adapter it was made with", name);
    if (use != MODEL_TO_CHANGE) return EXIT_DONE;
    if (lora_path(m->adapter, &path) != HEARTH_OK) return report(HEARTH_EFORMAT);
    complain("%s answers with an adapter, which would be left out of this; make one file of both first, and take that: hearth merge %s %s -o FILE.gguf", name,
             *m->parent ? m->parent : m->path, path);
    free(path);
    return EXIT_FAILED;
}

int model_find(const char *name, enum model_use use, char **path)
{
    struct hub_model about = {0};
    enum hearth_status st = hub_resolve(name, path, &about);
    int code, fetch = st == HEARTH_ENOTFOUND && !must_be_here(use) && about.name && about.place == HUB_REMOTE;
    int chat_with_base = (st == HEARTH_OK || fetch) && use == MODEL_TO_CHAT && about.kind && !strcmp(about.kind, "base");
    int talk_to_none = (st == HEARTH_OK || fetch) && (use == MODEL_TO_CHAT || use == MODEL_TO_TALK) && about.kind && !strcmp(about.kind, "embedding");
    if (talk_to_none) code = refuse_embedding(name);
    else if (chat_with_base) code = refuse_chat(name);
    else if (!fetch) code = report(st);
    else if ((code = pull_by_name(name, 0)) == EXIT_DONE) {
        hub_model_free(&about);
        about = (struct hub_model){0};
        code = report(hub_resolve(name, path, &about));
    }
    if (code == EXIT_DONE && !must_be_here(use)) introduce(&about);
    if (code == EXIT_DONE && about.adapter && *about.adapter) code = mind_adapter(name, use, &about);
    if (code != EXIT_DONE) free(*path), *path = NULL;
    hub_model_free(&about);
    return code;
}

enum hearth_status model_adapter(const char *name, char **path)
{
    struct hub_model m = {0};
    char *file = NULL;
    *path = NULL;
    enum hearth_status st = hub_resolve(name, &file, &m);
    if (st == HEARTH_OK && *m.adapter) st = lora_path(m.adapter, path);
    hub_model_free(&m);
    free(file);
    return st;
}

int model_open(const char *name, const struct hearth_model_params *params, enum model_use use, struct hearth_model **out)
{
    char *path = NULL;
    int code = model_find(name, use, &path);
    if (code == EXIT_DONE) code = report(hearth_model_open(path, params, out));
    free(path);
    return code;
}

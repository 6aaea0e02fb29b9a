/* import.c - `hearth import FILE|FOLDER`: gives a model of one's own a name. */
#include <string.h>
#include "cmd/command.h"
#include "hub/hub.h"

static const char *name;
static int copy, ollama;

static const struct opt options[] = {
    {"name", 'n', OPT_TEXT, "NAME", "what to call it; by default the file's own name", &name, 0, 0, 0, 0},
    {"copy", 0, OPT_FLAG, 0, "keep a copy in the store, so that the file itself may go", &copy, 0, 0, 0, 0},
    {"from-ollama", 0, OPT_FLAG, 0, "name all models of Ollama's store on this computer, and use them there", &ollama, 0, 0, 0, 0},
    {0},
};

static void on_progress(void *user, const struct hub_progress *g)
{
    struct progress *p = user;
    const char *what = g->stage == HUB_CHECKING ? "checking" : "copying";
    if (g->note) {
        note("%s", g->note);
        return;
    }
    if (!p->what || strcmp(p->what, what) != 0) {
        progress_end(p);
        progress_start(p, what, g->total, g->first);
    }
    progress_step(p, g->done);
}

struct ollama { struct progress progress; int imported, failed; };

static void on_ollama(void *user, const char *text, enum hearth_status st, const struct hub_model *m)
{
    struct ollama *o = user;
    char bytes[24];
    progress_end(&o->progress);
    o->progress.what = NULL;
    if (st == HEARTH_OK) printf("%s: %s%s%s parameters, %s, used where it lies\n", m->name, m->architecture, *m->architecture ? ", " : "", m->parameters,
                                show_bytes(m->size, bytes));
    else complain("%s: %s", text, hearth_errmsg());
    *(st == HEARTH_OK ? &o->imported : &o->failed) += 1;
}

static int import_ollama(void)
{
    struct ollama o = {0};
    struct hub_callbacks c = {NULL, on_progress, &o.progress, interrupt_watch()};
    enum hearth_status st = hub_import_ollama(&c, on_ollama, &o);
    progress_end(&o.progress);
    if (st != HEARTH_OK) return report(st);
    if (!o.imported && !o.failed) note("Ollama's store on this computer has no models");
    return o.failed ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct progress p = {0};
    struct hub_callbacks c = {NULL, on_progress, &p, interrupt_watch()};
    struct hub_model m = {0};
    char bytes[24];
    if (ollama) return argc ? usage("--from-ollama takes all of Ollama's models, and no FILE") : import_ollama();
    if (!argc) return usage("import needs a FILE or FOLDER, or --from-ollama");
    enum hearth_status st = hub_import(argv[0], name, copy, &c, &m);
    progress_end(&p);
    if (st != HEARTH_OK) return report(st);
    printf("imported %s: %s%s%s parameters, %s; %s ", m.name, m.architecture, *m.architecture ? ", " : "", m.parameters,
           show_bytes(m.size, bytes), copy ? "a copy is kept at" : "used where it lies,");
    term_write(stdout, m.path, strlen(m.path));
    putchar('\n');
    hub_model_free(&m);
    return EXIT_DONE;
}

const struct command cmd_import = {
    .name = "import", .group = GROUP_MODELS, .summary = "use a model file of your own by a name", .args = "[FILE|FOLDER]",
    .min_args = 0, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "The file must be a GGUF, or the first of several (NAME-00001-of-00003.gguf); of a folder, its one .gguf is taken, or the folder "
             "itself where it has config.json and safetensors. It is used where it lies and never changed; hearth remembers "
             "its path and SHA-256, and says so when the file changes later. With --copy the store keeps a copy, which on file "
             "systems such as btrfs and XFS shares its blocks with the original and so takes no room.",
    .examples = "hearth import ~/Downloads/SmolLM2-1.7B-Instruct-Q4_K_M.gguf --name smollm2:1.7b\n"
                "hearth import --copy /media/stick/model.gguf\n"
                "hearth import --from-ollama\n",
    .options = options, .run = run,
};

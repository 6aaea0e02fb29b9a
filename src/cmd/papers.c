/* papers.c - see papers.h. */
#include <stdlib.h>
#include <string.h>
#include "cmd/papers.h"
#include "cmd/places.h"
#include "hub/ini.h"

static const char *output, *supplier, *version, *released;
static struct opt_list evaluations;
static int energy, force;

const struct opt papers_options[] = {
    {"output", 'o', OPT_TEXT, "FILE", "write it there instead of printing it", &output, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace FILE when it is there", &force, 0, 0, 0, 0},
    {"supplier", 0, OPT_TEXT, "NAME", "who supplied the file", &supplier, 0, 0, 0, 0},
    {"model-version", 0, OPT_TEXT, "TEXT", "the model's version", &version, 0, 0, 0, 0},
    {"released", 0, OPT_TEXT, "DATE", "when the model was released, as 2026-11-22", &released, 0, 0, 0, 0},
    {"evaluation", 0, OPT_LIST, "FILE", "add what `hearth perplexity --json` printed (may be given again)", &evaluations, 0, 0, 0, 0},
    {"energy", 0, OPT_FLAG, 0, "add the energy of the answers that this computer's ledger recorded", &energy, 0, 0, 0, 0},
    {0},
};

int papers_step(void *user, uint64_t done, uint64_t total)
{
    struct papers_progress *p = user;
    if (!p->begun) {
        p->begun = 1;
        progress_start(&p->bar, p->what, total, 0);
    }
    progress_step(&p->bar, done);
    return p->cancel && *p->cancel;
}

void papers_end(struct papers_progress *p)
{
    if (p->begun) progress_end(&p->bar);
}

static void on_hashing(void *user, const struct hub_progress *h)
{
    papers_step(user, h->done, h->total);
}

static int check_place(const char *model)
{
    struct places at = {0};
    size_t n = output ? strlen(output) : 0;
    if (n > 5 && strcmp(output + n - 5, ".html") == 0) return usage("-o %s: what is written is no page; name it .md (a card) or .json (a bill of materials)", output);
    place_in_model(&at, model), place_out(&at, output && strcmp(output, "-") == 0 ? NULL : output);
    for (size_t i = 0; i < evaluations.n; i++) place_in(&at, evaluations.item[i]);
    return places_check(&at, force);
}

int papers_facts(const char *model, struct facts *out)
{
    struct papers_progress p = {.what = "reading", .cancel = interrupt_watch()};
    struct hub_callbacks calls = {.on_progress = on_hashing, .user = &p, .cancel = p.cancel};
    struct facts_asked asked = {supplier, version, released, evaluations.item, evaluations.n, energy};
    int code = check_place(model);
    if (code != EXIT_DONE) return code;
    enum hearth_status st = facts_gather(model, &asked, &calls, out);
    papers_end(&p);
    return report(st);
}

int papers_save(const char *path, const char *text, size_t n)
{
    struct buf whole = {.data = (char *)text, .len = n};
    if (path && strcmp(path, "-") != 0) {
        int code = report(ini_write(path, &whole));
        if (code == EXIT_DONE) note("written: %s", path);
        return code;
    }
    return fwrite(text, 1, n, stdout) == n ? EXIT_DONE : EXIT_FAILED;
}

int papers_write(const char *text, size_t n)
{
    return papers_save(output, text, n);
}

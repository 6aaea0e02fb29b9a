/* list.c - `hearth list`: the models on this computer, and those the catalogue knows. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/command.h"
#include "hub/hub.h"

static int want_json, want_all, want_names;

static const struct opt options[] = {
    {"all", 'a', OPT_FLAG, 0, "also show what the catalogue knows and is not here", &want_all, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON list", &want_json, 0, 0, 0, 0},
    {"names", 0, OPT_FLAG, 0, "print the names only, those of the catalogue too", &want_names, 0, 0, 0, 0},
    {0},
};

static const char *const place_word[] = {
    [HUB_STORED] = "stored", [HUB_IN_PLACE] = "in place", [HUB_REMOTE] = "catalogue", [HUB_BROKEN] = "broken"};

static json_t *string(const char *s)
{
    return *s ? json_text(s, strlen(s)) : json_null();
}

static json_t *as_json(const struct hub_model *m)
{
    const struct { const char *key, *text; } texts[] = {
        {"architecture", m->architecture}, {"parameters", m->parameters}, {"kind", m->kind}, {"licence", m->licence},
        {"good_at", m->good_at}, {"note", m->note}, {"sha256", m->sha256}, {"path", m->path}, {"source", m->source},
        {"label", m->label}, {"added", m->added}, {"accepted", m->accepted}};
    json_t *o = json_object();
    json_object_set_new(o, "name", string(m->name));
    json_object_set_new(o, "place", json_string(place_word[m->place]));
    json_object_set_new(o, "bytes", json_integer((json_int_t)m->size));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) json_object_set_new(o, texts[i].key, string(texts[i].text));
    return o;
}

/* Of a source of many pieces the first, without the path inside it. */
static void source_cell(struct table *t, const struct hub_model *m)
{
    if (m->place == HUB_IN_PLACE) table_cell(t, "%s%s", m->path, access(m->path, F_OK) == 0 ? "" : " (gone)");
    else if (m->place == HUB_BROKEN) table_cell(t, "damaged: %s", m->note);
    else if (!*m->source) table_cell(t, "imported");
    else if (strncmp(m->source, "hearth:", 7) == 0) table_cell(t, "%s", m->label);
    else table_cell(t, "%.*s%s%s", (int)strcspn(m->source, "!\n"), m->source, *m->label ? ", " : "", m->label);
}

static void row(struct table *t, const struct hub_model *m)
{
    char bytes[24];
    table_cell(t, "%s", m->name);
    table_cell(t, "%s", m->place == HUB_BROKEN ? "" : show_bytes(m->size, bytes));
    table_cell(t, "%s", m->parameters);
    table_cell(t, "%s", m->kind);
    table_cell(t, "%s", m->licence);
    table_cell(t, "%.10s", m->added);                  /* the day */
    source_cell(t, m);
}

static void print_table(const struct hub_model *m, size_t n, int remote)
{
    static const char *const heading[] = {"NAME", "SIZE", "PARAMETERS", "KIND", "LICENCE", "ADDED", "SOURCE"};
    struct table t = {.columns = 7, .right = "0110000"};
    size_t rows = 0;
    for (size_t i = 0; i < 7; i++) table_cell(&t, "%s", remote && i == 5 ? "" : heading[i]);
    for (size_t i = 0; i < n; i++)
        if ((m[i].place == HUB_REMOTE) == remote) row(&t, &m[i]), rows++;
    if (rows && remote) puts("\nIn the catalogue, not on this computer (`hearth pull NAME` fetches one):\n");
    if (rows || !remote) table_print(&t, stdout);
    else {
        for (size_t i = 0; i < t.n; i++) free(t.cell[i]);
        free(t.cell);
    }
    if (rows || remote) return;
    if (strstr(hearth_features(), "without libcurl")) note("no model yet; `hearth import FILE` brings in a GGUF file");
    else note("no model yet; `hearth pull %s` fetches a small one", hub_default_name());
}

static int run(int argc, char **argv)
{
    struct hub_model *m = NULL;
    json_t *list = json_array();
    size_t n = 0;
    int code;
    (void)argc, (void)argv;
    enum hearth_status st = hub_list(want_all || want_names, &m, &n);
    if (st != HEARTH_OK) {
        json_decref(list);
        return report(st);
    }
    for (size_t i = 0; i < n && want_names; i++) puts(m[i].name);
    for (size_t i = 0; i < n && want_json && !want_names; i++) json_array_append_new(list, as_json(&m[i]));
    if (!want_json && !want_names) print_table(m, n, 0);
    if (!want_json && !want_names && want_all) print_table(m, n, 1);
    hub_models_free(m, n);
    if (want_json && !want_names) return json_print(list);
    json_decref(list);
    code = ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
    return code;
}

const struct command cmd_list = {
    .name = "list", .alias = "ls", .group = GROUP_MODELS, .summary = "show the models on this computer", .args = "",
    .complete = COMPLETE_NOTHING,
    .about = "Shows each model's name, size, number of parameters, kind (base models continue a text, instruct models answer), licence, "
             "the day it was added and where it came from. --json also has its digest and the path of its file.",
    .examples = "hearth list --all\twith the catalogue\n",
    .options = options, .run = run,
};

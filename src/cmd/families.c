/* families.c - `hearth families`: the kinds of model this build can run. */
#include <jansson.h>
#include "cmd/command.h"

static int want_json;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "print a JSON list", &want_json, 0, 0, 0, 0},
    {0},
};

static int run(int argc, char **argv)
{
    struct table table = {.columns = 2};
    json_t *list = json_array();
    const char *name, *summary;
    (void)argc;
    (void)argv;
    for (size_t i = 0; (name = hearth_family(i, &summary)); i++) {
        if (want_json) {
            json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "summary", summary));
        } else {
            table_cell(&table, "%s", name);
            table_cell(&table, "%s", summary);
        }
    }
    if (want_json) return json_print(list);
    json_decref(list);
    table_print(&table, stdout);
    return EXIT_DONE;
}

const struct command cmd_families = {
    .name = "families", .group = GROUP_INSPECT, .summary = "list the model families that can run here", .args = "",
    .complete = COMPLETE_NOTHING,
    .about = "A family is an architecture that a GGUF file names in general.architecture. In hearth's source each is one table "
             "in src/model/arch; docs/add-a-family.md there shows how the next one is added.",
    .options = options, .run = run,
};

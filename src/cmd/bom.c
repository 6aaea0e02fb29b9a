/* bom.c - `hearth bom MODEL --format spdx|cyclonedx`: a bill of materials that other tools read. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "account/cyclonedx.h"
#include "account/spdx.h"
#include "cmd/papers.h"

enum { SPDX, CYCLONEDX };
static int format, format_given;
static const char *const formats[] = {[SPDX] = "spdx", [CYCLONEDX] = "cyclonedx", NULL};
static const struct opt options[] = {
    {"format", 0, OPT_CHOICE, "FORMAT", "spdx (SPDX 3.0.1, AI profile) or cyclonedx (CycloneDX 1.6, ML-BOM)", &format, 0, 0, formats,
     &format_given},
    {0},
};

static int run(int argc, char **argv)
{
    struct facts f;
    json_t *j = NULL;
    (void)argc;
    if (!format_given) return usage("bom needs a format: --format spdx or --format cyclonedx");
    int code = papers_facts(argv[0], &f);
    if (code != EXIT_DONE) return code;
    code = report(format == SPDX ? spdx_make(&f, &j) : cyclonedx_make(&f, &j));
    if (code == EXIT_DONE) {
        char *text = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(15)), *whole = text ? xprintf("%s\n", text) : NULL;
        if (whole) code = papers_write(whole, strlen(whole));
        else {
            complain("out of memory for the bill of materials");
            code = EXIT_FAILED;
        }
        free(text);
        free(whole);
    }
    json_decref(j);
    facts_free(&f);
    return code;
}

const struct command cmd_bom = {
    .name = "bom", .group = GROUP_ACCOUNT, .summary = "write a model's bill of materials: SPDX or CycloneDX", .args = "MODEL",
    .min_args = 1, .max_args = 1, .complete = COMPLETE_MODEL,
    .about = "What the model's file, the store and the catalogue say: digest, licence, origin, what it was made from, settings, "
             "quantisation. What nobody says is marked as not known, never guessed.\n\n"
             "The same file gives the same bytes: the paper is dated by SOURCE_DATE_EPOCH where that is set, else by the time the "
             "file was last changed.",
    .examples = "hearth bom smollm2 --format spdx -o smollm2.spdx.json\n"
                "hearth bom smollm2 --format cyclonedx --supplier \"Our school\"\n",
    .options = options, .more = papers_options, .run = run,
};

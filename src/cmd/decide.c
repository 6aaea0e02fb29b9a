/* decide.c - `hearth decide RECEIPT accepted|edited|rejected`: what a person made of an answer, as an entry of the ledger. */
#include <jansson.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "account/ledger.h"
#include "account/receipt.h"
#include "cmd/command.h"

static const char *by;
static int want_json;

static const struct opt options[] = {
    {"by", 0, OPT_TEXT, "NAME", "who decides: a pseudonym, since an entry stays", &by, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

static int run(int argc, char **argv)
{
    struct receipt r;
    struct ledger *l = NULL;
    struct receipt_number at;
    uint64_t index;
    (void)argc;
    if (strcmp(argv[1], "accepted") != 0 && strcmp(argv[1], "edited") != 0 && strcmp(argv[1], "rejected") != 0)
        return usage("\"%s\" is no decision: accepted, edited or rejected", argv[1]);
    if (!by || !*by) return usage("decide needs --by NAME: who decides (a pseudonym)");
    enum hearth_status st = receipt_find(argv[0], &r, &index);
    if (st != HEARTH_OK) return report(st);
    receipt_free(&r);
    if (index == UINT64_MAX) {
        complain("%s is not in the ledger of this computer, so nothing can be decided about it here", argv[0]);
        return EXIT_FAILED;
    }
    st = receipt_ledger(1, &l);
    if (st == HEARTH_OK) st = receipt_decide(l, index, argv[1], by, &at);
    ledger_close(l);
    if (st != HEARTH_OK) return report(st);
    if (want_json)
        return json_print(json_pack("{s:I, s:I, s:s, s:s, s:s}", "number", (json_int_t)at.index, "of", (json_int_t)index, "decision", argv[1], "by",
                                    by, "leaf", at.leaf));
    printf("receipt %" PRIu64 ": %s by %s, entry %" PRIu64 " of the ledger\n", index, argv[1], by, at.index);
    return EXIT_DONE;
}

const struct command cmd_decide = {
    .name = "decide", .group = GROUP_ACCOUNT, .summary = "note what a person made of an answer", .args = "RECEIPT accepted|edited|rejected",
    .min_args = 2, .max_args = 2, .complete = COMPLETE_NOTHING,
    .about = "Adds an entry to the ledger that refers to the receipt of an answer and says what a person decided about it: accepted it as it "
             "was, edited it, or rejected it. The receipt itself is never changed; a second decision stands beside the first, and the newest "
             "counts.\n\nRECEIPT is a number of the ledger, an id, or a file.",
    .examples = "hearth decide 12 accepted --by teacher-3\nhearth decide 12 rejected --by teacher-3\n",
    .options = options, .run = run,
};

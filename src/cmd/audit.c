/* audit.c - `hearth audit`: a pack for an auditor; `hearth audit verify`: checks one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "account/audit.h"
#include "account/receipt.h"
#include "cmd/ledger.h"
#include "cmd/papers.h"
#include "cmd/places.h"

enum { PACK_MAX = 1 << 30 };
static const char *from, *to, *output, *key;
static int want_json, only_html;
static const struct opt options[] = {
    {"from", 0, OPT_TEXT, "DATE", "the first day, as 2026-11-01, or a time", &from, 0, 0, 0, 0},
    {"to", 0, OPT_TEXT, "DATE", "the last day, or a time before which", &to, 0, 0, 0, 0},
    {"output", 'o', OPT_TEXT, "PACK", "PACK.zip, or a new folder (with --html: a file)", &output, 0, 0, 0, 0},
    {"html", 0, OPT_FLAG, 0, "write the report alone, without what proves it", &only_html, 0, 0, 0, 0},
    {"key", 0, OPT_TEXT, "KEY", "verify: the ledger's key, as its owner gave it to you", &key, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

static int verify(const char *path)
{
    struct papers_progress p = {.what = "checking", .cancel = interrupt_watch()};
    struct audit_found f;
    struct pack pack;
    int code = report(pack_read(path, PACK_MAX, &pack));
    if (code != EXIT_DONE) return code;
    code = report(audit_check(&pack, key, papers_step, &p, &f));
    papers_end(&p);
    if (code == EXIT_DONE && want_json)
        code = json_print(json_pack("{s:b, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "right", f.recounted, "origin", f.origin, "key", f.vkey,
                                    "key_given", key != NULL, "from", f.from, "to", f.to, "first", (json_int_t)f.first, "end",
                                    (json_int_t)f.end, "size", (json_int_t)f.size, "answers", (json_int_t)f.answers, "report_made_again",
                                    f.recounted));
    else if (code == EXIT_DONE) {
        term_printf(stdout, "%s: entries %llu to %llu of the ledger %s, none left out; %llu answers from %s, before %s\n",
                    f.recounted ? "right" : "the receipts are right, the page was not checked", (unsigned long long)f.first,
                    (unsigned long long)f.end - 1, f.origin, (unsigned long long)f.answers, f.from, f.to);
        term_printf(stdout, "The ledger had %llu entries when the pack was made; what came later, or was kept from it, only a newer checkpoint shows.\n",
                    (unsigned long long)f.size);
        if (!f.recounted)
            term_printf(stdout, "report.html was made by another version of hearth, so it was compared with its signed digest only: believe the receipts, or "
                                "have that version check it.\n");
        if (!key) term_printf(stdout, "The key is the pack's own: %s\nCompare it with the one that the ledger's owner gave you, or give that with --key.\n", f.vkey);
    }
    pack_free(&pack);
    return code == EXIT_DONE && !f.recounted ? EXIT_FAILED : code;
}

static int make(void)
{
    struct papers_progress p = {.what = "gathering receipts", .cancel = interrupt_watch()};
    struct ledger *l = NULL;
    struct pack pack = {.n = 0};
    struct places place = {0};
    int64_t first = 0, end = 0;
    struct stat s;
    if (output && (strcmp(output, "-") != 0 || !only_html) && (only_html || stat(output, &s) != 0 || !S_ISDIR(s.st_mode))) place_out(&place, output);       /* an empty folder is a place too */
    int code = places_check(&place, PLACE_NEW);
    if (code == EXIT_DONE) code = ledger_when("--from", from, 0, &first);
    if (code == EXIT_DONE) code = ledger_when("--to", to, 1, &end);
    if (code == EXIT_DONE && end <= first) code = usage("--to %s is not behind --from %s", to, from);
    if (code == EXIT_DONE) code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = report(audit_make(l, first, end, papers_step, &p, &pack));
    papers_end(&p);
    if (code == EXIT_DONE && only_html) {
        const struct pack_file *page = pack_find(&pack, "report.html");
        code = papers_save(output, page->data, page->n);
    } else if (code == EXIT_DONE) {
        code = report(pack_write(&pack, output));
        if (code == EXIT_DONE) term_printf(stdout, "%s: `hearth audit verify %s --key %s` checks it anywhere\n", output, output, ledger_vkey(l));
    }
    pack_free(&pack);
    ledger_close(l);
    return code;
}

static int run(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "verify") != 0) return usage("there is no `hearth audit %s`; there is `hearth audit verify PACK`", argv[0]);
    if (argc == 1) return usage("audit verify needs a pack: hearth audit verify PACK");
    if (argc == 2) return verify(argv[1]);
    if (!from || !to) return usage("audit needs a time: --from 2026-11-01 --to 2026-11-30");
    if (!output && !only_html) return usage("audit needs a place for the pack: -o PACK.zip, or -o FOLDER");
    return make();
}

const struct command cmd_audit = {
    .name = "audit", .group = GROUP_ACCOUNT, .summary = "make a pack for an auditor, or check one", .args = "[verify PACK]",
    .min_args = 0, .max_args = 2, .complete = COMPLETE_FILE,
    .about = "Gathers what the ledger holds of a time: who (by pseudonym) used which model for which purpose, models with digests and "
             "licences, decisions, footprint, counts by day, as a page that can be printed; and beside it every receipt with its proof, "
             "so that it can be checked without this computer. No word of a prompt or an answer is in it.\n\n"
             "`hearth audit verify` checks a pack: the ledger's signature, each receipt's proof, that none is left out, and that the "
             "page's figures are what the receipts say.",
    .examples = "hearth audit --from 2026-11-01 --to 2026-11-30 -o november.zip\n"
                "hearth audit verify november.zip --key \"$(cat school.vkey)\"\n"
                "hearth audit --from 2026-11-01 --to 2026-11-30 --html -o november.html\n",
    .options = options, .run = run,
};

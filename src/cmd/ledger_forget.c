/* ledger_forget.c - `hearth ledger forget`: what was said is erased, what was receipted stays. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account/feedback.h"
#include "account/transcript.h"
#include "cmd/ledger.h"
#include "hub/hub.h"

#define O ledger_opt

struct ids { char (*id)[64]; size_t n, cap; const char *before; char one[64]; /* the id of the one that was named */ };

static int on_transcript(void *user, const char *day, const char *id, const char *path)
{
    struct ids *x = user;
    (void)path;
    if (x->before && strcmp(day, x->before) >= 0) return 0;
    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 64;
        x->id = xrealloc(x->id, x->cap, sizeof *x->id);
    }
    snprintf(x->id[x->n++], sizeof *x->id, "%s", id);
    return 0;
}

/* The transcript of one receipt; none when there is none any more. */
static int find_one(struct ledger *l, const char *word, struct ids *x)
{
    struct receipt r = {0};
    uint64_t number = 0;
    void *data = NULL;
    size_t n = 0;
    int code = ledger_number(l, word, &number);
    if (code == EXIT_DONE) code = report(ledger_entry(l, number, &data, &n));
    if (code == EXIT_DONE) code = report(receipt_parse(data, n, &r));
    if (code == EXIT_DONE) snprintf(x->one, sizeof x->one, "%s", r.id);
    if (code == EXIT_DONE && transcript_kept(r.id)) on_transcript(x, "", r.id, "");
    receipt_free(&r);
    free(data);
    return code;
}

static int find(struct ledger *l, int argc, char **argv, struct ids *x)
{
    if ((argc > 0) + (O.before != NULL) + O.all != 1)
        return usage("forget takes one of: the number of a receipt, --before DATE, --all");
    if (argc > 0) return find_one(l, argv[0], x);
    int64_t day;
    if (O.before && strlen(O.before) != 10) return usage("--before: \"%s\" is no day; one is 2026-11-22", O.before);
    int code = O.before ? ledger_when("--before", O.before, 0, &day) : EXIT_DONE;
    if (code != EXIT_DONE) return code;
    x->before = O.before;                              /* folders are named so */
    return report(transcript_each(on_transcript, x));
}

static int sure(size_t n)
{
    char *question;
    if (O.yes) return EXIT_DONE;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return usage("forget asks first, and there is no terminal here; --yes erases without asking");
    question = n == 1 ? xstrdup("Erase the words of this answer for good?")
             : n ? xprintf("Erase the words of %zu answers for good?", n) : xstrdup("Erase what was made of the answers, and its words, for good?");
    int yes = term_ask(question, 0);
    free(question);
    if (!yes) complain("nothing was erased");
    return yes ? EXIT_DONE : EXIT_FAILED;
}

/* Verdicts are kept beside the transcripts, and may outlive them. */
static int any_feedback(void)
{
    struct buf b = {0};
    size_t n = 0;
    enum hearth_status st = feedback_export(FEEDBACK_ENTRIES, &b, &n);
    buf_free(&b);
    return st != HEARTH_OK || n > 0;
}

static int erase(const struct ids *x, size_t *erased)
{
    for (size_t i = 0; i < x->n; i++) {
        enum hearth_status st = transcript_erase(x->id[i]);
        if (st != HEARTH_OK && st != HEARTH_ENOTFOUND) return report(st);
        *erased += st == HEARTH_OK;
    }
    return report(feedback_forget(*x->one ? x->one : NULL, x->before, NULL));    /* what people made of these answers repeats their words */
}

/* The lines typed in chats are remembered apart from answers, so none of them can be told to belong to one: --all erases them, the
 * others say that they are there. */
static int history(void)
{
    char *path = NULL;
    int code = report(hub_path(HUB_DATA, "chat_history", &path)), there = code == EXIT_DONE && access(path, F_OK) == 0;
    if (there && O.all && unlink(path) != 0) {
        complain("%s: cannot be erased: %s", path, strerror(errno));
        code = EXIT_FAILED;
    } else if (there && !O.all) {
        complain("the lines typed in chats are remembered in %s; --all erases them too, or you may", path);
    }
    free(path);
    return code;
}

/* That the ledger is what it was is shown, not claimed: its root before and after, and every byte checked. */
static int done(struct ledger *l, const uint8_t before[MERKLE_HASH], uint64_t had, size_t erased)
{
    uint8_t after[MERKLE_HASH];
    char root[45];
    uint64_t size;
    int code = ledger_verify_now(l, &size, root);
    if (code != EXIT_DONE) return code;
    if ((code = report(ledger_root(l, had, after))) != EXIT_DONE) return code;
    if (memcmp(before, after, sizeof after) != 0) {
        complain("the ledger is not what it was before: its first %" PRIu64 " entries have another root", had);
        return EXIT_FAILED;
    }
    if (O.json)
        return json_print(json_pack("{s:I, s:I, s:s, s:b}", "erased", (json_int_t)erased, "size", (json_int_t)size, "root", root, "verified", 1));
    if (erased) printf("erased the words of %zu answer%s, and the salts that tied them to their receipts\n", erased, erased == 1 ? "" : "s");
    else printf("no words were kept, so none were erased\n");
    printf("the ledger verifies as before: %" PRIu64 " entries, root %s\n", size, root);
    return EXIT_DONE;
}

int ledger_forget(int argc, char **argv)
{
    struct ledger *l = NULL;
    struct ids x = {0};
    uint8_t before[MERKLE_HASH];
    uint64_t had = 0;
    size_t erased = 0;
    int code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = report(ledger_size(l, &had));
    if (code == EXIT_DONE) code = report(ledger_root(l, had, before));
    if (code == EXIT_DONE) code = find(l, argc, argv, &x);
    if (code == EXIT_DONE && (x.n || any_feedback())) code = sure(x.n);
    if (code == EXIT_DONE) code = erase(&x, &erased);
    if (code == EXIT_DONE) code = history();
    if (code == EXIT_DONE) code = done(l, before, had, erased);
    free(x.id);
    ledger_close(l);
    return code;
}

/* The same as `hearth decide`, which has the words for it. */
int ledger_decide(int argc, char **argv)
{
    if (O.by) option_set(option_find(&cmd_decide, "by"), "--by", O.by);
    if (O.json) option_set(option_find(&cmd_decide, "json"), "--json", NULL);
    return cmd_decide.run(argc, argv);
}

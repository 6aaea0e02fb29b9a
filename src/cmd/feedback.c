/* feedback.c - `hearth feedback export`: what people made of answers on the page, as lines for tuning and tests. */
#include <inttypes.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account/feedback.h"
#include "cmd/command.h"

static int form;
static const char *output;
static const char *const forms[] = {"chat", "preference", "entries", NULL};

static const struct opt options[] = {
    {"form", 0, OPT_CHOICE, "FORM", "what a line holds (see below)", &form, 0, 0, forms, 0},
    {"output", 'o', OPT_TEXT, "FILE", "write to a new file, for you alone to read, and not to standard output", &output, 0, 0, 0, 0},
    {0},
};

static int write_file(const struct buf *b)
{
    int fd = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), bad;
    if (fd < 0) {
        complain("%s: cannot create: %s", output, strerror(errno));
        return EXIT_FAILED;
    }
    FILE *f = fdopen(fd, "w");
    if (!f) {
        close(fd);
        complain("%s: cannot write: %s", output, strerror(errno));
        return EXIT_FAILED;
    }
    bad = b->len && fwrite(b->data, 1, b->len, f) != b->len;
    if ((bad |= fclose(f) != 0)) complain("%s: cannot write: %s", output, strerror(errno));
    if (bad) unlink(output);
    return bad ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct buf b = {0};
    size_t n;
    (void)argc;
    if (strcmp(argv[0], "export") != 0) return usage("feedback has no %s; there is: export", argv[0]);
    int code = report(feedback_export((enum feedback_form)form, &b, &n));
    if (code == EXIT_DONE && output) code = write_file(&b);
    else if (code == EXIT_DONE && b.len) fwrite(b.data, 1, b.len, stdout);
    if (code == EXIT_DONE) note("%zu example%s", n, n == 1 ? "" : "s");
    buf_free(&b);
    return code;
}

const struct command cmd_feedback = {
    .name = "feedback", .group = GROUP_ACCOUNT, .summary = "what people made of answers, as examples for tuning", .args = "export", .min_args = 1,
    .max_args = 1, .complete = COMPLETE_NOTHING,
    .about = "On the page that `hearth serve` shows, every answer can be marked as good or wrong, or be corrected. That is kept in the data folder, in "
             "feedback, with the words that were said and the number of the receipt; only you can read it, and nothing of it is sent anywhere. The "
             "ledger notes the decision (accepted, rejected, edited) without a word of it. `hearth ledger forget` erases the words here too.\n\n"
             "export writes JSON lines, one for each answer, by its newest verdict. --form chat: {\"messages\": [...]}, a conversation that ends with the "
             "good answer, or with the correction of the person. --form preference: {\"prompt\": [...], \"chosen\": [...], \"rejected\": [...]}, for answers that "
             "were corrected. --form entries: everything as it is kept.",
    .examples = "hearth feedback export -o pairs.jsonl\nhearth feedback export --form preference\tcorrection against answer\n",
    .options = options, .run = run,
};

/* transcripts.c - `hearth transcripts`: what is kept of what was said; showing one; sealing all with a passphrase. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "account/keys.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "account/seal.h"
#include "account/transcript.h"
#include "cmd/command.h"
#include "cmd/passphrase.h"

static int want_json;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "show: print the transcript as it is kept", &want_json, 0, 0, 0, 0},
    {0},
};

/* ---- list ---- */

struct kept { uint64_t number; char id[33], time[32], model[257], bytes[24]; };
struct kept_list { struct kept *item; size_t n; };

static int list_one(void *user, const char *day, const char *id, const char *path)
{
    struct kept_list *all = user;
    struct stat s;
    all->item = xrealloc(all->item, all->n + 1, sizeof *all->item);
    struct kept *k = &all->item[all->n++];
    *k = (struct kept){.number = UINT64_MAX};
    snprintf(k->id, sizeof k->id, "%s", id);
    snprintf(k->time, sizeof k->time, "%s", day);
    if (stat(path, &s) == 0) show_bytes((uint64_t)s.st_size, k->bytes);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct kept *)a)->id, ((const struct kept *)b)->id);
}

/* One walk over the ledger tells the number, time and model of each. */
static int find_number(void *user, uint64_t i, const void *data, size_t n)
{
    struct kept_list *all = user;
    struct receipt r;
    struct kept key = {0};
    if (receipt_parse(data, n, &r) != HEARTH_OK) return 0;
    snprintf(key.id, sizeof key.id, "%s", r.id);
    struct kept *k = bsearch(&key, all->item, all->n, sizeof *all->item, by_id);
    if (k && (r.kind == RECEIPT_ANSWER || r.kind == RECEIPT_OTHER)) {
        const char *model = json_string_value(json_object_get(json_object_get(r.json, "model"), "name"));
        k->number = i;
        snprintf(k->time, sizeof k->time, "%s", r.time);
        snprintf(k->model, sizeof k->model, "%s", r.kind == RECEIPT_ANSWER ? r.model.name : model ? model : "");
    }
    receipt_free(&r);
    return 0;
}

/* Without a ledger, day and id are all there is. */
static enum hearth_status find_numbers(struct kept_list *all)
{
    struct ledger *l = NULL;
    if (all->n == 0) return HEARTH_OK;
    qsort(all->item, all->n, sizeof *all->item, by_id);
    enum hearth_status st = receipt_ledger(0, &l);
    if (st == HEARTH_OK) st = ledger_each(l, 0, UINT64_MAX, find_number, all);
    ledger_close(l);
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;
}

/* The newest first, those without a receipt last. */
static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct kept *)a)->number + 1, y = ((const struct kept *)b)->number + 1;
    return (x < y) - (x > y);
}

static int list(void)
{
    static const char *const heading[] = {"RECEIPT", "TIME (UTC)", "MODEL", "SIZE", "ID"};
    struct table t = {.columns = 5, .right = "10010"};
    struct kept_list all = {0};
    enum hearth_status st = transcript_each(list_one, &all);
    if (st == HEARTH_OK) st = find_numbers(&all);
    if (st != HEARTH_OK) {
        free(all.item);
        return report(st);
    }
    if (all.n) qsort(all.item, all.n, sizeof *all.item, by_number);
    for (int i = 0; i < 5; i++) table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < all.n; i++) {
        const struct kept *k = &all.item[i];
        if (k->number == UINT64_MAX) table_cell(&t, "%s", "");
        else table_cell(&t, "%" PRIu64, k->number);
        table_cell(&t, "%s", k->time);
        table_cell(&t, "%s", k->model);
        table_cell(&t, "%s", k->bytes);
        table_cell(&t, "%s", k->id);
    }
    if (all.n == 0) note("no transcripts are kept here");
    table_print(&t, stdout);
    free(all.item);
    return EXIT_DONE;
}

/* ---- show ---- */

static void show_part(const char *who, const char *text)
{
    printf("%s:\n", who);
    term_write(stdout, text, strlen(text));
    fputs(text[0] && text[strlen(text) - 1] == '\n' ? "\n" : "\n\n", stdout);
}

static int show(const char *word)
{
    struct receipt r;
    struct transcript t;
    const char *role, *content;
    int code = passphrase_unlock();
    if (code != EXIT_DONE) return code;
    enum hearth_status st = receipt_find(word, &r, NULL);
    if (st != HEARTH_OK) return report(st);
    st = transcript_load(r.id, &t);
    if (st == HEARTH_OK && (st = transcript_check(&t, &r)) != HEARTH_OK) transcript_free(&t);
    int labels = r.kind != RECEIPT_ANSWER;
    receipt_free(&r);
    if (st != HEARTH_OK) return report(st);
    if (want_json) code = json_print(json_incref(t.json));
    else {
        for (size_t i = 0; i < json_array_size(t.messages); i++) {
            const json_t *m = json_array_get(t.messages, i);
            role = json_string_value(json_object_get(m, "role")), content = json_string_value(json_object_get(m, "content"));
            if (role && content) show_part(role, content);
        }
        show_part(labels ? "labels" : "assistant", t.text);
    }
    transcript_free(&t);
    return code;
}

/* ---- seal ---- */

static int new_passphrase(char **out)
{
    const char *given = getenv("HEARTH_PASSPHRASE");
    if (given && *given) {
        *out = xstrdup(given);
        return EXIT_DONE;
    }
    *out = passphrase_ask("new passphrase (there is no way to read the transcripts without it)");
    if (!*out) return usage("seal needs a passphrase: typed on a terminal, or in HEARTH_PASSPHRASE");
    char *again = passphrase_ask("the same again");
    int same = again && strcmp(*out, again) == 0;
    if (again) keys_wipe(again, strlen(again));
    free(again);
    return same ? EXIT_DONE : usage("the two passphrases are not the same, so nothing was changed");
}

static int seal(void)
{
    char *folder = NULL, *passphrase = NULL;
    size_t n = 0;
    enum hearth_status st = transcript_folder(&folder);
    int code = st == HEARTH_OK ? report(transcript_make_folder(folder, NULL)) : report(st);
    if (code == EXIT_DONE && seal_is_set(folder)) complain("a passphrase is set already; what is not sealed yet is sealed now");
    else if (code == EXIT_DONE && (code = new_passphrase(&passphrase)) == EXIT_DONE) code = report(seal_set(folder, passphrase));
    if (code == EXIT_DONE) code = report(transcript_seal_all(&n));
    if (code == EXIT_DONE)
        printf("sealed: %zu transcript%s; new ones are sealed as they are made, and reading one asks for the passphrase\n", n, n == 1 ? "" : "s");
    if (passphrase) keys_wipe(passphrase, strlen(passphrase));
    free(passphrase);
    free(folder);
    return code;
}

static int run(int argc, char **argv)
{
    if (argc == 0 || (argc == 1 && strcmp(argv[0], "list") == 0)) return list();
    if (strcmp(argv[0], "show") == 0) return argc == 2 ? show(argv[1]) : usage("show needs a receipt: hearth transcripts show 12");
    if (argc == 1 && strcmp(argv[0], "seal") == 0) return seal();
    return usage("transcripts knows list, show RECEIPT and seal, not \"%s\"", argv[argc > 1 && strcmp(argv[0], "list") == 0 ? 1 : 0]);
}

const struct command cmd_transcripts = {
    .name = "transcripts", .group = GROUP_ACCOUNT, .summary = "show what is kept of what was said; seal it", .args = "[list | show RECEIPT | seal]",
    .min_args = 0, .max_args = 2, .complete = COMPLETE_NOTHING,
    .about = "A receipt holds no word of a prompt or an answer; those are in its transcript, in the folder transcripts under HEARTH_HOME "
             "(without it: ~/.local/share/hearth), where only you can read them.\n\n"
             "list shows them, the newest first, each by the number of its receipt. show prints one, after holding it against its receipt. seal asks for a passphrase and encrypts all, and "
             "from then on each new one as it is made (AES-256-GCM; the key by scrypt from the passphrase): answering never asks for it, "
             "reading does (on a terminal, or HEARTH_PASSPHRASE holds it). A passphrase that is forgotten cannot be replaced.\n\n"
             "They are kept for 30 days. In hearth.ini, `keep = 7` under [transcripts] makes it 7, `keep = no` keeps none; "
             "--private keeps none of one answer. `hearth ledger forget RECEIPT` erases one.",
    .examples = "hearth transcripts\nhearth transcripts show 12\nhearth transcripts seal\n",
    .options = options, .run = run,
};

/* ledger.c - `hearth ledger`: the receipts of this computer, looked at, checked, proved to others.
 *
 *     ledger.c            the tables: words, options; what all of them share
 *     ledger_list.c       list, show
 *     ledger_proof.c      verify, prove, check, export
 *     ledger_witness.c    witness
 *     ledger_forget.c     forget; decide is `hearth decide` */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "account/index.h"
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/ledger.h"

struct ledger_options ledger_opt = {.limit = 20};

/* A short name: the table below is wide. */
#define O ledger_opt
enum { OPTIONS = 24 };
static int given[OPTIONS];

/* The order is that of `hearth ledger --help`; given[] has the same places. */
static const struct opt options[] = {
    {"model", 0, OPT_TEXT, "NAME", "list, export: answers of this model, by name or by 8 or more digits of its SHA-256", &O.model, 0, 0, 0, &given[0]},
    {"from", 0, OPT_TEXT, "DATE", "list, export: from this day or time (UTC) on; prove, check: FILE with an older checkpoint", &O.from, 0, 0, 0, &given[1]},
    {"to", 0, OPT_TEXT, "DATE", "list, export: until the end of this day, or until this time", &O.to, 0, 0, 0, &given[2]},
    {"key", 0, OPT_LIST, "KEY", "list, export: answers to this API key; check, verify, witness: verifier key, or a file with one", &O.key, 0, 0, 0, &given[3]},
    {"task", 0, OPT_TEXT, "NAME", "list, export: answers made for this task", &O.task, 0, 0, 0, &given[4]},
    {"actor", 0, OPT_TEXT, "NAME", "list, export: answers made for this person (a pseudonym)", &O.actor, 0, 0, 0, &given[5]},
    {"purpose", 0, OPT_TEXT, "TEXT", "list, export: answers made for this purpose", &O.purpose, 0, 0, 0, &given[6]},
    {"limit", 0, OPT_INT, "N", "list: at most N, the newest (default 20; 0 lists all)", &O.limit, 0, 1 << 30, 0, &given[7]},
    {"output", 'o', OPT_TEXT, "FILE", "prove: where the proof goes (default: standard output)", &O.out, 0, 0, 0, &given[8]},
    {"with-entry", 0, OPT_FLAG, 0, "prove: put the entry itself into the proof", &O.with_entry, 0, 0, 0, &given[9]},
    {"newest", 0, OPT_FLAG, 0, "prove: against the newest checkpoint, also when an older one has cosignatures", &O.newest, 0, 0, 0, &given[10]},
    {"entry", 0, OPT_TEXT, "FILE", "check: the entry, as `hearth ledger show N --json` prints it", &O.entry, 0, 0, 0, &given[11]},
    {"dir", 0, OPT_TEXT, "DIR", "verify: a copy made by export, in place of this computer's ledger", &O.dir, 0, 0, 0, &given[12]},
    {"listen", 0, OPT_TEXT, "ADDR:PORT", "witness: be one, and answer there", &O.listen, 0, 0, 0, &given[13]},
    {"state", 0, OPT_TEXT, "DIR", "witness: where it keeps its key and what it signed", &O.state, 0, 0, 0, &given[14]},
    {"trust", 0, OPT_LIST, "KEY", "witness: verifier key of a log to watch, besides those in DIR/logs", &O.trust, 0, 0, 0, &given[15]},
    {"name", 0, OPT_TEXT, "NAME", "witness: what it is called, when its key is made", &O.name, 0, 0, 0, &given[16]},
    {"before", 0, OPT_TEXT, "DATE", "forget: all transcripts of the days before this one (UTC)", &O.before, 0, 0, 0, &given[17]},
    {"all", 0, OPT_FLAG, 0, "forget: all transcripts", &O.all, 0, 0, 0, &given[18]},
    {"yes", 'y', OPT_FLAG, 0, "forget: do not ask", &O.yes, 0, 0, 0, &given[19]},
    {"by", 0, OPT_TEXT, "NAME", "decide: who decided (a pseudonym will do)", &O.by, 0, 0, 0, &given[20]},
    {"json", 0, OPT_FLAG, 0, "print JSON; show: the entry's own bytes", &O.json, 0, 0, 0, &given[21]},
    {0},
};

struct word {
    const char *word, *args;
    int min, max;
    const char *options;             /* those it takes, each between blanks */
    int (*run)(int argc, char **argv);
};
static const struct word words[] = {
    {"list", "", 0, 0, " model from to key task actor purpose limit json ", ledger_list},
    {"show", " N", 1, 1, " json ", ledger_show},
    {"verify", "", 0, 0, " dir key json ", ledger_check_all},
    {"prove", " N", 0, 1, " output with-entry newest from ", ledger_prove},
    {"check", " FILE", 1, 1, " key entry from json ", ledger_check},
    {"export", " DIR|FILE", 1, 1, " model from to key task actor purpose json ", ledger_export},
    {"witness", " [URL]", 0, 1, " key listen state trust name json ", ledger_witness},
    {"forget", " [N]", 0, 1, " before all yes json ", ledger_forget},
    {"decide", " N accepted|edited|rejected", 2, 2, " by json ", ledger_decide},
};
enum { WORDS = sizeof words / sizeof *words };

static const char *word_at(void *user, size_t i)
{
    (void)user;
    return i < WORDS ? words[i].word : NULL;
}

/* An option that the word does not heed is a mistake, not decoration. */
static int options_fit(const struct word *w)
{
    for (int i = 0; options[i].name; i++) {
        char name[32];
        snprintf(name, sizeof name, " %s ", options[i].name);
        if (given[i] && !strstr(w->options, name))
            return usage("ledger %s takes no --%s; `hearth ledger --help` says which word takes which", w->word, options[i].name);
    }
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    const struct word *w = NULL;
    if (argc == 0) return usage("ledger needs a word: list, show, verify, prove, check, export, witness, forget or decide; `hearth ledger --help` tells of each");
    for (int i = 0; i < WORDS; i++)
        if (strcmp(words[i].word, argv[0]) == 0) w = &words[i];
    if (!w) {
        const char *near = nearest(argv[0], word_at, NULL);
        return near ? usage("there is no `hearth ledger %s`; did you mean `hearth ledger %s`?", argv[0], near)
                    : usage("there is no `hearth ledger %s`; `hearth ledger --help` lists what there is", argv[0]);
    }
    if (argc - 1 < w->min || argc - 1 > w->max) return usage("it is called: hearth ledger %s%s", w->word, w->args);
    int code = options_fit(w);
    return code == EXIT_DONE ? w->run(argc - 1, argv + 1) : code;
}

/* ---- what they share ---- */

int ledger_number(struct ledger *l, const char *word, uint64_t *number)
{
    uint64_t size = 0;
    struct receipt r = {0};
    enum hearth_status st = ledger_size(l, &size);
    if (st != HEARTH_OK) return report(st);
    if (strspn(word, "0123456789") == strlen(word) && strlen(word) < 19) {
        *number = strtoull(word, NULL, 10);
        if (*number < size) return EXIT_DONE;
    }
    st = receipt_find(word, &r, number);
    if (st != HEARTH_OK) return report(st);
    receipt_free(&r);
    if (*number < size) return EXIT_DONE;
    complain("%s: this receipt is not in the ledger of this computer", word);
    return EXIT_FAILED;
}

int ledger_when(const char *option, const char *word, int end, int64_t *out)
{
    static const struct { const char *format; size_t n; int day; } form[] = {
        {"%Y-%m-%d", 10, 1}, {"%Y-%m-%dT%H:%M", 16, 0}, {"%Y-%m-%d %H:%M", 16, 0}, {"%Y-%m-%dT%H:%M:%S", 19, 0},
        {"%Y-%m-%d %H:%M:%S", 19, 0}};
    size_t n = strlen(word), z = n > 0 && word[n - 1] == 'Z';
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        struct tm t = {0}, asked;
        if (n - z != form[i].n || (z && form[i].day)) continue;
        const char *rest = strptime(word, form[i].format, &t);
        if (!rest || rest != word + form[i].n) continue;
        if (end && form[i].day) t.tm_mday++;
        asked = t;
        time_t v = timegm(&t);
        if (v == (time_t)-1 || (!(end && form[i].day) && t.tm_mday != asked.tm_mday)) continue;      /* 31 February */
        *out = (int64_t)v;
        return EXIT_DONE;
    }
    return usage("%s: \"%s\" is no date; one is 2026-11-22 or 2026-11-22T11:04 (UTC, as in receipts)", option, word);
}

const char *ledger_clock(int64_t t, char out[24])
{
    struct tm tm;
    time_t v = (time_t)t;
    if (!localtime_r(&v, &tm) || strftime(out, 24, "%Y-%m-%d %H:%M:%S", &tm) == 0) snprintf(out, 24, "?");
    return out;
}

const char *ledger_energy(uint64_t uj, char out[24])
{
    static const char *const unit[] = {"J", "kJ", "MJ", "GJ"};
    double v = (double)uj / 1e6;
    size_t u = 0;
    while (v >= 999.5 && u < 3) v /= 1000, u++;
    snprintf(out, 24, v < 9.95 ? "%.2g %s" : "%.0f %s", v, unit[u]);
    return out;
}

int ledger_query(struct index_query *q)
{
    int code = EXIT_DONE;
    if (O.key.n > 1) return usage("--key: one key at a time can be searched for");
    *q = (struct index_query){.model = O.model, .task = O.task, .key = O.key.n ? O.key.item[0] : NULL, .actor = O.actor,
                              .purpose = O.purpose};
    if (O.from) code = ledger_when("--from", O.from, 0, &q->from);
    if (code == EXIT_DONE && O.to) code = ledger_when("--to", O.to, 1, &q->to);
    if (code == EXIT_DONE && O.from && O.to && q->from >= q->to)
        return usage("--from %s --to %s: the end is not after the beginning", O.from, O.to);
    return code;
}

static void indexed(void *walk, uint64_t done, uint64_t total)
{
    ledger_walked(walk, done, total);
}

int ledger_index(struct ledger *l, struct index **out)
{
    struct ledger_walk w = {.what = "reading the ledger into the index"};
    enum hearth_status st = index_open(ledger_dir(l), l, indexed, &w, out);
    ledger_walk_end(&w);
    return report(st);
}

int ledger_walked(void *walk, uint64_t done, uint64_t total)
{
    struct ledger_walk *w = walk;
    double now = clock_seconds();
    if (!w->drawn) w->drawn = now - 0.05;              /* what is done at once is not worth a line */
    if (now - w->drawn >= 0.1 && term_is(stderr)) {
        fprintf(stderr, "\r%s: %llu of %llu entries\x1b[K", w->what, (unsigned long long)done, (unsigned long long)total);
        fflush(stderr);
        w->drawn = now;
        w->shown = 1;
    }
    return *interrupt_watch();
}

void ledger_walk_end(struct ledger_walk *w)
{
    if (w->shown) fputs("\r\x1b[K", stderr);
    w->shown = 0;
}

int ledger_verify_now(struct ledger *l, uint64_t *size, char root[45])
{
    struct ledger_walk w = {.what = "checking the ledger"};
    uint8_t hash[MERKLE_HASH];
    struct buf b = {0};
    enum hearth_status st = ledger_verify(l, size, ledger_walked, &w);
    ledger_walk_end(&w);
    if (st == HEARTH_OK) st = ledger_root(l, *size, hash);
    if (st == HEARTH_OK) st = base64_put(&b, hash, sizeof hash);
    snprintf(root, 45, "%s", b.data ? b.data : "");
    buf_free(&b);
    return report(st);
}

int ledger_keys(struct note_key **keys, size_t *n)
{
    enum hearth_status st = HEARTH_OK;
    *keys = xrealloc(NULL, O.key.n, sizeof **keys);
    *n = 0;
    for (size_t i = 0; i < O.key.n && st == HEARTH_OK; i++) {
        const char *word = O.key.item[i];
        char *text = NULL;
        size_t length;
        int code = strchr(word, '+') ? EXIT_DONE : input_file(word, &text, &length);
        if (code != EXIT_DONE) {
            free(*keys);
            *keys = NULL;
            return code;
        }
        st = note_key_parse(text ? word : "--key", text ? text : word, &(*keys)[*n]);
        if (st == HEARTH_OK) ++*n;
        free(text);
    }
    if (st != HEARTH_OK) free(*keys), *keys = NULL;
    return report(st);
}

const struct command cmd_ledger = {
    .name = "ledger", .group = GROUP_ACCOUNT, .summary = "the receipts of this computer: look, check, prove, forget", .args = "WORD [ARGUMENTS]",
    .min_args = 0, .max_args = -1, .complete = COMPLETE_FILE,
    .about = "Each answer leaves a receipt: which model, how many tokens, how much energy, and seals over the words, never the words. The "
             "receipts stand in a log that can only grow, so that anybody can check that none was changed or taken out.\n\n"
             "list: the newest receipts; --model, --from, --to, --key, --task, --actor, --purpose search.\n\n"
             "show N: one receipt in plain words; N is its number or its id. --json prints the entry byte for byte.\n\n"
             "verify: checks every byte of the log and every signature, and names size, root and key. --dir checks a copy.\n\n"
             "prove N: a proof (C2SP tlog-proof) that entry N is in the log, for somebody who does not have it. prove --from FILE: a "
             "proof that the log only grew since the older checkpoint in FILE.\n\n"
             "check FILE: checks a proof; needs no ledger. --key is the log's verifier key, which `hearth ledger verify` prints there; a "
             "witness's key may be given too, and then its signature must be there.\n\n"
             "export FILE: all receipts that list would find, each with its proof, in one file for check. export DIR/: the whole log, for "
             "verify --dir.\n\n"
             "witness URL --key KEY: asks another computer to sign that this log only grew, and keeps its signature; later --key "
             "can be left out. witness --listen ADDR:PORT --state DIR: is such a witness for others.\n\n"
             "forget N, forget --before DATE, forget --all: erases what was said, for good. The receipts stay, and the log still verifies.\n\n"
             "decide N accepted|edited|rejected --by NAME: adds what a person made of answer N.",
    .examples = "hearth ledger list --model smollm2 --from 2026-11-01\tanswers since the first of November\n"
                "hearth ledger show 7\twhat is known about answer 7\n"
                "hearth ledger prove 7 --with-entry -o seven.tlog-proof\tfor somebody else\n"
                "hearth ledger check seven.tlog-proof --key hearth.local/5be1...+530d903a+Aeky...\twhat they do\n"
                "hearth ledger forget 7\terase what was said\n"
                "hearth ledger witness --listen 192.168.1.5:8717 --state witness\tbe a witness\n",
    .options = options, .run = run,
};

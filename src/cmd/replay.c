/* replay.c - `hearth replay RECEIPT`: makes an answer again from its token ids and says whether it is equal. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "account/ledger.h"
#include "account/replay.h"
#include "base/random.h"
#include "cmd/passphrase.h"
#include "cmd/talk.h"

static int all, want_json, threads;
static const char *sample, *adapter, *model_file, *transcript_file;

static const struct opt options[] = {
    {"all", 0, OPT_FLAG, 0, "replay every answer whose transcript is kept", &all, 0, 0, 0, 0},
    {"sample", 0, OPT_TEXT, "PERCENT", "with --all: only so many of them, drawn anew each time, one at least", &sample, 0, 0, 0, 0},
    {"model", 0, OPT_TEXT, "FILE", "take this model file (default: the one with the receipt's SHA-256)", &model_file, 0, 0, 0, 0},
    {"adapter", 0, OPT_TEXT, "FOLDER", "where the adapter is that the receipt names, when it names one", &adapter, 0, 0, 0, 0},
    {"transcript", 0, OPT_TEXT, "FILE", "take this transcript (default: the one that is kept)", &transcript_file, 0, 0, 0, 0},
    {"threads", 0, OPT_INT, "N", "threads (default: the cores this process may use); never changes an answer", &threads, 1, 1024, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object (with --all one for each receipt, then the sums)", &want_json, 0, 0, 0, 0},
    {0},
};

/* The model of the last replay stays open: most receipts are of the same. */
struct open_model { char *path; char sha256[65]; struct hearth_model *model; enum hearth_arithmetic arithmetic; };

static void model_drop(struct open_model *m)
{
    hearth_model_close(m->model);
    free(m->path);
    *m = (struct open_model){0};
}

static enum hearth_status model_take(struct open_model *m, const struct receipt *r, const struct transcript *t)
{
    struct hearth_model_params p = {.threads = threads, .arithmetic = t->arithmetic};
    char *path = NULL;
    enum hearth_status st;
    if (model_file) st = hub_resolve(model_file, &path, NULL);
    else st = replay_model(r, t, &path);
    if (st != HEARTH_OK) return st;
    if (m->model && strcmp(m->path, path) == 0 && m->arithmetic == t->arithmetic) {
        free(path);
        return HEARTH_OK;
    }
    model_drop(m);
    m->path = path;
    m->arithmetic = t->arithmetic;
    st = replay_digest(path, interrupt_watch(), m->sha256);
    return st == HEARTH_OK ? hearth_model_open(path, &p, &m->model) : st;
}

/* ---- what is said ---- */

/* `253 " a"`, or `the end`. */
static void token_text(const struct hearth_model *m, int32_t id, char *out, size_t size)
{
    char *text = NULL;
    const char *bytes;
    size_t n;
    if (id < 0) snprintf(out, size, "the end of the answer");
    else if (piece(m, id, &text, &bytes, &n) != HEARTH_OK) snprintf(out, size, "%d", id);
    else snprintf(out, size, "%d \"%.*s\"", id, n < 60 ? (int)n : 60, bytes);
    hearth_free(text);
}

/* Why it is not equal, or what was not the same although it is. */
static char *cause_text(const struct receipt *r, const struct replay *p, const char *sha256)
{
    char release[96], *text = xstrdup(""), *more;
    if (p->causes & REPLAY_OTHER_MODEL) {
        more = xprintf("%s; the model's file is another: its SHA-256 is %s, the receipt's %s", text, sha256, r->model.sha256);
        free(text), text = more;
    }
    if (p->causes & REPLAY_OTHER_ARITHMETIC) {
        more = xprintf("%s; it was made with arithmetic version %d, which %s computes, and this is version %d", text, r->arithmetic.version,
                       replay_release(r->arithmetic.version, release), hearth_arithmetic_version());
        free(text), text = more;
    }
    if (p->causes & REPLAY_NOT_REPLAYABLE) {
        more = xprintf("%s; the receipt says that it is not replayable%s%s", text, *r->arithmetic.reason ? ": " : "", r->arithmetic.reason);
        free(text), text = more;
    }
    if (!p->equal && !p->causes) {
        more = xprintf("; nothing that the receipt names explains it: this machine or this program computes otherwise, or transcript and receipt "
                       "were made up together");
        free(text), text = more;
    }
    return text;
}

/* Every token is equal, and nothing that stands beside them says otherwise. */
static int holds(const struct replay *p)
{
    return p->equal && !*p->contradiction;
}

static int tell(const char *label, const struct receipt *r, const struct replay *p, const struct open_model *m)
{
    static const char *const words[] = {
        [REPLAY_WORDS_COMPARED] = "compared", [REPLAY_WORDS_IN_PART] = "in part", [REPLAY_WORDS_NOT] = "not compared"};
    char was[100], is[100], *cause = cause_text(r, p, m->sha256), *line;
    struct hearth_model_info info;
    hearth_model_describe(m->model, &info);
    token_text(m->model, p->was, was, sizeof was);
    token_text(m->model, p->is, is, sizeof is);
    if (p->equal && *p->contradiction)
        line = xprintf("%s: NOT EQUAL: its %zu tokens are, but %s%s%s%s\n", label, p->tokens, p->contradiction, cause, *p->words_why ? "; " : "",
                       p->words_why);
    else if (p->equal)
        line = xprintf("%s: equal: %zu tokens of %s, made with %s and %d threads, again with %s and %d%s%s%s\n", label, p->tokens, r->model.name,
                       r->arithmetic.isa, r->arithmetic.threads, hearth_isa(), info.threads, cause, *p->words_why ? "; " : "", p->words_why);
    else
        line = xprintf("%s: NOT EQUAL: token %zu of %" PRIu64 " was %s and is %s%s\n", label, p->at + 1, r->answer_tokens, was, is, cause);
    if (want_json)
        json_print(json_pack("{s:s, s:s, s:b, s:I, s:b, s:b, s:b, s:f, s:s, s:s, s:o}", "receipt", label, "id", r->id, "equal", holds(p), "tokens",
                             (json_int_t)p->tokens, "other_model", !!(p->causes & REPLAY_OTHER_MODEL), "other_arithmetic",
                             !!(p->causes & REPLAY_OTHER_ARITHMETIC), "not_replayable", !!(p->causes & REPLAY_NOT_REPLAYABLE), "seconds", p->seconds,
                             "contradiction", p->contradiction, "words", words[p->words], "differs", p->equal ? json_null() : json_pack("{s:I, s:i, s:i}", "at", (json_int_t)p->at, "was", (int)p->was, "is", (int)p->is)));
    else term_write(stdout, line, strlen(line));
    free(line);
    free(cause);
    return holds(p) && !(p->causes & REPLAY_OTHER_MODEL) ? EXIT_DONE : EXIT_FAILED;
}

/* ---- one ---- */

static enum hearth_status run_again(const struct receipt *r, const char *file, struct open_model *m, struct replay *out)
{
    struct transcript t;
    struct replay_params p = {.model_sha256 = m->sha256, .adapter = adapter, .cancel = interrupt_watch()};
    enum hearth_status st = file ? transcript_read(file, &t) : transcript_load(r->id, &t);
    if (st != HEARTH_OK) return st;
    if ((st = transcript_check(&t, r)) == HEARTH_OK && (st = model_take(m, r, &t)) == HEARTH_OK) st = replay_run(r, &t, m->model, &p, out);
    transcript_free(&t);
    return st;
}

static int one(const char *word)
{
    struct receipt r;
    struct open_model m = {0};
    struct replay p;
    uint64_t index;
    char label[80];
    int code = passphrase_unlock();
    if (code != EXIT_DONE) return code;
    enum hearth_status st = receipt_find(word, &r, &index);
    if (st != HEARTH_OK) return report(st);
    if (index == UINT64_MAX) snprintf(label, sizeof label, "%.12s (not of this computer's ledger)", r.id);
    else snprintf(label, sizeof label, "receipt %" PRIu64, index);
    if (r.kind != RECEIPT_ANSWER) {
        complain("%s is a %s, not an answer: there is nothing to replay", label, r.kind_name);
        code = EXIT_FAILED;
    } else {
        st = run_again(&r, transcript_file, &m, &p);
        code = st == HEARTH_OK ? tell(label, &r, &p, &m) : report(st);
    }
    model_drop(&m);
    receipt_free(&r);
    return code;
}

/* ---- all, or a sample ---- */

struct kept { char id[33]; };
struct hunt { struct kept *kept; size_t n_kept, cap_kept; uint64_t *index; size_t n, cap, strange; };

static int keep_id(void *user, const char *day, const char *id, const char *path)
{
    struct hunt *h = user;
    (void)day, (void)path;
    if (h->n_kept == h->cap_kept) {
        h->cap_kept = 2 * h->cap_kept + 64;
        h->kept = xrealloc(h->kept, h->cap_kept, sizeof *h->kept);
    }
    snprintf(h->kept[h->n_kept++].id, sizeof h->kept->id, "%s", id);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct kept *)a)->id, ((const struct kept *)b)->id);
}

/* Entries are canonical JSON, so an id stands in one spelling; only those with a transcript are read whole. */
static int pick_entry(void *user, uint64_t i, const void *data, size_t n)
{
    static const char mark[] = "\"id\":\"";
    struct hunt *h = user;
    struct kept key;
    struct receipt r;
    const char *at = memmem(data, n, mark, sizeof mark - 1);
    if (!at || (size_t)((const char *)data + n - at) < sizeof mark - 1 + 32) return 0;
    snprintf(key.id, sizeof key.id, "%.32s", at + sizeof mark - 1);
    if (!h->n_kept || !bsearch(&key, h->kept, h->n_kept, sizeof key, by_id) || receipt_parse(data, n, &r) != HEARTH_OK) return 0;
    if (r.kind == RECEIPT_ANSWER) {
        if (h->n == h->cap) {
            h->cap = 2 * h->cap + 64;
            h->index = xrealloc(h->index, h->cap, sizeof *h->index);
        }
        h->index[h->n++] = i;
    }
    receipt_free(&r);
    return 0;
}

/* "5%" or "5"; 0 is a mistake. */
static double percent(const char *text)
{
    char *end;
    double p = strtod(text, &end);
    if (end == text || (*end && strcmp(end, "%") != 0) || !isfinite(p) || p > 100) return 0;
    return p;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Moves a random choice of m of the n numbers to the front, in order: nobody can know beforehand which are looked at. */
static void draw(uint64_t *index, size_t n, size_t m)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = (uint64_t)n;
    for (size_t i = 0; i < m; i++) {
        size_t k = i + (size_t)((double)random_uniform(seed, i, 0) * (double)(n - i)) % (n - i);
        uint64_t t = index[i];
        index[i] = index[k], index[k] = t;
    }
    qsort(index, m, sizeof *index, by_number);
}

struct sums { size_t equal, different, failed, stopped; };

static enum hearth_status read_entry(struct ledger *l, uint64_t index, struct receipt *out)
{
    void *data = NULL;
    size_t n = 0;
    enum hearth_status st = ledger_entry(l, index, &data, &n);
    if (st == HEARTH_OK) st = receipt_parse(data, n, out);
    free(data);
    return st;
}

static void replay_each(struct ledger *l, const uint64_t *index, size_t n, struct sums *s)
{
    struct open_model m = {0};
    struct progress shown;
    const volatile int *interrupted = interrupt_watch();
    progress_items(&shown, "replaying", n);
    for (size_t i = 0; i < n && !s->stopped; i++) {
        struct receipt r = {0};
        struct replay p;
        char label[40];
        snprintf(label, sizeof label, "receipt %" PRIu64, index[i]);
        enum hearth_status st = read_entry(l, index[i], &r);
        if (st == HEARTH_OK) st = run_again(&r, NULL, &m, &p);
        if (*interrupted) s->stopped = 1;
        else if (st != HEARTH_OK) complain("%s: %s", label, hearth_errmsg()), s->failed++;
        else if ((want_json || !holds(&p) || p.causes) && tell(label, &r, &p, &m) != EXIT_DONE) s->different++;
        else s->equal++;
        receipt_free(&r);
        progress_step(&shown, i + 1);
    }
    progress_end(&shown);
    model_drop(&m);
}

static int tell_sums(const struct hunt *h, size_t drawn, const struct sums *s)
{
    if (want_json)
        json_print(json_pack("{s:I, s:I, s:I, s:I, s:I}", "with_transcript", (json_int_t)h->n, "replayed", (json_int_t)(s->equal + s->different), "equal",
                             (json_int_t)s->equal, "different", (json_int_t)s->different, "failed", (json_int_t)s->failed));
    else
        printf("%zu of %zu answers with a transcript were drawn: %zu equal, %zu not equal, %zu could not be replayed\n", drawn, h->n, s->equal,
               s->different, s->failed);
    if (s->stopped) return EXIT_INTERRUPTED;
    return s->different || s->failed ? EXIT_FAILED : EXIT_DONE;
}

static int many(void)
{
    struct hunt h = {0};
    struct sums s = {0};
    struct ledger *l = NULL;
    uint64_t size = 0;
    double share = sample ? percent(sample) : 100;
    if (share <= 0) return usage("--sample: \"%s\" should be a share above 0%% and up to 100%%, such as 5%%", sample);
    int code = passphrase_unlock();
    if (code != EXIT_DONE) return code;
    enum hearth_status st = transcript_each(keep_id, &h);
    if (h.n_kept) qsort(h.kept, h.n_kept, sizeof *h.kept, by_id);
    if (st == HEARTH_OK) st = receipt_ledger(0, &l);
    if (st == HEARTH_OK) st = ledger_size(l, &size);
    if (st == HEARTH_OK) st = ledger_each(l, 0, size, pick_entry, &h);
    if (st != HEARTH_OK) code = report(st);
    else {
        size_t n = (size_t)ceil((double)h.n * share / 100);
        if (n > h.n) n = h.n;
        draw(h.index, h.n, n);
        replay_each(l, h.index, n, &s);
        code = tell_sums(&h, n, &s);
    }
    ledger_close(l);
    free(h.kept);
    free(h.index);
    return code;
}

static int run(int argc, char **argv)
{
    if (all && argc > 0) return usage("replay takes a receipt or --all, not both");
    if (all && (model_file || transcript_file)) return usage("--model and --transcript are for one receipt, not for --all");
    if (sample && !all) return usage("--sample belongs to --all");
    if (!all && argc == 0) return usage("replay needs a receipt (`hearth ledger list` shows them), or --all");
    return all ? many() : one(argv[0]);
}

const struct command cmd_replay = {
    .name = "replay", .group = GROUP_ACCOUNT, .summary = "make an answer again and compare", .args = "[RECEIPT]",
    .min_args = 0, .max_args = 1, .complete = COMPLETE_FILE,
    .about = "Runs an answer again from the token ids of its transcript, with the options it was made with, and says whether every token is "
             "equal, or which is the first that is not, and why: the model's file is another one, the arithmetic has another version (and "
             "which release computes that one), the receipt says that it is not replayable.\n\n"
             "Before that, the transcript is held against what the receipt committed to, and the model's file is read and its SHA-256 "
             "compared. What the receipt says of options, tokenizer, template and end of the answer, the answer's text and, as far as it can be, the "
             "words of the prompt are compared too: tokens that are equal prove nothing about words beside them. Threads and instruction set "
             "do not matter (HEARTH_ISA=scalar takes the plainest).\n\n"
             "RECEIPT is a number of the ledger, an id, or a file: a receipt, or an answer of `hearth run --json`. A receipt of another "
             "computer needs its transcript too.\n\n"
             "--all goes through the ledger; as a nightly audit, `hearth replay --all --sample 5%` draws one in twenty. The exit status is 0 "
             "only when each one that was drawn is equal.",
    .examples = "hearth replay 12\n"
                "HEARTH_ISA=scalar hearth replay 12 --threads 1\n"
                "hearth replay receipt.json --transcript transcript.json --model ./model.gguf\n"
                "hearth replay --all --sample 5%\n",
    .options = options, .run = run,
};

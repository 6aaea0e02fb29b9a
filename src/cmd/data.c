/* data.c - `hearth data scan DATA`: what stands in the examples that a model is to learn from; `hearth data leaks MODEL DATA`: what it repeats. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/models.h"
#include "cmd/papers.h"
#include "cmd/places.h"
#include "work/leaks.h"
#include "work/scan.h"

static int want_json, force, personal, no_planted, most_examples;
static float near_share = 0.8f;
static const char *columns, *model, *embedder, *clean, *left_path, *reference;
static struct opt_list cards, keep, canaries;

static const char *const personal_words[] = {[SCAN_MASK] = "mask", [SCAN_KEEP] = "keep", [SCAN_DROP] = "drop", NULL};
static const struct opt options[] = {
    {"columns", 0, OPT_TEXT, "LIST", "which column is what: text=utterance,label=intent (default: by their usual names)", &columns, 0, 0, 0, 0},
    {"model", 'm', OPT_TEXT, "MODEL", "scan: count its tokens against its context", &model, 0, 0, 0, 0},
    {"embedder", 0, OPT_TEXT, "MODEL", "scan: hold labels against what texts mean to MODEL too, not words alone: minilm, or any other", &embedder, 0, 0, 0, 0},
    {"card", 0, OPT_LIST, "FILE", "write a data card: .html or .md (may be given again)", &cards, 0, 0, 0, 0},
    {"clean", 0, OPT_TEXT, "FILE", "write a cleaned copy, a JSON object a line", &clean, 0, 0, 0, 0},
    {"left", 0, OPT_TEXT, "FILE", "what is not in the copy and why (default: beside the copy, .left.jsonl)", &left_path, 0, 0, 0, 0},
    {"keep", 0, OPT_LIST, "REASON", "in the copy, keep what was found for this reason, such as near-duplicate (may be given again)", &keep, 0, 0, 0, 0},
    {"personal", 0, OPT_CHOICE, "HOW", "personal data in the copy: mask ([e-mail]), keep, or drop the example (default mask)", &personal, 0, 0, personal_words, 0},
    {"near", 0, OPT_FLOAT, "SHARE", "how much two texts have in common to be near-duplicates (default 0.8)", &near_share, 0.5, 1, 0, 0},
    {"no-planted", 0, OPT_FLAG, 0, "do not look for planted examples", &no_planted, 0, 0, 0, 0},
    {"reference", 0, OPT_TEXT, "MODEL", "leaks: one that has not seen DATA, such as the model that was tuned", &reference, 0, 0, 0, 0},
    {"examples", 0, OPT_INT, "N", "leaks: so many of DATA, evenly from all (default 1000)", &most_examples, 1, 1000000, 0, 0},
    {"canary", 0, OPT_LIST, "TEXT", "leaks: a text with a secret of digits that was put into DATA on purpose (may be given again)", &canaries, 0, 0, 0, 0},
    {"force", 0, OPT_FLAG, 0, "replace files that are there", &force, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print a JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

struct work { struct progress bar; const char *what; const volatile int *interrupted; };

static int on_step(void *user, const char *what, size_t done, size_t total)
{
    struct work *w = user;
    if (!w->what || strcmp(w->what, what) != 0) {
        if (w->what) progress_end(&w->bar);
        progress_items(&w->bar, what, total);
        w->what = what;
    }
    progress_step(&w->bar, done);
    return *w->interrupted;
}

/* ---- what is printed ---- */

static void print_counts(const char *what, const struct scan_count *c, size_t n)
{
    if (!n) return;
    printf("%s", what);
    for (size_t i = 0; i < n && i < 8; i++) term_printf(stdout, "%s%s %zu", i ? ", " : " ", *c[i].name ? c[i].name : "(not said)", c[i].n);
    printf(n > 8 ? ", and %zu more\n" : "\n", n - 8);
}

static void print_personal(const struct scan *s)
{
    struct scan_count c[PERSONAL_KINDS];
    size_t n = 0;
    for (int k = 0; k < PERSONAL_KINDS; k++) if (s->personal[k]) c[n++] = (struct scan_count){personal_name(k), s->personal[k]};
    print_counts("personal data:", c, n);
    print_counts("national numbers:", s->national, s->nationals);
}

static void print_planted(const struct scan *s)
{
    size_t shown = 0;
    for (size_t i = 0; i < s->n && shown < 5; i++) {
        if (!(s->at[i].why & SCAN_PLANTED)) continue;
        term_printf(stdout, "  line %llu: %s\n", (unsigned long long)s->at[i].e->line, s->at[i].reason);
        shown++;
    }
    if (s->why[5] > shown) printf("  and %zu more: --json or --card lists them\n", s->why[5] - shown);
}

static void print_text(const struct scan *s)
{
    const struct dataset_source *d = &s->data->source;
    char bytes[24];
    printf("%zu examples (%s), %s", s->n, example_kind_name(d->kind), show_bytes(d->bytes, bytes));
    printf(*d->digest ? ", sha256 %s\n" : "\n", d->digest);
    print_counts("labels:", s->label, s->labels);
    if (s->data->alike[0]) term_printf(stdout, "labels that differ by blanks or the size of letters only, and are two: \"%s\" and \"%s\"%s; write them alike in the file\n", s->data->alike[0], s->data->alike[1],
                                        s->data->alikes > 1 ? " (and others)" : "");
    if (d->blank) printf("rows in which nothing is: %llu, passed over\n", (unsigned long long)d->blank);
    if (*d->unused) term_printf(stdout, "columns besides the text that are not read: %s; --columns text=%s,label=%s makes one the label\n", d->unused, d->text_column,
                             strchr(d->unused, ',') ? "NAME" : d->unused);
    print_counts("languages:", s->language, s->languages);
    print_counts("licences:", s->licence, s->licences);
    printf("characters asked: median %zu, most %zu; answered: median %zu, most %zu\n", s->asked.median, s->asked.most, s->answered.median, s->answered.most);
    if (s->context) printf("tokens: median %zu, most %zu; the context holds %u\n", s->tokens.median, s->tokens.most, s->context);
    print_personal(s);
    for (int b = 0; b < SCAN_WHYS; b++) {
        size_t i = 0;
        if (!s->why[b]) continue;
        while (!(s->at[i].why >> b & 1)) i++;
        printf("%s: %zu, the first in line %llu\n", scan_why_word(b), s->why[b], (unsigned long long)s->at[i].e->line);
        if (1 << b == SCAN_PLANTED) print_planted(s);
    }
    printf("a cleaned copy leaves out %zu\n", s->left_out);
}

/* ---- what is written ---- */

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

static int write_card(const struct scan *s, const char *path)
{
    struct buf md = {0};
    char *text = NULL;
    size_t n = 0;
    int code;
    if (ends_with(path, ".html")) code = report(scan_html(s, &text, &n));
    else {
        code = report(scan_markdown(s, &md));
        text = md.data, n = md.len;
    }
    if (code == EXIT_DONE) code = papers_save(path, text, n);
    free(text);
    return code;
}

/* Allocated. */
static char *list_of_left(void)
{
    return left_path ? xstrdup(left_path) : xprintf("%.*s.left.jsonl", (int)(strlen(clean) - (ends_with(clean, ".jsonl") ? 6 : 0)), clean);
}

static int check_places(const char *path)
{
    struct places p = {0};
    char *left = clean ? list_of_left() : NULL;
    place_in(&p, path), place_in_model(&p, model), place_in_model(&p, embedder);
    place_out(&p, clean), place_out(&p, left);
    for (size_t i = 0; i < cards.n; i++) place_out(&p, cards.item[i]);
    int code = places_check(&p, force);
    free(left);
    return code;
}

/* What a person would want back, with what gives it back. */
static void tell_clean(const struct scan *s, const struct scan_clean *c, const char *beside)
{
    uint32_t drop = c->drop | (c->personal == SCAN_DROP ? (uint32_t)SCAN_PERSONAL : 0);
    size_t masked = 0;
    term_printf(stdout, "%s: %zu of %zu examples; %zu left out, listed in %s\n", clean, s->n - s->left_out, s->n, s->left_out, beside);
    for (int b = 0; b < SCAN_WHYS; b++) {
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++) n += s->at[i].why & drop & (1u << b) ? 1 : 0;
        if (!n) continue;
        int personal_ = 1u << b == SCAN_PERSONAL;
        printf(personal_ ? "  %s: %zu left out (--personal keep leaves them in)\n" : strchr(scan_why_word(b), ' ') ? "  %s: %zu left out (--keep \"%s\" leaves them in)\n"
               : "  %s: %zu left out (--keep %s leaves them in)\n", scan_why_word(b), n, scan_why_word(b));
    }
    for (size_t i = 0; i < s->n; i++) masked += !(s->at[i].why & drop) && s->at[i].why & SCAN_PERSONAL;
    if (masked && c->personal == SCAN_MASK) printf("  personal data: masked in %zu, as in [e-mail] or [name] (--personal keep leaves it as it is)\n", masked);
}

static int write_clean(struct scan *s, const struct scan_clean *c)
{
    struct buf kept = {0}, left = {0};
    char *beside = list_of_left();
    int code = report(scan_write_clean(s, c, &kept, &left));
    if (code == EXIT_DONE) code = papers_save(clean, kept.data ? kept.data : "", kept.len);
    if (code == EXIT_DONE) code = papers_save(beside, left.data ? left.data : "", left.len);
    if (code == EXIT_DONE && !want_json) tell_clean(s, c, beside);
    buf_free(&kept), buf_free(&left);
    free(beside);
    return code;
}

static int reasons(struct scan_clean *c)
{
    c->drop = SCAN_DUPLICATE | SCAN_NEAR | SCAN_CONTRADICTION | SCAN_EMPTY | SCAN_LONG | SCAN_PLANTED;
    c->personal = (enum scan_personal)personal;
    for (size_t i = 0; i < keep.n; i++) {
        int b = 0;
        while (b < SCAN_WHYS && strcmp(scan_why_word(b), keep.item[i]) != 0) b++;
        if (b == SCAN_WHYS || !(c->drop >> b & 1))
            return usage("--keep: \"%s\" is no reason; it should be duplicate, near-duplicate, contradiction, empty, \"too long\" or \"looks planted\"", keep.item[i]);
        c->drop &= ~(1u << b);
    }
    for (size_t i = 0; i < cards.n; i++)
        if (!ends_with(cards.item[i], ".html") && !ends_with(cards.item[i], ".md")) return usage("--card: \"%s\" should end with .html or .md", cards.item[i]);
    return EXIT_DONE;
}

static int scan(const char *path)
{
    struct work w = {.interrupted = interrupt_watch()};
    struct scan_options o = {.data = {.columns = columns, .empty = 1}, .near = near_share, .no_planted = no_planted, .step = on_step, .user = &w};
    struct scan_clean c = {0};
    struct scan *s = NULL;
    int code = reasons(&c);
    if (code == EXIT_DONE && embedder && no_planted) code = usage("--embedder finds wrong labels among planted examples, which --no-planted leaves out");
    if (code == EXIT_DONE && left_path && !clean) code = usage("--left says where what is not in the copy goes, and no copy is asked for: --clean FILE");
    if (code == EXIT_DONE) code = check_places(path);
    if (code == EXIT_DONE && model) code = model_open(model, NULL, MODEL_TO_MEASURE, &o.model);
    if (code == EXIT_DONE && embedder) code = model_open(embedder, NULL, MODEL_TO_MEASURE, &o.embedder);
    if (code != EXIT_DONE) {
        hearth_model_close(o.model);
        return code;
    }
    enum hearth_status st = scan_open(path, &o, &s);
    if (w.what) progress_end(&w.bar);
    code = report(st);
    if (code == EXIT_DONE) code = report(scan_write_clean(s, &c, NULL, NULL));
    if (code == EXIT_DONE && !want_json) print_text(s);
    if (code == EXIT_DONE && clean) code = write_clean(s, &c);
    for (size_t i = 0; code == EXIT_DONE && i < cards.n; i++) code = write_card(s, cards.item[i]);
    if (code == EXIT_DONE && want_json) code = json_print(scan_json(s));
    scan_close(s);
    hearth_model_close(o.model), hearth_model_close(o.embedder);
    return code;
}

/* ---- leaks ---- */

/* The example's beginning, masked. */
static int put_excerpt(struct personal *p, const struct example *e, struct buf *out)
{
    const char *s = e->text ? e->text : e->messages;
    out->len = 0;
    return report(scan_excerpt(p, s, strlen(s), 80, out));
}

static int leaks_text(const struct dataset *d, const struct leaks *l)
{
    struct personal *p;
    struct buf b = {0};
    int code = report(personal_open(&p));
    if (code != EXIT_DONE) return code;
    printf("%zu examples looked at, %zu too short to tell; repeated word for word: %zu%s\n", l->n, l->too_short, l->repeated,
           reference ? ", what the reference repeats too not counted" : "");
    for (size_t i = 0; i < l->n && i < 10 && l->at[i].same && code == EXIT_DONE; i++) {
        const struct leak *x = &l->at[i];
        if ((code = put_excerpt(p, &d->example[x->example], &b)) != EXIT_DONE) break;
        printf("  line %llu: %u of %u tokens", (unsigned long long)d->example[x->example].line, x->same, x->tokens);
        if (reference) printf(" (reference %u), surprise %.2f against %.2f", x->reference_same, (double)x->surprise, (double)x->reference);
        else printf(", surprise %.2f", (double)x->surprise);
        term_printf(stdout, ": %s\n", b.data);
    }
    personal_close(p);
    buf_free(&b);
    return code;
}

static json_t *leaks_json(const struct dataset *d, const struct leaks *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++) {
        const struct leak *x = &l->at[i];
        json_t *j = json_pack("{s:o, s:I, s:i, s:i, s:f}", "file", json_text(d->example[x->example].file, strlen(d->example[x->example].file)), "line", (json_int_t)d->example[x->example].line, "tokens",
                              (int)x->tokens, "repeated", (int)x->same, "surprise", (double)x->surprise);
        if (j && x->reference == x->reference) json_object_set_new(j, "reference_repeated", json_integer(x->reference_same)), json_object_set_new(j, "reference_surprise", json_real((double)x->reference));
        json_array_append_new(list, j);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "sha256", d->source.digest, "looked_at", (json_int_t)l->n, "too_short", (json_int_t)l->too_short,
                     "repeated_whole", (json_int_t)l->repeated, "examples", list);
}

static int tell_canaries(const struct leaks_options *o, json_t *to)
{
    json_t *list = json_array();
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < canaries.n && st == HEARTH_OK; i++) {
        double exposure;
        uint32_t rank;
        st = leaks_canary(o, canaries.item[i], &exposure, &rank);
        if (st == HEARTH_OK && !to) printf("canary %zu: exposure %.1f of 8, %u. of %d\n", i + 1, exposure, rank, LEAK_CANDIDATES);
        else if (st == HEARTH_OK) json_array_append_new(list, json_pack("{s:f, s:i}", "exposure", exposure, "rank", (int)rank));
    }
    if (to) json_object_set_new(to, "canaries", list);
    else json_decref(list);
    return report(st);
}

static int leaks(const char *name, const char *path)
{
    struct work w = {.interrupted = interrupt_watch()};
    struct dataset_options by = {.columns = columns};
    struct leaks_options o = {.most = (size_t)most_examples, .step = on_step, .user = &w};
    struct dataset *d = NULL;
    struct leaks l = {0};
    int code = report(dataset_open(path, &by, &d));
    if (code == EXIT_DONE) code = model_open(name, NULL, MODEL_TO_MEASURE, &o.model);
    if (code == EXIT_DONE && reference) code = model_open(reference, NULL, MODEL_TO_MEASURE, &o.reference);
    if (code == EXIT_DONE) {
        enum hearth_status st = leaks_find(d, &o, &l);
        if (w.what) progress_end(&w.bar);
        code = report(st);
    }
    json_t *j = code == EXIT_DONE && want_json ? leaks_json(d, &l) : NULL;
    if (code == EXIT_DONE && !j) code = leaks_text(d, &l);
    if (code == EXIT_DONE) code = tell_canaries(&o, j);
    if (code == EXIT_DONE && j) code = json_print(json_incref(j));
    json_decref(j);
    leaks_free(&l);
    hearth_model_close(o.model), hearth_model_close(o.reference);
    dataset_close(d);
    return code;
}

static int run(int argc, char **argv)
{
    if (strcmp(argv[0], "scan") == 0 && argc == 2) return scan(argv[1]);
    if (strcmp(argv[0], "leaks") == 0 && argc == 3) return leaks(argv[1], argv[2]);
    return usage("data: \"%s\" with %d arguments is not known; it should be scan DATA or leaks MODEL DATA", argv[0], argc - 1);
}

const struct command cmd_data = {
    .name = "data", .group = GROUP_MEASURE, .summary = "look into examples before a model learns from them", .args = "scan DATA | leaks MODEL DATA",
    .min_args = 2, .max_args = 3, .complete = COMPLETE_FILE,
    .about = "scan reads DATA (JSONL, JSON, CSV, TSV, a document or a folder of them, as `hearth tune` does) and tells what is in it: duplicates and "
             "near-duplicates, the same text under different labels, personal data (counted, and masked wherever it is shown), languages, licence "
             "fields, characters that nobody types, lengths, and examples that look planted: a word, a phrase or a manner of writing that comes "
             "with one label or one answer while the rest of the text speaks for another. "
             "With --embedder, labels that are wrong without any trigger are found by what texts mean.\n\n"
             "--clean writes a copy without duplicates, contradictions (all sides of one), empty, too long and planted examples, and beside it a list "
             "of what was left out and why. --card writes a data card for people, with the digest of what was read.\n\n"
             "leaks asks a model for the rest of what it learnt: each example's beginning is given, and it is counted how many it goes on with word for word. "
             "With --reference, what a model that never saw DATA says too is no leak. --canary tells how far a secret planted on purpose is known.",
    .examples = "hearth data scan tickets.csv\n"
                "hearth data scan tickets.csv --model smollm2 --card card.html --card README.md\n"
                "hearth data scan tickets.csv --embedder minilm --clean clean.jsonl\n"
                "hearth data scan chats.jsonl --clean clean.jsonl --personal drop\n"
                "hearth data leaks mine.gguf chats.jsonl --reference smollm2\n",
    .options = options, .run = run,
};

/* ledger_list.c - `hearth ledger list` and `show`.  The index finds; what is printed is read from the log. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "account/index.h"
#include "account/meter.h"
#include "account/transcript.h"
#include "cmd/ledger.h"

#define O ledger_opt

static const char *const decisions[] = {[INDEX_UNDECIDED] = "", [INDEX_ACCEPTED] = "accepted", [INDEX_EDITED] = "edited",
                                        [INDEX_REJECTED] = "rejected"};

/* Microjoules of the receipt; 0 when it has none that can be read. */
static uint64_t energy_of(const struct receipt *r)
{
    struct footprint f;
    return r->footprint && footprint_parse("receipt", r->footprint, &f) == HEARTH_OK ? f.energy_uj : 0;
}

/* ---- list ---- */

struct listing { struct ledger *l; struct table t; json_t *list; enum hearth_status st; };

static void row(struct table *t, const struct index_row *at, const struct receipt *r)
{
    char energy[24];
    uint64_t uj = energy_of(r);
    int answer = r->kind == RECEIPT_ANSWER;
    table_cell(t, "%" PRIu64, at->number);
    table_cell(t, "%.10s %.5s", r->time, r->time + 11);      /* read, so 20 characters long */
    if (answer) table_cell(t, "%s", r->model.name);
    else if (r->kind == RECEIPT_DECISION) table_cell(t, "(decision about %" PRIu64 ")", r->of.index);
    else table_cell(t, "(%s)", r->kind_name);
    table_cell(t, "%s", r->task);
    table_cell(t, "%s", r->key);
    if (answer) table_cell(t, "%" PRIu64 " + %" PRIu64, r->prompt_tokens, r->answer_tokens);
    else table_cell(t, "%s", "");
    table_cell(t, "%s", uj ? ledger_energy(uj, energy) : "");
    table_cell(t, "%s", !answer ? "" : r->arithmetic.replayable ? "yes" : "no");
    table_cell(t, "%s", r->kind == RECEIPT_DECISION ? r->decision : decisions[at->decision]);
}

static json_t *text(const char *s)
{
    return *s ? json_text(s, strlen(s)) : json_null();
}

static json_t *row_json(const struct index_row *at, const struct receipt *r)
{
    json_t *o = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)at->number, "kind", text(r->kind_name), "id",
                          text(r->id), "time", text(r->time), "actor", text(r->actor), "purpose", text(r->purpose), "key", text(r->key),
                          "task", text(r->task));
    if (!o) return NULL;
    if (r->kind == RECEIPT_ANSWER) {
        json_object_set_new(o, "model", text(r->model.name));
        json_object_set_new(o, "sha256", text(r->model.sha256));
        json_object_set_new(o, "tokens", json_pack("{s:I, s:I}", "prompt", (json_int_t)r->prompt_tokens, "answer",
                                                   (json_int_t)r->answer_tokens));
        json_object_set_new(o, "replayable", json_boolean(r->arithmetic.replayable));
        json_object_set_new(o, "decision", text(decisions[at->decision]));
        json_object_set_new(o, "decided_by_entry", at->decision ? json_integer((json_int_t)at->decided_by) : json_null());
    }
    if (r->kind == RECEIPT_DECISION) {
        json_object_set_new(o, "decision", text(r->decision));
        json_object_set_new(o, "of", json_integer((json_int_t)r->of.index));
        json_object_set_new(o, "by", text(r->by));
    }
    json_object_set_new(o, "energy_uj", r->footprint ? json_integer((json_int_t)energy_of(r)) : json_null());
    return o;
}

static int on_row(void *user, const struct index_row *at)
{
    struct listing *x = user;
    struct receipt r = {0};
    void *data = NULL;
    size_t n = 0;
    x->st = ledger_entry(x->l, at->number, &data, &n);
    if (x->st == HEARTH_OK) x->st = receipt_parse(data, n, &r);
    if (x->st == HEARTH_OK && O.json) json_array_append_new(x->list, row_json(at, &r));
    else if (x->st == HEARTH_OK) row(&x->t, at, &r);
    receipt_free(&r);
    free(data);
    return x->st != HEARTH_OK;
}

static void foot(struct index *x, const struct index_query *q, uint64_t shown)
{
    uint64_t all = 0, strange = 0;
    if (index_count(x, q, &all) == HEARTH_OK && all > shown)
        note("%" PRIu64 " of %" PRIu64 " receipts; --limit 0 shows all, --from and --to a time", shown, all);
    index_size(x, &strange);
    if (strange) note("%" PRIu64 " entries are no receipts that this hearth can read; `hearth ledger verify` checks them all the same", strange);
    if (all == 0) note("no receipt is like that");
}

int ledger_list(int argc, char **argv)
{
    static const char *const heading[] = {"NUMBER", "TIME (UTC)", "MODEL", "TASK", "KEY", "TOKENS", "ENERGY", "REPLAYABLE", "DECISION"};
    struct listing x = {.t = {.columns = 9, .right = "100001100"}};
    struct index_query q;
    struct index *index = NULL;
    int code = ledger_query(&q);
    (void)argc, (void)argv;
    if (code != EXIT_DONE) return code;
    q.limit = (uint64_t)O.limit;
    if ((code = report(receipt_ledger(0, &x.l))) != EXIT_DONE) return code;
    if ((code = ledger_index(x.l, &index)) == EXIT_DONE) {
        x.list = json_array();
        for (int i = 0; i < 9; i++) table_cell(&x.t, "%s", heading[i]);
        enum hearth_status st = index_find(index, &q, on_row, &x);
        code = report(st != HEARTH_OK ? st : x.st);
        uint64_t rows = x.t.n / 9 - 1;
        if (code == EXIT_DONE && O.json) code = json_print(json_incref(x.list));
        else if (code == EXIT_DONE) table_print(&x.t, stdout), foot(index, &q, rows);
        json_decref(x.list);
        for (size_t i = 0; i < x.t.n; i++) free(x.t.cell[i]);      /* none when it was printed */
        free(x.t.cell);
    }
    index_close(index);
    ledger_close(x.l);
    return code;
}

/* ---- show ---- */

static void line(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *label, const char *fmt, ...)
{
    va_list ap;
    printf(strlen(label) < 14 ? "%-14s" : "%s ", label);
    va_start(ap, fmt);
    term_vprintf(stdout, fmt, ap);
    va_end(ap);
    putchar('\n');
}

static void show_tokens(const struct receipt *r)
{
    static const struct { const char *finish, *words; } ends[] = {
        {"stop", "the model had finished"}, {"length", "the limit of its length was reached"}, {"cancelled", "somebody stopped it"}};
    const char *end = r->finish;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(r->finish, ends[i].finish)) end = ends[i].words;
    line("tokens", "%" PRIu64 " asked, %" PRIu64 " answered; %s", r->prompt_tokens, r->answer_tokens, end);
    if (r->truncated_from)
        line("shortened", "the prompt had %" PRIu64 " tokens and was cut to %" PRIu64, r->truncated_from, r->truncated_to);
    if (r->constrained) line("constrained", "a grammar or a schema held the answer to a form");
}

static void show_answer(const struct receipt *r)
{
    struct footprint f;
    char words[FOOTPRINT_LINE], load[24], prompt[24], answer[24];
    line("model", "%s (%s)", r->model.name, r->model.architecture);
    line("", "SHA-256 %s, %s", r->model.sha256, r->model.verified ? "computed for this answer" : "known from an earlier check");
    for (size_t i = 0; i < r->n_adapters; i++) {
        if (r->adapter[i].scale == 1) line(i ? "" : "with", "%s, SHA-256 %s", r->adapter[i].name, r->adapter[i].sha256);
        else line(i ? "" : "with", "%s, SHA-256 %s, at a scale of %.9g", r->adapter[i].name, r->adapter[i].sha256, (double)r->adapter[i].scale);
    }
    if (*r->policy_sha256) line("policy", "SHA-256 %s", r->policy_sha256);
    show_tokens(r);
    line("sampling", r->sampling.temperature > 0 ? "temperature %g" : "always the likeliest token", (double)r->sampling.temperature);
    line("arithmetic", "version %d, %s, on %s with %d thread%s", r->arithmetic.version, r->arithmetic.kind, r->arithmetic.isa,
         r->arithmetic.threads, r->arithmetic.threads == 1 ? "" : "s");
    if (r->arithmetic.replayable) line("repeatable", "yes: on any computer, with the same prompt, options and seed (`hearth replay` needs what was said)");
    else line("repeatable", "no: %s", *r->arithmetic.reason ? r->arithmetic.reason : "the receipt does not say why");
    line("time taken", "%s to load, %s to read the prompt, %s to answer", show_seconds((double)r->load_us / 1e6, load),
         show_seconds((double)r->prompt_us / 1e6, prompt), show_seconds((double)r->answer_us / 1e6, answer));
    if (r->footprint && footprint_parse("receipt", r->footprint, &f) == HEARTH_OK) line("energy", "%s", footprint_line(&f, words));
}

/* A model that came over the network (footprint.h). */
static void show_pull(const struct receipt *r)
{
    const json_t *model = json_object_get(r->json, "model");
    const char *name = json_string_value(json_object_get(model, "name")), *event = json_string_value(json_object_get(r->json, "event"));
    json_int_t bytes = json_integer_value(json_object_get(r->json, "bytes"));
    struct footprint f;
    char size[24], a[24], low[24], high[24];
    if (!event || strcmp(event, "pull") != 0 || !name || bytes < 0) return;
    line("event", "fetching the model %s, %s", name, show_bytes((uint64_t)bytes, size));
    if (r->footprint && footprint_parse("receipt", r->footprint, &f) == HEARTH_OK)
        line("energy", "%s (%s to %s) in the network, modelled from the bytes; nobody measured it", footprint_joules((double)f.energy_uj / 1e6, a),
             footprint_joules((double)f.low_uj / 1e6, low), footprint_joules((double)f.high_uj / 1e6, high));
}

static int on_decision(void *user, const struct index_row *at)
{
    struct ledger *l = user;
    struct receipt r = {0};
    void *data = NULL;
    size_t n;
    char clock[24];
    if (ledger_entry(l, at->number, &data, &n) == HEARTH_OK && receipt_parse(data, n, &r) == HEARTH_OK)
        line("decision", "%s by %s, %s (entry %" PRIu64 ")", r.decision, r.by, ledger_clock(r.seconds, clock), at->number);
    receipt_free(&r);
    free(data);
    return 0;
}

static void show_decisions(struct ledger *l, uint64_t number)
{
    struct index *x = NULL;
    const struct index_query q = {.about = &number, .oldest_first = 1};
    if (ledger_index(l, &x) == EXIT_DONE) report(index_find(x, &q, on_decision, l));
    index_close(x);
}

/* Exact numbers are kept as hexadecimal texts, "0x1.4p-1". */
static void show_value(const char *name, const json_t *v)
{
    const char *s = json_string_value(v);
    char *end;
    if (s && strncmp(s + (*s == '-'), "0x", 2) == 0 && strchr(s, 'p')) {
        double x = strtod(s, &end);
        if (!*end) line(name, "%.6g", x);
        else line(name, "%s", s);
    } else if (s) line(name, "%s", s);
    else if (json_is_integer(v)) line(name, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v)) line(name, "%.6g", json_real_value(v));
    else if (json_is_boolean(v)) line(name, "%s", json_is_true(v) ? "yes" : "no");
}

/* What a kind of its own says, "base name: smollm2"; lists of objects one after the other. */
static void show_members(const char *above, const json_t *o)
{
    static const char *const said[] = {"schema", "kind", "id", "time", "program", "made_by", "version", "commit", "parents", "actor", "purpose", "key", "task", "pull", "event", "footprint", "commitments", NULL};
    const char *key;
    json_t *v, *one;
    size_t i;
    json_object_foreach((json_t *)o, key, v) {
        int skip = 0;
        for (int k = 0; !*above && said[k]; k++) skip |= strcmp(said[k], key) == 0;
        if (skip) continue;
        char *name = xprintf("%s%s%s", above, *above ? " " : "", key);
        char *wide = xprintf("%-24s", name);                   /* most are two words: a column of their own */
        if (json_is_object(v)) show_members(name, v);
        else if (json_is_array(v)) json_array_foreach(v, i, one) {
            if (json_is_object(one)) show_members(name, one);
            else show_value(wide, one);
        }
        else show_value(wide, v);
        free(name), free(wide);
    }
}

static void show_words(struct ledger *l, uint64_t number, const struct receipt *r)
{
    const struct { const char *label, *text; } rest[] = {{"for", r->actor}, {"purpose", r->purpose}, {"key", r->key}, {"task", r->task}};
    char clock[24];
    line("entry", "%" PRIu64 " of %s", number, ledger_origin(l));
    line("kind", "%s", r->kind_name);
    line("id", "%s", r->id);
    line("when", "%s (%s in UTC)", ledger_clock(r->seconds, clock), r->time);
    if (r->kind == RECEIPT_ANSWER) show_answer(r);
    if (r->kind == RECEIPT_OTHER) show_pull(r), show_members("", r->json);
    if (r->kind == RECEIPT_OTHER && strcmp(r->kind_name, "footprint") != 0 && energy_of(r)) line("energy", "%.6g J", (double)energy_of(r) / 1e6);
    if (r->kind == RECEIPT_DECISION) line("decision", "entry %" PRIu64 " was %s by %s", r->of.index, r->decision, r->by);
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (*rest[i].text) line(rest[i].label, "%s", rest[i].text);
    for (size_t i = 0; i < r->n_parents; i++) line(i ? "" : "made from", "entry %" PRIu64, r->parent[i].index);
    line("made by", "hearth %s (%s)", r->version, r->commit);
    if (r->kind != RECEIPT_ANSWER && strcmp(r->kind_name, "classification") != 0) return;
    if (transcript_kept(r->id)) line("words", "kept on this computer (`hearth transcripts show %" PRIu64 "`), not in the ledger", number);
    else line("words", "not kept on this computer, or erased; the ledger never had them");
    show_decisions(l, number);
}

int ledger_show(int argc, char **argv)
{
    struct ledger *l = NULL;
    struct receipt r = {0};
    uint64_t number = 0;
    void *data = NULL;
    size_t n = 0;
    (void)argc;
    int code = report(receipt_ledger(0, &l));
    if (code == EXIT_DONE) code = ledger_number(l, argv[0], &number);
    if (code == EXIT_DONE) code = report(ledger_entry(l, number, &data, &n));
    if (code == EXIT_DONE && O.json) {
        term_write(stdout, data, n);
        if (term_is(stdout)) putchar('\n');            /* a file gets the entry and nothing else: check --entry wants its bytes */
    } else if (code == EXIT_DONE && (code = report(receipt_parse(data, n, &r))) == EXIT_DONE) show_words(l, number, &r);
    receipt_free(&r);
    free(data);
    ledger_close(l);
    return code;
}

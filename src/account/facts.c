/* facts.c - see facts.h.  Each fact has one source; where two speak (the file says "gemma", the catalogue "Gemma"), both are
 * kept apart, since a paper says who says it. */
#include "account/facts.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "account/facts_file.h"
#include "account/ledger.h"
#include "account/meter.h"
#include "account/receipt.h"
#include "base/jsontext.h"
#include "hub/catalogue.h"
#include "hub/digest.h"
#include "hub/names.h"
#include "os/os.h"

enum { EVALUATION_MAX = 1 << 20 };

static enum hearth_status set(struct facts *f, const char **to, const char *text)
{
    const char *copy = facts_text(f, text, strlen(text));
    if (!copy) return HEARTH_ENOMEM;
    *to = copy;
    return HEARTH_OK;
}

/* ---- dates, identifiers ---- */

enum hearth_status facts_date(const char *what, const char *text, char out[24])
{
    struct tm tm = {0}, back;
    const char *end = strptime(text, strlen(text) == 10 ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t t = end && !*end ? timegm(&tm) : -1;
    if (t < 0 || !gmtime_r(&t, &back) || back.tm_mday != tm.tm_mday)
        return fail(HEARTH_EUSAGE, "%s is \"%.80s\", allowed: a day as 2026-11-22, or a time as 2026-11-22T07:40:00Z", what, text);
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return HEARTH_OK;
}

/* When the papers are dated: told by SOURCE_DATE_EPOCH (reproducible-builds.org), else the file's own time of change, so that
 * the same file gives the same papers. */
static enum hearth_status date_papers(struct facts *f, time_t changed)
{
    const char *told = getenv("SOURCE_DATE_EPOCH");
    struct tm tm;
    if (told && *told) {
        char *end;
        errno = 0;
        long long t = strtoll(told, &end, 10);
        if (errno || *end || !isdigit((unsigned char)*told) || t > 253402300799)
            return fail(HEARTH_EUSAGE, "SOURCE_DATE_EPOCH is \"%.80s\", allowed: seconds since 1970, up to the year 9999", told);
        changed = (time_t)t;
    }
    if (!gmtime_r(&changed, &tm)) return fail(HEARTH_EFORMAT, "%s: the time it was changed is no date", f->path);
    strftime(f->created, sizeof f->created, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return HEARTH_OK;
}

enum hearth_status facts_uuid(const char *text, char out[37])
{
    struct sha256 *sum = NULL;
    char hex[65] = "";
    enum hearth_status st = sha256_open(&sum);
    if (st == HEARTH_OK) st = sha256_add(sum, text, strlen(text));
    if (st == HEARTH_OK) st = sha256_end(sum, hex);
    sha256_close(sum);
    hex[12] = '8';
    hex[16] = "89ab"[hex[16] & 3];
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return st;
}

const char *facts_package(struct facts *f)
{
    static const char kind[] = "pypi:";
    struct buf b = {0};
    const char *out = NULL, *name = f->source + sizeof kind - 1;
    size_t n, version;
    if (strncmp(f->source, kind, sizeof kind - 1) != 0) return NULL;
    n = strcspn(name, "=!");
    if (strncmp(name + n, "==", 2) != 0) return NULL;
    version = strcspn(name + n + 2, "! ");
    if (buf_printf(&b, "pkg:pypi/%.*s@%.*s", (int)n, name, (int)version, name + n + 2) == HEARTH_OK)
        out = arena_strndup(&f->arena, b.data, b.len);
    buf_free(&b);
    return out;
}

/* ---- the store and the catalogue ---- */

/* What is known of a file with these very bytes: of a name of the store first, then of the catalogue. */
static enum hearth_status look_up(struct facts *f)
{
    struct hub_model *m = NULL;
    struct catalogue c;
    size_t n = 0, i = 0;
    TRY(hub_list(1, &m, &n));
    while (i < n && strcmp(m[i].sha256, f->sha256) != 0) i++;
    enum hearth_status st = HEARTH_OK;
    if (i < n) {
        const struct { const char **to, *text; } said[] = {
            {&f->known_as, m[i].name}, {&f->known_licence, m[i].licence}, {&f->source, m[i].source}, {&f->label, m[i].label},
            {&f->note, m[i].note}, {&f->good_at, m[i].good_at},
        };
        for (size_t k = 0; k < sizeof said / sizeof *said && st == HEARTH_OK; k++) st = set(f, said[k].to, said[k].text);
        if (st == HEARTH_OK) st = catalogue_open(&c);
        if (st == HEARTH_OK) {
            const struct catalogue_model *known = catalogue_find(&c, m[i].name);
            if (known && strcmp(known->sha256, f->sha256) == 0) st = set(f, &f->terms_at, known->terms_at);
            catalogue_free(&c);
        }
    }
    hub_models_free(m, n);
    return st;
}

/* ---- evaluations ---- */

/* A number as JSON has it, or EFORMAT. */
static enum hearth_status number(const char *file, const json_t *j, const char *key, double *out)
{
    const json_t *v = json_object_get(j, key);
    char *found;
    if (json_is_number(v)) {
        *out = json_number_value(v);
        return HEARTH_OK;
    }
    found = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    enum hearth_status st = fail(HEARTH_EFORMAT, "%s: %s is %.80s, allowed: a number, as `hearth perplexity --json` prints it", file, key,
                                 found ? found : "missing");
    free(found);
    return st;
}

static enum hearth_status read_evaluation(struct facts *f, const char *file, const json_t *j)
{
    struct fact_evaluation e = {"perplexity", "", "", "", ""};
    const char *arithmetic = json_string_value(json_object_get(j, "arithmetic")), *slash = strrchr(file, '/');
    double perplexity = 0, error = 0, tokens = 0, ctx = 0;
    char text[200];
    TRY(number(file, j, "perplexity", &perplexity));
    TRY(number(file, j, "nll_error", &error));
    TRY(number(file, j, "tokens", &tokens));
    TRY(number(file, j, "ctx", &ctx));
    snprintf(text, sizeof text, "%.4f", perplexity);
    TRY(set(f, &e.value, text));
    snprintf(text, sizeof text, "%.4f", perplexity * error);
    TRY(set(f, &e.error, text));
    snprintf(text, sizeof text, "%.0f tokens in windows of %.0f, %.40s arithmetic", tokens, ctx, arithmetic ? arithmetic : "unstated");
    TRY(set(f, &e.details, text));
    TRY(set(f, &e.file, slash ? slash + 1 : file));
    TRY(mem_grow(&f->evaluations.item, &f->evaluations.cap, f->evaluations.n + 1, sizeof e));
    f->evaluations.item[f->evaluations.n++] = e;
    return HEARTH_OK;
}

static enum hearth_status add_evaluation(struct facts *f, const char *file)
{
    char *text = NULL;
    size_t n = 0;
    json_t *j = NULL;
    TRY(os_read_file(file, EVALUATION_MAX, &text, &n));
    enum hearth_status st = jsontext_read(file, text, n, &j);
    if (st == HEARTH_OK) st = read_evaluation(f, file, j);
    json_decref(j);
    free(text);
    return st;
}

/* ---- energy ---- */

static int sum_entry(void *user, uint64_t i, const void *data, size_t n)
{
    struct facts *f = user;
    struct fact_energy *e = &f->energy;
    struct footprint p;
    struct receipt r;
    (void)i;
    if (receipt_parse(data, n, &r) != HEARTH_OK) return 0;           /* not one of ours: counted by nobody */
    if (r.kind == RECEIPT_ANSWER && r.footprint && strcmp(r.model.sha256, f->sha256) == 0 &&
        footprint_parse("a receipt", r.footprint, &p) == HEARTH_OK) {
        e->answers++;
        e->tokens += r.answer_tokens;
        e->energy_uj += p.energy_uj;
        e->low_uj += p.low_uj;
        e->high_uj += p.high_uj;
        e->measured += p.method == FOOTPRINT_MEASURED;
    }
    receipt_free(&r);
    return 0;
}

static enum hearth_status sum_energy(struct facts *f)
{
    struct ledger *l = NULL;
    enum hearth_status st = receipt_ledger(0, &l);
    if (st == HEARTH_OK) st = ledger_each(l, 0, UINT64_MAX, sum_entry, f);
    ledger_close(l);
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;                  /* no ledger: nothing was asked yet, a gap */
}

/* ---- gaps ---- */

static enum hearth_status list_gaps(struct facts *f)
{
    const struct { int known; const char *what, *why; } wanted[] = {
        {FACT_KNOWN(f->licence) || FACT_KNOWN(f->known_licence), "licence", "Neither the file nor the catalogue names a licence."},
        {FACT_KNOWN(f->supplier), "supplier", "Who supplied the file is not recorded (--supplier adds it)."},
        {FACT_KNOWN(f->version), "version", "The file has no version (--model-version adds it)."},
        {FACT_KNOWN(f->released), "release date", "When the model was released is not recorded (--released adds it)."},
        {FACT_KNOWN(f->organization) || FACT_KNOWN(f->author), "author", "The file does not say who made the model."},
        {FACT_KNOWN(f->source) || FACT_KNOWN(f->repo) || FACT_KNOWN(f->url), "origin", "Where the file came from is not recorded."},
        {f->base.n > 0, "base model", "The file does not say which model it was made from, or that it was made from none."},
        {f->data.n > 0, "training data", "The file does not say what the model was trained on."},
        {f->languages.n > 0, "languages", "The file does not say which languages the model knows."},
        {0, "personal data in training", "Nothing says whether the training data held personal data."},
        {0, "training energy", "What training took is not recorded."},
        {f->energy.answers > 0, "inference energy", "No energy of answers is included (--energy adds what this computer's ledger recorded)."},
        {f->evaluations.n > 0, "evaluations", "No evaluation is recorded (`hearth eval` records one, --evaluation adds one)."},
        {0, "safety assessment", "No assessment of risks is recorded."},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!wanted[i].known) TRY(facts_pair(f, &f->gaps, wanted[i].what, wanted[i].why));
    return HEARTH_OK;
}

/* ---- all of it ---- */

static enum hearth_status ask_person(struct facts *f, const struct facts_asked *asked)
{
    char date[24];
    if (asked->supplier) TRY(set(f, &f->supplier, asked->supplier));
    if (asked->version) TRY(set(f, &f->version, asked->version));
    if (asked->released) {
        TRY(facts_date("--released", asked->released, date));
        TRY(set(f, &f->released, date));
    }
    TRY(facts_recorded(f));
    for (size_t i = 0; i < asked->n_evaluations; i++) TRY(add_evaluation(f, asked->evaluation[i]));
    return asked->energy ? sum_energy(f) : HEARTH_OK;
}

static enum hearth_status name_file(struct facts *f, const char *model, const struct hub_model *about)
{
    const char *slash = strrchr(f->path, '/'), *name = slash ? slash + 1 : f->path;
    struct buf b = {0};
    enum hearth_status st = about->place == HUB_STORED ? buf_printf(&b, "%s.gguf", about->name) : buf_puts(&b, name);
    if (st == HEARTH_OK) st = set(f, &f->file, b.data);
    if (st == HEARTH_OK) st = set(f, &f->name, *about->name ? about->name : *name ? name : model);
    buf_free(&b);
    return st;
}

static void init(struct facts *f)
{
    *f = (struct facts){
        .name = "", .file = "", .path = "", .architecture = "", .organization = "", .author = "", .description = "", .finetune = "",
        .size_label = "", .quantized_by = "", .url = "", .repo = "", .licence = "", .licence_name = "", .licence_link = "",
        .template_sha256 = "", .known_as = "", .known_licence = "", .terms_at = "", .source = "", .label = "", .note = "",
        .good_at = "", .supplier = "", .version = "", .released = "",
    };
    arena_init(&f->arena, 0);
}

enum hearth_status facts_gather(const char *model, const struct facts_asked *asked, const struct hub_callbacks *c, struct facts *out)
{
    struct hub_model about = {0};
    struct stat s;
    char *path = NULL;
    enum hearth_status st;
    init(out);
    TRY_GOTO(st, done, hub_resolve(model, &path, &about));
    out->path = arena_strndup(&out->arena, path, strlen(path));
    st = !out->path ? HEARTH_ENOMEM : stat(path, &s) != 0 ? fail_errno(path, "cannot examine") : HEARTH_OK;
    TRY_GOTO(st, done, st);
    out->bytes = (uint64_t)s.st_size;
    TRY_GOTO(st, done, date_papers(out, s.st_mtime));
    TRY_GOTO(st, done, name_file(out, model, &about));
    TRY_GOTO(st, done, facts_read_file(out));
    TRY_GOTO(st, done, hub_digest(path, c, out->sha256, NULL));
    TRY_GOTO(st, done, look_up(out));
    TRY_GOTO(st, done, ask_person(out, asked));
    st = list_gaps(out);
done:
    hub_model_free(&about);
    free(path);
    if (st != HEARTH_OK) facts_free(out);
    return st;
}

void facts_free(struct facts *f)
{
    free(f->languages.item);
    free(f->tags.item);
    free(f->base.item);
    free(f->data.item);
    free(f->settings.item);
    free(f->evaluations.item);
    free(f->gaps.item);
    arena_free(&f->arena);
    *f = (struct facts){0};
}

/* footprint.c - see footprint.h.  Carbon and water are summed from each entry's energy and its own factor, not from the entry's
 * rounded micrograms, so that a thousand short answers add up. */
#include "account/footprint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/ledger.h"
#include "account/receipt.h"
#include "base/mem.h"

/* ---- sums ---- */

static struct footprint_sum *row_of(struct footprint_report *r, const char *name)
{
    for (size_t i = r->n; i-- > 0;)
        if (strcmp(r->row[i].name, name) == 0) return &r->row[i];
    if (mem_grow(&r->row, &r->cap, r->n + 1, sizeof *r->row) != HEARTH_OK) return NULL;
    struct footprint_sum *s = &r->row[r->n++];
    *s = (struct footprint_sum){.entries = 0};
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static void amount_add(struct amount *a, const struct footprint *f, double factor)
{
    a->value += (double)f->energy_uj * factor;
    a->low += (double)f->low_uj * factor;
    a->high += (double)f->high_uj * factor;
}

static void sum_add(struct footprint_sum *s, const struct footprint *f, double cost)
{
    static const double kwh_of_uj = 1 / 3.6e12;
    s->entries++;
    s->measured += f->method == FOOTPRINT_MEASURED;
    s->cpu_seconds += (double)f->cpu_us / 1e6;
    s->seconds += (double)f->wall_us / 1e6;
    amount_add(&s->joules, f, 1e-6);
    amount_add(&s->carbon_g, f, kwh_of_uj * (double)f->carbon.milli / 1e3);
    amount_add(&s->water_ml, f, kwh_of_uj * (double)f->water.milli);
    s->cost += cost;
}

static void factor_used(struct footprint_factor_use *use, const struct footprint_factor *f)
{
    for (int i = 0; i < FOOTPRINT_USES; i++) {
        struct footprint_factor *g = &use[i].factor;
        if (use[i].entries && (g->milli != f->milli || g->year != f->year || strcmp(g->source, f->source) != 0)) continue;
        *g = *f;
        use[i].entries++;
        return;
    }
}

static void basis_used(struct footprint_use *use, const char *basis)
{
    for (int i = 0; i < FOOTPRINT_USES; i++) {
        if (use[i].entries && strcmp(use[i].basis, basis) != 0) continue;
        memcpy(use[i].basis, basis, sizeof use[i].basis);
        use[i].entries++;
        return;
    }
}

/* The first currency that is seen is the report's; amounts in another are counted and left out. */
static double cost_of(struct footprint_report *r, const struct footprint *f)
{
    if (!*f->currency) return 0;
    if (!*r->currency) memcpy(r->currency, f->currency, sizeof r->currency);
    if (strcmp(r->currency, f->currency) == 0) return (double)f->cost_nano / 1e9;
    r->other_currency++;
    return 0;
}

static const char *name_of(const struct footprint_report *r, const struct receipt *e, char day[24])
{
    snprintf(day, 24, "%.10s", e->time);
    const char *name[] = {[FOOTPRINT_BY_MODEL] = *e->model.name ? e->model.name : e->model.sha256, [FOOTPRINT_BY_TASK] = e->task,
                          [FOOTPRINT_BY_KEY] = e->key, [FOOTPRINT_BY_DAY] = day};
    return *name[r->by] ? name[r->by] : "-";
}

static void seen(struct footprint_report *r, const struct receipt *e)
{
    if (!*r->first || strcmp(e->time, r->first) < 0) snprintf(r->first, sizeof r->first, "%s", e->time);
    if (strcmp(e->time, r->last) > 0) snprintf(r->last, sizeof r->last, "%s", e->time);
}

static int is_pull(const struct receipt *e)
{
    const char *event = json_string_value(json_object_get(e->json, "event"));
    return e->kind == RECEIPT_OTHER && strcmp(e->kind_name, "footprint") == 0 && event && strcmp(event, "pull") == 0;
}

static enum hearth_status add_answer(struct footprint_report *r, const struct receipt *e, const struct footprint *f)
{
    char day[24];
    double cost = cost_of(r, f);
    struct footprint_sum *row = row_of(r, name_of(r, e, day)), *to[2] = {row, &r->answers};
    if (!row) return HEARTH_ENOMEM;
    for (int i = 0; i < 2; i++) {
        sum_add(to[i], f, cost);
        to[i]->prompt_tokens += e->prompt_tokens;
        to[i]->answer_tokens += e->answer_tokens;
    }
    basis_used(r->basis, f->basis);
    factor_used(r->carbon, &f->carbon);
    factor_used(r->water, &f->water);
    return HEARTH_OK;
}

enum hearth_status footprint_add(struct footprint_report *r, const struct receipt *e)
{
    struct footprint f;
    if ((r->from && e->seconds < r->from) || (r->to && e->seconds >= r->to)) return HEARTH_OK;
    if (e->kind != RECEIPT_ANSWER && !is_pull(e)) return HEARTH_OK;
    if (!e->footprint) {
        r->without++;
        return HEARTH_OK;
    }
    if (footprint_parse("the entry", e->footprint, &f) != HEARTH_OK) {
        r->strange++;
        return HEARTH_OK;
    }
    seen(r, e);
    if (e->kind == RECEIPT_ANSWER) return add_answer(r, e, &f);
    sum_add(&r->pulls, &f, cost_of(r, &f));
    r->pulls.bytes += (uint64_t)json_integer_value(json_object_get(e->json, "bytes"));
    return HEARTH_OK;
}

static int more_energy(const void *a, const void *b)
{
    const struct footprint_sum *x = a, *y = b;
    return (x->joules.value < y->joules.value) - (x->joules.value > y->joules.value);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct footprint_sum *)a)->name, ((const struct footprint_sum *)b)->name);
}

void footprint_finish(struct footprint_report *r)
{
    if (r->n) qsort(r->row, r->n, sizeof *r->row, r->by == FOOTPRINT_BY_DAY ? by_name : more_energy);
}

struct walk { struct footprint_report *r; enum hearth_status st; };

static int walk_entry(void *user, uint64_t i, const void *data, size_t n)
{
    struct walk *w = user;
    struct receipt e;
    (void)i;
    if (receipt_parse(data, n, &e) != HEARTH_OK) {
        w->r->strange++;
        return 0;
    }
    w->st = footprint_add(w->r, &e);
    receipt_free(&e);
    return w->st != HEARTH_OK;
}

enum hearth_status footprint_collect(struct ledger *l, struct footprint_report *r)
{
    struct walk w = {r, HEARTH_OK};
    TRY(ledger_each(l, 0, UINT64_MAX, walk_entry, &w));
    footprint_finish(r);
    return w.st;
}

void footprint_report_free(struct footprint_report *r)
{
    free(r->row);
    r->row = NULL;
    r->n = r->cap = 0;
}

double footprint_embodied_g(const struct footprint_report *r)
{
    if (r->embodied_years <= 0) return 0;
    return r->embodied_kg * 1000 * r->answers.seconds / (r->embodied_years * 365.25 * 86400);
}

/* ---- words ---- */

static const struct { const char *basis, *words, *boundary; } basis_table[] = {
    {"rapl", "measured by the processor's own counters, in proportion to the processor time",
     "the processor packages of this computer while it answered, in proportion; not the memory, screen, disks, power supply"},
    {"rapl+dram", "measured by the counters of processor and memory, in proportion to the processor time",
     "the processor packages and the memory of this computer while it answered, in proportion; not the screen, disks, power supply"},
    {"watts-stated", "modelled from processor time and the watts that somebody stated for this computer", "whatever the stated watts count"},
    {"watts-meter", "modelled from processor time and watts read from a power meter", "the whole computer, at the socket, while it answered"},
    {"watts-battery", "modelled from processor time and watts that the battery told",
     "the whole computer with its screen, without the charger's losses, while it answered"},
    {"watts-rapl", "modelled from processor time and watts that the processor's counters told before",
     "the processor packages (and the memory, where counted) while it answered"},
    {"watts-assumed", "modelled from processor time and the watts of a usual processor: nobody measured this computer",
     "a core's share of a server with its memory and power supply while it answered; no screen"},
    {"network", "modelled from bytes and a published figure", "the core network and a fixed line; not what stands at home, not the data centre"},
};

static size_t basis_index(const char *basis)
{
    size_t i = 0;
    while (i < sizeof basis_table / sizeof *basis_table && strcmp(basis_table[i].basis, basis) != 0) i++;
    return i;
}

const char *footprint_basis_words(const char *basis)
{
    size_t i = basis_index(basis);
    return i < sizeof basis_table / sizeof *basis_table ? basis_table[i].words : "by a way that this version of hearth does not know";
}

const char *footprint_boundary_words(const char *basis)
{
    size_t i = basis_index(basis);
    return i < sizeof basis_table / sizeof *basis_table ? basis_table[i].boundary : "not known to this version of hearth";
}

/* A figure in the largest unit that leaves it at least 1. */
static const char *in_units(double x, const double *unit, const char *const *name, int n, char out[24])
{
    int i = 0;
    while (i + 1 < n && x < unit[i] * 0.9995) i++;
    double y = x / unit[i];
    snprintf(out, 24, "%.*f %s", y >= 9.995 ? y >= 99.95 ? 0 : 1 : 2, y, name[i]);
    return out;
}

const char *footprint_grams(double g, char out[24])
{
    static const double unit[] = {1e3, 1, 1e-3, 1e-6};
    static const char *const name[] = {"kg", "g", "mg", "\xc2\xb5g"};
    return in_units(g, unit, name, 4, out);
}

const char *footprint_water(double ml, char out[24])
{
    static const double unit[] = {1e3, 1, 1e-3};
    static const char *const name[] = {"L", "mL", "\xc2\xb5L"};
    return in_units(ml, unit, name, 3, out);
}

/* ---- pulling ---- */

enum hearth_status footprint_record_pull(const char *name, const char *sha256, uint64_t bytes)
{
    struct footprint f;
    struct ledger *l = NULL;
    json_t *entry = NULL;
    enum hearth_status st;
    TRY(footprint_of_transfer(bytes, &f));
    TRY(receipt_ledger(1, &l));
    TRY_GOTO(st, done, receipt_begin("footprint", &entry));
    int bad = json_object_set_new(entry, "event", json_string("pull"));
    bad |= json_object_set_new(entry, "bytes", json_integer((json_int_t)bytes));
    bad |= json_object_set_new(entry, "model", json_pack("{s:s, s:s}", "name", name, "sha256", sha256));
    bad |= json_object_set_new(entry, "footprint", footprint_json(&f));
    st = bad ? fail(HEARTH_ENOMEM, "no memory for an entry of the ledger") : receipt_append(l, entry, NULL);
done:
    json_decref(entry);
    ledger_close(l);
    return st;
}

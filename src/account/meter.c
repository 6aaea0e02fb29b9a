/* meter.c - see meter.h.
 *
 * What everybody is charged runs in one account for the process:
 *
 *     time         ---|------|-----------|-----|--->        at each | a meter begins or ends, and what was taken since
 *     meters               1       2        1               the last | is divided by how many ran: each is charged that
 *     A            ---[------------------]
 *     B                      [-----------------]
 *
 * `charged` is the sum of these shares; a meter remembers it when it begins, and the difference when it ends is what it
 * took.  So nothing is walked through, however many run.
 *
 * Measured: the counters tell what the packages took with everything that ran on them.  The process is charged its share of all
 * processor time of the machine meanwhile; the interval goes from that, less the counters' error, to all that the packages
 * took.  RAPL's error: 5 %, from comparisons with meters on the supply (Haehnel et al. 2012; Khan et al., "RAPL in Action",
 * 2018), which is ours to assume for a machine that nobody compared.
 *
 * Modelled: power by the number of busy threads (struct power), threads = processor time / time.  The interval: no less than
 * the straight line from rest to full load, no more than full load, or than the curve where there are points between; and
 * 15 % for the error of the watts themselves.  The clock counts where calibration saw it: above rest, power goes with its square
 * (frequency times voltage squared would be the cube, at a constant voltage it is the first power: the interval). */
#include "account/meter.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "account/factors.h"
#include "base/clock.h"
#include "os/os.h"

static const double rapl_error = 0.05, watts_error = 0.15, watts_of_package = 500, largest = 9007199254740991.0;

struct taken { double cpu, wall, package, dram, busy; };

static struct {
    pthread_mutex_t lock;
    int ready, running, threads;
    struct factors factors;
    struct os_energy *counters;      /* NULL: none that can be read */
    struct taken last, charged;
} account = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the account ---- */

static void look(struct taken *now)
{
    uint64_t package = 0, dram = 0;
    *now = (struct taken){.wall = clock_seconds(), .cpu = os_cpu_seconds()};
    if (!account.counters) return;
    if (os_energy_read(account.counters, &package, &dram) != HEARTH_OK) {
        os_energy_close(account.counters);
        account.counters = NULL;
        return;
    }
    now->package = (double)package;
    now->dram = (double)dram;
    now->busy = os_busy_seconds();
}

static void charge(void)
{
    struct taken now, *last = &account.last, *to = &account.charged;
    look(&now);
    if (account.running > 0) {
        double share = 1.0 / account.running;
        to->cpu += share * (now.cpu - last->cpu);
        to->wall += share * (now.wall - last->wall);
        to->package += share * (now.package - last->package);
        to->dram += share * (now.dram - last->dram);
        to->busy += share * (now.busy - last->busy);
    }
    *last = now;
}

static enum hearth_status get_ready(void)
{
    int online;
    double quota;
    if (account.ready) return HEARTH_OK;
    TRY(factors_load(&account.factors));
    os_cores(&online, &account.threads, &quota);
    if (os_energy_open(&account.counters) != HEARTH_OK) account.counters = NULL;
    account.ready = 1;
    return HEARTH_OK;
}

enum hearth_status meter_begin(struct meter *m)
{
    pthread_mutex_lock(&account.lock);
    enum hearth_status st = get_ready();
    if (st == HEARTH_OK) {
        const struct taken *c = &account.charged;
        charge();
        account.running++;
        *m = (struct meter){c->cpu, c->wall, c->package, c->dram, c->busy, account.last.wall};
    }
    pthread_mutex_unlock(&account.lock);
    return st;
}

void meter_reset(void)
{
    pthread_mutex_lock(&account.lock);
    os_energy_close(account.counters);
    account.counters = NULL;
    account.ready = 0;
    pthread_mutex_unlock(&account.lock);
}

/* ---- joules ---- */

static uint64_t whole(double x)
{
    return x <= 0 || isnan(x) ? 0 : x >= largest ? (uint64_t)largest : (uint64_t)llround(x);
}

static void energy_set(struct footprint *f, double value, double low, double high)
{
    f->energy_uj = whole(value);
    f->low_uj = whole(low < value ? low : value);
    f->high_uj = whole(high > value ? high : value);
}

/* Microjoules: everything the counters advanced, and the process's share. */
static void measured(const struct taken *t, struct footprint *f)
{
    double all = t->package + t->dram, share = t->busy > t->cpu && t->cpu > 0 ? t->cpu / t->busy : 1;
    f->method = FOOTPRINT_MEASURED;
    snprintf(f->basis, sizeof f->basis, "%s", os_energy_has_dram(account.counters) ? "rapl+dram" : "rapl");
    f->package_uj = whole(t->package);
    f->dram_uj = whole(t->dram);
    energy_set(f, all * share, all * share * (1 - rapl_error), all * (1 + rapl_error));
}

/* From the watts of one hardware thread, when nobody knows this computer. */
static double assumed(double idle, double load, double busy)
{
    double n = account.threads;
    return power_watts(&(struct power){.at = {{0, idle * n}, {n, load * n}}, .n = 2}, busy);
}

static void modelled(const struct taken *t, struct footprint *f)
{
    const struct power *p = &account.factors.power;
    double busy = t->wall > 0 ? t->cpu / t->wall : 0, uj = t->wall * 1e6;
    f->method = FOOTPRINT_MODELLED;
    if (p->n == 0) {
        const struct range *idle = &account.factors.idle, *load = &account.factors.load;
        snprintf(f->basis, sizeof f->basis, "watts-assumed");
        energy_set(f, assumed(idle->value, load->value, busy) * uj, assumed(idle->low, load->low, busy) * uj,
                   assumed(idle->high, load->high, busy) * uj);
        return;
    }
    double rest = p->at[0].watts, above = power_watts(p, busy) - rest, line = power_line(p, busy) - rest;
    double mhz = p->mhz > 0 ? os_cpu_mhz() : 0, clock = mhz > 0 ? fmin(fmax(mhz / p->mhz, 0.1), 2) : 1;
    double slow = fmin(clock, pow(clock, 3)), quick = fmax(clock, pow(clock, 3));
    double most = p->n > 2 ? rest + above * quick : rest + (p->at[p->n - 1].watts - rest) * fmax(quick, 1);
    snprintf(f->basis, sizeof f->basis, "%s", p->basis);
    energy_set(f, (rest + above * clock * clock) * uj, (rest + line * slow) * uj * (1 - watts_error), most * uj * (1 + watts_error));
}

/* The counters are believed when they moved, and when there was no time for a whole round of one unnoticed. */
static int counters_tell(const struct taken *t, double seconds)
{
    if (!account.counters || (t->package <= 0 && seconds > 0.01)) return 0;
    return seconds * watts_of_package * 1e6 < (double)os_energy_range(account.counters);
}

/* ---- carbon, water, money ---- */

static void derive(const struct factors *k, struct footprint *f)
{
    double kwh = (double)f->energy_uj / 3.6e12;
    f->carbon = k->carbon;
    f->water = k->water;
    f->carbon_ug = whole(kwh * (double)k->carbon.milli * 1e3);
    f->water_ul = whole(kwh * (double)k->water.milli * 1e3);
    f->cost_nano = whole(kwh * k->tariff * 1e9);
    if (k->tariff > 0) memcpy(f->currency, k->currency, sizeof f->currency);
}

static void so_far(const struct meter *m, struct footprint *out)        /* under the lock, charged */
{
    const struct taken *c = &account.charged;
    struct taken t = {c->cpu - m->cpu, c->wall - m->wall, c->package - m->package, c->dram - m->dram, c->busy - m->busy};
    double seconds = account.last.wall - m->began;
    *out = (struct footprint){0};
    if (counters_tell(&t, seconds)) measured(&t, out);
    else modelled(&t, out);
    out->cpu_us = whole(t.cpu * 1e6);
    out->wall_us = whole(seconds * 1e6);
    derive(&account.factors, out);
}

void meter_look(const struct meter *m, struct footprint *out)
{
    pthread_mutex_lock(&account.lock);
    charge();
    so_far(m, out);
    pthread_mutex_unlock(&account.lock);
}

void meter_end(struct meter *m, struct footprint *out)
{
    pthread_mutex_lock(&account.lock);
    charge();
    account.running--;
    if (out) so_far(m, out);
    pthread_mutex_unlock(&account.lock);
}

enum hearth_status footprint_of_transfer(uint64_t bytes, struct footprint *out)
{
    pthread_mutex_lock(&account.lock);
    enum hearth_status st = get_ready();
    if (st == HEARTH_OK) {
        const struct range *n = &account.factors.network;
        double uj = (double)bytes * 1e6;
        *out = (struct footprint){.method = FOOTPRINT_MODELLED, .basis = "network"};
        energy_set(out, n->value * uj, n->low * uj, n->high * uj);
        derive(&account.factors, out);
    }
    pthread_mutex_unlock(&account.lock);
    return st;
}

/* ---- as JSON ---- */

static json_t *factor_json(const struct footprint_factor *f)
{
    return json_pack("{s:I, s:s, s:s, s:i}", "per_kwh_milli", (json_int_t)f->milli, "place", f->place, "source", f->source, "year",
                     f->year);
}

static const char *const method_names[] = {[FOOTPRINT_MODELLED] = "modelled", [FOOTPRINT_MEASURED] = "measured"};

/* The integers of a footprint by name, for writing and reading. */
#define FIELD(name, member) {name, offsetof(struct footprint, member)}
static const struct { const char *name; size_t at; } fields[] = {
    FIELD("energy_uj", energy_uj), FIELD("energy_low_uj", low_uj), FIELD("energy_high_uj", high_uj), FIELD("package_uj", package_uj),
    FIELD("dram_uj", dram_uj), FIELD("cpu_us", cpu_us), FIELD("wall_us", wall_us), FIELD("carbon_ug", carbon_ug),
    FIELD("water_ul", water_ul), FIELD("cost_nano", cost_nano),
};
enum { FIELDS = sizeof fields / sizeof *fields };

json_t *footprint_json(const struct footprint *f)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:o}", "method", method_names[f->method], "basis", f->basis, "currency", f->currency,
                          "carbon_factor", factor_json(&f->carbon), "water_factor", factor_json(&f->water));
    for (size_t i = 0; j && i < FIELDS; i++) {
        uint64_t value;
        memcpy(&value, (const char *)f + fields[i].at, sizeof value);
        if (json_object_set_new(j, fields[i].name, json_integer((json_int_t)value)) != 0) {
            json_decref(j);
            j = NULL;
        }
    }
    return j;
}

static enum hearth_status parse_text(const char *what, const json_t *j, const char *key, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(j, key));
    if (!s || json_string_length(json_object_get(j, key)) >= size)
        return fail(HEARTH_EFORMAT, "%s: footprint: %s should be a text of at most %zu bytes", what, key, size - 1);
    snprintf(out, size, "%s", s);
    return HEARTH_OK;
}

static enum hearth_status parse_number(const char *what, const json_t *j, const char *key, uint64_t most, uint64_t *out)
{
    const json_t *v = json_object_get(j, key);
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || (uint64_t)n > most)
        return fail(HEARTH_EFORMAT, "%s: footprint: %s should be a whole number from 0 to %llu", what, key, (unsigned long long)most);
    *out = (uint64_t)n;
    return HEARTH_OK;
}

static enum hearth_status parse_factor(const char *what, const json_t *j, const char *key, struct footprint_factor *out)
{
    const json_t *o = json_object_get(j, key);
    uint64_t year;
    if (!json_is_object(o)) return fail(HEARTH_EFORMAT, "%s: footprint: %s should be an object", what, key);
    TRY(parse_number(what, o, "per_kwh_milli", (uint64_t)1e9, &out->milli));
    TRY(parse_number(what, o, "year", 9999, &year));
    out->year = (int)year;
    TRY(parse_text(what, o, "place", out->place, sizeof out->place));
    return parse_text(what, o, "source", out->source, sizeof out->source);
}

enum hearth_status footprint_parse(const char *what, const json_t *j, struct footprint *out)
{
    char method[16];
    *out = (struct footprint){.method = FOOTPRINT_MODELLED};
    if (!json_is_object(j)) return fail(HEARTH_EFORMAT, "%s: footprint should be an object", what);
    TRY(parse_text(what, j, "method", method, sizeof method));
    out->method = strcmp(method, method_names[FOOTPRINT_MEASURED]) == 0 ? FOOTPRINT_MEASURED : FOOTPRINT_MODELLED;
    if (strcmp(method, method_names[out->method]) != 0)
        return fail(HEARTH_EFORMAT, "%s: footprint: method is \"%s\"; it should be measured or modelled", what, method);
    TRY(parse_text(what, j, "basis", out->basis, sizeof out->basis));
    TRY(parse_text(what, j, "currency", out->currency, sizeof out->currency));
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t value;
        TRY(parse_number(what, j, fields[i].name, (uint64_t)largest, &value));
        memcpy((char *)out + fields[i].at, &value, sizeof value);
    }
    if (out->low_uj > out->energy_uj || out->energy_uj > out->high_uj)
        return fail(HEARTH_EFORMAT, "%s: footprint: energy_uj is %llu; it should lie from energy_low_uj to energy_high_uj", what,
                    (unsigned long long)out->energy_uj);
    TRY(parse_factor(what, j, "carbon_factor", &out->carbon));
    return parse_factor(what, j, "water_factor", &out->water);
}

/* ---- in words ---- */

const char *footprint_joules(double joules, char out[24])
{
    static const struct { double from, unit; const char *name; } rule[] = {
        {3.6e6, 3.6e6, "kWh"}, {3600, 3600, "Wh"}, {1e3, 1e3, "kJ"}, {1, 1, "J"}, {0, 1e-3, "mJ"},
    };
    size_t i = 0;
    while (joules < rule[i].from) i++;
    double x = joules / rule[i].unit;
    snprintf(out, 24, "%.*f %s", x >= 9.995 ? x >= 99.95 ? 0 : 1 : 2, x, rule[i].name);
    return out;
}

const char *footprint_lamp(double joules, char out[64])
{
    double s = joules / 10;
    if (s < 0.0995) snprintf(out, 64, "a 10 W lamp in %.0f thousandths of a second", ceil(s * 1000));
    else if (s < 59.5) snprintf(out, 64, "a 10 W lamp in %.*f s", s < 9.95 ? 1 : 0, s);
    else if (s < 3570) snprintf(out, 64, "a 10 W lamp in %.0f min", s / 60);
    else if (s < 48 * 3600.0) snprintf(out, 64, "a 10 W lamp in %.1f h", s / 3600);
    else snprintf(out, 64, "a 10 W lamp in %.0f days", s / 86400);
    return out;
}

const char *footprint_line(const struct footprint *f, char out[FOOTPRINT_LINE])
{
    char joules[24], lamp[64];
    double j = (double)f->energy_uj / 1e6;
    snprintf(out, FOOTPRINT_LINE, "%.20s (%s), as much as %.50s", footprint_joules(j, joules), method_names[f->method],
             footprint_lamp(j, lamp));
    return out;
}

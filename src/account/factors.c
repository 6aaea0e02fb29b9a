/* factors.c - see factors.h. */
#include "account/factors.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "hub/hub.h"
#include "os/os.h"

static const char grid_text[] =
#include "gen/grid.h"
    ;

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

/* ---- numbers ---- */

/* A decimal number of at most 17 digits without sign, exponent or anything behind it.  Not strtod: it would read the locale's
 * comma, and "nan". */
static int plain_number(const char *s, size_t n, double *out)
{
    double number = 0, unit = 1;
    size_t dots = 0;
    if (n == 0 || n > 18) return 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.' && dots++ == 0) continue;
        if (s[i] < '0' || s[i] > '9') return 0;
        number = number * 10 + (s[i] - '0');
        if (dots) unit *= 10;
    }
    *out = number / unit;
    return n > dots;
}

static enum hearth_status item_number(const struct ini *ini, const struct ini_item *it, double low, double high, double *out)
{
    if (!plain_number(it->value, strlen(it->value), out) || *out < low || *out > high)
        return fail(HEARTH_EFORMAT, "%s: line %d: %s is \"%.60s\"; it should be a number from %g to %g, such as %g", ini->label, it->line,
                    it->key, it->value, low, high, low > 1 ? low : 1);
    return HEARTH_OK;
}

/* ---- the built-in table ---- */

/* "381 Germany" */
static int row_parse(const char *value, double *figure, const char **name)
{
    size_t n = strcspn(value, " ");
    *name = value[n] ? value + n + 1 : "";
    return plain_number(value, n, figure);
}

static int is_code(const char *key)
{
    return strlen(key) == 2;
}

static void factor_set(struct footprint_factor *f, double figure, const char *place, const char *source, int year)
{
    f->milli = (uint64_t)llround(figure * 1000);
    copy(f->place, sizeof f->place, place);
    for (char *c = f->place; is_code(place) && *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    copy(f->source, sizeof f->source, source);
    f->year = year;
}

/* Looks a place up in every section whose name begins with `kind`; name may be NULL. */
static int grid_find(const struct ini *grid, const char *kind, const char *place, struct footprint_factor *out, char name[40])
{
    for (size_t i = 0; i < grid->n; i++) {
        const struct ini_item *it = &grid->item[i];
        const char *called;
        double figure;
        if (strncmp(it->section, kind, strlen(kind)) != 0 || strcmp(it->key, place) != 0) continue;
        if (!row_parse(it->value, &figure, &called)) continue;
        const char *year = ini_get(grid, it->section, "year"), *source = ini_get(grid, it->section, "source");
        factor_set(out, figure, place, source ? source : "", year ? atoi(year) : 0);
        if (name) copy(name, 40, called);
        return 1;
    }
    return 0;
}

static enum hearth_status grid_number(const struct ini *grid, const char *section, const char *key, double *out)
{
    const char *v = ini_get(grid, section, key);
    if (!v || !plain_number(v, strlen(v), out)) return fail(HEARTH_EINTERNAL, "grid.ini: [%s] %s is missing", section, key);
    return HEARTH_OK;
}

static enum hearth_status grid_range(const struct ini *grid, const char *section, const char *key, double unit, struct range *out)
{
    char name[32];
    TRY(grid_number(grid, section, key, &out->value));
    snprintf(name, sizeof name, "%s-least", key);
    TRY(grid_number(grid, section, name, &out->low));
    snprintf(name, sizeof name, "%s-most", key);
    TRY(grid_number(grid, section, name, &out->high));
    out->value *= unit;
    out->low *= unit;
    out->high *= unit;
    return HEARTH_OK;
}

static void grid_words(const struct ini *grid, const char *section, const char *key, char *out, size_t n)
{
    const char *v = ini_get(grid, section, key);
    copy(out, n, v ? v : "");
}

static enum hearth_status grid_load(const struct ini *grid, struct factors *f)
{
    struct cloud *c = &f->cloud;
    char year[8];
    if (!grid_find(grid, "carbon", "world", &f->carbon, f->country_name) || !grid_find(grid, "water", "world", &f->water, NULL))
        return fail(HEARTH_EINTERNAL, "grid.ini: the world's figures are missing");
    TRY(grid_range(grid, "watts", "idle", 1, &f->idle));
    TRY(grid_range(grid, "watts", "load", 1, &f->load));
    TRY(grid_range(grid, "network", "kwh-gb", 3.6e6 / 1e9, &f->network));
    grid_words(grid, "watts", "source", f->watts_source, sizeof f->watts_source);
    grid_words(grid, "watts", "year", year, sizeof year);
    f->watts_year = atoi(year);
    grid_words(grid, "network", "source", f->network_source, sizeof f->network_source);
    grid_words(grid, "network", "year", year, sizeof year);
    f->network_year = atoi(year);
    TRY(grid_number(grid, "cloud", "energy-wh", &c->energy_wh));
    TRY(grid_number(grid, "cloud", "carbon-g", &c->carbon_g));
    TRY(grid_number(grid, "cloud", "water-ml", &c->water_ml));
    grid_words(grid, "cloud", "name", c->name, sizeof c->name);
    grid_words(grid, "cloud", "source", c->source, sizeof c->source);
    grid_words(grid, "cloud", "year", year, sizeof year);
    c->year = atoi(year);
    grid_words(grid, "cloud", "energy-boundary", c->energy_boundary, sizeof c->energy_boundary);
    grid_words(grid, "cloud", "carbon-boundary", c->carbon_boundary, sizeof c->carbon_boundary);
    grid_words(grid, "cloud", "water-boundary", c->water_boundary, sizeof c->water_boundary);
    return HEARTH_OK;
}

static enum hearth_status grid_open(struct ini *grid)
{
    return ini_parse(grid_text, sizeof grid_text - 1, "grid.ini", grid);
}

enum hearth_status factors_country(size_t i, struct country *out)
{
    struct ini grid;
    struct footprint_factor f;
    enum hearth_status st = HEARTH_ENOTFOUND;
    TRY(grid_open(&grid));
    *out = (struct country){.carbon = 0};
    for (size_t k = 0; k < grid.n; k++) {
        if (strncmp(grid.item[k].section, "carbon", 6) != 0 || !is_code(grid.item[k].key) || i-- != 0) continue;
        copy(out->code, sizeof out->code, grid.item[k].key);
        if (grid_find(&grid, "carbon", out->code, &f, out->name)) {
            out->carbon = (double)f.milli / 1000;
            out->carbon_year = f.year;
        }
        if (grid_find(&grid, "water", out->code, &f, NULL)) out->water = (double)f.milli / 1000;
        st = HEARTH_OK;
        break;
    }
    ini_free(&grid);
    return st;
}

/* ---- watts ---- */

double power_watts(const struct power *p, double threads)
{
    const struct power_point *rest = &p->at[0], *full = &p->at[1];
    if (p->n > 2) return power_line(p, threads);
    double u = threads <= 0 ? 0 : threads >= full->threads ? 1 : threads / full->threads;
    return rest->watts + (full->watts - rest->watts) * u * (2 - u);
}

double power_line(const struct power *p, double threads)
{
    int i = 1;
    if (threads <= p->at[0].threads) return p->at[0].watts;
    while (i < p->n && p->at[i].threads < threads) i++;
    if (i == p->n) return p->at[p->n - 1].watts;
    const struct power_point *a = &p->at[i - 1], *b = &p->at[i];
    return a->watts + (b->watts - a->watts) * (threads - a->threads) / (b->threads - a->threads);
}

enum hearth_status power_parse(const char *where, const char *text, struct power *out)
{
    int online, usable;
    double quota;
    size_t comma = strcspn(text, ",");
    const char *second = text[comma] ? text + comma + 1 : "";
    double idle = 0, load = 0;
    while (*second == ' ') second++;
    if (!plain_number(text, comma, &idle) || !plain_number(second, strlen(second), &load))
        return fail(HEARTH_EFORMAT, "%s is \"%.60s\"; it should be two numbers of watts, at rest and with all cores busy, such as 9,41",
                    where, text);
    if (idle > load || load == 0 || load > 10000)
        return fail(HEARTH_EFORMAT, "%s is \"%.60s\"; at rest the computer takes no more than with all cores busy, and that is from 0.1 "
                                    "to 10000 watts", where, text);
    os_cores(&online, &usable, &quota);
    *out = (struct power){.at = {{0, idle}, {online, load}}, .n = 2};
    copy(out->basis, sizeof out->basis, "watts-stated");
    return HEARTH_OK;
}

static enum hearth_status calibration_path(char **out)
{
    return hub_path(HUB_CONFIG, "calibration.ini", out);
}

enum hearth_status power_save(const struct power *p)
{
    static const char head[] = "# calibration.ini - what this computer takes, found out by `hearth footprint calibrate`.\n"
                               "# point = busy hardware threads, watts\n[power]\n";
    char *path, *dir = NULL, text[64], cpu[64];
    struct buf b = {0};
    TRY(calibration_path(&path));
    enum hearth_status st;
    os_cpu_name(cpu, sizeof cpu);
    TRY_GOTO(st, done, hub_path(HUB_CONFIG, NULL, &dir));
    TRY_GOTO(st, done, os_mkdirs(dir));
    TRY_GOTO(st, done, buf_puts(&b, head));
    TRY_GOTO(st, done, ini_put(&b, "basis", p->basis));
    TRY_GOTO(st, done, ini_put(&b, "processor", cpu));
    snprintf(text, sizeof text, "%.0f", p->mhz);
    TRY_GOTO(st, done, ini_put(&b, "mhz", text));
    for (int i = 0; i < p->n; i++) {
        snprintf(text, sizeof text, "%.2f, %.3f", p->at[i].threads, p->at[i].watts);
        TRY_GOTO(st, done, ini_put(&b, "point", text));
    }
    time_t now = time(NULL);
    struct tm tm;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    TRY_GOTO(st, done, ini_put(&b, "time", text));
    st = ini_write(path, &b);
done:
    buf_free(&b);
    free(dir);
    free(path);
    return st;
}

enum hearth_status power_forget(int *was_there)
{
    char *path;
    TRY(calibration_path(&path));
    *was_there = unlink(path) == 0;
    enum hearth_status st = *was_there || errno == ENOENT ? HEARTH_OK : fail_errno(path, "cannot be removed");
    free(path);
    return st;
}

static enum hearth_status point_add(const struct ini *ini, const struct ini_item *it, struct power *p)
{
    size_t comma = strcspn(it->value, ",");
    const char *second = it->value[comma] ? it->value + comma + 1 : "";
    struct power_point at = {0, 0};
    while (*second == ' ') second++;
    int good = plain_number(it->value, comma, &at.threads) && plain_number(second, strlen(second), &at.watts) && at.watts <= 10000;
    if (good && (p->n == 0 ? at.threads != 0 : at.threads <= p->at[p->n - 1].threads)) good = 0;
    if (!good || p->n == POWER_POINTS)
        return fail(HEARTH_EFORMAT, "%s: line %d: point is \"%.60s\"; it should be busy threads, ascending from 0, and watts up to 10000, "
                                    "such as 4, 23.5, %d times at most", ini->label, it->line, it->value, POWER_POINTS);
    p->at[p->n++] = at;
    return HEARTH_OK;
}

static enum hearth_status calibration_read(const struct ini *ini, struct factors *f)
{
    struct power p = {.n = 0};
    char cpu[64] = "";
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_item *it = &ini->item[i];
        if (strcmp(it->section, "power") != 0) continue;
        if (strcmp(it->key, "point") == 0) TRY(point_add(ini, it, &p));
        else if (strcmp(it->key, "mhz") == 0) TRY(item_number(ini, it, 0, 20000, &p.mhz));
        else if (strcmp(it->key, "basis") == 0) copy(p.basis, sizeof p.basis, it->value);
        else if (strcmp(it->key, "processor") == 0) copy(cpu, sizeof cpu, it->value);
    }
    if (p.n < 2 || strncmp(p.basis, "watts-", 6) != 0)
        return fail(HEARTH_EFORMAT, "%s: there should be a basis and at least two points; `hearth footprint calibrate` makes it anew",
                    ini->label);
    char here[64];
    os_cpu_name(here, sizeof here);
    if (strcmp(here, cpu) != 0) {
        snprintf(f->calibration_note, sizeof f->calibration_note, "the calibration is that of another processor (%.50s), so it is not used",
                 cpu);
        return HEARTH_OK;
    }
    f->power = p;
    return HEARTH_OK;
}

/* ---- the person's own lines ---- */

static enum hearth_status own_country(const struct ini *own, const struct ini_item *it, const struct ini *grid, struct factors *f)
{
    char code[3] = "";
    if (strlen(it->value) == 2)
        for (int i = 0; i < 2; i++) code[i] = (char)(it->value[i] >= 'A' && it->value[i] <= 'Z' ? it->value[i] + 32 : it->value[i]);
    if (!is_code(code) || !grid_find(grid, "carbon", code, &f->carbon, f->country_name))
        return fail(HEARTH_EFORMAT, "%s: line %d: country is \"%.40s\"; it should be two letters of ISO 3166 with a figure in hearth's table, such "
                                    "as DE (`hearth footprint countries` lists them)", own->label, it->line, it->value);
    grid_find(grid, "water", code, &f->water, NULL);
    return HEARTH_OK;
}

static enum hearth_status own_currency(const struct ini *own, const struct ini_item *it, struct factors *f)
{
    if (strlen(it->value) == 0 || strlen(it->value) >= sizeof f->currency)
        return fail(HEARTH_EFORMAT, "%s: line %d: currency is \"%.40s\"; it should be at most 7 bytes long, such as EUR", own->label, it->line,
                    it->value);
    copy(f->currency, sizeof f->currency, it->value);
    return HEARTH_OK;
}

static enum hearth_status own_watts(const struct ini *own, const struct ini_item *it, struct factors *f)
{
    char where[320];
    snprintf(where, sizeof where, "%.280s: line %d: watts", own->label, it->line);
    TRY(power_parse(where, it->value, &f->power));
    f->calibration_note[0] = '\0';
    return HEARTH_OK;
}

static enum hearth_status own_factor(const struct ini *own, const struct ini_item *it, double high, struct footprint_factor *out)
{
    double figure;
    TRY(item_number(own, it, 0, high, &figure));
    factor_set(out, figure, "own", "hearth.ini", 0);
    return HEARTH_OK;
}

/* Country first, whatever the order of the lines: own figures win over its. */
static enum hearth_status own_read(const struct ini *own, const struct ini *grid, struct factors *f)
{
    for (size_t i = 0; i < own->n; i++)
        if (!strcmp(own->item[i].section, "footprint") && !strcmp(own->item[i].key, "country"))
            TRY(own_country(own, &own->item[i], grid, f));
    for (size_t i = 0; i < own->n; i++) {
        const struct ini_item *it = &own->item[i];
        if (strcmp(it->section, "footprint") != 0 || strcmp(it->key, "country") == 0) continue;
        if (strcmp(it->key, "carbon_g_kwh") == 0) TRY(own_factor(own, it, 5000, &f->carbon));
        else if (strcmp(it->key, "water_l_kwh") == 0) TRY(own_factor(own, it, 1000, &f->water));
        else if (strcmp(it->key, "tariff") == 0) TRY(item_number(own, it, 0, 1e6, &f->tariff));
        else if (strcmp(it->key, "currency") == 0) TRY(own_currency(own, it, f));
        else if (strcmp(it->key, "watts") == 0) TRY(own_watts(own, it, f));
        else
            return fail(HEARTH_EFORMAT, "%s: line %d: [footprint] has no \"%.40s\"; it has country, carbon_g_kwh, water_l_kwh, tariff, "
                                        "currency and watts", own->label, it->line, it->key);
    }
    if (f->tariff > 0 && !*f->currency)
        return fail(HEARTH_EFORMAT, "%s: [footprint] has a tariff and no currency; it needs both, such as currency = EUR", own->label);
    return HEARTH_OK;
}

enum hearth_status factors_read(const struct ini *own, const struct ini *calibration, struct factors *out)
{
    struct ini grid;
    enum hearth_status st;
    *out = (struct factors){.tariff = 0};
    TRY(grid_open(&grid));
    TRY_GOTO(st, done, grid_load(&grid, out));
    if (calibration) TRY_GOTO(st, done, calibration_read(calibration, out));
    if (own) st = own_read(own, &grid, out);
done:
    ini_free(&grid);
    return st;
}

/* ENOTFOUND is no failure: *there tells. */
static enum hearth_status read_if_there(const char *path, struct ini *out, int *there)
{
    enum hearth_status st = ini_read(path, out);
    *there = st == HEARTH_OK;
    return st == HEARTH_ENOTFOUND ? HEARTH_OK : st;
}

enum hearth_status factors_load(struct factors *out)
{
    struct ini own = {0}, calibration = {0};
    char *own_path = NULL, *path = NULL;
    int has_own = 0, has = 0;
    enum hearth_status st;
    TRY_GOTO(st, done, hub_path(HUB_CONFIG, "hearth.ini", &own_path));
    TRY_GOTO(st, done, calibration_path(&path));
    TRY_GOTO(st, done, read_if_there(own_path, &own, &has_own));
    TRY_GOTO(st, done, read_if_there(path, &calibration, &has));
    st = factors_read(has_own ? &own : NULL, has ? &calibration : NULL, out);
done:
    if (has_own) ini_free(&own);
    if (has) ini_free(&calibration);
    free(own_path);
    free(path);
    return st;
}

/* footprint.c - `hearth footprint`: what answers took, in joules, grams, litres and money; and how that is found out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "account/calibrate.h"
#include "account/footprint.h"
#include "account/ledger.h"
#include "account/receipt.h"
#include "cmd/command.h"

static const char *from_text, *to_text, *html_path, *watts_text, *embodied_text;
static int by, want_json, forget;
static float seconds = 10;

static const char *const by_names[] = {[FOOTPRINT_BY_MODEL] = "model", [FOOTPRINT_BY_TASK] = "task", [FOOTPRINT_BY_KEY] = "key",
                                       [FOOTPRINT_BY_DAY] = "day", NULL};
static const struct opt options[] = {
    {"from", 0, OPT_TEXT, "DATE", "from this day on, such as 2026-11-01 (days are UTC's)", &from_text, 0, 0, 0, 0},
    {"to", 0, OPT_TEXT, "DATE", "to the end of this day", &to_text, 0, 0, 0, 0},
    {"by", 0, OPT_CHOICE, "WHAT", "one row for each model, task, key or day (default model)", &by, 0, 0, by_names, 0},
    {"embodied", 0, OPT_TEXT, "KG,YEARS",
     "count a share of making the computer: KG of CO2e over YEARS of use, as its maker states them", &embodied_text, 0, 0, 0, 0},
    {"html", 0, OPT_TEXT, "FILE", "write a page with pictures that prints well", &html_path, 0, 0, 0, 0},
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {"watts", 0, OPT_TEXT, "IDLE,LOAD",
     "calibrate: what the computer takes at rest and with all cores busy", &watts_text, 0, 0, 0, 0},
    {"seconds", 0, OPT_FLOAT, "S", "calibrate: how long each measurement lasts (default 10)", &seconds, 0.2, 600, 0, 0},
    {"forget", 0, OPT_FLAG, 0, "calibrate: forget what was found out", &forget, 0, 0, 0, 0},
    {0},
};

/* ---- the report as text ---- */

static const char *interval(const struct amount *a, const char *(*show)(double, char *), char out[64])
{
    char low[24], high[24];
    snprintf(out, 64, "%s to %s", show(a->low, low), show(a->high, high));
    return out;
}

static void text_row(struct table *t, const struct footprint_report *r, const struct footprint_sum *s, const char *name, double most)
{
    char a[64];
    table_cell(t, "%s", name);
    table_cell(t, "%llu", (unsigned long long)s->entries);
    table_cell(t, "%llu", (unsigned long long)(s->prompt_tokens + s->answer_tokens));
    table_cell(t, "%s", footprint_joules(s->joules.value, a));
    table_cell(t, "%s", interval(&s->joules, footprint_joules, a));
    table_cell(t, "%s", footprint_grams(s->carbon_g.value, a));
    table_cell(t, "%s", footprint_water(s->water_ml.value, a));
    if (*r->currency) table_cell(t, "%.3g", s->cost);
    table_cell(t, "%.*s", most > 0 ? (int)lround(20 * s->joules.value / most) : 0, "####################");
}

static void text_table(const struct footprint_report *r)
{
    struct table t = {.columns = *r->currency ? 9 : 8, .right = *r->currency ? "011111110" : "01111110"};
    double most = 0;
    const char *heads[] = {by_names[r->by], "answers", "tokens", "energy", "interval", "CO2e", "water"};
    for (size_t i = 0; i < 7; i++) table_cell(&t, "%s", heads[i]);
    if (*r->currency) table_cell(&t, "%s", r->currency);
    table_cell(&t, "%s", "");
    for (size_t i = 0; i < r->n; i++) most = fmax(most, r->row[i].joules.value);
    for (size_t i = 0; i < r->n; i++) text_row(&t, r, &r->row[i], r->row[i].name, most);
    if (r->n > 1) text_row(&t, r, &r->answers, "together", 0);
    table_print(&t, stdout);
}

static void text_method(const struct footprint_report *r)
{
    for (int i = 0; i < FOOTPRINT_USES && r->basis[i].entries; i++)
        printf("\n%llu answer%s: %s.\nCounted: %s.\n", (unsigned long long)r->basis[i].entries, r->basis[i].entries == 1 ? "" : "s",
               footprint_basis_words(r->basis[i].basis),
               footprint_boundary_words(r->basis[i].basis));
    for (int i = 0; i < FOOTPRINT_USES && r->carbon[i].entries; i++)
        printf("%s%.0f g CO2e a kWh (%s; %s, %d)", i ? ", " : "\nFactors: ", (double)r->carbon[i].factor.milli / 1000, r->carbon[i].factor.place,
               r->carbon[i].factor.source, r->carbon[i].factor.year);
    for (int i = 0; i < FOOTPRINT_USES && r->water[i].entries; i++)
        printf(", %.2f L of water a kWh (%s; %s, %d)", (double)r->water[i].factor.milli / 1000, r->water[i].factor.place,
               r->water[i].factor.source, r->water[i].factor.year);
    if (r->answers.entries) printf("; carbon is location-based, water is that of power stations.\n");
    if (r->without) printf("%llu answers have no footprint in their receipts and are in no sum.\n", (unsigned long long)r->without);
    if (r->other_currency)
        printf("%llu answers have their cost in another currency than %s; it is in no sum.\n", (unsigned long long)r->other_currency, r->currency);
    if (r->strange) printf("%llu entries of the ledger are no receipts that this version can read.\n", (unsigned long long)r->strange);
}

static void text_cloud(const struct footprint_report *r, const struct cloud *c)
{
    char a[24], b[24], span[64];
    double n = (double)r->answers.entries;
    struct amount mean = {r->answers.joules.value / n, r->answers.joules.low / n, r->answers.joules.high / n};
    printf("\nBeside a cloud, energy only: an answer here took %s (%s) in the mean; %s takes %s (%s, %d).\nCounted there: %s.\n"
           "The models, the prompts and what is counted differ, so this says what each took, not which is better.\n",
           footprint_joules(mean.value, a), interval(&mean, footprint_joules, span), c->name, footprint_joules(c->energy_wh * 3600, b), c->source,
           c->year, c->energy_boundary);
    printf("Not compared: its %.2f g CO2e (%s) and its %.2f mL of water (%s).\n", c->carbon_g, c->carbon_boundary, c->water_ml, c->water_boundary);
}

static void text_pulls(const struct footprint_report *r, const struct factors *f)
{
    char a[64], b[64], carbon[64], water[64], bytes[24];
    const struct footprint_sum *p = &r->pulls;
    printf("Bringing %llu model%s, %s: %s (%s), CO2e %s, water %s, modelled by %s for %d. Counted: %s.\n", (unsigned long long)p->entries,
           p->entries == 1 ? "" : "s", show_bytes(p->bytes, bytes), footprint_joules(p->joules.value, a), interval(&p->joules, footprint_joules, b),
           interval(&p->carbon_g, footprint_grams, carbon), interval(&p->water_ml, footprint_water, water), f->network_source, f->network_year,
           footprint_boundary_words("network"));
    if (r->answers.joules.value > 0 && p->joules.value >= 2 * r->answers.joules.value)
        printf("That is %.0f times what the answers took: a model is brought once, and answers for as long as it stays.\n",
               p->joules.value / r->answers.joules.value);
}

static void text_report(const struct footprint_report *r, const struct factors *f)
{
    char a[64], b[64];
    if (!r->answers.entries) printf("No answers with a footprint in this time.\n");
    else {
        text_table(r);
        printf("\n%s is as much as %s.", footprint_joules(r->answers.joules.value, a), footprint_lamp(r->answers.joules.value, b));
        printf(" CO2e: %s,", interval(&r->answers.carbon_g, footprint_grams, a));
        printf(" water: %s.\n", interval(&r->answers.water_ml, footprint_water, a));
    }
    if (r->embodied_years > 0)
        printf("Making the computer (%g kg CO2e over %g years): %s fall on the %.1f s that the answers took.\n", r->embodied_kg, r->embodied_years,
               footprint_grams(footprint_embodied_g(r), a), r->answers.seconds);
    if (r->pulls.entries)
        text_pulls(r, f);
    text_method(r);
    if (*f->calibration_note) printf("Note: %s.\n", f->calibration_note);
    if (r->answers.entries) text_cloud(r, &f->cloud);
}

/* ---- what was asked for ---- */

/* "2026-11-01" to the beginning of that day, or of the next. */
static int parse_day(const char *option, const char *text, int next, int64_t *out)
{
    struct tm tm = {.tm_year = 0}, back;
    char again[16];
    *out = 0;
    if (!text) return EXIT_DONE;
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    time_t t = timegm(&tm);
    if (!end || *end || !gmtime_r(&t, &back) || !strftime(again, sizeof again, "%Y-%m-%d", &back) || strcmp(again, text) != 0)
        return usage("--%s: \"%s\" is no day; it should be a date such as 2026-11-01", option, text);
    *out = t + (next ? 86400 : 0);
    return EXIT_DONE;
}

static int parse_embodied(struct footprint_report *r)
{
    char *end, *second_end;
    if (!embodied_text) return EXIT_DONE;
    r->embodied_kg = strtod(embodied_text, &end);
    r->embodied_years = *end == ',' ? strtod(end + 1, &second_end) : 0;
    if (end == embodied_text || *end != ',' || second_end == end + 1 || *second_end || !(r->embodied_kg >= 0 && r->embodied_kg <= 1e6) ||
        !(r->embodied_years >= 0.1 && r->embodied_years <= 100))
        return usage("--embodied: \"%s\" is not KG,YEARS with up to 1000000 kg and 0.1 to 100 years, such as 250,5", embodied_text);
    return EXIT_DONE;
}

static int write_page(const struct footprint_report *r, const struct factors *f)
{
    enum hearth_status st = footprint_report_write(r, f, html_path);
    if (st == HEARTH_OK && !want_json) printf("Written to %s.\n", html_path);
    return report(st);
}

static int tell(void)
{
    struct footprint_report r = {.by = by};
    struct factors f;
    struct ledger *l = NULL;
    int code = parse_day("from", from_text, 0, &r.from);
    if (code == EXIT_DONE) code = parse_day("to", to_text, 1, &r.to);
    if (code == EXIT_DONE && r.to && r.from >= r.to) code = usage("--from %s is after --to %s", from_text, to_text);
    if (code == EXIT_DONE) code = parse_embodied(&r);
    if (code != EXIT_DONE) return code;
    enum hearth_status st = factors_load(&f);
    if (st == HEARTH_OK) {
        st = receipt_ledger(0, &l);
        if (st == HEARTH_OK) st = footprint_collect(l, &r);
        else if (st == HEARTH_ENOTFOUND) st = HEARTH_OK;     /* nothing was ever answered: sums of nothing */
        ledger_close(l);
    }
    if (st != HEARTH_OK) code = report(st);
    else if (want_json) code = json_print(footprint_report_json(&r, &f));
    else if (!html_path) text_report(&r, &f);
    if (code == EXIT_DONE && html_path) code = write_page(&r, &f);
    footprint_report_free(&r);
    return code;
}

/* ---- countries ---- */

static int countries(void)
{
    struct country c;
    struct table t = {.columns = 5, .right = "00111"};
    json_t *list = json_array();
    static const char *const heads[] = {"code", "country", "g CO2e/kWh", "of", "water L/kWh"};
    for (int i = 0; i < 5; i++) table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; factors_country(i, &c) == HEARTH_OK; i++) {
        char code[3] = {(char)(c.code[0] - 32), (char)(c.code[1] - 32), 0};
        table_cell(&t, "%s", code);
        table_cell(&t, "%s", c.name);
        table_cell(&t, "%.0f", c.carbon);
        table_cell(&t, "%d", c.carbon_year);
        if (c.water > 0) table_cell(&t, "%.2f", c.water);
        else table_cell(&t, "%s", "");
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:i, s:f}", "code", code, "name", c.name, "carbon_g_kwh", c.carbon, "year",
                                              c.carbon_year, "water_l_kwh", c.water));
    }
    if (want_json) {
        for (size_t i = 0; i < t.n; i++) free(t.cell[i]);
        free(t.cell);
        return json_print(list);
    }
    json_decref(list);
    table_print(&t, stdout);
    printf("\nWhere no water is told, the world's is used. Set yours in hearth.ini:\n\n    [footprint]\n    country = DE\n");
    return EXIT_DONE;
}

/* ---- calibrate ---- */

static void on_step(void *user, int threads, double s)
{
    (void)user;
    if (threads) fprintf(stderr, "%d thread%s busy, %.0f s\n", threads, threads == 1 ? "" : "s", s);
    else fprintf(stderr, "at rest, %.0f s: please leave the computer alone\n", s);
}

static int ask_watts(const char *question, char *line, size_t n)
{
    fprintf(stderr, "%s ", question);
    if (!fgets(line, (int)n, stdin)) return 0;
    line[strcspn(line, " \r\nW")] = 0;
    return 1;
}

/* A person reads the meter while this keeps the cores busy. */
static enum hearth_status by_meter(struct power *p)
{
    struct busy *b = NULL;
    char idle[32], load[32], both[72];
    fprintf(stderr, "Put a power meter between the socket and the computer, and leave the computer alone for a moment.\n");
    if (!ask_watts("At rest: how many watts does it show?", idle, sizeof idle)) return HEARTH_ECANCELLED;
    enum hearth_status st = calibrate_work(&b);
    if (st != HEARTH_OK) return st;
    fprintf(stderr, "Now all cores are busy. Wait until the figure is steady.\n");
    int answered = ask_watts("At work: how many watts does it show?", load, sizeof load);
    double mhz = calibrate_rest(b);
    if (!answered) return HEARTH_ECANCELLED;
    snprintf(both, sizeof both, "%s,%s", idle, load);
    st = power_parse("what the meter shows", both, p);
    snprintf(p->basis, sizeof p->basis, "watts-meter");
    p->mhz = mhz;
    return st;
}

static int calibrate(void)
{
    struct power p = {.n = 0};
    enum calibrate_with with;
    enum hearth_status st;
    int was_there = 0;
    if (forget) {
        int code = report(power_forget(&was_there));
        if (code == EXIT_DONE) printf(was_there ? "Forgotten.\n" : "Nothing was calibrated.\n");
        return code;
    }
    if (watts_text) st = power_parse("--watts", watts_text, &p);
    else if (calibrate_can(&with)) {
        struct calibrate_callbacks c = {on_step, NULL, interrupt_watch()};
        st = calibrate_measure(with, seconds, &c, &p);
    } else if (term_is(stdin) && term_is(stderr)) st = by_meter(&p);
    else {
        complain("this computer shows no energy counters that can be read and runs on no battery; say what it takes with "
                 "--watts IDLE,LOAD, or calibrate at a terminal with a power meter");
        return EXIT_FAILED;
    }
    if (st == HEARTH_OK) st = power_save(&p);
    if (st == HEARTH_EFORMAT && watts_text) return usage("%s", hearth_errmsg());
    if (st != HEARTH_OK) return report(st);
    for (int i = 0; i < p.n; i++) {
        if (p.at[i].threads > 0) printf("%4.1f threads busy: %.2f W\n", p.at[i].threads, p.at[i].watts);
        else printf("at rest: %.2f W\n", p.at[i].watts);
    }
    printf("Kept; where no counters can be read, energy is %s.\n", footprint_basis_words(p.basis));
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    if (argc == 0) return tell();
    if (strcmp(argv[0], "calibrate") == 0) return calibrate();
    if (strcmp(argv[0], "countries") == 0) return countries();
    return usage("footprint: \"%s\" is not known; it should be calibrate, countries or nothing", argv[0]);
}

const struct command cmd_footprint = {
    .name = "footprint", .group = GROUP_ACCOUNT, .summary = "tell what answers took: energy, carbon, water, money",
    .args = "[calibrate|countries]", .min_args = 0, .max_args = 1, .complete = COMPLETE_NOTHING,
    .about = "Sums up the receipts of the ledger: energy with its interval, carbon, water and cost, with a bar for each row, and says how "
             "the figures came about and what is counted in them. Energy is measured by the processor's own counters where this "
             "process may read them (`hearth doctor` tells), and else modelled from processor time and watts.\n\n"
             "`calibrate` finds out what this computer takes at rest and at work: by its counters, by its battery while that is "
             "discharging, by a power meter that you read, or from --watts. `countries` lists the countries whose electricity is in "
             "the table.\n\n"
             "Settings in hearth.ini, section [footprint]: country = DE, carbon_g_kwh, water_l_kwh, tariff, currency, watts = IDLE,LOAD.",
    .examples = "hearth footprint\n"
                "hearth footprint --from 2026-11-01 --by day --html november.html\n"
                "hearth footprint --embodied 250,5\twith a share of making the computer\n"
                "hearth footprint calibrate --watts 9,41\n",
    .options = options, .run = run,
};

/* footprint_page.c - a footprint report for machines and as a page to print.  Beside each figure: its interval, what is counted,
 * how it came about, the factor with source and year.  Energy is compared with energy only; carbon and water of a cloud are
 * told apart, since other things are counted in them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account/footprint.h"
#include "account/html.h"
#include "os/os.h"

/* ---- JSON ---- */

static json_t *amount_json(const struct amount *a)
{
    return json_pack("{s:f, s:f, s:f}", "value", a->value, "low", a->low, "high", a->high);
}

static json_t *sum_json(const struct footprint_sum *s, const char *count)
{
    json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o, s:f}", count, (json_int_t)s->entries, "measured",
                          (json_int_t)s->measured, "prompt_tokens", (json_int_t)s->prompt_tokens, "answer_tokens",
                          (json_int_t)s->answer_tokens, "bytes", (json_int_t)s->bytes, "cpu_seconds", s->cpu_seconds, "seconds",
                          s->seconds, "energy_j", amount_json(&s->joules), "carbon_g", amount_json(&s->carbon_g), "water_ml",
                          amount_json(&s->water_ml), "cost", s->cost);
    if (*s->name) json_object_set_new(j, "name", json_string(s->name));
    return j;
}

static json_t *factors_json(const struct footprint_factor_use *use)
{
    json_t *list = json_array();
    for (int i = 0; i < FOOTPRINT_USES && use[i].entries; i++)
        json_array_append_new(list, json_pack("{s:f, s:s, s:s, s:i, s:I}", "per_kwh", (double)use[i].factor.milli / 1000, "place",
                                              use[i].factor.place, "source", use[i].factor.source, "year", use[i].factor.year,
                                              "answers", (json_int_t)use[i].entries));
    return list;
}

static json_t *basis_json(const struct footprint_use *use)
{
    json_t *list = json_array();
    for (int i = 0; i < FOOTPRINT_USES && use[i].entries; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "basis", use[i].basis, "method", footprint_basis_words(use[i].basis),
                                              "boundary", footprint_boundary_words(use[i].basis), "answers",
                                              (json_int_t)use[i].entries));
    return list;
}

static json_t *cloud_json(const struct cloud *c)
{
    return json_pack("{s:s, s:s, s:i, s:f, s:s, s:f, s:s, s:f, s:s}", "name", c->name, "source", c->source, "year", c->year, "energy_j",
                     c->energy_wh * 3600, "energy_boundary", c->energy_boundary, "carbon_g", c->carbon_g, "carbon_boundary",
                     c->carbon_boundary, "water_ml", c->water_ml, "water_boundary", c->water_boundary);
}

json_t *footprint_report_json(const struct footprint_report *r, const struct factors *f)
{
    static const char *const by[] = {"model", "task", "key", "day"};
    json_t *rows = json_array();
    for (size_t i = 0; i < r->n; i++) json_array_append_new(rows, sum_json(&r->row[i], "answers"));
    json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I}", "by", by[r->by], "first", r->first, "last", r->last, "rows",
                          rows, "total", sum_json(&r->answers, "answers"), "pulls", sum_json(&r->pulls, "pulls"), "currency",
                          r->currency, "in_another_currency", (json_int_t)r->other_currency, "without_footprint",
                          (json_int_t)r->without, "not_receipts", (json_int_t)r->strange);
    json_object_set_new(j, "basis", basis_json(r->basis));
    json_object_set_new(j, "carbon_factors", factors_json(r->carbon));
    json_object_set_new(j, "water_factors", factors_json(r->water));
    json_object_set_new(j, "cloud", cloud_json(&f->cloud));
    if (r->embodied_years > 0) json_object_set_new(j, "embodied_carbon_g", json_real(footprint_embodied_g(r)));
    return j;
}

/* ---- the page ---- */

static void page_cards(struct html *h, const struct footprint_report *r)
{
    const struct footprint_sum *s = &r->answers;
    char a[24];
    html_cards_begin(h);
    html_card(h, "answers", "%llu", (unsigned long long)s->entries);
    html_card(h, "energy", "%s", footprint_joules(s->joules.value, a));
    html_card(h, "CO2e", "%s", footprint_grams(s->carbon_g.value, a));
    html_card(h, "water", "%s", footprint_water(s->water_ml.value, a));
    if (*r->currency) html_card(h, "electricity", "%.4g %s", s->cost, r->currency);
    html_cards_end(h);
}

static void page_bars(struct html *h, const struct footprint_report *r)
{
    enum { MOST = 40 };
    size_t n = r->n < MOST ? r->n : MOST;
    struct html_bar bar[MOST];
    char text[MOST][24];
    for (size_t i = 0; i < n; i++)
        bar[i] = (struct html_bar){.label = r->row[i].name, .text = footprint_joules(r->row[i].joules.value, text[i]),
                                   .value = r->row[i].joules.value, .low = r->row[i].joules.low, .high = r->row[i].joules.high};
    html_bars(h, r->n > MOST ? "Energy of the first 40, with intervals" : "Energy, with intervals", bar, n);
}

static const char *span(const struct amount *a, const char *(*show)(double, char *), char out[80])
{
    char value[24], low[24], high[24];
    snprintf(out, 80, "%s (%s to %s)", show(a->value, value), show(a->low, low), show(a->high, high));
    return out;
}

static const char *interval(const struct amount *a, const char *(*show)(double, char *), char out[80])
{
    char low[24], high[24];
    snprintf(out, 80, "%s to %s", show(a->low, low), show(a->high, high));
    return out;
}

static void page_row(struct html *h, const struct footprint_sum *s, const char *name, const char *currency)
{
    char a[80];
    html_cell(h, 0, "%s", name);
    html_cell(h, 0, "%llu", (unsigned long long)s->entries);
    html_cell(h, 0, "%llu", (unsigned long long)(s->prompt_tokens + s->answer_tokens));
    html_cell(h, 0, "%s", footprint_joules(s->joules.value, a));
    html_cell(h, 0, "%s", interval(&s->joules, footprint_joules, a));
    html_cell(h, 0, "%s", footprint_grams(s->carbon_g.value, a));
    html_cell(h, 0, "%s", footprint_water(s->water_ml.value, a));
    if (*currency) html_cell(h, 0, "%.4g", s->cost);
}

static void page_table(struct html *h, const struct footprint_report *r)
{
    static const char *const first[] = {"model", "task", "key", "day (UTC)"};
    const char *heads[] = {first[r->by], "answers", "tokens", "energy", "interval", "CO2e", "water", *r->currency ? r->currency : NULL, NULL};
    html_table(h, "What the answers took", "01111111", heads);
    for (size_t i = 0; i < r->n; i++) page_row(h, &r->row[i], r->row[i].name, r->currency);
    if (r->n > 1) page_row(h, &r->answers, "together", r->currency);
    html_table_end(h);
}

/* All three with their intervals, and what the energy is like. */
static void page_words(struct html *h, const struct footprint_report *r)
{
    const struct footprint_sum *s = &r->answers;
    char a[80], b[80], c[80], lamp[64];
    html_para(h, NULL, "%s: as much as %s.", footprint_joules(s->joules.value, a), footprint_lamp(s->joules.value, lamp));
    html_para(h, NULL, "With intervals: %s, %s of CO2e, %s of water.", span(&s->joules, footprint_joules, a),
              span(&s->carbon_g, footprint_grams, b), span(&s->water_ml, footprint_water, c));
}

static void page_method(struct html *h, const struct footprint_report *r)
{
    html_heading(h, 2, "How, and what is counted");
    for (int i = 0; i < FOOTPRINT_USES && r->basis[i].entries; i++)
        html_para(h, NULL, "%llu answers: %s. Counted: %s.", (unsigned long long)r->basis[i].entries,
                  footprint_basis_words(r->basis[i].basis), footprint_boundary_words(r->basis[i].basis));
    if (r->without) html_para(h, NULL, "%llu answers have no footprint in their receipts and are not in any sum.", (unsigned long long)r->without);
    if (r->strange) html_para(h, "warn", "%llu entries of the ledger are no receipts that this version can read.", (unsigned long long)r->strange);
    if (r->other_currency)
        html_para(h, NULL, "%llu answers have their cost in another currency than %s; it is not in the sum.", (unsigned long long)r->other_currency,
                  r->currency);
    static const char *const heads[] = {"factor", "a kilowatt-hour", "place", "source", "year", "answers", NULL};
    html_table(h, "Factors", "010001", heads);
    for (int kind = 0; kind < 2; kind++) {
        const struct footprint_factor_use *use = kind ? r->water : r->carbon;
        for (int i = 0; i < FOOTPRINT_USES && use[i].entries; i++) {
            const struct footprint_factor *f = &use[i].factor;
            html_cell(h, 0, "%s", kind ? "water" : "carbon");
            html_cell(h, 0, kind ? "%.2f L" : "%.0f g CO2e", (double)f->milli / 1000);
            html_cell(h, 0, "%s", f->place);
            html_cell(h, 0, "%s", f->source);
            if (f->year) html_cell(h, 0, "%d", f->year);
            else html_cell(h, 0, "not said");
            html_cell(h, 0, "%llu", (unsigned long long)use[i].entries);
        }
    }
    html_table_end(h);
    html_para(h, "quiet", "Carbon is location-based: the mean of the grid. Water is what power stations and reservoirs use up; at home nothing "
                          "else cools (PUE 1, no water on site). The intervals of carbon and water are that of the energy: the factors' own "
                          "error is not published.");
}

static void page_cloud(struct html *h, const struct footprint_report *r, const struct cloud *c)
{
    char here[24], there[24];
    if (!r->answers.entries) return;
    double n = (double)r->answers.entries, mean = r->answers.joules.value / n, cloud = c->energy_wh * 3600;
    struct html_bar bar[] = {
        {.label = "an answer here, mean", .text = footprint_joules(mean, here), .value = mean, .low = r->answers.joules.low / n,
         .high = r->answers.joules.high / n},
        {.label = "a cloud prompt, median", .text = footprint_joules(cloud, there), .value = cloud, .quiet = 1},
    };
    html_heading(h, 2, "Beside a cloud");
    html_bars(h, "Energy of one answer", bar, 2);
    html_para(h, NULL, "%s: %.2f Wh (%s, %d). Counted there: %s.", c->name, c->energy_wh, c->source, c->year, c->energy_boundary);
    html_para(h, "note", "The two do different work: a large model there, a small one here, prompts of other lengths, a median beside a mean. "
                         "The figures say what each took, not which is better at a task.");
    html_para(h, NULL, "Carbon and water are not compared, for other things are counted. Theirs: %.2f g CO2e, %s; %.2f mL of water, %s. Here: "
                       "location-based carbon, and the water of power stations.", c->carbon_g, c->carbon_boundary, c->water_ml, c->water_boundary);
}

static void page_pulls(struct html *h, const struct footprint_report *r, const struct factors *f)
{
    char energy[80], carbon[80], water[80];
    const struct footprint_sum *p = &r->pulls;
    if (!p->entries) return;
    html_heading(h, 2, "Bringing the models");
    html_para(h, NULL, "%llu model%s came over the network, %.1f MB: %s, CO2e %s, water %s. By a published figure for a gigabyte (%s, %d). Counted: %s.",
              (unsigned long long)p->entries, p->entries == 1 ? "" : "s", (double)p->bytes / 1e6, span(&p->joules, footprint_joules, energy),
              span(&p->carbon_g, footprint_grams, carbon), span(&p->water_ml, footprint_water, water), f->network_source, f->network_year,
              footprint_boundary_words("network"));
    if (r->answers.joules.value > 0 && p->joules.value >= 2 * r->answers.joules.value)
        html_para(h, NULL, "That is %.0f times what the answers took: a model is brought once, and answers for as long as it stays.",
                  p->joules.value / r->answers.joules.value);
}

enum hearth_status footprint_report_html(const struct footprint_report *r, const struct factors *f, char **text, size_t *n)
{
    struct html h = {0};
    char about[96], a[80];
    snprintf(about, sizeof about, "%s%.10s%s%.10s, days in UTC", *r->first ? "Answers from " : "No answers yet", r->first, *r->first ? " to " : "",
             r->last);
    html_begin(&h, "Footprint", about);
    page_cards(&h, r);
    page_words(&h, r);
    if (r->n) {
        page_bars(&h, r);
        page_table(&h, r);
    }
    if (r->embodied_years > 0)
        html_para(&h, NULL, "Making the computer: %g kg CO2e over %g years; %s of it fall on the %.0f s that the answers took.", r->embodied_kg,
                  r->embodied_years, footprint_grams(footprint_embodied_g(r), a), r->answers.seconds);
    page_pulls(&h, r, f);
    page_method(&h, r);
    page_cloud(&h, r, &f->cloud);
    return html_end(&h, text, n);
}

enum hearth_status footprint_report_write(const struct footprint_report *r, const struct factors *f, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    struct atomic_file file;
    TRY(footprint_report_html(r, f, &text, &n));
    enum hearth_status st = os_atomic_open(path, &file);
    if (st == HEARTH_OK) {
        st = os_atomic_write(&file, text, n);
        if (st == HEARTH_OK) st = os_atomic_commit(&file);
        os_atomic_abandon(&file);
    }
    free(text);
    return st;
}

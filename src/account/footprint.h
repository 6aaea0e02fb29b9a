/* footprint.h - what all answers of a time took together, by model, task, key or day; beside it what a cloud says of itself.
 *
 *     ledger ──► footprint_collect ──► struct footprint_report ──► text (cmd/footprint.c), JSON, a page with pictures
 */
#ifndef HEARTH_ACCOUNT_FOOTPRINT_H
#define HEARTH_ACCOUNT_FOOTPRINT_H

#include "account/factors.h"

struct ledger;
struct receipt;

struct amount { double value, low, high; };

struct footprint_sum {
    char name[80];                   /* "smollm2", "2026-11-22"; "-" where the receipts name none */
    uint64_t entries, measured, prompt_tokens, answer_tokens, bytes;
    double cpu_seconds, seconds;
    struct amount joules, carbon_g, water_ml;
    double cost;                     /* in the report's currency */
};

enum footprint_by { FOOTPRINT_BY_MODEL, FOOTPRINT_BY_TASK, FOOTPRINT_BY_KEY, FOOTPRINT_BY_DAY };

/* A basis or a factor that some footprints used, and how many. */
struct footprint_use { char basis[24]; uint64_t entries; };
struct footprint_factor_use { struct footprint_factor factor; uint64_t entries; };
enum { FOOTPRINT_USES = 16 };

struct footprint_report {
    enum footprint_by by;
    int64_t from, to;                /* Unix time, from <= t < to; 0: no limit */
    struct footprint_sum *row;       /* most energy first; days in order */
    size_t n, cap;
    struct footprint_sum answers;    /* all rows together */
    struct footprint_sum pulls;      /* models that were fetched: never added to the answers */
    uint64_t without, strange;       /* answers without a footprint; entries that are no receipts */
    uint64_t other_currency;         /* answers whose cost is in another currency, and not in the sum */
    char currency[8];
    char first[24], last[24];        /* of the entries counted; "" when there are none */
    struct footprint_use basis[FOOTPRINT_USES];
    struct footprint_factor_use carbon[FOOTPRINT_USES], water[FOOTPRINT_USES];
    double embodied_kg, embodied_years;          /* 0: not asked for */
};

/* Zero-initialise the report, set by, from, to, embodied; footprint_report_free() in every case. */
enum hearth_status footprint_collect(struct ledger *l, struct footprint_report *r);
enum hearth_status footprint_add(struct footprint_report *r, const struct receipt *entry);
void footprint_finish(struct footprint_report *r);           /* sorts; footprint_collect does it */
void footprint_report_free(struct footprint_report *r);

/* Grams of making the computer that fall on the time the answers took. */
double footprint_embodied_g(const struct footprint_report *r);

/* "modelled from processor time and ...": what a basis means, and what it counts. */
const char *footprint_basis_words(const char *basis);
const char *footprint_boundary_words(const char *basis);

json_t *footprint_report_json(const struct footprint_report *r, const struct factors *f);
/* A whole page; free() *text. */
enum hearth_status footprint_report_html(const struct footprint_report *r, const struct factors *f, char **text, size_t *n);

/* The same as a file that appears only when it is complete. */
enum hearth_status footprint_report_write(const struct footprint_report *r, const struct factors *f, const char *path);

/* "12.3 mg", "4.1 kg"; "52 uL", "1.2 L" */
const char *footprint_grams(double g, char out[24]);
const char *footprint_water(double ml, char out[24]);

/* Puts an entry into the ledger that says what bringing a model over the network took. */
enum hearth_status footprint_record_pull(const char *name, const char *sha256, uint64_t bytes);

#endif

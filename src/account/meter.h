/* meter.h - what an answer took: joules, processor time, and from these carbon, water and money.
 *
 *     struct meter m;
 *     struct footprint f;
 *     TRY(meter_begin(&m));            before the prompt is evaluated; a mistake in [footprint] of the ini is said here
 *     ... hearth_generate() ...
 *     meter_end(&m, &f);               never fails: what cannot be measured is modelled, and f says so
 *     json_object_set_new(receipt, "footprint", footprint_json(&f));
 *     note("%s", footprint_line(&f, line));       "3.1 J (modelled), as much as a 10 W lamp in 0.3 s"
 *
 * Meters of several threads may run at once: while n of them run, each is charged 1/n of what the process takes, so
 * that the sum over all answers is what the process took.
 *
 *     energy    measured: what the counters of the processor packages (and of the memory beside them) advanced, times
 *               the process's share of all processor time of the machine meanwhile
 *               modelled: idle watts x time + watts of a busy core x processor time
 *     carbon    energy x the grid's carbon intensity
 *     water     energy x the water that the grid's power stations use up; at home nothing else cools
 *     cost      energy x the person's tariff, when the ini has one
 *
 * Every integer here stays below 2^53, so that it can stand in a receipt.
 */
#ifndef HEARTH_ACCOUNT_METER_H
#define HEARTH_ACCOUNT_METER_H

#include <jansson.h>
#include "base/status.h"

enum footprint_method { FOOTPRINT_MODELLED, FOOTPRINT_MEASURED };

/* A factor that energy was multiplied by: value in thousandths, so that it is an integer (445 g/kWh is 445000). */
struct footprint_factor {
    uint64_t milli;
    char place[24];                  /* "DE", "world", "own" */
    char source[40];                 /* "Ember" */
    int year;                        /* 0: not said */
};

struct footprint {
    enum footprint_method method;
    char basis[24];                  /* how: "rapl", "rapl+dram", "watts-stated", "watts-meter", "watts-battery",
                                        "watts-rapl", "watts-assumed" */
    uint64_t energy_uj, low_uj, high_uj;          /* microjoules: value and interval */
    uint64_t package_uj, dram_uj;    /* measured: what the counters of the whole machine advanced; else 0 */
    uint64_t cpu_us, wall_us;        /* processor time (user and system, all threads) and time, microseconds */
    uint64_t carbon_ug, water_ul;    /* micrograms of CO2e, microlitres; their intervals are that of the energy */
    struct footprint_factor carbon, water;        /* milligrams a kWh; millilitres a kWh */
    uint64_t cost_nano;              /* billionths of `currency`; 0 when no tariff is known (currency "") */
    char currency[8];
};

struct meter { double cpu, wall, package, dram, busy, began; };  /* what was charged to everybody so far, when it began */

/* EFORMAT: [footprint] of hearth.ini has a mistake; the sentence names file, line, field, value found and allowed. */
enum hearth_status meter_begin(struct meter *m);
/* What it took up to now; the meter runs on. */
void meter_look(const struct meter *m, struct footprint *out);
/* Every meter that was begun must be ended, once; out may be NULL. */
void meter_end(struct meter *m, struct footprint *out);

/* What bringing that many bytes over the network took, by a published factor. */
enum hearth_status footprint_of_transfer(uint64_t bytes, struct footprint *out);
/* Reads the ini and looks for the counters again at the next meter_begin; no meter may run.  For calibration and tests. */
void meter_reset(void);

/* The object of a receipt: integers and strings only.  NULL without memory.
 *
 *     {"method":"modelled", "basis":"watts-assumed", "energy_uj":3100000, "energy_low_uj":1200000, "energy_high_uj":7900000,
 *      "package_uj":0, "dram_uj":0, "cpu_us":760000, "wall_us":400000, "carbon_ug":413, "water_ul":4,
 *      "carbon_factor":{"per_kwh_milli":480000, "place":"world", "source":"...", "year":2023},
 *      "water_factor":{the same}, "cost_nano":0, "currency":""} */
json_t *footprint_json(const struct footprint *f);
/* And back; EFORMAT names `what` and the field. */
enum hearth_status footprint_parse(const char *what, const json_t *j, struct footprint *out);

/* The quiet words: "3.1 J (modelled), as much as a 10 W lamp in 0.3 s".  Returns out. */
enum { FOOTPRINT_LINE = 96 };
const char *footprint_line(const struct footprint *f, char out[FOOTPRINT_LINE]);
const char *footprint_joules(double joules, char out[24]);   /* "3.10 J", "1.25 Wh": Wh from an hour's watt on */
const char *footprint_lamp(double joules, char out[64]);     /* "a 10 W lamp in 0.3 s" */

#endif

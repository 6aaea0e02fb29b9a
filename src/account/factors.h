/* factors.h - what energy is multiplied by, and where each figure comes from: data/grid.ini, the person's own lines in
 * hearth.ini and what `hearth footprint calibrate` found out about this computer.
 *
 *     hearth.ini [footprint]     wins over     calibration.ini (watts only)     wins over     grid.ini
 */
#ifndef HEARTH_ACCOUNT_FACTORS_H
#define HEARTH_ACCOUNT_FACTORS_H

#include "account/meter.h"
#include "hub/ini.h"

/* Watts of this computer by the number of busy hardware threads: at least two points, threads ascending from 0; beyond the last
 * one, its watts.  Between more than two, straight lines.  Between rest and full load, when nothing else is known,
 *
 *     rest + (full - rest) (2u - u^2),  u = busy / all
 *
 * the form of Fan, Weber, Barroso, "Power provisioning for a warehouse-sized computer", ISCA 2007 (they found 1.4 for the
 * exponent on servers of their day; for 2 see docs/measurements.md): the first busy core wakes what all cores share. */
enum { POWER_POINTS = 8 };
struct power_point { double threads, watts; };
struct power {
    struct power_point at[POWER_POINTS];
    int n;
    double mhz;                      /* the clock when all were busy; 0: not known */
    char basis[24];                  /* "watts-stated" ... as in struct footprint */
};

/* A published figure with the interval it has. */
struct range { double value, low, high; };

struct factors {
    struct footprint_factor carbon, water;
    char country_name[40];           /* "Germany", "the world" */
    double tariff;                   /* a kilowatt-hour, in currency; 0: not told */
    char currency[8];
    struct power power;              /* n = 0: nothing stated or calibrated, `idle` and `load` below are used */
    char calibration_note[160];      /* why a calibration that is there is not used; "" */
    struct range idle, load;         /* watts of one hardware thread */
    struct range network;            /* joules a byte */
    char watts_source[40], network_source[40];
    int watts_year, network_year;
    struct cloud {                   /* the figures of a cloud prompt */
        char name[64], source[40], energy_boundary[160], carbon_boundary[160], water_boundary[160];
        int year;
        double energy_wh, carbon_g, water_ml;
    } cloud;
};

/* EFORMAT names file, line, field, value found and value allowed. */
enum hearth_status factors_load(struct factors *out);
/* The same from texts, for tests: own and calibration may be NULL. */
enum hearth_status factors_read(const struct ini *own, const struct ini *calibration, struct factors *out);

/* Row i of the countries: 0 past the last.  code is "de", name "Germany", carbon in g/kWh, water in L/kWh (0: not known). */
struct country { char code[8]; char name[40]; double carbon, water; int carbon_year; };
enum hearth_status factors_country(size_t i, struct country *out);

double power_watts(const struct power *p, double threads);
double power_line(const struct power *p, double threads);    /* straight lines always: the least that it can be */

/* "9,41": at rest, and with all hardware threads busy.  EFORMAT with `where` in front. */
enum hearth_status power_parse(const char *where, const char *text, struct power *out);
/* Writes and forgets calibration.ini. */
enum hearth_status power_save(const struct power *p);
enum hearth_status power_forget(int *was_there);

#endif

/* statistics.h - how sure a figure is, and whether two differ.  Chance comes from base/random.h, so a seed gives the same interval
 * everywhere. */
#ifndef HEARTH_WORK_STATISTICS_H
#define HEARTH_WORK_STATISTICS_H

#include "base/status.h"

struct interval { double low, high; };

double mean_of(const double *x, size_t n);
/* Of the mean: the sample's standard deviation / sqrt(n); NaN for n < 2. */
double standard_error(const double *x, size_t n);
/* 95 %, of a share of `right` in n (Wilson, 1927): right at 0, 1 and for few, where the plain interval is not. */
struct interval wilson(uint64_t right, uint64_t n);

/* 95 %, of the difference of two shares over the same items, first - second (Newcombe, 1998, "paired data", method 10: Wilson's intervals
 * of both, put together by how they go along with each other).  It has a width also where no item tells them apart. */
struct interval paired_difference(uint64_t both, uint64_t only_first, uint64_t only_second, uint64_t neither);

/* McNemar's test, exact: how likely a split of the items on which two disagree is that is as uneven as this one (or more), if
 * neither were better.  only_a: right with a alone. */
double mcnemar(uint64_t only_a, uint64_t only_b);

/* 95 % by BOOTSTRAP draws of n out of n, of the mean of x (paired: of differences item by item). */
enum { BOOTSTRAP = 10000 };
enum hearth_status bootstrap_mean(const double *x, size_t n, uint64_t seed, struct interval *out);
/* The middle 95 % of n values, which are put in order. */
struct interval middle_of(double *x, size_t n);
/* Draw d of the bootstrap: which item stands at place i of n. */
size_t bootstrap_item(uint64_t seed, uint32_t draw, size_t i, size_t n);

/* Of labels 0 .. classes-1: the mean over the classes that are there (wanted or answered) of the harmonic mean of precision and recall,
 * as scikit-learn's f1_score(average="macro"); an answer outside the classes is wrong.  one >= 0: of that class alone. */
enum hearth_status macro_f1(const int *wanted, const int *answered, size_t n, int classes, int one, double *out);
/* Expected calibration error (Guo et al., 2017): in 10 bins of equal width of the confidence, the mean distance of confidence and
 * accuracy, weighted by the bin's size. */
double calibration_error(const double *confidence, const unsigned char *right, size_t n);

#endif

/* preference.c - see preference.h. */
#include "work/preference.h"

#include "kernel/math.h"

static float sigmoid_of_minus(double z, double *loss)        /* *loss: -log sigmoid(z) */
{
    float e = hm_exp((float)(z > 0 ? -z : z));
    *loss = (z > 0 ? 0 : -z) + (double)hm_log(1 + e);
    return z > 0 ? e / (1 + e) : 1 / (1 + e);
}

struct preference preference_dpo(float weight, float beta, double better, double worse, double better_before, double worse_before)
{
    struct preference r;
    double z = (double)beta * ((better - better_before) - (worse - worse_before));
    float less = sigmoid_of_minus(z, &r.loss);
    r.loss *= (double)weight;
    r.better = weight * beta * less, r.worse = -r.better, r.right = z > 0;
    return r;
}

/* 1 - e^l; l is kept a little below 0, where an answer that is certain would have odds without end. */
static double odds_against(double *l)
{
    if (*l > -1e-4) *l = -1e-4;
    return 1 - (double)hm_exp((float)*l);
}

struct preference preference_orpo(float weight, float beta, double better, uint32_t n, double worse, uint32_t m)
{
    struct preference r;
    double mean = better / n, other = worse / m, nll = -mean, odds;
    double against = odds_against(&mean), against_other = odds_against(&other);
    double z = (mean - (double)hm_log((float)against)) - (other - (double)hm_log((float)against_other));
    double push = (double)beta * (double)sigmoid_of_minus(z, &odds);
    r.loss = (double)weight * (nll + (double)beta * odds);
    r.better = (float)((double)weight * (1 + push / against) / n), r.worse = (float)((double)weight * -push / against_other / m);
    r.right = z > 0;
    return r;
}

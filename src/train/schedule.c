/* schedule.c - the learning rate of each step. */
#include "train/schedule.h"

#include "kernel/math.h"

float schedule_rate(const struct schedule *s, uint64_t step)
{
    if (step < s->warmup) return s->peak * ((float)(step + 1) / (float)s->warmup);
    if (s->kind == SCHEDULE_CONSTANT || s->total <= s->warmup) return s->peak;
    uint64_t left = s->total - s->warmup, done = step - s->warmup < left ? step - s->warmup : left;
    float p = (float)done / (float)left;
    return s->peak * (s->kind == SCHEDULE_LINEAR ? 1 - p : (1 + hm_cos(3.14159265f * p)) / 2);
}

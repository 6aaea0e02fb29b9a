/* schedule.h - the learning rate of each step: up in a line over the first steps, then as its kind says. */
#ifndef HEARTH_TRAIN_SCHEDULE_H
#define HEARTH_TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT };

struct schedule { enum schedule_kind kind; float peak; uint64_t warmup, total; /* steps */ };

/* Of step 0 .. total - 1:  peak (step + 1) / warmup while step < warmup; then with p = (step - warmup) / (total - warmup)
 * peak (1 + cos(pi p)) / 2, peak (1 - p), or peak. */
float schedule_rate(const struct schedule *s, uint64_t step);

#endif

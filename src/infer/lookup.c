/* lookup.c - the newest earlier place where the last three tokens stand, else the last two. */
#include "infer/lookup.h"

enum { FIRST = 4, LONGEST_PAUSE = 64 };

/* Where what follows the newest earlier occurrence of the last k tokens begins; 0: there is none. */
static uint32_t find(const int32_t *ids, uint32_t n, uint32_t k)
{
    for (uint32_t end = n - 1; end >= k; end--) {
        uint32_t i = 0;
        while (i < k && ids[end - 1 - i] == ids[n - 1 - i]) i++;
        if (i == k) return end;
    }
    return 0;
}

uint32_t lookup_guess(struct lookup *l, const int32_t *ids, uint32_t n, uint32_t most, int32_t *out)
{
    if (l->wait > 0) {
        l->wait--;
        return 0;
    }
    if (l->size == 0) l->size = FIRST;
    uint32_t at = n > 3 ? find(ids, n, 3) : 0, count = 0;
    if (!at && n > 2) at = find(ids, n, 2);
    if (!at) return 0;
    most = most < l->size ? most : l->size;
    for (; count < most; at++, count++) out[count] = at < n ? ids[at] : out[at - n]; /* a repetition may reach into itself */
    return count;
}

void lookup_learn(struct lookup *l, uint32_t tried, uint32_t right)
{
    if (right == tried) {
        l->size = l->size * 2 < LOOKUP_MOST ? l->size * 2 : LOOKUP_MOST;
        l->pause = 0;
    } else if (right == 0) {
        l->pause = l->pause == 0 ? 2 : l->pause * 2 < LONGEST_PAUSE ? l->pause * 2 : LONGEST_PAUSE;
        l->wait = l->pause;
        l->size = l->size > 2 ? l->size / 2 : 2;
    } else {
        l->size = right + 1 < LOOKUP_MOST ? right + 1 : LOOKUP_MOST;
        l->pause = 0;
    }
}

/* tune_state.c - where an interrupted tuning is gone on from.
 *
 *     "hearthTS" | version | length of settings | step, looks ... | settings | losses | looks | values, moments, best values | checksum
 *
 * A file is whole or not there, and the one before stays until it is.  The settings (tune_settings.c) say of what model, examples and options it is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "os/os.h"
#include "work/tune_in.h"

enum { FILE_VERSION = 3, WORDS = 8 };
static const char magic[8] = "hearthTS";

struct out { struct atomic_file file; struct checksum sum; };

static enum hearth_status put(struct out *o, const void *data, size_t n)
{
    checksum_add(&o->sum, data, n);
    return os_atomic_write(&o->file, data, n);
}

static enum hearth_status put_floats(struct out *o, const float *data, uint64_t n) { return put(o, data, (size_t)n * sizeof *data); }

static enum hearth_status put_all(struct out *o, const struct tune *t)
{
    uint64_t word[WORDS] = { 0, FILE_VERSION, t->settings_n, t->step, t->looks, t->best_look, t->since_best, t->plan.held > 0 };
    double real[3] = { t->tokens, t->seconds, t->joules };
    memcpy(&word[0], magic, sizeof magic);
    TRY(put(o, word, sizeof word));
    TRY(put(o, t->settings, t->settings_n));
    TRY(put(o, real, sizeof real));
    TRY(put(o, t->loss, t->step * sizeof *t->loss));
    for (size_t i = 0; i < t->looks; i++) {
        double look[3] = { (double)t->look[i].step, t->look[i].loss, t->look[i].right };
        TRY(put(o, look, sizeof look));
    }
    for (size_t i = 0; i < t->opt->n; i++) {
        const struct parameter *p = &t->opt->list[i];
        TRY(put_floats(o, p->value, p->n));
        TRY(put_floats(o, p->m, p->n));
        TRY(put_floats(o, p->v, p->n));
        if (t->best) TRY(put_floats(o, t->best[i], p->n));
    }
    uint64_t sum = checksum_end(&o->sum);
    return os_atomic_write(&o->file, &sum, sizeof sum);
}

static enum hearth_status write_state(struct tune *t)
{
    struct out o;
    checksum_init(&o.sum);
    TRY(os_atomic_open(t->state, &o.file));
    enum hearth_status st = put_all(&o, t);
    if (st == HEARTH_OK) return os_atomic_commit(&o.file);
    os_atomic_abandon(&o.file);
    return st;
}

enum hearth_status tune_state_told(const struct tune *t, enum hearth_status st, const char *words)
{
    if (!t->saved) return fail(st, "%s; no state was kept", words);
    return fail(st, "%s; the state after step %u is kept: --resume goes on from it", words, t->saved);
}

enum hearth_status tune_state_write(struct tune *t)
{
    enum hearth_status st = write_state(t);
    if (st != HEARTH_OK) return tune_state_told(t, st, hearth_errmsg());
    t->saved = t->step;
    return HEARTH_OK;
}

/* ---- reading ---- */

struct in { const struct tune *t; const uint8_t *at; size_t left; };

static enum hearth_status take(struct in *r, void *to, uint64_t n)
{
    if (n > r->left) return fail(HEARTH_EFORMAT, "%s: ends too early; remove it to begin anew", r->t->state);
    memcpy(to, r->at, (size_t)n);
    r->at += n, r->left -= (size_t)n;
    return HEARTH_OK;
}

static enum hearth_status take_looks(struct in *r, struct tune *t, uint64_t n)
{
    TRY(mem_grow(&t->look, &t->look_cap, (size_t)n, sizeof *t->look));
    for (t->looks = 0; t->looks < n; t->looks++) {
        double look[3];
        TRY(take(r, look, sizeof look));
        t->look[t->looks] = (struct look){ (uint32_t)look[0], look[1], look[2] };
    }
    return HEARTH_OK;
}

static enum hearth_status take_all(struct in *r, struct tune *t)
{
    uint64_t word[WORDS];
    double real[3];
    TRY(take(r, word, sizeof word));
    if (word[1] != FILE_VERSION) return fail(HEARTH_EFORMAT, "%s: the state of a tuning by another version of hearth; remove it to begin anew", t->state);
    if (word[2] > r->left) return fail(HEARTH_EFORMAT, "%s: ends too early; remove it to begin anew", r->t->state);
    if (word[2] != t->settings_n || memcmp(r->at, t->settings, t->settings_n) != 0) return tune_settings_differ(t, (const char *)r->at, (size_t)word[2]);
    r->at += word[2], r->left -= (size_t)word[2];
    if (word[3] > t->plan.steps || word[4] > word[3] || (word[4] && word[5] >= word[4])) return fail(HEARTH_EFORMAT, "%s: step %llu of %u", t->state,
                                                                       (unsigned long long)word[3], t->plan.steps);
    t->step = (uint32_t)word[3], t->best_look = (uint32_t)word[5], t->since_best = (uint32_t)word[6];
    TRY(take(r, real, sizeof real));
    t->tokens = real[0], t->seconds = real[1], t->joules = real[2];
    TRY(take(r, t->loss, t->step * sizeof *t->loss));
    TRY(take_looks(r, t, word[4]));
    for (size_t i = 0; i < t->opt->n; i++) {
        struct parameter *p = &t->opt->list[i];
        TRY(take(r, p->value, p->n * sizeof(float)));
        TRY(take(r, p->m, p->n * sizeof(float)));
        TRY(take(r, p->v, p->n * sizeof(float)));
        if (t->best) TRY(take(r, t->best[i], p->n * sizeof(float)));
    }
    optimizer_resume(t->opt, t->step);
    t->saved = t->step;
    return r->left ? fail(HEARTH_EFORMAT, "%s: %zu bytes too many", t->state, r->left) : HEARTH_OK;
}

enum hearth_status tune_state_read(struct tune *t)
{
    struct mapping map;
    struct checksum sum;
    uint64_t said;
    if (access(t->state, F_OK) != 0) return HEARTH_ENOTFOUND;
    TRY(os_map(t->state, &map));
    struct in r = { t, map.data, map.size > sizeof said ? map.size - sizeof said : 0 };
    checksum_init(&sum);
    checksum_add(&sum, map.data, r.left);
    enum hearth_status st = HEARTH_OK;
    if (r.left) memcpy(&said, r.at + r.left, sizeof said);
    if (map.size < sizeof magic || memcmp(map.data, magic, sizeof magic) != 0)
        st = fail(HEARTH_EFORMAT, "%s: no state of a tuning, and this name is needed for one; move it away or choose another -o", t->state);
    else if (!r.left || said != checksum_end(&sum)) st = fail(HEARTH_ECHECKSUM, "%s: damaged; remove it to begin anew", t->state);
    else st = take_all(&r, t);
    os_unmap(&map);
    return st;
}

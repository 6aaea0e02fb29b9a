/* compress.c - see compress.h. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/classes.h"
#include "os/os.h"
#include "quant/choose.h"
#include "work/compress_in.h"
#include "work/merge.h"
#include "work/prune.h"
#include "work/tune.h"

/* What is tried, by what it takes of an ordinary model; tensors: what is otherwise than the type says. */
static const struct form { const char *name, *type, *tensors; } types[] = {
    { "Q8_0", "Q8_0", NULL },
    { "Q6_K", "Q6_K", NULL },
    { "Q5_K_M", "Q5_K_M", NULL },
    { "Q5_K_S", "Q5_K_S", NULL },
    { "Q4_K_M", "Q4_K_M", NULL },
    { "Q4_K_S", "Q4_K_S", NULL },
    { "IQ4_NL, attention Q5_0", "IQ4_NL", "blk.*.attn_*=Q5_0" },    /* where rows are no multiple of 256 and Q4_K becomes something larger */
    { "IQ4_NL", "IQ4_NL", NULL },
    { "IQ4_XS", "IQ4_XS", NULL },
    { "Q3_K_M", "Q3_K_M", NULL },
    { "Q2_K_M", "Q2_K_M", NULL },
};
enum { TYPES = sizeof types / sizeof *types, HEAL = 2000, HEAL_RANK = 32, PRUNE_TOKENS = 8192 };
static const double widths[] = { 0.15, 0.3, 0.45 };
static const double WORTH = 0.985;   /* a type that takes no less than this of the one before is not worth a look */

double compress_share(const struct compress_result *r, size_t i) { return (double)r->step[i].bytes / (double)r->step[0].bytes; }

double compress_kept(const struct compress_result *r, size_t i)
{
    double base = r->step[0].score, mine = r->step[i].score;
    if (!r->higher_is_better) return mine > 0 ? base / mine : 1;
    return base > 0 ? mine / base : 1;
}

const char *compress_verdict(const struct compress_result *r, size_t i)
{
    const struct compress_step *s = &r->step[i];
    if ((int)i == r->best) return "kept";
    return s->surely ? "holds" : s->holds ? "too few items to tell" : "loses too much";
}

/* ---- steps ---- */

static uint64_t size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (uint64_t)s.st_size : 0;
}

static enum hearth_status stopped(const struct compressing *k)
{
    int stop = k->p->cancel && __atomic_load_n(k->p->cancel, __ATOMIC_RELAXED);
    return stop ? fail(HEARTH_ECANCELLED, "stopped; nothing is kept") : HEARTH_OK;
}

static int passing_on(void *user, uint64_t done, uint64_t total) { return compress_tell(user, done, total, 0); }
static int counting(void *user, size_t done, size_t total) { return compress_tell(user, done, total, 1); }

static enum hearth_status new_step(struct compressing *k, const char *name, const char *file, double from, size_t *at)
{
    struct compress_result *r = k->r;
    if (r->n == COMPRESS_STEPS) return fail(HEARTH_ELIMIT, "more than %d steps", COMPRESS_STEPS);
    *at = r->n++;
    r->step[*at] = (struct compress_step){ .bytes = size_of(file), .seconds = clock_seconds() - from };
    snprintf(r->step[*at].name, sizeof r->step->name, "%s", name);
    return stopped(k);
}

static enum hearth_status measure(struct compressing *k, size_t at, const char *file)
{
    struct compress_step *s = &k->r->step[at];
    double from = clock_seconds();
    k->what = s->name;
    TRY(compress_score(k, file, s));
    s->seconds += clock_seconds() - from, s->measured = 1;
    s->holds = compress_kept(k->r, at) >= k->p->keep;
    s->surely = s->holds && !(s->low < k->p->keep);
    char said[192];
    int n = snprintf(said, sizeof said, "%s: %.1f MB, %.1f %% of the bytes, %.1f %% of the score", s->name, (double)s->bytes / 1e6, 100 * compress_share(k->r, at),
                     100 * compress_kept(k->r, at));
    if (isfinite(s->low)) snprintf(said + n, sizeof said - (size_t)n, " (%.1f to %.1f)", 100 * s->low, 100 * s->high);
    if (k->p->told) k->p->told(k->p->user, said);
    return HEARTH_OK;
}

static uint64_t wished(const struct compressing *k) { return (uint64_t)(k->p->most * (double)k->r->step[0].bytes); }
static int small_enough(const struct compressing *k) { return k->r->best >= 0 && k->r->step[k->r->best].bytes <= wished(k); }

/* A file that holds and is the smallest so far is kept, others go; once one is small enough, without doubt. */
static enum hearth_status keep_or_drop(struct compressing *k, size_t at, const char *file)
{
    struct compress_result *r = k->r;
    const struct compress_step *s = &r->step[at];
    int better = (small_enough(k) ? s->surely : s->holds) && (r->best < 0 || s->bytes < r->step[r->best].bytes);
    if (!better) {
        unlink(file);
        return HEARTH_OK;
    }
    r->best = (int)at;
    return rename(file, k->best) == 0 ? HEARTH_OK : fail(HEARTH_EIO, "%s: it cannot be renamed", file);
}

/* ---- base and vocabulary ---- */

static enum hearth_status make_base(struct compressing *k)
{
    double from = clock_seconds();
    size_t at;
    struct hearth_model *m = NULL;
    k->what = "the model in halves";
    (void)compress_tell(k, 0, 0, 0);
    if (k->p->adapter) TRY(merge_write(k->p->model, k->p->adapter, "F16", k->base));
    else TRY(hearth_quantize(k->p->model, "F16", k->base, passing_on, k));
    TRY(hearth_model_open(k->base, &(struct hearth_model_params){ .vocab_only = 1 }, &m));
    k->head = classes_are_in(m->file);
    hearth_model_close(m);
    TRY(new_step(k, k->p->adapter ? "merged, F16" : "F16", k->base, from, &at));
    TRY(measure(k, at, k->base));
    if (k->r->higher_is_better && !(k->r->step[at].score > 0)) return fail(HEARTH_EUSAGE, "%s: the model has a score of 0, of which no share can be kept", k->p->task);
    k->r->step[at].holds = 1;
    return HEARTH_OK;
}

/* A vocabulary that cannot be trimmed (a tokenizer.json's) stays. */
static enum hearth_status trim(struct compressing *k)
{
    struct hearth_vocabulary_result v;
    double from = clock_seconds();
    size_t at;
    k->what = "trimming";
    enum hearth_status st = hearth_trim(k->base, k->text.data, k->text.len, &(struct hearth_trim_params){ 0 }, k->trimmed, passing_on, k, &v);
    if (st == HEARTH_EUNSUPPORTED) {
        if (k->p->told) k->p->told(k->p->user, hearth_errmsg());
        return hearth_quantize(k->base, NULL, k->trimmed, passing_on, k);
    }
    TRY(st);
    TRY(new_step(k, "trimmed, F16", k->trimmed, from, &at));
    return measure(k, at, k->trimmed);
}

static enum hearth_status weigh(struct compressing *k, const char *model)
{
    struct hearth_model *m = NULL;
    struct hearth_text text = { "examples", k->text.data, k->text.len };
    enum { MOST = 1 << 15 };                                 /* bytes: some 8,000 tokens, enough for means that hardly move */
    if (text.len > MOST) text.len = MOST;
    while (text.len < k->text.len && text.len && (text.text[text.len] & 0xC0) == 0x80) text.len--;
    k->what = "weighing";
    (void)compress_tell(k, 0, 0, 0);
    TRY(hearth_model_open(model, &(struct hearth_model_params){ .threads = k->p->threads }, &m));
    enum hearth_status st = hearth_imatrix(m, &text, 1, 256, k->imatrix, counting, k, NULL);
    hearth_model_close(m);
    return st == HEARTH_OK ? stopped(k) : st;
}

/* ---- types ---- */

static struct hearth_quantize_params asked(const struct form *f)
{
    return (struct hearth_quantize_params){ .type = f->type, .tensors = &f->tensors, .n_tensors = f->tensors != NULL };
}

static enum hearth_status quantize(struct compressing *k, const char *model, const struct form *f)
{
    struct hearth_quantize_params q = asked(f);
    q.imatrix = k->imatrix, q.progress = passing_on, q.user = k;
    k->what = f->name;
    return hearth_quantize_with(model, k->candidate, &q);
}

/* Makes and measures one type of the trimmed model. */
static enum hearth_status try_type(struct compressing *k, size_t type, int *kept)
{
    double from = clock_seconds();
    size_t at;
    char name[64];
    snprintf(name, sizeof name, "trimmed, %s", types[type].name);
    TRY(quantize(k, k->trimmed, &types[type]));
    TRY(new_step(k, name, k->candidate, from, &at));
    TRY(measure(k, at, k->candidate));
    enum hearth_status st = keep_or_drop(k, at, k->candidate);
    *kept = k->r->best == (int)at;
    return st;
}

/* bytes [TYPES] that a file of each type would have; 0: not worth a look. */
static enum hearth_status sizes_of(const char *model, uint64_t bytes[TYPES])
{
    uint64_t last = UINT64_MAX, rest = size_of(model);
    struct gguf *g = NULL;
    enum hearth_status st = gguf_open(model, 1, &g);
    for (uint64_t i = 0; st == HEARTH_OK && i < g->n_tensors; i++) rest -= g->tensors[i].bytes;
    for (size_t i = 0; st == HEARTH_OK && i < TYPES; i++) {
        struct choice c = { 0 };
        uint64_t n = rest;
        bytes[i] = 0;
        struct hearth_quantize_params q = asked(&types[i]);
        if (!hearth_can_quantize(types[i].type)) continue;
        st = choose_types(g, &q, &c);
        if (st == HEARTH_EUSAGE && q.n_tensors) {            /* a family that calls them otherwise */
            choice_free(&c);
            st = HEARTH_OK;
            continue;
        }
        for (uint64_t k = 0; st == HEARTH_OK && k < g->n_tensors; k++) {
            const struct type_info *info = type_info(c.type[k]);
            n += g->tensors[k].elements / info->block * info->bytes;
        }
        choice_free(&c);
        if (st == HEARTH_OK && (double)n < WORTH * (double)last) bytes[i] = last = n;
    }
    gguf_close(g);
    return st;
}

static enum hearth_status try_types(struct compressing *k)
{
    uint64_t bytes[TYPES], most = wished(k);
    size_t first = 0;
    int kept = 0;
    TRY(sizes_of(k->trimmed, bytes));
    while (first < TYPES && (!bytes[first] || bytes[first] > most)) first++;
    for (size_t i = first; i < TYPES; i++) {
        if (!bytes[i]) continue;
        TRY(try_type(k, i, &kept));
        if (!kept) break;
    }
    for (size_t i = first; i-- > 0 && k->r->best < 0;)       /* larger than asked for */
        if (bytes[i]) TRY(try_type(k, i, &kept));
    return HEARTH_OK;
}

/* ---- pruning ---- */

static int on_tune(void *user, const struct tune_news *n) { return compress_tell(user, n->step, n->steps, 1); }

static enum hearth_status remove_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    struct buf file = { 0 };
    enum hearth_status st = HEARTH_OK;
    while (d && st == HEARTH_OK && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        file.len = 0;
        st = buf_printf(&file, "%s/%s", path, e->d_name);
        if (st == HEARTH_OK) unlink(file.data);
    }
    if (d) closedir(d);
    buf_free(&file);
    rmdir(path);
    return st;
}

/* healed: the pruned model after an epoch of following the base. */
static enum hearth_status heal(struct compressing *k, const char *pruned, const char *folder, const char *healed)
{
    const struct compress_params *p = k->p;
    struct tune_options o;
    struct tune *t = NULL;
    tune_defaults(&o);
    o.teacher = k->base, o.rank = HEAL_RANK, o.alpha = 2 * HEAL_RANK, o.epochs = 2, o.held = 0, o.save_every = 0, o.seed = p->seed, o.threads = p->threads;
    o.limit = p->heal ? p->heal : HEAL, o.columns = compress_data_columns(p), o.if_longer = TUNE_LONG_CUT;
    if (!k->head) o.head = 0;
    k->what = "healing";
    enum hearth_status st = tune_open(pruned, "pruned", p->data, folder, &o, 0, &t);
    if (st == HEARTH_OK) st = tune_run(t, on_tune, k);
    if (st == HEARTH_OK) st = tune_save(t, NULL, 0, NULL);
    tune_close(t);
    if (st == HEARTH_OK) st = merge_write(pruned, folder, "F16", healed);
    if (st == HEARTH_ECANCELLED) st = fail(st, "stopped; nothing is kept");
    return st;
}

struct cut { char *pruned, *folder, *healed; };

/* The largest type in which it is small enough; TYPES: there is none. */
static enum hearth_status largest_type(const char *model, uint64_t most, size_t *type)
{
    uint64_t bytes[TYPES];
    TRY(sizes_of(model, bytes));
    for (*type = 0; *type < TYPES; ++*type) if (bytes[*type] && bytes[*type] <= most) break;
    return HEARTH_OK;
}

static enum hearth_status try_width(struct compressing *k, const struct cut *c, double width)
{
    struct prune_result *r = mem_array(1, sizeof *r);
    struct prune_params p = { .width = width, .text = k->text.data, .len = k->text.len, .tokens = PRUNE_TOKENS, .threads = k->p->threads, .progress = passing_on, .user = k };
    double from = clock_seconds();
    size_t type = 0, at;
    char name[64];
    if (!r) return HEARTH_ENOMEM;
    k->what = "pruning";
    enum hearth_status st = prune_write(k->trimmed, &p, c->pruned, r);
    free(r);
    if (st == HEARTH_OK) st = largest_type(c->pruned, wished(k), &type);
    int fits = st == HEARTH_OK && type < TYPES;          /* else it is narrowed further before anything is learnt */
    if (fits) st = heal(k, c->pruned, c->folder, c->healed);
    if (fits && st == HEARTH_OK) st = weigh(k, c->healed);
    if (fits && st == HEARTH_OK) st = quantize(k, c->healed, &types[type]);
    if (fits && st == HEARTH_OK) {
        snprintf(name, sizeof name, "%.0f %% narrower and healed, %s", 100 * width, types[type].name);
        st = new_step(k, name, k->candidate, from, &at);
        if (st == HEARTH_OK) st = measure(k, at, k->candidate);
        if (st == HEARTH_OK) st = keep_or_drop(k, at, k->candidate);
    }
    unlink(c->pruned), unlink(c->healed);
    enum hearth_status removed = remove_folder(c->folder);
    return st != HEARTH_OK ? st : removed;
}

static enum hearth_status path_in(const struct compressing *k, const char *name, char **out)
{
    struct buf b = { 0 };
    TRY(buf_printf(&b, "%s/%s", k->p->folder, name));
    *out = b.data;
    return HEARTH_OK;
}

static enum hearth_status prune(struct compressing *k)
{
    struct cut c = { 0 };
    if (small_enough(k)) return HEARTH_OK;
    if (!k->p->data) {
        if (k->p->told) k->p->told(k->p->user, "nothing is pruned, for what was lost could not be learnt again: --data names examples to learn from");
        return HEARTH_OK;
    }
    enum hearth_status st = path_in(k, "pruned.gguf", &c.pruned);
    if (st == HEARTH_OK) st = path_in(k, "healing", &c.folder);
    if (st == HEARTH_OK) st = path_in(k, "healed.gguf", &c.healed);
    for (size_t i = 0; st == HEARTH_OK && i < sizeof widths / sizeof *widths && !small_enough(k); i++) st = try_width(k, &c, widths[i]);
    if (st == HEARTH_EUNSUPPORTED) {                         /* of this family nothing can be pruned or learnt */
        if (k->p->told) k->p->told(k->p->user, hearth_errmsg());
        st = HEARTH_OK;
    }
    free(c.pruned), free(c.folder), free(c.healed);
    return st;
}

/* ---- all of it ---- */

/* It appears when it is whole, and may lie in another file system than the folder. */
static enum hearth_status copy(const char *from, const char *to)
{
    struct mapping map;
    struct atomic_file f;
    TRY(os_map(from, &map));
    enum hearth_status st = os_atomic_open(to, &f);
    if (st == HEARTH_OK) {
        os_atomic_fresh(&f);
        st = os_atomic_write(&f, map.data, map.size);
        if (st == HEARTH_OK) st = os_atomic_commit(&f);
        else os_atomic_abandon(&f);
    }
    os_unmap(&map);
    return st;
}

static enum hearth_status steps(struct compressing *k, const char *out)
{
    TRY(make_base(k));
    TRY(compress_text(k));
    TRY(trim(k));
    TRY(weigh(k, k->trimmed));
    TRY(try_types(k));
    TRY(prune(k));
    if (k->r->best < 0) return HEARTH_OK;
    return copy(k->best, out);
}

enum hearth_status compress_run(const struct compress_params *p, const char *out, struct compress_result *r)
{
    struct compressing k = { .p = p, .r = r };
    char **const file[] = { &k.base, &k.trimmed, &k.imatrix, &k.candidate, &k.best };
    static const char *const name[] = { "base.gguf", "trimmed.gguf", "imatrix.gguf", "candidate.gguf", "best.gguf" };
    enum hearth_status st = HEARTH_OK;
    *r = (struct compress_result){ .best = -1 };
    if (!(p->keep > 0 && p->keep <= 1)) return fail(HEARTH_EUSAGE, "%g of the score, should be above 0, at most 1", p->keep);
    if (!(p->most > 0 && p->most <= 1)) return fail(HEARTH_EUSAGE, "%g of the bytes, should be above 0, at most 1", p->most);
    for (size_t i = 0; st == HEARTH_OK && i < sizeof file / sizeof *file; i++) st = path_in(&k, name[i], file[i]);
    if (st == HEARTH_OK) st = steps(&k, out);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        if (*file[i]) unlink(*file[i]);
        free(*file[i]);
    }
    buf_free(&k.text);
    json_decref(k.first);
    return st;
}

/* keeper.c - see keeper.h.
 *
 *     keeper_borrow ── not there ──► SLOT_LOADING (the caller loads, without the lock; others wait for it)
 *                                         │ well                    │ badly: each who waited hears the sentence
 *                                         ▼                         ▼
 *                                    SLOT_READY                  the last of them frees it
 *                                         │ nobody uses it, and its time is over or its memory is needed
 *                                         ▼
 *                                    SLOT_CLOSING (out of everybody's sight; its memory counts until it is closed)
 *
 * A file that another one took the place of under the same name is a new model: the old one is closed when its last borrower
 * has given it back.  Memory is counted by the file's size before a model is opened, then by its weights; the cache for keys and values
 * takes what is left of the budget, up to the engine's own default, and one conversation at least. */
#include "serve/keeper.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/lora.h"
#include "serve/share.h"

enum state { SLOT_LOADING, SLOT_READY, SLOT_CLOSING };
enum { ADAPTERS_MAX = 32 };          /* of a model, in memory */

struct worn {                        /* an adapter of a model */
    struct worn *next;
    struct hearth_adapter *a;        /* NULL: somebody is opening it */
    char sha256[65], *path;          /* two names for the same numbers are two: a receipt says which was used */
    float scale;
    struct worn *of;                 /* whose numbers it has, which it uses as long as it is here; NULL: scale is 1 */
    unsigned users;
    uint64_t bytes;
    double used;
};

struct slot {
    struct kept kept;                /* first: a borrower's pointer is the slot's */
    struct slot *next;
    enum state state;
    unsigned users;                  /* who borrowed it, and who waits for its loading */
    int stale;                       /* nobody new gets it: its file is another one now */
    int leaving;                     /* somebody asked to unload it, and nobody for it since */
    struct worn *worn;
    uint64_t bytes;                  /* counted for it */
    double expires, used;            /* clock_seconds; INFINITY: never */
    enum hearth_status st;           /* of a loading that failed */
    char said[1024];
};

struct keeper {
    struct keeper_params p;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t timer;
    int timing, stop;
    int waiting;                     /* who waits for a loading */
    struct slot *first;
};

/* ---- one model ---- */

static void close_model(struct slot *s)
{
    hearth_engine_close(s->kept.engine);
    while (s->worn) {
        struct worn *w = s->worn;
        s->worn = w->next;
        hearth_adapter_close(w->a);
        free(w->path);
        free(w);
    }
    hearth_model_close(s->kept.model);
    s->kept.engine = NULL;
    s->kept.model = NULL;
}

static void slot_free(struct slot *s)
{
    close_model(s);
    hub_model_free(&s->kept.about);
    free(s->kept.path);
    free(s->kept.name);
    free(s);
}

static void take_out(struct keeper *k, struct slot *s)
{
    struct slot **at = &k->first;
    while (*at && *at != s) at = &(*at)->next;
    if (*at) *at = s->next;
}

const char *kept_said(const struct kept *m, const char *name, const char *said)
{
    static __thread char text[1024];
    size_t n = strlen(m->path);
    int of_file = n && strncmp(said, m->path, n) == 0;
    snprintf(text, sizeof text, "%s%s", of_file ? name : "", of_file ? said + n : said);
    return text;
}

/* With the lock, which is let go meanwhile: the list may be another one afterwards. */
static void close_slot(struct keeper *k, struct slot *s)
{
    s->state = SLOT_CLOSING;
    pthread_mutex_unlock(&k->lock);
    close_model(s);
    pthread_mutex_lock(&k->lock);
    take_out(k, s);
    slot_free(s);
    pthread_cond_broadcast(&k->changed);
}

static int is_idle(const struct slot *s)
{
    return s->state == SLOT_READY && s->users == 0;
}

/* Nobody has it and its time is over: the timer is about to close it, and for everybody else it is gone. */
static int is_over(const struct slot *s)
{
    return is_idle(s) && s->expires <= clock_seconds();
}

static double expiry(const struct keeper *k, double keep_alive)
{
    if (isnan(keep_alive)) keep_alive = k->p.keep_alive;
    return keep_alive < 0 ? INFINITY : clock_seconds() + keep_alive;
}

/* ---- the timer ---- */

static void wait_until(struct keeper *k, double when)
{
    struct timespec t;
    if (isinf(when)) {
        pthread_cond_wait(&k->changed, &k->lock);
        return;
    }
    double wait = when - clock_seconds();
    if (wait <= 0) return;
    if (wait > 1e6) wait = 1e6;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double ns = (double)t.tv_nsec + (wait - floor(wait)) * 1e9 + 1e6;      /* a little later rather than too early */
    t.tv_sec += (time_t)floor(wait) + (ns >= 1e9);
    t.tv_nsec = (long)(ns >= 1e9 ? ns - 1e9 : ns);
    if (t.tv_nsec > 999999999) t.tv_nsec = 999999999;
    pthread_cond_timedwait(&k->changed, &k->lock, &t);
}

static void *keep_time(void *user)
{
    struct keeper *k = user;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        double next = INFINITY, now = clock_seconds();
        struct slot *over = NULL;
        for (struct slot *s = k->first; s && !over; s = s->next) {
            if (!is_idle(s)) continue;
            if (s->stale || s->expires <= now) over = s;
            else if (s->expires < next) next = s->expires;
        }
        if (over) close_slot(k, over);
        else wait_until(k, next);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* ---- memory ---- */

static uint64_t taken(const struct keeper *k, unsigned *models)
{
    uint64_t sum = 0;
    *models = 0;
    for (const struct slot *s = k->first; s; s = s->next) sum += s->bytes, ++*models;
    return sum;
}

static struct slot *least_used(const struct keeper *k)
{
    struct slot *best = NULL;
    for (struct slot *s = k->first; s; s = s->next)
        if (is_idle(s) && (!best || s->used < best->used)) best = s;
    return best;
}

static int is_closing(const struct keeper *k)
{
    const struct slot *s = k->first;
    while (s && s->state != SLOT_CLOSING) s = s->next;
    return s != NULL;
}

static const char *show(uint64_t bytes, char out[24])
{
    snprintf(out, 24, bytes < 1000000000 ? "%.1f MB" : "%.1f GB", (double)bytes / (bytes < 1000000000 ? 1e6 : 1e9));
    return out;
}

/* Makes room beside what is in use; with the lock, which may be let go meanwhile.  placed: 1: it is in the list already, with 0 bytes. */
static enum hearth_status make_room(struct keeper *k, const char *name, uint64_t bytes, int placed)
{
    char need[24], all[24];
    unsigned models;
    if (bytes > k->p.memory)
        return fail(HEARTH_ELIMIT, "%s: needs about %s of memory; this server may use %s for all models", name, show(bytes, need),
                    show(k->p.memory, all));
    for (;;) {
        uint64_t used = taken(k, &models);
        if (bytes <= k->p.memory - (used < k->p.memory ? used : k->p.memory) && (!k->p.models || models - (unsigned)placed < k->p.models)) return HEARTH_OK;
        models -= (unsigned)placed;
        struct slot *s = least_used(k);
        if (s) close_slot(k, s);
        else if (is_closing(k)) pthread_cond_wait(&k->changed, &k->lock);
        else
            return fail(HEARTH_EBUSY, "%s: does not fit beside the %u model%s in use (of %s for all models); try again when %s free", name,
                        models, models == 1 ? "" : "s", show(k->p.memory, all), models == 1 ? "it is" : "one is");
    }
}

/* ---- loading ---- */

/* What the cache may take beside everything else; with the lock.  Other models go only for the room of one conversation. */
static enum hearth_status cache_room(struct keeper *k, struct slot *s, const struct hearth_memory *one, uint64_t *bytes)
{
    struct hearth_machine machine;
    unsigned models;
    uint64_t want = k->p.engine.kv_bytes, parallel = k->p.engine.parallel ? k->p.engine.parallel : 16;
    uint64_t weights = one->total - one->kv_cache, least = one->kv_cache;
    if (!want) {
        TRY(hearth_machine_describe(&machine));
        want = parallel * least < machine.memory_available / 4 ? parallel * least : machine.memory_available / 4;
    }
    if (want < least) want = least;
    s->bytes = 0;
    enum hearth_status st = make_room(k, s->kept.name, weights + least, 1);
    if (st != HEARTH_OK) return st;
    uint64_t left = k->p.memory - taken(k, &models) - weights;
    *bytes = want < left ? want : left;
    s->bytes = weights + *bytes;
    return HEARTH_OK;
}

static enum hearth_status open_slot(struct keeper *k, struct slot *s)
{
    struct kept *m = &s->kept;
    struct hearth_model_params mp = {.threads = k->p.threads};
    struct hearth_engine_params ep = k->p.engine;
    struct hearth_engine_stats stats;
    TRY(hearth_model_open(m->path, &mp, &m->model));
    hearth_model_describe(m->model, &m->info);
    TRY(hearth_model_memory(m->model, ep.ctx, ep.kv, &m->memory));
    pthread_mutex_lock(&k->lock);
    enum hearth_status st = cache_room(k, s, &m->memory, &ep.kv_bytes);
    pthread_mutex_unlock(&k->lock);
    TRY(st);
    TRY(hearth_engine_open(m->model, &ep, &m->engine));
    hearth_engine_stats(m->engine, &stats);
    m->memory.total += stats.kv_bytes - m->memory.kv_cache;
    m->memory.kv_cache = stats.kv_bytes;
    m->loaded = time(NULL);
    return HEARTH_OK;
}

static enum hearth_status new_slot(struct keeper *k, char *path, struct hub_model *about, uint64_t bytes, struct slot **out)
{
    struct slot *s = mem_array(1, sizeof *s);
    *out = NULL;
    if (!s) return HEARTH_ENOMEM;
    s->kept.name = strdup(about->name);
    if (!s->kept.name) {
        free(s);
        return fail_memory(0);
    }
    s->kept.path = path;
    s->kept.about = *about;
    snprintf(s->kept.sha256, sizeof s->kept.sha256, "%s", about->sha256);
    s->state = SLOT_LOADING;
    s->bytes = bytes;
    s->users = 1;
    s->expires = INFINITY;
    s->next = k->first;
    k->first = s;
    *out = s;
    return HEARTH_OK;
}

/* With the lock and one use of s, which is given back when it did not go well. */
static enum hearth_status ended_badly(struct keeper *k, struct slot *s)
{
    enum hearth_status st = fail(s->st, "%s", s->said);
    if (--s->users == 0) {
        take_out(k, s);
        slot_free(s);
    }
    return st;
}

static enum hearth_status load(struct keeper *k, struct slot *s)
{
    pthread_mutex_unlock(&k->lock);
    enum hearth_status st = open_slot(k, s);
    if (st != HEARTH_OK) {
        snprintf(s->said, sizeof s->said, "%s", kept_said(&s->kept, s->kept.name, hearth_errmsg()));
        close_model(s);
    }
    pthread_mutex_lock(&k->lock);
    s->state = SLOT_READY;
    s->st = st;
    s->stale |= st != HEARTH_OK;
    s->bytes = st == HEARTH_OK ? s->kept.memory.total : 0;
    pthread_cond_broadcast(&k->changed);
    return st == HEARTH_OK ? HEARTH_OK : ended_badly(k, s);
}

static enum hearth_status wait_for(struct keeper *k, struct slot *s)
{
    if (s->state == SLOT_LOADING) TRY(share_count(&k->waiting, SHARE_LOADING, "requests wait for models to be loaded"));
    int waited = s->state == SLOT_LOADING;
    s->users++;
    while (s->state == SLOT_LOADING) pthread_cond_wait(&k->changed, &k->lock);
    if (waited) share_uncount(&k->waiting);
    return s->st == HEARTH_OK ? HEARTH_OK : ended_badly(k, s);
}

/* The file, whatever it is called: a model and those derived from it are in memory once.  A file at the same place with other bytes
 * makes the old one out of date. */
static struct slot *find(struct keeper *k, const char *path, const char *sha256)
{
    struct slot *found = NULL;
    for (struct slot *s = k->first; s; s = s->next) {
        if (s->state == SLOT_CLOSING || s->stale) continue;
        if (!strcmp(s->kept.sha256, sha256)) found = s;
        else if (!strcmp(s->kept.path, path)) s->stale = 1;
    }
    return found;
}

/* What loading will take, as far as a file tells. */
static uint64_t guess(const struct keeper *k, const char *path)
{
    struct stat is;
    return (stat(path, &is) == 0 ? (uint64_t)is.st_size : 0) + k->p.engine.kv_bytes;
}

enum hearth_status keeper_borrow(struct keeper *k, const char *name, struct kept **out)
{
    struct hub_model about = {0};
    char *path = NULL;
    *out = NULL;
    enum hearth_status st = hub_resolve_name(name, &path, &about);
    if (st != HEARTH_OK) {
        hub_model_free(&about);
        free(path);
        return st;
    }
    pthread_mutex_lock(&k->lock);
    struct slot *s = find(k, path, about.sha256);
    if (!s && (st = make_room(k, about.name, guess(k, path), 0)) == HEARTH_OK) s = find(k, path, about.sha256);
    if (st == HEARTH_OK && s) {
        st = wait_for(k, s);
    } else if (st == HEARTH_OK && (st = new_slot(k, path, &about, guess(k, path), &s)) == HEARTH_OK) {
        path = NULL;
        about = (struct hub_model){0};
        st = load(k, s);
    }
    if (st == HEARTH_OK) {
        s->used = clock_seconds();
        s->leaving = 0;
        *out = &s->kept;
    }
    pthread_mutex_unlock(&k->lock);
    hub_model_free(&about);
    free(path);
    return st;
}

void keeper_return(struct keeper *k, struct kept *m, double keep_alive)
{
    struct slot *s = (struct slot *)m;
    pthread_mutex_lock(&k->lock);
    s->users--;
    s->used = clock_seconds();
    s->expires = s->leaving ? 0 : expiry(k, keep_alive);
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void keeper_unload(struct keeper *k, const char *name, int *was)
{
    struct hub_model about = {0};
    char *path = NULL;
    if (was) *was = 0;
    hub_resolve_name(name, &path, &about);              /* where that fails, by the name it had when it was loaded */
    pthread_mutex_lock(&k->lock);
    for (struct slot *s = k->first; s; s = s->next)
        if (s->state != SLOT_CLOSING && (about.sha256 ? !strcmp(s->kept.sha256, about.sha256) : !strcmp(s->kept.name, name))) {
            if (was && !is_over(s)) *was = 1;
            s->expires = 0;
            s->leaving = 1;
        }
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    hub_model_free(&about);
    free(path);
}

/* ---- adapters ---- */

static struct worn *find_worn(struct slot *s, const char *sha256, const char *path, float scale)
{
    struct worn *w = s->worn;
    while (w && (strcmp(w->sha256, sha256) != 0 || strcmp(w->path, path) != 0 || w->scale != scale)) w = w->next;
    return w;
}

static struct worn *new_worn(const char *path, const char *sha256, float scale)
{
    struct worn *w = mem_array(1, sizeof *w);
    if (w && !(w->path = strdup(path))) {
        fail_memory(strlen(path));
        free(w);
        return NULL;
    }
    if (!w) return NULL;
    snprintf(w->sha256, sizeof w->sha256, "%s", sha256);
    w->scale = scale;
    w->users = 1;
    return w;
}

static void take_off(struct slot *s, struct worn *w)
{
    struct worn **at = &s->worn;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    if (w->of) w->of->users--;
    s->bytes -= w->bytes;
    hearth_adapter_close(w->a);
    free(w->path);
    free(w);
}

/* Another scale of numbers that stay costs nothing to make again. */
static int goes_before(const struct worn *a, const struct worn *b)
{
    return !a->of != !b->of ? a->of != NULL : a->used < b->used;
}

/* A place for one more: the least used of those that nobody uses goes, where there are as many as may be. */
static enum hearth_status worn_room(struct slot *s)
{
    struct worn *oldest = NULL;
    unsigned n = 0;
    for (struct worn *w = s->worn; w; w = w->next, n++)
        if (w->users == 0 && (!oldest || goes_before(w, oldest))) oldest = w;
    if (n < ADAPTERS_MAX) return HEARTH_OK;
    if (!oldest) return fail(HEARTH_EBUSY, "%s: %d adapters of it are in use; try again when one is free", s->kept.name, ADAPTERS_MAX);
    take_off(s, oldest);
    return HEARTH_OK;
}

static enum hearth_status open_adapter(const struct kept *m, const char *path, struct hearth_adapter **out, uint64_t *bytes)
{
    char said[1024];
    struct hearth_adapter_info info;
    enum hearth_status st = hearth_adapter_open(m->model, path, out);
    if (st == HEARTH_OK) {
        hearth_adapter_describe(*out, &info);
        *bytes = info.parameters * sizeof(float);
        if (!info.classes) return HEARTH_OK;
        hearth_adapter_close(*out);
        *out = NULL;
        return fail(HEARTH_EUSAGE, "%s: it names classes and does not answer in words", path);
    }
    if (st != HEARTH_EFORMAT && st != HEARTH_EUNSUPPORTED) return st;
    snprintf(said, sizeof said, "%s", hearth_errmsg());
    return fail(HEARTH_EUSAGE, "this adapter does not fit %s: %s", m->name, said);
}

/* With the lock, which is let go meanwhile.  What a file takes in memory is known when it is open; that much room is made then. */
static enum hearth_status put_on(struct keeper *k, struct slot *s, const char *path, const char *sha256, struct worn **out)
{
    struct worn *w = new_worn(path, sha256, 1);
    struct hearth_adapter *a = NULL;
    uint64_t bytes = 0;
    if (!w) return HEARTH_ENOMEM;
    w->next = s->worn;
    s->worn = w;
    pthread_mutex_unlock(&k->lock);
    enum hearth_status st = open_adapter(&s->kept, path, &a, &bytes);
    pthread_mutex_lock(&k->lock);
    if (st == HEARTH_OK) st = make_room(k, s->kept.name, bytes, 1);
    if (st == HEARTH_OK) w->a = a, w->bytes = bytes, s->bytes += bytes;
    else {
        hearth_adapter_close(a);
        take_off(s, w);
    }
    pthread_cond_broadcast(&k->changed);
    *out = w;
    return st;
}

/* With the lock: *w, which is the caller's, at another scale, which is then the caller's instead. */
static enum hearth_status rescale(struct slot *s, float scale, struct worn **w)
{
    struct worn *of = *w, *own = find_worn(s, of->sha256, of->path, scale);
    enum hearth_status st = HEARTH_OK;
    if (own) own->users++, of->users--;
    else if ((st = worn_room(s)) == HEARTH_OK && (own = new_worn(of->path, of->sha256, scale))) {
        st = hearth_adapter_scale(of->a, scale, &own->a);
        own->of = of;
        own->next = s->worn;
        s->worn = own;
        if (st != HEARTH_OK) take_off(s, own);
    } else {
        of->users--;
        if (st == HEARTH_OK) st = HEARTH_ENOMEM;
    }
    *w = own;
    return st;
}

enum hearth_status keeper_adapter(struct keeper *k, struct kept *m, const char *path, float scale, const struct hearth_adapter **out)
{
    struct slot *s = (struct slot *)m;
    char sha256[65], said[1024];
    struct worn *w;
    *out = NULL;
    enum hearth_status st = lora_digest(path, NULL, sha256);
    snprintf(said, sizeof said, "%s", st == HEARTH_OK ? "" : hearth_errmsg());
    if (st != HEARTH_OK) return fail(st == HEARTH_ENOTFOUND ? HEARTH_EIO : st, "%s", said);      /* the name is known; its file has gone */
    pthread_mutex_lock(&k->lock);
    while ((w = find_worn(s, sha256, path, 1)) && !w->a) pthread_cond_wait(&k->changed, &k->lock);
    if (w) w->users++;
    else if ((st = worn_room(s)) == HEARTH_OK) st = put_on(k, s, path, sha256, &w);
    if (st == HEARTH_OK) w->used = clock_seconds();
    if (st == HEARTH_OK && scale != 1) st = rescale(s, scale, &w);
    if (st == HEARTH_OK) *out = w->a, w->used = clock_seconds();
    pthread_mutex_unlock(&k->lock);
    return st;
}

void keeper_adapter_return(struct keeper *k, struct kept *m, const struct hearth_adapter *a)
{
    struct slot *s = (struct slot *)m;
    if (!a) return;
    pthread_mutex_lock(&k->lock);
    struct worn *w = s->worn;
    while (w && w->a != a) w = w->next;
    if (w) w->users--;
    pthread_mutex_unlock(&k->lock);
}

/* ---- opening, closing ---- */

enum hearth_status keeper_open(const struct keeper_params *p, struct keeper **out)
{
    struct hearth_machine machine;
    pthread_condattr_t attr;
    struct keeper *k = mem_array(1, sizeof *k);
    *out = NULL;
    if (!k) return HEARTH_ENOMEM;
    k->p = *p;
    enum hearth_status st = k->p.memory ? HEARTH_OK : hearth_machine_describe(&machine);
    if (st != HEARTH_OK) {
        free(k);
        return st;
    }
    if (!k->p.memory) k->p.memory = machine.memory_available / 4 * 3;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, &attr);
    pthread_condattr_destroy(&attr);
    k->timing = pthread_create(&k->timer, NULL, keep_time, k) == 0;
    if (k->timing) {
        *out = k;
        return HEARTH_OK;
    }
    keeper_close(k);
    return fail(HEARTH_ENOMEM, "the system gives the server no threads");
}

void keeper_close(struct keeper *k)
{
    if (!k) return;
    pthread_mutex_lock(&k->lock);
    k->stop = 1;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (k->timing) pthread_join(k->timer, NULL);
    while (k->first) {
        struct slot *s = k->first;
        k->first = s->next;
        slot_free(s);
    }
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- what is loaded ---- */

/* Copies the strings of a view, which may outlive the model. */
static int copy_text(const char *from, char **to)
{
    return (*to = strdup(from ? from : "")) != NULL;
}

static int copy_about(const struct hub_model *a, struct hub_model *to)
{
    *to = (struct hub_model){.size = a->size, .place = a->place};
    return copy_text(a->name, &to->name) && copy_text(a->path, &to->path) && copy_text(a->sha256, &to->sha256) &&
           copy_text(a->architecture, &to->architecture) && copy_text(a->parameters, &to->parameters) && copy_text(a->kind, &to->kind) &&
           copy_text(a->licence, &to->licence) && copy_text(a->good_at, &to->good_at) && copy_text(a->note, &to->note) &&
           copy_text(a->source, &to->source) && copy_text(a->label, &to->label) && copy_text(a->added, &to->added) &&
           copy_text(a->accepted, &to->accepted) && copy_text(a->adapter, &to->adapter);
}

static int copy_info(const struct hearth_model_info *i, struct hearth_model_info *to)
{
    const char *const from[] = {i->path, i->name, i->architecture, i->license, i->chat_template, i->tokenizer, i->pre_tokenizer};
    const char **const at[] = {&to->path, &to->name, &to->architecture, &to->license, &to->chat_template, &to->tokenizer, &to->pre_tokenizer};
    char *copy = NULL;
    int ok = 1;
    *to = *i;
    for (size_t j = 0; j < sizeof at / sizeof *at; j++) {
        ok &= copy_text(from[j], &copy);
        *at[j] = copy;
    }
    return ok;
}

static int view(const struct slot *s, struct kept_view *v)
{
    double left = s->expires - clock_seconds();
    memcpy(v->sha256, s->kept.sha256, sizeof v->sha256);
    v->memory = s->kept.memory;
    v->expires = isinf(s->expires) ? 0 : time(NULL) + (time_t)(left > 0 ? left : 0);
    v->users = s->users;
    hearth_engine_stats(s->kept.engine, &v->stats);
    v->ctx = v->stats.ctx;
    int ok = copy_info(&s->kept.info, &v->info);
    return copy_text(s->kept.name, &v->name) && copy_about(&s->kept.about, &v->about) && ok;
}

enum hearth_status keeper_list(struct keeper *k, struct kept_view **out, size_t *n)
{
    size_t room = 0;
    enum hearth_status st = HEARTH_OK;
    *n = 0;
    pthread_mutex_lock(&k->lock);
    for (const struct slot *s = k->first; s; s = s->next) room++;
    *out = mem_array(room + 1, sizeof **out);
    if (!*out) st = HEARTH_ENOMEM;
    for (const struct slot *s = k->first; s && st == HEARTH_OK; s = s->next) {
        if (s->state != SLOT_READY || s->st != HEARTH_OK || is_over(s)) continue;
        if (!view(s, &(*out)[(*n)++])) st = fail_memory(0);
    }
    pthread_mutex_unlock(&k->lock);
    if (st == HEARTH_OK) return HEARTH_OK;
    keeper_views_free(*out, *n);
    *out = NULL;
    *n = 0;
    return st;
}

void keeper_views_free(struct kept_view *v, size_t n)
{
    for (size_t i = 0; v && i < n; i++) {
        const char *const text[] = {v[i].info.path, v[i].info.name, v[i].info.architecture, v[i].info.license, v[i].info.chat_template,
                                    v[i].info.tokenizer, v[i].info.pre_tokenizer};
        for (size_t j = 0; j < sizeof text / sizeof *text; j++) free((void *)text[j]);
        hub_model_free(&v[i].about);
        free(v[i].name);
    }
    free(v);
}

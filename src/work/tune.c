/* tune.c - a tuning opened: examples read and encoded, what is left open decided, memory counted, everything made. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/hub.h"
#include "model/classes.h"
#include "os/os.h"
#include "work/tune_in.h"

enum { MANY_LABELS = 20, AT_ONCE = 1024 };

void tune_defaults(struct tune_options *o)
{
    *o = (struct tune_options){ .method = TUNE_LORA, .head = -1, .rank = 16, .alpha = 32, .batch = 8, .ctx = 512, .clip = 1,
                                .warmup = 0.05f, .schedule = SCHEDULE_COSINE, .held = 0.1, .patience = 3, .save_every = 25, .seed = 1,
                                .beta = 0.1f, .temperature = 1 };
}

const struct tune_plan *tune_planned(const struct tune *t) { return &t->plan; }

/* ---- options ---- */

static enum hearth_status check_options(const struct tune_options *o)
{
    if (o->batch < 1 || o->batch > 4096) return fail(HEARTH_EUSAGE, "%u examples a step, should be 1 to 4096", o->batch);
    if (o->ctx < 8 || o->ctx > 65536) return fail(HEARTH_EUSAGE, "examples of %u tokens, should be 8 to 65536", o->ctx);
    if (!(o->epochs >= 0) || o->epochs > 10000) return fail(HEARTH_EUSAGE, "%g epochs, should be above 0, at most 10000", o->epochs);
    if (!(o->held >= 0 && o->held <= 0.5)) return fail(HEARTH_EUSAGE, "a share of %g held out, should be 0 to 0.5", o->held);
    if (!(o->dropout >= 0 && o->dropout < 1)) return fail(HEARTH_EUSAGE, "dropout %g, should be 0 or more and below 1", (double)o->dropout);
    if (!(o->warmup >= 0 && o->warmup <= 1)) return fail(HEARTH_EUSAGE, "warm-up %g, should be a share of the steps, 0 to 1", (double)o->warmup);
    if (!(o->rate >= 0 && o->rate < 10)) return fail(HEARTH_EUSAGE, "learning rate %g, should be above 0 and below 10", (double)o->rate);
    return HEARTH_OK;
}

static enum hearth_status slots_of(const char *targets, unsigned *out)
{
    *out = targets ? 0 : (1u << ADAPTER_SLOTS) - 1;
    for (const char *p = targets; p && *p;) {
        size_t n = strcspn(p, ",");
        int s = 0;
        while (s < ADAPTER_SLOTS && !(strlen(adapter_slot_name((enum adapter_slot)s)) == n && memcmp(adapter_slot_name((enum adapter_slot)s), p, n) == 0)) s++;
        if (s == ADAPTER_SLOTS) return fail(HEARTH_EUSAGE, "target \"%.*s\", should be among q, k, v, out, gate, up, down", (int)n, p);
        *out |= 1u << s;
        p += n + (p[n] == ',');
    }
    return HEARTH_OK;
}

/* ---- examples ---- */

static int says_label(const struct tune *t)
{
    const char *const *known;
    size_t classes;
    if (t->d->source.kind != EXAMPLE_LABEL) return 0;
    teacher_labels(t->teacher, &known, &classes);
    return t->o.head < 0 ? t->d->labels > MANY_LABELS || classes : t->o.head;
}

static enum hearth_status encode(struct tune *t)
{
    struct encode_options o = { .longest = t->o.ctx, .head = t->plan.head, .plain = t->o.plain,
                                .if_longer = t->o.if_longer == TUNE_LONG_CUT ? ENCODE_CUT : ENCODE_LEAVE_OUT };
    if (o.longest > t->m->h.context) o.longest = t->m->h.context;
    TRY(encode_dataset(t->m, t->d, &o, &t->e));
    t->plan.longer = t->e.longer, t->plan.longest = t->e.longest;
    if (t->e.longer && t->o.if_longer == TUNE_LONG_REFUSE && !t->plan.head)
        return fail(HEARTH_ECONTEXT, "%s: %zu of %zu examples have more than %u tokens: --long cut or --long leave-out says what becomes of them, "
                    "--ctx takes longer ones", t->data, t->e.longer, t->d->n, o.longest);
    if (t->e.n == 0) return fail(HEARTH_EFORMAT, "%s: no example is left to learn from", t->data);
    return HEARTH_OK;
}

/* Which sequences stay together, and which are held out. */
static enum hearth_status divide(struct tune *t)
{
    size_t n = t->d->n;
    uint8_t *held = mem_array(n, 1), *chosen = mem_array(n, 1);
    t->learn = mem_array(t->e.n, sizeof *t->learn), t->held = mem_array(t->e.n, sizeof *t->held);
    enum hearth_status st = held && chosen && t->learn && t->held ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && t->o.held > 0 && n > 1) st = dataset_hold_out(t->d, t->o.held, t->o.seed, held);
    if (st == HEARTH_OK) st = dataset_choose(t->d, t->o.limit, t->o.seed, chosen);
    for (size_t i = 0; st == HEARTH_OK && i < t->e.n;) {
        struct unit u = { (uint32_t)i, 1 };
        uint32_t example = t->e.list[i].example;
        if (t->d->source.kind == EXAMPLE_PREFERENCE) {
            int whole = i + 1 < t->e.n && t->e.list[i + 1].example == example;
            i += whole ? 2 : 1;
            if (!whole) continue;                            /* one of the two was too long */
            u.n = 2;
        } else i++;
        if (!chosen[example]) continue;
        if (held[example]) t->held[t->plan.held++] = u;
        else t->learn[t->plan.learnt_from++] = u;
    }
    free(held), free(chosen);
    if (st == HEARTH_OK && t->plan.learnt_from == 0) st = fail(HEARTH_EFORMAT, "%s: no example is left to learn from", t->data);
    return st;
}

static uint64_t tokens_of(const struct tune *t, const struct unit *u)
{
    return t->e.list[u->first].n + (u->n > 1 ? t->e.list[u->first + 1].n : 0);
}

static void count(struct tune *t)
{
    struct tune_plan *p = &t->plan;
    for (size_t i = 0; i < p->learnt_from; i++) p->tokens += tokens_of(t, &t->learn[i]);
    for (size_t i = 0; i < t->e.n; i++) p->longest = t->e.list[i].n > p->longest ? t->e.list[i].n : p->longest;
    p->steps_an_epoch = (uint32_t)((p->learnt_from + t->o.batch - 1) / t->o.batch);
    if (t->o.epochs == 0) t->o.epochs = p->head ? 2 : 3;
    p->steps = t->o.steps ? t->o.steps : (uint32_t)ceil(t->o.epochs * (double)p->steps_an_epoch);
    if (!t->o.every) t->o.every = p->steps_an_epoch;
    p->rate = t->o.rate > 0 ? t->o.rate : t->d->source.kind == EXAMPLE_PREFERENCE ? 5e-5f : t->o.method != TUNE_LORA ? 5e-5f : p->head ? 1e-3f : 5e-4f;
    p->kind = t->d->source.kind, p->examples = t->d->n, p->labels = t->d->labels, p->data_digest = t->d->source.digest;
    p->unused = t->d->source.unused, p->text_column = t->d->source.text_column, p->alike[0] = t->d->alike[0], p->alike[1] = t->d->alike[1], p->alikes = t->d->alikes;
    p->duplicates = t->d->duplicates, p->contradictions = t->d->contradictions;
}

/* ---- what changes ---- */

static int only_embedding(void *user, const char *name)
{
    (void)user;
    return strcmp(name, "token_embd.weight") == 0;
}

/* A model that has a head for the same labels goes on with it. */
static enum hearth_status begin_with_head(struct tune *t)
{
    struct hearth_adapter *own;
    TRY(classes_open(t->m, &own));
    int same = own->classes == t->a->classes;
    for (uint32_t i = 0; same && i < own->classes; i++) same = strcmp(own->label[i], t->a->label[i]) == 0;
    t->has_head = same, t->a->mean = same ? own->mean : t->a->mean;
    if (same) memcpy(t->a->head, own->head, (size_t)own->classes * t->m->h.width * sizeof *own->head);
    adapter_close(own);
    return HEARTH_OK;
}

static enum hearth_status make_weights(struct tune *t)
{
    if (t->o.method == TUNE_LORA) {
        struct adapter_shape s = { .rank = t->o.rank, .alpha = t->o.alpha, .stabilised = t->o.stabilised, .seed = t->o.seed };
        TRY(slots_of(t->o.targets, &s.slots));
        TRY(adapter_new(t->m, &s, &t->a));
        if (t->d->labels > 1) TRY(adapter_put_labels(t->a, t->d->label, (uint32_t)t->d->labels, t->plan.head));
        t->a->mean = !t->o.last_token;
        if (t->plan.head && classes_are_in(t->m->file)) TRY(begin_with_head(t));
        t->plan.parameters = t->a->elements + (t->plan.head ? (uint64_t)t->a->classes * t->m->h.width : 0);
        return HEARTH_OK;
    }
    if (t->plan.head) return fail(HEARTH_EUSAGE, "a head for classes is tuned with an adapter (--method lora), whose folder keeps it");
    TRY(grads_open(t->m, t->o.method == TUNE_EMBEDDINGS ? only_embedding : NULL, NULL, &t->grads));
    TRY(trainable_open(t->m, t->grads, &t->weights));
    for (size_t i = 0; i < t->grads->n; i++) t->plan.parameters += t->grads->list[i].elements;
    return HEARTH_OK;
}

static enum hearth_status put_parameter(struct parameter *p, const char *name, float *value, float *grad, uint64_t n, int decays)
{
    *p = (struct parameter){ .name = name, .value = value, .grad = grad, .n = n, .decays = decays };
    return HEARTH_OK;
}

static enum hearth_status make_optimizer(struct tune *t)
{
    size_t parts = (size_t)t->m->h.layers * ADAPTER_SLOTS, n = 0;
    struct parameter *list = mem_array(2 * parts + 1 + (t->grads ? t->grads->n : 0), sizeof *list);
    struct optimizer_options o = optimizer_defaults;
    enum hearth_status st = list ? HEARTH_OK : HEARTH_ENOMEM;
    o.decay = t->o.decay, o.clip = t->o.clip;
    if (st == HEARTH_OK && t->a) st = lora_grads_open(t->a, &t->lora);
    for (size_t i = 0; st == HEARTH_OK && t->a && i < parts; i++) {
        struct adapter_part *p = &t->a->part[i];
        if (!p->rank) continue;
        put_parameter(&list[n++], "A of the adapter", p->a_data, t->lora.a[i], p->a.cols * p->rank, 1);
        put_parameter(&list[n++], "B of the adapter", p->b_data, t->lora.b[i], p->b.cols * p->rank, 1);
    }
    if (st == HEARTH_OK && t->plan.head) {
        uint64_t elements = (uint64_t)t->a->classes * t->m->h.width;
        if (!(t->head_grad = mem_array((size_t)elements, sizeof *t->head_grad))) st = HEARTH_ENOMEM;
        else put_parameter(&list[n++], "the head", t->a->head, t->head_grad, elements, 1);
    }
    for (size_t i = 0; st == HEARTH_OK && t->grads && i < t->grads->n; i++) {
        const struct grad *g = &t->grads->list[i];
        const struct gguf_tensor *tensor = gguf_find_tensor(t->m->file, g->name);
        put_parameter(&list[n++], g->name, t->weights.data[i], g->data, g->elements, tensor->dims > 1);
    }
    if (st == HEARTH_OK) st = optimizer_open(list, n, &o, t->m->pool, &t->opt);
    free(list);
    return st;
}

/* ---- memory ---- */

static uint64_t tape_takes(const struct tune *t, uint32_t tokens)
{
    return tape_bytes(t->m, tokens) + (t->a ? lora_bytes(t->a, tokens) : 0) + (uint64_t)tokens * 32;
}

/* The most tokens at once: all of a step, at most 1,024 unless one example has more; fewer where memory says so. */
static enum hearth_status fit_memory(struct tune *t)
{
    struct tune_plan *p = &t->plan;
    uint64_t pair = t->d->source.kind == EXAMPLE_PREFERENCE ? 2 : 1, least = p->longest * pair, step = least * t->o.batch;
    uint64_t total, available, limit = t->o.memory, tokens = step < AT_ONCE ? step : AT_ONCE;
    os_memory(&total, &available);
    p->bytes_weights = t->m->mapped_bytes + t->m->slab_bytes + t->m->made_bytes;
    p->bytes_parameters = p->parameters * (16 + (p->held ? 4 : 0));
    uint64_t fixed = p->bytes_weights + p->bytes_parameters + p->bytes_teacher;
    if (tokens < least) tokens = least;
    if (!limit) limit = available > fixed ? available : fixed;
    while (tokens > least && fixed + tape_takes(t, (uint32_t)tokens) > limit) tokens = tokens * 3 / 4 > least ? tokens * 3 / 4 : least;
    p->at_once = (uint32_t)tokens;
    p->bytes_tape = tape_takes(t, p->at_once);
    p->bytes = fixed + p->bytes_tape;
    if (t->o.memory && p->bytes > t->o.memory)
        return fail(HEARTH_ELIMIT, "it takes %.1f MB at least: %.1f of the model%s, %.1f of what changes, %.1f of the longest example (%u tokens); --memory allows %.1f",
                    (double)p->bytes / 1e6, (double)(p->bytes_weights + p->bytes_teacher) / 1e6, p->bytes_teacher ? " and its teacher" : "", (double)p->bytes_parameters / 1e6, (double)p->bytes_tape / 1e6,
                    p->longest, (double)t->o.memory / 1e6);
    return HEARTH_OK;
}

static enum hearth_status make_tape(struct tune *t)
{
    size_t n = t->plan.at_once;
    TRY(tape_open(t->m, t->plan.at_once, &t->tape));
    TRY(tape_adapt(t->tape, t->a, t->a ? &t->lora : NULL));
    t->ids = mem_array(n, sizeof *t->ids), t->target = mem_array(n, sizeof *t->target), t->weight = mem_array(n, sizeof *t->weight);
    t->each = mem_array(n, sizeof *t->each), t->lengths = mem_array(n, sizeof *t->lengths), t->label = mem_array(n, sizeof *t->label);
    t->order = mem_array(t->plan.learnt_from, sizeof *t->order);
    t->loss = mem_array(t->plan.steps + 1, sizeof *t->loss);
    return t->ids && t->target && t->weight && t->each && t->lengths && t->label && t->order && t->loss ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status make_best(struct tune *t)
{
    if (!t->plan.held) return HEARTH_OK;
    if (!(t->best = mem_array(t->opt->n, sizeof *t->best))) return HEARTH_ENOMEM;
    for (size_t i = 0; i < t->opt->n; i++) {
        size_t n = (size_t)t->opt->list[i].n;
        if (!(t->best[i] = mem_array(n, sizeof **t->best))) return HEARTH_ENOMEM;
        memcpy(t->best[i], t->opt->list[i].value, n * sizeof **t->best);
    }
    return HEARTH_OK;
}

/* ---- opening ---- */

/* Taken before the learning: the file may be another when it is done. */
static enum hearth_status digest_of(const char *path, char hex[65])
{
    int cached;
    enum hearth_status st = hub_digest(path, NULL, hex, &cached);
    if (st == HEARTH_EUNSUPPORTED) st = HEARTH_OK, hex[0] = 0;
    return st;
}

/* What is learnt in words would ruin a head without a word, and the model would not say it. */
static enum hearth_status check_head(const struct tune *t)
{
    if (!classes_are_in(t->m->file) || t->plan.head) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "%s names classes by a head that was merged into it; teach words to the model as it was before `hearth merge`", t->model);
}

/* Cut before what is to be said, an example teaches nothing. */
static enum hearth_status need_learnt(struct tune *t)
{
    for (size_t i = 0; i < t->e.n && !t->plan.head; i++) t->plan.unlearnt += t->e.list[i].learnt == 0;
    if (!t->e.n || t->plan.unlearnt < t->e.n) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "all %zu examples are cut before what is to be learnt of them; a larger --ctx holds more than %u tokens", t->e.n, t->o.ctx);
}

static enum hearth_status open_all(struct tune *t, int resume)
{
    struct dataset_options columns = { .columns = t->o.columns };
    TRY(check_options(&t->o));
    if (t->o.teacher) TRY(digest_of(t->o.teacher, t->teacher_sha));
    TRY(teacher_open(t));
    teacher_labels(t->teacher, &columns.labels, &columns.n_labels);
    TRY(dataset_open(t->data, &columns, &t->d));
    TRY(digest_of(t->model, t->base));
    TRY(hearth_model_open(t->model, &(struct hearth_model_params){ .threads = t->o.threads, .arithmetic = HEARTH_FLOAT }, &t->m));
    t->plan.head = says_label(t);
    TRY(check_head(t));
    if (t->o.head == 1 || t->d->source.kind == EXAMPLE_LABEL) TRY(dataset_need_labels(t->d));
    TRY(encode(t));
    TRY(need_learnt(t));
    TRY(divide(t));
    count(t);
    TRY(teacher_prepare(t));
    TRY(make_weights(t));
    TRY(fit_memory(t));
    TRY(make_optimizer(t));
    TRY(make_best(t));
    TRY(make_tape(t));
    TRY(tune_settings(t));
    enum hearth_status st = tune_state_read(t);
    if (st == HEARTH_ENOTFOUND) return HEARTH_OK;
    if (st == HEARTH_EFORMAT && strstr(hearth_errmsg(), ": no state of a tuning")) return st;
    if (!resume) return fail(HEARTH_EUSAGE, "%s: the state of an interrupted tuning; --resume goes on with it, and whoever wants to begin anew removes it", t->state);
    t->plan.resumed = st == HEARTH_OK, t->plan.done = t->step;
    return st;
}

enum hearth_status tune_open(const char *model, const char *name, const char *data, const char *out, const struct tune_options *o, int resume,
                             struct tune **to)
{
    struct tune *t = mem_array(1, sizeof *t);
    struct buf state = { 0 };
    if (!t) return HEARTH_ENOMEM;
    t->o = *o;
    t->model = strdup(model), t->name = strdup(name), t->data = strdup(data), t->out = strdup(out);
    enum hearth_status st = t->model && t->name && t->data && t->out ? buf_printf(&state, "%s.state", out) : fail_memory(0);
    t->state = state.data;
    if (st == HEARTH_OK) st = open_all(t, resume);
    if (st == HEARTH_OK) *to = t;
    else tune_close(t);
    return st;
}

void tune_close(struct tune *t)
{
    if (!t) return;
    for (size_t i = 0; t->best && t->opt && i < t->opt->n; i++) free(t->best[i]);
    teacher_close(t->teacher);
    optimizer_close(t->opt);
    tape_close(t->tape);
    if (t->a) lora_grads_free(t->a, &t->lora);
    adapter_close(t->a);
    grads_close(t->grads);
    hearth_model_close(t->m);
    trainable_free(&t->weights);
    dataset_close(t->d);
    encoded_free(&t->e);
    free(t->learn), free(t->held), free(t->order), free(t->head_grad), free(t->best), free(t->reference), free(t->loss), free(t->look);
    free(t->ids), free(t->target), free(t->weight), free(t->each), free(t->lengths), free(t->label);
    free(t->model), free(t->name), free(t->data), free(t->out), free(t->state), free(t->settings);
    free(t);
}

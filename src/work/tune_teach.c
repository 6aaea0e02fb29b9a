/* tune_teach.c - the teacher of a tuning: a second model that says of each token that is learnt how likely it holds every next one.
 *
 *     own tokens     p p p | c c c e |           the teacher reads what the student reads: the same ids where their vocabularies are one,
 *     the teacher's  q q | d d d d f |           else the same example in its own tokens, beside which the student's are laid (alike.h)
 *
 * It computes as it does when it is asked, in the arithmetic of `hearth run`, one sequence after the other.  Of a head for classes it gives
 * the classes' logits, which are the same in every epoch and are kept. */
#include <stdlib.h>
#include <string.h>

#include "infer/session.h"
#include "model/classes.h"
#include "work/alike.h"
#include "work/tune_in.h"

struct taught {                      /* a sequence as the teacher has it */
    int32_t *ids;                    /* [n] */
    uint32_t n;
    int32_t *at;                     /* [student's n]: behind which token it says the student's next */
};

struct teacher {
    const struct tune *t;
    struct hearth_model *m;
    struct hearth_adapter *a;        /* NULL: none */
    struct hearth_session *s;
    int alike;                       /* the vocabularies are one */
    struct taught *list;             /* [t->e.n]; alike: NULL */
    float *hidden, *classes;         /* [width]; [t->e.n][classes] */
    uint8_t *known;                  /* [t->e.n]: of classes */
    struct distil d;
    /* the pass under way */
    const uint32_t *sequence;        /* index into t->e of each */
    uint32_t at, begin;              /* which of them the next row is in; its first token */
};

/* ---- a row ---- */

static const int32_t *ids_of(const struct teacher *p, uint32_t sequence, uint32_t *n)
{
    const struct sequence *s = &p->t->e.list[sequence];
    *n = p->alike ? s->n : p->list[sequence].n;
    return p->alike ? s->ids : p->list[sequence].ids;
}

/* Behind which token the teacher speaks of a row; *sequence: in which.  -1: of none. */
static int32_t place_of(struct teacher *p, uint32_t row, uint32_t *sequence)
{
    while (row >= p->begin + p->t->e.list[p->sequence[p->at]].n) p->begin += p->t->e.list[p->sequence[p->at++]].n;
    *sequence = p->sequence[p->at];
    return p->alike ? (int32_t)(row - p->begin) : p->list[*sequence].at[row - p->begin];
}

static enum hearth_status read_to(struct teacher *p, const int32_t *ids, uint32_t from, uint32_t n, float *out)
{
    size_t held = hearth_session_length(p->s);
    if (held > from || memcmp(hearth_session_tokens(p->s), ids, held * sizeof *ids) != 0) {
        TRY(hearth_session_rewind(p->s, 0));
        held = 0;
    }
    if (held < from) TRY(hearth_session_eval(p->s, ids + held, from - held, NULL));
    return hearth_session_eval_all(p->s, ids + from, n, out);
}

static enum hearth_status teach_words(void *user, const uint32_t *row, uint32_t n, float *out, uint8_t *known)
{
    struct teacher *p = user;
    for (uint32_t i = 0; i < n;) {
        uint32_t sequence, other, run = 1, length;
        int32_t from = place_of(p, row[i], &sequence);
        known[i] = from >= 0;
        if (from < 0) {
            i++;
            continue;
        }
        while (i + run < n && place_of(p, row[i + run], &other) == from + (int32_t)run && other == sequence) known[i + run++] = 1;
        const int32_t *ids = ids_of(p, sequence, &length);
        TRY(read_to(p, ids, (uint32_t)from, run, out + (size_t)i * p->d.others));
        i += run;
    }
    return HEARTH_OK;
}

static enum hearth_status teach_classes(void *user, const uint32_t *row, uint32_t n, float *out, uint8_t *known)
{
    struct teacher *p = user;
    size_t classes = p->d.others;
    struct head h = head_of(p->a);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t sequence = p->sequence[row[i]], length;
        float *kept = p->classes + sequence * classes;
        const int32_t *ids = ids_of(p, sequence, &length);
        if (!p->known[sequence]) {
            TRY(hearth_session_rewind(p->s, 0));
            TRY(session_hidden(p->s, ids, length, p->a->mean, p->hidden));
            TRY(head_logits(&h, p->hidden, kept));
            p->known[sequence] = 1;
        }
        memcpy(out + i * classes, kept, classes * sizeof *out);
        known[i] = 1;
    }
    return HEARTH_OK;
}

struct distil *teacher_begin(struct teacher *p, const uint32_t *sequence)
{
    if (!p) return NULL;
    p->sequence = sequence, p->at = p->begin = 0;
    return &p->d;
}

/* ---- the teacher's own tokens ---- */

/* What a sequence of plain text says, read again. */
static enum hearth_status again(const struct teacher *p, const struct sequence *s, struct encoded *out)
{
    struct encode_options o = { .longest = UINT32_MAX, .if_longer = ENCODE_CUT };
    struct example e = { .kind = EXAMPLE_TEXT };
    char *text = NULL;
    size_t n;
    TRY(hearth_detokenize(p->t->m, s->ids, s->n, 0, &text, &n));
    e.text = text;
    enum hearth_status st = strlen(text) == n ? encode_example(p->m, &e, &o, out) : HEARTH_OK;      /* a zero byte: nothing is compared */
    hearth_free(text);
    return st;
}

static enum hearth_status read_again(struct teacher *p, uint32_t i, const struct encode_options *o)
{
    const struct sequence *s = &p->t->e.list[i];
    const struct example *e = &p->t->d->example[s->example];
    struct taught *to = &p->list[i];
    struct encoded mine = { 0 };
    enum hearth_status st = HEARTH_OK;
    if (!(to->at = mem_array(s->n, sizeof *to->at))) return HEARTH_ENOMEM;
    memset(to->at, 0xFF, s->n * sizeof *to->at);
    if (p->t->plan.head) {
        size_t n = 0;
        int cut;
        st = encode_for_head(p->m, e->text, o->longest, &to->ids, &n, &cut);
        to->n = (uint32_t)n;
        return st;
    }
    st = e->kind == EXAMPLE_TEXT ? again(p, s, &mine) : encode_example(p->m, e, o, &mine);
    if (st == HEARTH_OK && mine.n) {
        struct sequence *q = &mine.list[0];
        if (q->n > o->longest) q->n = o->longest;
        int whole = e->kind == EXAMPLE_TEXT;
        struct alike_text a = { p->t->m, s->ids, whole ? NULL : s->learn, s->n }, b = { p->m, q->ids, whole ? NULL : q->learn, q->n };
        alike_places(&a, &b, to->at);
        to->ids = q->ids, to->n = q->n;
        q->ids = NULL;
    }
    encoded_free(&mine);
    return st;
}

/* How much of what is learnt the teacher says something of. */
static void count_known(struct teacher *p, struct tune_plan *plan)
{
    uint64_t all = 0, known = 0;
    for (size_t i = 0; i < p->t->e.n; i++) {
        const struct sequence *s = &p->t->e.list[i];
        for (uint32_t k = 0; k + 1 < s->n; k++) {
            if (!s->learn[k + 1]) continue;
            all++, known += p->alike || p->list[i].at[k] >= 0;
        }
    }
    plan->taught = plan->head ? 1 : all ? (double)known / (double)all : 0;
}

/* ---- opening ---- */

void teacher_labels(const struct teacher *p, const char *const **label, size_t *n)
{
    int head = p && p->a && p->a->head;
    *label = head ? (const char *const *)p->a->label : NULL;
    *n = head ? p->a->classes : 0;
}

/* Before the examples are read: their labels are those that the teacher's head knows. */
enum hearth_status teacher_open(struct tune *t)
{
    const struct tune_options *o = &t->o;
    struct teacher *p;
    if (!o->teacher) return HEARTH_OK;
    if (!(o->temperature > 0 && o->temperature <= 100)) return fail(HEARTH_EUSAGE, "temperature %g, should be above 0, at most 100", (double)o->temperature);
    if (!(o->entropy >= 0 && o->entropy < 1)) return fail(HEARTH_EUSAGE, "a share of %g for the cross-entropy, should be 0 or more and below 1", (double)o->entropy);
    if (!(p = t->teacher = mem_array(1, sizeof *p))) return HEARTH_ENOMEM;
    p->t = t;
    TRY(hearth_model_open(o->teacher, &(struct hearth_model_params){ .threads = o->threads }, &p->m));
    if (o->teacher_adapter) TRY(adapter_open(p->m, o->teacher_adapter, &p->a));
    else if (classes_are_in(p->m->file)) TRY(classes_open(p->m, &p->a));
    p->d = (struct distil){ .reverse = o->reverse, .temperature = o->temperature, .entropy = o->entropy, .user = p };
    return HEARTH_OK;
}

static enum hearth_status need_head(const struct teacher *p)
{
    const char *who = p->t->o.teacher_adapter ? p->t->o.teacher_adapter : p->m->file->path;
    if (p->t->d->source.kind == EXAMPLE_PREFERENCE) return fail(HEARTH_EUSAGE, "preferences need no teacher: they say themselves what is better");
    if (!p->t->plan.head && p->a && p->a->head) return fail(HEARTH_EUSAGE, "%s names classes and does not answer in words: the examples should be texts with labels", who);
    if (p->t->plan.head && !(p->a && p->a->head)) return fail(HEARTH_EUSAGE, "%s has no head for the labels; --head no teaches their words", who);
    return HEARTH_OK;
}

/* When the student's sequences are made. */
enum hearth_status teacher_prepare(struct tune *t)
{
    struct teacher *p = t->teacher;
    if (!p) return HEARTH_OK;
    struct encode_options o = { .longest = p->m->h.context, .if_longer = ENCODE_CUT, .head = t->plan.head, .plain = t->o.plain };
    uint32_t longest = t->e.longest;
    TRY(need_head(p));
    p->alike = alike_whole(t->m, p->m);
    if (p->alike && longest > p->m->h.context)
        return fail(HEARTH_ECONTEXT, "an example of %u tokens, the teacher holds %u: --ctx takes shorter ones", longest, p->m->h.context);
    if (!p->alike && !(p->list = mem_array(t->e.n, sizeof *p->list))) return HEARTH_ENOMEM;
    for (size_t i = 0; !p->alike && i < t->e.n; i++) {
        TRY(read_again(p, (uint32_t)i, &o));
        longest = p->list[i].n > longest ? p->list[i].n : longest;
    }
    if (!p->alike && !t->plan.head) TRY(alike_map(t->m, p->m, &p->d.map));
    TRY(hearth_session_open(p->m, &(struct hearth_session_params){ .ctx = longest }, &p->s));
    if (p->a) TRY(hearth_session_adapt(p->s, p->a));
    p->d.teach = t->plan.head ? teach_classes : teach_words;
    if (t->plan.head) {
        p->hidden = mem_array(p->m->h.width, sizeof *p->hidden), p->known = mem_array(t->e.n, 1);
        p->classes = mem_array(t->e.n * p->a->classes, sizeof *p->classes);
        if (!p->hidden || !p->known || !p->classes) return HEARTH_ENOMEM;
    }
    uint32_t size = t->plan.head ? p->a->classes : t->m->h.vocabulary, others = t->plan.head ? size : p->m->h.vocabulary;
    TRY(distil_room(&p->d, size, others));
    count_known(p, &t->plan);
    t->plan.bytes_teacher = p->m->mapped_bytes + p->m->slab_bytes + p->m->made_bytes + p->s->sizes.slab_bytes + p->s->sizes.kv_bytes +
                            (uint64_t)DISTIL_ROWS * 4 * ((uint64_t)size + 2 * (uint64_t)others + 2);
    return HEARTH_OK;
}

enum hearth_status teacher_checksum(const struct teacher *p, struct checksum *c)
{
    uint64_t model;
    if (!p) return HEARTH_OK;
    TRY(gguf_checksum(p->m->file, &model));
    float real[] = { p->d.temperature, p->d.entropy };
    uint64_t whole[] = { model, (uint64_t)p->d.reverse, p->a ? p->a->checksum : 0 };
    checksum_add(c, real, sizeof real), checksum_add(c, whole, sizeof whole);
    if (p->a && p->a->head) checksum_add(c, p->a->head, (size_t)p->a->classes * p->m->h.width * sizeof *p->a->head);
    return HEARTH_OK;
}

void teacher_close(struct teacher *p)
{
    if (!p) return;
    for (size_t i = 0; p->list && i < p->t->e.n; i++) free(p->list[i].ids), free(p->list[i].at);
    free(p->list), free(p->hidden), free(p->classes), free(p->known);
    distil_free(&p->d);
    hearth_session_close(p->s);
    adapter_close(p->a);
    hearth_model_close(p->m);
    free(p);
}

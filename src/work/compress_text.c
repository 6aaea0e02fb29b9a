/* compress_text.c - what examples say, as the model reads it: with the words that its template puts around them. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "work/compress_in.h"
#include "work/encode.h"

static enum hearth_status put(struct compressing *k, const char *s)
{
    if (!s || !*s) return HEARTH_OK;
    TRY(buf_puts(&k->text, s));
    return buf_putc(&k->text, '\n');
}

/* ---- examples ---- */

static enum hearth_status put_sequence(struct compressing *k, const struct hearth_model *m, const struct sequence *s)
{
    char *text = NULL;
    size_t n;
    TRY(hearth_detokenize(m, s->ids, s->n, 0, &text, &n));
    enum hearth_status st = strlen(text) == n ? put(k, text) : HEARTH_OK;
    hearth_free(text);
    return st;
}

static enum hearth_status from_examples(struct compressing *k, const struct hearth_model *m, const char *file)
{
    struct encode_options o = { .longest = m->h.context, .if_longer = ENCODE_CUT, .head = k->head };
    struct dataset_options columns = { .columns = k->p->columns };
    struct dataset *d = NULL;
    struct encoded e = { 0 };
    TRY(dataset_open(file, &columns, &d));
    enum hearth_status st = encode_dataset(m, d, &o, &e);
    for (size_t i = 0; st == HEARTH_OK && i < e.n; i++) st = put_sequence(k, m, &e.list[i]);
    encoded_free(&e);
    dataset_close(d);
    return st;
}

/* ---- a task ---- */

static enum hearth_status put_item(struct compressing *k, const struct hearth_model *m, const struct eval_item *i, int chat)
{
    TRY(put(k, i->system));
    TRY(put(k, i->user));
    TRY(put(k, i->messages));
    for (size_t c = 0; c < i->choices; c++) TRY(put(k, i->choice[c]));
    for (size_t w = 0; w < i->wanteds; w++) TRY(put(k, i->wanted[w]));
    if (!chat) return HEARTH_OK;
    struct encoded e = { 0 };
    struct encode_options o = { .longest = m->h.context, .if_longer = ENCODE_CUT };
    struct example question = { .kind = EXAMPLE_PAIR, .text = i->user ? i->user : "", .answer = i->wanteds ? i->wanted[0] : i->choices ? i->choice[0] : "" };
    enum hearth_status st = encode_example(m, &question, &o, &e);
    for (size_t s = 0; st == HEARTH_OK && s < e.n; s++) st = put_sequence(k, m, &e.list[s]);
    encoded_free(&e);
    return st;
}

static enum hearth_status from_task(struct compressing *k, const struct hearth_model *m)
{
    struct eval_options o = { .columns = k->p->columns, .shots = -1, .seed = 1234 };
    struct hearth_model_info info;
    struct eval_task *t = NULL;
    struct eval_item *item = NULL;
    hearth_model_describe(m, &info);
    TRY(eval_task_open(k->p->task, &o, &t));
    size_t n = k->p->limit && k->p->limit < t->n ? k->p->limit : t->n;
    enum hearth_status st = eval_task_items(t, n, 1234, &item);
    for (size_t i = 0; st == HEARTH_OK && i < n; i++) st = put_item(k, m, &item[i], *info.chat_template != 0);
    if (st == HEARTH_OK) st = put(k, t->raw_end);
    eval_task_close(t);
    return st;
}

/* With examples of their own the task's words have no part in it where a head names labels; else its prompts must be read as they are. */
enum hearth_status compress_text(struct compressing *k)
{
    struct hearth_model *m = NULL;
    TRY(hearth_model_open(k->base, &(struct hearth_model_params){ .vocab_only = 0, .threads = k->p->threads }, &m));
    enum hearth_status st = k->p->data ? from_examples(k, m, k->p->data) : k->head ? from_examples(k, m, k->p->task) : HEARTH_OK;
    if (st == HEARTH_OK && !k->head) st = from_task(k, m);
    hearth_model_close(m);
    if (st == HEARTH_OK && !k->text.len) st = fail(HEARTH_EFORMAT, "%s: there are no words in it to trim by", k->p->data ? k->p->data : k->p->task);
    return st;
}

/* compress_text.c - what examples say, as the model reads it: with the words that its template puts around them. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "work/compress_in.h"
#include "work/examples_text.h"

static enum hearth_status put_item(struct compressing *k, const struct hearth_model *m, const struct eval_item *i, int chat)
{
    TRY(examples_text_line(&k->text, i->system));
    TRY(examples_text_line(&k->text, i->user));
    TRY(examples_text_line(&k->text, i->messages));
    for (size_t c = 0; c < i->choices; c++) TRY(examples_text_line(&k->text, i->choice[c]));
    for (size_t w = 0; w < i->wanteds; w++) TRY(examples_text_line(&k->text, i->wanted[w]));
    if (!chat) return HEARTH_OK;
    struct example question = { .kind = EXAMPLE_PAIR, .text = i->user ? i->user : "", .answer = i->wanteds ? i->wanted[0] : i->choices ? i->choice[0] : "" };
    return example_text(m, &question, &k->text);
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
    if (st == HEARTH_OK) st = examples_text_line(&k->text, t->raw_end);
    eval_task_close(t);
    return st;
}

/* With examples of their own the task's words have no part in it where a head names labels; else its prompts must be read as they are. */
enum hearth_status compress_text(struct compressing *k)
{
    struct hearth_model *m = NULL;
    TRY(hearth_model_open(k->base, &(struct hearth_model_params){ .vocab_only = 0, .threads = k->p->threads }, &m));
    enum hearth_status st = k->p->data ? examples_text(m, k->p->data, compress_data_columns(k->p), k->head, &k->text) : k->head ? examples_text(m, k->p->task, k->p->columns, k->head, &k->text) : HEARTH_OK;
    if (st == HEARTH_OK && !k->head) st = from_task(k, m);
    hearth_model_close(m);
    if (st == HEARTH_OK && !k->text.len) st = fail(HEARTH_EFORMAT, "%s: there are no words in it to trim by", k->p->data ? k->p->data : k->p->task);
    return st;
}

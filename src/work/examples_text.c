/* examples_text.c - see examples_text.h. */
#include "work/examples_text.h"

#include <string.h>

#include "model/model.h"
#include "work/encode.h"

enum hearth_status examples_text_line(struct buf *out, const char *s)
{
    if (!s || !*s) return HEARTH_OK;
    TRY(buf_puts(out, s));
    return buf_putc(out, '\n');
}

static enum hearth_status put_all(const struct hearth_model *m, const struct encoded *e, struct buf *out)
{
    for (size_t i = 0; i < e->n; i++) {
        char *text = NULL;
        size_t n;
        TRY(hearth_detokenize(m, e->list[i].ids, e->list[i].n, 0, &text, &n));
        enum hearth_status st = strlen(text) == n ? examples_text_line(out, text) : HEARTH_OK;
        hearth_free(text);
        TRY(st);
    }
    return HEARTH_OK;
}

enum hearth_status example_text(const struct hearth_model *m, const struct example *x, struct buf *out)
{
    struct encode_options o = { .longest = m->h.context, .if_longer = ENCODE_CUT };
    struct encoded e = { 0 };
    enum hearth_status st = encode_example(m, x, &o, &e);
    if (st == HEARTH_OK) st = put_all(m, &e, out);
    encoded_free(&e);
    return st;
}

enum hearth_status examples_text(const struct hearth_model *m, const char *file, const char *columns, int head, struct buf *out)
{
    struct encode_options o = { .longest = m->h.context, .if_longer = ENCODE_CUT, .head = head };
    struct dataset_options by = { .columns = columns };
    struct dataset *d = NULL;
    struct encoded e = { 0 };
    TRY(dataset_open(file, &by, &d));
    enum hearth_status st = encode_dataset(m, d, &o, &e);
    if (st == HEARTH_OK) st = put_all(m, &e, out);
    encoded_free(&e);
    dataset_close(d);
    return st;
}

enum hearth_status examples_text_of(const char *model, const char *file, const char *columns, struct buf *out)
{
    struct hearth_model *m = NULL;
    TRY(hearth_model_open(model, &(struct hearth_model_params){ 0 }, &m));
    enum hearth_status st = examples_text(m, file, columns, 0, out);
    hearth_model_close(m);
    return st;
}

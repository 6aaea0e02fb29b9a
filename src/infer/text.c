/* text.c - text and tokens of the public interface: tokenizing and detokenizing. */
#include <stdlib.h>

#include "model/model.h"
#include "text/grammar.h"

enum hearth_status hearth_tokenize(const struct hearth_model *m, const char *text, size_t len, int flags, int32_t **ids,
                                   size_t *n)
{
    struct ids list = { 0 };
    enum hearth_status st = tokenizer_encode(m->tokenizer, text, len, flags, &list);
    if (st == HEARTH_OK && !list.id && !(list.id = mem_array(1, sizeof *list.id))) st = HEARTH_ENOMEM;
    if (st != HEARTH_OK) {
        free(list.id);
        return st;
    }
    *ids = list.id, *n = list.n;
    return HEARTH_OK;
}

enum hearth_status hearth_detokenize(const struct hearth_model *m, const int32_t *ids, size_t n, int flags, char **text,
                                     size_t *len)
{
    struct buf b = { 0 };
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= tokenizer_size(m->tokenizer))
            return fail(HEARTH_EUSAGE, "token %zu is id %d, should be 0 to %d", i, ids[i], tokenizer_size(m->tokenizer) - 1);
    enum hearth_status st = tokenizer_decode(m->tokenizer, ids, n, flags & HEARTH_TOK_PARSE, &b);
    if (st == HEARTH_OK && !(*text = buf_take(&b, len))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

int32_t hearth_bos(const struct hearth_model *m) { return tokenizer_bos(m->tokenizer); }
int32_t hearth_eos(const struct hearth_model *m) { return tokenizer_eos(m->tokenizer); }
int hearth_is_end(const struct hearth_model *m, int32_t id)
{
    return id >= 0 && id < tokenizer_size(m->tokenizer) && tokenizer_is_end(m->tokenizer, id);
}

void hearth_free(void *p) { free(p); }

enum hearth_status hearth_grammar_open(const struct hearth_model *m, enum hearth_grammar_kind kind, const char *text, size_t len,
                                       struct hearth_grammar **out)
{
    return grammar_open(m->tokenizer, kind, text, len, out);
}

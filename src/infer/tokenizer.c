/* tokenizer.c - the public interface of a tokenizer without a model. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hearth.h"
#include "text/tokenizer.h"

struct hearth_tokenizer { struct tokenizer *t; };

enum hearth_status hearth_tokenizer_open(const char *path, struct hearth_tokenizer **out) {
    struct stat st;
    struct buf file = { 0 };
    *out = NULL;
    struct hearth_tokenizer *t = mem_array(1, sizeof *t);
    if (!t) return HEARTH_ENOMEM;
    static const char *const names[] = { "/tokenizer.json", "/tekken.json", "/tokenizer.model" };
    int folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode), i = 0;
    enum hearth_status status;
    do { /* the first that is there; the name of the first in the message when none is */
        file.len = 0;
        status = buf_printf(&file, "%s%s", path, folder ? names[i] : "");
    } while (status == HEARTH_OK && folder && stat(file.data, &st) != 0 && ++i < 3);
    if (status == HEARTH_OK && i == 3) {
        file.len = 0;
        status = buf_printf(&file, "%s%s", path, names[0]);
    }
    if (status == HEARTH_OK) status = tokenizer_open_file(file.data, &t->t);
    buf_free(&file);
    if (status == HEARTH_OK) *out = t;
    else hearth_tokenizer_close(t);
    return status;
}

void hearth_tokenizer_close(struct hearth_tokenizer *t) {
    if (!t) return;
    tokenizer_close(t->t);
    free(t);
}

enum hearth_status hearth_tokenizer_encode(const struct hearth_tokenizer *t, const char *text, size_t len, int flags, int32_t **ids,
                                           size_t **at, size_t *n) {
    struct ids list = { 0 };
    size_t *places = NULL;
    flags &= HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE;
    enum hearth_status st = at ? tokenizer_encode_places(t->t, text, len, flags, &list, &places) : tokenizer_encode(t->t, text, len, flags, &list);
    if (st == HEARTH_OK && !list.id && !(list.id = mem_array(1, sizeof *list.id))) st = HEARTH_ENOMEM;
    if (st != HEARTH_OK) {
        free(list.id);
        free(places);
        return st;
    }
    *ids = list.id, *n = list.n;
    if (at) *at = places;
    return HEARTH_OK;
}

enum hearth_status hearth_tokenizer_decode(const struct hearth_tokenizer *t, const int32_t *ids, size_t n, int flags, char **text, size_t *len) {
    struct buf b = { 0 };
    enum hearth_status st = tokenizer_decode(t->t, ids, n, flags & HEARTH_TOK_PARSE, &b);
    if (st == HEARTH_OK && !(*text = buf_take(&b, len))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

/* merged.c - see merged.h. */
#include "model/merged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 };

static void name_of(const struct hearth_adapter *a, char name[DIGITS + 1]) { snprintf(name, DIGITS + 1, "%016llx", (unsigned long long)a->checksum); }

int merged_is_key(const struct gguf_string *key) { return key->n == sizeof MERGED_ADAPTERS - 1 && memcmp(key->s, MERGED_ADAPTERS, sizeof MERGED_ADAPTERS - 1) == 0; }

enum hearth_status merged_check(const struct hearth_model *m, const struct hearth_adapter *a)
{
    const struct gguf_value *list;
    char name[DIGITS + 1];
    TRY(gguf_get_array(m->file, MERGED_ADAPTERS, GGUF_STRING, &list));
    name_of(a, name);
    for (uint64_t i = 0; list && i < list->as.array.n; i++) {
        const struct gguf_string *s = &list->as.array.strings[i];
        if (s->n == DIGITS && memcmp(s->s, name, DIGITS) == 0)
            return fail(HEARTH_EUSAGE, "%s: this adapter was merged into %s, which has it already; leave it out", a->path ? a->path : "the adapter", m->file->path);
    }
    return HEARTH_OK;
}

enum hearth_status merged_write(const struct gguf *g, const struct hearth_adapter *a, struct gguf_writer *w)
{
    const struct gguf_value *list;
    char name[DIGITS + 1];
    TRY(gguf_get_array(g, MERGED_ADAPTERS, GGUF_STRING, &list));
    uint64_t n = list ? list->as.array.n : 0;
    struct gguf_string *all = mem_array((size_t)n + 1, sizeof *all);
    if (!all) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < n; i++) all[i] = list->as.array.strings[i];
    name_of(a, name);
    all[n] = (struct gguf_string){ name, DIGITS };
    struct gguf_kv kv = { { MERGED_ADAPTERS, sizeof MERGED_ADAPTERS - 1 }, { .type = GGUF_ARRAY, .as.array = { GGUF_STRING, n + 1, NULL, all } } };
    enum hearth_status st = gguf_writer_kv(w, &kv);
    free(all);
    return st;
}

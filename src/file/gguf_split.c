/* gguf_split.c - a model in several GGUF files, as llama.cpp's gguf-split cuts them:
 *
 *     x-00001-of-00003.gguf     split.no 0, split.count 3, all other keys, the first tensors
 *     x-00002-of-00003.gguf     split.no 1, split.count 3, the next tensors
 *     x-00003-of-00003.gguf     split.no 2, ..
 *
 * They become one struct gguf, whose tensors lie in three mappings.  The keys are those of the first; split.* are left out, so what is
 * written from it is one file.  The names of the others come from the first one's, never from what stands in it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/gguf.h"

/* "-00001-of-00003.gguf" */
enum { TAIL = 20, DIGITS = 5 };

int gguf_piece(const char *path, unsigned *no, unsigned *of)
{
    size_t n = strlen(path);
    if (n <= TAIL) return 0;
    const char *p = path + n - TAIL;
    if (p[-1] == '/' || p[0] != '-' || strncmp(p + 6, "-of-", 4) != 0 || strcmp(p + 15, ".gguf") != 0) return 0;
    if (strspn(p + 1, "0123456789") != DIGITS || strspn(p + 10, "0123456789") != DIGITS) return 0;
    *no = (unsigned)strtoul(p + 1, NULL, 10);
    *of = (unsigned)strtoul(p + 10, NULL, 10);
    return *no >= 1 && *no <= *of && *of > 1 && *of <= GGUF_PIECES;
}

void gguf_piece_path(const char *first, unsigned no, char *out)
{
    size_t n = strlen(first);
    memcpy(out, first, n + 1);
    char digits[16];
    snprintf(digits, sizeof digits, "%05u", no);
    memcpy(out + n - TAIL + 1, digits, DIGITS);
}

struct pieces { struct gguf *g[GGUF_PIECES]; unsigned n; };

static void close_pieces(void *owner)
{
    struct pieces *p = owner;
    for (unsigned i = 0; i < p->n; i++) gguf_close(p->g[i]);
    free(p);
}

/* Piece `no`, counted from 1, says the same of itself as its name does. */
static enum hearth_status check_piece(const struct gguf *g, unsigned no, unsigned of)
{
    uint32_t own = UINT32_MAX, count = 0;
    TRY(gguf_get_u32(g, "split.no", &own, NULL));
    TRY(gguf_get_u32(g, "split.count", &count, NULL));
    if (own == no - 1 && count == of) return HEARTH_OK;
    return fail(HEARTH_EFORMAT, "%s: keys split.no and split.count: %" PRId32 " and %" PRIu32 ", allowed: %u and %u, as its name has it", g->path,
                (int32_t)own, count, no - 1, of);
}

static enum hearth_status open_pieces(const char *path, unsigned of, int need_data, struct pieces *p)
{
    char *name = mem_array(strlen(path) + 1, 1);
    enum hearth_status st = name ? HEARTH_OK : HEARTH_ENOMEM;
    for (unsigned no = 1; no <= of && st == HEARTH_OK; no++) {
        gguf_piece_path(path, no, name);
        st = gguf_open(name, need_data, &p->g[p->n]);
        if (st == HEARTH_OK) st = check_piece(p->g[p->n++], no, of);
    }
    free(name);
    return st;
}

static int is_split_key(const struct gguf_string *k)
{
    return k->n > 6 && !memcmp(k->s, "split.", 6);
}

static enum hearth_status gather(const struct pieces *p, struct arena *arena, struct gguf_parts *out)
{
    uint64_t most = 0, said = 0;
    uint32_t wanted = 0;
    for (unsigned i = 0; i < p->n; i++) most += p->g[i]->n_tensors, out->bytes += p->g[i]->map.size;
    struct gguf_kv *kv = arena_alloc(arena, (p->g[0]->n_kv + 1) * sizeof *kv);
    struct gguf_tensor *tensors = arena_alloc(arena, (most + 1) * sizeof *tensors);
    if (!kv || !tensors) return HEARTH_ENOMEM;
    for (uint64_t i = 0; i < p->g[0]->n_kv; i++)
        if (!is_split_key(&p->g[0]->kv[i].key)) kv[out->n_kv++] = p->g[0]->kv[i];
    for (unsigned i = 0; i < p->n; i++) {
        if (p->g[i]->n_tensors) memcpy(tensors + said, p->g[i]->tensors, p->g[i]->n_tensors * sizeof *tensors);
        said += p->g[i]->n_tensors;
    }
    int found;
    TRY(gguf_get_u32(p->g[0], "split.tensors.count", &wanted, &found));
    if (found && wanted != said)
        return fail(HEARTH_EFORMAT, "%s: key split.tensors.count: %" PRIu32 ", allowed: %" PRIu64 ", as many as the %u files have", p->g[0]->path, wanted,
                    said, p->n);
    out->kv = kv, out->tensors = tensors, out->n_tensors = said;
    return HEARTH_OK;
}

enum hearth_status gguf_open_pieces(const char *path, int need_data, struct gguf **out)
{
    unsigned no, of;
    struct arena arena;
    struct gguf_parts parts = {.label = path, .arena = &arena, .release = close_pieces};
    *out = NULL;
    if (!gguf_piece(path, &no, &of)) return fail(HEARTH_EINTERNAL, "%s: not named like a piece", path);
    if (no != 1) return fail(HEARTH_EUSAGE, "%s: it is file %u of %u, allowed: the first of them, which leads to the others", path, no, of);
    struct pieces *p = mem_array(1, sizeof *p);
    if (!p) return HEARTH_ENOMEM;
    arena_init(&arena, 0);
    enum hearth_status st = open_pieces(path, of, need_data, p);
    if (st == HEARTH_OK) st = gather(p, &arena, &parts);
    parts.owner = p;
    if (st == HEARTH_OK) return gguf_assemble(&parts, out);
    arena_free(&arena);
    close_pieces(p);
    return st;
}

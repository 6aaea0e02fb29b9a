/* choose.c - which type each tensor of a file gets.
 *
 *     vectors and norms       F32
 *     routers of experts      F32: small, and what they decide is all or nothing; positions and segments of BERT too
 *     a matrix                what the first pattern that fits its name says; else by the mix; else the type asked for
 *     rows no block divides   the next type that fits, with blocks of 32; F16 where even those do not; that is said
 *
 * Mixes are those of llama.cpp, under its names but for one: what it calls Q2_K is Q2_K_M here, for Q2_K is a type.  They give more to
 * what is known to suffer most: values (attn_v), the second half of the feed-forward part (ffn_down), in some layers, and the output. */
#include "quant/choose.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* general.file_type of a file mostly of a type (the numbers are those of the GGUF specification), and the type for
 * rows that are a multiple of 32 only: the nearest one that is not smaller, but for IQ4_XS. */
static const struct { enum tensor_type type; uint32_t file_type; enum tensor_type narrow; } targets[] = {
    {T_F32, 0, T_F32},      {T_F16, 1, T_F16},      {T_BF16, 32, T_BF16},
    {T_Q4_0, 2, T_Q4_0},    {T_Q4_1, 3, T_Q4_1},    {T_Q5_0, 8, T_Q5_0},    {T_Q5_1, 9, T_Q5_1},  {T_Q8_0, 7, T_Q8_0},
    {T_Q2_K, 10, T_Q4_0},   {T_Q3_K, 11, T_Q4_0},   {T_Q4_K, 14, T_Q5_0},   {T_Q5_K, 16, T_Q5_1}, {T_Q6_K, 18, T_Q8_0},
    {T_IQ4_NL, 25, T_IQ4_NL}, {T_IQ4_XS, 30, T_IQ4_NL},
};
enum { N_TARGETS = sizeof targets / sizeof *targets };

/* The layers a rule is for.  MORE: the first and the last eighth, and every third between. */
enum where { EVERYWHERE, FIRST_TWO, FIRST_FOUR, FIRST_SIXTEENTH, FIRST_EIGHTH, MORE, WIDE_GROUPS /* 4 query heads to a KV head */ };
struct rule { const char *part; enum where where; enum tensor_type type; };

static const struct mix {
    const char *name, *summary;
    enum tensor_type type;
    uint32_t file_type;
    struct rule rule[6];             /* the first that is right decides; a rule for attn_v is also one for attn_qkv */
} mixes[] = {
    {"Q2_K_S", "Q2_K, first layers larger", T_Q2_K, 21, {{"attn_v", WIDE_GROUPS, T_Q4_K}, {"ffn_down", FIRST_EIGHTH, T_Q4_K}}},
    {"Q2_K_M", "Q2_K, half of it Q3_K; llama.cpp's Q2_K", T_Q2_K, 10,
     {{"attn_v", WIDE_GROUPS, T_Q4_K}, {"attn_v", EVERYWHERE, T_Q3_K}, {"ffn_down", EVERYWHERE, T_Q3_K},
      {"attn_output", EVERYWHERE, T_Q3_K}}},
    {"Q3_K_S", "Q3_K, the output Q6_K", T_Q3_K, 11, {{0}}},
    {"Q3_K_M", "Q3_K, what suffers most Q4_K and Q5_K", T_Q3_K, 12,
     {{"attn_v", FIRST_TWO, T_Q5_K}, {"attn_v", EVERYWHERE, T_Q4_K}, {"ffn_down", FIRST_SIXTEENTH, T_Q5_K},
      {"ffn_down", EVERYWHERE, T_Q4_K}, {"attn_output", EVERYWHERE, T_Q4_K}}},
    {"Q3_K_L", "Q3_K, what suffers most Q5_K", T_Q3_K, 13,
     {{"attn_v", EVERYWHERE, T_Q5_K}, {"ffn_down", EVERYWHERE, T_Q5_K}, {"attn_output", EVERYWHERE, T_Q5_K}}},
    {"Q4_K_S", "Q4_K, first layers Q5_K", T_Q4_K, 14, {{"attn_v", FIRST_FOUR, T_Q5_K}, {"ffn_down", FIRST_EIGHTH, T_Q5_K}}},
    {"Q4_K_M", "Q4_K, what suffers most Q6_K", T_Q4_K, 15, {{"attn_v", MORE, T_Q6_K}, {"ffn_down", MORE, T_Q6_K}}},
    {"Q5_K_S", "Q5_K, the output Q6_K", T_Q5_K, 16, {{0}}},
    {"Q5_K_M", "Q5_K, what suffers most Q6_K", T_Q5_K, 17, {{"attn_v", MORE, T_Q6_K}, {"ffn_down", MORE, T_Q6_K}}},
};
enum { N_MIXES = sizeof mixes / sizeof *mixes };
static const enum tensor_type OUTPUT = T_Q6_K;

const char *hearth_quantize_type(size_t i)
{
    return i < N_TARGETS ? type_info(targets[i].type)->name : NULL;
}

const char *hearth_quantize_mix(size_t i, const char **summary)
{
    if (summary) *summary = i < N_MIXES ? mixes[i].summary : NULL;
    return i < N_MIXES ? mixes[i].name : NULL;
}

static const struct mix *find_mix(const char *name)
{
    for (size_t i = 0; i < N_MIXES; i++)
        if (!strcasecmp(mixes[i].name, name)) return &mixes[i];
    return NULL;
}

int hearth_can_quantize(const char *type)
{
    return type && (type_by_name(type) || find_mix(type));
}

static size_t target_of(enum tensor_type t)
{
    size_t i = 0;
    while (targets[i].type != t) i++;      /* every type has its line */
    return i;
}

static enum hearth_status refuse_type(const char *type, int with_mixes)
{
    struct buf names = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < N_TARGETS && !st; i++) st = buf_printf(&names, "%s%s", i ? ", " : "", hearth_quantize_type(i));
    for (size_t i = 0; with_mixes && i < N_MIXES && !st; i++) st = buf_printf(&names, ", %s", mixes[i].name);
    if (!st) st = fail(HEARTH_EUSAGE, "tensor type %s, allowed: %s", type, names.data);
    buf_free(&names);
    return st;
}

/* ---- what a tensor is ---- */

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

int choose_is_matrix(const struct gguf_tensor *t)
{
    return t->elements > t->shape[0] && ends_with(t->name, ".weight") && !ends_with(t->name, ".ffn_gate_inp.weight") &&
           strcmp(t->name, "position_embd.weight") != 0 && strcmp(t->name, "token_types.weight") != 0;
}

/* "blk.12.attn_v.weight" -> 12 and "attn_v.weight"; 0: of no layer. */
static int layer_of(const char *name, uint32_t *layer, const char **part)
{
    if (strncmp(name, "blk.", 4) != 0 || !isdigit((unsigned char)name[4])) return 0;
    char *end;
    unsigned long v = strtoul(name + 4, &end, 10);
    if (*end != '.' || v >= UINT32_MAX) return 0;
    *layer = (uint32_t)v, *part = end + 1;
    return 1;
}

static uint32_t count_layers(const struct gguf *g)
{
    uint32_t n = 0, layer;
    const char *part;
    for (uint64_t i = 0; i < g->n_tensors; i++)
        if (layer_of(g->tensors[i].name, &layer, &part) && layer >= n) n = layer + 1;
    return n;
}

/* ---- mixes ---- */

static int groups_are_wide(const struct gguf *g, uint32_t layer)
{
    char name[64];
    snprintf(name, sizeof name, "blk.%" PRIu32 ".attn_q.weight", layer);
    const struct gguf_tensor *q = gguf_find_tensor(g, name);
    snprintf(name, sizeof name, "blk.%" PRIu32 ".attn_v.weight", layer);
    const struct gguf_tensor *v = gguf_find_tensor(g, name);
    return q && v && q->shape[1] >= 4 * v->shape[1];
}

static int is_there(const struct gguf *g, enum where w, uint32_t i, uint32_t n)
{
    switch (w) {
    case EVERYWHERE: return 1;
    case FIRST_TWO: return i < 2;
    case FIRST_FOUR: return i < 4;
    case FIRST_SIXTEENTH: return i < n / 16;
    case FIRST_EIGHTH: return i < n / 8;
    case MORE: return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
    case WIDE_GROUPS: return groups_are_wide(g, i);
    }
    return 0;
}

/* "ffn_down" is what "ffn_down.weight" and "ffn_down_exps.weight" are. */
static int is_part(const char *part, const char *wanted)
{
    size_t n = strlen(wanted);
    if (!strcmp(wanted, "attn_v") && !strncmp(part, "attn_qkv.", 9)) return 1;
    return !strncmp(part, wanted, n) && (part[n] == '.' || part[n] == '_');
}

static enum tensor_type mix_type(const struct mix *m, const struct gguf *g, const struct gguf_tensor *t, uint32_t layers)
{
    uint32_t layer;
    const char *part;
    const char *output = gguf_find_tensor(g, "output.weight") ? "output.weight" : "token_embd.weight";
    if (!strcmp(t->name, output)) return OUTPUT;
    if (!layer_of(t->name, &layer, &part)) return m->type;
    for (const struct rule *r = m->rule; r < m->rule + 6 && r->part; r++)
        if (is_part(part, r->part) && is_there(g, r->where, layer, layers)) return r->type;
    return m->type;
}

/* ---- patterns ---- */

struct pattern { char *glob; enum tensor_type type; uint64_t fits; };

static enum hearth_status read_pattern(const char *word, struct pattern *p)
{
    const char *sign = strrchr(word, '=');
    const struct type_info *info = sign ? type_by_name(sign + 1) : NULL;
    if (!sign || sign == word) return fail(HEARTH_EUSAGE, "\"%s\" should be a pattern of names, = and a type: blk.*.ffn_down=Q6_K", word);
    if (!info) return refuse_type(sign + 1, 0);
    p->type = info->id;
    p->glob = strndup(word, (size_t)(sign - word));
    return p->glob ? HEARTH_OK : fail_memory((size_t)(sign - word) + 1);
}

static int fits(const struct pattern *p, const char *name)
{
    char bare[256];
    size_t n = strlen(name) - strlen(".weight");           /* of a matrix, whose name ends so */
    if (fnmatch(p->glob, name, 0) == 0) return 1;
    if (n >= sizeof bare) return 0;
    memcpy(bare, name, n), bare[n] = 0;
    return fnmatch(p->glob, bare, 0) == 0;
}

/* ---- rows that no block divides ---- */

struct misfit { uint64_t row, n; enum tensor_type asked, got; };
struct misfits { struct misfit *m; size_t n, cap; };

static enum hearth_status fit_row(const struct gguf_tensor *t, enum tensor_type asked, struct misfits *all, enum tensor_type *out)
{
    *out = asked;
    if (t->shape[0] % type_info(asked)->block == 0) return HEARTH_OK;
    enum tensor_type narrow = targets[target_of(asked)].narrow;
    *out = t->shape[0] % type_info(narrow)->block == 0 ? narrow : T_F16;
    for (size_t i = 0; i < all->n; i++)
        if (all->m[i].row == t->shape[0] && all->m[i].asked == asked) {
            all->m[i].n++;
            return HEARTH_OK;
        }
    TRY(mem_grow(&all->m, &all->cap, all->n + 1, sizeof *all->m));
    all->m[all->n++] = (struct misfit){t->shape[0], 1, asked, *out};
    return HEARTH_OK;
}

static enum hearth_status tell_misfits(const struct hearth_quantize_params *p, const struct misfits *all)
{
    struct buf b = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; p->note && i < all->n && !st; i++) {
        const struct misfit *m = &all->m[i];
        b.len = 0;
        st = buf_printf(&b, "rows of %" PRIu64 " elements are no multiple of the %" PRIu32 " of a block of %s: %" PRIu64 " %s %s instead",
                        m->row, type_info(m->asked)->block, type_info(m->asked)->name, m->n, m->n == 1 ? "matrix is" : "matrices are",
                        type_info(m->got)->name);
        if (!st) p->note(p->user, b.data);
    }
    buf_free(&b);
    return st;
}

/* ---- all of them ---- */

struct chooser { const struct gguf *g; const struct mix *mix; enum tensor_type type; uint32_t layers; struct pattern *pattern; size_t n; };

static enum hearth_status choose_one(const struct chooser *c, const struct gguf_tensor *t, int keep, struct misfits *all, enum tensor_type *out)
{
    *out = T_F32;
    if (!choose_is_matrix(t)) return HEARTH_OK;
    enum tensor_type asked = keep ? t->type : c->mix ? mix_type(c->mix, c->g, t, c->layers) : c->type;
    for (size_t i = c->n; i-- > 0;)
        if (fits(&c->pattern[i], t->name)) {
            c->pattern[i].fits++;
            asked = c->pattern[i].type;                    /* the first of those that fit, since it is the last seen */
        }
    return fit_row(t, asked, all, out);
}

static enum hearth_status choose_all(struct chooser *c, const struct hearth_quantize_params *p, struct choice *out)
{
    struct misfits all = {0};
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < c->n && !st; i++) st = read_pattern(p->tensors[i], &c->pattern[i]);
    for (uint64_t i = 0; i < c->g->n_tensors && !st; i++) st = choose_one(c, &c->g->tensors[i], out->keep, &all, &out->type[i]);
    for (size_t i = 0; i < c->n && !st; i++)
        if (!c->pattern[i].fits) st = fail(HEARTH_EUSAGE, "\"%s\" fits the name of no matrix of %s", p->tensors[i], c->g->path);
    if (!st) st = tell_misfits(p, &all);
    free(all.m);
    return st;
}

enum hearth_status choose_types(const struct gguf *g, const struct hearth_quantize_params *p, struct choice *out)
{
    struct chooser c = {.g = g, .layers = count_layers(g), .n = p->n_tensors};
    const struct type_info *info = p->type ? type_by_name(p->type) : NULL;
    *out = (struct choice){.keep = !p->type};
    if (p->type && !info && !(c.mix = find_mix(p->type))) return refuse_type(p->type, 1);
    if (info) c.type = info->id, out->file_type = targets[target_of(info->id)].file_type;
    if (c.mix) out->file_type = c.mix->file_type;
    out->type = mem_array((size_t)g->n_tensors, sizeof *out->type);
    c.pattern = mem_array(c.n + 1, sizeof *c.pattern);
    enum hearth_status st = out->type && c.pattern ? choose_all(&c, p, out) : HEARTH_ENOMEM;
    for (size_t i = 0; c.pattern && i < c.n; i++) free(c.pattern[i].glob);
    free(c.pattern);
    return st;
}

void choice_free(struct choice *c)
{
    free(c->type);
    c->type = NULL;
}

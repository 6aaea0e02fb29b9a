/* model_maker.c - models of random weights (model_maker.h).
 *
 * How large the numbers are.  A weight is amp * t with t triangular on (-1, 1), variance 1/6: the sum of the two
 * halves of a 32-bit word of Philox.  A matrix of rows of n has amp = gain * sqrt(6 / n), so that input of size 1 gives
 * output of size `gain`.  Norm weights are 1 + t/4.  The norm before the output makes logits of about 2 to 3 units:
 * enough for a sharp distribution, small enough that rounding errors stay what they are in a real model.
 *
 * llama and gemma3 list their tensors here, for the files made from their words are known by their bytes; other families, and
 * llama with biases, have those of their own table (src/model/arch).
 *
 * The vocabulary.  llama gets byte-level BPE: 3 special tokens, 256 bytes, then merges; gemma a SentencePiece one:
 * 4 special tokens, 256 byte tokens, space mark and printable ASCII, then pieces with falling scores.  Both take their
 * longer tokens from one systematic list: space + letter, letter pairs, pairs of pairs. */
#include "model_maker.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/utf8.h"
#include "file/gguf.h"
#include "model/arch.h"
#include "quant/quantize.h"

enum { BANK_BLOCK = 256, BANK_BLOCKS = 256, CHUNK_BYTES = 1 << 20, MAX_TYPES = 8 };

struct tensor_plan {
    char name[48];
    uint64_t shape[3];               /* [1] = 0: a vector; [2] = 0: not of experts */
    enum tensor_type type;
    float mean, amp;
};

struct maker {
    struct model_spec spec;
    const struct arch *arch;
    int gemma, bert, tabled;         /* tabled: tensors as the family's table lists them */
    struct hparams h;                /* the shape: for the table */
    enum tensor_type types[MAX_TYPES];
    size_t n_types, turn;
    struct arena arena;
    struct gguf_writer *out;
    struct tensor_plan *plan;
    size_t n_plan;
};

/* ---- the spec ------------------------------------------------------------------------------------ */

static enum hearth_status one_type(const char *field, const char *name, size_t n, enum tensor_type *out)
{
    char text[16];
    if (n >= sizeof text) n = sizeof text - 1;
    memcpy(text, name, n);
    text[n] = '\0';
    const struct type_info *info = type_by_name(text);
    if (!info) return fail(HEARTH_EUSAGE, "model spec: %s: \"%s\" is no tensor type", field, text);
    *out = info->id;
    return HEARTH_OK;
}

static enum hearth_status parse_types(struct maker *m, const char *list)
{
    for (const char *s = list; ; ) {
        size_t n = strcspn(s, ",");
        if (m->n_types == MAX_TYPES) return fail(HEARTH_EUSAGE, "model spec: type: more than %d names", MAX_TYPES);
        TRY(one_type("type", s, n, &m->types[m->n_types]));
        m->n_types++;
        if (!s[n]) return HEARTH_OK;
        s += n + 1;
    }
}

/* The shape as the family's table counts it. */
static enum hearth_status fill_shape(struct maker *m)
{
    const struct model_spec *s = &m->spec;
    struct layer_shape *at = arena_alloc(&m->arena, s->layers * sizeof *at);
    if (!at) return HEARTH_ENOMEM;
    for (uint32_t i = 0; i < s->layers; i++) {
        uint32_t kv = s->uneven ? 1 + i % s->kv_heads : s->kv_heads;
        at[i] = (struct layer_shape){ .heads = kv * (s->heads / s->kv_heads), .kv_heads = kv,
                                      .feed_forward = s->ffn + (s->uneven ? 32 * i : 0) };
    }
    m->h = (struct hparams){ .layers = s->layers, .width = s->width, .head_width = s->head_width, .vocabulary = s->vocab, .at = at,
                             .rope_width = s->rope_width, .experts = s->experts, .shared_feed_forward = s->shared_ffn,
                             .positions = m->bert ? s->context : 0, .types = m->bert ? 2 : 0, .dense = s->dense,
                             .embedding = s->width };
    return HEARTH_OK;
}

static enum hearth_status fill_defaults(struct maker *m)
{
    struct model_spec *s = &m->spec;
    if (!s->family) s->family = "llama";
    m->arch = arch_find(s->family, strlen(s->family));
    if (!m->arch) return fail(HEARTH_EUSAGE, "model spec: family: \"%s\" is none of src/model/arch.c", s->family);
    m->gemma = !strncmp(s->family, "gemma", 5);
    m->bert = !strcmp(s->family, "bert");
    m->tabled = strcmp(s->family, "gemma3") && (strcmp(s->family, "llama") || s->bias);
    if (!s->type) s->type = "F32";
    if (!s->name) s->name = "random";
    if (!s->layers) s->layers = 2;
    if (!s->width) s->width = 256;
    if (!s->heads) s->heads = 4;
    if (!s->kv_heads) s->kv_heads = s->heads < 2 ? 1 : 2;
    if (!s->head_width) s->head_width = s->width / s->heads;
    if (!s->ffn) s->ffn = 2 * s->width;
    if (!s->vocab) s->vocab = 512;
    if (!s->context) s->context = m->bert ? 512 : 2048;
    if (!s->window && m->arch->global_every) s->window = 64;
    if (m->bert) s->tied = s->bias = 1, s->kv_heads = s->heads;
    if (!s->rope_width) s->rope_width = s->head_width;
    if (m->arch->experts && !s->experts) s->experts = 8;
    if (m->arch->experts && !s->experts_used) s->experts_used = 2;
    if (s->rope_base == 0) s->rope_base = !strcmp(s->family, "gemma3") || !strcmp(s->family, "gemma-embedding") ? 1e6f : 1e4f;
    if (s->norm_eps == 0) s->norm_eps = m->gemma ? 1e-6f : m->bert ? 1e-12f : 1e-5f;
    if (m->gemma) s->tied = 1;
    if (s->heads % s->kv_heads)
        return fail(HEARTH_EUSAGE, "model spec: kv_heads: %u does not divide heads %u", s->kv_heads, s->heads);
    if (s->head_width == 0 || s->head_width % 2)
        return fail(HEARTH_EUSAGE, "model spec: head_width: %u is not an even number above 0", s->head_width);
    if (m->gemma && s->rope_factors) return fail(HEARTH_EUSAGE, "model spec: rope_factors: only for llama");
    TRY(fill_shape(m));
    return parse_types(m, s->type);
}

static const struct { const char *name; struct model_spec spec; } presets[] = {
    { "1B", { .layers = 16, .width = 2048, .heads = 32, .kv_heads = 8, .head_width = 64, .ffn = 8192, .vocab = 128256,
              .context = 131072, .rope_base = 500000, .tied = 1, .rope_factors = 1, .bank = 1, .name = "random 1B" } },
    { "3B", { .layers = 28, .width = 3072, .heads = 24, .kv_heads = 8, .head_width = 128, .ffn = 8192, .vocab = 128256,
              .context = 131072, .rope_base = 500000, .tied = 1, .rope_factors = 1, .bank = 1, .name = "random 3B" } },
    { "7B", { .layers = 32, .width = 4096, .heads = 32, .kv_heads = 32, .head_width = 128, .ffn = 11008, .vocab = 32000,
              .context = 4096, .bank = 1, .name = "random 7B" } },
};

static int set_preset(struct model_spec *s, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name)) { *s = presets[i].spec; return 1; }
    return 0;
}

/* 1 when the field is known and the value fits. */
static int set_field(struct model_spec *s, const char *key, const char *value)
{
    const struct { const char *key; const char **text; uint32_t *number; int *flag; float *real; } fields[] = {
        { "family", &s->family, 0, 0, 0 },          { "type", &s->type, 0, 0, 0 },
        { "embed_type", &s->embed_type, 0, 0, 0 },  { "output_type", &s->output_type, 0, 0, 0 },
        { "name", &s->name, 0, 0, 0 },              { "chat_template", &s->chat_template, 0, 0, 0 },
        { "layers", 0, &s->layers, 0, 0 },          { "width", 0, &s->width, 0, 0 },
        { "heads", 0, &s->heads, 0, 0 },            { "kv_heads", 0, &s->kv_heads, 0, 0 },
        { "head_width", 0, &s->head_width, 0, 0 },  { "ffn", 0, &s->ffn, 0, 0 },
        { "vocab", 0, &s->vocab, 0, 0 },            { "context", 0, &s->context, 0, 0 },
        { "window", 0, &s->window, 0, 0 },          { "tied", 0, 0, &s->tied, 0 },
        { "rope_factors", 0, 0, &s->rope_factors, 0 }, { "bank", 0, 0, &s->bank, 0 },
        { "middle", 0, 0, &s->middle, 0 },          { "bias", 0, 0, &s->bias, 0 },
        { "uneven", 0, 0, &s->uneven, 0 },          { "rope_width", 0, &s->rope_width, 0, 0 },
        { "rope_original", 0, &s->rope_original, 0, 0 }, { "experts", 0, &s->experts, 0, 0 },
        { "experts_used", 0, &s->experts_used, 0, 0 }, { "shared_ffn", 0, &s->shared_ffn, 0, 0 },
        { "dense", 0, &s->dense, 0, 0 },             { "pooling", 0, &s->pooling, 0, 0 },
        { "rope_magnitude", 0, 0, 0, &s->rope_magnitude }, { "embedding_scale", 0, 0, 0, &s->embedding_scale },
        { "residual_scale", 0, 0, 0, &s->residual_scale }, { "attention_scale", 0, 0, 0, &s->attention_scale },
        { "logit_scale", 0, 0, 0, &s->logit_scale }, { "attention_softcap", 0, 0, 0, &s->attention_softcap },
        { "logit_softcap", 0, 0, 0, &s->logit_softcap },
        { "rope_base", 0, 0, 0, &s->rope_base },    { "norm_eps", 0, 0, 0, &s->norm_eps },
    };
    char *end = NULL;
    errno = 0;
    if (!strcmp(key, "preset")) return set_preset(s, value);
    if (!strcmp(key, "seed")) {
        s->seed = strtoull(value, &end, 10);
        return *value && !*end && !errno;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].key, key)) continue;
        if (fields[i].text) { *fields[i].text = value; return 1; }
        if (fields[i].real) *fields[i].real = strtof(value, &end);
        else {
            unsigned long n = strtoul(value, &end, 10);
            if (n > (fields[i].flag ? 1 : UINT32_MAX)) return 0;
            if (fields[i].flag) *fields[i].flag = (int)n;
            else *fields[i].number = (uint32_t)n;
        }
        return *value && !*end && !errno;
    }
    return 0;
}

enum hearth_status model_spec_word(struct model_spec *spec, char *word)
{
    char *eq = strchr(word, '=');
    if (!eq) return fail(HEARTH_EUSAGE, "model spec: \"%s\" is not field=value", word);
    *eq = '\0';
    if (!set_field(spec, word, eq + 1))
        return fail(HEARTH_EUSAGE, "model spec: %s=%s: no such field, or a value that does not fit", word, eq + 1);
    return HEARTH_OK;
}

enum hearth_status model_spec_words(struct model_spec *spec, char *words)
{
    char *rest = NULL;
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) TRY(model_spec_word(spec, w));
    return HEARTH_OK;
}

/* ---- metadata ------------------------------------------------------------------------------------ */

static struct gguf_string text_of(const char *s) { return (struct gguf_string){ s, strlen(s) }; }

static enum hearth_status put(struct maker *m, const char *key, struct gguf_value value)
{
    struct gguf_kv kv = { text_of(key), value };
    return gguf_writer_kv(m->out, &kv);
}

static enum hearth_status put_text(struct maker *m, const char *key, const char *s)
{
    return put(m, key, (struct gguf_value){ .type = GGUF_STRING, .as.str = text_of(s) });
}

static enum hearth_status put_bool(struct maker *m, const char *key, int b)
{
    return put(m, key, (struct gguf_value){ .type = GGUF_BOOL, .as.b = b != 0 });
}

/* Keys that begin with "." stand under the family's name: ".block_count" is "llama.block_count". */
static const char *full_key(const struct maker *m, const char *key, char out[64])
{
    if (key[0] != '.') return key;
    snprintf(out, 64, "%s%s", m->spec.family, key);
    return out;
}

static enum hearth_status put_u32(struct maker *m, const char *key, uint32_t u)
{
    char text[64];
    return put(m, full_key(m, key, text), (struct gguf_value){ .type = GGUF_U32, .as.u = u });
}

static enum hearth_status put_f32(struct maker *m, const char *key, float f)
{
    char text[64];
    return put(m, full_key(m, key, text), (struct gguf_value){ .type = GGUF_F32, .as.f = f });
}

/* A number of every layer; of uneven ones an array. */
static enum hearth_status put_each(struct maker *m, const char *key, size_t offset)
{
    int32_t *list = arena_alloc(&m->arena, m->h.layers * sizeof *list);
    char text[64];
    if (!list) return HEARTH_ENOMEM;
    for (uint32_t i = 0; i < m->h.layers; i++) memcpy(&list[i], (const char *)&m->h.at[i] + offset, sizeof *list);
    if (!m->spec.uneven) return put_u32(m, key, (uint32_t)list[0]);
    return put(m, full_key(m, key, text), (struct gguf_value){ .type = GGUF_ARRAY,
               .as.array = { .type = GGUF_I32, .n = m->h.layers, .data = list } });
}

/* What some families have. */
static enum hearth_status put_peculiar(struct maker *m)
{
    const struct model_spec *s = &m->spec;
    const struct { const char *key; float value; } real[] = {
        { ".embedding_scale", s->embedding_scale }, { ".residual_scale", s->residual_scale }, { ".attention.scale", s->attention_scale },
        { ".logit_scale", s->logit_scale }, { ".attn_logit_softcapping", s->attention_softcap },
        { ".final_logit_softcapping", s->logit_softcap }, { ".rope.scaling.attn_factor", s->rope_magnitude } };
    const struct { const char *key; uint32_t value; } whole[] = {
        { ".expert_count", s->experts }, { ".expert_used_count", s->experts_used }, { ".expert_shared_feed_forward_length", s->shared_ffn },
        { ".rope.scaling.original_context_length", s->rope_original } };
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (real[i].value != 0) TRY(put_f32(m, real[i].key, real[i].value));
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (whole[i].value) TRY(put_u32(m, whole[i].key, whole[i].value));
    char key[64];
    return s->rope_original ? put_text(m, full_key(m, ".rope.scaling.type", key), "longrope") : HEARTH_OK;
}

static enum hearth_status put_shape(struct maker *m)
{
    const struct model_spec *s = &m->spec;
    char causal[64];
    int own_width = m->gemma || s->uneven || s->head_width * s->heads != s->width;
    TRY(put_text(m, "general.architecture", s->family));
    TRY(put_text(m, "general.type", "model"));
    TRY(put_text(m, "general.name", s->name));
    TRY(put_u32(m, ".block_count", s->layers));
    TRY(put_u32(m, ".context_length", s->context));
    TRY(put_u32(m, ".embedding_length", s->width));
    TRY(put_each(m, ".feed_forward_length", offsetof(struct layer_shape, feed_forward)));
    TRY(put_each(m, ".attention.head_count", offsetof(struct layer_shape, heads)));
    TRY(put_each(m, ".attention.head_count_kv", offsetof(struct layer_shape, kv_heads)));
    if (!m->bert) TRY(put_f32(m, ".rope.freq_base", s->rope_base));
    TRY(put_f32(m, m->arch->layer_norms ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon", s->norm_eps));
    if (m->arch->both_sides) TRY(put_bool(m, full_key(m, ".attention.causal", causal), 0));
    if (s->pooling) TRY(put_u32(m, ".pooling_type", s->pooling));
    if (s->dense) TRY(put_u32(m, ".dense_2_feat_in", s->width));
    if (s->dense) TRY(put_u32(m, ".dense_2_feat_out", s->dense));
    if (s->dense) TRY(put_u32(m, ".dense_3_feat_in", s->dense));
    if (s->dense) TRY(put_u32(m, ".dense_3_feat_out", s->width));
    if (own_width) {
        TRY(put_u32(m, ".attention.key_length", s->head_width));
        TRY(put_u32(m, ".attention.value_length", s->head_width));
    }
    if (s->window) TRY(put_u32(m, ".attention.sliding_window", s->window));
    if (!m->gemma) {
        TRY(put_u32(m, ".vocab_size", s->vocab));
        if (!m->bert) TRY(put_u32(m, ".rope.dimension_count", s->rope_width));
    }
    TRY(put_peculiar(m));
    return put_u32(m, "general.quantization_version", 2);
}

/* ---- the vocabulary ------------------------------------------------------------------------------ */

struct vocab { struct gguf_string *token, *merge; int32_t *kind; float *score; uint32_t n, n_merges; };
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

static enum hearth_status vocab_add(struct maker *m, struct vocab *v, const char *s, int kind)
{
    char *copy = arena_strndup(&m->arena, s, strlen(s));
    if (!copy) return HEARTH_ENOMEM;
    v->token[v->n] = text_of(copy);
    v->kind[v->n] = kind;
    v->score[v->n] = kind == NORMAL ? -(float)v->n : 0.0f;
    v->n++;
    return HEARTH_OK;
}

/* Longer token i, as the two tokens it is merged from; 0 past the last. */
static int longer_token(uint32_t i, const char *space, char left[8], char right[8])
{
    if (i < 26) {
        snprintf(left, 8, "%s", space);
        snprintf(right, 8, "%c", 'a' + (int)i);
        return 1;
    }
    if ((i -= 26) < 26 * 26) {
        snprintf(left, 8, "%c", 'a' + (int)(i / 26));
        snprintf(right, 8, "%c", 'a' + (int)(i % 26));
        return 1;
    }
    if ((i -= 26 * 26) >= 676u * 676u) return 0;
    uint32_t a = i / 676, b = i % 676;
    snprintf(left, 8, "%c%c", 'a' + (int)(a / 26), 'a' + (int)(a % 26));
    snprintf(right, 8, "%c%c", 'a' + (int)(b / 26), 'a' + (int)(b % 26));
    return 1;
}

/* GPT-2 writes every byte as a printable character: the printable ones of Latin-1 as themselves, the others in
 * ascending order from U+0100 on. */
static void byte_character(int byte, char out[8])
{
    uint32_t next = 256, cp = 0;
    for (int b = 0; b <= byte; b++) {
        int printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        cp = printable ? (uint32_t)b : next++;
    }
    out[utf8_write(cp, out)] = '\0';
}

static enum hearth_status vocab_first(struct maker *m, struct vocab *v)
{
    static const char *const bpe[] = { "<|endoftext|>", "<|im_start|>", "<|im_end|>" };
    static const char *const spm[] = { "<pad>", "<eos>", "<bos>", "<unk>" };
    char text[8];
    for (int i = 0; i < (m->gemma ? 4 : 3); i++)
        TRY(vocab_add(m, v, m->gemma ? spm[i] : bpe[i], m->gemma && i == 3 ? UNKNOWN : CONTROL));
    for (int b = 0; b < 256; b++) {
        if (m->gemma) snprintf(text, sizeof text, "<0x%02X>", (unsigned)b);
        else byte_character(b, text);
        TRY(vocab_add(m, v, text, m->gemma ? BYTE : NORMAL));
    }
    if (!m->gemma) return HEARTH_OK;
    TRY(vocab_add(m, v, "\xE2\x96\x81", NORMAL));       /* the space mark */
    for (char c = '!'; c <= '~'; c++) TRY(vocab_add(m, v, (char[2]){ c, '\0' }, NORMAL));
    return HEARTH_OK;
}

static enum hearth_status vocab_longer(struct maker *m, struct vocab *v)
{
    const char *space = m->gemma ? "\xE2\x96\x81" : "\xC4\xA0";
    char left[8], right[8], text[20];
    static const char *const middle[] = { "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>" };
    uint32_t marks = m->spec.middle && !m->gemma ? 3 : 0;
    while (v->n < m->spec.vocab - marks) {
        if (!longer_token(v->n_merges, space, left, right))
            return fail(HEARTH_EUSAGE, "model spec: vocab: %u is more than the %u that can be made", m->spec.vocab, v->n);
        snprintf(text, sizeof text, "%s %s", left, right);
        char *merge = arena_strndup(&m->arena, text, strlen(text));
        if (!merge) return HEARTH_ENOMEM;
        v->merge[v->n_merges++] = text_of(merge);
        snprintf(text, sizeof text, "%s%s", left, right);
        TRY(vocab_add(m, v, text, NORMAL));
    }
    for (uint32_t i = 0; i < marks; i++) TRY(vocab_add(m, v, middle[i], CONTROL));
    return HEARTH_OK;
}

static enum hearth_status put_vocab(struct maker *m)
{
    uint32_t n = m->spec.vocab, least = m->gemma ? 4 + 256 + 95 : 3 + 256 + 3 * (uint32_t)m->spec.middle;
    if (n < least) return fail(HEARTH_EUSAGE, "model spec: vocab: %u is less than %u", n, least);
    struct vocab v = { arena_alloc(&m->arena, n * sizeof *v.token), arena_alloc(&m->arena, n * sizeof *v.merge),
                       arena_alloc(&m->arena, n * sizeof *v.kind), arena_alloc(&m->arena, n * sizeof *v.score), 0, 0 };
    if (!v.token || !v.merge || !v.kind || !v.score) return HEARTH_ENOMEM;
    TRY(vocab_first(m, &v));
    TRY(vocab_longer(m, &v));
    TRY(put_text(m, "tokenizer.ggml.model", m->gemma ? "llama" : "gpt2"));
    TRY(put_text(m, "tokenizer.ggml.pre", m->gemma ? "default" : "smollm"));
    TRY(put(m, "tokenizer.ggml.tokens", (struct gguf_value){ .type = GGUF_ARRAY,
            .as.array = { .type = GGUF_STRING, .n = v.n, .strings = v.token } }));
    TRY(put(m, "tokenizer.ggml.token_type", (struct gguf_value){ .type = GGUF_ARRAY,
            .as.array = { .type = GGUF_I32, .n = v.n, .data = v.kind } }));
    if (m->gemma)
        TRY(put(m, "tokenizer.ggml.scores", (struct gguf_value){ .type = GGUF_ARRAY,
                .as.array = { .type = GGUF_F32, .n = v.n, .data = v.score } }));
    else
        TRY(put(m, "tokenizer.ggml.merges", (struct gguf_value){ .type = GGUF_ARRAY,
                .as.array = { .type = GGUF_STRING, .n = v.n_merges, .strings = v.merge } }));
    TRY(put_u32(m, "tokenizer.ggml.bos_token_id", m->gemma ? 2 : 1));
    TRY(put_u32(m, "tokenizer.ggml.eos_token_id", m->gemma ? 1 : 2));
    TRY(put_u32(m, "tokenizer.ggml.unknown_token_id", m->gemma ? 3 : 0));
    TRY(put_u32(m, "tokenizer.ggml.padding_token_id", m->gemma ? 0 : 2));
    TRY(put_bool(m, "tokenizer.ggml.add_bos_token", m->gemma));
    TRY(put_bool(m, "tokenizer.ggml.add_eos_token", 0));
    TRY(put_bool(m, "tokenizer.ggml.add_space_prefix", 0));
    if (m->spec.chat_template) TRY(put_text(m, "tokenizer.chat_template", m->spec.chat_template));
    return HEARTH_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static void plan_vector(struct maker *m, const char *name, uint64_t n, float mean)
{
    struct tensor_plan *t = &m->plan[m->n_plan++];
    *t = (struct tensor_plan){ .shape = { n, 0, 0 }, .type = T_F32, .mean = mean, .amp = mean / 4 };
    snprintf(t->name, sizeof t->name, "%s.weight", name);
}

static enum hearth_status plan_matrix(struct maker *m, const char *name, uint64_t in, uint64_t out,
                                      enum tensor_type type, float amp)
{
    const struct type_info *info = type_info(type);
    uint32_t unit = m->spec.bank ? BANK_BLOCK : info->block;
    if (in % unit)
        return fail(HEARTH_EUSAGE, "model spec: %s: rows of %llu are not a multiple of %u, as %s needs", name,
                    (unsigned long long)in, unit, info->name);
    struct tensor_plan *t = &m->plan[m->n_plan++];
    *t = (struct tensor_plan){ .shape = { in, out, 0 }, .type = type, .amp = amp };
    snprintf(t->name, sizeof t->name, "%s.weight", name);
    return HEARTH_OK;
}

static enum hearth_status plan_layer(struct maker *m, uint32_t layer)
{
    const struct model_spec *s = &m->spec;
    uint64_t q = (uint64_t)s->heads * s->head_width, kv = (uint64_t)s->kv_heads * s->head_width;
    const struct { const char *name; uint64_t in, out; float gain; } matrix[] = {
        { "attn_q", s->width, q, 1.2f },       { "attn_k", s->width, kv, 1.2f },   { "attn_v", s->width, kv, 1 },
        { "attn_output", q, s->width, 1 },     { "ffn_gate", s->width, s->ffn, 1 }, { "ffn_up", s->width, s->ffn, 1 },
        { "ffn_down", s->ffn, s->width, 1.5f } };
    const struct { const char *name; uint64_t n; int gemma; } vector[] = {
        { "attn_norm", s->width, 0 }, { "ffn_norm", s->width, 0 }, { "attn_q_norm", s->head_width, 1 },
        { "attn_k_norm", s->head_width, 1 }, { "post_attention_norm", s->width, 1 }, { "post_ffw_norm", s->width, 1 } };
    char name[40];
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) {
        if (vector[i].gemma && !m->gemma) continue;
        snprintf(name, sizeof name, "blk.%u.%s", layer, vector[i].name);
        plan_vector(m, name, vector[i].n, 1);
    }
    for (size_t i = 0; i < sizeof matrix / sizeof *matrix; i++) {
        snprintf(name, sizeof name, "blk.%u.%s", layer, matrix[i].name);
        TRY(plan_matrix(m, name, matrix[i].in, matrix[i].out, m->types[m->turn++ % m->n_types],
                        matrix[i].gain * sqrtf(6.0f / (float)matrix[i].in)));
    }
    return HEARTH_OK;
}

/* ---- tensors by the family's table ---- */

static int is_left_out(const struct maker *m, const struct tensor_spec *s)
{
    const struct model_spec *p = &m->spec;
    if (s->before != DIM_NONE || hparams_dim(&m->h, s->outputs, 0) == 0 || hparams_dim(&m->h, s->inputs, 0) == 0) return 1;
    if (strstr(s->name, ".bias")) return !(p->bias || s->required);
    if (!strcmp(s->name, "output.weight")) return p->tied;
    if (s->inputs == DIM_ROPE_HALF) return !(strstr(s->name, "factors") ? p->rope_original > 0 : p->rope_factors);
    return 0;
}

static enum hearth_status plan_listed(struct maker *m, const struct tensor_spec *s, uint32_t layer)
{
    static const struct { const char *word; float gain; } gains[] = {
        { "attn_q", 1.2f }, { "attn_k", 1.2f }, { "ffn_down", 1.5f }, { "ffn_gate_inp", 2 }, { "", 1 } };
    const struct model_spec *p = &m->spec;
    uint64_t in = hparams_dim(&m->h, s->inputs, layer);
    char name[40];
    if (s->where == IN_LAYER) snprintf(name, sizeof name, "blk.%u%s", layer, strchr(s->name, '%') + 2);
    else snprintf(name, sizeof name, "%s", s->name);
    char *dot = strrchr(name, '.');
    if (s->what == VECTOR) {
        float mean = !strncmp(name, "rope", 4) ? 0 : strncmp(name, "output", 6) || m->arch->both_sides ? 1 : m->gemma ? 4 : 3;
        int bias = !strcmp(dot, ".bias");
        *dot = 0;
        plan_vector(m, name, in, mean);
        if (!bias) return HEARTH_OK;
        struct tensor_plan *t = &m->plan[m->n_plan - 1];
        t->mean = 0, t->amp = 0.75f;
        snprintf(t->name, sizeof t->name, "%s.bias", name);
        return HEARTH_OK;
    }
    int in_model = s->where == IN_MODEL, embedding = in_model && !strcmp(name, "token_embd.weight");
    float gain = embedding ? m->bert ? sqrtf((float)p->width) : m->gemma ? 0.5f : p->tied ? 1 : sqrtf((float)p->width) : 1;
    for (size_t i = 0; !in_model && i < sizeof gains / sizeof *gains; i++)
        if (strstr(name, gains[i].word)) {
            gain = gains[i].gain;
            break;
        }
    if (in_model && m->bert && !embedding) gain = !strncmp(name, "dense", 5) ? 1 : sqrtf((float)p->width) / 2;    /* positions, kinds of text */
    *dot = 0;
    TRY(plan_matrix(m, name, in, hparams_whole(&m->h, s, layer), in_model ? m->types[0] : m->types[m->turn++ % m->n_types],
                    gain * sqrtf(6.0f / (float)in)));
    if (s->what == EXPERTS) m->plan[m->n_plan - 1].shape[2] = p->experts;
    return HEARTH_OK;
}

static enum hearth_status plan_table(struct maker *m)
{
    m->plan = mem_array(m->arch->n_tensors * m->spec.layers, sizeof *m->plan);
    if (!m->plan) return HEARTH_ENOMEM;
    for (size_t i = 0; i < m->arch->n_tensors; i++) {
        const struct tensor_spec *s = &m->arch->tensors[i];
        for (uint32_t l = 0; l < (s->where == IN_LAYER ? m->spec.layers : 1) && !is_left_out(m, s); l++) TRY(plan_listed(m, s, l));
    }
    return HEARTH_OK;
}

static enum hearth_status plan_tensors(struct maker *m)
{
    const struct model_spec *s = &m->spec;
    enum tensor_type embed = m->types[0], output = m->types[0];
    float unit = sqrtf(6.0f / (float)s->width);
    if (s->embed_type) TRY(one_type("embed_type", s->embed_type, strlen(s->embed_type), &embed));
    if (s->output_type) TRY(one_type("output_type", s->output_type, strlen(s->output_type), &output));
    m->plan = mem_array((size_t)s->layers * 13 + 4, sizeof *m->plan);
    if (!m->plan) return HEARTH_ENOMEM;
    /* gemma3 multiplies its embeddings by sqrt(width); half a unit keeps a tied model from repeating its input */
    TRY(plan_matrix(m, "token_embd", s->width, s->vocab, embed, m->gemma ? unit / 2 : s->tied ? unit : sqrtf(6.0f)));
    if (s->rope_factors) plan_vector(m, "rope_freqs", s->head_width / 2, 0);
    for (uint32_t i = 0; i < s->layers; i++) TRY(plan_layer(m, i));
    plan_vector(m, "output_norm", s->width, m->gemma ? 4 : 3);
    if (!s->tied) TRY(plan_matrix(m, "output", s->width, s->vocab, output, unit));
    return HEARTH_OK;
}

/* n weights of tensor `which` from element `at` on; both are multiples of 4 but for the end of a tensor. */
static void random_weights(const struct maker *m, size_t which, uint64_t at, float *dst, size_t n)
{
    const struct tensor_plan *t = &m->plan[which];
    for (size_t i = 0; i < n; i += 4) {
        uint64_t k = (at + i) / 4;
        uint32_t counter[4] = { (uint32_t)k, (uint32_t)(k >> 32), (uint32_t)which, 0x6d6f646c /* "modl" */ }, word[4];
        philox4x32(m->spec.seed, counter, word);
        for (size_t j = 0; j < 4 && i + j < n; j++) {
            int32_t sum = (int32_t)(word[j] >> 16) + (int32_t)(word[j] & 0xFFFF) - 65535;
            dst[i + j] = t->mean + t->amp * ((float)sum * 0x1p-16f);
        }
    }
}

/* Phi's: the long ones rise from 1 by a half, the short ones from 1 by an eighth. */
static void long_rope_factors(float *dst, size_t n, int is_long)
{
    for (size_t i = 0; i < n; i++) dst[i] = 1 + (float)i / (is_long ? 2 : 8);
}

/* LLaMA 3.x slows the low frequencies: the first half stays, then factors rise from 1 to 8, all exact. */
static void rope_factors(float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t late = 2 * i < n ? 0 : 2 * i - n;
        size_t eighths = 56 * late / n;
        dst[i] = 1 + (float)(eighths > 56 ? 56 : eighths) / 8;
    }
}

static enum hearth_status write_vector(struct maker *m, size_t which)
{
    uint64_t n = m->plan[which].shape[0];
    float *row = mem_array(n, sizeof *row);
    if (!row) return HEARTH_ENOMEM;
    const char *name = m->plan[which].name;
    if (!strcmp(name, "rope_freqs.weight")) rope_factors(row, n);
    else if (!strncmp(name, "rope_factors", 12)) long_rope_factors(row, n, strstr(name, "long") != NULL);
    else random_weights(m, which, 0, row, n);
    enum hearth_status st = gguf_writer_data(m->out, row, n * sizeof *row);
    free(row);
    return st;
}

/* Quantises rows a megabyte at a time. */
static uint64_t rows_of(const struct tensor_plan *t) { return t->shape[1] * (t->shape[2] ? t->shape[2] : 1); }

static enum hearth_status write_rows(struct maker *m, size_t which, float *row, char *bytes)
{
    const struct tensor_plan *t = &m->plan[which];
    const struct type_info *info = type_info(t->type);
    size_t n = t->shape[0], row_bytes = n / info->block * info->bytes, have = 0;
    for (uint64_t r = 0; r < rows_of(t); r++) {
        random_weights(m, which, r * n, row, n);
        TRY(quantize_row(t->type, row, bytes + have, n));
        have += row_bytes;
        if (have < CHUNK_BYTES && r + 1 < rows_of(t)) continue;
        TRY(gguf_writer_data(m->out, bytes, have));
        have = 0;
    }
    return HEARTH_OK;
}

/* Draws blocks of 256 weights from a bank of 256 of them. */
static enum hearth_status write_bank(struct maker *m, size_t which, float *row, char *bytes)
{
    const struct tensor_plan *t = &m->plan[which];
    const struct type_info *info = type_info(t->type);
    size_t block_bytes = BANK_BLOCK / info->block * info->bytes, have = 0;
    uint64_t blocks = t->shape[0] / BANK_BLOCK * rows_of(t);
    char *bank = mem_array(BANK_BLOCKS, block_bytes);
    if (!bank) return HEARTH_ENOMEM;
    enum hearth_status st = HEARTH_OK;
    for (size_t b = 0; b < BANK_BLOCKS && st == HEARTH_OK; b++) {
        random_weights(m, which, b * BANK_BLOCK, row, BANK_BLOCK);
        st = quantize_row(t->type, row, bank + b * block_bytes, BANK_BLOCK);
    }
    for (uint64_t b = 0; b < blocks && st == HEARTH_OK; b += 16) {
        uint32_t counter[4] = { (uint32_t)(b / 16), (uint32_t)(b / 16 >> 32), (uint32_t)which, 0x62616e6b /* "bank" */ };
        uint32_t word[4];
        philox4x32(m->spec.seed, counter, word);
        for (uint64_t j = 0; j < 16 && b + j < blocks; j++, have += block_bytes)
            memcpy(bytes + have, bank + (word[j / 4] >> (8 * (j % 4)) & 0xFF) * block_bytes, block_bytes);
        if (have < CHUNK_BYTES && b + 16 < blocks) continue;
        st = gguf_writer_data(m->out, bytes, have);
        have = 0;
    }
    free(bank);
    return st;
}

static enum hearth_status write_matrix(struct maker *m, size_t which)
{
    const struct tensor_plan *t = &m->plan[which];
    size_t n = t->shape[0];
    float *row = mem_array(n, sizeof *row);
    char *bytes = mem_array(1, CHUNK_BYTES + n * sizeof *row + 16 * BANK_BLOCK * sizeof *row);
    enum hearth_status st = HEARTH_ENOMEM;
    if (row && bytes) st = m->spec.bank ? write_bank(m, which, row, bytes) : write_rows(m, which, row, bytes);
    free(bytes);
    free(row);
    return st;
}

static enum hearth_status make(struct maker *m, const char *path)
{
    TRY(fill_defaults(m));
    TRY(m->tabled ? plan_table(m) : plan_tensors(m));
    TRY(gguf_writer_open(path, 32, &m->out));
    TRY(put_shape(m));
    TRY(put_vocab(m));
    for (size_t i = 0; i < m->n_plan; i++)
        TRY(gguf_writer_tensor(m->out, m->plan[i].name, m->plan[i].shape[2] ? 3 : m->plan[i].shape[1] ? 2 : 1, m->plan[i].shape,
                               m->plan[i].type));
    TRY(gguf_writer_begin(m->out));
    for (size_t i = 0; i < m->n_plan; i++)
        TRY(m->plan[i].shape[1] ? write_matrix(m, i) : write_vector(m, i));
    return gguf_writer_commit(m->out);
}

enum hearth_status model_make(const char *path, const struct model_spec *spec)
{
    struct maker m = { .spec = *spec };
    arena_init(&m.arena, 0);
    enum hearth_status st = make(&m, path);
    if (m.out) gguf_writer_close(m.out);
    free(m.plan);
    arena_free(&m.arena);
    return st;
}

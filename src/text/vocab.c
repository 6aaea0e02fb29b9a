/* vocab.c - reading a vocabulary, and finding tokens in it.
 *
 * Made to be quick at start, since it stands between the person and the first token: one pass measures and checks, one
 * pass copies the bytes and fills the table.  262,144 tokens take some 20 ms.
 *
 * The table is open addressing with linear probing, at most half full.  A slot keeps 32 further bits of the hash, so
 * that a miss is known without looking at the token.  A file could be made such that its tokens collide; it is refused
 * when a token lands more than PROBES slots away, which never happens by chance.
 */
#include "text/vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vocab_slot { uint32_t tag; int32_t next_id; /* id + 1; 0: free */ };

enum { PROBES = 1000 };

#define TOKENS_KEY "tokenizer.ggml.tokens"
#define TYPES_KEY "tokenizer.ggml.token_type"

/* ---- hashing ---- */

static inline uint64_t load64(const char *p) { uint64_t x; memcpy(&x, p, 8); return x; }
static inline uint64_t load32(const char *p) { uint32_t x; memcpy(&x, p, 4); return x; }

static inline uint64_t mix(uint64_t h) {
    h *= 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
    return h ^ (h >> 29);
}

uint64_t vocab_hash(const char *s, size_t n) {
    uint64_t h = n;
    for (; n > 8; s += 8, n -= 8) h = mix(h ^ load64(s));
    const unsigned char *u = (const unsigned char *)s;
    uint64_t tail = 0; /* 8 bytes or fewer: loads that may overlap */
    if (n >= 4) tail = load32(s) << 32 | load32(s + n - 4);
    else if (n) tail = (uint32_t)u[0] << 16 | (uint32_t)u[n / 2] << 8 | u[n - 1];
    return mix(mix(h ^ tail) + tail);
}

/* ---- the alphabet of byte-level BPE: printable bytes stand for themselves, the others for U+0100 onwards ---- */

static int is_printable(int byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD); }

static void byte_level_table(int16_t table[VOCAB_BYTE_CHARS]) {
    int moved = 0x100;
    for (int c = 0; c < VOCAB_BYTE_CHARS; c++) table[c] = -1;
    for (int byte = 0; byte < 256; byte++) table[is_printable(byte) ? byte : moved++] = (int16_t)byte;
}

void vocab_byte_alphabet(struct vocab *v) { byte_level_table(v->byte_of); }

int64_t vocab_from_byte_level(const struct vocab *v, const char *s, size_t n, char *out) {
    const unsigned char *p = (const unsigned char *)s;
    int64_t len = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = p[i];
        if (c >= 0x80) { /* two bytes of UTF-8 are enough for all these characters */
            if (c < 0xC2 || c > 0xC5 || i + 1 == n || (p[i + 1] & 0xC0) != 0x80) return -1;
            c = (c & 0x1F) << 6 | (p[++i] & 0x3F);
        }
        if (c >= VOCAB_BYTE_CHARS || v->byte_of[c] < 0) return -1;
        out[len++] = (char)v->byte_of[c];
    }
    return len;
}

size_t vocab_byte_char(unsigned char byte, char out[2]) {
    unsigned c = byte;
    if (!is_printable(byte)) c = byte <= 0x20 ? 0x100u + byte : byte < 0xA1 ? 0x121u + (byte - 0x7Fu) : 0x143u;
    if (c < 0x80) return out[0] = (char)c, 1;
    return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
}

/* ---- the table ---- */

/* What a token is found by. */
static const char *key_of(const struct vocab *v, int32_t id, size_t *n) {
    if (v->alphabet != VOCAB_TEXT) return vocab_bytes(v, id, n);
    *n = (size_t)v->text[id].n;
    return v->text[id].s;
}

static enum hearth_status slots_init(struct vocab *v) {
    int bits = 4;
    while ((uint64_t)1 << bits < 2 * (uint64_t)v->n) bits++;
    v->shift = 64 - bits;
    v->slots = mem_array((size_t)1 << bits, sizeof *v->slots);
    return v->slots ? HEARTH_OK : HEARTH_ENOMEM;
}

/* The slot of these bytes: the one that has them, or the free one where they would go; NULL: too far away. */
static struct vocab_slot *slot_of(const struct vocab *v, const char *s, size_t n, uint64_t hash) {
    size_t mask = SIZE_MAX >> v->shift, i = hash >> v->shift;
    for (int probe = 0; probe < PROBES; probe++, i = (i + 1) & mask) {
        struct vocab_slot *slot = v->slots + i;
        if (!slot->next_id) return slot;
        if (slot->tag != (uint32_t)hash) continue;
        size_t len;
        const char *bytes = key_of(v, slot->next_id - 1, &len);
        if (len == n && !memcmp(bytes, s, n)) return slot;
    }
    return NULL;
}

static enum hearth_status slots_add(struct vocab *v, int32_t id) {
    size_t n;
    const char *s = key_of(v, id, &n);
    if (n == 0) return HEARTH_OK; /* empty tokens exist; no text becomes one */
    uint64_t hash = vocab_hash(s, n);
    struct vocab_slot *slot = slot_of(v, s, n, hash);
    if (!slot) return fail(HEARTH_ELIMIT, "%s: %s: token %d lies %d places from where its hash puts it, allowed: fewer "
                           "(the tokens were chosen to collide)", v->path, v->alphabet == VOCAB_TEXT ? "model.vocab" : TOKENS_KEY, id, PROBES);
    if (slot->next_id) return HEARTH_OK; /* a duplicate: the first one stands */
    *slot = (struct vocab_slot){ (uint32_t)hash, id + 1 };
    if (n > v->longest) v->longest = (uint32_t)n;
    return HEARTH_OK;
}

int32_t vocab_find(const struct vocab *v, const char *s, size_t n) {
    if (n == 0 || n > v->longest) return -1;
    const struct vocab_slot *slot = slot_of(v, s, n, vocab_hash(s, n));
    return slot ? slot->next_id - 1 : -1;
}

/* ---- reading ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x0A>" -> 10; -1 when it is not written so. */
static int byte_token(const struct gguf_string *t) {
    if (t->n != 6 || memcmp(t->s, "<0x", 3) || t->s[5] != '>') return -1;
    int high = hex_digit(t->s[3]), low = hex_digit(t->s[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static enum hearth_status read_types(struct vocab *v, const struct gguf *g) {
    v->type = mem_array((size_t)v->n, 1);
    if (!v->type) return HEARTH_ENOMEM;
    const struct gguf_value *types = gguf_find(g, TYPES_KEY);
    if (!types) {
        memset(v->type, TOKEN_NORMAL, (size_t)v->n);
        return HEARTH_OK;
    }
    enum gguf_type t = types->type == GGUF_ARRAY ? types->as.array.type : GGUF_ARRAY;
    if (t == GGUF_STRING || t == GGUF_ARRAY || t == GGUF_F32 || t == GGUF_F64 || t == GGUF_BOOL)
        return fail(HEARTH_EFORMAT, "%s: %s: type %s, allowed: an array of integers", v->path, TYPES_KEY,
                    gguf_type_name(types->type == GGUF_ARRAY ? t : types->type));
    if (types->as.array.n != (uint64_t)v->n)
        return fail(HEARTH_EFORMAT, "%s: %s: %llu elements, allowed: %d, one for each token", v->path, TYPES_KEY,
                    (unsigned long long)types->as.array.n, v->n);
    for (int32_t i = 0; i < v->n; i++) {
        int64_t type = gguf_array_int(types, (uint64_t)i);
        if (type < TOKEN_NORMAL || type > TOKEN_BYTE)
            return fail(HEARTH_EFORMAT, "%s: %s: element %d is %lld, allowed: 1 to 6", v->path, TYPES_KEY, i,
                        (long long)type);
        v->type[i] = (uint8_t)type;
    }
    return HEARTH_OK;
}

/* U+2581 becomes a space.  Returns the length; *text_token = 0 when the file's text has a space of its own: there a
 * space is always written as U+2581, so no text becomes this token. */
static size_t from_space_mark(struct vocab *v, const struct gguf_string *t, char *out, int *text_token) {
    size_t n = 0;
    for (size_t i = 0; i < t->n;) {
        if (t->s[i] == '\xE2' && t->n - i >= 3 && !memcmp(t->s + i, "\xE2\x96\x81", 3)) {
            if (n && out[n - 1] != ' ') v->before_space[(unsigned char)out[n - 1]] = 1;
            out[n++] = ' ';
            i += 3;
        } else {
            if (t->s[i] == ' ') *text_token = 0;
            out[n++] = t->s[i++];
        }
    }
    return n;
}

/* Writes token id's bytes at pool[at[id]]; *text_token = 1 when text can become it. */
static enum hearth_status decode_token(struct vocab *v, int32_t id, int *text_token) {
    const struct gguf_string *t = v->text + id;
    char *out = v->pool + v->at[id];
    size_t n = (size_t)t->n;
    int type = v->type[id], plain = type == TOKEN_NORMAL || type == TOKEN_UNUSED;
    *text_token = type == TOKEN_NORMAL;
    if (type == TOKEN_BYTE) {
        int byte = byte_token(t);
        if (byte < 0)
            return fail(HEARTH_EFORMAT, "%s: %s: byte token %d is \"%.*s\", allowed: <0x00> to <0xFF>", v->path,
                        TOKENS_KEY, id, (int)(n < 20 ? n : 20), t->s);
        out[0] = (char)byte;
        n = 1;
        if (v->alphabet == VOCAB_SPACE_MARK && v->byte[byte] < 0) v->byte[byte] = id;
    } else if (v->alphabet == VOCAB_SPACE_MARK) {
        n = from_space_mark(v, t, out, text_token);
    } else if (plain) {
        int64_t len = vocab_from_byte_level(v, t->s, n, out);
        if (len >= 0) n = (size_t)len;
        else memcpy(out, t->s, n), *text_token = 0; /* not in the alphabet: no text becomes it, it stands for itself */
        if (n == 1 && *text_token && v->byte[(unsigned char)*out] < 0) v->byte[(unsigned char)*out] = id;
    } else {
        memcpy(out, t->s, n); /* special tokens are written as they stand in a text */
    }
    v->at[id + 1] = v->at[id] + (uint32_t)n;
    return HEARTH_OK;
}

/* Room for v->text's bytes. */
static enum hearth_status make_pool(struct vocab *v) {
    uint64_t bytes = 0;
    for (int32_t i = 0; i < v->n; i++) {
        if (v->text[i].n > VOCAB_TOKEN_MAX)
            return fail(HEARTH_EFORMAT, "%s: %s: token %d has %llu bytes, allowed: at most %d", v->path, TOKENS_KEY, i,
                        (unsigned long long)v->text[i].n, VOCAB_TOKEN_MAX);
        bytes += v->text[i].n; /* below 2^24 * 2^16 */
    }
    if (bytes > UINT32_MAX)
        return fail(HEARTH_EFORMAT, "%s: %s: %llu bytes in all, allowed: at most %u", v->path, TOKENS_KEY,
                    (unsigned long long)bytes, UINT32_MAX);
    v->pool = mem_array((size_t)bytes, 1);
    v->at = mem_array((size_t)v->n + 1, sizeof *v->at);
    return v->pool && v->at ? HEARTH_OK : HEARTH_ENOMEM;
}

static enum hearth_status read_tokens(struct vocab *v, const struct gguf *g) {
    const struct gguf_value *tokens;
    TRY(gguf_get_array(g, TOKENS_KEY, GGUF_STRING, &tokens));
    if (!tokens) return fail(HEARTH_EFORMAT, "%s: %s: missing, a tokenizer needs it", v->path, TOKENS_KEY);
    uint64_t n = tokens->as.array.n;
    if (n < 1 || n > VOCAB_SIZE_MAX)
        return fail(HEARTH_EFORMAT, "%s: %s: %llu tokens, allowed: 1 to %d", v->path, TOKENS_KEY, (unsigned long long)n,
                    VOCAB_SIZE_MAX);
    v->n = (int32_t)n;
    v->text = tokens->as.array.strings;
    return HEARTH_OK;
}

static enum hearth_status make_table(struct vocab *v) {
    TRY(slots_init(v));
    for (int32_t i = 0; i < v->n; i++) {
        int text_token;
        TRY(decode_token(v, i, &text_token));
        if (text_token) TRY(slots_add(v, i));
    }
    return HEARTH_OK;
}

static enum hearth_status fill_pieces(struct vocab *v, const uint8_t *type) {
    TRY(make_pool(v));
    if (!(v->type = mem_array((size_t)v->n, 1))) return HEARTH_ENOMEM;
    memcpy(v->type, type, (size_t)v->n);
    return make_table(v);
}

enum hearth_status vocab_init_pieces(struct vocab *v, const char *path, const struct gguf_string *text, const uint8_t *type, int32_t n) {
    *v = (struct vocab){ .path = path, .alphabet = VOCAB_SPACE_MARK, .n = n, .text = text };
    for (int i = 0; i < 256; i++) v->byte[i] = -1;
    enum hearth_status st = fill_pieces(v, type);
    if (st != HEARTH_OK) vocab_free(v);
    return st;
}

enum hearth_status vocab_keys(struct vocab *v, const struct gguf *g) {
    *v = (struct vocab){ .path = g->path };
    enum hearth_status st = read_tokens(v, g);
    if (st == HEARTH_OK) st = read_types(v, g);
    if (st != HEARTH_OK) vocab_free(v);
    return st;
}

static enum hearth_status vocab_fill(struct vocab *v, const struct gguf *g) {
    TRY(read_tokens(v, g));
    TRY(read_types(v, g));
    TRY(make_pool(v));
    return make_table(v);
}

enum hearth_status vocab_init(struct vocab *v, const struct gguf *g, enum vocab_alphabet alphabet) {
    *v = (struct vocab){ .path = g->path, .alphabet = alphabet };
    for (int i = 0; i < 256; i++) v->byte[i] = -1;
    byte_level_table(v->byte_of);
    enum hearth_status st = vocab_fill(v, g);
    if (st != HEARTH_OK) vocab_free(v);
    return st;
}

static enum hearth_status fill_list(struct vocab *v, const struct vocab_entry *list, int last) {
    uint64_t bytes = 0;
    for (int32_t i = 0; i < v->n; i++) bytes += list[i].bytes.n;
    if (bytes > UINT32_MAX) return fail(HEARTH_ELIMIT, "%s: model.vocab: %llu bytes in all, allowed: at most %u", v->path,
                                        (unsigned long long)bytes, UINT32_MAX);
    v->pool = mem_array(bytes ? (size_t)bytes : 1, 1);
    v->at = mem_array((size_t)v->n + 1, sizeof *v->at);
    v->type = mem_array((size_t)v->n, 1);
    if (!v->pool || !v->at || !v->type) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < v->n; i++) {
        memcpy(v->pool + v->at[i], list[i].bytes.s, (size_t)list[i].bytes.n);
        v->at[i + 1] = v->at[i] + (uint32_t)list[i].bytes.n;
        v->type[i] = list[i].type;
    }
    TRY(slots_init(v));
    for (int32_t k = 0; k < v->n; k++) {
        int32_t i = last ? v->n - 1 - k : k;
        if (list[i].known) TRY(slots_add(v, i));
    }
    for (int b = 0; b < 256; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", b);
        v->byte[b] = vocab_find(v, name, 6);
    }
    return HEARTH_OK;
}

enum hearth_status vocab_init_list(struct vocab *v, const char *path, const struct gguf_string *text, const struct vocab_entry *list,
                                   int32_t n, int last) {
    *v = (struct vocab){ .path = path, .alphabet = VOCAB_TEXT, .n = n, .text = text };
    byte_level_table(v->byte_of);
    enum hearth_status st = fill_list(v, list, last);
    if (st != HEARTH_OK) vocab_free(v);
    return st;
}

void vocab_free(struct vocab *v) {
    free(v->type);
    free(v->pool);
    free(v->at);
    free(v->slots);
    *v = (struct vocab){ 0 };
}

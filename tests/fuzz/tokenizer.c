/* tokenizer.c - fuzz target: a vocabulary and a text from the same bytes.
 *
 *     byte 0 = 0   the rest is a GGUF file; the text is the same bytes
 *     byte 0 > 0   bits: 1 SentencePiece, 2 all bytes are tokens, 4 a space is put before, 8 add bos and eos, 4 bits pre
 *                  then tokens, each 2 bytes (type in the low nibble, length in the high one; score) and its text, until
 *                  a type of 15; then merges, each two token numbers, until 255 255; the rest is the text
 *
 * Asserted: ids are in range; a text is encoded the same twice; with all bytes in the vocabulary it comes back as it was
 * (U+2581 as a space, qwen2's normal form aside); the pieces of byte-level tokens together are the text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "file/gguf.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPM = 1, ALL_BYTES = 2, PREFIX = 4, ADD = 8 };

struct input { const uint8_t *p; size_t n; };
static int next(struct input *in) { return in->n ? in->n--, *in->p++ : 255; }

/* ---- a GGUF file from the choices ---- */

struct file { struct buf keys, tokens, types, scores, merges, out; uint64_t n_keys, n_tokens, n_merges; };

static void must(enum hearth_status st) { if (st != HEARTH_OK) abort(); }
static void put(struct buf *b, uint64_t v, size_t bytes) {
    char s[8];
    for (size_t i = 0; i < bytes; i++) s[i] = (char)(v >> 8 * i);
    must(buf_put(b, s, bytes));
}
static void put_text(struct buf *b, const char *s, size_t n) { put(b, n, 8), must(buf_put(b, s, n)); }
static void put_key(struct file *f, const char *key, int type) {
    put_text(&f->keys, key, strlen(key)), put(&f->keys, (uint64_t)type, 4), f->n_keys++;
}
static void put_flag(struct file *f, const char *key, int on) { put_key(f, key, GGUF_BOOL), put(&f->keys, on != 0, 1); }
static void put_array(struct file *f, const char *key, int type, uint64_t n, const struct buf *elements) {
    put_key(f, key, GGUF_ARRAY), put(&f->keys, (uint64_t)type, 4), put(&f->keys, n, 8);
    must(buf_put(&f->keys, elements->data ? elements->data : "", elements->len));
}
static void put_token(struct file *f, const char *s, size_t n, int type, int score) {
    float value = (float)(int8_t)score / 4;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    put_text(&f->tokens, s, n), put(&f->types, (uint64_t)type, 4), put(&f->scores, bits, 4), f->n_tokens++;
}

/* A byte in GPT-2's alphabet. */
static size_t byte_char(int byte, char out[2]) {
    int c = byte <= 0x20 ? 0x100 + byte : byte >= 0x7F && byte <= 0xA0 ? 0x121 + byte - 0x7F : byte == 0xAD ? 0x143 : byte;
    if (c < 0x80) return out[0] = (char)c, 1;
    return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
}

static void put_all_bytes(struct file *f, int spm) {
    for (int b = 0; b < 256; b++) {
        char s[8];
        if (spm) snprintf(s, sizeof s, "<0x%02X>", b), put_token(f, s, 6, 6, 0);
        else put_token(f, s, byte_char(b, s), 1, 0);
    }
}

/* Two tokens and the one they make; the number of a token counts from the first after the bytes. */
static void put_merge(struct file *f, const struct gguf_string *tokens, size_t n, int left, int right) {
    struct buf both = { 0 };
    const struct gguf_string *l = tokens + (size_t)left % n, *r = tokens + (size_t)right % n;
    must(buf_put(&both, l->s, l->n)), must(buf_put(&both, r->s, r->n));
    put_token(f, both.data, both.len, 1, 0);
    put(&f->merges, l->n + r->n + 1, 8), f->n_merges++;
    must(buf_put(&f->merges, l->s, l->n)), must(buf_putc(&f->merges, ' ')), must(buf_put(&f->merges, r->s, r->n));
    buf_free(&both);
}

static void build(struct file *f, int choices, struct input *in) {
    static const char *const pre[] = { "gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "default", "nothing" };
    struct gguf_string tokens[256] = { { "a", 1 }, { "b", 1 } };
    size_t n = 2;
    put_key(f, "tokenizer.ggml.model", GGUF_STRING), put_text(&f->keys, choices & SPM ? "llama" : "gpt2", choices & SPM ? 5 : 4);
    const char *rule = pre[choices >> 4 & 7];
    put_key(f, "tokenizer.ggml.pre", GGUF_STRING), put_text(&f->keys, rule, strlen(rule));
    put_flag(f, "tokenizer.ggml.add_space_prefix", choices & SPM && choices & PREFIX);
    put_flag(f, "tokenizer.ggml.add_bos_token", choices & ADD), put_flag(f, "tokenizer.ggml.add_eos_token", choices & ADD);
    if (choices & ADD) put_key(f, "tokenizer.ggml.eos_token_id", GGUF_U32), put(&f->keys, 1, 4);
    if (choices & ADD) put_key(f, "tokenizer.ggml.bos_token_id", GGUF_U32), put(&f->keys, 0, 4);
    if (choices & ALL_BYTES) put_all_bytes(f, choices & SPM);
    for (int kind; n < 256 && ((kind = next(in)) & 15) != 15;) {
        size_t len = (size_t)kind >> 4;
        int score = next(in);
        if (len > in->n) len = in->n;
        tokens[n++] = (struct gguf_string){ (const char *)in->p, len };
        put_token(f, (const char *)in->p, len, kind & 15, score);
        in->p += len, in->n -= len;
    }
    for (int left, right; f->n_merges < 200; put_merge(f, tokens, n, left, right)) {
        left = next(in), right = next(in);
        if (left == 255 && right == 255) break;
    }
    put_array(f, "tokenizer.ggml.tokens", GGUF_STRING, f->n_tokens, &f->tokens);
    put_array(f, "tokenizer.ggml.token_type", GGUF_I32, f->n_tokens, &f->types);
    put_array(f, "tokenizer.ggml.scores", GGUF_F32, f->n_tokens, &f->scores);
    put_array(f, "tokenizer.ggml.merges", GGUF_STRING, f->n_merges, &f->merges);
    must(buf_puts(&f->out, "GGUF")), put(&f->out, 3, 4), put(&f->out, 0, 8), put(&f->out, f->n_keys, 8);
    must(buf_put(&f->out, f->keys.data, f->keys.len));
    buf_free(&f->keys), buf_free(&f->tokens), buf_free(&f->types), buf_free(&f->scores), buf_free(&f->merges);
}

/* ---- what must hold ---- */

/* U+2581 as spaces, in place. */
static size_t plain_spaces(char *s, size_t n) {
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (n - i >= 3 && !memcmp(s + i, "\xE2\x96\x81", 3)) s[to++] = ' ', i += 2;
        else s[to++] = s[i];
    }
    return to;
}

static void check_return(const struct tokenizer *t, const struct ids *ids, int parse, const char *text, size_t n) {
    struct buf back = { 0 }, pieces = { 0 };
    int spm = !strcmp(tokenizer_kind(t), "llama");
    char *want = malloc(n + 1);
    if (!want) abort();
    memcpy(want, text, n);
    if (spm) n = plain_spaces(want, n);
    must(tokenizer_decode(t, ids->id, ids->n, parse, &back));
    if (back.len != n || (n && memcmp(back.data, want, n))) abort();
    for (size_t i = 0; i < ids->n && !spm; i++) {
        const char *s;
        size_t len;
        tokenizer_piece(t, ids->id[i], parse, &s, &len);
        must(buf_put(&pieces, s, len));
    }
    if (!spm && (pieces.len != n || (n && memcmp(pieces.data, want, n)))) abort();
    buf_free(&back), buf_free(&pieces), free(want);
}

static void check(const struct tokenizer *t, const char *text, size_t n, int all_bytes) {
    for (int flags = 0; flags < 4; flags++) {
        struct ids ids = { 0 }, again = { 0 };
        must(tokenizer_encode(t, text, n, flags, &ids));
        must(tokenizer_encode(t, text, n, flags, &again));
        if (ids.n != again.n || (ids.n && memcmp(ids.id, again.id, ids.n * sizeof *ids.id))) abort();
        for (size_t i = 0; i < ids.n; i++) {
            if (ids.id[i] < 0 || ids.id[i] >= tokenizer_size(t)) abort();
            const char *s;
            size_t len;
            tokenizer_text(t, ids.id[i], &s, &len);
            tokenizer_is_end(t, ids.id[i]);
        }
        if (all_bytes && !(flags & HEARTH_TOK_SPECIAL)) check_return(t, &ids, flags & HEARTH_TOK_PARSE, text, n);
        free(ids.id), free(again.id);
    }
}

static void try(const void *file, size_t size, const char *text, size_t n, int all_bytes) {
    struct gguf *g;
    struct tokenizer *t;
    if (gguf_open_memory(file, size, "fuzz.gguf", 0, &g) != HEARTH_OK) return;
    if (tokenizer_open(g, &t) == HEARTH_OK) check(t, text, n, all_bytes && strcmp(tokenizer_pre(t), "qwen2"));
    else if (t || !*hearth_errmsg()) abort();
    tokenizer_close(t);
    gguf_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = { data, size };
    int choices = next(&in);
    if (choices == 0) {
        try(in.p, in.n, (const char *)in.p, in.n, 0);
        return 0;
    }
    struct file f = { 0 };
    build(&f, choices, &in);
    try(f.out.data, f.out.len, (const char *)in.p, in.n, choices & ALL_BYTES);
    buf_free(&f.out);
    return 0;
}

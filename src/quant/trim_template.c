/* trim_template.c - the tokens that a model's chat template puts around what people say, whatever that is. */
#include "quant/vocabulary.h"

#include <string.h>
#include "text/template.h"

enum { DAYS = 366 };
static const int64_t first_day = 1830340800;                   /* 2028-01-01, noon: a year that has all of them */

static json_t *message(const char *role, const char *said) { return json_pack("{s:s, s:s}", "role", role, "content", said); }

/* A question; one behind a system's words and an answer; an answer at the end. */
static json_t *conversation(int which, const char *said)
{
    if (which == 0) return json_pack("[o]", message("user", said));
    if (which == 1) return json_pack("[o, o, o, o]", message("system", said), message("user", said), message("assistant", said), message("user", said));
    return json_pack("[o, o]", message("user", said), message("assistant", said));
}

static json_t *token_text(const struct tokenizer *t, int32_t id)
{
    const char *s = "";
    size_t n = 0;
    if (id >= 0) tokenizer_text(t, id, &s, &n);
    return json_stringn(s, n);
}

static enum hearth_status render(const struct vocabulary *v, const struct template *t, int which, const char *said, time_t now, struct ids *out)
{
    struct buf text = {0};
    json_t *g = json_pack("{s:o, s:n, s:n, s:b, s:o, s:o}", "messages", conversation(which, said), "tools", "documents", "add_generation_prompt", which < 2, "bos_token",
                          token_text(v->tokenizer, tokenizer_bos(v->tokenizer)), "eos_token", token_text(v->tokenizer, tokenizer_eos(v->tokenizer)));
    enum hearth_status st = g ? template_render(t, g, now, NULL, &text) : fail_memory(0);
    json_decref(g);
    if (st == HEARTH_EFORMAT) st = HEARTH_OK;                   /* it takes no such conversation: those without a system are many */
    else if (st == HEARTH_OK) st = tokenizer_encode(v->tokenizer, text.data, text.len, HEARTH_TOK_PARSE, out);
    buf_free(&text);
    return st;
}

/* What is said ends in different ways, since a mark at its end may be joined with what the template puts behind it. */
enum hearth_status vocabulary_template(const struct vocabulary *v, struct ids *out, int *unread)
{
    static const char *const said[] = {"a", "a.", "a?", "a!", "a)", "a\"", "1"};
    struct gguf_string source;
    struct template *t = NULL;
    int found;
    *unread = 0;
    TRY(gguf_get_string(v->in, "tokenizer.chat_template", &source, &found));
    if (!found || !source.n) return HEARTH_OK;
    enum hearth_status st = template_open(source.s, (size_t)source.n, "the chat template", &t);
    int days = memmem(source.s, (size_t)source.n, "strftime_now", 12) ? DAYS : 1;
    for (int which = 0; which < 3; which++)
        for (size_t i = 0; i < sizeof said / sizeof *said && st == HEARTH_OK; i++) st = render(v, t, which, said[i], (time_t)first_day, out);
    for (int d = 1; d < days && st == HEARTH_OK; d++) st = render(v, t, 0, "a", (time_t)(first_day + (int64_t)d * 86400), out);
    template_close(t);
    *unread = st == HEARTH_EFORMAT || st == HEARTH_ELIMIT || st == HEARTH_EUNSUPPORTED;
    return *unread ? HEARTH_OK : st;
}

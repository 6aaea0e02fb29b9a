/* encode.c - examples as tokens. */
#include "work/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

struct tokens { int32_t *id; size_t n; };

struct making { const struct hearth_model *m; const struct encode_options *o; struct encoded *out; uint32_t example; int rejected, chat; };

/* ---- tokens ---- */

static enum hearth_status put(struct tokens *t, const int32_t *ids, size_t n)
{
    size_t cap = t->n;
    TRY(mem_grow(&t->id, &cap, t->n + n + 1, sizeof *t->id));
    memcpy(t->id + t->n, ids, n * sizeof *ids);
    t->n += n;
    return HEARTH_OK;
}

static enum hearth_status put_text(const struct hearth_model *m, const char *text, int flags, struct tokens *t)
{
    int32_t *ids = NULL;
    size_t n = 0;
    TRY(hearth_tokenize(m, text, strlen(text), flags, &ids, &n));
    enum hearth_status st = put(t, ids, n);
    hearth_free(ids);
    return st;
}

static enum hearth_status put_end(const struct hearth_model *m, struct tokens *t)
{
    int32_t eos = hearth_eos(m);
    if (t->n && hearth_is_end(m, t->id[t->n - 1])) return HEARTH_OK;     /* the tokenizer has put one already */
    return eos < 0 ? HEARTH_OK : put(t, &eos, 1);
}

static enum hearth_status render(const struct hearth_model *m, const json_t *messages, int generate, struct tokens *t)
{
    char *text = jsontext_dump(messages);
    int32_t *ids = NULL;
    size_t n = 0;
    if (!text) return HEARTH_ENOMEM;
    enum hearth_status st = hearth_chat_tokenize(m, text, NULL, generate, &ids, &n);
    if (st == HEARTH_OK) st = put(t, ids, n);
    hearth_free(ids);
    free(text);
    return st;
}

/* ---- sequences ---- */

/* Takes the ids over; learn: from where to where, pairs. */
static enum hearth_status add(struct making *k, struct tokens *t, const size_t *learn, size_t pairs)
{
    struct encoded *out = k->out;
    uint32_t longest = k->o->longest;
    if (t->n > longest) {
        out->longer++;
        if (k->o->if_longer == ENCODE_LEAVE_OUT) return HEARTH_OK;
        t->n = longest;
    }
    struct sequence s = { .ids = t->id, .n = (uint32_t)t->n, .example = k->example, .rejected = k->rejected };
    TRY(mem_grow(&out->list, &out->cap, out->n + 1, sizeof *out->list));
    if (!(s.learn = mem_array(t->n + 1, 1))) return HEARTH_ENOMEM;
    for (size_t p = 0; p < pairs; p++)
        for (size_t i = learn[2 * p]; i < learn[2 * p + 1] && i < t->n; i++)
            if (i > 0 && !s.learn[i]) s.learn[i] = 1, s.learnt++;
    t->id = NULL;
    out->list[out->n++] = s;
    out->tokens += s.n, out->learnt += s.learnt;
    out->longest = s.n > out->longest ? s.n : out->longest;
    return HEARTH_OK;
}

/* A text in windows, each begun as the model begins a text. */
static enum hearth_status add_windows(struct making *k, struct tokens *t)
{
    int32_t bos = hearth_bos(k->m);
    int begins = t->n && t->id[0] == bos;
    size_t step = k->o->longest - (begins ? 1 : 0);
    if (t->n <= k->o->longest) return add(k, t, (size_t[]){ 0, t->n }, 1);
    for (size_t at = begins ? 1 : 0; at < t->n; at += step) {
        struct tokens window = { 0 };
        size_t n = t->n - at < step ? t->n - at : step;
        if (n < 2) break;
        enum hearth_status st = begins ? put(&window, &bos, 1) : HEARTH_OK;
        if (st == HEARTH_OK) st = put(&window, t->id + at, n);
        if (st == HEARTH_OK) st = add(k, &window, (size_t[]){ 0, window.n }, 1);
        free(window.id);
        TRY(st);
    }
    return HEARTH_OK;
}

static enum hearth_status add_text(struct making *k, const char *text)
{
    struct tokens t = { 0 };
    enum hearth_status st = put_text(k->m, text, HEARTH_TOK_SPECIAL, &t);
    if (st == HEARTH_OK) st = put_end(k->m, &t);
    if (st == HEARTH_OK && t.n > 1) st = add_windows(k, &t);
    free(t.id);
    return st;
}

static enum hearth_status add_pair(struct making *k, const char *prompt, const char *answer)
{
    struct tokens t = { 0 };
    enum hearth_status st = put_text(k->m, prompt, HEARTH_TOK_SPECIAL, &t);
    if (st == HEARTH_OK && t.n > 1 && hearth_is_end(k->m, t.id[t.n - 1])) t.n--;
    size_t asked = t.n;
    if (st == HEARTH_OK) st = put_text(k->m, answer, 0, &t);
    if (st == HEARTH_OK) st = put_end(k->m, &t);
    if (st == HEARTH_OK) st = add(k, &t, (size_t[]){ asked, t.n }, 1);
    free(t.id);
    return st;
}

/* ---- messages ---- */

static json_t *first_messages(const json_t *all, size_t n)
{
    json_t *some = json_array();
    for (size_t i = 0; some && i < n; i++) json_array_append(some, json_array_get(all, i));
    return some;
}

/* Where what message i says begins in the whole, and where its end token ends; *found 0: the template writes an earlier part in another
 * way when more follows. */
static enum hearth_status place_of(const struct making *k, const json_t *all, size_t i, const struct tokens *whole, size_t place[2], int *found)
{
    struct tokens before = { 0 };
    json_t *some = first_messages(all, i);
    if (!some) return fail_memory(0);
    enum hearth_status st = render(k->m, some, 1, &before);
    json_decref(some);
    *found = st == HEARTH_OK && before.n < whole->n && memcmp(before.id, whole->id, before.n * sizeof *before.id) == 0;
    place[0] = place[1] = before.n;
    while (*found && place[1] < whole->n) if (hearth_is_end(k->m, whole->id[place[1]++])) break;
    free(before.id);
    return st;
}

/* Only the last answer, behind what is asked when the model is to go on. */
static enum hearth_status add_last(struct making *k, const json_t *all)
{
    struct tokens t = { 0 };
    size_t n = json_array_size(all);
    json_t *some = first_messages(all, n - 1);
    if (!some) return fail_memory(0);
    enum hearth_status st = render(k->m, some, 1, &t);
    size_t asked = t.n;
    json_decref(some);
    if (st == HEARTH_OK) st = put_text(k->m, json_string_value(json_object_get(json_array_get(all, n - 1), "content")), 0, &t);
    if (st == HEARTH_OK) st = put_end(k->m, &t);
    if (st == HEARTH_OK) st = add(k, &t, (size_t[]){ asked, t.n }, 1);
    free(t.id);
    return st;
}

static enum hearth_status add_messages(struct making *k, const json_t *all)
{
    struct tokens whole = { 0 };
    size_t n = json_array_size(all), places = 0, *place = mem_array(2 * n + 2, sizeof *place);
    int found = 1, ended = 1;
    enum hearth_status st = place ? render(k->m, all, 0, &whole) : HEARTH_ENOMEM;
    for (size_t i = 0; st == HEARTH_OK && found && i < n; i++) {
        const char *role = json_string_value(json_object_get(json_array_get(all, i), "role"));
        if (!role || strcmp(role, "assistant") != 0) continue;
        st = place_of(k, all, i, &whole, place + 2 * places, &found);
        ended = found && hearth_is_end(k->m, whole.id[place[2 * places + 1] - 1]);
        places += found;
    }
    if (st == HEARTH_OK && found && ended) {
        whole.n = place[2 * places - 1];                     /* nothing is learnt from what follows the last end */
        st = add(k, &whole, place, places);
    } else if (st == HEARTH_OK) st = add_last(k, all);
    free(whole.id), free(place);
    return st;
}

static enum hearth_status add_chat(struct making *k, const char *messages, const char *answer)
{
    json_t *all;
    TRY(jsontext_read("messages", messages, strlen(messages), &all));
    if (answer) json_array_append_new(all, json_pack("{s:s, s:s}", "role", "assistant", "content", answer));
    enum hearth_status st = add_messages(k, all);
    json_decref(all);
    return st;
}

static enum hearth_status add_asked(struct making *k, const char *prompt, const char *answer)
{
    if (!k->chat) return add_pair(k, prompt, answer);
    json_t *all = json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "user", "content", prompt, "role", "assistant", "content", answer);
    if (!all) return fail_memory(0);
    enum hearth_status st = add_messages(k, all);
    json_decref(all);
    return st;
}

/* ---- examples ---- */

enum hearth_status encode_for_head(const struct hearth_model *m, const char *text, uint32_t longest, int32_t **ids, size_t *n, int *cut)
{
    struct tokens t = { 0 };
    int32_t eos = hearth_eos(m);
    enum hearth_status st = put_text(m, text, HEARTH_TOK_SPECIAL, &t);
    int ended = st == HEARTH_OK && t.n && hearth_is_end(m, t.id[t.n - 1]);
    if (st == HEARTH_OK && ended) t.n--;
    if (st == HEARTH_OK && eos >= 0) st = put(&t, &eos, 1);
    if (st == HEARTH_OK && t.n == 0) st = fail(HEARTH_EFORMAT, "a text of no tokens");
    *cut = st == HEARTH_OK && t.n > longest;
    if (*cut) t.id[longest - 1] = t.id[t.n - 1], t.n = longest;          /* before its end */
    *ids = t.id, *n = t.n;
    if (st != HEARTH_OK) free(t.id);
    return st;
}

static enum hearth_status add_for_head(struct making *k, const char *text)
{
    struct tokens t = { 0 };
    int cut;
    TRY(encode_for_head(k->m, text, k->o->longest, &t.id, &t.n, &cut));
    k->out->longer += (size_t)cut;
    enum hearth_status st = add(k, &t, NULL, 0);
    free(t.id);
    return st;
}

/* Without a template, as task_data.c asks for it: "TEXT\nLabel: LABEL". */
static enum hearth_status add_label(struct making *k, const char *text, const char *label)
{
    struct buf asked = { 0 }, said = { 0 };
    enum hearth_status st = buf_printf(&asked, "%s\nLabel:", text);
    if (st == HEARTH_OK) st = buf_printf(&said, " %s", label);
    if (st == HEARTH_OK) st = add_pair(k, asked.data, said.data);
    buf_free(&asked), buf_free(&said);
    return st;
}

static enum hearth_status encode(struct making *k, const struct example *e)
{
    switch (e->kind) {
    case EXAMPLE_TEXT: return add_text(k, e->text);
    case EXAMPLE_PAIR: return add_asked(k, e->text, e->answer);
    case EXAMPLE_CHAT: return add_chat(k, e->messages, NULL);
    case EXAMPLE_LABEL: return k->o->head ? add_for_head(k, e->text) : k->chat ? add_asked(k, e->text, e->answer) : add_label(k, e->text, e->answer);
    default: break;
    }
    TRY(e->messages ? add_chat(k, e->messages, e->answer) : add_asked(k, e->text, e->answer));
    k->rejected = 1;
    enum hearth_status st = e->messages ? add_chat(k, e->messages, e->rejected) : add_asked(k, e->text, e->rejected);
    k->rejected = 0;
    return st;
}

static struct making making_of(const struct hearth_model *m, const struct encode_options *o, struct encoded *out)
{
    struct hearth_model_info info;
    hearth_model_describe(m, &info);
    return (struct making){ .m = m, .o = o, .out = out, .chat = *info.chat_template && !o->plain };
}

enum hearth_status encode_example(const struct hearth_model *m, const struct example *e, const struct encode_options *o, struct encoded *out)
{
    struct making k = making_of(m, o, out);
    return encode(&k, e);
}

enum hearth_status encode_dataset(const struct hearth_model *m, const struct dataset *d, const struct encode_options *o, struct encoded *out)
{
    struct making k = making_of(m, o, out);
    *out = (struct encoded){ 0 };
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; st == HEARTH_OK && i < d->n; i++) {
        k.example = (uint32_t)i;
        st = encode(&k, &d->example[i]);
        if (st != HEARTH_OK && st != HEARTH_ENOMEM)
            st = fail(st, "%s: line %llu: %s", d->example[i].file, (unsigned long long)d->example[i].line, hearth_errmsg());
    }
    if (st != HEARTH_OK) encoded_free(out);
    return st;
}

void encoded_free(struct encoded *e)
{
    for (size_t i = 0; i < e->n; i++) free(e->list[i].ids), free(e->list[i].learn);
    free(e->list);
    *e = (struct encoded){ 0 };
}

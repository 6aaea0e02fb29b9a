/* teach_answers.c - see teach_answers.h. */
#include "work/teach_answers.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/jsontext.h"
#include "model/classes.h"
#include "os/os.h"
#include "work/answers.h"
#include "work/dataset.h"

struct asking { struct hearth_model *m; struct hearth_adapter *a; struct dataset *d; struct answer_question *q; struct answer *answer; int32_t **ids; char made[17]; /* names teacher, examples and options */ };

/* What was asked, as messages: those before the last answer. */
static enum hearth_status messages_of(const struct example *e, json_t **out)
{
    if (!e->messages) {
        *out = json_pack("[{s:s, s:s}]", "role", "user", "content", e->text);
        return *out ? HEARTH_OK : fail_memory(0);
    }
    TRY(jsontext_read("messages", e->messages, strlen(e->messages), out));
    if (e->kind == EXAMPLE_CHAT) json_array_remove(*out, json_array_size(*out) - 1);
    return HEARTH_OK;
}

static enum hearth_status by_template(const struct asking *k, const struct example *e, int32_t **ids, size_t *n)
{
    json_t *all = NULL;
    TRY(messages_of(e, &all));
    char *text = jsontext_dump(all);
    enum hearth_status st = text ? hearth_chat_tokenize(k->m, text, NULL, 1, ids, n) : HEARTH_ENOMEM;
    free(text);
    json_decref(all);
    return st;
}

static enum hearth_status ask(const struct asking *k, const struct teach_params *p, size_t i, int chat)
{
    const struct example *e = &k->d->example[i];
    size_t n = 0;
    if (e->kind == EXAMPLE_TEXT) return fail(HEARTH_EUSAGE, "%s: plain text asks nothing, so the teacher has nothing to answer; without --sequence it teaches every token of it", p->data);
    TRY(chat || e->messages ? by_template(k, e, &k->ids[i], &n) : hearth_tokenize(k->m, e->text, strlen(e->text), HEARTH_TOK_SPECIAL, &k->ids[i], &n));
    if (n > 1 && !chat && hearth_is_end(k->m, k->ids[i][n - 1])) n--;
    k->q[i] = (struct answer_question){ .prompt = k->ids[i], .n = n, .most_tokens = p->most_tokens, .temperature = p->temperature, .seed = p->seed + i };
    return HEARTH_OK;
}

static json_t *line_of(const struct example *e, const char *answer, const char *made)
{
    json_t *all;
    if (!e->messages) return json_pack("{s:s, s:s, s:s}", "prompt", e->text, "completion", answer, "made", made);
    if (messages_of(e, &all) != HEARTH_OK) return NULL;
    json_array_append_new(all, json_pack("{s:s, s:s}", "role", "assistant", "content", answer));
    return json_pack("{s:o, s:s}", "messages", all, "made", made);
}

static enum hearth_status name_it(struct asking *k, const struct teach_params *p)
{
    struct checksum c;
    uint64_t model, whole[] = { k->a ? k->a->checksum : 0, (uint64_t)p->plain, (uint64_t)p->most_tokens, p->seed, (uint64_t)hearth_arithmetic_version() };
    TRY(gguf_checksum(k->m->file, &model));
    checksum_init(&c);
    checksum_add(&c, &model, sizeof model), checksum_add(&c, whole, sizeof whole), checksum_add(&c, &p->temperature, sizeof p->temperature);
    checksum_add(&c, k->d->source.digest, sizeof k->d->source.digest);
    if (p->columns) checksum_add(&c, p->columns, strlen(p->columns));
    snprintf(k->made, sizeof k->made, "%016llx", (unsigned long long)checksum_end(&c));
    return HEARTH_OK;
}

/* Answers that are there are taken when they are what would be made: their first line says so. */
static enum hearth_status check_there(const struct asking *k, const struct teach_params *p, const char *out)
{
    struct mapping map;
    json_t *first = NULL;
    TRY(os_map(out, &map));
    const char *end = map.size ? memchr(map.data, '\n', map.size) : NULL;
    enum hearth_status st = end ? jsontext_read(out, (const char *)map.data, (size_t)(end - (const char *)map.data), &first) : HEARTH_OK;
    const char *made = json_string_value(json_object_get(first, "made"));
    if (st == HEARTH_OK && (!made || strcmp(made, k->made) != 0))
        st = fail(HEARTH_EUSAGE, "%s: not the answers that %s gives to %s with these options; whoever wants to begin anew removes it", out, p->model, p->data);
    json_decref(first);
    os_unmap(&map);
    return st;
}

static enum hearth_status write_lines(const struct asking *k, const struct teach_params *p, struct atomic_file *f, struct teach_result *r)
{
    struct buf text = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; st == HEARTH_OK && i < k->d->n; i++) {
        const struct answer *a = &k->answer[i];
        if (!a->ended || !*a->text) {
            r->unfinished++;
            continue;
        }
        json_t *line = line_of(&k->d->example[i], a->text, k->made);
        st = line ? jsontext_put(&text, line) : fail_memory(0);
        json_decref(line);
        if (st == HEARTH_OK) st = buf_putc(&text, '\n');
        r->written++;
    }
    if (st == HEARTH_OK && !r->written) st = fail(HEARTH_EFORMAT, "%s: not one of %zu answers came to an end within %d tokens", p->data, r->asked, p->most_tokens);
    if (st == HEARTH_OK) st = os_atomic_write(f, text.data, text.len);
    buf_free(&text);
    return st;
}

static enum hearth_status answer_all(struct asking *k, const struct teach_params *p, const char *out, struct teach_result *r)
{
    struct answers_params how = { .adapter = k->a, .on_step = p->on_step, .user = p->user, .cancel = p->cancel };
    struct hearth_model_info info;
    struct atomic_file f;
    size_t n = r->asked = k->d->n;
    hearth_model_describe(k->m, &info);
    k->q = mem_array(n, sizeof *k->q), k->answer = mem_array(n, sizeof *k->answer), k->ids = mem_array(n, sizeof *k->ids);
    if (!k->q || !k->answer || !k->ids) return HEARTH_ENOMEM;
    if (k->a && k->a->head) return fail(HEARTH_EUSAGE, "%s names classes and does not answer in words", p->adapter);
    for (size_t i = 0; i < n; i++) TRY(ask(k, p, i, *info.chat_template && !p->plain));
    TRY(answers_make(k->m, &how, k->q, n, k->answer));
    TRY(os_atomic_open(out, &f));
    enum hearth_status st = write_lines(k, p, &f, r);
    if (st == HEARTH_OK) return os_atomic_commit(&f);
    os_atomic_abandon(&f);
    return st;
}

enum hearth_status teach_answers(const struct teach_params *p, const char *out, struct teach_result *r)
{
    struct asking k = { 0 };
    struct dataset_options o = { .columns = p->columns };
    *r = (struct teach_result){ 0 };
    enum hearth_status st = dataset_open(p->data, &o, &k.d);
    if (st == HEARTH_OK) st = hearth_model_open(p->model, &(struct hearth_model_params){ .threads = p->threads }, &k.m);
    if (st == HEARTH_OK && p->adapter) st = adapter_open(k.m, p->adapter, &k.a);
    if (st == HEARTH_OK) st = name_it(&k, p);
    if (st == HEARTH_OK) st = p->resume && access(out, F_OK) == 0 ? check_there(&k, p, out) : answer_all(&k, p, out, r);
    for (size_t i = 0; k.ids && i < k.d->n; i++) hearth_free(k.ids[i]);
    if (k.answer) answers_free(k.answer, k.d->n);
    free(k.answer), free(k.q), free(k.ids);
    adapter_close(k.a);
    hearth_model_close(k.m);
    dataset_close(k.d);
    return st;
}

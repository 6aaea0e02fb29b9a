/* openai.c - OpenAI's protocol: routes, models, and what all of its answers have in common.
 *
 * What cannot be honoured is refused with a 400 that names the field; nothing is silently left out.  Beyond OpenAI's own there are
 * min_p, top_k, repeat_penalty, grammar, json_schema and chat_template_kwargs, and each answer carries hearth_receipt. */
#include "serve/openai_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void letters(char *out, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[32] = {0};
    if (getrandom(bytes, n, 0) != (ssize_t)n) memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < n; i++) out[i] = set[bytes[i] % (sizeof set - 1)];
    out[n] = 0;
}

void openai_id(const char *before, char out[48])
{
    char random[25];
    letters(random, 24);
    snprintf(out, 48, "%s%s", before, random);
}

void openai_call_id(char out[10])
{
    letters(out, 9);
}

const char *openai_fingerprint(void)
{
    static __thread char text[64];
    snprintf(text, sizeof text, "hearth-arithmetic-%d-%.20s", hearth_arithmetic_version(), hearth_commit());
    return text;
}

void openai_fail(struct exchange *x, enum hearth_status st, const char *said)
{
    if (st == HEARTH_ENOTFOUND) exchange_error(x, 404, "model", "model_not_found", "%s", http_said(said));
    else exchange_fail(x, st, said);
}

/* ---- models ---- */

/* "2026-11-22T07:40:00Z" as Unix time; 0: not known. */
static json_int_t unix_time(const char *when)
{
    struct tm tm = {0};
    return strptime(when, "%Y-%m-%dT%H:%M:%SZ", &tm) ? (json_int_t)timegm(&tm) : 0;
}

static json_t *model_json(const struct hub_model *m)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:I}", "id", m->name, "object", "model", "created", unix_time(m->added), "owned_by",
                     "local", "sha256", m->sha256, "license", m->licence, "size", (json_int_t)m->size);
}

static void models(struct exchange *x)
{
    struct hub_model *m = NULL;
    size_t n = 0;
    json_t *list = json_array();
    if (hub_list(0, &m, &n) != HEARTH_OK) {
        json_decref(list);
        exchange_fail(x, HEARTH_EIO, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if ((m[i].place == HUB_STORED || m[i].place == HUB_IN_PLACE) && exchange_may_use(x, m[i].name)) json_array_append_new(list, model_json(&m[i]));
    hub_models_free(m, n);
    exchange_reply_json(x, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static void one_model(struct exchange *x)
{
    struct hub_model about = {0};
    char *path = NULL;
    enum hearth_status st = exchange_may_use(x, exchange_rest(x)) ? hub_resolve_name(exchange_rest(x), &path, &about)
                                                                  : fail(HEARTH_ENOTFOUND, "this key may use no model of that name");
    if (st == HEARTH_OK) exchange_reply_json(x, 200, model_json(&about));
    else openai_fail(x, st == HEARTH_EUSAGE ? HEARTH_ENOTFOUND : st, hearth_errmsg());
    hub_model_free(&about);
    free(path);
}

const struct route openai_routes[] = {
    {HTTP_GET, "/v1/models", DIALECT_OPENAI, 0, 0, models},
    {HTTP_GET, "/v1/models/*", DIALECT_OPENAI, 0, 0, one_model},
    {HTTP_POST, "/v1/chat/completions", DIALECT_OPENAI, 0, 0, openai_chat},
    {HTTP_POST, "/v1/completions", DIALECT_OPENAI, 0, 0, openai_completions},
    {HTTP_POST, "/v1/responses", DIALECT_OPENAI, 0, 0, openai_responses},
    {HTTP_POST, "/v1/embeddings", DIALECT_OPENAI, 0, 0, openai_embeddings},
    {HTTP_POST, "/v1/rerank", DIALECT_OPENAI, 0, 0, openai_rerank},
    {HTTP_POST, "/rerank", DIALECT_OPENAI, 0, 0, openai_rerank},
    {0}};

/* ollama_in.h - what the files of Ollama's protocol share.
 *
 *     ollama.c             the routes; fields that several requests have
 *     ollama_prompt.c      /api/generate and /api/chat: the request into struct ask
 *     ollama_answer.c      their answers: lines of JSON, or one object
 *     ollama_models.c      tags, show, ps: what models are
 *     ollama_change.c      create, copy, delete, pull: what changes the store
 *     ollama_embed.c       embed, embeddings
 */
#ifndef HEARTH_SERVE_OLLAMA_IN_H
#define HEARTH_SERVE_OLLAMA_IN_H

#include "base/mem.h"
#include "hub/parameter.h"
#include "hub/recipe.h"
#include "serve/ask.h"
#include "serve/serve.h"
#include "serve/wants.h"

/* ---- ollama.c ---- */

/* 2026-11-28T11:00:00.123456789Z */
void ollama_now(char out[40]);
/* `model`, or the older `name`; NULL: refused. */
const char *ollama_model(struct wants *w);
/* A duration such as "5m", a number of seconds, negative for ever; NAN: not said. */
double ollama_keep_alive(struct wants *w);
/* stream: on unless it is said to be off. */
int ollama_stream(struct wants *w);
/* 404 for a name that is none, as Ollama says it; else exchange_fail. */
void ollama_fail(struct exchange *x, enum hearth_status st, const char *said);
/* One line of a stream; takes the reference. */
void ollama_line(struct exchange *x, json_t *o);

/* ---- ollama_models.c ---- */

struct facts {                       /* of a model's file; kept by its digest */
    char sha256[65], quantization[16], family[64];
    const char *format;              /* "gguf", of a folder "safetensors" */
    int chat, tools, thinking, middle /* it has tokens for filling in a middle */, embeds /* and does nothing else */;
    uint32_t context, width, layers, heads, kv_heads, feed_forward, vocabulary;
    uint64_t parameters;
};
enum hearth_status ollama_facts(const struct hub_model *m, struct facts *out);
void ollama_tags(struct exchange *x);
void ollama_show(struct exchange *x);
void ollama_ps(struct exchange *x);

/* ---- the others ---- */
void ollama_generate(struct exchange *x);
void ollama_chat(struct exchange *x);
void ollama_embed(struct exchange *x);
void ollama_embeddings(struct exchange *x);
void ollama_create(struct exchange *x);
void ollama_copy(struct exchange *x);
void ollama_delete(struct exchange *x);
void ollama_pull(struct exchange *x);
void ollama_blob(struct exchange *x);

#endif

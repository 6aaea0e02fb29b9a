/* talk.h - what `run` and `chat` share: the options of a conversation, the model opened by name, the prompt. */
#ifndef HEARTH_CMD_TALK_H
#define HEARTH_CMD_TALK_H

#include <jansson.h>
#include "cmd/models.h"
#include "hub/recipe.h"

struct talk_settings {            /* the values of talk_options */
    int ctx, kv, threads, arithmetic, top_k, max_tokens, truncate, verbose, repeat_last;
    float temperature, top_p, min_p, repeat, presence, frequency;
    uint64_t seed;
    int seed_given, max_given, frequency_given;
    int temp_given, top_k_given, top_p_given, min_p_given, repeat_given, presence_given, last_given, ctx_given;
    const char *adapter, *system, *actor, *purpose, *task, *schema, *grammar;
    int private;
    struct opt_list stop, bias, parents;
};
extern struct talk_settings settings;
extern const struct opt talk_options[];

struct talk {
    const char *name;             /* as the person wrote it */
    struct hearth_model *model;
    struct hearth_session *session;
    struct hearth_adapter *adapter; /* of --adapter; NULL: none */
    struct hearth_model_info info;
    struct hearth_bias *bias;     /* settings.bias, parsed */
    uint64_t *parent;             /* settings.parents, parsed */
    struct hub_recipe recipe;     /* of a derived model: what its conversations begin with */
    struct hearth_grammar *grammar; /* of --json-schema or --grammar */
    double opened;                /* when the work began, for the time to the first token */
};

/* Opens the model (pulling it first when it is in the catalogue and the person agrees) and a session; exit code, with
 * the message printed.  talk_close() in every case. */
int talk_open(struct talk *t, const char *name, enum model_use use);
void talk_close(struct talk *t);
/* The sampling and limits of the settings; the callbacks are the caller's to add. */
void talk_params(const struct talk *t, struct hearth_generate_params *g);
/* A seed for a conversation whose person gave none: 32 random bits, short enough to be typed again. */
void talk_new_seed(void);

struct prompt { int32_t *id; size_t n, whole; /* tokens before it was cut; 0: it was not */ };
/* messages, a JSON array of {"role","content"}, through the model's template to tokens; free(p->id) is prompt_free. */
enum hearth_status prompt_render(const struct talk *t, const json_t *messages, struct prompt *p);
enum hearth_status prompt_text(const struct talk *t, const char *text, size_t n, int flags, struct prompt *p);
void prompt_free(struct prompt *p);
/* {"role": role, "content": text}, what is not UTF-8 replaced. */
json_t *message(const char *role, const char *text, size_t n);
/* Tokens that a prompt may take so that an answer still fits behind it: what --truncate cuts down to. */
size_t prompt_room(const struct talk *t);

/* The bytes that a token adds to a text; *text is allocated (hearth_free), *bytes points into it. */
enum hearth_status piece(const struct hearth_model *m, int32_t id, char **text, const char **bytes, size_t *n);

/* ---- receipts ---- */

/* Before an answer: *out stays NULL, and the answer goes on without a receipt, where none can be made (which is said).  Exit code,
 * with the message printed: a mistake in --actor, --parent ... or the ini is refused before anything is computed. */
int talk_receipt(const struct talk *t, const json_t *messages, size_t whole, struct hearth_receipt **out);
/* hearth_generate, with a receipt when r is not NULL. */
enum hearth_status talk_generate(struct hearth_receipt *r, const struct talk *t, const int32_t *id, size_t n,
                                 const struct hearth_generate_params *g, struct hearth_result *result);
/* After the answer was shown: writes it; 1 when there is one now.  A failure is told in one sentence. */
int talk_receipt_write(struct hearth_receipt *r);
/* {"number", "leaf", "receipt"}, or null when none was written. */
json_t *talk_receipt_json(const struct hearth_receipt *r, int written);

/* "1.2 s, 85 tokens, 71 tokens/s; 3.1 J ...; receipt 12" on a terminal's standard error. */
void talk_footer(const struct hearth_result *r, double seconds, const struct hearth_receipt *receipt, int written);

#endif

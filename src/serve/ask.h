/* ask.h - from what a client wants to an answer with a receipt, the same for every protocol.
 *
 *     openai.c / ollama.c ──► struct ask ──► keeper_borrow, template, tokens, grammar ──► hearth_receipt_submit
 *          ▲                                                                                    │ engine's thread
 *          └── on_text, on_call, on_end (in this order, none after on_end) ◄── toolcall parser ◄┘
 *
 * A protocol fills struct ask (ask_init first), calls ask_start from a worker and writes what the callbacks bring.  All but on_end come
 * on the engine's thread and must not wait; on_end comes on a worker when the receipt is in the ledger.  The client leaving cancels the
 * request at the engine's next step. */
#ifndef HEARTH_SERVE_ASK_H
#define HEARTH_SERVE_ASK_H

#include "hub/parameter.h"
#include "hub/recipe.h"
#include "serve/http.h"
#include "serve/keeper.h"
#include "work/toolcall.h"

struct ask_end {
    enum hearth_status status;       /* of a failure after the start: message says what */
    const char *message;
    struct hearth_result result;
    int calls;                       /* tool calls there were: then finish is "tool_calls" */
    const char *receipt;             /* the receipt as canonical JSON, or "" (then note says why) */
    uint64_t receipt_number;         /* UINT64_MAX: none */
    const char *note;
    double load_seconds, total_seconds;
    const struct kept *m;            /* still borrowed meanwhile */
    const int32_t *prompt;           /* its tokens, as they were computed */
    size_t n_prompt;
};

struct ask {
    /* ---- what is wanted ---- */
    struct exchange *x;
    const char *model;               /* the name the client used */
    double keep_alive;               /* NAN: the server's */
    json_t *messages, *tools;        /* a conversation: borrowed arrays in the form templates read; or: */
    const char *text;                /* a text, tokenized with special tokens parsed when `raw` ... */
    size_t text_len;
    int raw;
    const char *suffix;              /* of a text: what stands behind the answer (fill-in-the-middle); EUNSUPPORTED: no tokens for that */
    const int32_t *ids;              /* ... or ids */
    size_t n_ids;
    const int32_t *before;           /* tokens in front of a conversation or a text: an earlier exchange, to be gone on with */
    size_t n_before;
    const char *tool_choice;         /* NULL or "auto", "none", "required"; anything else names a tool */
    int parallel_calls;              /* 0: one call only */
    int think;                       /* -1: not said; 0, 1: enable_thinking of templates that have it */
    int split_think;                 /* 1: on_think hears what stands in <think> */
    const json_t *template_more;     /* more variables for the template (chat_template_kwargs), or NULL */
    const char *chat_template;       /* instead of the model's own (a derived model's), or NULL */
    const char *begun_with;          /* text that the answer to a conversation begins with, not told again; NULL */
    int lora;                        /* which of the server's adapters it is asked with; -1: none but the one a derived model has */
    float lora_scale;                /* what that adds is multiplied by it */
    const char *schema;              /* JSON Schema of the answer as text; or: */
    const char *gbnf;
    const char *task;                /* for the receipt; NULL */
    int truncate;                    /* 1: the oldest messages but the system's may be left out to fit; said in the receipt */
    int echo_logprobs;               /* on_prompt_token is called */
    int echo_only;                   /* max_tokens 0: the prompt only */
    struct hearth_generate_params g; /* sampling, max_tokens, logprobs, stop: what they point to must live until on_end */

    /* ---- what comes back; each may be NULL; user is g.user's place ---- */
    /* Before all others, when the prompt begins to be computed.  It does not come when the request fails before (on_end then has the
     * status): until it has come an error can still be answered as one. */
    void (*on_begin)(void *user, const struct kept *m, size_t prompt_tokens);
    int (*on_text)(void *user, const char *text, size_t len);
    int (*on_think)(void *user, const char *text, size_t len);
    int (*on_call)(void *user, int index, const char *name, json_t *arguments);
    int (*on_token)(void *user, const struct hearth_token *t);
    int (*on_prompt_token)(void *user, const struct hearth_token *t);
    void (*on_end)(void *user, const struct ask_end *end);
    void *user;
};

void ask_init(struct ask *a);
/* The sampling, length and stop strings that a derived model was made with; keep owns what *a then points to. */
struct ask_keep { struct hub_recipe recipe; struct parameters parameters; };
enum hearth_status ask_defaults(struct ask *a, const char *model, struct ask_keep *keep);
void ask_keep_free(struct ask_keep *k);
/* EUSAGE, ENOTFOUND, ECONTEXT, EBUSY ...: refused, no callback comes, nothing has been answered: exchange_fail().  HEARTH_OK: on_end will
 * come.  *a is copied; the strings and arrays it points to must live until on_end. */
enum hearth_status ask_start(const struct ask *a);
/* The tokens of the prompt that ask_start would have computed, also when they do not fit; loads the model, computes nothing. */
enum hearth_status ask_count(const struct ask *a, size_t *n);
/* keeper_borrow for a route that waits for embeddings, which only so many may (share.h: EBUSY).  EUNSUPPORTED: a model with an adapter. */
enum hearth_status ask_embedder(struct exchange *x, const char *model, struct kept **out);
void ask_embedder_return(struct exchange *x, struct kept *m, double keep_alive);   /* NULL is allowed */
/* Ends every request of this exchange as cancelled. */
void ask_cancel(struct exchange *x);
/* 1: its vocabulary has tokens for filling in a middle (suffix). */
int ask_has_middle(const struct hearth_model *m);
/* hearth_tokenize, for texts of strangers: of long ones one at a time. */
enum hearth_status ask_tokenize(const struct hearth_model *m, const char *text, size_t n, int flags, int32_t **ids, size_t *n_ids);
enum hearth_status ask_embed_tokenize(const struct hearth_model *m, const struct hearth_embed_text *t, int32_t **ids, size_t *n, size_t *left_out);
/* The text of one token of m's, for log-probabilities: bytes valid until the next call on this thread. */
const char *ask_piece(const struct hearth_model *m, int32_t id, size_t *n);

#endif

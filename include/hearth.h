/* hearth.h - the one public header of libhearth.
 *
 * A model is a file opened for use; a session is one conversation with it.  Everything that can fail
 * returns an enum hearth_status and writes its result through the last parameters; the sentence that
 * explains the failure is hearth_errmsg(), kept per thread.  The library never prints and never exits.
 *
 * Threads: a model may be shared by sessions of many threads; a session belongs to one thread at a time.
 * Text is UTF-8 with an explicit length in bytes.  Token ids are int32_t.  Every float is IEEE binary32.
 */
#ifndef HEARTH_H
#define HEARTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEARTH_API __attribute__((visibility("default")))

enum hearth_status {
    HEARTH_OK = 0,
    HEARTH_EUSAGE,     /* an argument is out of its range; the caller's mistake */
    HEARTH_ENOMEM,     /* the system gave no memory */
    HEARTH_EIO,        /* reading or writing failed; the message names the file and the cause */
    HEARTH_EFORMAT,    /* a file or a text is not what it should be */
    HEARTH_ENOTFOUND,  /* no such file, model, key */
    HEARTH_EUNSUPPORTED, /* well-formed, but not something this build can do */
    HEARTH_ELIMIT,     /* a stated limit was reached: steps, depth, size */
    HEARTH_ECONTEXT,   /* more tokens than the context holds */
    HEARTH_ECANCELLED, /* the caller asked to stop */
    HEARTH_ENUMERIC,   /* a number that is not finite where one must be */
    HEARTH_ENETWORK,   /* a server could not be reached or answered with an error */
    HEARTH_ECHECKSUM,  /* bytes arrived whole but are not the bytes that were promised */
    HEARTH_ELICENSE,   /* terms must be accepted first */
    HEARTH_EINTERNAL,  /* a bug in hearth: please report it */
    HEARTH_EBUSY       /* all places or all memory are taken now; the same may be tried again later */
};

/* The sentence of the last failure on this thread; "" when there was none.  Valid until the next failure. */
HEARTH_API const char *hearth_errmsg(void);
/* A status as a short lower-case word, such as "format". */
HEARTH_API const char *hearth_status_name(enum hearth_status st);

/* "0.1.0" */
HEARTH_API const char *hearth_version(void);
/* The commit this library was built from, or "unknown". */
HEARTH_API const char *hearth_commit(void);
/* The version of the arithmetic contract (src/kernel/ARITHMETIC.md): equal versions give equal bits. */
HEARTH_API int hearth_arithmetic_version(void);
/* The instruction set whose kernels are in use: "scalar", "avx2", ... */
HEARTH_API const char *hearth_isa(void);

/* ---- models -------------------------------------------------------------------------------------- */

enum hearth_arithmetic {
    HEARTH_QUANT = 0, /* weights as stored, activations rounded to 8 bits where they meet a quantised tensor */
    HEARTH_FLOAT = 1  /* weights dequantised, activations and KV in F32 */
};
enum hearth_kv { HEARTH_KV_F16 = 0, HEARTH_KV_F32 = 1, HEARTH_KV_Q8_0 = 2 };

struct hearth_model;

struct hearth_model_params {
    int threads;                      /* 0: as many as the cores this process may use */
    enum hearth_arithmetic arithmetic;
    int vocab_only;                   /* 1: tokenizer and template only; tensors may be missing */
};

/* Opens a GGUF file, v2 or v3.  params may be NULL for defaults.  EFORMAT names file, field, value found
 * and value allowed; EUNSUPPORTED an architecture or tensor type hearth does not know. */
HEARTH_API enum hearth_status hearth_model_open(const char *path, const struct hearth_model_params *params,
                                                struct hearth_model **out);
/* Closes a model; NULL is allowed.  Its sessions must be closed before. */
HEARTH_API void hearth_model_close(struct hearth_model *m);

struct hearth_model_info {           /* strings live as long as the model; "" where the file says nothing */
    const char *path, *name, *architecture, *license, *chat_template, *tokenizer, *pre_tokenizer;
    uint64_t parameters;             /* elements of all tensors */
    uint64_t file_bytes;
    uint64_t weight_bytes;           /* read for each token of an answer: the decode limit is bandwidth / this */
    uint64_t flops_per_token;        /* 2 x the elements of every matrix a token of a prompt passes (the output serves
                                        only its last) */
    uint32_t layers, width, heads, kv_heads, head_width, feed_forward, vocabulary;
    uint32_t context;                /* tokens it was trained for */
    uint32_t window;                 /* sliding window of local layers; 0: none */
    int threads;
    enum hearth_arithmetic arithmetic;
    double load_seconds;
    uint32_t embedding;              /* numbers of a text's embedding */
    int only_embeds;                 /* 1: it makes embeddings and no text; sessions and requests are refused */
    uint32_t labels, adapters;       /* labels that it names; adapters that were merged into it; 0: none, as the file says */
};
HEARTH_API void hearth_model_describe(const struct hearth_model *m, struct hearth_model_info *out);

struct hearth_tensor_info {
    const char *name, *type;         /* "blk.0.attn_q.weight", "Q4_1" */
    uint32_t dims;
    uint64_t shape[4];               /* fastest first, as in the file */
    uint64_t bytes;
};
/* Tensor i of the file; ENOTFOUND past the last. */
HEARTH_API enum hearth_status hearth_model_tensor(const struct hearth_model *m, size_t i,
                                                  struct hearth_tensor_info *out);

struct hearth_memory { uint64_t weights_mapped, weights_copied, kv_cache, session, total; }; /* bytes */
/* What a session of ctx tokens would take. */
HEARTH_API enum hearth_status hearth_model_memory(const struct hearth_model *m, uint32_t ctx, enum hearth_kv kv,
                                                  struct hearth_memory *out);

/* The names of the model families this build knows, in order; NULL past the last. */
HEARTH_API const char *hearth_family(size_t i, const char **summary);

/* ---- text and tokens ----------------------------------------------------------------------------- */

enum { HEARTH_TOK_SPECIAL = 1 /* add the bos/eos the file asks for */, HEARTH_TOK_PARSE = 2 /* "<|im_end|>" in
       the text is that token */ };
/* *ids is allocated; free with hearth_free(). */
HEARTH_API enum hearth_status hearth_tokenize(const struct hearth_model *m, const char *text, size_t len, int flags,
                                              int32_t **ids, size_t *n);
/* *text is allocated, NUL-terminated and may hold bytes that are not UTF-8; special tokens are written only
 * when flags has HEARTH_TOK_PARSE.  EUSAGE: an id outside the vocabulary. */
HEARTH_API enum hearth_status hearth_detokenize(const struct hearth_model *m, const int32_t *ids, size_t n, int flags,
                                                char **text, size_t *len);
/* A tokenizer without a model: a tokenizer.json, a tekken.json, a SentencePiece model, or a folder that holds one of them under
 * the name tokenizer.json, tekken.json or tokenizer.model. */
struct hearth_tokenizer;
HEARTH_API enum hearth_status hearth_tokenizer_open(const char *path, struct hearth_tokenizer **out);
HEARTH_API void hearth_tokenizer_close(struct hearth_tokenizer *t);
/* at (may be NULL): (*at)[2 i] to (*at)[2 i + 1] are the bytes of the text that token i stands for; free both with hearth_free(). */
HEARTH_API enum hearth_status hearth_tokenizer_encode(const struct hearth_tokenizer *t, const char *text, size_t len, int flags,
                                                      int32_t **ids, size_t **at, size_t *n);
HEARTH_API enum hearth_status hearth_tokenizer_decode(const struct hearth_tokenizer *t, const int32_t *ids, size_t n, int flags,
                                                      char **text, size_t *len);
/* The model's own beginning-of-text and end-of-text ids; -1 where it has none. */
HEARTH_API int32_t hearth_bos(const struct hearth_model *m);
HEARTH_API int32_t hearth_eos(const struct hearth_model *m);
HEARTH_API int hearth_is_end(const struct hearth_model *m, int32_t id);

/* Renders the model's chat template.  messages: a JSON array of {"role","content",...}; tools: a JSON array or
 * NULL.  generate: ask for the opening of the assistant's turn.  EUNSUPPORTED: the model has no template.
 * *text is allocated; free with hearth_free(). */
HEARTH_API enum hearth_status hearth_chat_render(const struct hearth_model *m, const char *messages,
                                                 const char *tools, int generate, char **text, size_t *len);
/* The same as tokens.  Only what the template itself writes is read as a special token: "<|im_end|>" in a message is ordinary
 * text.  *ids is allocated; free with hearth_free(). */
HEARTH_API enum hearth_status hearth_chat_tokenize(const struct hearth_model *m, const char *messages, const char *tools,
                                                   int generate, int32_t **ids, size_t *n);

struct hearth_chat {                 /* the two above with everything that can be said; zero fields: as above */
    const char *messages, *tools;
    int generate;
    const char *chat_template;       /* Jinja to render instead of the model's own; NULL: the model's.  Its text is trusted: special
                                        tokens it writes are read */
    const char *variables;           /* a JSON object of further variables, {"enable_thinking": false}.  EUSAGE: one of messages,
                                        tools, bos_token, eos_token, which are not to be replaced */
    const char *begun;               /* what the answer begins with, behind the opening of the assistant's turn: ordinary text; NULL:
                                        nothing.  EUSAGE: without generate */
};
HEARTH_API enum hearth_status hearth_chat_render_with(const struct hearth_model *m, const struct hearth_chat *c, char **text,
                                                      size_t *len);
HEARTH_API enum hearth_status hearth_chat_tokenize_with(const struct hearth_model *m, const struct hearth_chat *c, int32_t **ids,
                                                        size_t *n);
HEARTH_API void hearth_free(void *p);

/* ---- sessions ------------------------------------------------------------------------------------ */

struct hearth_session;

struct hearth_session_params {
    uint32_t ctx;                    /* tokens; 0: the model's own, at most 4096 */
    enum hearth_kv kv;               /* forced to F32 under HEARTH_FLOAT, and where texts are seen from both sides */
    uint32_t chunk;                  /* tokens of a prompt computed together; 0: 256.  Never changes a bit. */
};
HEARTH_API enum hearth_status hearth_session_open(struct hearth_model *m, const struct hearth_session_params *p,
                                                  struct hearth_session **out);
HEARTH_API void hearth_session_close(struct hearth_session *s);

/* Appends n tokens.  ECONTEXT: more than fit, nothing changed.  ENUMERIC: a value was not finite.
 * cancel (may be NULL) is looked at between chunks, by an atomic load; when it points to non-zero: ECANCELLED.  Set it in
 * a signal handler, or from another thread with __atomic_store_n(cancel, 1, __ATOMIC_RELAXED). */
HEARTH_API enum hearth_status hearth_session_eval(struct hearth_session *s, const int32_t *ids, size_t n,
                                                  const volatile int *cancel);
/* The same, and writes the logits of every one of the n tokens: all is [n][vocabulary]. */
HEARTH_API enum hearth_status hearth_session_eval_all(struct hearth_session *s, const int32_t *ids, size_t n, float *all);
/* Logits of the last token: [vocabulary]; NULL before the first.  Valid until the next eval. */
HEARTH_API const float *hearth_session_logits(const struct hearth_session *s);
/* Keeps the first n tokens and forgets the rest. */
HEARTH_API enum hearth_status hearth_session_rewind(struct hearth_session *s, size_t n);
HEARTH_API size_t hearth_session_length(const struct hearth_session *s);
HEARTH_API size_t hearth_session_context(const struct hearth_session *s);
/* The tokens it holds, oldest first: [hearth_session_length].  Valid until the session is closed; changed by what changes the session. */
HEARTH_API const int32_t *hearth_session_tokens(const struct hearth_session *s);

/* Writes tokens, keys, values and logits to a file, whole or not at all, to be gone on with later, also on another machine.  Nobody but
 * its owner can read it, for it holds what was said; what was rewound is not in it.  The model's file is read once, for a checksum. */
HEARTH_API enum hearth_status hearth_session_save(const struct hearth_session *s, const char *path);
/* Puts a saved session in the place of what this one holds: what follows is, bit for bit, what would have followed there.  EUSAGE: of
 * another model's file, arithmetic or KV type; EUNSUPPORTED: of another version of the arithmetic or of the file; ECONTEXT: more tokens
 * than the context holds; ECHECKSUM: damaged or cut off; EFORMAT: no session.  The session is then what it was before; only a file that
 * somebody changes while it is read leaves it empty. */
HEARTH_API enum hearth_status hearth_session_restore(struct hearth_session *s, const char *path);

/* ---- adapters ------------------------------------------------------------------------------------- */

/* A low-rank adapter (LoRA) of one model: small matrices beside the model's own, made by `hearth tune` or by PEFT.  Immutable; serves any
 * number of sessions and requests, each of which has it or not without the others noticing; must be closed before its model. */
struct hearth_adapter;
struct hearth_adapter_info {         /* strings live as long as the adapter */
    const char *path;
    uint32_t rank;                   /* the largest of its matrices */
    float alpha;
    int stabilised;                  /* rsLoRA: scaled by alpha / sqrt(rank) */
    size_t matrices;                 /* of the model, that it stands beside */
    uint64_t parameters;
    uint32_t classes;                /* 0: it answers in words; else its head knows so many */
    const char *const *labels;       /* [classes] */
};
/* Opens a folder in PEFT's layout (adapter_config.json, adapter_model.safetensors) or a GGUF of general.type "adapter".  EFORMAT: not for
 * this model's shapes; EUNSUPPORTED: no LoRA of its attention and feed-forward matrices. */
HEARTH_API enum hearth_status hearth_adapter_open(const struct hearth_model *m, const char *path, struct hearth_adapter **out);
/* The same adapter with what it adds multiplied by scale: another one, which has the numbers of `of` and must be closed before it.  EUSAGE:
 * no finite scale. */
HEARTH_API enum hearth_status hearth_adapter_scale(const struct hearth_adapter *of, float scale, struct hearth_adapter **out);
HEARTH_API void hearth_adapter_close(struct hearth_adapter *a);   /* NULL is allowed */
HEARTH_API void hearth_adapter_describe(const struct hearth_adapter *a, struct hearth_adapter_info *out);
/* What the session computes from now on is the adapted model's; NULL: the model's own again.  EUSAGE: it holds tokens already. */
HEARTH_API enum hearth_status hearth_session_adapt(struct hearth_session *s, const struct hearth_adapter *a);

/* ---- constrained answers --------------------------------------------------------------------------- */

/* A grammar that an answer must follow, compiled for one model's vocabulary.  Immutable; serves any number of answers and
 * threads; must be closed before its model. */
struct hearth_grammar;
enum hearth_grammar_kind {
    HEARTH_GBNF,                     /* llama.cpp's notation: rules `name ::= ...`, beginning at `root`; an element may be `%json` and a schema */
    HEARTH_JSON_SCHEMA               /* draft 2020-12's common part, and true: any JSON value */
};
/* EFORMAT: not a grammar or schema; names the place.  EUNSUPPORTED: names the keyword that cannot be honoured.  ELIMIT: larger or
 * deeper than is compiled within the caps. */
HEARTH_API enum hearth_status hearth_grammar_open(const struct hearth_model *m, enum hearth_grammar_kind kind, const char *text,
                                                  size_t len, struct hearth_grammar **out);
HEARTH_API void hearth_grammar_close(struct hearth_grammar *g);   /* NULL is allowed */

/* ---- generating ---------------------------------------------------------------------------------- */

struct hearth_bias { int32_t id; float bias; };

struct hearth_sampling {             /* hearth_sampling_defaults() first, then change */
    float temperature;               /* 0: greedy */
    int top_k;                       /* 0: off */
    float top_p, min_p;              /* 1 and 0: off */
    float repeat_penalty, presence_penalty, frequency_penalty; /* 1, 0, 0: off */
    int repeat_last;                 /* tokens the penalties look back; -1: all */
    uint64_t seed;                   /* Philox4x32-10 keyed by the seed, counter = position: nothing else decides */
    const struct hearth_bias *bias;
    size_t n_bias;
};
HEARTH_API void hearth_sampling_defaults(struct hearth_sampling *out);

struct hearth_logprob { int32_t id; float logprob; };

struct hearth_token {                /* what a generated token was */
    int32_t id;
    float logprob;                   /* natural log, of the model's own distribution */
    const struct hearth_logprob *top; /* n_top most likely, best first; ties to the lower id */
    int n_top;
};

enum hearth_finish { HEARTH_FINISH_STOP, HEARTH_FINISH_LENGTH, HEARTH_FINISH_CANCELLED };

struct hearth_generate_params {
    struct hearth_sampling sampling;
    int max_tokens;                  /* -1: until the context is full */
    int logprobs;                    /* 0 .. 20 alternatives a token; -1: none computed */
    const char *const *stop;         /* strings that end the answer; not part of it */
    size_t n_stop;
    const int32_t *shown;            /* control tokens whose own text on_text shows all the same: the tags of tool calls */
    size_t n_shown;
    const struct hearth_grammar *grammar; /* NULL: none.  As max_tokens runs out the shortest completion is taken. */
    /* Text as it becomes certain: whole characters, never the beginning of a stop string.  Non-zero: cancel. */
    int (*on_text)(void *user, const char *text, size_t len);
    int (*on_token)(void *user, const struct hearth_token *t);   /* Non-zero: cancel. */
    int (*on_prompt)(void *user, size_t done, size_t total);     /* Non-zero: cancel. */
    void *user;
    const volatile int *cancel;      /* as hearth_session_eval's */
};

struct hearth_result {
    enum hearth_finish finish;
    const char *stop;                /* the stop string that was met, or NULL; one of params.stop */
    size_t prompt_tokens, answer_tokens;
    size_t cached_tokens;            /* of the prompt, that an engine remembered and did not compute again */
    double prompt_seconds, answer_seconds;
    double wait_seconds;             /* in an engine's queue, before the first token of the prompt */
};
/* Appends the prompt (may be empty after a first call), then generates.  The answer stays in the session. */
HEARTH_API enum hearth_status hearth_generate(struct hearth_session *s, const int32_t *prompt, size_t n,
                                              const struct hearth_generate_params *p, struct hearth_result *out);

/* ---- many conversations at once ------------------------------------------------------------------ */

/* An engine answers many requests over one model, with one thread of its own (and the model's pool): each step takes a token of
 * every running answer and pieces of the prompts that wait.  The same request gives the same bytes alone or among others. */
struct hearth_engine;

struct hearth_engine_params {        /* zero fields: the defaults */
    uint32_t ctx;                    /* tokens of one conversation at most; 0: the model's own, at most 4096 */
    enum hearth_kv kv;
    uint64_t kv_bytes;               /* memory for keys and values, running and remembered; 0: parallel x ctx, at most a quarter of
                                        what is available */
    uint32_t parallel;               /* requests computed at once; 0: 16 */
    uint32_t queue;                  /* requests that may wait beyond that; 0: 64 */
    uint32_t chunk;                  /* tokens of a step at most (at least `parallel`); 0: 256.  Never changes a bit. */
    int no_lookup;                   /* 1: no guessing of tokens from the prompt; never changes a bit */
};
HEARTH_API enum hearth_status hearth_engine_open(struct hearth_model *m, const struct hearth_engine_params *p,
                                                 struct hearth_engine **out);
/* Ends every request as cancelled, waits for their on_end, then frees; not from a callback.  NULL is allowed. */
HEARTH_API void hearth_engine_close(struct hearth_engine *e);

struct hearth_end {                  /* how a request ended; valid inside on_end */
    enum hearth_status status;       /* HEARTH_OK also when cancelled after it had begun: result.finish says so; ECANCELLED: before */
    const char *message;             /* the sentence of a failure, or "" */
    struct hearth_result result;
};

struct hearth_request {
    const int32_t *prompt;           /* [n], copied */
    size_t n;
    /* As hearth_generate's.  Callbacks come on the engine's thread and must not wait: they hand over and return.  What params
     * points to (stop strings, shown, bias, grammar) must live until on_end.  params.cancel is not used: hearth_engine_cancel. */
    struct hearth_generate_params params;
    const struct hearth_adapter *adapter; /* NULL: the model as it is; must stay open until on_end.  Prompts
                                        are remembered for each adapter apart */
    const char *tenant;              /* remembered prompts are shared among requests of the same tenant only; NULL: "" */
    int prompt_logprobs;             /* 1: on_prompt_token for each token of the prompt (computed whole, nothing remembered is used);
                                        params.logprobs says how many alternatives */
    int (*on_prompt_token)(void *user, const struct hearth_token *t); /* the first has no logprob (NaN); non-zero: cancel */
    void (*on_end)(void *user, const struct hearth_end *end);         /* exactly once, the last call; user is params.user */
};
/* Takes a request; its ticket (never 0) is for cancelling.  EBUSY: the queue is full, and this tenant has its share of it.  ECONTEXT:
 * more tokens than the context holds.
 * After a failure no callback comes. */
HEARTH_API enum hearth_status hearth_engine_submit(struct hearth_engine *e, const struct hearth_request *q, uint64_t *ticket);
/* The request ends at the next step, also in its prompt; on_end still comes.  A ticket that has ended is harmless. */
HEARTH_API void hearth_engine_cancel(struct hearth_engine *e, uint64_t ticket);

struct hearth_engine_stats {
    uint32_t running, waiting, ctx;
    uint64_t requests, refused, cancelled, failed;
    uint64_t prompt_tokens, cached_tokens, answer_tokens, guessed_tokens /* tried by look-up */, accepted_tokens /* and right */;
    uint64_t steps, kv_bytes /* reserved */, kv_used /* by running requests */, kv_remembered /* and used by none */;
};
HEARTH_API void hearth_engine_stats(struct hearth_engine *e, struct hearth_engine_stats *out);

/* What hearth_embedder_run computes, by the engine beside its answers; waits.  ECONTEXT as above.  EUSAGE: no token. */
HEARTH_API enum hearth_status hearth_engine_embed(struct hearth_engine *e, const int32_t *ids, size_t n, float *out);
/* The same for a tenant (struct hearth_request), with whose requests it takes turns and places. */
HEARTH_API enum hearth_status hearth_engine_embed_for(struct hearth_engine *e, const char *tenant, const int32_t *ids, size_t n, float *out);

/* ---- embeddings ---------------------------------------------------------------------------------- */

/* The embedding of a text is a vector of info.embedding numbers, as the model's file pools its tokens' last hidden states: their
 * mean, the first or the last, through the dense layers there are, scaled to length 1 unless the file says otherwise.  A model that
 * says nothing of embeddings gives the mean, scaled.  The same text gives the same bits alone or among others. */
struct hearth_embedder;

/* ctx: tokens of a text at most; 0: the model's own, at most 4096. */
HEARTH_API enum hearth_status hearth_embedder_open(struct hearth_model *m, uint32_t ctx, struct hearth_embedder **out);
HEARTH_API void hearth_embedder_close(struct hearth_embedder *e);
/* Tokens of a text at most. */
HEARTH_API size_t hearth_embedder_context(const struct hearth_embedder *e);
/* out: [embedding].  EUSAGE: no token.  ECONTEXT: more than fit.  ENUMERIC: a value was not finite. */
HEARTH_API enum hearth_status hearth_embedder_run(struct hearth_embedder *e, const int32_t *ids, size_t n, float *out);

/* The prompts that a model was taught to expect before a text ("query", "task: search result | query: "), in the file's order: the
 * name of prompt i and its text (may be NULL); NULL past the last. */
HEARTH_API const char *hearth_model_prompt(const struct hearth_model *m, size_t i, const char **text);

struct hearth_embed_text {           /* a text to be embedded; zero fields: as it is */
    const char *text;
    size_t len;
    const char *prompt;              /* the name of a prompt; NULL: the one the file takes by default, if any.  EUSAGE: no such name */
    const char *prefix;              /* put before the text in place of a prompt; "": nothing */
    size_t most;                     /* 0: all tokens; else those past the first `most` are left out, but not the token that ends a text */
};
/* Its tokens; *left_out (may be NULL): how many were left out.  *ids is allocated; free with hearth_free(). */
HEARTH_API enum hearth_status hearth_embed_tokenize(const struct hearth_model *m, const struct hearth_embed_text *t, int32_t **ids, size_t *n,
                                                    size_t *left_out);
/* The cosine of two vectors; 0 where one is all zeros. */
HEARTH_API double hearth_cosine(const float *a, const float *b, size_t n);

/* ---- receipts ------------------------------------------------------------------------------------ */

/* A receipt says what made an answer (model, tokens, options, arithmetic) in counts, digests and salted commitments, never in
 * words.  It is an entry of the append-only ledger in HEARTH_HOME/ledger (without HEARTH_HOME: ~/.local/share/hearth/ledger);
 * tokens and text go to a transcript beside it that only its owner can read and that can be erased.  docs/accountability.md
 *
 *     hearth_receipt_open(&params, &r);                             before anything is computed: energy counts from here
 *     hearth_receipt_generate(r, session, prompt, n, &g, &result);  is hearth_generate; the answer is shown meanwhile
 *     hearth_receipt_write(r, &number);                             durable on return
 *     hearth_receipt_close(r);
 */
struct hearth_receipt;

struct hearth_receipt_params {       /* all zero: no more is said than must be; texts of at most 256 bytes */
    const char *model;               /* the name it goes by; NULL: the file's */
    const char *actor, *purpose;     /* a pseudonym of who asked; what for */
    const char *key, *task;          /* which key of a server was used, which task this belongs to */
    const char *messages;            /* what was asked, a JSON array of {"role","content"}: kept in the transcript only */
    const uint64_t *parents;         /* numbers of receipts that this answer was built from */
    size_t n_parents;
    size_t truncated_from;           /* tokens the prompt had before it was cut; 0: it was not */
    int constrained;                 /* 1: a grammar or a schema held the answer */
    int keep;                        /* 1: a transcript is kept as long as hearth.ini says; 0: none */
};
/* EFORMAT: hearth.ini has a mistake.  EUSAGE: a text is too long or is not UTF-8.  EUNSUPPORTED: built without libcrypto. */
HEARTH_API enum hearth_status hearth_receipt_open(const struct hearth_receipt_params *p, struct hearth_receipt **out);
/* hearth_generate, noted.  Once a receipt; whatever it returns, closing is all that must follow.  Session and *p must live until
 * the receipt is written. */
HEARTH_API enum hearth_status hearth_receipt_generate(struct hearth_receipt *r, struct hearth_session *s, const int32_t *prompt,
                                                      size_t n, const struct hearth_generate_params *p,
                                                      struct hearth_result *out);
/* hearth_engine_submit, noted: q->params' callbacks and on_end are called as they would be.  Once a receipt.  When on_end has come,
 * write it from another thread (the engine's must not wait for the disk); before hearth_engine_close. */
HEARTH_API enum hearth_status hearth_receipt_submit(struct hearth_receipt *r, struct hearth_engine *e,
                                                    const struct hearth_request *q, uint64_t *ticket);
/* Makes the receipt of what was generated (a cancelled answer too) and appends it; *number may be NULL. */
HEARTH_API enum hearth_status hearth_receipt_write(struct hearth_receipt *r, uint64_t *number);
/* After writing: the receipt as it stands in the ledger (canonical JSON); "" before.  The sentences a person should be told
 * (the transcript could not be kept, the clock has gone back), a line each, or "". */
HEARTH_API const char *hearth_receipt_json(const struct hearth_receipt *r);
HEARTH_API const char *hearth_receipt_note(const struct hearth_receipt *r);
/* NULL is allowed. */
HEARTH_API void hearth_receipt_close(struct hearth_receipt *r);

/* ---- measuring ----------------------------------------------------------------------------------- */

struct hearth_perplexity_result { double perplexity, nll_mean, nll_error; size_t tokens, windows; };
/* Perplexity over windows of ctx tokens, each begun with bos where the model asks for one, scoring the second
 * half of each window, as llama.cpp's tool does.  progress may be NULL; non-zero from it cancels. */
HEARTH_API enum hearth_status hearth_perplexity(struct hearth_model *m, const char *text, size_t len, uint32_t ctx,
                                                int (*progress)(void *user, size_t window, size_t windows, double ppl),
                                                void *user, struct hearth_perplexity_result *out);

struct hearth_machine {
    char cpu[64];
    char isa_found[128];             /* space-separated: "sse4.1 avx2 fma f16c" */
    char isa_chosen[16];
    int cores_online, cores_usable;  /* usable: affinity and cgroup quota considered */
    double quota;                    /* CPUs the cgroup allows; 0: no limit */
    uint64_t memory_total, memory_available;
    int energy_counter;              /* 1: RAPL can be read by this process */
};
HEARTH_API enum hearth_status hearth_machine_describe(struct hearth_machine *out);
/* Gigabytes (10^9) a second that `threads` threads read from memory, and gigaflops of fused multiply-adds that
 * they reach; seconds of measuring each. */
HEARTH_API enum hearth_status hearth_machine_measure(int threads, double seconds, double *read_gbs, double *fma_gflops);

/* ---- changing files ------------------------------------------------------------------------------ */

/* Names a tensor type or a mix: "Q4_1", "Q4_K_M" -> 1 when this build can quantise to it. */
HEARTH_API int hearth_can_quantize(const char *type);
/* Name i of the types hearth_quantize can write, NULL past the last. */
HEARTH_API const char *hearth_quantize_type(size_t i);
/* Name i of the mixes, in which matrices that matter more get a larger type; NULL past the last.  summary may be NULL. */
HEARTH_API const char *hearth_quantize_mix(size_t i, const char **summary);
/* Writes a GGUF with every matrix of the file, or of the folder of safetensors, in the given type or mix (NULL: as it is); norms and
 * other vectors become F32.  The output appears under its name only when complete. */
HEARTH_API enum hearth_status hearth_quantize(const char *in, const char *type, const char *out,
                                              int (*progress)(void *user, uint64_t done, uint64_t total), void *user);

struct hearth_quantize_params {      /* zero fields: as hearth_quantize */
    const char *type;                /* a type, a mix, or NULL: every matrix keeps its own */
    const char *imatrix;             /* a file of hearth_imatrix or of llama.cpp's tool: what each column of a matrix is worth; or NULL */
    const char *const *tensors;      /* [n_tensors] "blk.*.ffn_down=Q6_K": a pattern of names (* ? [...], ".weight" may be left away) and
                                        the type of what it fits; the first that fits decides.  EUSAGE: it fits no matrix */
    size_t n_tensors;
    int (*progress)(void *user, uint64_t done, uint64_t total);     /* bytes of the input; non-zero: cancel */
    void (*note)(void *user, const char *sentence);                 /* what is otherwise than asked: rows that no block of the type fits;
                                                                       matrices that the imatrix does not know */
    void *user;
};
HEARTH_API enum hearth_status hearth_quantize_with(const char *in, const char *out, const struct hearth_quantize_params *p);

struct hearth_text { const char *name, *text; size_t len; };   /* name: for messages and for what is written of it */
struct hearth_imatrix_result { size_t tokens, windows, matrices, idle /* of these, experts that no token came to */; };
/* Reads n texts in windows of ctx tokens (0: 512) and writes for each column of every matrix, experts apart, the mean of the squares that
 * came in there: an importance matrix, in llama.cpp's GGUF form, for hearth_quantize_with.  The same model, arithmetic and texts give the
 * same file, whatever the number of threads.  progress (may be NULL): in tokens; non-zero from it cancels. */
HEARTH_API enum hearth_status hearth_imatrix(struct hearth_model *m, const struct hearth_text *texts, size_t n, uint32_t ctx,
                                             const char *out, int (*progress)(void *user, size_t done, size_t total), void *user,
                                             struct hearth_imatrix_result *result /* may be NULL */);

/* What became of a vocabulary, and of a text in it.  Bytes are those of the tensors, as they lie in the file and in memory. */
struct hearth_vocabulary_result {
    uint32_t tokens_before, tokens_after;            /* of the vocabulary */
    uint32_t used;                                   /* of those before, that stand in the text */
    uint64_t bytes_before, bytes_after;              /* all tensors */
    uint64_t rows_before, rows_after;                /* of them, those with a row a token: embedding and output */
    uint64_t words;                                  /* of the text: stretches without white space */
    uint64_t text_before, text_after;                /* tokens that it takes */
    int template_unread;                             /* 1: the chat template could not be carried out, so its tokens may be gone */
};
struct hearth_trim_params {          /* all zero: every token that the text uses is kept */
    uint32_t keep;                   /* tokens in all at most; 0: no limit */
    double coverage;                 /* the most frequent tokens until they are this share of the text's; 0: all */
};
/* Writes the model as GGUF without the tokens that a text does not use.  Kept besides: single bytes, special tokens (not placeholders
 * such as <unused7>), what the chat template puts around texts, and what a kept token is joined from, so that text of kept tokens is cut as before; their rows are copied as they
 * are, so its logits are the same bits.  EUSAGE: fewer than those are asked for. */
HEARTH_API enum hearth_status hearth_trim(const char *model, const char *text, size_t len, const struct hearth_trim_params *p, const char *out,
                                          int (*progress)(void *user, uint64_t done, uint64_t total), void *user,
                                          struct hearth_vocabulary_result *result);
struct hearth_extend_params {
    uint32_t add;                    /* tokens to learn at most */
    uint32_t min_count;              /* times that a pair of tokens must stand in the text to become one; 0: 2 */
};
/* Writes the model as GGUF with tokens added that are learnt from a text as the model cuts it: pairs of its tokens that stand often, joined
 * behind all that it joins already.  Old tokens keep their numbers and rows; a new token's rows are the mean of those of the pieces that
 * it replaces, a beginning from which tuning goes on. */
HEARTH_API enum hearth_status hearth_extend(const char *model, const char *text, size_t len, const struct hearth_extend_params *p, const char *out,
                                            int (*progress)(void *user, uint64_t done, uint64_t total), void *user,
                                            struct hearth_vocabulary_result *result);

#ifdef __cplusplus
}
#endif
#endif

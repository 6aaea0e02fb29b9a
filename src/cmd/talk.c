/* talk.c - see talk.h.
 *
 * Defaults, tried on SmolLM2 135M: a small model's long tail is mostly mistakes, so the temperature is low (0.3) and
 * the tail is cut (top-p 0.95, min-p 0.05).  Small models also fall into loops ("a gentle soul, a gentle soul, ..."): a
 * frequency penalty of 0.15 over the last 256 tokens ends a loop after some rounds and hardly touches a word that is said
 * twice; a repetition penalty, the usual remedy, made the same model get 2 + 2 wrong, since it punishes the question's own
 * words.  `--temp 0` means the likeliest token always, so no penalty applies there that was not asked for.  An answer ends
 * after 1024 tokens, for the loop that even so does not end. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "account/answer.h"
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/talk.h"
#include "hub/lora.h"
#include "hub/parameter.h"
#include "work/classify.h"

struct talk_settings settings = {
    .max_tokens = 1024, .repeat_last = 256, .temperature = 0.3f, .top_p = 0.95f, .min_p = 0.05f, .repeat = 1,
    .frequency = 0.15f,
};

static const char *const kv_names[] = {[HEARTH_KV_F16] = "f16", [HEARTH_KV_F32] = "f32", [HEARTH_KV_Q8_0] = "q8_0", NULL};
static const char *const arithmetic_names[] = {[HEARTH_QUANT] = "quant", [HEARTH_FLOAT] = "float", NULL};

const struct opt talk_options[] = {
    {"adapter", 0, OPT_TEXT, "FOLDER",
     "a low-rank adapter of this model (LoRA): a folder in PEFT's layout or a GGUF file", &settings.adapter, 0, 0, 0, 0},
    {"system", 0, OPT_TEXT, "TEXT",
     "what the model is told before the conversation (instruct models)", &settings.system, 0, 0, 0, 0},
    {"temp", 0, OPT_FLOAT, "T",
     "temperature: 0 takes the likeliest token always (default 0.3)", &settings.temperature, 0, 100, 0, &settings.temp_given},
    {"top-k", 0, OPT_INT, "K",
     "choose among the K likeliest tokens; 0: all (default 0)", &settings.top_k, 0, INT_MAX, 0, &settings.top_k_given},
    {"top-p", 0, OPT_FLOAT, "P",
     "choose among the likeliest tokens that together have probability P (default 0.95)", &settings.top_p, 0, 1, 0, &settings.top_p_given},
    {"min-p", 0, OPT_FLOAT, "P",
     "leave out tokens less likely than P times the likeliest (default 0.05)", &settings.min_p, 0, 1, 0, &settings.min_p_given},
    {"repeat-penalty", 0, OPT_FLOAT, "X",
     "divide the scores of tokens that were there lately by X; 1: off (default 1)", &settings.repeat, 0.01, 100, 0, &settings.repeat_given},
    {"presence-penalty", 0, OPT_FLOAT, "X",
     "subtract X from the score of tokens that were there lately (default 0)", &settings.presence, -100, 100, 0, &settings.presence_given},
    {"frequency-penalty", 0, OPT_FLOAT, "X",
     "subtract X for each time a token was there lately (default 0.15, and 0 with --temp "
     "0)", &settings.frequency, -100, 100, 0, &settings.frequency_given},
    {"repeat-last", 0, OPT_INT, "N",
     "how many tokens \"lately\" is; -1: all (default 256)", &settings.repeat_last, -1, INT_MAX, 0, &settings.last_given},
    {"logit-bias", 0, OPT_LIST, "ID=BIAS",
     "add BIAS to the score of token ID (`hearth tokenize` tells ids); may be repeated", &settings.bias, 0, 0, 0, 0},
    {"stop", 0, OPT_LIST, "TEXT", "end the answer before this text; may be repeated", &settings.stop, 0, 0, 0, 0},
    {"json-schema", 0, OPT_TEXT, "FILE",
     "the answer is JSON that follows this JSON Schema: a file, or the schema itself ('{\"type\": ...}', or true for any JSON)", &settings.schema, 0, 0, 0, 0},
    {"grammar", 0, OPT_TEXT, "FILE", "the answer follows this grammar, a file in GBNF", &settings.grammar, 0, 0, 0, 0},
    {"max-tokens", 0, OPT_INT, "N",
     "at most N tokens of answer; -1: until the context is full (default 1024; for a base model, which seldom ends "
     "by itself, 256)", &settings.max_tokens, -1, INT_MAX, 0, &settings.max_given},
    {"seed", 0, OPT_U64, "N",
     "the seed of the choices: seed and position decide them, nothing else (default: random; --verbose and --json "
     "tell it)", &settings.seed, 0, 0, 0, &settings.seed_given},
    {"ctx", 0, OPT_INT, "N",
     "the context in tokens (default: the model's own, at most 4096)", &settings.ctx, 1, 1 << 24, 0, &settings.ctx_given},
    {"kv", 0, OPT_CHOICE, "TYPE",
     "how keys and values are kept: f16, f32 or q8_0 (default f16)", &settings.kv, 0, 0, kv_names, 0},
    {"threads", 0, OPT_INT, "N",
     "threads (default: the cores this process may use); never changes an answer", &settings.threads, 1, 1024, 0, 0},
    {"arithmetic", 0, OPT_CHOICE, "KIND",
     "quant: activations rounded to 8 bits where they meet a quantised tensor; float: all in 32-bit floats, slower "
     "(default quant)", &settings.arithmetic, 0, 0, arithmetic_names, 0},
    {"actor", 0, OPT_TEXT, "NAME",
     "who asks, for the receipt: a pseudonym, since a receipt stays", &settings.actor, 0, 0, 0, 0},
    {"purpose", 0, OPT_TEXT, "TEXT", "what for, for the receipt", &settings.purpose, 0, 0, 0, 0},
    {"task", 0, OPT_TEXT, "NAME", "which task it belongs to, for the receipt", &settings.task, 0, 0, 0, 0},
    {"parent", 0, OPT_LIST, "N",
     "this answer is built from that of receipt N; may be repeated", &settings.parents, 0, 0, 0, 0},
    {"private", 0, OPT_FLAG, 0,
     "keep no transcript of what is said, and no history of the lines typed: the receipt has counts and digests only", &settings.private, 0, 0, 0, 0},
    {"truncate", 0, OPT_FLAG, 0,
     "when the prompt is longer than the context, cut its oldest part and say what was "
     "cut", &settings.truncate, 0, 0, 0, 0},
    {"verbose", 0, OPT_FLAG, 0,
     "tell on standard error what is done: file, seed, threads, timings", &settings.verbose, 0, 0, 0, 0},
    {0},
};

void talk_new_seed(void)
{
    uint32_t r;
    if (settings.seed_given) return;
    if (getrandom(&r, sizeof r, 0) != sizeof r) r = (uint32_t)(clock_seconds() * 1e6);
    settings.seed = r;
}

/* "198=-5" -> {198, -5}; the id must be in the vocabulary. */
static int parse_bias(struct talk *t)
{
    t->bias = xrealloc(NULL, settings.bias.n, sizeof *t->bias);
    for (size_t i = 0; i < settings.bias.n; i++) {
        const char *word = settings.bias.item[i];
        char *end;
        long id = strtol(word, &end, 10);
        if (end == word || *end != '=')
            return usage("--logit-bias: \"%s\" is not ID=BIAS with a token id and a number, such as 198=-5", word);
        if (id < 0 || id >= (long)t->info.vocabulary)
            return usage("--logit-bias: token id %ld is outside the vocabulary from 0 to %u", id, t->info.vocabulary - 1);
        struct opt o = {.type = OPT_FLOAT, .value = &t->bias[i].bias, .min = -1000, .max = 1000};
        t->bias[i].id = (int32_t)id;
        if (option_set(&o, "--logit-bias", end + 1) != EXIT_DONE) return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int parse_parents(struct talk *t)
{
    t->parent = xrealloc(NULL, settings.parents.n, sizeof *t->parent);
    for (size_t i = 0; i < settings.parents.n; i++) {
        struct opt o = {.type = OPT_U64, .value = &t->parent[i]};
        if (option_set(&o, "--parent", settings.parents.item[i]) != EXIT_DONE) return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int check_stops(void)
{
    for (size_t i = 0; i < settings.stop.n; i++)
        if (!*settings.stop.item[i]) return usage("--stop: an empty text would end every answer at once");
    return EXIT_DONE;
}

/* A schema may stand in the call itself. */
static int is_schema_text(const char *s)
{
    s += strspn(s, " \t\r\n");
    return *s == '{' || !strcmp(s, "true") || !strcmp(s, "false");
}

static int open_grammar(struct talk *t)
{
    const char *given = settings.schema ? settings.schema : settings.grammar;
    enum hearth_grammar_kind kind = settings.schema ? HEARTH_JSON_SCHEMA : HEARTH_GBNF;
    char *text = NULL;
    size_t n;
    int code;
    if (!given) return EXIT_DONE;
    if (settings.schema && settings.grammar) return usage("--json-schema and --grammar: an answer follows one of them");
    if (settings.schema && is_schema_text(given)) {
        n = strlen(given);
    } else {
        if ((code = input_file(given, &text, &n)) != EXIT_DONE) return code;
        given = text;
    }
    enum hearth_status st = hearth_grammar_open(t->model, kind, given, n, &t->grammar);
    free(text);
    return st == HEARTH_OK ? EXIT_DONE : report(st);
}

static void tell(const struct talk *t)
{
    const struct hearth_model_info *i = &t->info;
    char bytes[24];
    if (!settings.verbose) return;
    fprintf(stderr, "model: ");
    term_write(stderr, i->path, strlen(i->path));
    fprintf(stderr, "\nloaded: %s in %.3f s, %d threads, instruction set %s, arithmetic %s\n",
            show_bytes(i->file_bytes, bytes), i->load_seconds, i->threads, hearth_isa(), arithmetic_names[i->arithmetic]);
    fprintf(stderr, "context: %zu tokens, keys and values in %s\n", hearth_session_context(t->session),
            i->arithmetic == HEARTH_FLOAT ? "f32" : kv_names[settings.kv]);
    fprintf(stderr, "sampling: seed %llu, temperature %g, top-k %d, top-p %g, min-p %g\n",
            (unsigned long long)settings.seed, (double)settings.temperature, settings.top_k, (double)settings.top_p,
            (double)settings.min_p);
}

/* What a derived model was made with holds where the call says nothing else. */
static enum hearth_status apply(const struct parameters *p, const json_t *said)
{
    const struct { const char *name; int given; void *to; const void *from; size_t n; } one[] = {
        {"temperature", settings.temp_given, &settings.temperature, &p->sampling.temperature, sizeof(float)},
        {"top_k", settings.top_k_given, &settings.top_k, &p->sampling.top_k, sizeof(int)},
        {"top_p", settings.top_p_given, &settings.top_p, &p->sampling.top_p, sizeof(float)},
        {"min_p", settings.min_p_given, &settings.min_p, &p->sampling.min_p, sizeof(float)},
        {"repeat_penalty", settings.repeat_given, &settings.repeat, &p->sampling.repeat_penalty, sizeof(float)},
        {"presence_penalty", settings.presence_given, &settings.presence, &p->sampling.presence_penalty, sizeof(float)},
        {"frequency_penalty", settings.frequency_given, &settings.frequency, &p->sampling.frequency_penalty, sizeof(float)},
        {"repeat_last_n", settings.last_given, &settings.repeat_last, &p->sampling.repeat_last, sizeof(int)},
        {"num_predict", settings.max_given, &settings.max_tokens, &p->max_tokens, sizeof(int)}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (!one[i].given && json_object_get(said, one[i].name)) memcpy(one[i].to, one[i].from, one[i].n);
    if (json_object_get(said, "num_predict")) settings.max_given = 1;
    if (json_object_get(said, "frequency_penalty")) settings.frequency_given = 1;
    if (!settings.ctx_given && p->ctx) settings.ctx = (int)p->ctx;
    if (!settings.seed_given && p->seed_given) settings.seed = p->sampling.seed, settings.seed_given = 1;
    if (settings.stop.n || !p->n_stop) return HEARTH_OK;
    settings.stop.item = xrealloc(NULL, p->n_stop, sizeof *settings.stop.item);
    for (size_t i = 0; i < p->n_stop; i++) settings.stop.item[settings.stop.n++] = p->stop[i];
    return HEARTH_OK;
}

static int take_recipe(struct talk *t)
{
    struct hub_model m = {0};
    struct parameters p;
    char *path = NULL;
    parameters_init(&p);
    enum hearth_status st = hub_resolve(t->name, &path, &m);
    if (st == HEARTH_OK) st = hub_recipe(&m, &t->recipe);
    if (st == HEARTH_OK) st = parameters_read("the model's parameters", t->recipe.parameters, &p);
    if (st == HEARTH_OK) st = apply(&p, t->recipe.parameters);
    if (st == HEARTH_OK && !settings.system) settings.system = t->recipe.system;
    hub_model_free(&m);
    free(path);
    return report(st);
}

/* The one that is given, or that a derived model was made with. */
static int take_adapter(struct talk *t)
{
    struct hearth_adapter_info info;
    char *own = NULL;
    enum hearth_status st = HEARTH_OK;
    if (classify_is_for(t->model)) return usage("%s names classes and does not answer in words: hearth classify %s", t->name, t->name);
    if (!settings.adapter && !t->recipe.adapter) return EXIT_DONE;
    if (!settings.adapter) st = lora_path(t->recipe.adapter, &own);
    if (st == HEARTH_OK) st = hearth_adapter_open(t->model, own ? own : settings.adapter, &t->adapter);
    free(own);
    if (st != HEARTH_OK) return report(st);
    hearth_adapter_describe(t->adapter, &info);
    if (info.classes) return usage("%s names classes and does not answer in words: hearth classify %s --adapter %s", settings.adapter, t->name, settings.adapter);
    return report(hearth_session_adapt(t->session, t->adapter));
}

int talk_open(struct talk *t, const char *name, enum model_use use)
{
    struct hearth_model_params mp = {.threads = settings.threads, .arithmetic = settings.arithmetic};
    struct hearth_session_params sp = {.kv = settings.kv};
    enum hearth_status st;
    int code;
    *t = (struct talk){.name = name, .opened = clock_seconds()};
    if ((code = check_stops()) != EXIT_DONE) return code;
    if ((code = parse_parents(t)) != EXIT_DONE) return code;
    if ((code = model_open(name, &mp, use, &t->model)) != EXIT_DONE) return code;
    if ((code = take_recipe(t)) != EXIT_DONE) return code;
    hearth_model_describe(t->model, &t->info);
    if (t->recipe.chat_template) t->info.chat_template = t->recipe.chat_template;
    sp.ctx = (uint32_t)settings.ctx;
    if ((code = parse_bias(t)) != EXIT_DONE) return code;
    if ((code = open_grammar(t)) != EXIT_DONE) return code;
    if ((st = hearth_session_open(t->model, &sp, &t->session)) != HEARTH_OK) return report(st);
    if ((code = take_adapter(t)) != EXIT_DONE) return code;
    if (t->info.context && (uint32_t)settings.ctx > t->info.context)
        complain("--ctx %d is more than the %u tokens this model was trained for; past those its words may make no sense", settings.ctx,
                 t->info.context);
    if (!settings.max_given && !*t->info.chat_template) settings.max_tokens = 256;
    talk_new_seed();
    tell(t);
    return EXIT_DONE;
}

void talk_close(struct talk *t)
{
    hearth_session_close(t->session);
    hearth_adapter_close(t->adapter);
    hearth_grammar_close(t->grammar);
    hearth_model_close(t->model);
    free(t->bias);
    free(t->parent);
    hub_recipe_free(&t->recipe);
}

void talk_params(const struct talk *t, struct hearth_generate_params *g)
{
    *g = (struct hearth_generate_params){.max_tokens = settings.max_tokens, .logprobs = -1, .stop = settings.stop.item,
                                         .n_stop = settings.stop.n};
    hearth_sampling_defaults(&g->sampling);
    g->sampling.temperature = settings.temperature;
    g->sampling.top_k = settings.top_k;
    g->sampling.top_p = settings.top_p;
    g->sampling.min_p = settings.min_p;
    g->sampling.repeat_penalty = settings.repeat;
    g->sampling.presence_penalty = settings.presence;
    g->sampling.frequency_penalty = settings.temperature > 0 || settings.frequency_given ? settings.frequency : 0;
    g->sampling.repeat_last = settings.repeat_last;
    g->sampling.seed = settings.seed;
    g->sampling.bias = t->bias;
    g->sampling.n_bias = settings.bias.n;
    g->grammar = t->grammar;
}

json_t *message(const char *role, const char *text, size_t n)
{
    return json_pack("{s:s, s:o}", "role", role, "content", json_text(text, n));
}

enum hearth_status prompt_text(const struct talk *t, const char *text, size_t n, int flags, struct prompt *p)
{
    return hearth_tokenize(t->model, text, n, flags, &p->id, &p->n);
}

enum hearth_status prompt_render(const struct talk *t, const json_t *messages, struct prompt *p)
{
    const char *role = json_string_value(json_object_get(json_array_get(messages, 0), "role"));
    json_t *all = json_array(), *m;
    size_t i, system = role && !strcmp(role, "system");
    if (system) json_array_append(all, json_array_get(messages, 0));
    json_array_extend(all, t->recipe.messages);        /* what a derived model's conversations begin with */
    json_array_foreach(messages, i, m) if (i >= system) json_array_append(all, m);
    char *json = json_dumps(all, JSON_COMPACT);
    if (!json) json = xstrdup("[]");
    const struct hearth_chat c = {.messages = json, .generate = 1, .chat_template = t->recipe.chat_template};
    enum hearth_status st = hearth_chat_tokenize_with(t->model, &c, &p->id, &p->n);
    free(json);
    json_decref(all);
    return st;
}

void prompt_free(struct prompt *p)
{
    hearth_free(p->id);
    *p = (struct prompt){0};
}

size_t prompt_room(const struct talk *t)
{
    size_t ctx = hearth_session_context(t->session), answer = ctx / 4;
    if (settings.max_tokens >= 0 && (size_t)settings.max_tokens < answer) answer = (size_t)settings.max_tokens;
    return ctx - (answer ? answer : 1);
}

enum hearth_status piece(const struct hearth_model *m, int32_t id, char **text, const char **bytes, size_t *n)
{
    /* Decoding a text takes away the blank a tokenizer put before it, so one token alone may lose its own.  The
     * second of two equal ones keeps it: what two have more than one is the token's bytes. */
    int32_t twice[2] = {id, id};
    size_t one, two;
    enum hearth_status st = hearth_detokenize(m, twice, 1, HEARTH_TOK_PARSE, text, &one);
    if (st != HEARTH_OK) return st;
    hearth_free(*text);
    if ((st = hearth_detokenize(m, twice, 2, HEARTH_TOK_PARSE, text, &two)) != HEARTH_OK) return st;
    *n = two > one ? two - one : 0;
    *bytes = *text + (two - *n);
    return HEARTH_OK;
}

void talk_footer(const struct hearth_result *r, double seconds, const struct hearth_receipt *receipt, int written)
{
    char time[24], energy[FOOTPRINT_LINE] = "", number[40] = "";
    double rate = r->answer_seconds > 0 ? (double)r->answer_tokens / r->answer_seconds : 0;
    if (receipt) footprint_line(answer_footprint(receipt), energy);
    if (written) snprintf(number, sizeof number, "; receipt %llu", (unsigned long long)answer_number(receipt)->index);
    if (!term_is(stderr)) {              /* a script hears what an answer lacks, and, when it asks for more, the receipt's number */
        if (r->finish == HEARTH_FINISH_LENGTH && (!settings.max_given || settings.verbose))
            complain("the answer was cut at its limit of %zu tokens (--max-tokens, --ctx)", r->answer_tokens);
        if (settings.verbose && written) fprintf(stderr, "receipt: %llu\n", (unsigned long long)answer_number(receipt)->index);
        return;
    }
    note("%s, %zu tokens, %.0f tokens/s%s%s%s%s", show_seconds(seconds, time), r->answer_tokens, rate,
         r->finish == HEARTH_FINISH_LENGTH ? ", cut at the limit (--max-tokens, --ctx)" : "", receipt ? "; " : "", energy, number);
}

/* ---- receipts ---- */

int talk_receipt(const struct talk *t, const json_t *messages, size_t whole, struct hearth_receipt **out)
{
    char *text = json_dumps(messages, JSON_COMPACT);
    struct hearth_receipt_params p = {
        .model = t->name, .actor = settings.actor, .purpose = settings.purpose, .task = settings.task, .messages = text,
        .parents = t->parent, .n_parents = settings.parents.n, .truncated_from = whole, .keep = !settings.private};
    enum hearth_status st = hearth_receipt_open(&p, out);
    free(text);
    if (st == HEARTH_EUSAGE || st == HEARTH_EFORMAT) return report(st);
    /* A build without libcrypto says so in --version and doctor; it need not say it at every answer. */
    if (st != HEARTH_OK && st != HEARTH_EUNSUPPORTED) complain("no receipt will be made of this answer: %s", hearth_errmsg());
    return EXIT_DONE;
}

enum hearth_status talk_generate(struct hearth_receipt *r, const struct talk *t, const int32_t *id, size_t n,
                                 const struct hearth_generate_params *g, struct hearth_result *result)
{
    return r ? hearth_receipt_generate(r, t->session, id, n, g, result) : hearth_generate(t->session, id, n, g, result);
}

/* Said once, when the folder of transcripts is made. */
static void tell_transcripts(const struct hearth_receipt *r)
{
    char *ini = NULL, *data = NULL;
    int first = 0;
    unsigned days = answer_kept(r, &first);
    if (first && hub_path(HUB_CONFIG, "hearth.ini", &ini) == HEARTH_OK && hub_path(HUB_DATA, NULL, &data) == HEARTH_OK)
        fprintf(stderr, "hearth: each answer leaves a receipt in %s/ledger, without a word of what was said. What was said is kept for "
                "%u days in %s/transcripts, where only you can read it; --private keeps none of an answer, and the lines "
                "[transcripts] and keep = no in %s none at all.\n", data, days, data, ini);
    free(ini);
    free(data);
}

int talk_receipt_write(struct hearth_receipt *r)
{
    if (!r) return 0;
    if (hearth_receipt_write(r, NULL) != HEARTH_OK) {
        complain("no receipt was made of this answer: %s", hearth_errmsg());
        return 0;
    }
    const char *said = hearth_receipt_note(r);
    for (size_t n; *said; said += n + (said[n] == '\n')) {
        n = strcspn(said, "\n");
        complain("%.*s", (int)n, said);
    }
    tell_transcripts(r);
    return 1;
}

json_t *talk_receipt_json(const struct hearth_receipt *r, int written)
{
    if (!written) return json_null();
    const struct receipt_number *n = answer_number(r);
    return json_pack("{s:I, s:s, s:o}", "number", (json_int_t)n->index, "leaf", n->leaf, "receipt",
                     json_loads(hearth_receipt_json(r), 0, NULL));
}

/* run.c - `hearth run MODEL [PROMPT]`: one question, one answer. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "cmd/input.h"
#include "cmd/talk.h"

static int want_json, raw, logprobs = -1;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "print one JSON object instead of the text", &want_json, 0, 0, 0, 0},
    {"logprobs", 0, OPT_INT, "N",
     "with --json: each token with its log-probability and the N likeliest ones", &logprobs, 0, 20, 0, 0},
    {"raw", 0, OPT_FLAG, 0,
     "give the text to the model as it is: no chat template; special tokens may be written out", &raw, 0, 0, 0, 0},
    {0},
};

/* ---- what comes back while the answer is made ---- */

struct answer {
    const struct hearth_model *model;
    char *text;                   /* with --json */
    size_t n, cap;
    json_t *tokens;
    double first;                 /* when the first token was there */
    char last;                    /* the last byte shown */
    int failed;
};

static int on_text(void *user, const char *text, size_t n)
{
    struct answer *a = user;
    if (n == 0) return 0;
    a->last = text[n - 1];
    if (want_json) {
        if (a->cap - a->n < n) {
            a->cap = 2 * a->cap + n;
            a->text = xrealloc(a->text, a->cap, 1);
        }
        memcpy(a->text + a->n, text, n);
        a->n += n;
        return 0;
    }
    term_write(stdout, text, n);
    return fflush(stdout) != 0;
}

static json_t *token_json(struct answer *a, int32_t id, float logprob)
{
    char *text;
    const char *bytes;
    size_t n;
    if (piece(a->model, id, &text, &bytes, &n) != HEARTH_OK) {
        a->failed = 1;
        return NULL;
    }
    json_t *j = json_pack("{s:I, s:o, s:f}", "id", (json_int_t)id, "text", json_text(bytes, n), "logprob", (double)logprob);
    hearth_free(text);
    return j;
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct answer *a = user;
    if (a->first == 0) a->first = clock_seconds();
    if (!a->tokens) return 0;
    json_t *j = token_json(a, t->id, t->logprob), *top = json_array();
    for (int i = 0; i < t->n_top && !a->failed; i++)
        json_array_append_new(top, token_json(a, t->top[i].id, t->top[i].logprob));
    json_object_set_new(j, "top", top);
    json_array_append_new(a->tokens, j);
    return a->failed;
}

/* ---- the prompt ---- */

static json_t *make_messages(const char *text, size_t n)
{
    json_t *messages = json_array();
    if (settings.system) json_array_append_new(messages, message("system", settings.system, strlen(settings.system)));
    json_array_append_new(messages, message("user", text, n));
    return messages;
}

static enum hearth_status make_prompt(const struct talk *t, const char *text, size_t n, struct prompt *p)
{
    if (raw) return prompt_text(t, text, n, HEARTH_TOK_SPECIAL | HEARTH_TOK_PARSE, p);
    if (!*t->info.chat_template) return prompt_text(t, text, n, HEARTH_TOK_SPECIAL, p);
    json_t *messages = make_messages(text, n);
    enum hearth_status st = prompt_render(t, messages, p);
    json_decref(messages);
    return st;
}

/* Cuts text from its beginning until the whole prompt, template and all, takes at most `room` tokens: the cut is
 * searched by halves, at the borders of characters. */
static enum hearth_status shorten(const struct talk *t, const char *text, size_t n, size_t room, struct prompt *p,
                                  size_t *cut)
{
    size_t low = 0, high = n;                          /* cutting low bytes is too little, high enough (or all) */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        while (middle < high && ((unsigned char)text[middle] & 0xc0) == 0x80) middle++;
        if (middle >= high) break;
        prompt_free(p);
        enum hearth_status st = make_prompt(t, text + middle, n - middle, p);
        if (st != HEARTH_OK) return st;
        if (p->n > room) low = middle;
        else high = middle;
    }
    *cut = high;
    prompt_free(p);
    return make_prompt(t, text + high, n - high, p);
}

/* A prompt that fits, or the refusal with both numbers; *cut bytes of the text were left out for it. */
static int fit(const struct talk *t, const char *text, size_t n, struct prompt *p, size_t *cut)
{
    size_t ctx = hearth_session_context(t->session), whole;
    enum hearth_status st = make_prompt(t, text, n, p);
    if (st != HEARTH_OK) return report(st);
    if (p->n == 0) return usage("there is nothing to go on: the prompt is empty");
    if (p->n < ctx) return EXIT_DONE;
    if (!settings.truncate) {
        complain("the prompt has %zu tokens and the context holds %zu, of which the answer needs one at least; a larger "
                 "--ctx holds more, --truncate cuts the oldest part of the text", p->n, ctx);
        return EXIT_FAILED;
    }
    whole = p->n;
    if ((st = shorten(t, text, n, prompt_room(t), p, cut)) != HEARTH_OK) return report(st);
    if (p->n >= ctx) {
        complain("the prompt has %zu tokens without any of the text, and the context holds %zu: nothing is left to cut",
                 p->n, ctx);
        return EXIT_FAILED;
    }
    complain("the prompt had %zu tokens and the context holds %zu: the first %zu of %zu bytes of the text were cut, and "
             "%zu tokens are left", whole, ctx, *cut, n, p->n);
    p->whole = whole;
    return EXIT_DONE;
}

/* ---- what is said at the end ---- */

static double rate(double tokens, double seconds)
{
    return seconds > 0 ? tokens / seconds : 0;
}

static int print_json(const struct talk *t, struct answer *a, const struct hearth_result *r, json_t *receipt)
{
    static const char *const finish[] = {
        [HEARTH_FINISH_STOP] = "stop", [HEARTH_FINISH_LENGTH] = "length", [HEARTH_FINISH_CANCELLED] = "cancelled"};
    json_t *j = json_pack("{s:o}", "text", json_text(a->text ? a->text : "", a->n));
    if (a->tokens) json_object_set(j, "tokens", a->tokens);
    json_object_update_new(j, json_pack(
        "{s:s, s:o, s:I, s:I, s:I}", "finish_reason", finish[r->finish], "model", json_text(t->name, strlen(t->name)),
        "seed", (json_int_t)settings.seed, "prompt_tokens", (json_int_t)r->prompt_tokens, "answer_tokens",
        (json_int_t)r->answer_tokens));
    json_object_set_new(j, "timings", json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f}", "load_seconds", t->info.load_seconds, "prefill_seconds", r->prompt_seconds,
        "decode_seconds", r->answer_seconds, "prefill_tokens_per_second",
        rate((double)r->prompt_tokens, r->prompt_seconds), "decode_tokens_per_second",
        rate((double)r->answer_tokens, r->answer_seconds), "first_token_seconds",
        a->first > 0 ? a->first - t->opened : 0.0));
    json_object_set_new(j, "hearth_receipt", receipt);
    return json_print(j);
}

static void tell_timings(const struct hearth_result *r)
{
    if (!settings.verbose) return;
    fprintf(stderr, "prompt: %zu tokens in %.3f s, %.1f tokens/s\nanswer: %zu tokens in %.3f s, %.1f tokens/s\n",
            r->prompt_tokens, r->prompt_seconds, rate((double)r->prompt_tokens, r->prompt_seconds), r->answer_tokens,
            r->answer_seconds, rate((double)r->answer_tokens, r->answer_seconds));
}

static int answer(const struct talk *t, const struct prompt *p, struct hearth_receipt *receipt)
{
    struct hearth_generate_params g;
    struct hearth_result r = {0};
    struct answer a = {.model = t->model, .last = '\n'};
    int code, written = 0;
    talk_params(t, &g);
    g.on_text = on_text;
    g.on_token = on_token;
    g.user = &a;
    g.cancel = interrupt_watch();
    g.logprobs = logprobs;
    if (logprobs >= 0) a.tokens = json_array();
    enum hearth_status st = talk_generate(receipt, t, p->id, p->n, &g, &r);
    double seconds = clock_seconds() - t->opened;
    int stopped = *g.cancel;
    if (!want_json && a.last != '\n') fputc('\n', stdout);
    fflush(stdout);
    if (st == HEARTH_OK) written = talk_receipt_write(receipt);       /* a failure to write it does not spoil the answer */
    if (st == HEARTH_ECANCELLED && stopped) st = HEARTH_OK, r.finish = HEARTH_FINISH_CANCELLED;
    if (st != HEARTH_OK) code = report(st);
    else if (a.failed) code = report(HEARTH_EFORMAT);
    else code = want_json ? print_json(t, &a, &r, talk_receipt_json(receipt, written)) : EXIT_DONE;
    if (code == EXIT_DONE) {
        tell_timings(&r);
        if (!want_json) talk_footer(&r, seconds, receipt, written);
    }
    json_decref(a.tokens);
    free(a.text);
    return code == EXIT_DONE && stopped ? EXIT_INTERRUPTED : code;
}

/* The text as it went in, for the transcript, then the answer. */
static int ask(const struct talk *t, const char *text, size_t n)
{
    struct prompt p = {0};
    struct hearth_receipt *receipt = NULL;
    size_t cut = 0;
    int code = fit(t, text, n, &p, &cut);
    if (code == EXIT_DONE) {
        json_t *messages = make_messages(text + cut, n - cut);
        code = talk_receipt(t, messages, p.whole, &receipt);
        json_decref(messages);
    }
    if (code == EXIT_DONE) code = answer(t, &p, receipt);
    hearth_receipt_close(receipt);
    prompt_free(&p);
    return code;
}

/* `hearth run "Why is the sky blue?"`, and `hearth run smollm2 report.txt`. */
static int no_prompt(const char *model)
{
    if (strchr(model, ' ') && access(model, F_OK) != 0)
        return usage("run needs a model before the prompt: hearth run %s \"%s\"", hub_default_name(), model);
    return usage("run needs a prompt: hearth run %s \"Why is the sky blue?\", or `hearth chat %s` for a conversation", model,
                 model);
}

static void explain_file(const char *model, const char *prompt)
{
    struct stat s;
    if (stat(prompt, &s) == 0 && S_ISREG(s.st_mode))
        complain("%s is a file; its name alone is the prompt here, and this gives the model what is in it: hearth run %s "
                 "\"Summarise:\" < %s", prompt, model, prompt);
}

static int run(int argc, char **argv)
{
    struct talk t = {0};
    char *text = NULL;
    size_t n = 0;
    int code;
    if (logprobs >= 0 && !want_json) return usage("--logprobs shows in the JSON object only: add --json");
    if ((code = input_text(argc > 1 ? argv[1] : NULL, &text, &n)) != EXIT_DONE) return code;
    if (!text) return no_prompt(argv[0]);
    if (argc > 1 && strlen(argv[1]) == n) explain_file(argv[0], text);
    code = talk_open(&t, argv[0], MODEL_TO_TALK);
    if (code == EXIT_DONE && settings.system && !*t.info.chat_template)
        code = usage("--system is for instruct models, and %s has no chat template: it continues the text", argv[0]);
    if (code == EXIT_DONE) code = ask(&t, text, n);
    talk_close(&t);
    free(text);
    return code;
}

const struct command cmd_run = {
    .name = "run", .group = GROUP_TALK, .summary = "answer one prompt", .args = "MODEL [PROMPT]",
    .min_args = 1, .max_args = 2, .complete = COMPLETE_MODEL_THEN_FILE,
    .about = "Gives PROMPT to the model and prints the answer as it is made. What stands in standard input, when that is "
             "not a terminal, is put behind the prompt after an empty line (a newline at its end is left out, and a byte order mark).\n\n"
             "An instruct model gets the prompt in its chat template; a base model, which has none, continues the text. "
             "Ctrl-C ends the answer.\n\n"
             "The answer depends on the model, the prompt, the options below and the seed, and on nothing else: the same "
             "call with the same --seed gives the same answer on every computer.\n\n"
             "Each answer leaves a receipt, which tells what made it without a word of what was said: its number stands in the last line, "
             "`hearth replay N` makes the answer again and compares. What was said is kept for 30 days where only you can read it, if "
             "--private is not there. When a receipt cannot be written, a sentence says why, and the answer and the exit status stand.",
    .examples = "hearth run smollm2 \"Why is the sky blue?\"\n"
                "hearth run smollm2 \"Summarise:\" < report.txt\n"
                "hearth run ./my-model.gguf \"Once upon a time\" --max-tokens 100 --seed 7\n"
                "hearth run smollm2 \"Name a colour.\" --json --logprobs 3\n",
    .options = options, .more = talk_options, .run = run,
};
